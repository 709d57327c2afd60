"""Predictions as arrays of Arrow's, of the type that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trackway.base.errors import InvalidInput


def choose_columns(pa: Any, found: Any, target: Any) -> Any:
    """Return those columns of predictions that a type can hold, as MLflow's function of columns chooses them.

    A whole number is taken from the leftmost column of whole numbers that fit, any other number from the leftmost of
    numbers, a truth value from the leftmost of those, and a text from the leftmost of all; a list takes all such
    columns. Structs take columns by name, and lists of lists what is there.

    target: type of Arrow's
    raises: InvalidInput when there is none
    """
    inner = target.value_type if pa.types.is_list(target) else target
    if pa.types.is_struct(target) or pa.types.is_list(inner) or pa.types.is_struct(inner):
        return found
    columns = _split(found)
    if columns is None:
        values = np.asarray(found)
        columns = {0: values} if values.ndim < 2 else {place: values[:, place] for place in range(values.shape[1])}
    if len(columns) == 1 and pa.types.is_list(target) and _holds_lists(next(iter(columns.values()))):
        return next(iter(columns.values()))
    fitting = {name: values for name, values in columns.items() if _fits(pa, values, inner)}
    if not fitting:
        raise InvalidInput(
            f"The model gives no column that a {inner} holds: {', '.join(map(str, columns))[:200]}",
            hint="result_type='string' or 'array<string>' takes any",
        )
    if pa.types.is_list(target):
        if pa.types.is_string(inner):
            listed = [_to_texts(values) for values in fitting.values()]
            return [list(row) for row in zip(*listed, strict=True)]
        return np.column_stack([*fitting.values()])
    first = next(iter(fitting.values()))
    return _to_texts(first) if pa.types.is_string(inner) else first


def _fits(pa: Any, values: Any, kind: Any) -> bool:
    if pa.types.is_string(kind):
        return True
    if pa.types.is_boolean(kind):
        return bool(values.dtype.kind == "b")
    if pa.types.is_integer(kind):
        return values.dtype.kind in "iu" and np.can_cast(values.dtype, kind.to_pandas_dtype())
    return values.dtype.kind in "iuf"


def _holds_lists(values: Any) -> bool:
    return bool(values.dtype.kind == "O" and len(values) and isinstance(values[0], list | tuple | np.ndarray))


def _to_texts(values: Any) -> list[str | None]:
    return [None if one is None else str(one) for one in values.tolist()]


def to_frame(pa: Any, table: Any) -> Any:
    """Return a batch as a pandas table; times are those of UTC, and lists of numbers are arrays."""
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.timestamp("us")))
    return table.to_pandas()


def to_arrow(pa: Any, found: Any, target: Any) -> Any:
    """Return predictions as an array of one type.

    raises: InvalidInput for predictions that are of another
    """
    if hasattr(found, "to_pandas"):
        found = found.to_pandas()
    columns = _split(found)
    try:
        if pa.types.is_struct(target) and columns is not None:
            return _join(pa, columns, target)
        if columns is not None:
            if not pa.types.is_list(target) and len(columns) != 1:
                raise InvalidInput(
                    f"The model gives {len(columns)} columns: {', '.join(map(str, columns))[:200]}",
                    hint="a result_type such as 'array<double>' or 'a double, b double' takes them all",
                )
            found = next(iter(columns.values())) if len(columns) == 1 else np.column_stack([*columns.values()])
        if isinstance(found, list | tuple):
            return pa.array(found, target)
        return _convert(pa, np.asarray(found), target)
    except (pa.ArrowException, ValueError, TypeError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(
            f"The predictions are no {target}: {str(error)[:200]}", hint="result_type says what to make of them"
        ) from error


def _split(found: Any) -> dict[Any, Any] | None:
    """Return the columns of predictions by name, None for those that have no columns."""
    if hasattr(found, "iloc") and hasattr(found, "columns"):
        return {name: found[name].to_numpy() for name in found.columns}
    if isinstance(found, Mapping):
        return {name: np.asarray(values) for name, values in found.items()}
    return None


def _join(pa: Any, columns: dict[Any, Any], target: Any) -> Any:
    """Return columns as one of structs: by name, or in their order where the names are others."""
    fields = list(target)
    named = {str(name): values for name, values in columns.items()}
    if not all(field.name in named for field in fields):
        if len(named) != len(fields):
            wanted = ", ".join(field.name for field in fields)
            raise InvalidInput(f"The model gives the columns {', '.join(named)[:200]}, and not {wanted[:200]}")
        named = dict(zip((field.name for field in fields), named.values(), strict=True))
    return pa.StructArray.from_arrays([_convert(pa, named[f.name], f.type) for f in fields], fields=fields)


def _convert(pa: Any, values: Any, target: Any) -> Any:
    """Return an array of numpy's as one of Arrow's; what would change a value is refused."""
    if pa.types.is_struct(target) and values.ndim == 2:
        return _join(pa, {place: values[:, place] for place in range(values.shape[1])}, target)
    if pa.types.is_list(target) and values.ndim > 1:
        inner = _convert(pa, values.reshape(-1, *values.shape[2:]), target.value_type)
        offsets = np.arange(0, len(inner) + 1, values.shape[1], dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), inner, type=target)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype.kind in "OU":
        listed = values.tolist()
        if pa.types.is_string(target):
            listed = [one if one is None else str(one) for one in listed]
        return pa.array(listed, target)
    array = pa.array(values)
    return array if array.type == target else array.cast(target)
