"""What a route of the server is given beside the request: the one way to an operation."""

from __future__ import annotations

from typing import Protocol, TypeVar

from trackway.api.calls import Call
from trackway.api.operations import Operation
from trackway.api.structs import Request, Response
from trackway.http import messages

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)


class Caller(Protocol):
    """Calls an operation for the actor of one HTTP request: the only thing that a front door may do.

    call:      who calls, as the gate found
    workspace: key of the one that the last operation was carried out in
    """

    call: Call
    workspace: str

    async def __call__(self, operation: Operation[Q, S], request: Q, /) -> S:
        """Carry out the operation and return its response, or raise a TrackwayError."""


Handler = messages.Handler[Caller]
Route = messages.Route[Caller]
