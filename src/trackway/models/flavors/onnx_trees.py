"""Boosted trees as graphs of ONNX, by onnxmltools: estimators through scikit-learn's converter, boosters directly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trackway.models.flavors.base import Conversion, Graph, import_library
from trackway.models.flavors.onnx_graphs import (
    MATRIX,
    OPSETS,
    convert_sklearn,
    list_conversions,
    take_column,
    tidy,
)


def register_converters(library: str, module: str, prefix: str, classes: Any) -> None:
    """Let the converter of scikit-learn's models know a library's classifier and regressor.

    library, module: where onnxmltools has the library's converter
    prefix, classes: what the library's estimators begin with, and the module that has them
    """
    place = f"onnxmltools.convert.{library}.operator_converters.{module}"
    convert = getattr(import_library(place), f"convert_{library}")
    shapes, register = import_library("skl2onnx.common.shape_calculator"), import_library("skl2onnx")
    for kind in ("Classifier", "Regressor"):
        measure = getattr(shapes, f"calculate_linear_{kind.lower()}_output_shapes")
        options = (
            {"zipmap": [True, False, "columns"], "nocl": [True, False]} if kind == "Classifier" else {"split": None}
        )
        estimator = getattr(classes, f"{prefix}{kind}")
        register.update_registered_converter(estimator, f"{library}{kind}", measure, convert, options=options)


def list_estimator_conversions(model: Any, rows: Any, original: Any = None) -> Sequence[Conversion]:
    """Return the ways to convert an estimator.

    original: the estimator to ask for probabilities, when the model is a changed copy of it
    """

    def convert(types: Any) -> Graph:
        proto = convert_sklearn(model, types)
        names = [output.name for output in proto.graph.output]
        asked = model if original is None else original
        scores = (names[1], asked.predict_proba) if hasattr(asked, "predict_proba") else None
        return Graph(proto=proto, output=names[0], scores=scores)

    return list_conversions(rows, convert, import_library("skl2onnx.common.data_types"))


def list_booster_conversions(library: str, booster: Any, rows: Any, *, is_binary: bool) -> Sequence[Conversion]:
    """Return the ways to convert a booster, which gives probabilities where an estimator gives labels.

    is_binary: whether it gives the probability of the second of two classes
    """
    types = import_library("onnxmltools.convert.common.data_types")

    def make() -> Graph:
        width = rows.shape[1]
        convert = getattr(import_library("onnxmltools"), f"convert_{library}")
        inputs = [(MATRIX, types.FloatTensorType([None, width]))]
        proto = tidy(convert(booster, initial_types=inputs, target_opset=min(OPSETS[""], 15)))
        output = proto.graph.output[-1].name
        return Graph(proto=proto, output=take_column(proto, output, 1) if is_binary else output)

    return [Conversion("32-bit matrix", make)]
