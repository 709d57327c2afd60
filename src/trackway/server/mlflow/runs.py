"""Runs, but for their metrics."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.base.ids import is_id
from trackway.server.calls import Caller
from trackway.server.mlflow.codec import Int32, Int64, Message, Needed, Timestamp, ViewType
from trackway.server.mlflow.encoders import EMPTY, RunRenderer, encode, encode_run, run_info
from trackway.server.mlflow.errors import bad_request, invalid_value
from trackway.server.mlflow.experiments import VIEWS, Tag, check_max_results, read_tags
from trackway.server.mlflow.tokens import fetch_page

DEFAULT_EXPERIMENT = "0"
"""What clients send who were told of no experiment: it stands for the workspace's own."""
DIGEST_CHARS = 36
"""Longest digest of a data set that this protocol can carry."""
PARAM_VALUE_CHARS = 6_000
"""Longest value of a param; peers cut what is longer, which is refused here."""
TAG_VALUE_CHARS = 8_000
"""Longest value of a run's tag; peers cut what is longer, which is refused here."""

RunStatus = Annotated[
    Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"],
    Meta(extra={"numbers": {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}}),
]


ParamValue = Annotated[str, Meta(max_length=PARAM_VALUE_CHARS)]
TagValue = Annotated[str, Meta(max_length=TAG_VALUE_CHARS)]


class Create(Message, frozen=True, kw_only=True):
    """Start a run. A start that is not sent is 0, and a name that is not sent is made up."""

    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: Timestamp = 0
    tags: list[Tag] = []


class Update(Message, frozen=True, kw_only=True):
    """Change what is sent."""

    run_id: Needed
    run_uuid: str = ""
    status: RunStatus | None = None
    end_time: Timestamp | None = None
    run_name: str = ""


class ById(Message, frozen=True, kw_only=True):
    """Name a run."""

    run_id: Needed
    run_uuid: str = ""


class SetTag(Message, frozen=True, kw_only=True):
    """Set a tag."""

    run_id: Needed
    run_uuid: str = ""
    key: Needed
    value: TagValue = ""


class DeleteTag(Message, frozen=True, kw_only=True):
    """Delete a tag."""

    run_id: Needed
    run_uuid: str = ""
    key: Needed


class LogParam(Message, frozen=True, kw_only=True):
    """Log a param."""

    run_id: Needed
    run_uuid: str = ""
    key: Needed
    value: ParamValue = ""


class Search(Message, frozen=True, kw_only=True):
    """Search the runs of some experiments; of none when none is named."""

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: ViewType = "ACTIVE_ONLY"
    max_results: Int32 = 1_000
    order_by: list[str] = []
    page_token: str = ""


class Dataset(Message, frozen=True, kw_only=True):
    """A data set."""

    name: Needed
    digest: Annotated[str, Meta(min_length=1, max_length=DIGEST_CHARS)]
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Message, frozen=True, kw_only=True):
    """A data set with tags of its use."""

    tags: list[Tag] = []
    dataset: Dataset


class ModelInput(Message, frozen=True, kw_only=True):
    """A model that a run read."""

    model_id: Needed


class LogInputs(Message, frozen=True, kw_only=True):
    """Log the data sets and models that a run read."""

    run_id: Needed
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []


class ModelOutput(Message, frozen=True, kw_only=True):
    """A model that a run made."""

    model_id: Needed
    step: Int64 = 0


class LogOutputs(Message, frozen=True, kw_only=True):
    """Log the models that a run made."""

    run_id: Needed
    models: list[ModelOutput]


class RunSearch:
    """Answers searches; runs that were shown before and have not changed are not encoded again."""

    def __init__(self) -> None:
        self._renderer = RunRenderer()

    async def search(self, call: Caller, m: Search) -> bytes:
        """Return a page of found runs."""
        request = r.SearchRuns(
            experiment_ids=m.experiment_ids,
            filter=m.filter,
            order_by=m.order_by,
            view=VIEWS[m.run_view_type],
            limit=check_max_results(m.max_results, limits.SEARCH_PAGE),
            page_token=m.page_token,
            grammar="mlflow",
        )
        page, token = await fetch_page(call, ops.SEARCH_RUNS, request)
        if page is None:
            return EMPTY
        return await self._renderer.render_page(page.runs, token)


def check_run_id(run_id: str) -> None:
    """Check the form of a run's id, where this protocol asks for it before it looks for the run."""
    if not is_id(run_id):
        raise invalid_value("run_id", run_id, "it must be 1 to 64 letters, digits, '_' or '-'")


async def create(call: Caller, m: Create) -> bytes:
    """Start a run."""
    tags = read_tags(m.tags)
    tagged = tags.get(r.TAG_NAME, "")
    if m.run_name and tagged and m.run_name != tagged:
        raise invalid_value("run_name", m.run_name, f"the tag {r.TAG_NAME} says {tagged[:80]!r}; send one name")
    request = r.CreateRun(
        experiment_id="" if m.experiment_id == DEFAULT_EXPERIMENT else m.experiment_id,
        name=m.run_name or tagged,
        user=m.user_id,
        start_ms=m.start_time,
        tags=tags,
    )
    return encode_run(await call(ops.CREATE_RUN, request), created=True)


async def update(call: Caller, m: Update) -> bytes:
    """Change a run's status, end or name."""
    request = r.UpdateRun(run_id=m.run_id, status=m.status, end_ms=m.end_time, name=m.run_name or None)
    return encode({"run_info": run_info(await call(ops.UPDATE_RUN, request))})


async def get(call: Caller, m: ById) -> bytes:
    """Return a run, in the trash or not."""
    return encode_run(await call(ops.GET_RUN, r.GetRun(run_id=m.run_id)))


async def delete(call: Caller, m: ById) -> bytes:
    """Move a run to the trash."""
    await call(ops.DELETE_RUN, r.DeleteRun(run_id=m.run_id))
    return EMPTY


async def restore(call: Caller, m: ById) -> bytes:
    """Bring a run back from the trash."""
    await call(ops.RESTORE_RUN, r.RunId(run_id=m.run_id))
    return EMPTY


async def set_tag(call: Caller, m: SetTag) -> bytes:
    """Set a tag."""
    await call(ops.INGEST, r.Ingest(run_id=m.run_id, tags={m.key: m.value}))
    return EMPTY


async def delete_tag(call: Caller, m: DeleteTag) -> bytes:
    """Delete a tag."""
    await call(ops.DELETE_RUN_TAG, r.DeleteRunTag(run_id=m.run_id, key=m.key))
    return EMPTY


async def log_param(call: Caller, m: LogParam) -> bytes:
    """Log a param."""
    await call(ops.INGEST, r.Ingest(run_id=m.run_id, params={m.key: m.value}))
    return EMPTY


async def log_inputs(call: Caller, m: LogInputs) -> bytes:
    """Log data sets and models that the run read; a link that is there stays as it is."""
    check_run_id(m.run_id)
    datasets = []
    for i, one in enumerate(m.datasets):
        d = one.dataset
        dataset = r.Dataset(
            name=d.name,
            digest=d.digest,
            source_type=d.source_type,
            source=d.source,
            schema=d.schema,
            profile=d.profile,
        )
        datasets.append(r.DatasetInput(dataset=dataset, tags=read_tags(one.tags, f"datasets[{i}].tags")))
    models = [model.model_id for model in m.models]
    await call(ops.INGEST, r.Ingest(run_id=m.run_id, datasets=datasets, model_inputs=models))
    return EMPTY


async def log_outputs(call: Caller, m: LogOutputs) -> bytes:
    """Log models that the run made, each once."""
    run = await call(ops.GET_RUN, r.GetRun(run_id=m.run_id))
    known = {output.model_id for output in run.model_outputs if run.lifecycle == "active"}  # else that is what is wrong
    for model in m.models:
        if model.model_id in known:
            raise bad_request(f"The model {model.model_id[:80]!r} is an output of run {m.run_id} already")
        known.add(model.model_id)
    outputs = [r.ModelOutput(model_id=model.model_id, step=model.step) for model in m.models]
    await call(ops.INGEST, r.Ingest(run_id=m.run_id, model_outputs=outputs))
    return EMPTY
