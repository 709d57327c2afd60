"""What data a signature lets through, what becomes of it, and what is said of the rest."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

from trackway.base.errors import InvalidInput
from trackway.models.enforcement import Enforcer
from trackway.models.inference import infer_params, infer_schema
from trackway.models.signature import Column, Property, Schema, Signature, Tensor, Type, columns

NOW = dt.datetime(2026, 1, 31, 12)  # noqa: DTZ001 - as tables have them, without a zone


def enforce(schema: Schema, data: Any) -> Any:
    return Enforcer(Signature(inputs=schema)).enforce(data)


def test_a_table_that_fits_is_passed_on_as_it_is() -> None:
    frame = pd.DataFrame({"a": [1.0], "b": ["x"]})
    assert enforce(columns(a="double", b="string"), frame) is frame


def test_columns_are_put_in_order_and_others_left_out() -> None:
    frame = pd.DataFrame({"extra": [0], "b": [2.0], "a": [1.0]})
    assert enforce(columns(a="double", b="double"), frame).columns.tolist() == ["a", "b"]
    assert frame.columns.tolist() == ["extra", "b", "a"]


def test_missing_columns_are_named_with_what_they_should_be() -> None:
    with pytest.raises(InvalidInput, match=r"lacks 2 columns: 'a', 'c' \(expected long, string\)") as caught:
        enforce(columns(a="long", b="double", c="string"), pd.DataFrame({"b": [1.0], "d": [2]}))
    assert caught.value.hint == "it has 'b', 'd'"
    assert caught.value.details == {"missing": ["a", "c"]}


def test_an_optional_column_may_be_left_out() -> None:
    assert enforce(columns(a="double", b="double?"), pd.DataFrame({"a": [1.0]})).columns.tolist() == ["a"]


@pytest.mark.parametrize(
    "kind, values, becomes",
    [
        ("double", np.array([1, 2], "int8"), "float64"),
        ("double", np.array([1, 2], "int64"), "float64"),
        ("double", np.array([2**53], "int64"), "float64"),
        ("double", np.array([1.5], "float32"), "float64"),
        ("double", pd.array([1, None], dtype="Int64"), "float64"),
        ("double", pd.array([1.5, None], dtype="Float32"), "float64"),
        ("double", pd.Series([Decimal("1.5")], dtype=object), "float64"),
        ("double", pd.Series([1, None], dtype=object), "float64"),
        ("float", np.array([1, 2], "int16"), "float32"),
        ("float", np.array([1, 2], "int64"), "float32"),
        ("float", np.array([1.5], "float16"), "float32"),
        ("long", np.array([1], "int32"), "int64"),
        ("long", np.array([1], "uint64"), "int64"),
        ("long", pd.array([1], dtype="Int32"), "int64"),
        ("long", pd.Series([1], dtype=object), "int64"),
        ("integer", np.array([-(2**31), 2**31 - 1], "int64"), "int32"),
        ("integer", np.array([1], "uint8"), "int32"),
        ("boolean", pd.array([True], dtype="boolean"), "bool"),
        ("boolean", pd.Series([True, None], dtype=object), "object"),
        ("string", pd.Series(["a", None], dtype=object), "object"),
        ("string", pd.array(["a", None], dtype="string"), "string"),
        ("string", pd.Categorical(["a", "b"]), "category"),
        ("datetime", pd.to_datetime(["2026-01-31"]).astype("M8[s]"), "datetime64[s]"),
        ("datetime", pd.Series([dt.date(2026, 1, 31)], dtype=object), "datetime64"),
        ("datetime", pd.Series([NOW, None], dtype=object), "datetime64"),
        ("binary", pd.Series([b"a"], dtype=object), "object"),
        ("any", pd.Series([object()], dtype=object), "object"),
    ],
)
def test_values_are_converted_where_none_changes(kind: str, values: Any, becomes: str) -> None:
    given = pd.DataFrame({"x": values})
    dtype = str(enforce(columns(x=kind), given)["x"].dtype)
    assert dtype.startswith(becomes)


@pytest.mark.parametrize(
    "kind, values, found",
    [
        ("double", ["a"], "string"),
        ("double", [True], "boolean"),
        ("double", np.array([2**53 + 1], "int64"), "long"),
        ("double", pd.Series([1.5, "x"], dtype=object), "string in row 1"),
        ("float", [0.1], "double"),
        ("long", [1.0], "double"),
        ("long", [1.0, None], "double with missing values"),
        ("long", [True], "boolean"),
        ("long", np.array([2**63], "uint64"), "uint64"),
        ("long", pd.array([1, None], dtype="Int64"), "long with missing values"),
        ("long", pd.Series([1, None], dtype=object), "long with missing values"),
        ("long", pd.Series([2**70], dtype=object), "a number out of range"),
        ("integer", np.array([2**31], "int64"), "long"),
        ("boolean", [1], "long"),
        ("string", [1], "long"),
        ("string", pd.Series(["a", 1], dtype=object), "long in row 1"),
        ("string", pd.Categorical([1, 2]), "long"),
        ("datetime", [1], "long"),
        ("datetime", pd.Series([object()], dtype=object), "object"),
        ("binary", ["a"], "string"),
        ("binary", pd.Series(["a"], dtype=object), "string in row 0"),
        ("array", pd.Series([1], dtype=object), "long in row 0"),
    ],
)
def test_what_does_not_fit_is_refused_with_column_expected_and_found(kind: str, values: Any, found: str) -> None:
    expected = Type("array", items=Type("long")) if kind == "array" else Type(kind)
    with pytest.raises(InvalidInput) as caught:
        enforce((Column(expected, "x"),), pd.DataFrame({"x": values}))
    assert caught.value.message.startswith(f"Column 'x': expected {expected}, found {found}")
    assert caught.value.details["column"] == "x"
    assert caught.value.details["expected"] == str(expected)


def test_a_table_of_the_caller_is_never_changed() -> None:
    frame = pd.DataFrame({"a": np.array([1], "int32"), "b": [2.0]}, index=[7])
    enforced = enforce(columns(a="double", b="double"), frame)
    assert str(frame["a"].dtype) == "int32"
    assert enforced.index.tolist() == [7]
    assert enforced["a"].tolist() == [1.0]


@pytest.mark.parametrize(
    "data",
    [
        {"a": [1, 2], "b": [0.5, 1.5]},
        [{"a": 1, "b": 0.5}, {"a": 2, "b": 1.5}],
        [[1, 0.5], [2, 1.5]],
        pl.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}),
        pa.table({"a": [1, 2], "b": [0.5, 1.5]}),
        pa.table({"b": [0.5, 1.5], "a": [1, 2]}).to_batches()[0],
        {"b": np.array([0.5, 1.5]), "a": np.array([1, 2])},
    ],
    ids=["dict of lists", "list of dicts", "list of lists", "polars", "arrow", "record batch", "dict of arrays"],
)
def test_every_kind_of_table_becomes_the_same_one(data: Any) -> None:
    frame = enforce(columns(a="long", b="float" if isinstance(data, list) else "double"), data)
    assert frame.columns.tolist() == ["a", "b"]
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].tolist() == [0.5, 1.5]


def test_a_dict_of_single_values_is_one_row() -> None:
    assert enforce(columns(a="long", b="string"), {"a": 1, "b": "x"}).to_dict("records") == [{"a": 1, "b": "x"}]


def test_arrays_take_the_columns_by_their_place() -> None:
    frame = enforce(columns(a="double", b="double"), np.array([[1, 2], [3, 4]], "float32"))
    assert frame.to_dict("list") == {"a": [1.0, 3.0], "b": [2.0, 4.0]}
    with pytest.raises(InvalidInput, match=r"array of shape \(rows, 2\); found \(1, 3\)"):
        enforce(columns(a="double", b="double"), np.zeros((1, 3)))


def test_sparse_matrices_stay_sparse() -> None:
    matrix = sp.csr_matrix(np.eye(2))
    assert enforce(columns(a="double", b="double"), matrix) is matrix
    with pytest.raises(InvalidInput, match="takes 3 columns; the sparse matrix has 2"):
        enforce(columns(a="double", b="double", c="double"), matrix)
    with pytest.raises(InvalidInput, match="Column 'a': expected long, found double"):
        enforce(columns(a="long", b="long"), matrix)


def test_a_list_of_values_is_the_one_unnamed_column() -> None:
    assert enforce((Column(Type("string")),), ["a", "b"])[0].tolist() == ["a", "b"]


def test_nested_values_are_checked_to_the_bottom() -> None:
    chat = Type("array", items=Type("object", properties=(
        Property("role", Type("string")), Property("content", Type("string")), Property("name", Type("string"), False),
    )))  # fmt: skip
    schema = (Column(chat, "messages"),)
    good = {"messages": [{"role": "user", "content": "hi"}]}
    assert enforce(schema, good)["messages"].tolist() == [good["messages"]]
    for message, problem in (
        ({"role": "user"}, "an object without 'content' (string) in an array in row 0"),
        ({"role": "user", "content": 1}, "long for 'content' (string) in an array in row 0"),
        ({"role": "user", "content": "x", "temper": 1}, "an object with 'temper', which is not declared"),
        ("hi", "string in an array in row 0"),
    ):
        with pytest.raises(InvalidInput) as caught:
            enforce(schema, {"messages": [message]})
        assert problem in caught.value.message


def test_tensors_are_checked_by_type_and_shape() -> None:
    schema = (Tensor("float64", (-1, 3)),)
    array = np.zeros((2, 3))
    assert enforce(schema, array) is array
    assert enforce(schema, [[1, 2, 3]]).dtype == "float64"
    assert enforce(schema, np.zeros((1, 3), "float32")).dtype == "float64"
    assert enforce(schema, pd.DataFrame(array)).shape == (2, 3)
    assert enforce(schema, sp.csr_matrix(array)).shape == (2, 3)
    with pytest.raises(InvalidInput, match=r"expected the shape \(-1, 3\), found \(2, 4\)"):
        enforce(schema, np.zeros((2, 4)))
    with pytest.raises(InvalidInput, match="expected float64, found str"):
        enforce(schema, np.array([["a", "b", "c"]]))
    with pytest.raises(InvalidInput, match="expected float64, found values that are none"):
        enforce(schema, [["a", "b", "c"]])


def test_named_tensors_are_a_dict() -> None:
    schema = infer_schema({"ids": np.zeros((1, 2), "int64"), "mask": np.zeros((1, 2), "bool")})
    data = {"ids": [[1, 2]], "mask": np.array([[True, False]]), "other": 1}
    assert list(enforce(schema, data)) == ["ids", "mask"]
    with pytest.raises(InvalidInput, match="lacks the tensor 'mask'"):
        enforce(schema, {"ids": [[1, 2]]})
    with pytest.raises(InvalidInput, match="Tensor 'mask': expected bool, found int64"):
        enforce(schema, {"ids": [[1, 2]], "mask": np.array([[1, 0]])})
    with pytest.raises(InvalidInput, match="takes a dict of the tensors 'ids', 'mask'; found list"):
        enforce(schema, [1])


@pytest.mark.parametrize("data", [object(), 3, "text", [[1, 2, 3]], [1, 2], {"a": [1, 2], "b": [1.0]}])
def test_what_is_no_data_is_refused(data: Any) -> None:
    with pytest.raises(InvalidInput):
        enforce(columns(a="long", b="double"), data)


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInput, match="more than one column 'a'"):
        enforce(columns(a="double", b="double"), pd.DataFrame([[1.0, 2.0, 3.0]], columns=["a", "a", "b"]))


def test_without_a_signature_anything_passes() -> None:
    marker = object()
    assert Enforcer(None).enforce(marker) is marker


def test_params_are_given_or_by_default_and_of_their_type() -> None:
    enforcer = Enforcer(Signature(params=infer_params({"k": 3, "temp": 0.5, "stop": ["a"], "greedy": False})))
    assert enforcer.enforce_params({"k": 5, "temp": 1}) == {"k": 5, "temp": 1, "stop": ["a"], "greedy": False}
    assert enforcer.enforce_params(None)["k"] == 3
    for params, problem in (
        ({"n": 1}, "no param 'n'"),
        ({"k": 1.5}, "Param 'k': expected long, found double"),
        ({"greedy": 1}, "Param 'greedy': expected boolean, found long"),
        ({"stop": "a"}, "Param 'stop': expected a list of string, found string"),
        ({"stop": [1]}, "Param 'stop': expected string, found long"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            enforcer.enforce_params(params)


def test_a_row_costs_few_calls_and_rows_cost_none() -> None:
    """What a call costs is counted, so that the figure is the same on every machine."""
    names = [f"c{i}" for i in range(30)]
    enforcer = Enforcer(Signature(inputs=columns(**dict.fromkeys(names, "double"))))
    enforcer.enforce(pd.DataFrame(np.zeros((1, 30)), columns=names))

    def count(rows: int) -> int:
        frame = pd.DataFrame(np.zeros((rows, 30)), columns=names)
        calls = 0

        def note(called: Any, event: str, _argument: Any) -> None:
            nonlocal calls
            calls += event == "call" and "trackway" in called.f_code.co_filename

        sys.setprofile(note)
        try:
            enforcer.enforce(frame)
        finally:
            sys.setprofile(None)
        return calls

    assert count(1) == count(100_000) <= 4
