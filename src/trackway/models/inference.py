"""Signatures from data: of pandas, polars and Arrow tables, arrays, sparse matrices, dicts, lists and single values.

Tables give columns, arrays and sparse matrices give tensors with an open first dimension, dicts of arrays give named
tensors, other dicts and lists of dicts give columns, and a list of values gives one column without a name.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from trackway.base.errors import InvalidInput
from trackway.models.arrays import to_numpy
from trackway.models.signature import Column, Param, Property, Schema, Signature, Tensor, Type

if TYPE_CHECKING:
    import numpy

MAX_VALUES: Final = 10_000
"""Of a column of Python objects, so many values are looked at."""

ANY: Final = Type("any")
_NUMPY: Final = {"b": "boolean", "U": "string", "S": "binary", "M": "datetime"}
_PYTHON: Final = {
    bool: "boolean",
    int: "long",
    float: "double",
    str: "string",
    bytes: "binary",
    bytearray: "binary",
    dt.date: "datetime",
    dt.datetime: "datetime",
    decimal.Decimal: "double",
}
_NUMBERS: Final = ("integer", "long", "float", "double")


def infer_signature(
    model_input: Any = None, model_output: Any = None, params: Mapping[str, Any] | None = None
) -> Signature:
    """Infer a signature from an example of what goes in, of what comes out, and of the params with their defaults.

    raises: InvalidInput for data of which no schema can be told
    cost:   of each column of Python objects the first 10,000 values are looked at; of others, whether any is missing
    """
    return Signature(
        inputs=None if model_input is None else infer_schema(model_input),
        outputs=None if model_output is None else infer_schema(model_output),
        params=infer_params(params) if params else None,
    )


def infer_schema(data: Any) -> Schema:
    """Infer the schema of data; see ``infer_signature``."""
    data = to_numpy(data)
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return tuple(_infer_pandas(data.iloc[:, i], name) for i, name in enumerate(data.columns))
    if hasattr(data, "iloc"):
        return (_infer_pandas(data, data.name),)
    if hasattr(data, "iter_columns") and hasattr(data, "height"):
        return tuple(_infer_polars(series) for series in data.iter_columns())
    if hasattr(data, "schema") and hasattr(data, "column_names"):
        return tuple(_infer_arrow(data, i) for i in range(len(data.column_names)))
    if hasattr(data, "dtype") and hasattr(data, "shape") and data.shape:
        return (_infer_tensor(data, None),)
    if isinstance(data, Mapping):
        return _infer_dict(data)
    if isinstance(data, list | tuple) and data and all(isinstance(row, Mapping) for row in data):
        merged = _infer_values(list(data))
        return tuple(Column(p.type, p.name, p.required) for p in _order(merged.properties, data))
    if isinstance(data, list | tuple):
        return (Column(_infer_values(data) if data else Type("string")),)
    column_type = infer_type(data)
    if column_type == ANY:
        raise InvalidInput(
            f"No schema can be told of a {type(data).__module__}.{type(data).__qualname__}",
            hint="give a table, an array, a sparse matrix, a dict, a list or a single value",
        )
    return (Column(column_type),)


def infer_params(params: Mapping[str, Any]) -> tuple[Param, ...]:
    """Infer the declared params from their defaults: single values, lists of one type, or dicts.

    raises: InvalidInput for other values
    """
    return tuple(_infer_param(name, value) for name, value in params.items())


def infer_type(value: Any) -> Type:
    """Return the column type of one value; None and what is not known are ``any``."""
    if isinstance(value, Mapping):
        items = sorted((str(key), one) for key, one in value.items())
        return Type("object", properties=tuple(Property(key, infer_type(one), one is not None) for key, one in items))
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        if value.shape:
            inner = name_numpy(value.dtype)
            return Type("array", items=_infer_values(list(value)) if inner == ANY or value.ndim > 1 else inner)
        return name_numpy(value.dtype)
    if isinstance(value, list | tuple):
        return Type("array", items=_infer_values(value) if value else ANY)
    for cls in type(value).__mro__:
        if cls in _PYTHON:
            return Type(_PYTHON[cls])
    return ANY


def name_numpy(dtype: numpy.dtype[Any]) -> Type:
    """Return the column type of numpy's type."""
    if dtype.kind in "iu":
        return Type("integer" if dtype.itemsize < 4 + (dtype.kind == "i") else "long") if dtype.str[1:] != "u8" else ANY
    if dtype.kind == "f":
        return Type("float" if dtype.itemsize <= 4 else "double") if dtype.itemsize <= 8 else ANY
    return Type(_NUMPY[dtype.kind]) if dtype.kind in _NUMPY else ANY


def name_tensor(dtype: numpy.dtype[Any]) -> str:
    """Return the name of a tensor's type, without the length of its texts."""
    return {"U": "str", "S": "bytes"}.get(dtype.kind, dtype.name)


def _infer_tensor(data: Any, name: str | None) -> Tensor:
    shape = tuple(int(size) for size in data.shape)
    return Tensor(name_tensor(data.dtype), (-1, *shape[1:]), name)


def _infer_dict(data: Mapping[Any, Any]) -> Schema:
    import numpy as np

    if not data or not all(isinstance(key, str) for key in data):
        raise InvalidInput("No schema can be told of an empty dict or one whose keys are not all texts")
    if all(isinstance(value, np.ndarray) for value in data.values()):
        return tuple(_infer_tensor(value, name) for name, value in data.items())
    return tuple(Column(infer_type(value), name, _is_there(value)) for name, value in data.items())


def _is_there(value: Any) -> bool:
    return value is not None and not (isinstance(value, list | tuple) and any(one is None for one in value))


def _order(properties: Sequence[Property], rows: Iterable[Mapping[Any, Any]]) -> list[Property]:
    """Return properties in the order in which rows first name them."""
    places = {str(key): place for place, key in enumerate(dict.fromkeys(key for row in rows for key in row))}
    return sorted(properties, key=lambda one: places[one.name])


def _infer_values(values: Iterable[Any]) -> Type:
    """Return the type that all values have in common."""
    common: Type | None = None
    for number, value in enumerate(values):
        if number == MAX_VALUES:
            break
        if value is None or (isinstance(value, float) and value != value):
            continue
        found = infer_type(value)
        common = found if common is None else _merge(common, found)
    return common or ANY


def _merge(a: Type, b: Type) -> Type:
    """Return the type that holds values of both; ``any`` when nothing else does."""
    if a == b or b == ANY:
        return a
    if a == ANY:
        return b
    if a.kind == b.kind == "array" and a.items is not None and b.items is not None:
        return Type("array", items=_merge(a.items, b.items))
    if a.kind == b.kind == "object":
        left, right = ({p.name: p for p in one.properties} for one in (a, b))
        return Type("object", properties=tuple(_merge_property(n, left, right) for n in sorted({*left, *right})))
    if a.kind in _NUMBERS and b.kind in _NUMBERS:
        return Type("double" if {a.kind, b.kind} & {"float", "double"} else "long")
    return ANY


def _merge_property(name: str, left: dict[str, Property], right: dict[str, Property]) -> Property:
    if name in left and name in right:
        return Property(name, _merge(left[name].type, right[name].type), left[name].required and right[name].required)
    return Property(name, (left.get(name) or right[name]).type, False)


def _infer_pandas(series: Any, name: Any) -> Column:
    label = name if name is None or type(name) is int else str(name)
    dtype = getattr(getattr(series.dtype, "categories", None), "dtype", series.dtype)
    missing = bool(series.isna().any())
    base = getattr(dtype, "numpy_dtype", dtype)
    kind = getattr(base, "kind", "O")
    if kind == "O" and str(dtype) not in ("str", "string"):
        values = [value for value in series.dropna().head(MAX_VALUES).tolist() if value is not None]
        found = _infer_values(values)
        # A whole number that may be missing becomes a float in every table that is made of it.
        found = Type("double") if missing and found.kind == "long" else found
    elif kind == "O":
        found = Type("string")
    else:
        found = name_numpy(base) if hasattr(base, "str") else Type("datetime" if kind == "M" else "any")
    return Column(found, label, not missing)


_POLARS: Final = {
    "Boolean": "boolean",
    "Int8": "integer",
    "Int16": "integer",
    "Int32": "integer",
    "UInt8": "integer",
    "UInt16": "integer",
    "UInt32": "long",
    "Int64": "long",
    "Float32": "float",
    "Float64": "double",
    "Decimal": "double",
    "String": "string",
    "Categorical": "string",
    "Enum": "string",
    "Binary": "binary",
    "Date": "datetime",
    "Datetime": "datetime",
}


def _infer_polars(series: Any) -> Column:
    return Column(_name_polars(series.dtype), series.name, series.null_count() == 0)


def _name_polars(dtype: Any) -> Type:
    word = dtype.base_type().__name__
    if word in ("List", "Array"):
        return Type("array", items=_name_polars(dtype.inner))
    if word == "Struct":
        fields = sorted(dtype.fields, key=lambda field: str(field.name))
        return Type("object", properties=tuple(Property(field.name, _name_polars(field.dtype)) for field in fields))
    return Type(_POLARS.get(word, "any"))


def _infer_arrow(table: Any, place: int) -> Column:
    field, column = table.schema.field(place), table.column(place)
    return Column(_name_arrow(field.type), field.name, column.null_count == 0)


def _name_arrow(arrow_type: Any) -> Type:
    import pyarrow.types as kinds

    if kinds.is_dictionary(arrow_type):
        return _name_arrow(arrow_type.value_type)
    if kinds.is_list(arrow_type) or kinds.is_large_list(arrow_type) or kinds.is_fixed_size_list(arrow_type):
        return Type("array", items=_name_arrow(arrow_type.value_type))
    if kinds.is_map(arrow_type):
        return Type("map", items=_name_arrow(arrow_type.item_type))
    if kinds.is_struct(arrow_type):
        fields = sorted((arrow_type.field(i) for i in range(arrow_type.num_fields)), key=lambda field: str(field.name))
        return Type("object", properties=tuple(Property(f.name, _name_arrow(f.type)) for f in fields))
    for word, tests in _ARROW.items():
        if any(getattr(kinds, f"is_{test}")(arrow_type) for test in tests.split()):
            return Type(word)
    return ANY


_ARROW: Final = {
    "boolean": "boolean",
    "integer": "int8 int16 int32 uint8 uint16",
    "long": "int64 uint32",
    "float": "float16 float32",
    "double": "float64 decimal",
    "string": "string large_string string_view",
    "binary": "binary large_binary fixed_size_binary binary_view",
    "datetime": "timestamp date",
}


def _infer_param(name: str, value: Any) -> Param:
    if hasattr(value, "tolist"):
        found, plain = infer_type(value), value.tolist()
    else:
        found, plain = infer_type(value), list(value) if isinstance(value, tuple) else value
    inner = found.items if found.kind == "array" else found
    if (
        inner is None
        or inner.kind in ("any", "binary", "array", "map")
        or (found.kind == "array" and inner.kind == "object")
    ):
        raise InvalidInput(
            f"The param {name!r} has a default of type {found}",
            hint="a number, text, boolean, time, dict, or a list of one type",
        )
    return Param(name, inner, plain, (-1,) if found.kind == "array" else None)
