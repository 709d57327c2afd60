"""Whose request it is: proxies are believed when the operator named them, and nobody else is."""

from __future__ import annotations

from typing import Any

import pytest

from trackway.base.errors import InvalidInput
from trackway.http.messages import BodyMemory, HttpRequest
from trackway.http.peers import Proxies, group_address

NAMED = "10.1.0.0/16, 127.0.0.1, fd00::/8"


def request(peer: str | None, *headers: tuple[str, str], scheme: str = "http") -> HttpRequest:
    async def receive() -> Any:
        raise AssertionError

    names = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"method": "GET", "path": "/", "query_string": b"", "headers": names, "scheme": scheme}
    return HttpRequest(scope | {"client": peer and (peer, 1)}, receive, BodyMemory())


FORWARDED = "X-Forwarded-For"


@pytest.mark.parametrize(
    "peer, headers, address",
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", [(FORWARDED, "198.51.100.1")], "192.0.2.7"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", [(FORWARDED, "198.51.100.1")], "198.51.100.1"),
        ("10.1.2.3", [(FORWARDED, "203.0.113.9, 198.51.100.1")], "198.51.100.1"),
        ("10.1.2.3", [(FORWARDED, "203.0.113.9, 198.51.100.1, 10.1.9.9")], "198.51.100.1"),
        ("10.1.2.3", [(FORWARDED, "203.0.113.9"), (FORWARDED, "198.51.100.1")], "198.51.100.1"),
        ("::ffff:10.1.2.3", [(FORWARDED, "198.51.100.1")], "198.51.100.1"),
        ("fd00::1", [(FORWARDED, "[2001:db8::5]")], "2001:db8::5"),
        ("10.1.2.3", [(FORWARDED, "127.0.0.1")], "127.0.0.1"),
        ("10.1.2.3", [(FORWARDED, "198.51.100.1, evil")], "10.1.2.3"),
        ("10.1.2.3", [(FORWARDED, "198.51.100.1, 10.1.0.1\xe9")], "10.1.2.3"),
        ("10.1.2.3", [(FORWARDED, ",,,")], "10.1.2.3"),
        ("10.1.2.3", [(FORWARDED, ", ".join(["198.51.100.1"] + ["10.1.0.1"] * 50))], "10.1.0.1"),
        ("10.1.2.3", [("X-Real-IP", "198.51.100.1")], "10.1.2.3"),
        (None, [(FORWARDED, "198.51.100.1")], ""),
    ],
)
def test_the_address_of_a_caller(peer: str | None, headers: list[tuple[str, str]], address: str) -> None:
    assert Proxies(NAMED).find_address(request(peer, *headers)) == address
    assert Proxies().find_address(request(peer, *headers)) == (peer or ""), "nobody was named"


@pytest.mark.parametrize(
    "peer, headers, secure",
    [
        ("10.1.2.3", [("X-Forwarded-Proto", "https")], True),
        ("10.1.2.3", [("X-Forwarded-Proto", "https, http")], False),
        ("10.1.2.3", [("X-Forwarded-Proto", "http")], False),
        ("10.1.2.3", [], False),
        ("192.0.2.7", [("X-Forwarded-Proto", "https")], False),
    ],
)
def test_whether_a_request_was_encrypted(peer: str, headers: list[tuple[str, str]], secure: bool) -> None:
    assert Proxies(NAMED).is_secure(request(peer, *headers)) is secure
    assert Proxies().is_secure(request(peer, *headers, scheme="https"))


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Invalid behind_proxy"):
        Proxies("10.1.0.0/16, proxy.internal")


@pytest.mark.parametrize(
    "text, group",
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_the_addresses_of_one_subscriber_are_one_caller(text: str, group: str) -> None:
    assert group_address(text) == group
