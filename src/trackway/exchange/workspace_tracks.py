"""A whole workspace of Trackway's as a history: what its export reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from trackway.api import access as c
from trackway.api import endpoints as d
from trackway.api import experiments as e
from trackway.api import holds as b
from trackway.api import operations as ops
from trackway.api import quotas as h
from trackway.api import retention as t
from trackway.api import signing as k
from trackway.api.artifacts import VERSIONS, ListFiles
from trackway.api.transfers import PastRegistered
from trackway.api.workspaces import ExportWorkspace, WorkspaceContent
from trackway.base.errors import Conflict
from trackway.exchange.automation import list_schedules, list_webhooks
from trackway.exchange.downloads import open_stored
from trackway.exchange.draft import Exported
from trackway.exchange.history import PastExperiment, PastFile, PastModel, PastPoints, PastRun
from trackway.exchange.pages import find, read_pages
from trackway.exchange.registry_reader import RegistryReader, list_names
from trackway.exchange.settings import PastWorkspace
from trackway.exchange.tracks import Tracks
from trackway.sdk.transport import Transport

PAGE: Final = 1_000


class WorkspaceTracks:
    """See ``bundle.Exportable`` and ``bundle.Tenant``: all that a workspace has, the trash with it.

    raises: PermissionDenied for who may not read all of it; the call leaves an entry in the audit log
    memory: one run, the names of registered models, and one page of anything else
    """

    def __init__(self, transport: Transport, label: str) -> None:
        self._transport = transport
        self._label = label
        self._reader = RegistryReader(transport)
        self._tracks: Tracks | None = None
        self.content: WorkspaceContent = transport.call(ops.EXPORT_WORKSPACE, ExportWorkspace())

    @property
    def label(self) -> str:
        return self._label

    def list_registered(self) -> Iterator[PastRegistered]:
        """Yield them first of all: they say which files are a version's alone."""
        for name in list_names(self._transport):
            past = find(lambda name=name: self._reader.read(name))  # type: ignore[misc]  # bound at once
            if past is not None:  # else it was deleted meanwhile
                yield past

    def list_experiments(self) -> Iterator[PastExperiment]:
        request = e.SearchExperiments(view="all", limit=PAGE)
        for page in read_pages(self._transport, ops.SEARCH_EXPERIMENTS, request):
            for experiment in page.experiments:
                self._tracks = Tracks(self._transport, self._label, experiment, view="all")
                yield from self._tracks.list_experiments()

    def list_runs(self, experiment: PastExperiment) -> Iterator[PastRun]:
        return self._here.list_runs(experiment)

    def read_points(self, run: PastRun) -> Iterator[PastPoints]:
        return self._here.read_points(run)

    def list_files(self, run: PastRun) -> Iterator[PastFile]:
        return self._here.list_files(run)

    def list_models(self, experiment: PastExperiment) -> Iterator[PastModel]:
        return self._here.list_models(experiment)

    def list_model_files(self, model: PastModel) -> Iterator[PastFile]:
        return self._here.list_model_files(model)

    def read_settings(self) -> PastWorkspace:
        call = self._transport.call
        endpoints = read_pages(self._transport, ops.LIST_ENDPOINTS, d.ListEndpoints(limit=PAGE))
        return PastWorkspace(
            content=self.content,
            trash_ms=call(ops.GET_RETENTION, t.GetRetention()).trash_ms,
            usage=call(ops.GET_USAGE, h.GetUsage()),
            webhooks=list_webhooks(self._transport),
            schedules=list_schedules(self._transport),
            endpoints=[one for page in endpoints for one in page.endpoints],
            holds=call(ops.LIST_HOLDS, b.ListHolds()).holds,
            signing_keys=call(ops.LIST_SIGNING_KEYS, k.ListSigningKeys()).keys,
            roles=[role for role in call(ops.LIST_ROLES, c.ListRoles()).roles if not role.built_in],
            teams=call(ops.LIST_TEAMS, c.ListTeams()).teams,
            grants=call(ops.LIST_GRANTS, c.ListGrants()).grants,
        )

    def list_beside(self, has: Callable[[str], bool]) -> Iterator[PastFile]:
        for page in read_pages(self._transport, ops.LIST_FILES, ListFiles(folder="", recursive=True, limit=PAGE)):
            for file in page.files:
                if not self._is_known(file.path, has):
                    yield open_stored(self._transport, file, file.path)

    def _is_known(self, path: str, has: Callable[[str], bool]) -> bool:
        """Tell whether a file of the tree is in the bundle as one of a run, a logged model or a version."""
        root, _, rest = path.partition("/")
        if root == VERSIONS and "/" in rest:
            return not self._reader.alone.get(f"{root}/{rest.partition('/')[0]}", False)
        place, _, name = path.partition("/artifacts/")
        owner = place.rpartition("/")[2]
        return bool(name) and (has(f"artifacts/{owner}/{name}") or has(f"models/{owner}/{name}"))

    def list_audit(self) -> Iterator[t.AuditEntry]:
        for page in read_pages(self._transport, ops.SEARCH_AUDIT, t.SearchAudit(limit=PAGE)):
            yield from page.entries

    def check(self, exported: Exported) -> None:
        there, here = self.content, exported
        for what, expected, found in (
            ("experiments", there.experiments, here.experiments),
            ("runs", there.runs, here.runs),
            ("logged models", there.logged_models, here.models),
            ("registered models", there.registered_models, here.registered),
        ):
            if found < expected:
                raise Conflict(
                    f"There were {expected} {what} when the export began, and {found} could be read: some are gone",
                    hint="export again with --restart",
                )

    def close(self) -> None:
        """The transport is its owner's."""

    @property
    def _here(self) -> Tracks:
        """The experiment that was yielded last."""
        assert self._tracks is not None
        return self._tracks
