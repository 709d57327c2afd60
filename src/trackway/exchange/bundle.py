"""Bundles: experiments, registered models or a whole workspace in one file; see ``docs/formats/bundle.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from trackway.api.logged_models import LoggedMetric
from trackway.api.retention import AuditEntry
from trackway.base.clock import now_ms
from trackway.base.errors import TooLarge, Unavailable
from trackway.exchange.draft import Draft, Exported, Member
from trackway.exchange.history import History, PastExperiment, PastFile, PastModel, PastRun
from trackway.exchange.points import pack_points
from trackway.exchange.settings import PastWorkspace

T = TypeVar("T")
FORMAT = "trackway-bundle"
VERSION = 1
MANIFEST = "manifest.json"
EXPERIMENTS = "experiments.jsonl"
RUNS = "runs.jsonl"
MODELS = "models.jsonl"
REGISTRY = "registry.jsonl"
WORKSPACE = "workspace.json"
AUDIT = "audit.jsonl"
BESIDE = "files"
LISTS = (EXPERIMENTS, RUNS, MODELS, REGISTRY)
"""Members that are written line by line while the others come."""
POINT_BYTES = 24
MANIFEST_BYTES = 256 * 1024 * 1024
"""Largest member that is read at once: the manifest, and what is said of a workspace."""
LINE_BYTES = 64 * 1024 * 1024
"""Longest line of a member of lines."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The last member: what the others must be."""

    format: str
    version: int
    created_ms: int
    origin: str
    members: list[Member]


class RunLine(msgspec.Struct, frozen=True):
    """A line of ``runs.jsonl``: a run, and key and number of points of each metric in its member of points."""

    run: PastRun
    points: list[tuple[str, int]] = []


class MetricLine(msgspec.Struct, frozen=True, array_like=True):
    """A point of a model; ``value`` is a text, as JSON has neither NaN nor infinities."""

    key: str
    step: int
    time_ms: int
    value: str
    run_id: str
    dataset_name: str | None
    dataset_digest: str | None


class ModelLine(msgspec.Struct, frozen=True):
    """A line of ``models.jsonl``."""

    model: PastModel
    metrics: list[MetricLine] = []


class Exportable(History, Protocol):
    """A store of Trackway's as a history, whose registered models are listed before everything else."""

    def list_beside(self, has: Callable[[str], bool], /) -> Iterator[PastFile]:
        """Yield the files that belong to no run or logged model, by their paths in the workspace.

        has: tells whether there is a member of a name
        """


class Tenant(Protocol):
    """What a whole workspace has beside experiments, registered models and files."""

    def read_settings(self) -> PastWorkspace:
        """Return its settings, and what there was to export when it began."""

    def list_audit(self) -> Iterator[AuditEntry]:
        """Yield its audit log, newest first."""

    def check(self, exported: Exported) -> None:
        """Check that what was exported is all that there was.

        raises: Conflict
        """


def write_bundle(
    history: Exportable,
    path: Path,
    watch: Callable[[Exported], None] = lambda _: None,
    tenant: Tenant | None = None,
    *,
    subject: str = "",
    restart: bool = False,
) -> Exported:
    """Write all that a history has into one file, which appears under its name when it is whole and on disk.

    Until then it grows in a folder beside it, where the same export goes on after it broke off. What had been copied
    by then stays as it was.

    tenant:  what else there is of a whole workspace
    subject: what is exported and from where, by which an export that broke off is recognised
    restart: do not go on with one that broke off
    memory:  one metric, one chunk of a file, and about 500 bytes a file
    raises:  Unavailable when the file cannot be written; Conflict when another export is writing it
    """
    try:
        with closing(Draft(path, subject or history.label, LISTS, restart)) as draft:
            _Writer(history, draft, watch).write(tenant)
            return draft.exported
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}", hint="check the folder and the disk, and export again"
        ) from error


class _Writer:
    """Writes what a draft does not have yet."""

    def __init__(self, history: Exportable, draft: Draft, watch: Callable[[Exported], None]) -> None:
        self._history = history
        self._draft = draft
        self._watch = watch
        self._exported = draft.exported

    def write(self, tenant: Tenant | None) -> None:
        draft, exported = self._draft, self._exported
        draft.clear(REGISTRY)  # it says where the files of versions are, so that it is read anew
        exported.registered = exported.versions = 0
        for registered in self._history.list_registered():
            self._add_line(REGISTRY, registered)
            exported.registered += 1
            exported.versions += len(registered.versions)
        known = {line.experiment_id for line in self._read_lines(EXPERIMENTS, PastExperiment)}
        runs = {line.run.run_id for line in self._read_lines(RUNS, RunLine)}
        models = {line.model.model_id for line in self._read_lines(MODELS, ModelLine)}
        for experiment in self._history.list_experiments():
            if experiment.experiment_id not in known:
                self._add_line(EXPERIMENTS, experiment)
                exported.experiments += 1
            for run in self._history.list_runs(experiment):
                if run.run_id not in runs:
                    self._add_run(run)
            for model in self._history.list_models(experiment):
                if model.model_id not in models:
                    self._add_model(model)
        self._add_files(BESIDE, self._history.list_beside(draft.has))
        if tenant is not None:
            tenant.check(exported)
            draft.add(WORKSPACE, [_encode(tenant.read_settings(), WORKSPACE, MANIFEST_BYTES)])
            draft.add(AUDIT, (msgspec.json.encode(entry) + b"\n" for entry in tenant.list_audit()))
        draft.finish(MANIFEST, self._make_manifest)

    def _add_run(self, run: PastRun) -> None:
        name = f"points/{run.run_id}"
        if not self._draft.has(name):
            counts: list[tuple[str, int]] = []
            self._draft.add(name, self._read_points(run, counts), points=counts)
        self._add_files(f"artifacts/{run.run_id}", self._history.list_files(run))
        self._add_line(RUNS, RunLine(run, self._draft.get_points(name)))
        self._exported.runs += 1
        self._exported.elsewhere += bool(run.place)
        self._draft.checkpoint()
        self._watch(self._exported)

    def _read_points(self, run: PastRun, counts: list[tuple[str, int]]) -> Iterator[bytes]:
        for points in self._history.read_points(run):
            series = pack_points(points)
            counts.append((points.key, len(points.values)))
            yield from (series.steps, series.times_ms, series.values)
        self._exported.points += sum(count for _, count in counts)

    def _add_model(self, model: PastModel) -> None:
        self._add_files(f"models/{model.model_id}", self._history.list_model_files(model))
        metrics = [_to_line(metric) for metric in model.metrics]
        self._add_line(MODELS, ModelLine(msgspec.structs.replace(model, metrics=[]), metrics))
        self._exported.models += 1
        self._exported.elsewhere += bool(model.place)
        self._draft.checkpoint()

    def _add_line(self, name: str, value: msgspec.Struct) -> None:
        self._draft.add_line(name, _encode(value, f"A line of {name}", LINE_BYTES - 1))

    def _add_files(self, folder: str, files: Iterable[PastFile]) -> None:
        for file in files:
            name = f"{folder}/{file.path}"
            if not self._draft.has(name):
                self._draft.add(name, file.source, file.modified_ms)
                self._exported.files += 1
                self._draft.checkpoint()

    def _read_lines(self, name: str, kind: type[T]) -> Iterator[T]:
        decode = msgspec.json.Decoder(kind).decode
        return (decode(line) for line in self._draft.read_lines(name))

    def _make_manifest(self) -> bytes:
        manifest = Manifest(
            format=FORMAT,
            version=VERSION,
            created_ms=now_ms(),
            origin=self._history.label,
            members=self._draft.list_members(),
        )
        return _encode(manifest, MANIFEST, MANIFEST_BYTES)


def _encode(value: msgspec.Struct, where: str, most: int) -> bytes:
    """Return something as JSON.

    raises: TooLarge for more than readers take
    """
    data = msgspec.json.encode(value)
    if len(data) > most:
        raise TooLarge(
            f"{where} would have {len(data):,} bytes at once; bundles hold at most {most:,}",
            hint="export its experiments and registered models one by one",
        )
    return data


def _to_line(metric: LoggedMetric) -> MetricLine:
    return MetricLine(
        metric.key,
        metric.step,
        metric.time_ms,
        repr(metric.value),
        metric.run_id,
        metric.dataset_name,
        metric.dataset_digest,
    )
