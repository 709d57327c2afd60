"""Input examples: a few rows that show what a model takes, stored as MLflow stores them, and as a scoring request."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import Corrupt, InvalidInput
from trackway.models.arrays import to_numpy
from trackway.models.manifest import resolve_inside
from trackway.models.signature import Signature, Tensor

NAME: Final = "input_example.json"
SERVING_NAME: Final = "serving_input_example.json"
MAX_BYTES: Final = 16 * 2**20
_CHAT: Final = ("messages", "prompt", "input")
"""Requests with one of these keys go to a model as they are."""


def write_example(folder: Path, example: Any) -> dict[str, Any]:
    """Write an example's two files, and return what the ``MLmodel`` file says of them.

    example: a table, an array, a dict of arrays, a sparse matrix, or JSON values; or a pair of one and its params
    raises:  InvalidInput for what has no JSON form, or more than 16 MiB of it
    """
    data, params = split_example(example)
    kind, stored, served = _encode(data)
    info: dict[str, Any] = {"artifact_path": NAME, "serving_input_path": SERVING_NAME, "type": kind}
    if kind == "dataframe":
        info["pandas_orient"] = "split"
    if params:
        info["params"] = "true"
        stored = {"inputs": stored, "params": params}
        served = {**served, "params": params}
    for name, value in ((NAME, stored), (SERVING_NAME, served)):
        text = dump_json(value)
        if len(text) > MAX_BYTES:
            raise InvalidInput(f"The input example is larger than {MAX_BYTES} bytes", hint="a few rows are enough")
        (folder / name).write_text(text, encoding="utf-8")
    return info


def dump_request(example: Any) -> str:
    """Return the JSON of the request that scores an example; see ``write_example``."""
    data, params = split_example(example)
    served = _encode(data)[2]
    return dump_json({**served, "params": params} if params else served)


def split_example(example: Any) -> tuple[Any, dict[str, Any]]:
    """Return the data and the params of an example; tensors of any library become arrays of numpy."""
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], Mapping):
        return to_numpy(example[0]), dict(example[1])
    return to_numpy(example), {}


def read_example(folder: Path, info: Mapping[str, Any], signature: Signature | None = None) -> Any:
    """Return the data of a stored example: a table, an array, arrays by name, a sparse matrix, or JSON values.

    signature: gives the types of arrays, which JSON does not keep
    raises: Corrupt when its file is not what the ``MLmodel`` file says
    """
    path = resolve_inside(folder, info.get("artifact_path"))
    if path.stat().st_size > MAX_BYTES:
        raise Corrupt(f"The input example is larger than {MAX_BYTES} bytes")
    try:
        stored = json.loads(path.read_bytes())
        data = stored["inputs"] if info.get("params") == "true" else stored
        return _decode(str(info.get("type")), data, _list_dtypes(signature))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Corrupt(f"The input example cannot be read: {type(error).__name__}") from None


def _encode(data: Any) -> tuple[str, Any, dict[str, Any]]:
    """Return an example's kind, its JSON form, and the request that scores it."""
    if hasattr(data, "iloc") and not hasattr(data, "columns"):
        data = data.to_frame()
    elif hasattr(data, "to_pandas"):
        data = data.to_pandas()
    if hasattr(data, "iloc"):
        split = {"columns": data.columns.tolist(), "data": [list(row) for row in data.itertuples(index=False)]}
        return "dataframe", split, {"dataframe_split": split}
    if hasattr(data, "tocsr") and hasattr(data, "indptr"):
        parts = {part: getattr(data, part).tolist() for part in ("data", "indices", "indptr")}
        served = {"inputs": data.toarray().tolist()}
        return f"sparse_matrix_{data.format}", {**parts, "shape": list(data.shape)}, served
    if hasattr(data, "dtype") and hasattr(data, "tolist"):
        return "ndarray", data.tolist(), {"inputs": data.tolist()}
    if isinstance(data, Mapping) and data and all(hasattr(value, "dtype") for value in data.values()):
        arrays = {name: value.tolist() for name, value in data.items()}
        return "ndarray", arrays, {"inputs": arrays}
    if isinstance(data, Mapping) and any(key in data for key in _CHAT):
        return "json_object", data, dict(data)
    return "json_object", data, {"inputs": data}


def _list_dtypes(signature: Signature | None) -> dict[str | None, str]:
    specs = (signature.inputs if signature is not None else None) or ()
    return {spec.name: spec.dtype for spec in specs if isinstance(spec, Tensor)}


def _decode(kind: str, data: Any, dtypes: Mapping[str | None, str]) -> Any:
    if kind == "dataframe":
        import pandas

        return pandas.DataFrame(data["data"], columns=data["columns"])
    if kind == "ndarray":
        import numpy as np

        if isinstance(data, dict):
            return {name: np.asarray(value, dtypes.get(name)) for name, value in data.items()}
        return np.asarray(data, dtypes.get(None))
    if kind in ("sparse_matrix_csr", "sparse_matrix_csc"):
        from scipy import sparse

        make = sparse.csr_matrix if kind.endswith("csr") else sparse.csc_matrix
        return make((data["data"], data["indices"], data["indptr"]), shape=data["shape"])
    return data


def dump_json(value: Any) -> str:
    """Return the JSON of values that may be numpy's or pandas'.

    raises: InvalidInput for what has no JSON form
    """
    return json.dumps(_to_plain(value), allow_nan=False)


def _to_plain(value: Any) -> Any:
    """Return JSON values: bytes as base64, times as ISO texts, NaN and the like as null."""
    if isinstance(value, Mapping):
        return {str(key): _to_plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(one) for one in value]
    if hasattr(value, "tolist"):
        return _to_plain(value.tolist())
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    raise InvalidInput(f"An input example cannot hold a {type(value).__module__}.{type(value).__qualname__}")
