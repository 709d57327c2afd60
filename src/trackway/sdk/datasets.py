"""Data sets as a run used them: a name, a digest of the content, where it came from, its schema and its size.

A digest is the first 32 hex digits of a SHA-256 over column names, types, row count and values: the same in every
process and on every machine, and short enough for MLflow's stores (36 characters). Index, file format and the order of
a dictionary's tensors do not count, the order of rows and columns does. Beyond 8,388,608 values, evenly spaced rows
count for all, so that the cost stays below about a second; the number of rows always counts. Cells that are neither
numbers, times, bytes nor texts count by their ``repr``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from trackway.api import limits
from trackway.api.runs import TAG_CONTEXT, TAG_SOURCE_NAME, TAG_SOURCE_TYPE, TAG_USER, Dataset, DatasetInput
from trackway.base.errors import InvalidInput
from trackway.sdk import environment, secrets

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

DIGEST_VALUES: Final = 8_388_608
DIGEST_CHARS: Final = 32
DEFAULT_NAME: Final = "dataset"

_TYPES: Final = {
    "boolean": ("bool", "boolean"),
    "integer": ("int8", "int16", "int32", "uint8", "uint16"),
    "long": ("int64", "uint32", "uint64"),
    "float": ("float16", "float32", "float", "halffloat"),
    "double": ("float64", "double"),
    "string": ("str", "string", "large_string", "categorical", "enum"),
    "binary": ("binary", "large_binary"),
    "datetime": ("datetime64", "datetime", "timestamp", "date", "date32", "date64"),
}
"""Column types of MLflow's schemas, and what pandas, Arrow and polars call them."""
_TYPE_OF: Final = {name: column_type for column_type, names in _TYPES.items() for name in names}


@dataclass(frozen=True)
class TrackedDataset:
    """A data set that can be logged, with the data it describes.

    source_type, source:  ``local``, ``http``, ``s3``, ... and a JSON object with the address; or ``code``
    schema, profile:      JSON texts as MLflow writes them, or None
    targets, predictions: names of the columns that hold them; of tensors, the targets themselves
    """

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None
    profile: str | None
    data: Any
    targets: Any = None
    predictions: str | None = None

    def to_api(self) -> Dataset:
        """Return what is logged of it: all but the data."""
        return Dataset(**self.to_dict())

    def to_input(self, context: str = "", tags: Mapping[str, str] | None = None) -> DatasetInput:
        """Return it as the input of a run, for a use such as ``training``."""
        return DatasetInput(dataset=self.to_api(), tags={**(tags or {}), **({TAG_CONTEXT: context} if context else {})})

    def to_dict(self) -> dict[str, Any]:
        """Return the six texts that describe it."""
        fields = ("name", "digest", "source_type", "source", "schema", "profile")
        return {field: getattr(self, field) for field in fields}


def from_pandas(
    df: Any,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> TrackedDataset:
    """Describe a pandas DataFrame.

    source:  path, URL, another package's source object, or None for "made by this code"; secrets in URLs are masked
    digest:  overrides the computed one, up to 128 characters
    raises:  InvalidInput when ``targets`` or ``predictions`` name no column
    """
    columns = read_pandas(df)
    return describe_frame(df, len(df), columns, (source, name, digest), (targets, predictions))


def from_polars(
    df: Any,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> TrackedDataset:
    """Describe a polars DataFrame; arguments as for ``from_pandas``."""
    columns = _read_polars(df)
    return describe_frame(df, df.height, columns, (source, name, digest), (targets, predictions))


def from_numpy(
    features: Any, source: Any = None, targets: Any = None, name: str | None = None, digest: str | None = None
) -> TrackedDataset:
    """Describe tensors.

    features: an array, a SciPy sparse matrix, or a dict of them; the first dimension counts the rows
    targets:  the same, or None
    source, digest: as for ``from_pandas``
    """
    roles = {"features": _read_tensors(features)} | ({} if targets is None else {"targets": _read_tensors(targets)})
    schema = {role: _describe_tensors(roles[role]) if role in roles else None for role in ("features", "targets")}
    profile = {label: sizes for role in roles for label, sizes in _measure(role, roles[role]).items()}
    described_source, name, digest = _describe_origin((source, name, digest))
    return TrackedDataset(
        name=name,
        digest=digest or digest_arrays(part for role in roles for part in _take_parts(role, roles[role])),
        source_type=described_source[0],
        source=described_source[1],
        schema=_limit({"mlflow_tensorspec": schema}, limits.DATASET_SCHEMA_CHARS),
        profile=_limit(profile, limits.DATASET_PROFILE_CHARS),
        data=features,
        targets=targets,
    )


def describe_training_data(features: Any, targets: Any = None, name: str | None = None) -> TrackedDataset | None:
    """Describe what was given to an estimator's ``fit``: frames, arrays, sparse matrices or lists.

    returns: None for what cannot be read without using it up or much time: iterators, files, tensors on a device
    """
    if hasattr(features, "iloc") and hasattr(features, "columns"):
        columns = read_pandas(features)
        if targets is not None:
            columns.append(_read_array(str(getattr(targets, "name", None) or "target"), targets))
        return describe_frame(features, len(features), columns, (None, name, None), (None, None))
    if hasattr(features, "iter_columns") and hasattr(features, "height"):
        return from_polars(features, name=name)
    on_cpu = hasattr(features, "shape") and str(getattr(features, "device", "cpu")) == "cpu"
    if on_cpu or isinstance(features, list | tuple):
        return from_numpy(features, targets=targets, name=name)
    return None


def describe_spark_frame(frame: Any) -> TrackedDataset:
    """Return a record of a table of Spark by its plan and its schema, which costs no job.

    Its digest is that of the plan: it changes with what is read and how, and not with what is behind it.
    """
    source_type, source = _describe_source(None)
    fields = frame.schema.fields
    specs = [
        {"type": field.dataType.simpleString(), "name": field.name, "required": not field.nullable} for field in fields
    ]
    return TrackedDataset(
        name=DEFAULT_NAME,
        digest=str(frame.semanticHash()),
        source_type=source_type,
        source=source,
        schema=_limit({"mlflow_colspec": specs}, limits.DATASET_SCHEMA_CHARS),
        profile=None,
        data=None,
    )


def describe_absent(origin: tuple[Any, str | None, str | None], schema: str | None) -> TrackedDataset:
    """Describe data that are not here, by source, name and digest, and the JSON of their schema."""
    (source_type, source), name, digest = _describe_origin(origin)
    known = hashlib.sha256("\0".join((name, source_type, source, schema or "")).encode("utf-8", "surrogatepass"))
    return TrackedDataset(
        name=name,
        digest=digest or known.hexdigest()[:DIGEST_CHARS],
        source_type=source_type,
        source=source,
        schema=schema,
        profile=None,
        data=None,
    )


def take_rows(features: Any, count: int = 100) -> Any:
    """Return a copy of the first rows of what was given to an estimator's ``fit``.

    returns: None for what is no table and no array of numbers, and so tells no signature
    """
    if hasattr(features, "iloc") and hasattr(features, "columns"):
        return features.iloc[:count].copy()
    if hasattr(features, "iter_columns") and hasattr(features, "height"):
        return features.head(count)
    shape = getattr(features, "shape", ())
    on_cpu = str(getattr(features, "device", "cpu")) == "cpu"
    if len(shape) < 2 or not on_cpu or getattr(getattr(features, "dtype", None), "kind", "O") == "O":
        return None
    return features[:count].copy()


def resolve_dataset(value: Any) -> Dataset:
    """Return what is to be logged of a data set: ours, the api's, or an object or entity of MLflow.

    raises: InvalidInput for anything else
    """
    if isinstance(value, TrackedDataset):
        return value.to_api()
    if isinstance(value, Dataset):
        return value
    entity = value._to_mlflow_entity() if hasattr(value, "_to_mlflow_entity") else value
    known = entity.to_dict() if hasattr(entity, "to_dict") and hasattr(entity, "digest") else None
    fields = known if isinstance(known, dict) else {field: getattr(entity, field, None) for field in _FIELDS}
    try:
        return msgspec.convert({field: fields[field] for field in _FIELDS if fields.get(field) is not None}, Dataset)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"A {type(value).__module__}.{type(value).__qualname__} is no data set",
            hint="make one of it with from_pandas, from_polars or from_numpy",
        ) from error


_FIELDS = Dataset.__struct_fields__


class _Column(NamedTuple):
    name: str
    column_type: str
    required: bool
    values: Array


def describe_frame(
    data: Any,
    rows: int,
    columns: Sequence[_Column],
    origin: tuple[Any, str | None, str | None],
    roles: tuple[str | None, str | None],
) -> TrackedDataset:
    """Describe a table by its columns, of which some rows may stand for all.

    origin: source, name and digest
    roles:  columns with targets and with predictions
    """
    for role in roles:
        if role is not None and role not in {column.name for column in columns}:
            raise InvalidInput(f"The data has no column {role!r}", hint="targets and predictions name columns")
    source, name, digest = _describe_origin(origin)
    specs = [{"type": column.column_type, "name": column.name, "required": column.required} for column in columns]
    return TrackedDataset(
        name=name,
        digest=digest or digest_arrays((f"{rows} {column.name}", column.values) for column in columns),
        source_type=source[0],
        source=source[1],
        schema=_limit({"mlflow_colspec": specs}, limits.DATASET_SCHEMA_CHARS),
        profile=_limit({"num_rows": rows, "num_elements": rows * len(columns)}, limits.DATASET_PROFILE_CHARS),
        data=data,
        targets=roles[0],
        predictions=roles[1],
    )


def _describe_origin(origin: tuple[Any, str | None, str | None]) -> tuple[tuple[str, str], str, str | None]:
    source, name, digest = origin
    return _describe_source(source), name or DEFAULT_NAME, digest


def _describe_source(source: Any) -> tuple[str, str]:
    """Return the type of a source and its JSON."""
    if source is None:
        tags = environment.source_tags()
        known = {key: tags[key] for key in (TAG_USER, TAG_SOURCE_NAME, TAG_SOURCE_TYPE) if key in tags}
        return "code", _to_json({"tags": known})
    if hasattr(source, "_get_source_type") and hasattr(source, "to_json"):
        return str(source._get_source_type()), str(source.to_json())
    if not isinstance(source, str | os.PathLike):
        raise InvalidInput(f"A {type(source).__qualname__} is no source of data", hint="give a path or a URL")
    address = os.fspath(source)
    scheme, separator, _ = address.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return "local", _to_json({"uri": str(address)})
    if scheme.lower() in ("http", "https"):
        return "http", _to_json({"url": secrets.mask_address(address)})
    return scheme.lower(), _to_json({"uri": secrets.mask_address(address)})


def read_pandas(frame: Any) -> list[_Column]:
    """Return the columns of a pandas table, thinned to the rows that count for its digest."""
    sampled = frame.iloc[choose_rows(*frame.shape)] if frame.size > DIGEST_VALUES else frame
    columns = []
    for i, name in enumerate(frame.columns):
        series, sample = frame.iloc[:, i], sampled.iloc[:, i]
        categories = getattr(series.dtype, "categories", None)
        column_type = _name_type(str(series.dtype if categories is None else categories.dtype), sample)
        zoned = getattr(series.dtype, "tz", None) is not None
        values = sample.to_numpy("M8[ns]") if zoned else sample.to_numpy()  # with a zone, else a slow array of objects
        columns.append(_Column(str(name), column_type, not bool(series.isna().any()), values))
    return columns


def _read_polars(frame: Any) -> list[_Column]:
    sampled = frame[choose_rows(*frame.shape)] if frame.height * frame.width > DIGEST_VALUES else frame
    columns = []
    for series in sampled.iter_columns():
        column_type = _name_type(str(series.dtype), series)
        # Values that numpy has no type for are handed over as Python's: an array of objects.
        values = (
            series.to_numpy() if column_type in ("boolean", "integer", "long", "float", "double") else series.to_list()
        )
        required = frame.get_column(series.name).null_count() == 0
        columns.append(_Column(series.name, column_type, required, _to_array(values)))
    return columns


def _read_array(name: str, values: Any) -> _Column:
    array = _to_array(values)
    array = array[choose_rows(*_flatten_shape(array))]
    return _Column(name, _name_type(str(array.dtype), array), True, array)


def _name_type(dtype: str, values: Iterable[Any]) -> str:
    """Return the schema's word for a column's type; that of mixed objects is the first value's that is there."""
    base = re.split(r"[\[(<]", dtype.lower())[0]
    if base in _TYPE_OF or base != "object":
        return _TYPE_OF.get(base, "any")
    first = next((value for value in values if not _is_missing(value)), None)
    names = {str: "string", bytes: "binary", bool: "boolean", int: "long", float: "double"}
    return next((name for cls, name in names.items() if type(first) is cls), "any")


def _is_missing(value: Any) -> bool:
    return type(value).__name__ in ("NoneType", "NAType", "NaTType") or (isinstance(value, float) and value != value)


def _read_tensors(tensors: Any) -> dict[str, Any]:
    """Return arrays and compressed sparse matrices by name; one that stands alone is named by an empty text."""
    named = tensors if isinstance(tensors, Mapping) else {"": tensors}
    return {str(name): t.tocsr() if _is_sparse(t) else _to_array(t) for name, t in named.items()}


def _is_sparse(tensor: Any) -> bool:
    return hasattr(tensor, "tocsr")


def _take_parts(role: str, tensors: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """Yield the arrays that make up tensors, thinned to those rows that count."""
    for name, tensor in sorted(tensors.items()):
        label = f"{role}.{name}" if name else role
        if _is_sparse(tensor):
            for part in ("data", "indices", "indptr"):
                array = getattr(tensor, part)
                yield f"{label}.{part} {tensor.shape}", array[choose_rows(len(array), 1)]
        else:
            yield f"{label} {tensor.shape}", tensor[choose_rows(*_flatten_shape(tensor))]


def _describe_tensors(tensors: Mapping[str, Any]) -> str:
    """Return a tensor schema as MLflow's JSON, in which the first dimension is open."""
    specs: list[dict[str, Any]] = []
    for name, tensor in tensors.items():
        spec = {"type": "tensor", "tensor-spec": {"dtype": str(tensor.dtype), "shape": [-1, *tensor.shape[1:]]}}
        specs.append({"name": name, **spec} if name else spec)
    return _to_json(specs)


def _measure(role: str, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Return shapes, numbers of values and of bytes; by name unless the tensor stands alone."""
    sizes: dict[str, dict[str, Any]] = {
        f"{role}_shape": {name: list(tensor.shape) for name, tensor in tensors.items()},
        f"{role}_size": {name: int(tensor.size) for name, tensor in tensors.items()},
        f"{role}_nbytes": {name: (t.data if _is_sparse(t) else t).nbytes for name, t in tensors.items()},
    }
    return {label: by_name.get("", by_name) for label, by_name in sizes.items()}


def _to_array(values: Any) -> Array:
    """Return at least one dimension of values; what has no common type becomes objects."""
    import numpy as np

    try:
        return np.atleast_1d(np.asarray(values))
    except ValueError:  # ragged
        array = np.empty(len(values), object)
        array[:] = values
        return array


def _flatten_shape(array: Array) -> tuple[int, int]:
    return len(array), array.size // len(array) if len(array) else 0


def choose_rows(rows: int, width: int) -> Any:
    """Return which rows count for the digest: a slice of all, or evenly spaced ones with the first and the last."""
    import numpy as np

    most = max(DIGEST_VALUES // max(width, 1), 1)
    return slice(None) if rows <= most else np.linspace(0, rows - 1, most).astype(np.int64)


def digest_arrays(parts: Iterable[tuple[str, Array]]) -> str:
    """Return the digest of labelled arrays."""
    import numpy as np

    sha = hashlib.sha256()
    for label, array in parts:
        kind = array.dtype.kind
        sha.update(f"\0{label}\0{array.dtype.str.lstrip('<>|=')}\0".encode("utf-8", "surrogatepass"))
        if kind in "OUST":
            texts = [value if isinstance(value, str) else f"\0{_spell(value)}" for value in array.ravel().tolist()]
            sha.update(np.fromiter(map(len, texts), "<i8", len(texts)).data)
            sha.update("".join(texts).encode("utf-8", "surrogatepass"))
        else:
            little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
            sha.update((little.view("<i8") if kind in "mM" else little).data)
    return sha.hexdigest()[:DIGEST_CHARS]


def _spell(value: Any) -> str:
    """Return the ``repr`` of a cell; that of a long array would leave out its middle."""
    return repr(value.tolist() if hasattr(value, "tolist") and hasattr(value, "shape") and value.shape else value)


def _limit(value: Any, chars: int) -> str | None:
    """Return JSON, or None when it is longer than may be logged."""
    text = _to_json(value)
    return text if len(text) <= chars else None


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
