"""Autologging of scikit-learn: params, scores on the training data, searches, data sets, models.

Each outermost ``fit``, ``fit_transform`` and ``fit_predict`` of an estimator is recorded: a pipeline or a search is
one, with all that it fits. Preparing data (sklearn.preprocessing, impute, feature_extraction, feature_selection, column
transformers) and cross-validation functions are not recorded, nor is what they fit inside.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from trackway.sdk.autolog.frame import Call, Integration, Target
from trackway.sdk.autolog.recorder import Log
from trackway.sdk.datasets import describe_training_data, take_rows

_METHODS: Final = ("fit", "fit_transform", "fit_predict")
_QUIET_PACKAGES: Final = (
    "sklearn.preprocessing",
    "sklearn.impute",
    "sklearn.feature_extraction",
    "sklearn.feature_selection",
)
_QUIET_CLASSES: Final = ("ColumnTransformer", "FeatureUnion")
_QUIET_FUNCTIONS: Final = {
    # What cross_validate, cross_val_score, learning_curve and the like call for each fold.
    "sklearn.model_selection._validation": ("_fit_and_score", "_fit_and_predict", "_permutation_test_score")
}


def _find_targets(module: ModuleType) -> Iterator[Target]:
    for name in _QUIET_FUNCTIONS.get(module.__name__, ()):
        yield Target(module, name, _pass_by)
    # Importing it here could make a ring inside scikit-learn; what has no base yet has no estimators either.
    base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
    if base is None:
        return
    quiet = module.__name__.startswith(_QUIET_PACKAGES)
    for value in list(vars(module).values()):
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__:
            hook = _pass_by if quiet or value.__name__ in _QUIET_CLASSES else _record_fit
            yield from (Target(value, method, hook) for method in _METHODS if method in vars(value))


INTEGRATION: Final = Integration("sklearn", ("sklearn.*",), _find_targets)


def _pass_by(call: Call) -> Generator[None, None, None]:  # noqa: ARG001 - a hook's signature
    """Record nothing; what the call fits inside is nested and not recorded either."""
    return
    yield


def _record_fit(call: Call) -> Generator[None, None, None]:
    estimator = call.instance
    features, weights = call.get("X"), call.get("sample_weight")
    targets = call.get("Y") if call.get("y") is None else call.get("y")  # some estimators of several targets say Y
    log, step = call.open(type(estimator).__name__, estimator.get_params(deep=True), owner=estimator)
    log.tags({"estimator_name": type(estimator).__name__, "estimator_class": _name_class(estimator)})
    if call.options.log_datasets:
        with log.shield():
            log.dataset(describe_training_data(features, targets), "train")
    rows = None
    with log.shield():
        rows = take_rows(features)
    yield
    fitted = getattr(estimator, "best_estimator_", estimator)  # of a search, what it found
    if hasattr(fitted, "predict"):
        call.log_model(log, fitted, rows, step)
    if call.options.log_training_metrics and not hasattr(features, "__next__"):
        with log.shield():
            log.metrics(_measure(estimator, features, targets, weights), step)
    if hasattr(estimator, "cv_results_"):
        with log.shield():
            _log_search(call, log, estimator)


def _measure(estimator: Any, features: Any, targets: Any, weights: Any) -> Mapping[str, float]:
    """Return the scores of a fitted estimator on what it was fitted to, from as few predictions as can be."""
    from sklearn.base import ClassifierMixin, RegressorMixin, is_classifier, is_regressor
    from sklearn.utils.multiclass import type_of_target

    if getattr(estimator, "refit", True) is False:  # a search that has no best estimator to predict with
        return {}
    metrics: dict[str, float] = {}
    if targets is not None and hasattr(estimator, "predict"):
        if is_classifier(estimator) and type_of_target(targets) in ("binary", "multiclass"):
            metrics = _measure_classes(estimator, features, targets, weights)
            if getattr(type(estimator), "score", None) is ClassifierMixin.score:
                metrics["training_score"] = metrics["training_accuracy_score"]
        elif is_regressor(estimator):
            metrics = _measure_numbers(estimator.predict(features), targets, weights)
            if getattr(type(estimator), "score", None) is RegressorMixin.score:
                metrics["training_score"] = metrics["training_r2_score"]
    if "training_score" not in metrics and hasattr(estimator, "score"):
        metrics["training_score"] = float(estimator.score(features, targets))
    return metrics


def _measure_classes(estimator: Any, features: Any, targets: Any, weights: Any) -> dict[str, float]:
    from sklearn import metrics

    predictions = estimator.predict(features)
    average: Any = {"average": "weighted", "zero_division": 0, "sample_weight": weights}
    measured = {
        "training_accuracy_score": metrics.accuracy_score(targets, predictions, sample_weight=weights),
        "training_precision_score": metrics.precision_score(targets, predictions, **average),
        "training_recall_score": metrics.recall_score(targets, predictions, **average),
        "training_f1_score": metrics.f1_score(targets, predictions, **average),
    }
    classes = estimator.classes_
    if len(classes) > 1 and hasattr(estimator, "predict_proba"):
        probabilities = estimator.predict_proba(features)
        measured["training_log_loss"] = metrics.log_loss(targets, probabilities, labels=classes, sample_weight=weights)
        measured["training_roc_auc"] = metrics.roc_auc_score(
            targets,
            probabilities[:, 1] if len(classes) == 2 else probabilities,
            average="weighted",
            multi_class="ovr",
            sample_weight=weights,
        )
    return {name: float(value) for name, value in measured.items()}


def _measure_numbers(predictions: Any, targets: Any, weights: Any) -> dict[str, float]:
    from sklearn import metrics

    squared = float(metrics.mean_squared_error(targets, predictions, sample_weight=weights))
    return {
        "training_mean_squared_error": squared,
        "training_root_mean_squared_error": squared**0.5,
        "training_mean_absolute_error": float(metrics.mean_absolute_error(targets, predictions, sample_weight=weights)),
        "training_r2_score": float(metrics.r2_score(targets, predictions, sample_weight=weights)),
    }


def _log_search(call: Call, log: Log, search: Any) -> None:
    """Log the best candidate with the search, all candidates as a table, and the best few as child runs."""
    results: Mapping[str, Any] = search.cv_results_
    if hasattr(search, "best_params_"):
        log.params({f"best_{name}": value for name, value in search.best_params_.items()})
    if hasattr(search, "best_score_"):
        log.metrics({"best_cv_score": search.best_score_})
    log.table(results, "cv_results.csv")
    refit = search.refit if isinstance(search.refit, str) else "score"
    ranks = results.get(f"rank_test_{refit}", next((v for k, v in results.items() if k.startswith("rank_test_")), ()))
    best = sorted(range(len(ranks)), key=lambda candidate: int(ranks[candidate]))
    for candidate in best[: call.options.max_tuning_runs]:
        with call.child(f"{type(search).__name__} rank {ranks[candidate]}") as child:
            child.tags(
                {"estimator_name": type(search.estimator).__name__, "estimator_class": _name_class(search.estimator)}
            )
            child.params(results["params"][candidate])
            child.metrics({k: v[candidate] for k, v in results.items() if not k.startswith("param")})


def _name_class(estimator: Any) -> str:
    return f"{type(estimator).__module__}.{type(estimator).__qualname__}"
