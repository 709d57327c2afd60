"""A store that carries everything out and keeps no change: what one request does, the next does not find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trackway.api.retention import SearchAudit
from trackway.base.errors import TrackwayError
from trackway.dispatch import Work
from trackway.store.base import Done, Job, Page, Store


class Undone(TrackwayError):
    """A job was carried out, and is to be undone; what it returned is what its caller gets."""

    def __init__(self, result: Any) -> None:
        super().__init__("undone")
        self.result = result


class UndoingStore:
    """Stands before a store; ``carried_out`` has the names of the operations since it was last cleared.

    unaudited: operations that were to leave an entry in the audit log, and did not or left another's
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.carried_out: list[str] = []
        self.unaudited: list[str] = []

    def submit_write(self, job: Job[Any], done: Done[Any], key: str = "", brief: bool = False) -> None:
        """Carry out a job, undo it, and tell what came of it."""

        def carry_out(tx: Any) -> Any:
            result = self._note(job, job(tx))
            self._look_for_entry(tx, job)
            raise Undone(result)

        def tell(result: Any, error: BaseException | None) -> None:
            if isinstance(error, Undone):
                done(error.result, None)
            else:
                done(result, error)

        self._store.submit_write(carry_out, tell, key, brief)

    def submit_read(self, job: Job[Any], done: Done[Any], brief: bool = False, light: bool = False) -> None:
        """Carry out a job that changes nothing."""

        def read(tx: Any) -> Any:
            result = job(tx)
            return self._note(job, result) if isinstance(job, Work) else result  # else it is the first of two steps

        self._store.submit_read(read, done, brief, light)

    def _note(self, job: Callable[..., Any], result: Any) -> Any:
        self.carried_out.append(job.operation.name)  # type: ignore[attr-defined]  # what dispatch submits has one
        return result

    def _look_for_entry(self, tx: Any, job: Any) -> None:
        newest = tx.housekeeping.search_audit(job.workspace, SearchAudit(), Page(2))
        own = [one.operation for one in newest if one.request_id == job.call.request_id and one.detail != "read"]
        if own != [job.operation.name] * job.operation.access.audited:
            self.unaudited.append(job.operation.name)
