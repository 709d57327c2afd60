"""Every page, in a browser: what it shows, at both sizes and in both themes, to everybody, whatever names hold."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui.looking import HOSTILE, Site, find_barriers, make_experiment

pytestmark = pytest.mark.browser

LOOKS = [(1280, "light"), (390, "dark")]


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=["1280-light", "390-dark"])
def test_experiments_are_listed_and_lead_to_their_runs(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="churn-model", exact=True))
    expect(row).to_contain_text("40")
    expect(page.get_by_role("link", name=HOSTILE)).to_be_visible()
    assert find_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    row.get_by_role("link", name="churn-model").click()
    expect(page).to_have_url(f"{site.address}/experiments/{site.churn}")
    expect(page.get_by_role("grid", name="Runs")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()


def test_an_experiment_is_made_renamed_thrown_away_and_brought_back(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_label("Name", exact=True).fill("nothing yet")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("already exists")
    page.get_by_label("Name", exact=True).fill("made by hand")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="made by hand"))
    row.get_by_role("button", name="Acts on made by hand").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("renamed by hand")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="renamed by hand")).to_be_visible()
    page.get_by_role("button", name="Acts on renamed by hand").click()
    page.get_by_role("menuitem", name="Move to the trash").click()
    expect(page.get_by_role("link", name="renamed by hand")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="renamed by hand")).to_be_visible()


def test_a_search_is_part_of_the_address(page: Page, site: Site) -> None:
    make_experiment(site.port, "100%_sure")
    page.goto(f"{site.address}/experiments?q=house")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_label("Search by name").fill("nobody has this")
    expect(page.get_by_text("No experiment is found by this")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?q=nobody\+has\+this$"))


def test_experiments_are_found_by_their_tags_and_sorted(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments")
    page.get_by_role("link", name="team growth").click()
    expect(page.get_by_role("link", name="churn-model")).to_be_visible()
    expect(page.get_by_role("link", name="house-prices")).to_have_count(0)
    expect(page.get_by_label("Search by name")).to_have_value("tags.team = 'growth'")
    page.get_by_label("Search by name").fill("tags.team = growth")
    expect(page.get_by_role("alert")).to_contain_text("growth")
    page.goto(f"{site.address}/experiments")
    head = page.get_by_role("columnheader", name="Name")
    rows = page.locator("tbody")
    page.get_by_role("button", name="Name", exact=True).click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(rows).to_contain_text(re.compile("<script>.*churn-model.*house-prices", re.DOTALL))
    page.get_by_role("button", name="Name", exact=True).click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(rows).to_contain_text(re.compile("house-prices.*churn-model.*<script>", re.DOTALL))
    page.go_back()
    expect(head).to_have_attribute("aria-sort", "ascending")


def test_an_experiment_says_what_it_is_for(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, "to be described", owner="ann")
    page.goto(f"{site.address}/experiments/{experiment}")
    page.get_by_role("link", name="About").click()
    expect(page.get_by_role("region", name="Experiment")).to_contain_text("ann")
    page.get_by_role("button", name="Edit: Description").click()
    page.get_by_label("Description in Markdown").fill("# Why\n\nشرح **التجربة**")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Why")).to_be_visible()
    page.get_by_role("button", name="Edit: Description").click()
    page.get_by_label("Description in Markdown").fill("شرح **التجربة**")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".markdown")).to_have_css("direction", "rtl")
    expect(page.locator(".markdown strong")).to_have_text("التجربة")
    page.get_by_role("link", name="0 runs").click()
    expect(page.get_by_role("heading", name="to be described")).to_be_visible()


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=["1280-light", "390-dark"])
def test_runs_are_a_table_with_what_they_logged(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments/{site.churn}")
    expect(page.get_by_role("heading", name="churn-model")).to_be_visible()
    expect(page.get_by_text("40 runs")).to_be_visible()
    grid = page.get_by_role("grid", name="Runs")
    expect(grid).to_have_attribute("aria-rowcount", "41")
    expect(grid.get_by_role("link", name="run-39")).to_be_visible()
    assert find_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]


def test_names_of_others_are_text_wherever_they_are_shown(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments/{site.hostile}?columns=params.p,metrics.m,tags.t,user,source")
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=HOSTILE))
    expect(row.get_by_role("gridcell").nth(2)).to_have_text(HOSTILE)
    expect(row.get_by_role("gridcell").nth(3)).to_have_text("−Inf")


def test_there_is_no_page_at_another_address(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments/1/2/3")
    expect(page.get_by_text("There is no page here")).to_be_visible()
    page.goto(f"{site.address}/experiments/987654321")
    expect(page.get_by_role("alert")).to_contain_text("987654321")


def test_addresses_of_mlflows_pages_lead_to_ours(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/#/experiments/{site.churn}")
    expect(page.get_by_role("heading", name="churn-model")).to_be_visible()
    expect(page).to_have_url(f"{site.address}/experiments/{site.churn}")


def test_the_palette_leads_anywhere_by_name(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments")
    page.get_by_role("heading", name="Experiments").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("house")
    option = page.get_by_role("option", name="house-prices")
    expect(option).to_be_visible()
    assert find_barriers(page) == []
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.address}/experiments/{site.prices}")


def test_the_palette_says_which_keys_there_are(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments")
    page.get_by_role("heading", name="Experiments").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("keys")
    page.keyboard.press("Enter")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Page Down")
    assert find_barriers(page) == []
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)


def test_the_theme_is_kept(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments")
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("menuitem", name="Dark").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert find_barriers(page) == []
