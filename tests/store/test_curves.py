"""Curves: fewer points, the same picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trackway.api.limits import INT64_MAX, INT64_MIN
from trackway.base.errors import Corrupt, InvalidInput
from trackway.store.chunks import SEALED_POINTS, Columns, pack_raw, pack_sealed, split_chunk, unpack_many
from trackway.store.curves import draw_curve
from trackway.store.thinning import downsample

VALUES = [0.0, -0.0, 1.0, -1.0, 2.5, math.nan, math.inf, -math.inf]
steps_lists = st.one_of(
    st.lists(st.integers(0, 60), max_size=120),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=120),
)


def expected_places(steps: Sequence[int], values: Sequence[float], limit: int) -> list[int]:
    """Say the rule once more, slowly."""
    n = len(steps)
    if n <= limit:
        return list(range(n))
    odd = [not math.isfinite(value) for value in values]
    buckets = max(1, (limit - 2) // (3 if any(odd) else 2))
    span = steps[-1] - steps[0]
    places = {0, n - 1}
    for k in range(buckets):
        low = steps[0] + span * k // buckets
        high = steps[0] + span * (k + 1) // buckets if k < buckets - 1 else steps[-1] + 1
        bucket = [i for i in range(n) if low <= steps[i] < high]
        numbers = [i for i in bucket if not odd[i]]
        marks = [i for i in bucket if odd[i]]
        if numbers:
            places |= {min(numbers, key=lambda i: values[i]), max(numbers, key=lambda i: values[i])}
        if marks and (limit > 4 or not numbers):
            places.add(marks[0])
    return sorted(places)


@given(steps_lists, st.data(), st.integers(4, 40), st.booleans())
def test_each_bucket_keeps_its_extremes_its_mark_and_the_ends(
    steps: list[int], data: st.DataObject, limit: int, finite: bool
) -> None:
    steps = sorted(steps)
    kinds = st.sampled_from(VALUES[:5]) if finite else st.sampled_from(VALUES)
    values = data.draw(st.lists(kinds, min_size=len(steps), max_size=len(steps)))
    places = downsample(np.array(steps, np.int64), np.array(values, np.float64), limit).tolist()
    assert len(places) <= max(limit, 0)
    assert places == expected_places(steps, values, limit)


def test_a_spike_and_a_gap_in_a_million_points_are_kept() -> None:
    values = np.sin(np.arange(1_000_000) / 50_000)
    values[[123_456, 765_432]] = 1e6, -1e6
    values[500_000] = math.nan
    places = set(downsample(np.arange(1_000_000), values, 1_000).tolist())
    assert {0, 123_456, 500_000, 765_432, 999_999} <= places
    assert len(places) <= 1_000


def test_an_infinity_hides_no_finite_extreme() -> None:
    values = np.linspace(0, 1, 10_000)
    values[5_000:5_100] = math.inf
    kept = values[downsample(np.arange(10_000), values, 100)]
    assert np.isinf(kept).any()
    assert (kept[np.isfinite(kept)].min(), kept[np.isfinite(kept)].max()) == (0.0, 1.0)
    assert np.diff(kept[np.isfinite(kept)]).max() < 0.07


def test_sparse_steps_are_not_crowded_out_by_dense_ones() -> None:
    steps = np.concatenate([np.arange(100) * 1_000, 100_000 + np.arange(50_000)])
    values = np.random.default_rng(0).normal(size=len(steps))
    kept = steps[downsample(steps, values, 600)]
    assert (kept < 100_000).sum() == 100


@pytest.mark.parametrize("lengths, limit", [((5, 5), 3), ((5, 5), 0), ((5, 5), -1), ((5, 4), 10)])
def test_limits_below_four_and_uneven_columns_are_refused(lengths: tuple[int, int], limit: int) -> None:
    with pytest.raises(InvalidInput, match="Cannot thin"):
        downsample(np.arange(lengths[0]), np.zeros(lengths[1]), limit)


# From chunks


def make_series(n: int, seed: int = 0) -> Columns:
    rng = np.random.default_rng(seed)
    times = 1_700_000_000_000 + np.cumsum(rng.integers(5, 20, n))
    return Columns(np.arange(n), times, np.cumsum(rng.normal(size=n)))


def take(points: Columns, which: slice | NDArray[Any]) -> Columns:
    return Columns(points.steps[which], points.times_ms[which], points.values[which])


def make_chunks(points: Columns, size: int = SEALED_POINTS, sealed: bool = True) -> list[bytes]:
    parts = [take(points, slice(start, start + size)) for start in range(0, len(points.steps), size)]
    return [pack_sealed(*part) if sealed else pack_raw(*(column.tobytes() for column in part)) for part in parts]


def draw(
    blobs: Sequence[bytes], limit: int, low: int = INT64_MIN, high: int = INT64_MAX
) -> tuple[Columns, int, list[int]]:
    """Draw chunks as the store gives them; return also which were read whole."""
    read: list[int] = []

    def read_some(firsts: Sequence[int]) -> list[bytes]:
        read.extend(firsts)
        return [blobs[first] for first in firsts]

    heads = [(first, split_chunk(blob).head) for first, blob in enumerate(blobs)]
    return *draw_curve(heads, read_some, limit, low, high), read


def drawn_from_all(points: Columns, limit: int) -> list[bytes]:
    order = np.lexsort((points.times_ms, points.steps))
    places = order[downsample(points.steps[order], points.values[order], limit)]
    return [column.tobytes() for column in take(points, places)]


@pytest.mark.parametrize("n", [1, 3, 1_000, 50_000])
@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("shuffled", [True, False])
def test_a_curve_from_chunks_is_that_of_their_points(n: int, sealed: bool, shuffled: bool) -> None:
    points = make_series(n)
    if shuffled:
        points = take(points, np.random.default_rng(1).permutation(n))
    curve, count, _ = draw(make_chunks(points, sealed=sealed), 500)
    assert count == n
    assert [column.tobytes() for column in curve] == drawn_from_all(points, 500)


def test_previews_draw_a_long_series_within_a_quarter_of_a_bucket() -> None:
    points = make_series(600_000)
    blobs = make_chunks(points)
    curve, count, read = draw(blobs, 1_000)
    assert (count, read) == (600_000, [])
    assert 900 < len(curve.steps) <= 1_000
    assert (curve.steps[0], curve.steps[-1]) == (0, 599_999)
    assert (curve.values == points.values[curve.steps]).all()
    assert (curve.times_ms == points.times_ms[curve.steps]).all()
    assert (curve.values.min(), curve.values.max()) == (points.values.min(), points.values.max())
    edges = [599_999 * k // 499 for k in range(499)] + [600_000]
    at = np.searchsorted(curve.steps, edges)
    quarter = 300
    for k, (start, end) in enumerate(pairwise(edges)):
        drawn, all_of_it = curve.values[at[k] : at[k + 1]], points.values[start:end]
        inner = all_of_it[quarter:-quarter]
        assert all_of_it.min() <= drawn.min() <= inner.min()
        assert inner.max() <= drawn.max() <= all_of_it.max()


def test_marks_survive_previews() -> None:
    points = make_series(300_000)
    points.values[200_000] = math.nan
    points.values[100_000] = math.inf
    curve, _, _ = draw(make_chunks(points), 1_000)
    marks = dict(zip(curve.steps.tolist(), curve.values.tolist(), strict=True))
    assert math.isnan(marks[200_000])
    assert marks[100_000] == math.inf


def test_a_chunk_with_far_steps_is_read_whole() -> None:
    points = make_series(100 * SEALED_POINTS)
    steps = points.steps.copy()
    steps[:SEALED_POINTS] *= 10_000
    curve, count, read = draw(make_chunks(Columns(steps, points.times_ms, points.values)), 1_000)
    assert (count, read) == (len(steps), [0])
    far = curve.steps > 100 * SEALED_POINTS
    assert far.sum() > 900


@pytest.mark.parametrize(
    "start, end, expected",
    [
        (0, 199_999, 200_000),
        (50_000, INT64_MAX, 150_000),
        (INT64_MIN, 50_000, 50_001),
        (12_345, 23_456, 11_112),
        (8_192, 16_383, 8_192),
        (7, 7, 1),
        (8, 7, 0),
        (200_000, INT64_MAX, 0),
        (INT64_MIN, -1, 0),
        (INT64_MIN, INT64_MAX, 200_000),
    ],
)
@pytest.mark.parametrize("sealed", [True, False])
def test_a_range_of_steps_has_its_exact_count_and_points(start: int, end: int, expected: int, sealed: bool) -> None:
    points = make_series(200_000)
    curve, count, _ = draw(make_chunks(points, sealed=sealed), 4_000, start, end)
    keep = (points.steps >= start) & (points.steps <= end)
    assert count == expected
    assert [column.tobytes() for column in curve] == drawn_from_all(take(points, keep), 4_000)


@pytest.mark.parametrize("sealed", [True, False])
def test_a_series_logged_without_steps_is_thinned_by_time(sealed: bool) -> None:
    points = make_series(50_000)
    points = Columns(np.zeros(50_000, np.int64), points.times_ms, points.values)
    curve, count, _ = draw(make_chunks(points, sealed=sealed), 1_000)
    assert count == 50_000
    assert len(curve.steps) > 900
    assert np.diff(curve.times_ms).max() < 2 * np.ptp(points.times_ms) / 499


def test_a_long_series_logged_without_steps_is_drawn_from_previews() -> None:
    points = make_series(600_000)
    points = Columns(np.full(600_000, 7), points.times_ms, points.values)
    blobs = make_chunks(points)
    curve, count, read = draw([*blobs[:-1], *make_chunks(unpack_many(blobs[-1:]), 1, sealed=False)], 1_000)
    assert (count, read) == (600_000, [])
    assert 900 < len(curve.steps) <= 1_000
    assert (curve.values.min(), curve.values.max()) == (points.values.min(), points.values.max())
    assert np.diff(curve.times_ms).max() < 2 * np.ptp(points.times_ms) / 499


def test_only_chunks_on_the_edges_of_a_range_are_read_when_previews_suffice() -> None:
    blobs = make_chunks(make_series(800_000))
    curve, count, read = draw(blobs, 1_000, 10_000, 700_000)
    assert (count, read) == (690_001, [1, 700_000 // SEALED_POINTS])
    assert (curve.steps[0], curve.steps[-1]) == (10_000, 700_000)
    _, count, read = draw(blobs, 1_000, 10_000, 30_000)
    assert (count, read) == (20_001, [1, 2, 3])


@given(
    st.integers(0, 2**32), st.lists(st.integers(1, 3_000), min_size=1, max_size=6), st.integers(4, 300), st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_chunks_a_curve_has_ends_and_extremes_of_its_range_and_no_point_but_its_own(
    seed: int, sizes: list[int], limit: int, ranged: bool
) -> None:
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    kind = rng.integers(4)
    steps = [np.arange(n), rng.permutation(n), rng.integers(0, 9, n), np.full(n, 3)][kind] * rng.integers(1, 10**6)
    points = Columns(steps, rng.integers(0, 10**6, n), rng.normal(size=n))
    ends = np.cumsum(sizes)
    parts = [take(points, slice(end - size, end)) for end, size in zip(ends, sizes, strict=True)]
    blobs = [pack_sealed(*p) if rng.integers(3) else pack_raw(*(column.tobytes() for column in p)) for p in parts]
    low, high = sorted(rng.choice(steps, 2).tolist()) if ranged else (INT64_MIN, INT64_MAX)
    curve, count, _ = draw(blobs, limit, low, high)
    within = take(points, (steps >= low) & (steps <= high))
    assert count == len(within.steps)
    assert len(curve.steps) <= max(limit, 4)
    assert {*zip(*(column.tolist() for column in curve), strict=True)} <= {
        *zip(*(column.tolist() for column in within), strict=True)
    }
    assert (curve.steps[0], curve.steps[-1]) == (within.steps.min(), within.steps.max())
    assert (curve.values.min(), curve.values.max()) == (within.values.min(), within.values.max())


def test_damage_of_a_preview_is_found() -> None:
    blobs = make_chunks(make_series(100_000))
    for at in (0, 30, 3_000, 6_000):
        damaged = bytearray(blobs[5])
        damaged[at] ^= 1
        with pytest.raises(Corrupt):
            draw_curve([(0, blobs[4]), (1, bytes(damaged))], lambda _: [], 1_000)


def test_a_curve_of_no_chunks_is_empty_and_a_small_limit_refused() -> None:
    curve, count, _ = draw([], 4)
    assert (len(curve.steps), count) == (0, 0)
    with pytest.raises(InvalidInput):
        draw(make_chunks(make_series(10)), 3)


def test_sealed_and_raw_chunks_draw_together() -> None:
    points = make_series(300_100)
    blobs = make_chunks(take(points, slice(300_000)))
    tail = take(points, slice(300_000, None))
    curve, count, _ = draw([*blobs, *make_chunks(tail, 1, sealed=False)], 1_000)
    assert count == 300_100
    assert curve.steps[-1] == 300_099
    assert unpack_many(blobs).values.max() <= max(curve.values.max(), tail.values.max())
