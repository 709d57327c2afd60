"""Autologging of Spark MLlib: params of all steps, the training summary, searches, models.

Each outermost ``fit`` of an estimator is recorded: a pipeline or a search is one, with all that it fits, in threads of
its own, too. A ``fit`` with a list of param maps, which gives several models, is not recorded.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from trackway.models.spark_stages import list_stages, name_inputs
from trackway.sdk.autolog.frame import Call, Integration, Target
from trackway.sdk.autolog.recorder import Log
from trackway.sdk.datasets import describe_spark_frame

_ROWS: Final = 5
_SUMMARY: Final = (
    *("accuracy", "weightedPrecision", "weightedRecall", "areaUnderROC"),
    *("rootMeanSquaredError", "meanAbsoluteError", "r2", "explainedVariance"),
    *("trainingCost", "logLikelihood", "totalIterations"),
)
"""What summaries of training have, each some of it."""
_MAPS: Final = "estimatorParamMaps"


def _find_targets(module: ModuleType) -> Iterator[Target]:
    yield Target(module.Estimator, "fit", _record_fit)


INTEGRATION: Final = Integration("spark", ("pyspark.ml.base",), _find_targets)
_fitting: set[threading.Thread] = set()
"""Threads in which a fit is being recorded."""


def _record_fit(call: Call) -> Generator[None, None, None]:
    given = call.get("params")
    if isinstance(given, list | tuple) or _works_for_another():
        return
    estimator, frame = call.instance, call.get("dataset")
    log, step = call.open(type(estimator).__name__, describe_params(estimator, given or {}), owner=estimator)
    log.tags({"estimator_name": type(estimator).__name__, "estimator_class": _name_class(estimator)})
    if call.options.log_datasets:
        with log.shield():
            log.dataset(describe_spark_frame(frame), "train")
    thread = threading.current_thread()
    _fitting.add(thread)
    try:
        yield
    finally:
        _fitting.discard(thread)
    fitted = getattr(call.result, "bestModel", call.result)  # of a search, what it found
    rows = None
    if call.options.log_models and (call.options.log_model_signatures or call.options.log_input_examples):
        with log.shield():
            rows = _take_rows(fitted, frame)
    call.log_model(log, fitted, rows, step)
    if call.options.log_training_metrics:
        with log.shield():
            _log_summary(log, fitted, step)
    if fitted is not call.result:
        with log.shield():
            _log_search(call, log)


def _works_for_another() -> bool:
    """Tell whether this is a thread of a pool that was made by a thread whose fit is recorded: of a search, say."""
    return getattr(threading.current_thread(), "_parent", None) in _fitting


def describe_params(estimator: Any, given: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the params of an estimator, and of what is in it by the names of their classes: ``Tokenizer.inputCol``.

    given: values that ``fit`` is called with, in place of the estimator's own
    """
    params: dict[str, Any] = {}
    names: Counter[str] = Counter()

    def describe(stage: Any, prefix: str) -> None:
        inner: list[Any] = []
        for param, value in stage.extractParamMap(given).items():
            if param.parent != stage.uid:
                continue
            key = f"{prefix}{param.name}"
            if param.name == _MAPS:
                params[key] = f"{len(value)} candidates"
            elif isinstance(value, list) and value and all(hasattr(one, "extractParamMap") for one in value):
                params[key] = [type(one).__name__ for one in value]
                inner += value
            elif hasattr(value, "extractParamMap"):
                params[key] = type(value).__name__
                inner.append(value)
            else:
                params[key] = value
        for one in inner:
            name = type(one).__name__
            names[name] += 1
            describe(one, f"{name}." if names[name] == 1 else f"{name}_{names[name]}.")

    describe(estimator, "")
    return params


def _take_rows(fitted: Any, frame: Any) -> Any:
    """Return some rows of what a fitted model reads, vectors as lists; None when it reads nothing that is there."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.ml.linalg import VectorUDT

    names = name_inputs(fitted, frame.columns)
    fields = {field.name: field.dataType for field in frame.schema.fields}
    quoted = {name: frame["`" + name.replace("`", "``") + "`"] for name in names}
    columns = [
        vector_to_array(column).alias(name) if isinstance(fields[name], VectorUDT) else column
        for name, column in quoted.items()
    ]
    return frame.select(*columns).limit(_ROWS).toPandas() if columns else None


def _log_summary(log: Log, fitted: Any, step: int) -> None:
    """Log what the last step noted of its training, and its objective by iteration."""
    stages = list_stages(fitted)
    if not stages or not getattr(stages[-1], "hasSummary", False):
        return
    summary = stages[-1].summary
    for name in _SUMMARY:
        if hasattr(type(summary), name):
            with log.shield():
                log.metrics({f"training_{name}": getattr(summary, name)}, step)
    if hasattr(type(summary), "objectiveHistory"):
        for iteration, value in enumerate(summary.objectiveHistory):
            log.metrics({"objective": value}, iteration)


def _log_search(call: Call, log: Log) -> None:
    """Log the best candidate with the search, all candidates as a table, and the best few as child runs."""
    search, found = call.instance, call.result
    evaluator = search.getEvaluator()
    metric = evaluator.getMetricName() if hasattr(evaluator, "getMetricName") else "metric"
    columns: dict[str, list[float]] = {}
    if hasattr(found, "avgMetrics"):
        columns[f"avg_{metric}"] = list(found.avgMetrics)
        if getattr(found, "stdMetrics", None):
            columns[f"std_{metric}"] = list(found.stdMetrics)
    else:
        columns[metric] = list(found.validationMetrics)
    scored, scores = next(iter(columns.items()))
    candidates = [_name_candidate(one) for one in search.getEstimatorParamMaps()]
    best = sorted(range(len(scores)), key=scores.__getitem__, reverse=evaluator.isLargerBetter())
    log.params({f"best_{name}": value for name, value in candidates[best[0]].items()})
    log.metrics({f"best_{scored}": scores[best[0]]})
    log.dictionary({name: _to_plain(value) for name, value in candidates[best[0]].items()}, "best_parameters.json")
    keys = dict.fromkeys(name for one in candidates for name in one)
    log.table({key: [one.get(key, "") for one in candidates] for key in keys} | columns, "search_results.csv")
    for rank, candidate in enumerate(best[: call.options.max_tuning_runs], start=1):
        with call.child(f"{type(search).__name__} rank {rank}") as child:
            inner = search.getEstimator()
            child.tags({"estimator_name": type(inner).__name__, "estimator_class": _name_class(inner)})
            child.params(candidates[candidate])
            child.metrics({name: values[candidate] for name, values in columns.items()})


def _name_candidate(chosen: Mapping[Any, Any]) -> dict[str, Any]:
    """Return what a search tries, by class and param; a step's id is the name of its class and a number."""
    return {f"{param.parent.rpartition('_')[0]}.{param.name}": value for param, value in chosen.items()}


def _to_plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _name_class(estimator: Any) -> str:
    return f"{type(estimator).__module__}.{type(estimator).__qualname__}"
