"""An import that writes nothing: reads go to the store, writes are answered as if they had been done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from trackway.api import operations as ops
from trackway.api.artifacts import FileEntry
from trackway.api.experiments import CreateExperiment, Experiment
from trackway.api.logged_models import CreateLoggedModel, LoggedModel
from trackway.api.operations import Operation
from trackway.api.registry import RegisteredModelName, VersionName
from trackway.api.runs import CreateRun, Ingest, Ingested, Run
from trackway.api.structs import Empty, Request, Response
from trackway.api.transfers import ImportedModel, ImportRegisteredModel
from trackway.base.errors import NotFound
from trackway.sdk.sources import Source
from trackway.sdk.transport import Transport

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)
_NOWHERE = "mlflow-artifacts:/-"
"""Where a file tree has nothing: ``-`` is no experiment's number."""


class Rehearsal:
    """See ``sdk.transport.Transport``. The importer looks at few answers of what it writes; the others are empty."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def call(self, operation: Operation[Q, S], request: Q, /) -> S:
        if not operation.access.writes:
            return self._transport.call(operation, request)
        answer: Any = Empty()
        if operation is ops.CREATE_EXPERIMENT:
            answer = _create_experiment(request)  # type: ignore[arg-type]  # what this operation takes
        elif operation is ops.CREATE_RUN:
            answer = _create_run(request)  # type: ignore[arg-type]  # as above
        elif operation is ops.CREATE_LOGGED_MODEL:
            answer = _create_model(request)  # type: ignore[arg-type]  # as above
        elif isinstance(request, ImportRegisteredModel):
            answer = self._import_registered(request)
        elif isinstance(request, Ingest):
            answer = Ingested(acknowledged=request.last)
        return answer  # type: ignore[no-any-return]

    def _import_registered(self, q: ImportRegisteredModel) -> ImportedModel:
        name, numbers = q.model.name, [version.version for version in q.model.versions]
        try:
            self._transport.call(ops.GET_REGISTERED_MODEL, RegisteredModelName(name=name))
        except NotFound:
            return ImportedModel(name=name, is_new=True, versions=numbers, comments=0, events=0)
        new = [number for number in numbers if not self._has_version(name, number)]
        return ImportedModel(name=name, is_new=False, versions=new, comments=0, events=0)

    def _has_version(self, name: str, number: int) -> bool:
        try:
            self._transport.call(ops.GET_MODEL_VERSION, VersionName(name=name, version=number))
        except NotFound:
            return False
        return True

    def upload(self, path: str, source: Source, /) -> FileEntry:
        return FileEntry(path=path, is_dir=False, size_bytes=source.size_bytes)

    def download(self, path: str, start: int = 0, /) -> Iterator[bytes]:
        return self._transport.download(path, start)

    def close(self) -> None:
        self._transport.close()


def _create_experiment(q: CreateExperiment) -> Experiment:
    return Experiment(
        experiment_id=q.experiment_id or "new",
        name=q.name,
        artifact_location=_NOWHERE,
        lifecycle="active",
        created_ms=q.created_ms or 0,
        updated_ms=q.updated_ms or 0,
        tags=q.tags,
    )


def _create_run(q: CreateRun) -> Run:
    return Run(
        run_id=q.run_id,
        experiment_id=q.experiment_id,
        name=q.name,
        status=q.status,
        user=q.user,
        start_ms=q.start_ms or 0,
        end_ms=None,
        lifecycle="active",
        artifact_uri=f"{_NOWHERE}/{q.run_id}/artifacts",
        version=1,
        tags=q.tags,
    )


def _create_model(q: CreateLoggedModel) -> LoggedModel:
    return LoggedModel(
        model_id=q.model_id,
        experiment_id=q.experiment_id,
        name=q.name,
        model_type=q.model_type,
        source_run_id=q.source_run_id,
        artifact_uri=f"{_NOWHERE}/models/{q.model_id}/artifacts",
        status="PENDING",
        status_message=None,
        created_ms=q.created_ms or 0,
        updated_ms=q.created_ms or 0,
        params=q.params,
        tags=q.tags,
    )
