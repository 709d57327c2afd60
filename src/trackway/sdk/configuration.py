"""How this process logs: switches that scripts turn, and what they can ask about it."""

from __future__ import annotations

import time

import msgspec

from trackway.base.addresses import hide_credentials
from trackway.base.errors import InvalidInput
from trackway.sdk import settings
from trackway.sdk.connection import get_tracking_uri
from trackway.sdk.problems import PROBLEMS
from trackway.sdk.sampling import OPTIONS
from trackway.sdk.session import find_session, list_sessions


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How logging to the store of this process goes.

    pending:       records in the journal that the store does not have yet
    pending_bytes: what they take on disk
    logged:        records of this process's session so far
    dropped:       records that the journal could not keep: no room, a broken disk, malformed numbers
    refused:       records that the store refused for good; they are kept in the folder ``refused`` beside the journal
    failing_s:     for how long delivery has been failing, 0 when it is not
    last_error:    why, in words
    problems:      how often each kind of problem came up
    last_problem:  the latest of them, in words
    """

    tracking_uri: str
    journal: str = ""
    pending: int = 0
    pending_bytes: int = 0
    logged: int = 0
    dropped: int = 0
    refused: int = 0
    failing_s: float = 0.0
    last_error: str = ""
    problems: dict[str, int] = {}
    last_problem: str = ""


def configure(*, strict: bool | None = None) -> None:
    """Change how this process logs.

    strict: whether logging calls raise what is otherwise counted and warned of; None for what TRACKWAY_STRICT says.
            What the store refuses is known after the call: ``flush`` and the end of a run raise it.
    """
    PROBLEMS.strict = strict


def status() -> Status:
    """Return how logging to the store of this process goes; nothing is sent for it."""
    uri = get_tracking_uri()
    known = Status(tracking_uri=hide_credentials(uri), problems=dict(PROBLEMS.counts), last_problem=PROBLEMS.last)
    session = find_session(uri)
    opened = None if session is None else session.status()
    if opened is None:
        return known
    journal, sender = opened
    since_s = sender.failing_since_s
    return msgspec.structs.replace(
        known,
        journal=sender.directory,
        pending=journal.pending_records,
        pending_bytes=journal.pending_bytes,
        logged=journal.appended,
        dropped=journal.dropped + journal.rejected + journal.write_errors,
        refused=sender.refused,
        failing_s=0.0 if since_s is None else time.monotonic() - since_s,
        last_error=sender.last_error,
    )


def flush(timeout_s: float | None = None) -> bool:
    """Wait until everything that this process logged is delivered; return whether it is.

    timeout_s: None for what TRACKWAY_FINISH_S says
    raises:    when strict, what the store refused
    """
    limit_s = settings.get_number("TRACKWAY_FINISH_S") if timeout_s is None else timeout_s
    deadline_s = time.monotonic() + limit_s
    delivered = [session.flush(max(0.0, deadline_s - time.monotonic())) for session in list_sessions()]
    PROBLEMS.raise_owed()
    return all(delivered)


def flush_async_logging() -> None:
    """Wait until what was logged is delivered, as long as TRACKWAY_FINISH_S allows."""
    flush()


def flush_artifact_async_logging() -> None:
    """Wait until files are delivered, which go the way of everything that is logged."""
    flush()


def enable_async_logging(enable: bool = True) -> None:
    """Accept what MLflow's scripts ask for: logging here never waits for the store anyway."""


def get_registry_uri() -> str:
    """Return the registry's address, which is the tracking store's."""
    return get_tracking_uri()


def set_registry_uri(uri: str) -> None:
    """Accept the tracking store's address as the registry's.

    raises: InvalidInput for another one
    """
    if uri and uri.rstrip("/") != get_tracking_uri():
        raise InvalidInput("The registry is where runs are tracked", hint="choose both with set_tracking_uri")


def enable_system_metrics_logging() -> None:
    """Log how busy the machine is during the runs that start from now on."""
    OPTIONS.enabled = True


def disable_system_metrics_logging() -> None:
    """Log no more how busy the machine is during the runs that start from now on."""
    OPTIONS.enabled = False


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Set the seconds between two samples of the machine; None for 10."""
    OPTIONS.interval_s = 10.0 if interval is None else float(interval)


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """Set how many samples make one point; None for 1."""
    OPTIONS.samples_before_logging = 1 if samples is None else int(samples)


def set_system_metrics_node_id(node_id: str | None) -> None:
    """Name this machine in a run of several."""
    OPTIONS.node_id = node_id
