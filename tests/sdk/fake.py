"""A store in memory with the rules that the SDK relies on, and faults on demand."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from trackway.api.artifacts import FileEntry
from trackway.api.experiments import CreateExperiment, Experiment, GetExperiment, GetExperimentByName
from trackway.api.links import LinkName
from trackway.api.operations import Operation
from trackway.api.runs import CreateRun, GetRun, Ingest, Ingested, LogEnvironment, Run, UpdateRun
from trackway.api.structs import Empty
from trackway.base.errors import Conflict, InvalidInput, NotFound
from trackway.sdk.sources import Source

Point = tuple[int, int, float]


class FakeStore:
    """Keeps runs as a store does: all of an ``Ingest`` or nothing, and nothing twice.

    faults: called before each operation and upload with its name, and again after it with ``<name>:answered``; what it
    raises is what the client gets.
    """

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.points: dict[tuple[str, str], list[Point]] = {}
        self.environments: dict[str, LogEnvironment] = {}
        self.files: dict[str, bytes] = {}
        self.links: set[tuple[str, str, str]] = set()
        self.calls: list[tuple[str, Any]] = []
        self.faults: Callable[[str, Any], None] = lambda name, request: None
        self.experiments = {"0": _experiment("0", "Default")}
        self._sequences: dict[tuple[str, str], int] = {}
        self._lock = threading.RLock()

    def call(self, operation: Operation[Any, Any], request: Any, /) -> Any:
        self.faults(operation.name, request)
        with self._lock:
            self.calls.append((operation.name, request))
            response = getattr(self, "_" + operation.name.replace(".", "_"))(request)
        self.faults(f"{operation.name}:answered", request)
        return response

    def upload(self, path: str, source: Source, /) -> FileEntry:
        self.faults("upload", path)
        data = b"".join(source)
        assert len(data) == source.size_bytes
        self.files[path] = data
        self.faults("upload:answered", path)
        return FileEntry(path=path, is_dir=False, size_bytes=len(data))

    def download(self, path: str, start: int = 0, /) -> Iterator[bytes]:
        if path not in self.files:
            raise NotFound(f"No artifact at {path!r}")
        return iter([self.files[path][start:]])

    def close(self) -> None:
        """Nothing to let go of."""

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def _runs_create(self, q: CreateRun) -> Run:
        if q.run_id in self.runs:
            return self.runs[q.run_id]
        experiment_id = self._find(q.experiment_name) if q.experiment_name else q.experiment_id or "0"
        if experiment_id not in self.experiments:
            raise NotFound(f"No experiment {experiment_id}")
        run = Run(
            run_id=q.run_id,
            experiment_id=experiment_id,
            name=q.name,
            status=q.status,
            user=q.user,
            start_ms=q.start_ms or 0,
            end_ms=None,
            lifecycle="active",
            artifact_uri=f"mlflow-artifacts:/{experiment_id}/{q.run_id}/artifacts",
            version=1,
            parent_run_id=q.parent_run_id or None,
            tags=q.tags,
            lease_until_ms=q.lease_ms,
        )
        self.runs[q.run_id] = run
        return run

    def _runs_get(self, q: GetRun) -> Run:
        return self._get_run(q.run_id)

    def _runs_update(self, q: UpdateRun) -> Run:
        run = self._get_run(q.run_id)
        changes = {"status": q.status, "end_ms": q.end_ms, "name": q.name}
        return self._replace(run, **{name: value for name, value in changes.items() if value is not None})

    def _runs_link(self, q: LinkName) -> Empty:
        if self._get_run(q.earlier_run_id) is self._get_run(q.run_id):
            raise InvalidInput(f"Run {q.run_id} cannot be linked to itself")
        self.links.add((q.run_id, q.kind, q.earlier_run_id))
        return Empty()

    def _runs_ingest(self, q: Ingest) -> Ingested:
        run = self._get_run(q.run_id)
        if run.lifecycle == "deleted":
            raise Conflict(f"The run {q.run_id} is in the trash")
        for series in q.series:
            if not series.key.isprintable() or "$" in series.key:
                raise InvalidInput(f"Invalid metric name {series.key!r}")
        if q.session_id:
            known = self._sequences.get((q.run_id, q.session_id), 0)
            if known >= q.first:
                return Ingested(applied=False, acknowledged=known)
        for key, value in q.params.items():
            if run.params.get(key, value) != value:
                raise Conflict(f"Changing param values is not allowed: {key!r}")
        if q.session_id:
            self._sequences[q.run_id, q.session_id] = q.last
        for series in q.series:
            count = len(series.values) // 8
            columns = (
                struct.unpack(f"<{count}{kind}", data)
                for kind, data in zip("qqd", (series.steps, series.times_ms, series.values), strict=True)
            )
            self.points.setdefault((q.run_id, series.key), []).extend(zip(*columns, strict=True))
        self._replace(
            run,
            params={**run.params, **q.params},
            tags={**run.tags, **q.tags},
            inputs=[*run.inputs, *q.datasets],
            model_outputs=[*run.model_outputs, *q.model_outputs],
        )
        return Ingested(acknowledged=q.last)

    def _runs_log_environment(self, q: LogEnvironment) -> Empty:
        self._get_run(q.run_id)
        self.environments[q.run_id] = q
        return Empty()

    def _experiments_create(self, q: CreateExperiment) -> Experiment:
        return self.experiments[self._find(q.name)]

    def _experiments_get(self, q: GetExperiment) -> Experiment:
        if q.experiment_id not in self.experiments:
            raise NotFound(f"No experiment with id {q.experiment_id}")
        return self.experiments[q.experiment_id]

    def _experiments_get_by_name(self, q: GetExperimentByName) -> Experiment:
        for experiment in self.experiments.values():
            if experiment.name == q.name:
                return experiment
        raise NotFound(f"No experiment named {q.name}")

    def _find(self, name: str) -> str:
        for experiment in self.experiments.values():
            if experiment.name == name:
                return experiment.experiment_id
        number = str(len(self.experiments))
        self.experiments[number] = _experiment(number, name)
        return number

    def _get_run(self, run_id: str) -> Run:
        if run_id not in self.runs:
            raise NotFound(f"Run {run_id!r} not found")
        return self.runs[run_id]

    def _replace(self, run: Run, **changes: Any) -> Run:
        self.runs[run.run_id] = changed = msgspec.structs.replace(run, version=run.version + 1, **changes)
        return changed


def _experiment(number: str, name: str) -> Experiment:
    location = f"mlflow-artifacts:/{number}"
    return Experiment(
        experiment_id=number, name=name, artifact_location=location, lifecycle="active", created_ms=0, updated_ms=0
    )


_stores: dict[str, FakeStore] = {}


def open_fake(uri: str) -> FakeStore:
    """Return the store of an address ``fake://...``, the same one each time."""
    return _stores.setdefault(uri, FakeStore())
