"""Registered models of a store of Trackway's as a history, with the runs and logged models that they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from trackway.api import experiments as e
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import runs as r
from trackway.api.transfers import PastComment, PastRegistered, PastRequest, PastVersion
from trackway.artifacts.content import digest_content
from trackway.base.errors import NotFound
from trackway.exchange.files import list_stored
from trackway.exchange.history import PastExperiment, PastFile, PastModel, PastPoints, PastRun
from trackway.exchange.tracks import Tracks, to_model
from trackway.sdk.locations import get_folder
from trackway.sdk.transport import Transport

T = TypeVar("T")
PAGE = 1_000
COPIES = "registered-versions"
"""Folder among a run's files for those of versions that the run has others of now."""


class RegistryTracks:
    """See ``history.History``: some registered models, and of each experiment the runs and logged models they need.

    names:  of registered models
    raises: NotFound
    """

    def __init__(self, transport: Transport, label: str, names: Sequence[str]) -> None:
        self._transport = transport
        self._label = label
        self._copies: dict[str, dict[str, str]] = {}
        self._registered = [self._read(name) for name in names]
        self._models: dict[str, m.LoggedModel] = {}
        runs: dict[str, list[str]] = {}
        for version in (version for model in self._registered for version in model.versions):
            self._collect(version, runs)
        experiments = {*runs, *(model.experiment_id for model in self._models.values())}
        self._tracks = {
            experiment_id: Tracks(
                transport,
                label,
                transport.call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id=experiment_id)),
                runs.get(experiment_id, []),
            )
            for experiment_id in sorted(experiments)
        }

    @property
    def label(self) -> str:
        return self._label

    def list_experiments(self) -> Iterator[PastExperiment]:
        for tracks in self._tracks.values():
            yield from tracks.list_experiments()

    def list_runs(self, experiment: PastExperiment) -> Iterator[PastRun]:
        return self._tracks[experiment.experiment_id].list_runs(experiment)

    def read_points(self, run: PastRun) -> Iterator[PastPoints]:
        return self._tracks[run.experiment_id].read_points(run)

    def list_files(self, run: PastRun) -> Iterator[PastFile]:
        tracks = self._tracks[run.experiment_id]
        yield from tracks.list_files(run)
        for name, location in self._copies.get(run.run_id, {}).items():
            for file in tracks.list_folder(location):
                yield PastFile(f"{name}/{file.path}", file.source, file.modified_ms, file.sha256)

    def list_models(self, experiment: PastExperiment) -> Iterator[PastModel]:
        for model in self._models.values():
            if model.experiment_id == experiment.experiment_id:
                yield to_model(model)

    def list_model_files(self, model: PastModel) -> Iterator[PastFile]:
        return self._tracks[model.experiment_id].list_model_files(model)

    def list_registered(self) -> Iterator[PastRegistered]:
        return iter(self._registered)

    def close(self) -> None:
        """The transport is its owner's."""

    def _read(self, name: str) -> PastRegistered:
        call = self._transport.call
        model = call(ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name=name))
        return PastRegistered(
            name=name,
            description=model.description,
            owner=model.owner,
            created_ms=model.created_ms,
            updated_ms=model.updated_ms,
            tags=model.tags,
            aliases=model.aliases,
            policy=call(ops.GET_MODEL_POLICY, g.RegisteredModelName(name=name)).rules,
            versions=list(self._read_versions(name, model.last_version)),
            comments=[
                PastComment(
                    text=one.text,
                    version=one.version,
                    author=one.author,
                    created_ms=one.created_ms,
                    updated_ms=one.updated_ms,
                )
                for one in reversed(list(self._read_comments(name)))
            ],
            requests=list(reversed(list(self._read_requests(name)))),
            events=list(reversed(list(self._read_events(name)))),
        )

    def _read_versions(self, name: str, last: int) -> Iterator[PastVersion]:
        for number in range(1, last + 1):
            key = g.VersionName(name=name, version=number)
            try:
                version = self._transport.call(ops.GET_MODEL_VERSION, key)
            except NotFound:  # it was deleted
                continue
            signatures = self._transport.call(ops.LIST_SIGNATURES, key).signatures
            yield PastVersion(
                version=number,
                source=self._keep_copy(version)
                or (version.source if version.source.startswith("runs:/") else version.location),
                run_id=version.run_id,
                model_id=version.model_id,
                run_link=version.run_link,
                description=version.description,
                user=version.user,
                status=version.status,
                status_message=version.status_message,
                stage=version.stage,
                staged_ms=version.staged_ms,
                staged_by=version.staged_by,
                evaluated_by=version.evaluated_by,
                created_ms=version.created_ms,
                updated_ms=version.updated_ms,
                digest=version.digest,
                tags=version.tags,
                signatures=[one.bundle for one in signatures],
            )

    def _keep_copy(self, version: g.ModelVersion) -> str:
        """Return where a version's files will be when they are no more those of its run; an empty text when they are.

        They go with the run, to a place of their own in it.
        """
        if not (version.content_location and version.run_id) or version.model_id:
            return ""
        run = _find(lambda: self._transport.call(ops.GET_RUN, r.GetRun(run_id=version.run_id)))
        if run is None:
            return ""
        _, is_address, path = version.location.partition(f"runs:/{version.run_id}/")
        place = f"{run.artifact_uri}/{path}" if is_address else version.location
        files = list_stored(self._transport, get_folder(place)).items()
        if digest_content((name, file.sha256 or "") for name, file in files) == version.digest:
            return ""
        name = f"{COPIES}/{version.digest.removeprefix('sha256:')[:32]}"
        self._copies.setdefault(version.run_id, {})[name] = version.content_location
        return f"{run.artifact_uri}/{name}"

    def _read_requests(self, name: str) -> Iterator[PastRequest]:
        token = ""
        while True:
            request = g.ListRequests(name=name, state="open", limit=PAGE, page_token=token)
            page = self._transport.call(ops.LIST_REQUESTS, request)
            for one in page.requests:
                yield PastRequest(
                    version=one.version,
                    stage=one.stage,
                    alias=one.alias,
                    archive_existing=one.archive_existing,
                    author=one.author,
                    comment=one.comment,
                    created_ms=one.created_ms,
                )
            token = page.next_page_token
            if not token:
                return

    def _read_comments(self, name: str) -> Iterator[g.Comment]:
        token = ""
        while True:
            page = self._transport.call(ops.LIST_COMMENTS, g.ListComments(name=name, limit=PAGE, page_token=token))
            yield from page.comments
            token = page.next_page_token
            if not token:
                return

    def _read_events(self, name: str) -> Iterator[g.ModelEvent]:
        token = ""
        while True:
            request = g.GetModelHistory(name=name, limit=PAGE, page_token=token)
            page = self._transport.call(ops.GET_MODEL_HISTORY, request)
            yield from page.events
            token = page.next_page_token
            if not token:
                return

    def _collect(self, version: PastVersion, runs: dict[str, list[str]]) -> None:
        """Note the logged model and the run that a version came from, if they are there still."""
        if version.model_id and version.model_id not in self._models:
            request = m.GetLoggedModel(model_id=version.model_id)
            model = _find(lambda: self._transport.call(ops.GET_LOGGED_MODEL, request))
            if model is not None:
                self._models[version.model_id] = model
        if version.run_id and not any(version.run_id in found for found in runs.values()):
            run = _find(lambda: self._transport.call(ops.GET_RUN, r.GetRun(run_id=version.run_id)))
            if run is not None:
                runs.setdefault(run.experiment_id, []).append(version.run_id)


def _find(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except NotFound:
        return None


def list_names(transport: Transport) -> list[str]:
    """Return the names of all registered models."""
    names: list[str] = []
    token = ""
    while True:
        request = g.SearchRegisteredModels(limit=PAGE, page_token=token)
        page = transport.call(ops.SEARCH_REGISTERED_MODELS, request)
        names += [model.name for model in page.models]
        token = page.next_page_token
        if not token:
            return names
