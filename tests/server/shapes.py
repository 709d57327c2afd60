"""Requests of random shape: some as they should be, some nearly so, some nothing of the kind."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from msgspec import inspect

TEXTS: tuple[Any, ...] = (
    *(
        "",
        " ",
        "a",
        "a/b",
        "../x",
        "/etc/passwd",
        "é\u202e",
        "x" * 300,
        "x" * 70_000,
        "\u0000",
        "\ud800",
        "%",
        "'",
        '"',
        "\\",
    ),
    *(
        "-1",
        "0",
        "1.5",
        "9" * 30,
        "null",
        "NaN",
        "[1]",
        '{"a": 1}',
        "metrics.a > 1",
        "params.`a` = '1' AND",
        "name ASC",
    ),
    *(
        "mlflow.runName",
        "mlflow.parentRunId",
        "mlflow.note.content",
        "FINISHED",
        "READY",
        "Production",
        "all",
        "return",
    ),
    *("s3://bucket/a", "file:///etc", "runs:/x/y", "models:/m/1", "application/json", "2024-01-01"),
)
NUMBERS: tuple[Any, ...] = (0, 1, 2, -1, 7, 1_000, 2**31, 2**53, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**30)
FLOATS: tuple[Any, ...] = (0.0, -0.0, 0.5, -1.5, 1e308, 5e-324, 1e30)
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [None], [[]], {"": None}, {"a": {"b": ["c"]}}, "AAAAAAAAAAA=")
FILTERS = (
    *("", "metrics.m > 0.5", "params.p = '1'", "tags.t LIKE '%a%'", "attributes.status = 'FINISHED'", "name = 'x'"),
    *(
        "metrics.m >",
        "params.",
        "NOT NOT",
        "(((",
        "a.b.c = 1",
        "metrics.`x",
        "params.p IN ('1', '2')",
        "start_time > 'x'",
    ),
)


class Shapes:
    """Draws values.

    known: for names of fields (or their endings), what is there
    odds:  how often a value is not what it should be
    """

    def __init__(self, seed: int, known: dict[str, list[Any]], odds: float = 0.15) -> None:
        self.random = random.Random(seed)
        self._known = known
        self._odds = odds

    def draw_anything(self, depth: int = 0) -> Any:
        """Return any JSON value."""
        kind = self.random.randrange(8 if depth < 3 else 5)
        if kind < 2:
            return self.random.choice(TEXTS)
        if kind < 5:
            return self.random.choice((NUMBERS, FLOATS, OTHERS)[kind - 2])
        if kind == 5:
            return [self.draw_anything(depth + 1) for _ in range(self.random.randrange(4))]
        return {str(self.random.choice(TEXTS)): self.draw_anything(depth + 1) for _ in range(self.random.randrange(4))}

    def draw_named(self, name: str) -> Any:
        """Return a value for a field of which only the name is known."""
        if self.random.random() < self._odds:
            return self.draw_anything()
        return self._draw_known(name) if self._find(name) else self.draw_anything()

    def draw_struct(self, kind: type[msgspec.Struct]) -> Any:
        """Return a request for a struct."""
        if self.random.random() < self._odds / 4:
            return self.draw_anything()
        return self._draw(inspect.type_info(kind), "")

    def _draw(self, info: Any, name: str) -> Any:
        if self.random.random() < self._odds:
            return self.draw_anything()
        match info:
            case inspect.StructType():
                return self._draw_fields(info)
            case inspect.UnionType():
                return self._draw(self.random.choice(info.types), name)
            case inspect.StrType():
                return self._draw_known(name) if self._find(name) else self.random.choice(TEXTS)
            case inspect.IntType():
                return self._draw_known(name) if self._find(name) else self.random.choice(NUMBERS)
            case inspect.FloatType():
                return self.random.choice(FLOATS)
            case inspect.BoolType():
                return self.random.random() < 0.5
            case inspect.LiteralType():
                return self.random.choice(info.values)
            case inspect.BytesType():
                return self.random.choice(("", "AAAAAAAAAAA=", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA=="))
            case inspect.ListType() | inspect.VarTupleType():
                return [self._draw(info.item_type, name.removesuffix("s")) for _ in range(self.random.randrange(4))]
            case inspect.DictType():
                keys = [self.random.choice(TEXTS) for _ in range(self.random.randrange(3))] + ["k"]
                return {str(key): self._draw(info.value_type, "") for key in keys}
            case inspect.NoneType():
                return None
        return self.draw_anything()

    def _draw_fields(self, info: inspect.StructType) -> Any:
        fields = [one for one in info.fields if one.required or self.random.random() < 0.4]
        if info.array_like:
            return [self._draw(one.type, one.encode_name) for one in info.fields]
        drawn = {one.encode_name: self._draw(one.type, one.encode_name) for one in fields}
        if self.random.random() < self._odds / 3:
            drawn[self.random.choice(("colour", "", "__class__"))] = self.draw_anything()
        return drawn

    def _find(self, name: str) -> list[Any]:
        return next((values for ending, values in self._known.items() if name.endswith(ending)), [])

    def _draw_known(self, name: str) -> Any:
        return self.random.choice(self._find(name))
