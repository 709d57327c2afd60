"""Artifacts: listing by run or model, and the proxy through which clients read and write files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from trackway.api import operations as ops
from trackway.api.artifacts import DeleteFiles, FileEntry, ListFiles
from trackway.api.logged_models import GetLoggedModel
from trackway.api.registry import VersionName
from trackway.api.runs import GetRun
from trackway.artifacts.paths import check_artifact_path, read_ways
from trackway.base.errors import InvalidInput, NotFound, NotSupported
from trackway.http.messages import HttpRequest, HttpResponse
from trackway.rules.locations import tree_path
from trackway.server.calls import Caller
from trackway.server.mlflow.codec import Codec, Message, Needed
from trackway.server.mlflow.encoders import EMPTY, encode, show_file
from trackway.server.mlflow.endpoints import read_query
from trackway.server.mlflow.errors import bad_request
from trackway.server.mlflow.registry import read_version

RUNS = "runs:/"
UPLOAD_BYTES = 10 * 1024 * 1024
"""Most bytes that a browser may upload to a run."""


class Files(Protocol):
    """Carries the bytes of files."""

    async def upload(self, call: Caller, path: str, chunks: AsyncIterator[bytes]) -> FileEntry:
        """Store a file at a path of the workspace's file tree."""

    async def download(self, request: HttpRequest, call: Caller, path: str) -> HttpResponse:
        """Answer with a file, or the part of it that a Range asks for."""


class ListRunFiles(Message, frozen=True, kw_only=True):
    """List a folder of a run; the page token of this route never meant anything."""

    run_id: Needed
    run_uuid: str = ""
    path: str = ""
    page_token: str = ""


class ListModelFiles(Message, frozen=True, kw_only=True):
    """List a folder of a model."""

    model_id: Needed
    artifact_directory_path: str = ""
    page_token: str = ""


class ListTree(Message, frozen=True, kw_only=True):
    """List a folder of the whole tree."""

    path: str = ""


class RunFile(Message, frozen=True, kw_only=True):
    """Name a file of a run."""

    run_id: Needed
    run_uuid: str = ""
    path: Needed


class ModelFile(Message, frozen=True, kw_only=True):
    """Name a file of a model."""

    model_id: Needed
    artifact_file_path: str = ""


class VersionFile(Message, frozen=True, kw_only=True):
    """Name a file of a registered model's version."""

    name: Needed
    version: Needed
    path: Needed


class ArtifactHandlers:
    """Handlers of the routes that move bytes."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._run_file = Codec(RunFile)
        self._model_file = Codec(ModelFile)
        self._version_file = Codec(VersionFile)

    async def download(self, request: HttpRequest, call: Caller) -> HttpResponse:
        """Answer with a file of the tree."""
        return await self._download(request, call, check_path(request.params["path"]))

    async def upload(self, request: HttpRequest, call: Caller) -> HttpResponse:
        """Store the body as a file of the tree."""
        await self._files.upload(call, check_path(request.params["path"]), request.stream())
        return HttpResponse()

    async def delete(self, request: HttpRequest, call: Caller) -> HttpResponse:
        """Delete a file or folder of the tree."""
        path = request.params["path"].removesuffix("/")  # which clients send when they mean a whole run
        await call(ops.DELETE_FILES, DeleteFiles(path=check_path(path)))
        return HttpResponse(body=EMPTY)

    async def download_run_file(self, request: HttpRequest, call: Caller) -> HttpResponse:
        """Answer with a file of a run."""
        m = await read_query(self._run_file, request)
        path = check_path(m.path)
        _, folder = await find_run(call, m.run_id)
        return await self._download(request, call, f"{folder}/{path}")

    async def upload_run_file(self, request: HttpRequest, call: Caller) -> HttpResponse:
        """Store a small body as a file of a run."""
        m = self._run_file.decode_query(request.query_items(), {})
        path = check_path(m.path)
        _, folder = await find_run(call, m.run_id)
        await self._files.upload(call, f"{folder}/{path}", _limit(request.stream()))
        return HttpResponse()

    async def download_model_file(self, request: HttpRequest, call: Caller) -> HttpResponse:
        """Answer with a file of a model."""
        m = self._model_file.decode_query(request.query_items(), request.params)
        if not m.artifact_file_path:
            raise bad_request("Missing value for required parameter 'artifact_file_path'")
        path = check_path(m.artifact_file_path)
        _, folder = await find_model(call, m.model_id)
        return await self._download(request, call, f"{folder}/{path}")

    async def download_version_file(self, request: HttpRequest, call: Caller) -> HttpResponse:
        """Answer with a file of a registered model's version, when it is kept here."""
        m = self._version_file.decode_query(request.query_items(), {})
        file = check_path(m.path)
        version = VersionName(name=m.name, version=read_version(m.version))
        location = (await call(ops.GET_MODEL_VERSION, version)).files_location
        run_id, _, path = location.removeprefix(RUNS).partition("/")
        folder = (await find_run(call, run_id))[1] if location.startswith(RUNS) else _resolve(location)
        below = f"{path.strip('/')}/" if location.startswith(RUNS) and path else ""
        return await self._download(request, call, f"{folder}/{below}{file}")

    async def _download(self, request: HttpRequest, call: Caller, path: str) -> HttpResponse:
        try:
            return await self._files.download(request, call, path)
        except NotFound:
            if (await call(ops.LIST_FILES, ListFiles(folder=path, limit=1))).files:
                raise InvalidInput("Invalid path: it is a folder", hint="name a file") from None
            raise


async def list_run(call: Caller, m: ListRunFiles) -> bytes:
    """Return a folder of a run, its paths seen from the run."""
    uri, folder = await find_run(call, m.run_id)
    return await _list_below(call, uri, folder, m.path)


async def list_model(call: Caller, m: ListModelFiles) -> bytes:
    """Return a folder of a model, its paths seen from the model."""
    uri, folder = await find_model(call, m.model_id)
    return await _list_below(call, uri, folder, m.artifact_directory_path)


async def list_tree(call: Caller, m: ListTree) -> bytes:
    """Return a folder of the tree, by names alone."""
    folder = _check_folder(m.path)
    files = await _list_files(call, folder)
    return encode({"files": [show_file(file, file.path.rpartition("/")[2]) for file in files]}) if files else EMPTY


def check_path(path: str) -> str:
    """Return the path of a file that a client named, when it is a plain relative one.

    raises: InvalidInput
    """
    check_artifact_path(path)
    if any("#" in reading for reading in read_ways(path, InvalidInput)):  # others read what follows as a fragment
        raise InvalidInput("Invalid path: it holds a '#'")
    return path


def _check_folder(path: str) -> str:
    path = path.removesuffix("/") if path != "/" else path
    return check_path(path) if path else ""


async def find_run(call: Caller, run_id: str) -> tuple[str, str]:
    """Return the location of a run's artifacts, and their folder in the file tree."""
    uri = (await call(ops.GET_RUN, GetRun(run_id=run_id))).artifact_uri
    return uri, _resolve(uri)


async def find_model(call: Caller, model_id: str) -> tuple[str, str]:
    """Return the location of a model's artifacts, and their folder in the file tree."""
    uri = (await call(ops.GET_LOGGED_MODEL, GetLoggedModel(model_id=model_id))).artifact_uri
    return uri, _resolve(uri)


def _resolve(uri: str) -> str:
    folder = tree_path(uri)
    if folder is None:
        raise NotSupported(
            "These artifacts are kept at a location that clients read themselves; this server does not open it"
        )
    return folder


async def _list_below(call: Caller, uri: str, root: str, path: str) -> bytes:
    path = _check_folder(path)
    files = await _list_files(call, f"{root}/{path}" if path else root)
    shown = [show_file(file, file.path[len(root) + 1 :]) for file in files]
    return encode({"root_uri": uri, "files": shown} if shown else {"root_uri": uri})


async def _list_files(call: Caller, folder: str) -> list[FileEntry]:
    files: list[FileEntry] = []
    token = ""
    while True:
        page = await call(ops.LIST_FILES, ListFiles(folder=folder, page_token=token))
        files += page.files
        token = page.next_page_token
        if not token:
            return files


async def _limit(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > UPLOAD_BYTES:
            raise InvalidInput(f"The file is larger than {UPLOAD_BYTES} bytes", hint="upload it through a client")
        yield chunk
    if not size:
        raise InvalidInput("The body is empty", hint="send the file's bytes as the body")
