"""The objects that scripts work with, in the shape and under the names that MLflow's documentation gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from trackway.api import artifacts as a
from trackway.api import experiments as e
from trackway.api import logged_models as m
from trackway.api import runs as r
from trackway.api.structs import View
from trackway.base.errors import InvalidInput
from trackway.sdk.displays import MOST_ROWS, link, show_experiment, show_run, show_runs, show_table, write_time

T = TypeVar("T")


class Entity:
    """An object whose fields can also be read as a dictionary: ``dict(run.info)``."""

    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for one in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            yield one.name, getattr(self, one.name)

    def to_dictionary(self) -> dict[str, Any]:
        """Return the fields by name; entities inside are dictionaries too."""
        return {name: _to_plain(value) for name, value in self}


class PagedList(list[T]):
    """One page of results; ``token`` asks for the next one and is None on the last."""

    def __init__(self, items: Iterable[T], token: str | None) -> None:
        super().__init__(items)
        self.token = token

    def _repr_html_(self) -> str | None:
        """Return runs or experiments as a table for a notebook; None for anything else, which shows as a list."""
        shown: list[Any] = self[:MOST_ROWS]
        if shown and all(isinstance(one, Run) for one in shown):
            return show_runs([(one.info, one.data.metrics, one.data.params) for one in shown], len(self))
        if shown and all(isinstance(one, Experiment) for one in shown):
            rows = [
                [
                    link(f"/experiments/{one.experiment_id}", one.name),
                    one.experiment_id,
                    write_time(one.last_update_time),
                ]
                for one in shown
            ]
            return show_table(["Experiment", "Id", "Changed"], rows, len(self))
        return None


class ViewType:
    """Which objects a search looks at: live ones, those in the trash, or both."""

    ACTIVE_ONLY, DELETED_ONLY, ALL = range(1, 4)
    _VIEWS: ClassVar[dict[int, View]] = {ACTIVE_ONLY: "active", DELETED_ONLY: "deleted", ALL: "all"}

    @classmethod
    def to_view(cls, view_type: int) -> View:
        """Return the word for a view type.

        raises: InvalidInput
        """
        view = cls._VIEWS.get(view_type)
        if view is None:
            raise InvalidInput(f"Invalid view type {view_type!r}", hint="ViewType.ACTIVE_ONLY, DELETED_ONLY or ALL")
        return view

    @classmethod
    def to_string(cls, view_type: int) -> str:
        """Return a view type's name in lower case."""
        return {1: "active_only", 2: "deleted_only", 3: "all"}[view_type]

    @classmethod
    def from_string(cls, name: str) -> int:
        """Return the view type of a name."""
        return {"active_only": 1, "deleted_only": 2, "all": 3}[name.lower()]


class RunStatus:
    """The states of a run, by number and by name; LOST is Trackway's own: nothing was heard of it for too long."""

    RUNNING, SCHEDULED, FINISHED, FAILED, KILLED, LOST = range(1, 7)
    _NAMES: ClassVar[tuple[r.RunStatus, ...]] = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", "LOST")

    @classmethod
    def to_string(cls, status: int | str) -> r.RunStatus:
        """Return a status's name.

        raises: InvalidInput
        """
        for number, name in enumerate(cls._NAMES, 1):
            if status in (number, name):
                return name
        raise InvalidInput(f"Invalid run status {status!r}", hint=f"one of {', '.join(cls._NAMES)}")

    @classmethod
    def from_string(cls, name: str) -> int:
        """Return the number of a status's name.

        raises: InvalidInput
        """
        return cls._NAMES.index(cls.to_string(name)) + 1

    @classmethod
    def is_terminated(cls, status: int | str) -> bool:
        """Tell whether a run in this state has ended."""
        return cls.to_string(status) in r.TERMINAL

    @classmethod
    def all_status(cls) -> list[int]:
        """Return every status."""
        return list(range(cls.RUNNING, cls.LOST + 1))


class LifecycleStage:
    """Where an experiment or run is: live or in the trash."""

    ACTIVE = "active"
    DELETED = "deleted"


class SourceType:
    """What kind of thing started a run."""

    NOTEBOOK, JOB, PROJECT, LOCAL, UNKNOWN = range(1, 6)


class LoggedModelStatus(StrEnum):
    """How far a logged model is."""

    UNSPECIFIED = "UNSPECIFIED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Metric(Entity):
    """One point of a metric: time in ms since 1970."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Param(Entity):
    """A param."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunTag(Entity):
    """A tag of a run."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class ExperimentTag(Entity):
    """A tag of an experiment."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class InputTag(Entity):
    """A tag of a data set as a run used it."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Dataset(Entity):
    """A data set by name and digest; schema and profile are JSON texts."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetInput(Entity):
    """A data set as a run used it."""

    dataset: Dataset
    tags: list[InputTag] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LoggedModelInput(Entity):
    """A model that a run used."""

    model_id: str


@dataclass(frozen=True, slots=True)
class LoggedModelOutput(Entity):
    """A model that a run made, at a step."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class RunInfo(Entity):
    """What a run is; times in ms since 1970."""

    run_id: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    lifecycle_stage: str
    artifact_uri: str
    run_name: str

    @property
    def run_uuid(self) -> str:
        return self.run_id


@dataclass(frozen=True, slots=True)
class RunData(Entity):
    """What a run logged: of each metric, the last value."""

    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class RunInputs(Entity):
    """What a run used."""

    dataset_inputs: list[DatasetInput]
    model_inputs: list[LoggedModelInput]


@dataclass(frozen=True, slots=True)
class RunOutputs(Entity):
    """What a run made."""

    model_outputs: list[LoggedModelOutput]


@dataclass(frozen=True, slots=True)
class Run(Entity):
    """A run as it was when it was read."""

    info: RunInfo
    data: RunData
    inputs: RunInputs
    outputs: RunOutputs

    def _repr_html_(self) -> str:
        """Return the run as a notebook shows it."""
        return show_run(self.info, self.data.metrics, self.data.params)


@dataclass(frozen=True, slots=True)
class Experiment(Entity):
    """An experiment as it was when it was read; times in ms since 1970."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    tags: dict[str, str]
    creation_time: int
    last_update_time: int

    def _repr_html_(self) -> str:
        """Return the experiment as a notebook shows it."""
        return show_experiment(self.experiment_id, self.name, self.tags, self.lifecycle_stage)


@dataclass(frozen=True, slots=True)
class FileInfo(Entity):
    """A file or folder; a folder has no size."""

    path: str
    is_dir: bool
    file_size: int | None


@dataclass(frozen=True, slots=True)
class LoggedModel(Entity):
    """The record of a model; times in ms since 1970."""

    experiment_id: str
    model_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str
    source_run_id: str
    status: LoggedModelStatus
    status_message: str | None
    tags: dict[str, str]
    params: dict[str, str]
    metrics: list[Metric]

    @property
    def model_uri(self) -> str:
        return f"models:/{self.model_id}"


def to_experiment(one: e.Experiment) -> Experiment:
    """Make an experiment of the api's."""
    return Experiment(
        experiment_id=one.experiment_id,
        name=one.name,
        artifact_location=one.artifact_location,
        lifecycle_stage=one.lifecycle,
        tags=one.tags,
        creation_time=one.created_ms,
        last_update_time=one.updated_ms,
    )


def to_run(one: r.Run) -> Run:
    """Make a run of the api's."""
    info = RunInfo(
        run_id=one.run_id,
        experiment_id=one.experiment_id,
        user_id=one.user,
        status=one.status,
        start_time=one.start_ms,
        end_time=one.end_ms,
        lifecycle_stage=one.lifecycle,
        artifact_uri=one.artifact_uri,
        run_name=one.name,
    )
    metrics = {key: summary.last_value for key, summary in one.metrics.items()}
    inputs = [
        DatasetInput(
            Dataset(**{name: getattr(used.dataset, name) for name in used.dataset.__struct_fields__}),
            [InputTag(key, value) for key, value in used.tags.items()],
        )
        for used in one.inputs
    ]
    return Run(
        info,
        RunData(metrics, one.params, one.tags),
        RunInputs(inputs, [LoggedModelInput(model_id) for model_id in one.model_inputs]),
        RunOutputs([LoggedModelOutput(output.model_id, output.step) for output in one.model_outputs]),
    )


def to_logged_model(one: m.LoggedModel) -> LoggedModel:
    """Make the record of a model of the api's."""
    status = LoggedModelStatus.FAILED if one.status == "UPLOAD_FAILED" else LoggedModelStatus(one.status)
    return LoggedModel(
        experiment_id=one.experiment_id,
        model_id=one.model_id,
        name=one.name,
        artifact_location=one.artifact_uri,
        creation_timestamp=one.created_ms,
        last_updated_timestamp=one.updated_ms,
        model_type=one.model_type,
        source_run_id=one.source_run_id,
        status=status,
        status_message=one.status_message,
        tags=one.tags,
        params=one.params,
        metrics=[
            Metric(
                key=point.key,
                value=point.value,
                timestamp=point.time_ms,
                step=point.step,
                model_id=point.model_id,
                dataset_name=point.dataset_name,
                dataset_digest=point.dataset_digest,
                run_id=point.run_id,
            )
            for point in one.metrics
        ],
    )


def to_file(one: a.FileEntry, folder: str) -> FileInfo:
    """Make a file of the api's, its path as seen from ``folder``."""
    return FileInfo(one.path.removeprefix(f"{folder}/"), one.is_dir, one.size_bytes)


def _to_plain(value: Any) -> Any:
    if isinstance(value, Entity):
        return value.to_dictionary()
    return [_to_plain(one) for one in value] if isinstance(value, list) else value
