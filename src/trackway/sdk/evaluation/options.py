"""What ``trackway.evaluate`` takes, in our words and in those of scripts written for MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

from trackway.base.errors import InvalidInput, NotSupported

MODEL_TYPES: Final = ("classifier", "regressor")


class EvaluateOptions(TypedDict, total=False):
    """What ``evaluate`` takes beside a model and data.

    model_type:       classifier or regressor; told from model and targets when left out
    targets:          the column of what is true, or one value a row
    predictions:      the column of predictions that are there already, or the values; then there need be no model
    probabilities:    of such predictions: the column of the positive class, a list of columns, or an array
    classes:          the labels that columns of probabilities stand for
    positive:         which of two classes is the positive one; the greater one when left out
    weights:          the column of weights, or one a row
    feature_names:    the columns that the model is given; all but the others named here when left out
    slices:           columns whose values, or ranges of numbers, are measured each for itself; as a dict with the
                      number of quantiles or the edges of ranges for each
    thresholds:       by metric a ``Threshold``, or a number that must be reached (or kept to, where less is better)
    baseline:         another model, as ``model`` is given, or an earlier result, to compare with
    extra_metrics:    functions by name, or a list of them; see ``make_metric``
    custom_artifacts: functions of ``(eval_df, builtin_metrics, artifacts_dir)`` that return objects or paths by name
    table_rows:       most rows of the table that has features, target and prediction; 10,000, and 0 for no such table
    explain:          say which features moved the predictions, by Shapley values of the first 100 rows; needs shap
    resamples:        how often rows are drawn anew for the intervals; 0 for none
    seed, confidence: of the intervals; 0 and 0.95
    params:           given to the model's ``predict``
    prefix:           before the names of metrics and files, so that several evaluations go into one run
    context:          what the data set is called in the run: evaluation
    trust:            whether a model given by address may run code of its own
    log:              False to compute alone
    attest:           whether the verdict goes to the registry, where a policy may ask for it; by default when there are
                      thresholds and the model is given by the address of a version
    model_id:         the logged model that the metrics belong to, when the model itself does not say

    Of MLflow's: ``inference_params``, ``evaluator_config`` (``pos_label``, ``label_list``, ``metric_prefix``,
    ``sample_weights``, ``log_model_explainability``), ``validation_thresholds`` (raises when they are not met),
    ``baseline_model``, ``custom_metrics``, ``dataset_path``; ``evaluators`` and ``env_manager`` as far as they ask for
    what there is.
    """

    model_type: str | None
    targets: Any
    predictions: Any
    probabilities: Any
    classes: Sequence[Any] | None
    positive: Any
    weights: Any
    feature_names: Sequence[str] | None
    slices: str | Sequence[str] | Mapping[str, int | Sequence[float] | None] | None
    thresholds: Mapping[str, Any] | None
    baseline: Any
    extra_metrics: Any
    custom_artifacts: Any
    table_rows: int
    explain: bool
    resamples: int | None
    seed: int
    confidence: float
    params: Mapping[str, Any] | None
    prefix: str | None
    context: str | None
    trust: bool
    log: bool
    attest: bool | None
    model_id: str | None
    inference_params: Mapping[str, Any] | None
    evaluators: Any
    evaluator_config: Mapping[str, Any] | None
    validation_thresholds: Mapping[str, Any] | None
    baseline_model: Any
    custom_metrics: Any
    dataset_path: str | None
    env_manager: str | None
    model_config: Mapping[str, Any] | None


_RENAMED: Final = {
    "inference_params": "params",
    "validation_thresholds": "thresholds",
    "baseline_model": "baseline",
    "custom_metrics": "extra_metrics",
}
_CONFIGURED: Final = {
    "pos_label": "positive",
    "label_list": "classes",
    "metric_prefix": "prefix",
    "sample_weights": "weights",
    "log_model_explainability": "explain",
}


def read_options(given: EvaluateOptions) -> dict[str, Any]:
    """Return the options in our words, without those that are None.

    raises: InvalidInput for unknown ones; NotSupported for kinds of models and environments that there are not
    """
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if unknown := [name for name in options if name not in EvaluateOptions.__annotations__]:
        known = ", ".join(sorted(set(EvaluateOptions.__annotations__) - set(_RENAMED)))
        raise InvalidInput(f"evaluate takes no {unknown[0]!r}", hint=f"it takes {known}")
    config = options.pop("evaluator_config", {})
    config = config.get("default", config) if isinstance(config.get("default", config), Mapping) else {}
    for theirs, ours in (*_RENAMED.items(), *_CONFIGURED.items()):
        value = options.pop(theirs, None) if theirs in _RENAMED else config.get(theirs)
        if value is not None:
            options.setdefault(ours, value)
    if options.pop("env_manager", "local") != "local":
        raise NotSupported("Models are evaluated in this environment", hint="leave env_manager out")
    if options.pop("model_config", None):
        raise NotSupported("evaluate gives a model no config", hint="load the model, and pass it instead of an address")
    for name in ("evaluators", "dataset_path"):
        options.pop(name, None)
    if (model_type := options.get("model_type")) not in (None, *MODEL_TYPES):
        raise NotSupported(f"Models of type {model_type!r} are not evaluated", hint=" or ".join(MODEL_TYPES))
    return options
