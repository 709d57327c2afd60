"""A local store's database: where it is, what state it is in, and its upkeep."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from trackway.api.retention import StoreReport
from trackway.base.addresses import sqlite_address
from trackway.base.errors import InvalidInput
from trackway.sdk.connection import DATABASE_FILE
from trackway.store.sql.connection import connector
from trackway.store.sql.inspection import inspect
from trackway.store.sql.migrations import HISTORY
from trackway.store.sql.upgrade import create_missing_indexes, prepare, read_revision


def find_database(uri: str) -> str:
    """Return the database's address of a local store: of a folder, the SQLite file in it.

    raises: InvalidInput for a server's address, and for a file
    """
    if uri.startswith(("http:", "https:")):
        raise InvalidInput(
            f"{uri} is a server; its database cannot be seen from here", hint="name its folder or database"
        )
    if uri.startswith(("sqlite:", "postgresql:", "postgres:")):
        return uri
    folder = Path(uri.removeprefix("file://")).absolute()
    if folder.is_file():
        raise InvalidInput(
            f"{folder} is a file, and a local store a folder", hint=f"a database is named as {sqlite_address(folder)}"
        )
    return sqlite_address(folder / DATABASE_FILE)


def inspect_database(uri: str) -> StoreReport:
    """Look at a database: its schema, indexes and sizes."""
    connect, _ = connector(uri)
    with closing(connect()) as db:
        return inspect(db)


def repair_database(uri: str) -> list[str]:
    """Create the indexes that a database lacks, and return their names."""
    connect, _ = connector(uri)
    with closing(connect()) as db:
        return create_missing_indexes(db)


def upgrade_database(uri: str, only_look: bool = False) -> tuple[str, str]:
    """Return the schema revision that a database has (had), and the newest; bring it there unless ``only_look``."""
    connect, _ = connector(uri)
    with closing(connect()) as db:
        found = read_revision(db) or ""
    if not only_look:
        prepare(uri, connect)
    return found, HISTORY.head
