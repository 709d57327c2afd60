"""From the store's threads back to the event loop: one wake-up for all answers of one commit."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, TypeVar

from trackway.api.calls import ANONYMOUS, Call
from trackway.api.operations import Operation
from trackway.api.structs import Request, Response
from trackway.dispatch import Dispatch
from trackway.http.messages import HttpRequest
from trackway.server.changes import Changes
from trackway.server.workspaces import IN_PATH, MLFLOWS, OURS, read_workspace

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)


class Bridge:
    """Carries answers to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._woken = False

    def deliver(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        """Called on any thread: hand an answer over."""
        self._ready.append((future, result, error))
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._woken = False  # first, so that an answer handed over from here on wakes the loop again
        while self._ready:
            future, result, error = self._ready.popleft()
            if future.cancelled():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


class BridgedCaller:
    """Calls operations for one HTTP request without holding the loop. See ``server.calls.Caller``."""

    __slots__ = ("_bridge", "_changes", "_dispatch", "_loop", "call", "workspace")

    def __init__(self, callers: Callers, bridge: Bridge, loop: asyncio.AbstractEventLoop, call: Call) -> None:
        self._dispatch = callers.dispatch
        self._changes = callers.changes
        self._bridge = bridge
        self._loop = loop
        self.call = call
        self.workspace = ""

    async def __call__(self, operation: Operation[Q, S], request: Q) -> S:
        """Carry out an operation and return its response, or raise what it raised."""
        future: asyncio.Future[S] = self._loop.create_future()
        work = self._dispatch.submit(operation, request, self.call, _Done(self._bridge, future))
        response = await future
        self.workspace = work.workspace
        if operation.access.writes and self._changes.wanted:
            self._changes.note(work.workspace, operation, request, response)
        return response


class Callers:
    """Makes the caller of each HTTP request; what one of them changed is noted in ``changes``.

    home: the workspace of requests that name none; empty where it depends on who calls
    """

    def __init__(self, dispatch: Dispatch, changes: Changes, home: str) -> None:
        self.dispatch = dispatch
        self.changes = changes
        self._home = home
        self._bridges: dict[asyncio.AbstractEventLoop, Bridge] = {}

    def __call__(self, request: HttpRequest, request_id: str) -> BridgedCaller:
        """Return the caller of a request, on the loop that runs."""
        loop = asyncio.get_running_loop()
        bridge = self._bridges.get(loop)
        if bridge is None:
            bridge = self._bridges[loop] = Bridge(loop)
        headers, workspace = request.headers, self._home
        if OURS in headers or MLFLOWS in headers or IN_PATH in request.scope:
            workspace = read_workspace(request) or workspace
        call = self.dispatch.open_call(ANONYMOUS, workspace, request_id)
        return BridgedCaller(self, bridge, loop, call)


class _Done:
    __slots__ = ("_bridge", "_future")

    def __init__(self, bridge: Bridge, future: asyncio.Future[Any]) -> None:
        self._bridge = bridge
        self._future = future

    def __call__(self, result: Any, error: BaseException | None) -> None:
        self._bridge.deliver(self._future, result, error)
