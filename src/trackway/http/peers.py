"""Who is at the other end: the connection's address, or what a proxy that the operator named says of it."""

from __future__ import annotations

import ipaddress

from trackway.base.errors import InvalidInput
from trackway.http.messages import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_HOPS = 20
"""Most entries of a header that are looked at."""


class Proxies:
    """Proxies whose word is taken: ``networks`` such as 10.1.0.0/16, divided by commas; none without one.

    raises: InvalidInput for a text that is no network
    """

    def __init__(self, networks: str = "") -> None:
        try:
            self._networks = [ipaddress.ip_network(text.strip()) for text in networks.split(",") if text.strip()]
        except ValueError as error:
            raise InvalidInput(f"Invalid behind_proxy: {error}", hint="write them like 10.1.0.0/16,127.0.0.1") from None

    def find_address(self, request: HttpRequest) -> str:
        """Return the address that a request came from; empty for a connection without one.

        Only the last proxy's own entry of X-Forwarded-For is known to be true, so it is read from its end, past
        the proxies that were named. Anybody else's header is not looked at.
        """
        peer = request.scope.get("client")
        here = str(peer[0]) if peer else ""
        if not self._networks or not self._is_proxy(here):
            return here
        for text in reversed(self._read(request, b"x-forwarded-for")[-_HOPS:]):
            try:
                address = str(ipaddress.ip_address(text.strip().strip("[]")))
            except ValueError:
                return here
            if not self._is_proxy(address):
                return address
            here = address
        return here

    def read_word(self, request: HttpRequest, name: bytes) -> str:
        """Return what a named proxy says in a header; empty when somebody else says it, or it is there twice."""
        peer = request.scope.get("client")
        if not self._networks or not peer or not self._is_proxy(str(peer[0])):
            return ""
        values = [value for key, value in request.scope["headers"] if key == name]
        return values[0].decode("latin-1").strip() if len(values) == 1 else ""

    def is_secure(self, request: HttpRequest) -> bool:
        """Tell whether a request was encrypted on its way to us, or to the proxy before us."""
        if request.scope.get("scheme") == "https":
            return True
        return self.read_word(request, b"x-forwarded-proto") == "https"

    def _is_proxy(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        address = mapped or address
        return any(address in network for network in self._networks if network.version == address.version)

    def _read(self, request: HttpRequest, name: bytes) -> list[str]:
        """Return the entries of a header in order, also when it came in several lines."""
        lines = [value.decode("latin-1") for key, value in request.scope["headers"] if key == name]
        return [entry.strip() for entry in ",".join(lines).split(",") if entry.strip()]


def group_address(text: str) -> str:
    """Return what counts as one caller: an IPv4 address, or the 64 bits that an IPv6 subscriber has for himself."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return text
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
