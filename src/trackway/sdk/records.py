"""What the SDK's records in a journal say: the payload of each kind, as msgpack."""

from __future__ import annotations

from typing import Any

import msgspec

from trackway.api import operations as ops
from trackway.api.operations import Operation
from trackway.api.runs import Ingest
from trackway.api.structs import Request
from trackway.base.errors import Corrupt
from trackway.sdk.journal_format import Kind

INGESTED = frozenset((Kind.PARAMS, Kind.TAGS, Kind.INPUTS, Kind.OUTPUTS))
"""Kinds whose payload is an ``Ingest`` without points, defaults left out."""
CALLED = frozenset((Kind.CREATE_RUN, Kind.UPDATE_RUN, Kind.FINISH))
"""Kinds whose payload is the name of an operation and its request."""
STAGED = ".staged"
"""How the names of staged files end."""

_OPERATIONS = {op.name: op for op in (ops.CREATE_RUN, ops.UPDATE_RUN, ops.LOG_ENVIRONMENT, ops.LINK_RUN)}
"""All that a journal may ask for: one from elsewhere must not purge a store."""


class Artifact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file to be uploaded.

    path:        below the artifacts of the run
    staged:      name of the file in the session's folder that holds the bytes; empty when ``data`` does
    size_bytes:  of that file
    """

    run_id: str
    path: str
    staged: str = ""
    size_bytes: int = 0
    data: bytes = b""


class _Call(msgspec.Struct, frozen=True, array_like=True):
    operation: str
    request: msgspec.Raw


_encode = msgspec.msgpack.Encoder().encode
_decode_call = msgspec.msgpack.Decoder(_Call).decode
_decode_ingest = msgspec.msgpack.Decoder(Ingest).decode
_decode_artifact = msgspec.msgpack.Decoder(Artifact).decode


def encode_call(operation: Operation[Any, Any], request: Request) -> bytes:
    """Return the payload of a record in ``CALLED``."""
    return _encode((operation.name, request))


def decode_call(payload: bytes) -> tuple[Operation[Any, Any], Any]:
    """Return the operation and the request of a record in ``CALLED``.

    raises: Corrupt
    """
    try:
        call = _decode_call(payload)
        operation = _OPERATIONS.get(call.operation)
        if operation is not None:
            return operation, msgspec.msgpack.decode(call.request, type=operation.request)
    except msgspec.MsgspecError as error:
        raise _unreadable(error) from error
    raise Corrupt(f"No journal may ask for {call.operation[:40]!r}", hint="upgrade trackway if a newer one wrote it")


def encode_ingest(run_id: str, **fields: Any) -> bytes:
    """Return the payload of a record in ``INGESTED``; the fields are those of ``Ingest``."""
    return _encode({"run_id": run_id, **fields})


def decode_ingest(payload: bytes) -> Ingest:
    """Return what a record in ``INGESTED`` holds.

    raises: Corrupt
    """
    try:
        return _decode_ingest(payload)
    except msgspec.MsgspecError as error:
        raise _unreadable(error) from error


def encode_artifact(artifact: Artifact) -> bytes:
    """Return the payload of a record of kind ARTIFACT."""
    return _encode(artifact)


def decode_artifact(payload: bytes) -> Artifact:
    """Return what a record of kind ARTIFACT holds.

    raises: Corrupt
    """
    try:
        return _decode_artifact(payload)
    except msgspec.MsgspecError as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> Corrupt:
    return Corrupt(f"A record of the journal cannot be read: {error}", hint="upgrade trackway if a newer one wrote it")
