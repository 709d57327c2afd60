"""Where webhooks may lead: to public addresses, and to networks that the operator names."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from trackway.api import limits
from trackway.base.errors import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.(?!-)[A-Za-z0-9_-]{1,63})*\.?")
_TARGET = re.compile(r"[\x21-\x7e]*")
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "lan")
_RESERVED = [
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
]
"""What Python takes for public and is not: addresses of protocols, where a cloud keeps its secrets too (192.0.0.192),
and IPv6 addresses that stand for IPv4 ones, where a gateway leads (RFC 4291, 6052, 8215, 4380, 3056)."""


class Url(NamedTuple):
    """An address in its parts; ``target`` is path and query."""

    secure: bool
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


class Allowed:
    """Which addresses may be talked to: all public ones, and ``networks`` (such as 10.1.0.0/16), divided by commas.

    raises: InvalidInput for a text that is no network
    """

    def __init__(self, networks: str = "") -> None:
        try:
            self._networks = [ipaddress.ip_network(text.strip()) for text in networks.split(",") if text.strip()]
        except ValueError as error:
            raise InvalidInput(
                f"Invalid webhook_networks: {error}", hint="write them like 10.1.0.0/16,127.0.0.1"
            ) from None

    def permits(self, address: Address, secure: bool) -> bool:
        """Tell whether an address may be talked to; without encryption only in a network that the operator named."""
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        address = mapped or address
        if any(address in network for network in self._networks if network.version == address.version):
            return True
        return secure and address.is_global and not address.is_multicast and not _is_reserved(address)

    def check(self, text: str) -> Url:
        """Read a webhook's address. Nothing is looked up: where a name leads is seen when something is delivered.

        raises: InvalidInput saying what is wrong with it
        """
        url = read_url(text)
        literal = _read_literal(url.host)
        if literal is not None and not self.permits(literal, url.secure):
            raise _refuse(f"{url.host} is not an address that webhooks may be sent to")
        if not self._networks:
            if not url.secure:
                raise _refuse("it must begin with https://")
            if literal is None and _is_local(url.host):
                raise _refuse(f"{url.host} is a name of a private network")
        return url

    def resolve(self, url: Url) -> list[Address]:
        """Look a host up, and return the addresses that may be talked to.

        raises: OSError when it has no address, or none that may be talked to
        """
        found: Iterable[Address] = dict.fromkeys(
            ipaddress.ip_address(str(info[4][0]).partition("%")[0])
            for info in socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        )
        permitted = [address for address in found if self.permits(address, url.secure)]
        if not permitted:
            raise PermissionError("the address is in a network that webhooks may not be sent to")
        return permitted


def read_url(text: str) -> Url:
    """Read the address of a webhook.

    raises: InvalidInput
    """
    if not 0 < len(text) <= limits.LOCATION_CHARS:
        raise _refuse(f"it must have 1 to {limits.LOCATION_CHARS:,} characters")
    if not _TARGET.fullmatch(text) or "\\" in text:
        raise _refuse("it must be of printable ASCII characters, without spaces and backslashes")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _refuse(str(error)) from None
    if parts.scheme not in ("https", "http") or not text[len(parts.scheme) :].startswith("://"):
        raise _refuse("it must begin with https://")
    if "@" in parts.netloc:
        raise _refuse("it must hold no user and password", hint="give a secret, and verify the signature with it")
    if parts.fragment or text.endswith("#"):
        raise _refuse("it must hold no fragment")
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    is_name = _HOST.fullmatch(host) is not None and len(host) <= 253 and "[" not in parts.netloc
    if not is_name and not _is_ipv6(host):
        raise _refuse("it names no host")
    if port == 0:
        raise _refuse("its port is 0")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(secure, host, port or (443 if secure else 80), target)


def _read_literal(host: str) -> Address | None:
    """Return the address that a host is, in whatever form the system's resolver would take for one; None for a name."""
    if _is_ipv6(host):
        return ipaddress.ip_address(host)
    try:
        return ipaddress.ip_address(socket.inet_aton(host.rstrip(".")))  # 127.1, 2130706433 and 0x7f000001 too
    except OSError:
        return None


def _is_ipv6(host: str) -> bool:
    try:
        return "%" not in host and ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    name = host.rstrip(".").lower()
    return "." not in name or name.endswith(tuple(f".{local}" for local in _LOCAL_NAMES))


def _is_reserved(address: Address) -> bool:
    return any(address in network for network in _RESERVED if network.version == address.version)


def _refuse(fault: str, hint: str = "") -> InvalidInput:
    needed = "the operator allows others by --webhook-networks"
    return InvalidInput(
        f"Invalid webhook URL: {fault}", hint=hint or f"give https://host/path of a public host; {needed}"
    )
