"""Failures of the databases: what they are called, whether to try again, and what a caller is told."""

from __future__ import annotations

import sqlite3

from trackway.base.errors import InvalidInput, Unavailable
from trackway.store.sql.assumptions import Stale


class Vanished(Exception):
    """A row that was found before is gone: another transaction has deleted it meanwhile; who looks again will see."""


def is_driver_error(error: BaseException) -> bool:
    """Tell whether an error comes from the database or its driver."""
    return isinstance(error, sqlite3.Error) or hasattr(error, "sqlstate")


def is_transient(error: BaseException) -> bool:
    """Tell whether to try a job again: deadlock, serialisation, lock time-out, a row that came or went meanwhile."""
    if isinstance(error, Stale | Vanished):
        return True
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return getattr(error, "sqlstate", None) in ("40001", "40P01", "55P03", "23505")


def is_farewell(error: BaseException) -> bool:
    """Tell whether PostgreSQL says that it ends the connection: it is shut down, or somebody had it ended."""
    return getattr(error, "sqlstate", None) in ("57P01", "57P02", "57P03")


def storage_error(error: BaseException) -> BaseException:
    """Tell a driver's failure as one of ours, of which nothing was kept; any other error stays what it is."""
    if isinstance(error, Stale):
        return Unavailable(
            "What this goes by is being changed", hint="nothing was written; try again", retry_after_s=1.0
        )
    if isinstance(error, Vanished):
        return Unavailable(
            "What this is about is being deleted", hint="nothing was written; try again", retry_after_s=1.0
        )
    if not is_driver_error(error):
        return error
    if has_class(error, "DataError"):
        reason = str(error).partition("\n")[0]  # the lines below say where in a statement
        return InvalidInput(
            f"A value cannot be stored: {reason}", hint="send no NUL characters, and numbers of 64 bits"
        )
    told = Unavailable(
        f"The store could not do it: {type(error).__name__}: {error}",
        hint="nothing was written; check disk space and the database, then try again",
        retry_after_s=1.0,
    )
    told.public_message = "The store could not do it"
    return told


def has_class(error: BaseException, name: str) -> bool:
    """Tell whether an error is of a class that both drivers have by one name (PostgreSQL's may not be installed)."""
    return any(kind.__name__ == name for kind in type(error).__mro__)


def unstorable(error: Exception) -> InvalidInput:
    """Tell a driver's refusal of a value."""
    return InvalidInput(f"A value cannot be stored: {error}", hint="send numbers of 64 bits, and text that is Unicode")
