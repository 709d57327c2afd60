"""The Open Inference Protocol, version 2, over REST: health, metadata and inference by named tensors.

A model with columns takes one tensor for each, of shape (rows) or (rows, 1), or one tensor of (rows, columns) in the
signature's order; a model with tensors takes those. Answers are tensors named as the signature's outputs, or
``predict``. Source: the protocol's page of the KServe project, and its binary tensor extension.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from trackway.base.errors import NotFound
from trackway.http.messages import Handler, HttpRequest, HttpResponse, Route
from trackway.models.signature import Column, Schema, Tensor
from trackway.serving import tensors
from trackway.serving.answers import encode_answer
from trackway.serving.columns import Array
from trackway.serving.deployment import Served
from trackway.serving.faults import encode_inference_error
from trackway.serving.invocations import LARGE_BYTES, LARGE_ROWS, MODEL_HEADER, Predictor, run_aside
from trackway.serving.reader import Reading, bad_request, decode_json
from trackway.serving.rows import count_rows
from trackway.serving.tensors import InputTensor

HEADER_LENGTH: Final = b"inference-header-content-length"
PREFIX: Final = "/v2"
_OWN: Final = ("content_type", "binary_data_output", "headers")
"""Parameters of a request that are the protocol's and not the model's."""


class OutputTensor(msgspec.Struct):
    """A tensor that a request asks for."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct):
    """The JSON of a request."""

    inputs: list[InputTensor]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[OutputTensor] | None = None


def list_routes(predictor: Predictor, version: str) -> list[Route[str]]:
    """Return the routes of the protocol.

    version: of this server
    """
    deployment = predictor.deployment
    extensions = ["binary_tensor_data"]

    async def server(_request: HttpRequest, _id: str) -> HttpResponse:
        return _answer({"name": "trackway", "version": version, "extensions": extensions})

    async def live(_request: HttpRequest, _id: str) -> HttpResponse:
        return _answer({"live": True})

    async def ready(_request: HttpRequest, _id: str) -> HttpResponse:
        return _answer({"ready": deployment.is_ready}, 200 if deployment.is_ready else 503)

    async def model_ready(request: HttpRequest, _id: str) -> HttpResponse:
        served = _choose(predictor, request)
        body = {"name": served.name, "ready": deployment.is_ready}
        return _answer(body, 200 if deployment.is_ready else 503)

    async def metadata(request: HttpRequest, _id: str) -> HttpResponse:
        return _answer(describe(_choose(predictor, request)))

    async def infer(request: HttpRequest, _id: str) -> HttpResponse:
        served = _choose(predictor, request)
        body = await predictor.read_body(request)
        length = request.headers.get(HEADER_LENGTH, b"")
        reading, asked = await run_aside(len(body) > LARGE_BYTES, read_request, served, body, length)
        answer = await predictor.predict(served, reading)
        response: HttpResponse = await run_aside(count_rows(answer) > LARGE_ROWS, write_answer, served, asked, answer)
        return response

    routes: list[tuple[str, str, Handler[str]]] = [
        ("GET", "", server),
        ("GET", "/health/live", live),
        ("GET", "/health/ready", ready),
    ]
    for path in ("/models/{name}", "/models/{name}/versions/{version}"):
        routes += [("GET", path, metadata), ("GET", f"{path}/ready", model_ready), ("POST", f"{path}/infer", infer)]
    return [Route(method, PREFIX + path, handler, encode_inference_error) for method, path, handler in routes]


def describe(served: Served) -> dict[str, Any]:
    """Return a model's metadata."""
    reader = served.reader
    inputs: Sequence[Column | Tensor] = reader.columns or reader.tensors
    outputs: Sequence[Column | Tensor] = get_outputs(served)
    return {
        "name": served.name,
        "versions": [served.version],
        "platform": f"trackway_{served.model.flavor}",
        "inputs": [tensors.describe_spec(spec, place) for place, spec in enumerate(inputs)],
        "outputs": [
            tensors.describe_spec(spec, place) | ({"name": _name_output(place)} if spec.name is None else {})
            for place, spec in enumerate(outputs)
        ],
    }


def get_outputs(served: Served) -> Schema:
    """Return what a model's signature says that it gives."""
    signature = served.model.signature
    return (signature.outputs if signature is not None else None) or ()


def read_request(served: Served, body: bytes, header_length: bytes) -> tuple[Reading, InferRequest]:
    """Read a request; what is behind the JSON of ``header_length`` bytes is the bytes of tensors.

    raises: InvalidInput
    """
    tail = b""
    if header_length:
        if not header_length.isdigit() or int(header_length) > len(body):
            raise bad_request("Inference-Header-Content-Length is not the length of the body's JSON")
        body, tail = body[: int(header_length)], body[int(header_length) :]
    try:
        asked = msgspec.convert(decode_json(body), InferRequest)
    except msgspec.ValidationError as error:
        raise bad_request(f"The request is not one of the protocol: {str(error)[:300]}") from None
    if not asked.inputs:
        raise bad_request("The request has no inputs")
    binary = tensors.take_binary(asked.inputs, tail)
    named: dict[str, Array] = {}
    for tensor in asked.inputs:
        if tensor.name in named:
            raise bad_request(f"The input {tensor.name[:60]!r} is there twice")
        named[tensor.name] = binary[tensor.name] if tensor.name in binary else tensors.decode_tensor(tensor)
    params = {name: value for name, value in asked.parameters.items() if name not in _OWN}
    return Reading(_fit(served, named), served.reader.choose_params(params) if params else None), asked


def write_answer(served: Served, asked: InferRequest, answer: Any) -> HttpResponse:
    """Write what a model gave as the tensors that were asked for.

    raises: InvalidInput for one that there is not
    """
    found = {name: tensors.encode_tensor(name, values) for name, values in _name_outputs(served, answer).items()}
    wanted = asked.outputs or [OutputTensor(name) for name in found]
    by_default = asked.parameters.get("binary_data_output") is True
    outputs, tail = [], []
    for output in wanted:
        if output.name not in found:
            raise bad_request(f"The model has no output {output.name[:60]!r}", f"it has {', '.join(found)}")
        described, array = found[output.name]
        if output.parameters.get("binary_data", by_default) is True:
            tail.append(tensors.encode_binary(described, array))
            outputs.append({**described, "parameters": {"binary_data_size": len(tail[-1])}})
        else:
            outputs.append({**described, "data": tensors.list_values(described, array)})
    head: dict[str, Any] = {"model_name": served.name, "model_version": served.version}
    if asked.id is not None:
        head["id"] = asked.id
    body = encode_answer({**head, "outputs": outputs}, is_wrapped=False)
    headers = [(MODEL_HEADER, served.label.encode())]
    if not tail:
        return HttpResponse(body=body, headers=headers)
    headers.append((HEADER_LENGTH, str(len(body)).encode()))
    return HttpResponse(body=body + b"".join(tail), content_type=b"application/octet-stream", headers=headers)


def _choose(predictor: Predictor, request: HttpRequest) -> Served:
    """Return the model that a path names.

    raises: NotFound
    """
    served = predictor.deployment.current
    if request.params["name"] != served.name:
        raise NotFound(f"There is no model {request.params['name'][:100]!r} here", hint=f"there is {served.name}")
    version = request.params.get("version")
    if version is not None and version != served.version:
        raise NotFound(f"Version {version[:40]!r} of {served.name} is not served", hint=f"{served.version} is")
    return served


def _fit(served: Served, named: dict[str, Array]) -> Any:
    """Return tensors as the reader gives what a model takes."""
    reader = served.reader
    columns, expected = reader.columns, reader.tensors
    only = next(iter(named.values()))
    reader.check_count(max(len(array) for array in named.values()))
    if not columns and not expected:
        if len(named) == 1:
            return only
        return reader.read_form("inputs", {name: array.tolist() for name, array in named.items()})
    if expected:
        if expected[0].name is None and len(named) != 1:
            raise bad_request(f"The model takes one tensor; the request has {len(named)}")
        return only if expected[0].name is None else named
    is_matrix = len(named) == 1 and only.ndim == 2 and only.shape[1] == len(columns)
    if is_matrix and next(iter(named)) not in {spec.name for spec in columns}:
        names = None if columns[0].name is None else [spec.name for spec in columns]
        return reader.make_table(names, only.tolist())
    return reader.make_columns({name: _take_column(array) for name, array in named.items()})


def _take_column(array: Array) -> list[Any]:
    """Return the values of one column; of a tensor with more sizes, a list for each row."""
    flat = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
    values: list[Any] = flat.tolist()
    return values


def _name_outputs(served: Served, answer: Any) -> dict[str, Any]:
    """Return an answer's tensors by name."""
    if hasattr(answer, "columns") and hasattr(answer, "iloc"):
        return {str(name): answer.iloc[:, place].to_numpy() for place, name in enumerate(answer.columns)}
    if isinstance(answer, dict):
        return {str(name): np.asarray(value) for name, value in answer.items()}
    outputs = get_outputs(served)
    name = outputs[0].name if outputs and outputs[0].name is not None else _name_output(0)
    values = answer.to_numpy() if hasattr(answer, "to_numpy") else answer
    return {str(name): np.atleast_1d(np.asarray(values))}


def _name_output(place: int) -> str:
    return "predict" if place == 0 else f"predict-{place}"


def _answer(body: dict[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(status=status, body=msgspec.json.encode(body))
