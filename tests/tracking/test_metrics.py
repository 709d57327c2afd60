from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from trackway.api import operations as ops
from trackway.api.calls import ANONYMOUS
from trackway.api.experiments import CreateExperiment
from trackway.api.metrics import GetHistory
from trackway.api.retention import PurgeTrash
from trackway.api.runs import CreateRun, DeleteRun, Ingest, Series, UpdateRun
from trackway.store.chunks import SEALED_POINTS, Columns, join_columns, unpack_many
from trackway.tracking import metrics
from trackway.wiring.platform import Platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(f"sqlite:///{tmp_path}/t.db", str(tmp_path / "files"))
    yield platform
    platform.close()


class Run:
    """One run; the value of each point is its step."""

    def __init__(self, platform: Platform, run_id: str = "") -> None:
        self._dispatch = platform.dispatch
        self._call = self._dispatch.open_call(ANONYMOUS, "default")
        name = CreateExperiment(name=f"e{id(self)}")
        experiment = self._dispatch.call(ops.CREATE_EXPERIMENT, name, self._call)
        create = CreateRun(experiment_id=experiment.experiment_id, run_id=run_id)
        self.run_id = self._dispatch.call(ops.CREATE_RUN, create, self._call).run_id

    def log(self, key: str, steps: list[int]) -> None:
        ints, floats = array("q", steps).tobytes(), array("d", steps).tobytes()
        series = Series(key=key, steps=ints, times_ms=ints, values=floats)
        self._dispatch.call(ops.INGEST, Ingest(run_id=self.run_id, series=[series]), self._call)

    def read(self, key: str, limit: int | None, token: str = "") -> tuple[list[int], str]:
        request = GetHistory(run_id=self.run_id, key=key, limit=limit, page_token=token)
        page = self._dispatch.call(ops.GET_HISTORY, request, self._call)
        return array("q", page.series.steps).tolist(), page.next_page_token

    def seal(self, platform: Platform) -> None:
        self._dispatch.call(ops.UPDATE_RUN, UpdateRun(run_id=self.run_id, status="FINISHED"), self._call)
        while platform.chores.seal_series():
            pass

    def purge(self) -> None:
        self._dispatch.call(ops.DELETE_RUN, DeleteRun(run_id=self.run_id), self._call)
        self._dispatch.call(ops.PURGE_TRASH, PurgeTrash(older_than_ms=0), self._call)


def test_pages_make_up_the_history_in_order(platform: Platform) -> None:
    run = Run(platform)
    run.log("m", list(range(50, 100)))
    run.log("m", list(range(50)))
    pages, token = [], ""
    while True:
        page, token = run.read("m", 30, token)
        pages.append(page)
        if not token:
            break
    assert [len(page) for page in pages] == [30, 30, 30, 10]
    assert [step for page in pages for step in page] == list(range(100)) == run.read("m", None)[0]


def test_a_page_holds_points_that_came_after_the_page_before_it(platform: Platform) -> None:
    run = Run(platform)
    run.log("m", [1, 2, 3, 4])
    page, token = run.read("m", 2)
    assert page == [1, 2]
    run.log("m", [5])
    assert run.read("m", 9, token) == ([3, 4, 5], "")


def test_a_history_that_grows_while_it_is_read_is_that_of_all_its_points(platform: Platform) -> None:
    run = Run(platform)
    steps = random.Random(7).choices(range(40_000), k=40_000)
    logged, sizes = 0, (5, 1, 9_000, 1, 20_000, 300, 1)
    for size in sizes:
        run.log("m", steps[logged : logged + size])
        logged += size
        page, token = run.read("m", 4)
        rest, end = run.read("m", None, token) if token else ([], "")
        assert (page + rest, end) == (sorted({*steps[:logged]}), "")
        run.seal(platform)


def test_a_history_that_grows_in_order_is_paged_across_its_parts_and_not_copied(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[int] = []

    def join(parts: Sequence[Columns]) -> Columns:
        joined = join_columns(parts)
        if sum(len(part.steps) > 0 for part in parts) > 1:
            copied.append(len(joined.steps))
        return joined

    monkeypatch.setattr(metrics, "join_columns", join)
    run, rng = Run(platform), random.Random(3)
    logged = 10_000
    run.log("m", [*range(logged)])
    for turn in range(60):
        steps, token = run.read("m", 7_001)
        while token:
            more, token = run.read("m", 7_001, token)
            steps += more
        assert steps == [*range(logged)]
        size = rng.choice((1, 1, 1, 20))
        again = logged - 1 if turn % 10 == 9 else logged  # the last point once more changes nothing
        run.log("m", [*range(again, logged + size)])
        logged += size
    assert sum(copied) < 60 * 7_001  # pages that lie in two parts; all points of each history are twice as many


def test_of_a_history_that_was_paged_only_what_is_new_is_read(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[int] = []

    def count(chunks: Sequence[bytes]) -> Columns:
        unpacked.append(len(chunks))
        return unpack_many(chunks)

    monkeypatch.setattr(metrics, "unpack_many", count)
    run = Run(platform)
    run.log("m", [*range(5 * SEALED_POINTS)])
    run.seal(platform)
    assert run.read("m", 1)[0] == run.read("m", 1)[0] == [0]
    run.log("m", [-1])
    assert run.read("m", 2)[0] == [-1, 0]
    assert unpacked == [5, 2]


def test_points_are_never_another_series(platform: Platform) -> None:
    one, two = Run(platform), Run(platform)
    for run, step in ((one, 1), (two, 2)):
        run.log("m", [step, step + 10])
        run.log("n", [step + 100, step + 200])
    for _ in range(2):
        assert [run.read(key, 1)[0] for run in (one, two) for key in "mn"] == [[1], [101], [2], [102]]


def test_a_purged_run_leaves_nothing_to_a_new_one_of_its_id(platform: Platform) -> None:
    run = Run(platform, "f" * 32)
    run.log("m", [1, 2])
    assert run.read("m", 1)[0] == [1]
    run.purge()
    again = Run(platform, "f" * 32)
    assert again.read("m", 1) == ([], "")
    again.log("m", [3, 4])
    assert again.read("m", 1)[0] == [3]


def test_histories_beyond_what_is_kept_are_read_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "CACHED_POINTS", 10)
    platform = Platform(f"sqlite:///{tmp_path}/t.db", str(tmp_path / "files"))
    run = Run(platform)
    run.log("long", list(range(11)))
    assert run.read("long", 5)[0] == run.read("long", 5)[0] == [0, 1, 2, 3, 4]
    for key in "abcd":
        run.log(key, [ord(key), ord(key) + 1, ord(key) + 2, ord(key) + 3])
    for _ in range(2):
        assert [run.read(key, 1)[0] for key in "abcd"] == [[97], [98], [99], [100]]
    platform.close()
