"""Registered models as a store of Trackway's has them, made ready to be carried away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import runs as r
from trackway.api.artifacts import CARD, VERSIONS, ListFiles
from trackway.api.structs import Response
from trackway.api.transfers import PastComment, PastRegistered, PastRequest, PastVersion
from trackway.artifacts.content import digest_content
from trackway.base.errors import NotFound
from trackway.exchange.downloads import open_stored
from trackway.exchange.files import list_stored
from trackway.exchange.history import RUNS, PastFile, name_source
from trackway.exchange.pages import find, read_pages
from trackway.exchange.tracks import list_folder
from trackway.sdk.locations import SERVED, get_folder
from trackway.sdk.transport import Transport

P = TypeVar("P", bound=Response)
PAGE = 1_000


class RegistryReader:
    """Reads registered models.

    alone: by the versions' own folders in the file tree, whether no run or logged model has the same files now
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.alone: dict[str, bool] = {}

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
            last_version=model.last_version,
            policy=call(ops.GET_MODEL_POLICY, g.RegisteredModelName(name=name)).rules,
            versions=list(self._read_versions(name, model.last_version)),
            comments=[_take(PastComment, one) for one in reversed(list(self._read_comments(name)))],
            requests=[_take(PastRequest, one) for one in reversed(list(self._read_requests(name)))],
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
            folder = get_folder(version.content_location) if version.content_location else ""
            source = name_source(version.location, version.run_id, version.model_id if folder else "")
            if folder:
                self.alone[folder] = not self._has_files(source, version)
            yield _take(
                PastVersion,
                version,
                source=source,
                content=folder.removeprefix(f"{VERSIONS}/"),
                signatures=[one.bundle for one in signatures],
            )

    def _has_files(self, source: str, version: g.ModelVersion) -> bool:
        """Tell whether the run or logged model that a version came from has the same files now."""
        if version.model_id:
            named = m.GetLoggedModel(model_id=version.model_id)
            model = find(lambda: self._transport.call(ops.GET_LOGGED_MODEL, named))
            place = "" if model is None else model.artifact_uri
        else:
            run = find(lambda: self._transport.call(ops.GET_RUN, r.GetRun(run_id=version.run_id)))
            place = "" if run is None else f"{run.artifact_uri}{source.removeprefix(f'{RUNS}{version.run_id}')}"
        if not place.startswith(SERVED):
            return False
        files = list_stored(self._transport, get_folder(place)).items()
        return digest_content((name, file.sha256 or "") for name, file in files) == version.digest

    def _read_requests(self, name: str) -> Iterator[g.TransitionRequest]:
        for page in read_pages(self._transport, ops.LIST_REQUESTS, g.ListRequests(name=name, limit=PAGE)):
            yield from page.requests

    def _read_comments(self, name: str) -> Iterator[g.Comment]:
        for page in read_pages(self._transport, ops.LIST_COMMENTS, g.ListComments(name=name, limit=PAGE)):
            yield from page.comments

    def _read_events(self, name: str) -> Iterator[g.ModelEvent]:
        for page in read_pages(self._transport, ops.GET_MODEL_HISTORY, g.GetModelHistory(name=name, limit=PAGE)):
            yield from page.events

    def list_own(self) -> Iterator[PastFile]:
        """Yield what versions alone have, by paths in the file tree: their cards, and files that nothing else has."""
        for page in read_pages(self._transport, ops.LIST_FILES, ListFiles(folder=VERSIONS, limit=PAGE)):
            for entry in page.files:
                if entry.path.endswith(CARD) and entry.path.removesuffix(CARD) in self.alone:
                    yield open_stored(self._transport, entry, entry.path)
        for folder, is_alone in self.alone.items():
            if is_alone:
                for file in list_folder(self._transport, f"{SERVED}{folder}"):
                    yield file._replace(path=f"{folder}/{file.path}")


def list_names(transport: Transport) -> list[str]:
    """Return the names of all registered models, and of prompts, which are found when they are asked for."""
    requests = (g.SearchRegisteredModels(filter=which, limit=PAGE) for which in ("", f"tags.`{g.TAG_PROMPT}` = 'true'"))
    pages = (page for one in requests for page in read_pages(transport, ops.SEARCH_REGISTERED_MODELS, one))
    return [model.name for page in pages for model in page.models]


def _take(kind: type[P], found: Response, **fields: Any) -> P:
    """Return what is carried away of something found: the fields that both have, and others as they are given."""
    same = {name: getattr(found, name) for name in kind.__struct_fields__ if name not in fields}
    return kind(**same, **fields)
