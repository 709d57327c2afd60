"""A program that ends a job when its launcher is gone without having ended it, as after ``kill -9``.

It needs nothing but Python's own library, is started beside the job, and reads one line: what to watch. A launcher that
has seen its job's end says so with a second one; when it is gone instead, what belongs to the job is ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time

LOOK_S = 1.0
"""How often it is looked whether the launcher is still there: a copy of it may hold the pipe open."""
POLL_S = 0.05
LEFTOVER_S = 5.0
"""How long what was sent SIGKILL is waited for."""


def find_members(group: int, token: str) -> list[int]:
    """Return the processes of a group and those that inherited a job's variable; where nothing tells, the group."""
    if not os.path.isdir("/proc/self"):
        return [-group]  # which is how a signal is sent to all of a group
    mark, found = token.encode(), []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                state, _, its_group = file.read().rpartition(")")[2].split()[:3]
            if state == "Z":
                continue
            if int(its_group) == group:
                found.append(int(name))
                continue
            with open(f"/proc/{name}/environ", "rb") as environ:
                if mark in environ.read():
                    found.append(int(name))
    return found


def send(group: int, token: str, number: int) -> bool:
    """Send a signal to all that belongs to a job; return whether there was something."""
    found = False
    for process in find_members(group, token):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)
            found = True
    return found


def end_all(group: int, token: str, grace_s: float) -> None:
    """End what belongs to a job: SIGTERM, and SIGKILL when it has not ended in time."""
    deadline_s = time.monotonic() + grace_s
    number = int(signal.SIGTERM)
    while send(group, token, number) and time.monotonic() < deadline_s + LEFTOVER_S:
        time.sleep(POLL_S)
        number = int(signal.SIGKILL) if time.monotonic() > deadline_s else 0


def read_line() -> bytes:
    """Read a line, and not a byte more: what comes after it is waited for."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line


def watch() -> None:
    """Wait for the launcher's word, or its end."""
    launcher = os.getppid()
    told = json.loads(read_line())
    while launcher == told["launcher"] == os.getppid():
        if select.select([0], [], [], LOOK_S)[0]:
            if os.read(0, 1):
                return
            break
    end_all(told["group"], told["token"], told["grace_s"])
    if told["remove"]:
        subprocess.run(told["remove"], stdin=subprocess.DEVNULL, capture_output=True, check=False)


if __name__ == "__main__":
    watch()
