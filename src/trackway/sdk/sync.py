"""Delivers what dead or offline processes left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from trackway.base.addresses import hide_credentials
from trackway.base.errors import TrackwayError
from trackway.sdk.connection import (
    complete_uri,
    get_journal_root,
    get_tracking_uri,
    open_transport,
    resolve_uri,
)
from trackway.sdk.journal_delivery import Delivery
from trackway.sdk.journal_format import SESSION_FILE
from trackway.sdk.journal_session import describe_session, find_sessions
from trackway.sdk.patience import Stopped
from trackway.sdk.problems import Problems
from trackway.sdk.sender import Sender

PATIENCE_S = 30.0


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one session.

    delivered: records and points that were delivered now
    refused:   of these, how many the store refused for good
    complete:  everything that can be read has been delivered
    removed:   nothing more can come, and the session is gone
    problem:   why it is not complete, empty when it is
    """

    directory: str
    tracking_uri: str
    delivered: int = 0
    refused: int = 0
    complete: bool = False
    removed: bool = False
    problem: str = ""


def sync(
    directory: str | os.PathLike[str] | None = None,
    tracking_uri: str | None = None,
    *,
    patience_s: float = PATIENCE_S,
) -> list[Synced]:
    """Deliver journals, oldest first, and return what became of each.

    directory:    a session, or a folder of them; None for those of the store that is logged to
    tracking_uri: where to deliver to; None for where each session was meant to go
    patience_s:   for so long a store that is away is waited for

    A session whose process is alive and delivers it itself is left alone, as is one that another process delivers. What
    was delivered before is not sent again. It may be a copy from another machine.
    """
    return list(sync_each(directory, tracking_uri, patience_s=patience_s))


def sync_each(
    directory: str | os.PathLike[str] | None = None,
    tracking_uri: str | None = None,
    *,
    patience_s: float = PATIENCE_S,
) -> Iterator[Synced]:
    """Do as ``sync`` does, and yield what became of each session as soon as it is known."""
    path = get_journal_root(tracking_uri or get_tracking_uri()) if directory is None else os.fspath(directory)
    is_session = os.path.exists(os.path.join(path, SESSION_FILE))
    sessions = [describe_session(path)] if is_session else find_sessions(path)
    for session in sessions:
        meant = session.session.info.get("tracking_uri")  # with its workspace, whichever is chosen now
        uri = complete_uri(meant) if meant and not tracking_uri else resolve_uri(tracking_uri or get_tracking_uri())
        yield _sync_session(session.directory, uri, patience_s)


def sync_leftovers(uri: str) -> list[Synced]:
    """Deliver what processes that died left for a store in this process, and return what became of it.

    So that a folder of tracks holds what was logged to it, without anybody asking for it.
    """
    leftovers = [
        session for session in find_sessions(get_journal_root(uri)) if not session.live and not session.problem
    ]
    meant = [session for session in leftovers if session.session.info.get("tracking_uri") == hide_credentials(uri)]
    return [_sync_session(session.directory, uri, 0.0) for session in meant]


def _sync_session(directory: str, uri: str, patience_s: float) -> Synced:
    known = Synced(directory=directory, tracking_uri=uri)
    try:
        delivery = Delivery.adopt(directory)
    except TrackwayError as error:
        return msgspec.structs.replace(known, problem=str(error))
    problems = Problems()
    sender = Sender(
        delivery, lambda: open_transport(uri, 0.0), problems, after_seq=delivery.acked, patience_s=patience_s
    )
    delivered = 0
    problem = ""
    try:
        while count := sender.deliver_next():
            delivered += count
        sender.close()
        removed = delivery.close(sender.delivered_seq)
    except (Stopped, TrackwayError) as error:
        problem = str(error)
        removed = False
    finally:
        delivery.disown()
    return msgspec.structs.replace(
        known, delivered=delivered, refused=sender.refused, complete=not problem, removed=removed, problem=problem
    )
