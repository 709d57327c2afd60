"""What the processes of every server have in common: their log, and that they end with what started them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.process import BaseProcess


def start_log(*, access_log: bool) -> None:
    """Have this process log to standard error, and each request when that is wanted."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # what is done to a schema is told by the store
    logging.getLogger("trackway.access").setLevel(logging.INFO if access_log else logging.WARNING)


def end_with_parent() -> None:
    """End this process when the one that started it was killed: left over, it would hold the port for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), name="trackway-parent", daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
