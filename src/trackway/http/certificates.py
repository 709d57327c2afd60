"""Certificates of clients: whom one names, once the connection has proved it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

CertificateName = Literal["cn", "email", "uri", "dns"]
CERTIFICATE: Final = "trackway.certificate"
"""Key of a scope: what the connection's certificate says, as ``ssl.SSLSocket.getpeercert`` returns it."""
_ALTERNATIVES: Final[dict[str, str]] = {"email": "email", "uri": "URI", "dns": "DNS"}


def read_name(scope: Mapping[str, Any], field: CertificateName) -> str:
    """Return whom a connection's certificate names; empty without one, and for one that names nobody or several.

    field: the subject's common name, or a subject alternative name: an e-mail address, a URI, a host name
    """
    certificate: dict[str, Any] = scope.get(CERTIFICATE) or {}
    if field == "cn":
        parts = [part for several in certificate.get("subject", ()) for part in several]
        names = [value for kind, value in parts if kind == "commonName"]
    else:
        names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == _ALTERNATIVES[field]]
    return str(names[0]) if len(names) == 1 else ""
