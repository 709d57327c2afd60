"""A backup that is made while clients write is a whole store, with all that was acknowledged before it began."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.system.killing import get_seed, run_killed_server
from tests.system.writers import BatchWriter, Client, FileWriter, SessionWriter
from trackway.cli.main import cli
from trackway.wiring.local import open_platform

WRITING_S = 1.0


class BatchLog(BatchWriter):
    """Tells what a store of an earlier moment may have."""

    def mark(self) -> None:
        self.before = set(self.acknowledged)

    def look_back(self, port: int) -> None:
        self.client = Client(port)
        self.unknown |= self.acknowledged - self.before
        self.acknowledged = self.before


class SessionLog(SessionWriter):
    """Tells what a store of an earlier moment may have."""

    def mark(self) -> None:
        self.before = self.acknowledged

    def look_back(self, port: int) -> None:
        self.client = Client(port)
        self.acknowledged = self.before


class FileLog(FileWriter):
    """Tells what a store of an earlier moment may have: of each file what it had then, or what it got since."""

    def __init__(self, port: int, seed: int) -> None:
        super().__init__(port, seed)
        self.since: dict[str, set[str]] = {}

    def write(self) -> None:
        known = dict(self.acknowledged)
        super().write()
        for name, digest in self.acknowledged.items():
            if known.get(name) != digest:
                self.since.setdefault(name, set()).add(digest)

    def mark(self) -> None:
        self.since = {}  # first: what is acknowledged meanwhile is in both
        self.before = dict(self.acknowledged)

    def look_back(self, port: int) -> None:
        self.client = Client(port)
        for name, digests in self.since.items():
            self.unknown.setdefault(name, set()).update(digests)
        self.acknowledged = self.before


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, words)
    return (0 if done.exception is None else 1), done.output


def copy_files(source: Path, target: Path) -> None:
    """Copy a folder in use, as rsync does: what is gone before its turn is passed by."""

    def copy(one: str, other: str) -> None:
        with suppress(FileNotFoundError):
            shutil.copyfile(one, other)

    shutil.copytree(source, target, copy_function=copy)


def test_a_backup_under_load_has_all_that_was_acknowledged_before_it(tmp_path: Path) -> None:
    number = get_seed() % 2**31
    store, restored = tmp_path / "store", tmp_path / "restored"
    store.mkdir()
    restored.mkdir()
    with run_killed_server(f"sqlite:///{store}/trackway.db", store) as server:
        server.start()
        kinds: list[type[BatchLog | SessionLog | FileLog]] = [BatchLog, BatchLog, SessionLog, SessionLog, FileLog]
        writers = [kind(server.port, number + place) for place, kind in enumerate(kinds)]
        for writer in writers:
            writer.start()
        time.sleep(WRITING_S)
        for writer in writers:
            writer.mark()
        assert run("db", "backup", str(restored / "trackway.db"), str(store))[0] == 0
        copy_files(store / "artifacts", restored / "artifacts")
        time.sleep(WRITING_S / 4)
        server.kill()
        for writer in writers:
            writer.join()
            assert writer.before, "it wrote before the backup began"
    failed, told = run("db", "verify", str(restored), "--json")
    assert (failed, json.loads(told)["damaged"]) == (0, [])
    assert json.loads(told)["files"] > 0
    with run_killed_server(f"sqlite:///{restored}/trackway.db", restored) as server:
        server.start()
        for writer in writers:
            writer.look_back(server.port)
            writer.check()
            writer.client.close()


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A store with a file beside its row, two larger ones, and a file of a second workspace."""
    with run_killed_server(f"sqlite:///{tmp_path}/trackway.db", tmp_path) as server:
        server.start()
        client = Client(server.port)
        for name, size in (("small", 10), ("large", 100_000), ("gone", 200_000)):
            client.send("PUT", f"/api/v1/files/0/r/artifacts/{name}", name.encode() * size, {})
        client.close()
    return tmp_path


def find_blob(store: Path, path: str) -> Path:
    with closing(open_platform(str(store))) as platform:
        file = platform.store.read(lambda tx: tx.files.get("default", path))
        assert file is not None
        assert file.blob_key is not None
        [blob] = [one for one in (store / "artifacts").rglob("*") if one.is_file() and file.blob_key in str(one)]
        return blob


def test_what_is_damaged_or_gone_is_named(filled: Path) -> None:
    assert run("db", "verify", str(filled)) == (0, "Read 3 files (1.3 MB), each as it was stored.\n")
    large = find_blob(filled, "0/r/artifacts/large")
    data = bytearray(large.read_bytes())
    data[70_000] ^= 1
    large.chmod(0o600)
    large.write_bytes(data)
    find_blob(filled, "0/r/artifacts/gone").unlink()
    failed, told = run("db", "verify", str(filled), "--json")
    assert failed
    assert [(one["path"], one["problem"]) for one in json.loads(told)["damaged"]] == [
        ("0/r/artifacts/gone", "its bytes are gone"),
        ("0/r/artifacts/large", "its bytes are not those that were stored"),
    ]


def test_a_damaged_database_is_told(filled: Path) -> None:
    database = filled / "trackway.db"
    data = bytearray(database.read_bytes())
    data[4096 * 3 : 4096 * 6] = b"\xff" * 4096 * 3
    database.write_bytes(data)
    failed, _ = run("db", "verify", str(filled))
    assert failed


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert run("db", "verify", str(tmp_path / "nothing"))[0]
    assert not (tmp_path / "nothing").exists()
