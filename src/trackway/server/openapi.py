"""The OpenAPI page, made from the table of operations; routes that carry bytes have a table here."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from trackway.api import limits
from trackway.api.artifacts import DeletedFiles, FileEntry, Multipart
from trackway.api.operations import OPERATIONS, Operation
from trackway.api.structs import Empty
from trackway.artifacts.base import Part
from trackway.server.files import Parts
from trackway.server.native import PREFIX

_FIELD = re.compile(r"\{(\w+)\}")
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "hint": {"type": "string"},
                "details": {"type": "object"},
                "retry_after_s": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            },
            "required": ["code", "message"],
        }
    },
    "required": ["error"],
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": limits.IDEMPOTENCY_KEY_CHARS},
    "description": "Tells a repeat, which is answered as the first call was, and does nothing; counts for a day.",
}
_BYTES = "application/octet-stream"


class _FileRoute(NamedTuple):
    """A route of artifacts' bytes. ``body`` and ``answer``: a struct, or the media type of bytes, or nothing."""

    method: str
    path: str
    name: str
    permission: str
    doc: str
    body: type | str | None
    answer: type | str


# fmt: off
_FILES = (
    _FileRoute("GET", "/files/{path}", "files.get", "read", "Fetch a file, or the part of it that a Range asks for.", None, _BYTES),
    _FileRoute("PUT", "/files/{path}", "files.put", "write", "Store a file, in place of one that is there; X-Content-SHA256 has it checked.", _BYTES, FileEntry),
    _FileRoute("DELETE", "/files/{path}", "files.delete", "delete", "Delete a file, or a folder with all below it.", None, DeletedFiles),
    _FileRoute("GET", "/previews/{path}", "previews.get", "read", "Fetch a page that was logged as a document in a sandbox.", None, "text/html"),
    _FileRoute("GET", "/archives/{path}", "archives.get", "read", "Fetch a folder as one zip archive.", None, "application/zip"),
    _FileRoute("POST", "/uploads/{path}", "uploads.create", "write", "Open an upload in parts, which can be resumed for a day.", None, Multipart),
    _FileRoute("GET", "/uploads/{upload_id}/{path}", "uploads.list", "read", "List the parts that have arrived.", None, Parts),
    _FileRoute("PUT", "/uploads/{upload_id}/{number}/{path}", "uploads.put_part", "write", "Send one part, numbered from 1; again is fine.", _BYTES, Part),
    _FileRoute("PATCH", "/uploads/{upload_id}/{path}", "uploads.complete", "write", "Make the file of its parts.", Parts, FileEntry),
    _FileRoute("DELETE", "/uploads/{upload_id}/{path}", "uploads.delete", "write", "Give an upload up.", None, Empty),
)
# fmt: on


def describe(version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of every operation that has a route, and of the routes of bytes."""
    routed = [op for op in OPERATIONS if not op.internal]
    structs = {kind for op in routed for kind in (op.request, op.response)}
    structs |= {kind for route in _FILES for kind in (route.body, route.answer) if isinstance(kind, type)}
    kinds = sorted(structs, key=lambda kind: kind.__name__)
    found, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    schemas = dict(zip(kinds, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for op in routed:
        _leave_out(components[op.request.__name__], _FIELD.findall(op.path))
        paths.setdefault(PREFIX + op.path, {})[op.method.lower()] = _describe(op, schemas)
    for route in _FILES:
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _describe_file(route, schemas)
    components["Error"] = _ERROR
    return {
        "openapi": "3.1.0",
        "info": {"title": "Trackway", "version": version},
        "paths": paths,
        "components": {"schemas": components},
    }


def _leave_out(schema: dict[str, Any], in_path: list[str]) -> None:
    """Take what a path says out of the body's schema: a body need not say it again."""
    for name in in_path:
        schema["properties"].pop(name, None)
    schema["required"] = [name for name in schema.get("required", ()) if name not in in_path]


def _describe(op: Operation[Any, Any], schemas: dict[type, dict[str, Any]]) -> dict[str, Any]:
    in_path = _FIELD.findall(op.path)
    fields = {field.name: field for field in msgspec.structs.fields(op.request)}
    names = list(fields) if op.method == "GET" else in_path
    described: dict[str, Any] = {
        "operationId": op.name,
        "summary": op.doc,
        "parameters": [
            {
                "name": name,
                "in": "path" if name in in_path else "query",
                "required": name in in_path or fields[name].required,
                "schema": msgspec.json.schema(fields[name].type),
            }
            for name in names
        ]
        + ([_IDEMPOTENCY_KEY] if op.adds else []),
        "x-permission": op.access.permission,
        "responses": _responses({"application/json": {"schema": schemas[op.response]}}),
    }
    if op.method != "GET" and fields.keys() - in_path:
        needed = any(field.required for name, field in fields.items() if name not in in_path)
        described["requestBody"] = {
            "required": needed,
            "content": {"application/json": {"schema": schemas[op.request]}},
        }
    return described


def _describe_file(route: _FileRoute, schemas: dict[type, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.doc,
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "integer" if name == "number" else "string"},
                "description": "Path in the workspace's files, with its slashes as they are." if name == "path" else "",
            }
            for name in _FIELD.findall(route.path)
        ],
        "x-permission": route.permission,
        "responses": _responses(_content(route.answer, schemas)),
    }
    if route.body is not None:
        needed = route.body != _BYTES  # a file may be empty
        described["requestBody"] = {"required": needed, "content": _content(route.body, schemas)}
    return described


def _content(kind: type | str, schemas: dict[type, dict[str, Any]]) -> dict[str, Any]:
    if isinstance(kind, str):
        return {kind: {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": schemas[kind]}}


def _responses(content: dict[str, Any]) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "200": {"description": "Done.", "content": content},
        "default": {"description": "Refused or failed.", "content": error},
    }
