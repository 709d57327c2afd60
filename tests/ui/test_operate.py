"""Pages of an operator: webhooks, schedules, audit, settings, jobs, doctor; and projects that were run."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest
from playwright.sync_api import Page, Route, expect

from tests.ui.looking import HOSTILE, Site, call, find_barriers, make_run

pytestmark = pytest.mark.browser


def test_a_webhook_is_made_switched_off_and_deleted(page: Page, operated: Site) -> None:
    page.goto(f"{operated.address}/webhooks")
    expect(page.get_by_title(HOSTILE)).to_have_text("hostile")
    page.get_by_role("button", name="Create", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("ci")
    dialog.get_by_label("Address", exact=True).fill("http://127.0.0.1:1/hook")
    dialog.get_by_label("run: status changed").check()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Address", exact=True).fill("https://ci.example.org/hook")
    dialog.get_by_label("Secret", exact=False).fill("a secret that is long enough")
    dialog.get_by_role("button", name="Create").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="ci", exact=True))
    expect(row).to_contain_text("signed")
    expect(page.get_by_text("a secret that is long enough")).to_have_count(0)
    row.get_by_role("button", name="Acts on ci").click()
    page.get_by_role("menuitem", name="Switch off").click()
    expect(row.get_by_text("Off", exact=True)).to_be_visible()
    row.get_by_role("link", name="ci").click()
    expect(page.get_by_text("Nothing has been sent yet")).to_be_visible()
    row.get_by_role("button", name="Acts on ci").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("signed")
    expect(row.get_by_text("Off", exact=True)).to_be_visible()


def test_a_schedule_is_made(page: Page, operated: Site) -> None:
    page.goto(f"{operated.address}/schedules")
    page.get_by_role("button", name="Create").click()
    dialog = page.get_by_role("dialog")
    make = dialog.get_by_role("button", name="Create")
    expect(make).to_be_disabled()
    dialog.get_by_label("Name").fill("weekly")
    dialog.get_by_label("When: minute, hour, day, month, weekday").fill("61 2 * * mon")
    dialog.get_by_label("Time zone").fill("Europe/Paris")
    dialog.get_by_label("Project: a folder of the worker, or a repository").fill("https://git.example.org/churn.git")
    dialog.get_by_label("Params, one a line").fill("alpha")
    make.click()
    expect(dialog.get_by_role("alert")).to_contain_text("“alpha” is no param")
    dialog.get_by_label("Params, one a line").fill("alpha = 0.5\nnote=a=b")
    make.click()
    expect(dialog.get_by_role("alert")).to_contain_text("61")
    assert find_barriers(page) == []
    dialog.get_by_label("When: minute, hour, day, month, weekday").fill("30 2 * * mon")
    make.click()
    made = page.get_by_role("region", name="weekly")
    expect(made).to_contain_text("https://git.example.org/churn.git")
    expect(made).to_contain_text("a=b")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="weekly"))
    expect(row).to_contain_text("Europe/Paris")
    row.get_by_role("button", name="Acts on weekly").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("Europe/Paris")


def test_a_schedule_goes_on_and_runs_now(page: Page, operated: Site) -> None:
    page.goto(f"{operated.address}/schedules?schedule=nightly")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="nightly"))
    expect(row).to_contain_text("Paused")
    expect(row).to_contain_text(HOSTILE)
    expect(page.get_by_role("region", name="nightly")).to_contain_text(HOSTILE)
    row.get_by_role("button", name="Acts on nightly").click()
    page.get_by_role("menuitem", name="Run now").click()
    expect(page.get_by_text("“nightly” waits for a worker")).to_be_visible()
    page.get_by_role("button", name="Look again").click()
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.get_by_role("region", name="Times")).to_contain_text("cancelled")
    row.get_by_role("button", name="Acts on nightly").click()
    page.get_by_role("menuitem", name="Resume").click()
    expect(row.get_by_text("On", exact=True)).to_be_visible()


def test_the_audit_tells_who_did_what(page: Page, operated: Site) -> None:
    run = make_run(operated.port, operated.prices, name="audited")
    call(operated.port, "DELETE", f"/runs/{run}")
    page.goto(f"{operated.address}/audit?operation=runs.delete")
    expect(page.get_by_role("row").filter(has_text=run)).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="runs.create")).to_have_count(0)
    page.get_by_label("Operation, such as runs.delete").fill("nothing.such")
    expect(page.get_by_text("No entry is like this")).to_be_visible()


def test_the_trash_is_kept_as_long_as_is_said(page: Page, operated: Site) -> None:
    page.goto(f"{operated.address}/settings")
    expect(page.get_by_role("region", name="Server")).to_contain_text("Ready")
    trash = page.get_by_role("region", name="Trash")
    before = call(operated.port, "GET", "/retention")["trash_ms"]
    run = make_run(operated.port, operated.prices, name="thrown away")
    call(operated.port, "DELETE", f"/runs/{run}")
    page.reload()
    row = trash.get_by_role("region", name="What of it goes when").get_by_role("row").filter(has_text="prices")
    expect(row).to_be_visible()
    trash.get_by_role("button", name="Change").click()
    page.get_by_label("Days (empty for ever)").fill("45")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(trash).to_contain_text("after 45 days")
    trash.get_by_role("button", name="Empty it").click()
    expect(page.get_by_role("dialog")).to_contain_text("removed for good")
    page.get_by_role("button", name="Cancel").click()
    call(operated.port, "PUT", "/retention", {"trash_ms": before})


def test_jobs_of_the_server_say_how_they_went(page: Page, operated: Site) -> None:
    page.goto(f"{operated.address}/experiments")
    page.get_by_role("button", name="Operate").click()
    page.get_by_role("menuitem", name="Jobs").click()
    row = page.get_by_role("row").filter(has_text="compresses those of ended runs")
    expect(row).to_contain_text("Done")
    expect(row).to_contain_text("5 s")


def test_a_failing_job_and_a_sick_database_are_told_with_what_to_do(page: Page, operated: Site) -> None:
    job = {"name": "seal", "purpose": HOSTILE, "interval_ms": 5_000, "began_ms": 1, "ended_ms": 2, "times": 3}
    job |= {"failures": 1, "error": HOSTILE, "error_ms": 2}
    store = {"revision": "0001", "missing_indexes": ["ix_runs_lease"], "size_bytes": 1, "log_bytes": 0}
    answers = {"jobs": {"jobs": [job]}, "store": store | {"journal_mode": ""}}
    for path, answer in answers.items():
        packed = msgspec.msgpack.encode(answer)
        page.route(f"**/api/v1/{path}", partial(Route.fulfill, body=packed, content_type="application/msgpack"))
    page.goto(f"{operated.address}/doctor")
    expect(page.get_by_text("2 findings to look at")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="ix_runs_lease")).to_contain_text("trackway db repair")
    expect(page.get_by_role("listitem").filter(has_text="Job seal")).to_contain_text(HOSTILE)
    page.goto(f"{operated.address}/jobs")
    expect(page.get_by_role("row").filter(has_text="seal")).to_contain_text("Failed")


def test_what_is_only_for_administrators_is_no_fault(page: Page, operated: Site) -> None:
    refused = {"error": {"code": "permission_denied", "message": "no", "hint": "", "details": {}}}
    page.route("**/api/v1/store", lambda route: route.fulfill(status=403, json=refused))
    page.goto(f"{operated.address}/doctor")
    expect(page.get_by_role("listitem").filter(has_text="Database")).to_contain_text("only shown to administrators")


def test_projects_that_were_run_lead_to_their_runs(page: Page, operated: Site) -> None:
    page.goto(f"{operated.address}/projects")
    row = page.get_by_role("row").filter(has_text="it's <b>")
    expect(row).to_contain_text("1 failed")
    row.get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("grid", name="Runs").get_by_role("link", name="launched 2")).to_be_visible()
    expect(page.get_by_text("3 runs found")).to_be_visible()
