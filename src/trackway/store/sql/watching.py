"""How processes hear of one another: PostgreSQL carries what they tell; a SQLite file counts its changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from trackway.store.sql.connection import Connection
from trackway.store.watching import Told, Watch

LOOK_S: Final = 0.5
"""A SQLite file's counter is read so often."""
AGAIN_S: Final = 2.0
"""After so long a lost connection is opened again."""
CHANNEL: Final = "trackway_changes"
log = logging.getLogger("trackway.store")


def watch(connect: Callable[[], Connection], dialect: str, told: Told) -> Watch:
    """Begin to hear of changes."""
    return (_PostgresWatch if dialect == "postgresql" else _SqliteWatch)(connect, told)


class _Ear:
    """A thread that listens until it is closed, and opens its connection again when it was lost."""

    def __init__(self, connect: Callable[[], Connection], told: Told) -> None:
        self._connect = connect
        self._told = told
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="trackway-watch", daemon=True)
        self._thread.start()

    def attend(self, listening: bool) -> None:
        """Say whether anybody listens."""

    def close(self) -> None:
        """Hear no more."""
        self._closed.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closed.is_set():
            try:
                self._wait()
                db = self._connect()
                try:
                    self._listen(db)
                finally:
                    db.close()
            except Exception as error:  # noqa: BLE001 - the thread's edge: pages ask again by themselves
                log.info("Changes of other processes are not heard: %s", error)
                self._closed.wait(AGAIN_S)

    def _wait(self) -> None:
        """Wait until it is worth while to open a connection."""

    def _listen(self, db: Connection) -> None:
        raise NotImplementedError


class _SqliteWatch(_Ear):
    """Looks at the counter that changes with each commit of another connection, of this process or of others."""

    tells = False

    def __init__(self, connect: Callable[[], Connection], told: Told) -> None:
        self._attended = threading.Event()
        super().__init__(connect, told)

    def attend(self, listening: bool) -> None:
        """Look at the counter from now on, or no more."""
        if listening:
            self._attended.set()
        else:
            self._attended.clear()

    def close(self) -> None:
        """Hear no more."""
        self._closed.set()
        self._attended.set()
        super().close()

    def _wait(self) -> None:
        self._attended.wait()

    def tell(self, text: str) -> None:
        """Say nothing: one process serves a SQLite file, and others see that it changed."""

    def _listen(self, db: Connection) -> None:
        before = None
        while not self._closed.is_set():
            [(now,)] = db.all("PRAGMA data_version")
            if before is not None and now != before:
                self._told("")
            before = now
            self._closed.wait(LOOK_S)
            if not self._attended.is_set():
                self._attended.wait()
                before = None


class _PostgresWatch(_Ear):
    """Listens on one connection, and tells on another, so that neither waits for the other."""

    tells = True

    def __init__(self, connect: Callable[[], Connection], told: Told) -> None:
        self._mouth: Connection | None = None
        super().__init__(connect, told)

    def tell(self, text: str) -> None:
        """Tell whoever listens on this database."""
        try:
            if self._mouth is None:
                self._mouth = self._connect()
            self._mouth.all("SELECT pg_notify(?, ?)", (CHANNEL, text))
        except Exception as error:  # noqa: BLE001 - nothing depends on it
            log.info("A change could not be told to other processes: %s", error)
            if self._mouth is not None:
                self._mouth.close()
            self._mouth = None

    def close(self) -> None:
        """Hear and tell no more."""
        super().close()
        if self._mouth is not None:
            self._mouth.close()

    def _listen(self, db: Connection) -> None:
        db.raw.execute(f"LISTEN {CHANNEL}")
        while not self._closed.is_set():
            for one in db.raw.notifies(timeout=LOOK_S):
                self._told(one.payload)
