"""Values as JSON has them made into columns of a signature's types, or refused with column, expected and found type.

JSON has fewer types than signatures: whole numbers stand for doubles, base64 for bytes, ISO texts for times, and
numbers may come as texts. A value is converted where that changes nothing of it, as MLflow does; where MLflow would cut
it (1.5 in a column of whole numbers becomes 1), it is refused.
"""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from trackway.base.errors import InvalidInput
from trackway.models.signature import Column, Tensor

Array = np.ndarray[Any, Any]
BAD_REQUEST: Final = {"error_code": "BAD_REQUEST"}
_DTYPES: Final = {"double": np.float64, "float": np.float32, "long": np.int64, "integer": np.int32}
_PLAIN: Final[dict[str, set[type]]] = {
    "double": {int, float},
    "float": {int, float},
    "long": {int},
    "integer": {int},
    "boolean": {bool},
}
"""Types of JSON that numpy makes a column of at once."""


def build_block(columns: Sequence[Column], rows: Sequence[Any]) -> Array | None:
    """Return rows as one array of the type that all columns have; None when they are not so simple.

    rows: lists of one value a column
    cost: 30 us and 60 ns a value
    """
    kind = columns[0].type.kind
    if kind not in _DTYPES or any(column.type.kind != kind for column in columns):
        return None
    try:
        if not set(map(type, itertools.chain.from_iterable(rows))) <= _PLAIN[kind]:
            return None
        block = np.array(rows, dtype=np.float64 if kind in ("double", "float") else np.int64)
    except (TypeError, ValueError, OverflowError):
        return None
    if block.ndim != 2 or block.shape[1] != len(columns):
        return None
    return _narrow(block, kind)


def build_column(column: Column, values: Sequence[Any]) -> Any:
    """Return values as one column: a numpy array, or a pandas Series of times.

    raises: InvalidInput
    """
    kind = column.type.kind
    if kind in _DTYPES:
        return _build_numbers(column, values)
    if kind == "boolean":
        return _build_booleans(column, values)
    if kind == "binary":
        return hold([_decode_base64(column, value, row) for row, value in enumerate(values)])
    if kind == "datetime":
        return _build_times(column, values)
    if kind == "string":
        for row, value in enumerate(values):
            if value is not None and type(value) is not str:
                raise refuse(column, value, row)
    return hold(values)


def build_tensor(tensor: Tensor, values: Any) -> Array:
    """Return nested lists as an array of a tensor's type.

    raises: InvalidInput
    """
    dtype = np.dtype(tensor.dtype)
    try:
        if dtype.kind not in "iu":
            return np.array(values, dtype=dtype)
        found = np.array(values)
        whole = found.astype(dtype)
        if found.dtype.kind in "iub" or (found.dtype.kind == "f" and np.array_equal(whole, found)):
            if np.array_equal(whole, found):
                return whole
            raise OverflowError
        if found.dtype.kind in "US":
            return whole
    except (ValueError, TypeError, OverflowError):
        pass
    label = "The tensor" if tensor.name is None else f"Tensor {tensor.name!r}"
    raise InvalidInput(f"{label}: expected {tensor.dtype}, found values that are none", details=BAD_REQUEST)


def hold(values: Iterable[Any]) -> Array:
    """Return an array of Python objects, lists among them."""
    listed = list(values)
    held = np.empty(len(listed), dtype=object)
    for place, value in enumerate(listed):
        held[place] = value
    return held


def refuse(column: Column, value: Any, row: int) -> InvalidInput:
    """Make the error for a value that a column cannot have."""
    found = "no value" if value is None else f"{_name(value)} {str(value)[:40]!r}"
    message = f"Column {column.name!r}: expected {column.type}, found {found} in row {row}"
    return InvalidInput(message, details={"column": column.name, "row": row, **BAD_REQUEST})


def _build_numbers(column: Column, values: Sequence[Any]) -> Array:
    kind = column.type.kind
    real = kind in ("double", "float")
    if not set(map(type, values)) <= _PLAIN[kind]:
        if not real and not column.required and any(value is None for value in values):
            return hold(None if value is None else _read_whole(column, value, row) for row, value in enumerate(values))
        read = _read_real if real else _read_whole
        values = [read(column, value, row) for row, value in enumerate(values)]
    try:
        return _narrow(np.array(values, dtype=np.float64 if real else np.int64), kind)
    except OverflowError:
        limit = float("inf") if real else 2**31 if kind == "integer" else 2**63
        row, value = next((row, value) for row, value in enumerate(values) if not _is_within(value, limit))
        raise refuse(column, value, row) from None


def _is_within(value: Any, limit: float) -> bool:
    try:
        return -limit <= float(value) < limit if limit == float("inf") else -limit <= value < limit
    except OverflowError:  # of a whole number that no double is near to
        return False


def _narrow(array: Array, kind: str) -> Array:
    """Return numbers in their column's own type.

    raises: OverflowError
    """
    if kind == "integer" and array.size and not -(2**31) <= array.min() <= array.max() < 2**31:
        raise OverflowError
    if kind != "float":
        return array.astype(_DTYPES[kind], copy=False)
    with np.errstate(over="ignore"):
        narrow: Array = array.astype(np.float32)
    return narrow


def _read_real(column: Column, value: Any, row: int) -> float:
    if value is None:
        return float("nan")
    try:
        if isinstance(value, int | float | str):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise refuse(column, value, row)


def _read_whole(column: Column, value: Any, row: int) -> int:
    limit = 2**31 if column.type.kind == "integer" else 2**63
    try:
        if isinstance(value, int | str) or (isinstance(value, float) and value.is_integer()):
            whole = int(value)
            if -limit <= whole < limit:
                return whole
    except ValueError:
        pass
    raise refuse(column, value, row)


def _build_booleans(column: Column, values: Sequence[Any]) -> Array:
    if set(map(type, values)) <= {bool}:
        return np.array(values, dtype=bool)
    found = []
    for row, value in enumerate(values):
        missing = value is None and not column.required
        if not missing and (value not in (0, 1) or isinstance(value, str)):
            raise refuse(column, value, row)
        found.append(None if missing else bool(value))
    return hold(found) if None in found else np.array(found, dtype=bool)


def _decode_base64(column: Column, value: Any, row: int) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            pass
    raise refuse(column, value, row)


def _build_times(column: Column, values: Sequence[Any]) -> Any:
    import pandas as pd

    for row, value in enumerate(values):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | str)):
            raise refuse(column, value, row)
    try:
        times = pd.to_datetime(pd.Series(list(values), dtype=object))
        if getattr(times.dtype, "kind", "O") == "M":
            return times.dt.as_unit("ns")
    except (ValueError, TypeError, OverflowError):
        pass
    for row, value in enumerate(values):
        try:
            pd.Timestamp(value)
        except (ValueError, TypeError, OverflowError):
            raise refuse(column, value, row) from None
    raise InvalidInput(f"Column {column.name!r}: the times have different zones", details=BAD_REQUEST)


def _name(value: Any) -> str:
    words = {bool: "boolean", int: "long", float: "double", str: "string", list: "array", dict: "object"}
    return words.get(type(value), type(value).__name__)
