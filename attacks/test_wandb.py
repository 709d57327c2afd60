"""Folders said to be of W&B's client, made to reach out, to swell, or to hang whoever imports them."""

from __future__ import annotations

import json
import os
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.exchange import wandb_logs as w
from tests.exchange.wandb_logs import RUN, write_run
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.artifacts import ListFiles
from trackway.exchange.importer import import_history
from trackway.exchange.report import Report
from trackway.exchange.sources import open_history
from trackway.exchange.wandb_log import RECORD_BYTES
from trackway.sdk.locations import get_folder
from trackway.sdk.transport import Transport
from trackway.wiring.local import open_local

SECRET = "canary-7f3a91-do-not-leak"
MOST_BYTES = 400 << 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Transport]:
    transport = open_local(str(tmp_path / "tracks"))
    yield transport
    transport.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "wandb"


def run_import(store: Transport, root: Path) -> Report:
    report = Report()
    with closing(open_history(str(root), None, report.note)) as history:
        import_history(store, history, report)
    return report


def list_runs(store: Transport) -> list[r.Run]:
    return store.call(ops.SEARCH_RUNS, r.SearchRuns(view="all")).runs


def test_no_link_or_pipe_is_opened(store: Transport, root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "requirements.txt").write_text(f"{SECRET}==1")
    (secret / "wandb-metadata.json").write_text(json.dumps({"python": "3", "program": SECRET}))
    (secret / f"run-{RUN}.wandb").write_bytes(w.pack([w.run({"canary": SECRET}, run_id="linked")]))
    honest = [w.run(), w.ended()]
    linked = write_run(root, honest, run_id="a")
    (linked / "files").rmdir()
    (linked / "files").symlink_to(secret)
    inside = write_run(root, [w.run(run_id="b"), w.ended()], run_id="b") / "files"
    for name in ("requirements.txt", "wandb-metadata.json"):
        (inside / name).symlink_to(secret / name)
    (inside / "folder").symlink_to(secret)
    log = write_run(root, honest, run_id="c") / "run-c.wandb"
    log.unlink()
    log.symlink_to(secret / f"run-{RUN}.wandb")
    pipe = write_run(root, honest, run_id="d") / "run-d.wandb"
    pipe.unlink()
    os.mkfifo(pipe)
    os.mkfifo(inside / "pipe")
    (root / f"run-20231114_221320-{RUN}").symlink_to(secret)
    report = run_import(store, root)
    runs = list_runs(store)
    assert {run.run_id for run in runs} == {RUN, "b"}
    assert SECRET not in repr(runs)
    for run in runs:
        assert store.call(ops.LIST_FILES, ListFiles(folder=get_folder(run.artifact_uri), recursive=True)).files == []
    left = "\n".join(f"{one.examples}" for one in report.left_out.values())
    assert "run-c.wandb" in left
    assert "run-d.wandb" in left


@pytest.mark.parametrize("path", ["../../secret", "/etc/passwd", "..\\..\\secret", "media/../../../secret"])
def test_no_path_of_a_record_is_opened(store: Transport, root: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text(SECRET)
    image = w.row(0, img={"_type": "image-file", "path": path}, loss=1)
    files = w.message((6, w.message((1, w.message((1, path))))))
    artifact = w.message((8, w.message((12, w.message((4, w.message((1, path), (5, path))))))))
    write_run(root, [w.run(), image, files, artifact, w.ended()])
    run_import(store, root)
    [run] = list_runs(store)
    assert store.call(ops.LIST_FILES, ListFiles(folder=get_folder(run.artifact_uri), recursive=True)).files == []


@pytest.mark.parametrize(
    "run_id",
    ["../../etc", "a/b", "", ".", "*", "x" * 300, "a\x00b", "' OR 1=1 --"],
    ids=["up", "slash", "empty", "dot", "star", "long", "nul", "quote"],
)
@pytest.mark.parametrize("project", ["../../etc", "p\x00", "x" * 10_000], ids=["up", "nul", "long"])
def test_ids_and_names_lead_nowhere(store: Transport, root: Path, run_id: str, project: str) -> None:
    write_run(root, [w.run(run_id=run_id, project=project), w.ended()])
    before = sorted(root.parent.glob("*"))
    run_import(store, root)
    for run in list_runs(store):
        assert get_folder(run.artifact_uri).partition("/")[2].startswith(run.run_id)
        assert "/" not in run.run_id
    assert sorted(root.parent.glob("*")) == before


def lie(size: int) -> bytes:
    """Return a piece that says another size than it has."""
    return struct.pack("<IHB", zlib.crc32(b"abc", zlib.crc32(b"\x01")), size, 1) + b"abc"


DEEP = "[" * 100_000
BOMBS = {
    "a field that is longer than its record": [w.varint(2 << 3 | 2) + w.varint(1 << 62)],
    "a number that does not end": [b"\x10" + b"\xff" * 1_000],
    "a group": [b"\x13" * 1_000],
    "messages in messages": [b"\x12\x7f" * 60],
    "many fields": [w.message((2, b"\x0a\x00" * 1_000_000))],
    "many records of garbage": [bytes([13, 255, index % 251]) for index in range(5_000)],
    "a deep value": [w.message((2, w.message((1, w.message((2, "m"), (16, DEEP))))))],
    "a deep config": [w.message((5, w.message((1, w.message((1, "m"), (16, '{"a":' * 100_000))))))],
    "a deep key": [w.message((5, w.message((1, w.message(*[(2, "k")] * 5_000, (16, "1"))))))],
    "a long number": [w.config(), w.message((5, w.message((1, w.message((1, "m"), (16, "9" * 100_000))))))],
    "a number beyond all": [w.row(0, m=10**400), w.message((3, w.message((1, w.message((2, "m"), (16, "9" * 400))))))],
    "times that are none": [w.message((2, w.message((1, w.message((2, "_timestamp"), (16, "1e308"))))))],
    "a step beyond all": [w.row(-1, m=1), w.row(2**63 - 1, m=1), w.row(-(2**63), m=1)],
    "half a character": [w.config(a={"\ud800": "\udfff"}, b=["\ud800"]), w.summary(word="\ud800")],
    "another id": [w.run(run_id="another", project="elsewhere")],
    "text that is none": [w.message((17, w.message((1, b"\xff\xfe"))))],
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_little_and_the_rest_arrives(store: Transport, root: Path, name: str) -> None:
    write_run(root, [w.run(), w.row(1, fine=1.0), *BOMBS[name], w.row(2, fine=2.0), w.ended()])
    tracemalloc.start()
    report = run_import(store, root)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    [run] = list_runs(store)
    assert peak < MOST_BYTES
    assert (run.status, run.metrics["fine"].count, len(report.left_out) < 5) == ("FINISHED", 2, True)


def test_a_record_of_any_length_is_not_put_together(store: Transport, root: Path) -> None:
    huge = w.message((2, w.message((1, bytes(3 * RECORD_BYTES)))))
    write_run(root, [w.run(), huge, w.ended()])
    tracemalloc.start()
    report = run_import(store, root)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * RECORD_BYTES
    assert any("a record of more than" in why for why in report.left_out)
    assert list_runs(store)[0].status == "FINISHED"


@pytest.mark.parametrize("size", [0, 4, 65_535])
def test_a_piece_that_lies_about_its_size_hides_nothing_behind_its_block(
    store: Transport, root: Path, size: int
) -> None:
    start = w.pack([w.run()]) + lie(size)
    later = w.pack([w.run(), w.run({"filler": "x" * 70_000}), w.ended()])
    write_run(root, start + bytes(1_000) + later[len(start) + 1_000 :])
    report = run_import(store, root)
    assert list_runs(store)[0].status == "FINISHED"
    assert any("at byte" in example for left in report.left_out.values() for example in left.examples)


def test_keys_without_end_are_told(store: Transport, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("wandb_values", "wandb_run"):
        monkeypatch.setattr(f"trackway.exchange.{module}.MOST_KEYS", 50)
    rows = [w.row(step, **{f"m{step}": 1.0}) for step in range(200)]
    configs = [w.config(**{f"p{number}": number}) for number in range(80)]
    write_run(root, [w.run(), *rows, *configs, w.ended()])
    report = run_import(store, root)
    [run] = list_runs(store)
    assert (len(run.metrics), len(run.params), run.status) == (50, 50, "FINISHED")
    assert sorted(left.count for left in report.left_out.values()) == [30, 150]
