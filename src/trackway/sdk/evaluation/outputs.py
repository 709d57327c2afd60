"""What a model gives for some rows: labels or numbers, and probabilities where it has them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trackway.base.errors import InvalidInput
from trackway.evaluation.sample import Array
from trackway.models.package import Model
from trackway.sdk.models import load_model


class Outputs:
    """What a model gave: ``classes`` name the columns of ``probabilities``."""

    def __init__(self, predictions: Any, probabilities: Any = None, classes: Sequence[Any] | None = None) -> None:
        self.predictions = predictions
        self.probabilities = probabilities
        self.classes = classes


def resolve_model(model: Any, *, trust: bool = False) -> Any:
    """Return a model that was given by its address as an object; anything else as it is."""
    return load_model(model, trust=trust) if isinstance(model, str | os.PathLike) else model


def ask_model(model: Any, features: Any, params: Mapping[str, Any] | None = None) -> Outputs:
    """Return what a model gives.

    model:  a loaded model, an object with ``predict``, or a function of the features
    raises: InvalidInput for anything else; what the model raises
    """
    if isinstance(model, Model):
        native = model.native
        predictions = model.predict(features, params)
        if _gives_probabilities(native) and not _is_table(predictions):
            return Outputs(predictions, native.predict_proba(model.prepare(features)), list(native.classes_))
        return Outputs(predictions)
    given = dict(params or {})
    if hasattr(model, "predict"):
        features = _choose_columns(model, features)
        predictions = model.predict(features, **given)
        if _gives_probabilities(model) and not _is_table(predictions):
            return Outputs(predictions, model.predict_proba(features), list(model.classes_))
        return Outputs(predictions)
    if not callable(model):
        raise InvalidInput(
            f"A {type(model).__module__}.{type(model).__qualname__} cannot be evaluated",
            hint="give the address of a model, a loaded one, an object with predict, or a function",
        )
    return Outputs(model(features, **given))


def find_model_type(model: Any, targets: Any) -> str:
    """Return ``classifier`` or ``regressor``, as the model says, or else the targets.

    raises: InvalidInput when neither does
    """
    native = model.native if isinstance(model, Model) else getattr(model, "__self__", model)
    told = getattr(native, "_estimator_type", None)
    if told is None and hasattr(native, "__sklearn_tags__"):
        told = getattr(native.__sklearn_tags__(), "estimator_type", None)
    if told in ("classifier", "regressor"):
        return str(told)
    array = np.asarray(targets.to_numpy() if hasattr(targets, "to_numpy") else targets)
    if array.dtype.kind in "bUSO":
        return "classifier"
    if array.dtype.kind == "f" and (array % 1 != 0).any():
        return "regressor"
    raise InvalidInput(
        "The targets are whole numbers, which may be classes or not",
        hint="say model_type='classifier' or model_type='regressor'",
    )


def tell_probabilities(outputs: Outputs, classes: int) -> Outputs:
    """Tell probabilities from labels where a model of any library gave one array.

    A table of numbers with one column a class is probabilities; so are fractions from 0 to 1 for two classes.

    classes: how many there are among the targets
    """
    array = _to_array(outputs.predictions)
    if outputs.probabilities is not None and not _is_table(array):
        return Outputs(_flatten(array), outputs.probabilities, outputs.classes)
    if array.ndim == 2 and array.shape[1] > 1:
        return Outputs(None, array, outputs.classes)
    array = _flatten(array)
    is_share = array.dtype.kind == "f" and bool(((array >= 0) & (array <= 1)).all()) and bool((array % 1 != 0).any())
    if is_share and classes <= 2:
        return Outputs(None, array, outputs.classes)
    return Outputs(array, outputs.probabilities, outputs.classes)


def _choose_columns(model: Any, features: Any) -> Any:
    """Return the columns that an estimator was trained with, where it says so and all are there."""
    names = getattr(model, "feature_names_in_", None)
    there = list(getattr(features, "columns", ()))
    if names is None or not there or list(names) == there or not set(names) <= set(there):
        return features
    return features[list(names)]


def _gives_probabilities(native: Any) -> bool:
    return hasattr(native, "predict_proba") and getattr(getattr(native, "classes_", None), "ndim", 0) == 1


def _is_table(predictions: Any) -> bool:
    shape: tuple[int, ...] = getattr(predictions, "shape", ())
    return len(shape) == 2 and shape[1] > 1


def _flatten(array: Array) -> Array:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _to_array(values: Any) -> Array:
    return np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
