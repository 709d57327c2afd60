"""Addresses and names of endpoints: what a serving process says of itself, and pages then show as a link."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from attacks.conftest import Answer, Target

INSIDE = (
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "localhost",
    "metadata.google.internal",
)
"""Hosts that a forged request would be sent to, if anybody sent one."""
REFUSED = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>window.pwned=1</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://evil.example.org/",
    "gopher://evil.example.org/",
    "ldap://evil.example.org/",
    "unix:/run/docker.sock",
    "http+unix://%2Frun%2Fdocker.sock/",
    "//evil.example.org/",
    "/etc/passwd",
    "evil.example.org",
    "http:evil.example.org",
    "http:/evil.example.org",
    "http://",
    "http:///x",
    "http://:80/",
    "http://user@evil.example.org/",
    "http://user:password@evil.example.org/",
    "http://@evil.example.org/",
    "http://scoring.example.org@evil.example.org/",
    "http://scoring.example.org:80@evil.example.org/",
    "http://scoring.example.org\\@evil.example.org/",
    "http:\\\\evil.example.org\\",
    "http://evil.example.org:99999/",
    "http://evil.example.org:-1/",
    "http://evil.example.org:x/",
    "http://[::1",
    "http://evil.example.org/\r\nSet-Cookie: a=b",
    "http://evil.example.org/\nx",
    "http://evil.example.org/\tx",
    "http://evil.example.org/ x",
    " http://evil.example.org/",
    "http://evil.example.org/\x00",
    "http://evil.example.org/\x1b[2J",
    "http://evil.example.org/\x7f",
    "http://evil.example.org/\u202egro",
    "http://evil.example.org/\u200b",
    "http://\u0435vil.example.org/",
    "http://evil\u3002example.org/",
    "http://\uff45vil.example.org/",
    "http://evil.example.org/" + "x" * 1_000_000,
)
"""No place of a server's, or one that a reader takes for another."""
NAMES = ("..", ".", "a/b", "../x", "a\\b", "a:b", "%2e%2e", "a\nb", "a\r\nX: y", "a\x00b", "", " ", "x" * 50_000)


@pytest.fixture(scope="module")
def announce(target: Target) -> Callable[..., Answer]:
    """Return what announces a server of a version that is there, at an address."""
    model = f"model-{uuid.uuid4().hex}"
    for path, body in (
        ("/api/v1/runs", {"run_id": "victim", "if_exists": "return"}),
        ("/api/v1/registered-models", {"name": model}),
        (f"/api/v1/registered-models/{model}/versions", {"source": "runs:/victim/model", "run_id": "victim"}),
    ):
        assert target.send("POST", path, json.dumps(body)).status == 200, path

    def send(name: str, address: Any = "") -> Answer:
        body = {"server_id": uuid.uuid4().hex, "model": model, "version": 1, "address": address}
        return target.send("POST", f"/api/v1/endpoints/{quote(name, safe='')}/servers", json.dumps(body))

    return send


@pytest.mark.parametrize("address", REFUSED, ids=lambda text: f"{ascii(text)[:40]} {len(text)}")
def test_an_address_that_is_none_of_a_servers_is_not_kept(
    target: Target, announce: Callable[..., Answer], address: str
) -> None:
    name = f"live-{uuid.uuid4().hex}"
    answer = announce(name, address)
    target.check_safe(answer)
    assert answer.status == 400, answer
    assert target.send("GET", f"/api/v1/endpoints/{name}").status == 404, "nothing was stored"


@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_address_inside_is_told_as_it_is_and_never_called(
    target: Target, announce: Callable[..., Answer], scheme: str, host: str
) -> None:
    """Where a team serves is no secret to it, and often inside; what must not be is that this server goes there."""
    name, address = f"live-{uuid.uuid4().hex}", f"{scheme}://{host}:8080/latest/meta-data/"
    answer = announce(name, address)
    target.check_safe(answer)
    assert answer.status == 200, answer
    for path in (f"/api/v1/endpoints/{name}", "/api/v1/endpoints"):
        told = target.send("GET", path)
        target.check_safe(told)
        assert address.encode() in told.body


@pytest.mark.parametrize("address", [1, True, [], {}, ["http://evil.example.org/"], None], ids=repr)
def test_an_address_of_another_type_is_refused(target: Target, announce: Callable[..., Answer], address: Any) -> None:
    answer = announce(f"live-{uuid.uuid4().hex}", address)
    target.check_safe(answer)
    assert answer.status == 400, answer


@pytest.mark.parametrize("bad", NAMES, ids=lambda text: f"{ascii(text)[:30]} {len(text)}")
def test_a_name_of_an_endpoint_is_one_part_of_a_path(target: Target, announce: Callable[..., Answer], bad: str) -> None:
    answer = announce(bad)
    target.check_safe(answer)
    assert answer.status in (400, 404, 405, 414, 431), answer
    assert "\r\nX:" not in str(answer.headers)
