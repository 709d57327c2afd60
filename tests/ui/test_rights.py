"""What somebody is told who has no role, may read alone, or may create: whom to ask, and nothing that is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.guarded import PASSWORD, Guarded, open_page, run_guarded, sign_in
from tests.ui.looking import find_barriers

pytestmark = pytest.mark.browser
WHOLE = {"subject_kind": "user", "target_kind": "workspace", "target": ""}
SECTIONS = (
    "experiments", "runs", "models", "projects", "schedules", "webhooks", "audit", "jobs", "doctor", "members", "trash",
    "settings",
)  # fmt: skip
"""Where the navigation leads."""
ELSE_TOLD = {"trash": "What you deleted", "doctor": "only shown to administrators"}
"""What pages say to a reader that have nothing to ask for."""
CREATES = re.compile("^(Create|Add|Give a role|Trust a key|Change|Empty it)$")
"""Buttons that begin what changes something."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with run_guarded(tmp_path_factory.mktemp("guarded")) as site:
        site.call("POST", "/experiments", {"name": "prices"})
        for name in ("nora", "rita", "edith"):
            site.call("POST", "/users", {"name": name, "password": PASSWORD})
        for name, role in (("rita", "reader"), ("edith", "editor")):
            site.call("POST", "/grants", {**WHOLE, "subject": name, "role": role})
        site.call("POST", "/workspaces", {"name": "optics"})
        site.call("POST", "/grants", {**WHOLE, "subject": "nora", "role": "reader"}, inside="/w/optics")
        yield site


@pytest.fixture
def page(browser: Browser, guarded: Guarded) -> Iterator[Page]:
    """A page on that server, before anybody has signed in."""
    with open_page(browser, guarded) as page:
        yield page


@pytest.mark.parametrize("section", SECTIONS)
def test_who_has_no_role_is_told_so_whom_to_ask_and_where_to_go(page: Page, guarded: Guarded, section: str) -> None:
    sign_in(page, guarded, "nora")
    page.goto(f"{guarded.address}/{section}")
    main = page.get_by_role("main")
    expect(main.get_by_role("heading", name="You have no role in the workspace “default” yet")).to_be_visible()
    expect(main).to_contain_text("You are signed in as nora. To see what is here, ask root for a role.")
    expect(main.get_by_role("button")).to_have_text(["optics"])
    main.get_by_role("button", name="optics").click()
    expect(page).to_have_url(f"{guarded.address}/w/optics/experiments")
    expect(page.get_by_role("main")).to_contain_text("You may look, not create: ask root for a role.")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_who_has_no_role_sees_fits_and_keeps_nobody_out(
    page: Page, guarded: Guarded, width: int, theme: Any
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=theme)
    sign_in(page, guarded, "nora")
    expect(page.get_by_role("button", name="optics")).to_be_visible()
    assert find_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_who_has_no_role_comes_to_their_own_account(page: Page, guarded: Guarded) -> None:
    sign_in(page, guarded, "nora")
    page.get_by_role("main").get_by_role("link", name="My account").click()
    expect(page.get_by_role("heading", name="My tokens")).to_be_visible()


@pytest.mark.parametrize("name", ["nowhere", "optics"])
def test_a_workspace_that_is_not_there_for_somebody_says_so_and_where_to_go(
    page: Page, guarded: Guarded, name: str
) -> None:
    sign_in(page, guarded, "rita")
    page.goto(f"{guarded.address}/w/{name}/models")
    main = page.get_by_role("main")
    expect(main.get_by_role("heading", name=f"There is no workspace '{name}'")).to_be_visible()
    expect(main).not_to_contain_text("root")
    main.get_by_role("button", name="default").click()
    expect(page).to_have_url(f"{guarded.address}/w/default/experiments")
    expect(page.get_by_role("link", name="prices")).to_be_visible()


@pytest.mark.parametrize("section", SECTIONS)
def test_who_may_read_is_offered_nothing_that_is_refused(page: Page, guarded: Guarded, section: str) -> None:
    sign_in(page, guarded, "rita")
    page.goto(f"{guarded.address}/{section}")
    main = page.get_by_role("main")
    expect(main).to_contain_text(ELSE_TOLD.get(section, "ask root"))
    page.wait_for_load_state("networkidle")
    expect(main.get_by_role("button", name=CREATES)).to_have_count(0)
    expect(main.get_by_role("button", name="Try again")).to_have_count(0)


@pytest.mark.parametrize(("section", "offered"), [("experiments", 1), ("models", 1), ("schedules", 0), ("webhooks", 0)])
def test_who_may_create_is_offered_what_they_may_create(
    page: Page, guarded: Guarded, section: str, offered: int
) -> None:
    sign_in(page, guarded, "edith")
    page.goto(f"{guarded.address}/{section}")
    main = page.get_by_role("main")
    if not offered:
        expect(main).to_contain_text("ask root")
    expect(main.get_by_role("button", name="Create", exact=True)).to_have_count(offered)
