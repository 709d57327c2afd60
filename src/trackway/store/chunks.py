"""Chunks: how the points of a series are kept, byte by byte (docs/formats/chunks.md), and ordered and summed up."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Any, Final, NamedTuple
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, standalone

from trackway.base.errors import Corrupt, InvalidInput
from trackway.store.thinning import downsample

CHUNK_POINTS: Final = 1_048_576
"""Most points of one chunk."""
SEALED_POINTS: Final = 8_192
"""Points of a full sealed chunk."""
PREVIEW_STRETCHES: Final = 128
"""A preview has the extremes of so many stretches of its chunk."""
PREVIEW_POINTS: Final = 2 * PREVIEW_STRETCHES + 2
PREVIEW_FROM: Final = 4 * PREVIEW_POINTS
"""A sealed chunk of fewer points has no preview, as it is read as quickly."""

# Format, major and minor version of the oldest Trackway that reads it, complement of the format: no single damaged
# byte makes one format of another.
_RAW: Final = b"\x01\x00\x01\xfe"
_SEALED: Final = b"\x02\x00\x01\xfd"
_KNOWN: Final = (1, 2, 3)
"""The formats that this version knows, that of arrivals included."""
_RAW_HEAD: Final = struct.Struct("<4sI")
_SEALED_HEAD: Final = struct.Struct("<4sI2q6I")
_TIME: Final = struct.Struct("<q")
_INT: Final = np.dtype("<i8")
_FLOAT: Final = np.dtype("<f8")
_CODEC: Final = ChunkConfig(compression_level=4)
"""Level 4 of 12: 8 packs noisy values 1 % smaller in twice the time."""
_SMALL: Final = 100
"""Up to so many points are summed up without numpy, whose calls cost more than they save."""
_UNPACK_INTS, _UNPACK_FLOATS = ([struct.Struct(f"<{n}{kind}").unpack for n in range(_SMALL + 1)] for kind in "qd")
"""By the number of points: to find the compiled format of one costs as much as to unpack ten."""


class Columns(NamedTuple):
    """Points as columns, all (n,), perhaps read-only: steps int64, times_ms int64, values float64."""

    steps: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    values: NDArray[np.float64]

    def cut(self, start: int, end: int | None = None) -> Columns:
        """Return some of the points, not copied; negative places count from the end."""
        part = slice(start, end)
        return Columns(self.steps[part], self.times_ms[part], self.values[part])


class Head(msgspec.Struct, frozen=True):
    """What a sealed chunk says first.

    count:   how many points it holds
    sizes:   bytes of its columns
    crc:     checksum of its columns
    preview: points that draw it, in step order, for ``read_previews``; empty in a small chunk. It is not copied, as
             the previews of a thousand chunks are read at once.
    """

    count: int
    min_step: int
    max_step: int
    sizes: Sequence[int]
    crc: int
    preview: memoryview


class _Sealed(NamedTuple):
    """A sealed chunk that is not unpacked yet."""

    head: Head
    columns: Sequence[bytes]


class Pieces(NamedTuple):
    """A chunk cut in two, ``head`` and ``rest``, and the smallest and greatest step in it."""

    min_step: int
    max_step: int
    head: bytes
    rest: bytes


class Summary(NamedTuple):
    """What a series' row tells about points, in the order of its columns.

    last_*:          the greatest point by (step, time, value), NaN taken as 0.0; of equal ones the later in arrival
    min_*, max_*:    over values that are not NaN, None when there is none; of equal ones the earlier in arrival
    """

    points: int
    nan_count: int
    last_step: int
    last_time_ms: int
    last_value: float
    min_value: float | None
    min_step: int | None
    max_value: float | None
    max_step: int | None


def pack_raw(steps: bytes, times_ms: bytes, values: bytes) -> bytes:
    """Pack columns as they came into a raw chunk.

    steps, times_ms, values: little-endian int64, int64, float64, each 8 n bytes, 1 <= n <= CHUNK_POINTS
    raises: InvalidInput for other lengths
    cost:   one copy; about 0.6 us for one point
    """
    size = len(values)
    if not len(steps) == len(times_ms) == size or size & 7 or not 8 <= size <= 8 * CHUNK_POINTS:
        raise InvalidInput(
            f"Columns of {len(steps)}, {len(times_ms)} and {size} bytes make no chunk",
            hint=f"give three columns of 8 bytes a point, for 1 to {CHUNK_POINTS} points",
        )
    return b"".join((_RAW_HEAD.pack(_RAW, size >> 3), steps, times_ms, values))


def pack_sealed(steps: NDArray[np.int64], times_ms: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    """Pack columns into a sealed chunk: compressed, checksummed, with a preview when there are enough points.

    steps, times_ms, values: (n,) int64, int64, float64, in order of arrival, 1 <= n <= CHUNK_POINTS
    raises: InvalidInput for other lengths
    cost:   about 1 ms for 8,192 points; noisy points take about 7.8 bytes each
    source: the columns are files of the Pcodec format, see the pcodec package
    """
    n = len(values)
    if not len(steps) == len(times_ms) == n or not 1 <= n <= CHUNK_POINTS:
        raise InvalidInput(
            f"Columns of {len(steps)}, {len(times_ms)} and {n} points make no chunk",
            hint=f"give three columns of one length, 1 to {CHUNK_POINTS}",
        )
    preview = _make_preview(Columns(steps, times_ms, values)) if n >= PREVIEW_FROM else b""
    columns = [_pack_column(column) for column in (steps, times_ms, values)]
    body = b"".join(columns)
    bounds = int(steps.min()), int(steps.max())
    sizes = [len(column) for column in columns]
    head = _SEALED_HEAD.pack(_SEALED, n, *bounds, len(preview) // 24, *sizes, crc32(body), 0)[:-4]
    return b"".join((head, struct.pack("<I", crc32(preview, crc32(head))), preview, body))


def unpack(blob: bytes) -> Columns:
    """Read one chunk of either format, in order of arrival.

    raises: Corrupt when any byte is not as it was packed (a raw chunk carries no checksum: there, when its length is
            wrong), or when a newer Trackway wrote it
    """
    return unpack_many([blob])


def unpack_many(blobs: Sequence[bytes]) -> Columns:
    """Read chunks one after the other into one set of columns; no chunks make empty columns.

    raises: as unpack
    cost:   raw chunks of one length that follow one another are read together, so that half a million single points
            take about 0.15 s; sealed ones are unpacked to where they belong, as new memory costs more than unpacking
    """
    parts: list[Columns | _Sealed] = []
    for _, group in groupby(blobs, len):
        alike = list(group)
        columns = _read_raw(alike)
        parts += map(_open, alike) if columns is None else (columns,)
    if len(parts) == 1 and isinstance(parts[0], Columns):
        return parts[0]
    counts = [len(part.steps) if isinstance(part, Columns) else part.head.count for part in parts]
    total = sum(counts)
    points = Columns(np.empty(total, _INT), np.empty(total, _INT), np.empty(total, _FLOAT))
    end = 0
    for part, count in zip(parts, counts, strict=True):
        start, end = end, end + count
        for i, column in enumerate(points):
            if isinstance(part, Columns):
                column[start:end] = part[i]
            else:
                _unpack_column(part.columns[i], column[start:end])
    return points


def join_columns(parts: Sequence[Columns]) -> Columns:
    """Put columns one after the other; a single part that has points is not copied."""
    filled = [part for part in parts if len(part.steps)]
    if len(filled) == 1:
        return filled[0]
    return Columns(*(np.concatenate(column) for column in zip(*(filled or parts), strict=True)))


def read_head(blob: bytes) -> Head | None:
    """Read what a sealed chunk says first; None for a raw chunk, which says nothing.

    blob:   a chunk, or the beginning of one that reaches to the end of its preview
    raises: Corrupt as unpack, but the columns behind the preview are not looked at
    """
    return _read_head(blob) if blob[:4] == _SEALED else None


def read_previews(heads: Iterable[Head]) -> Columns:
    """Read the previews of chunks one after the other."""
    points = np.frombuffer(b"".join([head.preview for head in heads]), _INT).reshape(-1, 3).T
    return Columns(points[0].copy(), points[1].copy(), points[2].copy().view(_FLOAT))


def read_times(head: Head) -> tuple[int, int]:
    """Read the first and the last time of a chunk with a preview whose points are all at one step."""
    (start,), (end,) = _TIME.unpack_from(head.preview, 8), _TIME.unpack_from(head.preview, len(head.preview) - 16)
    return start, end


def read_count(blob: bytes) -> int:
    """Read how many points a chunk of either format claims to hold.

    raises: Corrupt for fewer bytes than every chunk begins with
    """
    if len(blob) < _RAW_HEAD.size:
        raise judge_damage(blob)
    count: int = _RAW_HEAD.unpack_from(blob)[1]  # both formats begin alike
    return count


def split_chunk(blob: bytes) -> Pieces:
    """Cut a chunk behind its preview, so that the preview can be read alone; one without a preview is not cut.

    raises: Corrupt as read_head; for a raw chunk as unpack
    """
    head = read_head(blob)
    if head is None:
        steps = unpack(blob).steps
        return Pieces(int(steps.min()), int(steps.max()), blob, b"")
    end = _SEALED_HEAD.size + len(head.preview) if head.preview else len(blob)
    return Pieces(head.min_step, head.max_step, blob[:end], blob[end:])


def seal_chunks(rows: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Merge neighbours into sealed chunks of SEALED_POINTS; a stretch that would grow by it stays raw.

    rows:    (first, chunk) of one series in order, ``first`` the number of points received before the chunk
    returns: the rows to put in place of all of these, equal to them when there is nothing to gain
    raises:  Corrupt as unpack
    """
    sealed: list[tuple[int, bytes]] = []
    for stretch in _split_at_gaps(rows):
        points = unpack_many([data for _, data in stretch])
        first = stretch[0][0]
        sealed += ((first + at, _pack_smaller(points, at)) for at in range(0, len(points.steps), SEALED_POINTS))
    return sealed


def order_history(points: Columns) -> Columns:
    """Sort by (time, step, value) and keep equal points once.

    -0.0 sorts before 0.0 and is another value; NaN sorts behind +inf, and all NaNs are equal, the first received stays.
    cost: O(n log n), O(n) when nothing is out of order or doubled
    """
    steps, times = points.steps, points.times_ms
    if _rises(times, steps).all():
        return points
    keys = _rank(points.values)
    if _rises(times, steps, keys).all():
        return points
    order = np.lexsort((keys, steps, times))
    keep = np.ones(len(order), bool)
    keep[1:] = _rises(times[order], steps[order], keys[order])
    order = order[keep]
    return Columns(steps[order], times[order], points.values[order])


def order_by_step(points: Columns) -> Columns:
    """Sort by (step, time, value), values as ``order_history`` does: what is drawn does not tell how it arrived.

    cost: O(n log n), O(n) when nothing is out of order
    """
    steps, times = points.steps, points.times_ms
    rising = steps[1:] > steps[:-1]
    if rising.all():
        return points
    same = steps[1:] == steps[:-1]
    rising |= same & (times[1:] > times[:-1])
    if rising.all():
        return points
    keys = _rank(points.values)
    if (rising | (same & (times[1:] == times[:-1]) & (keys[1:] >= keys[:-1]))).all():
        return points
    order = np.lexsort((keys, times, steps))
    return Columns(steps[order], times[order], points.values[order])


def thin_points(points: Columns, limit: int) -> Columns:
    """Choose the points that draw a series, by (step, time): see ``downsample``.

    Buckets are stretches of steps; of times when all steps are equal, as in a series that was logged without steps.
    """
    rising = order_by_step(points)
    x = rising.steps if (rising.steps[-1:] > rising.steps[:1]).any() else rising.times_ms
    chosen = downsample(x, rising.values, limit)
    return Columns(rising.steps[chosen], rising.times_ms[chosen], rising.values[chosen])


def summarize(steps: bytes, times_ms: bytes, values: bytes) -> Summary:
    """Sum up one batch of a series.

    steps, times_ms, values: as pack_raw takes them, at least one point
    cost: about 1 us for one point, 8 us for 100. Three ways to one result: numpy takes 30 us for one point; a loop over
          points is for what the builtins cannot tell, steps that fall, repeat at the end, or values that are NaN.
    """
    n = len(values) >> 3
    if n > _SMALL:
        return _summarize_many(
            Columns(np.frombuffer(steps, _INT), np.frombuffer(times_ms, _INT), np.frombuffer(values, _FLOAT))
        )
    s, v = _UNPACK_INTS[n](steps), _UNPACK_FLOATS[n](values)
    total = sum(v)
    if total == total and (n == 1 or (s[-2] < s[-1] and sorted(s) == list(s))):  # as nearly all batches are
        low, high = min(v), max(v)
        (time_ms,) = _TIME.unpack_from(times_ms, 8 * n - 8)
        return Summary(n, 0, s[-1], time_ms, v[-1], low, s[v.index(low)], high, s[v.index(high)])
    return _summarize_few(s, _UNPACK_INTS[n](times_ms), v)


def _summarize_few(s: Sequence[int], t: Sequence[int], v: Sequence[float]) -> Summary:
    n = len(v)
    last, low, high, nan_count = 0, -1, -1, 0
    top = (s[0], t[0], -math.inf, False)
    for i, value in enumerate(v):
        if value != value:
            nan_count += 1
            value = 0.0
        elif low < 0:
            low = high = i
        else:
            if value < v[low] or (value == v[low] and s[i] < s[low]):
                low = i
            if value > v[high] or (value == v[high] and s[i] < s[high]):
                high = i
        point = (s[i], t[i], value, v[i] == v[i])
        if point >= top:
            last, top = i, point
    if low < 0:
        return Summary(n, nan_count, s[last], t[last], v[last], None, None, None, None)
    return Summary(n, nan_count, s[last], t[last], v[last], v[low], s[low], v[high], s[high])


def _summarize_many(points: Columns) -> Summary:
    steps, times, values = points
    last = np.flatnonzero(steps == steps.max())
    last = last[times[last] == times[last].max()]
    compared = np.nan_to_num(values[last], nan=0.0, posinf=np.inf, neginf=-np.inf)
    last = last[compared == compared.max()]
    told = last[values[last] == values[last]]
    top = int((told if len(told) else last)[-1])
    numbers = np.flatnonzero(values == values)
    n = len(values)
    head = (n, n - len(numbers), int(steps[top]), int(times[top]), float(values[top]))
    if not len(numbers):
        return Summary(*head, None, None, None, None)
    lowest, highest = (numbers[values[numbers] == extreme(values[numbers])] for extreme in (np.min, np.max))
    low, high = lowest[steps[lowest].argmin()], highest[steps[highest].argmin()]
    return Summary(*head, float(values[low]), int(steps[low]), float(values[high]), int(steps[high]))


def _rank(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bits of floats as integers that rise with them: negative ones are turned over, NaN is the greatest."""
    bits = values.view(_INT)
    greatest = np.iinfo(np.int64).max
    return np.where(np.isnan(values), greatest, bits ^ ((bits >> 63) & greatest))


def _rises(*columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say for each point but the first whether it comes after the one before it, by columns, the first one first."""
    first, *others = columns
    rises, same = first[1:] > first[:-1], first[1:] == first[:-1]
    for column in others:
        if not same.any():
            break
        rises |= same & (column[1:] > column[:-1])
        same &= column[1:] == column[:-1]
    return rises


def _split_at_gaps(rows: Sequence[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Yield stretches of chunks without points missing between them."""
    stretch: list[tuple[int, bytes]] = []
    end = 0
    for first, data in rows:
        if stretch and first != end:
            yield stretch
            stretch = []
        stretch.append((first, data))
        end = first + read_count(data)
    if stretch:
        yield stretch


def _pack_smaller(points: Columns, start: int) -> bytes:
    end = start + SEALED_POINTS
    part = points.cut(start, end)
    sealed = pack_sealed(*part)
    raw_bytes = _RAW_HEAD.size + 24 * len(part.steps)
    return sealed if len(sealed) < raw_bytes else pack_raw(*(column.tobytes() for column in part))


def _pack_column(column: NDArray[Any]) -> bytes:
    packed: bytes = standalone.simple_compress(np.ascontiguousarray(column), _CODEC)
    return packed if len(packed) < column.nbytes else column.tobytes()


def _make_preview(points: Columns) -> bytes:
    thin = thin_points(points, PREVIEW_POINTS)
    return np.column_stack((thin.steps, thin.times_ms, thin.values.view(_INT))).tobytes()


def _read_head(blob: bytes) -> Head:
    """Read a sealed chunk up to its columns; no length is believed before it is checked."""
    start = _SEALED_HEAD.size
    if len(blob) < start:
        raise _corrupt(f"it ends after {len(blob)} bytes")
    _, n, low, high, preview_points, *sizes, crc, head_crc = _SEALED_HEAD.unpack_from(blob)
    preview = memoryview(blob)[start : start + 24 * preview_points]
    if crc32(preview, crc32(blob[: start - 4])) != head_crc:
        raise _corrupt("its head does not match its checksum")
    if not (1 <= n <= CHUNK_POINTS and len(preview) == 24 * preview_points):
        raise _corrupt(f"it claims {n} points and a preview of {preview_points}")
    return Head(n, low, high, sizes, crc, preview)


def _open(blob: bytes) -> Columns | _Sealed:
    """Open one chunk of either format: those of one length may be of both."""
    columns = _read_raw([blob])
    return _open_sealed(blob) if columns is None else columns


def _open_sealed(blob: bytes) -> _Sealed:
    """Check a sealed chunk against its checksums and cut it into its columns."""
    head = read_head(blob)
    if head is None:
        raise judge_damage(blob)
    start = _SEALED_HEAD.size + len(head.preview)
    ends = list(accumulate(head.sizes, initial=start))
    if len(blob) != ends[-1]:
        raise _corrupt(f"{len(blob)} bytes instead of {ends[-1]}")
    if crc32(memoryview(blob)[start:]) != head.crc:
        raise _corrupt("its points do not match their checksum")
    return _Sealed(head, [blob[start:end] for start, end in pairwise(ends)])


def _unpack_column(data: bytes, column: NDArray[Any]) -> None:
    """Read a column that was checked against its checksum; Pcodec itself takes many a flipped bit for other numbers."""
    if len(data) == column.nbytes:
        column[:] = np.frombuffer(data, column.dtype)
        return
    try:
        progress = standalone.simple_decompress_into(data, column)
    except (RuntimeError, TypeError) as error:
        raise _corrupt(f"a column cannot be decompressed: {error}") from error
    if not progress.finished or progress.n_processed != len(column):
        raise _corrupt(f"a column does not hold {len(column)} numbers")


def _read_raw(blobs: Sequence[bytes]) -> Columns | None:
    """Read raw chunks that are of one length; None when they are not all raw ones of that length."""
    count, rest = divmod(len(blobs[0]) - _RAW_HEAD.size, 24)
    if rest or not 1 <= count <= CHUNK_POINTS:
        return None
    words = np.frombuffer(b"".join(blobs), _INT).reshape(len(blobs), 1 + 3 * count)
    if (words[:, 0] != int.from_bytes(_RAW_HEAD.pack(_RAW, count), "little")).any():
        return None
    return Columns(
        words[:, 1 : 1 + count].ravel(),
        words[:, 1 + count : 1 + 2 * count].ravel(),
        words[:, 1 + 2 * count :].ravel().view(_FLOAT),
    )


def judge_damage(blob: bytes) -> Corrupt:
    """Say what is wrong with stored points that cannot be read: damage, or a format of a newer version."""
    if blob[:4] == _RAW:
        return _corrupt(f"its {len(blob)} bytes are not those of the points that it claims")
    if len(blob) < 4 or blob[0] ^ blob[3] != 255 or blob[0] in _KNOWN:
        return _corrupt("it does not begin as a chunk does")
    needed = f"{blob[1]}.{blob[2]}"
    return Corrupt(
        f"A chunk of metric points has the unknown format {blob[0]}, which Trackway {needed} and later read",
        hint=f"run Trackway {needed} or later on this store",
        details={"format": blob[0], "needs": needed},
    )


def _corrupt(what: str) -> Corrupt:
    return Corrupt(f"A chunk of metric points is damaged: {what}", hint="restore the store from a backup")
