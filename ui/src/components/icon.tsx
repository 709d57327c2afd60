/** Line icons of 16 units; each is decoration, and what it stands beside or labels says what it means. */
const PATHS = {
  add: "M8 3v10M3 8h10",
  arrow: "M3 8h10M9 4l4 4-4 4",
  chart: "M2.5 2.5v11h11M5 10l2.5-3 2 1.5L13 4.5",
  check: "M3 8.5l3.2 3.2L13 4.8",
  close: "M4 4l8 8M12 4l-8 8",
  columns: "M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10",
  copy: "M6 6h7.5v7.5H6zM10 6V2.5H2.5V10H6",
  dark: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
  down: "M4 6.5l4 4 4-4",
  download: "M8 2.5V10M4.5 7L8 10.5 11.5 7M3 13.5h10",
  edit: "M3 13l.6-2.8L10.8 3l2.2 2.2-7.2 7.2z",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6",
  filter: "M2 3.5h12L9.5 8.5v4.5l-3-1.5v-3z",
  gear: "M8 5.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4M8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 3.6L5 5M11 11l1.4 1.4M3.6 12.4L5 11M11 5l1.4-1.4",
  grip: "M6 4h.01M6 8h.01M6 12h.01M10 4h.01M10 8h.01M10 12h.01",
  group: "M2.5 3h11M5 7h8.5M5 10h8.5M5 13h8.5M2.5 7v6",
  hidden: "M2 2l12 12M6.4 3.7A6.6 6.6 0 0 1 8 3.5c4 0 6.5 4.5 6.5 4.5a11 11 0 0 1-1.7 2.2M4 4.9A11 11 0 0 0 1.5 8S4 12.5 8 12.5c1 0 2-.3 2.8-.7",
  info: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M8 7.2V11M8 5h.01",
  keys: "M1.5 4h13v8h-13zM4 6.5h.01M6.7 6.5h.01M9.3 6.5h.01M12 6.5h.01M5 9.5h6",
  left: "M9.5 4l-4 4 4 4",
  light: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  link: "M6.5 9.5l3-3M7 4.5l1.5-1.5a3 3 0 0 1 4.5 4.5L11.5 9M4.5 7L3 8.5A3 3 0 0 0 7.5 13L9 11.5",
  list: "M2.5 4h11M2.5 8h11M2.5 12h11",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  move: "M2.5 4.5h4l1.5 2h5.5v7h-11zM6.5 10h4M9 8.2l1.8 1.8L9 11.8",
  person: "M8 2.5a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4M2.8 13.5c.4-2.6 2.5-4 5.2-4s4.8 1.4 5.2 4",
  pin: "M6 2.5h4l-.5 4 2 2.5h-7l2-2.5zM8 9v4.5",
  refresh: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  restore: "M3 8a5 5 0 1 0 1.5-3.6M3 2v3h3",
  right: "M6.5 4l4 4-4 4",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.3 10.3L14 14",
  split: "M2.5 3h11v10h-11zM8 3v10",
  star: "M8 2l1.8 3.8 4.2.5-3.1 2.8.8 4.1L8 11.2 4.3 13.2l.8-4.1L2 6.3l4.2-.5z",
  system: "M2 3h12v8H2zM5.5 13.5h5M8 11v2.5",
  tag: "M2.5 2.5H8L13.5 8 8 13.5 2.5 8zM5.3 5.3h.01",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.2 4.5l.6 9h6.4l.6-9M6.7 7v4M9.3 7v4",
  tree: "M3 2.5v9.5h4M3 7h4M9 5.5h4.5v3H9zM9 10.5h4.5v3H9z",
  up: "M4 9.5l4-4 4 4",
  upload: "M8 10V2.5M4.5 5.5L8 2l3.5 3.5M3 13.5h10",
  zoom: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.3 10.3L14 14M5 7h4",
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon-mark" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} stroke-width={name === "more" || name === "grip" ? 2.2 : undefined} />
    </svg>
  )
}
