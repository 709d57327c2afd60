"""What an evaluation says row by row: the data beside what was predicted, and which features moved the predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from trackway.base.errors import InvalidInput, NotSupported
from trackway.evaluation.classes import ClassSample
from trackway.evaluation.numbers import NumberSample
from trackway.evaluation.tables import Table
from trackway.sdk.evaluation.data import Rows
from trackway.sdk.evaluation.outputs import ask_model
from trackway.sdk.tables import import_pandas

TABLE: Final = "eval_results_table"
EXPLANATIONS: Final = "explanations"
IMPORTANCE: Final = "feature_importance"
DEFAULT_ROWS: Final = 10_000
EXPLAINED_ROWS: Final = 100
BACKGROUND_ROWS: Final = 100
"""Rows that stand for the data when a feature is left out of a prediction."""


def make_row_table(sample: ClassSample | NumberSample, rows: Rows, count: int) -> Table:
    """Return the features of the first rows with ``target`` and ``prediction``.

    Beside them are, of classes, the probability of each that is known, as ``probability_LABEL``; of numbers, ``error``.
    """
    count = min(count, sample.size)
    table: dict[str, Any] = {}
    if hasattr(rows.features, "columns") and hasattr(rows.features, "iloc"):
        table |= {str(name): rows.features[name].iloc[:count].to_numpy() for name in rows.features.columns}
    if isinstance(sample, NumberSample):
        found: dict[str, Any] = {"target": sample.targets[:count], "prediction": sample.predictions[:count]}
        found["error"] = found["prediction"] - found["target"]
    else:
        labels = np.array(sample.labels)
        found = {"target": labels[sample.targets[:count]], "prediction": labels[sample.predictions[:count]]}
        scores = sample.probabilities
        if scores is not None and scores.ndim == 2 and scores.shape[1] == len(labels):
            found |= {f"probability_{label}": scores[:count, place] for place, label in enumerate(sample.labels)}
    return {**{name: column for name, column in table.items() if name not in found}, **found}


def explain(model: Any, rows: Rows, options: Mapping[str, Any]) -> dict[str, Table]:
    """Return Shapley values of the first rows, one row for each of them and feature, and the importance of features.

    For a classifier they are of the probability of the last class that the model names, the positive one of two.

    raises: NotSupported without shap, and for features that are no table of numbers; InvalidInput without a model
    cost:   some hundred predictions for each row that is explained
    """
    try:
        import shap
    except ImportError as error:
        raise NotSupported("Explanations need shap", hint="pip install 'trackway[explain]'") from error
    if model is None:
        raise InvalidInput("There is no model to explain", hint="explain=True goes with a model, not with predictions")
    features = rows.features
    is_table = hasattr(features, "columns") and hasattr(features, "iloc")
    if not is_table or any(dtype.kind not in "iufb" for dtype in features.dtypes):
        raise NotSupported(
            "Only tables of numbers are explained", hint="leave explain out, or encode the other columns"
        )
    pandas = import_pandas()
    params = options.get("params")

    def ask(values: Any) -> Any:
        table = pandas.DataFrame(values, columns=features.columns).astype(features.dtypes.to_dict())
        outputs = ask_model(model, table, params)
        told = outputs.predictions if outputs.probabilities is None else outputs.probabilities
        array = np.asarray(told.to_numpy() if hasattr(told, "to_numpy") else told, dtype="float64")
        return array[:, -1] if array.ndim == 2 else array

    explained = features.head(EXPLAINED_ROWS)
    background = features.sample(min(BACKGROUND_ROWS, len(features)), random_state=options.get("seed", 0))
    explainer = shap.Explainer(
        ask, background.to_numpy("float64"), algorithm="permutation", seed=options.get("seed", 0)
    )
    width = len(features.columns)
    found = explainer(explained.to_numpy("float64"), max_evals=max(500, 2 * width + 1), silent=True)
    values = np.asarray(found.values)
    names = [str(name) for name in features.columns]
    size = np.abs(values).mean(axis=0)
    order = np.argsort(-size, kind="stable")
    base = np.broadcast_to(np.asarray(found.base_values, dtype="float64"), (len(explained),))
    return {
        EXPLANATIONS: {"base": base, **{name: values[:, place] for place, name in enumerate(names)}},
        IMPORTANCE: {"feature": [names[place] for place in order], "mean_absolute_value": size[order]},
    }
