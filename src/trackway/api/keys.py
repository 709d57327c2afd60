"""What may be the key of a metric, param or tag: one rule for those who log and for those who store."""

from __future__ import annotations

import re
from functools import lru_cache
from posixpath import normpath

from trackway.api import limits
from trackway.base.errors import InvalidInput

_KEY = re.compile(r"[/\w.\- :]+")


@lru_cache(maxsize=16_384)
def check_key(kind: str, key: str) -> None:
    """Check the key of a metric, param or tag.

    raises: InvalidInput unless it has 1 to 250 letters, digits, ``_ - . / : space`` and reads as a plain relative path
    """
    if not key:
        raise InvalidInput(f"The {kind} key must not be empty")
    if len(key) > limits.KEY_CHARS:
        raise InvalidInput(f"The {kind} key has {len(key)} characters; at most {limits.KEY_CHARS} are allowed")
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            f"Invalid {kind} name {key[:80]!r}", hint="use letters, digits and any of: _ - . / : and space"
        )
    if key == "." or key[0] == "/" or normpath(key) != key or key.startswith(".."):
        raise InvalidInput(
            f"Invalid {kind} name {key[:80]!r}",
            hint="slashes divide parts: no empty part, no '.' or '..', none at an end",
        )
