"""Files on their way beside the records, so that a large one keeps neither points nor signs of life waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from trackway.sdk.journal_reader import Record
from trackway.sdk.patience import Patience, Stopped
from trackway.sdk.problems import Problems

_IDLE_S = 3600.0
_TROUBLE_S = 10.0


class Uploads:
    """Carries out records that are files, one after the other in their order, in a thread of its own.

    carry_out: uploads or refuses one; raises Stopped
    """

    def __init__(self, carry_out: Callable[[Record], None], patience: Patience, problems: Problems) -> None:
        self._carry_out = carry_out
        self._patience = patience
        self._problems = problems
        self._lock = threading.Lock()
        self._waiting: deque[Record] = deque()
        self._thread: threading.Thread | None = None

    def put(self, record: Record) -> None:
        """Take a record; one that waits already is not taken twice."""
        with self._lock:
            if all(waiting.seq != record.seq for waiting in self._waiting):
                self._waiting.append(record)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="trackway-uploads", daemon=True)
            self._thread.start()
        self._patience.wake()

    def get_first_seq(self) -> int | None:
        """Return the number of the first record that is not carried out yet."""
        with self._lock:
            return self._waiting[0].seq if self._waiting else None

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end, after its patience was told to stop."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            try:
                while self._waiting:
                    self._carry_out(self._waiting[0])
                    with self._lock:
                        self._waiting.popleft()
                self._patience.rest(_IDLE_S)
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001 - the thread's edge: what is in the journal must get its chance
                self._problems.note("upload failed", f"An upload failed, and will be tried again: {error!r}")
                if not self._rest():
                    return

    def _rest(self) -> bool:
        try:
            self._patience.rest(_TROUBLE_S)
        except Stopped:
            return False
        return True
