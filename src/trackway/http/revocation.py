"""Lists of revoked certificates (RFC 5280): which of an authority's certificates count no more."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from types import ModuleType
from typing import Final, NamedTuple

from trackway.base.errors import InvalidInput, NotSupported

log = logging.getLogger("trackway.http")
Serial = tuple[str, int]
"""What tells a certificate from every other one: the name of who signed it, and its number."""
_LIST: Final = re.compile(rb"-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----")


class Revoked(NamedTuple):
    """What the lists of some authorities say.

    serials: the certificates that were taken back
    ends_s:  until when each authority's list holds, in seconds since 1970
    """

    serials: frozenset[Serial]
    ends_s: dict[str, float]


class RevokedLists:
    """The newest lists that could be read. One that is past its end refuses all certificates of its authority.

    Otherwise who keeps a list from being renewed would have certificates that were taken back count again.
    """

    def __init__(self) -> None:
        self._revoked = Revoked(frozenset(), {})
        self._told: set[str] = set()
        self._look: Callable[[], None] = lambda: None

    def follow(self, look: Callable[[], None]) -> None:
        """Have something look for newer lists whenever a certificate is checked."""
        self._look = look

    def replace(self, revoked: Revoked) -> None:
        """Go by other lists from now on."""
        if revoked != self._revoked:
            self._revoked = revoked
            self._told.clear()
            self.tell()

    def tell(self) -> None:
        """Log which lists are past their end, once for each."""
        for authority, end_s in self._revoked.ends_s.items():
            if time.time() >= end_s and authority not in self._told:
                self._told.add(authority)
                log.error(
                    "the list of revoked certificates of %s ended at %s: until a newer one is in the file, no"
                    " certificate of that authority is taken",
                    authority,
                    time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end_s)),
                )

    def refuses(self, certificate: Serial) -> bool:
        """Tell whether a certificate counts no more, which was good when its connection began."""
        self._look()
        revoked = self._revoked
        return certificate in revoked.serials or time.time() >= revoked.ends_s.get(certificate[0], 0.0)


def read_revoked(file: str, authorities: str) -> Revoked:
    """Read the lists of a PEM file; each authority must have signed one.

    authorities: PEM file with the certificates of who signs clients' ones

    raises: InvalidInput; OSError; NotSupported without cryptography
    """
    x509 = _load_x509()
    with open(authorities, "rb") as opened:
        signers = x509.load_pem_x509_certificates(opened.read())
    with open(file, "rb") as opened:
        texts = _LIST.findall(opened.read())
    try:
        lists = [x509.load_pem_x509_crl(text) for text in texts]
    except ValueError as error:
        raise InvalidInput(f"The lists of revoked certificates in {file} cannot be read: {error}") from error
    serials: set[Serial] = set()
    ends_s: dict[str, float] = {}
    for signer in signers:
        name = signer.subject.rfc4514_string()
        own = [one for one in lists if one.issuer == signer.subject and one.is_signature_valid(signer.public_key())]
        if not own:
            raise InvalidInput(
                f"{file} has no list of revoked certificates that {name} has signed",
                hint="every authority of --tls-client-ca needs one, be it empty",
            )
        newest = max(own, key=lambda one: one.last_update_utc)
        serials.update((name, one.serial_number) for one in newest)
        end = newest.next_update_utc
        ends_s[name] = end.timestamp() if end else float("inf")
    return Revoked(frozenset(serials), ends_s)


def read_serial(certificate: bytes) -> Serial:
    """Return what tells a certificate, in DER, from every other one."""
    read = _load_x509().load_der_x509_certificate(certificate)
    return read.issuer.rfc4514_string(), read.serial_number


def _load_x509() -> ModuleType:
    try:
        from cryptography import x509
    except ImportError as error:
        raise NotSupported(
            "Lists of revoked certificates need the package cryptography", hint="pip install 'trackway[secrets]'"
        ) from error
    return x509
