"""One process's logging to one store: the journal that takes what is logged, and the threads behind it."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from trackway.api.runs import RunStatus
from trackway.base.addresses import hide_credentials
from trackway.base.errors import Unavailable
from trackway.base.ids import new_id
from trackway.sdk import exits, settings
from trackway.sdk.connection import close_transports, get_journal_root, is_local, open_transport
from trackway.sdk.journal import REFUSED, Journal, JournalStatus
from trackway.sdk.journal_format import SEGMENT_BYTES, Kind
from trackway.sdk.patience import Stopped
from trackway.sdk.problems import PROBLEMS
from trackway.sdk.progress import Progress
from trackway.sdk.records import STAGED, Artifact, encode_artifact
from trackway.sdk.sender import Sender
from trackway.sdk.sync import sync_leftovers

LEASE_MS = 120_000
"""A run whose process has not been heard of for so long is LOST."""
RENEW_S = 30.0
POLL_S = 0.2
"""Longest time that a record waits in the journal while the store keeps up."""
SYNC_S = 1.0
SHOW_S = 0.5
"""How often somebody who waits is told how far delivery is."""
STOP_S = 1.0
"""How long a thread that was told to stop may still be waiting for an answer."""
INLINE_BYTES = 64 * 1024
"""Files up to this size are kept in the journal's records, larger ones beside them."""

_logger = logging.getLogger("trackway")


class Session:
    """Everything that this process logs to one store.

    Logging appends to the journal and returns. One daemon thread delivers the journal, another has the disk hold it
    once a second. Both begin with the first record; a forked child begins anew with its own first record.
    Any thread may call.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._delivered = threading.Condition()
        self._closing = threading.Event()
        self._journal: Journal | None = None
        self._sender: Sender | None = None
        self._thread: threading.Thread | None = None
        self._unsynced: list[str] = []
        self._leases: dict[str, int] = {}

    @property
    def is_open(self) -> bool:
        """Whether anything was logged."""
        return self._journal is not None

    def log_point(self, run_id: str, key: str, step: int, time_ms: int, value: float) -> None:
        """Append one point; one that cannot be kept is a problem.

        raises: Unavailable when there is no place for a journal
        """
        journal = self._journal or self._open()
        if journal.log_point(run_id, key, step, time_ms, value) == REFUSED:
            self._note_refusal(journal)

    def append(self, kind: Kind, payload: bytes) -> None:
        """Append a record; one that cannot be kept is a problem.

        raises: Unavailable when there is no place for a journal
        """
        journal = self._journal or self._open()
        if journal.append(kind, payload) == REFUSED:
            self._note_refusal(journal)

    def log_bytes(self, run_id: str, path: str, data: bytes) -> None:
        """Log ``data`` as the artifact ``path`` of a run."""
        if len(data) <= INLINE_BYTES:
            self.append(Kind.ARTIFACT, encode_artifact(Artifact(run_id=run_id, path=path, data=data)))
        else:
            self._stage(run_id, path, len(data), lambda target: _write(target, data))

    def log_file(self, run_id: str, path: str, local_path: str) -> None:
        """Log a file as it is now, as the artifact ``path`` of a run.

        Its bytes are copied, so that it may change or vanish afterwards: training often writes the next checkpoint
        over the last one.

        raises: OSError when it cannot be read or copied
        """
        size_bytes = os.stat(local_path).st_size
        if size_bytes <= INLINE_BYTES:
            with open(local_path, "rb") as file:
                self.log_bytes(run_id, path, file.read())
        else:
            self._stage(run_id, path, size_bytes, lambda target: shutil.copyfile(local_path, target))

    def hold_lease(self, run_id: str) -> None:
        """Tell the store from now on, again and again, that a run is alive."""
        self._leases[run_id] = LEASE_MS

    def end_lease(self, run_id: str) -> None:
        """Say no more of a run."""
        self._leases.pop(run_id, None)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything logged so far is delivered; return whether it is.

        When delivery has been failing for longer than that already, one second is all that is waited.
        """
        journal, sender = self._journal, self._sender
        if journal is None or sender is None:
            return True
        target = journal.status().appended
        failing_since_s = sender.failing_since_s
        if failing_since_s is not None and time.monotonic() - failing_since_s > timeout_s:
            timeout_s = min(timeout_s, 1.0)
        sender.wake()
        deadline_s = time.monotonic() + timeout_s
        staged_bytes = _count_staged(journal.directory)
        with self._delivered, Progress("Sending files", staged_bytes) as progress:
            while not self._delivered.wait_for(lambda: sender.delivered_seq >= target, min(SHOW_S, timeout_s)):
                progress.reach(staged_bytes - _count_staged(journal.directory) + sender.sent_bytes)
                timeout_s = deadline_s - time.monotonic()
                if timeout_s <= 0:
                    return False
        return True

    def close(self, timeout_s: float) -> None:
        """Deliver what can be delivered in time, and end the session; what is left stays for ``trackway sync``."""
        self.flush(timeout_s)
        with self._lock:
            journal, sender, thread = self._journal, self._sender, self._thread
            self._closing.set()
            if journal is None or sender is None or thread is None:
                return
            sender.stop()
            thread.join(STOP_S)
            if not thread.is_alive():
                sender.close()
            pending = journal.status().pending_records
            removed = journal.close()
            if pending:
                _logger.warning(
                    "%d records are not delivered yet. They are safe in %s: run `trackway sync %s` to deliver them",
                    pending,
                    journal.directory,
                    journal.directory,
                )
            elif not removed:
                PROBLEMS.note("journal not removed", f"The journal in {journal.directory} could not be removed")
            self._begin()

    def status(self) -> tuple[JournalStatus, Sender] | None:
        """Return the journal's counts and the sender, or None when nothing was logged."""
        journal, sender = self._journal, self._sender
        return None if journal is None or sender is None else (journal.status(), sender)

    def forget(self) -> None:
        """Begin anew in a forked child: the journal and the threads stayed with the parent."""
        self._begin()

    def _open(self) -> Journal:
        with self._lock:
            if self._journal is None:
                journal = _create_journal(self.uri)
                self._sender = Sender(journal, lambda: open_transport(self.uri, 0.0), PROBLEMS, leases=self._leases)
                self._thread = threading.Thread(
                    target=self._deliver, args=(self._sender,), name="trackway-sender", daemon=True
                )
                syncing = threading.Thread(
                    target=self._sync, args=(journal, self._closing), name="trackway-journal", daemon=True
                )
                self._thread.start()
                syncing.start()
                exits.watch()
                self._journal = journal
            return self._journal

    def _deliver(self, sender: Sender) -> None:
        """Deliver until told to stop: the sender's thread."""
        renewed_s = time.monotonic()
        attempt = 0
        leftovers_wait = is_local(self.uri)
        while True:
            try:
                delivered = sender.deliver_next()
                with self._delivered:
                    self._delivered.notify_all()
                if time.monotonic() - renewed_s > RENEW_S:
                    renewed_s = time.monotonic()
                    sender.renew_leases()
                attempt = 0
                if delivered:
                    continue
                if leftovers_wait:
                    leftovers_wait = False
                    sync_leftovers(self.uri)
                else:
                    sender.rest(POLL_S)
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001 - the thread's edge: what is in the journal must get its chance
                PROBLEMS.note("delivery failed", f"Delivery failed, and will be tried again: {error!r}")
                attempt += 1
                if _rest(sender, min(30.0, 0.2 * 2**attempt)):
                    return

    def _sync(self, journal: Journal, closing: threading.Event) -> None:
        """Have the disk hold what was logged, once a second: a thread of its own, as delivery may be stuck."""
        while not closing.wait(SYNC_S):
            while self._unsynced:
                _sync_file(self._unsynced.pop())
            journal.sync()

    def _stage(self, run_id: str, path: str, size_bytes: int, fill: Callable[[str], object]) -> None:
        """Keep a file's bytes beside the journal until they are delivered.

        raises: OSError when they cannot be kept; Unavailable when they would break the quota
        """
        journal = self._journal or self._open()
        self._check_quota(journal, size_bytes)
        name = f"{new_id()}{STAGED}"
        target = os.path.join(journal.directory, name)
        try:
            fill(target)
            # A file that changes under the copy is logged as it was copied.
            size_bytes = os.stat(target).st_size
        except OSError:
            if os.path.exists(target):
                os.unlink(target)
            raise
        self._unsynced.append(target)
        self.append(
            Kind.ARTIFACT, encode_artifact(Artifact(run_id=run_id, path=path, staged=name, size_bytes=size_bytes))
        )

    def _check_quota(self, journal: Journal, size_bytes: int) -> None:
        """Make room by waiting for delivery, when the staged files would grow over the quota."""
        quota_bytes = int(settings.get_number("TRACKWAY_STAGED_BYTES"))
        if _count_staged(journal.directory) + size_bytes <= quota_bytes:
            return
        self.flush(settings.get_number("TRACKWAY_FINISH_S"))
        if _count_staged(journal.directory) + size_bytes > quota_bytes:
            raise Unavailable(
                f"A file of {size_bytes} bytes would take the undelivered files over {quota_bytes} bytes",
                hint="it was not logged; set TRACKWAY_STAGED_BYTES higher if the disk has room",
            )

    def _note_refusal(self, journal: Journal) -> None:
        problem = f"A record could not be kept: {journal.status().last_problem}"
        PROBLEMS.raise_or_note("journal refused", Unavailable(problem))


def _create_journal(uri: str) -> Journal:
    """Begin a journal in its usual place, or below the temporary folder when that one cannot be written."""
    info = {"tracking_uri": hide_credentials(uri)}
    quota_bytes = max(SEGMENT_BYTES, int(settings.get_number("TRACKWAY_JOURNAL_BYTES")))
    root = get_journal_root(uri)
    try:
        return Journal.create(root, info, quota_bytes=quota_bytes)
    except Unavailable as error:
        spare = os.path.join(tempfile.gettempdir(), f"trackway-journal-{os.getuid()}")
        journal = Journal.create(spare, info, quota_bytes=quota_bytes)
        PROBLEMS.note("journal elsewhere", f"{error}; the journal is in {journal.directory} instead")
        return journal


def _rest(sender: Sender, delay_s: float) -> bool:
    """Rest; return whether the sender was stopped meanwhile."""
    try:
        sender.rest(delay_s)
    except Stopped:
        return True
    return False


def _count_staged(directory: str) -> int:
    size_bytes = 0
    for entry in os.scandir(directory):
        if entry.name.endswith(STAGED):
            with suppress(FileNotFoundError):  # delivered meanwhile
                size_bytes += entry.stat().st_size
    return size_bytes


def _write(target: str, data: bytes) -> None:
    with open(target, "wb") as file:
        file.write(data)


def _sync_file(path: str) -> None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # delivered meanwhile
    try:
        os.fsync(fd)
    except OSError as error:
        PROBLEMS.note("disk", f"The disk did not take {path}: {error.strerror}")
    finally:
        os.close(fd)


_lock = threading.Lock()
_sessions: dict[str, Session] = {}


def get_session(uri: str) -> Session:
    """Return this process's session with a store."""
    with _lock:
        return _sessions.setdefault(uri, Session(uri))


def list_sessions() -> list[Session]:
    """Return this process's sessions."""
    with _lock:
        return list(_sessions.values())


def find_session(uri: str) -> Session | None:
    """Return this process's session with a store if anything was logged in it."""
    session = _sessions.get(uri)
    return session if session is not None and session.is_open else None


def _close_sessions(status: RunStatus) -> None:  # noqa: ARG001 - as every hook of exits
    for session in list_sessions():
        session.close(settings.get_number("TRACKWAY_FINISH_S"))
    close_transports()


def _forget_in_child() -> None:
    global _lock
    _lock = threading.Lock()
    for session in _sessions.values():
        session.forget()


exits.register(_close_sessions)
os.register_at_fork(after_in_child=_forget_in_child)
