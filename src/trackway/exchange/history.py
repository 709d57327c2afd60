"""A history that is elsewhere, as the importer sees it: experiments with their runs, points, files and models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from trackway.api.links import LinkKind
from trackway.api.logged_models import LoggedMetric, ModelStatus
from trackway.api.registry import STAGES, Stage, VersionStatus
from trackway.api.runs import (
    TAG_ENTRY_POINT,
    TAG_GIT_COMMIT,
    TAG_SOURCE_NAME,
    DatasetInput,
    Environment,
    ModelOutput,
    ParamRevision,
    RunStatus,
)
from trackway.api.structs import Lifecycle
from trackway.api.transfers import PastRegistered
from trackway.sdk.sources import Source
from trackway.sdk.versions import MODELS

RUNS = "runs:/"
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class PastExperiment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An experiment of a history. ``place`` is the source's own note of where it is; a time that is not known is 0."""

    experiment_id: str
    name: str
    lifecycle: Lifecycle = "active"
    created_ms: int = 0
    updated_ms: int = 0
    tags: dict[str, str] = {}
    place: str = ""


class PastLink(msgspec.Struct, frozen=True):
    """What a run says of an earlier one."""

    kind: LinkKind
    run_id: str


class PastRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run of a history, without points and files.

    deleted_ms: when it went to the trash, if that is known
    revisions:  values that params had before, oldest first
    place:      the source's own note of where its files are
    """

    run_id: str
    experiment_id: str
    name: str = ""
    user: str = ""
    status: RunStatus = "FINISHED"
    start_ms: int = 0
    end_ms: int | None = None
    lifecycle: Lifecycle = "active"
    deleted_ms: int | None = None
    external_key: str = ""
    params: dict[str, str] = {}
    revisions: list[ParamRevision] = []
    tags: dict[str, str] = {}
    datasets: list[DatasetInput] = []
    model_inputs: list[str] = []
    model_outputs: list[ModelOutput] = []
    links: list[PastLink] = []
    environment: Environment | None = None
    place: str = ""


class PastModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of a logged model, with every point of its metrics."""

    model_id: str
    experiment_id: str
    name: str
    model_type: str = ""
    source_run_id: str = ""
    status: ModelStatus = "READY"
    status_message: str | None = None
    created_ms: int = 0
    updated_ms: int = 0
    lifecycle: Lifecycle = "active"
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: list[LoggedMetric] = []
    place: str = ""


class PastPoints(NamedTuple):
    """Some points of one metric of a run, in the order in which they were logged; all arrays (n,)."""

    key: str
    steps: Ints
    times_ms: Ints
    values: Floats


class PastFile(NamedTuple):
    """A file of a history, with its bytes. What the history does not know is None."""

    path: str
    source: Source
    modified_ms: int | None = None
    sha256: str | None = None


Problem = Callable[[str, str], None]
"""Told of what cannot be brought over: where it is, and why."""


class History(Protocol):
    """A place to import from. Reading it changes nothing there; it may be written to at the same time.

    What cannot be read is told to the ``Problem`` that the history was opened with, and left out; what makes all
    further reading pointless is raised. A run comes from ``list_runs`` before its points and files are asked for.
    """

    @property
    def label(self) -> str:
        """Where it is, without credentials."""

    def list_experiments(self) -> Iterable[PastExperiment]:
        """Return all experiments, those in the trash too."""

    def list_runs(self, experiment: PastExperiment) -> Iterable[PastRun]:
        """Yield an experiment's runs, those in the trash too."""

    def read_points(self, run: PastRun) -> Iterable[PastPoints]:
        """Yield a run's points, those of one metric perhaps in several pieces."""

    def list_files(self, run: PastRun) -> Iterable[PastFile]:
        """Yield a run's files, with paths below its artifacts."""

    def list_models(self, experiment: PastExperiment) -> Iterable[PastModel]:
        """Yield the records of an experiment's logged models."""

    def list_model_files(self, model: PastModel) -> Iterable[PastFile]:
        """Yield a model's files, with paths below its artifacts."""

    def list_registered(self) -> Iterable[PastRegistered]:
        """Yield the registered models with their versions."""

    def close(self) -> None:
        """Let go of files and connections."""


_STAGES: dict[str, Stage] = {stage.lower(): stage for stage in STAGES}


def read_version_status(text: object) -> VersionStatus:
    """Return how far a version's registration is, by MLflow's name for that."""
    word = str(text or "READY").partition("_")[0]
    return "PENDING" if word == "PENDING" else "FAILED" if word == "FAILED" else "READY"


def read_version_stage(text: object) -> Stage | None:
    """Return a version's stage by its name; None for that of a version which MLflow keeps after its deletion."""
    return _STAGES.get(str(text or "None").lower())


def choose_source(source: object, storage: object) -> str:
    """Return where a version's model is: behind a reference to another version there is a place of its own."""
    text, place = str(source or ""), str(storage or "")
    return place if place and text.startswith("models:/") and "/m-" not in f"/{text.removeprefix('models:/')}" else text


def name_source(source: str, run_id: str, model_id: str) -> str:
    """Return where a version's model is, named by the logged model or the run that it came from where it is theirs."""
    if model_id:
        return f"{MODELS}{model_id}"
    _, found, path = source.replace("\\", "/").partition(f"/{run_id}/artifacts")
    return f"{RUNS}{run_id}/{path.strip('/')}".rstrip("/") if run_id and found else source


_STATUSES: dict[str, RunStatus] = {status: status for status in get_args(RunStatus)}
_OLD_FIELDS = {"source_name": TAG_SOURCE_NAME, "entry_point_name": TAG_ENTRY_POINT, "source_version": TAG_GIT_COMMIT}


def read_status(text: object) -> RunStatus:
    """Return a run's status by its name; one of no known name has ended somehow."""
    return _STATUSES.get(str(text), "FINISHED")


def read_old_fields(record: Mapping[str, object]) -> dict[str, str]:
    """Return as tags what MLflow's first versions kept as fields of a run, and later ones leave empty."""
    return {tag: str(record[field]) for field, tag in _OLD_FIELDS.items() if record.get(field)}


def restore_infinities(values: Floats) -> Floats:
    """Return values as they were logged: MLflow's databases keep the largest float64 in place of an infinity."""
    largest = np.finfo(np.float64).max
    return np.where(np.abs(values) == largest, np.copysign(np.inf, values), values)
