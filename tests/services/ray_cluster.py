"""A cluster of Ray with two nodes on this machine, ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.services.ports import free_port

START_S = 300.0
TRIALS = 4
_MARK = "CLUSTER_OF_A_TEST"


@contextlib.contextmanager
def run_ray() -> Iterator[str]:
    """Yield the address of its API of jobs."""
    head, api = free_port(), free_port()
    # Paths of sockets have at most 107 characters, and Ray's are long.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder, contextlib.ExitStack() as nodes:
        first = [f"--port={head}", f"--dashboard-port={api}", "--dashboard-host=127.0.0.1", "--head"]
        first += [f"--ray-client-server-port={free_port()}", f"--temp-dir={folder}"]
        for number, options in enumerate((first, [f"--address=127.0.0.1:{head}"]), 1):
            _start_node(nodes, Path(folder), options, lambda wanted=number: _count_nodes(api) == wanted)  # type: ignore[misc]
        yield f"http://127.0.0.1:{api}"


def _start_node(nodes: contextlib.ExitStack, folder: Path, options: list[str], ready: Callable[[], bool]) -> None:
    """Start a node, anew when it dies of a busy machine: its parts wait for one another for 15 s."""
    for trial in range(TRIALS):
        node = nodes.enter_context(_run_node(folder / f"{options[0][2:6]}{trial}.out", options))
        if node.wait_for(ready):
            return
        node.end()
    raise AssertionError(f"Ray has not started: {node.told.read_text()[-2_000:]}")


class _Node(NamedTuple):
    process: subprocess.Popen[bytes]
    told: Path

    def wait_for(self, ready: Callable[[], bool]) -> bool:
        """Wait until something is so; False when a part of the node has ended, or it takes too long."""
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s and self.process.poll() is None and not self._is_broken():
            if ready():
                return True
            time.sleep(0.2)
        return False

    def end(self) -> None:
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        _kill(f"{_MARK}={self.told}")
        self.process.wait(20)

    def _is_broken(self) -> bool:
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                name, _, rest = (entry / "stat").read_text().rpartition(")")
                if rest.split()[:2] == ["Z", str(self.process.pid)] and name.endswith("(raylet"):
                    return True
        return False


@contextlib.contextmanager
def _run_node(told: Path, options: list[str]) -> Iterator[_Node]:
    command = [
        *(str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus=2"),
        *("--node-ip-address=127.0.0.1", "--disable-usage-stats", "--object-store-memory=100000000"),
        # Ports of workers that the kernel chooses: within a range, Ray hangs at one that is taken.
        *(f"--dashboard-agent-listen-port={free_port()}", "--min-worker-port=0", "--max-worker-port=0"),
        *options,
    ]
    variables = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RAY_raylet_start_wait_time_s": f"{START_S:.0f}",
        _MARK: str(told),
    }
    with told.open("wb") as file:
        node = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=variables, start_new_session=True
        )
    started = _Node(node, told)
    try:
        yield started
    finally:
        started.end()


def _answers(port: int, path: str) -> bytes:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


def _count_nodes(port: int) -> int:
    return len(re.findall(rb'"state": ?"ALIVE"', _answers(port, "/nodes?view=summary")))


def _kill(mark: str) -> None:
    """End all that inherited a variable."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
