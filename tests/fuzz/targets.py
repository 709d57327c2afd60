"""Readers that are given any bytes: each ends, and raises nothing but what it says that it raises.

``TARGETS`` holds them by name, each with examples to begin from. They are run on the examples and on changed ones by
``test_fuzz.py``, and under a fuzzer that follows the branches by ``make fuzz``.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec
import numpy as np

from tests.exchange import wandb_logs as w
from trackway.api import limits
from trackway.base.errors import Corrupt, InvalidInput, NotFound, NotSupported
from trackway.exchange.wandb import RunFolders, find_folders
from trackway.models.manifest import NAME, read_manifest
from trackway.models.mlmodel import parse_mlmodel
from trackway.rules import fields, grammar
from trackway.sdk import journal_format as journal
from trackway.sdk.journal_reader import JournalReader, read_records
from trackway.store import chunks

SCHEMAS = (
    fields.RUNS,
    fields.MLFLOW_RUNS,
    fields.EXPERIMENTS,
    fields.MLFLOW_EXPERIMENTS,
    fields.LOGGED_MODELS,
    fields.MLFLOW_LOGGED_MODELS,
    fields.REGISTERED_MODELS,
    fields.MODEL_VERSIONS,
    fields.MLFLOW_REGISTERED_MODELS,
    fields.MLFLOW_MODEL_VERSIONS,
)
SESSION = "fuzz"


class Target(NamedTuple):
    """A reader, and inputs that lead far into it."""

    read: Callable[[bytes], object]
    examples: list[bytes]


def read_filter(data: bytes) -> None:
    """The first byte chooses what is searched, and whether the rest is a filter or an order."""
    if not data:
        return
    schema = SCHEMAS[data[0] % len(SCHEMAS)]
    text = data[1:].decode("utf-8", "surrogateescape")
    place = 0
    try:
        if data[0] < 128:
            grammar.parse_filter(text, schema, lambda: 0)
        else:
            grammar.parse_order(text.split("\n"), schema)
    except InvalidInput as error:
        place = error.details.get("position", 0)
    assert 0 <= place <= max(len(text), limits.FILTER_CHARS)


def read_chunk(data: bytes) -> None:
    """Bytes as a chunk, and as the columns of a sealed one whose checksums are right."""
    _unpack(data)
    if len(data) < 4:
        return
    count, preview = 1 + data[0] * 32, data[1] % 4
    cuts = [len(data) * data[2] // 256, len(data) * data[3] // 256]
    first, last = min(cuts), max(cuts)
    columns, shown = [data[:first], data[first:last], data[last:]], data[:24].ljust(24, b"\0") * preview
    sizes = [len(column) for column in columns]
    head = chunks._SEALED_HEAD.pack(chunks._SEALED, count, 0, 9, preview, *sizes, crc32(data), 0)[:-4]
    sealed = b"".join((head, crc32(shown, crc32(head)).to_bytes(4, "little"), shown, data))
    _unpack(sealed)


def _unpack(data: bytes) -> None:
    for read in (chunks.unpack, chunks.read_head, chunks.read_count, chunks.split_chunk):
        with suppress(Corrupt):
            read(data)
    with suppress(Corrupt):
        points = chunks.unpack(data)
        assert len(points.steps) == len(points.times_ms) == len(points.values) <= chunks.CHUNK_POINTS


def read_journal(data: bytes) -> None:
    """Bytes behind the header of a segment: as they are, and as the payloads of records whose checksums are right."""
    folder = _folder() / SESSION
    folder.mkdir(exist_ok=True)
    (folder / journal.SESSION_FILE).write_text(json.dumps({"format": 1, "session_id": SESSION}), encoding="utf-8")
    salt = journal.compute_salt(SESSION, 1)
    records = b""
    for number, part in enumerate(data.split(b"\xff"), start=1):
        if part:
            records += journal.pack_record(part[0], number, part[1:], salt)
    for body in (data, records, records[: len(records) * 3 // 4] + data):
        segment = journal.pack_segment_header(1, 1, salt) + body
        Path(journal.get_segment_path(str(folder), 1)).write_bytes(segment)
        most = 100 + 3 * len(segment)
        found = sum(1 for _ in read_records(folder))
        assert found <= most, "it goes on without end"
        with JournalReader(folder) as reader:
            for _ in range(most):
                if reader.read_batch(7, 1_000).at_end:
                    break
            else:
                raise AssertionError("batches go on without end")


def read_session(data: bytes) -> None:
    """Bytes as what a journal says of its session."""
    folder = _folder() / "session"
    folder.mkdir(exist_ok=True)
    (folder / journal.SESSION_FILE).write_bytes(data)
    with suppress(NotSupported, NotFound):
        journal.read_session(str(folder))


def read_model_manifest(data: bytes) -> None:
    """Bytes as a model's manifest; no path that it lists leads out of the folder."""
    folder = _folder()
    (folder / NAME).write_bytes(data)
    with suppress(Corrupt, NotSupported, InvalidInput):
        manifest = read_manifest(folder)
        assert manifest is not None
        for name in manifest.files:
            assert os.path.realpath(folder / name).startswith(f"{os.path.realpath(folder)}{os.sep}"), name


def read_model_record(data: bytes) -> None:
    """Bytes as an MLmodel file."""
    with suppress(Corrupt, NotSupported, InvalidInput):
        parse_mlmodel(data)


def read_wandb(data: bytes) -> None:
    """Bytes behind the header of a log of W&B's: as they are, and as records whose checksums are right."""
    root = _folder() / "wandb"
    for log in (w.HEADER + data, w.pack([w.run(), *data.split(b"\xfe\xfe")])):
        w.write_run(root, log)
        history = RunFolders(find_folders(root), None, lambda *_: None)
        for experiment in history.list_experiments():
            for run in history.list_runs(experiment):
                msgspec.json.encode(run)
                found = sum(len(piece.values) for piece in history.read_points(run))
                assert found <= len(log), "there are more points than bytes"


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="trackway-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _make_chunks() -> list[bytes]:
    steps = np.arange(300, dtype=np.int64)
    values = steps.astype(np.float64) * 0.5
    raw = chunks.pack_raw(steps.tobytes(), steps.tobytes(), values.tobytes())
    sealed = chunks.pack_sealed(steps, steps * 1_000, values)
    return [raw, sealed, sealed[60:], b"\x00\x01\x55\xaa" + sealed[-200:], raw[:28]]


def _make_journals() -> list[bytes]:
    series = journal.SERIES_BODY.pack(1, 3) + b"runloss"
    metric = b"\x01\x00\x00\x00" * 7
    return [
        b"\xff".join(
            (b"\x01{}", bytes([journal.Kind.SERIES]) + series, bytes([journal.Kind.METRIC]) + metric, b"\x0a")
        ),
        journal.MAGIC * 20,
        b"\x03\x00\xff\x04\xff\x63\xff\x00",
    ]


def _make_manifests() -> list[bytes]:
    record = {"size_bytes": 1, "sha256": "0" * 64}
    names = ("MLmodel", "a/b.pkl", "../x", "/x", "a\\..\\b", "c:x", "con", "a//b", "a/./b")
    files = dict.fromkeys(names, record)
    manifest = {"format": "trackway-model", "version": 1, "files": files}
    return [json.dumps(manifest).encode(), *(json.dumps(manifest | {"files": {n: record}}).encode() for n in files)]


def _make_logs() -> list[bytes]:
    rows = [w.row(step, loss=0.5, deep={"a": {"b": step}}, word="hi", image={"_type": "x"}) for step in range(3)]
    records = [
        w.run({"lr": 0.1, "opt": {"name": "adam", "betas": [1]}}, name="a", tag="b"),
        w.environment(python="CPython 3.11", program="a.py", args="-x"),
        w.axis("val/*", "epoch"),
        *rows,
        w.sample(1, cpu=1.0, gpu__0__temp=40.0),
        w.config(late="\ud800"),
        w.summary(best=1, loss={"min": 0.1}),
        w.ended(-9),
    ]
    return [b"\xfe\xfe".join(records), w.pack(records)[len(w.HEADER) :], *records]


_FILTERS = (
    "metrics.loss < 0.5 and params.`a b` = 'x' or not (tags.t in ('a', \"b\") and metric.m is nan)",
    "status = 'FINISHED' AND start_time > now() - 7d and parent.tags.`x` like '%a_' and attributes.run_id != ''",
    "min(metrics.loss) between -1e300 and +.5e-3 and exists params.x and tags.\"q\" not ilike 'é'",
    "links.uses in ('a', 'b') or parent.links.`retried_by` is null and exists(link.made)",
    "metrics.loss DESC\nstart_time",
    "name = 'a''b' and version_number >= 3 and aliases in ('x')",
)
_SESSIONS = [b'{"format": 1, "session_id": "a", "info": {"a": 1}, "last_seq": 3}', b"[" * 9_000]
_RECORDS = [
    b"flavors:\n  python_function: {loader_module: x, env: {conda: c.yaml}}\nsignature: {inputs: '[]'}\n",
    b"a: &a [*a]\n",
    b"? {a: 1}\n: !!python/object:os.system {}\n",
    b"a: &x 1\n<<: {b: 2}\nt: 2020-01-01 00:00:00\n",
]
TARGETS = {
    "filter": Target(
        read_filter, [bytes([kind]) + text.encode() for text in _FILTERS for kind in (0, 1, 4, 7, 128, 131)]
    ),
    "chunk": Target(read_chunk, _make_chunks()),
    "journal": Target(read_journal, _make_journals()),
    "session": Target(read_session, _SESSIONS),
    "manifest": Target(read_model_manifest, _make_manifests()),
    "mlmodel": Target(read_model_record, _RECORDS),
    "wandb": Target(read_wandb, _make_logs()),
}
