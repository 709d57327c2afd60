"""Bodies of MLflow's scoring protocol made into what a model takes.

Its JSON object has one of ``dataframe_split``, ``dataframe_records``, ``instances`` and ``inputs``, and may have
``params``. CSV and Parquet hold a table. The forms of MLflow 1 (``; format=pandas-split``) are read as well.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from trackway.base.errors import InvalidInput, TooLarge
from trackway.models.signature import Column, Param, Signature, Tensor
from trackway.serving.columns import BAD_REQUEST, build_block, build_column, build_tensor, hold
from trackway.serving.rows import Rows, count_rows

FORMS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
CHAT: Final = ("messages", "prompt", "input")
"""An object with one of these is passed on as it is, and its answer is not wrapped."""
_NESTED: Final = ("array", "object", "map", "any", "sparkml_vector")
_log = logging.getLogger("trackway.serving")


class Reading(msgspec.Struct):
    """What a body says.

    is_wrapped: whether the answer is wrapped into ``{"predictions": ...}``
    """

    data: Any
    params: dict[str, Any] | None = None
    is_wrapped: bool = True


class Reader:
    """Reads bodies for one model, whose inputs are ``columns`` or ``tensors``, or not known.

    most_rows: of one request
    """

    def __init__(self, signature: Signature | None, most_rows: int) -> None:
        schema = (signature.inputs if signature is not None else None) or ()
        self.columns = tuple(spec for spec in schema if isinstance(spec, Column))
        self.tensors = tuple(spec for spec in schema if isinstance(spec, Tensor))
        self._by_name: dict[Any, Column] = {spec.name: spec for spec in self.columns if spec.name is not None}
        self._params: dict[str, Param] | None = None
        if signature is not None:
            self._params = {param.name: param for param in signature.params or ()}
        self._most_rows = most_rows
        self._indexes: dict[tuple[Any, ...], Any] = {}
        self._all = tuple(spec.name for spec in self.columns)

    def read_json(self, body: bytes) -> Reading:
        """Read an object of the protocol.

        raises: InvalidInput, TooLarge
        """
        found = decode_json(body)
        if not isinstance(found, dict):
            raise bad_request(f"The body is {_name(found)}", _HINT)
        if any(key in found for key in CHAT):
            return self._read_chat(found)
        forms = [form for form in FORMS if form in found]
        if len(forms) != 1:
            what = " and ".join(forms) or ", ".join(map(repr, list(found)[:5])) or "nothing"
            raise bad_request(f"The body's object has {what}", _HINT)
        data = self.read_form(forms[0], found[forms[0]])
        return Reading(data, self.choose_params(found.get("params")))

    def read_form(self, form: str, value: Any) -> Any:
        """Read the value of one of ``FORMS``.

        raises: InvalidInput, TooLarge
        """
        if form == "dataframe_split":
            names, rows = _take_split(value)
            self.check_count(len(rows))
            return self.make_table(names, rows)
        if form == "dataframe_records":
            if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
                raise bad_request(f"dataframe_records is {_name(value)}", "it is a list of objects, one for each row")
            self.check_count(len(value))
            return self.make_columns(_turn(value))
        if isinstance(value, list):
            self.check_count(len(value))
            return self._read_list(form, value)
        if isinstance(value, dict):
            data = self._read_columns(value)
            self.check_count(count_rows(data))
            return data
        if self._by_name and len(self.columns) > 1:
            self.check_columns([])
        return self._read_list(form, [value]) if self.columns else self._make_array(value)

    def read_csv(self, body: bytes) -> Reading:
        """Read a table of text with a line of names; types come from the signature.

        raises: InvalidInput, TooLarge
        """
        import pandas as pd

        kinds = {name: spec.type.kind for name, spec in self._by_name.items()}
        as_text = {name: str for name, kind in kinds.items() if kind in ("string", "binary", "datetime")}
        try:
            frame = pd.read_csv(io.BytesIO(body), dtype=as_text, encoding="utf-8", nrows=self._most_rows + 1)
        except (ValueError, OverflowError) as error:  # of which pandas' own errors are kinds
            raise bad_request(f"The body is no CSV: {str(error)[:200]}", "a line of names, then a line a row") from None
        self.check_count(len(frame))
        if not self.columns and not self.tensors:
            return Reading(frame)
        missing = frame.isna()
        columns = {
            name: [None if gone else value for value, gone in zip(frame[name].tolist(), missing[name], strict=True)]
            for name in frame.columns
        }
        return Reading(self.make_columns(columns))

    def read_parquet(self, body: bytes) -> Reading:
        """Read a table of Parquet; how many rows it has is known before they are read.

        raises: InvalidInput, TooLarge
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(io.BytesIO(body))
            self.check_count(file.metadata.num_rows)
            return Reading(file.read().to_pandas())
        except (pa.ArrowException, OSError, ValueError) as error:
            raise bad_request(f"The body is no Parquet file: {str(error)[:200]}") from None

    def make_table(self, names: Sequence[Any] | None, rows: Sequence[Any]) -> Any:
        """Return rows, each a list of one value for each name.

        raises: InvalidInput
        """
        if names is not None and tuple(names) == self._all and rows:
            block = build_block(self.columns, rows)
            if block is not None:
                return Rows(self._get_index(self._all), block)
        if len(self.tensors) == 1 and self.tensors[0].name is None:
            return self._make_array(rows)
        width = len(names) if names is not None else len(rows[0]) if rows and isinstance(rows[0], list) else 0
        for row, values in enumerate(rows):
            if not isinstance(values, list) or len(values) != width:
                raise bad_request(f"Row {row} is no list of {width} values", "one value for each column")
        labels = list(range(width)) if names is None else list(names)
        if len({*labels}) != len(labels):
            twice = next(name for name in labels if labels.count(name) > 1)
            raise bad_request(f"The column {str(twice)[:60]!r} is there twice")
        return self.make_columns({name: [row[place] for row in rows] for place, name in enumerate(labels)})

    def check_columns(self, names: Sequence[Any]) -> None:
        """Refuse a table without one of the columns that the model needs.

        raises: InvalidInput
        """
        missing = [spec for spec in self.columns if spec.required and spec.name not in names]
        if missing:
            shown = ", ".join(f"{spec.name!r} ({spec.type})" for spec in missing[:10])
            has = ", ".join(repr(name) for name in names[:20]) or "none"
            raise InvalidInput(f"The data lacks {len(missing)} of the model's columns: {shown}", hint=f"it has {has}")

    def make_columns(self, columns: Mapping[Any, Sequence[Any]]) -> Any:
        """Return columns as the signature has them; those that it does not name are left out."""
        if self.tensors:
            return self._make_tensors(columns)
        if not self.columns:
            return _make_frame(columns)
        if not self._by_name:
            if len(columns) != len(self.columns):
                raise InvalidInput(f"The model takes {len(self.columns)} columns; the data has {len(columns)}")
            pairs = zip(self.columns, columns.values(), strict=True)
            return Rows(self._get_index(tuple(columns)), None, [build_column(*pair) for pair in pairs])
        self.check_columns(list(columns))
        names = tuple(name for name in self._all if name in columns)
        if not names:
            return _make_frame({})
        return Rows(self._get_index(names), None, [build_column(self._by_name[name], columns[name]) for name in names])

    def _make_tensors(self, columns: Mapping[Any, Any]) -> Any:
        if self.tensors[0].name is None:
            return self._make_array([list(row) for row in zip(*columns.values(), strict=True)])
        by_name = {spec.name: spec for spec in self.tensors}
        known = {name: spec for name in columns if (spec := by_name.get(name)) is not None}
        return {name: build_tensor(spec, columns[name]) for name, spec in known.items()}

    def _make_array(self, values: Any) -> Any:
        if self.tensors:
            return build_tensor(self.tensors[0], values)
        try:
            return np.array(values)
        except ValueError:
            raise bad_request("The lists are of different lengths") from None

    def _read_list(self, form: str, values: list[Any]) -> Any:
        """Read a list under ``instances`` or ``inputs``: of objects, of rows, or of single values."""
        if values and all(isinstance(value, dict) for value in values):
            if self.columns or self.tensors:
                return self.make_columns(_turn(values))
            if form == "inputs":
                return values
            return {name: self._make_array(column) for name, column in _turn(values).items()}
        if not self.columns:
            if self.tensors and self.tensors[0].name is not None and len(self.tensors) == 1:
                return {self.tensors[0].name: build_tensor(self.tensors[0], values)}
            return self._make_array(values)
        if len(self.columns) == 1 and values:
            spec = self.columns[0]
            nested = spec.type.kind in _NESTED
            values = [value[0] if not nested and _is_row_of_one(value) else value for value in values]
            return self.make_columns({0 if spec.name is None else spec.name: values})
        if self._by_name:
            self.check_columns([])
        return self.make_table(None, values)

    def _read_columns(self, values: dict[str, Any]) -> Any:
        """Read an object under ``inputs``: lists by column, or one row."""
        if self.tensors:
            return self._make_tensors(values)
        if not self.columns:
            return {name: self._make_array(value) for name, value in values.items()}
        if not self._by_name:
            raise bad_request("The model's columns have no names", "give a list")
        single = self._is_row(values)
        columns = {name: [value] if single else value for name, value in values.items() if name in self._by_name}
        self.check_columns(list(columns))
        lengths = {name: len(column) for name, column in columns.items()}
        if len({*lengths.values()}) > 1:
            raise InvalidInput(f"The columns are of different lengths: {str(lengths)[:200]}")
        return self.make_columns(columns)

    def _is_row(self, values: Mapping[str, Any]) -> bool:
        """Tell whether an object is one row: one of its values is single where a list of them could be."""
        for name, spec in self._by_name.items():
            value = values.get(str(name))
            if value is None:
                continue
            if not isinstance(value, list):
                return True
            if spec.type.kind == "array" and not (value and isinstance(value[0], list)):
                return True
        return not any(isinstance(value, list) for value in values.values())

    def _read_chat(self, found: dict[str, Any]) -> Reading:
        declared = self._params or {}
        data = {key: value for key, value in found.items() if key not in declared}
        return Reading(data, {key: value for key, value in found.items() if key in declared} or None, is_wrapped=False)

    def choose_params(self, given: Any) -> dict[str, Any] | None:
        """Return the params that the model declares, as MLflow does; others are left out, and the log says so."""
        if given is None:
            return None
        if not isinstance(given, dict):
            raise bad_request(f"params is {_name(given)}", "it is an object of names and values")
        if self._params is None:
            return given or None
        if unknown := [name for name in given if name not in self._params]:
            _log.warning("Left out params that the model does not declare: %s", ", ".join(map(repr, unknown[:10])))
        chosen = {name: value for name, value in given.items() if name in self._params and value is not None}
        return {name: _read_param(self._params[name], value) for name, value in chosen.items()} or None

    def check_count(self, count: int) -> None:
        if count > self._most_rows:
            raise TooLarge(
                f"The request has {count} rows or more; at most {self._most_rows} are allowed",
                hint="send fewer at once",
            )

    def _get_index(self, names: tuple[Any, ...]) -> Any:
        """Return pandas' index of some names, the same one each time."""
        index = self._indexes.get(names)
        if index is None:
            import pandas as pd

            index = pd.Index(list(names))
            if len(self._indexes) < 100:
                self._indexes[names] = index
        return index


_HINT: Final = f"it must be an object with exactly one of {', '.join(FORMS)}"


def bad_request(message: str, hint: str = "") -> InvalidInput:
    """Make the error for a body that is not of the protocol."""
    return InvalidInput(message, hint=hint, details=BAD_REQUEST)


def decode_json(body: bytes) -> Any:
    """Return what JSON says; NaN and the infinities, which Python's own writer writes, are understood.

    raises: InvalidInput
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            if b"NaN" in body or b"Infinity" in body:
                return json.loads(body)
        except (ValueError, RecursionError):
            pass
        raise bad_request(f"The body is not valid JSON: {str(error)[:200]}") from None


def _take_split(value: Any) -> tuple[list[Any] | None, list[Any]]:
    """Return names and rows of pandas' form ``split``."""
    if not isinstance(value, dict) or "data" not in value or value.keys() - {"columns", "data", "index"}:
        has = ", ".join(map(repr, list(value)[:5])) if isinstance(value, dict) else _name(value)
        raise bad_request(f"dataframe_split is {has or 'empty'}", "it is an object of columns, data and perhaps index")
    names, rows = value.get("columns"), value["data"]
    if not isinstance(rows, list) or not isinstance(names, list | None):
        raise bad_request("dataframe_split's columns and data must be lists", "data is a list of rows")
    if any(isinstance(name, list | dict) for name in names or ()):
        raise bad_request("The names of columns must be texts")
    return names, rows


def _turn(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return rows as columns, in the order in which they are first named."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _make_frame(columns: Mapping[Any, Sequence[Any]]) -> Any:
    import pandas as pd

    has_lists = {name: hold(values) if _has_lists(values) else values for name, values in columns.items()}
    return pd.DataFrame(has_lists)


def _read_param(param: Param, value: Any) -> Any:
    """Return a param's value: times and bytes, for which JSON has no word, are made of their texts."""
    if param.type.kind not in ("datetime", "binary"):
        return value
    built = build_column(Column(param.type, param.name), value if isinstance(value, list) else [value])
    found = built.tolist()
    return found if isinstance(value, list) else found[0]


def _has_lists(values: Sequence[Any]) -> bool:
    return any(isinstance(value, list) for value in values)


def _is_row_of_one(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1


def _name(value: Any) -> str:
    words = {list: "list", dict: "object", str: "text", bool: "boolean", type(None): "null"}
    return f"a {words.get(type(value), 'number')}"
