"""The schema's version: a new database is made at the newest, an older one is upgraded, a newer one refused."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from trackway.base.addresses import sqlite_path
from trackway.base.errors import NotSupported, Unavailable
from trackway.store.sql.connection import Connection
from trackway.store.sql.failures import is_transient, storage_error
from trackway.store.sql.migrations import HISTORY, History

LOCK_TIMEOUT_S = 60
"""How long PostgreSQL waits for who changes the schema; for SQLite it is ``connection.BUSY_TIMEOUT_S``."""
_LOCK = 7_230_118_422
_TABLE = re.compile(r"^CREATE TABLE (\S+)", re.MULTILINE)
_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX (\S+)")
_log = logging.getLogger("trackway.store")


def prepare(uri: str, connect: Callable[[], Connection], history: History = HISTORY) -> None:
    """Bring the database's schema to the newest revision; safe when several processes start at once.

    All steps are one transaction: a process that dies on the way leaves the schema as it was. A SQLite file is copied
    beside itself (``.before-<revision>``) before it is upgraded. One that is refused stays as it is, byte by byte.

    raises: NotSupported when the schema is of a revision that this version does not know, or another program's,
            Unavailable when the database fails, or another process has been changing the schema for a minute
    """
    with closing(connect()) as db, _telling_failures():  # what is not committed when it closes is undone
        while (revision := read_revision(db)) != history.head:
            if revision is None:
                _create(db, history)
            else:
                _upgrade(uri, db, revision, history)
        db.keep_log()


def read_revision(db: Connection) -> str | None:
    """Return the schema's revision, None for a database without our tables."""
    if db.dialect == "sqlite":
        known = db.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
    else:
        known = db.one("SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'alembic_version'")
    row = db.one("SELECT version_num FROM alembic_version") if known else None
    return row[0] if row else None


def list_missing_indexes(db: Connection) -> list[str]:
    """Return the names of indexes that the schema has and the database lacks."""
    return sorted(_find_missing_indexes(db))


def create_missing_indexes(db: Connection) -> list[str]:
    """Create the indexes that ``list_missing_indexes`` names, in one transaction, and return their names.

    raises: Unavailable when it cannot be done; the connection is to be closed then
    """
    with _telling_failures():
        _begin(db)
        missing = _find_missing_indexes(db)
        for statement in missing.values():
            db.run(statement)
        db.commit()
    return sorted(missing)


def _find_missing_indexes(db: Connection) -> dict[str, str]:
    """Return the statements that create what is missing, by the indexes' names."""
    if db.dialect == "sqlite":
        rows = db.all("SELECT name FROM sqlite_master WHERE type = 'index'")
    else:
        rows = db.all("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")
    there = {row[0] for row in rows}
    found = ((_INDEX.match(statement), statement) for statement in HISTORY.read_schema(db.dialect))
    return {match[1]: statement for match, statement in found if match and match[1] not in there}


def _create(db: Connection, history: History) -> None:
    _begin(db)
    if read_revision(db) is None:
        statements = history.read_schema(db.dialect)
        _check_free(db, statements)
        for statement in statements:
            db.raw.execute(statement)  # some hold a percent sign, which ``run`` means otherwise
        db.run("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        db.run("INSERT INTO alembic_version (version_num) VALUES (?)", (history.head,))
    db.commit()


def _check_free(db: Connection, statements: list[str]) -> None:
    if db.dialect == "sqlite":
        rows = db.all("SELECT name FROM sqlite_master WHERE type = 'table'")
    else:
        rows = db.all("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    ours = {match[1] for statement in statements if (match := _TABLE.search(statement))}
    if taken := sorted(ours & {row[0] for row in rows}):
        raise NotSupported(
            f"The database has tables of something else that are called like Trackway's: {', '.join(taken[:5])}",
            hint="nothing was written; give Trackway a database of its own",
        )


def _upgrade(uri: str, db: Connection, revision: str, history: History) -> None:
    from alembic import command  # takes a second: only an older database needs it
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import StaticPool

    config = Config()
    config.set_main_option("script_location", str(history.folder).replace("%", "%%"))
    try:
        ScriptDirectory.from_config(config).get_revision(revision)
    except CommandError as error:
        raise NotSupported(
            f"The database has schema {revision}; this version of Trackway knows none newer than {history.head}",
            hint="start the version that last wrote it, or restore a backup from before its upgrade;"
            " a database of MLflow's is brought over by `trackway import`",
        ) from error
    driver = "sqlite" if db.dialect == "sqlite" else "postgresql+psycopg"
    engine = create_engine(f"{driver}://", creator=lambda: db.raw, poolclass=StaticPool)
    event.listen(engine, "begin", lambda _: _begin(db))
    with engine.connect() as connection, connection.begin():
        if read_revision(db) != revision:
            return  # another process was quicker
        copy = _copy(sqlite_path(uri), revision) if db.dialect == "sqlite" else "not made here"
        _log.warning("upgrading the schema from %s to %s; copy of what was before: %s", revision, history.head, copy)
        config.attributes["connection"] = connection
        command.upgrade(config, history.head)
    _log.warning("upgraded the schema to %s", history.head)


def _copy(path: Path, revision: str) -> Path:
    """Copy a SQLite file beside itself; the caller keeps others from writing to it."""
    copy = path.with_name(f"{path.name}.before-{revision}")
    partial = copy.with_name(f"{copy.name}.partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as target:
        source.backup(target)
    return partial.replace(copy)


def _begin(db: Connection) -> None:
    """Open the one transaction that may change the schema at a time."""
    try:
        db.begin(write=True)  # SQLite has one writer
        if db.dialect == "postgresql":
            db.run("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")  # to see what was done while this waited
            db.run(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
            db.one("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
    except Exception as error:
        if not is_transient(error):
            raise
        raise Unavailable(
            "The schema must be changed, and another process has been writing to the database for too long",
            hint="wait until it is done, or stop it, and start again",
            retry_after_s=10.0,
        ) from error


@contextmanager
def _telling_failures() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        cause = getattr(error, "orig", None) or error  # the driver's error in one of SQLAlchemy's
        if (told := storage_error(cause)) is cause:
            raise
        raise told from error
