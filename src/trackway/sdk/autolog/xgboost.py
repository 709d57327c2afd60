"""Autologging of XGBoost, its own API and scikit-learn's: params, metrics by iteration, importances, models.

All training goes through ``xgboost.train``, which is what is recorded; its evaluation sets give the metrics.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from trackway.sdk.autolog.frame import Call, Integration, Target
from trackway.sdk.autolog.recorder import Log
from trackway.sdk.datasets import DIGEST_VALUES, TrackedDataset, from_numpy

_SETTINGS: Final = ("num_boost_round", "early_stopping_rounds", "maximize", "verbose_eval")
_ROWS: Final = 100
_IMPORTANCES: Final = ("weight", "gain")


def _find_targets(module: ModuleType) -> Iterator[Target]:
    yield Target(module, "train", _record_train)


INTEGRATION: Final = Integration("xgboost", ("xgboost", "xgboost.training", "xgboost.sklearn"), _find_targets)


def _record_train(call: Call) -> Generator[None, None, None]:
    from xgboost import collective

    if collective.get_rank() != 0:  # every process of a distributed run comes here; one of them logs
        return
    params = dict(call.get("params"))
    log, _ = call.open("xgboost", {**{name: call.get(name) for name in _SETTINGS}, **params})
    if call.options.log_datasets:
        with log.shield():
            log.dataset(_describe(call.get("dtrain")), "train")
    rows = None
    with log.shield():
        rows = _take_rows(call.get("dtrain"))
    # First in the list: one that stops training keeps those after it from seeing the last iteration.
    call.set("callbacks", [_make_callback(log), *(call.get("callbacks") or ())])
    yield
    booster = call.result
    attributes = booster.attributes()  # set by early stopping
    if "best_iteration" in attributes:
        log.metrics(
            {
                "best_iteration": attributes["best_iteration"],
                "best_score": attributes["best_score"],
                "stopped_iteration": booster.num_boosted_rounds() - 1,
            }
        )
    call.log_model(log, booster, rows)
    for kind in _IMPORTANCES:
        with log.shield():
            log.dictionary(booster.get_score(importance_type=kind), f"feature_importance_{kind}.json")


def _make_callback(log: Log) -> Any:
    from xgboost.callback import TrainingCallback

    class MetricsCallback(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Any]]) -> bool:  # noqa: ARG002
            with log.shield():
                log.metrics(
                    {
                        f"{data}-{metric}": values[-1]
                        for data, metrics in evals_log.items()
                        for metric, values in metrics.items()
                    },
                    epoch,
                )
            return False

    return MetricsCallback()


def _take_rows(matrix: Any) -> Any:
    """Return some rows of a matrix in memory, with the names of its columns when it has them."""
    if type(matrix).__name__ != "DMatrix" or matrix.num_row() * matrix.num_col() > DIGEST_VALUES:
        return None
    rows = matrix.get_data()[:_ROWS].toarray().astype("float64")  # it keeps halves of what most tables have
    if matrix.feature_names is None or "c" in (matrix.feature_types or ()):  # codes of categories are no numbers
        return None if matrix.feature_names else rows
    import pandas

    return pandas.DataFrame(rows, columns=matrix.feature_names)


def _describe(matrix: Any) -> TrackedDataset | None:
    """Describe a matrix that is in memory; large ones would have to be copied for it and are left out."""
    if (
        type(matrix).__name__ not in ("DMatrix", "QuantileDMatrix")
        or matrix.num_row() * matrix.num_col() > DIGEST_VALUES
    ):
        return None
    labels = matrix.get_label()
    return from_numpy(matrix.get_data(), targets=labels if labels.size else None)
