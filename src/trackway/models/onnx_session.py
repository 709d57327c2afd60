"""Feeds data to a session of ONNX Runtime, and gives its answer as the model's record says.

This file is also copied into the ``code`` folder of models that were exported to ONNX, so that MLflow asks them in the
same way. It uses nothing but numpy and, for tables of answers, pandas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(string)": "object",
    "tensor(bool)": "bool",
    **{f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
"""The runtime's types of inputs, and numpy's."""


class Asker:
    """Asks one session.

    session: of ``onnxruntime``
    answer:  ``output``, the one output that is the answer, and its ``shape`` and ``dtype`` where they are known; None
             when all outputs are, by name
    """

    def __init__(self, session: Any, answer: Mapping[str, Any] | None = None) -> None:
        self._session = session
        self._answer = answer or {}
        self._inputs = session.get_inputs()
        self._names = [output.name for output in session.get_outputs()]

    def ask(self, data: Any) -> Any:
        """Return the one output that is the answer; else a table for a table, and arrays by name for anything else.

        data:   a pandas table, a numpy array, a sparse matrix, a list, or arrays by the names of inputs
        raises: ValueError for data that the inputs do not take
        """
        if self._answer:
            return self._shape(self._session.run([self._answer["output"]], self.feed(data))[0])
        found = self.ask_all(data)
        return _to_table(found, data) if _is_table(data) else found

    def ask_all(self, data: Any) -> dict[str, Any]:
        """Return all outputs by name, as the session gives them."""
        return dict(zip(self._names, self._session.run(self._names, self.feed(data)), strict=True))

    def feed(self, data: Any) -> dict[str, Any]:
        """Return the arrays for the session's inputs, by name."""
        names = [one.name for one in self._inputs]
        if isinstance(data, Mapping) or (_is_table(data) and (len(names) > 1 or [*data.columns] == names)):
            if missing := [name for name in names if name not in data]:
                raise ValueError(f"The model's input {missing[0]!r} is missing; it takes {', '.join(map(repr, names))}")
            return {one.name: _fit(data[one.name], one) for one in self._inputs}
        if len(names) != 1:
            raise ValueError(f"The model takes {len(names)} inputs: give a table or arrays by name, {', '.join(names)}")
        return {names[0]: _fit(data.toarray() if hasattr(data, "toarray") else data, self._inputs[0])}

    def _shape(self, found: Any) -> Any:
        if isinstance(found, list):  # of dicts, which some converters end a classifier with
            return found
        if shape := self._answer.get("shape"):
            found = found.reshape(-1, *shape[1:])
        if dtype := self._answer.get("dtype"):
            found = found.astype({"str": str, "bytes": bytes}.get(dtype, dtype))
        return found


def _is_table(data: Any) -> bool:
    return hasattr(data, "columns") and hasattr(data, "iloc")


def _fit(values: Any, wanted: Any) -> Any:
    """Return values as an array of the type that an input takes, with the column that it may want them in."""
    array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    dtype = np.dtype(_DTYPES.get(wanted.type, array.dtype))
    if dtype != array.dtype:
        if dtype.kind == "O" and array.dtype.kind not in "UO":
            raise ValueError(f"The model's input {wanted.name!r} takes texts, found {array.dtype}")
        if array.dtype.kind == "O" and dtype.kind != "O":
            array = _to_numbers(array, wanted.name)
        if not np.can_cast(array.dtype, dtype, "same_kind"):
            raise ValueError(f"The model's input {wanted.name!r} takes {dtype}, found {array.dtype}")
        array = array.astype(dtype)
    return array.reshape(-1, 1) if array.ndim == 1 and len(wanted.shape) == 2 else array


def _to_numbers(array: Any, name: str) -> Any:
    """Return an array of objects, which a table of mixed columns gives, as numbers."""
    try:
        return array.astype("float64") if any(isinstance(one, float) for one in array.flat) else array.astype("int64")
    except (TypeError, ValueError):
        raise ValueError(f"The model's input {name!r} takes numbers, found other values") from None


def _to_table(found: dict[str, Any], data: Any) -> Any:
    """Return a table of outputs with one row for each row of the data; the arrays themselves where they have not."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, list):
            columns[name] = value
        elif value.ndim == 1 or value.shape[1:] == (1,):
            columns[name] = value.reshape(-1)
        elif value.ndim == 2:
            columns |= {f"{name}_{i}": value[:, i] for i in range(value.shape[1])}
        else:
            columns[name] = list(value)
    if any(len(column) != len(data) for column in columns.values()):
        return found
    return pd.DataFrame(columns)
