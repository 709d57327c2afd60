"""The Open Inference Protocol: metadata, tensors of every type by name, outputs, bytes behind the JSON, refusals."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.serving.conftest import ROWS, train
from tests.serving.served import VERSION, Served
from trackway.serving.tensors import DTYPES

Serve = Callable[[str], Served]
HEADER = "inference-header-content-length"


def tensor(name: str, data: list[Any], datatype: str = "FP64", shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data}


def infer(served: Served, *inputs: dict[str, Any], **more: Any) -> Any:
    answer = served.send("POST", f"/v2/models/{served.deployment.current.name}/infer", {"inputs": inputs, **more})
    assert answer.status == 200, answer
    return answer.json


def columns(rows: int = 2) -> list[dict[str, Any]]:
    return [tensor(name, ROWS[name].head(rows).tolist()) for name in ROWS]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"name": "trackway", "version": VERSION, "extensions": ["binary_tensor_data"]}),
        ("/health/live", {"live": True}),
        ("/health/ready", {"ready": True}),
        ("/models/labels/ready", {"name": "labels", "ready": True}),
        ("/models/labels/versions/1/ready", {"name": "labels", "ready": True}),
    ],
)
def test_a_page_says_how_things_are(serve: Serve, path: str, body: Any) -> None:
    answer = serve("labels").send("GET", f"/v2{path}")
    assert (answer.status, answer.json) == (200, body)


def test_metadata_names_what_goes_in_and_comes_out(serve: Serve) -> None:
    for path in ("/v2/models/labels", "/v2/models/labels/versions/1"):
        found = serve("labels").send("GET", path).json
        assert found == {
            "name": "labels",
            "versions": ["1"],
            "platform": "trackway_sklearn",
            "inputs": [{"name": name, "datatype": "FP64", "shape": [-1, 1]} for name in "abc"],
            "outputs": [{"name": "predict", "datatype": "INT64", "shape": [-1]}],
        }
    mixed = serve("mixed").send("GET", "/v2/models/mixed").json["inputs"]
    assert [one["datatype"] for one in mixed] == ["FP64", "FP32", "INT64", "INT32", "BOOL", "BYTES"]
    tensors = serve("tensors").send("GET", "/v2/models/tensors").json["inputs"]
    assert tensors[0] == {"name": "u", "datatype": "FP64", "shape": [-1, 2]}


def test_an_answer_is_the_librarys(serve: Serve) -> None:
    expected = train().predict(ROWS.head(5)).tolist()
    found = infer(serve("labels"), *columns(5), id="mine")
    assert found == {
        "model_name": "labels",
        "model_version": "1",
        "id": "mine",
        "outputs": [{"name": "predict", "shape": [5], "datatype": "INT64", "data": expected}],
    }
    flat = ROWS.head(5).to_numpy().reshape(-1).tolist()
    whole = infer(serve("labels"), tensor("input-0", flat, shape=[5, 3]))
    nested = infer(serve("labels"), tensor("x", ROWS.head(5).to_numpy().tolist(), shape=[5, 3]))
    assert whole["outputs"] == nested["outputs"] == found["outputs"]
    assert "id" not in whole


def test_columns_come_in_any_order_and_with_a_second_size_of_one(serve: Serve) -> None:
    turned = [{**one, "shape": [2, 1]} for one in reversed(columns())]
    assert infer(serve("labels"), *turned)["outputs"] == infer(serve("labels"), *columns())["outputs"]


def test_probabilities_have_two_sizes(serve: Serve) -> None:
    output = infer(serve("probabilities"), *columns(3))["outputs"][0]
    assert (output["shape"], output["datatype"]) == ([3, 2], "FP64")
    assert output["data"] == train().predict_proba(ROWS.head(3)).reshape(-1).tolist()


@pytest.mark.parametrize("datatype", DTYPES)
def test_each_type_of_number_arrives_and_leaves_as_json_and_as_bytes(serve: Serve, datatype: str) -> None:
    served = serve("anything")
    values: list[Any] = [True, False] if datatype == "BOOL" else [1, 2]
    output = infer(served, tensor("t", values, datatype))["outputs"][0]
    assert output == {"name": "predict", "shape": [2], "datatype": datatype, "data": values}
    raw = np.array(values, DTYPES[datatype]).tobytes()
    described = {"name": "t", "shape": [2], "datatype": datatype, "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [described], "parameters": {"binary_data_output": True}}).encode()
    answer = served.send("POST", "/v2/models/anything/infer", head + raw, **{HEADER: str(len(head))})
    assert answer.status == 200, answer
    length = int(answer.headers[HEADER])
    assert json.loads(answer.body[:length])["outputs"][0]["parameters"] == {"binary_data_size": len(raw)}
    assert answer.body[length:] == raw


def test_texts_arrive_and_leave_as_json_and_as_bytes(serve: Serve) -> None:
    output = infer(serve("text"), tensor("text", ["a", "é"], "BYTES"))["outputs"][0]
    assert output == {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a", "é"]}
    raw = b"".join(struct.pack("<I", len(piece)) + piece for piece in (b"a", "é".encode()))
    described = {"name": "text", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(raw)}}
    asked = {"inputs": [described], "outputs": [{"name": "text", "parameters": {"binary_data": True}}]}
    head = json.dumps(asked).encode()
    answer = serve("text").send("POST", "/v2/models/text/infer", head + raw, **{HEADER: str(len(head))})
    assert answer.body[int(answer.headers[HEADER]) :] == raw, answer


def test_a_table_has_an_output_for_each_column_and_a_request_names_those_it_wants(serve: Serve) -> None:
    asked: dict[str, Any] = {"parameters": {"kind": "table"}}
    found = infer(serve("answers"), tensor("x", [1.0, 2.0]), **asked)["outputs"]
    assert [(one["name"], one["datatype"], one["shape"]) for one in found] == [("x", "INT64", [2]), ("t", "BYTES", [2])]
    one = infer(serve("answers"), tensor("x", [1.0, 2.0]), outputs=[{"name": "x"}], **asked)["outputs"]
    assert [output["name"] for output in one] == ["x"]


def test_named_tensors_go_to_a_model_that_has_them(serve: Serve) -> None:
    found = infer(serve("tensors"), tensor("u", [1, 2, 3, 4], shape=[2, 2]), tensor("v", [7, 8], "INT64"))["outputs"]
    assert {one["name"]: one["data"] for one in found} == {"u": [1.0, 2.0, 3.0, 4.0], "v": [7, 8]}


def test_mixed_columns_keep_their_types(serve: Serve) -> None:
    inputs = [
        tensor("d", [1.5]),
        tensor("f", [0.5], "FP32"),
        tensor("l", [2**60], "INT64"),
        tensor("i", [-3], "INT32"),
        tensor("b", [True], "BOOL"),
        tensor("s", ["x"], "BYTES"),
    ]
    found = infer(serve("mixed"), *inputs)["outputs"]
    assert [(one["name"], one["datatype"], one["data"]) for one in found] == [
        (one["name"], one["datatype"], one["data"]) for one in inputs
    ]


REFUSED: dict[str, Any] = {
    "no JSON": b"{",
    "a list": [],
    "no inputs": {"inputs": []},
    "inputs of another kind": {"inputs": {"a": 1}},
    "no shape": {"inputs": [{"name": "a", "datatype": "FP64", "data": [1]}]},
    "an unknown type": {"inputs": [tensor("a", [1.0], "FP8")]},
    "too few values": {"inputs": [tensor("a", [1.0], shape=[2])]},
    "a negative size": {"inputs": [tensor("a", [1.0], shape=[-1])]},
    "sizes beyond memory": {"inputs": [tensor("a", [1.0], shape=[2**40, 2**40])]},
    "no data": {"inputs": [{"name": "a", "shape": [1], "datatype": "FP64"}]},
    "a text for a number": {"inputs": [tensor("a", ["x"])]},
    "a number for a text": {"inputs": [tensor("a", [1], "BYTES")]},
    "out of range": {"inputs": [tensor("a", [256], "UINT8")]},
    "a real for a whole": {"inputs": [tensor("a", [1.5], "INT64")]},
    "a number for a truth": {"inputs": [tensor("a", [2], "BOOL")]},
    "nested unevenly": {"inputs": [tensor("a", [[1.0], 2.0], shape=[2])]},
    "twice": {"inputs": [tensor("a", [1.0]), tensor("a", [1.0])]},
    "a column too few": {"inputs": [tensor("a", [1.0]), tensor("b", [1.0])]},
    "columns of different lengths": {"inputs": [tensor("a", [1.0]), tensor("b", [1.0]), tensor("c", [1.0, 2.0])]},
    "an output that there is not": {"inputs": columns(), "outputs": [{"name": "other"}]},
    "bytes that are not there": {
        "inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}]
    },
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_of_the_protocol_is_refused_in_its_words(serve: Serve, what: str) -> None:
    answer = serve("labels").send("POST", "/v2/models/labels/infer", REFUSED[what])
    assert answer.status == 400, answer
    assert list(answer.json) == ["error"]


@pytest.mark.parametrize("length", ["x", "-1", "9999999999999999999999", "3"])
def test_a_length_of_the_json_that_cannot_be_is_refused(serve: Serve, length: str) -> None:
    answer = serve("labels").send("POST", "/v2/models/labels/infer", {"inputs": columns()}, **{HEADER: length})
    assert answer.status == 400, answer


@pytest.mark.parametrize(
    "path", ["/v2/models/other", "/v2/models/labels/versions/2", "/v2/models/other/ready", "/v2/x"]
)
def test_what_is_not_served_is_not_found(serve: Serve, path: str) -> None:
    answer = serve("labels").send("GET", path)
    assert (answer.status, list(answer.json)) == (404, ["error"])
    assert serve("labels").send("POST", f"{path}/infer", {"inputs": columns()}).status == 404
