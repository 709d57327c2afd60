"""A PostgreSQL server of a test session's own, on a loopback port, with its data in a temporary folder."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.services.ports import free_port

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30


@dataclass(frozen=True)
class PostgresServer:
    """A running server; its superuser ``trackway`` needs no password from loopback."""

    port: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://trackway@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def delete_database(self, url: str) -> None:
        """Delete a database that ``create_database`` made, ending the connections to it."""
        self.execute(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())


class PostgresCluster:
    """A server that can be stopped and started again with its data.

    fsync:   False makes it quick and gives up only what an operating system's crash would lose
    """

    def __init__(self, folder: Path, fsync: bool) -> None:
        self.server = PostgresServer(free_port())
        self._folder = folder
        self._as_user = _as_user(folder)
        self._fsync = fsync
        self._process: subprocess.Popen[bytes] | None = None
        _run(
            [
                *self._as_user,
                _binary("initdb"),
                "--auth=trust",
                "--username=trackway",
                "--encoding=UTF8",
                # Text is compared as people do in most installations: what needs bytes must say so itself.
                *("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"),
                "--no-sync",
                str(folder / "data"),
            ]
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {
            "port": self.server.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "on" if self._fsync else "off",
            "max_connections": 200,
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        command = [*self._as_user, _binary("postgres"), "-D", str(self._folder / "data"), *flags]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=subprocess.STDOUT)
        _wait_until_ready(self.server, self._process, self._folder / "log")

    def stop(self) -> None:
        """Stop it at once, as a crash would; it recovers when it is started again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(STOP_TIMEOUT_S)
            self._process = None


@contextmanager
def run_postgres(fsync: bool = False) -> Iterator[PostgresServer]:
    """Run a new server until the block ends; it also ends when this process dies.

    cost:    about 1 s and 60 MB
    """
    with run_cluster(fsync) as cluster:
        yield cluster.server


@contextmanager
def run_cluster(fsync: bool = False) -> Iterator[PostgresCluster]:
    """Run a new server, as ``run_postgres`` does, that can be stopped in between."""
    folder = Path(tempfile.mkdtemp(prefix="trackway-postgres-"))
    try:
        cluster = PostgresCluster(folder, fsync)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


def _binary(name: str) -> str:
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = str(debian[-1]) if debian else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"PostgreSQL's {name} is missing: install PostgreSQL, or let `make test` do so")
    return found


def _as_user(folder: Path) -> list[str]:
    """Return what goes before a command so that it ends with this process and is not root, whom PostgreSQL refuses."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    command = [setpriv, "--pdeathsig=QUIT"]
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        command += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return command


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} failed: {done.stdout}{done.stderr}")


def _wait_until_ready(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            psycopg.connect(server.url()).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from None
            time.sleep(0.02)
