"""Reads a journal in order, while it is written or afterwards, around whatever damage it has.

A record is yielded only when its CRC is right; damage is reported and never raises. The rules for damage and for order
inside a batch are those of ``docs/formats/journal.md``.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NamedTuple, Self
from zlib import crc32

from trackway.base.errors import Unavailable
from trackway.sdk.journal_format import (
    CRC_RESIDUE,
    FIRST_IN_PART,
    HEAD,
    KINDS,
    MAGIC,
    MAX_PAYLOAD_BYTES,
    METRIC_BODY,
    METRIC_BYTES,
    METRIC_HEAD,
    OVERHEAD_BYTES,
    SEGMENT_HEADER_BYTES,
    SERIES_BODY,
    Kind,
    compute_salt,
    get_segment_path,
    list_segments,
    read_first_seq,
    read_session,
    unpack_segment_header,
)

_CHUNK_BYTES = 256 * 1024
_RESYNC_BYTES = 256 * 1024 * 1024
"""Most bytes whose CRC is taken in search of the record after a damage: bytes made to mislead cost this, not O(n²)."""
_DAMAGES = 1_000
"""Most damages kept until the caller takes them; what comes after is added to the last one."""
_iterate_metrics = struct.Struct("<QQ24xI4x").iter_unpack
_iterate_records = struct.Struct(f"{METRIC_BYTES}s").iter_unpack


class Record(NamedTuple):
    """A record whose payload is its writer's business."""

    seq: int
    kind: int
    payload: bytes


class Point(NamedTuple):
    """One METRIC record, its series resolved."""

    seq: int
    run_id: str
    key: str
    step: int
    time_ms: int
    value: float


class Damage(NamedTuple):
    """Bytes of a segment that hold no whole record, or records that are not there: ``lost_records`` of them."""

    segment: int
    offset: int
    size_bytes: int
    reason: str
    lost_records: int = 0


class Position(NamedTuple):
    """Where reading goes on: ``seq`` is that of the last record before it, -1 when none is known."""

    segment: int
    offset: int
    seq: int


class Points(NamedTuple):
    """Points of one series in the order logged, as columns of little-endian numbers, all (length,).

    steps: int64, times_ms: int64, values: float64 with every bit as it was logged
    """

    run_id: str
    key: str
    length: int
    steps: bytes
    times_ms: bytes
    values: bytes


class Part(NamedTuple):
    """An unbroken range of sequence numbers; deliver ``records`` in order, then ``points`` in any order."""

    first_seq: int
    last_seq: int
    records: list[Record]
    points: list[Points]


class Batch(NamedTuple):
    """What one read found.

    parts:      to be delivered in order
    total:      records and points in them
    damages:    found on the way
    unknown:    records of a kind that only a newer release knows, left out
    end:        where the next read goes on; everything up to ``end.seq`` may be acknowledged once delivered
    at_end:     there is no whole record more for now
    torn_bytes: at the end, bytes behind the last whole record: a write under way, or cut short
    """

    parts: list[Part]
    total: int
    damages: list[Damage]
    unknown: int
    end: Position
    at_end: bool
    torn_bytes: int


class _Found(NamedTuple):
    """``data`` is the whole record of a point, and the payload of any other."""

    seq: int
    kind: int
    data: bytes
    series: tuple[str, str] | None


class _PartBuilder:
    def __init__(self, first_seq: int) -> None:
        self.first_seq = first_seq
        self.records: list[Record] = []
        self.series: dict[tuple[str, str], list[bytes]] = {}

    def build(self, last_seq: int) -> Part:
        points = [_build_points(run_id, key, rows) for (run_id, key), rows in self.series.items()]
        return Part(self.first_seq, last_seq, self.records, points)


def _build_points(run_id: str, key: str, rows: list[bytes]) -> Points:
    # Cells are moved, not read, so the columns are little-endian like the file, whatever the machine.
    cells = memoryview(b"".join(rows)).cast("q")
    return Points(run_id, key, len(rows), cells[2::6].tobytes(), cells[3::6].tobytes(), cells[4::6].tobytes())


class JournalReader:
    """A place in one session's journal, from which batches or single records are read on.

    directory: of the session
    after_seq: only records with a greater sequence number are given
    memory:    the batch, and the greater of 256 KiB and the largest record
    cost:      about 0.6 us a point in batches; opening after a number reads its segment from the start
    raises:    NotFound or NotSupported as ``read_session``; Unavailable when the files cannot be read. Not thread-safe.
    """

    def __init__(self, directory: str | os.PathLike[str], after_seq: int = 0) -> None:
        self._directory = os.fspath(directory)
        self._session_id = read_session(self._directory).session_id
        self._after = after_seq
        self._seq = -1
        self._number = 0
        self._salt = 0
        self._fd = -1
        self._base = 0
        self._buffer = b""
        self._cursor = 0
        self._hashed_bytes = 0
        self._series: dict[int, tuple[str, str]] = {}
        self._damages: list[Damage] = []
        self._unknown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the segment that is open; the next read opens it again, at its start."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read_batch(self, max_records: int = 10_000, max_bytes: int = 4 * 1024 * 1024) -> Batch:
        """Read what comes next, at most ``max_records``, and no further record once ``max_bytes`` are passed.

        Within a part the points of a series keep their order. A part ends before a record that must not be delivered
        before points logged earlier: any but CREATE_RUN, PARAMS, TAGS, INPUTS and OUTPUTS.
        """
        if self._fd < 0:
            self._open_first()
        part = _PartBuilder(max(self._seq, self._after) + 1)
        parts: list[Part] = []
        count = size_bytes = 0
        at_end = False
        while count < max_records and size_bytes < max_bytes:
            wanted = min(max_records - count, -(-(max_bytes - size_bytes) // METRIC_BYTES))
            taken = self._take_points(part, wanted)
            if taken:
                count += taken
                size_bytes += taken * METRIC_BYTES
                continue
            seq_before = max(self._seq, self._after)
            found = self._read_next()
            if found is None:
                at_end = True
                break
            count += 1
            size_bytes += len(found.data) + OVERHEAD_BYTES
            if found.series is not None:
                part.series.setdefault(found.series, []).append(found.data)
                continue
            if part.series and found.kind not in FIRST_IN_PART:
                parts.append(part.build(seq_before))
                part = _PartBuilder(seq_before + 1)
            part.records.append(Record(found.seq, found.kind, found.data))
        if part.records or part.series:
            parts.append(part.build(self._seq))
        damages, self._damages = self._damages, []
        unknown, self._unknown = self._unknown, 0
        position = Position(self._number, self._base + self._cursor, self._seq)
        return Batch(parts, count, damages, unknown, position, at_end, self._count_torn() if at_end else 0)

    def read_records(self) -> Iterator[Record | Point | Damage]:
        """Yield what comes next one by one, each damage before the record behind it, up to the last whole record."""
        while True:
            found = self._read_next()
            yield from self._damages
            self._damages.clear()
            if found is None:
                return
            if found.series is None:
                yield Record(found.seq, found.kind, found.data)
            else:
                _, seq, step, time_ms, value, _ = METRIC_BODY.unpack_from(found.data)
                yield Point(seq, *found.series, step, time_ms, value)

    def _take_points(self, part: _PartBuilder, wanted: int) -> int:
        """Take the METRIC records that lie next in the buffer as long as all is well with them; return how many.

        Whatever stops it is left to ``_read_next``. This loop is where the time of delivering a backlog goes.
        """
        seq = self._seq
        if seq < self._after:
            return 0
        start = self._cursor
        stop = start + min(wanted, (len(self._buffer) - start) // METRIC_BYTES) * METRIC_BYTES
        view = memoryview(self._buffer)[start:stop]
        appends: dict[int, Callable[[bytes], None]] = {}
        taken = 0
        for (record,), (head, number, index) in zip(_iterate_records(view), _iterate_metrics(view), strict=True):
            if crc32(record, self._salt) != CRC_RESIDUE or head != METRIC_HEAD or number != seq + 1:
                break
            append = appends.get(index)
            if append is None:
                series = self._series.get(index)
                if series is None:
                    break
                append = appends[index] = part.series.setdefault(series, []).append
            append(record)
            seq = number
            taken += 1
        self._seq = seq
        self._cursor += taken * METRIC_BYTES
        return taken

    def _read_next(self) -> _Found | None:
        """Move over the next record and return it, or None when there is no whole one for now."""
        while end := self._find_record():
            record = self._buffer[self._cursor : end]
            _, kind, _, _, seq = HEAD.unpack_from(record)
            offset = self._base + self._cursor
            self._cursor = end
            if seq <= self._seq:
                self._note(Damage(self._number, offset, len(record), "a sequence number was used twice"))
                continue
            if 0 <= self._seq < seq - 1:
                self._note(Damage(self._number, offset, 0, "records are missing", seq - 1 - self._seq))
            self._seq = seq
            found = self._interpret(kind, seq, offset, record)
            if found is not None and seq > self._after:
                return found
        return None

    def _interpret(self, kind: int, seq: int, offset: int, record: bytes) -> _Found | None:
        """Return a record to be given; keep a series, count an unknown kind, note what makes no sense."""
        if kind == Kind.SERIES:
            series = _unpack_series(record)
            if series is None:
                self._note(Damage(self._number, offset, len(record), "the series is malformed", 1))
            else:
                self._series[series[0]] = series[1:]
            return None
        if kind == Kind.METRIC:
            named = None
            if len(record) == METRIC_BYTES:
                named = self._series.get(METRIC_BODY.unpack_from(record)[5])
            if named is None:
                self._note(Damage(self._number, offset, len(record), "the point's series was lost", 1))
                return None
            return _Found(seq, kind, record, named)
        if kind not in KINDS:
            self._unknown += 1
            return None
        return _Found(seq, kind, record[HEAD.size : -4], None)

    def _find_record(self) -> int:
        """Put the cursor on the next whole record, over damage and ends of segments; return where it ends, or 0."""
        if self._fd < 0 and not self._open_first():
            return 0
        while True:
            end = self._check_record()
            if end:
                return end
            # Looked up before the bytes: a segment that had a successor by then was complete when they were read.
            successor = next((number for number in list_segments(self._directory) if number > self._number), None)
            start = self._base + self._cursor
            if self._skip_damage(start):
                continue
            if successor is None:
                return 0
            rest = os.fstat(self._fd).st_size - start
            if rest > 0:
                self._note(Damage(self._number, start, rest, "no whole record up to the segment's end"))
            if not self._open(successor):
                return 0

    def _skip_damage(self, start: int) -> bool:
        """Move on to the next whole record of this segment if there is one behind ``start``, else stay there."""
        found = self._scan()
        # The writer may have cut off a torn record and gone on while it was looked at: only what still does not make
        # a record after a whole one was seen behind it is damage.
        self._seek(start)
        if self._check_record():
            return True
        if found < 0:
            return False
        self._note(Damage(self._number, start, found - start, "the bytes make no record"))
        self._seek(found)
        return True

    def _scan(self) -> int:
        """Return the offset of the first whole record behind the cursor, or -1."""
        if not self._load(1):
            return -1
        self._cursor += 1
        limit = self._hashed_bytes + _RESYNC_BYTES
        while self._load(OVERHEAD_BYTES) and self._hashed_bytes < limit:
            at = self._buffer.find(MAGIC, self._cursor)
            if at < 0:
                self._cursor = len(self._buffer) - 1
                continue
            self._cursor = at
            if self._check_record():
                return self._base + self._cursor
            self._cursor += 1
        return -1

    def _check_record(self) -> int:
        """Return where in the buffer the record at the cursor ends, 0 when no whole and undamaged one starts there."""
        if not self._load(OVERHEAD_BYTES):
            return 0
        magic, _, zero, length, _ = HEAD.unpack_from(self._buffer, self._cursor)
        size_bytes = OVERHEAD_BYTES + length
        if magic != MAGIC or zero or length > MAX_PAYLOAD_BYTES or not self._load(size_bytes):
            return 0
        self._hashed_bytes += size_bytes
        end = self._cursor + size_bytes
        return end if crc32(memoryview(self._buffer)[self._cursor : end], self._salt) == CRC_RESIDUE else 0

    def _load(self, size_bytes: int) -> bool:
        """See to it that the buffer holds ``size_bytes`` from the cursor on; False when the file ends before."""
        while (missing := size_bytes - (len(self._buffer) - self._cursor)) > 0:
            try:
                chunk = os.pread(self._fd, max(_CHUNK_BYTES, missing), self._base + len(self._buffer))
            except OSError as error:
                path = get_segment_path(self._directory, self._number)
                raise Unavailable(f"Cannot read {path}: {error.strerror}") from error
            if not chunk:
                return False
            self._buffer = self._buffer[self._cursor :] + chunk
            self._base += self._cursor
            self._cursor = 0
        return True

    def _seek(self, offset: int) -> None:
        self._base, self._buffer, self._cursor = offset, b"", 0

    def _open_first(self) -> bool:
        """Open the last segment that starts at or before the first record wanted; False when there is none."""
        numbers = list_segments(self._directory)
        self._after = max(self._seq, self._after)
        for number in reversed(numbers):
            first_seq = read_first_seq(self._directory, number, compute_salt(self._session_id, number))
            if number == numbers[0] or (first_seq is not None and first_seq <= self._after + 1):
                self._seq = -1 if first_seq is None else first_seq - 1
                return self._open(number)
        return False

    def _open(self, number: int) -> bool:
        path = get_segment_path(self._directory, number)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise Unavailable(f"Cannot read {path}: {error.strerror}") from error
        self.close()
        self._fd, self._number, self._salt = fd, number, compute_salt(self._session_id, number)
        self._series = {}
        self._seek(0)
        self._load(SEGMENT_HEADER_BYTES)
        if unpack_segment_header(self._buffer[:SEGMENT_HEADER_BYTES], number, self._salt) is None:
            self._note(Damage(number, 0, min(SEGMENT_HEADER_BYTES, len(self._buffer)), "the header is malformed"))
        self._cursor = min(SEGMENT_HEADER_BYTES, len(self._buffer))
        return True

    def _count_torn(self) -> int:
        return 0 if self._fd < 0 else max(0, os.fstat(self._fd).st_size - self._base - self._cursor)

    def _note(self, damage: Damage) -> None:
        """Keep a damage for the caller, as one with the damage just before it."""
        last = self._damages[-1] if self._damages else None
        if last is not None and (
            last[:2] == (damage.segment, damage.offset - last.size_bytes) or len(self._damages) >= _DAMAGES
        ):
            size_bytes, lost = last.size_bytes + damage.size_bytes, last.lost_records + damage.lost_records
            self._damages[-1] = last._replace(size_bytes=size_bytes, lost_records=lost)
        else:
            self._damages.append(damage)


def _unpack_series(record: bytes) -> tuple[int, str, str] | None:
    payload = record[HEAD.size : -4]
    if len(payload) < SERIES_BODY.size:
        return None
    index, length = SERIES_BODY.unpack_from(payload)
    names = payload[SERIES_BODY.size :]
    try:
        return (index, names[:length].decode(), names[length:].decode()) if length <= len(names) else None
    except UnicodeDecodeError:
        return None


def read_records(directory: str | os.PathLike[str], after_seq: int = 0) -> Iterator[Record | Point | Damage]:
    """Yield all that can be read of a session, in order, as ``JournalReader.read_records`` does."""
    with JournalReader(directory, after_seq) as reader:
        yield from reader.read_records()
