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
const about = () => import("./experiments/about")
const runs = () => import("./runs/runs")
const run = () => import("./run/run")
const compare = () => import("./compare/compare")
const models = () => import("./models/models")
const model = () => import("./models/model")
const version = () => import("./models/version")
const versions = () => import("./models/compare")
const webhooks = () => import("./operate/webhooks")
const projects = () => import("./projects/projects")
const jobs = () => import("./operate/jobs")
const doctor = () => import("./operate/doctor")
const schedules = () => import("./operate/schedules")
const audit = () => import("./operate/audit")
const trash = () => import("./operate/trash")
const settings = () => import("./operate/settings")
const members = () => import("./access/members")
const account = () => import("./access/account")

export interface Section {
  href: string
  text: string
}

export const ACCOUNT: Section = { href: "/account", text: "My account" }

export const PAGES: Page[] = [
  { pattern: "/", title: "Experiments", section: "/experiments", load: experiments },
  { pattern: "/experiments", title: "Experiments", section: "/experiments", load: experiments },
  { pattern: "/experiments/{experiment_id}/about", title: "About an experiment", section: "/experiments", load: about },
  { pattern: "/experiments/{experiment_id}", title: "Runs", section: "/experiments", load: runs },
  { pattern: "/runs", title: "Runs", section: "/runs", load: runs },
  { pattern: "/runs/{run_id}", title: "Run", section: "/runs", load: run },
  { pattern: "/compare", title: "Compare runs", section: "/runs", load: compare },
  { pattern: "/models", title: "Models", section: "/models", load: models },
  { pattern: "/models/{name}", title: "Model", section: "/models", load: model },
  { pattern: "/models/{name}/compare", title: "Compare versions", section: "/models", load: versions },
  { pattern: "/models/{name}/versions/{version}", title: "Version", section: "/models", load: version },
  { pattern: "/projects", title: "Projects", section: "/projects", load: projects },
  { pattern: "/schedules", title: "Schedules", section: "/schedules", load: schedules },
  { pattern: "/webhooks", title: "Webhooks", section: "/webhooks", load: webhooks },
  { pattern: "/audit", title: "Audit", section: "/audit", load: audit },
  { pattern: "/jobs", title: "Jobs", section: "/jobs", load: jobs },
  { pattern: "/doctor", title: "Doctor", section: "/doctor", load: doctor },
  { pattern: "/members", title: "Members", section: "/members", load: members },
  { pattern: "/account", title: ACCOUNT.text, section: ACCOUNT.href, load: account },
  { pattern: "/trash", title: "Trash", section: "/trash", load: trash },
  { pattern: "/settings", title: "Settings", section: "/settings", load: settings },
]

/** The navigation, in its order: what everybody works with. */
export const SECTIONS: Section[] = [
  { href: "/experiments", text: "Experiments" },
  { href: "/runs", text: "Runs" },
  { href: "/models", text: "Models" },
  { href: "/projects", text: "Projects" },
  { href: "/schedules", text: "Schedules" },
]

/** What those look after who operate the server; a menu at the end of the navigation. */
export const OPERATION: Section[] = [
  { href: "/webhooks", text: "Webhooks" },
  { href: "/audit", text: "Audit" },
  { href: "/jobs", text: "Jobs" },
  { href: "/doctor", text: "Doctor" },
  { href: "/members", text: "Members" },
  { href: "/trash", text: "Trash" },
  { href: "/settings", text: "Settings" },
]
