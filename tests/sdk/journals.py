"""What the tests of the journal share: journals of known content, processes that die, and views of what is read."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

from trackway.sdk.journal import REFUSED, Journal
from trackway.sdk.journal_format import Kind, list_segments
from trackway.sdk.journal_reader import Batch, Damage, JournalReader, Point, Record, read_records

Entry = tuple[object, ...]


def describe(record: Record | Point) -> Entry:
    """Return what a record says without its number, the value as its bits."""
    if isinstance(record, Point):
        return (record.run_id, record.key, record.step, record.time_ms, struct.pack("<d", record.value))
    return (int(record.kind), record.payload)


def read_all(directory: str | Path, after_seq: int = 0) -> tuple[dict[int, Entry], list[Damage]]:
    """Read everything: entries by number, which must rise, and damages."""
    entries: dict[int, Entry] = {}
    damages: list[Damage] = []
    last = after_seq
    for found in read_records(directory, after_seq):
        if isinstance(found, Damage):
            damages.append(found)
        else:
            assert found.seq > last
            last = found.seq
            entries[found.seq] = describe(found)
    return entries, damages


def read_batches(directory: str | Path, max_records: int = 10_000, max_bytes: int = 1 << 22) -> list[Batch]:
    """Read batches up to the end."""
    with JournalReader(directory) as reader:
        batches = [reader.read_batch(max_records, max_bytes)]
        while not batches[-1].at_end:
            batches.append(reader.read_batch(max_records, max_bytes))
    return batches


def write_sample(journal: Journal) -> dict[int, Entry]:
    """Append a little of everything; return the entries by number."""
    written: dict[int, Entry] = {}

    def append(kind: Kind, payload: bytes) -> None:
        written[_kept(journal.append(kind, payload))] = (int(kind), payload)

    def log(key: str, step: int, value: float) -> None:
        seq = _kept(journal.log_point("run", key, step, 1_000 + step, value))
        written[seq] = ("run", key, step, 1_000 + step, struct.pack("<d", value))

    append(Kind.CREATE_RUN, b"run")
    append(Kind.PARAMS, b"")
    log("loss", 0, 1.5)
    log("accuracy", 0, float("nan"))
    log("loss", 1, float("-inf"))
    append(Kind.TAGS, bytes(range(40)))
    log("accuracy", 1, -0.0)
    append(Kind.FINISH, b"run")
    return written


def _kept(seq: int) -> int:
    assert seq != REFUSED
    return seq


def list_files(directory: str | Path) -> list[Path]:
    """Return the paths of a session's segments, in order."""
    return [Path(directory) / f"{number:08d}.seg" for number in list_segments(str(directory))]


def run_in_child(work: Callable[[], object]) -> int:
    """Run ``work`` in a forked child that then ends without any clean-up; return its exit status."""
    with warnings.catch_warnings():
        # The child only runs ``work``, whatever threads other tests have left in this process.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def leave_dead_session(root: Path, work: Callable[[Journal], object] = write_sample) -> Path:
    """Have a process write a session and die; return the session's directory."""
    known = set(root.iterdir()) if root.exists() else set()
    assert run_in_child(lambda: work(Journal.create(root))) == 0
    (directory,) = set(root.iterdir()) - known
    return directory
