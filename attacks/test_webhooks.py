"""Webhooks that are to make the server talk to whom it should not, or wait for ever."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.receivers import OK, run_receiver
from trackway.base.errors import InvalidInput
from trackway.webhooks.addresses import Allowed, read_url
from trackway.webhooks.post import HEAD_BYTES, NoAnswer, post
from trackway.wiring.platform import Platform

PRIVATE = (
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "127.0.0.1.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[ff02::1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::1]",
    "[::127.0.0.1]",
)
NAMES = ("localhost", "LOCALHOST.", "a.localhost", "metadata.google.internal", "printer.local", "intranet")
TWISTED = (
    "",
    " ",
    "https://",
    "https:///x",
    "https:example.org",
    "https:/example.org",
    "//example.org",
    "ftp://example.org",
    "file:///etc/passwd",
    "gopher://example.org",
    "javascript:alert(1)",
    "https://user@example.org",
    "https://user:pw@example.org",
    "https://127.0.0.1@example.org",
    "https://example.org@127.0.0.1",
    "https://example.org\\@127.0.0.1",
    "https://example.org#@127.0.0.1",
    "https://example.org/#",
    "https://example.org:0",
    "https://example.org:65536",
    "https://example.org:x",
    "https://exa mple.org",
    "https://example.org/\r\nX: y",
    "https://example.org/\n",
    "https://example.org/\x00",
    "https://exämple.org",
    "https://[::1",
    "https://[::1%25eth0]",
    "https://[v1.x]",
    "https://example..org",
    "https://-example.org",
    "https://%6c%6f",
    "https://" + "a" * 64 + ".org",
    "https://" + "a." * 200 + "org",
    "https://example.org/" + "x" * 3_000,
)


@pytest.mark.parametrize("host", [*PRIVATE, *NAMES])
def test_no_webhook_may_lead_into_a_private_network(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)  # nothing is looked up to say so
    for scheme in ("https", "http"):
        with pytest.raises(InvalidInput) as refusal:
            Allowed().check(f"{scheme}://{host}:8080/x")
        assert len(str(refusal.value)) < 600


@pytest.mark.parametrize("url", TWISTED, ids=lambda url: repr(url)[:40])
def test_no_twisted_address_is_taken(url: str) -> None:
    with pytest.raises(InvalidInput):
        Allowed("127.0.0.1").check(url)


def answer_with(*addresses: str) -> Callable[..., Any]:
    """Return a resolver that gives these, one after the other, by call."""
    left = list(addresses)

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    return resolve


@pytest.mark.parametrize(
    "address", [host.strip("[]") for host in PRIVATE if host[0] == "[" or (host.count(".") == 3 and host[-1] != ".")]
)
def test_a_name_that_leads_into_a_private_network_is_not_talked_to(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if address == "0177.0.0.1":
        address = "127.0.0.1"  # what a resolver makes of it
    monkeypatch.setattr(socket, "getaddrinfo", answer_with(address))
    monkeypatch.setattr(socket, "create_connection", None)
    for networks in ("", "10.9.0.0/16"):
        with pytest.raises(NoAnswer, match="may not be sent to"):
            post(read_url("https://hooks.example.org/"), Allowed(networks), {}, b"", 5.0)


def test_a_name_is_looked_up_once_so_that_it_cannot_change_its_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []

    def connect(place: Any, timeout_s: float) -> socket.socket:
        tried.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", answer_with("93.184.216.34", "127.0.0.1"))
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NoAnswer):
        post(read_url("https://hooks.example.org/"), Allowed(), {}, b"", 5.0)
    assert tried == [("93.184.216.34", 443)], "the address that was looked at, and not the name, is connected to"


def test_a_public_address_is_not_talked_to_without_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answer_with("93.184.216.34"))
    with pytest.raises(NoAnswer, match="may not be sent to"):
        post(read_url("http://hooks.example.org/"), Allowed("127.0.0.1"), {}, b"", 5.0)


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    with run_receiver() as receiver:
        assert post(read_url(receiver.url), Allowed("127.0.0.1"), {}, b"x", 20.0).status == 204


def drip(connection: socket.socket) -> None:
    """Send a byte of an answer, again and again, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"y")
        time.sleep(0.05)


def hang(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize("answer", [drip, hang])
def test_nobody_is_waited_for_beyond_the_time(answer: Callable[[socket.socket], None]) -> None:
    with run_receiver(answer) as receiver, pytest.raises(NoAnswer, match="no answer within 1 s"):
        post(read_url(receiver.url), Allowed("127.0.0.1"), {}, b"x", 1.0)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n" * 4,
        b"+OK redis and so on\r\n",
        b"HTTP/1.1 99 x\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * HEAD_BYTES,
        b"HTTP/1.1 100 Continue\r\n\r\n" * HEAD_BYTES,
        b"\xff" * 3 * HEAD_BYTES,
    ],
    ids=lambda answer: repr(answer[:20]),
)
def test_what_is_no_answer_of_http_tells_nothing_of_what_is_there(answer: bytes) -> None:
    expected = "no connection, or it was closed without an answer"
    with run_receiver(answer) as receiver, pytest.raises(NoAnswer, match=expected):
        post(read_url(receiver.url), Allowed("127.0.0.1"), {}, b"x", 20.0)


def test_a_large_answer_is_not_read() -> None:
    def pour(connection: socket.socket) -> None:
        connection.sendall(OK[:-2] + b"X: y\r\n\r\n")
        for _ in range(10_000):
            connection.sendall(b"x" * 65_536)

    with run_receiver(pour) as receiver:
        assert post(read_url(receiver.url), Allowed("127.0.0.1"), {}, b"x", 20.0).status == 204


def test_networks_that_are_none_are_refused_before_the_server_starts(tmp_path: Path) -> None:
    for networks in ("10.0.0.0/33", "hooks", "10.0.0.1/8"):
        with pytest.raises(InvalidInput, match="webhook_networks"):
            Platform(f"sqlite:///{tmp_path}/t.db", "memory://", networks)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_answer_that_leads_elsewhere_is_not_followed(status: int) -> None:
    with run_receiver() as inside:
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n"
        with run_receiver(head.encode()) as receiver:
            answer = post(read_url(receiver.url), Allowed("127.0.0.1"), {}, b"{}", 5.0)
        assert (answer.status, receiver.connections, inside.connections) == (status, 1, 0)
