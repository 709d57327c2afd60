"""Recording what was done to registered models and versions, and telling those who asked to be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trackway.api.calls import Call
from trackway.api.registry import TAG_PROMPT, ModelEvent
from trackway.api.webhooks import EventKind
from trackway.rules.events import make_event
from trackway.store.base import Transaction

_KINDS: dict[str, EventKind] = {
    "model.created": "registered_model.created",
    "model.updated": "registered_model.updated",
    "model.renamed": "registered_model.updated",
    "model.deleted": "registered_model.deleted",
    "model.restored": "registered_model.restored",
    "model_tags.set": "registered_model_tag.set",
    "model_tags.deleted": "registered_model_tag.deleted",
    "version.created": "model_version.created",
    "version.updated": "model_version.updated",
    "version.deleted": "model_version.deleted",
    "version.restored": "model_version.restored",
    "version.attested": "model_version.attested",
    "version.signed": "model_version.signed",
    "stage.changed": "model_version.stage_changed",
    "version_tags.set": "model_version_tag.set",
    "version_tags.deleted": "model_version_tag.deleted",
    "alias.set": "model_version_alias.created",
    "alias.deleted": "model_version_alias.deleted",
    "request.opened": "transition_request.opened",
    "request.approved": "transition_request.approved",
    "request.rejected": "transition_request.rejected",
    "request.withdrawn": "transition_request.withdrawn",
    "comment.added": "comment.created",
    "comment.changed": "comment.updated",
    "comment.deleted": "comment.deleted",
    "comment.restored": "comment.restored",
}
_PROMPT_KINDS: dict[EventKind, EventKind] = {
    "registered_model.created": "prompt.created",
    "registered_model_tag.set": "prompt_tag.set",
    "registered_model_tag.deleted": "prompt_tag.deleted",
    "model_version.created": "prompt_version.created",
    "model_version_tag.set": "prompt_version_tag.set",
    "model_version_tag.deleted": "prompt_version_tag.deleted",
    "model_version_alias.created": "prompt_alias.created",
    "model_version_alias.deleted": "prompt_alias.deleted",
}
"""What is told of a prompt, which is kept as a model."""
_TAG_PROMPT_TEXT = "mlflow.prompt.text"
_DESCRIBED: tuple[EventKind, ...] = (
    "registered_model.created",
    "registered_model.updated",
    "model_version.created",
    "model_version.updated",
)
"""Events that tell what the model or version is like now."""


def record(tx: Transaction, call: Call, model_pk: int, action: str, version: int | None = None, **detail: str) -> None:
    """Add to a model's history, in the transaction of what it tells; a deletion is recorded before it is done."""
    event = ModelEvent(time_ms=call.now_ms, actor=call.actor.label, action=action, version=version, detail=detail)
    tx.reviews.add_event(call.workspace, model_pk, event)
    if action in _KINDS:
        _tell(tx, call, model_pk, event, [detail])


def record_tags(
    tx: Transaction, call: Call, model_pk: int, tags: Mapping[str, str | None], version: int | None = None
) -> None:
    """Add to a model's history that tags were set, or (without a value) deleted; each is told by itself."""
    what = "model_tags" if version is None else "version_tags"
    action = f"{what}.deleted" if None in tags.values() else f"{what}.set"
    detail = {"keys": ", ".join(sorted(tags))[:1_000]}
    event = ModelEvent(time_ms=call.now_ms, actor=call.actor.label, action=action, version=version, detail=detail)
    tx.reviews.add_event(call.workspace, model_pk, event)
    pairs = [{"key": key} if value is None else {"key": key, "value": value} for key, value in tags.items()]
    _tell(tx, call, model_pk, event, pairs)


def _tell(tx: Transaction, call: Call, model_pk: int, event: ModelEvent, details: list[dict[str, str]]) -> None:
    kind = _KINDS[event.action]
    if not tx.webhooks.is_wanted(call.workspace, (kind, _PROMPT_KINDS.get(kind, kind))):
        return
    model = tx.registry.get(model_pk)
    is_prompt = model.tags.get(TAG_PROMPT) == "true"
    if is_prompt:
        kind = _PROMPT_KINDS.get(kind, kind)
    for detail in details:
        data: dict[str, Any] = {"name": model.name}
        if event.version is not None:
            data["version"] = str(event.version)
        if _KINDS[event.action] in _DESCRIBED:
            data |= dict(_describe(tx, call, model_pk, event.version, is_prompt))
        tx.webhooks.publish(call.workspace, make_event(call, kind, data | detail))


def _describe(
    tx: Transaction, call: Call, model_pk: int, number: int | None, is_prompt: bool
) -> Iterator[tuple[str, Any]]:
    model = tx.registry.get(model_pk)
    if number is None:
        yield from (("tags", model.tags), ("description", model.description), ("owner", model.owner))
        return
    ref = tx.registry.version_ref(call.workspace, model.name, number)
    assert ref is not None
    version = tx.registry.get_version(ref.pk)
    if is_prompt:
        yield "template", version.tags.get(_TAG_PROMPT_TEXT, "")
    else:
        yield from (("source", version.source), ("run_id", version.run_id), ("status", version.status))
    yield from (("tags", version.tags), ("description", version.description))
