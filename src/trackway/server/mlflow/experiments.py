"""Experiments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta

from trackway.api import experiments as e
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.runs import SearchDatasets
from trackway.api.structs import View
from trackway.base.errors import AlreadyExists, InvalidInput, NotFound
from trackway.server.calls import Caller
from trackway.server.mlflow.codec import Int64, Message, Needed, ViewType
from trackway.server.mlflow.encoders import EMPTY, encode, encode_page, show_experiment
from trackway.server.mlflow.errors import bad_request, invalid_value, missing_value
from trackway.server.mlflow.tokens import fetch_page

VIEWS: dict[str, View] = {"ACTIVE_ONLY": "active", "DELETED_ONLY": "deleted", "ALL": "all"}
DATASET_EXPERIMENTS = 20
"""Most experiments of one search for data sets."""
DATASETS = 1_000
TAG_VALUE_CHARS = 20_000
"""Longest value of an experiment's tag."""
VIEW_TAG = "mlflow.customView.view"
"""What the keys of tags begin with that hold views of pages."""
VIEWS_KEPT = 50
"""Most views of one experiment."""


TagValue = Annotated[str, Meta(max_length=TAG_VALUE_CHARS)]


class Tag(Message, frozen=True, kw_only=True):
    """A tag; a value that is not sent is empty."""

    key: Needed
    value: str = ""


class ExperimentTag(Message, frozen=True, kw_only=True):
    """A tag of an experiment."""

    key: Needed
    value: TagValue = ""


class Create(Message, frozen=True, kw_only=True):
    """Create an experiment."""

    name: Needed
    artifact_location: str = ""
    tags: list[ExperimentTag] = []


class ById(Message, frozen=True, kw_only=True):
    """Name an experiment by its id."""

    experiment_id: Needed


class ByName(Message, frozen=True, kw_only=True):
    """Name an experiment by its name."""

    experiment_name: Needed


class Rename(Message, frozen=True, kw_only=True):
    """Rename an experiment."""

    experiment_id: Needed
    new_name: Needed


class SetTag(Message, frozen=True, kw_only=True):
    """Set a tag."""

    experiment_id: Needed
    key: Needed
    value: TagValue = ""


class DeleteTag(Message, frozen=True, kw_only=True):
    """Delete a tag."""

    experiment_id: Needed
    key: Needed


class Search(Message, frozen=True, kw_only=True):
    """Search experiments; the page's size must be given."""

    max_results: Int64 = 0
    page_token: str = ""
    filter: str = ""
    order_by: list[str] = []
    view_type: ViewType = "ACTIVE_ONLY"


class ListAll(Message, frozen=True, kw_only=True):
    """List experiments as clients of the first generation do, which do not page."""

    view_type: ViewType = "ACTIVE_ONLY"
    max_results: Int64 = limits.SEARCH_PAGE
    page_token: str = ""


class FindDatasets(Message, frozen=True, kw_only=True):
    """List the data sets of some experiments."""

    experiment_ids: list[str] = []


def read_tags(tags: Sequence[Tag | ExperimentTag], field: str = "tags") -> dict[str, str]:
    """Return tags by key; one that is there twice has no one value."""
    by_key = {tag.key: tag.value for tag in tags}
    if len(by_key) < len(tags):
        raise bad_request(f"Duplicate keys in '{field}'", hint="send each key once")
    return by_key


def check_max_results(value: int, most: int) -> int:
    """Return a page's size that is within its endpoint's limits."""
    if not 1 <= value <= most:
        raise invalid_value("max_results", value, f"it must be from 1 to {most}")
    return value


async def create(call: Caller, m: Create) -> bytes:
    """Create an experiment whose name no other has, not even one in the trash."""
    tags = read_tags(m.tags)
    _check_views(tags)
    request = e.CreateExperiment(name=m.name, artifact_location=m.artifact_location, tags=tags, unique_among="all")
    experiment = await call(ops.CREATE_EXPERIMENT, request)
    return encode({"experiment_id": experiment.experiment_id})


async def get(call: Caller, m: ById) -> bytes:
    """Return an experiment, in the trash or not."""
    experiment = await call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id=m.experiment_id))
    return encode({"experiment": show_experiment(experiment)})


async def get_by_name(call: Caller, m: ByName) -> bytes:
    """Return the experiment of a name, in the trash or not."""
    request = e.GetExperimentByName(name=m.experiment_name, view="all")
    return encode({"experiment": show_experiment(await call(ops.GET_EXPERIMENT_BY_NAME, request))})


async def search(call: Caller, m: Search) -> bytes:
    """Return a page of found experiments."""
    request = e.SearchExperiments(
        filter=m.filter,
        order_by=m.order_by,
        view=VIEWS[m.view_type],
        limit=check_max_results(m.max_results, limits.SEARCH_PAGE),
        page_token=m.page_token,
        grammar="mlflow",
    )
    page, token = await fetch_page(call, ops.SEARCH_EXPERIMENTS, request)
    if page is None:
        return EMPTY
    shown = encode([show_experiment(experiment) for experiment in page.experiments])
    return encode_page(b"experiments", shown[1:-1], token)


async def list_all(call: Caller, m: ListAll) -> bytes:
    """Return a page of experiments."""
    return await search(
        call, Search(max_results=m.max_results, page_token=m.page_token, view_type=m.view_type, order_by=[])
    )


async def rename(call: Caller, m: Rename) -> bytes:
    """Rename an experiment to what no other is called, not even one in the trash."""
    known = await call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id=m.experiment_id))
    taken = f"Experiment {m.new_name[:80]!r} already exists"
    try:
        other = await call(ops.GET_EXPERIMENT_BY_NAME, e.GetExperimentByName(name=m.new_name, view="all"))
        if other.experiment_id != known.experiment_id:
            raise bad_request(taken)
    except NotFound:
        pass
    try:
        await call(ops.UPDATE_EXPERIMENT, e.UpdateExperiment(experiment_id=m.experiment_id, name=m.new_name))
    except AlreadyExists:
        raise bad_request(taken) from None
    return EMPTY


async def delete(call: Caller, m: ById) -> bytes:
    """Move an experiment and its runs to the trash."""
    await call(ops.DELETE_EXPERIMENT, e.DeleteExperiment(experiment_id=m.experiment_id))
    return EMPTY


async def restore(call: Caller, m: ById) -> bytes:
    """Bring an experiment back with every run, also those that were in the trash before it."""
    await call(ops.RESTORE_EXPERIMENT, e.RestoreExperiment(experiment_id=m.experiment_id, all_runs=True))
    return EMPTY


async def set_tag(call: Caller, m: SetTag) -> bytes:
    """Set a tag."""
    if m.key.startswith(VIEW_TAG):
        known = await call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id=m.experiment_id))
        _check_views({*known.tags, m.key})
    await call(ops.SET_EXPERIMENT_TAGS, e.SetExperimentTags(experiment_id=m.experiment_id, tags={m.key: m.value}))
    return EMPTY


def _check_views(keys: Iterable[str]) -> None:
    if sum(key.startswith(VIEW_TAG) for key in keys) > VIEWS_KEPT:
        raise InvalidInput(f"An experiment has at most {VIEWS_KEPT} custom views", hint="delete one of them first")


async def delete_tag(call: Caller, m: DeleteTag) -> bytes:
    """Delete a tag."""
    await call(ops.DELETE_EXPERIMENT_TAG, e.DeleteExperimentTag(experiment_id=m.experiment_id, key=m.key))
    return EMPTY


async def search_datasets(call: Caller, m: FindDatasets) -> bytes:
    """Return the data sets of experiments."""
    if not m.experiment_ids:
        raise missing_value("experiment_ids")
    if len(m.experiment_ids) > DATASET_EXPERIMENTS:
        raise invalid_value("experiment_ids", m.experiment_ids, f"at most {DATASET_EXPERIMENTS} are allowed")
    found = await call(ops.SEARCH_DATASETS, SearchDatasets(experiment_ids=m.experiment_ids, limit=DATASETS))
    if not found.datasets:
        return EMPTY
    shown = []
    for one in found.datasets:
        item = {"experiment_id": one.experiment_id, "name": one.name, "digest": one.digest}
        shown.append({**item, "context": one.context} if one.context is not None else item)
    return encode({"dataset_summaries": shown})
