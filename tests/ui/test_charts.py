"""Charts: curves, charts of params and metrics, images over steps, and a board of them that one arranges."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ui.looking import HOSTILE, Site, call, find_barriers, finish, log, make_experiment, make_run
from tests.ui.rich import draw, put
from trackway.api.runs import Ingest

pytestmark = pytest.mark.browser

LOOKS = [(1280, "light"), (390, "dark")]
IDS = ["1280-light", "390-dark"]


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=IDS)
def test_curves_are_drawn_beside_the_table(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments/{site.churn}?mode=split&smooth=0.5")
    chart = page.get_by_role("region", name="loss", exact=True)
    chart.scroll_into_view_if_needed()
    expect(chart.locator("canvas")).to_be_visible()
    expect(chart).to_contain_text("points")
    assert count_painted(chart) > 500
    assert find_barriers(page) == []


def count_painted(chart: Locator) -> int:
    """Count the pixels of a chart that are not empty."""
    script = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
        .reduce((sum, value, n) => sum + (n % 4 === 3 && value > 0 ? 1 : 0), 0)"""
    return int(chart.locator("canvas").evaluate(script))


def test_a_stretch_of_a_curve_is_fetched_again_in_detail(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, "long curve")
    run = make_run(site.port, experiment, name="long")
    log(site.port, run, loss=[(step * 7919) % 1000 / 1000 for step in range(20_000)])
    finish(site.port, run)
    page.goto(f"{site.address}/experiments/{experiment}?mode=charts")
    chart = page.get_by_role("region", name="loss", exact=True)
    expect(chart).to_contain_text(re.compile(r"[\d,]+ of 20,000 points"))
    box = chart.locator(".u-over").bounding_box()
    assert box
    with page.expect_request(lambda asked: asks_for_a_stretch(asked.url, asked.post_data)):
        page.mouse.move(box["x"] + 60, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 90, box["y"] + 60, steps=4)
        page.mouse.up()
    expect(chart).not_to_contain_text("of 20,000 points")


def test_what_is_computed_has_a_curve_beside_those_of_its_metrics(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, "computed curves")
    for name, gap in (("near", 0.25), ("far", 4.0)):
        run = make_run(site.port, experiment, name=name)
        log(
            site.port,
            run,
            loss=[1 / (step + 1) for step in range(50)],
            val=[1 / (step + 1) + gap for step in range(50)],
        )
        finish(site.port, run)
    alone = make_run(site.port, experiment, name="without")
    log(site.port, alone, loss=[1.0, 0.5])
    finish(site.port, alone)
    page.goto(f"{site.address}/experiments/{experiment}?mode=split&columns=computed.metrics.val%20-%20metrics.loss")
    chart = page.get_by_role("region", name="val - loss", exact=True)
    expect(chart).to_contain_text("100 points")
    assert count_painted(chart) > 300
    expect(chart.get_by_label("Curves of val - loss: ")).to_be_visible()
    assert find_barriers(page) == []
    page.goto(f"{site.address}/experiments/{experiment}?mode=charts&columns=computed.metrics.val%20-%20metrics.none")
    expect(page.get_by_role("region", name="val - none", exact=True)).to_contain_text("None of these runs has all")


def test_each_kind_of_chart_is_a_click_away_from_the_curves_and_the_curves_from_it(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments/{site.churn}?mode=charts")
    kinds = page.get_by_role("group", name="Kind of chart")
    for name in ("Scatter", "Parallel", "Contour", "Bars", "Boxes", "Histogram"):
        kinds.get_by_role("button", name=name).click()
        expect(page.get_by_role("region", name=re.compile(f"^{name.lower()} of"))).to_be_visible()
    kinds.get_by_role("button", name="Curves").click()
    expect(page.get_by_label("Find a metric")).to_be_visible()


def test_a_chart_that_cannot_be_fetched_any_more_says_so(page: Page, site: Site) -> None:
    """A page stays open while its server is renewed, and the files of its charts have other names then."""
    page.route(re.compile("/assets/echarts-"), lambda route: route.fulfill(status=404))
    page.goto(f"{site.address}/experiments/{site.churn}?mode=charts&chart=bars")
    expect(page.get_by_text("This could not be loaded")).to_be_visible()


@pytest.mark.parametrize("kind", ["scatter", "parallel", "contour", "bars", "boxes", "histogram"])
def test_params_and_metrics_are_drawn_against_one_another(page: Page, site: Site, kind: str) -> None:
    page.goto(f"{site.address}/experiments/{site.churn}?mode=charts&chart={kind}&y=metrics.loss&z=metrics.loss")
    chart = page.get_by_role("region", name=f"{kind} of loss")
    expect(chart).to_contain_text("40 runs")
    expect(chart.locator("canvas").first).to_be_visible()
    chart.evaluate("""async chart => {
        const canvas = chart.querySelector("canvas")
        const read = () => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
        while (!read().some(Boolean)) await new Promise(requestAnimationFrame)
    }""")
    assert count_painted(chart) > 500
    if kind == "parallel":
        expect(chart.get_by_text("What goes with loss")).to_be_visible()
        assert find_barriers(page) == []


def test_metrics_of_one_value_are_bars_that_begin_at_zero(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments/{site.prices}?mode=charts")
    bars = page.get_by_role("list", name="rmse")
    expect(bars.get_by_role("listitem")).to_have_count(5)
    first, last = bars.get_by_role("listitem").first, bars.get_by_role("listitem").last
    expect(first).to_contain_text("trial-4")
    share = [
        float(bar.locator(".values-track span").evaluate("e => parseFloat(e.style.width)")) for bar in (first, last)
    ]
    assert share == [pytest.approx(2.6 / 3 * 100, abs=0.1), 100]
    first.get_by_role("link", name="trial-4").click()
    expect(page.get_by_role("heading", name="trial-4")).to_be_visible()


def test_a_contour_of_what_no_run_has_whole_says_so(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, "parts of a sweep")
    for number in range(4):
        run = make_run(site.port, experiment)
        log(site.port, run, {"a": str(number), "b": str(number * number)}, **{"rmse" if number else "best": [1.0]})
    page.goto(f"{site.address}/experiments/{experiment}?mode=charts&chart=contour&z=metrics.best")
    expect(page.get_by_role("heading", name="Too few runs have a number on each axis")).to_be_visible()
    page.get_by_label("height").select_option("rmse")
    expect(page.locator(".relation-canvas canvas")).to_be_visible()


def test_charts_of_hostile_names_run_nothing(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, "hostile charts")
    for number in range(3):
        run = make_run(site.port, experiment, name=f"{HOSTILE}{{a|b}}{number}")
        log(site.port, run, {"p": f"{HOSTILE}{number}"}, m=[0.0, float(number)], n=[1.0], o=[2.0])
    for kind in ("scatter", "boxes", "bars", "parallel", "contour", "histogram"):
        page.goto(f"{site.address}/experiments/{experiment}?mode=charts&chart={kind}")
        canvas = page.locator(".relation-canvas canvas").first
        expect(canvas).to_be_visible()
        box = canvas.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.goto(f"{site.address}/experiments/{experiment}?mode=split")
    page.locator(".u-over").first.hover()
    expect(page.locator(".plot-tip").first).to_contain_text("<script>")
    expect(page.get_by_role("list", name="n", exact=True)).to_contain_text("<script>")


def asks_for_a_stretch(url: str, body: str | None) -> bool:
    return "metrics/curves" in url and json.loads(body or "{}").get("start_step") is not None


@pytest.fixture(scope="module")
def sections(site: Site) -> str:
    """An experiment of a run with five metrics in two sections."""
    experiment = make_experiment(site.port, "of sections")
    run = make_run(site.port, experiment, name="one")
    log(site.port, run, {"p": "1"}, **{f"train/{key}": [1.0, 0.5, 0.25] for key in "abc"})
    log(site.port, run, {}, **{f"val/{key}": [1.0, 0.5] for key in "ab"})
    finish(site.port, run)
    return experiment


def list_cards(page: Page, section: str) -> list[str]:
    return page.locator("details", has=page.locator("summary", has_text=section)).locator("h3").all_inner_texts()


def test_a_board_is_arranged_by_keys_and_kept_in_its_address(page: Page, site: Site, sections: str) -> None:
    page.goto(f"{site.address}/experiments/{sections}?mode=charts")
    expect(page.get_by_role("heading", name="val/b")).to_be_visible()
    handle = page.get_by_role("button", name="Move train/c")
    for _ in range(2):
        handle.press("ArrowLeft")
    expect(page.get_by_text("train/c is at place 1 of 3")).to_be_attached()
    expect(handle).to_be_focused()
    page.get_by_role("button", name="Size of train/c").press("ArrowRight")
    page.get_by_role("button", name="Size of train/c").press("ArrowDown")
    page.get_by_role("button", name="Acts on the chart of train/a").click()
    page.get_by_role("menuitem", name="Leave out").click()
    page.locator("summary", has_text="val").click()
    expect(page).to_have_url(re.compile("shut=val"))
    page.reload()
    expect(page.get_by_role("heading", name="train/c")).to_be_visible()
    assert list_cards(page, "train") == ["train/c", "train/b"]
    assert list_cards(page, "val") == []
    wide, plain = (page.get_by_role("region", name=f"train/{key}").bounding_box() for key in "cb")
    assert wide
    assert plain
    assert wide["width"] > 1.9 * plain["width"]
    assert wide["height"] > 1.9 * plain["height"]
    assert find_barriers(page) == []
    page.get_by_role("button", name="Arranged charts").click()
    page.get_by_role("menuitem", name="Show train/a").click()
    expect(page.get_by_role("heading", name="train/a")).to_be_visible()
    page.get_by_role("button", name="Arranged charts").click()
    page.get_by_role("menuitem", name="As they were at first").click()
    expect(page).to_have_url(re.compile(r"\?mode=charts$"))
    assert list_cards(page, "train") == ["train/a", "train/b", "train/c"]


def test_cards_are_dragged_sized_and_taken_back(page: Page, site: Site, sections: str) -> None:
    page.goto(f"{site.address}/experiments/{sections}?mode=charts")
    page.get_by_role("button", name="Move train/c").drag_to(page.get_by_role("heading", name="train/a"))
    expect(page).to_have_url(re.compile("first=train%2Fc"))
    page.get_by_role("button", name="Move train/b").drag_to(page.get_by_role("heading", name="val/a"))
    assert list_cards(page, "train") == ["train/c", "train/a", "train/b"]
    card = page.get_by_role("region", name="train/c")
    box = card.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 6, box["y"] + box["height"] - 6)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 140, box["y"] + box["height"], steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile("sizes=train%2Fc%3A2x1"))
    card.get_by_role("button", name="Acts on the chart").click()
    page.get_by_role("menuitem", name="Leave out").click()
    expect(card).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(card).to_be_visible()


def test_a_chart_of_params_is_kept_beside_the_curves(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/experiments/{site.churn}?mode=charts&chart=boxes&px=params.lr&y=metrics.loss")
    page.get_by_role("button", name="Keep beside the curves").click()
    kept = page.get_by_role("region", name="loss by lr")
    expect(kept).to_contain_text("40 runs")
    expect(kept.locator("canvas")).to_be_visible()
    expect(page.get_by_role("region", name="accuracy", exact=True)).to_be_visible()
    kept.get_by_role("button", name="Acts on the chart").click()
    page.get_by_role("menuitem", name="Leave out").click()
    expect(kept).to_have_count(0)
    page.go_back()
    expect(kept).to_be_visible()


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=IDS)
def test_images_over_steps_are_stepped_through_beside_charts_and_on_the_run(page: Page, site: Site) -> None:
    experiment = make_experiment(site.port, f"of images {page.viewport_size}")
    runs = [make_run(site.port, experiment, name=f"{HOSTILE}{number}") for number in range(2)]
    for number, run in enumerate(runs):
        root = call(site.port, "GET", f"/runs/{run}")["artifact_uri"].removeprefix("mlflow-artifacts:/").strip("/")
        for step in range(0, 30, 10):
            name = f"val~<b>{number}+step+{step}+timestamp+{step}+id{step}.png"
            put(site.port, f"{root}/images/{name}", draw(step // 10))
        call(site.port, "POST", f"/runs/{run}/ingest", Ingest(run_id=run, tags={"mlflow.loggedImages": "True"}))
    for address in (
        f"/experiments/{experiment}?mode=charts",
        f"/runs/{runs[0]}?tab=metrics",
        f"/compare?runs={','.join(runs)}&tab=charts",
    ):
        page.goto(site.address + address)
        series = page.get_by_role("region", name="Images of val/<b>0")
        image = series.get_by_role("img").first
        expect(image).to_have_attribute("alt", f"val/<b>0 of {HOSTILE}0 at step 20")
        expect(image).to_have_js_property("naturalWidth", 48)
        page.get_by_role("slider", name="Step of the images").press("ArrowLeft")
        expect(image).to_have_attribute("alt", f"val/<b>0 of {HOSTILE}0 at step 10")
        expect(page).to_have_url(re.compile("step=10"))
    assert find_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    series.get_by_role("link").first.click()
    expect(page.locator(".image img")).to_have_js_property("naturalWidth", 48)


def test_curves_of_compared_runs_are_smoothed_and_looked_into_as_all_others(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/compare?runs={','.join(site.runs[:3])}&tab=charts")
    chart = page.get_by_role("region", name="loss", exact=True)
    expect(chart).to_contain_text("600 points")
    page.get_by_role("slider", name="Smooth").fill("0.9")
    page.get_by_label("ignore outliers").check()
    expect(page).to_have_url(re.compile("smooth=0.9&outliers=0"))
    chart.get_by_role("button", name="Acts on the chart").click()
    page.get_by_role("menuitem", name="Enlarge").click()
    expect(page.get_by_role("dialog").locator("canvas")).to_be_visible()
    assert find_barriers(page) == []
