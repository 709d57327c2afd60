"""Artifact bytes over HTTP, for both front doors: streamed in both directions, never held whole."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar
from urllib.parse import quote

import msgspec

from trackway.api import artifacts as a
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.structs import Empty
from trackway.artifacts.archive import zip_stream
from trackway.artifacts.base import BlobStore, Part
from trackway.artifacts.transfer import commit_inline, open_stored
from trackway.base.errors import InvalidInput
from trackway.http.messages import HttpRequest, HttpResponse
from trackway.server.calls import Caller, Route
from trackway.server.native import PREFIX, encode, encode_error
from trackway.server.uploads import Uploads

T = TypeVar("T")
BATCH_BYTES = 1 << 20
BATCHES_AHEAD = 3
_TEXT_NAMES = ("MLmodel", "MLproject")
_TEXT_SUFFIXES = frozenset(
    (
        *("cf", "cfg", "cnf", "conf", "hocon", "ini", "prop", "properties", "toml", "yaml", "yml"),
        *("csv", "err", "json", "log", "md", "rst", "tsv", "txt", "xml"),
        *("ipynb", "js", "py", "py3", "sh"),
    )
)
_AS_TEXT = frozenset(["application/json", "application/xml", "application/javascript", "text/javascript"])
"""Shown as plain text and never as what they are: a browser runs none of it, and needs no program for it."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A file name that a header can give without quotes."""
_PREVIEW_POLICY = (
    b"sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:;"
    b" style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; media-src data: blob:; worker-src blob:;"
    b" form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
"""What a page that somebody logged may do: run by itself, in an origin of its own, and reach nothing and nobody."""


class FileRoutes:
    """Routes of the bytes of artifacts: ``/api/v1/files``, ``previews``, ``archives`` and ``uploads``."""

    def __init__(self, blobs: BlobStore, uploads: Uploads | None = None) -> None:
        self._blobs = blobs
        self._uploads = uploads or Uploads(blobs)

    def list_routes(self) -> list[Route]:
        """Return the native routes."""
        routes: list[tuple[str, str, Callable[[HttpRequest, Caller], object]]] = [
            ("PUT", "/files/{path:path}", self._put),
            ("GET", "/files/{path:path}", self._get),
            ("DELETE", "/files/{path:path}", self._delete),
            ("GET", "/previews/{path:path}", self._preview),
            ("GET", "/archives/{path:path}", self._archive),
            ("POST", "/uploads/{path:path}", self._open_upload),
            ("PUT", "/uploads/{upload_id}/{number}/{path:path}", self._put_part),
            ("GET", "/uploads/{upload_id}/{path:path}", self._list_parts),
            ("PATCH", "/uploads/{upload_id}/{path:path}", self._complete_upload),
            ("DELETE", "/uploads/{upload_id}/{path:path}", self._abort_upload),
        ]
        return [
            Route(method, PREFIX + path, handler, encode_error, streams=True, access="operation")  # type: ignore[arg-type]
            for method, path, handler in routes
        ]

    async def upload(self, call: Caller, path: str, chunks: AsyncIterator[bytes]) -> a.FileEntry:
        """Store a file: bytes first, the row last. A small one costs one transaction and nothing else."""
        head: list[bytes] = []
        size = 0
        async for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size > limits.INLINE_FILE_BYTES:
                break
        else:
            return await call(ops.COMMIT_UPLOAD, commit_inline(path, b"".join(head)))
        ticket = await call(ops.BEGIN_UPLOAD, a.BeginUpload(path=path))
        blob = await _feed(self._uploads.threads, lambda stream: self._blobs.put(ticket.blob_key, stream), head, chunks)
        commit = a.CommitUpload(path=path, size_bytes=blob.size_bytes, sha256=blob.sha256, blob_key=ticket.blob_key)
        return await call(ops.COMMIT_UPLOAD, commit)

    async def download(self, request: HttpRequest, call: Caller, path: str) -> HttpResponse:
        """Answer with a file, or the part of it that a Range asks for; always as an attachment."""
        file = await call(ops.GET_FILE, a.GetFile(path=path))
        etag = f'"{file.sha256}"'.encode()
        name = path.rpartition("/")[2]
        headers = [
            (b"etag", etag),
            (b"accept-ranges", b"bytes"),
            (b"content-disposition", _attachment(name)),
            (b"content-security-policy", b"sandbox; default-src 'none'"),
        ]
        kind = _content_type(name)
        if _matches(request.headers.get(b"if-none-match", b""), etag):
            return HttpResponse(status=304, content_type=kind, headers=headers)
        wanted = request.headers.get(b"range", b"").decode("latin-1") if request.method == "GET" else ""
        if request.headers.get(b"if-range", etag) != etag:
            wanted = ""
        span = _parse_range(wanted, file.size_bytes)
        start, end = span or (0, file.size_bytes)
        status = 200
        if span is not None:
            if start >= end:
                headers.append((b"content-range", f"bytes */{file.size_bytes}".encode()))
                return HttpResponse(status=416, content_type=kind, headers=headers)
            status = 206
            headers.append((b"content-range", f"bytes {start}-{end - 1}/{file.size_bytes}".encode()))
        if file.data is not None:
            [data] = open_stored(self._blobs, file, start, end - start)
            return HttpResponse(status=status, body=data, content_type=kind, headers=headers)
        headers.append((b"content-length", str(end - start).encode()))
        chunks = await asyncio.to_thread(open_stored, self._blobs, file, start, end - start)
        return HttpResponse(status=status, body=_in_thread(chunks), content_type=kind, headers=headers)

    async def _put(self, request: HttpRequest, call: Caller) -> HttpResponse:
        expected = request.headers.get(b"x-content-sha256", b"").decode("latin-1")
        path = request.params["path"]
        chunks = request.stream() if not expected else _checked(request.stream(), expected)
        return encode(request, await self.upload(call, path, chunks))

    async def _get(self, request: HttpRequest, call: Caller) -> HttpResponse:
        return await self.download(request, call, request.params["path"])

    async def _preview(self, request: HttpRequest, call: Caller) -> HttpResponse:
        """Answer with a page that was logged, to be shown in a frame; whatever opens it, it is in a sandbox."""
        file = await call(ops.GET_FILE, a.GetFile(path=request.params["path"]))
        if file.path.rpartition(".")[2].lower() not in ("html", "htm"):
            raise InvalidInput("Only HTML has a preview of this kind", hint="get the file itself from /api/v1/files")
        headers = [
            (b"content-security-policy", _PREVIEW_POLICY),
            (b"cache-control", b"no-store"),
            (b"content-length", str(file.size_bytes).encode()),
        ]
        chunks = await asyncio.to_thread(open_stored, self._blobs, file)
        return HttpResponse(body=_in_thread(chunks), content_type=b"text/html; charset=utf-8", headers=headers)

    async def _delete(self, request: HttpRequest, call: Caller) -> HttpResponse:
        return encode(request, await call(ops.DELETE_FILES, a.DeleteFiles(path=request.params["path"])))

    async def _archive(self, request: HttpRequest, call: Caller) -> HttpResponse:
        folder = request.params["path"].strip("/")
        files = await _list_all(call, folder)
        loop = asyncio.get_running_loop()

        def open_file(path: str) -> Iterator[bytes]:
            stored = asyncio.run_coroutine_threadsafe(call(ops.GET_FILE, a.GetFile(path=path)), loop).result()
            return open_stored(self._blobs, stored)

        entries = (
            (
                file.path[len(folder) + 1 :],
                file.size_bytes or 0,
                file.modified_ms or 0,
                lambda path=file.path: open_file(path),
            )
            for file in files
        )
        name = f"{folder.rpartition('/')[2] or 'artifacts'}.zip"
        headers = [(b"content-disposition", _attachment(name))]
        return HttpResponse(body=_in_thread(zip_stream(entries)), content_type=b"application/zip", headers=headers)

    async def _open_upload(self, request: HttpRequest, call: Caller) -> HttpResponse:
        return encode(request, await self._uploads.open(call, request.params["path"]))

    async def _find_upload(self, request: HttpRequest, call: Caller) -> a.Multipart:
        return await self._uploads.find(call, request.params["path"], request.params["upload_id"])

    async def _put_part(self, request: HttpRequest, call: Caller) -> HttpResponse:
        number = request.params["number"]
        if not (number.isascii() and number.isdigit() and len(number) < 6):
            raise InvalidInput(f"Invalid part number {number[:20]!r}", hint=f"give 1 to {limits.UPLOAD_PARTS}")
        upload = await self._find_upload(request, call)
        part = await _feed(
            self._uploads.threads,
            lambda stream: self._blobs.put_part(upload.blob_key, upload.store_upload_id, int(number), stream),
            [],
            request.stream(),
        )
        return encode(request, part)

    async def _list_parts(self, request: HttpRequest, call: Caller) -> HttpResponse:
        upload = await self._find_upload(request, call)
        parts = await asyncio.to_thread(self._blobs.list_parts, upload.blob_key, upload.store_upload_id)
        return encode(request, Parts(list(parts)))

    async def _complete_upload(self, request: HttpRequest, call: Caller) -> HttpResponse:
        upload = await self._find_upload(request, call)
        try:
            parts = msgspec.json.decode(await request.body(), type=Parts).parts
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(f"The list of parts cannot be read: {error}", hint='send {"parts": [...]}') from error
        key, store_id = upload.blob_key, upload.store_upload_id
        size_bytes = sum(part.size_bytes for part in parts)
        entry = await self._uploads.complete(
            call, upload, lambda: self._blobs.complete_upload(key, store_id, parts), size_bytes
        )
        return encode(request, entry)

    async def _abort_upload(self, request: HttpRequest, call: Caller) -> HttpResponse:
        await self._uploads.abort(call, await self._find_upload(request, call))
        return encode(request, Empty())


class Parts(msgspec.Struct, frozen=True):
    """The parts of an upload, as listed and as sent to complete it."""

    parts: list[Part]


async def _list_all(call: Caller, folder: str) -> list[a.FileEntry]:
    files: list[a.FileEntry] = []
    token = ""
    while True:
        page = await call(ops.LIST_FILES, a.ListFiles(folder=folder, recursive=True, page_token=token))
        files += page.files
        token = page.next_page_token
        if not token:
            return files


async def _feed(
    threads: ThreadPoolExecutor,
    work: Callable[[Iterator[bytes]], T],
    head: list[bytes],
    chunks: AsyncIterator[bytes],
) -> T:
    """Run blocking ``work`` in a thread on a stream that arrives on the loop, a few batches ahead of it."""
    loop = asyncio.get_running_loop()
    pipe = _Pipe(loop)
    done = loop.run_in_executor(threads, work, pipe.take())
    done.add_done_callback(pipe.close)
    end: BaseException | None = None
    try:
        batch, size = head, sum(map(len, head))
        async for chunk in chunks:
            batch.append(chunk)
            size += len(chunk)
            if size >= BATCH_BYTES:
                await pipe.push(b"".join(batch))
                batch, size = [], 0
        if batch:
            await pipe.push(b"".join(batch))
    except BaseException as error:
        end = error
        raise
    finally:
        pipe.end(end)
        await asyncio.wait([done])
        if end is not None and not done.cancelled():
            done.exception()  # the same that is raised here, or asyncio would report it as one that nobody looked at
    return done.result()


class _Pipe:
    """Batches on their way from the loop to a thread, at most BATCHES_AHEAD of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: SimpleQueue[bytes | BaseException | None] = SimpleQueue()
        self._room = asyncio.Semaphore(BATCHES_AHEAD)
        self._closed = False

    async def push(self, batch: bytes) -> None:
        """Hand over a batch when there is room, unless the work has ended already and nobody will take it."""
        await self._room.acquire()
        if self._closed:
            self._room.release()
        else:
            self._queue.put(batch)

    def end(self, error: BaseException | None) -> None:
        """Say that no more comes, and why when it broke off."""
        self._queue.put(error)

    def close(self, _done: object) -> None:
        """Let go of who waits for room, as the work has ended."""
        self._closed = True
        self._room.release()

    def take(self) -> Iterator[bytes]:
        """Yield the batches; called in the thread."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            self._loop.call_soon_threadsafe(self._room.release)
            yield item


async def _in_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what a blocking iterator yields, taking each step in a thread while the one before is sent."""
    ahead = asyncio.ensure_future(asyncio.to_thread(next, chunks, None))
    try:
        while (chunk := await ahead) is not None:
            ahead = asyncio.ensure_future(asyncio.to_thread(next, chunks, None))
            yield chunk
    finally:
        await asyncio.wait([ahead])  # a generator that runs in a thread cannot be closed


async def _checked(chunks: AsyncIterator[bytes], expected: str) -> AsyncIterator[bytes]:
    """Pass chunks on, and fail at the end unless they have the digest that the sender gave."""
    digest = hashlib.sha256()
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != expected.lower():
        raise InvalidInput("The bytes do not match X-Content-SHA256", hint="send the file again")


def _matches(header: bytes, etag: bytes) -> bool:
    """Tell whether an If-None-Match names a tag, weakly compared."""
    return header.strip() == b"*" or etag in (one.strip().removeprefix(b"W/") for one in header.split(b","))


def _parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return [start, end) of a single byte range, which may be empty; None when no range or an unknown one is given."""
    unit, _, spec = header.partition("=")
    first, dash, last = spec.partition("-")
    if unit.strip() != "bytes" or not dash or "," in spec or not (first + last).strip().isdigit() or len(spec) > 40:
        return None
    if not first.strip():
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last.strip() else size


def _attachment(name: str) -> bytes:
    if _TOKEN.fullmatch(name):
        return b"attachment; filename=" + name.encode()
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    also = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{also}'.encode()


def _content_type(name: str) -> bytes:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if name in _TEXT_NAMES or name.rpartition(".")[2].lower() in _TEXT_SUFFIXES or kind in _AS_TEXT:
        return b"text/plain"
    return kind.encode()
