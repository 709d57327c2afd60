"""Names of workspaces: a part of addresses, a header, and what keeps tenants apart."""

from __future__ import annotations

import json
import uuid
from urllib.parse import quote

import pytest

from attacks.conftest import Target

HOSTILE = (
    "",
    " ",
    ".",
    "..",
    "../default",
    "a/b",
    "/",
    "default/../x",
    "a\\b",
    "C:",
    "a%2fb",
    "%2e%2e",
    "%64efault",
    "default%00",
    "default\x00",
    "default ",
    " default",
    "default\t",
    "Default",
    "DEFAULT",
    "d\u0435fault",
    "\uff44efault",
    "def\u200bault",
    "\u202etluafed",
    "defau\u0308lt",
    "a\r\nX-Evil: 1",
    "a\nb",
    "a;b",
    "a?b",
    "a#b",
    "a&b=c",
    "a*",
    "*",
    "'; DROP TABLE runs --",
    '"',
    "<script>window.pwned=1</script>",
    "{{7*7}}",
    "-",
    "-a",
    "a-",
    "--help",
    "a_b",
    "a.b",
    "con.",
    "x" * 1_000,
    "x" * 1_000_000,
)
"""Names that stand for another in a path, a header, a query, a page or an eye."""
RESERVED = ("api", "ajax-api", "w", "health", "ready", "sign-in", "join", "assets", "static", "none", "null", "con")
"""Words that something else is called."""


def name_of(text: str) -> str:
    return f"{ascii(text)[:30]} {len(text)}"


@pytest.fixture(scope="module")
def canary(target: Target) -> str:
    """The id of an experiment in the default workspace, which no other name may lead to."""
    made = target.send("POST", "/api/v1/experiments", json.dumps({"name": f"canary-{uuid.uuid4().hex}"}))
    assert made.status == 200
    return str(json.loads(made.body)["experiment_id"])


@pytest.mark.parametrize("bad", HOSTILE, ids=name_of)
@pytest.mark.parametrize("route", ["/api/v1/workspaces", "/api/3.0/mlflow/workspaces"])
def test_a_name_that_could_be_taken_for_another_is_refused(target: Target, route: str, bad: str) -> None:
    before = target.send("GET", "/api/v1/workspaces").body
    answer = target.send("POST", route, json.dumps({"name": bad}))
    target.check_safe(answer)
    assert answer.status == 400, answer
    assert target.send("GET", "/api/v1/workspaces").body == before, "nothing was stored"


@pytest.mark.parametrize("bad", [bad for bad in HOSTILE if bad.strip()], ids=name_of)
def test_no_other_spelling_enters_a_workspace(target: Target, canary: str, bad: str) -> None:
    written = quote(bad[:5_000], safe="")
    answer = target.send("GET", f"/w/{written}/api/v1/experiments/{canary}")
    target.check_safe(answer)
    assert answer.status in (400, 404), answer
    assert b"canary-" not in answer.body


@pytest.mark.parametrize("header", ["X-Trackway-Workspace", "X-MLFLOW-WORKSPACE"])
@pytest.mark.parametrize(
    "value",
    [
        b"Default",
        b"../default",
        b"default/..",
        b"default\x00",
        b"default, other",
        b"%64efault",
        b"d\xe9fault",
        b"*",
        b"default' OR '1'='1",
        b"x" * 5_000,
    ],
    ids=lambda value: repr(value[:20]),
)
def test_a_header_names_a_workspace_exactly(target: Target, canary: str, header: str, value: bytes) -> None:
    path = f"/api/v1/experiments/{canary}"
    answer = target.send("GET", path, headers={header: value.decode("latin-1")})
    target.check_safe(answer)
    assert answer.status in (400, 404), answer
    assert b"canary-" not in answer.body
    assert target.send("GET", path, headers={header: "default"}).status == 200


def test_two_names_in_one_request_are_none(target: Target, canary: str) -> None:
    other = f"w-{uuid.uuid4().hex[:12]}"
    assert target.send("POST", "/api/v1/workspaces", json.dumps({"name": other})).status == 200
    for path, headers in (
        (f"/w/default/api/v1/experiments/{canary}", {"X-Trackway-Workspace": other}),
        (f"/w/{other}/api/v1/experiments/{canary}", {"X-Trackway-Workspace": "default"}),
        (f"/api/v1/experiments/{canary}", {"X-Trackway-Workspace": other, "X-MLFLOW-WORKSPACE": "default"}),
        (f"/w/{other}/w/default/api/v1/experiments/{canary}", {"Accept": "*/*"}),
        (f"/w/default/../w/{other}/api/v1/experiments/{canary}", {"Accept": "*/*"}),
        (f"/w//api/v1/experiments/{canary}", {"Accept": "*/*"}),
    ):
        answer = target.send("GET", path, headers=headers)
        target.check_safe(answer)
        assert answer.status in (400, 404), (path, answer)
        assert b"canary-" not in answer.body


@pytest.mark.parametrize("word", RESERVED)
def test_a_word_that_something_else_is_called_shadows_nothing(target: Target, canary: str, word: str) -> None:
    answer = target.send("POST", "/api/v1/workspaces", json.dumps({"name": word}))
    target.check_safe(answer)
    assert answer.status in (200, 400, 409), answer
    assert target.send("GET", "/health").status == 200
    assert target.send("GET", f"/api/v1/experiments/{canary}").status == 200
    inside = target.send("GET", f"/w/{word}/api/v1/experiments/{canary}")
    target.check_safe(inside)
    assert inside.status == 404, "it is another workspace, or none"
