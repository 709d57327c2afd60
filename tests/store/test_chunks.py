"""Chunks of points: what goes in comes out bit by bit, and damage is refused."""

from __future__ import annotations

import math
import struct
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.base.errors import Corrupt, InvalidInput
from trackway.store import chunks
from trackway.store.chunks import (
    CHUNK_POINTS,
    PREVIEW_FROM,
    SEALED_POINTS,
    Columns,
    Head,
    Summary,
    join_columns,
    order_by_step,
    order_history,
    pack_raw,
    pack_sealed,
    read_count,
    read_head,
    read_previews,
    seal_chunks,
    split_chunk,
    summarize,
    unpack,
    unpack_many,
)

NAN_WITH_PAYLOAD = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_DEAD_BEEF))[0]
NEGATIVE_NAN = struct.unpack("<d", struct.pack("<Q", 0xFFF0_0000_0000_0001))[0]
ODD_VALUES = [0.0, -0.0, math.inf, -math.inf, math.nan, NAN_WITH_PAYLOAD, NEGATIVE_NAN, 5e-324, -1.7976931348623157e308]

int64s = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1]))
floats = st.one_of(
    st.sampled_from(ODD_VALUES),
    st.floats(width=64),
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),
)
a_point = st.tuples(int64s, int64s, floats)
points_lists = st.lists(a_point, min_size=1, max_size=130)
Points = list[tuple[int, int, float]]


def columns_of(points: Points) -> Columns:
    steps, times, values = zip(*points, strict=True)
    return Columns(np.array(steps, np.int64), np.array(times, np.int64), np.array(values, np.float64))


def bytes_of(points: Points) -> tuple[bytes, bytes, bytes]:
    return as_bytes(columns_of(points))


def as_bytes(points: Columns) -> tuple[bytes, bytes, bytes]:
    return points.steps.tobytes(), points.times_ms.tobytes(), points.values.tobytes()


def noisy(n: int, seed: int = 0) -> Columns:
    rng = np.random.default_rng(seed)
    times = 1_700_000_000_000 + np.cumsum(rng.integers(5, 20, n))
    return Columns(np.arange(n), times, np.exp(-np.arange(n) / 3_000) + rng.normal(0, 0.05, n))


@given(points_lists)
def test_a_raw_chunk_gives_back_every_bit(points: Points) -> None:
    given_bytes = bytes_of(points)
    assert as_bytes(unpack(pack_raw(*given_bytes))) == given_bytes


@given(points_lists)
def test_a_sealed_chunk_gives_back_every_bit(points: Points) -> None:
    assert as_bytes(unpack(pack_sealed(*columns_of(points)))) == bytes_of(points)


@pytest.mark.parametrize("n", [1, PREVIEW_FROM - 1, PREVIEW_FROM, SEALED_POINTS, 100_000])
@pytest.mark.parametrize("values", ["noisy", "smooth", "constant", "random bits", "float32", "odd"])
def test_long_chunks_of_every_kind_give_back_every_bit(n: int, values: str) -> None:
    rng = np.random.default_rng(n)
    column = {
        "noisy": noisy(n).values,
        "smooth": np.exp(-np.arange(n) / 3_000),
        "constant": np.full(n, 0.001),
        "random bits": rng.integers(0, 2**64 - 1, n, np.uint64, endpoint=True).view(np.float64),
        "float32": rng.normal(size=n).astype(np.float32).astype(np.float64),
        "odd": rng.choice(ODD_VALUES, n),
    }[values]
    steps = rng.integers(-(2**63), 2**63 - 1, n) if values == "random bits" else np.arange(n)
    points = Columns(steps, rng.permutation(n), column)
    assert as_bytes(unpack(pack_sealed(*points))) == as_bytes(points)
    assert as_bytes(unpack(pack_raw(*as_bytes(points)))) == as_bytes(points)


def test_noisy_points_take_less_than_9_bytes_and_smooth_ones_less_than_4() -> None:
    points = noisy(SEALED_POINTS)
    assert len(pack_sealed(*points)) < 9 * SEALED_POINTS
    assert (
        len(pack_sealed(points.steps, points.times_ms, np.exp(-np.arange(SEALED_POINTS) / 3_000))) < 4 * SEALED_POINTS
    )


def test_incompressible_points_cost_little_more_than_their_bytes() -> None:
    rng = np.random.default_rng(0)
    columns = [rng.integers(-(2**63), 2**63 - 1, 1_000) for _ in range(3)]
    blob = pack_sealed(columns[0], columns[1], columns[2].view(np.float64))
    assert len(blob) == 48 + 24 * 1_000


@pytest.mark.parametrize(
    "columns",
    [
        (b"", b"", b""),
        (b"12345678", b"12345678", b""),
        (b"12345678", b"1234567890123456", b"12345678"),
        (b"1234", b"1234", b"1234"),
        (bytes(8 * (CHUNK_POINTS + 1)),) * 3,
    ],
)
def test_columns_that_make_no_chunk_are_refused(columns: tuple[bytes, bytes, bytes]) -> None:
    with pytest.raises(InvalidInput, match="make no chunk"):
        pack_raw(*columns)


@pytest.mark.parametrize("lengths", [(0, 0, 0), (1, 1, 2), (2, 1, 2), (CHUNK_POINTS + 1,) * 3])
def test_arrays_that_make_no_chunk_are_refused(lengths: tuple[int, int, int]) -> None:
    steps, times, values = lengths
    with pytest.raises(InvalidInput, match="make no chunk"):
        pack_sealed(np.zeros(steps, np.int64), np.zeros(times, np.int64), np.zeros(values))


def test_the_largest_chunk_is_accepted() -> None:
    points = noisy(CHUNK_POINTS)
    assert as_bytes(unpack(pack_raw(*as_bytes(points)))) == as_bytes(points)


@pytest.mark.parametrize("n", [1, 40, PREVIEW_FROM])
def test_every_cut_of_a_chunk_is_refused(n: int) -> None:
    points = noisy(n)
    for blob in (pack_sealed(*points), pack_raw(*as_bytes(points))):
        for end in range(len(blob)):
            with pytest.raises(Corrupt):
                unpack(blob[:end])
        for tail in (b"\x00", bytes(24)):
            with pytest.raises(Corrupt):
                unpack(blob + tail)


@pytest.mark.parametrize("n", [1, 40, PREVIEW_FROM])
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF, 0x03])
def test_every_flipped_byte_of_a_sealed_chunk_is_refused(n: int, flip: int) -> None:
    blob = pack_sealed(*noisy(n))
    for at in range(len(blob)):
        damaged = bytearray(blob)
        damaged[at] ^= flip
        with pytest.raises(Corrupt):
            unpack(bytes(damaged))


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x01\x00\x01\xfe", b"\x02\x00\x01\xfd"]))
def test_arbitrary_bytes_are_refused_or_hold_what_they_say(data: bytes, start: bytes) -> None:
    blob = start + data
    try:
        points = unpack(blob)
    except Corrupt:
        return
    assert pack_raw(*as_bytes(points)) == blob


@given(st.data(), st.sampled_from([1, 40, 300]))
def test_hostile_columns_under_a_right_checksum_never_crash(data: st.DataObject, n: int) -> None:
    """Whoever can write to the database can make a checksum; the process still survives."""
    head, columns = split_sealed(pack_sealed(*noisy(n, seed=n)))
    for i in range(3):
        column = bytearray(columns[i])
        for _ in range(data.draw(st.integers(0, 4))):
            column[data.draw(st.integers(0, len(column) - 1))] = data.draw(st.integers(0, 255))
        columns[i] = bytes(column[: data.draw(st.sampled_from([None, None, len(column) // 2, 0]))])
    try:
        points = unpack(forge(n, head, columns))
    except Corrupt:
        return
    assert [len(column) for column in points] == [n, n, n]


@pytest.mark.parametrize("n", [0, CHUNK_POINTS + 1, 2**32 - 1])
def test_absurd_counts_are_refused_before_memory_is_taken(n: int) -> None:
    head, columns = split_sealed(pack_sealed(*noisy(40)))
    with pytest.raises(Corrupt, match=f"claims {n} points"):
        unpack(forge(n, head, columns))
    with pytest.raises(Corrupt):
        unpack(b"\x01\x00\x01\xfe" + struct.pack("<I", n) + bytes(24))


def test_a_column_with_more_or_fewer_numbers_than_claimed_is_refused() -> None:
    head, columns = split_sealed(pack_sealed(*noisy(500)))
    for n in (499, 501):
        with pytest.raises(Corrupt, match=f"does not hold {n} numbers"):
            unpack(forge(n, head, columns))


def test_a_chunk_of_a_newer_format_names_the_version_that_reads_it() -> None:
    with pytest.raises(Corrupt, match=r"unknown format 4, which Trackway 2\.7 and later read") as caught:
        unpack(b"\x04\x02\x07\xfb" + bytes(100))
    assert caught.value.details == {"format": 4, "needs": "2.7"}
    assert "run Trackway 2.7" in caught.value.hint


def split_sealed(blob: bytes) -> tuple[Head, list[bytes]]:
    head = read_head(blob)
    assert head is not None
    start = 48 + len(head.preview)
    ends = np.cumsum([start, *head.sizes]).tolist()
    return head, [blob[a:b] for a, b in pairwise(ends)]


def forge(n: int, head: Head, columns: list[bytes]) -> bytes:
    """Make a sealed chunk with right checksums, as docs/formats/chunks.md describes it."""
    body = b"".join(columns)
    sizes = [len(column) for column in columns]
    start = struct.pack(
        "<4sI2q5I", b"\x02\x00\x01\xfd", n, head.min_step, head.max_step, len(head.preview) // 24, *sizes, crc32(body)
    )
    return start + struct.pack("<I", crc32(start + head.preview)) + head.preview + body


def test_a_chunk_made_from_its_description_is_the_one_that_is_packed() -> None:
    for n in (1, 40, 5_000):
        blob = pack_sealed(*noisy(n))
        assert forge(n, *split_sealed(blob)) == blob


@given(st.lists(st.tuples(st.lists(a_point, min_size=1, max_size=9), st.booleans()), max_size=8), st.integers(1, 3))
def test_many_chunks_read_as_one_after_the_other(parts: list[tuple[Points, bool]], repeats: int) -> None:
    blobs = [
        pack_raw(*bytes_of(points)) if raw else pack_sealed(*columns_of(points))
        for points, raw in parts
        for _ in range(repeats)
    ]
    expected = [as_bytes(unpack(blob)) for blob in blobs]
    assert as_bytes(unpack_many(blobs)) == tuple(b"".join(column[i] for column in expected) for i in range(3))


def test_chunks_of_one_length_may_be_of_both_formats() -> None:
    by_size = {len(pack_raw(*as_bytes(noisy(n)))): noisy(n) for n in range(1, 200)}
    pairs = [(by_size[size], noisy(n)) for n in range(1, 200) if (size := len(pack_sealed(*noisy(n)))) in by_size]
    assert pairs
    for raw, sealed in pairs:
        blobs = [pack_raw(*as_bytes(raw)), pack_sealed(*sealed)]
        for chosen in (blobs, blobs[::-1]):
            assert as_bytes(unpack_many(chosen)) == as_bytes(join_columns([unpack(blob) for blob in chosen]))


def test_no_chunks_are_no_points() -> None:
    points = unpack_many([])
    assert [(len(column), column.dtype.str) for column in points] == [(0, "<i8"), (0, "<i8"), (0, "<f8")]
    assert join_columns([points, points]).values.dtype == np.float64


def test_one_damaged_chunk_among_equally_long_ones_is_found() -> None:
    blobs = [pack_raw(*as_bytes(noisy(10, seed))) for seed in range(20)]
    for bad in (blobs[0][:4] + struct.pack("<I", 9) + blobs[0][8:], b"\x03\x00\x09\xfc" + blobs[0][4:]):
        with pytest.raises(Corrupt):
            unpack_many([*blobs[:7], bad, *blobs[7:]])


def test_a_preview_is_read_without_what_stands_behind_it() -> None:
    points = noisy(SEALED_POINTS)
    blob = pack_sealed(*points)
    whole = read_head(blob)
    assert whole is not None
    start = read_head(blob[: 48 + len(whole.preview)])
    assert start == whole
    assert (whole.count, whole.min_step, whole.max_step) == (SEALED_POINTS, 0, SEALED_POINTS - 1)
    preview = read_previews([whole, whole])
    n = len(preview.steps) // 2
    assert n <= 258
    assert preview.values[:n].min() == points.values.min()
    assert preview.values[:n].max() == points.values.max()
    assert (preview.times_ms[:n] == points.times_ms[preview.steps[:n]]).all()
    for end in (0, 20, 47, 48, 47 + len(whole.preview)):
        with pytest.raises(Corrupt):
            unpack(blob[:end])


def test_raw_and_small_chunks_have_no_preview() -> None:
    points = noisy(PREVIEW_FROM - 1)
    assert read_head(pack_raw(*as_bytes(points))) is None
    head = read_head(pack_sealed(*points))
    assert head is not None
    assert len(head.preview) == 0
    assert len(read_previews([head]).steps) == 0


# Sealing


def rows_of(sizes: list[int], sealed: bool = False) -> tuple[list[tuple[int, bytes]], Columns]:
    points = noisy(sum(sizes))
    rows = []
    start = 0
    for size in sizes:
        end = start + size
        part = Columns(points.steps[start:end], points.times_ms[start:end], points.values[start:end])
        rows.append((start, pack_sealed(*part) if sealed else pack_raw(*as_bytes(part))))
        start = end
    return rows, points


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ([1] * 300, [300]),
        ([1_000] * 20, [8_192, 8_192, 3_616]),
        ([100_000], [8_192] * 12 + [1_696]),
        ([8_192], [8_192]),
        ([8_191, 1, 1], [8_192, 1]),
    ],
)
def test_small_chunks_are_merged_and_large_ones_are_split(sizes: list[int], expected: list[int]) -> None:
    rows, points = rows_of(sizes)
    after = seal_chunks(rows)
    assert [read_count(data) for _, data in after] == expected
    assert [first for first, _ in after] == [sum(expected[:i]) for i in range(len(expected))]
    assert as_bytes(unpack_many([data for _, data in after])) == as_bytes(points)
    assert seal_chunks(after) == after, "sealing again changes nothing"


def test_a_started_sealed_chunk_grows() -> None:
    rows, points = rows_of([700, 100], sealed=True)
    [(first, data)] = seal_chunks(rows)
    assert first == 0
    assert as_bytes(unpack(data)) == as_bytes(points)


def test_a_point_too_small_to_gain_stays_raw() -> None:
    rows, _ = rows_of([1])
    assert seal_chunks(rows) == rows
    assert seal_chunks([]) == []


def test_chunks_are_not_merged_over_a_gap() -> None:
    rows, _ = rows_of([50] * 6)
    after = seal_chunks([*rows[:3], *rows[4:]])
    assert [(first, read_count(data)) for first, data in after] == [(0, 150), (200, 100)]


def test_damage_stops_sealing() -> None:
    rows, _ = rows_of([50] * 3)
    for bad in (b"", rows[1][1][:-1], b"\x03\x00\x09\xfc" + rows[1][1][4:]):
        with pytest.raises(Corrupt):
            seal_chunks([rows[0], (50, bad), rows[2]])


@given(points_lists, st.sampled_from([1, PREVIEW_FROM]))
def test_a_chunk_is_cut_behind_its_preview_and_nothing_is_lost(points: Points, repeats: int) -> None:
    columns = columns_of(points * repeats)
    bounds = int(columns.steps.min()), int(columns.steps.max())
    raw, sealed = pack_raw(*as_bytes(columns)), pack_sealed(*columns)
    assert split_chunk(raw) == (*bounds, raw, b"")
    low, high, head, rest = split_chunk(sealed)
    assert (low, high, head + rest) == (*bounds, sealed)
    assert read_head(head) == read_head(sealed)
    assert bool(rest) == (repeats > 1)


# Order


def value_rank(value: float) -> tuple[int, float, float]:
    return (1, 0.0, 0.0) if math.isnan(value) else (0, value, math.copysign(1.0, value))


@given(
    st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2), st.sampled_from(ODD_VALUES)), min_size=1), st.booleans()
)
def test_history_is_ordered_by_time_step_value_and_equal_points_are_one(points: Points, ordered: bool) -> None:
    ranked = {(t, s, value_rank(v)): (s, t, v) for s, t, v in reversed(points)}
    expected = [ranked[key] for key in sorted(ranked)]
    got = order_history(columns_of(expected if ordered else points))
    assert as_bytes(got) == bytes_of(expected)


def test_history_already_in_order_is_not_copied() -> None:
    points = noisy(1_000)
    assert order_history(points) is points


@given(st.lists(a_point, min_size=1))
def test_curves_are_ordered_by_step_then_time_then_value(points: Points) -> None:
    def rank(point: tuple[int, int, float]) -> tuple[object, ...]:
        step, time_ms, value = point
        return (step, time_ms, True) if math.isnan(value) else (step, time_ms, False, value, math.copysign(1, value))

    expected = sorted(points, key=rank)
    assert as_bytes(order_by_step(columns_of(points))) == bytes_of(expected)


def test_empty_columns_can_be_ordered() -> None:
    empty = unpack_many([])
    assert len(order_history(empty).steps) == len(order_by_step(empty).steps) == 0


# Summaries


def simple_summary(points: Points) -> tuple[Any, ...]:
    """Say the rule once more, slowly."""
    last = points[0]
    for point in points:
        compared = [(s, t, 0.0 if math.isnan(v) else v, not math.isnan(v)) for s, t, v in (last, point)]
        if compared[1] >= compared[0]:
            last = point
    numbers = [(s, v) for s, _, v in points if not math.isnan(v)]
    low: tuple[Any, Any] = min(numbers, key=lambda one: (one[1], one[0]), default=(None, None))
    high: tuple[Any, Any] = max(numbers, key=lambda one: (one[1], -one[0]), default=(None, None))
    return (len(points), len(points) - len(numbers), *last, low[1], low[0], high[1], high[0])


def bits_of(summary: Summary) -> list[Any]:
    assert all(type(field) in (int, float, type(None)) for field in summary)
    return [struct.pack("<d", field) if isinstance(field, float) else field for field in summary]


crowded = st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 1), floats), min_size=1, max_size=150)


@given(st.one_of(points_lists, crowded), st.sampled_from([0, 100, 1_000]))
def test_both_ways_to_sum_up_follow_one_rule(points: Points, small: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "_SMALL", small)
        got = summarize(*bytes_of(points))
    assert bits_of(got) == bits_of(Summary(*simple_summary(points)))


@pytest.mark.parametrize("small", [0, 100])
@pytest.mark.parametrize(
    "points, expected",
    [
        ([(5, 7, 2.5)], (1, 0, 5, 7, 2.5, 2.5, 5, 2.5, 5)),
        ([(1, 1, 9.0), (2, 0, 1.0), (2, 0, 3.0)], (3, 0, 2, 0, 3.0, 1.0, 2, 9.0, 1)),
        ([(1, 1, math.inf), (1, 1, -math.inf)], (2, 0, 1, 1, math.inf, -math.inf, 1, math.inf, 1)),
        ([(1, 1, -1.0), (1, 1, math.nan)], (2, 1, 1, 1, math.nan, -1.0, 1, -1.0, 1)),
        ([(1, 1, math.nan), (1, 1, 1.0)], (2, 1, 1, 1, 1.0, 1.0, 1, 1.0, 1)),
        ([(1, 1, math.nan), (2, 1, math.inf)], (2, 1, 2, 1, math.inf, math.inf, 2, math.inf, 2)),
        ([(3, 1, math.nan)], (1, 1, 3, 1, math.nan, None, None, None, None)),
    ],
)
def test_summaries(monkeypatch: pytest.MonkeyPatch, small: int, points: Points, expected: tuple[Any, ...]) -> None:
    monkeypatch.setattr(chunks, "_SMALL", small)
    assert bits_of(summarize(*bytes_of(points))) == bits_of(Summary(*expected))
