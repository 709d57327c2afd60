"""Uploads in parts, for both front doors: a row by which the parts are found, and the file that is made of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from trackway.api import artifacts as a
from trackway.api import operations as ops
from trackway.artifacts.base import Blob, BlobStore, SignedPart
from trackway.base.errors import Conflict, InvalidInput, NotFound
from trackway.base.ids import new_id
from trackway.server.calls import Caller

SIGNED_S = 6 * 3600
"""How long an address is good that is signed for a part; an upload is given up after a day, so none outlives it."""
UPLOADS_AT_ONCE = 100
"""Threads for uploads, each of which holds one for as long as its client sends: so slow ones do not stop downloads."""


class Uploads:
    """Opens, completes and gives up uploads in parts. ``threads`` are those that uploads may hold."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.threads = ThreadPoolExecutor(UPLOADS_AT_ONCE, thread_name_prefix="trackway-upload")

    async def open(self, call: Caller, path: str) -> a.Multipart:
        """Open an upload: the row first, by which its parts are found and deleted when nobody completes it."""
        ticket = await call(ops.BEGIN_UPLOAD, a.BeginUpload(path=path))
        create = a.CreateMultipart(path=path, blob_key=ticket.blob_key, store_upload_id=new_id())
        upload = await call(ops.CREATE_MULTIPART, create)
        await asyncio.to_thread(self._blobs.create_upload, upload.blob_key, upload.store_upload_id)
        return upload

    async def find(self, call: Caller, path: str, upload_id: str) -> a.Multipart:
        """Find an upload that the caller opened for a path."""
        return await call(ops.GET_MULTIPART, a.GetMultipart(upload_id=upload_id, path=path))

    async def complete(
        self, call: Caller, upload: a.Multipart, make: Callable[[], Blob], size_bytes: int | None = None
    ) -> a.FileEntry:
        """Make the file; a repeat, also one that overtakes the first, answers what that did.

        The upload's row stays until it is a day old, so that a repeat is known as one; its parts go at once.

        make:        makes the blob, in a thread
        size_bytes:  what the file must have
        """
        entry = await self._find_made(call, upload)
        if entry is None:
            try:
                entry = await self._make(call, upload, make)
            except (Conflict, NotFound):  # the parts went when a request for the same was done
                entry = await self._find_made(call, upload)
                if entry is None:
                    raise
        if size_bytes not in (None, entry.size_bytes):
            raise Conflict("The upload was completed with other parts", hint="open another one to replace the file")
        await asyncio.to_thread(self._blobs.close_upload, upload.blob_key, upload.store_upload_id)
        return entry

    async def abort(self, call: Caller, upload: a.Multipart) -> None:
        """Delete an upload's parts and then its row, by which the parts are found again when this breaks off."""
        await asyncio.to_thread(self._blobs.close_upload, upload.blob_key, upload.store_upload_id)
        await call(ops.CLOSE_MULTIPART, a.CloseMultipart(upload_id=upload.upload_id, path=upload.path))

    async def _make(self, call: Caller, upload: a.Multipart, make: Callable[[], Blob]) -> a.FileEntry:
        blob = await asyncio.get_running_loop().run_in_executor(self.threads, make)
        commit = a.CommitUpload(
            path=upload.path, size_bytes=blob.size_bytes, sha256=blob.sha256, blob_key=upload.blob_key
        )
        return await call(ops.COMMIT_UPLOAD, commit)

    async def _find_made(self, call: Caller, upload: a.Multipart) -> a.FileEntry | None:
        """Return the file that an upload has made already."""
        try:
            file = await call(ops.GET_FILE, a.GetFile(path=upload.path))
        except NotFound:
            return None
        if file.blob_key != upload.blob_key:
            return None
        return a.FileEntry(
            path=file.path, is_dir=False, size_bytes=file.size_bytes, sha256=file.sha256, modified_ms=file.modified_ms
        )


class SignedUpload(msgspec.Struct, frozen=True):
    """An open upload with the address of each part, rising by number from 1, and what must be sent to each."""

    upload_id: str
    addresses: list[str]
    headers: dict[str, str]


class DirectTransfers:
    """Transfers that go past this server, between clients and the object store.

    Clients get addresses, each signed for one object that the server named and for a time. What they put is read by the
    server before it becomes a file, so that its size and digest are those of its bytes, however it came.

    enabled:  the operator allows it; the blob store must be able to sign
    """

    def __init__(self, blobs: BlobStore, uploads: Uploads, enabled: bool = False) -> None:
        if enabled and not blobs.supports_signed_urls:
            raise InvalidInput(
                "Direct transfers need an object store", hint="name a bucket for artifacts, or switch them off"
            )
        self.enabled = enabled
        self._blobs = blobs
        self._uploads = uploads

    async def open_upload(self, call: Caller, path: str, parts: int) -> SignedUpload:
        """Open an upload and sign the address of each part."""
        upload = await self._uploads.open(call, path)
        key, store_id = upload.blob_key, upload.store_upload_id
        addresses = await asyncio.to_thread(self._blobs.sign_parts, key, store_id, parts, SIGNED_S)
        return SignedUpload(upload.upload_id, list(addresses), dict(self._blobs.signed_put_headers))

    async def complete_upload(self, call: Caller, path: str, upload_id: str, parts: list[SignedPart]) -> a.FileEntry:
        """Make a file of the parts that were put."""
        upload = await self._uploads.find(call, path, upload_id)
        key, store_id = upload.blob_key, upload.store_upload_id
        return await self._uploads.complete(call, upload, lambda: self._blobs.complete_signed(key, store_id, parts))

    async def abort_upload(self, call: Caller, path: str, upload_id: str) -> None:
        """Give an upload up."""
        await self._uploads.abort(call, await self._uploads.find(call, path, upload_id))

    async def sign_download(self, call: Caller, path: str, expires_s: int) -> tuple[str, int]:
        """Return the signed address of a file and its size; no address for a small file, which no object holds."""
        file = await call(ops.GET_FILE, a.GetFile(path=path))
        if file.blob_key is None:
            return "", file.size_bytes
        return await asyncio.to_thread(self._blobs.sign_url, "GET", file.blob_key, expires_s), file.size_bytes
