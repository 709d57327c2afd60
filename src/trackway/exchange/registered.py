"""Registered models of a history into a store, with their versions, comments and past."""

from __future__ import annotations

import msgspec

from trackway.api import operations as ops
from trackway.api.logged_models import GetLoggedModel
from trackway.api.runs import GetRun
from trackway.api.signing import SignVersion
from trackway.api.transfers import ImportRegisteredModel, PastRegistered, PastVersion
from trackway.base.errors import Conflict, Corrupt, InvalidInput, NotFound, NotSupported, PermissionDenied, TooLarge
from trackway.exchange.history import History
from trackway.exchange.report import Report
from trackway.sdk.transport import Transport
from trackway.sdk.versions import MODELS

REFUSED = (InvalidInput, TooLarge, Conflict, NotFound, Corrupt, PermissionDenied, NotSupported)


class RegisteredImporter:
    """Brings registered models into a store; the runs and logged models of their versions must be there."""

    def __init__(self, transport: Transport, history: History, report: Report) -> None:
        self._transport = transport
        self._history = history
        self._report = report

    def import_all(self) -> None:
        """Bring over what the store lacks of all registered models."""
        for past in self._history.list_registered():
            try:
                self._import(past)
            except REFUSED as error:
                self._report.note(f"registered model {past.name!r}", error.message)

    def _import(self, past: PastRegistered) -> None:
        versions = [self._relocate(version) for version in past.versions]
        model = msgspec.structs.replace(past, versions=versions)
        request = ImportRegisteredModel(origin=self._history.label, model=model)
        done = self._transport.call(ops.IMPORT_REGISTERED_MODEL, request)
        self._report.added.registered += done.is_new
        self._report.added.versions += len(done.versions)
        for number, why in done.left_out.items():
            self._report.note(f"version {number} of {past.name!r}", why)
        for version in versions:
            if version.version in done.versions:
                self._sign(past.name, version)

    def _relocate(self, version: PastVersion) -> PastVersion:
        """Say where a version's model is in this store, whose experiments may have other numbers and places."""
        source, model_id = version.source, version.model_id
        if not model_id and source.startswith(f"{MODELS}m-") and "/" not in source.removeprefix(MODELS):
            model_id = source.removeprefix(MODELS)
        if model_id and self._has_model(model_id):
            return msgspec.structs.replace(version, source=f"{MODELS}{model_id}", model_id=model_id)
        if version.run_id and self._has_run(version.run_id):
            _, found, path = source.replace("\\", "/").partition(f"/{version.run_id}/artifacts")
            if found:
                source = f"runs:/{version.run_id}/{path.strip('/')}".rstrip("/")
        return msgspec.structs.replace(version, source=source, model_id="")

    def _has_model(self, model_id: str) -> bool:
        try:
            self._transport.call(ops.GET_LOGGED_MODEL, GetLoggedModel(model_id=model_id))
        except NotFound:
            return False
        return True

    def _has_run(self, run_id: str) -> bool:
        try:
            self._transport.call(ops.GET_RUN, GetRun(run_id=run_id))
        except NotFound:
            return False
        return True

    def _sign(self, name: str, version: PastVersion) -> None:
        for bundle in version.signatures:
            try:
                self._transport.call(ops.SIGN_VERSION, SignVersion(name=name, version=version.version, bundle=bundle))
            except REFUSED as error:
                self._report.note(f"a signature of version {version.version} of {name!r}", error.message)
