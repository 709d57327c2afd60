"""Data made to fit a signature before a model sees it, or refused with the column, the type expected and the one found.

Tables, lists and dicts become a pandas table with the signature's columns in its order; columns that it does not name
are left out. Types are converted where no value changes (a long of a double column up to 2**53), and refused where one
might (a double of a long column). Rounding to ``float`` is done for lists and dicts alone, which have no such type.
Missing values pass, as NaN does; what a signature requires is the column.

A table of the right columns and types is passed on as it is: about 15 us for 30 columns, whatever the number of rows.
Columns of Python objects are looked at value by value.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping
from typing import Any, Final

from trackway.base.errors import InvalidInput, NotSupported
from trackway.models.arrays import to_numpy
from trackway.models.inference import name_numpy, name_tensor
from trackway.models.signature import Column, Param, Signature, Tensor, Type

EXACT: Final = 2**53
"""Up to here every whole number has a double of its own."""

_DTYPES: Final = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "datetime": "datetime64[ns]",
}
_VALUES: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (float, int),
    "double": (float, int, decimal.Decimal),
    "string": (str,),
    "binary": (bytes, bytearray),
    "datetime": (dt.date,),
}
"""The Python types of single values, subclasses included."""


class Enforcer:
    """The rules of one signature, prepared once for many calls."""

    def __init__(self, signature: Signature | None) -> None:
        schema = signature.inputs if signature is not None else None
        self._columns = tuple(spec for spec in schema or () if isinstance(spec, Column))
        self._tensors = tuple(spec for spec in schema or () if isinstance(spec, Tensor))
        self._names = [column.name for column in self._columns]
        self._named = any(name is not None for name in self._names)
        self._params = {param.name: param for param in (signature.params if signature is not None else None) or ()}
        self._fitting: tuple[Any, list[Any]] = (None, [])
        """Names and types of the last table that fitted as it was; names of the same kind compare in 5 us."""

    def enforce(self, data: Any) -> Any:
        """Return data as the signature has it.

        data:   a pandas, polars or Arrow table, a numpy array, a SciPy sparse matrix, a dict or a list
        raises: InvalidInput for data that does not fit; NotSupported when pandas is needed and not installed
        """
        if self._columns:
            if hasattr(data, "tocsr"):
                return self._enforce_sparse(data)
            return self._enforce_frame(data if _is_frame(data) else self._to_frame(data))
        return self._enforce_tensors(data) if self._tensors else data

    def enforce_params(self, params: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return every declared param, given or by default.

        raises: InvalidInput for one that is not declared, or of another type
        """
        given = dict(params or {})
        if unknown := sorted(given.keys() - self._params.keys()):
            known = ", ".join(self._params) or "none"
            raise InvalidInput(f"The model has no param {unknown[0]!r}", hint=f"declared: {known}")
        return {
            name: _enforce_param(param, given[name]) if name in given else param.default
            for name, param in self._params.items()
        }

    @property
    def declares_params(self) -> bool:
        return bool(self._params)

    def _enforce_frame(self, frame: Any) -> Any:
        names, types = self._fitting
        dtypes = _get_dtypes(frame)
        if dtypes == types and (frame.columns is names or frame.columns.equals(names)):
            return frame
        if frame.columns.tolist() != self._names:
            frame = self._choose_columns(frame)
            dtypes = _get_dtypes(frame)
        changed = {}
        as_it_was = True
        specs = {spec.name: spec for spec in self._columns} if self._named else {}
        for place, dtype in enumerate(dtypes):
            spec = specs[frame.columns[place]] if self._named else self._columns[place]
            if _fits(spec.type.kind, dtype):
                continue
            as_it_was = False
            series = frame.iloc[:, place]
            column = _convert(spec, series, frame.columns[place])
            if column is not series:
                changed[place] = column
        if as_it_was:
            self._fitting = frame.columns, dtypes
        return _replace(frame, changed) if changed else frame

    def _choose_columns(self, frame: Any) -> Any:
        found = frame.columns.tolist()
        if not self._named:
            if len(found) == len(self._names):
                return frame
            raise InvalidInput(f"The model takes {len(self._names)} columns; the data has {len(found)}")
        if len(set(found)) != len(found):
            twice = next(name for name in found if found.count(name) > 1)
            raise InvalidInput(f"The data has more than one column {twice!r}")
        there = set(found)
        missing = [spec.name for spec in self._columns if spec.required and spec.name not in there]
        if missing:
            shown = ", ".join(repr(name) for name in missing[:10])
            expected = ", ".join(str(spec.type) for spec in self._columns if spec.name in missing[:10])
            raise InvalidInput(
                f"The data lacks {_count(len(missing), 'column')}: {shown} (expected {expected})",
                hint=f"it has {', '.join(repr(name) for name in found[:20]) or 'none'}",
                details={"missing": missing},
            )
        return frame[[name for name in self._names if name in there]]

    def _to_frame(self, data: Any) -> Any:
        """Make a pandas table of anything else."""
        pandas = _import_pandas()
        if hasattr(data, "to_frame") and hasattr(data, "iloc"):
            return data.to_frame()
        if hasattr(data, "to_pandas"):
            return data.to_pandas()
        if isinstance(data, Mapping):
            return self._build([data]) if self._is_row(data) else self._build_columns(data)
        if isinstance(data, list | tuple):
            if data and all(isinstance(row, Mapping) for row in data):
                return self._build(data)
            rows = data if len(self._columns) > 1 else [row if _is_row_of_one(row) else (row,) for row in data]
            if any(not isinstance(row, list | tuple) or len(row) != len(self._columns) for row in rows):
                raise InvalidInput(
                    f"Each row must be a list of {_count(len(self._columns), 'value')}, as the model's columns"
                )
            names = self._names if self._named else range(len(self._columns))
            return self._build([dict(zip(names, row, strict=True)) for row in rows])
        data = to_numpy(data)
        if hasattr(data, "dtype") and hasattr(data, "shape"):
            table = data.reshape(-1, 1) if data.ndim == 1 and len(self._columns) == 1 else data
            if table.ndim != 2 or table.shape[1] != len(self._columns):
                wanted = f"(rows, {len(self._columns)})"
                raise InvalidInput(f"The model takes an array of shape {wanted}; found {tuple(data.shape)}")
            return pandas.DataFrame(table, columns=self._names if self._named else None, copy=False)
        raise InvalidInput(
            f"A model with columns takes no {type(data).__module__}.{type(data).__qualname__}",
            hint="give a pandas, polars or Arrow table, an array, a dict, or a list of dicts",
        )

    def _is_row(self, data: Mapping[Any, Any]) -> bool:
        """Return whether a dict is one row rather than columns: one of its values is single, where a list could be."""
        for spec in self._columns:
            value = data.get(spec.name)
            if value is not None:
                several = isinstance(value, list | tuple) or _is_array(value)
                nested = spec.type.kind == "array" and several and not isinstance(value[0], list | tuple)
                return not several or nested
        return True

    def _build(self, rows: Any) -> Any:
        names = list(dict.fromkeys(name for row in rows for name in row))
        return self._build_columns({name: [row.get(name) for row in rows] for name in names})

    def _build_columns(self, data: Mapping[Any, Any]) -> Any:
        """Make a table of Python values; floats and whole numbers take the type of their column."""
        pandas = _import_pandas()
        kinds = {spec.name: spec.type.kind for spec in self._columns}
        built = {name: _build_column(pandas, name, kinds.get(name), values) for name, values in data.items()}
        if len({len(column) for column in built.values()}) > 1:
            raise InvalidInput("The columns of the dict are of different lengths")
        return pandas.DataFrame(built, copy=False)

    def _enforce_sparse(self, data: Any) -> Any:
        if data.shape[1] != len(self._columns):
            raise InvalidInput(f"The model takes {len(self._columns)} columns; the sparse matrix has {data.shape[1]}")
        found = name_numpy(data.dtype)
        for place, spec in enumerate(self._columns):
            if not _fits(spec.type.kind, data.dtype) and not _is_safe(data.dtype, spec.type.kind):
                raise _refuse(spec.name if spec.name is not None else place, spec.type, str(found))
        return data

    def _enforce_tensors(self, data: Any) -> Any:
        import numpy as np

        data = to_numpy(data)
        if self._tensors[0].name is None and len(self._tensors) == 1:
            return _enforce_tensor(self._tensors[0], _to_array(np, data, self._tensors[0]))
        if _is_frame(data):
            data = {name: np.asarray(data[name].tolist()) for name in data.columns}
        if not isinstance(data, Mapping):
            wanted = ", ".join(repr(spec.name) for spec in self._tensors)
            raise InvalidInput(f"The model takes a dict of the tensors {wanted}; found {type(data).__qualname__}")
        if missing := [spec.name for spec in self._tensors if spec.name not in data]:
            raise InvalidInput(f"The data lacks the tensor {missing[0]!r}", hint=f"it has {', '.join(map(repr, data))}")
        return {str(s.name): _enforce_tensor(s, _to_array(np, data[s.name or ""], s)) for s in self._tensors}


def _is_frame(data: Any) -> bool:
    return hasattr(data, "iloc") and hasattr(data, "columns")


def _get_dtypes(frame: Any) -> list[Any]:
    """Return the types of a table's columns.

    ``frame.dtypes`` makes a Series of them, which takes 35 us where the call for one row may cost 30 in all; what it is
    made of takes 1, and is asked for where pandas has it.
    """
    get_dtypes = getattr(getattr(frame, "_mgr", None), "get_dtypes", None)
    dtypes = frame.dtypes if get_dtypes is None else get_dtypes()
    found: list[Any] = dtypes.tolist()
    return found


def _fits(kind: str, dtype: Any) -> bool:
    """Return whether every value of numpy's or pandas' type is one of a column type as it is."""
    if kind == "any":
        return True
    if kind == "string":
        return getattr(dtype, "kind", "") == "U" or str(dtype) in ("str", "string")
    if kind == "datetime":
        return getattr(dtype, "kind", "") == "M"
    if kind == "binary":
        return getattr(dtype, "kind", "") == "S"
    return bool(_DTYPES.get(kind) == str(dtype))


def _is_safe(dtype: Any, kind: str) -> bool:
    """Return whether numpy's type goes into a column type without a change of any value, whatever it is."""
    import numpy as np

    return kind in _DTYPES and dtype.kind in "iuf" and np.can_cast(dtype, _DTYPES[kind], "safe") and dtype.itemsize < 8


def _convert(spec: Column, series: Any, name: Any) -> Any:
    """Return a column as the signature has it; the same object when nothing had to be done."""
    kind = spec.type.kind
    dtype = series.dtype
    if _fits(kind, dtype):
        return series
    categories = getattr(dtype, "categories", None)
    if categories is not None and dtype.kind == "O" and hasattr(series, "cat"):
        _convert(spec, categories.to_series(), name)  # raises when its values do not fit
        return series
    if hasattr(dtype, "numpy_dtype") and dtype.kind in "biuf":
        return _convert_nullable(spec, series, name)
    if getattr(dtype, "kind", "O") == "O":
        return _convert_objects(spec, series, name)
    if kind in _DTYPES and kind != "boolean" and dtype.kind in "iuf":
        return _convert_numbers(spec, series, name)
    raise _refuse(name, spec.type, _describe(series))


def _convert_numbers(spec: Column, series: Any, name: Any) -> Any:
    """Convert numbers where none changes."""
    kind, dtype = spec.type.kind, series.dtype
    target = _DTYPES[kind]
    if _is_safe(dtype, kind):
        return series.astype(target)
    if dtype.kind in "iu" and kind in ("integer", "long", "double", "float"):
        most = {"integer": 2**31 - 1, "long": 2**63 - 1, "double": EXACT, "float": 2**24}[kind]
        if not len(series) or (
            int(series.max()) <= most and int(series.min()) >= -most - (kind in ("integer", "long"))
        ):
            return series.astype(target)
    raise _refuse(name, spec.type, _describe(series), _explain_floats(series) if kind in ("integer", "long") else "")


def _convert_nullable(spec: Column, series: Any, name: Any) -> Any:
    """Convert pandas' nullable numbers and booleans: to numpy's where a value is there in each row."""
    kind = spec.type.kind
    if series.isna().any():
        if kind in ("float", "double") and series.dtype.kind in "iuf":
            return _convert(spec, series.astype("float64"), name)
        same = str(name_numpy(series.dtype.numpy_dtype)) == kind
        if same and not spec.required:
            return series
        raise _refuse(name, spec.type, f"{_describe(series)} with missing values")
    return _convert(spec, series.astype(series.dtype.numpy_dtype), name)


def _convert_objects(spec: Column, series: Any, name: Any) -> Any:
    """Check Python objects one by one, and make numbers and times of them where a column has such."""
    kind = spec.type.kind
    values = series.tolist()
    if kind == "datetime":
        try:
            return _import_pandas().to_datetime(series)
        except (ValueError, TypeError):
            raise _refuse(name, spec.type, _describe(series)) from None
    for row, value in enumerate(values):
        if not _is_missing(value) and (problem := check_value(spec.type, value)):
            raise _refuse(name, spec.type, problem, f"in row {row}")
    missing = any(_is_missing(value) for value in values)
    if kind in ("float", "double"):
        return series.astype(_DTYPES[kind])
    if kind in ("integer", "long", "boolean") and not missing:
        return _convert_checked(spec, series, name)
    if kind in ("integer", "long") and spec.required:
        raise _refuse(name, spec.type, f"{kind} with missing values")
    return series


def _convert_checked(spec: Column, series: Any, name: Any) -> Any:
    try:
        return series.astype(_DTYPES[spec.type.kind])
    except OverflowError:
        raise _refuse(name, spec.type, "a number out of range") from None


def check_value(column_type: Type, value: Any) -> str:
    """Return what is wrong with one value for a column type; an empty text when nothing is."""
    kind = column_type.kind
    if kind == "any" or kind == "sparkml_vector":
        return ""
    if kind in _VALUES:
        plain = value.item() if hasattr(value, "item") and not _is_array(value) else value
        wrong = not isinstance(plain, _VALUES[kind]) or (isinstance(plain, bool) and kind != "boolean")
        return _name_value(value) if wrong else ""
    if kind == "array":
        if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__len__"):
            return _name_value(value)
        return next((f"{problem} in an array" for one in value if (problem := _check_item(column_type, one))), "")
    if not isinstance(value, Mapping):
        return _name_value(value)
    if kind == "map":
        return next((f"{p} for {key!r}" for key, one in value.items() if (p := _check_item(column_type, one))), "")
    for prop in column_type.properties:
        inner = value.get(prop.name)
        if inner is None and prop.required:
            return f"an object without {prop.name!r} ({prop.type})"
        if inner is not None and (problem := check_value(prop.type, inner)):
            return f"{problem} for {prop.name!r} ({prop.type})"
    known = {prop.name for prop in column_type.properties}
    return next((f"an object with {key!r}, which is not declared" for key in value if key not in known), "")


def _check_item(column_type: Type, value: Any) -> str:
    return check_value(column_type.items or Type("any"), value)


def _build_column(pandas: Any, name: Any, kind: str | None, values: Any) -> Any:
    series = pandas.Series(values if isinstance(values, list | tuple) or _is_array(values) else [values])
    if kind == "float" and str(series.dtype) in ("float64", "int64"):
        return series.astype("float32")
    nested = kind in ("binary", "array", "object", "map")
    if nested and series.dtype != object:
        raise InvalidInput(f"Column {name!r}: expected {kind}, found {_describe(series)}")
    return series


def _replace(frame: Any, changed: dict[int, Any]) -> Any:
    """Return a table with some columns replaced by their places; the caller's own is not touched."""
    pandas = _import_pandas()
    parts = [changed[i] if i in changed else frame.iloc[:, i] for i in range(frame.shape[1])]
    replaced = pandas.concat([part.reset_index(drop=True) for part in parts], axis=1)
    replaced.columns, replaced.index = frame.columns, frame.index
    return replaced


def _to_array(np: Any, data: Any, spec: Tensor) -> Any:
    if _is_frame(data) or hasattr(data, "to_numpy"):
        return data.to_numpy()
    if hasattr(data, "to_pandas"):
        return data.to_pandas().to_numpy()
    if hasattr(data, "dtype") and hasattr(data, "shape"):
        return data
    try:
        return np.asarray(data, dtype=np.dtype(spec.dtype))
    except (ValueError, TypeError, OverflowError):
        raise InvalidInput(f"{_label(spec)}: expected {spec.dtype}, found values that are none") from None


def _enforce_tensor(spec: Tensor, array: Any) -> Any:
    import numpy as np

    if len(array.shape) != len(spec.shape) or any(
        size not in (-1, found) for size, found in zip(spec.shape, array.shape, strict=True)
    ):
        raise InvalidInput(f"{_label(spec)}: expected the shape {spec.shape}, found {tuple(array.shape)}")
    found = name_tensor(array.dtype)
    if found == spec.dtype:
        return array
    if np.can_cast(array.dtype, np.dtype(spec.dtype), "safe") and array.dtype.kind != "b":
        return array.astype(np.dtype(spec.dtype))
    raise InvalidInput(f"{_label(spec)}: expected {spec.dtype}, found {found}")


def _enforce_param(param: Param, value: Any) -> Any:
    plain = value.tolist() if hasattr(value, "tolist") else value
    values = plain if param.shape is not None and isinstance(plain, list | tuple) else [plain]
    if param.shape is not None and not isinstance(plain, list | tuple):
        raise InvalidInput(f"Param {param.name!r}: expected a list of {param.type}, found {_name_value(value)}")
    for one in values:
        if problem := check_value(param.type, one):
            raise InvalidInput(f"Param {param.name!r}: expected {param.type}, found {problem}")
    return plain


def _refuse(name: Any, expected: Type, found: str, note: str = "") -> InvalidInput:
    message = f"Column {name!r}: expected {expected}, found {found}{f' {note}' if note else ''}"
    return InvalidInput(message, details={"column": name, "expected": str(expected), "found": found})


def _describe(series: Any) -> str:
    """Return the word of a signature for a column's values, or pandas' own."""
    dtype = getattr(series.dtype, "numpy_dtype", series.dtype)
    if str(dtype) in ("str", "string"):
        return "string"
    kind = name_numpy(dtype).kind if hasattr(dtype, "str") else "any"
    return str(dtype) if kind == "any" else kind


def _explain_floats(series: Any) -> str:
    missing = series.dtype.kind == "f" and series.isna().any()
    return "with missing values, which whole numbers cannot have; declare the column as double" if missing else ""


def _name_value(value: Any) -> str:
    for kind, types in _VALUES.items():
        if isinstance(value, types) and not (isinstance(value, bool) and kind != "boolean"):
            return "long" if kind == "integer" else "double" if kind == "float" else kind
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _is_array(value: Any) -> bool:
    return bool(getattr(value, "shape", None))


def _is_missing(value: Any) -> bool:
    return (
        value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType")
    )


def _is_row_of_one(row: Any) -> bool:
    return isinstance(row, list | tuple) and len(row) == 1


def _label(spec: Tensor) -> str:
    return "The tensor" if spec.name is None else f"Tensor {spec.name!r}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _import_pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise NotSupported(
            "A model with columns needs pandas, which is not installed", hint="pip install 'trackway[pandas]'"
        ) from None
    return pandas
