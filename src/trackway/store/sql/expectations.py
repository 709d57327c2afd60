"""What the jobs of a transaction want written alike, at once, and what is looked at before the commit.

A statement costs about as much as what it does for one request (``store.sql.group_log``). So a job that only logs says
what it wants written, and the next one is begun.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from trackway.base.errors import TrackwayError

Row = tuple[Any, ...]
Check = Callable[[list[Row]], object]
JOINED_BYTES: Final = 1_000_000
"""When entries have so many bytes, no more are waited for: a list has a limit."""


class Entry(Protocol):
    """What one job wants written.

    key:        what it is about
    size_bytes: about how large it is
    send:       writes several: a list for each key, in the order of the jobs. The first value of each row that is
                fetched is the place of a list, from 1
    """

    @property
    def key(self) -> Hashable: ...
    @property
    def size_bytes(self) -> int: ...
    @staticmethod
    def send(db: Any, groups: Sequence[Sequence[Any]]) -> Callable[[], list[Row]]: ...


class Expectation(NamedTuple):
    """An entry, the job that it is of, and what judges the rows that come of it."""

    entry: Entry
    job: int
    check: Check


class Expectations:
    """Entries, all of one class.

    are_kept: some are still to be sent
    are_open: some are still to be checked, these included
    """

    def __init__(self) -> None:
        self.are_kept = self.are_open = False
        self._kept: dict[Hashable, list[Expectation]] = {}
        self._size_bytes = 0
        self._sent: list[tuple[list[list[Expectation]], Callable[[], list[Row]]]] = []

    def keep(self, one: Expectation) -> bool:
        """Keep an entry; tell whether all that are kept should be sent."""
        self._kept.setdefault(one.entry.key, []).append(one)
        self._size_bytes += one.entry.size_bytes
        self.are_kept = self.are_open = True
        return self._size_bytes >= JOINED_BYTES

    def send(self, db: Any) -> None:
        """Send what is kept on a connection."""
        groups = list(self._kept.values())
        self._forget_kept()
        self._sent.append((groups, groups[0][0].entry.send(db, [[one.entry for one in group] for group in groups])))

    def check(self) -> Iterator[tuple[int, TrackwayError]]:
        """Check what was sent, and yield the jobs that failed by it."""
        sent = self._sent
        self._sent, self.are_open = [], False
        for groups, fetch in sent:
            rows: dict[int, list[Row]] = {}
            for place, *row in fetch():
                rows.setdefault(place, []).append(tuple(row))
            for place, group in enumerate(groups, 1):
                for one in group:
                    try:
                        one.check(rows.get(place, []))
                    except TrackwayError as error:
                        yield one.job, error

    def forget(self) -> None:
        """Forget all, as the transaction is undone."""
        self._forget_kept()
        self._sent, self.are_open = [], False

    def _forget_kept(self) -> None:
        self._kept, self._size_bytes, self.are_kept = {}, 0, False
