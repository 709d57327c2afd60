"""MLflow's file store, the folder ``mlruns``, as all versions from 1.0 to 3.x write it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml

from trackway.api.logged_models import LoggedMetric, ModelStatus
from trackway.api.registry import Stage
from trackway.api.runs import TAG_NAME, Dataset, DatasetInput, ModelOutput, RunStatus
from trackway.api.transfers import PastRegistered, PastVersion
from trackway.base.errors import Corrupt
from trackway.exchange.folders import Folders, walk
from trackway.exchange.history import (
    PastExperiment,
    PastFile,
    PastModel,
    PastPoints,
    PastRun,
    Problem,
    choose_source,
    read_old_fields,
    read_version_stage,
    read_version_status,
)
from trackway.exchange.lines import Line, parse_lines, parse_metric

T = TypeVar("T")
TRASH = ".trash"
_META = "meta.yaml"
_STATUSES: dict[object, RunStatus] = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_MODEL_STATUSES: dict[object, ModelStatus] = {1: "PENDING", 2: "READY", 3: "UPLOAD_FAILED"}
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def find_root(folder: Path) -> Path | None:
    """Return the file store at a folder or in its ``mlruns``; None when there is none."""
    for root in (folder, folder / "mlruns"):
        if root.is_dir() and (any(_list_marked(root)) or any(_list_marked(root / TRASH))):
            return root
    return None


class FileStore:
    """See ``history.History``.

    root:      the folder ``mlruns``
    artifacts: the folder that ``mlflow-artifacts:`` locations stand for, if the history has such
    """

    def __init__(self, root: Path, artifacts: Path | None, problem: Problem) -> None:
        self._root = root.absolute()
        self._problem = problem
        self._folders = Folders([Path.cwd(), self._root.parent], artifacts, problem)

    @property
    def label(self) -> str:
        return str(self._root)

    def list_experiments(self) -> Iterator[PastExperiment]:
        for base in (self._root, self._root / TRASH):
            for folder in _list_marked(base):
                experiment = self._try(f"experiment {folder.name}", partial(_read_experiment, folder))
                if experiment is not None:
                    yield experiment

    def list_runs(self, experiment: PastExperiment) -> Iterator[PastRun]:
        folder = Path(experiment.place)
        for run_folder in _list_marked(folder):
            run = self._try(f"run {run_folder.name}", partial(self._read_run, run_folder, experiment))
            if run is not None:
                yield run
        if (folder / "traces").is_dir() and any((folder / "traces").iterdir()):
            self._problem(f"the traces of experiment {experiment.name!r}", "traces are not imported")

    def read_points(self, run: PastRun) -> Iterator[PastPoints]:
        complete = run.status not in ("RUNNING", "SCHEDULED")
        for key, path in _list_keys(Path(run.place) / "metrics"):
            points, bad = parse_metric(key, path.read_bytes(), complete)
            if bad:
                self._problem(f"run {run.run_id}, metric {key!r}", f"{bad} of its lines cannot be read")
            if len(points.values):
                yield points

    def list_files(self, run: PastRun) -> Iterator[PastFile]:
        tail = (run.experiment_id, run.run_id, "artifacts")
        return self._list_files(Path(run.place), "artifact_uri", tail, f"run {run.run_id}")

    def list_models(self, experiment: PastExperiment) -> Iterator[PastModel]:
        for folder in _list_marked(Path(experiment.place) / "models"):
            model = self._try(f"model {folder.name}", partial(self._read_model, folder, experiment.experiment_id))
            if model is not None:
                yield model

    def list_model_files(self, model: PastModel) -> Iterator[PastFile]:
        tail = (model.experiment_id, "models", model.model_id, "artifacts")
        return self._list_files(Path(model.place), "artifact_location", tail, f"model {model.model_id}")

    def list_registered(self) -> Iterator[PastRegistered]:
        for folder in _list_marked(self._root / "models"):
            model = self._try(f"registered model {folder.name}", partial(_read_registered, folder))
            if model is not None:
                yield model

    def close(self) -> None:
        """Nothing is kept open."""

    def _try(self, where: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except (Corrupt, OSError, UnicodeDecodeError) as error:
            self._problem(where, f"it cannot be read: {error}")
            return None

    def _list_files(self, place: Path, field: str, tail: tuple[str, ...], where: str) -> Iterator[PastFile]:
        """Yield files from the folder beside the record, else from where the record says: a history may have moved.

        A folder is made beside every run, also when its files are kept elsewhere, and is then empty.
        """
        beside = place / "artifacts"
        recorded = str(_read_meta(place).get(field) or "")
        if not recorded or (beside.is_dir() and (any(beside.iterdir()) or self._folders.has_moved(recorded, tail))):
            recorded = str(beside)
        yield from self._folders.list_files(recorded, tail, where)

    def _read_run(self, folder: Path, experiment: PastExperiment) -> PastRun:
        meta = _read_meta(folder)
        tags = _read_texts(folder / "tags")
        datasets: list[DatasetInput] = []
        models: list[str] = []
        for link in _read_links(folder / "inputs"):
            source = str(link.get("source_id"))
            if link.get("source_type") == "DATASET":
                labels = {str(key): str(value) for key, value in (link.get("tags") or {}).items()}
                datasets.append(DatasetInput(dataset=_read_dataset(folder.parent / "datasets" / source), tags=labels))
            elif link.get("source_type") == "MODEL":
                models.append(source)
        return PastRun(
            run_id=str(meta.get("run_id") or meta.get("run_uuid") or folder.name),
            experiment_id=experiment.experiment_id,
            name=str(meta.get("run_name") or meta.get("name") or tags.get(TAG_NAME, "")),
            user=str(meta.get("user_id") or ""),
            status=_STATUSES.get(meta.get("status"), "FINISHED"),
            start_ms=_to_int(meta.get("start_time")),
            end_ms=_to_time(meta.get("end_time")),
            lifecycle="deleted" if meta.get("lifecycle_stage") == "deleted" else "active",
            deleted_ms=_to_time(meta.get("deleted_time")),
            params=_read_texts(folder / "params"),
            tags=read_old_fields(meta) | tags,
            datasets=datasets,
            model_inputs=models,
            model_outputs=[
                ModelOutput(model_id=str(link["destination_id"]), step=_to_int(link.get("step")))
                for link in _read_links(folder / "outputs")
                if link.get("destination_id")
            ],
            place=str(folder),
        )

    def _read_model(self, folder: Path, experiment_id: str) -> PastModel:
        meta = _read_meta(folder)
        model_id = str(meta.get("model_id") or folder.name)
        metrics = []
        for key, path in _list_keys(folder / "metrics"):
            lines, bad = parse_lines(path.read_bytes())
            if bad:
                self._problem(f"model {model_id}, metric {key!r}", f"{bad} of its lines cannot be read")
            metrics += [_to_metric(model_id, key, line) for line in lines]
        return PastModel(
            model_id=model_id,
            experiment_id=experiment_id,
            name=str(meta.get("name") or ""),
            model_type=str(meta.get("model_type") or ""),
            source_run_id=str(meta.get("source_run_id") or ""),
            status=_MODEL_STATUSES.get(meta.get("status"), "UNSPECIFIED"),
            status_message=meta.get("status_message"),
            created_ms=_to_int(meta.get("creation_timestamp")),
            updated_ms=_to_int(meta.get("last_updated_timestamp")),
            params=_read_texts(folder / "params"),
            tags=_read_texts(folder / "tags"),
            metrics=metrics,
            place=str(folder),
        )


def _list_marked(folder: Path) -> Iterator[Path]:
    """Yield the folders in a folder that hold a ``meta.yaml``, by name."""
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.name != TRASH and (path / _META).is_file():
                yield path


def _read_experiment(folder: Path) -> PastExperiment:
    meta = _read_meta(folder)
    created_ms = _to_int(meta.get("creation_time"))
    return PastExperiment(
        experiment_id=str(meta.get("experiment_id") or folder.name),
        name=str(meta.get("name") or folder.name),
        lifecycle="deleted" if folder.parent.name == TRASH else "active",
        created_ms=created_ms,
        updated_ms=_to_int(meta.get("last_update_time")) or created_ms,
        tags=_read_texts(folder / "tags"),
        place=str(folder),
    )


def _read_registered(folder: Path) -> PastRegistered:
    meta = _read_meta(folder)
    versions = [
        _to_version(version, stage, _read_texts(path / "tags"))
        for path in _list_marked(folder)
        if path.name.startswith("version-")
        for version in [_read_meta(path)]
        if (stage := read_version_stage(version.get("current_stage"))) is not None
    ]
    return PastRegistered(
        name=str(meta.get("name") or folder.name),
        description=str(meta.get("description") or ""),
        created_ms=_to_int(meta.get("creation_timestamp")),
        updated_ms=_to_int(meta.get("last_updated_timestamp")),
        tags=_read_texts(folder / "tags"),
        aliases={alias: _to_int(number) for alias, number in _read_texts(folder / "aliases").items()},
        versions=sorted(versions, key=lambda version: version.version),
    )


def _to_version(meta: dict[str, Any], stage: Stage, tags: dict[str, str]) -> PastVersion:
    return PastVersion(
        version=_to_int(meta.get("version")),
        source=choose_source(meta.get("source"), meta.get("storage_location")),
        run_id=str(meta.get("run_id") or ""),
        model_id=str(meta.get("model_id") or ""),
        run_link=str(meta.get("run_link") or ""),
        description=str(meta.get("description") or ""),
        user=str(meta.get("user_id") or ""),
        status=read_version_status(meta.get("status")),
        status_message=str(meta.get("status_message") or ""),
        stage=stage,
        created_ms=_to_int(meta.get("creation_timestamp")),
        updated_ms=_to_int(meta.get("last_updated_timestamp")),
        tags=tags,
    )


def _read_meta(folder: Path) -> dict[str, Any]:
    path = folder / _META
    try:
        meta = yaml.load(path.read_bytes(), _Loader)  # noqa: S506 one of PyYAML's two safe loaders
    except (yaml.YAMLError, OSError) as error:
        raise Corrupt(f"{path} cannot be read: {error}") from error
    if not isinstance(meta, dict):
        raise Corrupt(f"{path} is empty or no mapping")
    return meta


def _read_links(folder: Path) -> list[dict[str, Any]]:
    return [_read_meta(path) for path in _list_marked(folder)]


def _read_dataset(folder: Path) -> Dataset:
    meta = _read_meta(folder)
    return Dataset(
        name=str(meta.get("name") or ""),
        digest=str(meta.get("digest") or ""),
        source_type=str(meta.get("source_type") or ""),
        source=str(meta.get("source") or ""),
        schema=meta.get("schema"),
        profile=meta.get("profile"),
    )


def _read_texts(folder: Path) -> dict[str, str]:
    return {key: path.read_bytes().decode("utf-8") for key, path in _list_keys(folder)}


def _list_keys(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below a folder under the keys that their paths are; links are none of MLflow's."""
    if folder.is_dir():
        for key, entry in walk(folder):
            if entry.is_file(follow_symlinks=False):
                yield key, Path(entry.path)


def _to_metric(model_id: str, key: str, line: Line) -> LoggedMetric:
    """Read what stands behind the step: the run, then a data set's name, which may hold spaces, and its digest."""
    dataset = len(line.rest) > 2
    return LoggedMetric(
        model_id=model_id,
        key=key,
        value=line.value,
        time_ms=line.time_ms,
        step=line.step,
        run_id=line.rest[0] if line.rest else "",
        dataset_name=" ".join(line.rest[1:-1]) if dataset else None,
        dataset_digest=line.rest[-1] if dataset else None,
    )


def _to_int(value: object) -> int:
    try:
        return int(value or 0)  # type: ignore[call-overload,no-any-return]  # what it cannot read is caught
    except (TypeError, ValueError) as error:
        raise Corrupt(f"{value!r} is not a time") from error


def _to_time(value: object) -> int | None:
    return None if value is None else _to_int(value)
