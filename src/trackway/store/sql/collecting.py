"""What comes on an event loop's thread in one pass of it goes to the writer together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trackway.store.base import Done, Job
from trackway.store.sql.writer import Item, Writer

if TYPE_CHECKING:
    import asyncio


class Collector:
    """Holds jobs that are submitted on an event loop's thread until the pass in which they came has ended.

    A writer that is woken for the first of them would find it alone, and wait at each step for the interpreter, while
    the loop reads the others.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, writer: Writer) -> None:
        self._loop = loop
        self._writer = writer
        self._thread = threading.get_ident()
        self._held: list[Item] = []

    @property
    def is_here(self) -> bool:
        """Whether this is the loop's thread."""
        return threading.get_ident() == self._thread

    def submit(self, job: Job[Any], done: Done[Any], key: str) -> None:
        """Take a job; ``done(result, error)`` is called on this thread or the writer's."""
        self._held.append((key, job, done))
        if len(self._held) == 1:  # in the pass between, what arrived with it is read
            self._loop.call_soon(self._loop.call_soon, self._begin)

    def close(self) -> None:
        """Leave what is left to the writer."""
        self._pass_on(self._take_held(len(self._held)))

    def _begin(self) -> None:
        self._pass_on(self._take_held(len(self._held)))

    def _take_held(self, most: int) -> list[Item]:
        taken, self._held = self._held[:most], self._held[most:]
        return taken

    def _pass_on(self, items: Sequence[Item]) -> None:
        for key, job, done in items:
            self._writer.submit(job, done, key)
