"""What scripts log with: to this thread's active run, which is started when there is none.

The rule for errors: once a run is there, a call that logs never raises. What it was given wrongly (a text as a metric,
a key that cannot be) and what cannot be done (no room, a second value for a param) is counted, warned of once of its
kind, and told by ``trackway.status()``; with ``trackway.configure(strict=True)`` or TRACKWAY_STRICT=1 it is raised.
Calls that read, or change things outside of the active run, wait for their answer and raise.

Logging calls return when the journal has the record; ``synchronous=False`` returns something to wait for delivery with.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from trackway.api import operations as ops
from trackway.api.keys import check_key
from trackway.api.links import LinkKind, LinkName
from trackway.api.runs import TAG_CONTEXT, DatasetInput, DeleteRunTag, ModelMetric, ModelOutput
from trackway.base.clock import now_ms
from trackway.base.errors import InvalidInput
from trackway.base.ids import is_id
from trackway.sdk.client import Client
from trackway.sdk.context import STACK
from trackway.sdk.datasets import resolve_dataset
from trackway.sdk.entities import LoggedModelInput, LoggedModelOutput, Run
from trackway.sdk.journal_format import Kind
from trackway.sdk.operations import RunOperations
from trackway.sdk.problems import PROBLEMS
from trackway.sdk.records import encode_call, encode_ingest
from trackway.sdk.runs import ActiveRun
from trackway.sdk.session import Session
from trackway.sdk.shield import Shield, get_operations, get_target
from trackway.sdk.values import to_number, to_step, to_texts

_KEYS_REMEMBERED = 100_000
_known_keys: set[str] = set()


def log_metric(
    key: str,
    value: Any,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Log one point of a metric.

    value:     a number, or an array or tensor with one element; NaN and the infinities are kept
    step:      a whole number of 64 bits, 0 when left out
    timestamp: ms since 1970, now when left out
    run_id:    the run to log to, instead of the active one
    model_id:  a logged model that the point belongs to as well, perhaps as measured on ``dataset``; the active one when
               left out
    cost:      some microseconds: one record in the journal
    """
    try:
        session, run = get_target(run_id)
        if key not in _known_keys:
            _learn_key(key)
        number = value if type(value) is float else to_number(value)
        whole = 0 if step is None else step if type(step) is int else to_step(step)
        time_ms = time.time_ns() // 1_000_000 if timestamp is None else timestamp
        session.log_point(run, key, whole, time_ms, number)
        model_id = model_id or STACK.model_id
        if model_id is not None:
            _log_model_metrics(session, run, {key: number}, (whole, time_ms), (model_id, dataset))
    except Exception as error:  # noqa: BLE001 - the shield of a call that has no time for one
        PROBLEMS.raise_or_note("log_metric", error)
    return None if synchronous is not False else get_operations(run_id)


def log_metrics(
    metrics: Mapping[str, Any],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Log one point of each of some metrics, as ``log_metric`` does; one that cannot be logged does not stop others."""
    time_ms = now_ms() if timestamp is None else timestamp
    for key, value in metrics.items():
        log_metric(key, value, step, None, time_ms, run_id, model_id, dataset)
    return None if synchronous is not False else get_operations(run_id)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log a param and return its value. A param has one value: the same again is fine, another one is a problem.

    value: any object; its text is kept, up to 65,536 characters
    """
    log_params({key: value})
    return value if synchronous is not False else get_operations(None)


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> RunOperations | None:
    """Log params; one that cannot be logged does not stop the rest."""
    for key, value in params.items():
        with Shield("log_params"):
            session, run = get_target(run_id)
            session.append(Kind.PARAMS, encode_ingest(run, params=to_texts("param", {key: value})))
    return None if synchronous is not False else get_operations(run_id)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Set a tag of the active run; the last value counts."""
    return set_tags({key: value}, synchronous)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """Set tags of the active run; one that cannot be set does not stop the rest."""
    for key, value in tags.items():
        with Shield("set_tags"):
            session, run = get_target(None)
            session.append(Kind.TAGS, encode_ingest(run, tags=to_texts("tag", {key: value})))
    return None if synchronous is not False else get_operations(None)


def delete_tag(key: str) -> None:
    """Delete a tag of the active run; this waits for the store."""
    with Shield("delete_tag"):
        session, run = get_target(None)
        Client(session.uri).call(ops.DELETE_RUN_TAG, DeleteRunTag(run_id=run, key=key))


def log_input(
    dataset: Any = None,
    context: str | None = None,
    tags: Mapping[str, str] | None = None,
    model: LoggedModelInput | None = None,
) -> None:
    """Log a data set or a model that the active run uses.

    dataset: of ``trackway.data``, or of MLflow's
    context: what it is used for, such as training or validation
    """
    log_inputs([dataset], [context], [dict(tags or {})], [model] if model is not None else None)


def log_inputs(
    datasets: Sequence[Any] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[dict[str, str] | None] | None = None,
    models: Sequence[LoggedModelInput] | None = None,
) -> None:
    """Log data sets and models that the active run uses; contexts and tags belong to the data sets by their place."""
    with Shield("log_inputs"):
        session, run = get_target(None)
        used = list(datasets or ())
        if len(used) != len(contexts or used) or len(used) != len(tags_list or used):
            raise InvalidInput("The lists are of different lengths", hint="one context and one dict for each data set")
        inputs = []
        for number, dataset in enumerate(used):
            if dataset is None:
                continue
            labels = dict((tags_list[number] if tags_list else None) or {})
            if contexts and contexts[number]:
                labels[TAG_CONTEXT] = contexts[number] or ""
            inputs.append(DatasetInput(dataset=resolve_dataset(dataset), tags=labels))
        model_inputs = [model.model_id for model in models or ()]
        if inputs or model_inputs:
            session.append(Kind.INPUTS, encode_ingest(run, datasets=inputs, model_inputs=model_inputs))


def log_outputs(models: Sequence[LoggedModelOutput] | None = None) -> None:
    """Log models that the active run made."""
    with Shield("log_outputs"):
        session, run = get_target(None)
        outputs = [ModelOutput(model_id=model.model_id, step=model.step) for model in models or ()]
        if outputs:
            session.append(Kind.OUTPUTS, encode_ingest(run, model_outputs=outputs))


def link_run(kind: LinkKind, earlier: Run | ActiveRun | str, run_id: str | None = None) -> None:
    """Say how the active run came of an earlier one, of any experiment of the workspace.

    kind:    it ``uses`` what that made; was ``made_by`` it, without being a part of it; is a ``retry_of`` it; or
             ``reproduces`` it
    earlier: a run, or its id
    run_id:  the run that says so, instead of the active one
    """
    with Shield("link_run"):
        if kind not in get_args(LinkKind):
            raise InvalidInput(f"Invalid kind of a link {kind!r:.80}", hint=f"one of {', '.join(get_args(LinkKind))}")
        other: object = earlier.info.run_id if isinstance(earlier, Run | ActiveRun) else earlier
        if not (isinstance(other, str) and is_id(other)):
            raise InvalidInput(f"Invalid run id {other!r:.80}", hint="1 to 64 letters, digits, '_' or '-'")
        session, run = get_target(run_id)
        request = LinkName(run_id=run, kind=kind, earlier_run_id=other)
        session.append(Kind.UPDATE_RUN, encode_call(ops.LINK_RUN, request))


def _learn_key(key: str) -> None:
    """Check a metric's key, once for each."""
    if not isinstance(key, str):
        raise InvalidInput(f"The metric key {key!r} is no text")
    check_key("metric", key)
    if len(_known_keys) < _KEYS_REMEMBERED:
        _known_keys.add(key)


def _log_model_metrics(
    session: Session, run_id: str, metrics: Mapping[str, float], at: tuple[int, int], about: tuple[str, Any]
) -> None:
    """Log points of a logged model: ``at`` a step and time, ``about`` a model and perhaps a data set."""
    step, time_ms = at
    model_id, dataset = about
    known = None if dataset is None else resolve_dataset(dataset)
    points = [
        ModelMetric(
            model_id=model_id,
            key=key,
            value=value,
            time_ms=time_ms,
            step=step,
            dataset_name=None if known is None else known.name,
            dataset_digest=None if known is None else known.digest,
        )
        for key, value in metrics.items()
    ]
    session.append(Kind.OUTPUTS, encode_ingest(run_id, model_metrics=points))
