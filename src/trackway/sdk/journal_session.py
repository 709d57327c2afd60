"""Sessions on disk: which there are, whether their writer lives, and what is left to deliver."""

from __future__ import annotations

import os
from typing import NamedTuple

from trackway.base.errors import TrackwayError, Unavailable
from trackway.sdk.journal_delivery import is_live
from trackway.sdk.journal_format import (
    SESSION_FILE,
    SessionFile,
    compute_salt,
    get_segment_path,
    list_segments,
    read_acked,
    read_first_seq,
    read_session,
)
from trackway.sdk.journal_reader import JournalReader


class SessionInfo(NamedTuple):
    """What is known of a session without delivering it.

    session:         what its file says; ``session.closed_ms`` is not None when it was closed cleanly
    live:            its writer still has it open (on a file system without locks: may have)
    last_seq:        of the last record that can be read
    pending_bytes:   of the segments that hold what is not acknowledged
    problem:         why nothing more is known, empty when all is well
    """

    directory: str
    session: SessionFile
    live: bool
    acked: int = 0
    last_seq: int = 0
    pending_records: int = 0
    pending_bytes: int = 0
    problem: str = ""


def find_sessions(root: str | os.PathLike[str]) -> list[SessionInfo]:
    """Return the sessions under ``root``, oldest first; none when there is no such directory.

    Cost: reads the last segment of each session that was not closed, at most 8 MiB or one large record.
    """
    path = os.fspath(root)
    try:
        directories = sorted(entry.path for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"Cannot list {path}: {error.strerror}") from error
    found = [describe_session(directory) for directory in directories if _is_session(directory)]
    return sorted(found, key=lambda info: info.session.created_ms)


def describe_session(directory: str) -> SessionInfo:
    """Return what is known of one session; what cannot be read is told in ``problem``."""
    session = SessionFile(os.path.basename(directory), 0, 0, "", {}, None, None)
    live = True
    try:
        live = is_live(directory)
        session = read_session(directory)
        acked = read_acked(directory, session.session_id)
        segments = list_segments(directory)
        last_seq = session.last_seq if session.last_seq is not None else _read_last_seq(directory, session, segments)
        pending = max(0, last_seq - acked)
        size_bytes = sum(os.stat(get_segment_path(directory, number)).st_size for number in segments)
    except (TrackwayError, OSError) as error:
        return SessionInfo(directory, session, live, problem=str(error))
    return SessionInfo(directory, session, live, acked, max(last_seq, acked), pending, size_bytes if pending else 0)


def _is_session(directory: str) -> bool:
    return os.path.exists(os.path.join(directory, SESSION_FILE))


def _read_last_seq(directory: str, session: SessionFile, segments: list[int]) -> int:
    """Return the last readable record's number, looking into no segment but the last that has a readable header."""
    after_seq = 0
    for number in reversed(segments):
        first_seq = read_first_seq(directory, number, compute_salt(session.session_id, number))
        if first_seq is not None:
            after_seq = first_seq - 1
            break
    with JournalReader(directory, after_seq) as reader:
        while not (batch := reader.read_batch()).at_end:
            pass
    return max(batch.end.seq, after_seq)
