"""The runs that a store keeps in memory."""

from __future__ import annotations

from trackway.api.runs import Run
from trackway.store.sql.run_cache import CACHED_BYTES, RunCache


def make_run(version: int, text: str = "") -> Run:
    return Run(
        run_id="r",
        experiment_id="1",
        name="r",
        status="FINISHED",
        user="u",
        start_ms=0,
        end_ms=1,
        lifecycle="active",
        artifact_uri="",
        version=version,
        tags={"text": text},
    )


def test_a_run_is_found_at_its_version_alone() -> None:
    cache = RunCache()
    cache.keep({1: make_run(3)})
    assert cache.find([(1, 3), (2, 1)]) == {1: make_run(3)}
    assert cache.find([(1, 4)]) == {}


def test_runs_are_kept_by_what_they_take_and_not_by_their_number() -> None:
    cache = RunCache()
    text = "x" * (CACHED_BYTES // 10)
    for number in range(100):
        cache.keep({number: make_run(1, text)})
        assert cache.find([(number, 1)])
        assert 1 <= len(cache.find((one, 1) for one in range(100))) <= 5


def test_what_is_too_large_is_not_kept_and_drives_nothing_out() -> None:
    cache = RunCache()
    cache.keep({1: make_run(1)})
    cache.keep({2: make_run(1, "x" * CACHED_BYTES)})
    assert list(cache.find([(1, 1), (2, 1)])) == [1]
