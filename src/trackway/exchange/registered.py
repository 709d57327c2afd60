"""Registered models of a history into a store, with their versions, comments and past."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import msgspec

from trackway.api import operations as ops
from trackway.api.artifacts import CARD, VERSIONS, DeleteFiles, ListFiles
from trackway.api.logged_models import GetLoggedModel
from trackway.api.registry import ModelVersion, VersionName
from trackway.api.runs import GetRun
from trackway.api.signing import SignVersion
from trackway.api.transfers import ImportRegisteredModel, PastRegistered, PastVersion
from trackway.exchange.bundle_reader import Bundle
from trackway.exchange.files import list_stored, upload_file, upload_new
from trackway.exchange.history import History, PastFile, name_source
from trackway.exchange.pages import find, read_pages
from trackway.exchange.report import REFUSED, Report
from trackway.sdk.locations import SERVED, get_folder
from trackway.sdk.transport import Transport
from trackway.sdk.versions import MODELS


class RegisteredImporter:
    """Brings registered models into a store; the runs and logged models of their versions must be there."""

    def __init__(self, transport: Transport, history: History, report: Report) -> None:
        self._transport = transport
        self._history = history
        self._report = report
        self._bundle = history if isinstance(history, Bundle) else None

    def import_all(self) -> None:
        """Bring over what the store lacks of all registered models."""
        done, early = set(), set()
        for past in self._history.list_registered():
            with self._report.noting(f"registered model {past.name!r}"):
                self._import(past)
                done.add(past.name)
                if any(version.copied_from.rpartition("/")[0] not in ("", *done) for version in past.versions):
                    early.add(past.name)
        for past in self._history.list_registered() if early else ():
            if past.name in early:
                with self._report.noting(f"what versions of {past.name!r} are copies of"):
                    self._link(past)

    def _import(self, past: PastRegistered) -> None:
        versions = [self._relocate(version) for version in past.versions]
        model = msgspec.structs.replace(past, versions=versions)
        request = ImportRegisteredModel(origin=self._history.label, model=model)
        brought: dict[int, str] = {}
        try:
            for version in versions:
                if folder := self._bring_files(past.name, version):
                    brought[version.version] = folder
            done = self._transport.call(ops.IMPORT_REGISTERED_MODEL, request)
        except REFUSED:
            self._discard(brought.values())
            raise
        self._discard(folder for number, folder in brought.items() if number in done.left_out)
        self._report.added.registered += done.is_new
        self._report.added.versions += len(done.versions)
        for number, why in done.left_out.items():
            self._report.note(f"version {number} of {past.name!r}", why)
        for version in versions:
            if version.version in done.versions:
                self._sign(past.name, version)
            self._bring_card(past.name, version)

    def _link(self, past: PastRegistered) -> None:
        """Say again of which versions others are copies that were brought before them."""
        copies = [self._relocate(version) for version in past.versions if version.copied_from]
        model = PastRegistered(name=past.name, versions=copies)
        request = ImportRegisteredModel(origin=self._history.label, model=model)
        self._transport.call(ops.IMPORT_REGISTERED_MODEL, request)

    def _bring_files(self, name: str, version: PastVersion) -> str:
        """Upload the files that a version alone has, before it is here; return their folder, if this made it."""
        files = self._list_own(version)
        if not files or self._find(name, version.version) is not None:
            return ""
        folder = f"{VERSIONS}/{version.content}"
        stored = list_stored(self._transport, folder)
        digests = {file.path: file.sha256 for file in files}
        # None is there, or some are that an import brought before it broke off; others are left alone.
        if all(digests.get(path) == file.sha256 for path, file in stored.items()):
            where = f"version {version.version} of {name!r}"
            upload_new(self._transport, files, f"{SERVED}{folder}", where, self._report)
        return "" if stored else folder

    def _discard(self, folders: Iterable[str]) -> None:
        """Delete what was brought for versions that cannot be here."""
        for folder in folders:
            self._transport.call(ops.DELETE_FILES, DeleteFiles(path=folder))

    def _bring_card(self, name: str, version: PastVersion) -> None:
        """Upload the card of a version that has none here."""
        card = None if self._bundle is None else self._bundle.find_card(version)
        here = None if card is None else self._find(name, version.version)
        if card is None or here is None or not here.content_location or here.digest != version.digest:
            return
        place = f"{get_folder(here.content_location)}{CARD}"
        if place not in self._cards:
            upload_file(self._transport, card, place, f"version {version.version} of {name!r}", self._report)

    @cached_property
    def _cards(self) -> set[str]:
        """The cards of versions that were here before."""
        pages = read_pages(self._transport, ops.LIST_FILES, ListFiles(folder=VERSIONS))
        return {file.path for page in pages for file in page.files if not file.is_dir}

    def _list_own(self, version: PastVersion) -> list[PastFile]:
        return [] if self._bundle is None else list(self._bundle.list_version_files(version))

    def _find(self, name: str, number: int) -> ModelVersion | None:
        return find(lambda: self._transport.call(ops.GET_MODEL_VERSION, VersionName(name=name, version=number)))

    def _relocate(self, version: PastVersion) -> PastVersion:
        """Say where a version's model is in this store, whose experiments may have other numbers and places."""
        if self._list_own(version):
            return version
        source, model_id = version.source, version.model_id
        if not model_id and source.startswith(f"{MODELS}m-") and "/" not in source.removeprefix(MODELS):
            model_id = source.removeprefix(MODELS)
        if model_id and self._has_model(model_id):
            return msgspec.structs.replace(version, source=f"{MODELS}{model_id}", model_id=model_id)
        if version.run_id and self._has_run(version.run_id):
            source = name_source(source, version.run_id, "")
        return msgspec.structs.replace(version, source=source, model_id="")

    def _has_model(self, model_id: str) -> bool:
        request = GetLoggedModel(model_id=model_id)
        return find(lambda: self._transport.call(ops.GET_LOGGED_MODEL, request)) is not None

    def _has_run(self, run_id: str) -> bool:
        return find(lambda: self._transport.call(ops.GET_RUN, GetRun(run_id=run_id))) is not None

    def _sign(self, name: str, version: PastVersion) -> None:
        for bundle in version.signatures:
            with self._report.noting(f"a signature of version {version.version} of {name!r}"):
                self._transport.call(ops.SIGN_VERSION, SignVersion(name=name, version=version.version, bundle=bundle))
