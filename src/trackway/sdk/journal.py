"""The journal: a logging call appends one record to a local file and returns; delivery comes later.

One directory and one writing process for each session. Files, limits, policies and what survives which accident are
in ``docs/formats/journal.md``. Only the standard library is imported here: the hot path is ``Journal.log_point``.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
import time
import weakref
from contextlib import suppress
from typing import Final, Literal, NamedTuple
from zlib import crc32

from trackway.base.clock import now_ms
from trackway.base.errors import InvalidInput, TrackwayError, Unavailable
from trackway.base.ids import new_id
from trackway.sdk.journal_delivery import Delivery, lock, remove_session
from trackway.sdk.journal_format import (
    LOCK_FILE,
    MAX_PAYLOAD_BYTES,
    METRIC_BODY,
    METRIC_BYTES,
    METRIC_HEAD,
    OVERHEAD_BYTES,
    SEGMENT_BYTES,
    SEGMENT_DRAFT,
    SEGMENT_HEADER_BYTES,
    SERIES_BODY,
    SESSION_FILE,
    Kind,
    SessionFile,
    compute_salt,
    get_segment_path,
    list_segments,
    pack_record,
    pack_segment_header,
    read_acked,
    write_session,
)

QUOTA_BYTES: Final = 1024 * 1024 * 1024
"""Default for most bytes of segments that a session keeps."""
RESERVE_BYTES: Final = 16 * 1024 * 1024
"""What records other than points may take beyond the quota, under the policy ``drop``."""
REFUSED: Final = -1
"""Returned in place of a sequence number: the record is not in the journal, and ``status`` counts why."""

QuotaPolicy = Literal["drop", "stop"]
"""drop: while the quota is used up points are dropped, other records go on into the reserve.
stop: the first record that does not fit is the last one offered; what is kept is an unbroken beginning."""

_AGAIN: Final = 0
_RECOUNT_S: Final = 1.0
"""Time between two looks at the disk while the quota is used up."""
_pack_metric = METRIC_BODY.pack
_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


# Field types given as objects, as a NamedTuple compiles every annotation: 0.2 ms each at import.
class JournalStatus(
    NamedTuple(
        "JournalStatus",
        [
            ("session_id", str),
            ("appended", int),
            ("acked", int),
            ("synced", int),
            ("pending_records", int),
            ("pending_bytes", int),
            ("dropped", int),
            ("rejected", int),
            ("write_errors", int),
            ("sync_errors", int),
            ("last_problem", str),
        ],
    )
):
    """Counts since the session began.

    appended:      sequence number of the last record
    acked:         highest number that the server is known to have
    synced:        records up to here are on the disk itself and survive a power cut
    pending_bytes: of the segments that hold what is not acknowledged
    dropped:       records refused for the quota, or offered after ``close``
    rejected:      records refused because they cannot be written: a number out of range, an oversized payload
    write_errors:  records refused because the file system failed, and attempts at a new segment that failed
    sync_errors:   times that the file system did not promise durability
    last_problem:  in words, empty when there was none
    """


class Journal:
    """One session's journal, open for writing by the process that created it.

    Nothing here raises after ``create`` or waits for anything but a write to the page cache: a record that cannot be
    kept is refused (``REFUSED``) and counted. Any thread may call, and so may a signal handler or a finalizer that
    interrupts a call. After a fork the child's copy refuses everything and ``is_owner`` is False: create another.
    """

    def __init__(self, directory: str, session: SessionFile, quota_bytes: int, policy: QuotaPolicy) -> None:
        self.directory = directory
        self.is_owner = True
        self._session = session
        self._quota_bytes = quota_bytes
        self._policy = policy
        self._delivery: Delivery | None = None
        # Re-entrant, as signal handlers and finalizers run inside of whatever call they interrupt, and may log.
        self._lock = threading.RLock()
        self._lock_fd = self._fd = -1
        self._series: dict[tuple[str, str], int] = {}
        self._next_series = 0
        self._seq = self._synced = 0
        self._number = self._salt = self._size = self._stop_at = self._rolled_bytes = 0
        self._recounted_s = 0.0
        self._unsynced_paths = [os.path.join(directory, SESSION_FILE)]
        self._closed = self._stopped = self._broken = self._rolling = False
        self._dropped = self._rejected = self._write_errors = self._sync_errors = 0
        self._last_problem = ""
        _journals.add(self)

    @classmethod
    def create(
        cls,
        root: str | os.PathLike[str],
        info: dict[str, str] | None = None,
        *,
        quota_bytes: int = QUOTA_BYTES,
        policy: QuotaPolicy = "drop",
        deliver: bool = True,
    ) -> Journal:
        """Begin a session in a new directory under ``root``, which is made when there is none.

        info:    what a deliverer must know (tracking URI, workspace, ...); kept as plain text, so no credentials
        deliver: this process delivers the session itself; with False ``trackway sync`` may while this process runs
        raises:  InvalidInput for a quota below one segment or an unknown policy; Unavailable when it cannot be written
        cost:    about 0.3 ms; nothing is synced
        """
        if quota_bytes < SEGMENT_BYTES or policy not in ("drop", "stop"):
            raise InvalidInput(
                f"The journal cannot keep to {quota_bytes} bytes with the policy {policy!r}",
                hint=f"at least {SEGMENT_BYTES} bytes; drop or stop",
            )
        session = SessionFile(new_id(), now_ms(), os.getpid(), os.uname().nodename, dict(info or {}), None, None)
        journal = cls(os.path.join(os.path.abspath(root), session.session_id), session, quota_bytes, policy)
        try:
            journal._begin(deliver)
        except OSError as error:
            journal._release()
            with suppress(OSError, Unavailable):
                remove_session(journal.directory)
            raise Unavailable(
                f"Cannot begin a journal in {root}: {error.strerror}",
                hint="set TRACKWAY_JOURNAL_DIR to a folder that can be written",
            ) from error
        return journal

    def _begin(self, deliver: bool) -> None:
        os.makedirs(os.path.dirname(self.directory), exist_ok=True)
        os.mkdir(self.directory, 0o700)
        path = os.path.join(self.directory, LOCK_FILE)
        self._lock_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        lock(self._lock_fd)
        delivery = Delivery.create(self.directory, self.session_id)
        if deliver:
            self._delivery = delivery
        else:
            delivery.disown()
        self._open_segment()
        # Last, as this makes the directory a session, and nobody may take it for one whose writer is dead.
        write_session(self.directory, self._session)

    @property
    def session_id(self) -> str:
        return self._session.session_id

    def log_point(self, run_id: str, key: str, step: int, time_ms: int, value: float) -> int:
        """Append one point; return its sequence number, or REFUSED.

        step, time_ms: int64. value: any float, NaN and the infinities too, every bit kept. Cost: one write of 48
        bytes, and one for the series before its first point in a segment.
        """
        with self._lock:
            try:
                # Read before the series: _write refuses what was looked up in another segment than it goes to.
                seq, salt = self._seq + 1, self._salt
                series = self._series.get((run_id, key))
                if series is None or self._size + METRIC_BYTES > self._stop_at:
                    admitted = self._admit_point(run_id, key)
                    if admitted is None:
                        return REFUSED
                    series, seq, salt = admitted
                body = _pack_metric(METRIC_HEAD, seq, step, time_ms, value, series)
            except (struct.error, TypeError, ValueError, OverflowError, AttributeError) as error:
                return self._reject(f"the point of {key!r} cannot be written: {error}")
            record = body + crc32(body, salt).to_bytes(4, "little")
            return self._write(record, seq, salt) or self.log_point(run_id, key, step, time_ms, value)

    def append(self, kind: int, payload: bytes) -> int:
        """Append a record of any kind but METRIC and SERIES; return its sequence number, or REFUSED.

        payload: at most 64 MiB, kept as it is
        """
        with self._lock:
            size_bytes = OVERHEAD_BYTES + len(payload)
            if not 0 < kind < 256 or kind in (Kind.METRIC, Kind.SERIES) or len(payload) > MAX_PAYLOAD_BYTES:
                return self._reject(f"no record can be of kind {kind} and {len(payload)} bytes")
            if self._size + size_bytes > self._stop_at and not self._make_room(size_bytes, RESERVE_BYTES):
                return REFUSED
            seq, salt = self._seq + 1, self._salt
            record = pack_record(kind, seq, payload, salt)
            return self._write(record, seq, salt) or self.append(kind, payload)

    def sync(self) -> bool:
        """Have the disk itself hold everything appended so far; False when it did not promise to.

        Call it about once a second from a thread of its own. It holds no lock while it waits, and does nothing when
        nothing was appended. After a failure the records since the last success must be feared lost in a power cut.
        """
        with self._lock:
            seq = self._seq
            if not self.is_owner or (seq == self._synced and not self._unsynced_paths):
                return True
            new_paths, self._unsynced_paths = self._unsynced_paths, []
            paths = {*new_paths, get_segment_path(self.directory, self._number)}
        if new_paths:
            root = os.path.dirname(self.directory)
            paths |= {self.directory, root, os.path.dirname(root)}
        try:
            for path in sorted(paths, reverse=True):  # Files before the directories that name them.
                _sync_path(path)
        except OSError as error:
            with self._lock:
                self._unsynced_paths += new_paths
                self._sync_errors += 1
                self._last_problem = f"sync: {error.strerror}"
            return False
        self._synced = max(self._synced, seq)
        return True

    def acknowledge(self, seq: int) -> None:
        """Note that the server has every record up to ``seq``, and free the space of what is not needed.

        raises: Unavailable when it could not be noted, or when this session is delivered by others
        """
        if self._delivery is None:
            raise Unavailable(f"The journal in {self.directory} was begun to be delivered by others")
        if self._delivery.acknowledge(seq):
            with self._lock:
                self._recount()

    def status(self) -> JournalStatus:
        """Return the counts; reads one small file when the session is delivered by others."""
        delivery = self._delivery
        acked = delivery.acked if delivery else read_acked(self.directory, self.session_id)
        with self._lock:
            pending = max(0, self._seq - acked)
            return JournalStatus(
                session_id=self.session_id,
                appended=self._seq,
                acked=acked,
                synced=self._synced,
                pending_records=pending,
                pending_bytes=self._rolled_bytes + self._size if pending else 0,
                dropped=self._dropped,
                rejected=self._rejected,
                write_errors=self._write_errors,
                sync_errors=self._sync_errors,
                last_problem=self._last_problem,
            )

    def close(self) -> bool:
        """End the session: refuse what comes, sync, mark it closed, and remove it when all is acknowledged.

        returns: whether it was removed. Without effect in a forked child and the second time.
        """
        with self._lock:
            if self._closed or not self.is_owner:
                return False
            self._closed = True
            self._stop_at = -1
        self.sync()
        removed = False
        try:
            write_session(self.directory, self._session._replace(closed_ms=now_ms(), last_seq=self._seq))
            if self._delivery is not None:
                removed = self._delivery.close()
        except (OSError, TrackwayError) as error:
            # The session stays as that of a dead writer: whoever delivers it next tidies up.
            self._write_errors += 1
            self._last_problem = f"close: {error}"
        self._release()
        return removed

    def _write(self, record: bytes, seq: int, salt: int) -> int:
        """Write one whole record; return its number, REFUSED, or _AGAIN when number or segment have changed meanwhile.

        A signal handler or finalizer may log between any two steps of a call. None can run between the check here and
        the write: nothing is called there. The number counts as used before the write for the same reason.
        """
        size_bytes = len(record)
        start = self._size
        if seq != self._seq + 1 or salt != self._salt:
            return _AGAIN
        self._seq = seq
        self._size = start + size_bytes
        try:
            if os.write(self._fd, record) == size_bytes:
                return seq
            problem = "the disk took part of a record"
        except OSError as error:
            problem = f"write: {error.strerror}"
        return self._undo(seq, start, problem)

    def _undo(self, seq: int, start: int, problem: str) -> int:
        """Take back what a failed write left, so that the next record follows the last whole one."""
        self._write_errors += 1
        self._last_problem = problem
        if self._seq != seq:
            return REFUSED  # A signal handler has logged behind it already: readers step over the torn bytes.
        self._seq = seq - 1
        self._size = start
        # Until it is known where the file ends, the next record must begin another one.
        self._broken = True
        self._stop_at = -1
        try:
            if os.fstat(self._fd).st_size > start:
                os.ftruncate(self._fd, start)
        except OSError:
            return REFUSED
        self._broken = False
        self._set_stop()
        return REFUSED

    def _reject(self, problem: str) -> int:
        self._rejected += 1
        self._last_problem = problem
        return REFUSED

    def _admit_point(self, run_id: str, key: str) -> tuple[int, int, int] | None:
        """Find room for a point and define its series in this segment; return series, next number and salt."""
        run = run_id.encode()
        names = run + key.encode()
        while True:
            known = (run_id, key) in self._series
            definition_bytes = 0 if known else OVERHEAD_BYTES + SERIES_BODY.size + len(names)
            if not self._make_room(METRIC_BYTES + definition_bytes, 0):
                return None
            seq, salt = self._seq + 1, self._salt
            # Looked up again, as a new segment knows no series.
            series = self._series.get((run_id, key))
            if series is not None:
                return series, seq, salt
            series = self._next_series
            self._next_series = series + 1
            payload = SERIES_BODY.pack(series, len(run)) + names
            if len(payload) > MAX_PAYLOAD_BYTES:
                self._reject(f"a series cannot have a name of {len(names)} bytes")
                return None
            written = self._write(pack_record(Kind.SERIES, seq, payload, salt), seq, salt)
            if written == REFUSED:
                return None
            if written != _AGAIN and salt == self._salt:
                self._series[run_id, key] = series

    def _make_room(self, size_bytes: int, reserve_bytes: int) -> bool:
        """See to it that ``size_bytes`` may be written: begin another segment when due, keep to the quota."""
        if self._closed or self._stopped or not self.is_owner or self._rolling:
            # While a segment is begun only a signal handler or finalizer in the same thread can come here.
            self._dropped += 1
            return False
        most_bytes = self._quota_bytes + reserve_bytes if self._policy == "drop" else self._quota_bytes
        if self._rolled_bytes + self._size + size_bytes > most_bytes:
            if time.monotonic() >= self._recounted_s + _RECOUNT_S:
                self._recount()
            if self._rolled_bytes + self._size + size_bytes > most_bytes:
                self._dropped += 1
                if self._policy == "stop":
                    self._stopped = True
                    self._stop_at = -1
                self._last_problem = f"the quota of {self._quota_bytes} bytes is used up"
                return False
        full = self._size + size_bytes > SEGMENT_BYTES and self._size > SEGMENT_HEADER_BYTES
        if not full and not self._broken:
            self._set_stop()
            return True
        self._rolling = True
        try:
            self._open_segment()
        except OSError as error:
            self._write_errors += 1
            self._last_problem = f"new segment: {error.strerror}"
        finally:
            self._rolling = False
        # Without a new segment the old one grows on, unless it must not.
        return not self._broken

    def _open_segment(self) -> None:
        """Begin the next segment; from the moment that it can be seen nothing more goes into the last one."""
        number = self._number + 1
        salt = compute_salt(self.session_id, number)
        path = get_segment_path(self.directory, number)
        # It is there when a signal handler raised between its rename and the change below.
        if not os.path.exists(path):
            self._create_segment(path, pack_segment_header(number, self._seq + 1, salt))
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._unsynced_paths += [get_segment_path(self.directory, n) for n in (self._number, number) if n]
        # Nothing is called in these lines, so they take effect together whatever a signal handler does.
        old, self._fd = self._fd, fd
        self._number, self._salt = number, salt
        self._rolled_bytes += self._size
        self._size = SEGMENT_HEADER_BYTES
        self._series = {}
        self._next_series = 0
        self._broken = False
        self._set_stop()
        if old >= 0:
            os.close(old)

    def _create_segment(self, path: str, header: bytes) -> None:
        """Make a segment appear with its header whole."""
        draft = os.path.join(self.directory, SEGMENT_DRAFT)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.write(fd, header) != len(header):
                raise OSError(errno.ENOSPC, "the disk took part of a header")
        finally:
            os.close(fd)
        was_broken, self._broken = self._broken, True
        try:
            os.rename(draft, path)
        except OSError:
            self._broken = was_broken
            raise

    def _set_stop(self) -> None:
        """Set how far the open segment may grow before a record must ask for room."""
        if self.is_owner and not (self._closed or self._stopped or self._broken):
            self._stop_at = min(SEGMENT_BYTES, self._quota_bytes - self._rolled_bytes)

    def _recount(self) -> None:
        """See which segments are left: whoever delivers deletes them, and that may be another process."""
        self._recounted_s = time.monotonic()
        try:
            rolled = [number for number in list_segments(self.directory) if number < self._number]
            sizes = [os.stat(get_segment_path(self.directory, number)).st_size for number in rolled]
        except (OSError, TrackwayError):
            return  # One was deleted just now, or none can be listed: the old count holds until the next look.
        self._rolled_bytes = sum(sizes)
        self._set_stop()

    def _release(self) -> None:
        for fd in (self._fd, self._lock_fd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._lock_fd = -1
        if self._delivery is not None:
            self._delivery.disown()

    def _disown(self) -> None:
        """Leave the files to the parent. Its locks live as long as anybody holds these handles, so they are closed."""
        self.is_owner = False
        self._stop_at = -1
        self._lock = threading.RLock()
        self._release()


def _sync_path(path: str) -> None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # A segment that was delivered and deleted since.
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _disown_all() -> None:
    for journal in list(_journals):
        journal._disown()


os.register_at_fork(after_in_child=_disown_all)
