"""Every page, in every look: it fits, and it keeps nobody out."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.ui.every_page import PAGES, find_faults, locate
from tests.ui.looking import Site
from tests.ui.rich import Rich

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.usefixtures("operated")
def test_it_fits_and_keeps_nobody_out(page: Page, site: Site, rich: Rich, name: str) -> None:
    assert find_faults(page, locate(name, site, rich)) == []
