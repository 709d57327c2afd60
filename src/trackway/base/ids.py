"""Ids that clients and servers make alike."""

from __future__ import annotations

import re
import secrets

_RUN_ID = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z_-]{0,63}")


def new_id() -> str:
    """Return 32 random lower-case hex digits: the id of a run, a session, an upload."""
    return secrets.token_hex(16)


def is_id(text: str) -> bool:
    """Tell whether ``text`` may be an id that a client chose: 1 to 64 letters, digits, ``_`` or ``-``."""
    return _RUN_ID.fullmatch(text) is not None
