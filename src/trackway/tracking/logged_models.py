"""The rules of logged models' records."""

from __future__ import annotations

from collections.abc import Mapping

from trackway.api import limits
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.query import OrderTerm
from trackway.api.structs import Empty
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.base.ids import new_id
from trackway.base.names import new_name
from trackway.rules.checks import (
    check_count,
    check_name,
    check_new_id,
    check_page,
    check_text,
    check_time,
)
from trackway.rules.grammar import MLFLOW_LOGGED_MODELS, parse_filter, resolve_order_field
from trackway.rules.handlers import Handlers
from trackway.rules.moments import Moments, later_ms
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Page, Search, Transaction
from trackway.tracking.experiments import get_live_experiment
from trackway.tracking.runs import experiment_numbers

_FORBIDDEN = frozenset("/:.%\"'")


class LoggedModelService:
    """Handlers of the operations on the records of models."""

    def __init__(self) -> None:
        self._moments = Moments()

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.CREATE_LOGGED_MODEL: self.create,
            ops.GET_LOGGED_MODEL: self.get,
            ops.UPDATE_LOGGED_MODEL: self.update,
            ops.DELETE_LOGGED_MODEL: self.delete,
            ops.SEARCH_LOGGED_MODELS: self.search,
            ops.SET_LOGGED_MODEL_TAGS: self.set_tags,
            ops.DELETE_LOGGED_MODEL_TAG: self.delete_tag,
            ops.LOG_MODEL_PARAMS: self.log_params,
        }

    def create(self, tx: Transaction, call: Call, q: m.CreateLoggedModel) -> m.LoggedModel:
        """Create the record of a model, pending."""
        name = q.name or new_name()
        check_name("model name", name, limits.EXPERIMENT_NAME_CHARS)
        if _FORBIDDEN & set(name):
            raise InvalidInput(f"Invalid model name {name[:80]!r}", hint="it must not hold any of / : . % \" '")
        check_text("The model type", q.model_type, limits.KEY_CHARS)
        check_text("The source run id", q.source_run_id, limits.KEY_CHARS)
        _check_pairs("param", q.params)
        _check_pairs("tag", q.tags)
        check_time("creation time", q.created_ms)
        created_ms = self._moments.next_ms(call.now_ms) if q.created_ms is None else q.created_ms
        experiment = get_live_experiment(tx, call, q.experiment_id)
        if q.model_id:
            check_new_id("model id", q.model_id)
            if tx.logged_models.get(call.workspace, q.model_id, deleted=True) is not None:
                raise AlreadyExists(f"A logged model with id {q.model_id!r} already exists")
        model_id = q.model_id or f"m-{new_id()}"
        model = m.LoggedModel(
            model_id=model_id,
            experiment_id=experiment.experiment_id,
            name=name,
            model_type=q.model_type,
            source_run_id=q.source_run_id,
            artifact_uri=f"{experiment.artifact_location.rstrip('/')}/models/{model_id}/artifacts",
            status="PENDING",
            status_message=None,
            created_ms=created_ms,
            updated_ms=created_ms,
            params=q.params,
            tags=q.tags,
        )
        tx.logged_models.create(call.workspace, model)
        return model

    def get(self, tx: Transaction, call: Call, q: m.GetLoggedModel) -> m.LoggedModel:
        """Get the record of a model."""
        return _get(tx, call, q.model_id, q.allow_deleted)

    def update(self, tx: Transaction, call: Call, q: m.UpdateLoggedModel) -> m.LoggedModel:
        """Set a model's status."""
        check_text("The status message", q.status_message or "", limits.TAG_VALUE_CHARS)
        known = _get(tx, call, q.model_id)
        check_time("update time", q.updated_ms)
        updated_ms = later_ms(call.now_ms, known.updated_ms) if q.updated_ms is None else q.updated_ms
        tx.logged_models.update(call.workspace, q.model_id, q.status, q.status_message, updated_ms)
        return _get(tx, call, q.model_id)

    def delete(self, tx: Transaction, call: Call, q: m.DeleteLoggedModel) -> Empty:
        """Move a record to the trash; one that is there stays."""
        check_time("deletion time", q.deleted_ms)
        _get(tx, call, q.model_id, deleted=True)
        tx.logged_models.delete(call.workspace, q.model_id, call.now_ms if q.deleted_ms is None else q.deleted_ms)
        return Empty()

    def search(self, tx: Transaction, call: Call, q: m.SearchLoggedModels) -> m.LoggedModelPage:
        """Search models of experiments."""
        check_page(q.limit, limits.SEARCH_PAGE)
        check_text("The filter", q.filter, limits.FILTER_CHARS)
        check_count("order_by terms", len(q.order_by), limits.ORDER_TERMS)
        check_count("data sets", len(q.datasets), limits.DATASETS_PER_SEARCH)
        numbers = call.sees.narrow(experiment_numbers(q.experiment_ids) or []) or []
        order = tuple(
            OrderTerm(resolve_order_field(term.field, MLFLOW_LOGGED_MODELS), descending=not term.ascending)
            for term in q.order_by
        )
        search = Search(parse_filter(q.filter, MLFLOW_LOGGED_MODELS), order, q.view)
        query = (q.experiment_ids, q.filter, [repr(d) for d in q.datasets], [repr(o) for o in q.order_by], q.view)
        page = Page(q.limit, decode_token(call, query, q.page_token))
        order_datasets = [term.dataset for term in q.order_by]
        found, after = tx.logged_models.search(call.workspace, numbers, search, q.datasets, order_datasets, page)
        return m.LoggedModelPage(models=found, next_page_token=encode_token(call, query, after))

    def set_tags(self, tx: Transaction, call: Call, q: m.SetLoggedModelTags) -> Empty:
        """Set or replace tags of a model."""
        _check_pairs("tag", q.tags)
        _get(tx, call, q.model_id)
        tx.logged_models.set_tags(call.workspace, q.model_id, q.tags)
        return Empty()

    def delete_tag(self, tx: Transaction, call: Call, q: m.DeleteLoggedModelTag) -> Empty:
        """Delete a tag that is there."""
        _get(tx, call, q.model_id)
        if not tx.logged_models.delete_tag(call.workspace, q.model_id, q.key):
            raise NotFound(f"Logged model {q.model_id} has no tag {q.key[:80]!r}")
        return Empty()

    def log_params(self, tx: Transaction, call: Call, q: m.LogModelParams) -> Empty:
        """Add params; a key that is there is refused, whatever its value."""
        _check_pairs("param", q.params)
        known = _get(tx, call, q.model_id).params.keys() & q.params.keys()
        if known:
            raise Conflict(
                f"Logged model {q.model_id} has a param {min(known)[:80]!r} already", hint="params are written once"
            )
        tx.logged_models.add_params(call.workspace, q.model_id, q.params)
        return Empty()


def _check_pairs(kind: str, pairs: Mapping[str, str]) -> None:
    """Check lengths; a key may have any characters, as clients name what they like after the arguments of a model."""
    check_count(f"{kind}s", len(pairs), limits.PARAMS_PER_INGEST)
    for key, value in pairs.items():
        check_name(f"{kind} key", key, limits.KEY_CHARS)
        check_text(f"{kind.capitalize()} {key[:80]!r}", value, limits.PARAM_VALUE_CHARS)


def _get(tx: Transaction, call: Call, model_id: str, deleted: bool = False) -> m.LoggedModel:
    model = tx.logged_models.get(call.workspace, model_id, deleted)
    if model is None:
        raise NotFound(f"Logged model {model_id[:80]!r} not found")
    return model
