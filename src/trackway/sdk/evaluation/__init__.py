"""``trackway.evaluate``: how good a model is on some data, logged, and held against thresholds.

The model is asked once for all rows. What is computed with the predictions is ``trackway.evaluation``'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple, Unpack

import numpy as np

from trackway.base.errors import InvalidInput
from trackway.evaluation.checks import Threshold, check, read_thresholds
from trackway.evaluation.classes import ClassSample, read_classes
from trackway.evaluation.curves import make_curves
from trackway.evaluation.numbers import NumberSample, read_numbers
from trackway.evaluation.resampling import Estimate, Resampling, estimate, to_metrics
from trackway.evaluation.tables import Table, cut_slices, make_class_table, make_slice_table
from trackway.sdk.context import active_run
from trackway.sdk.evaluation import custom
from trackway.sdk.evaluation.custom import make_metric
from trackway.sdk.evaluation.data import Rows, read_rows
from trackway.sdk.evaluation.options import EvaluateOptions, read_options
from trackway.sdk.evaluation.outputs import Outputs, ask_model, find_model_type, resolve_model, tell_probabilities
from trackway.sdk.evaluation.recording import Inputs, Subject, attest, find_subject, log_custom, record
from trackway.sdk.evaluation.result import Evaluation
from trackway.sdk.evaluation.rows import DEFAULT_ROWS, TABLE, explain, make_row_table
from trackway.sdk.runs import start_run
from trackway.sdk.tables import import_pandas

__all__ = ["Evaluation", "MetricThreshold", "Threshold", "evaluate", "make_metric", "validate_evaluation_results"]

DEFAULT_CONTEXT = "evaluation"


class Logged(NamedTuple):
    """What is logged beside a result: the rows compared, and the table that functions of the caller's ask for."""

    sample: ClassSample | NumberSample
    frame: Any


def evaluate(model: Any = None, data: Any = None, **given: Unpack[EvaluateOptions]) -> Evaluation:
    """Measure a model on data, and log metrics, tables, curves and pictures to the active run, or to one of its own.

    model:   the address of a model, a loaded one, an object with ``predict``, a function of the features; or None for
             predictions that are in the data
    data:    a pandas, polars or Arrow table, an array, a data set of ``trackway.data``, or the path of a file
    given:   see ``EvaluateOptions``
    returns: metrics with confidence intervals, tables, artifacts, and whether the thresholds were met
    raises:  InvalidInput for data that cannot be compared, unknown metrics and options; what loading and predicting
             raise. A model that does not meet its thresholds is a result: see ``raise_if_failed``.
    cost:    one prediction of all rows and some seconds, bounded for any number of rows; ``resamples=0`` leaves the
             intervals out
    """
    options = read_options(given)
    how = Resampling(options.get("resamples"), options.get("seed", 0), options.get("confidence", 0.95))
    how.check()
    thresholds = read_thresholds(_translate(options.get("thresholds")))
    others = [options.get(name) for name in ("predictions", "probabilities", "weights")]
    rows = read_rows(data, options.get("targets"), others, options.get("feature_names"))
    subject = find_subject(model, options.get("model_id", ""))
    known = resolve_model(subject.name if subject.version is not None else model, trust=options.get("trust", False))
    model_type = options.get("model_type") or find_model_type(known, rows.targets)
    sample = _make_sample(model_type, known, rows, options)
    found, frame = _measure(sample, options, how)
    baseline = _measure_baseline(model_type, rows, options, how)
    tables, slices = _make_tables(sample, rows, options, how)
    if options.get("explain"):
        tables |= _to_frames(explain(known, rows, options))
    evaluation = Evaluation(
        model_type=model_type,
        estimates=found,
        tables=tables,
        checks=tuple(check(thresholds, found, baseline, slices, how.confidence)),
        baseline=baseline,
        model=subject.name,
        facts={
            "rows": sample.size,
            "resamples": how.count(sample),
            "resampled_rows": min(sample.size, how.count_rows(sample)),
            "seed": how.seed,
            "confidence": how.confidence,
        },
    )
    if options.get("log", True):
        evaluation = _log(evaluation, rows, subject, Logged(sample, frame), options)
    if subject.version is not None and evaluation.checks and options.get("attest", True):
        attest(evaluation, subject.version)
    if given.get("validation_thresholds"):
        evaluation.raise_if_failed()
    return evaluation


def validate_evaluation_results(
    validation_thresholds: Mapping[str, Any], candidate_result: Evaluation, baseline_result: Evaluation | None = None
) -> None:
    """Hold a result against thresholds, and against an earlier result, as scripts written for MLflow do.

    raises: ChecksFailed naming what was not met
    """
    thresholds = read_thresholds(_translate(validation_thresholds))
    other = None if baseline_result is None else baseline_result.estimates
    checks = check(thresholds, candidate_result.estimates, other)
    Evaluation(model_type=candidate_result.model_type, estimates={}, checks=tuple(checks)).raise_if_failed()


def MetricThreshold(  # noqa: N802 - the name that scripts written for MLflow call
    threshold: float | None = None,
    min_absolute_change: float | None = None,
    min_relative_change: float | None = None,
    greater_is_better: bool | None = None,
    higher_is_better: bool | None = None,
) -> Threshold:
    """Make a threshold in MLflow's words: ``threshold`` is a lower bound where greater is better, else an upper one."""
    rises = higher_is_better if greater_is_better is None else greater_is_better
    if rises is None:
        raise InvalidInput("MetricThreshold needs greater_is_better", hint="or write Threshold(min=...) or (max=...)")
    return Threshold(
        min=threshold if rises else None,
        max=None if rises else threshold,
        min_change=min_absolute_change,
        min_relative_change=min_relative_change,
        greater_is_better=rises,
    )


def _translate(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return thresholds with those that are MLflow's own objects as ours."""
    return {
        metric: MetricThreshold(
            one.threshold, one.min_absolute_change, one.min_relative_change, bool(one.greater_is_better)
        )
        if hasattr(one, "min_absolute_change")
        else one
        for metric, one in (given or {}).items()
    }


def _make_sample(model_type: str, model: Any, rows: Rows, options: Mapping[str, Any]) -> ClassSample | NumberSample:
    """Return targets beside what a model gives for them, or beside predictions that are there."""
    weights = rows.find("weights", options.get("weights"))
    if model is None:
        predictions, probabilities = (rows.find(name, options.get(name)) for name in ("predictions", "probabilities"))
        if predictions is None and probabilities is None:
            told = None if rows.dataset is None else rows.dataset.predictions
            if told is None:
                raise InvalidInput("There are neither a model nor predictions", hint="name a column as predictions=")
            predictions = rows.find("predictions", told)
        outputs = Outputs(predictions, probabilities, options.get("classes"))
    else:
        outputs = ask_model(model, rows.features, options.get("params"))
        outputs.classes = outputs.classes or options.get("classes")
        if model_type == "classifier":
            outputs = tell_probabilities(outputs, len(set(np.asarray(rows.targets).tolist())))
    if model_type == "regressor":
        return read_numbers(rows.targets, outputs.predictions, weights)
    return read_classes(
        rows.targets,
        outputs.predictions,
        outputs.probabilities,
        classes=outputs.classes,
        weights=weights,
        positive=options.get("positive"),
    )


def _measure(
    sample: ClassSample | NumberSample, options: Mapping[str, Any], how: Resampling
) -> tuple[dict[str, Estimate], Any]:
    """Return the metrics, the caller's own among them, and the table that functions of the caller's may ask for."""
    found = estimate(sample, how)
    metrics, artifacts = custom.read_metrics(options.get("extra_metrics")), options.get("custom_artifacts")
    if not metrics and not artifacts:
        return found, None
    labels = None if isinstance(sample, NumberSample) else np.array(sample.labels)
    targets = sample.targets if labels is None else labels[sample.targets]
    predictions = sample.predictions if labels is None else labels[sample.predictions]
    frame = import_pandas().DataFrame({"prediction": predictions, "target": targets})
    known = {
        "targets": targets,
        "predictions": predictions,
        "probabilities": getattr(sample, "probabilities", None),
        "weights": sample.weights,
        "eval_df": frame,
        "metrics": to_metrics(found),
    }
    for metric in metrics:
        found |= custom.measure(metric, known, how)
    return found, frame


def _measure_baseline(
    model_type: str, rows: Rows, options: Mapping[str, Any], how: Resampling
) -> dict[str, Estimate] | None:
    baseline = options.get("baseline")
    if baseline is None or isinstance(baseline, Evaluation):
        return None if baseline is None else baseline.estimates
    model = resolve_model(baseline, trust=options.get("trust", False))
    return _measure(_make_sample(model_type, model, rows, options), options, how)[0]


def _make_tables(
    sample: ClassSample | NumberSample, rows: Rows, options: Mapping[str, Any], how: Resampling
) -> tuple[dict[str, Any], Table]:
    """Return the tables of the result, and the one of slices as columns."""
    slices, count = options.get("slices"), options.get("table_rows", DEFAULT_ROWS)
    tables: dict[str, Table] = {}
    if isinstance(sample, ClassSample):
        tables["per_class_metrics"] = make_class_table(sample, how)
    columns = {slices: None} if isinstance(slices, str) else slices or {}
    by = columns if isinstance(columns, Mapping) else dict.fromkeys(columns)
    cut = [one for name, way in by.items() for one in cut_slices(name, rows.find("slices", name), way)]
    table = make_slice_table(sample, cut, how)
    if table:
        tables["slice_metrics"] = table
    if count > 0:
        tables[TABLE] = make_row_table(sample, rows, count)
    return _to_frames(tables), table


def _to_frames(tables: Mapping[str, Table]) -> dict[str, Any]:
    """Return tables as pandas has them, where it is installed."""
    try:
        pandas = import_pandas()
    except Exception:  # noqa: BLE001 - columns say the same
        return dict(tables)
    return {name: pandas.DataFrame(columns) for name, columns in tables.items()}


def _log(
    evaluation: Evaluation, rows: Rows, subject: Subject, logged: Logged, options: Mapping[str, Any]
) -> Evaluation:
    """Log to the active run, or to one of its own."""
    prefix = options.get("prefix", "")
    inputs = Inputs(rows.dataset, options.get("context", DEFAULT_CONTEXT))
    with nullcontext() if active_run() is not None else start_run():
        evaluation = record(evaluation, make_curves(logged.sample), subject, inputs, prefix)
        made = log_custom(options.get("custom_artifacts") or (), logged.frame, evaluation.metrics, prefix)
    evaluation.artifacts.update(made)
    return evaluation
