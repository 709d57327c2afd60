"""Passwords: which are taken, how they are kept (argon2id), and how one is tried without telling who exists."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

from trackway.api import limits
from trackway.base.errors import InvalidInput, NotSupported

if TYPE_CHECKING:
    from argon2 import PasswordHasher

TIME_COST = 2
MEMORY_KIB = 19_456
"""OWASP's first choice for argon2id with one lane: 19 MiB and two passes. About 30 ms of one processor."""
REFUSED = frozenset(("password1234", "admin", "changeme1234", "administrator", "trackway1234", "mlflow123456"))
"""What was shipped or printed somewhere as a first password is none for ever."""


def check_password(name: str, password: str) -> None:
    """Check that a password may be one.

    raises: InvalidInput unless it has 12 to 1,000 characters, is not the user's name and was not shipped by anybody
    """
    if not limits.PASSWORD_MIN_CHARS <= len(password) <= limits.PASSWORD_CHARS:
        raise InvalidInput(
            f"The password must have {limits.PASSWORD_MIN_CHARS} to {limits.PASSWORD_CHARS:,} characters",
            hint="a few words that you alone put together are easy to keep in mind",
        )
    folded = password.lower()
    if folded in REFUSED or folded == name.lower() or len(set(password)) < 4 or "\x00" in password:
        raise InvalidInput("This password is one that others try first", hint="choose another")


def hash_password(password: str) -> str:
    """Return the encoded argon2id hash of a password.

    cost: 30 ms of a processor and 19 MiB
    """
    return _hasher().hash(password)


def verify_password(stored: str, password: str) -> bool:
    """Tell whether a password is the one that a hash was made of; an empty hash is no password's, and takes as long.

    cost: as ``hash_password``
    """
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        _hasher().verify(stored or _nobody(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return bool(stored)


def fingerprint(stored: str) -> str:
    """Return a short name of a stored hash: another password, even the same one set anew, has another."""
    return hashlib.sha256(stored.encode()).hexdigest()[:32]


@cache
def _hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher
    except ImportError as error:
        raise NotSupported("Passwords need the argon2-cffi package", hint="pip install 'trackway[auth]'") from error
    return PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=1)


@cache
def _nobody() -> str:
    return hash_password("nobody has this password, which is never stored")
