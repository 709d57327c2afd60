"""What a model takes and gives: columns or tensors in, columns or tensors out, and named params.

The JSON form is MLflow's, to the letter, so that each reads what the other wrote. A schema is a tuple of columns or a
tuple of tensors. Column types are words (``double``), or nested: arrays, objects with optional properties, maps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from trackway.base.errors import InvalidInput

SCALARS: Final = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
VECTOR: Final = "sparkml_vector"
MAX_DEPTH: Final = 32
MAX_CHARS: Final = 16 * 2**20


class Type(msgspec.Struct, frozen=True):
    """A column's type: a word of ``SCALARS``, ``any``, ``sparkml_vector``, ``array``, ``map`` or ``object``.

    items:      what an array's elements or a map's values are
    properties: an object's, by name
    """

    kind: str
    items: Type | None = None
    properties: tuple[Property, ...] = ()

    def __str__(self) -> str:
        if self.kind in ("array", "map"):
            return f"{self.kind}({self.items})"
        if self.kind == "object":
            inner = ", ".join(f"{p.name}: {p.type}{'' if p.required else ' (optional)'}" for p in self.properties)
            return f"object({inner})"
        return self.kind


class Property(msgspec.Struct, frozen=True):
    """A named part of an object."""

    name: str
    type: Type
    required: bool = True


class Column(msgspec.Struct, frozen=True):
    """A column; an unnamed one stands alone, and an optional one may be left out or hold no value."""

    type: Type
    name: str | int | None = None
    required: bool = True

    def __str__(self) -> str:
        named = str(self.type) if self.name is None else f"{self.name}: {self.type}"
        return named if self.required else f"{named} (optional)"


class Tensor(msgspec.Struct, frozen=True):
    """A tensor: numpy's name of its type, and its shape, in which -1 fits any size."""

    dtype: str
    shape: tuple[int, ...]
    name: str | None = None

    def __str__(self) -> str:
        form = f"{self.dtype}({', '.join(map(str, self.shape))})"
        return form if self.name is None else f"{self.name}: {form}"


class Param(msgspec.Struct, frozen=True):
    """A named value given beside the data; ``shape`` is ``(-1,)`` for a list of values."""

    name: str
    type: Type
    default: Any
    shape: tuple[int, ...] | None = None

    def __str__(self) -> str:
        form = str(self.type) if self.shape is None else f"array({self.type})"
        return f"{self.name}: {form} = {self.default!r}"


Schema = tuple[Column, ...] | tuple[Tensor, ...]


class Signature(msgspec.Struct, frozen=True):
    """What a model takes and gives; a part that is None is not known and not enforced."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: tuple[Param, ...] | None = None

    def __str__(self) -> str:
        """Show each part in a line, as people write types."""
        parts = {"inputs": self.inputs, "outputs": self.outputs, "params": self.params}
        lines = [f"{name}: {', '.join(map(str, specs))}" for name, specs in parts.items() if specs]
        return "\n".join(lines) or "nothing is known"

    def to_dict(self) -> dict[str, str | None]:
        """Return the three JSON texts that an MLmodel file holds."""
        return {
            "inputs": None if self.inputs is None else json.dumps([_dump_spec(spec) for spec in self.inputs]),
            "outputs": None if self.outputs is None else json.dumps([_dump_spec(spec) for spec in self.outputs]),
            "params": None if not self.params else json.dumps([_dump_param(param) for param in self.params]),
        }

    @classmethod
    def from_dict(cls, texts: Mapping[str, Any]) -> Signature:
        """Read the three JSON texts; older spellings are understood.

        raises: InvalidInput for anything that is no signature
        """
        params = _read_list("params", texts.get("params"), _read_param)
        return cls(
            inputs=_read_schema("inputs", texts.get("inputs")),
            outputs=_read_schema("outputs", texts.get("outputs")),
            params=params,
        )


def columns(**types: str) -> tuple[Column, ...]:
    """Declare columns by name and word: ``columns(age="long", income="double?")``; a ``?`` makes one optional.

    raises: InvalidInput for a word that is no type
    """
    return tuple(
        Column(read_type({"type": word.removesuffix("?")}), name, not word.endswith("?"))
        for name, word in types.items()
    )


def read_type(fields: Any, depth: int = 0) -> Type:
    """Read a column's type from its JSON object.

    raises: InvalidInput for what is no type, or is nested deeper than ``MAX_DEPTH``
    """
    if depth > MAX_DEPTH:
        raise InvalidInput(f"A column's type is nested deeper than {MAX_DEPTH} levels")
    kind = fields.get("type") if isinstance(fields, Mapping) else None
    if kind in (*SCALARS, "any"):
        return Type(str(kind))
    if kind in (VECTOR, "sparkml-vector"):
        return Type(VECTOR)
    if kind in ("array", "map"):
        return Type(str(kind), items=read_type(fields.get("items" if kind == "array" else "values"), depth + 1))
    if kind == "object" and isinstance(fields.get("properties"), Mapping):
        properties = fields["properties"].items()
        return Type("object", properties=tuple(_read_property(name, value, depth) for name, value in properties))
    raise InvalidInput(
        f"{str(kind)[:60]!r} is no column type", hint=f"one of {', '.join(SCALARS)}, any, array, map, object"
    )


def dump_type(column_type: Type) -> dict[str, Any]:
    """Return a column type's JSON object."""
    if column_type.kind == "object":
        properties = {p.name: dump_type(p.type) | {"required": p.required} for p in column_type.properties}
        return {"type": "object", "properties": properties}
    if column_type.items is not None:
        return {
            "type": column_type.kind,
            "items" if column_type.kind == "array" else "values": dump_type(column_type.items),
        }
    return {"type": column_type.kind}


def _dump_spec(spec: Column | Tensor) -> dict[str, Any]:
    if isinstance(spec, Tensor):
        tensor = {"type": "tensor", "tensor-spec": {"dtype": spec.dtype, "shape": list(spec.shape)}}
        return tensor if spec.name is None else {"name": spec.name, **tensor}
    named = {} if spec.name is None else {"name": spec.name}
    return {**dump_type(spec.type), **named, "required": spec.required}


def _dump_param(param: Param) -> dict[str, Any]:
    shape = None if param.shape is None else list(param.shape)
    return {"name": param.name, "default": _dump_default(param.default), "shape": shape, **dump_type(param.type)}


def _dump_default(value: Any) -> Any:
    if isinstance(value, list):
        return [_dump_default(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _read_property(name: Any, fields: Any, depth: int) -> Property:
    column_type = read_type(fields, depth + 1)
    return Property(str(name), column_type, _is_required(fields))


def _is_required(fields: Mapping[str, Any]) -> bool:
    """Return whether a value must be there; ``optional`` is how it was said before ``required``."""
    return bool(fields.get("required", not fields.get("optional", False)))


def _read_list(part: str, text: Any, read: Any) -> Any:
    if text is None:
        return None
    try:
        specs = json.loads(text) if isinstance(text, str) and len(text) <= MAX_CHARS else None
    except (ValueError, RecursionError):
        specs = None
    if not isinstance(specs, list) or not all(isinstance(spec, dict) for spec in specs):
        raise InvalidInput(f"The signature's {part} are no JSON list of objects")
    return tuple(read(spec) for spec in specs)


def _read_schema(part: str, text: Any) -> Schema | None:
    schema: Schema | None = _read_list(part, text, _read_spec)
    if schema and len({type(spec) for spec in schema}) > 1:
        raise InvalidInput(f"The signature's {part} mix columns and tensors")
    return schema


def _read_spec(fields: dict[str, Any]) -> Column | Tensor:
    name = fields.get("name")
    if fields.get("type") == "tensor":
        inner = fields.get("tensor-spec")
        shape = inner.get("shape") if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or not isinstance(shape, list) or not all(type(size) is int for size in shape):
            raise InvalidInput(f"The tensor {str(name)[:60]!r} of the signature has no dtype and shape")
        return Tensor(str(inner.get("dtype")), tuple(shape), None if name is None else str(name))
    named = name if name is None or type(name) is int else str(name)
    return Column(read_type(fields), named, _is_required(fields))


def _read_param(fields: dict[str, Any]) -> Param:
    if "name" not in fields or "default" not in fields:
        raise InvalidInput("A param of the signature has no name or no default")
    column_type = read_type({**fields, "type": fields.get("type", fields.get("dtype"))})
    shape = fields.get("shape")
    default = fields["default"]
    if column_type.kind == "datetime":
        default = [_read_time(one) for one in default] if isinstance(default, list) else _read_time(default)
    return Param(str(fields["name"]), column_type, default, None if shape is None else tuple(shape))


def _read_time(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise InvalidInput(
            f"The default {value[:40]!r} of a param is no time", hint="as in 2026-01-31T12:00:00"
        ) from None
