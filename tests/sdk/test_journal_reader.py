from __future__ import annotations

import os
import shutil
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk.journals import Entry, list_files, read_all, read_batches, write_sample
from trackway.base.errors import NotFound, NotSupported
from trackway.sdk import journal as journal_module
from trackway.sdk import journal_reader as reader_module
from trackway.sdk.journal import Journal
from trackway.sdk.journal_format import (
    HEAD,
    MAGIC,
    SEGMENT_HEADER_BYTES,
    Kind,
    compute_salt,
    pack_record,
    pack_segment_header,
)
from trackway.sdk.journal_reader import Damage, JournalReader, read_records


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.create(tmp_path / "root")


def list_ends(file: Path) -> list[int]:
    """Return where each record of a segment ends."""
    data = file.read_bytes()
    ends = [SEGMENT_HEADER_BYTES]
    while ends[-1] < len(data):
        ends.append(ends[-1] + 20 + int.from_bytes(data[ends[-1] + 4 : ends[-1] + 8], "little"))
    return ends


def test_a_journal_cut_at_any_byte_gives_exactly_the_whole_records_before_the_cut(journal: Journal) -> None:
    written = write_sample(journal)
    (file,) = list_files(journal.directory)
    data = file.read_bytes()
    ends = list_ends(file)
    for cut in range(len(data)):
        file.write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends[1:])
        expected = {seq: entry for seq, entry in written.items() if seq <= whole}
        entries, damages = read_all(journal.directory)
        assert entries == expected
        assert bool(damages) == (cut < SEGMENT_HEADER_BYTES)
        (batch,) = read_batches(journal.directory)
        assert batch.total == len(expected)
        assert batch.torn_bytes == cut - max([0, *(end for end in ends if end <= cut)], default=0) or cut < ends[0]


def test_a_segment_cut_in_the_middle_of_a_journal_is_damage_and_reading_goes_on_behind(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample(journal)
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", list_files(journal.directory)[0].stat().st_size)
    journal = Journal.create(tmp_path)
    first = write_sample(journal)
    later = {journal.append(Kind.TAGS, bytes(50)): (int(Kind.TAGS), bytes(50)) for _ in range(2)}
    file = list_files(journal.directory)[0]
    data = file.read_bytes()
    ends = list_ends(file)
    for cut in range(SEGMENT_HEADER_BYTES, len(data)):
        file.write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends[1:])
        entries, damages = read_all(journal.directory)
        assert entries == {seq: entry for seq, entry in (first | later).items() if seq <= whole or seq in later}
        torn_bytes = cut - max(end for end in ends if end <= cut)
        lost = len(ends) - 1 - whole
        assert sum(damage.lost_records for damage in damages) == lost
        assert sum(damage.size_bytes for damage in damages) == torn_bytes


@pytest.mark.parametrize("bit", range(8))
def test_no_flipped_bit_gives_a_wrong_record_or_takes_others_with_it(journal: Journal, bit: int) -> None:
    written = write_sample(journal)
    (file,) = list_files(journal.directory)
    data = bytearray(file.read_bytes())
    ends = list_ends(file)
    series_of = {name: {seq for seq, entry in written.items() if entry[:2] == name} for name in list_series(written)}
    definitions = {ends[3 - 1]: series_of[("run", "loss")], ends[5 - 1]: series_of[("run", "accuracy")]}
    for at in range(len(data)):
        data[at] ^= 1 << bit
        file.write_bytes(data)
        data[at] ^= 1 << bit
        entries, damages = read_all(journal.directory)
        assert entries.items() <= written.items()
        start = max([0, *(end for end in ends if end <= at)])
        hit = {ends.index(start) + 1} if at >= SEGMENT_HEADER_BYTES else set()
        missing = set(written) - set(entries)
        assert missing <= hit | definitions.get(start, set())
        # A damaged last record looks like a write that was cut short.
        assert damages or start == ends[-2]
        in_batches = {
            record.seq for b in read_batches(journal.directory) for part in b.parts for record in part.records
        }
        assert in_batches == {seq for seq, entry in entries.items() if len(entry) == 2}


def list_series(entries: dict[int, Entry]) -> set[Entry]:
    return {entry[:2] for entry in entries.values() if len(entry) == 5}


@given(
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["cut", "insert", "replace"]), st.binary(min_size=1, max_size=60)),
        min_size=1,
        max_size=4,
    )
)
@settings(deadline=None, max_examples=200)
def test_whatever_happens_to_the_bytes_no_wrong_record_is_read_and_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[float, str, bytes]]
) -> None:
    journal = Journal.create(tmp_path_factory.mktemp("root"))
    written = write_sample(journal)
    (file,) = list_files(journal.directory)
    data = file.read_bytes()
    for where, how, piece in edits:
        at = int(where * len(data))
        behind = at if how == "insert" else at + len(piece)
        data = data[:at] + (b"" if how == "cut" else piece) + data[behind:]
    file.write_bytes(data)
    entries, _ = read_all(journal.directory)
    assert entries.items() <= written.items()
    read_batches(journal.directory, max_records=3)
    journal.close()


@given(data=st.one_of(st.binary(max_size=300), st.lists(st.sampled_from([MAGIC, b"\0", b"\1\0"])).map(b"".join)))
@settings(deadline=None, max_examples=200)
def test_bytes_that_are_no_journal_give_no_record(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    directory = tmp_path_factory.mktemp("session")
    (directory / "session.json").write_bytes(data)
    (directory / "00000001.seg").write_bytes(data)
    (directory / "acked").write_bytes(data)
    assert read_all(directory)[0] == {}


def test_records_of_other_journals_inside_a_damaged_payload_are_never_taken_for_records(
    journal: Journal, tmp_path: Path
) -> None:
    other = Journal.create(tmp_path / "other")
    write_sample(other)
    image = list_files(other.directory)[0].read_bytes()
    journal.append(Kind.TAGS, b"first")
    journal.append(Kind.ARTIFACT, image)
    journal.append(Kind.TAGS, b"last")
    (file,) = list_files(journal.directory)
    data = bytearray(file.read_bytes())
    data[list_ends(file)[1] + 10] ^= 1
    file.write_bytes(data)
    entries, damages = read_all(journal.directory)
    assert entries == {1: (Kind.TAGS, b"first"), 3: (Kind.TAGS, b"last")}
    assert damages == [Damage(1, list_ends(file)[1], 20 + len(image), "the bytes make no record", 1)]


def test_a_segment_that_is_gone_is_told_with_the_number_of_records_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 400)
    journal = Journal.create(tmp_path)
    for step in range(30):
        journal.log_point("run", "loss", step, 0, 0.0)
    complete = read_all(journal.directory)[0]
    files = list_files(journal.directory)
    gone = int.from_bytes(files[2].read_bytes()[12:20], "little") - int.from_bytes(
        files[1].read_bytes()[12:20], "little"
    )
    files[1].unlink()
    entries, damages = read_all(journal.directory)
    assert entries.items() < complete.items()
    assert damages == [Damage(3, SEGMENT_HEADER_BYTES, 0, "records are missing", gone)]


def test_points_whose_series_was_lost_are_reported_as_one_damage(journal: Journal) -> None:
    for step in range(50):
        journal.log_point("run", "loss", step, 0, 0.0)
    (file,) = list_files(journal.directory)
    data = bytearray(file.read_bytes())
    data[SEGMENT_HEADER_BYTES + 20] ^= 1
    file.write_bytes(data)
    (batch,) = read_batches(journal.directory)
    assert batch.total == 0
    (damage,) = batch.damages
    assert (damage.offset, damage.lost_records) == (SEGMENT_HEADER_BYTES, 51)


def test_a_record_that_is_there_twice_is_given_once(journal: Journal) -> None:
    written = write_sample(journal)
    (file,) = list_files(journal.directory)
    data = file.read_bytes()
    file.write_bytes(data + data[SEGMENT_HEADER_BYTES:])
    entries, damages = read_all(journal.directory)
    assert entries == written
    assert damages == [Damage(1, len(data), len(data) - SEGMENT_HEADER_BYTES, "a sequence number was used twice")]


def test_kinds_of_a_newer_release_are_left_out_and_counted(journal: Journal) -> None:
    journal.append(Kind.TAGS, b"a")
    journal.append(200, b"?")
    journal.append(201, b"?")
    journal.append(Kind.TAGS, b"b")
    (batch,) = read_batches(journal.directory)
    assert (batch.total, batch.unknown, batch.end.seq) == (2, 2, 4)
    assert list(read_all(journal.directory)[0]) == [1, 4]


def test_a_record_that_ends_something_comes_behind_all_points_before_it_and_others_may_come_first(
    journal: Journal,
) -> None:
    for run in ("one", "two"):
        journal.append(Kind.CREATE_RUN, run.encode())
        journal.log_point(run, "loss", 0, 0, 0.0)
        journal.append(Kind.PARAMS, run.encode())
    journal.append(Kind.FINISH, b"one")
    journal.append(Kind.FINISH, b"two")
    journal.log_point("two", "loss", 1, 0, 0.0)
    journal.append(Kind.UPDATE_RUN, b"two")
    (batch,) = read_batches(journal.directory)
    shape = [
        ([record.kind for record in part.records], [points.run_id for points in part.points]) for part in batch.parts
    ]
    assert shape == [
        ([Kind.CREATE_RUN, Kind.PARAMS, Kind.CREATE_RUN, Kind.PARAMS], ["one", "two"]),
        ([Kind.FINISH, Kind.FINISH], ["two"]),
        ([Kind.UPDATE_RUN], []),
    ]
    assert [(part.first_seq, part.last_seq) for part in batch.parts] == [(1, 8), (9, 11), (12, 12)]


@pytest.mark.parametrize("segment_bytes", [200, 8 << 20])
def test_reading_may_begin_behind_any_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, segment_bytes: int
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", segment_bytes)
    journal = Journal.create(tmp_path)
    write_sample(journal)
    write_sample(journal)
    written = read_all(journal.directory)[0]
    for after_seq in range(max(written) + 3):
        expected = {seq: entry for seq, entry in written.items() if seq > after_seq}
        assert read_all(journal.directory, after_seq) == (expected, [])
        with JournalReader(journal.directory, after_seq) as reader:
            batch = reader.read_batch()
        assert batch.total == len(expected)
        assert [part.first_seq for part in batch.parts][:1] == ([after_seq + 1] if expected else [])


def test_a_reader_follows_the_writer_record_by_record_over_segments_that_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 300)
    journal = Journal.create(tmp_path)
    with JournalReader(journal.directory) as reader:
        assert reader.read_batch() == ([], 0, [], 0, (1, SEGMENT_HEADER_BYTES, 0), True, 0)
        for step in range(40):
            seq = journal.log_point("run", "loss", step, 0, 0.0)
            batch = reader.read_batch()
            assert (batch.total, batch.end.seq, batch.damages, batch.at_end) == (1, seq, [], True)
            assert struct.unpack("<q", batch.parts[0].points[0].steps) == (step,)
            if step % 7 == 0:
                journal.acknowledge(seq)
            if step % 9 == 0:
                assert reader.read_batch().total == 0


def test_a_torn_record_that_the_writer_takes_back_is_never_damage(journal: Journal) -> None:
    journal.append(Kind.TAGS, b"first")
    (file,) = list_files(journal.directory)
    with JournalReader(journal.directory) as reader:
        assert reader.read_batch().total == 1
        whole = file.stat().st_size
        with file.open("ab") as torn:
            torn.write(HEAD.pack(MAGIC, Kind.TAGS, 0, 500, 2) + bytes(30))
        assert reader.read_batch()[1:] == (0, [], 0, (1, whole, 1), True, 46)
        os.truncate(file, whole)
        journal.append(Kind.TAGS, b"second")
        journal.append(Kind.TAGS, b"third")
        batch = reader.read_batch()
        assert ([record.payload for record in batch.parts[0].records], batch.damages) == ([b"second", b"third"], [])


def test_a_torn_record_that_is_mended_while_it_is_looked_at_is_never_damage(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(Kind.TAGS, b"first")
    (file,) = list_files(journal.directory)
    torn = file.read_bytes() + HEAD.pack(MAGIC, Kind.TAGS, 0, 500, 2) + bytes(30)
    salt = compute_salt(journal.session_id, 1)
    mended = file.read_bytes() + b"".join(pack_record(Kind.TAGS, seq, b"more" * seq, salt) for seq in (2, 3, 4))
    real = os.pread
    reads = mend_at = 0

    def mend_then_read(fd: int, size_bytes: int, offset: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads == mend_at:
            file.write_bytes(mended)
        return real(fd, size_bytes, offset)

    monkeypatch.setattr(os, "pread", mend_then_read)
    while mend_at <= reads:
        mend_at += 1
        reads = 0
        file.write_bytes(torn)
        with JournalReader(journal.directory) as reader:
            batches = [reader.read_batch(), reader.read_batch()]
            file.write_bytes(mended)
            batches.append(reader.read_batch())
        assert sum(batch.total for batch in batches) == 4
        assert [damage for batch in batches for damage in batch.damages] == []
    assert mend_at > 5


def test_bytes_made_to_mislead_the_search_for_the_next_record_cost_a_bounded_amount_of_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "_RESYNC_BYTES", 1_000_000)
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 50)
    journal = Journal.create(tmp_path)
    journal.append(Kind.TAGS, b"first")
    (file,) = list_files(journal.directory)
    decoy = HEAD.pack(MAGIC, Kind.TAGS, 0, 60_000, 2)
    with file.open("ab") as torn:
        torn.write(decoy * 10_000)
    journal.append(Kind.TAGS, b"second")
    hashed_bytes: list[int] = []

    def count(data: bytes, salt: int) -> int:
        hashed_bytes.append(len(data))
        return zlib.crc32(data, salt)

    monkeypatch.setattr(reader_module, "crc32", count)
    (batch,) = read_batches(journal.directory)
    assert 1_000_000 < sum(hashed_bytes) < 2_000_000
    assert [record.payload for record in batch.parts[0].records] == [b"first", b"second"]
    assert [damage.size_bytes for damage in batch.damages] == [160_000]


def test_memory_does_not_grow_with_the_journal_nor_with_its_damage(tmp_path: Path) -> None:
    session_id = "s"
    directory = tmp_path / session_id
    directory.mkdir()
    (directory / "session.json").write_text('{"format": 1, "session_id": "s"}')
    salt = compute_salt(session_id, 1)
    with (directory / "00000001.seg").open("wb") as file:
        file.write(pack_segment_header(1, 1, salt))
        for seq in range(1, 40_000):
            record = pack_record(Kind.TAGS, seq, b"x" * 80, salt)
            file.write(record if seq % 2 == 0 else b"?" + record[1:])
    tracemalloc.start()
    with JournalReader(directory) as reader:
        total = damages = lost = 0
        while not (batch := reader.read_batch(max_records=1_000)).at_end:
            total += batch.total
            damages += len(batch.damages)
            lost += sum(damage.lost_records for damage in batch.damages)
        _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (total + batch.total, lost + sum(damage.lost_records for damage in batch.damages)) == (19_999, 19_999)
    assert peak_bytes < 2_000_000, "less than half of the journal"


def test_a_reader_of_what_is_no_session_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is not a journal session"):
        JournalReader(tmp_path)
    with pytest.raises(NotFound, match="is not a journal session"):
        JournalReader(tmp_path / "none")
    (tmp_path / "session.json").write_text('{"format": 2, "session_id": "s"}')
    with pytest.raises(NotSupported, match="format 2; this release reads up to 1"):
        list(read_records(tmp_path))


def test_a_session_whose_directory_is_removed_while_it_is_read_has_simply_ended(journal: Journal) -> None:
    write_sample(journal)
    with JournalReader(journal.directory) as reader:
        assert reader.read_batch(max_records=2).total == 2
        shutil.rmtree(journal.directory)
        assert reader.read_batch().at_end
        assert reader.read_batch().total == 0
