"""Server-sent events: an answer that goes on, and tells a page what has changed of what it shows.

``GET /api/v1/events?experiment=1&model=churn``; without either, of everything. Each event has an id, by which the
browser goes on where it was: ``hello`` at the beginning, or ``reset`` when it is not known what was missed; then
``change`` with ids as ``{"runs": [], "experiments": [], "models": [], "all": false}``; ``all`` stands for anything that
its listener may see: of what else changes it is told nothing. It ends when its listener's right has, which is looked at
anew before the first thing told after anything of access changed, and when its credential ends by its time.
Source of the format: the HTML standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.experiments import GetExperiment, SearchExperiments
from trackway.api.registry import RegisteredModelName
from trackway.auth.rights import Rights
from trackway.base.clock import Clock, now_ms
from trackway.base.errors import InvalidInput, RateLimited, TrackwayError, Unavailable
from trackway.http.messages import END, HttpRequest, HttpResponse
from trackway.server.calls import Caller, Route
from trackway.server.changes import Batch, Changes, Listener, may_see
from trackway.server.native import PREFIX, encode_error

HEARTBEAT_S: Final = 15.0
"""Something is sent at least so often, so that nobody between takes the connection for dead."""
LIFE_S: Final = 600.0
"""A stream ends after so long; the browser opens it again, and is asked anew who it is."""
AGAIN_MS: Final = 1_000


class EventRoutes:
    """The route of events.

    find_address: says where a request comes from
    find_rights:  says what a call's credential permits, and may wait for the store; None where anybody may do anything
    """

    def __init__(
        self,
        changes: Changes,
        find_address: Callable[[HttpRequest], str],
        find_rights: Callable[[Call], Rights] | None = None,
        clock: Clock = now_ms,
    ) -> None:
        self._changes = changes
        self._find_address = find_address
        self._find_rights = find_rights
        self._clock = clock
        self._open: Counter[str] = Counter()

    def list_routes(self) -> list[Route]:
        """Return the route."""
        return [Route("GET", f"{PREFIX}/events", self.listen, encode_error, access="operation", waits=False)]

    async def listen(self, request: HttpRequest, call: Caller) -> HttpResponse:
        """Answer with a stream, once the caller's right to hear of each topic is known."""
        experiments, models = _read_topics(request)
        access = self._changes.access
        rights = await self._check_right(call, experiments, models)
        address = self._find_address(request)
        if self._open.total() >= limits.EVENT_STREAMS:
            raise Unavailable("The server has as many streams of events as it can", retry_after_s=30.0)
        if self._open[address] >= limits.EVENT_STREAMS_PER_ADDRESS:
            raise RateLimited("There are too many streams of events from this address", retry_after_s=30.0)
        listener = Listener(call.workspace, experiments, models, access, rights)
        request.scope[END] = listener.end
        last = request.headers.get(b"last-event-id", b"").decode("latin-1")[:64]
        headers = [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
        stream = self._stream(listener, call, address, last)
        return HttpResponse(body=stream, content_type=b"text/event-stream; charset=utf-8", headers=headers)

    async def _stream(self, listener: Listener, call: Caller, address: str, last: str) -> AsyncIterator[bytes]:
        self._open[address] += 1
        end_s = time.monotonic() + LIFE_S
        try:
            known = self._changes.listen(listener, last)
            yield b"retry: %d\n\n" % AGAIN_MS
            yield self._write(listener.number, "hello" if known else "reset", Batch())
            beat_s = time.monotonic() + HEARTBEAT_S
            while not listener.ended and time.monotonic() < end_s:
                batch = await listener.take(self._find_wait_s(listener, beat_s))
                if self._is_over(listener):
                    break
                if listener.doubted:
                    seen = _describe_sight(listener)
                    if not await self._may_still(call, listener) or self._is_over(listener):
                        break
                    if seen != _describe_sight(listener):
                        batch = _begin_anew(listener)
                if batch is not None:
                    yield self._write(listener.number, "change", batch)
                elif time.monotonic() >= beat_s:
                    yield b": still here\n\n"
                else:
                    continue
                beat_s = time.monotonic() + HEARTBEAT_S
        finally:
            self._changes.leave(listener)
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    def _write(self, number: int, event: str, batch: Batch) -> bytes:
        told = {"runs": batch.runs, "experiments": batch.experiments, "models": batch.models, "all": batch.all}
        data = msgspec.json.encode(told)
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (self._changes.write_id(number).encode(), event.encode(), data)

    def _find_wait_s(self, listener: Listener, beat_s: float) -> float:
        """Return for how long nothing is to be done: at most until something is sent, or the credential ends."""
        wait_s = beat_s - time.monotonic()
        if listener.rights is not None and listener.rights.expires_ms:
            wait_s = min(wait_s, (listener.rights.expires_ms - self._clock()) / 1000)
        return max(0.01, wait_s)

    def _is_over(self, listener: Listener) -> bool:
        """Tell whether a listener's credential has ended by its time."""
        rights = listener.rights
        return rights is not None and 0 < rights.expires_ms <= self._clock()

    async def _check_right(self, call: Caller, experiments: Iterable[str], models: Iterable[str]) -> Rights | None:
        """Check the right to hear of each topic, or of everything when there is none; raises what the operations raise.

        returns: what the credential permits; None where anybody may do anything
        """
        for experiment in experiments:
            await call(ops.GET_EXPERIMENT, GetExperiment(experiment_id=experiment))
        for model in models:
            await call(ops.GET_REGISTERED_MODEL, RegisteredModelName(name=model))
        if not experiments and not models:
            await call(ops.SEARCH_EXPERIMENTS, SearchExperiments(limit=1))
        return await asyncio.to_thread(self._find_rights, call.call) if self._find_rights else None

    async def _may_still(self, call: Caller, listener: Listener) -> bool:
        """Tell whether a doubted listener has its right: whatever keeps that from being known ends the stream."""
        listener.doubted = False
        call.call = msgspec.structs.replace(call.call, now_ms=self._clock())
        try:
            listener.rights = await self._check_right(call, listener.experiments, listener.models)
        except TrackwayError:
            return False
        return True


def _describe_sight(listener: Listener) -> object:
    """Return what a listener to everything may see, to be compared; nothing of one whose topics are known."""
    rights = listener.rights
    if rights is None or listener.experiments or listener.models:
        return None
    return rights.workspace, rights.experiments, rights.named


def _begin_anew(listener: Listener) -> Batch | None:
    """Return what a listener is told that sees something else from now on; what was kept for it is not for it now."""
    listener.pending = None
    unknown = Batch(listener.workspace, all=True)
    return unknown if may_see(listener.rights, unknown) else None


def _read_topics(request: HttpRequest) -> tuple[list[str], list[str]]:
    """Return the experiments and models that a stream is to be about."""
    topics: dict[str, list[str]] = {"experiment": [], "model": []}
    for name, value in request.query_items():
        if name not in topics:
            raise InvalidInput(f"The parameter {name[:40]!r} is not known", hint="give experiment or model")
        topics[name].append(value)
    if sum(map(len, topics.values())) > limits.EVENT_TOPICS:
        raise InvalidInput(f"A stream is about at most {limits.EVENT_TOPICS} experiments and models")
    return topics["experiment"], topics["model"]
