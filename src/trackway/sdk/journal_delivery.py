"""The right to deliver a session, and the locks that tell who lives."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from itertools import pairwise
from types import TracebackType
from typing import Self

from trackway.base.errors import Conflict, NotFound, Unavailable
from trackway.sdk.journal_format import (
    ACKED_BYTES,
    ACKED_FILE,
    LOCK_FILE,
    SEGMENT_DRAFT,
    SESSION_FILE,
    compute_salt,
    get_segment_path,
    list_segments,
    pack_acked,
    read_acked,
    read_first_seq,
    read_session,
)

_NO_LOCKS = frozenset((errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK))


class Delivery:
    """The right to deliver one session: only its holder notes what was received and deletes what is not needed.

    A writer that delivers its own journal holds it from the start; for any other session it is adopted. Acknowledging
    a number means that the server has everything up to it. Not thread-safe.
    """

    def __init__(self, directory: str, session_id: str, fd: int) -> None:
        self.directory = directory
        self.session_id = session_id
        self.acked = read_acked(directory, session_id)
        self._ended = False
        self._fd = fd
        self._slot = 0

    @classmethod
    def create(cls, directory: str, session_id: str) -> Delivery:
        """Begin with a new session, as its writer; the file gets its full size, so that a full disk does not matter."""
        fd = os.open(os.path.join(directory, ACKED_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            lock(fd)
            os.pwrite(fd, bytes(ACKED_BYTES), 0)
        except OSError:
            os.close(fd)
            raise
        return cls(directory, session_id, fd)

    @classmethod
    def adopt(cls, directory: str | os.PathLike[str]) -> Delivery:
        """Take over the delivery of a session, of a dead writer or of a live one that does not deliver itself.

        raises: NotFound and NotSupported as ``read_session``; Conflict while somebody else delivers it; Unavailable
        when the directory cannot be written
        """
        path = os.fspath(directory)
        session = read_session(path)
        try:
            fd = os.open(os.path.join(path, ACKED_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(
                f"Cannot note in {path} what was delivered: {error.strerror}", hint="copy it to a place you may write"
            ) from error
        if not lock(fd):
            os.close(fd)
            raise Conflict(
                f"The journal in {path} is being delivered by another process",
                hint=f"its writer is process {session.pid} on {session.host or 'an unknown host'}",
            )
        delivery = cls(path, session.session_id, fd)
        # Told now, as what is read from here on is then all that there is. The lock of a writer on another host is not
        # trusted: some shared file systems keep locks to one host.
        delivery._ended = session.last_seq is not None or (session.host == os.uname().nodename and not is_live(path))
        return delivery

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def acknowledge(self, seq: int) -> int:
        """Note that the server has every record up to ``seq``, and delete the segments that hold no other.

        returns: bytes freed. The last segment stays until ``close``. A number not above the last one changes nothing.
        raises:  Unavailable when it could not be noted; the records will be sent again, which is safe
        """
        if seq <= self.acked:
            return 0
        freed_bytes = 0
        try:
            slot = pack_acked(seq, self.session_id)
            os.pwrite(self._fd, slot, self._slot * len(slot))
            # The other slot stays whole while this one is written.
            self._slot = 1 - self._slot
            self.acked = seq
            numbers = list_segments(self.directory)
            for number, successor in pairwise(numbers):
                first_seq = read_first_seq(self.directory, successor, compute_salt(self.session_id, successor))
                if first_seq is None or first_seq > seq + 1:
                    break
                path = get_segment_path(self.directory, number)
                size_bytes = os.stat(path).st_size
                os.unlink(path)
                freed_bytes += size_bytes
        except OSError as error:
            raise Unavailable(f"Cannot note in {self.directory} what was delivered: {error.strerror}") from error
        return freed_bytes

    def close(self, end_seq: int | None = None) -> bool:
        """Give the right back; return whether the session was done with and has been removed.

        end_seq: the number at which the reader of the holder came to the end of the journal, if it did

        It is done with when all is acknowledged and nothing can come: it was closed by its writer and the last number
        is acknowledged, or it had ended when it was adopted (closed, or its writer dead on this host) and ``end_seq``
        is, so that an unreadable end does not keep it for ever.
        """
        if self._fd < 0:
            return False
        try:
            last_seq = read_session(self.directory).last_seq
            done = (self._ended and end_seq is not None and self.acked >= end_seq) or (
                last_seq is not None and self.acked >= last_seq
            )
            if done:
                remove_session(self.directory)
        except NotFound:
            return True
        except OSError as error:
            raise Unavailable(f"Cannot remove {self.directory}: {error.strerror}") from error
        finally:
            self.disown()
        return done

    def disown(self) -> None:
        """Close this process's handle and nothing else: a forked child does, so that it does not hold the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_live(directory: str) -> bool:
    """Tell whether a writer has the session open; True also where the file system has no locks to tell by."""
    try:
        fd = os.open(os.path.join(directory, LOCK_FILE), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not lock(fd, fcntl.LOCK_SH, without_locks=False)
    finally:
        os.close(fd)


def lock(fd: int, mode: int = fcntl.LOCK_EX, *, without_locks: bool = True) -> bool:
    """Try to lock an open file; ``without_locks`` is the answer where the file system has none."""
    try:
        fcntl.flock(fd, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return without_locks
        raise
    return True


def remove_session(directory: str) -> None:
    """Remove a session's directory, unless it holds files that are not the journal's.

    Killed half-way it is still one that is done, or no session any more.
    """
    segments = [os.path.basename(get_segment_path(directory, number)) for number in list_segments(directory)]
    names = [*segments, SESSION_FILE, SESSION_FILE + ".tmp", SEGMENT_DRAFT, ACKED_FILE, LOCK_FILE]
    if not set(os.listdir(directory)) <= set(names):
        raise OSError(errno.ENOTEMPTY, "it holds files that are not the journal's")
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))
    os.rmdir(directory)
