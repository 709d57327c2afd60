"""A workspace of one test's own, so that tests may share a store and see nothing of each other."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from trackway.api.experiments import Experiment
from trackway.api.query import Expression, OrderTerm
from trackway.api.runs import Run, Series
from trackway.api.structs import View
from trackway.base.ids import new_id
from trackway.store.base import ExperimentRow, Job, Page, RunRef, RunRow, Search, Store
from trackway.store.chunks import unpack_many

T = TypeVar("T")
Point = tuple[int, int, float]
"""(step, time_ms, value)."""


class Space:
    """A workspace with short words for making and reading what tests need."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.workspace = f"w-{new_id()}"

    def write(self, job: Job[T]) -> T:
        """Carry out a writing job and wait."""
        return self.store.write(job)

    def read(self, job: Job[T]) -> T:
        """Carry out a reading job."""
        return self.store.read(job)

    def make_experiment(self, name: str = "", now_ms: int = 1_000) -> int:
        """Create an experiment and return its number."""
        row = ExperimentRow(self.workspace, name or new_id(), "", now_ms, now_ms)
        return int(self.write(lambda tx: tx.experiments.create(row)).experiment_id)

    def experiment(self, number: int) -> Experiment:
        """Return an experiment that is there."""
        found: Experiment | None = self.read(lambda tx: tx.experiments.get(self.workspace, number))
        assert found is not None
        return found

    def make_run(self, experiment: int, tags: Mapping[str, str] = {}, **fields: Any) -> RunRef:
        """Create a run; ``fields`` are those of ``RunRow``."""
        row = run_row(self.workspace, experiment, **fields)
        self.write(lambda tx: tx.runs.create(row, tags))
        return self.ref(row.run_id)

    def ref(self, run_id: str) -> RunRef:
        """Say where a run is that is there."""
        found: RunRef | None = self.read(lambda tx: tx.runs.ref(self.workspace, run_id))
        assert found is not None
        return found

    def run(self, ref: RunRef) -> Run:
        """Return a run as readers see it now."""
        run: Run = self.read(lambda tx: tx.runs.get(ref.pk))
        return run

    def log(self, ref: RunRef, **series: Sequence[Point]) -> None:
        """Append points to series of a run, as one chunk each, and count the change."""

        def work(tx: Any) -> None:
            tx.runs.touch(self.workspace, ref.run_id, 1, None)
            tx.metrics.append(ref, [make_series(key, points) for key, points in series.items()])

        self.write(work)

    def points(self, ref: RunRef, key: str) -> list[Point]:
        """Return a series' points in order of arrival."""
        chunks = self.read(lambda tx: tx.metrics.read(ref.pk, key))
        return to_points(chunks)

    def find(
        self,
        experiments: Sequence[int] | None,
        expression: Expression | None = None,
        order: Sequence[OrderTerm] = (),
        view: View = "active",
        limit: int = 1_000,
    ) -> list[str]:
        """Return the ids of the first page of found runs."""
        search, page = Search(expression, tuple(order), view), Page(limit)
        runs, _ = self.read(lambda tx: tx.runs.search(self.workspace, experiments, search, page))
        return [run.run_id for run in runs]


def run_row(workspace: str, experiment: int, **fields: Any) -> RunRow:
    """Return a new run's row; what ``fields`` leaves out has a value that says nothing."""
    plain = RunRow(
        workspace=workspace,
        run_id=new_id(),
        experiment=experiment,
        name="run",
        status="RUNNING",
        user="",
        start_ms=1_000,
        artifact_uri="mlflow-artifacts:/x",
        parent_run_id=None,
        external_key=None,
        lease_ms=None,
        lease_until_ms=None,
    )
    return plain._replace(**fields)


def make_series(key: str, points: Sequence[Point]) -> Series:
    """Return points as the columns that travel."""
    steps, times_ms, values = zip(*points, strict=True)
    count = len(points)
    return Series(
        key=key,
        steps=struct.pack(f"<{count}q", *steps),
        times_ms=struct.pack(f"<{count}q", *times_ms),
        values=struct.pack(f"<{count}d", *values),
    )


def to_points(chunks: Sequence[bytes]) -> list[Point]:
    """Return stored chunks as points."""
    if not chunks:
        return []
    columns = unpack_many(chunks)
    return list(zip(columns.steps.tolist(), columns.times_ms.tolist(), columns.values.tolist(), strict=True))


def to_points_of(series: Series) -> list[Point]:
    """Return a series' columns as points."""
    count = len(series.values) // 8
    return list(
        zip(
            struct.unpack(f"<{count}q", series.steps),
            struct.unpack(f"<{count}q", series.times_ms),
            struct.unpack(f"<{count}d", series.values),
            strict=True,
        )
    )
