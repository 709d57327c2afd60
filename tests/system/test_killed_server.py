"""A server is killed while clients log: what it acknowledged is there when it comes back, once, and whole."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.services.forks import run_forks
from tests.services.postgres import PostgresServer
from tests.system.killing import check_arrived, get_seed, run_killed_server
from tests.system.writers import Client, make_writers

ALIVE_S = (0.02, 0.4)
"""How long a server lives, at least and at most."""
ROUNDS = [
    pytest.param("sqlite", 12, id="sqlite-12"),
    pytest.param("postgres", 4, id="postgres-4"),
    pytest.param("sqlite", 150, marks=pytest.mark.slow, id="sqlite-150"),
    pytest.param("postgres", 50, marks=pytest.mark.slow, id="postgres-50"),
]


def check_database(file: Path) -> None:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("database, rounds", ROUNDS)
def test_what_a_killed_server_acknowledged_is_there_once_and_whole(
    postgres_server: PostgresServer, tmp_path: Path, database: str, rounds: int
) -> None:
    draw = random.Random(get_seed())
    store = postgres_server.create_database() if database == "postgres" else f"sqlite:///{tmp_path}/t.db"
    with run_killed_server(store, tmp_path) as server:
        server.start()
        writers = make_writers(server.port, draw)
        for _ in range(rounds):
            for writer in writers:
                writer.start()
            time.sleep(draw.uniform(*ALIVE_S))
            server.kill()
            for writer in writers:
                writer.join()
            server.start()
            if database == "sqlite":
                check_database(tmp_path / "t.db")
            for writer in writers:
                writer.check()
        for writer in writers:
            writer.client.close()


@pytest.mark.parametrize("rounds", [pytest.param(4, id="4"), pytest.param(40, marks=pytest.mark.slow, id="40")])
def test_training_goes_on_through_kills_of_the_server_and_all_of_it_arrives_once(tmp_path: Path, rounds: int) -> None:
    draw = random.Random(get_seed())
    noted, stop = tmp_path / "noted", tmp_path / "stop"
    environment = {"TRACKWAY_JOURNAL_DIR": str(tmp_path / "journal"), "TRACKWAY_FINISH_S": "60"}
    with (
        run_killed_server(f"sqlite:///{tmp_path}/t.db", tmp_path) as server,
        run_forks("tests.system.children:train", tmp_path / "train.log", environment) as trainer,
    ):
        server.start()
        trainer.start(url=f"http://127.0.0.1:{server.port}", noted=str(noted), stop=str(stop))
        for _ in range(rounds):
            time.sleep(draw.uniform(*ALIVE_S))
            server.kill()
            server.start()
        stop.touch()
        assert trainer.wait() == 0, (tmp_path / "train.log").read_text()
        check_arrived(Client(server.port), noted.read_text())
        check_database(tmp_path / "t.db")
