"""The rules of registered models."""

from __future__ import annotations

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api.calls import Call
from trackway.api.keys import check_key
from trackway.api.structs import Empty
from trackway.api.trash import Trashed
from trackway.base.errors import AlreadyExists, NotFound
from trackway.registry.history import record, record_tags
from trackway.registry.lookup import (
    check_alias,
    check_model_name,
    check_new_alias,
    check_registry_tags,
    find_model,
    find_version,
    hide_prompts,
)
from trackway.registry.policy import check_policy
from trackway.rules.checks import check_page, check_text, check_time
from trackway.rules.grammar import MLFLOW_REGISTERED_MODELS, REGISTERED_MODELS, parse_filter, parse_order
from trackway.rules.handlers import Handlers
from trackway.rules.holds import check_held
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Page, Search, Transaction
from trackway.store.trash import Deleted


class RegisteredModelService:
    """Handlers of the operations on registered models."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.CREATE_REGISTERED_MODEL: self.create,
            ops.GET_REGISTERED_MODEL: self.get,
            ops.SEARCH_REGISTERED_MODELS: self.search,
            ops.UPDATE_REGISTERED_MODEL: self.update,
            ops.RENAME_REGISTERED_MODEL: self.rename,
            ops.DELETE_REGISTERED_MODEL: self.delete,
            ops.SET_REGISTERED_MODEL_TAGS: self.set_tags,
            ops.DELETE_REGISTERED_MODEL_TAG: self.delete_tag,
            ops.SET_ALIAS: self.set_alias,
            ops.DELETE_ALIAS: self.delete_alias,
            ops.GET_LATEST_VERSIONS: self.get_latest,
        }

    def create(self, tx: Transaction, call: Call, q: g.CreateRegisteredModel) -> g.RegisteredModel:
        """Create a registered model, or answer the one that is there."""
        check_model_name(q.name)
        check_text("The description", q.description, limits.NOTE_CHARS)
        check_text("The owner", q.owner, limits.KEY_CHARS)
        check_registry_tags(q.tags)
        check_time("creation time", q.created_ms)
        created_ms = call.now_ms if q.created_ms is None else q.created_ms
        known = tx.registry.ref(call.workspace, q.name)
        if known is not None and q.if_exists == "return":
            return tx.registry.get(known.pk)
        model = g.RegisteredModel(
            name=q.name,
            description=q.description,
            owner=q.owner or call.actor.name,
            created_ms=created_ms,
            updated_ms=created_ms,
            tags=q.tags,
        )
        pk = None if known else tx.registry.create(call.workspace, model)
        if pk is None:
            raise _taken(q.name)
        record(tx, call, pk, "model.created", name=q.name)
        return model

    def get(self, tx: Transaction, call: Call, q: g.RegisteredModelName) -> g.RegisteredModel:
        """Get a registered model with the newest version of each stage."""
        return tx.registry.get(find_model(tx, call, q.name).pk)

    def search(self, tx: Transaction, call: Call, q: g.SearchRegisteredModels) -> g.RegisteredModelPage:
        """Search registered models."""
        check_page(q.limit, limits.SEARCH_PAGE)
        schema = REGISTERED_MODELS if q.grammar == "trackway" else MLFLOW_REGISTERED_MODELS
        search = Search(hide_prompts(parse_filter(q.filter, schema)), parse_order(q.order_by, schema), "all")
        query = (q.filter, q.order_by, q.grammar)
        found, after = tx.registry.search(
            call.workspace, search, Page(q.limit, decode_token(call, query, q.page_token)), call.sees.models
        )
        return g.RegisteredModelPage(models=found, next_page_token=encode_token(call, query, after))

    def update(self, tx: Transaction, call: Call, q: g.UpdateRegisteredModel) -> g.RegisteredModel:
        """Describe a registered model, or give it another owner."""
        changed = {"description": q.description, "owner": q.owner}
        fields: dict[str, object] = {name: value for name, value in changed.items() if value is not None}
        check_text("The description", q.description or "", limits.NOTE_CHARS)
        check_text("The owner", q.owner or "", limits.KEY_CHARS)
        pk = find_model(tx, call, q.name).pk
        tx.registry.update(pk, fields | {"updated_ms": call.now_ms})
        record(tx, call, pk, "model.updated", fields=", ".join(fields))
        return tx.registry.get(pk)

    def rename(self, tx: Transaction, call: Call, q: g.RenameRegisteredModel) -> g.RegisteredModel:
        """Rename a registered model; its own name is as good as another."""
        check_model_name(q.new_name)
        model = find_model(tx, call, q.name)
        check_held(tx.holds, call, "registered_model", q.name)  # a hold is on a name
        if not tx.registry.rename(model, q.new_name, call.now_ms):
            raise _taken(q.new_name)
        record(tx, call, model.pk, "model.renamed", old=q.name, new=q.new_name)
        return tx.registry.get(model.pk)

    def delete(self, tx: Transaction, call: Call, q: g.RegisteredModelName) -> Trashed:
        """Move a registered model with its versions to the trash, whatever their stage; files stay until the purge."""
        pk = find_model(tx, call, q.name).pk
        check_held(tx.holds, call, "registered_model", q.name)
        trashed = tx.trash.keep(call, Deleted("registered_model", q.name, pk))
        record(tx, call, pk, "model.deleted", name=q.name)
        tx.registry.delete(pk)
        return trashed

    def resume(self, tx: Transaction, call: Call, what: Deleted) -> None:
        """Record that a registered model is back from the trash."""
        record(tx, call, what.pk, "model.restored", name=what.name)

    def set_tags(self, tx: Transaction, call: Call, q: g.SetRegisteredModelTags) -> Empty:
        """Set or replace tags."""
        check_registry_tags(q.tags)
        pk = find_model(tx, call, q.name).pk
        tx.registry.set_tags(pk, q.tags)
        record_tags(tx, call, pk, q.tags)
        return Empty()

    def delete_tag(self, tx: Transaction, call: Call, q: g.DeleteRegisteredModelTag) -> Empty:
        """Delete a tag that is there."""
        pk = find_model(tx, call, q.name).pk
        if not tx.registry.delete_tag(pk, q.key):
            check_key("tag", q.key)
            raise NotFound(f"Registered model {q.name[:80]!r} has no tag {q.key[:80]!r}", details={"tag": q.key})
        record_tags(tx, call, pk, {q.key: None})
        return Empty()

    def set_alias(self, tx: Transaction, call: Call, q: g.SetAlias) -> Empty:
        """Make an alias stand for a version, if the policy lets it."""
        check_new_alias(q.alias)
        version = find_version(tx, call, q.name, q.version)
        check_policy(tx, find_model(tx, call, q.name), version, alias=q.alias)
        tx.registry.set_alias(version, q.alias, call.now_ms, call.actor.label)
        record(tx, call, version.model_pk, "alias.set", q.version, alias=q.alias)
        return Empty()

    def delete_alias(self, tx: Transaction, call: Call, q: g.Alias) -> Empty:
        """Delete an alias; one that is not there is gone already."""
        check_alias(q.alias)
        pk = find_model(tx, call, q.name).pk
        found = tx.registry.find_alias(pk, q.alias)
        if tx.registry.delete_alias(pk, q.alias) and found is not None:
            record(tx, call, pk, "alias.deleted", tx.registry.get_version(found).version, alias=q.alias)
        return Empty()

    def get_latest(self, tx: Transaction, call: Call, q: g.GetLatestVersions) -> g.VersionList:
        """Get the newest version of each stage."""
        pk = find_model(tx, call, q.name).pk
        stages = [stage for stage in g.STAGES if stage in q.stages] if q.stages else g.STAGES
        return g.VersionList(versions=tx.registry.list_latest(pk, stages))


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"Registered Model (name={name}) already exists.", hint="choose another name")
