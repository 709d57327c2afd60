"""Secrets at rest: each under a data key of its own, which a master key outside the database seals.

A sealed text is ``v1:<master key's id>:<sealed data key>:<sealed secret>``, the last two in base64: a nonce of 12
bytes, then what AES-256-GCM makes. Both are bound to the row that they belong to, so that a text that was moved to
another row does not open. A rotation seals the data key anew and leaves the secret as it is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from trackway.base.errors import Corrupt, InvalidInput, NotSupported

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "v1"
_HINT = "make one with: openssl rand -base64 32"


class Vault:
    """Seals and opens secrets.

    keys: master keys in base64, one a line or divided by commas: the first seals, all of them open; empty for none
    file: a file with the same
    own:  a file that is made with a key of its own when there is neither, and a first secret is to be sealed
    """

    def __init__(self, keys: str = "", file: str = "", own: Path | None = None) -> None:
        self._text = keys
        self._file = Path(file) if file else own
        self._may_make = not file and own is not None
        self._keys: dict[str, bytes] = {}

    def seal(self, secret: str, row: str) -> str:
        """Return a sealed text; empty for an empty secret.

        row:    names the table, the column and the row that it will be kept in

        raises: InvalidInput when there is no master key, NotSupported without the package that encrypts
        """
        if not secret:
            return ""
        data_key = secrets.token_bytes(KEY_BYTES)
        name, master = self._find_current()
        return ":".join((_VERSION, name, _lock(master, data_key, row), _lock(data_key, secret.encode(), row)))

    def open(self, sealed: str, row: str) -> str:
        """Return the secret of a sealed text; empty for an empty one.

        raises: Corrupt when it was changed, belongs to another row, or its master key is not there
        """
        if not sealed:
            return ""
        name, wrapped, body = _split(sealed)
        return _unlock(_unlock(self._find(name), wrapped, row), body, row).decode()

    def reseal(self, sealed: str, row: str) -> str:
        """Return a sealed text under the first master key; the same one when it is already.

        raises: as ``seal`` and ``open``
        """
        if not sealed:
            return ""
        name, wrapped, body = _split(sealed)
        current, master = self._find_current()
        if name == current:
            return sealed
        data_key = _unlock(self._find(name), wrapped, row)
        return ":".join((_VERSION, current, _lock(master, data_key, row), body))

    def _find_current(self) -> tuple[str, bytes]:
        """Return the key that seals. A file is read each time: it may have a new first key."""
        self._load()
        if not self._keys and self._may_make and self._file is not None:
            _make(self._file)
            self._load()
        for name, key in self._keys.items():
            return name, key
        raise InvalidInput(
            "There is no master key to seal secrets with",
            hint=f"set TRACKWAY_MASTER_KEY, or name a file with --master-key-file; {_HINT}",
        )

    def _find(self, name: str) -> bytes:
        if name not in self._keys:
            self._load()
        key = self._keys.get(name)
        if key is None:
            raise Corrupt(
                f"The secret was sealed with the master key {name}, which is not there",
                hint="put that key behind the first one in TRACKWAY_MASTER_KEY or its file",
            )
        return key

    def _load(self) -> None:
        texts = [self._text]
        if not self._text and self._file is not None:
            with suppress(FileNotFoundError):
                texts = [self._file.read_text(encoding="ascii", errors="replace")]
            if texts == [""] and not self._may_make:
                raise InvalidInput(f"The file of the master key is not there, or empty: {self._file}", hint=_HINT)
        self._keys = {_name(key): key for key in _read(texts)}


def _read(texts: Iterable[str]) -> list[bytes]:
    keys = []
    for number, word in enumerate(" ".join(texts).replace(",", " ").split(), start=1):
        try:
            key = base64.b64decode(word, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise InvalidInput(f"Master key {number} is not {KEY_BYTES} bytes in base64", hint=_HINT)
        keys.append(key)
    return keys


def _name(key: bytes) -> str:
    """Return what a key is told from others by; it tells nothing of the key."""
    return hashlib.sha256(b"trackway master key" + key).hexdigest()[:12]


def _make(file: Path) -> None:
    """Write a new key, readable by its owner alone; one that another process has made in the meantime is kept."""
    partial = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as out:
            out.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            os.link(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _split(sealed: str) -> tuple[str, str, str]:
    parts = sealed.split(":")
    if len(parts) != 4 or parts[0] != _VERSION:
        raise Corrupt("What is kept of the secret is in no known form", hint="set the secret anew")
    return parts[1], parts[2], parts[3]


def _lock(key: bytes, data: bytes, row: str) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    return base64.b64encode(nonce + _cipher(key).encrypt(nonce, data, row.encode())).decode()


def _unlock(key: bytes, text: str, row: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        raw = base64.b64decode(text, validate=True)
        opened: bytes = _cipher(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], row.encode())
    except (InvalidTag, ValueError) as error:
        raise Corrupt("What is kept of the secret was changed, or moved", hint="set the secret anew") from error
    return opened


def _cipher(key: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise NotSupported("Secrets need the package cryptography", hint="pip install 'trackway[secrets]'") from error
    return AESGCM(key)
