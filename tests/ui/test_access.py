"""Pages of who may do what, on a server where people sign in: members, teams, roles, grants, one's own account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.every_page import GUARDED_PAGES, PUBLIC_PAGES, find_faults
from tests.ui.guarded import ADMIN, PASSWORD, Guarded, fill_in, open_page, run_guarded, sign_in
from tests.ui.looking import HOSTILE, find_barriers

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with run_guarded(tmp_path_factory.mktemp("guarded")) as site:
        site.call("POST", "/users", {"name": "ann", "password": PASSWORD})
        site.call("POST", "/users", {"name": "robot", "kind": "service"})
        site.call("POST", "/tokens", {"name": HOSTILE, "user": "robot"})
        site.call("POST", "/teams", {"team": "vision"})
        site.call("PUT", "/teams/vision/members/ann", {})
        site.call("POST", "/experiments", {"name": "prices"})
        grant = {"subject_kind": "team", "subject": "vision", "target_kind": "experiment", "role": "reader"}
        site.call("POST", "/grants", {**grant, "target": f"{HOSTILE}*"})
        yield site


@pytest.fixture
def page(browser: Browser, guarded: Guarded) -> Iterator[Page]:
    """A page on that server, before anybody has signed in."""
    with open_page(browser, guarded) as page:
        yield page


@pytest.mark.parametrize("name", PUBLIC_PAGES)
def test_pages_of_strangers_fit_and_keep_nobody_out(page: Page, guarded: Guarded, name: str) -> None:
    assert find_faults(page, guarded.address + PUBLIC_PAGES[name]) == []


@pytest.mark.parametrize("name", GUARDED_PAGES)
def test_a_page_fits_and_keeps_nobody_out(page: Page, guarded: Guarded, name: str) -> None:
    sign_in(page, guarded)
    assert find_faults(page, guarded.address + GUARDED_PAGES[name]) == []


def test_who_signs_in_comes_to_the_page_that_was_asked_for(page: Page, guarded: Guarded) -> None:
    page.goto(f"{guarded.address}/audit?operation=a%26b")
    expect(page).to_have_url(re.compile("/sign-in"))
    fill_in(page, "wrong password")
    expect(page.get_by_role("alert")).to_contain_text("password")
    fill_in(page, PASSWORD)
    expect(page).to_have_url(f"{guarded.address}/audit?operation=a%26b")
    expect(page.get_by_label("Operation, such as runs.delete")).to_have_value("a&b")


@pytest.mark.parametrize(
    "then", ["//example.org/", "https://example.org/", "javascript:window.pwned=1", "/\\example.org"]
)
def test_who_signs_in_is_led_nowhere_else(page: Page, guarded: Guarded, then: str) -> None:
    page.goto(f"{guarded.address}/sign-in?then={quote(then, safe='')}")
    fill_in(page, PASSWORD)
    expect(page.get_by_role("heading", name="Experiments", level=1)).to_be_visible()


def test_the_theme_that_was_chosen_is_that_of_the_page_to_sign_in(page: Page, guarded: Guarded) -> None:
    sign_in(page, guarded)
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("menuitem", name="Dark").click()
    page.goto(f"{guarded.address}/sign-in")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_one_signs_out_from_any_page_and_comes_back_to_it(page: Page, guarded: Guarded) -> None:
    sign_in(page, guarded)
    page.goto(f"{guarded.address}/models?tab=portfolio")
    page.get_by_role("button", name=f"Signed in as {ADMIN}").click()
    page.get_by_role("menuitem", name="My account").click()
    expect(page.get_by_role("heading", name="My account")).to_be_visible()
    page.goto(f"{guarded.address}/models?tab=portfolio")
    expect(page.get_by_role("heading", name="No version is in Production")).to_be_visible()
    expect(page.get_by_role("button", name=f"Signed in as {ADMIN}")).to_be_visible()
    page.context.clear_cookies()
    page.get_by_role("button", name="Staging").click()  # asks the server, which knows nobody any more
    fill_in(page, PASSWORD)
    expect(page).to_have_url(f"{guarded.address}/models?tab=portfolio&stage=Staging")
    page.get_by_role("button", name=f"Signed in as {ADMIN}").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_somebody_is_invited_disabled_and_deleted(page: Page, guarded: Guarded) -> None:
    sign_in(page, guarded)
    page.goto(f"{guarded.address}/members")
    page.get_by_role("button", name="Add", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("b b")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Invalid name")
    dialog.get_by_label("Name").fill("bob")
    dialog.get_by_role("button", name="Add").click()
    link = dialog.get_by_text("/join#twi_").inner_text()
    assert link.startswith(f"{guarded.address}/join#twi_")
    dialog.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == link
    dialog.get_by_role("button", name="I have it").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name="bob", exact=True))
    expect(row).to_contain_text("No password here")
    expect(page.get_by_text("twi_")).to_have_count(0)
    row.get_by_role("button", name="Acts on bob").click()
    page.get_by_role("menuitem", name="Disable").click()
    expect(row).to_contain_text("Disabled")
    page.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("No password here")
    row.get_by_role("button", name="Acts on bob").click()
    page.get_by_role("menuitem", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    root = page.get_by_role("row").filter(has=page.get_by_role("cell", name=ADMIN, exact=True))
    root.get_by_role("button", name=f"Acts on {ADMIN}").click()
    page.get_by_role("menuitem", name="Disable").click()
    expect(page.get_by_text("is the last administrator")).to_be_visible()


def test_a_token_is_shown_once_works_and_is_revoked(page: Page, guarded: Guarded) -> None:
    sign_in(page, guarded, "ann")
    page.goto(f"{guarded.address}/account")
    expect(page.get_by_role("region", name="Who I am")).to_contain_text("a session of this browser")
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name, such as where it is used").fill("laptop")
    dialog.get_by_label("The most that it permits").select_option("reader")
    dialog.get_by_label("The only workspace that it is for").fill("default")
    dialog.get_by_role("button", name="Make it").click()
    secret = dialog.get_by_text("twk_").inner_text()
    connection = HTTPConnection("127.0.0.1", guarded.port, timeout=30)
    connection.request("GET", "/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert json.loads(connection.getresponse().read())["name"] == "ann"
    dialog.get_by_role("button", name="I have it").click()
    page.reload()
    entry = page.get_by_role("listitem").filter(has_text="laptop")
    expect(entry).to_contain_text("reader")
    expect(entry).to_contain_text("only in default")
    expect(page.get_by_text("twk_")).to_have_count(0)
    entry.get_by_role("button", name="Revoke laptop").click()
    dialog.get_by_role("button", name="Revoke").click()
    expect(entry).to_have_count(0)
    connection.request("GET", "/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 401
    connection.close()
    page.goto(f"{guarded.address}/members")
    expect(page.get_by_role("alert")).to_contain_text("Only administrators")


def test_a_session_is_ended_where_one_is_not(page: Page, guarded: Guarded) -> None:
    for _ in range(2):
        guarded.open_session("ann")
    sign_in(page, guarded, "ann")
    page.goto(f"{guarded.address}/account")
    where = page.get_by_role("region", name="Where I am signed in")
    here = where.get_by_role("listitem").filter(has_text="This one")
    expect(here).to_contain_text("Chrome on")
    expect(here.get_by_role("button")).to_have_count(0)
    before = where.get_by_role("listitem").count()
    where.get_by_role("button", name="End the session of curl").first.click()
    expect(where.get_by_role("listitem")).to_have_count(before - 1)
    where.get_by_role("button", name="End all others").click()
    expect(where.get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("region", name="My sign-ins")).to_contain_text("Signed in")
    page.reload()
    expect(here).to_be_visible()


def test_teams_roles_and_grants_are_made_and_taken_back(page: Page, guarded: Guarded) -> None:
    sign_in(page, guarded)
    page.goto(f"{guarded.address}/members?tab=teams")
    page.get_by_role("button", name="Create").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("ops")
    dialog.get_by_role("button", name="Create").click()
    team = page.get_by_role("region", name="ops")
    team.get_by_role("button", name="Add somebody to ops").click()
    dialog.get_by_label("Name").fill("ann")
    dialog.get_by_role("button", name="Add").click()
    expect(team.get_by_role("listitem")).to_have_text(["annRemove"])
    page.get_by_role("link", name="Roles").click()
    page.get_by_role("button", name="Create").click()
    dialog.get_by_label("Name").fill("tagger")
    dialog.get_by_label("write: log to it, change it").check()
    dialog.get_by_role("button", name="Create").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name="tagger", exact=True))
    expect(row.get_by_role("cell", name="yes")).to_have_count(2)
    page.get_by_role("link", name="Grants").click()
    expect(page.get_by_role("cell", name=f"Experiment {HOSTILE}*")).to_be_visible()
    page.get_by_role("button", name="Give a role").click()
    dialog.get_by_role("combobox").first.select_option("team")
    dialog.get_by_label("Name of the team").fill("ops")
    dialog.get_by_role("combobox").nth(1).select_option("tagger")
    dialog.get_by_role("button", name="Give").click()
    grant = page.get_by_role("row").filter(has_text="Team ops")
    expect(grant).to_contain_text("The whole workspace")
    page.get_by_role("button", name="Give a role").click()
    dialog.get_by_role("combobox").first.select_option("everyone")
    dialog.get_by_role("combobox").nth(2).select_option("endpoint")
    dialog.get_by_label("Its name, or names by a pattern").fill("live-*")
    dialog.get_by_role("button", name="Give").click()
    expect(page.get_by_role("cell", name="Endpoint live-*")).to_be_visible()
    why = page.get_by_role("region", name="Why can they do this?")
    why.get_by_role("textbox", name="User").fill("ann")
    why.get_by_role("combobox").select_option("runs.update")
    why.get_by_role("button", name="Ask").click()
    expect(why).to_contain_text("the team ops has the role tagger on the workspace")
    expect(why.get_by_text("May", exact=True)).to_be_visible()
    take_back = grant.get_by_role("button", name="Take back tagger from Team ops")
    take_back.click()
    expect(grant).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    take_back.click()
    expect(grant).to_have_count(0)
    page.reload()
    expect(why.get_by_text("May not", exact=True)).to_be_visible()
    page.get_by_role("link", name="Teams").click()
    team.get_by_role("button", name="Delete ops").click()
    expect(team).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(team.get_by_role("listitem")).to_have_text(["annRemove"])


def test_somebody_is_erased_after_it_was_counted_where_the_name_stands(page: Page, guarded: Guarded) -> None:
    guarded.call("POST", "/users", {"name": "gone", "password": PASSWORD})
    guarded.call("PUT", "/teams/vision/members/gone", {})
    sign_in(page, guarded)
    page.goto(f"{guarded.address}/members")
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name="gone", exact=True))
    row.get_by_role("button", name="Acts on gone").click()
    page.get_by_role("menuitem", name="Erase, the name too").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("region", name="Where the name stands")).to_contain_text("audit")
    assert find_barriers(page) == []
    done = dialog.get_by_role("button", name="Erase for good")
    expect(done).to_be_disabled()
    dialog.get_by_label("Type “gone” to erase the user").fill("gone")
    done.click()
    told = page.get_by_text("gone is erased")
    expect(told).to_be_visible()
    pseudonym = re.findall(r"erased-\w+", told.inner_text())[0]
    expect(row).to_have_count(0)
    entries = guarded.call("POST", "/audit/search", {"operation": "users.create"})["entries"]
    assert {entry["object"] for entry in entries} >= {pseudonym, "ann"}


def test_an_administrator_limits_what_the_workspace_uses(page: Page, guarded: Guarded) -> None:
    sign_in(page, guarded)
    page.goto(f"{guarded.address}/account")
    used = page.get_by_role("region", name="What the workspace uses")
    used.get_by_role("button", name="Change the quota").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Runs").fill("-1")
    expect(dialog.get_by_role("button", name="Set")).to_be_disabled()
    dialog.get_by_label("Runs").fill("5000")
    dialog.get_by_label("Files, in GB").fill("2.5")
    dialog.get_by_label("Requests a minute").fill("60000")
    assert find_barriers(page) == []
    dialog.get_by_role("button", name="Set").click()
    for text in ("0 of 5,000", "of 2.5 GB", "of 60,000"):
        expect(used).to_contain_text(text)
    usage = guarded.call("GET", "/usage")
    assert (usage["runs_quota"], usage["points_quota"]) == (5_000, None)
    used.get_by_role("button", name="Change the quota").click()
    for label in ("Runs", "Files, in GB", "Requests a minute"):
        dialog.get_by_label(label).clear()
    dialog.get_by_role("button", name="Set").click()
    expect(used).not_to_contain_text("of 5,000")
    page.context.clear_cookies()
    sign_in(page, guarded, "ann")
    page.goto(f"{guarded.address}/account")
    expect(page.get_by_role("region", name="Who I am")).to_contain_text("ann")
    expect(page.get_by_role("button", name="Change the quota")).to_have_count(0)


def test_a_role_comes_back_with_its_grants(page: Page, guarded: Guarded) -> None:
    guarded.call("PUT", "/roles/labeller", {"permissions": ["read", "write"]})
    grant = {"subject_kind": "user", "subject": "ann", "target_kind": "workspace", "target": "", "role": "labeller"}
    guarded.call("POST", "/grants", grant)
    sign_in(page, guarded)
    page.goto(f"{guarded.address}/members?tab=roles")
    page.get_by_role("button", name="Delete the role labeller").click()
    expect(page.get_by_text("The role labeller is gone, with the grants of it")).to_be_visible()
    role = page.get_by_role("cell", name="labeller", exact=True)
    expect(role).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(role).to_be_visible()
    page.goto(f"{guarded.address}/members?tab=grants")
    expect(page.get_by_role("row").filter(has_text="labeller")).to_contain_text("ann")


def test_who_sees_one_of_several_experiments_is_shown_that_one_and_its_views(page: Page, guarded: Guarded) -> None:
    """What one may not see is said to be left out; a view is kept with what one may change, else nowhere."""
    bea = {"name": "bea", "password": PASSWORD}
    guarded.call("POST", "/users", bea)
    names = ("hers", "read by her", "hidden from her")
    hers, read, hidden = (guarded.call("POST", "/experiments", {"name": name})["experiment_id"] for name in names)
    for experiment, role in ((hers, "editor"), (read, "reader")):
        grant = {"subject_kind": "user", "subject": "bea", "target_kind": "experiment", "role": role}
        guarded.call("POST", "/grants", {**grant, "target": experiment})
    for experiment in (hers, read, hidden):
        guarded.call("POST", "/runs", {"experiment_id": experiment, "name": f"run of {experiment}"})
    sign_in(page, guarded, "bea")
    page.goto(f"{guarded.address}/runs?experiments={hers},{read},{hidden}&columns=user")
    expect(page.get_by_text("2 runs of 2 of 3 experiments: the others are gone, or not yours to see")).to_be_visible()
    save = page.get_by_role("button", name="Save this view…")
    dialog = page.get_by_role("dialog", name="Save this view")
    page.get_by_role("button", name="Views").click()
    save.click()
    dialog.get_by_label("Name").fill("mine")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is saved with 1 of 3 experiments")).to_be_visible()
    page.goto(f"{guarded.address}/experiments/{hers}")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="mine 3 experiments").click()
    expect(page.get_by_text("2 runs of 2 of 3 experiments")).to_be_visible()
    for where in (f"/experiments/{read}", "/runs"):
        page.goto(f"{guarded.address}{where}")
        page.get_by_role("button", name="Views").click()
        save.click()
        dialog.get_by_label("Name").fill("not hers")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_contain_text("This needs the permission")
        page.keyboard.press("Escape")
    page.goto(f"{guarded.address}/runs?experiments={hidden}")
    expect(page.get_by_role("heading", name="These runs cannot be shown")).to_be_visible()


def test_a_policy_is_changed_by_who_manages_the_model_and_shown_to_who_reads_it(page: Page, guarded: Guarded) -> None:
    cid = {"name": "cid", "password": PASSWORD}
    guarded.call("POST", "/users", cid)
    rule = {"stage": "Production", "signature": True, "keys": ["gone"], "evaluation": True}
    for name, role in (("managed", "manager"), ("read", "reader")):
        guarded.call("POST", "/registered-models", {"name": name})
        guarded.call("PUT", f"/registered-models/{name}/policy", {"rules": [rule]})
        grant = {"subject_kind": "user", "subject": "cid", "target_kind": "registered_model", "role": role}
        guarded.call("POST", "/grants", {**grant, "target": name})
    sign_in(page, guarded, "cid")
    page.goto(f"{guarded.address}/models/read")
    policy = page.get_by_role("region", name="Policy")
    expect(policy).to_contain_text("a signature by gone, an evaluation that passed")
    with page.expect_response(re.compile("access/explain")):
        page.reload()
    expect(policy).to_contain_text("a signature by gone")
    expect(policy.get_by_role("button")).to_have_count(0)
    page.goto(f"{guarded.address}/models/managed")
    policy.get_by_role("button", name="Change what Production needs").click()
    expect(page.get_by_label("gone", exact=True)).to_be_checked()
    page.get_by_label("gone", exact=True).uncheck()
    page.get_by_role("dialog").get_by_role("button", name="Set").click()
    expect(policy).to_contain_text("a signature by a trusted key, an evaluation that passed")


def test_who_asked_for_a_stage_is_offered_to_withdraw_and_others_to_decide(page: Page, guarded: Guarded) -> None:
    guarded.call("POST", "/registered-models", {"name": "churn"})
    guarded.call("POST", "/registered-models/churn/versions", {"source": "s3://models/churn"})
    rule = {"stage": "Production", "alias": "", "signature": False, "keys": [], "evaluation": False, "approval": True}
    guarded.call("PUT", "/registered-models/churn/policy", {"rules": [rule]})
    grant = {"subject_kind": "user", "subject": "ann", "target_kind": "registered_model", "target": "churn"}
    guarded.call("POST", "/grants", {**grant, "role": "editor"})
    guarded.call("POST", "/registered-models/churn/requests", {"version": 1, "stage": "Production"}, who="ann")
    asked, decisions = f"{guarded.address}/models/churn/versions/1", ("Approve", "Reject", "Withdraw")

    def list_offers() -> list[str]:
        page.goto(asked)
        requests = page.get_by_role("region", name="Requests")
        expect(requests).to_contain_text("asked by user:ann")
        page.wait_for_load_state("networkidle")
        return [name for name in decisions if requests.get_by_role("button", name=name).count()]

    sign_in(page, guarded, "ann")
    assert list_offers() == ["Withdraw"]
    page.context.clear_cookies()
    sign_in(page, guarded)
    assert list_offers() == ["Approve", "Reject"]
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.locator(".head").get_by_text("Production")).to_be_visible()
