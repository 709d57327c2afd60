from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk.journals import Entry, describe, list_files, read_all, read_batches, write_sample
from trackway.base.errors import InvalidInput, Unavailable
from trackway.sdk import journal as journal_module
from trackway.sdk.journal import REFUSED, RESERVE_BYTES, Journal
from trackway.sdk.journal_format import METRIC_BYTES, SEGMENT_BYTES, Kind
from trackway.sdk.journal_reader import Batch, Point, read_records

INT64 = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.one_of(
    st.binary(min_size=8, max_size=8).map(lambda bits: struct.unpack("<d", bits)[0]),
    st.sampled_from([0.0, -0.0, float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308]),
)
NAMES = st.one_of(st.sampled_from(["loss", "a", "ä", "損失", ""]), st.text(max_size=8))
POINTS = st.tuples(st.sampled_from(["run1", "run2"]), NAMES, INT64, INT64, FLOATS)
OTHER_KINDS = st.sampled_from(sorted(set(Kind) - {Kind.METRIC, Kind.SERIES}))
RECORDS = st.tuples(OTHER_KINDS, st.binary(max_size=100))
ENTRIES = st.lists(st.one_of(POINTS, POINTS, RECORDS), max_size=60)


def write(journal: Journal, entries: list[tuple[object, ...]]) -> dict[int, Entry]:
    written: dict[int, Entry] = {}
    for entry in entries:
        if len(entry) == 2:
            seq = journal.append(*entry)  # type: ignore[arg-type]
            written[seq] = (int(entry[0]), entry[1])  # type: ignore[call-overload]
        else:
            seq = journal.log_point(*entry)  # type: ignore[arg-type]
            written[seq] = (*entry[:4], struct.pack("<d", entry[4]))
        assert seq != REFUSED
    return written


def list_part_points(batches: list[Batch]) -> list[Entry]:
    return [
        (points.run_id, points.key, step, time_ms, struct.pack("<d", value))
        for batch in batches
        for part in batch.parts
        for points in part.points
        for step, time_ms, value in zip(
            struct.unpack(f"<{points.length}q", points.steps),
            struct.unpack(f"<{points.length}q", points.times_ms),
            struct.unpack(f"<{points.length}d", points.values),
            strict=True,
        )
    ]


@given(entries=ENTRIES, segment_bytes=st.sampled_from([150, 400, SEGMENT_BYTES]))
@settings(deadline=None, max_examples=150)
def test_what_is_logged_is_read_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[object, ...]], segment_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "SEGMENT_BYTES", segment_bytes)
        journal = Journal.create(tmp_path_factory.mktemp("root"))
        written = write(journal, entries)
    assert read_all(journal.directory) == (written, [])
    assert journal.status().appended >= len(entries)
    journal.close()


@given(
    entries=ENTRIES,
    segment_bytes=st.sampled_from([300, SEGMENT_BYTES]),
    max_records=st.integers(1, 70),
    max_bytes=st.integers(1, 2_000),
)
@settings(deadline=None, max_examples=150)
def test_batches_hold_the_same_in_an_order_that_may_be_delivered(
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[tuple[object, ...]],
    segment_bytes: int,
    max_records: int,
    max_bytes: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "SEGMENT_BYTES", segment_bytes)
        journal = Journal.create(tmp_path_factory.mktemp("root"))
        written = write(journal, entries)
    batches = read_batches(journal.directory, max_records, max_bytes)
    journal.close()

    records = {record.seq: describe(record) for b in batches for part in b.parts for record in part.records}
    assert records == {seq: entry for seq, entry in written.items() if len(entry) == 2}
    points = [entry for entry in written.values() if len(entry) == 5]
    series = {entry[:2] for entry in points}
    read = list_part_points(batches)
    for name in series:
        assert [entry for entry in read if entry[:2] == name] == [entry for entry in points if entry[:2] == name]
    assert len(read) == len(points)

    last = 0
    for batch in batches:
        assert batch.total <= max_records
        for part in batch.parts:
            assert part.first_seq == last + 1
            last = part.last_seq
            may_overtake = {Kind.CREATE_RUN, Kind.PARAMS, Kind.TAGS, Kind.INPUTS, Kind.OUTPUTS}
            ordered = [record.seq for record in part.records if record.kind not in may_overtake]
            logged = [seq for seq, entry in written.items() if len(entry) == 5 and part.first_seq <= seq <= last]
            assert not ordered or not logged or max(ordered) < min(logged)
        assert batch.end.seq >= last


def test_numbers_are_contiguous_from_one_and_the_definition_of_a_series_takes_one(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path)
    assert journal.append(Kind.CREATE_RUN, b"") == 1
    assert [journal.log_point("run", "loss", step, 0, 0.0) for step in range(3)] == [3, 4, 5]
    assert journal.log_point("run", "accuracy", 0, 0, 0.0) == 7
    assert journal.status().appended == 7


def test_a_point_costs_one_write_of_48_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.create(tmp_path)
    journal.log_point("run", "loss", 0, 0, 0.0)
    sizes: list[int] = []
    real = os.write

    def write(fd: int, data: bytes) -> int:
        sizes.append(len(data))
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    for step in range(10):
        journal.log_point("run", "loss", step, 0, 0.0)
    assert sizes == [METRIC_BYTES] * 10


def test_the_import_brings_no_library_beside_the_standard_one() -> None:
    code = (
        "import sys; before = set(sys.modules); import trackway.sdk.journal\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))\n"
        "print(*{'inspect', 'dataclasses', 'asyncio', 'socket'} & (set(sys.modules) - before))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["trackway"]


@pytest.mark.parametrize(
    ("run_id", "key", "step", "time_ms", "value"),
    [
        ("run", "loss", 2**63, 0, 0.0),
        ("run", "loss", 0, -(2**63) - 1, 0.0),
        ("run", "loss", 1.5, 0, 0.0),
        ("run", "loss", 0, 0, "much"),
        ("run", "loss", 0, 0, 10**400),
        ("run", "\ud800", 0, 0, 0.0),
        ("run", ["loss"], 0, 0, 0.0),
        (None, "loss", 0, 0, 0.0),
        ("r" * 70_000, "loss", 0, 0, 0.0),
    ],
)
def test_a_point_that_cannot_be_written_is_counted_and_never_raised(
    tmp_path: Path, run_id: str, key: str, step: int, time_ms: int, value: float
) -> None:
    journal = Journal.create(tmp_path)
    assert journal.log_point(run_id, key, step, time_ms, value) == REFUSED
    status = journal.status()
    assert (status.rejected, status.dropped, status.write_errors) == (1, 0, 0)
    assert "cannot be written" in status.last_problem
    written = write_sample(journal)
    assert read_all(journal.directory) == (written, [])


@pytest.mark.parametrize("kind", [0, 256, -1, Kind.METRIC, Kind.SERIES])
def test_kinds_that_are_the_journals_own_or_none_are_refused(tmp_path: Path, kind: int) -> None:
    journal = Journal.create(tmp_path)
    assert journal.append(kind, b"") == REFUSED
    assert journal.status().rejected == 1


def test_a_payload_may_be_larger_than_a_segment_up_to_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(tmp_path)
    large = os.urandom(SEGMENT_BYTES + 5)
    assert journal.append(Kind.TAGS, b"small") == 1
    assert journal.append(Kind.INPUTS, large) == 2
    assert journal.append(Kind.TAGS, b"small") == 3
    assert [entry[1] for entry in read_all(journal.directory)[0].values()] == [b"small", large, b"small"]
    assert len(list_files(journal.directory)) == 3
    monkeypatch.setattr(journal_module, "MAX_PAYLOAD_BYTES", 1_000)
    assert journal.append(Kind.TAGS, bytes(1_001)) == REFUSED
    assert journal.append(Kind.TAGS, bytes(1_000)) == 4


def test_segments_are_left_for_new_ones_and_deleted_once_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 1_000)
    journal = Journal.create(tmp_path)
    for step in range(100):
        journal.log_point("run", "loss", step, 0, 0.0)
    files = list_files(journal.directory)
    assert len(files) == 6
    assert all(file.stat().st_size <= 1_000 for file in files)
    first_of_third = next(seq for seq in range(1, 200) if _first_number(journal, 2) == seq)

    journal.acknowledge(first_of_third - 2)
    assert list_files(journal.directory) == files[1:]
    journal.acknowledge(first_of_third - 1)
    assert list_files(journal.directory) == files[2:]
    entries, damages = read_all(journal.directory)
    assert (min(entries), damages) == (first_of_third + 1, [])

    before = journal.status()
    assert before.pending_bytes == sum(file.stat().st_size for file in files[2:])
    journal.acknowledge(before.appended)
    assert list_files(journal.directory) == files[-1:]
    after = journal.status()
    assert (after.pending_records, after.pending_bytes, after.acked) == (0, 0, before.appended)
    assert journal.log_point("run", "loss", 100, 0, 0.0) == before.appended + 1


def _first_number(journal: Journal, index: int) -> int:
    return int.from_bytes(list_files(journal.directory)[index].read_bytes()[12:20], "little")


def test_an_acknowledgement_never_goes_back(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path)
    write_sample(journal)
    journal.acknowledge(5)
    journal.acknowledge(3)
    assert journal.status().acked == 5


def test_points_are_dropped_at_the_quota_and_other_records_go_on_into_the_reserve(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, quota_bytes=SEGMENT_BYTES)
    megabyte = bytes(1_000_000)
    while journal.append(Kind.ARTIFACT, megabyte) != REFUSED and journal.status().pending_bytes < SEGMENT_BYTES:
        pass
    assert journal.log_point("run", "loss", 0, 0, 0.0) == REFUSED
    assert journal.status().dropped == 1
    assert "quota" in journal.status().last_problem

    accepted = 0
    while journal.append(Kind.PARAMS, megabyte) != REFUSED:
        accepted += 1
    assert accepted >= 14
    size_bytes = sum(file.stat().st_size for file in list_files(journal.directory))
    assert SEGMENT_BYTES + RESERVE_BYTES - 1_000_100 < size_bytes <= SEGMENT_BYTES + RESERVE_BYTES

    journal.acknowledge(journal.status().appended)
    seq = journal.log_point("run", "loss", 1, 0, 0.0)
    assert seq == journal.status().appended
    assert [found.step for found in read_records(journal.directory) if isinstance(found, Point)] == [1]


def test_dropping_begins_exactly_where_the_next_point_would_pass_the_quota(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, quota_bytes=SEGMENT_BYTES + 1_000)
    step = 0
    while journal.log_point("run", "loss", step, 0, 0.0) != REFUSED:
        step += 1
    size_bytes = sum(file.stat().st_size for file in list_files(journal.directory))
    assert SEGMENT_BYTES + 1_000 - METRIC_BYTES < size_bytes <= SEGMENT_BYTES + 1_000


def test_under_the_policy_stop_what_is_kept_is_an_unbroken_beginning(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, quota_bytes=SEGMENT_BYTES, policy="stop")
    assert journal.log_point("run", "loss", 0, 0, 0.0) == 2
    assert journal.append(Kind.TAGS, bytes(SEGMENT_BYTES)) == REFUSED
    assert journal.log_point("run", "loss", 1, 0, 0.0) == REFUSED
    journal.acknowledge(2)
    assert journal.append(Kind.FINISH, b"") == REFUSED
    assert journal.status().dropped == 3
    assert list(read_all(journal.directory)[0]) == [2]


@pytest.mark.parametrize(("quota_bytes", "policy"), [(SEGMENT_BYTES - 1, "drop"), (SEGMENT_BYTES, "block")])
def test_a_quota_below_one_segment_or_an_unknown_policy_is_refused(
    tmp_path: Path, quota_bytes: int, policy: str
) -> None:
    with pytest.raises(InvalidInput, match="cannot keep to"):
        Journal.create(tmp_path, quota_bytes=quota_bytes, policy=policy)  # type: ignore[arg-type]


def test_a_place_that_cannot_be_written_is_told_at_once_and_left_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="Cannot begin a journal"):
        Journal.create(tmp_path / "file" / "root")
    handles = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    with pytest.raises(Unavailable, match="part of a header"):
        Journal.create(tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) == handles


def test_sync_asks_the_disk_for_every_file_and_directory_that_is_new_and_later_for_what_grew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def sync(fd: int) -> None:
        (path,) = (path for path in known if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(fd)))
        synced.append(path)
        real(fd)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 1_000)
    journal = Journal.create(tmp_path)
    journal.log_point("run", "loss", 0, 0, 0.0)
    directory = Path(journal.directory)
    first, second = str(directory / "00000001.seg"), str(directory / "00000002.seg")
    at_first = {first, str(directory / "session.json"), str(directory), str(tmp_path), str(tmp_path.parent)}
    known = [*at_first, second]
    assert (journal.sync(), journal.status().synced) == (True, 2)
    assert set(synced) == at_first

    synced.clear()
    assert journal.sync()
    assert synced == []
    for step in range(20):
        journal.log_point("run", "loss", step, 0, 0.0)
    assert journal.sync()
    assert {first, second, str(directory)} <= set(synced)
    synced.clear()
    journal.log_point("run", "loss", 21, 0, 0.0)
    assert journal.sync()
    assert synced == [second]


def test_logging_goes_on_while_the_disk_is_slow_to_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.create(tmp_path)
    journal.log_point("run", "loss", 0, 0, 0.0)
    syncing, logged = threading.Event(), threading.Event()

    def slow(fd: int) -> None:
        syncing.set()
        assert logged.wait(30)

    monkeypatch.setattr(os, "fsync", slow)
    thread = threading.Thread(target=journal.sync)
    thread.start()
    assert syncing.wait(30)
    assert journal.log_point("run", "loss", 1, 0, 0.0) == 3
    logged.set()
    thread.join()
    assert journal.status().synced == 2


def test_a_sync_that_fails_is_told_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.create(tmp_path)
    journal.log_point("run", "loss", 0, 0, 0.0)

    def fail(fd: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        assert not journal.sync()
    status = journal.status()
    assert (status.sync_errors, status.synced, status.last_problem) == (1, 0, "sync: Input/output error")
    assert journal.sync()
    assert journal.status().synced == 2


def test_after_close_everything_is_refused_and_a_second_close_does_nothing(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path)
    written = write_sample(journal)
    assert journal.close() is False
    assert journal.log_point("run", "loss", 0, 0, 0.0) == REFUSED
    assert journal.append(Kind.FINISH, b"") == REFUSED
    assert journal.close() is False
    assert journal.sync() is True
    assert journal.status().dropped == 2
    assert read_all(journal.directory) == (written, [])


def test_close_removes_a_session_that_was_delivered_in_full(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path)
    write_sample(journal)
    journal.acknowledge(journal.status().appended)
    assert journal.close() is True
    assert list(tmp_path.iterdir()) == []
    assert journal.log_point("run", "loss", 0, 0, 0.0) == REFUSED


def test_a_writer_that_does_not_deliver_may_not_acknowledge_but_sees_what_others_did(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, deliver=False)
    write_sample(journal)
    with pytest.raises(Unavailable, match="delivered by others"):
        journal.acknowledge(1)
    assert journal.status().acked == 0
