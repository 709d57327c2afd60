"""A server where people sign in, and a browser's page on it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.services.trackway_server import run_trackway
from tests.ui.looking import HOSTILE

ADMIN, PASSWORD = "root", "correct horse battery"


class Guarded(NamedTuple):
    """A server with access control."""

    address: str
    port: int

    def call(self, method: str, path: str, body: Any = None, who: str = ADMIN, inside: str = "") -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        secret = base64.b64encode(f"{who}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/json"}
        connection.request(method, f"{inside}/api/v1{path}", None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        connection.close()
        assert answer.status == 200, told
        return told

    def open_session(self, name: str) -> None:
        """Sign in elsewhere."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = json.dumps({"name": name, "password": PASSWORD})
        headers = {"Content-Type": "application/json", "User-Agent": f"curl/8 {HOSTILE}"}
        connection.request("POST", "/api/v1/session", body, headers)
        assert connection.getresponse().status == 200
        connection.close()


@contextmanager
def run_guarded(folder: Path) -> Iterator[Guarded]:
    """Run a server with access control, which has its first administrator."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TRACKWAY_ADMIN_USERNAME", ADMIN)
    patch.setenv("TRACKWAY_ADMIN_PASSWORD", PASSWORD)
    with run_trackway(folder, "--auth") as port:
        patch.undo()
        yield Guarded(f"http://127.0.0.1:{port}", port)


@contextmanager
def open_page(browser: Browser, guarded: Guarded) -> Iterator[Page]:
    """Open a page before anybody has signed in; at the end nothing went wrong on it."""
    permissions = ["clipboard-read", "clipboard-write"]
    context = browser.new_context(viewport={"width": 1280, "height": 800}, permissions=permissions)
    context.set_default_timeout(30_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("console", lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None)
    page.on("request", lambda asked: None if asked.url.startswith(guarded.address) else wrong.append(asked.url))
    yield page
    assert page.evaluate("window.pwned") is None, "a name was run"
    context.close()
    assert wrong == []


def sign_in(page: Page, guarded: Guarded, name: str = ADMIN) -> None:
    page.goto(f"{guarded.address}/sign-in")
    fill_in(page, PASSWORD, name)
    expect(page.get_by_role("heading", name="Experiments", level=1)).to_be_visible()


def fill_in(page: Page, password: str, name: str = ADMIN) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
