"""The table of runs and its charts: long ways through them, as people go."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ui.looking import Site, call, find_barriers, finish, log, make_experiment, make_run

pytestmark = pytest.mark.browser

LOOKS = [(1280, "light"), (390, "dark")]
IDS = ["1280-light", "390-dark"]


def open_runs(page: Page, site: Site, query: str = "", experiment: str = "") -> Locator:
    page.goto(f"{site.address}/experiments/{experiment or site.churn}{query}")
    grid = page.get_by_role("grid", name="Runs")
    expect(grid).to_be_visible()
    return grid


def read_column(grid: Locator, at: int) -> list[str]:
    return [row.get_by_role("gridcell").nth(at).inner_text() for row in grid.get_by_role("row").all()[1:]]


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_filter_is_completed_name_by_name_and_value_by_value(page: Page, site: Site) -> None:
    open_runs(page, site)
    box = page.get_by_role("combobox", name="Filter runs")
    box.click()
    box.press_sequentially("opti")
    page.get_by_role("option", name="params.optimizer", exact=True).click()
    page.get_by_role("option", name="=", exact=True).click()
    page.get_by_role("option", name="'sgd'").click()
    expect(page.get_by_role("option", name="AND")).to_be_visible()
    assert find_barriers(page) == []
    box.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("found")
    assert query_of(page)["filter"] == ["params.optimizer = 'sgd'"]
    page.go_back()
    expect(page.get_by_text("40 runs")).to_be_visible()


def test_tab_goes_through_the_filter_and_completes_only_a_word_that_was_begun(page: Page, site: Site) -> None:
    open_runs(page, site)
    box = page.get_by_role("combobox", name="Filter runs")
    for before in ("params.optimizer = 'sgd'", "", "params.optimizer "):
        box.fill(before)
        page.get_by_role("button", name="Charts", exact=True).focus()
        page.keyboard.press("Tab")
        expect(box).to_be_focused()
        if before != "params.optimizer = 'sgd'":
            expect(page.get_by_role("listbox", name="What can stand here")).to_be_visible()
        page.keyboard.press("Tab")
        expect(box).not_to_be_focused()
        expect(box).to_have_value(before)
    box.fill("")
    box.press_sequentially("params.optim")
    expect(page.get_by_role("option", name="params.optimizer")).to_be_visible()
    page.keyboard.press("Tab")
    expect(box).to_have_value("params.optimizer ")
    page.keyboard.press("Tab")
    expect(box).not_to_be_focused()


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=IDS)
def test_a_mistake_is_shown_at_its_character(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments/{site.churn}?filter={quote('metrics.loss < 1 AND params.lr ~ 3')}")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("character")
    expect(alert.locator("mark")).to_have_text("~")
    expect(page.get_by_role("heading", name="The filter cannot be read")).to_be_visible()
    expect(page.get_by_role("grid", name="Runs")).to_have_count(0)
    assert find_barriers(page) == []


def test_runs_are_sorted_by_a_column_and_the_order_is_kept_in_the_address(page: Page, site: Site) -> None:
    grid = open_runs(page, site, "?columns=metrics.loss")
    grid.get_by_role("button", name="loss").click()
    header = grid.get_by_role("columnheader", name="loss")
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(grid.get_by_role("row").nth(1)).not_to_contain_text("run-39")
    values = [float(text.replace("−", "-")) for text in read_column(grid, 2)[:10]]
    assert values == sorted(values, reverse=True)
    page.reload()
    expect(header).to_have_attribute("aria-sort", "descending")
    grid.get_by_role("button", name="loss").click()
    expect(header).to_have_attribute("aria-sort", "ascending")


def test_columns_are_chosen_and_kept_at_the_left(page: Page, site: Site) -> None:
    grid = open_runs(page, site)
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Find a column").fill("loss")
    page.get_by_role("group", name="Metrics, least value").get_by_label("loss").check()
    page.get_by_role("button", name="Keep loss at the left").first.click()
    assert find_barriers(page) == []
    page.keyboard.press("Escape")
    headers = grid.get_by_role("columnheader").all_inner_texts()
    assert headers[2].strip() in ("loss", "minloss", "min loss")
    assert "min(metrics.loss)" in query_of(page)["columns"][0]


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=IDS)
def test_a_column_is_computed_sorted_and_downloaded(page: Page, site: Site, tmp_path: Path) -> None:
    formula = "metrics.loss / min(metrics.loss) * 100"
    grid = open_runs(page, site, "?columns=metrics.loss")
    page.get_by_role("button", name="Columns").click()
    box = page.get_by_label("Compute a column")
    box.fill("metrics.loss/metrics.accuracy")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("a space before it")
    expect(page.get_by_role("alert").locator("mark")).to_have_text("/")
    assert find_barriers(page) == []
    box.fill(formula)
    box.press("Enter")
    expect(page.get_by_role("group", name="Computed").get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("Escape")
    header = grid.get_by_role("columnheader", name="loss / min(loss) * 100")
    header.get_by_role("button", name="loss / min(loss) * 100").click()
    expect(header).to_have_attribute("aria-sort", "descending")
    values = [float(text.replace("−", "-").replace(",", "")) for text in read_column(grid, 3)[:10]]
    assert values == sorted(values, reverse=True)
    assert values[0] >= 100
    query = query_of(page)
    assert query["columns"] == [f"metrics.loss,computed.{formula}"]
    assert query["order"] == [f"{formula} DESC"]
    page.reload()
    expect(header).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="as CSV").click()
    path = tmp_path / "runs.csv"
    waiting.value.save_as(path)
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    found = [float(row[f"computed.{formula}"]) for row in rows if row[f"computed.{formula}"]]
    assert len(found) > 10
    assert found == sorted(found, reverse=True)
    assert find_barriers(page) == []


def test_groups_and_charts_have_what_is_computed(page: Page, site: Site) -> None:
    computed = "computed.1 - metrics.loss"
    grid = open_runs(page, site, f"?group=params.lr&columns={quote(computed)}")
    grid.get_by_role("button", name="1 - loss").click()
    values = [float(text.replace("−", "-")) for text in read_column(grid, 2)]
    assert len(values) == 3
    assert values == sorted(values, reverse=True)
    page.goto(f"{site.address}/experiments/{site.churn}?columns={quote(computed)}&mode=charts&chart=scatter")
    page.locator(".chart-head select").nth(1).select_option("1 - loss")
    expect(page.get_by_role("region", name="scatter of 1 - loss")).to_be_visible()
    expect(page.get_by_role("img", name="scatter of 1 - loss, 40 runs")).to_be_visible()
    assert query_of(page)["y"] == [computed]
    assert find_barriers(page) == []


def test_columns_are_moved_and_sized_without_dragging(page: Page, site: Site) -> None:
    grid = open_runs(page, site, "?columns=user,metrics.loss,params.lr")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Move lr to the left").click()
    page.keyboard.press("Escape")
    expect(grid.get_by_role("columnheader")).to_have_text(["", "Run", "User", "lr", "loss"])
    head = grid.get_by_role("columnheader", name="Run", exact=True)
    sort, before = head.get_by_role("button"), width_of(head)
    sort.press("Shift+ArrowRight")
    expect(head).to_have_css("width", f"{before + 20:g}px")
    head.locator(".grid-resize").dblclick()
    expect(head).not_to_have_css("width", f"{before + 20:g}px")
    assert width_of(head) < before  # names such as run-39 need less
    assert "name:" in query_of(page)["widths"][0]


def width_of(cell: Locator) -> float:
    box = cell.bounding_box()
    assert box
    return box["width"]


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=IDS)
def test_a_run_is_kept_at_the_top_while_the_others_scroll(page: Page, site: Site) -> None:
    grid = open_runs(page, site)
    pin = grid.get_by_role("button", name="Keep run-38 at the top")
    pin.focus()
    pin.press("Enter")
    top = grid.get_by_role("rowgroup", name="Kept at the top")
    expect(top.get_by_role("link", name="run-38")).to_be_visible()
    assert query_of(page)["top"] == [site.runs[38]]
    grid.focus()
    grid.press("End")
    expect(grid.get_by_role("link", name="run-00")).to_be_in_viewport()
    expect(top.get_by_role("link", name="run-38")).to_be_in_viewport()
    assert find_barriers(page) == []
    page.goto(f"{page.url}&mode=split&filter=params.lr+%3D+'0.1'+AND+run_name+!%3D+'run-38'")
    expect(page.get_by_text(re.compile("runs of the table and 1 kept at the top"))).to_be_visible()
    top.get_by_role("button", name="Keep run-38 at the top").click()
    expect(top).to_have_count(0)


def test_runs_of_several_experiments_say_which_is_theirs(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/runs?experiments={site.churn},{site.prices}")
    grid = page.get_by_role("grid", name="Runs")
    expect(grid.get_by_role("columnheader", name="Experiment")).to_be_visible()
    expect(grid.get_by_role("link", name="house-prices").first).to_be_visible()
    expect(grid.get_by_role("columnheader", name="accuracy")).to_be_visible()


def test_a_link_is_copied_where_the_browser_has_no_clipboard_to_give(page: Page, site: Site) -> None:
    """Browsers have it only behind TLS and on the machine itself, and teams have servers without TLS."""
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.add_init_script("addEventListener('copy', () => window.copied = document.activeElement.value)")
    open_runs(page, site)
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Copy the link").click()
    expect(page.get_by_text("The link is copied")).to_be_visible()
    assert page.evaluate("window.copied") == page.url


def test_groups_are_sorted_by_what_they_show(page: Page, site: Site) -> None:
    grid = open_runs(page, site, "?group=params.lr&columns=metrics.loss")
    expect(grid.get_by_role("row").nth(1)).to_contain_text("0.1")
    grid.get_by_role("button", name="loss").click()
    expect(grid.get_by_role("row").nth(1)).to_contain_text("0.001")
    grid.get_by_role("button", name="loss").click()
    expect(grid.get_by_role("row").nth(3)).to_contain_text("0.001")
    mean = read_column(grid, 2)
    page.get_by_role("button", name="Grouped (1)").click()
    page.get_by_label("Metrics are shown by their").select_option("greatest value")
    page.keyboard.press("Escape")
    expect(grid.get_by_role("row").nth(3)).not_to_contain_text(mean[2])
    assert query_of(page)["aggregate"] == ["max"]


def test_runs_are_grouped_and_a_group_opens_to_its_runs(page: Page, site: Site) -> None:
    grid = open_runs(page, site, "?group=params.lr")
    expect(page.get_by_text("3 groups of 40 runs")).to_be_visible()
    expect(grid).to_have_attribute("aria-rowcount", "4")
    grid.get_by_role("button", name="Open the group").first.click()
    expect(grid.get_by_role("link", name=re.compile(r"run-\d\d")).first).to_be_visible()
    expect(page.get_by_text("3 groups of 40 runs")).to_be_visible()
    assert find_barriers(page) == []
    grid.get_by_role("button", name="Close the group").click()
    expect(grid).to_have_attribute("aria-rowcount", "4")


def test_what_one_is_about_to_press_stays_what_it_is_while_lines_come_in(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, "lines that move")
    for name in ("first", "second"):
        make_run(site.port, experiment, name=name)
    grid = open_runs(page, site, "", experiment)
    grid.get_by_role("link", name="first").focus()
    make_run(site.port, experiment, name="third")
    expect(grid.get_by_role("link", name="third")).to_be_visible()
    expect(grid.get_by_role("row").nth(1)).to_contain_text("third")
    expect(grid.get_by_role("link", name="first")).to_be_focused()


def test_children_stand_below_their_parents(page: Page, site: Site) -> None:
    grid = open_runs(page, site, "?tree=1", site.prices)
    expect(grid).to_have_attribute("aria-rowcount", "2")
    grid.get_by_role("button", name="Open sweep").click()
    expect(grid).to_have_attribute("aria-rowcount", "7")
    grid.get_by_role("button", name="Open trial-0").click()
    expect(grid.get_by_role("link", name="fold-0")).to_be_visible()
    grid.get_by_role("button", name="Close sweep").click()
    expect(grid).to_have_attribute("aria-rowcount", "2")


def test_runs_are_tagged_deleted_and_brought_back_together(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, "for bulk acts")
    runs = [make_run(site.port, experiment, name=f"r{number}") for number in range(3)]
    grid = open_runs(page, site, "?columns=tags.reviewed", experiment)
    for name in ("r0", "r1"):
        grid.get_by_label(f"Choose {name}").check()
    expect(page.get_by_text("2 runs chosen")).to_be_visible()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("dialog").get_by_label("Name").fill("reviewed")
    page.get_by_role("dialog").get_by_label("Value").fill("yes")
    page.keyboard.press("Enter")
    expect(grid.get_by_text("yes", exact=True)).to_have_count(2)
    grid.get_by_label("Choose all runs").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("No runs yet")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("3 runs", exact=True)).to_be_visible()
    assert all(call(site.port, "GET", f"/runs/{run}")["lifecycle"] == "active" for run in runs)


def test_runs_are_moved(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, "moved from")
    make_experiment(site.port, "moved to")
    make_run(site.port, experiment, name="mover")
    grid = open_runs(page, site, "", experiment)
    grid.get_by_label("Choose mover").check()
    page.get_by_role("button", name="Move", exact=True).click()
    page.get_by_label("To the experiment").fill("moved from nowhere")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("No experiment is called “moved from nowhere”")
    page.get_by_label("To the experiment").fill("moved t")
    expect(page.locator("#experiments option")).to_have_attribute("value", "moved to")
    page.get_by_label("To the experiment").fill("moved to")
    page.get_by_role("dialog").get_by_role("button", name="Move").click()
    expect(page.get_by_text("No runs yet")).to_be_visible()


def test_a_view_is_saved_by_name_and_opened_by_others(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, "with views")
    make_run(site.port, experiment, name="one")
    open_runs(page, site, "?order=run_name+ASC&columns=user", experiment)
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Save this view…").click()
    page.get_by_role("dialog").get_by_label("Name").fill("by name")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is saved")).to_be_visible()
    open_runs(page, site, "", experiment)
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="by name", exact=True).click()
    expect(page).to_have_url(re.compile("order=run_name"))


def save_view(page: Page, name: str) -> None:
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Save this view…").click()
    page.get_by_role("dialog").get_by_label("Name").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"The view “{name}” is saved")).to_be_visible()


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=IDS)
def test_a_view_of_several_experiments_is_found_on_the_page_of_each(page: Page, site: Site) -> None:
    both = [make_experiment(site.port, f"seen together {number} {page.viewport_size}") for number in range(2)]
    for experiment in both:
        make_run(site.port, experiment, name="one")
    asked = quote("run_name != 'it''s'")
    page.goto(f"{site.address}/runs?experiments={','.join(both)}&filter={asked}&columns=user")
    save_view(page, "of both")
    whole = query_of(page)
    page.goto(f"{site.address}/experiments/{both[1]}")
    page.get_by_role("button", name="Views").click()
    assert find_barriers(page) == []
    both_button = page.get_by_role("button", name="of both 2 experiments")
    assert both_button.get_attribute("aria-current") is None
    both_button.click()
    expect(page.get_by_text("2 runs found")).to_be_visible()
    assert query_of(page) == whole
    page.get_by_role("button", name="Views").click()
    expect(page.get_by_role("button", name="of both", exact=True)).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Begin anew").click()
    expect(page.get_by_text("2 runs", exact=True)).to_be_visible()
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Delete the view of both").click()
    expect(page.get_by_role("button", name="Delete the view of both")).to_have_count(0)
    tags = [call(site.port, "GET", f"/experiments/{experiment}")["tags"] for experiment in both]
    assert tags == [{}, {}]
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Views").click()
    expect(page.get_by_role("button", name="Delete the view of both")).to_be_visible()
    tags = [call(site.port, "GET", f"/experiments/{experiment}")["tags"] for experiment in both]
    assert tags[0] == tags[1] != {}


def test_a_view_of_all_experiments_is_kept_by_name(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/runs?order=run_name+ASC&columns=user")
    save_view(page, "everything")
    page.goto(f"{site.address}/runs")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="everything", exact=True).click()
    expect(page).to_have_url(f"{site.address}/runs?order=run_name+ASC&columns=user")


@pytest.mark.parametrize("kind", ["CSV", "Parquet"])
def test_found_runs_are_downloaded_whole(page: Page, site: Site, tmp_path: Path, kind: str) -> None:
    asked = quote("params.lr = '0.1'")
    open_runs(page, site, f"?columns=params.lr,metrics.loss,tags.none&filter={asked}")
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name=f"as {kind}").click()
    path = tmp_path / f"runs.{kind.lower()}"
    waiting.value.save_as(path)
    if kind == "CSV":
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    else:
        rows = pq.read_table(path).to_pylist()
        assert {row["tags.none"] for row in rows} == {None}
    assert len({row["run_id"] for row in rows}) == len(rows) > 0
    assert {row["params.lr"] for row in rows} == {"0.1"}
    assert all(float(row["metrics.loss"]) < 1 for row in rows)


def test_chosen_runs_are_downloaded_alone(page: Page, site: Site, tmp_path: Path) -> None:
    grid = open_runs(page, site, "?columns=duration,started")
    for name in ("run-37", "run-35"):
        grid.get_by_label(f"Choose {name}").check()
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="The 2 chosen runs as CSV").click()
    path = tmp_path / "runs.csv"
    waiting.value.save_as(path)
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert [row["name"] for row in rows] == ["run-37", "run-35"]
    assert all(float(row["duration"]) > 0 and row["started"].startswith("2023-11-14T22:") for row in rows)


def test_pages_follow_runs_that_go_on(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, "live")
    first = make_run(site.port, experiment, name="first")
    log(site.port, first, loss=[1.0, 0.5])
    grid = open_runs(page, site, "?columns=metrics.loss,status&mode=split", experiment)
    expect(grid.get_by_text("0.5", exact=True)).to_be_visible()
    chart = page.get_by_role("region", name="loss", exact=True)
    expect(chart).to_contain_text("2 points")
    log(site.port, first, loss=[1.0, 0.5, 0.25])
    expect(grid.get_by_text("0.25", exact=True)).to_be_visible()
    expect(chart).to_contain_text("points")
    make_run(site.port, experiment, name="second")
    expect(grid.get_by_role("link", name="second")).to_be_visible()
    finish(site.port, first)
    expect(grid.get_by_text("Finished")).to_be_visible()


def test_the_table_is_walked_by_keys(page: Page, site: Site) -> None:
    grid = open_runs(page, site)
    grid.focus()
    for key in ("ArrowDown", "ArrowDown", " "):
        grid.press(key)
    expect(page.get_by_text("1 run chosen")).to_be_visible()
    grid.press("End")
    expect(grid.get_by_role("link", name="run-00")).to_be_visible()
    grid.press("Enter")
    expect(page).to_have_url(f"{site.address}/runs/{site.runs[0]}")
