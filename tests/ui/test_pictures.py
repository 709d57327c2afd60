"""Pictures for README and docs: each is there, is used, and is small."""

from __future__ import annotations

import re
from functools import partial

import pytest
from playwright.sync_api import Browser

from tests.repository.source import ROOT
from tests.ui.gallery import Gallery
from tests.ui.looking import Site
from tests.ui.pictures import FOLDER, Picture, list_pictures, shrink, take

MOST_BYTES = 120_000


def test_every_picture_is_there_is_used_and_is_small() -> None:
    made = {f"{picture.name}.png" for picture in list_pictures(Gallery("1", ["r"] * 5, "m"))}
    assert {path.name for path in FOLDER.glob("*")} == made, "run `make pictures`"
    read = partial(re.findall, r"images/([\w-]+\.png)")
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    assert {name for page in pages for name in read(page.read_text(encoding="utf-8"))} == made
    assert all(path.stat().st_size <= MOST_BYTES for path in FOLDER.glob("*.png"))


@pytest.mark.browser
def test_a_picture_is_taken_of_a_page_that_is_whole(browser: Browser, site: Site) -> None:
    picture = Picture("runs", f"/experiments/{site.churn}", ".grid-body .run-name")
    assert shrink(take(browser, site.address, picture)).startswith(b"\x89PNG")
