"""Rows of artifacts: one large file and many small ones, through the server's routes for both front doors' clients."""

from __future__ import annotations

import os
import socket
import time

from bench.connection import Connection, spread
from bench.rows import Row, Scale, Target
from bench.servers import Server

LARGE_BYTES = 512 * 1024 * 1024
SMALL_FILES = 500
SMALL_BYTES = 10_000
BLOCK_BYTES = 1 << 20
CONNECTIONS = 16
SILENCE_S = 60
ROUTE = "/api/2.0/mlflow-artifacts/artifacts/0/bench"


async def upload_large(server: Server, _scale: Scale) -> float:
    """Return MB/s of a file of 512 MB sent on one connection, until it is acknowledged."""
    _warm(server)
    rate = _send_large(server)
    _remove_large(server)
    return rate


async def download_large(server: Server, _scale: Scale) -> float:
    """Return MB/s of such a file fetched on one connection; chunked answers are counted, not decoded."""
    _warm(server)
    _send_large(server)
    head = f"GET {ROUTE}/large HTTP/1.1\r\nHost: {server.address.host}\r\nConnection: close\r\n\r\n"
    buffer = bytearray(BLOCK_BYTES)
    with socket.create_connection(server.address, SILENCE_S) as connection:
        started = time.perf_counter()
        connection.sendall(head.encode())
        received = 0
        while count := connection.recv_into(buffer):
            received += count
        elapsed = time.perf_counter() - started
    if received < LARGE_BYTES:
        raise RuntimeError(f"{server.name} sent only {received} bytes")
    _remove_large(server)
    return LARGE_BYTES / 1e6 / elapsed


async def write_large(server: Server, _scale: Scale) -> float:
    """Return MB/s of such a file written and synced by the client itself: what the disk can do in this sitting."""
    _warm(server)
    block = os.urandom(BLOCK_BYTES)
    started = time.perf_counter()
    with (server.folder / "written").open("wb") as file:
        for _ in range(LARGE_BYTES // BLOCK_BYTES):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    elapsed = time.perf_counter() - started
    (server.folder / "written").unlink()
    return LARGE_BYTES / 1e6 / elapsed


def _send_large(server: Server) -> float:
    block = os.urandom(BLOCK_BYTES)
    head = f"PUT {ROUTE}/large HTTP/1.1\r\nHost: {server.address.host}\r\nContent-Length: {LARGE_BYTES}\r\n\r\n"
    with socket.create_connection(server.address, SILENCE_S) as connection:
        started = time.perf_counter()
        connection.sendall(head.encode())
        for _ in range(LARGE_BYTES // BLOCK_BYTES):
            connection.sendall(block)
        answer = connection.recv(65536)
        elapsed = time.perf_counter() - started
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{server.name} answered {answer!r}")
    return LARGE_BYTES / 1e6 / elapsed


def _warm(server: Server) -> None:
    """Write and remove such a file, as memory that a virtual machine touches first is ten times slower than later."""
    block = os.urandom(BLOCK_BYTES)
    with (server.folder / "warm").open("wb") as file:
        for _ in range(LARGE_BYTES // BLOCK_BYTES):
            file.write(block)
    (server.folder / "warm").unlink()


def _remove_large(server: Server) -> None:
    """Remove what was stored, from the disk itself: who keeps a replaced file for a while must not fill the memory."""
    for file in (server.folder / "artifacts").rglob("*"):
        if file.is_file() and file.stat().st_size == LARGE_BYTES:
            file.unlink()


async def upload_small(server: Server, _scale: Scale) -> float:
    """Return files/s of 500 files of 10 kB, each a name of its own, on 16 connections."""
    turn = server.state["uploads"] = server.state.get("uploads", 0) + 1
    body = os.urandom(SMALL_BYTES)

    async def put(connection: Connection, number: int) -> None:
        raw = server.address.request("PUT", f"{ROUTE}/{turn}/{number}", body, "application/octet-stream")
        await connection.get_json(raw)

    sent, elapsed = await spread(server.address, iter(range(SMALL_FILES)), put, CONNECTIONS)
    return sent / elapsed


async def download_small(server: Server, scale: Scale) -> float:
    """Return files/s of 500 such files on 16 connections."""
    if "uploads" not in server.state:
        await upload_small(server, scale)

    async def get(connection: Connection, number: int) -> None:
        status, body = await connection.send(server.address.request("GET", f"{ROUTE}/1/{number}"))
        if status != 200 or len(body) != SMALL_BYTES:
            raise RuntimeError(f"{server.name} answered {status} with {len(body)} bytes")

    fetched, elapsed = await spread(server.address, iter(range(SMALL_FILES)), get, CONNECTIONS)
    return fetched / elapsed


_BOTH = ("trackway", "mlflow")
_OURS = ("trackway",)
# fmt: off
ROWS = [
    Row("upload_large", "artifact of 512 MB up", "MB/s", upload_large, Target("mlflow", 1.5), _BOTH, rounds=2),
    Row("write_large", "such a file written by hand and synced", "MB/s", write_large, Target(), _OURS, rounds=2),
    Row("download_large", "artifact of 512 MB down", "MB/s", download_large, Target("mlflow", 1.5), _BOTH, rounds=2),
    Row("upload_small", "500 artifacts of 10 kB up", "1/s", upload_small, Target("mlflow", 10), _BOTH),
    Row("download_small", "500 artifacts of 10 kB down", "1/s", download_small, Target("mlflow", 10), _BOTH),
]
# fmt: on
