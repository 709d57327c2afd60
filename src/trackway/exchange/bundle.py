"""Bundles: runs of one experiment in a single file. The format is described in ``docs/formats/bundle.md``."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from trackway.api.logged_models import LoggedMetric
from trackway.artifacts.archive import Entry, zip_stream
from trackway.base.clock import now_ms
from trackway.base.errors import Unavailable
from trackway.exchange.history import History, PastExperiment, PastFile, PastModel, PastRun
from trackway.exchange.points import pack_points
from trackway.sdk.sources import CHUNK_BYTES

FORMAT = "trackway-bundle"
VERSION = 1
MANIFEST = "manifest.json"
EXPERIMENTS = "experiments.jsonl"
RUNS = "runs.jsonl"
MODELS = "models.jsonl"
REGISTRY = "registry.jsonl"
POINT_BYTES = 24


class Member(msgspec.Struct, frozen=True):
    """One member of the archive, as the manifest lists it."""

    name: str
    size_bytes: int
    sha256: str


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


class Exported(msgspec.Struct):
    """How much a bundle holds."""

    runs: int = 0
    models: int = 0
    registered: int = 0
    versions: int = 0
    points: int = 0
    files: int = 0
    size_bytes: int = 0


def write_bundle(history: History, path: Path, watch: Callable[[Exported], None] = lambda _: None) -> Exported:
    """Write all that a history has into one file, which appears under its name when it is whole and on disk.

    memory: one metric, one chunk of a file, and about 200 bytes a file
    raises: Unavailable when the file cannot be written
    """
    writer = _Writer(history, watch)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("xb") as file:
            for chunk in zip_stream(writer.list_entries()):
                file.write(chunk)
                writer.exported.size_bytes += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}", hint="check the folder and the disk"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return writer.exported


class _Writer:
    """Yields the entries of one bundle, and keeps size and digest of each for the manifest."""

    def __init__(self, history: History, watch: Callable[[Exported], None]) -> None:
        self._history = history
        self._watch = watch
        self._members: list[Member] = []
        self.exported = Exported()

    def list_entries(self) -> Iterator[Entry]:
        with (
            tempfile.TemporaryFile() as experiments,
            tempfile.TemporaryFile() as runs,
            tempfile.TemporaryFile() as models,
            tempfile.TemporaryFile() as registry,
        ):
            for experiment in self._history.list_experiments():
                _write_line(experiments, experiment)
                yield from self._list_runs(experiment, runs)
                yield from self._list_models(experiment, models)
            for registered in self._history.list_registered():
                _write_line(registry, registered)
                self.exported.registered += 1
                self.exported.versions += len(registered.versions)
            for name, lines in ((EXPERIMENTS, experiments), (RUNS, runs), (MODELS, models), (REGISTRY, registry)):
                size = lines.tell()
                yield self._entry(name, size, partial(_read_lines, lines))
        manifest = msgspec.json.encode(
            Manifest(
                format=FORMAT,
                version=VERSION,
                created_ms=now_ms(),
                origin=self._history.label,
                members=self._members,
            )
        )
        yield MANIFEST, len(manifest), now_ms(), lambda: iter([manifest])

    def _list_runs(self, experiment: PastExperiment, lines: BinaryIO) -> Iterator[Entry]:
        for run in self._history.list_runs(experiment):
            counts: list[tuple[str, int]] = []
            # The size only chooses the form of the entry; the larger form fits all.
            yield self._entry(f"points/{run.run_id}", 1 << 32, partial(self._read_points, run, counts))
            yield from self._list_files(f"artifacts/{run.run_id}", self._history.list_files(run))
            _write_line(lines, RunLine(run, counts))
            self.exported.runs += 1
            self._watch(self.exported)

    def _read_points(self, run: PastRun, counts: list[tuple[str, int]]) -> Iterator[bytes]:
        for points in self._history.read_points(run):
            series = pack_points(points)
            counts.append((points.key, len(points.values)))
            self.exported.points += len(points.values)
            yield from (series.steps, series.times_ms, series.values)

    def _list_models(self, experiment: PastExperiment, lines: BinaryIO) -> Iterator[Entry]:
        for model in self._history.list_models(experiment):
            yield from self._list_files(f"models/{model.model_id}", self._history.list_model_files(model))
            metrics = [_to_line(metric) for metric in model.metrics]
            _write_line(lines, ModelLine(msgspec.structs.replace(model, metrics=[], place=""), metrics))
            self.exported.models += 1

    def _list_files(self, folder: str, files: Iterable[PastFile]) -> Iterator[Entry]:
        for file in files:
            self.exported.files += 1
            yield self._entry(f"{folder}/{file.path}", file.source.size_bytes, file.source.__iter__, file.modified_ms)

    def _entry(
        self, name: str, size_bytes: int, read: Callable[[], Iterator[bytes]], modified_ms: int | None = None
    ) -> Entry:
        def measure() -> Iterator[bytes]:
            digest = hashlib.sha256()
            size = 0
            for chunk in read():
                digest.update(chunk)
                size += len(chunk)
                yield chunk
            self._members.append(Member(name, size, digest.hexdigest()))

        return name, size_bytes, now_ms() if modified_ms is None else modified_ms, measure


def _write_line(lines: BinaryIO, value: msgspec.Struct) -> None:
    lines.write(msgspec.json.encode(value) + b"\n")


def _read_lines(lines: BinaryIO) -> Iterator[bytes]:
    lines.seek(0)
    while chunk := lines.read(CHUNK_BYTES):
        yield chunk


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
