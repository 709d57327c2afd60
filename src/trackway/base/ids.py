"""Ids that clients and servers make alike."""

from __future__ import annotations

import re
import secrets
import time

_TURN_NS = 16_000_000
_RUN_ID = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z_-]{0,63}")


def new_id() -> str:
    """Return 32 lower-case hex digits, 28 of them random: the id of a run, a session, an upload.

    What is made at one time begins alike, a thousand seconds' worth of beginnings taking turns, so that the ids of new
    rows lie together in an index: of 16 new runs each changed three pages of its own.
    """
    return f"{time.time_ns() // _TURN_NS & 0xFFFF:04x}{secrets.token_hex(14)}"


def is_id(text: str) -> bool:
    """Tell whether ``text`` may be an id that a client chose: 1 to 64 letters, digits, ``_`` or ``-``."""
    return _RUN_ID.fullmatch(text) is not None
