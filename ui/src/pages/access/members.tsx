/** Who may use this server, and what they may do here: people and service accounts, teams, roles, grants. */
import { Tabs } from "../../components/tabs"
import { place } from "../../state/router"
import type { PageProps } from "../pages"
import { Grants } from "./grants"
import { People } from "./people"
import { Roles } from "./roles"
import { Teams } from "./teams"

const TABS: [id: string, text: string][] = [
  ["people", "People"],
  ["teams", "Teams"],
  ["grants", "Grants"],
  ["roles", "Roles"],
]

export default function Members(_: PageProps) {
  const tab = place.value.query.get("tab") ?? "people"
  return (
    <main class="page" id="main">
      <div class="head">
        <h1>Members</h1>
        <a class="button" href="/account">
          My account
        </a>
      </div>
      <Tabs label="Members" tabs={TABS} chosen={tab} />
      {tab === "people" && <People />}
      {tab === "teams" && <Teams />}
      {tab === "grants" && <Grants />}
      {tab === "roles" && <Roles />}
    </main>
  )
}
