/** The map of pages: an address, its title, and the file that is loaded when it is first shown. */
import type { ComponentType } from "preact"

export interface PageProps {
  /** Fields of the address, such as `run_id` of `/runs/{run_id}`. */
  fields: Record<string, string>
}

export interface Page {
  pattern: string
  title: string
  /** The entry of the navigation that it belongs to. */
  section: string
  load: () => Promise<{ default: ComponentType<PageProps> }>
}

const experiments = () => import("./experiments/experiments")
const runs = () => import("./runs/runs")
const run = () => import("./run/run")

export const PAGES: Page[] = [
  { pattern: "/", title: "Experiments", section: "/experiments", load: experiments },
  { pattern: "/experiments", title: "Experiments", section: "/experiments", load: experiments },
  { pattern: "/experiments/{experiment_id}", title: "Runs", section: "/experiments", load: runs },
  { pattern: "/runs", title: "Runs", section: "/runs", load: runs },
  { pattern: "/runs/{run_id}", title: "Run", section: "/runs", load: run },
]

/** The navigation, in its order. */
export const SECTIONS: { href: string; text: string }[] = [
  { href: "/experiments", text: "Experiments" },
  { href: "/runs", text: "Runs" },
]
