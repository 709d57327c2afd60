"""What models give, as JSON: tables as lists of objects, arrays as nested lists, NaN as the word that MLflow writes."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from trackway.base.errors import TrackwayError

_encode = msgspec.json.Encoder().encode


def encode_answer(answer: Any, is_wrapped: bool = True) -> bytes:
    """Return the JSON of what a model gave.

    is_wrapped: into ``{"predictions": ...}``
    raises:     TrackwayError for what has no form in JSON
    """
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "biuf":
        plain: Any = answer.tolist()
        strict = answer.dtype.kind != "f" or bool(np.isfinite(answer).all())
    else:
        plain, strict = to_plain(answer), False
    if is_wrapped:
        plain = {"predictions": plain}
    # msgspec has no word for NaN and writes null.
    return _encode(plain) if strict else json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace")


def to_plain(value: Any) -> Any:
    """Return a value made of what JSON has.

    raises: TrackwayError
    """
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, np.ndarray):
        plain = value.tolist()
        return plain if value.dtype.kind in "biufU" else to_plain(plain)
    if isinstance(value, np.generic) and value.dtype.kind != "M":
        return to_plain(value.item())
    if hasattr(value, "iloc"):
        return _table_to_plain(value)
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): to_plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [to_plain(one) for one in value]
    if isinstance(value, bytes | bytearray):
        return base64.encodebytes(value).decode("ascii")
    return _other_to_plain(value)


def _table_to_plain(table: Any) -> list[dict[str, Any]]:
    """Return a pandas table or series as a list of objects."""
    frame = table.to_frame() if not hasattr(table, "columns") else table
    names = [str(name) for name in frame.columns]
    columns = [to_plain(frame.iloc[:, place].tolist()) for place in range(frame.shape[1])]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _other_to_plain(value: Any) -> Any:
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if type(value).__name__ == "NAType":
        return None
    if hasattr(value, "model_dump"):  # of Pydantic
        return to_plain(value.model_dump())
    if isinstance(value, msgspec.Struct) or hasattr(value, "__dataclass_fields__"):
        return to_plain(msgspec.to_builtins(value))
    if hasattr(value, "toarray"):  # of SciPy, sparse
        return to_plain(value.toarray())
    if hasattr(value, "to_dicts"):  # of polars
        return to_plain(value.to_dicts())
    if hasattr(value, "tolist"):
        return to_plain(value.tolist())
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise TrackwayError(f"The model gave a {kind}, which JSON has no form for")
