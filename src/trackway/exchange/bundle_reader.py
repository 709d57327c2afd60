"""Reads a bundle, which is verified as a whole before anything of it is used."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from trackway.api.artifacts import CARD, VERSIONS
from trackway.api.limits import INT64_MAX, LOCATION_CHARS
from trackway.api.logged_models import LoggedMetric
from trackway.api.retention import AuditEntry
from trackway.api.transfers import PastRegistered, PastVersion
from trackway.api.workspaces import WorkspaceContent
from trackway.artifacts.paths import check_artifact_path
from trackway.base.errors import Corrupt, InvalidInput, NotSupported, Unavailable
from trackway.base.ids import is_id
from trackway.exchange.bundle import (
    AUDIT,
    BESIDE,
    EXPERIMENTS,
    FORMAT,
    LINE_BYTES,
    MANIFEST,
    MANIFEST_BYTES,
    MODELS,
    POINT_BYTES,
    REGISTRY,
    RUNS,
    VERSION,
    WORKSPACE,
    Manifest,
    MetricLine,
    ModelLine,
    RunLine,
)
from trackway.exchange.history import PastExperiment, PastFile, PastModel, PastPoints, PastRun
from trackway.exchange.settings import PastWorkspace
from trackway.sdk.sources import FileSource

T = TypeVar("T")
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED = 0x1


class _Place(NamedTuple):
    """Where the bytes of a member are in the file."""

    name: str
    start: int
    size_bytes: int


class Bundle:
    """See ``history.History``.

    path:   the file, which must not change while it is read

    ``settings`` is what a bundle of a whole workspace says of that; None for others.

    raises: NotSupported for a version or a form that this release does not know, Corrupt for a bundle that is torn,
            changed, or made to mislead; Unavailable when it cannot be read
    cost:   reads the file once before anything else
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            places = _list_places(path)
            self._places = {place.name: place for place in places}
            self._manifest = self._read_manifest(places)
            self._check_members(places)
        except OSError as error:
            raise Unavailable(f"{path} cannot be read: {error.strerror}") from error
        self._digests = {member.name: member.sha256 for member in self._manifest.members}
        self._files = _sort_files(places)
        self._beside = [place.name for place in places if place.name.startswith(f"{BESIDE}/")]
        self._points: dict[str, list[tuple[str, int]]] = {}
        self.settings = self._read_settings()
        self._check_lines()

    @property
    def label(self) -> str:
        return self._manifest.origin

    @property
    def created_ms(self) -> int:
        """When its writer says that it was finished."""
        return self._manifest.created_ms

    def list_experiments(self) -> Iterator[PastExperiment]:
        return self._read_lines(EXPERIMENTS, PastExperiment)

    def list_runs(self, experiment: PastExperiment) -> Iterator[PastRun]:
        for line in self._read_lines(RUNS, RunLine):
            if line.run.experiment_id == experiment.experiment_id:
                self._points = {line.run.run_id: line.points}
                yield line.run

    def read_points(self, run: PastRun) -> Iterator[PastPoints]:
        member = self._open(f"points/{run.run_id}")
        start = 0
        for key, count in self._points[run.run_id]:
            size = 8 * count
            steps, times_ms, values = (b"".join(member.cut(start + size * place, size)) for place in range(3))
            start += POINT_BYTES * count
            yield PastPoints(
                key, np.frombuffer(steps, "<i8"), np.frombuffer(times_ms, "<i8"), np.frombuffer(values, "<f8")
            )

    def list_files(self, run: PastRun) -> Iterator[PastFile]:
        return self._list_files(f"artifacts/{run.run_id}/")

    def list_models(self, experiment: PastExperiment) -> Iterator[PastModel]:
        for line in self._read_lines(MODELS, ModelLine):
            if line.model.experiment_id == experiment.experiment_id:
                metrics = [_to_metric(line.model.model_id, metric) for metric in line.metrics]
                yield msgspec.structs.replace(line.model, metrics=metrics)

    def list_model_files(self, model: PastModel) -> Iterator[PastFile]:
        return self._list_files(f"models/{model.model_id}/")

    def list_registered(self) -> Iterator[PastRegistered]:
        return self._read_lines(REGISTRY, PastRegistered)

    def list_beside(self) -> Iterator[PastFile]:
        """Yield the files of the workspace that belong to no run or model, by their paths in it."""
        for name in self._beside:
            yield self._get_file(name, f"{BESIDE}/")

    def list_version_files(self, version: PastVersion) -> Iterator[PastFile]:
        """Yield a version's files, by their paths below its folder, when no run or logged model has them."""
        return self._list_files(f"{BESIDE}/{VERSIONS}/{version.content}/")

    def find_card(self, version: PastVersion) -> PastFile | None:
        """Return the card of a version."""
        folder = f"{BESIDE}/{VERSIONS}/"
        name = f"{folder}{version.content}{CARD}"
        return self._get_file(name, folder) if name in self._places else None

    def list_audit(self) -> Iterator[AuditEntry]:
        """Yield the workspace's audit log, newest first."""
        return self._read_lines(AUDIT, AuditEntry)

    def close(self) -> None:
        """Nothing is kept open."""

    def _open(self, name: str) -> FileSource:
        place = self._places[name]
        return FileSource(str(self._path)).cut(place.start, place.size_bytes)

    def _read_manifest(self, places: list[_Place]) -> Manifest:
        if places[-1].name != MANIFEST:
            raise Corrupt("The bundle has no manifest at its end", hint="export it again")
        if places[-1].size_bytes > MANIFEST_BYTES:
            raise Corrupt("The bundle's manifest is too large to be true")
        data = b"".join(self._open(MANIFEST))
        try:
            head = msgspec.json.decode(data, type=_Head)
            if head.format == FORMAT and head.version != VERSION:
                raise NotSupported(
                    f"The bundle has version {head.version}; this release knows {VERSION}", hint="upgrade trackway"
                )
            manifest = msgspec.json.decode(data, type=Manifest)
        except msgspec.MsgspecError as error:
            raise Corrupt(f"The bundle's manifest cannot be read: {error}") from error
        if manifest.format != FORMAT:
            raise Corrupt("The file is an archive, but no bundle", hint="name what `trackway export` wrote")
        if not manifest.origin.isprintable() or len(manifest.origin) > LOCATION_CHARS:
            raise Corrupt("The bundle's origin is no address")
        return manifest

    def _read_settings(self) -> PastWorkspace | None:
        if WORKSPACE not in self._places:
            return None
        if AUDIT not in self._places:
            raise Corrupt(f"The bundle has no {AUDIT}")
        if self._places[WORKSPACE].size_bytes > MANIFEST_BYTES:
            raise Corrupt(f"{WORKSPACE} is too large to be true")
        try:
            return msgspec.json.decode(b"".join(self._open(WORKSPACE)), type=PastWorkspace)
        except msgspec.MsgspecError as error:
            raise Corrupt(f"{WORKSPACE} cannot be read: {error}") from error

    def _check_members(self, places: list[_Place]) -> None:
        """Hold names, sizes and digests against the manifest."""
        if [place.name for place in places[:-1]] != [member.name for member in self._manifest.members]:
            raise Corrupt("The bundle's members are not those that its manifest lists")
        for place, member in zip(places, self._manifest.members, strict=False):
            digest = hashlib.sha256()
            for chunk in self._open(place.name):
                digest.update(chunk)
            if place.size_bytes != member.size_bytes or digest.hexdigest() != member.sha256:
                raise Corrupt(f"The member {member.name!r} does not match its digest", hint="export it again")
        for name in (EXPERIMENTS, RUNS, MODELS, REGISTRY):
            if name not in self._places:
                raise Corrupt(f"The bundle has no {name}")

    def _check_lines(self) -> None:
        """Check that all lines can be read, and that they and the other members belong together."""
        experiments = {experiment.experiment_id for experiment in self._read_lines(EXPERIMENTS, PastExperiment)}
        folders: set[str] = set()
        runs = models = 0
        for line in self._read_lines(RUNS, RunLine):
            runs += 1
            run_id = line.run.run_id
            folder = _claim_folder("artifacts", run_id, line.run.experiment_id, experiments, folders)
            if any(abs(output.step) > INT64_MAX for output in line.run.model_outputs):
                raise Corrupt(f"A model of run {run_id} was made at a step that no int64 holds")
            counts = [count for _, count in line.points]
            points = self._places.get(f"points/{run_id}")
            if points is None or min(counts, default=1) < 1 or POINT_BYTES * sum(counts) != points.size_bytes:
                raise Corrupt(f"The points of run {run_id} are not as many as its line says")
            folders |= {folder, points.name}
        for model in self._read_lines(MODELS, ModelLine):
            models += 1
            model_id = model.model.model_id
            folders.add(_claim_folder("models", model_id, model.model.experiment_id, experiments, folders))
            for metric in model.metrics:
                _to_metric(model_id, metric)
        names = [model.name for model in self._read_lines(REGISTRY, PastRegistered)]
        if len(set(names)) < len(names):
            raise Corrupt("A registered model is in the bundle twice")
        known = {EXPERIMENTS, RUNS, MODELS, REGISTRY, MANIFEST, *self._beside}
        if self.settings is not None:
            known |= {WORKSPACE, AUDIT}
            self._check_content(self.settings.content, len(experiments), runs, models, len(names))
            for _ in self.list_audit():
                pass
        claimed = {name for folder in folders for name in self._files.get(folder, (folder,))}
        stray = self._places.keys() - claimed - known
        if stray:
            raise Corrupt(f"The member {min(stray)!r} belongs to no run or model of the bundle")

    def _check_content(self, content: WorkspaceContent, *found: int) -> None:
        """Check that a copy of a workspace has no less than there was when it was begun."""
        expected = (content.experiments, content.runs, content.logged_models, content.registered_models)
        for what, most, least in zip((EXPERIMENTS, RUNS, MODELS, REGISTRY), found, expected, strict=True):
            if most < least:
                raise Corrupt(
                    f"{what} has {most} lines, and the workspace had {least} of these", hint="export it again"
                )

    def _read_lines(self, name: str, kind: type[T]) -> Iterator[T]:
        decode = msgspec.json.Decoder(kind).decode
        place = self._places[name]
        left = place.size_bytes
        with self._path.open("rb") as file:
            file.seek(place.start)
            while left:
                line = file.readline(min(left, LINE_BYTES))
                left -= len(line)
                if not line.endswith(b"\n"):
                    raise Corrupt(f"A line of {name} is too long or has no end")
                try:
                    yield decode(line)
                except msgspec.MsgspecError as error:
                    raise Corrupt(f"A line of {name} cannot be read: {error}") from error

    def _list_files(self, folder: str) -> Iterator[PastFile]:
        for name in self._files.get(folder, ()):
            yield self._get_file(name, folder)

    def _get_file(self, name: str, folder: str) -> PastFile:
        return PastFile(name.removeprefix(folder), self._open(name), sha256=self._digests[name])


class _Head(msgspec.Struct, frozen=True):
    format: str = ""
    version: int = 0


def _list_places(path: Path) -> list[_Place]:
    """Return the members in the order of their bytes, if these are stored plainly, one behind the other.

    With that, what is read can never be more than the file holds: an archive that swells or repeats itself is refused.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(archive.infolist(), key=lambda member: member.header_offset)
            end = archive.start_dir
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise Corrupt(f"{path} is no whole bundle: {error}", hint="export it, or copy it, again") from error
    if len({member.filename for member in members}) < max(len(members), 1):
        raise Corrupt("The bundle is empty, or two of its members have one name", hint="export it again")
    ends = [*(member.header_offset for member in members[1:]), end]
    with path.open("rb") as file:
        places = []
        for member, limit in zip(members, ends, strict=True):
            file.seek(member.header_offset)
            places.append(_find_place(member, file.read(_LOCAL_HEADER.size), limit))
    return places


def _find_place(member: zipfile.ZipInfo, header: bytes, limit: int) -> _Place:
    """Return where a member's bytes are, which end before ``limit``."""
    name = member.filename
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & _ENCRYPTED:
        raise NotSupported(f"The member {name[:80]!r} is compressed or encrypted; bundles hold plain bytes")
    if len(header) < _LOCAL_HEADER.size:
        raise Corrupt(f"The member {name[:80]!r} lies behind the end of the file")
    signature, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    start = member.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
    if signature != b"PK\x03\x04" or member.file_size != member.compress_size or start + member.file_size > limit:
        raise Corrupt(f"The member {name[:80]!r} is not where the archive says, or larger than its place")
    try:
        check_artifact_path(name)
    except InvalidInput as error:
        raise Corrupt(f"A member has a name that is no plain path: {error.message}") from error
    return _Place(name, start, member.file_size)


def _sort_files(places: list[_Place]) -> dict[str, list[str]]:
    """Return the names of files by the folder of their owner: of a run, a logged model or a version."""
    found: dict[str, list[str]] = {}
    for place in places:
        for root in ("artifacts/", "models/", f"{BESIDE}/{VERSIONS}/"):
            if place.name.startswith(root):
                owner, slash, _ = place.name.removeprefix(root).partition("/")
                if slash:
                    found.setdefault(f"{root}{owner}/", []).append(place.name)
    return found


def _claim_folder(kind: str, owner: str, experiment_id: str, experiments: set[str], claimed: set[str]) -> str:
    """Return the folder of the files of a run or model, whose line must be the only one of its id."""
    if not is_id(owner):
        raise Corrupt(f"{owner[:80]!r} cannot be the id of a run or model")
    if experiment_id not in experiments:
        raise Corrupt(f"The experiment of {owner} is not in the bundle")
    folder = f"{kind}/{owner}/"
    if folder in claimed:
        raise Corrupt(f"{owner} is in the bundle twice")
    return folder


def _to_metric(model_id: str, line: MetricLine) -> LoggedMetric:
    try:
        value = float(line.value)
    except ValueError as error:
        raise Corrupt(f"{line.value[:40]!r} is no value of a metric") from error
    if abs(line.step) > INT64_MAX or abs(line.time_ms) > INT64_MAX:
        raise Corrupt(f"A point of model {model_id} has a step or time that no int64 holds")
    return LoggedMetric(
        model_id=model_id,
        key=line.key,
        value=value,
        time_ms=line.time_ms,
        step=line.step,
        run_id=line.run_id,
        dataset_name=line.dataset_name,
        dataset_digest=line.dataset_digest,
    )
