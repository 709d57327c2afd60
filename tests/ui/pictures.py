"""Pictures of the main pages for README and docs: `python -m tests.ui.pictures`, or `make pictures`.

With a folder as its argument it takes every page in every look into that folder, for whoever changes how pages look.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

import PIL.Image
from playwright.sync_api import Browser, expect, sync_playwright

from tests.repository.source import ROOT
from tests.services.trackway_server import run_trackway
from tests.ui.every_page import PAGES, locate, turn
from tests.ui.gallery import NOW_MS, Gallery, make_gallery
from tests.ui.looking import fill, launch
from tests.ui.rich import make_rich, operate

FOLDER = ROOT / "docs/images"
WIDTH, HEIGHT = 1280, 800
COLOURS = 128
"""A picture of a page has few colours: so many are enough, and make it a third of the size."""


class Picture(NamedTuple):
    """A page, and what must be on it before it is taken."""

    name: str
    address: str
    shown: str
    scheme: Literal["light", "dark"] = "light"


def list_pictures(gallery: Gallery) -> list[Picture]:
    """Return what is pictured."""
    runs = f"/experiments/{gallery.experiment}"
    three = ",".join(gallery.runs[-4:-1])
    goal = quote("metrics.val/accuracy", safe="")
    chosen = quote("status,params.model,params.lr,params.batch_size,metrics.val/accuracy,metrics.val/loss")
    board = f"without=lr&kept=contour%20params.lr%20params.batch_size%20{quote(goal)},histogram%20x%20{quote(goal)}"
    return [
        Picture(
            "runs",
            f"{runs}?columns={chosen}&order={quote('metrics.`val/accuracy` DESC')}&top={gallery.runs[0]}",
            ".grid-top .run-name",
        ),
        Picture("charts", f"{runs}?mode=charts&smooth=0.7&{board}", ".uplot canvas"),
        Picture("charts-dark", f"{runs}?mode=split&smooth=0.7&columns={chosen}", ".uplot canvas", "dark"),
        Picture("parallel", f"{runs}?mode=charts&chart=parallel&y={goal}", ".relation-canvas canvas"),
        Picture("run", f"/runs/{gallery.runs[-1]}", ".spark path"),
        Picture("images", f"/compare?runs={three}&tab=charts&shut=.,train&step=120", ".image-row img"),
        Picture("compare", f"/compare?runs={three}", ".table"),
        Picture("version", f"/models/{gallery.model}/versions/1", "main .section"),
    ]


def take(browser: Browser, address: str, picture: Picture) -> bytes:
    """Return a page as PNG, once nothing of it is on its way."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=picture.scheme, timezone_id="UTC", locale="en-GB"
    )
    try:
        page = context.new_page()
        page.clock.set_fixed_time(datetime.fromtimestamp(NOW_MS / 1_000, UTC))
        page.goto(address + picture.address)
        expect(page.locator(picture.shown).first).to_be_visible(timeout=30_000)
        expect(page.locator("[aria-busy]")).to_have_count(0, timeout=30_000)
        page.locator(picture.shown).first.scroll_into_view_if_needed()
        page.evaluate("document.fonts.ready")
        return page.screenshot(animations="disabled")
    finally:
        context.close()


def shrink(data: bytes) -> bytes:
    """Return a picture with as many colours as a page needs."""
    packed = io.BytesIO()
    with PIL.Image.open(io.BytesIO(data)) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=PIL.Image.Dither.NONE).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def take_main_pages(browser: Browser, port: int) -> None:
    """Take the pictures of docs/images anew."""
    FOLDER.mkdir(exist_ok=True)
    for picture in list_pictures(make_gallery(port)):
        data = shrink(take(browser, f"http://127.0.0.1:{port}", picture))
        (FOLDER / f"{picture.name}.png").write_bytes(data)
        print(f"{picture.name}.png: {len(data):,} bytes", flush=True)


def take_every_page(browser: Browser, port: int, folder: Path) -> None:
    """Take every page in every look."""
    site, rich = fill(port), make_rich(port)
    operate(port)
    page = browser.new_page()
    for name in PAGES:
        for look in turn(page, locate(name, site, rich)):
            page.screenshot(path=folder / f"{name}-{look.width}-{look.scheme}.png", animations="disabled")


def main() -> None:
    """Take pictures of a server of one's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="for every page in every look")
    every: Path | None = parser.parse_args().folder
    with (
        tempfile.TemporaryDirectory(prefix="pictures-") as folder,
        run_trackway(Path(folder)) as port,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        if every is None:
            take_main_pages(browser, port)
        else:
            every.mkdir(parents=True, exist_ok=True)
            take_every_page(browser, port, every)


if __name__ == "__main__":
    main()
