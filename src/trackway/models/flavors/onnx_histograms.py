"""scikit-learn's trees on histograms as graphs of ONNX: each split, leaf and missing value as the estimator has it.

The converter that skl2onnx has gives the operator's attributes as arrays, which newer releases of onnx refuse.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from trackway.base.errors import NotSupported
from trackway.models.flavors.base import import_library

_FLOAT, _DOUBLE, _INT64, _STRING = 1, 11, 7, 8
"""ONNX's numbers of types."""
_LINKS: Final = {"IdentityLink": "Identity", "LogLink": "Exp"}
_TREES: Final = "TreeEnsembleRegressor"


def register_converters() -> None:
    """Let the converter of scikit-learn's models know its trees on histograms as they are here."""
    ensemble, register = import_library("sklearn.ensemble"), import_library("skl2onnx")
    shapes = import_library("skl2onnx.common.shape_calculator")
    for kind, convert, options in (
        ("Regressor", _convert_regressor, None),
        ("Classifier", _convert_classifier, {"zipmap": [True, False, "columns"], "nocl": [True, False]}),
    ):
        name = f"HistGradientBoosting{kind}"
        measure = getattr(shapes, f"calculate_linear_{kind.lower()}_output_shapes")
        register.update_registered_converter(
            getattr(ensemble, name), f"Sklearn{name}", measure, convert, options=options
        )


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    link = _LINKS.get(type(model._loss.link).__name__)
    if link is None:
        raise NotSupported(f"The loss {model.loss!r} has no form in ONNX")
    raw = _add_trees(scope, operator, container)
    container.add_node(link, [raw], [operator.outputs[0].full_name], name=scope.get_unique_operator_name("Link"))


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    label, probabilities = (one.full_name for one in operator.outputs)
    raw = _add_trees(scope, operator, container)

    def add(kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        made = output or scope.get_unique_variable_name(kind)
        container.add_node(kind, inputs, [made], name=scope.get_unique_operator_name(kind), **attributes)
        return str(made)

    if model.n_trees_per_iteration_ == 1:
        second = add("Sigmoid", [raw])
        add("Concat", [add("Sigmoid", [add("Neg", [raw])]), second], probabilities, axis=1)
    else:
        add("Softmax", [raw], probabilities, axis=1)
    best = add("ArgMax", [probabilities], axis=1, keepdims=0)
    names = scope.get_unique_variable_name("classes")
    is_text = model.classes_.dtype.kind in "OUS"
    values = [str(one).encode() for one in model.classes_] if is_text else [int(one) for one in model.classes_]
    container.add_initializer(names, _STRING if is_text else _INT64, [len(values)], values)
    add("Gather", [names, best], label, axis=0)


def _add_trees(scope: Any, operator: Any, container: Any) -> str:
    """Add the trees, and return the name of their sums: one column for each class, or one alone."""
    model, (given, *others) = operator.raw_operator, operator.inputs
    if others:
        raise NotSupported("Trees on histograms take one matrix")
    if model.is_categorical_ is not None and np.any(model.is_categorical_):
        raise NotSupported("Splits of categories have no form in ONNX")
    types = import_library("skl2onnx.common.data_types")
    is_double = isinstance(given.type, types.DoubleTensorType)
    data = given.full_name
    if not isinstance(given.type, types.DoubleTensorType | types.FloatTensorType):
        data = scope.get_unique_variable_name("numbers")
        container.add_node("Cast", [given.full_name], [data], name=scope.get_unique_operator_name("Cast"), to=_FLOAT)
    output = scope.get_unique_variable_name("raw")
    attributes = _describe_trees(model, is_double=is_double)
    name = scope.get_unique_operator_name(_TREES)
    container.add_node(_TREES, [data], [output], op_domain="ai.onnx.ml", op_version=3, name=name, **attributes)
    if is_double:  # the operator answers in 32 bits, and what follows is declared to have 64
        narrow, output = output, scope.get_unique_variable_name("raw")
        container.add_node("Cast", [narrow], [output], name=scope.get_unique_operator_name("Cast"), to=_DOUBLE)
    return str(output)


def _describe_trees(model: Any, *, is_double: bool) -> dict[str, Any]:
    """Return the attributes of the operator for all trees of an estimator."""
    make_tensor = import_library("onnx").helper.make_tensor
    kind = _DOUBLE if is_double else _FLOAT
    columns: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "featureids", "values", "modes")}
    columns |= {name: [] for name in ("truenodeids", "falsenodeids", "missing_value_tracks_true")}
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    width = model.n_trees_per_iteration_
    for number, (target, tree) in enumerate(
        (target, tree) for trees in model._predictors for target, tree in enumerate(trees)
    ):
        nodes = tree.nodes
        is_leaf = nodes["is_leaf"].astype(bool)
        count = len(nodes)
        columns["treeids"] += [number] * count
        columns["nodeids"] += range(count)
        columns["featureids"] += np.where(is_leaf, 0, nodes["feature_idx"]).tolist()
        columns["values"] += _round(np.where(is_leaf, 0.0, nodes["num_threshold"]), is_double=is_double).tolist()
        columns["modes"] += np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist()
        columns["truenodeids"] += np.where(is_leaf, 0, nodes["left"]).tolist()
        columns["falsenodeids"] += np.where(is_leaf, 0, nodes["right"]).tolist()
        columns["missing_value_tracks_true"] += np.where(is_leaf, 0, nodes["missing_go_to_left"]).astype(int).tolist()
        places = np.flatnonzero(is_leaf)
        leaves["treeids"] += [number] * len(places)
        leaves["nodeids"] += places.tolist()
        leaves["ids"] += [target] * len(places)
        leaves["weights"] += nodes["value"][places].tolist()
    values, weights = columns.pop("values"), leaves.pop("weights")
    baseline = np.asarray(model._baseline_prediction, dtype="float64").ravel().tolist()
    return {
        "n_targets": int(width),
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values_as_tensor": make_tensor("base", kind, [len(baseline)], baseline),
        "nodes_values_as_tensor": make_tensor("values", kind, [len(values)], values),
        "target_weights_as_tensor": make_tensor("weights", kind, [len(weights)], weights),
        **{f"nodes_{name}": column for name, column in columns.items()},
        **{f"target_{name}": column for name, column in leaves.items()},
    }


def _round(thresholds: Any, *, is_double: bool) -> Any:
    """Return thresholds as numbers that no value crosses by being rounded with them."""
    if is_double:
        return thresholds
    rounded = thresholds.astype("float32")
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
