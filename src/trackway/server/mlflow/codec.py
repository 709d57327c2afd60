"""Requests to messages: JSON bodies and query strings, with this protocol's rules for what may stand for what.

A message is declared once, as a struct. A body that is exactly such a struct is decoded in one step; any other goes
through the tolerant reading below, which accepts all that clients of this protocol have ever sent (numbers as text,
enums by number, lowerCamel names, JSON inside a JSON string) and says precisely what is wrong with the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta
from msgspec.inspect import (
    BoolType,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    Metadata,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from trackway.api import limits
from trackway.base.errors import InvalidInput
from trackway.server.mlflow.errors import invalid_value, missing_value

M = TypeVar("M", bound="Message")
Kind = Literal["text", "int", "float", "bool", "enum", "message"]

Needed = Annotated[str, Meta(min_length=1)]
"""Text that must be sent; empty counts as missing."""
Int64 = Annotated[int, Meta(ge=limits.INT64_MIN, le=limits.INT64_MAX)]
Timestamp = Annotated[int, Meta(ge=0, le=limits.INT64_MAX)]
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
ViewType = Annotated[
    Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"],
    Meta(extra={"numbers": {"ACTIVE_ONLY": 1, "DELETED_ONLY": 2, "ALL": 3}}),
]

_PLAIN: dict[type[Type], Kind] = {FloatType: "float", BoolType: "bool"}
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:nan|inf|infinity))")


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request's fields; one without a default must be sent.

    Unknown fields are refused by the struct itself, so that a body which has any is read the tolerant way.
    """


class Shape(msgspec.Struct, frozen=True):
    """What the tolerant reading knows of one field's type; ``high`` is the greatest integer, or the longest text."""

    kind: Kind
    low: int = limits.INT64_MIN
    high: int = limits.INT64_MAX
    numbers: dict[str, int] = {}
    fields: tuple[Field, ...] = ()


class Field(msgspec.Struct, frozen=True):
    """One field of a message: its name, what else it may be called, whether it must be sent and may be empty."""

    name: str
    camel: str
    shape: Shape
    repeated: bool
    required: bool
    filled: bool


class Codec(Generic[M]):
    """Decodes one kind of message.

    path_in_body:  what the request's path says must be said in the body again
    plain:         a message of fewer fields that most bodies are, which is quicker to read
    """

    def __init__(self, message: type[M], path_in_body: bool = False, plain: type[Message] | None = None) -> None:
        info = type_info(message)
        assert isinstance(info, StructType)
        self._message = message
        self._decode = msgspec.json.Decoder(message).decode
        self._decode_first: Callable[[bytes], M] = self._decode
        if plain is not None:
            self._decode_first = msgspec.json.Decoder(plain).decode  # type: ignore[assignment]  # it has fields of M
        self._fields = _list_fields(info)
        self._path_in_body = path_in_body

    def decode(self, body: bytes, path_values: Mapping[str, str] | None = None) -> M:
        """Return the message that a JSON body says; an empty body has no fields.

        path_values:  fields that the request's path gave; the body may repeat but not change them
        raises:       InvalidInput naming the field
        """
        if not path_values:
            try:
                return self._decode_first(body)
            except ValueError:  # not of that form; what it is, the tolerant reading finds out
                if self._decode_first is not self._decode:
                    with suppress(ValueError):
                        return self._decode(body)
        return self._build(parse_object(body), path_values or {})

    def decode_query(self, items: Iterable[tuple[str, str]], path_values: Mapping[str, str]) -> M:
        """Return the message that a query string says: repeated fields are repeated keys, others come once."""
        given: dict[str, list[str]] = {}
        for name, value in items:
            given.setdefault(name, []).append(value)
        raw: dict[str, Any] = {}
        for field in self._fields:
            values = given.get(field.name)
            if values is None:
                continue
            if field.repeated:
                raw[field.name] = values
                continue
            if len(set(values)) > 1:
                raise invalid_value(field.name, values, "it may be sent once only")
            raw[field.name] = _read_flag(field.name, values[0]) if field.shape.kind == "bool" else values[0]
        return self._build(raw, path_values)

    def _build(self, raw: dict[str, Any], path_values: Mapping[str, str]) -> M:
        for name, value in path_values.items():
            camel = _to_camel(name)
            sent = _find_sent(raw, name, camel, name)
            if sent in (None, ""):
                if self._path_in_body:
                    raise missing_value(name)
            elif sent != value:
                raise invalid_value(name, sent, "the request's path says otherwise")
            raw.pop(camel, None)
            raw[name] = value
        return msgspec.convert(_read_fields(raw, self._fields, ""), self._message)


def parse_object(body: bytes, strict: bool = True) -> dict[str, Any]:
    """Return the JSON object in ``body``; one inside a JSON string, which old clients send, is taken out of it.

    strict:  the words NaN and Infinity, which are no JSON, are refused
    """
    if not body:
        return {}
    constant = _refuse_constant if strict else None
    try:
        raw = json.loads(body.decode("utf-8-sig"), parse_constant=constant)  # some clients begin with a byte order mark
        if isinstance(raw, str):
            raw = json.loads(raw, parse_constant=constant) if raw else {}
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The body is not valid JSON: {str(error)[:100]}", hint="send one JSON object") from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise InvalidInput(f"The body is a JSON value of type '{type(raw).__name__}'", hint="send one JSON object")
    return raw


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name} is no JSON number, send it as text: "{name}"')


def _list_fields(info: StructType) -> tuple[Field, ...]:
    fields = []
    for field in info.fields:
        shape, repeated, filled = _find_shape(field.type)
        fields.append(Field(field.name, _to_camel(field.name), shape, repeated, field.required, filled))
    return tuple(fields)


def _to_camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _find_shape(kind: Type) -> tuple[Shape, bool, bool]:
    """Return a type's shape, whether it is a list, and whether empty counts as missing."""
    if isinstance(kind, UnionType):
        [kind] = [one for one in kind.types if not isinstance(one, NoneType)]
    if isinstance(kind, ListType):
        return _find_shape(kind.item_type)[0], True, bool(kind.min_length)
    if isinstance(kind, Metadata):
        assert isinstance(kind.type, LiteralType)
        return Shape("enum", numbers=(kind.extra or {})["numbers"]), False, False
    if isinstance(kind, IntType):
        assert kind.ge is not None
        assert kind.le is not None
        return Shape("int", low=kind.ge, high=kind.le), False, False
    if isinstance(kind, StructType):
        return Shape("message", fields=_list_fields(kind)), False, False
    if isinstance(kind, StrType):
        return Shape("text", high=kind.max_length or limits.INT64_MAX), False, bool(kind.min_length)
    return Shape(_PLAIN[type(kind)]), False, False


def _read_fields(raw: dict[str, Any], fields: tuple[Field, ...], prefix: str) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for field in fields:
        name = prefix + field.name
        value = _find_sent(raw, field.name, field.camel, name)
        if field.name == "run_id" and value in (None, ""):  # what it was called at first, and still is by old clients
            value = raw.get("run_uuid", raw.get("runUuid"))
        if (value is None and field.required) or (field.filled and not value and value in (None, "", [])):
            raise missing_value(name)
        if value is None:
            continue
        if not field.repeated:
            known[field.name] = _read(value, field.shape, name)
        elif isinstance(value, list):
            known[field.name] = [_read(item, field.shape, f"{name}[{i}]") for i, item in enumerate(value)]
        else:
            raise _wrong_type(name, value, "a list")
    return known


def _find_sent(raw: dict[str, Any], field: str, camel: str, name: str) -> Any:
    """Return what is sent of a field under either of its names; ``name`` is what errors call it."""
    if camel == field or camel not in raw:
        return raw.get(field)
    if field in raw:
        raise invalid_value(name, raw[field], f"it is sent as '{camel}' too; send one of them")
    return raw[camel]


def _read(value: Any, shape: Shape, name: str) -> Any:
    if shape.kind == "text":
        return _read_text(value, shape.high, name)
    if shape.kind == "int":
        return _read_int(value, shape, name)
    if shape.kind == "float":
        return _read_float(value, name)
    if shape.kind == "enum":
        return _read_enum(value, shape.numbers, name)
    if shape.kind == "bool":
        if not isinstance(value, bool):
            raise _wrong_type(name, value, "true or false")
        return value
    if not isinstance(value, dict):
        raise _wrong_type(name, value, "an object")
    return _read_fields(value, shape.fields, f"{name}.")


def _read_text(value: Any, most: int, name: str) -> str:
    if not isinstance(value, str):
        raise _wrong_type(name, value, "a string")
    if len(value) > most:
        raise invalid_value(name, value, f"it exceeds the maximum length of {most} characters")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise invalid_value(name, value, "it holds half of a surrogate pair") from None
    return value


def _read_int(value: Any, shape: Shape, name: str) -> int:
    whole = _find_whole(value)
    if whole is None:
        raise _wrong_type(name, value, "an integer")
    if not shape.low <= whole <= shape.high:
        raise invalid_value(name, value, f"it must be from {shape.low} to {shape.high}")
    return whole


def _find_whole(value: Any) -> int | None:
    """Return the whole number that is meant by an integer, a whole double, or the text of either; None for others."""
    if isinstance(value, str):
        if _INTEGER.fullmatch(value):
            return int(value)
        value = float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _read_float(value: Any, name: str) -> float:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise _wrong_type(name, value, "a number")
    if not isinstance(value, (str, int, float)):
        raise _wrong_type(name, value, "a number")
    try:
        return float(value)
    except OverflowError:
        raise invalid_value(name, value, "it is too large for a double") from None


def _read_enum(value: Any, numbers: dict[str, int], name: str) -> str:
    if isinstance(value, str) and value in numbers:
        return value
    sent = _find_whole(value)
    for label, number in numbers.items():
        if number == sent:
            return label
    raise invalid_value(name, value, f"it must be one of {', '.join(numbers)}")


def _read_flag(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise invalid_value(name, text, "it must be true or false")
    return text.lower() == "true"


def _wrong_type(name: str, value: Any, wanted: str) -> InvalidInput:
    return invalid_value(name, value, f"it must be {wanted}. Hint: Value was of type '{type(value).__name__}'")
