"""The schema is upgraded under a server that goes on serving: no write fails, and none is lost."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.services.postgres import PostgresServer
from tests.system.killing import get_seed, run_killed_server
from tests.system.writers import BatchWriter, FileWriter, RunWriter, SessionWriter, Writer
from trackway.store.sql.connection import connector
from trackway.store.sql.migrations import HISTORY, History
from trackway.store.sql.upgrade import prepare, read_revision

WRITING_S = 0.5


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_server_goes_on_while_the_schema_of_a_later_version_comes(
    postgres_server: PostgresServer, tmp_path: Path, database: str
) -> None:
    number = get_seed() % 2**31
    store = postgres_server.create_database() if database == "postgres" else f"sqlite:///{tmp_path}/t.db"
    later = History(tmp_path / "migrations", "0002")
    shutil.copytree(HISTORY.folder, later.folder)
    shutil.copy(Path(__file__).parent / "upgrade_steps" / "added.py", later.folder / "versions")
    with run_killed_server(store, tmp_path) as server:
        server.start()
        kinds: list[type[Writer]] = [BatchWriter, BatchWriter, SessionWriter, SessionWriter, FileWriter, RunWriter]
        writers = [kind(server.port, number + place) for place, kind in enumerate(kinds)]
        for writer in writers:
            writer.start()
        time.sleep(WRITING_S)
        connect, _ = connector(store)
        prepare(store, connect, later)
        written = [writer.count for writer in writers]
        time.sleep(WRITING_S)
        went_on = [writer.is_writing and writer.count > before for writer, before in zip(writers, written, strict=True)]
        for writer in writers:
            writer.stop()
            writer.join()
        assert all(went_on), "a write failed, or none was answered"
        for writer in writers:
            writer.check()
            writer.client.close()
        database_now = connect()
        assert read_revision(database_now) == later.head
        database_now.close()
