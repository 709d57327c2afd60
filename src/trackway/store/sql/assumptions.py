"""What a writer goes on with before it knows: what hardly ever changes, as it was the last time.

Whether that still holds is found out in the same transaction, if it can be by a statement that is sent anyway. So who
may log is checked at no cost, and what was changed meanwhile, by whomever, counts for all that is not yet committed.
"""

from __future__ import annotations

from typing import Any, Final

Row = tuple[Any, ...]
Query = tuple[str, tuple[Any, ...]]
KEPT: Final = 10_000
"""Most rows that are remembered."""


class Stale(Exception):
    """Something was assumed that does not hold any more: the transaction is to be undone, and its jobs done again."""


class Assumptions:
    """The first rows of queries, as a writer assumes them.

    known:   what is assumed; all writers of a store share it
    pending: what was, in this transaction, and is still to be confirmed
    """

    def __init__(self, known: dict[Query, Row]) -> None:
        self.known = known
        self.pending: dict[Query, Row] = {}

    def keep(self, query: Query, row: Row) -> None:
        """Remember a row for later transactions."""
        if len(self.known) >= KEPT:
            self.known.clear()
        self.known[query] = row

    def confirm(self, query: Query, row: Row | None) -> None:
        """Hear what a row is now.

        raises: Stale when something else was assumed in this transaction
        """
        assumed = self.pending.pop(query, row)
        if assumed == row:
            return
        self.known.pop(query, None)
        if row is not None:
            self.keep(query, row)
        raise Stale
