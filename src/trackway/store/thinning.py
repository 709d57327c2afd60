"""Thinning one series for drawing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trackway.base.errors import InvalidInput


def downsample(x: NDArray[np.int64], values: NDArray[np.float64], limit: int) -> NDArray[np.intp]:
    """Choose the points of one series to draw: each bucket's extremes, its gaps, and the two ends.

    A bucket is one of ``(limit - 2) // 2`` equal stretches of x. Its extremes are those of its finite values, so that
    one infinity does not flatten the rest. A bucket with NaN or infinities keeps the first of them as a mark, for which
    a series with any has ``(limit - 2) // 3`` buckets; a limit of 4 leaves no room for marks.

    x:       (n,) int64, never falling: steps or times
    values:  (n,) float64
    limit:   most points chosen, at least 4
    returns: (m,) rising positions in the arrays, m <= min(n, limit); all of them when n <= limit; of equal extremes
             the first
    raises:  InvalidInput when lengths differ or limit < 4
    cost:    O(n + limit); 1,000,000 points to 1,000 in about 4 ms
    """
    n = len(x)
    if len(values) != n or limit < 4:
        raise InvalidInput(
            f"Cannot thin {n} places and {len(values)} values to {limit} points",
            hint="give as many values as places, and a limit of at least 4",
        )
    if n <= limit:
        return np.arange(n)
    finite = np.isfinite(values)
    if finite.all():
        lows = highs = values
        starts = _bucket_starts(x, (limit - 2) // 2)
    else:
        lows, highs = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
        starts = _bucket_starts(x, max(1, (limit - 2) // 3))
    sizes = np.diff(starts, append=n)
    picks = [
        np.array([0, n - 1]),
        _first_at_or_after(starts, lows == np.repeat(np.minimum.reduceat(lows, starts), sizes)),
        _first_at_or_after(starts, highs == np.repeat(np.maximum.reduceat(highs, starts), sizes)),
    ]
    if limit > 4 and lows is not values:
        picks.append(_first_at_or_after(starts, ~finite))
    return _drop_repeats(np.sort(np.concatenate(picks)))


def _bucket_starts(x: NDArray[np.int64], buckets: int) -> NDArray[np.intp]:
    """Return where each bucket that is not empty begins."""
    first, last = int(x[0]), int(x[-1])
    whole, rest = divmod(last - first, buckets)
    k = np.arange(buckets, dtype=np.uint64)
    # Modulo 2**64, as the span may exceed int64: first + span * k // buckets.
    bounds = np.uint64(first % 2**64) + k * np.uint64(whole) + k * np.uint64(rest) // np.uint64(buckets)
    return _drop_repeats(np.searchsorted(x, bounds.view(np.int64)))


def _drop_repeats(places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return never falling places once each; quicker than ``np.unique``, which does not know that they are sorted."""
    fresh = np.ones(len(places), bool)
    np.not_equal(places[1:], places[:-1], out=fresh[1:])
    return places[fresh]


def _first_at_or_after(starts: NDArray[np.intp], mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the first true place behind each start: a bucket's own first one, or that of the next bucket with one."""
    places = np.flatnonzero(mask)
    found = np.searchsorted(places, starts)
    return places[found[found < len(places)]]
