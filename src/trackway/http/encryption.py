"""TLS: the server's certificate, read again when its files change, without a connection being cut."""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

from trackway.base.errors import InvalidInput

log = logging.getLogger("trackway.http")
LOOK_S: Final = 1.0
"""The files are looked at once in so long at most, when somebody connects."""


class Encryption:
    """Makes the server's TLS context. Each connection gets the certificate that is in the files when it begins.

    certificate: PEM file with the certificate and those that it was signed with
    key:         PEM file with its key, unencrypted; may be the same file
    client_ca:   PEM file of who signs certificates of clients; empty to ask for none
    required:    whether nobody without such a certificate may even connect

    Can be sent to worker processes, which read the files themselves.
    """

    def __init__(self, certificate: str, key: str, client_ca: str = "", required: bool = False) -> None:
        self._certificate = certificate
        self._key = key or certificate
        self._client_ca = client_ca
        self._required = required

    def __call__(self, _config: Any = None, _default: Any = None) -> ssl.SSLContext:
        """Return a context. Called by uvicorn, once for each process.

        raises: InvalidInput when the files cannot be used
        """
        try:
            files = (self._certificate, self._key, *([self._client_ca] if self._client_ca else ()))
            newest = _Newest(self._load, files)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
            raise InvalidInput(
                f"The certificate {self._certificate} cannot be used: {reason}",
                hint="give PEM files with --tls-cert, --tls-key and --tls-client-ca; the key must not be encrypted, and"
                " belong to the certificate",
            ) from error
        context = self._load()
        context.sni_callback = newest.choose  # called for each connection, also for one that names no host
        return context

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")  # of TLS 1.2; those of 1.3 are all good
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._certificate, self._key, password=_refuse_password)
        if self._client_ca:
            context.load_verify_locations(self._client_ca)
            context.verify_mode = ssl.CERT_REQUIRED if self._required else ssl.CERT_OPTIONAL
        return context


class _Newest:
    """The newest context that could be made of some files."""

    def __init__(self, load: Callable[[], ssl.SSLContext], files: tuple[str, ...]) -> None:
        self._load = load
        self._files = files
        self._seen = self._look()
        self._looked_s = time.monotonic()
        self._context = load()

    def choose(self, connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        """Give a connection the newest certificate."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._refresh()
        connection.context = self._context

    def _refresh(self) -> None:
        try:
            found = self._look()
            if found == self._seen:
                return
            self._context = self._load()
        except (OSError, ssl.SSLError) as error:  # half-written: the old one serves until the new one can be read
            log.warning("the new certificate cannot be used, the old one is kept: %s", error)
            return
        self._seen = found
        log.info("The certificate was read again")

    def _look(self) -> list[tuple[int, int, int]]:
        stats = [os.stat(file) for file in self._files]
        return [(one.st_mtime_ns, one.st_ino, one.st_size) for one in stats]


def _refuse_password() -> str:
    raise ssl.SSLError(1, "the key is encrypted")
