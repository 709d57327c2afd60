"""The page of one run: what it says, what can be changed on it, and its files."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.looking import HOSTILE, Site, call, find_barriers, make_experiment, make_run
from tests.ui.rich import Rich, put

pytestmark = pytest.mark.browser

LOOKS = [(1280, "light"), (390, "dark")]
IDS = ["1280-light", "390-dark"]
EVIL = """<!doctype html><p id="said">loaded</p><img src="http://example.invalid/a.png"><script>
for (const act of [
  () => { parent.document.title = "taken" }, () => { parent.pwned = 1 }, () => { top.location = "about:blank" },
  () => { fetch("/api/v1/runs/search", {method: "POST", body: "{}"}) }, () => { localStorage.setItem("a", "b") },
  () => { document.cookie = "a=b" }, () => { open("http://example.invalid/") },
]) try { act() } catch { document.getElementById("said").textContent += " refused" }
</script>"""


def test_a_link_to_a_file_has_it_in_sight_in_the_tree(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path=work.ipynb")
    expect(page.get_by_role("button", name="work.ipynb", exact=False).first).to_be_in_viewport(ratio=1)


def test_a_run_says_what_it_is_and_what_it_came_from(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}")
    for text in ["Finished", "train.py", "CPython 3.12.3", "scikit-learn", "000000000000"]:
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.get_by_role("region", name="Params").get_by_role("row", name="why")).to_contain_text(HOSTILE)
    expect(page.locator(".spark path")).to_have_attribute("d", re.compile("^M.*L"))
    page.get_by_text("2 lines changed").click()
    expect(page.locator(".t-added").last).to_have_text("+rate = 0.00\n")
    left_out = page.get_by_role("region", name="Files that were not kept").get_by_role("row").last
    expect(left_out).to_contain_text("larger than 512 KiB")
    expect(left_out).to_contain_text(HOSTILE)
    note = page.get_by_role("region", name="Notes")
    expect(note.get_by_role("link")).to_have_count(1)
    expect(note).to_contain_text("[click](javascript:window.pwned=1) <img src=x onerror=window.pwned=1>")


def test_notes_tags_and_the_name_are_changed_and_taken_back(page: Page, site: Site) -> None:
    run = make_run(site.port, make_experiment(site.port, "of a run to be changed"), name="to be changed")
    page.goto(f"{site.address}/runs/{run}")
    page.get_by_role("button", name="Edit: Notes").click()
    page.get_by_label("Notes in Markdown").fill("It **works**")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Notes").locator("strong")).to_have_text("works")
    page.get_by_role("button", name="Add").click()
    page.get_by_label("Name", exact=True).fill("stage")
    page.get_by_label("Value", exact=True).fill("draft")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    expect(page.get_by_role("region", name="Tags")).to_contain_text("draft")
    page.get_by_role("button", name="Delete the tag stage").click()
    expect(page.get_by_role("region", name="Tags")).not_to_contain_text("draft")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("region", name="Tags")).to_contain_text("draft")
    page.get_by_role("button", name="Acts on this run").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("changed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="changed")).to_be_visible()
    page.get_by_role("button", name="Acts on this run").click()
    page.get_by_role("menuitem", name="Move to the trash").click()
    expect(page.get_by_text("In the trash", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("In the trash", exact=True)).to_have_count(0)
    assert call(site.port, "GET", f"/runs/{run}")["tags"]["mlflow.note.content"] == "It **works**"


def test_models_of_a_run_are_looked_at_and_registered(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}")
    page.get_by_role("link", name="Look at them").click()
    expect(page.get_by_role("row", name="f1")).to_contain_text("0.75")
    expect(page.get_by_role("region", name="Params", exact=True)).to_contain_text(HOSTILE)
    expect(page.get_by_text("owner's city")).to_be_visible()
    page.get_by_role("button", name="Register this model").click()
    page.get_by_label("Name of the model").fill("of its own")
    page.get_by_role("dialog").get_by_role("button", name="Register").click()
    expect(page.get_by_text(f"models:/{rich.logged}").first).to_be_visible()
    expect(page.get_by_text("python_function, sklearn")).to_be_visible()
    page.get_by_role("button", name="Search").click()
    page.get_by_role("combobox").fill("of its")
    expect(page.get_by_role("option", name="of its own model")).to_be_visible()


def test_a_run_says_what_its_data_hold_and_what_was_registered_of_it(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}")
    facts = page.get_by_role("region", name="Run", exact=True)
    expect(facts.get_by_role("link", name=f"{rich.model} 2 (Staging)")).to_be_visible()
    sets = page.get_by_role("region", name="Data sets").first
    expect(sets).to_contain_text("code train.py")
    sets.get_by_role("button", name="1,200 rows, 2 columns").click()
    detail = page.get_by_role("dialog", name=HOSTILE)
    expect(detail.get_by_role("row", name="city")).to_contain_text("string, optional")
    assert find_barriers(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("link", name="made at step 3").click()
    expect(page.get_by_role("region", name="<b>churn<b>")).to_be_visible()


def test_a_run_says_how_it_is_run_again(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}")
    page.get_by_role("button", name="Acts on this run").click()
    page.get_by_role("menuitem", name="Run it again").click()
    expect(page.get_by_role("dialog", name="Run it again")).to_contain_text(f"trackway reproduce {rich.run}")


def test_a_run_leads_to_its_parents_and_children(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/runs?filter=")
    trial = call(site.port, "POST", "/runs/search", {"filter": "run_name = 'trial-0'"})["runs"][0]["run_id"]
    page.goto(f"{site.address}/runs/{trial}")
    family = page.get_by_role("list", name="Runs of this tree")
    expect(family.get_by_role("listitem")).to_have_count(7)
    family.get_by_role("link", name="sweep").click()
    expect(page.get_by_role("heading", name="sweep")).to_be_visible()


def test_a_run_shows_how_it_came_of_others(page: Page, site: Site) -> None:
    experiment, elsewhere = (make_experiment(site.port, name) for name in ("of linked runs", "of features"))
    features = make_run(site.port, elsewhere, name="features of May")
    failed, again = (make_run(site.port, experiment, name=name) for name in ("first try", "second try"))
    page.goto(f"{site.address}/runs/{again}")
    lineage = page.get_by_role("region", name="Lineage")
    expect(page.get_by_role("region", name="Params")).to_be_visible()
    expect(lineage).to_have_count(0)
    second = ((again, "uses", features), (again, "retry_of", failed), (again, "uses", failed))
    for run, kind, earlier in ((failed, "uses", features), *second):
        call(site.port, "PUT", f"/runs/{run}/links/{kind}/{earlier}")
    page.reload()
    boxes = lineage.first.get_by_role("listitem")
    expect(boxes).to_have_count(3)
    expect(boxes.first).to_contain_text("second try")
    expect(boxes.first).to_contain_text(re.compile("(retry of, uses|uses, retry of) first try"))
    expect(boxes.first).to_contain_text("uses features of May")
    expect(lineage.first.locator("text").filter(has_text="retry of")).to_have_count(1)
    assert find_barriers(page) == []
    lineage.first.get_by_role("link", name="features of May").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("features of May")
    expect(boxes).to_have_count(3)


def test_curves_are_drawn_along_what_one_chooses(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/runs/{site.runs[39]}?tab=metrics")
    card = page.get_by_role("region", name="loss")
    expect(card).to_contain_text("200 points, 2 NaN or infinite")
    expect(card.locator("canvas")).to_be_visible()
    page.get_by_label("x axis").select_option("time")
    page.get_by_label("log y").check()
    expect(page).to_have_url(re.compile("x=time&logy=1$"))
    page.get_by_label("Find a metric").fill("accu")
    expect(card).to_have_count(0)


def test_what_a_run_prints_is_followed_while_it_goes_on(page: Page, site: Site) -> None:
    run = make_run(site.port, make_experiment(site.port, "of a run printing"), name="printing")
    root = call(site.port, "GET", f"/runs/{run}")["artifact_uri"].removeprefix("mlflow-artifacts:/").strip("/")
    put(site.port, f"{root}/stdout.log", b"begun\n")
    page.goto(f"{site.address}/runs/{run}?tab=logs")
    printed = page.get_by_label("stdout.log", exact=True)
    expect(printed).to_contain_text("begun")
    put(site.port, f"{root}/stdout.log", f"begun\n{HOSTILE}\n".encode())
    expect(printed).to_contain_text(HOSTILE)
    assert printed.text_content() == f"begun\n{HOSTILE}\n"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("train.py", "# the rate"),
        ("config.json", '"rate": 0.1'),
        ("config.yaml", "layers:"),
        ("notes.md", "What was tried"),
        ("table.csv", "Rows 1 to 50 of 121"),
        ("table.parquet", "Rows 1 to 50 of 120"),
        ("packed.parquet", "0.125"),
        ("table.json", "Rows 1 to 2 of 2"),
        ("work.ipynb", "From a notebook"),
        ("blob.bin", "There is no preview"),
        ("table.csv.gz", "Rows 1 to 50 of 120"),
        ("broken.log.gz", "What could be unpacked is shown"),
        ("bomb.txt.gz", "The first 1.0 MB are shown"),
        ("bundle.zip", "6 entries"),
        ("curve.npy", "2,000"),
        ("objects.npy", "pickled Python objects, which are never unpickled here"),
        ("places.geojson", "3 features, from 2.1"),
        ("net.onnx", "float32 (batch, 4)"),
        ("net.onnx", "<img src=x onerror=window.pwned=1>"),
        ("model/MLmodel", "float64 (any)"),
        ("model", "owner's city"),
        ("missing.txt", "There is no such file"),
    ],
)
def test_a_file_is_shown_as_what_it_is(page: Page, site: Site, rich: Rich, path: str, shown: str) -> None:
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path={path}")
    expect(page.locator(".files-shown").get_by_text(shown).first).to_be_visible()


def test_tables_are_turned_page_by_page_and_cells_are_text(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path=table.csv")
    expect(page.get_by_role("cell", name='a "0", b')).to_be_visible()
    page.get_by_role("button", name="Rows after").click()
    page.get_by_role("button", name="Rows after").click()
    expect(page.get_by_role("row", name=HOSTILE.replace(",", ""))).to_be_visible()
    expect(page.get_by_role("button", name="Rows after")).to_be_disabled()


def test_images_are_stepped_through_and_nothing_in_them_runs(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path=images/step-1.png")
    slider = page.get_by_role("slider", name="Image")
    expect(slider).to_have_value("1")
    slider.press("ArrowRight")
    expect(page).to_have_url(re.compile("step-2.png$"))
    image = page.locator(".image img")
    expect(image).to_have_attribute("alt", "step-2.png")
    expect(image).to_have_js_property("naturalWidth", 48)
    page.get_by_role("button", name="drawing.svg").click()
    expect(page.locator(".image img")).to_have_js_property("naturalWidth", 80)


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=IDS)
def test_places_are_drawn_and_their_names_are_text(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path=places.geojson")
    drawing = page.get_by_role("img", name="3 features drawn")
    expect(drawing.locator("path")).to_have_count(2)
    expect(drawing.locator("circle")).to_have_count(1)
    assert HOSTILE in (drawing.locator("title").first.text_content() or "")
    assert find_barriers(page) == []
    page.get_by_text("As text").click()
    expect(page.locator(".source")).to_contain_text("LineString")
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path=net.onnx")
    expect(page.get_by_role("region", name="ONNX model")).to_contain_text("12 in 1 tensor")
    assert find_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=IDS)
def test_an_archive_is_looked_into_and_its_names_are_text(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path=bundle.zip")
    entries = page.get_by_role("region", name="Entries")
    for name in ("../../etc/passwd", "holiday\ufffdgnp.exe", HOSTILE):
        expect(entries.get_by_text(name, exact=True)).to_be_visible()
    expect(entries.get_by_role("button", name="picture.png")).to_have_count(0)
    assert find_barriers(page) == []
    entries.get_by_role("button", name="notes/read me.txt").click()
    expect(page.locator(".source")).to_have_text(f"In the archive: {HOSTILE}")
    page.get_by_role("button", name="All entries").click()
    entries.get_by_role("button", name="matrix.npy").click()
    expect(page.get_by_role("region", name="NumPy array")).to_contain_text("3 × 4")
    expect(page.get_by_role("region", name="Rows").get_by_role("row").last).to_have_text("3891011")
    assert find_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]


def test_media_and_documents_load(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path=sound.wav")
    expect(page.locator("audio")).to_have_js_property("duration", 0.1)
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path=paper.pdf")
    expect(page.locator("iframe.document")).to_have_attribute("src", re.compile("^blob:"))
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path=report.html")
    expect(page.frame_locator("iframe.document").locator("#said")).to_have_text("drawn by its script, and alone")


def test_a_page_that_was_logged_reaches_nothing(browser: Browser, site: Site) -> None:
    run = make_run(site.port, make_experiment(site.port, "of a run evil"), name="evil")
    root = call(site.port, "GET", f"/runs/{run}")["artifact_uri"].removeprefix("mlflow-artifacts:/").strip("/")
    put(site.port, f"{root}/evil.html", EVIL.encode())
    page = browser.new_page()
    answered: list[str] = []
    page.goto(f"{site.address}/runs/{run}?tab=artifacts")
    page.on("response", lambda response: answered.append(response.request.frame.name or response.url))
    page.context.on("page", lambda opened: answered.append(opened.url))
    address = page.url
    page.get_by_role("button", name="evil.html").click()
    expect(page.frame_locator("iframe.document").locator("#said")).to_have_text(re.compile("(refused.*){4}"))
    assert page.url.startswith(address)
    assert page.title() == "evil · Trackway"
    assert page.evaluate("[window.pwned, document.cookie, localStorage.length]") == [None, "", 0]
    assert not [url for url in answered if "runs/search" in url or "example.invalid" in url or url == "about:blank"]
    page.context.close()


def test_files_come_and_go(page: Page, site: Site) -> None:
    run = make_run(site.port, make_experiment(site.port, "of a run with files"), name="with files")
    page.goto(f"{site.address}/runs/{run}?tab=artifacts")
    expect(page.get_by_text("No files yet")).to_be_visible()
    chooser = page.get_by_label("Files to upload")
    chooser.set_input_files({"name": "sent.txt", "mimeType": "text/plain", "buffer": b"sent"})
    page.get_by_role("button", name="sent.txt").click()
    expect(page.locator(".source")).to_have_text("sent")
    chooser.set_input_files({"name": HOSTILE.replace("/", ""), "mimeType": "text/html", "buffer": b"sent"})
    expect(page.get_by_role("button", name="window.pwned=1")).to_be_visible()
    chooser.set_input_files({"name": "sent.txt", "mimeType": "text/plain", "buffer": b"another"})
    expect(page.get_by_text("“sent.txt” is there already")).to_be_visible()
    with page.expect_download() as one:
        page.get_by_role("link", name="Download", exact=True).click()
    assert one.value.path().read_bytes() == b"sent"
    with page.expect_download() as all_of_them:
        page.get_by_role("link", name="All as zip").click()
    assert all_of_them.value.path().read_bytes().startswith(b"PK")


@pytest.mark.parametrize("page", [(390, "light")], indirect=True, ids=["390-light"])
def test_a_folder_of_images_shows_them_and_the_open_tab_is_in_sight(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/runs/{rich.run}?tab=artifacts&path=images")
    expect(page.get_by_role("link", name="Artifacts", exact=True)).to_be_in_viewport(ratio=0.9)
    expect(page.get_by_text("1 of 4", exact=True)).to_be_visible()
    page.locator(".gallery").get_by_role("button", name="step-2.png").click()
    expect(page).to_have_url(re.compile(r"path=images(%2F|/)step-2\.png"))
    expect(page.get_by_text("3 of 4", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_text("1 of 4", exact=True)).to_be_visible()
