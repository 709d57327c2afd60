"""The schema is upgraded under a server that goes on serving: no write fails, and none is lost."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.services.postgres import PostgresServer
from tests.services.waiting import wait_until
from tests.system.killing import get_seed, run_killed_server
from tests.system.writers import Writer, make_writers
from trackway.store.sql.connection import connector
from trackway.store.sql.migrations import HISTORY, History
from trackway.store.sql.upgrade import prepare, read_revision

WRITES = 5


def wait_for_writes(writers: list[Writer]) -> None:
    """Wait until each has had some more writes acknowledged; fail when one has ended, as each does that is refused."""
    enough = [writer.count + WRITES for writer in writers]
    wait_until(lambda: all(has_written(*pair) for pair in zip(writers, enough, strict=True)))


def has_written(writer: Writer, enough: int) -> bool:
    if not writer.is_writing:
        writer.join()
        raise AssertionError("an answer did not come")
    return writer.count >= enough


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_server_goes_on_while_the_schema_of_a_later_version_comes(
    postgres_server: PostgresServer, tmp_path: Path, database: str
) -> None:
    draw = random.Random(get_seed())
    store = postgres_server.create_database() if database == "postgres" else f"sqlite:///{tmp_path}/t.db"
    later = History(tmp_path / "migrations", "0002")
    shutil.copytree(HISTORY.folder, later.folder)
    shutil.copy(Path(__file__).parent / "upgrade_steps" / "added.py", later.folder / "versions")
    with run_killed_server(store, tmp_path) as server:
        server.start()
        writers = make_writers(server.port, draw)
        for writer in writers:
            writer.start()
        wait_for_writes(writers)
        connect, _ = connector(store)
        prepare(store, connect, later)
        wait_for_writes(writers)
        for writer in writers:
            writer.stop()
            writer.join()
        for writer in writers:
            writer.check()
            writer.client.close()
        database_now = connect()
        assert read_revision(database_now) == later.head
        database_now.close()
