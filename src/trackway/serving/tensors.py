"""Tensors of the Open Inference Protocol: as JSON, and as bytes behind the JSON (its binary tensor extension)."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np

from trackway.models.signature import Column, Tensor
from trackway.serving.columns import Array, hold
from trackway.serving.reader import bad_request

DTYPES: Final[dict[str, str]] = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
"""The protocol's names of types, and numpy's; ``BYTES`` are texts or bytes."""
_NAMES: Final = {dtype: name for name, dtype in DTYPES.items()}
_OF_COLUMNS: Final = {"boolean": "BOOL", "integer": "INT32", "long": "INT64", "float": "FP32", "double": "FP64"}
_LENGTH: Final = struct.Struct("<I")


class InputTensor(msgspec.Struct):
    """A tensor of a request. ``data`` is flat or nested; without it, its bytes are behind the JSON."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: list[Any] | msgspec.UnsetType = msgspec.UNSET


def describe_spec(spec: Column | Tensor, place: int) -> dict[str, Any]:
    """Return a column or tensor of a signature as the protocol's metadata has it."""
    if isinstance(spec, Tensor):
        name = f"input-{place}" if spec.name is None else spec.name
        return {"name": name, "datatype": _NAMES.get(spec.dtype, "BYTES"), "shape": list(spec.shape)}
    name = f"input-{place}" if spec.name is None else str(spec.name)
    return {"name": name, "datatype": _OF_COLUMNS.get(spec.type.kind, "BYTES"), "shape": [-1, 1]}


def take_binary(tensors: list[InputTensor], tail: bytes) -> dict[str, Array]:
    """Return the tensors whose bytes are behind the JSON, by name.

    raises: InvalidInput unless the bytes are just those that the tensors say
    """
    taken, place = {}, 0
    for tensor in tensors:
        size = tensor.parameters.get("binary_data_size")
        if size is None:
            continue
        if type(size) is not int or size < 0 or place + size > len(tail):
            raise bad_request(f"Tensor {tensor.name[:60]!r} has a binary_data_size that the body does not hold")
        taken[tensor.name] = _decode_binary(tensor, tail[place : place + size])
        place += size
    if place != len(tail):
        raise bad_request(f"{len(tail) - place} bytes behind the JSON belong to no tensor")
    return taken


def decode_tensor(tensor: InputTensor) -> Array:
    """Return a tensor whose data is in the JSON: numbers in their type, texts as objects.

    raises: InvalidInput
    """
    if tensor.data is msgspec.UNSET:
        raise bad_request(f"Tensor {tensor.name[:60]!r} has no data")
    flat = _flatten(tensor.data)
    count = _count(tensor)
    if len(flat) != count:
        raise bad_request(
            f"Tensor {tensor.name[:60]!r} has {len(flat)} values; its shape {tensor.shape} has room for {count}"
        )
    if tensor.datatype == "BYTES":
        return hold([_read_bytes(tensor, value) for value in flat]).reshape(tensor.shape)
    dtype = _get_dtype(tensor)
    types = set(map(type, flat))
    allowed: set[type] = {bool} if dtype.kind == "b" else {int} if dtype.kind in "iu" else {int, float, type(None)}
    if not types <= allowed and not (dtype.kind == "b" and set(flat) <= {0, 1}):
        found = next(value for value in flat if type(value) not in allowed)
        raise bad_request(f"Tensor {tensor.name[:60]!r}: expected {tensor.datatype}, found {str(found)[:40]!r}")
    try:
        return np.array(flat, dtype=dtype).reshape(tensor.shape)
    except (OverflowError, ValueError, TypeError):
        raise bad_request(f"Tensor {tensor.name[:60]!r} has a value out of the range of {tensor.datatype}") from None


def encode_tensor(name: str, values: Any) -> tuple[dict[str, Any], Array]:
    """Return a tensor's description, without data, and its values in row-major order."""
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.dtype.kind == "M":
        array = array.astype("datetime64[ms]").astype(str)
    datatype = _NAMES.get(array.dtype.name, "BYTES")
    if datatype == "BYTES":
        array = array.astype(object)
    return {"name": name, "shape": list(array.shape), "datatype": datatype}, array


def list_values(described: Mapping[str, Any], array: Array) -> list[Any]:
    """Return an answer's values as JSON has them, flat."""
    flat: list[Any] = array.reshape(-1).tolist()
    return flat if described["datatype"] != "BYTES" else [_write_text(value) for value in flat]


def encode_binary(described: Mapping[str, Any], array: Array) -> bytes:
    """Return an answer's values as bytes, little end first; texts with their lengths before them."""
    if described["datatype"] != "BYTES":
        return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    pieces = [v if isinstance(v, bytes) else str(v).encode() for v in array.reshape(-1).tolist()]
    return b"".join(_LENGTH.pack(len(piece)) + piece for piece in pieces)


def _decode_binary(tensor: InputTensor, data: bytes) -> Array:
    count = _count(tensor)
    if tensor.datatype == "BYTES":
        values: list[bytes] = []
        place = 0
        while place < len(data) and len(values) < count:
            size = _LENGTH.unpack_from(data, place)[0] if place + 4 <= len(data) else len(data)
            place += 4 + size
            values.append(data[place - size : place])
        if len(values) != count or place != len(data):
            raise bad_request(f"Tensor {tensor.name[:60]!r} has other bytes than its shape {tensor.shape} says")
        as_bytes = "content_type" in tensor.parameters
        return hold([v if as_bytes else v.decode("utf-8", "replace") for v in values]).reshape(tensor.shape)
    dtype = _get_dtype(tensor)
    size = count * dtype.itemsize
    if len(data) != size:
        raise bad_request(f"Tensor {tensor.name[:60]!r} has {len(data)} bytes; its shape {tensor.shape} takes {size}")
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(tensor.shape)


def _count(tensor: InputTensor) -> int:
    if not tensor.shape or any(size < 0 for size in tensor.shape) or len(tensor.shape) > 32:
        raise bad_request(
            f"Tensor {tensor.name[:60]!r} has the shape {tensor.shape[:32]}", "a list of sizes of 0 or more"
        )
    return math.prod(tensor.shape)


def _get_dtype(tensor: InputTensor) -> np.dtype[Any]:
    if tensor.datatype not in DTYPES:
        known = ", ".join([*DTYPES, "BYTES"])
        raise bad_request(f"Tensor {tensor.name[:60]!r} has the datatype {tensor.datatype[:40]!r}", f"one of {known}")
    return np.dtype(DTYPES[tensor.datatype])


def _flatten(data: list[Any]) -> list[Any]:
    for _ in range(32):
        if not data or not isinstance(data[0], list):
            break
        if not all(isinstance(one, list) for one in data):
            raise bad_request("A tensor's data is nested unevenly")
        data = [value for one in data for value in one]
    return data


def _read_bytes(tensor: InputTensor, value: Any) -> Any:
    if value is not None and not isinstance(value, str):
        raise bad_request(f"Tensor {tensor.name[:60]!r}: expected a text, found {str(value)[:40]!r}")
    if value is not None and tensor.parameters.get("content_type") == "base64":
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise bad_request(f"Tensor {tensor.name[:60]!r} holds what is no base64") from None
    return value


def _write_text(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, str) else str(value)
