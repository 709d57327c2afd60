/** The frame around every page: navigation, theme, palette, messages. */
import type { ComponentType } from "preact"
import { useEffect, useState } from "preact/hooks"
import { Button, Empty, Failure, Skeleton } from "./components/basics"
import { ApiError } from "./api/client"
import { Keys } from "./components/keys"
import { Menu } from "./components/menu"
import { Palette, pageCommands, paletteOpen } from "./components/palette"
import { Outside } from "./components/rights"
import { attempt, Toasts } from "./components/toasts"
import { Workspaces } from "./components/workspaces"
import { ACCOUNT, OPERATION, PAGES, SECTIONS, type Page, type PageProps } from "./pages/pages"
import { match } from "./state/address"
import { lost, me, signOut } from "./state/me"
import { followLinks, go, keepWorkspace, path } from "./state/router"
import { choose, dark, theme } from "./state/theme"

export function App() {
  return (
    <div class="frame" onClick={followLinks} onMouseDown={keepWorkspace}>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <Top />
      <Shown />
      <Palette />
      <Keys />
      <Toasts />
    </div>
  )
}

function find(at: string): [Page, Record<string, string>] | null {
  const plain = at.length > 1 ? at.replace(/\/+$/, "") : at
  for (const page of PAGES) {
    const fields = match(page.pattern, plain)
    if (fields) return [page, fields]
  }
  return null
}

function Top() {
  const section = find(path.value)?.[0].section
  return (
    <header class="top">
      <a class="brand" href="/">
        <Mark />
        Trackway
      </a>
      <nav class="nav only-wide" aria-label="Pages">
        {SECTIONS.map(({ href, text }) => (
          <a key={href} href={href} aria-current={href === section ? "page" : undefined}>
            {text}
          </a>
        ))}
        <span class={OPERATION.some(({ href }) => href === section) ? "nav-here" : undefined}>
          <Menu
            kind="bare"
            icon="gear"
            label="Operate"
            text="Operate"
            acts={OPERATION.map(({ href, text }) => ({ text, act: () => go(href) }))}
          />
        </span>
      </nav>
      <span class="grow only-narrow" />
      <Workspaces />
      <Button icon="search" onClick={() => (paletteOpen.value = true)} label="Search Ctrl K">
        <span class="only-wide soft">
          Search <kbd>Ctrl K</kbd>
        </span>
      </Button>
      <Menu
        kind="bare"
        icon={dark.value ? "dark" : "light"}
        label={`Theme: ${theme.value}`}
        acts={[
          { text: "As the system", icon: "system", act: () => choose("system") },
          { text: "Light", icon: "light", act: () => choose("light") },
          { text: "Dark", icon: "dark", act: () => choose("dark") },
        ]}
      />
      <Person />
      <span class="only-narrow">
        <Menu
          kind="bare"
          icon="list"
          label="Pages"
          acts={[...SECTIONS, ...OPERATION].map(({ href, text }) => ({ text, act: () => go(href) }))}
        />
      </span>
    </header>
  )
}

/** Who is signed in, and the way out; where nobody signs in, the way to what there is to know of oneself. */
function Person() {
  const name = me.value && me.value.means !== "none" ? me.value.name : ""
  return (
    <Menu
      kind="bare"
      icon="person"
      label={name ? `Signed in as ${name}` : "Me"}
      text={name ? <span class="only-wide cut person">{name}</span> : undefined}
      acts={[
        { text: ACCOUNT.text, icon: "person", act: () => go(ACCOUNT.href) },
        ...(me.value?.means === "session"
          ? [{ text: "Sign out", icon: "arrow" as const, act: () => void attempt(signOut) }]
          : []),
      ]}
    />
  )
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#2f5bea" />
      <path d="M6 23c5 0 5-7 10-7s5-7 10-7" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round" />
      <circle cx="6.5" cy="23" r="2.6" fill="#fff" />
      <circle cx="25.5" cy="9" r="2.6" fill="#fff" />
    </svg>
  )
}

const loaded = new Map<Page["load"], ComponentType<PageProps>>()

function Shown() {
  const found = find(path.value)
  const load = found?.[0].load
  const [, setTurn] = useState(0)
  const [error, setError] = useState<ApiError>()
  useEffect(() => {
    pageCommands.value = []
    document.title = found ? `${found[0].title} · Trackway` : "Not found · Trackway"
    if (!load || loaded.has(load)) return
    load().then(
      (module) => {
        loaded.set(load, module.default)
        setError(undefined)
        setTurn((n) => n + 1)
      },
      () => setError(new ApiError(0, "", "This page could not be loaded", "the server may have been renewed: reload")),
    )
  }, [load, path.value])
  if (!found) {
    return (
      <main class="page" id="main">
        <Empty title="There is no page here" alone>
          <p>The address may be mistyped, or what it named may be gone.</p>
          <a class="button primary" href="/experiments">
            Go to the experiments
          </a>
        </Empty>
      </main>
    )
  }
  const own = found[0].section === ACCOUNT.href
  if (lost.value || (me.value && !me.value.has_role && !own)) return <Outside title={found[0].title} />
  const Shown = loaded.get(found[0].load)
  if (error) {
    return (
      <main class="page" id="main">
        <Failure error={error} retry={() => location.reload()} />
      </main>
    )
  }
  // Pages of one file for several addresses are begun anew at each address.
  if (Shown) return <Shown fields={found[1]} key={path.value} />
  return (
    <main class="page" id="main">
      <Skeleton />
    </main>
  )
}
