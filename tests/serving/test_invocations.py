"""MLflow's scoring protocol: forms, types, content types, answers and refusals, as its own server of 3.17 has them.

Where that server cuts what a caller sent (1.5 in a column of whole numbers becomes 1, the text "false" becomes true),
ours refuses it; such rows have a comment.
"""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.serving.conftest import ROWS, train
from tests.serving.served import Served, serve_in_process

Serve = Callable[[str], Served]
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
ONE = [[0.5, -1.0, 2.0]]
LABEL = int(train().predict(pd.DataFrame(ONE, columns=["a", "b", "c"]))[0])
NAMED = {"a": 0.5, "b": -1.0, "c": 2.0}

LABELS: dict[str, Any] = {
    "split": {"dataframe_split": {"columns": ["a", "b", "c"], "data": ONE}},
    "split with an index": {"dataframe_split": {"columns": ["a", "b", "c"], "index": [7], "data": ONE}},
    "split in another order": {"dataframe_split": {"columns": ["c", "a", "b"], "data": [[2.0, 0.5, -1.0]]}},
    "split with a column more": {"dataframe_split": {"columns": ["z", "a", "b", "c"], "data": [["x", *ONE[0]]]}},
    "split of texts that are numbers": {"dataframe_split": {"columns": ["a", "b", "c"], "data": [["0.5", -1, "2"]]}},
    "records": {"dataframe_records": [NAMED]},
    "records of whole numbers": {"dataframe_records": [{"a": 0.5, "b": -1, "c": 2}]},
    "instances": {"instances": [NAMED]},
    "instances by column": {"instances": {name: [value] for name, value in NAMED.items()}},
    "inputs by column": {"inputs": {name: [value] for name, value in NAMED.items()}},
    "inputs of one row": {"inputs": NAMED},
    "inputs of rows": {"inputs": [NAMED]},
    "more in the object": {"dataframe_records": [NAMED], "other": 1},
    "params that are not declared": {"dataframe_records": [NAMED], "params": {"x": 1}},
    "params of null": {"dataframe_records": [NAMED], "params": None},
}


@pytest.mark.parametrize("form", LABELS)
def test_a_row_in_any_form_gets_its_answer(serve: Serve, form: str) -> None:
    answer = serve("labels").score(LABELS[form])
    assert answer.status == 200, answer
    assert answer.json == {"predictions": [LABEL]}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-trackway-model"] == "labels/1"


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_answers_are_the_librarys(serve: Serve, rows: int) -> None:
    part = ROWS.head(rows)
    body = {"dataframe_split": {"columns": list(part), "data": part.to_numpy().tolist()}}
    for name, expected in (("labels", train().predict(part)), ("probabilities", train().predict_proba(part))):
        assert serve(name).score(body).json["predictions"] == expected.tolist()
        for sent, kind in ((part.to_csv(index=False), CSV), (_write_parquet(part), PARQUET)):
            # Column by column in memory, for which the library's sums may differ in their last bit.
            found = serve(name).score(sent, kind).json["predictions"]
            assert np.array(found) == pytest.approx(expected, rel=1e-12)


def _write_parquet(table: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    table.to_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"],
)
def test_a_content_type_that_is_json(serve: Serve, kind: str) -> None:
    assert serve("labels").score(LABELS["split"], kind).status == 200


@pytest.mark.parametrize(
    "kind",
    [
        "application/json; charset=latin-1",
        "application/json; foo=bar",
        "application/json; format=other",
        "application/json; format=pandas-split",  # with a body of a later form
        "text/csv; format=pandas-split",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/vnd.bentoml+pickle",
        "",
    ],
)
def test_another_content_type_is_refused(serve: Serve, kind: str) -> None:
    answer = serve("labels").score(LABELS["split"], kind)
    assert answer.status == 415
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json; format=pandas-split", {"columns": ["c", "b", "a"], "data": [[2.0, -1.0, 0.5]]}),
        ("application/json; format=pandas-records", [NAMED]),
        ("application/json-numpy-split", {"columns": ["a", "b", "c"], "data": ONE}),
        ("application/json; format=pandas-split", {"instances": [NAMED]}),
    ],
)
def test_a_client_of_mlflow_1_gets_a_bare_list(serve: Serve, kind: str, body: Any) -> None:
    answer = serve("labels").score(body, kind)
    assert (answer.status, answer.json) == (200, [LABEL])


MISSING = "INVALID_PARAMETER_VALUE"
BAD = "BAD_REQUEST"
REFUSED: dict[str, tuple[Any, str, str]] = {
    "nothing": ("", BAD, "not valid JSON"),
    "half an object": ("{", BAD, "not valid JSON"),
    "bytes that are no text": (b"\xff", BAD, "not valid JSON"),
    "nested too deep": ("[" * 100_000, BAD, "not valid JSON"),
    "a list": ([], BAD, "a list"),
    "a number": (1, BAD, "a number"),
    "null": (None, BAD, "not valid JSON"),
    "an empty object": ({}, BAD, "nothing"),
    "another key": ({"a": 1}, BAD, "'a'"),
    "the form of MLflow 1": ({"columns": ["a", "b", "c"], "data": ONE}, BAD, "exactly one of dataframe_split"),
    "two forms": ({**LABELS["split"], **LABELS["records"]}, BAD, "dataframe_split and dataframe_records"),
    "a column too few": ({"dataframe_records": [{"a": 1, "b": 2}]}, MISSING, "'c' (double)"),
    "no names": ({"dataframe_split": {"data": ONE}}, MISSING, "lacks"),
    "rows without names": ({"instances": ONE}, MISSING, "lacks"),
    "rows without names as inputs": ({"inputs": ONE}, MISSING, "lacks"),
    "a single value": ({"inputs": 5}, MISSING, "lacks"),
    "no columns": ({"inputs": {}}, MISSING, "lacks"),
    "no rows by name": ({"instances": []}, MISSING, "lacks"),
    "no data": ({"dataframe_split": {"columns": ["a", "b", "c"]}}, BAD, "columns, data"),
    "an unknown key of split": ({"dataframe_split": {"columns": ["a"], "data": [[1]], "x": 1}}, BAD, "columns, data"),
    "split as a list": ({"dataframe_split": ONE}, BAD, "dataframe_split is a list"),
    "split as a text": ({"dataframe_split": "x"}, BAD, "dataframe_split is a text"),
    "records as an object": ({"dataframe_records": NAMED}, BAD, "dataframe_records is a object"),
    "records as numbers": ({"dataframe_records": [1]}, BAD, "a list of objects"),
    "a row too short": ({"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2]]}}, BAD, "Row 0"),
    "a name twice": ({"dataframe_split": {"columns": ["a", "a", "c"], "data": ONE}}, BAD, "'a' is there twice"),
    "a name that is a list": ({"dataframe_split": {"columns": [["a"]], "data": [[1]]}}, BAD, "names of columns"),
    "a text": ({"dataframe_records": [{**NAMED, "c": "x"}]}, BAD, "Column 'c': expected double, found string 'x'"),
    "a list for a number": ({"dataframe_records": [{**NAMED, "c": [3]}]}, BAD, "expected double, found array"),
    "a number beyond doubles": ('{"dataframe_records": [{"a": 1, "b": 1, "c": 1' + "0" * 400 + "}]}", BAD, "'c'"),
    "columns of different lengths": ({"inputs": {"a": [1, 2], "b": [1], "c": [1]}}, MISSING, "different lengths"),
    "NaN, which the model refuses": ('{"dataframe_records": [{"a": NaN, "b": 1, "c": 1}]}', BAD, "NaN"),
    "no value, which is NaN": ({"dataframe_records": [{**NAMED, "c": None}]}, BAD, "NaN"),
    "params that are a number": ({**LABELS["split"], "params": 3}, BAD, "params"),  # MLflow looks at none of them
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_meant_is_refused_with_the_reason(serve: Serve, what: str) -> None:
    body, code, said = REFUSED[what]
    answer = serve("labels").score("" if body is None else body)
    assert answer.status == 400, answer
    assert answer.json["error_code"] == code, answer
    assert said in answer.json["message"], answer


MIXED = {"d": 1.5, "f": 0.1, "l": 3, "i": 4, "b": True, "s": "x"}
VALUES: list[tuple[str, Any, Any]] = [
    ("d", 1, 1.0),
    ("d", "1.5", 1.5),
    ("d", True, 1.0),
    ("d", None, math.nan),
    ("d", 2**60, float(2**60)),
    ("f", 0.1, 0.10000000149011612),
    ("f", 1e300, math.inf),
    ("l", 1.0, 1),
    ("l", "7", 7),
    ("l", True, 1),
    ("l", 2**62, 2**62),
    ("i", -1, -1),
    ("b", 1, True),
    ("b", 0.0, False),
    ("s", None, None),
    ("s", "é", "é"),
]


@pytest.mark.parametrize(("column", "value", "found"), VALUES)
def test_a_value_takes_the_type_of_its_column(serve: Serve, column: str, value: Any, found: Any) -> None:
    row = {**MIXED, column: value}
    expected = {**MIXED, "f": 0.10000000149011612, column: found}
    for body in ({"dataframe_records": [row]}, {"inputs": {name: [one] for name, one in row.items()}}):
        answer = serve("mixed").score(body)
        assert answer.status == 200, answer
        got = answer.json["predictions"][0]
        assert repr(got[column]) == repr(found)
        assert {name: got[name] for name in got if name != column} == {n: v for n, v in expected.items() if n != column}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("d", "x"),
        ("d", []),
        ("l", 1.5),  # becomes 1 in MLflow
        ("l", 2**63),  # becomes negative there
        ("l", "x"),
        ("l", None),
        ("i", 2**31),  # the same
        ("i", -(2**31) - 1),
        ("b", "true"),
        ("b", "false"),  # becomes true there
        ("b", 2),
        ("b", None),
        ("s", 1),
        ("s", ["a"]),
    ],
)
def test_a_value_that_would_change_is_refused_by_column_and_type(serve: Serve, column: str, value: Any) -> None:
    kinds = {"d": "double", "l": "long", "i": "integer", "b": "boolean", "s": "string"}
    answer = serve("mixed").score({"dataframe_records": [MIXED, {**MIXED, column: value}]})
    assert (answer.status, answer.json["error_code"]) == (400, BAD), answer
    assert answer.json["message"].startswith(f"Column {column!r}: expected {kinds[column]}, found "), answer
    assert "row 1" in answer.json["message"]


@pytest.mark.parametrize(
    ("name", "body", "found"),
    [
        ("optional", {"dataframe_records": [{"a": 1}]}, [{"a": 1.0}]),
        ("optional", {"dataframe_records": [{"a": 1, "k": 2}, {"a": 3}]}, [{"a": 1.0, "k": 2}, {"a": 3.0, "k": None}]),
        ("optional", {"inputs": {"a": [1], "s": ["x"]}}, [{"a": 1.0, "s": "x"}]),
        (
            "others",
            {"dataframe_records": [{"x": "YWI=", "t": "2020-01-02"}]},
            [{"x": "YWI=\n", "t": "2020-01-02T00:00:00"}],
        ),
        ("nested", {"inputs": {"list": [1.0], "thing": {"p": "x"}}}, [{"list": [1.0], "thing": {"p": "x"}}]),
        ("nested", {"inputs": {"list": [[1], []], "thing": [{"p": "x"}, {"p": "y", "q": 2}]}}, ...),
        ("text", {"inputs": ["a", "b"]}, [{"text": "a"}, {"text": "b"}]),
        ("text", {"instances": {"text": ["a"]}}, [{"text": "a"}]),
        ("tensor", {"inputs": [[1, 2], [3, 4.5]]}, [[1.0, 2.0], [3.0, 4.5]]),
        ("tensor", {"instances": [["1", "2"]]}, [[1.0, 2.0]]),
        ("tensor", {"dataframe_split": {"columns": ["p", "q"], "data": [[1, 2]]}}, [[1.0, 2.0]]),
        ("tensor", {"dataframe_records": [{"p": 1, "q": 2}]}, [[1.0, 2.0]]),
        ("whole tensor", {"inputs": [1.0, 2]}, [1, 2]),
        ("tensors", {"inputs": {"u": [[1, 2]], "v": [7]}}, {"u": [[1.0, 2.0]], "v": [7]}),
        ("tensors", {"instances": [{"u": [1, 2], "v": 7}]}, {"u": [[1.0, 2.0]], "v": [7]}),
        ("anything", {"inputs": [[1, 2], [3, 4]]}, [[1, 2], [3, 4]]),
        ("anything", {"inputs": "text"}, "text"),
        ("anything", {"inputs": 5}, 5),
        ("anything", {"inputs": {"a": [1], "b": ["x"]}}, {"a": [1], "b": ["x"]}),
        ("anything", {"inputs": [{"a": 1}]}, [{"a": 1}]),
        ("anything", {"instances": [{"a": 1}, {"a": 2}]}, {"a": [1, 2]}),
        ("anything", {"dataframe_records": [{"p": 1, "q": "x"}]}, [{"p": 1, "q": "x"}]),
        ("unsigned", {"dataframe_split": {"columns": ["a", "b", "c"], "data": ONE}}, [LABEL]),
    ],
)
def test_what_a_signature_names_arrives_as_it_says(serve: Serve, name: str, body: Any, found: Any) -> None:
    answer = serve(name).score(body)
    assert answer.status == 200, answer
    if found is not ...:
        assert answer.json["predictions"] == found


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("optional", {"dataframe_records": [{"o": 1}]}),
        ("others", {"dataframe_records": [{"x": "!!", "t": "2020-01-02"}]}),
        ("others", {"dataframe_records": [{"x": "YWI=", "t": "soon"}]}),
        ("others", {"dataframe_records": [{"x": "YWI=", "t": 1.5}]}),
        ("nested", {"dataframe_records": [{"list": ["a"], "thing": {"p": "x"}}]}),
        ("nested", {"dataframe_records": [{"list": [1], "thing": {"q": 1}}]}),
        ("nested", {"dataframe_records": [{"list": [1], "thing": {"p": "x", "r": 1}}]}),
        ("tensor", {"inputs": [[1, 2, 3]]}),
        ("tensor", {"inputs": [[1, 2], [3]]}),
        ("tensor", {"inputs": [["x", "y"]]}),
        ("whole tensor", {"inputs": [1.5]}),  # becomes 1 in MLflow
        ("whole tensor", {"inputs": [2**70]}),
        ("tensors", {"inputs": {"u": [[1, 2]]}}),
        ("tensors", {"inputs": {"u": [[1, 2]], "v": [1.5]}}),
        ("anything", {"inputs": [[1], [2, 3]]}),
        ("boom", {"dataframe_records": [{"x": 1}]}),
    ],
)
def test_what_does_not_fit_a_signature_is_refused(serve: Serve, name: str, body: Any) -> None:
    answer = serve(name).score(body)
    assert answer.status == 400, answer
    assert answer.json["error_code"] in (BAD, MISSING)


def test_what_the_model_raises_is_told_without_where(serve: Serve) -> None:
    answer = serve("boom").score({"dataframe_records": [{"x": 1}]})
    assert answer.json["message"].startswith("The model failed: RuntimeError: no such luck")
    assert "Traceback" not in answer.body.decode()


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("floats", [0.0, 0.5]),
        ("float32", [0.10000000149011612] * 2),
        ("texts", ["é", "é"]),
        ("objects", ["a", None]),
        ("table", [{"x": 0, "t": "2020-01-02T00:00:00"}, {"x": 1, "t": "2020-01-02T00:00:00"}]),
        ("series", [{"s": 0}, {"s": 1}]),
        ("list", [1.5, 1.5]),
        ("dict", {"a": [0, 1], "b": 1}),
        ("bytes", ["YWI=\n"] * 2),
        ("dates", ["2020-01-02"] * 2),
        ("scalar", 2.5),
        ("none", None),
    ],
)
def test_an_answer_of_any_kind_is_json(serve: Serve, kind: str, found: Any) -> None:
    answer = serve("answers").score({"dataframe_records": [{"x": 1}, {"x": 2}], "params": {"kind": kind}})
    assert (answer.status, answer.json) == (200, {"predictions": found})


def test_nan_and_the_infinities_are_the_words_that_mlflow_writes(serve: Serve) -> None:
    answer = serve("answers").score({"dataframe_records": [{"x": 1}, {"x": 2}], "params": {"kind": "nan"}})
    assert answer.body == b'{"predictions": [NaN, Infinity]}'


def test_an_answer_that_json_has_no_form_for_is_the_models_fault(serve: Serve) -> None:
    answer = serve("answers").score({"dataframe_records": [{"x": 1}], "params": {"kind": "thing"}})
    assert (answer.status, answer.json["error_code"]) == (500, "INTERNAL_ERROR")
    assert "builtins.object" in answer.json["message"]


@pytest.mark.parametrize("params", [{"k": "x"}, {"k": 1.5}, {"kind": 1}, {"k": [1]}])
def test_a_param_of_another_type_is_refused(serve: Serve, params: Any) -> None:
    answer = serve("answers").score({"dataframe_records": [{"x": 1}], "params": params})
    assert answer.status == 400, answer
    assert f"Param {next(iter(params))!r}" in answer.json["message"]


def test_a_chat_is_passed_on_and_its_answer_is_not_wrapped(serve: Serve) -> None:
    chat = {"messages": [{"role": "user", "content": "hi"}], "temperature": 1}
    answer = serve("anything").score(chat)
    assert answer.json == {"messages": [{"role": "user", "content": "hi"}], "temperature": 1}


@pytest.mark.parametrize(
    ("body", "status", "found"),
    [
        ("d,f,l,i,b,s\n1.5,0.5,3,4,True,7\n", 200, [{**MIXED, "f": 0.5, "s": "7"}]),
        ("s,i,l,f,d,b,z\nx,4,3,0.5,1.5,True,9\n", 200, [{**MIXED, "f": 0.5}]),
        ("d,f,l,i,b,s\n1.5,0.5,3.5,4,True,x\n", 400, "Column 'l'"),
        ("d,f,l,i,b,s\n1.5,0.5,,4,True,x\n", 400, "Column 'l'"),
        ("d,f\n1,2\n", 400, "lacks"),
        ("", 400, "no CSV"),
        (b"\xff\xfe", 400, "no CSV"),
        ('a,b\n"x', 400, "no CSV"),
    ],
)
def test_csv(serve: Serve, body: Any, status: int, found: Any) -> None:
    answer = serve("mixed").score(body, CSV)
    assert answer.status == status, answer
    if status == 200:
        assert answer.json["predictions"] == found
    else:
        assert found in answer.json["message"]


@pytest.mark.parametrize("body", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"a,b,c"])
def test_what_is_no_parquet_is_refused(serve: Serve, body: bytes) -> None:
    answer = serve("labels").score(body, PARQUET)
    assert (answer.status, answer.json["error_code"]) == (400, BAD), answer


def test_a_body_may_be_compressed(serve: Serve) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = serve("labels").send(
        "POST", "/invocations", gzip.compress(json.dumps(LABELS["split"]).encode()), **headers
    )
    assert answer.json == {"predictions": [LABEL]}


def test_limits_of_bodies_and_rows(get_model: Any) -> None:
    served = serve_in_process(get_model("labels"), max_body=2_000, max_rows=3)
    split = {"dataframe_split": {"columns": ["a", "b", "c"], "data": ONE * 3}}
    assert served.score(split).status == 200
    split["dataframe_split"]["data"] = ONE * 4
    for body in (split, {"inputs": {name: [value] * 4 for name, value in NAMED.items()}}, {"instances": [NAMED] * 4}):
        answer = served.score(body)
        assert (answer.status, answer.json["error_code"]) == (413, MISSING), answer
        assert "4 rows" in answer.json["message"]
    assert served.score("a,b,c\n" + "1,2,3\n" * 4, CSV).status == 413
    assert served.score(_write_parquet(ROWS.head(1)) + bytes(2_000), PARQUET).status == 413
    assert served.score("x" * 2_001).status == 413
    bomb = gzip.compress(b"[" * 1_000_000)
    assert len(bomb) < 2_000
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert served.send("POST", "/invocations", bomb, **headers).status == 413


def test_pages(serve: Serve) -> None:
    for path in ("/ping", "/health"):
        answer = serve("labels").send("GET", path)
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"\n", "application/json")
    assert serve("labels").send("GET", "/version").body == b"3.17.2"
    assert serve("labels").send("HEAD", "/ping").body == b""
    metrics = serve("labels").send("GET", "/metrics").body.decode()
    assert 'trackway_request_seconds_count{method="POST",route="/invocations",status="200"}' in metrics
    assert "trackway_serving_rows_total " in metrics
    assert serve("labels").send("GET", "/nothing").json["error_code"] == "ENDPOINT_NOT_FOUND"
    assert serve("labels").send("GET", "/invocations").status == 405
    assert len(serve("labels").send("GET", "/ping").headers["x-request-id"]) == 32


def test_other_sites_and_names_are_refused(serve: Serve) -> None:
    kind = {"content-type": "application/json"}
    for headers in ({"host": "evil.test"}, {"origin": "http://evil.test"}, {"sec-fetch-site": "cross-site"}):
        answer = serve("labels").send("POST", "/invocations", LABELS["split"], **{**kind, **headers})
        assert answer.status == 403, headers


def test_openapi_says_what_the_model_takes(serve: Serve) -> None:
    page = serve("mixed").send("GET", "/openapi.json").json
    body = page["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    record = body["properties"]["dataframe_records"]["items"]
    assert record["required"] == list("dflibs")
    assert record["properties"]["l"] == {"type": "integer", "format": "int64"}
    assert "/v2/models/mixed/infer" in page["paths"]
    params = serve("answers").send("GET", "/openapi.json").json["paths"]["/invocations"]["post"]["requestBody"]
    declared = params["content"]["application/json"]["schema"]["properties"]["params"]["properties"]
    assert declared["k"] == {"type": "integer", "format": "int64", "default": 3}
