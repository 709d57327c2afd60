"""A blob store in a bucket: S3 and what is compatible with it, Google Cloud Storage, Azure Blob Storage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import chain
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any, Literal

from trackway.artifacts.base import CHUNK_BYTES, BlobStore
from trackway.base.errors import InvalidInput, NotFound, TooLarge, TrackwayError, Unavailable

PART_BYTES = 8 << 20
"""What is sent at a time; S3 takes 5 MiB to 5 GiB, and at most 10,000 of them for one blob."""

MAX_BLOB_BYTES = 10_000 * PART_BYTES

_CLOUDS = {"s3": "AWS", "gs": "GOOGLE", "az": "AZURE", "abfs": "AZURE", "abfss": "AZURE"}
_CONCURRENCY = 4
_CLIENT: dict[str, Any] = {
    "connect_timeout": timedelta(seconds=10),
    # A silent connection ends after a minute; a whole transfer may take as long as it moves.
    "read_timeout": timedelta(seconds=60),
    "timeout": timedelta(days=7),
}
_RETRY: dict[str, Any] = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}


class ObjectBlobs(BlobStore):
    """Blobs as objects below a bucket's prefix, through obstore.

    Credentials, endpoint and region come from the environment that the cloud's own tools read (``AWS_ENDPOINT_URL``,
    ``AWS_ACCESS_KEY_ID``, ``AWS_ALLOW_HTTP``, ``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``, …).
    Only plain puts, multipart uploads, ranges, lists and single deletes are used: S3-compatible stores differ in bulk
    deletes and conditional writes. A multipart upload that a killed process leaves behind is invisible; a lifecycle
    rule of the bucket removes it.

    url:     ``s3://bucket/prefix``, ``gs://bucket/prefix``, ``az://container/prefix``, ``abfss://container@account…``
    limits:  80,000 MiB a blob; at most 5 parts of 8 MiB in memory for each put
    """

    supports_signed_urls = True

    def __init__(self, url: str) -> None:
        # Loaded here, as it takes 50 ms that a process with a local store need not spend.
        import obstore
        from obstore.exceptions import BaseError
        from obstore.store import from_url

        self._obstore = obstore
        self._error = BaseError
        cloud = _CLOUDS.get(url.partition(":")[0], "")
        if cloud == "AZURE":
            self.signed_put_headers = {"x-ms-blob-type": "BlockBlob"}
        options = {"disable_bulk_delete": True} if cloud == "AWS" else {}
        # Options given to obstore hide this variable from it.
        allow_http = os.environ.get(f"{cloud}_ALLOW_HTTP", "").lower() in ("1", "true")
        try:
            # The overloads tell the clouds' options apart by type, which a URL does not.
            self._store: Any = from_url(  # type: ignore[call-overload]
                url, client_options={**_CLIENT, "allow_http": allow_http}, retry_config=_RETRY, **options
            )
        except BaseError as error:
            raise InvalidInput(
                "The artifact root's URL cannot be used",
                hint="give it as s3://bucket/prefix, gs://bucket/prefix or az://container/prefix, and the cloud's "
                "credentials in its own environment variables",
            ) from error

    def _write(self, key: str, chunks: Iterator[bytes]) -> None:
        head: list[bytes] = []
        size_bytes = 0
        for chunk in chunks:
            head.append(chunk)
            size_bytes += len(chunk)
            if size_bytes > PART_BYTES:
                break
        with self._translated(absent=_unavailable()):
            if size_bytes <= PART_BYTES:
                self._store.put(key, b"".join(head), use_multipart=False)
            else:
                self._upload(key, _limit(chain(head, chunks)))

    def _upload(self, key: str, chunks: Iterator[bytes]) -> None:
        """Send ``chunks`` as a multipart upload, which obstore aborts when they raise.

        obstore runs in a thread of its own: it would take ``chunks`` from inside its event loop, where a source that
        reads from an object store itself cannot run. It is of no pool, which would take nothing once a program ends.
        """
        queue: SimpleQueue[bytes | BaseException | None] = SimpleQueue()
        slots = Semaphore(PART_BYTES // CHUNK_BYTES)

        def take() -> Iterator[bytes]:
            while (item := queue.get()) is not None:
                slots.release()
                if isinstance(item, BaseException):
                    raise item
                yield item

        upload: Future[Any] = Future()

        def send() -> None:
            options = {"use_multipart": True, "chunk_size": PART_BYTES, "max_concurrency": _CONCURRENCY}
            try:
                upload.set_result(self._store.put(key, take(), **options))
            except BaseException as error:  # noqa: BLE001 - the thread's edge: it is raised where the result is asked for
                upload.set_exception(error)

        # When the upload fails, nobody takes from the queue any more: this frees the loop below to see it.
        upload.add_done_callback(lambda _: slots.release())
        thread = Thread(target=send, name="trackway-multipart")
        thread.start()
        try:
            for chunk in chunks:
                slots.acquire()
                if upload.done():
                    break
                queue.put(chunk)
            queue.put(None)
        except BaseException as error:
            queue.put(error)
            raise
        finally:
            thread.join()
        upload.result()

    def _read(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        options = None if end is None else {"range": (start, end)}
        with self._translated():
            stream = iter(self._store.get(key, options=options).stream(min_chunk_size=CHUNK_BYTES))
        while True:
            with self._translated():
                data = next(stream, None)
            if data is None:
                return
            view = memoryview(data)
            for at in range(0, len(view), CHUNK_BYTES):
                yield bytes(view[at : at + CHUNK_BYTES])

    def _size(self, key: str) -> int:
        with self._translated():
            return int(self._store.head(key)["size"])

    def _delete(self, key: str) -> None:
        with suppress(NotFound), self._translated():
            self._store.delete(key)

    def _list(self, folder: str) -> Iterator[tuple[str, int]]:
        pages = iter(self._store.list(folder or None, chunk_size=1_000))
        while True:
            with self._translated():
                page = next(pages, ())
            if not page:
                return
            for entry in page:
                yield entry["path"], entry["size"]

    def _sign(self, method: Literal["GET", "PUT"], key: str, expires_s: int) -> str:
        with self._translated():
            return self._obstore.sign(self._store, method, key, timedelta(seconds=expires_s))

    def _etag(self, key: str) -> str:
        with self._translated():
            return str(self._store.head(key)["e_tag"] or "")

    @contextmanager
    def _translated(self, absent: TrackwayError | None = None) -> Iterator[None]:
        """Raise what obstore says as an error of the store; no message names the bucket or its host."""
        try:
            yield
        except FileNotFoundError as error:
            if error.errno is not None:
                raise  # the operating system's, out of the caller's chunks
            raise absent or NotFound("No such blob") from error
        except self._error as error:
            raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable(
        "The object store cannot be used",
        hint="check that it is up, that the bucket exists, and the server's credentials for it",
    )


def _limit(chunks: Iterator[bytes]) -> Iterator[bytes]:
    left = MAX_BLOB_BYTES
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise TooLarge(f"A file in the object store can have at most {MAX_BLOB_BYTES:,} bytes")
        yield chunk
