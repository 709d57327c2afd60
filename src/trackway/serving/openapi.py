"""The OpenAPI page of a served model, made from its signature."""

from __future__ import annotations

from typing import Any, Final

from trackway.models.signature import Column, Param, Schema, Tensor, Type
from trackway.serving.deployment import Served
from trackway.serving.open_inference import PREFIX

_TYPES: Final[dict[str, dict[str, Any]]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "datetime": {"type": "string", "format": "date-time"},
}
_ERROR: Final = {
    "type": "object",
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
    "required": ["error_code", "message"],
}
_OBJECT: Final = {"type": "object"}


def describe(served: Served, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of a model's server."""
    base = f"{PREFIX}/models/{served.name}"
    inference = {
        PREFIX: _get("The server"),
        f"{PREFIX}/health/live": _get("Whether the server runs"),
        f"{PREFIX}/health/ready": _get("Whether requests are to be sent here"),
        base: _get("The model's inputs and outputs"),
        f"{base}/ready": _get("Whether the model is ready"),
        f"{base}/infer": {"post": _post("Predict, in the Open Inference Protocol", _json(_describe_infer()), _OBJECT)},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{served.name}, version {served.version}", "version": version},
        "paths": {
            "/invocations": {"post": _describe_invocations(served)},
            "/ping": _get("Whether the server is well"),
            "/health": _get("Whether the server is well"),
            "/version": _get("Version of the scoring protocol", "text/plain"),
            "/metrics": _get("Counts and times for Prometheus", "text/plain"),
            **inference,
        },
        "components": {"schemas": {"Error": _ERROR}},
    }


def _describe_invocations(served: Served) -> dict[str, Any]:
    signature = served.model.signature
    inputs = signature.inputs if signature is not None else None
    outputs = signature.outputs if signature is not None else None
    params = signature.params if signature is not None else None
    more: dict[str, Any] = {}
    if params:
        more["params"] = {"type": "object", "properties": {param.name: _describe_param(param) for param in params}}
    forms = {
        "dataframe_split": _describe_split(inputs),
        "dataframe_records": {"type": "array", "items": _describe_row(inputs)},
        "instances": {"type": "array"},
        "inputs": {},
    }
    body = {
        "type": "object",
        "properties": {**forms, **more},
        "oneOf": [{"required": [form]} for form in forms],
    }
    content = {
        **_json(body),
        "text/csv": {"schema": {"type": "string"}},
        "application/vnd.apache.parquet": {"schema": {"type": "string", "contentEncoding": "binary"}},
    }
    answer = {"type": "object", "properties": {"predictions": _describe_answer(outputs)}, "required": ["predictions"]}
    return _post("Predict", content, answer)


def _describe_split(schema: Schema | None) -> dict[str, Any]:
    names: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
    if schema and isinstance(schema[0], Column) and schema[0].name is not None:
        names["items"] = {"enum": [spec.name for spec in schema]}
    rows = {"type": "array", "items": {"type": "array"}}
    return {"type": "object", "properties": {"columns": names, "data": rows, "index": {}}, "required": ["data"]}


def _describe_row(schema: Schema | None) -> dict[str, Any]:
    if not schema or not isinstance(schema[0], Column) or schema[0].name is None:
        return {"type": "object"}
    columns = [spec for spec in schema if not isinstance(spec, Tensor)]
    return {
        "type": "object",
        "properties": {str(spec.name): _describe_type(spec.type) for spec in columns},
        "required": [str(spec.name) for spec in columns if spec.required],
    }


def _describe_answer(schema: Schema | None) -> dict[str, Any]:
    if not schema:
        return {}
    if isinstance(schema[0], Tensor):
        return {"type": "array"}
    if len(schema) == 1 and schema[0].name is None:
        return {"type": "array", "items": _describe_type(schema[0].type)}
    return {"type": "array", "items": _describe_row(schema)}


def _describe_type(kind: Type) -> dict[str, Any]:
    if kind.kind == "array":
        return {"type": "array", "items": _describe_type(kind.items or Type("any"))}
    if kind.kind == "map":
        return {"type": "object", "additionalProperties": _describe_type(kind.items or Type("any"))}
    if kind.kind == "object":
        properties = {prop.name: _describe_type(prop.type) for prop in kind.properties}
        return {
            "type": "object",
            "properties": properties,
            "required": [prop.name for prop in kind.properties if prop.required],
        }
    return dict(_TYPES.get(kind.kind, {}))


def _describe_param(param: Param) -> dict[str, Any]:
    described = _describe_type(param.type)
    described = {"type": "array", "items": described} if param.shape is not None else described
    default = param.default
    if default is None or isinstance(default, str | int | float | bool | list | dict):
        described["default"] = default
    return described


def _describe_infer() -> dict[str, Any]:
    tensor = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "datatype": {"type": "string"},
            "parameters": _OBJECT,
            "data": {"type": "array"},
        },
        "required": ["name", "shape", "datatype"],
    }
    properties = {
        "id": {"type": "string"},
        "parameters": _OBJECT,
        "inputs": {"type": "array", "items": tensor, "minItems": 1},
        "outputs": {"type": "array", "items": {"type": "object", "required": ["name"]}},
    }
    return {"type": "object", "properties": properties, "required": ["inputs"]}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _get(summary: str, kind: str = "application/json") -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": {"200": {"description": "Done.", "content": {kind: {}}}}}}


def _post(summary: str, content: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    refused = {"description": "Refused or failed.", "content": _json({"$ref": "#/components/schemas/Error"})}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "Done.", "content": _json(answer)}, "default": refused},
    }
