"""The rules of versions."""

from __future__ import annotations

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api.calls import Call
from trackway.api.keys import check_key
from trackway.api.structs import Empty
from trackway.api.trash import Trashed
from trackway.base.errors import AlreadyExists, InvalidInput, NotFound
from trackway.registry.content import keep_content
from trackway.registry.history import record, record_tags
from trackway.registry.lookup import (
    check_registry_tags,
    find_alias,
    find_model,
    find_version,
    hide_prompts,
)
from trackway.registry.policy import check_policy
from trackway.registry.registrations import note_registration
from trackway.registry.sources import resolve_source
from trackway.rules.checks import check_page, check_text, check_time
from trackway.rules.grammar import MLFLOW_MODEL_VERSIONS, MODEL_VERSIONS, parse_filter, parse_order
from trackway.rules.handlers import Handlers
from trackway.rules.holds import check_held
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Page, Search, Transaction, VersionRef, VersionRow
from trackway.store.trash import Deleted

_IN_USE: tuple[g.Stage, ...] = ("Staging", "Production")


class ModelVersionService:
    """Handlers of the operations on versions."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.CREATE_MODEL_VERSION: self.create,
            ops.GET_MODEL_VERSION: self.get,
            ops.GET_VERSION_BY_ALIAS: self.get_by_alias,
            ops.SEARCH_MODEL_VERSIONS: self.search,
            ops.UPDATE_MODEL_VERSION: self.update,
            ops.DELETE_MODEL_VERSION: self.delete,
            ops.COPY_MODEL_VERSION: self.copy,
            ops.SET_VERSION_TAGS: self.set_tags,
            ops.DELETE_VERSION_TAG: self.delete_tag,
            ops.TRANSITION_VERSION: self.transition,
            ops.ATTEST_VERSION: self.attest,
        }

    def create(self, tx: Transaction, call: Call, q: g.CreateModelVersion) -> g.ModelVersion:
        """Register a model as the next version, or answer the one that has the external key."""
        _check_new(q)
        model = find_model(tx, call, q.name)
        known = tx.registry.find_external_version(model.pk, q.external_key) if q.external_key else None
        if known is not None:
            return tx.registry.get_version(known)
        if q.version is not None and tx.registry.version_ref(call.workspace, q.name, q.version):
            raise AlreadyExists(f"Version {q.version} of {q.name!r} already exists", hint="leave version out")
        source = resolve_source(tx, call, q)
        created_ms = call.now_ms if q.created_ms is None else q.created_ms
        content_path, digest = keep_content(tx, call, source)
        version = g.ModelVersion(
            name=q.name,
            version=q.version or 0,
            status=q.status,
            status_message="",
            stage="None",
            source=source.source,
            location=source.location,
            run_id=source.run_id,
            model_id=source.model_id,
            run_link=q.run_link,
            description=q.description,
            user=call.actor.name,
            created_ms=created_ms,
            updated_ms=created_ms,
            digest=digest,
            tags=q.tags,
        )
        row = VersionRow(q.external_key, source.origin, content_path)
        pk = tx.registry.create_version(call.workspace, model.pk, version, row)
        made = tx.registry.get_version(pk)
        record(tx, call, model.pk, "version.created", made.version, source=source.source)
        if q.model_id:
            note_registration(tx, call, made)
        return made

    def get(self, tx: Transaction, call: Call, q: g.VersionName) -> g.ModelVersion:
        """Get a version."""
        return _with_endpoints(tx, call, tx.registry.get_version(find_version(tx, call, q.name, q.version).pk))

    def get_by_alias(self, tx: Transaction, call: Call, q: g.Alias) -> g.ModelVersion:
        """Get the version that an alias stands for."""
        return _with_endpoints(tx, call, find_alias(tx, find_model(tx, call, q.name), q.alias))

    def search(self, tx: Transaction, call: Call, q: g.SearchModelVersions) -> g.ModelVersionPage:
        """Search versions."""
        check_page(q.limit, limits.SEARCH_PAGE)
        schema = MODEL_VERSIONS if q.grammar == "trackway" else MLFLOW_MODEL_VERSIONS
        search = Search(hide_prompts(parse_filter(q.filter, schema)), parse_order(q.order_by, schema), "all")
        query = (q.filter, q.order_by, q.grammar)
        page = Page(q.limit, decode_token(call, query, q.page_token))
        found, after = tx.registry.search_versions(call.workspace, search, page, call.sees.models)
        return g.ModelVersionPage(versions=found, next_page_token=encode_token(call, query, after))

    def update(self, tx: Transaction, call: Call, q: g.UpdateModelVersion) -> g.ModelVersion:
        """Describe a version, or say how far its registration is."""
        check_text("The description", q.description or "", limits.NOTE_CHARS)
        check_text("The status message", q.status_message or "", limits.TAG_VALUE_CHARS)
        changed = {"description": q.description, "status": q.status, "status_message": q.status_message}
        fields: dict[str, object] = {name: value for name, value in changed.items() if value is not None}
        version = find_version(tx, call, q.name, q.version)
        tx.registry.update_version(version.pk, fields | {"updated_ms": call.now_ms})
        record(tx, call, version.model_pk, "version.updated", q.version, fields=", ".join(fields))
        return tx.registry.get_version(version.pk)

    def delete(self, tx: Transaction, call: Call, q: g.VersionName) -> Trashed:
        """Move a version to the trash with the aliases that stand for it; its files stay until the purge."""
        version = find_version(tx, call, q.name, q.version)
        check_held(tx.holds, call, "registered_model", q.name)
        what = Deleted(
            "model_version", f"{q.name}/{q.version}", version.pk, version.model_pk, "registered_model", q.name
        )
        trashed = tx.trash.keep(call, what)
        tx.registry.delete_version(version.pk)
        tx.registry.update(version.model_pk, {"updated_ms": call.now_ms})
        record(tx, call, version.model_pk, "version.deleted", q.version)
        return trashed

    def resume(self, tx: Transaction, call: Call, what: Deleted) -> None:
        """Record that a version is back from the trash."""
        tx.registry.update(what.model_pk, {"updated_ms": call.now_ms})
        record(tx, call, what.model_pk, "version.restored", tx.registry.get_version(what.pk).version)

    def copy(self, tx: Transaction, call: Call, q: g.CopyModelVersion) -> g.ModelVersion:
        """Register a copy of a version, with its description and tags, but without stage and aliases."""
        pk = find_version(tx, call, q.name, q.version).pk
        found = tx.registry.get_version(pk)
        request = g.CreateModelVersion(
            name=q.to,
            source=f"models:/{found.name}/{found.version}",
            description=found.description,
            tags=found.tags,
            run_link=found.run_link,
            external_key=q.external_key,
        )
        known = tx.registry.ref(call.workspace, q.to)
        again = known and q.external_key and tx.registry.find_external_version(known.pk, q.external_key)
        made = self.create(tx, call, request)
        if not again:  # what is the same is signed by the same
            tx.signatures.copy(pk, find_version(tx, call, q.to, made.version).pk)
            made = msgspec.structs.replace(made, signed_by=found.signed_by)
        return made

    def set_tags(self, tx: Transaction, call: Call, q: g.SetVersionTags) -> Empty:
        """Set or replace tags."""
        check_registry_tags(q.tags)
        version = find_version(tx, call, q.name, q.version)
        tx.registry.set_version_tags(version.pk, q.tags)
        record_tags(tx, call, version.model_pk, q.tags, q.version)
        return Empty()

    def delete_tag(self, tx: Transaction, call: Call, q: g.DeleteVersionTag) -> Empty:
        """Delete a tag that is there."""
        version = find_version(tx, call, q.name, q.version)
        if not tx.registry.delete_version_tag(version.pk, q.key):
            check_key("tag", q.key)
            raise NotFound(
                f"Version {q.version} of {q.name[:80]!r} has no tag {q.key[:80]!r}", details={"tag": q.key[:250]}
            )
        record_tags(tx, call, version.model_pk, {q.key: None}, q.version)
        return Empty()

    def transition(self, tx: Transaction, call: Call, q: g.TransitionVersion) -> g.ModelVersion:
        """Give a version a stage, if the policy lets it."""
        check_archiving(q.stage, q.archive_existing)
        version = find_version(tx, call, q.name, q.version)
        check_policy(tx, find_model(tx, call, q.name), version, q.stage)
        return give_stage(tx, call, version, q.stage, q.archive_existing)

    def attest(self, tx: Transaction, call: Call, q: g.AttestVersion) -> g.ModelVersion:
        """Vouch for a version's evaluation."""
        check_text("The note", q.note, limits.KEY_CHARS)
        version = find_version(tx, call, q.name, q.version)
        tx.registry.update_version(version.pk, {"evaluated_by": call.actor.label if q.passed else ""})
        word = "passed" if q.passed else "failed"
        record(tx, call, version.model_pk, "version.attested", q.version, what=q.what, result=word, note=q.note)
        return tx.registry.get_version(version.pk)


def check_archiving(stage: g.Stage | None, archive_existing: bool) -> None:
    """Check that others are to be archived only where a version is put to use.

    raises: InvalidInput
    """
    if archive_existing and stage not in _IN_USE:
        raise InvalidInput(
            f"Other versions are not archived by a transition to {stage!r}",
            hint=f"archive_existing goes with {' and '.join(_IN_USE)}",
        )


def give_stage(
    tx: Transaction, call: Call, version: VersionRef, stage: g.Stage, archive_existing: bool
) -> g.ModelVersion:
    """Give a version a stage, perhaps archiving the others that have it."""
    tx.registry.update(version.model_pk, {"updated_ms": call.now_ms})  # first, so that two at once take turns
    before = tx.registry.get_version(version.pk).stage
    if archive_existing:
        for other in tx.registry.list_stage(version.model_pk, stage):
            if other.pk != version.pk:
                _set_stage(tx, call, other, stage, "Archived")
    _set_stage(tx, call, version, before, stage)
    return tx.registry.get_version(version.pk)


def _set_stage(tx: Transaction, call: Call, version: VersionRef, before: g.Stage, stage: g.Stage) -> None:
    fields: dict[str, object] = {"stage": stage, "updated_ms": call.now_ms}
    if stage != before:
        fields |= {"staged_ms": call.now_ms, "staged_by": call.actor.label}
        record(tx, call, version.model_pk, "stage.changed", version.version, old=before, new=stage)
    tx.registry.update_version(version.pk, fields)


def _with_endpoints(tx: Transaction, call: Call, version: g.ModelVersion) -> g.ModelVersion:
    key = version.name, version.version
    serving = tx.endpoints.list_serving(call.workspace, [key], call.now_ms, call.sees)
    return msgspec.structs.replace(version, endpoints=serving[key]) if serving else version


def _check_new(q: g.CreateModelVersion) -> None:
    check_text("The description", q.description, limits.NOTE_CHARS)
    check_text("The run id", q.run_id, limits.KEY_CHARS)
    check_text("The run link", q.run_link, limits.LOCATION_CHARS)
    check_text("The external key", q.external_key, limits.KEY_CHARS)
    check_registry_tags(q.tags)
    check_time("creation time", q.created_ms)
    if q.version is not None and not 0 < q.version < limits.INT64_MAX:
        raise InvalidInput(f"Invalid version {q.version}", hint="versions count from 1")
