"""A browser, and a server with runs to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.services.trackway_server import run_trackway
from tests.ui.looking import Site, fill, launch
from tests.ui.rich import Rich, make_rich, operate
from trackway.server.static import FOLDER

expect.set_options(timeout=30_000)  # a slow machine is no failure


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for each process that runs tests."""
    assert (FOLDER / "index.html").exists(), "the web UI is not built: run `make ui`"
    with sync_playwright() as playwright, launch(playwright) as one:
        yield one


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with experiments and runs, some of them with names that are markup."""
    with run_trackway(tmp_path_factory.mktemp("ui")) as port:
        yield fill(port)


@pytest.fixture(scope="session")
def rich(site: Site) -> Rich:
    """Two runs with files of every kind, and a registered model of two versions."""
    return make_rich(site.port)


@pytest.fixture(scope="session")
def operated(site: Site) -> Site:
    """The server with a webhook, a schedule and a project, as an operator has them."""
    operate(site.port)
    return site


@pytest.fixture
def page(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of 1,280 pixels' width, which must not fail, nor ask anybody else, nor run what a name holds.

    A test may be given other ones by ``@pytest.mark.parametrize("page", [(390, "dark")], indirect=True)``.
    """
    width: int
    scheme: Literal["light", "dark"]
    width, scheme = getattr(request, "param", (1280, "light"))
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.set_default_timeout(30_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("console", lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None)
    page.on("request", lambda asked: wrong.append(f"foreign: {asked.url}") if not _is_own(asked.url, site) else None)
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    yield page
    assert page.evaluate("window.pwned") is None, "a name was run"
    context.close()
    assert wrong == []


def _is_own(url: str, site: Site) -> bool:
    """Tell whether a request stays here; the browser's own viewer of PDF is one of its pages."""
    return url.startswith((site.address, "blob:", "data:", "chrome-extension:", "chrome://resources/"))
