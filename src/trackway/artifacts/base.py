"""The blob store: bytes under keys, whole or not at all.

A concrete store implements five primitives (``_write``, ``_read``, ``_size``, ``_delete``, ``_list``); key checks,
digests, ranges and resumable uploads are written once, here, on top of them. No primitive may depend on conditional
writes: several S3-compatible stores ignore them.
"""

from __future__ import annotations

import hashlib
import re
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

import msgspec

from trackway.artifacts.paths import RESERVED, check_key
from trackway.base.errors import Conflict, Corrupt, InvalidInput, NotFound, NotSupported
from trackway.base.ids import new_id

CHUNK_BYTES = 1 << 20
"""Most bytes in one chunk that a store yields."""

DIGESTS_AHEAD = 2
"""Chunks that wait to be digested, at most."""
MAX_PARTS = 10_000
MAX_SIGNED_S = 7 * 24 * 3600

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_STAGED = re.compile(r"(\d{5})/(\d{20}-[0-9a-f]{32})\.([0-9a-f]{64})")


class Blob(msgspec.Struct, frozen=True):
    """What was stored: its length and the SHA-256 of its bytes in lower-case hex."""

    size_bytes: int
    sha256: str


class Part(msgspec.Struct, frozen=True):
    """One stored part of an upload; ``number`` runs from 1 to 10,000."""

    number: int
    size_bytes: int
    sha256: str


class SignedPart(msgspec.Struct, frozen=True):
    """One part that was put by a signed URL; ``etag`` is what the store answered, empty when nobody knows it."""

    number: int
    etag: str = ""


class BlobStore(ABC):
    """Bytes under keys. Synchronous, streaming, safe to use from many threads and processes at once.

    keys:    relative POSIX paths that the server made; see ``check_key``
    raises:  InvalidInput for a bad key, NotFound for a missing blob, Unavailable when the store cannot be used now or
             refuses the server's credentials
    """

    supports_signed_urls: bool = False
    signed_put_headers: Mapping[str, str] = MappingProxyType({})
    """Headers that whoever puts to a signed URL must send."""

    def put(self, key: str, chunks: Iterable[bytes]) -> Blob:
        """Store ``chunks``, one after the other, under ``key``, in place of what was there.

        The blob is visible, whole and durable when this returns; when it raises, also out of ``chunks``, the blob is as
        it was before.

        cost:    O(n) time; memory of a few chunks (of a few 8 MiB parts on an object store)
        """
        return self._put(check_key(key), chunks)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Open a blob and yield ``length`` bytes of it (None: to its end) from byte ``start``, at most 1 MiB a time.

        What lies beyond the end is left out. The first chunk is fetched before this returns, so that a missing blob
        raises here and not in the middle of an answer.
        """
        if start < 0 or (length is not None and length < 0):
            raise InvalidInput("A byte range must begin at 0 or later and have a length of 0 or more")
        return self._open(check_key(key), start, length)

    def read_verified(self, key: str, sha256: str) -> Iterator[bytes]:
        """Open a blob and yield all of it, at most 1 MiB a time; raise Corrupt when its bytes do not match ``sha256``.

        The last chunk is held back until the digest is known: nobody gets a wrong blob to its end, and one of a single
        chunk raises here.
        """
        return _begin(_verify(self._open(check_key(key), 0, None), sha256))

    def size(self, key: str) -> int:
        """Return the length of a blob in bytes."""
        return self._size(check_key(key))

    def delete(self, key: str) -> None:
        """Delete a blob; one that is not there is no error."""
        self._delete(check_key(key))

    def list(self, folder: str = "") -> Iterator[tuple[str, int]]:
        """Yield (key, size_bytes) of every blob below ``folder`` ("" for all), in no promised order.

        ``a/b`` is the folder of ``a/b/c``, and not of ``a/bc`` nor of a blob ``a/b``. Nothing there yields nothing.
        """
        listed = self._list(check_key(folder) if folder else "")
        return ((key, size) for key, size in listed if not key.startswith(f"{RESERVED}/"))

    def sign_url(self, method: Literal["GET", "PUT"], key: str, expires_s: int) -> str:
        """Return a URL with which anyone can get or put a blob for ``expires_s`` seconds (1 to 604,800).

        What is put so has been seen by nobody: read it for its size and digest before relying on it.

        raises:  NotSupported unless ``supports_signed_urls``
        """
        self._check_signing(expires_s)
        return self._sign(method, check_key(key), expires_s)

    # Uploads in parts. A part is a blob of its own, so that this works alike on every store and each part is checked:
    # its bytes are at <staging>/<number>/<attempt>, and once they are stored an empty blob named <attempt>.<sha256>
    # beside them makes the part count. Attempts never share a name, so that a doubled request cannot mix two.

    def create_upload(self, key: str, upload_id: str = "") -> str:
        """Open an upload of a blob in parts and return its id.

        upload_id: 32 hex digits that nobody else has, so that it is on record before anything is stored; or a new one

        raises:  InvalidInput for an id of another form
        """
        upload_id = upload_id or new_id()
        if not _UPLOAD_ID.fullmatch(upload_id):
            raise InvalidInput("An upload's id must be 32 hex digits in lower case")
        self._put(f"{_get_staging(check_key(key), upload_id)}/open", ())
        return upload_id

    def put_part(self, key: str, upload_id: str, number: int, chunks: Iterable[bytes]) -> Part:
        """Store one part of any size; the same number again stands beside the first until ``complete_upload`` chooses.

        raises:  NotFound for an upload that is not open for ``key``; InvalidInput for a number outside 1 to 10,000
        """
        if not 1 <= number <= MAX_PARTS:
            raise InvalidInput(f"A part's number must be 1 to {MAX_PARTS:,}")
        staging = self._find_staging(key, upload_id)
        attempt = f"{staging}/{number:05d}/{time.time_ns():020d}-{new_id()}"
        blob = self._put(attempt, chunks)
        self._put(f"{attempt}.{blob.sha256}", ())
        return Part(number, blob.size_bytes, blob.sha256)

    def list_parts(self, key: str, upload_id: str) -> Sequence[Part]:
        """Return the parts stored so far, rising by number; of one number, the latest."""
        staged = self._list_staged(self._find_staging(key, upload_id))
        return list({part.number: part for part in staged}.values())

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> Blob:
        """Make the blob out of ``parts``, in order of their numbers.

        The parts are copied into the blob, each checked against its own digest on the way, so that the blob's digest is
        that of its bytes on every store. The upload stays open, so that who loses the answer can ask again: close it
        when the blob is on record.

        raises:  InvalidInput when the numbers do not rise; Conflict when a part was not stored with that size and
                 digest; Corrupt when a stored part has changed
        cost:    one read and one write of the whole blob
        """
        _check_numbers([part.number for part in parts])
        staging = self._find_staging(key, upload_id)
        staged = self._list_staged(staging)
        missing = [part.number for part in parts if part not in staged]
        if missing:
            raise Conflict(
                f"{len(missing)} parts, the first number {missing[0]}, were not stored with that size and digest",
                hint="list the parts, send those that are missing or differ, then complete again",
            )
        return self._put(key, (chunk for part in parts for chunk in self._read_part(staged[part], part)))

    def sign_parts(self, key: str, upload_id: str, count: int, expires_s: int) -> Sequence[str]:
        """Return a URL for each of ``count`` parts of an open upload, with which anyone can put it, more than once.

        raises:  NotFound for an upload that is not open for ``key``; NotSupported unless ``supports_signed_urls``
        """
        self._check_signing(expires_s)
        if not 1 <= count <= MAX_PARTS:
            raise InvalidInput(f"An upload has 1 to {MAX_PARTS:,} parts")
        staging = self._find_staging(key, upload_id)
        return [self._sign("PUT", _get_signed(staging, number), expires_s) for number in range(1, count + 1)]

    def complete_signed(self, key: str, upload_id: str, parts: Sequence[SignedPart]) -> Blob:
        """Make the blob out of parts that were put by signed URLs, in order of their numbers.

        As with ``complete_upload``, they are copied, so that the digest is that of the blob's bytes, and the upload
        stays open.

        raises:  InvalidInput when the numbers do not rise; Conflict when a part is not there or has another ETag
        cost:    one read and one write of the whole blob
        """
        _check_numbers([part.number for part in parts])
        staging = self._find_staging(key, upload_id)
        for part in parts:
            try:
                found = self._etag(_get_signed(staging, part.number))
            except NotFound:
                raise Conflict(f"Part {part.number} was not put", hint="put it, then complete again") from None
            if part.etag and part.etag.strip('"') != found.strip('"'):
                raise Conflict(f"Part {part.number} has another ETag", hint="put it again, then complete again")
        return self._put(key, (chunk for part in parts for chunk in self._read_signed(staging, part)))

    def close_upload(self, key: str, upload_id: str) -> None:
        """Forget an upload and delete its parts, completed or not; one that is not open is no error."""
        if _UPLOAD_ID.fullmatch(upload_id):
            self._delete_staging(_get_staging(check_key(key), upload_id))

    def _check_signing(self, expires_s: int) -> None:
        if not self.supports_signed_urls:
            raise NotSupported("This blob store cannot sign URLs", hint="send and fetch through the server")
        if not 1 <= expires_s <= MAX_SIGNED_S:
            raise InvalidInput(f"A signed URL must expire after 1 to {MAX_SIGNED_S:,} seconds")

    def _put(self, key: str, chunks: Iterable[bytes]) -> Blob:
        digest = hashlib.sha256()
        size_bytes = 0
        # A chunk is digested in a thread of its own while it is written: either takes about half the time.
        with ThreadPoolExecutor(1) as digester:
            pending: deque[Future[None]] = deque()

            def count() -> Iterator[bytes]:
                nonlocal size_bytes
                for chunk in chunks:
                    if len(pending) == DIGESTS_AHEAD:
                        pending.popleft().result()
                    try:
                        pending.append(digester.submit(digest.update, chunk))
                    except RuntimeError:  # a program that ends gives no more work to threads
                        while pending:
                            pending.popleft().result()
                        digest.update(chunk)
                    size_bytes += len(chunk)
                    yield chunk

            self._write(key, count())
        return Blob(size_bytes, digest.hexdigest())

    def _open(self, key: str, start: int, length: int | None) -> Iterator[bytes]:
        end = None
        if start or length is not None:
            size_bytes = self._size(key)
            end = size_bytes if length is None else min(size_bytes, start + length)
            if start >= end:
                return iter(())
        return _begin(self._read(key, start, end))

    def _find_staging(self, key: str, upload_id: str) -> str:
        staging = _get_staging(check_key(key), upload_id)
        if _UPLOAD_ID.fullmatch(upload_id):
            with suppress(NotFound):
                self._size(f"{staging}/open")
                return staging
        raise NotFound("No such upload", hint="it was closed, or is of another key")

    def _list_staged(self, staging: str) -> dict[Part, str]:
        """Return every complete part under ``staging`` and the key of its bytes, rising by number and then by age."""
        listed = {key.removeprefix(f"{staging}/"): size for key, size in self._list(staging)}
        staged = {}
        for name in sorted(listed):
            match = _STAGED.fullmatch(name)
            if match is not None and (attempt := f"{match[1]}/{match[2]}") in listed:
                staged[Part(int(match[1]), listed[attempt], match[3])] = f"{staging}/{attempt}"
        return staged

    def _read_part(self, key: str, part: Part) -> Iterator[bytes]:
        return _verify(self._open(key, 0, None), part.sha256)

    def _read_signed(self, staging: str, part: SignedPart) -> Iterator[bytes]:
        return self._open(_get_signed(staging, part.number), 0, None)

    def _delete_staging(self, staging: str) -> None:
        # The mark of an open upload goes first, so that no part can be added to one that is going.
        self._delete(f"{staging}/open")
        for key, _ in list(self._list(staging)):
            self._delete(key)

    @abstractmethod
    def _write(self, key: str, chunks: Iterator[bytes]) -> None:
        """Store ``chunks`` under ``key``, durably and atomically; nothing is visible when this or ``chunks`` raises."""

    @abstractmethod
    def _read(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        """Yield bytes ``start`` to ``end`` (None: all; else within the blob) in chunks of at most CHUNK_BYTES."""

    @abstractmethod
    def _size(self, key: str) -> int:
        """Return the length of a blob or raise NotFound."""

    @abstractmethod
    def _delete(self, key: str) -> None:
        """Delete a blob if it is there."""

    @abstractmethod
    def _list(self, folder: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size_bytes) below ``folder`` ("" for all), in any order."""

    def _sign(self, method: Literal["GET", "PUT"], key: str, expires_s: int) -> str:
        """Sign a URL; stores with ``supports_signed_urls`` override this."""
        raise NotImplementedError

    def _etag(self, key: str) -> str:
        """Return the store's own mark of a blob's content, or raise NotFound; goes with ``_sign``."""
        raise NotImplementedError


def _check_numbers(numbers: Sequence[int]) -> None:
    if not numbers or any(a >= b for a, b in pairwise((0, *numbers))):
        raise InvalidInput("The parts of an upload must be one or more, with rising numbers")


def _get_signed(staging: str, number: int) -> str:
    """Return the key of a part that is put by a signed URL, beside which no digest is kept."""
    return f"{staging}/{number:05d}/signed"


def _get_staging(key: str, upload_id: str) -> str:
    """Return the folder of an upload's parts: bound to its key, so that an id is of no use with another one."""
    return f"{RESERVED}/uploads/{upload_id}/{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def _begin(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Fetch the first chunk now, so that what is wrong with the blob is raised now."""
    return _resume(next(chunks, b""), chunks)


def _resume(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _verify(chunks: Iterator[bytes], sha256: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    held = b""
    for chunk in chunks:
        digest.update(chunk)
        if held:
            yield held
        held = chunk
    if digest.hexdigest() != sha256:
        raise Corrupt(
            "The stored bytes do not match their digest",
            hint="restore the file from a backup, or log it again",
            details={"sha256_expected": sha256, "sha256_found": digest.hexdigest()},
        )
    if held:
        yield held
