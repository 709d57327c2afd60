"""Series: summaries and chunks."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from queue import SimpleQueue

import pytest

from trackway.api.limits import INT64_MAX, INT64_MIN
from trackway.api.runs import MetricSummary
from trackway.base.errors import Conflict, NotFound
from trackway.store.base import RunRef, Transaction
from trackway.store.chunks import SEALED_POINTS, split_chunk
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Point, Space, make_series

NAN, INF = float("nan"), float("inf")
BATCHES: dict[str, list[list[Point]]] = {
    "one point": [[(3, 5, 1.5)]],
    "rising": [[(0, 0, 1.0)], [(1, 1, 2.0)], [(2, 2, 0.5)]],
    "steps out of order": [[(5, 0, 1.0)], [(2, 9, 7.0)]],
    "one step twice": [[(1, 5, 1.0)], [(1, 6, 0.0)], [(1, 4, 9.0)]],
    "one step and time twice": [[(1, 1, 2.0)], [(1, 1, 3.0)], [(1, 1, 1.0)]],
    "nan last": [[(0, 0, 1.0)], [(1, 1, NAN)]],
    "nan alone": [[(0, 0, NAN), (1, 1, NAN)]],
    "nan first": [[(0, 0, NAN)], [(1, 1, 4.0)], [(2, 2, NAN)], [(3, 3, -4.0)]],
    "infinities": [[(0, 0, INF), (1, 1, -INF)], [(2, 2, NAN)], [(3, 3, 0.0)]],
    "extremes of float64": [[(0, 0, 1.7976931348623157e308)], [(1, 0, -1.7976931348623157e308), (2, 0, 5e-324)]],
    "extremes of int64": [[(-(2**63), 2**63 - 1, 1.0)], [(2**63 - 1, -(2**63), 2.0)]],
    "nan and nothing at once": [[(1, 1, 0.0)], [(1, 1, NAN)]],
    "equal extremes": [[(4, 0, 1.0), (2, 0, 1.0)], [(1, 0, 1.0)]],
    "in one batch": [[(n % 7, n % 3, float(n % 5)) for n in range(500)]],
}


def summarize(points: Sequence[Point]) -> MetricSummary:
    """Say what a summary is, in the shortest way."""
    last = max(points, key=lambda p: (p[0], p[1], 0.0 if math.isnan(p[2]) else p[2], not math.isnan(p[2])))
    numbers = [point for point in points if not math.isnan(point[2])]
    low = min(numbers, key=lambda point: (point[2], point[0]), default=None)
    high = max(numbers, key=lambda point: (point[2], -point[0]), default=None)
    return MetricSummary(
        last_step=last[0],
        last_time_ms=last[1],
        last_value=last[2],
        min_value=low and low[2],
        min_step=low and low[0],
        max_value=high and high[2],
        max_step=high and high[0],
        count=len(points),
        nan_count=len(points) - len(numbers),
    )


class MetricContract(StoreFixtures):
    """Metrics."""

    @pytest.mark.parametrize("batches", BATCHES.values(), ids=BATCHES)
    def test_a_summary_tells_of_all_points_however_they_came(self, space: Space, batches: list[list[Point]]) -> None:
        ref = space.make_run(space.make_experiment())
        for batch in batches:
            space.log(ref, m=batch)
        points = [point for batch in batches for point in batch]
        assert repr(space.run(ref).metrics) == repr({"m": summarize(points)})
        assert repr(space.points(ref, "m")) == repr(points)
        assert space.read(lambda tx: tx.metrics.count(ref.pk, "m")) == len(points)

    @pytest.mark.parametrize("batches", BATCHES.values(), ids=BATCHES)
    def test_a_run_that_is_touched_in_the_same_step_gets_the_same(
        self, space: Space, batches: list[list[Point]]
    ) -> None:
        ref = space.make_run(space.make_experiment(), lease_ms=50, lease_until_ms=60)
        for batch in batches:
            series = [make_series(key, batch) for key in ("n", "m", "Z")]
            space.write(lambda tx, series=series: tx.metrics.log(space.workspace, ref.run_id, 7, series, require))
        run = space.run(ref)
        points = [point for batch in batches for point in batch]
        assert repr(run.metrics) == repr({key: summarize(points) for key in ("Z", "m", "n")})
        assert repr([space.points(ref, key) for key in ("Z", "m", "n")]) == repr([points] * 3)
        assert (run.version, run.lease_until_ms) == (1 + len(batches), 57)

    def test_points_for_a_run_that_is_not_live_fail_alone(self, space: Space) -> None:
        experiment = space.make_experiment()
        live, trashed = space.make_run(experiment), space.make_run(experiment)
        space.write(lambda tx: tx.runs.delete(trashed.pk, 5))
        answers: SimpleQueue[tuple[str, BaseException | None]] = SimpleQueue()
        targets = [live.run_id, trashed.run_id, "unknown"] * 20
        for n, run_id in enumerate(targets):
            series = [make_series("m", [(n, n, float(n))])]
            space.store.submit_write(
                lambda tx, run_id=run_id, series=series: tx.metrics.log(space.workspace, run_id, 7, series, require),
                lambda _, error, run_id=run_id: answers.put((run_id, error)),
                run_id,
            )
        told = [answers.get(timeout=30) for _ in targets]
        expected = {live.run_id: None, trashed.run_id: Conflict, "unknown": NotFound}
        assert all(type(error) is (expected[run_id] or type(None)) for run_id, error in told)
        assert sorted(space.points(live, "m")) == [(n, n, float(n)) for n in range(0, len(targets), 3)]
        assert space.run(live).version > 1
        assert space.points(trashed, "m") == []

    def test_points_that_are_cut_into_batches_differently_make_the_same_series(self, space: Space) -> None:
        rng = random.Random(7)  # noqa: S311 -- test data
        values = (NAN, INF, -INF, 0.5, -3.25, 8.0)
        # No two points share step and time, so that one of them is the last whatever the batches.
        points = [(n % 40, n // 40, rng.choice(values)) for n in range(300)]
        rng.shuffle(points)
        for _ in range(3):
            ref = space.make_run(space.make_experiment())
            at = 0
            while at < len(points):
                size = rng.randrange(1, 60)
                space.log(ref, m=points[at : at + size])
                at += size
            assert repr(space.run(ref).metrics["m"]) == repr(summarize(points))
            assert repr(space.points(ref, "m")) == repr(points)

    def test_series_of_one_request_are_kept_apart(self, space: Space) -> None:
        ref, other = [space.make_run(space.make_experiment()) for _ in range(2)]
        series: dict[str, list[Point]] = {f"k{n}": [(n, n, float(n))] * (n % 3 + 1) for n in range(70)}
        space.log(ref, **series)
        space.log(other, k1=[(9, 9, 9.0)])
        space.log(ref, **{key: [(100, 100, 1.0)] for key in list(series)[::2]})
        metrics = space.run(ref).metrics
        assert {key: one.count for key, one in metrics.items()} == {
            f"k{n}": n % 3 + 1 + (n % 2 == 0) for n in range(70)
        }
        assert space.points(ref, "k4") == [(4, 4, 4.0), (4, 4, 4.0), (100, 100, 1.0)]
        assert space.points(other, "k1") == [(9, 9, 9.0)]

    def test_a_request_may_have_more_series_than_one_statement_can_name(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        space.log(ref, **{f"k{n}": [(0, 0, float(n))] for n in range(10_000)})
        assert {key: one.last_value for key, one in space.run(ref).metrics.items()} == {
            f"k{n}": float(n) for n in range(10_000)
        }

    def test_an_unknown_series_has_no_points(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        assert space.points(ref, "m") == []
        assert space.read(lambda tx: tx.metrics.count(ref.pk, "m")) == 0
        assert space.read(lambda tx: tx.metrics.find(space.workspace, ref.run_id, "m")) is None

    def test_a_series_is_found_by_its_run_in_its_workspace(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        space.log(ref, m=[(n, n, 0.0) for n in range(3)], other=[(0, 0, 0.0)])
        space.log(ref, m=[(9, 9, 0.0)])
        assert space.read(lambda tx: tx.metrics.find(space.workspace, ref.run_id, "m")) == (ref.pk, 4)
        for place in ((space.workspace, ref.run_id, "M"), (space.workspace, "0" * 32, "m"), ("other", ref.run_id, "m")):
            assert space.read(lambda tx, place=place: tx.metrics.find(*place)) is None

    def test_sealing_changes_no_point(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        points = [(n, n * 1_000, NAN if n % 97 == 0 else math.sin(n)) for n in range(20_000)]
        for at in range(0, len(points), 1_000):
            space.log(ref, m=points[at : at + 1_000])
        space.write(lambda tx: tx.metrics.queue_run(ref.pk))
        seal(space)
        assert repr(space.points(ref, "m")) == repr(points)
        space.log(ref, m=[(20_000, 0, 1.0)])
        space.write(lambda tx: tx.metrics.queue_run(ref.pk))
        seal(space)
        assert repr(space.points(ref, "m")) == repr([*points, (20_000, 0, 1.0)])

    @pytest.mark.parametrize("noise", [False, True])
    def test_heads_are_the_beginnings_of_the_chunks_that_may_have_such_steps(self, space: Space, noise: bool) -> None:
        ref = space.make_run(space.make_experiment())
        points = [(n, n, math.sin(n)) for n in range(3 * SEALED_POINTS + 2_000)]
        if noise:  # what would grow by being sealed stays raw
            rng = random.Random(7)  # noqa: S311 -- test data
            points = [
                (n, rng.randrange(-(2**63), 2**63), rng.uniform(-1, 1) * 2.0 ** rng.randrange(-1000, 1000))
                for n in range(len(points))
            ]
        space.log(ref, m=points, other=points[:5])
        space.write(lambda tx: tx.metrics.queue_run(ref.pk))
        seal(space)
        space.log(ref, m=[(5, 5, 5.0)])
        chunks = space.read(lambda tx: tx.metrics.read(ref.pk, "m"))
        firsts = [SEALED_POINTS * n for n in range(4)] + [len(points)]
        assert space.read(lambda tx: tx.metrics.read_heads(ref.pk, "m", INT64_MIN, INT64_MAX)) == [
            (first, split_chunk(chunk).head) for first, chunk in zip(firsts, chunks, strict=True)
        ]
        for after, skipped in (
            (0, 0),
            (SEALED_POINTS - 1, 0),
            (SEALED_POINTS, 1),
            (3 * SEALED_POINTS + 1, 3),
            (len(points), 3),  # the chunk of what is not sealed is always there
            (10 * len(points), 3),
        ):
            assert space.read(lambda tx, after=after: tx.metrics.read(ref.pk, "m", after)) == chunks[skipped:]
        for low, high, expected in (
            (0, 0, [0]),
            (SEALED_POINTS - 1, SEALED_POINTS, [0, 1]),
            (2 * SEALED_POINTS, INT64_MAX, [2, 3]),
            (INT64_MIN, -1, []),
        ):
            heads = space.read(lambda tx, low=low, high=high: tx.metrics.read_heads(ref.pk, "m", low, high))
            assert [first for first, _ in heads] == [firsts[n] for n in (*expected, 4)]
        some = space.read(lambda tx: tx.metrics.read_some(ref.pk, "m", [firsts[2], firsts[0], 17]))
        assert some == [chunks[0], chunks[2]]

    def test_what_is_gathered_and_enough_is_sealed_at_once(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        points = [(n, n, math.sin(n)) for n in range(2 * SEALED_POINTS + 5)]
        space.log(ref, m=points[:7], few=points[:3])
        space.write(lambda tx: tx.metrics.queue_run(ref.pk))
        space.write(lambda tx: tx.metrics.gather(ref.pk))
        space.log(ref, m=points[7:], few=points[3:5])
        space.write(lambda tx: tx.metrics.queue_run(ref.pk))
        space.write(lambda tx: tx.metrics.gather(ref.pk))
        heads = space.read(lambda tx: tx.metrics.read_heads(ref.pk, "m", INT64_MIN, INT64_MAX))
        assert [first for first, _ in heads] == [0, SEALED_POINTS, 2 * SEALED_POINTS]
        assert sum(len(chunk) for chunk in space.read(lambda tx: tx.metrics.read(ref.pk, "m"))) < 12 * len(points)
        assert len(space.read(lambda tx: tx.metrics.list_unsealed(10))) == 1, "the other's small chunk is merged, too"
        seal(space)
        assert repr(space.points(ref, "m")) == repr(points)
        assert repr(space.points(ref, "few")) == repr(points[:5])

    def test_a_full_chunk_that_would_grow_by_it_is_gathered_as_it_came(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        rng = random.Random(7)  # noqa: S311 -- test data
        points = [
            (rng.randrange(-(2**63), 2**63), rng.randrange(-(2**63), 2**63), rng.uniform(-1, 1) * 2.0**n)
            for n in (rng.randrange(-1000, 1000) for _ in range(SEALED_POINTS))
        ]
        space.log(ref, m=points)
        space.write(lambda tx: tx.metrics.queue_run(ref.pk))
        seal(space)
        seal(space)
        assert len(space.read(lambda tx: tx.metrics.read(ref.pk, "m"))) == 1
        assert repr(space.points(ref, "m")) == repr(points)

    def test_a_sealed_chunk_that_is_not_full_grows(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        points: list[Point] = []
        for size, chunks in ((1, 1), (1, 1), (3_000, 1), (1, 1), (SEALED_POINTS, 2), (20_000, 4), (1, 4)):
            more = [(len(points) + n, n, n / 7) for n in range(size)]
            points += more
            space.log(ref, m=more)
            space.write(lambda tx: tx.metrics.queue_run(ref.pk))
            seal(space)
            assert len(space.read(lambda tx: tx.metrics.read(ref.pk, "m"))) == chunks
            assert space.points(ref, "m") == points

    def test_an_unknown_series_has_no_heads(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        assert space.read(lambda tx: tx.metrics.read_heads(ref.pk, "m", INT64_MIN, INT64_MAX)) == []
        assert space.read(lambda tx: tx.metrics.read_some(ref.pk, "m", [0])) == []
        assert space.read(lambda tx: tx.metrics.read_some(ref.pk, "m", [])) == []

    def test_a_run_of_many_requests_asks_to_be_gathered_and_its_series_to_be_sealed(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        for start in range(0, 5_000, 100):
            space.write(lambda tx, start=start: log_each(tx, space, ref, range(start, start + 100)))
            if start % 300 == 0:
                gather(space)
        assert space.read(lambda tx: tx.metrics.list_unsealed(1))
        seal(space)
        chunks = space.read(lambda tx: tx.metrics.read(ref.pk, "m"))
        assert len(chunks) < 20
        assert chunks[0][:1] == b"\x02"
        assert space.points(ref, "m") == [(n, n, float(n)) for n in range(5_000)]

    def test_large_requests_ask_to_be_gathered_sooner(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        for _ in range(2):
            space.write(lambda tx: tx.runs.touch(space.workspace, ref.run_id, 1, None, 40_000))
        assert ref.pk in space.read(lambda tx: tx.metrics.list_ungathered(1_000))


def require(ref: RunRef | None) -> None:
    """Judge where a run is, as the rules do."""
    if ref is None:
        raise NotFound("There is no such run")
    if not ref.live:
        raise Conflict("It is in the trash")


def log_each(tx: Transaction, space: Space, ref: RunRef, steps: Iterable[int]) -> None:
    """Log points as requests of one point do."""
    for n in steps:
        tx.runs.touch(space.workspace, ref.run_id, 1, None, 1)
        tx.metrics.append(ref, [make_series("m", [(n, n, float(n))])])


def seal(space: Space) -> None:
    """Seal everything that is queued, as the server's own job does."""
    gather(space)
    for series in space.read(lambda tx: tx.metrics.list_unsealed(1_000_000)):
        space.write(lambda tx, series=series: tx.metrics.seal(series))
    assert space.read(lambda tx: tx.metrics.list_unsealed(1)) == []


def gather(space: Space) -> None:
    """Gather everything that is queued."""
    while runs := space.read(lambda tx: tx.metrics.list_ungathered(100)):
        for pk in runs:
            space.write(lambda tx, pk=pk: tx.metrics.gather(pk))
