"""Workspaces in the browser: the choice is in the address, and every page and link stays in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, expect

from tests.services.trackway_server import run_trackway

pytestmark = pytest.mark.browser


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with run_trackway(tmp_path) as number:
        yield number


def post(port: int, path: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers), timeout=30) as answer:
        return json.load(answer)


def test_one_changes_the_workspace_in_the_frame_and_stays_in_it(browser: Browser, port: int) -> None:
    page = browser.new_page()
    root = f"http://127.0.0.1:{port}"
    page.goto(f"{root}/experiments")
    expect(page.get_by_text("Default").first).to_be_visible()
    expect(page.get_by_label("Workspace:")).to_have_count(0)  # where there is one, there is nothing to choose
    post(port, "/api/v1/workspaces", {"name": "vision"})
    post(port, "/w/vision/api/v1/experiments", {"name": "cameras"})
    page.reload()
    page.get_by_role("button", name="Workspace: default").click()
    page.get_by_role("menuitem", name="vision").click()
    expect(page).to_have_url(f"{root}/w/vision/experiments")
    page.get_by_role("link", name="cameras").click()
    expect(page).to_have_url(re.compile(rf"^{re.escape(root)}/w/vision/experiments/\d+"))
    expect(page.get_by_role("button", name="Workspace: vision")).to_be_visible()
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page).to_have_url(f"{root}/w/vision/models")
    page.go_back()
    expect(page).to_have_url(re.compile(rf"^{re.escape(root)}/w/vision/experiments/\d+"))
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Models", exact=True).click(modifiers=["ControlOrMeta"])
    expect(opened.value).to_have_url(f"{root}/w/vision/models")
    page.context.close()
