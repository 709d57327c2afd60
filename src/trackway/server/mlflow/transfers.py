"""Transfers past the server, as clients of this protocol ask for them: uploads in parts, and addresses to fetch from.

They are offered when the operator allows them and artifacts are kept in an object store. Without, the answers are those
upon which clients send and fetch files whole.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from msgspec import Meta

from trackway.api import limits
from trackway.artifacts.base import SignedPart
from trackway.base.errors import InvalidInput, NotSupported
from trackway.http.messages import HttpRequest, HttpResponse
from trackway.server.calls import Caller
from trackway.server.mlflow.artifacts import check_path, find_model, find_run
from trackway.server.mlflow.codec import Int64, Message, Needed
from trackway.server.mlflow.encoders import EMPTY, encode
from trackway.server.mlflow.errors import invalid_value
from trackway.server.uploads import DirectTransfers

SIGNED_S = 3600
"""How long an address to fetch from is good, unless the client says."""
MOST_SIGNED_S = 7 * 24 * 3600
FOLDER = "/api/2.0/mlflow-artifacts/artifacts"

_NO_UPLOADS = "Multipart upload is not supported for the current artifact repository"
"""What clients of 2.x and 3.x look for at the beginning of a refusal, to send the file whole instead of failing."""


class PresignDownload(Message, frozen=True, kw_only=True):
    """Ask for an address from which a run's file can be had without this server."""

    run_id: Needed
    path: Needed
    expiration: Int64 | None = None


class PresignUpload(Message, frozen=True, kw_only=True):
    """Ask for an address to which a file of a run or a model can be sent without this server."""

    path: Needed
    run_id: str = ""
    model_id: str = ""
    expiration: Int64 | None = None


class CreateParts(Message, frozen=True, kw_only=True):
    """Begin an upload in parts. ``path`` is the file as its client knows it, of which only the name counts."""

    folder: Needed
    path: Needed
    num_parts: Int64 = 0


class Part(Message, frozen=True, kw_only=True):
    """A part of an upload; the address is known here."""

    part_number: Int64 = 0
    etag: str = ""
    url: str = ""


class CompleteParts(Message, frozen=True, kw_only=True):
    """Make a file of uploaded parts."""

    folder: Needed
    path: Needed
    upload_id: Needed
    parts: Annotated[list[Part], Meta(min_length=1)]


class AbortParts(Message, frozen=True, kw_only=True):
    """Give up an upload in parts."""

    folder: Needed
    path: Needed
    upload_id: Needed


class TransferHandlers:
    """What answers these requests; ``direct`` does the work, or is switched off."""

    def __init__(self, direct: DirectTransfers) -> None:
        self._direct = direct

    async def create(self, call: Caller, m: CreateParts) -> bytes:
        """Begin an upload in parts: answer where each is to be put."""
        path = self._find_path(m)
        if not 1 <= m.num_parts <= limits.UPLOAD_PARTS:
            raise invalid_value("num_parts", m.num_parts, f"it must be from 1 to {limits.UPLOAD_PARTS}")
        upload = await self._direct.open_upload(call, path, m.num_parts)
        credentials = [
            {"url": address, "part_number": number, "headers": upload.headers}
            for number, address in enumerate(upload.addresses, 1)
        ]
        return encode({"upload_id": upload.upload_id, "credentials": credentials})

    async def complete(self, call: Caller, m: CompleteParts) -> bytes:
        """Make a file of the parts."""
        parts = [SignedPart(part.part_number, part.etag) for part in m.parts]
        await self._direct.complete_upload(call, self._find_path(m), m.upload_id, parts)
        return EMPTY

    async def abort(self, call: Caller, m: AbortParts) -> bytes:
        """Give an upload up."""
        await self._direct.abort_upload(call, self._find_path(m), m.upload_id)
        return EMPTY

    def _find_path(self, m: CreateParts | CompleteParts | AbortParts) -> str:
        name = m.path.replace("\\", "/").rpartition("/")[2]
        path = check_path(f"{m.folder.removesuffix('/')}/{name}")
        if not self._direct.enabled:
            raise NotSupported(_NO_UPLOADS, hint="send the file whole")
        return path

    async def sign(self, request: HttpRequest, call: Caller) -> HttpResponse:
        """Answer where a file of the tree can be fetched: a small one from this server, which is said by no size."""
        path = check_path(request.params["path"])
        if not self._direct.enabled:
            raise NotSupported("Signed addresses are not offered by this artifact store", hint="fetch the file whole")
        address, size_bytes = await self._direct.sign_download(call, path, SIGNED_S)
        if address:
            shown = {"url": address, "headers": {}, "file_size": size_bytes}
        else:
            host = request.headers.get(b"host", b"").decode("latin-1")
            shown = {"url": f"{request.scope['scheme']}://{host}{FOLDER}/{quote(path)}", "headers": {}}
        return HttpResponse(body=encode(shown))

    async def presign_download(self, call: Caller, m: PresignDownload) -> bytes:
        """Answer where a run's file can be fetched."""
        path = check_path(m.path)
        expires_s = SIGNED_S if m.expiration is None else m.expiration
        if not 1 <= expires_s <= MOST_SIGNED_S:
            raise invalid_value("expiration", expires_s, f"it must be from 1 to {MOST_SIGNED_S} seconds")
        _, folder = await find_run(call, m.run_id)
        if not self._direct.enabled:
            raise _no_addresses()
        address, size_bytes = await self._direct.sign_download(call, f"{folder}/{path}", expires_s)
        if not address:
            raise _no_addresses()
        return encode({"presigned_url": address, "file_size": size_bytes})

    async def presign_upload(self, call: Caller, m: PresignUpload) -> bytes:
        """Refuse an address to send a file to, saying what is wrong with the request itself first.

        Nobody would tell this server when the file has arrived: uploads in parts do.
        """
        check_path(m.path)
        if bool(m.run_id) == bool(m.model_id):
            raise InvalidInput("Send either run_id or model_id")
        await (find_run(call, m.run_id) if m.run_id else find_model(call, m.model_id))
        raise _no_addresses()


def _no_addresses() -> InvalidInput:
    return InvalidInput(
        "Presigned addresses are not supported for artifacts that go through this server",
        hint="send or fetch the file whole",
    )
