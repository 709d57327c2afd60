"""Signatures: told from data as MLflow tells them, written as it writes them, read back whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.data import EXAMPLES, PARAMS
from tests.models.peers import Peer
from trackway.base.errors import InvalidInput
from trackway.models.inference import infer_params, infer_schema, infer_signature
from trackway.models.signature import SCALARS, Column, Param, Property, Signature, Tensor, Type, columns

TELL = """
import logging
logging.disable(50)
from mlflow.models import infer_signature
from tests.models.data import EXAMPLES, PARAMS
result = {name: infer_signature(make()).to_dict()["inputs"] for name, make in EXAMPLES.items()}
result["params"] = infer_signature(None, None, PARAMS).to_dict()["params"]
"""
READ = """
from mlflow.models import ModelSignature
result = ModelSignature.from_dict(arguments[0]).to_dict()
"""


def test_signatures_are_told_as_mlflow_tells_them(peer: Peer) -> None:
    theirs = peer.run(TELL)
    ours: dict[str, Any] = {name: infer_signature(make()).to_dict()["inputs"] for name, make in EXAMPLES.items()}
    ours["params"] = infer_signature(params=PARAMS).to_dict()["params"]
    assert ours == theirs


def test_mlflow_reads_and_writes_every_kind_of_type_as_we_do(peer: Peer) -> None:
    nested = Type(
        "object",
        properties=(
            Property("items", Type("array", items=Type("map", items=Type("long")))),
            Property("note", Type("string"), False),
        ),
    )
    every = tuple(Column(Type(kind), f"c_{kind}") for kind in (*SCALARS, "any"))
    signature = Signature(
        inputs=(*every, Column(nested, "n", False)),
        outputs=(Tensor("float32", (-1, 3), "t"),),
        params=infer_params({"k": 3, "stop": ["a"]}),
    )
    texts = signature.to_dict()
    assert peer.run(READ, texts) == texts
    assert Signature.from_dict(texts) == signature


def _types(depth: int = 3) -> st.SearchStrategy[Type]:
    words = st.sampled_from([*SCALARS, "any"]).map(Type)
    if depth == 0:
        return words
    inner = _types(depth - 1)
    names = st.text(min_size=1, max_size=5)
    properties = st.lists(st.builds(Property, names, inner, st.booleans()), max_size=3, unique_by=lambda p: p.name)
    return st.one_of(
        words,
        inner.map(lambda one: Type("array", items=one)),
        inner.map(lambda one: Type("map", items=one)),
        properties.map(lambda some: Type("object", properties=tuple(some))),
    )


_NAMES = st.none() | st.text(max_size=8) | st.integers(0, 99)
_COLUMNS = st.lists(st.builds(Column, _types(), _NAMES, st.booleans()), max_size=5)
_SHAPES = st.tuples(st.just(-1), st.integers(1, 9))
_TENSORS = st.lists(st.builds(Tensor, st.sampled_from(["float64", "str"]), _SHAPES), max_size=3)


@given(_COLUMNS, _TENSORS)
def test_every_signature_survives_its_own_json(inputs: list[Column], outputs: list[Tensor]) -> None:
    signature = Signature(tuple(inputs), tuple(outputs), (Param("k", Type("long"), 1),))
    assert Signature.from_dict(signature.to_dict()) == signature


def test_polars_and_arrow_tables_tell_what_pandas_tells() -> None:
    values = {"l": [1, 2], "d": [0.5, 1.5], "s": ["a", None], "b": [True, False], "a": [[1], [2, 3]]}
    frame = pl.DataFrame(values)
    assert infer_schema(frame) == infer_schema(frame.to_arrow())
    assert infer_schema(frame) == (
        Column(Type("long"), "l"),
        Column(Type("double"), "d"),
        Column(Type("string"), "s", required=False),
        Column(Type("boolean"), "b"),
        Column(Type("array", items=Type("long")), "a"),
    )


@pytest.mark.parametrize(
    "arrow_type, expected",
    [
        (pa.int8(), Type("integer")),
        (pa.uint32(), Type("long")),
        (pa.uint64(), Type("any")),
        (pa.float16(), Type("float")),
        (pa.decimal128(10, 2), Type("double")),
        (pa.large_string(), Type("string")),
        (pa.dictionary(pa.int8(), pa.string()), Type("string")),
        (pa.timestamp("us"), Type("datetime")),
        (pa.date32(), Type("datetime")),
        (pa.map_(pa.string(), pa.int64()), Type("map", items=Type("long"))),
        (pa.struct({"z": pa.bool_(), "a": pa.binary()}), Type("object", properties=(
            Property("a", Type("binary")), Property("z", Type("boolean")),
        ))),
    ],
)  # fmt: skip
def test_arrow_types_have_their_words(arrow_type: pa.DataType, expected: Type) -> None:
    assert infer_schema(pa.table({"x": pa.array([], arrow_type)})) == (Column(expected, "x"),)


def test_older_spellings_are_understood() -> None:
    read = Signature.from_dict(
        {
            "inputs": '[{"name": "a", "type": "double", "optional": true}, {"name": "v", "type": "sparkml-vector"}]',
            "params": '[{"name": "k", "dtype": "long", "default": 3, "shape": null}]',
        }
    )
    assert read.inputs == (Column(Type("double"), "a", False), Column(Type("sparkml_vector"), "v"))
    assert read.params == (Param("k", Type("long"), 3),)


def test_columns_are_declared_in_one_line() -> None:
    assert columns(age="long", income="double?") == (
        Column(Type("long"), "age"),
        Column(Type("double"), "income", required=False),
    )
    with pytest.raises(InvalidInput, match="'number' is no column type"):
        columns(age="number")


@pytest.mark.parametrize(
    "inputs",
    [
        "{}",
        "[1]",
        "nonsense",
        '[{"name": "a"}]',
        '[{"type": "tensor"}]',
        '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": ["x"]}}]',
        '[{"type": "array"}]',
        '[{"type": "object", "properties": [1]}]',
        '[{"type": "double"}, {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]',
        "[" * 100_000,
        '[{"type": "array", "items": ' * 1 + '{"type": "array", "items": ' * 400 + '{"type": "long"}' + "}" * 401 + "]",
        7,
    ],
)
def test_what_is_no_signature_is_refused(inputs: Any) -> None:
    with pytest.raises(InvalidInput):
        Signature.from_dict({"inputs": inputs})


@pytest.mark.parametrize("value", [object(), {}, {1: 2}, None.__class__])
def test_no_schema_is_told_of_what_has_none(value: Any) -> None:
    with pytest.raises(InvalidInput, match="No schema can be told"):
        infer_schema(value)


@pytest.mark.parametrize("value", [None, b"a", [], [[1]], np.zeros((2, 2)), object()])
def test_params_without_a_plain_type_are_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="The param 'k'"):
        infer_params({"k": value})


def test_a_signature_is_shown_as_people_write_types() -> None:
    rows = pd.DataFrame({"tags": [["a"], ["b", "c"]], "who": [{"age": 3}, {"age": None}], "n": [1.5, None]})
    shown = str(infer_signature(rows, np.ones((2, 3)), params={"k": 3, "names": ["x"]}))
    assert shown.splitlines() == [
        "inputs: tags: array(string), who: object(age: long (optional)), n: double (optional)",
        "outputs: float64(-1, 3)",
        "params: k: long = 3, names: array(string) = ['x']",
    ]
    assert str(Signature()) == "nothing is known"
