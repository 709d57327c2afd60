"""Waits of an event loop's own code for PostgreSQL, and for threads, in which the loop goes on.

The driver waits for its socket wherever an answer is needed, deep in a job. A job that runs in a greenlet is left
there, and gone on with once the loop finds that there is something to read.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import cache, partial
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

if TYPE_CHECKING:
    import asyncio

    from psycopg.abc import PQGen

T = TypeVar("T")
_AT_ONCE: Final = 4
"""So often the driver is told that it can write, as it nearly always can, without a look."""


class LoopTask:
    """Runs a function on an event loop's thread, in a greenlet: the loop switches to it, and back where it waits.

    run:       is called with this
    ends_soon: the loop does not go on any more, and the thread waits
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, run: Callable[[LoopTask], None]) -> None:
        from greenlet import greenlet

        made: Any = greenlet(lambda _told: run(self))
        made.task = self
        self._greenlet = made
        self._loop = loop
        self._wait: Callable[[], object] = _wait_for_nothing
        self.ends_soon = False

    def switch(self, told: object = None) -> None:
        """Begin, or go on with ``told``, until the next wait or the end."""
        self._greenlet.switch(told)

    def pause(self) -> None:
        """Let the loop go on until this is switched to."""
        self._leave(_wait_for_nothing)

    def wait_for_socket(self, number: int, events: int) -> int:
        """Wait until a socket can be read or written to, and return which: psycopg has the numbers of ``selectors``."""
        if self.ends_soon:
            return _select(number, events)
        if events & EVENT_READ:
            self._loop.add_reader(number, self.switch, EVENT_READ)
        if events & EVENT_WRITE:
            self._loop.add_writer(number, self.switch, EVENT_WRITE)
        try:
            return cast(int, self._leave(lambda: _select(number, events)))
        finally:
            if events & EVENT_READ:
                self._loop.remove_reader(number)
            if events & EVENT_WRITE:
                self._loop.remove_writer(number)

    def wait_for_thread(self, future: Future[T]) -> T:
        """Wait until a thread has done something, and return or raise what came of it."""
        if not self.ends_soon:
            is_waited_for = True

            def go_on() -> None:
                if is_waited_for:
                    self.switch()

            future.add_done_callback(lambda _: self._loop.call_soon_threadsafe(go_on))
            self._leave(partial(wait, (future,)))
            is_waited_for = False
        return future.result()

    def finish(self) -> None:
        """Go on until the function has ended, with no help of the loop."""
        self.ends_soon = True
        while not self._greenlet.dead:
            self.switch(self._wait())

    def _leave(self, instead: Callable[[], object]) -> object:
        """Let the loop go on until this is switched to, and return what with; ``instead`` is to wait without it."""
        self._wait = instead
        return self._greenlet.parent.switch()


@cache
def load_connection_class() -> Any:
    """Return psycopg's class of connections, as one whose waits are those of the task that uses it, where there is one.

    raises: ImportError
    """
    from greenlet import getcurrent
    from psycopg import Connection

    class PatientConnection(Connection[Any]):
        def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
            task: LoopTask | None = getattr(getcurrent(), "task", None)
            steps = _send_all(self.pgconn, gen)
            if task is None:
                return super().wait(steps, *args, **kwargs)
            return _go_through(steps, partial(task.wait_for_socket, self.pgconn.socket))

    return PatientConnection


def _go_through(steps: PQGen[T], wait_for: Callable[[int], int]) -> T:
    """Go through the driver's steps, and before each wait for what it says."""
    at_once = _AT_ONCE
    try:
        events: int = next(steps)
        while True:
            if events & EVENT_WRITE and at_once:
                at_once -= 1
                events = steps.send(EVENT_WRITE)
            else:
                events = steps.send(wait_for(events))
    except StopIteration as end:
        return cast(T, end.value)


def _send_all(connection: Any, gen: PQGen[T]) -> PQGen[T]:
    """Have the socket take all before an answer is waited for: the driver leaves what it did not take at once."""
    try:
        events: Any = next(gen)
        while True:
            if not events & EVENT_WRITE and connection.flush():
                events = EVENT_READ | EVENT_WRITE
            events = gen.send((yield events))
    except StopIteration as end:
        return cast(T, end.value)


def _select(number: int, events: int) -> int:
    with DefaultSelector() as selector:
        selector.register(number, events)
        [(_, ready)] = selector.select()
    return ready


def _wait_for_nothing() -> None:
    """It is switched to at once."""
