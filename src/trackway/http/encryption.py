"""TLS: the server's certificate, read again when its files change, without a connection being cut."""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from trackway.base.errors import InvalidInput
from trackway.http.revocation import RevokedLists, read_revoked

log = logging.getLogger("trackway.http")
LOOK_S: Final = 1.0
"""The files are looked at once in so long at most, when somebody connects."""


class ClientCertificates(NamedTuple):
    """Which certificates of clients are taken.

    authority: PEM file of who signs them
    required:  whether nobody without one may even connect
    revoked:   PEM file with each authority's list of those that it took back; empty to look at none
    """

    authority: str
    required: bool = False
    revoked: str = ""


class ServerContext(ssl.SSLContext):
    """A context that knows which certificates of clients count no more, also on connections that are open."""

    revoked: RevokedLists | None = None


class Encryption:
    """Makes the server's TLS context. Each connection gets the certificate that is in the files when it begins.

    certificate: PEM file with the certificate and those that it was signed with
    key:         PEM file with its key, unencrypted; may be the same file
    clients:     whose certificates to ask for; None for nobody's

    Can be sent to worker processes, which read the files themselves.
    """

    def __init__(self, certificate: str, key: str, clients: ClientCertificates | None = None) -> None:
        self._certificate = certificate
        self._key = key or certificate
        self._clients = clients

    def __call__(self, _config: Any = None, _default: Any = None) -> ssl.SSLContext:
        """Return a context. Called by uvicorn, once for each process.

        raises: InvalidInput when the files cannot be used
        """
        revoked = RevokedLists() if self._clients and self._clients.revoked else None
        load = partial(self._load, revoked)
        try:
            clients = (self._clients.authority, self._clients.revoked) if self._clients else ()
            newest = _Newest(load, tuple(file for file in (self._certificate, self._key, *clients) if file))
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
            raise InvalidInput(
                f"The certificate {self._certificate} cannot be used: {reason}",
                hint="give PEM files with --tls-cert, --tls-key, --tls-client-ca and --tls-client-crl; the key must not"
                " be encrypted, and belong to the certificate",
            ) from error
        if revoked is not None:
            revoked.follow(newest.look)
        context = load()
        context.sni_callback = newest.choose  # called for each connection, also for one that names no host
        return context

    def _load(self, revoked: RevokedLists | None) -> ServerContext:
        context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")  # of TLS 1.2; those of 1.3 are all good
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._certificate, self._key, password=_refuse_password)
        if self._clients is not None:
            _ask_clients(context, self._clients, revoked)
        return context


class _Newest:
    """The newest context that could be made of some files."""

    def __init__(self, load: Callable[[], ServerContext], files: tuple[str, ...]) -> None:
        self._load = load
        self._files = files
        self._seen = self._stat()
        self._looked_s = time.monotonic()
        self._context = load()

    def choose(self, connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        """Give a connection the newest certificate."""
        self.look()
        connection.context = self._context

    def look(self) -> None:
        """Read the files again when they have changed, unless somebody has just looked."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._refresh()
            if self._context.revoked is not None:
                self._context.revoked.tell()

    def _refresh(self) -> None:
        try:
            found = self._stat()
            if found == self._seen:
                return
            self._context = self._load()
        except (
            OSError,
            ssl.SSLError,
            InvalidInput,
        ) as error:  # half-written: the old one serves until the new one can be read
            log.warning("the new files of TLS cannot be used, the old ones are kept: %s", error)
            return
        self._seen = found
        log.info("the files of TLS were read again")

    def _stat(self) -> list[tuple[int, int, int]]:
        stats = [os.stat(file) for file in self._files]
        return [(one.st_mtime_ns, one.st_ino, one.st_size) for one in stats]


def _refuse_password() -> str:
    raise ssl.SSLError(1, "the key is encrypted")


def _ask_clients(context: ServerContext, clients: ClientCertificates, revoked: RevokedLists | None) -> None:
    context.load_verify_locations(clients.authority)
    context.verify_mode = ssl.CERT_REQUIRED if clients.required else ssl.CERT_OPTIONAL
    context.options |= ssl.OP_NO_TICKET  # a resumed session shows a certificate that nobody has looked at again
    context.num_tickets = 0
    if revoked is not None:
        found = read_revoked(clients.revoked, clients.authority)
        context.load_verify_locations(clients.revoked)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
        revoked.replace(found)
        context.revoked = revoked
