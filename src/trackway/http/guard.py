"""Which Host and Origin a request may carry: against pages of other sites, and names that are rebound to us."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Any, Protocol

from trackway.http.lanes import Lanes, Leave
from trackway.http.messages import HttpRequest, Route

_LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "[::1]"))
UNGUARDED = frozenset(("/health", "/ready", "/version"))
"""Probes of orchestrators come with any Host; these pages tell nothing and change nothing."""


class Gate(Protocol):
    """Lets requests in, where there is access control."""

    async def admit(self, request: HttpRequest, call: Any, route: Route[Any] | None, /) -> None:
        """Make a request's call that of who sent it, or raise a TrackwayError; ``route`` None where nothing is."""


class Guard:
    """Checks Host and Origin of every request.

    allowed: names or addresses, with or without a port, beside loopback ones and literal private addresses (a rebound
             name is a name; a literal address cannot be rebound); ``*`` allows any
    secure:  whether this server is reached over TLS alone, so that a page without it is another site
    lanes:   where requests wait for their turn; None for no limits, which costs nothing
    gate:    asks who comes, before each route; None lets everybody in
    """

    def __init__(
        self, allowed: Collection[str], secure: bool = False, lanes: Lanes | None = None, gate: Gate | None = None
    ) -> None:
        self.gate = gate
        self._lanes = lanes
        self._schemes = (b"https",) if secure else (b"http", b"https")
        self._any = "*" in allowed
        self._allowed = frozenset(host.lower() for host in allowed) | _LOOPBACK_NAMES
        self._known: set[bytes] = set()

    def refuse(self, request: HttpRequest) -> str:
        """Return why a request is refused; empty when it is not."""
        if request.path in UNGUARDED:
            return ""
        if len(request.headers) != len(request.scope["headers"]) and _is_doubled(request):
            return "Invalid headers: Host or Origin is there twice"
        host = request.headers.get(b"host", b"")
        if host not in self._known:
            if not self._is_allowed(host):
                return "Invalid Host header: this name is not one of the server's"
            if len(self._known) < 1_000:
                self._known.add(host)
        origin = request.headers.get(b"origin")
        if origin is not None and not self._is_own(origin, host):
            return "Cross-origin request blocked"
        if request.headers.get(b"sec-fetch-site") == b"cross-site" and request.method not in ("GET", "HEAD"):
            return "Cross-origin request blocked"
        return ""

    async def enter(self, request: HttpRequest, streams: bool) -> Leave | None:
        """Wait for a request's turn; return what to call once it has been answered. See ``http.lanes``.

        raises: RateLimited, Unavailable
        """
        if self._lanes is None or request.path in UNGUARDED:  # probes are answered when everything is full, too
            return None
        return await self._lanes.enter(request, streams)

    def _is_allowed(self, host: bytes) -> bool:
        if self._any:
            return True
        text = host.decode("latin-1").lower()
        name = text if text.endswith("]") else text.rpartition(":")[0] or text
        if text in self._allowed or name in self._allowed:
            return True
        try:
            return ipaddress.ip_address(name.strip("[]")).is_private
        except ValueError:
            return False

    def _is_own(self, origin: bytes, host: bytes) -> bool:
        scheme, _, rest = origin.partition(b"://")
        if scheme not in self._schemes:
            return False
        return rest == host or (rest != b"" and rest.decode("latin-1").lower() in self._allowed - _LOOPBACK_NAMES)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_doubled(request: HttpRequest) -> bool:
    """Tell whether a proxy in front of us may have looked at another Host or Origin than we do."""
    names = [name for name, _ in request.scope["headers"]]
    return names.count(b"host") > 1 or names.count(b"origin") > 1
