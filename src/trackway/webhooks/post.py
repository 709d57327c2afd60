"""One POST to a stranger: to an address that was looked at, within a time, reading nothing but the head of the answer.

The sockets are our own, and not a library's, because each of those follows redirects, asks proxies, looks names up a
second time, or waits as long as a receiver keeps sending.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple

from trackway.webhooks.addresses import Allowed, Url

CONNECT_S = 3.0
HEAD_BYTES = 16_384
"""Most of an answer that is read."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: |\r?\n)")
_RETRY_AFTER = re.compile(rb"(?im)^retry-after:[ \t]*([0-9]{1,6})[ \t]*\r?$")


class Answer(NamedTuple):
    """Status of an answer, and for how many seconds the receiver wants to be left alone."""

    status: int
    retry_after_s: int


class NoAnswer(Exception):
    """Why none came, in words that say nothing of what answers at an address."""


def post(url: Url, allowed: Allowed, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
    """Send a POST request and return what the answer's head says.

    timeout_s: for all of it, but for looking the name up
    raises:    NoAnswer
    """
    try:
        deadline_s = time.monotonic() + timeout_s
        with _connect(url, allowed, deadline_s) as connection:
            connection.sendall(_encode(url, headers, len(body)) + body)
            return _read_head(connection, deadline_s)
    except PermissionError as error:
        raise NoAnswer(str(error)) from None
    except TimeoutError:
        raise NoAnswer(f"no answer within {timeout_s:g} s") from None
    except ssl.SSLCertVerificationError as error:
        raise NoAnswer(f"its certificate is not trusted: {error.verify_message}") from None
    except socket.gaierror:
        raise NoAnswer("its name has no address") from None
    except (OSError, ValueError):
        raise NoAnswer("no connection, or it was closed without an answer") from None


def _connect(url: Url, allowed: Allowed, deadline_s: float) -> socket.socket:
    """Open a connection to one of the addresses that were looked at; nothing is looked up again."""
    addresses = allowed.resolve(url)
    for last, address in enumerate(addresses, 1 - len(addresses)):
        left_s = _get_left(deadline_s)
        try:
            connection = socket.create_connection((str(address), url.port), min(left_s, CONNECT_S))
            break
        except OSError:
            if last == 0:
                raise
    try:
        connection.settimeout(_get_left(deadline_s))
        if url.secure:
            connection = ssl.create_default_context().wrap_socket(connection, server_hostname=url.host.rstrip("."))
    except BaseException:
        connection.close()
        raise
    return connection


def _encode(url: Url, headers: Mapping[str, str], size_bytes: int) -> bytes:
    """Return the head of a request; it asks that the connection be closed after the answer."""
    fields = {
        "Host": url.authority,
        "User-Agent": "trackway",
        "Accept": "*/*",
        "Connection": "close",
        **headers,
        "Content-Length": str(size_bytes),
    }
    lines = [f"POST {url.target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("ascii")


def _read_head(connection: socket.socket, deadline_s: float) -> Answer:
    """Read up to the end of the head, over interim answers; what comes behind it is not read."""
    data = b""
    while True:
        head, end, rest = data.partition(b"\r\n\r\n")
        found = _STATUS.match(data)
        if end and found and not found[1].startswith(b"1"):
            wait = _RETRY_AFTER.search(head)
            return Answer(int(found[1]), int(wait[1]) if wait else 0)
        if end and found:
            data = rest
            continue
        if len(data) >= HEAD_BYTES or (len(data) >= 16 and not found):
            raise ValueError("this is no HTTP")
        connection.settimeout(_get_left(deadline_s))
        more = connection.recv(HEAD_BYTES - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more


def _get_left(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
