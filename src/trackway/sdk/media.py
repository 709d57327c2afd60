"""Objects that users log, turned into files: texts, dictionaries, figures, images, sound and tables."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import os
import re
import uuid
import wave
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from trackway.base.errors import InvalidInput, NotSupported
from trackway.base.ids import new_id
from trackway.sdk import images

if TYPE_CHECKING:
    import pyarrow

_IMAGE_KEY: Final = re.compile(r"[\w\-. /]+", re.ASCII)
_FIGURE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".svg", ".pdf", ".webp", ".html", ".json")
_PCM_MAX: Final = 32_767


class File(NamedTuple):
    """A file to be logged: its path inside the run's artifacts, and its bytes."""

    path: str
    data: bytes


def encode_text(text: str, path: str) -> File:
    """Encode a text as UTF-8; halves of surrogate pairs become question marks."""
    return File(path, str(text).encode("utf-8", "replace"))


def encode_dict(dictionary: Any, path: str) -> File:
    """Encode a dictionary or list: as YAML when ``path`` ends with .yaml or .yml, else as JSON.

    NumPy scalars and arrays, tensors, dates, paths, sets and tuples become plain values; NaN and infinities stay what
    they are, as Python's own ``json`` writes and reads them.

    raises: InvalidInput for other objects, and for nesting beyond Python's recursion limit
    """
    try:
        plain = _to_plain(dictionary)
    except RecursionError:
        raise InvalidInput("The dictionary is nested too deeply, or contains itself") from None
    if _get_suffix(path) in (".yaml", ".yml"):
        import yaml

        return File(path, yaml.safe_dump(plain, allow_unicode=True, sort_keys=False).encode())
    return File(path, json.dumps(plain, indent=2, ensure_ascii=False).encode("utf-8", "replace"))


def encode_figure(figure: Any, path: str, save_options: Mapping[str, Any] | None = None) -> File:
    """Encode a figure of matplotlib or plotly in the format that the end of ``path`` names.

    figure:       plotly's go to .html and .json without further packages, and to pictures through kaleido
    save_options: for matplotlib's ``savefig``, or plotly's ``to_html``, ``to_json`` and ``to_image``
    raises:       InvalidInput for other objects and formats
    """
    options = dict(save_options or {})
    suffix = _get_suffix(path)
    if suffix not in _FIGURE_SUFFIXES:
        raise InvalidInput(f"{path!r} names no format of figures", hint=f"known: {', '.join(_FIGURE_SUFFIXES)}")
    if hasattr(figure, "to_html") and hasattr(figure, "to_image"):
        if suffix == ".html":
            return encode_text(figure.to_html(**options), path)
        if suffix == ".json":
            return encode_text(figure.to_json(**options), path)
        return File(path, figure.to_image(**{"format": suffix[1:], **options}))
    if not hasattr(figure, "savefig"):
        raise InvalidInput(f"{_name_type(figure)} is no figure", hint="figures of matplotlib and plotly can be logged")
    if suffix in (".html", ".json"):
        raise InvalidInput("matplotlib has no HTML and JSON format", hint="name it .png, .svg, .pdf, .jpg or .webp")
    file = io.BytesIO()
    figure.savefig(file, **{"format": suffix[1:], **options})
    return File(path, file.getvalue())


def encode_image(image: Any, path: str) -> File:
    """Encode an image: a PIL image, an ``Image``, or an array as ``images.to_pixels`` takes."""
    return File(path, images.encode_image(image, path))


def encode_image_step(image: Any, key: str, step: int, time_ms: int) -> list[File]:
    """Encode one image of a series under the names that MLflow's UI knows.

    key:     letters, digits, ``_``, ``-``, ``.``, space and ``/``, which becomes ``~`` in the name
    returns: ``images/<key>+step+<step>+timestamp+<time_ms>+<id>.png`` and, when Pillow is installed, a WebP copy of at
             most 256 pixels a side whose name ends with ``+compressed.webp``
    raises:  InvalidInput
    """
    if not _IMAGE_KEY.fullmatch(key):
        raise InvalidInput(
            f"{key!r} cannot be the key of an image", hint="use letters, digits, '_', '-', '.', spaces and '/'"
        )
    stem = f"images/{key.replace('/', '~')}+step+{step}+timestamp+{time_ms}+{new_id()}"
    files = [encode_image(image, f"{stem}.png")]
    if images.has_pillow():
        files.append(File(f"{stem}+compressed.webp", images.encode_thumbnail(image)))
    return files


def encode_audio(samples: Any, sample_rate_hz: int, path: str) -> File:
    """Encode sound as WAV, 16-bit PCM.

    samples: array of shape (n,) or (n, channels); int16 as it is, or floats in [-1, 1], where ±1 becomes ±32,767.
             Floats outside that range are clipped, so a signal that is too loud is distorted but never wraps around.
    raises:  InvalidInput for other shapes and types, NaN, a rate that is not positive, and names not ending with .wav
    """
    import numpy as np

    array = np.asarray(samples)
    if _get_suffix(path) != ".wav":
        raise InvalidInput(f"{path!r} names no format of sound", hint="sound is written as .wav")
    if array.ndim not in (1, 2) or array.size == 0 or (array.ndim == 2 and array.shape[1] > 255):
        raise InvalidInput(f"Sound cannot have the shape {array.shape}", hint="it must be (n,) or (n, channels)")
    if sample_rate_hz != int(sample_rate_hz) or not 0 < sample_rate_hz < 2**31:
        raise InvalidInput(f"The sample rate is {sample_rate_hz}", hint="it must be a positive whole number of Hz")
    if array.dtype.kind == "f":
        if np.isnan(array).any():
            raise InvalidInput("The sound has NaN in it", hint="replace NaN by 0 first")
        array = np.rint(np.clip(array, -1.0, 1.0) * _PCM_MAX)
    elif array.dtype != np.int16:
        raise InvalidInput(f"Sound cannot be made of {array.dtype}", hint="int16 or floats in [-1, 1] are taken")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1 if array.ndim == 1 else array.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(int(sample_rate_hz))
        writer.writeframes(array.astype("<i2").tobytes())
    return File(path, file.getvalue())


def encode_table(data: Any, path: str, existing: bytes | None = None) -> File:
    """Encode a table: as JSON, ``{"columns": [...], "data": [[...], ...]}``, or as Parquet if ``path`` says so.

    data:     a dict of columns (lists of one length; single values are one row), or a DataFrame of pandas or polars or
              an Arrow table. A DataFrame's index is left out; in JSON, NaN and the infinities are null.
    existing: the file as it is: its rows come first. New columns are empty (null) in old rows and the other way round;
              Parquet demands that a column keeps its type, or one that holds both.
    raises:   InvalidInput; Parquet needs pyarrow, else NotSupported
    """
    if _get_suffix(path) == ".parquet":
        return File(path, _encode_parquet(data, existing))
    if _get_suffix(path) != ".json":
        raise InvalidInput(f"{path!r} names no format of tables", hint="tables are written as .json and .parquet")
    columns = _to_columns(data)
    names = list(columns)
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    if existing is not None:
        old_names, old_rows = _parse_table(existing, path)
        merged = list(dict.fromkeys([*old_names, *names]))
        rows = _align(old_rows, old_names, merged) + _align(rows, names, merged)
        names = merged
    try:
        return File(path, msgspec.json.encode({"columns": names, "data": rows}))
    except (TypeError, ValueError) as error:  # keys that are None, halves of surrogate pairs
        raise InvalidInput(f"The table cannot be written as JSON: {error}") from error


def _encode_parquet(data: Any, existing: bytes | None) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise NotSupported(
            "Parquet needs pyarrow", hint="pip install 'trackway[pandas]', or log the table as .json"
        ) from error
    file = io.BytesIO()
    try:
        table = _to_arrow(data)
        if existing is not None:
            table = pa.concat_tables([pq.read_table(io.BytesIO(existing)), table], promote_options="permissive")
        pq.write_table(table, file)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InvalidInput(f"The table cannot be written as Parquet: {error}") from error
    return file.getvalue()


def _to_arrow(data: Any) -> pyarrow.Table:
    import pyarrow as pa

    if isinstance(data, pa.Table):
        return data
    if hasattr(data, "to_arrow"):  # polars
        return data.to_arrow()
    if hasattr(data, "iloc"):  # pandas
        return pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)
    return pa.table(_to_columns(data))


def _to_columns(data: Any) -> dict[str, list[Any]]:
    """Return a table's columns as lists of plain values, all of one length."""
    if hasattr(data, "iloc"):  # pandas
        columns = {str(name): data.iloc[:, i].tolist() for i, name in enumerate(data.columns)}
    elif hasattr(data, "to_pydict"):  # Arrow
        columns = data.to_pydict()
    elif hasattr(data, "iter_columns"):  # polars
        columns = data.to_dict(as_series=False)
    elif isinstance(data, Mapping):
        columns = {str(name): _to_list(values) for name, values in data.items()}
    else:
        raise InvalidInput(f"{_name_type(data)} is no table", hint="log a dict of columns or a DataFrame")
    if hasattr(data, "columns") and len(columns) != len(data.columns):
        raise InvalidInput("The table has several columns of one name", hint="give each a name of its own")
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise InvalidInput(f"The table's columns have {sorted(lengths)} rows", hint="all must have the same number")
    return {name: [_to_plain(value) for value in values] for name, values in columns.items()}


def _to_list(values: Any) -> list[Any]:
    if hasattr(values, "tolist"):
        values = values.tolist()
    return list(values) if isinstance(values, list | tuple | range) else [values]


def _parse_table(data: bytes, path: str) -> tuple[list[str], list[list[Any]]]:
    try:
        table = json.loads(data)
        names, rows = table["columns"], table["data"]
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"{path!r} is there and no table", hint="log the table under another name") from error
    return names, rows


def _align(rows: list[list[Any]], names: list[str], wanted: list[str]) -> list[list[Any]]:
    """Return rows of columns ``names`` as rows of columns ``wanted``, None where there is no such column."""
    places = {name: place for place, name in enumerate(names)}
    return [[row[places[name]] if name in places else None for name in wanted] for row in rows]


def _to_plain(value: Any) -> Any:
    """Return a value made only of what JSON and YAML know."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Mapping):
        return {_to_key(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_plain(item) for item in value]
    if hasattr(value, "tolist"):  # arrays and scalars of numpy, pandas and torch
        if getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M"):
            value = value.astype(str)  # as numbers, times would lose their unit
        return _to_plain(value.tolist())
    if isinstance(value, datetime.date | datetime.time):
        return None if value != value else value.isoformat()  # pandas' NaT differs from itself
    if isinstance(value, datetime.timedelta | decimal.Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    for plain in (str, int, float):  # their subclasses, such as enumerations
        if isinstance(value, plain):
            return plain(value)
    if type(value).__name__ == "NAType":
        return None
    raise InvalidInput(
        f"{_name_type(value)} cannot be written as JSON or YAML", hint="log texts, numbers, lists and dictionaries"
    )


def _to_key(key: Any) -> Any:
    plain = _to_plain(key)
    return plain if isinstance(plain, str | int | float | bool | None) else str(key)


def _name_type(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _get_suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()
