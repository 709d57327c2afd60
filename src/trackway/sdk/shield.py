"""The edge between logging calls and training: what goes wrong behind it is counted, not raised."""

from __future__ import annotations

from types import TracebackType

from trackway.sdk.connection import get_tracking_uri
from trackway.sdk.context import STACK
from trackway.sdk.operations import RunOperations
from trackway.sdk.problems import PROBLEMS
from trackway.sdk.runs import get_active_run
from trackway.sdk.session import Session, get_session


class Shield:
    """The block that a logging call consists of; its errors are raised only when strict, else counted for the call."""

    def __init__(self, call: str) -> None:
        self._call = call

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or PROBLEMS.strict:
            return False
        PROBLEMS.raise_or_note(self._call, error)
        return True


def get_target(run_id: str | None) -> tuple[Session, str]:
    """Return where a call logs to: to ``run_id``, else this thread's active run, which is started if there is none."""
    if run_id is not None:
        return get_session(get_tracking_uri()), run_id
    run = STACK.runs[-1] if STACK.runs else get_active_run()
    return run.session, run.run_id


def get_operations(run_id: str | None) -> RunOperations:
    """Return what ``synchronous=False`` asks for: something to wait with for all that was logged so far."""
    if run_id is None and STACK.runs:
        return RunOperations(STACK.runs[-1].session.flush)
    return RunOperations(get_session(get_tracking_uri()).flush)
