"""Runs side by side, and the long way from a filter and groups to a version in use."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui.looking import HOSTILE, Site
from tests.ui.rich import Rich, make_rich

pytestmark = pytest.mark.browser


def test_values_that_differ_are_shown_and_the_others_on_request(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/compare?runs={rich.run},{rich.other}")
    params = page.get_by_role("region", name="Params", exact=True)
    expect(params.get_by_role("row")).to_have_count(2)
    expect(params.get_by_role("row", name="rate 0.0 0.1")).to_be_visible()
    expect(page.get_by_role("region", name="Tags", exact=True)).to_contain_text("None of them differ")
    page.get_by_label("Differences only").uncheck()
    expect(params.get_by_role("row", name="why")).to_contain_text(HOSTILE)
    expect(page).to_have_url(re.compile("all=1$"))
    page.go_back()
    expect(params.get_by_role("row")).to_have_count(2)


def test_files_code_and_environment_are_told_apart(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/compare?runs={rich.run},{rich.other}&tab=files")
    page.get_by_role("link", name="train.py").click()
    changes = page.get_by_label("Changes", exact=True)
    expect(changes.locator(".t-gone")).to_have_text("- rate = 0.1\n")
    expect(changes.locator(".t-added")).to_have_text("+ rate = 0.2\n")
    page.get_by_role("link", name="images/step-1.png").click()
    expect(page.get_by_text("Not there.")).to_be_visible()
    page.get_by_role("link", name="Code and environment").click()
    expect(page.get_by_role("row", name="numpy 2.0.0 2.1.0")).to_be_visible()
    expect(page.get_by_label("Changes", exact=True).locator(".t-added")).to_have_text("+ +rate = 0.01\n")


def test_one_run_is_not_compared(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/compare?runs={rich.run},gone")
    expect(page.get_by_text("Choose two runs or more")).to_be_visible()


def test_the_long_way_from_a_filter_to_a_version_in_use(page: Page, site: Site) -> None:
    made = make_rich(site.port, "long-way")
    page.goto(f"{site.address}/experiments/{made.experiment}")
    page.get_by_role("textbox", name=re.compile("filter", re.I)).or_(page.get_by_role("combobox")).first.fill(
        "params.depth = '3'"
    )
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 runs found")).to_be_visible()
    page.get_by_role("button", name="Group", exact=True).click()
    page.get_by_role("region", name="Fields to group by").get_by_label("rate").check()
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 groups of 2 runs")).to_be_visible()
    for opened in (1, 2):
        page.get_by_role("button", name="Open the group").first.click()
        expect(page.get_by_role("button", name="Close the group")).to_have_count(opened)
    for name in ("long-way-0", "long-way-1"):
        page.get_by_role("checkbox", name=f"Choose {name}").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("row", name="rate 0.0 0.1")).to_be_visible()
    page.get_by_role("link", name="long-way-0").first.click()
    page.get_by_role("link", name="Artifacts").click()
    page.get_by_role("button", name="model", exact=True).click()
    page.get_by_role("button", name="Register this model").click()
    page.get_by_label("Name of the model").fill("long way")
    page.get_by_role("dialog").get_by_role("button", name="Register").click()
    expect(page).to_have_url(f"{site.address}/models/long%20way/versions/1")
    page.get_by_role("button", name="Change the stage").click()
    page.get_by_role("combobox", name="Stage").select_option("Production")
    page.get_by_role("dialog").get_by_role("button", name="Change").click()
    expect(page.get_by_text("Version 1 is in Production")).to_be_visible()
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("link", name="In use").click()
    expect(page.get_by_role("row", name="long way 1")).to_be_visible()
