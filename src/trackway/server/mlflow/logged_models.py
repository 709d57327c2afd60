"""Logged models' records, and the older note of a model in a tag of its run."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from trackway.api import limits
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api.runs import GetRun, Ingest
from trackway.base.errors import Conflict
from trackway.server.calls import Caller
from trackway.server.mlflow.codec import Int32, Message, Needed, parse_object
from trackway.server.mlflow.encoders import EMPTY, encode, encode_page, show_model
from trackway.server.mlflow.errors import bad_request, invalid_value, missing_value
from trackway.server.mlflow.experiments import Tag, read_tags
from trackway.server.mlflow.tokens import fetch_page

TAG_HISTORY = "mlflow.log-model.history"
_NOTED_KEYS = ("run_id", "artifact_path", "utc_time_created", "flavors")
PAGE = 50
PAGE_FOR_ZERO = 100

_PREFIX = "LOGGED_MODEL_"
ModelStatus = Annotated[
    Literal[
        "LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"
    ],
    Meta(
        extra={
            "numbers": {
                "LOGGED_MODEL_STATUS_UNSPECIFIED": 0,
                "LOGGED_MODEL_PENDING": 1,
                "LOGGED_MODEL_READY": 2,
                "LOGGED_MODEL_UPLOAD_FAILED": 3,
            }
        }
    ),
]


class Create(Message, frozen=True, kw_only=True):
    """Create a model's record."""

    experiment_id: Needed
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Tag] = []
    tags: list[Tag] = []


class Finalize(Message, frozen=True, kw_only=True):
    """Set a model's status."""

    model_id: Needed
    status: ModelStatus


class ById(Message, frozen=True, kw_only=True):
    """Name a model."""

    model_id: Needed
    allow_deleted: bool = False


class SetTags(Message, frozen=True, kw_only=True):
    """Set tags of a model."""

    model_id: Needed
    tags: list[Tag] = []


class DeleteTag(Message, frozen=True, kw_only=True):
    """Delete a tag of a model."""

    model_id: Needed
    tag_key: Needed


class LogParams(Message, frozen=True, kw_only=True):
    """Add params to a model."""

    model_id: Needed
    params: list[Tag] = []


class DatasetRef(Message, frozen=True, kw_only=True):
    """A data set by name, and by digest when that is sent."""

    dataset_name: Needed
    dataset_digest: str | None = None


class Order(Message, frozen=True, kw_only=True):
    """One term of an order."""

    field_name: Needed
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Search(Message, frozen=True, kw_only=True):
    """Search the models of experiments."""

    experiment_ids: list[str]
    filter: str = ""
    datasets: list[DatasetRef] = []
    max_results: Int32 = PAGE
    order_by: list[Order] = []
    page_token: str = ""


class LogModel(Message, frozen=True, kw_only=True):
    """Note a model in its run's history, as clients did before models had records of their own."""

    run_id: Needed
    model_json: Needed


class ModelHistory:
    """Appends to the tag that lists a run's models; one at a time, so that none is lost between reading and writing."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def append(self, call: Caller, message: LogModel) -> bytes:
        """Add a model to its run's history."""
        model = _read_note(parse_object(message.model_json.encode(), strict=False))
        async with self._lock:
            run = await call(ops.GET_RUN, GetRun(run_id=message.run_id))
            models = [*_parse_history(run.tags.get(TAG_HISTORY, "")), model]
            await call(ops.INGEST, Ingest(run_id=message.run_id, tags={TAG_HISTORY: encode(models).decode()}))
        return EMPTY


async def create(call: Caller, message: Create) -> bytes:
    """Create a model's record."""
    request = m.CreateLoggedModel(
        experiment_id=message.experiment_id,
        name=message.name,
        model_type=message.model_type,
        source_run_id=message.source_run_id,
        params=read_tags(message.params, "params"),
        tags=read_tags(message.tags),
    )
    return _encode(await call(ops.CREATE_LOGGED_MODEL, request))


async def finalize(call: Caller, message: Finalize) -> bytes:
    """Set a model's status."""
    status = cast(m.ModelStatus, message.status.removeprefix(_PREFIX).removeprefix("STATUS_"))
    return _encode(await call(ops.UPDATE_LOGGED_MODEL, m.UpdateLoggedModel(model_id=message.model_id, status=status)))


async def get(call: Caller, message: ById) -> bytes:
    """Return a model's record."""
    request = m.GetLoggedModel(model_id=message.model_id, allow_deleted=message.allow_deleted)
    return _encode(await call(ops.GET_LOGGED_MODEL, request))


async def delete(call: Caller, message: ById) -> bytes:
    """Move a model's record to the trash."""
    await call(ops.DELETE_LOGGED_MODEL, m.DeleteLoggedModel(model_id=message.model_id))
    return EMPTY


async def search(call: Caller, message: Search) -> bytes:
    """Return a page of found models."""
    limit = message.max_results
    if limit < 0:
        raise invalid_value("max_results", limit, "it must not be negative")
    request = m.SearchLoggedModels(
        experiment_ids=message.experiment_ids,
        filter=message.filter,
        datasets=[m.DatasetRef(name=one.dataset_name, digest=one.dataset_digest) for one in message.datasets],
        order_by=[_read_order(i, term) for i, term in enumerate(message.order_by)],
        limit=min(limit or PAGE_FOR_ZERO, limits.SEARCH_PAGE),
        page_token=message.page_token,
    )
    bound = {
        "experiment_ids": message.experiment_ids,
        "filter_string": message.filter or None,
        "order_by": msgspec.to_builtins(message.order_by) or None,
    }
    page, token = await fetch_page(call, ops.SEARCH_LOGGED_MODELS, request, bound)
    if page is None:
        return EMPTY
    return encode_page(b"models", encode([show_model(model) for model in page.models])[1:-1], token)


async def set_tags(call: Caller, message: SetTags) -> bytes:
    """Set tags of a model."""
    tags = {tag.key: tag.value for tag in message.tags}
    await call(ops.SET_LOGGED_MODEL_TAGS, m.SetLoggedModelTags(model_id=message.model_id, tags=tags))
    return EMPTY


async def delete_tag(call: Caller, message: DeleteTag) -> bytes:
    """Delete a tag of a model."""
    await call(ops.DELETE_LOGGED_MODEL_TAG, m.DeleteLoggedModelTag(model_id=message.model_id, key=message.tag_key))
    return EMPTY


async def log_params(call: Caller, message: LogParams) -> bytes:
    """Add params to a model; none may be there already."""
    params = read_tags(message.params, "params")
    try:
        await call(ops.LOG_MODEL_PARAMS, m.LogModelParams(model_id=message.model_id, params=params))
    except Conflict as error:
        raise bad_request(error.message, error.hint) from None
    return EMPTY


def _read_order(i: int, term: Order) -> m.ModelOrder:
    dataset = None
    if term.dataset_name:
        dataset = m.DatasetRef(name=term.dataset_name, digest=term.dataset_digest)
    elif term.dataset_digest:
        raise missing_value(f"order_by[{i}].dataset_name")
    return m.ModelOrder(field=term.field_name, ascending=term.ascending, dataset=dataset)


def _encode(model: m.LoggedModel) -> bytes:
    return encode({"model": show_model(model)})


def _read_note(model: dict[str, Any]) -> dict[str, Any]:
    """Return what a run's history keeps of a model: where it is and what can load it, not how it is configured."""
    for key in _NOTED_KEYS:
        if key not in model:
            raise missing_value(f"model_json.{key}")
    flavors = model["flavors"]
    if not isinstance(flavors, dict) or not all(isinstance(flavor, dict) for flavor in flavors.values()):
        raise invalid_value("model_json.flavors", flavors, "it must be an object of objects")
    note = {key: model[key] for key in _NOTED_KEYS[:3]}
    kept = {name: {key: value for key, value in flavor.items() if key != "config"} for name, flavor in flavors.items()}
    return {**note, "model_uuid": model.get("model_uuid"), "flavors": kept}


def _parse_history(text: str) -> list[Any]:
    """Return the models noted so far; a tag that somebody gave another meaning to is begun anew."""
    try:
        return msgspec.json.decode(text, type=list[Any])
    except msgspec.DecodeError:
        return []
