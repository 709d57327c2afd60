"""Registered models as a store of Trackway's has them, made ready to be carried away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import runs as r
from trackway.api.transfers import PastComment, PastRegistered, PastRequest, PastVersion
from trackway.artifacts.content import digest_content
from trackway.base.errors import NotFound
from trackway.exchange.files import list_stored
from trackway.exchange.history import PastFile
from trackway.exchange.pages import read_pages
from trackway.exchange.tracks import Tracks
from trackway.sdk.locations import get_folder
from trackway.sdk.transport import Transport

T = TypeVar("T")
PAGE = 1_000
COPIES = "registered-versions"
"""Folder among a run's files for those of versions that the run has others of now."""


class RegistryReader:
    """Reads registered models.

    copies: by the id of a run, where versions' files are that the run has others of now, by where they will be in it
    loose:  folders of the file tree with files of versions that neither a run nor a logged model has any more
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.copies: dict[str, dict[str, str]] = {}
        self.loose: set[str] = set()

    def read(self, name: str) -> PastRegistered:
        """Return a registered model.

        raises: NotFound
        """
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
        if not version.content_location:
            return ""
        if version.model_id:
            request = m.GetLoggedModel(model_id=version.model_id, allow_deleted=True)
            if find(lambda: self._transport.call(ops.GET_LOGGED_MODEL, request)) is None:
                self.loose.add(get_folder(version.content_location))
            return ""
        run = None
        if version.run_id:
            run = find(lambda: self._transport.call(ops.GET_RUN, r.GetRun(run_id=version.run_id)))
        if run is None:
            self.loose.add(get_folder(version.content_location))
            return ""
        _, is_address, path = version.location.partition(f"runs:/{version.run_id}/")
        place = f"{run.artifact_uri}/{path}" if is_address else version.location
        files = list_stored(self._transport, get_folder(place)).items()
        if digest_content((name, file.sha256 or "") for name, file in files) == version.digest:
            return ""
        name = f"{COPIES}/{version.digest.removeprefix('sha256:')[:32]}"
        self.copies.setdefault(version.run_id, {})[name] = version.content_location
        return f"{run.artifact_uri}/{name}"

    def _read_requests(self, name: str) -> Iterator[PastRequest]:
        request = g.ListRequests(name=name, state="open", limit=PAGE)
        for page in read_pages(self._transport, ops.LIST_REQUESTS, request):
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

    def _read_comments(self, name: str) -> Iterator[g.Comment]:
        for page in read_pages(self._transport, ops.LIST_COMMENTS, g.ListComments(name=name, limit=PAGE)):
            yield from page.comments

    def _read_events(self, name: str) -> Iterator[g.ModelEvent]:
        for page in read_pages(self._transport, ops.GET_MODEL_HISTORY, g.GetModelHistory(name=name, limit=PAGE)):
            yield from page.events

    def list_files(self, tracks: Tracks, run_id: str) -> Iterator[PastFile]:
        """Yield the files of versions that go along with a run."""
        for name, location in self.copies.get(run_id, {}).items():
            for file in tracks.list_folder(location):
                yield PastFile(f"{name}/{file.path}", file.source, file.modified_ms, file.sha256)


def find(read: Callable[[], T]) -> T | None:
    """Return what is read; None when it is not there."""
    try:
        return read()
    except NotFound:
        return None


def list_names(transport: Transport) -> list[str]:
    """Return the names of all registered models."""
    pages = read_pages(transport, ops.SEARCH_REGISTERED_MODELS, g.SearchRegisteredModels(limit=PAGE))
    return [model.name for page in pages for model in page.models]
