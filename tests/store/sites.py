"""Stores that an event loop was lent to, as a server lends its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.store.test_group_commit import tag
from trackway.store.base import Done, Job
from trackway.store.sql.store import SqlStore
from trackway.testing.store.space import Space
from trackway.testing.store.transactions import WAIT_S

Work = Callable[["Site"], Awaitable[None]]


class Site:
    """A store that an event loop was lent to, with one experiment."""

    def __init__(self, store: SqlStore) -> None:
        self.space = Space(store)
        self.store = store
        self.number = self.space.make_experiment()

    def submit(self, job: Job[Any], brief: bool = True) -> asyncio.Future[Any]:
        """Submit a writing job; the future has what it returns, or raises."""
        future, done = _expect()
        self.store.submit_write(job, done, brief=brief)
        return future

    def submit_read(self, job: Job[Any], brief: bool = True, light: bool = False) -> asyncio.Future[Any]:
        """Submit a reading job."""
        future, done = _expect()
        self.store.submit_read(job, done, brief, light)
        return future

    def tag(self, key: str) -> asyncio.Future[Any]:
        return self.submit(tag(self.number, key))

    def read_tags(self) -> set[str]:
        return set(self.space.experiment(self.number).tags)


def _expect() -> tuple[asyncio.Future[Any], Done[Any]]:
    """Return a future, and what tells it on any thread."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def tell(result: Any, error: BaseException | None) -> None:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def done(result: Any, error: BaseException | None) -> None:
        loop.call_soon_threadsafe(tell, result, error)

    return future, done


def run_site(uri: str, work: Work) -> None:
    """Do some work on a loop that is lent to a store."""

    async def run() -> None:
        store = SqlStore(uri)
        store.lend_loop(asyncio.get_running_loop())
        try:
            await asyncio.wait_for(work(Site(store)), WAIT_S)
        finally:
            store.close()

    asyncio.run(run())
