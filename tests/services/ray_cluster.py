"""A cluster of Ray with two nodes on this machine, ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.services.ports import free_ports

START_S = 300.0
"""A busy machine may take this long to start a node, or any process of one."""
_MARK = "CLUSTER_OF_A_TEST"
# Each is how long one part of a node waits for another before it ends the node.
_PATIENCE = {
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": f"{START_S:.0f}",
    "RAY_agent_register_timeout_ms": f"{START_S * 1000:.0f}",
    "RAY_gcs_rpc_server_connect_timeout_s": f"{START_S:.0f}",
    "RAY_gcs_server_request_timeout_seconds": f"{START_S:.0f}",
    "RAY_health_check_timeout_ms": f"{START_S * 1000:.0f}",
    "RAY_raylet_start_wait_time_s": f"{START_S:.0f}",
    "RAY_worker_register_timeout_seconds": f"{START_S:.0f}",
}


@contextlib.contextmanager
def run_ray() -> Iterator[str]:
    """Yield the address of its API of jobs."""
    head, api, proxy = free_ports(3)
    # Paths of sockets have at most 107 characters, and Ray's are long.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder, contextlib.ExitStack() as nodes:
        first = [f"--port={head}", f"--dashboard-port={api}", "--dashboard-host=127.0.0.1", "--head"]
        first += [f"--ray-client-server-port={proxy}", f"--temp-dir={folder}"]
        for number, options in enumerate((first, [f"--address=127.0.0.1:{head}"]), 1):
            node = nodes.enter_context(_run_node(Path(folder), options))
            node.wait_until_one_of(number, api)
        yield f"http://127.0.0.1:{api}"


@dataclass(frozen=True)
class _Node:
    id: str
    agent_port: int
    process: subprocess.Popen[bytes]
    folder: Path

    def wait_until_one_of(self, number: int, api: int) -> None:
        """Wait until so many nodes live, this among them; fail when a part of it has ended, or it takes too long."""
        deadline_s = time.monotonic() + START_S
        while not (self._answers() and _count_nodes(api) == number):
            assert self.process.poll() is None, f"Ray has not started: {self.read_log()}"
            assert not self._is_broken(), f"Ray's raylet has ended: {self.read_log()}"
            assert time.monotonic() < deadline_s, f"Ray has not started in {START_S:.0f} s: {self.read_log()}"
            time.sleep(0.2)

    def _answers(self) -> bool:
        """Find out whether its agent answers, and until then tell its raylet where it will.

        The raylet waits for a file with the port, which the agent writes once it has imported all that it is made of,
        and ends the node after 15 s: it is told neither the port that the node was given nor how long to wait.
        """
        session = self.folder / "session_latest"
        told = session / f"dashboard_agent_listen_port_{self.id}"
        if session.exists() and not told.exists():
            whole = self.folder / f"{self.id}.port"
            whole.write_text(str(self.agent_port))
            whole.rename(told)
        return bool(_read(self.agent_port, "/api/healthz"))

    def read_log(self) -> str:
        """Read the end of what it has printed, and of what its raylet says it died of."""
        printed = (self.folder / f"{self.id}.out").read_text()[-2_000:]
        fatal = [
            line
            for file in self.folder.glob("session_latest/logs/raylet.*")
            for line in file.read_text(errors="replace").splitlines()
            if " C " in line[:60]
        ]
        return "\n".join((printed, *fatal))

    def end(self) -> None:
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        _kill(f"{_MARK}={self.id}")
        self.process.wait(20)

    def _is_broken(self) -> bool:
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                name, _, rest = (entry / "stat").read_text().rpartition(")")
                if rest.split()[:2] == ["Z", str(self.process.pid)] and name.endswith("(raylet"):
                    return True
        return False


@contextlib.contextmanager
def _run_node(folder: Path, options: list[str]) -> Iterator[_Node]:
    # A port that it is not given, a part chooses itself, and the raylet waits for 15 s at most to be told which.
    names = ("dashboard-agent-listen", "dashboard-agent-grpc", "runtime-env-agent", "metrics-export")
    ports = free_ports(len(names))
    command = [
        *(str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus=2"),
        *("--node-ip-address=127.0.0.1", "--disable-usage-stats", "--object-store-memory=100000000"),
        *(f"--{name}-port={port}" for name, port in zip(names, ports, strict=True)),
        # Ports of workers that the kernel chooses: within a range, Ray hangs at one that is taken.
        *("--min-worker-port=0", "--max-worker-port=0"),
        *options,
    ]
    number = secrets.token_hex(28)
    variables = {
        **os.environ,
        **_PATIENCE,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": number,
        _MARK: number,
    }
    with (folder / f"{number}.out").open("wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=variables, start_new_session=True
        )
    node = _Node(number, ports[0], process, folder)
    try:
        yield node
    finally:
        node.end()


def _read(port: int, path: str) -> bytes:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


def _count_nodes(port: int) -> int:
    return len(re.findall(rb'"state": ?"ALIVE"', _read(port, "/nodes?view=summary")))


def _kill(mark: str) -> None:
    """End all that inherited a variable."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
