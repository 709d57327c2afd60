"""Files in and out: bytes to the blob store (or beside their row), and the row that makes them a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from trackway.api import artifacts as a
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.operations import Operation
from trackway.api.structs import Request, Response
from trackway.artifacts.base import BlobStore
from trackway.base.errors import Corrupt, InvalidInput

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)


class Calls(Protocol):
    """Calls an operation and waits."""

    def __call__(self, operation: Operation[Q, S], request: Q, /) -> S:
        """Carry out the operation."""


def upload_file(call: Calls, blobs: BlobStore, path: str, chunks: Iterable[bytes]) -> a.FileEntry:
    """Store a file of any size at a path of the workspace's file tree, replacing what was there.

    The bytes come first, the row last: a reader sees the old file or the new one, never a part.
    """
    head, rest = split_head(chunks)
    if rest is None:
        return call(ops.COMMIT_UPLOAD, commit_inline(path, head))
    ticket = call(ops.BEGIN_UPLOAD, a.BeginUpload(path=path))
    blob = blobs.put(ticket.blob_key, rest)
    commit = a.CommitUpload(path=path, size_bytes=blob.size_bytes, sha256=blob.sha256, blob_key=ticket.blob_key)
    return call(ops.COMMIT_UPLOAD, commit)


def download_file(call: Calls, blobs: BlobStore, path: str, start: int = 0) -> Iterator[bytes]:
    """Yield a file's bytes from an offset; a file that is read whole is checked against its digest.

    raises: NotFound before the first byte; Corrupt before the last
    """
    return open_stored(blobs, call(ops.GET_FILE, a.GetFile(path=path)), start)


def split_head(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """Read up to the size that is kept beside a row: (all bytes, None), or (b"", all chunks) of a larger file."""
    stream = iter(chunks)
    read: list[bytes] = []
    size = 0
    for chunk in stream:
        read.append(chunk)
        size += len(chunk)
        if size > limits.INLINE_FILE_BYTES:
            return b"", _chain(read, stream)
    return b"".join(read), None


def commit_inline(path: str, data: bytes) -> a.CommitUpload:
    """Return the request that makes a small file."""
    return a.CommitUpload(path=path, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), data=data)


def open_stored(blobs: BlobStore, file: a.StoredFile, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Yield ``length`` bytes of a stored file from an offset.

    raises: InvalidInput for an offset that the file does not have, Corrupt when a whole file's digest is wrong
    """
    if not 0 <= start <= file.size_bytes:
        raise InvalidInput(f"The file has {file.size_bytes} bytes; there is no byte {start}")
    if file.data is not None:
        if hashlib.sha256(file.data).hexdigest() != file.sha256:
            raise Corrupt(f"The bytes of {file.path!r} do not match their digest")
        end = file.size_bytes if length is None else start + length
        return iter([file.data[start:end]])
    if file.blob_key is None:
        raise Corrupt(f"The bytes of {file.path!r} are nowhere")
    if start == 0 and (length is None or length >= file.size_bytes):
        return blobs.read_verified(file.blob_key, file.sha256)
    return blobs.read(file.blob_key, start, length)


def _chain(read: list[bytes], stream: Iterator[bytes]) -> Iterator[bytes]:
    yield from read
    yield from stream
