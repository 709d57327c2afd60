// Before the first paint, so that no page flashes in the other theme.
try {
  const chosen = localStorage.getItem("theme")
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen
} catch {
  // Storage may be forbidden: then the system's theme is shown.
}
