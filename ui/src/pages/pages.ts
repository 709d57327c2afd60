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
const compare = () => import("./compare/compare")
const models = () => import("./models/models")
const model = () => import("./models/model")
const version = () => import("./models/version")
const versions = () => import("./models/compare")
const webhooks = () => import("./operate/webhooks")
const schedules = () => import("./operate/schedules")
const audit = () => import("./operate/audit")
const settings = () => import("./operate/settings")

export const PAGES: Page[] = [
  { pattern: "/", title: "Experiments", section: "/experiments", load: experiments },
  { pattern: "/experiments", title: "Experiments", section: "/experiments", load: experiments },
  { pattern: "/experiments/{experiment_id}", title: "Runs", section: "/experiments", load: runs },
  { pattern: "/runs", title: "Runs", section: "/runs", load: runs },
  { pattern: "/runs/{run_id}", title: "Run", section: "/runs", load: run },
  { pattern: "/compare", title: "Compare runs", section: "/runs", load: compare },
  { pattern: "/models", title: "Models", section: "/models", load: models },
  { pattern: "/models/{name}", title: "Model", section: "/models", load: model },
  { pattern: "/models/{name}/compare", title: "Compare versions", section: "/models", load: versions },
  { pattern: "/models/{name}/versions/{version}", title: "Version", section: "/models", load: version },
  { pattern: "/schedules", title: "Schedules", section: "/schedules", load: schedules },
  { pattern: "/webhooks", title: "Webhooks", section: "/webhooks", load: webhooks },
  { pattern: "/audit", title: "Audit", section: "/audit", load: audit },
  { pattern: "/settings", title: "Settings", section: "/settings", load: settings },
]

/** The navigation, in its order. */
export const SECTIONS: { href: string; text: string }[] = [
  { href: "/experiments", text: "Experiments" },
  { href: "/runs", text: "Runs" },
  { href: "/models", text: "Models" },
  { href: "/schedules", text: "Schedules" },
  { href: "/webhooks", text: "Webhooks" },
  { href: "/audit", text: "Audit" },
  { href: "/settings", text: "Settings" },
]
