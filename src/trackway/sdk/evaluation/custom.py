"""Metrics of the caller's own: functions that take what they name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from trackway.base.errors import InvalidInput
from trackway.evaluation.resampling import LEAST_RESAMPLES, Estimate, Resampling, draw, to_estimate
from trackway.evaluation.sample import Array

ROLES = {
    "targets": "targets y_true target",
    "predictions": "predictions y_pred prediction",
    "probabilities": "probabilities y_proba",
    "weights": "weights sample_weight",
    "eval_df": "eval_df _eval_df",
    "metrics": "metrics builtin_metrics _builtin_metrics",
}
"""What a function may take, and the names under which it may ask for it."""
_ROLE_OF = {name: role for role, names in ROLES.items() for name in names.split()}


class Metric(NamedTuple):
    """A metric of the caller's own."""

    name: str
    eval_fn: Callable[..., Any]
    greater_is_better: bool = True


def make_metric(*, eval_fn: Callable[..., Any], greater_is_better: bool = True, name: str | None = None) -> Metric:
    """Make a metric of a function, which names what it takes: ``targets``, ``predictions``, ``weights`` and others."""
    label = name or getattr(eval_fn, "__name__", "")
    if not label or label == "<lambda>":
        raise InvalidInput("A metric needs a name", hint="give it as name=")
    return Metric(label, eval_fn, greater_is_better)


def read_metrics(given: Any) -> list[Metric]:
    """Return metrics that were given as a dict of functions, or as a list of functions and of ``make_metric``'s.

    raises: InvalidInput
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        return [make_metric(eval_fn=function, name=str(name)) for name, function in given.items()]
    found = []
    for one in given:
        if hasattr(one, "eval_fn") and hasattr(one, "name"):  # of ours or of MLflow's
            found.append(Metric(str(one.name), one.eval_fn, bool(getattr(one, "greater_is_better", True))))
        elif callable(one):
            found.append(make_metric(eval_fn=one))
        else:
            raise InvalidInput(f"A {type(one).__qualname__} is no metric", hint="a function, or make_metric(...)")
    return found


def measure(metric: Metric, known: Mapping[str, Any], how: Resampling) -> dict[str, Estimate]:
    """Return what a metric says of all rows, with an interval from at most 200 resamples when it takes rows alone.

    known:  what functions may take, by role; None for what there is not
    raises: InvalidInput when the function fails, or gives no number
    """
    take = _bind(metric, known)
    value = _call(metric, take)
    if isinstance(value, dict):
        return {name: Estimate(number) for name, number in value.items()}
    draws: list[float] = []
    size = len(known["targets"])
    resamples = min(LEAST_RESAMPLES, LEAST_RESAMPLES if how.resamples is None else how.resamples)
    if "metrics" not in take and "eval_df" not in take:
        for block in draw(size, resamples, how.seed):
            for counts in block:
                rows = np.repeat(np.arange(size), counts.astype(np.int64))
                some = {name: None if values is None else values[rows] for name, values in take.items()}
                drawn = _call(metric, some)
                draws += [] if isinstance(drawn, dict) else [drawn]
    return {metric.name: to_estimate(value, np.array(draws) if draws else None, how.confidence)}


def _bind(metric: Metric, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a function by name."""
    try:
        parameters = list(inspect.signature(metric.eval_fn).parameters.values())
    except (ValueError, TypeError):
        parameters = []
    named = {one.name: known[_ROLE_OF[one.name]] for one in parameters if one.name in _ROLE_OF}
    wanted = [one.name for one in parameters if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    unknown = [name for name in wanted if name not in named]
    if unknown and len(wanted) == 2:  # such as cohen_kappa_score(y1, y2)
        return {wanted[0]: known["targets"], wanted[1]: known["predictions"]}
    if unknown or not parameters:
        raise InvalidInput(
            f"The metric {metric.name!r} takes {unknown[0] if unknown else 'nothing'!r}, which is not known",
            hint=f"a metric may take {', '.join(ROLES)}",
        )
    missing = [name for name in wanted if named[name] is None]
    if missing:
        raise InvalidInput(f"The metric {metric.name!r} takes {missing[0]!r}, and there are none")
    return {name: value for name, value in named.items() if value is not None}


def _call(metric: Metric, arguments: Mapping[str, Any]) -> float | dict[str, float]:
    try:
        value = metric.eval_fn(**arguments)
    except Exception as error:
        problem = f"{type(error).__name__}: {str(error)[:300]}"
        raise InvalidInput(f"The metric {metric.name!r} failed: {problem}") from error
    aggregate = getattr(value, "aggregate_results", None)  # of MLflow's MetricValue
    value = aggregate if isinstance(aggregate, Mapping) else value
    if isinstance(value, Mapping):
        return {f"{metric.name}/{name}": _to_number(metric, one) for name, one in value.items()}
    return _to_number(metric, value)


def _to_number(metric: Metric, value: Any) -> float:
    array: Array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise InvalidInput(f"The metric {metric.name!r} gave a {type(value).__qualname__}", hint="it must be a number")
    return float(array.reshape(()))
