"""The rules of bringing over registered models: numbers, times and authors are kept, what is here stays."""

from __future__ import annotations

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import transfers as t
from trackway.api.calls import Call
from trackway.base.errors import AlreadyExists, InvalidInput, TrackwayError
from trackway.base.ids import is_id
from trackway.registry.content import bring_content, has_content
from trackway.registry.history import record
from trackway.registry.lookup import check_model_name, check_new_alias, check_registry_tags
from trackway.registry.past import ROWS, add_past, check_past
from trackway.registry.sources import MODELS, Source, resolve_source
from trackway.rules.checks import check_count, check_name, check_text, check_time
from trackway.rules.handlers import Handlers
from trackway.store.base import Transaction, VersionRow


class TransferService:
    """Handler of the import of registered models."""

    def handlers(self) -> Handlers:
        """Return the handler."""
        return {ops.IMPORT_REGISTERED_MODEL: self.import_model}

    def import_model(self, tx: Transaction, call: Call, q: t.ImportRegisteredModel) -> t.ImportedModel:
        """Bring over what is new of a registered model."""
        past = q.model
        _check(q)
        pk, is_new = _find_or_create(tx, call, q)
        name, made, left_out = past.name, [], {}
        for version in past.versions:
            origin = _find_origin(tx, call, q.origin, version.copied_from)
            here = tx.registry.version_ref(call.workspace, name, version.version)
            if here is None:
                try:
                    _create_version(tx, call, pk, name, version, origin)
                except TrackwayError as error:  # this version cannot be here, which is no reason to leave out others
                    left_out[version.version] = error.message
                    continue
                made.append(version.version)
            elif origin is not None and origin != here.pk and not tx.registry.get_version(here.pk).copied_from:
                tx.registry.update_version(here.pk, {"origin_pk": origin})
        known = tx.registry.get(pk).aliases
        for alias, number in past.aliases.items():
            ref = tx.registry.version_ref(call.workspace, name, number)
            if alias not in known and ref is not None and (is_new or number in made):
                tx.registry.set_alias(ref, alias, past.updated_ms or call.now_ms, call.actor.label)
        if past.last_version > tx.registry.get(pk).last_version:
            tx.registry.update(pk, {"last_version": past.last_version})
        added = add_past(tx, call, pk, past)
        if is_new or made:
            record(tx, call, pk, "model.imported", origin=q.origin, versions=str(len(made)))
        if is_new:
            tx.registry.update(pk, {"updated_ms": past.updated_ms or call.now_ms})
        return t.ImportedModel(
            name=name,
            is_new=is_new,
            versions=made,
            comments=added.comments,
            events=added.events,
            requests=added.requests,
            left_out=left_out,
        )


def _find_or_create(tx: Transaction, call: Call, q: t.ImportRegisteredModel) -> tuple[int, bool]:
    past = q.model
    known = tx.registry.ref(call.workspace, past.name)
    if known is not None:
        origin = tx.registry.get(known.pk).tags.get(t.TAG_ORIGIN, "")
        if origin != q.origin:
            came = f"was imported from {origin[:200]}" if origin else "was not imported"
            raise AlreadyExists(
                f"A registered model {past.name!r} is here that {came}", hint="rename it, and import again"
            )
        tx.registry.update(known.pk, {"name": past.name})  # changes nothing, so that two at once take turns
        return known.pk, False
    model = g.RegisteredModel(
        name=past.name,
        description=past.description,
        owner=past.owner,
        created_ms=past.created_ms or call.now_ms,
        updated_ms=past.updated_ms or call.now_ms,
        tags={**past.tags, t.TAG_ORIGIN: q.origin},
    )
    pk = tx.registry.create(call.workspace, model)
    if pk is None:
        raise AlreadyExists(f"A registered model {past.name!r} is here", hint="import again")
    if past.policy:
        policy = msgspec.json.encode(g.ModelPolicy(rules=past.policy)).decode()
        tx.registry.update(pk, {"policy": policy})
    return pk, True


def _find_origin(tx: Transaction, call: Call, source: str, copied_from: str) -> int | None:
    """Return the number in the store of the version that one is a copy of, if it was imported from the same source."""
    name, _, number = copied_from.rpartition("/")
    model = tx.registry.ref(call.workspace, name) if name else None
    if model is None or tx.registry.get(model.pk).tags.get(t.TAG_ORIGIN) != source:
        return None
    is_number = number.isascii() and number.isdigit() and len(number) <= 18
    found = tx.registry.version_ref(call.workspace, name, int(number)) if is_number else None
    return None if found is None else found.pk


def _create_version(tx: Transaction, call: Call, pk: int, name: str, past: t.PastVersion, origin: int | None) -> None:
    source = _resolve(tx, call, name, past)
    content_path, digest = bring_content(tx, call, source, past.content, past.digest)
    created_ms = past.created_ms or call.now_ms
    version = g.ModelVersion(
        name=name,
        version=past.version,
        status=past.status,
        status_message=past.status_message,
        stage=past.stage,
        source=source.source,
        location=source.location,
        run_id=source.run_id,
        model_id=source.model_id,
        run_link=past.run_link,
        description=past.description,
        user=past.user,
        created_ms=created_ms,
        updated_ms=past.updated_ms or created_ms,
        staged_by=past.staged_by,
        evaluated_by=past.evaluated_by,
        digest=digest,
        tags=past.tags,
    )
    number = tx.registry.create_version(
        call.workspace, pk, version, VersionRow("", source.origin or origin, content_path)
    )
    tx.registry.update_version(number, {"staged_ms": past.staged_ms})


def _resolve(tx: Transaction, call: Call, name: str, past: t.PastVersion) -> Source:
    """Return where a version came from; when its files came along, what it came from need not be here."""
    is_of_model = bool(past.model_id) and past.source == f"{MODELS}{past.model_id}"
    if is_of_model and has_content(tx, call, past.content):
        return Source(past.source, past.source, past.run_id, past.model_id)
    fields = {field: getattr(past, field) for field in ("source", "run_id", "model_id", "tags")}
    request = g.CreateModelVersion(name=name, **fields)
    return resolve_source(tx, call, request)


def _check(q: t.ImportRegisteredModel) -> None:
    past = q.model
    check_name("origin", q.origin, limits.LOCATION_CHARS)
    check_model_name(past.name)
    check_text("The description", past.description, limits.NOTE_CHARS)
    check_text("The owner", past.owner, limits.KEY_CHARS)
    check_registry_tags(past.tags)
    for alias in past.aliases:
        check_new_alias(alias)
    for what, many in (
        ("versions", past.versions),
        ("comments", past.comments),
        ("requests", past.requests),
        ("events", past.events),
    ):
        check_count(what, len(many), ROWS)
    numbers = {version.version for version in past.versions}
    if len(numbers) < len(past.versions):
        raise InvalidInput("A version is there twice", hint="send each number once")
    if not 0 <= past.last_version < limits.INT64_MAX:
        raise InvalidInput(f"Invalid last version {past.last_version}", hint="versions count from 1")
    for version in past.versions:
        _check_version(version)
    check_past(past)


def _check_version(version: t.PastVersion) -> None:
    if not 0 < version.version < limits.INT64_MAX:
        raise InvalidInput(f"Invalid version {version.version}", hint="versions count from 1")
    for what, text, limit in (
        ("The description", version.description, limits.NOTE_CHARS),
        ("The status message", version.status_message, limits.TAG_VALUE_CHARS),
        ("The run link", version.run_link, limits.LOCATION_CHARS),
        ("The run id", version.run_id, limits.KEY_CHARS),
        ("The user", version.user, limits.KEY_CHARS),
        ("Who gave the stage", version.staged_by, limits.KEY_CHARS),
        ("Who evaluated it", version.evaluated_by, limits.KEY_CHARS),
        ("What it is a copy of", version.copied_from, limits.LOCATION_CHARS),
    ):
        check_text(what, text, limit)
    if version.content and not is_id(version.content):
        raise InvalidInput(f"Invalid folder {version.content[:80]!r}", hint="1 to 64 letters, digits, _ or -")
    check_registry_tags(version.tags)
    for what, moment in (
        ("creation time", version.created_ms),
        ("time of change", version.updated_ms),
        ("time of the stage", version.staged_ms),
    ):
        check_time(what, moment)
