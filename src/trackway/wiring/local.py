"""A store in this process, without a server: nothing of the server is imported."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from trackway.api.artifacts import FileEntry
from trackway.api.calls import Actor
from trackway.api.operations import Operation
from trackway.api.structs import Request, Response
from trackway.artifacts.transfer import download_file, upload_file
from trackway.base.errors import TrackwayError
from trackway.base.settings import place_artifacts
from trackway.wiring.databases import find_database
from trackway.wiring.platform import Platform

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)


class LocalTransport:
    """The SDK's transport without a server: the same operations, in this process."""

    def __init__(self, platform: Platform, user: str) -> None:
        self._platform = platform
        self._actor = Actor(kind="user", name=user)
        with suppress(TrackwayError):  # a command that only lists runs is gone before the worker looks
            platform.chores.expire_leases()
        self._worker = platform.start_jobs()

    def call(self, operation: Operation[Q, S], request: Q) -> S:
        """Carry out an operation and wait."""
        dispatch = self._platform.dispatch
        return dispatch.call(operation, request, dispatch.open_call(self._actor, "default"))

    def upload(self, path: str, chunks: Iterable[bytes]) -> FileEntry:
        """Store a file at a path of the workspace's file tree."""
        return upload_file(self.call, self._platform.blobs, path, chunks)

    def download(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield a file's bytes from an offset, checking the digest when it is read whole."""
        return download_file(self.call, self._platform.blobs, path, start)

    def close(self) -> None:
        """Finish what is queued and let go of the store."""
        self._worker.close()
        self._platform.close()


def open_local(uri: str) -> LocalTransport:
    """Open a local store: a folder (SQLite file and artifacts inside), or a database's address.

    raises: InvalidInput for an address of another kind, Unavailable when it cannot be opened
    """
    return LocalTransport(open_platform(uri), os.environ.get("USER", ""))


def open_platform(uri: str, artifacts: str = "") -> Platform:
    """Open what is behind a local store, without background work; see ``open_local``.

    artifacts: their root, when it is another than TRACKWAY_ARTIFACTS says of a database, or beside a SQLite file
    """
    database = find_database(uri)
    if not artifacts and database == uri:
        artifacts = os.environ.get("TRACKWAY_ARTIFACTS", "")
    artifacts = artifacts or os.path.abspath(place_artifacts(database))
    return Platform(database, artifacts, master_key_file=os.environ.get("TRACKWAY_MASTER_KEY_FILE", ""))
