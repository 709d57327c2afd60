"""Secrets that stand for a user: how they are made, and what is kept of them."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from trackway.base.ids import new_id
from trackway.store.access import CredentialKind, CredentialRow

PREFIX: Final[dict[CredentialKind, str]] = {
    "session": "tws_",
    "token": "twk_",
    "invitation": "twi_",
    "setup": "twi_",
}
"""What a secret begins with, so that scanners find one that was committed by mistake."""
SESSION_MS = 7 * 86_400_000
TOKEN_MS = 90 * 86_400_000
INVITATION_MS = 7 * 86_400_000


def mint(
    kind: CredentialKind, user_pk: int, now_ms: int, lasts_ms: int, name: str = "", role: str = ""
) -> tuple[str, CredentialRow]:
    """Make a secret of 256 random bits, and the row to keep of it; ``lasts_ms`` 0 for ever."""
    secret = PREFIX[kind] + secrets.token_urlsafe(32)
    expires_ms = now_ms + lasts_ms if lasts_ms else 0
    return secret, CredentialRow(digest(secret), kind, new_id(), user_pk, name, role, "", now_ms, expires_ms)


def open_session(user_pk: int, now_ms: int, address: str, client: str, name: str = "") -> tuple[str, CredentialRow]:
    """Make a session of a browser; see ``mint``."""
    secret, row = mint("session", user_pk, now_ms, SESSION_MS, name)
    return secret, row._replace(address=address, client=client, used_ms=now_ms)


def digest(secret: str) -> str:
    """Return what is kept of a secret. It is random, so that a plain digest cannot be undone by trying."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def read_kind(secret: str) -> CredentialKind | None:
    """Return what a text that is shown as a credential claims to be."""
    return next((kind for kind in ("session", "token") if secret.startswith(PREFIX[kind])), None)
