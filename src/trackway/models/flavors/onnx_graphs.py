"""What conversions to ONNX have in common: the inputs of a graph for given rows, and its outputs as they are wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from trackway.base.errors import NotSupported
from trackway.models.flavors.base import Conversion, Graph, import_library

OPSETS: Final = {"": 17, "ai.onnx.ml": 3}
"""Versions of the operators: old enough for every runtime in use, new enough for trees of 64-bit numbers."""
_PLAIN_OPSET: Final = 9
"""For a graph that has no operator but those for trees, before others are added to it."""
MATRIX: Final = "rows"
"""Name of the input that takes all columns as one matrix."""

Types = list[tuple[str, Any]]


def list_conversions(rows: Any, convert: Callable[[Types], Graph], types: Any) -> list[Conversion]:
    """Return the ways to convert for given rows: as one matrix where they are numbers alone, and column by column.

    convert: makes a graph with inputs of given names and types
    types:   the module that has the converter's types
    """
    found = []
    for bits, number in (("64-bit", types.DoubleTensorType), ("32-bit", types.FloatTensorType)):
        if (width := _find_width(rows)) is not None:
            found.append(Conversion(f"{bits} matrix", _bind(convert, [(MATRIX, number([None, width]))])))
    if hasattr(rows, "columns"):
        for bits, number in (("64-bit", types.DoubleTensorType), ("32-bit", types.FloatTensorType)):
            whole = types.Int64TensorType if bits == "64-bit" else number
            columns = [(str(name), _name_type(rows[name], number, whole, types)) for name in rows.columns]
            found.append(Conversion(f"{bits} columns", _bind(convert, columns)))
    return found


def convert_sklearn(model: Any, types: Types) -> Any:
    """Return the graph of an estimator that follows scikit-learn's conventions."""
    options = {"zipmap": False} if hasattr(model, "predict_proba") else None
    convert = import_library("skl2onnx").convert_sklearn
    return tidy(convert(model, initial_types=types, options=options, target_opset=OPSETS))


def tidy(proto: Any) -> Any:
    """Return a graph without the dictionaries that some converters end with, and without shapes that are not so.

    ``describe_outputs`` gives it shapes again.
    """
    for node in [node for node in proto.graph.node if node.op_type == "ZipMap"]:
        proto.graph.node.remove(node)
        for output in proto.graph.output:
            if output.name == node.output[0]:
                output.CopyFrom(import_library("onnx").helper.make_tensor_value_info(output.name, 1, None))
                proto.graph.node.extend([_rename(node.input[0], output.name)])
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")
    if all(one.domain for one in proto.opset_import):
        proto.opset_import.add(version=_PLAIN_OPSET)
    return proto


def describe_outputs(proto: Any, found: dict[str, Any]) -> None:
    """Write the shapes of a graph's outputs into it, as they were found."""
    for output in proto.graph.output:
        shape = output.type.tensor_type.shape
        shape.dim.add(dim_param="N")
        for size in found[output.name].shape[1:]:
            shape.dim.add(dim_value=size)


def take_column(proto: Any, output: str, column: int) -> str:
    """Let a graph end with one column of an output, and return what that is called."""
    helper = import_library("onnx").helper
    place = helper.make_tensor("trackway_column", 7, [1], [column])
    proto.graph.initializer.append(place)
    proto.graph.node.append(helper.make_node("Gather", [output, "trackway_column"], ["prediction"], axis=1))
    proto.graph.output.append(helper.make_tensor_value_info("prediction", 1, None))
    return "prediction"


def _rename(before: str, after: str) -> Any:
    return import_library("onnx").helper.make_node("Identity", [before], [after])


def _bind(convert: Callable[[Types], Graph], types: Types) -> Callable[[], Graph]:
    return lambda: convert(types)


def _find_width(rows: Any) -> int | None:
    """Return how many columns rows of numbers have; None for rows that are more than numbers."""
    if hasattr(rows, "dtypes") and hasattr(rows, "columns"):
        return len(rows.columns) if all(dtype.kind in "iufb" for dtype in rows.dtypes) else None
    return rows.shape[1] if getattr(rows, "ndim", 0) == 2 and rows.dtype.kind in "iufb" else None


def _name_type(column: Any, number: Any, whole: Any, types: Any) -> Any:
    kind = column.dtype.kind
    if kind in "iub":
        return whole([None, 1])
    if kind == "f":
        return number([None, 1])
    if kind == "O":
        return types.StringTensorType([None, 1])
    raise NotSupported(f"A column of {column.dtype} has no type in ONNX")
