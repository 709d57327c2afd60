/** Light or dark: the system's choice, or the reader's. */
import { signal } from "@preact/signals"

export type Theme = "system" | "light" | "dark"

function read(): Theme {
  const chosen = document.documentElement.dataset.theme
  return chosen === "light" || chosen === "dark" ? chosen : "system"
}

export const theme = signal<Theme>(read())
const system = matchMedia("(prefers-color-scheme: dark)")
/** Whether dark is shown now; charts are drawn anew when it changes. */
export const dark = signal(isDark())
system.addEventListener("change", () => (dark.value = isDark()))

function isDark(): boolean {
  return theme.value === "system" ? system.matches : theme.value === "dark"
}

export function choose(next: Theme): void {
  theme.value = next
  if (next === "system") delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = next
  dark.value = isDark()
  try {
    if (next === "system") localStorage.removeItem("theme")
    else localStorage.setItem("theme", next)
  } catch {
    // Storage may be forbidden: the choice lasts as long as the page.
  }
}

/** The colour that a token stands for now, as a canvas takes it. */
export function colour(token: string): string {
  const probe = document.createElement("span")
  probe.style.color = `var(${token})`
  document.body.append(probe)
  const found = getComputedStyle(probe).color
  probe.remove()
  return found
}
