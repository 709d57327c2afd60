"""How this process ends: the runs that are still open follow it, and what was logged is delivered."""

from __future__ import annotations

import _sitebuiltins
import atexit
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any, NoReturn

from trackway.api.runs import RunStatus

Hook = Callable[[RunStatus], None]
"""Called when the process ends, with the status that this gives to a run that is open."""

_hooks: list[Hook] = []
_pid = 0
_previous: Any = None
_terminated = False
_left: SystemExit | None = None
"""The ``sys.exit`` or ``exit`` that ended the program, which the interpreter does not remember as it does errors."""


def register(hook: Hook) -> None:
    """Have ``hook`` called when a process that ``watch`` was called in ends; the last registered is called first."""
    _hooks.append(hook)


def watch() -> None:
    """See to it that the hooks are called when this process ends; later calls do nothing.

    SIGTERM becomes a SystemExit with code 143, so that blocks are left and files closed on the way out. A handler that
    is there is called instead, and a process that ignores the signal goes on doing so. Outside of the main thread no
    signal can be watched, and kill -9 nowhere: a run whose process is gone is LOST when its lease ends.

    ``sys.exit``, ``exit`` and ``quit`` are wrapped to learn of their code; of a SystemExit that a program raises by
    itself, outside of a run's block, nothing is known.
    """
    global _pid
    if _pid != os.getpid():
        if _pid == 0:
            # What delivers needs it, and once a program ends it cannot be imported.
            importlib.import_module("concurrent.futures.thread")
            atexit.register(_end)
            sys.exit = _wrap(sys.exit)
            quitter: Any = _sitebuiltins.Quitter
            quitter.__call__ = _wrap(quitter.__call__)
        _pid = os.getpid()
        _watch_child()
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is not _terminate:
        _watch_signal()


def get_status(error: BaseException | None) -> RunStatus:
    """Return the status of a run whose block was left with ``error``, or without one."""
    if error is None:
        return "FINISHED"
    if _terminated or isinstance(error, KeyboardInterrupt):
        return "KILLED"
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return "FINISHED"
    return "FAILED"


class _Witness:
    """Goes with an exit, and is dropped with it: when the program ends by it, where no code is left to catch it.

    An exit that another one followed is dropped right after that.
    """

    def __init__(self, code: Any) -> None:
        self._code = code

    def __del__(self) -> None:
        global _left
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and _left is None and sys._getframe().f_back is None:
            _left = SystemExit(self._code)


def _wrap(leave: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    @wraps(leave)
    def leave_and_tell(*status: Any) -> NoReturn:
        try:
            leave(*status)
        except SystemExit as error:
            witnessed: Any = error
            witnessed._trackway_witness = _Witness(error.code)
            del witnessed
            raise

    return leave_and_tell


def _watch_signal() -> None:
    global _previous
    previous = signal.getsignal(signal.SIGTERM)
    if previous is not None and previous is not signal.SIG_IGN:
        _previous = previous
        signal.signal(signal.SIGTERM, _terminate)


def _watch_child() -> None:
    """Hooks of a child of multiprocessing are called by its own means, as it leaves without those of atexit."""
    multiprocessing: Any = sys.modules.get("multiprocessing")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        multiprocessing.util.Finalize(None, _end, exitpriority=0)


def _terminate(number: int, frame: FrameType | None) -> None:
    global _terminated
    _terminated = True
    if not callable(_previous):
        raise SystemExit(128 + number)
    _previous(number, frame)


def _end() -> None:
    if os.getpid() != _pid:
        return
    # The error that ended the program; at a prompt, errors end nothing.
    error = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None) or _left
    status: RunStatus = "KILLED" if _terminated else get_status(error)
    for hook in reversed(_hooks):
        hook(status)


# A forked child that logs nothing itself must end as it would without us. A signal that comes while it is forked waits,
# as the interpreter forgets those that it has taken note of by then.

_masks = threading.local()


def _hold_signal() -> None:
    _masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _release_signal() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)


def _release_signal_in_child() -> None:
    if signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, _previous)
    _release_signal()


os.register_at_fork(before=_hold_signal, after_in_parent=_release_signal, after_in_child=_release_signal_in_child)
