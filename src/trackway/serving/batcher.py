"""Requests that wait while the model computes go to it together; one that finds it idle goes at once, alone.

A model whose library answers row by row (``Model.is_rowwise``) is given the joined rows of requests with the same
columns and the same params. When that fails, or gives no answer for each row, each request is computed alone, so that
the fault of one is not another's. A quick model computes on the event loop itself, between two looks at the network:
the way to a thread and back would take longer. Any other computes in threads.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from trackway.base.errors import InvalidInput, TrackwayError, Unavailable
from trackway.models import Model
from trackway.serving.columns import BAD_REQUEST
from trackway.serving.rows import Rows, count_rows, get_kind, join, split

QUICK_S: Final = 0.002
"""A model that needs no more processor time for so many rows computes on the event loop."""
_WEIGHT: Final = 0.1


class Job:
    """One request's data on its way to a model."""

    __slots__ = ("count", "data", "future", "key", "model", "params")

    def __init__(self, model: Model, data: Any, params: dict[str, Any] | None) -> None:
        self.model = model
        self.data = data
        self.params = params
        self.count = count_rows(data)
        kind = get_kind(data) if model.is_rowwise else None
        self.key = None if kind is None else (id(model), kind, None if not params else repr(sorted(params.items())))
        self.future: asyncio.Future[Any]


class Counts(msgspec.Struct):
    """What a batcher did so far."""

    requests: int = 0
    batches: int = 0
    rows: int = 0
    refused: int = 0


class Batcher:
    """Takes data to a model.

    threads:      that compute at the same time
    most_waiting: requests; one more is refused until some have been answered
    most_rows:    of one batch; 1 keeps requests apart
    """

    def __init__(self, threads: int, most_waiting: int, most_rows: int) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="trackway-model")
        self._most_waiting = most_waiting
        self._most_rows = most_rows
        self._queue: deque[Job] = deque()
        self._is_due = False
        self._known_s: dict[int, dict[int, float]] = {}
        """Processor time of a call, by model and by size: twice as many rows are of the next size."""
        self.counts = Counts()

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._queue)

    async def predict(self, model: Model, data: Any, params: dict[str, Any] | None, timeout_s: float) -> Any:
        """Return what a model gives.

        raises: Unavailable when too many wait; TimeoutError; InvalidInput for what the model raises
        """
        if len(self._queue) >= self._most_waiting:
            self.counts.refused += 1
            raise Unavailable(
                f"{self._most_waiting} requests wait for the model already", hint="send it again", retry_after_s=1.0
            )
        loop = asyncio.get_running_loop()
        self._loop = loop
        job = Job(model, data, params)
        job.future = loop.create_future()
        self._queue.append(job)
        self._call_soon()
        timer = loop.call_later(timeout_s, _expire, job.future)
        try:
            return await job.future
        finally:
            timer.cancel()

    def forget(self, model: Model) -> None:
        """Forget what is known of a model that is used no more."""
        self._known_s.pop(id(model), None)

    def close(self) -> None:
        """Let go of the threads; what they compute is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _call_soon(self) -> None:
        """Look at the queue once more before the network is: what came in together is then there together."""
        if not self._is_due and self._queue and self._loop is not None:
            self._is_due = True
            self._loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._is_due = False
        while self._idle and (batch := self._take_batch()):
            rows = sum(job.count for job in batch)
            self.counts.batches += 1
            self.counts.requests += len(batch)
            self.counts.rows += rows
            if self._is_quick(batch[0].model, rows):
                self._deliver(batch, *_compute(batch))
                self._call_soon()
                return  # the network has its turn
            self._idle -= 1
            self._pool.submit(self._work, batch)

    def _take_batch(self) -> list[Job]:
        """Take the first request that waits, and those that may go with it."""
        queue = self._queue
        while queue and queue[0].future.done():  # given up while it waited
            queue.popleft()
        if not queue:
            return []
        first = queue.popleft()
        batch, rows = [first], first.count
        if first.key is None:
            return batch
        others: deque[Job] = deque()
        while queue:
            job = queue.popleft()
            if job.future.done():
                continue
            if job.key != first.key or rows + job.count > self._most_rows:
                others.append(job)
                continue
            batch.append(job)
            rows += job.count
        self._queue = others
        return batch

    def _is_quick(self, model: Model, rows: int) -> bool:
        return model.is_rowwise and self._known_s.get(id(model), {}).get(rows.bit_length(), QUICK_S) < QUICK_S

    def _work(self, batch: Sequence[Job]) -> None:
        """Compute in a thread."""
        answers = _compute(batch)
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._finish, batch, *answers)
        except RuntimeError:  # the loop has ended, and nobody waits any more
            return

    def _finish(self, batch: Sequence[Job], answers: Sequence[Any], took_s: float) -> None:
        self._idle += 1
        self._deliver(batch, answers, took_s)
        self._call_soon()

    def _deliver(self, batch: Sequence[Job], answers: Sequence[Any], took_s: float) -> None:
        known = self._known_s.setdefault(id(batch[0].model), {})
        size = sum(job.count for job in batch).bit_length()
        known[size] = known.get(size, took_s) + _WEIGHT * (took_s - known.get(size, took_s))
        for job, answer in zip(batch, answers, strict=True):
            if job.future.done():
                continue
            if isinstance(answer, BaseException):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer)


def _compute(batch: Sequence[Job]) -> tuple[list[Any], float]:
    """Return an answer or an error for each request, and the processor time that it took.

    By the clock on the wall, every model would be a slow one while the machine is busy.
    """
    started = time.thread_time()
    answers = _compute_joined(batch) if len(batch) > 1 else None
    if answers is None:
        answers = [_compute_one(job) for job in batch]
    return answers, time.thread_time() - started


def _compute_joined(batch: Sequence[Job]) -> list[Any] | None:
    """Return the answers of several requests computed as one; None when each is to be computed alone."""
    try:
        answer = _predict(batch[0].model, join([job.data for job in batch]), batch[0].params)
    except Exception:  # noqa: BLE001 - whose fault it was is found by computing each alone
        return None
    return split(answer, [job.count for job in batch])


def _compute_one(job: Job) -> Any:
    try:
        return _predict(job.model, job.data, job.params)
    except TrackwayError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever a model raises is told to whoever asked
        told = InvalidInput(
            f"The model failed: {type(error).__name__}: {str(error)[:500]}",
            hint="see whether the data is what the model was trained on",
            details=BAD_REQUEST,
        )
        told.__cause__ = error
        return told


def _predict(model: Model, data: Any, params: dict[str, Any] | None) -> Any:
    return model.predict(data.to_frame() if isinstance(data, Rows) else data, params)


def _expire(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())
