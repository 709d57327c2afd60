"""Artifacts of runs and models: where they are in the workspace's file tree, and how they get there and back."""

from __future__ import annotations

import os
import posixpath
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from trackway.api import artifacts as a
from trackway.api import operations as ops
from trackway.api.logged_models import GetLoggedModel
from trackway.base.errors import InvalidInput, NotFound
from trackway.sdk.client import Client
from trackway.sdk.locations import get_folder
from trackway.sdk.progress import Progress
from trackway.sdk.sources import FileSource
from trackway.sdk.versions import MODELS, find_version


def get_run_folder(client: Client, run_id: str) -> str:
    """Return the folder of a run's artifacts in the workspace's file tree."""
    return get_folder(client.get_run(run_id).artifact_uri)


def get_model_folder(client: Client, model_id: str) -> str:
    """Return the folder of a logged model's files in the workspace's file tree."""
    return get_folder(client.call(ops.GET_LOGGED_MODEL, GetLoggedModel(model_id=model_id)).artifact_uri)


def resolve_uri(client: Client, uri: str) -> tuple[str, str]:
    """Return the folder, in the workspace's file tree, and the path in it that an artifact address stands for.

    uri:     ``runs:/<run id>/<path>``, ``models:/<model id>/<path>`` of a logged model, ``models:/<name>/<version>`` or
             ``models:/<name>@<alias>`` of a registered one, or a location as runs have it
    raises:  InvalidInput, NotFound
    """
    scheme, _, rest = uri.partition(":/")
    owner, _, path = rest.lstrip("/").partition("/")
    if scheme == "runs":
        return get_run_folder(client, owner), path
    if scheme == "models" and owner.startswith("m-"):
        return get_model_folder(client, owner), path
    if scheme == "models":
        named = owner if "@" in owner else f"{owner}/{path.partition('/')[0]}"
        version = find_version(client, f"{MODELS}{named}")
        return join_path(*resolve_uri(client, version.files_location)), path if "@" in owner else path.partition("/")[2]
    folder, _, name = get_folder(uri).rpartition("/")
    return folder, f"{name}/" if uri.endswith("/") else name


def list_files(client: Client, folder: str, *, recursive: bool = False) -> Iterator[a.FileEntry]:
    """Yield what is in a folder, or every file below it, in path order."""
    token = ""
    while True:
        request = a.ListFiles(folder=folder, recursive=recursive, page_token=token)
        listed = client.call(ops.LIST_FILES, request)
        yield from listed.files
        token = listed.next_page_token
        if not token:
            return


def walk_folder(local_dir: str, artifact_path: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield (local path, artifact path) of every file below a folder, in path order.

    raises: InvalidInput when it is no folder
    """
    if not os.path.isdir(local_dir):
        raise InvalidInput(f"{local_dir} is no folder", hint="log a single file with log_artifact")
    for folder, folders, names in os.walk(local_dir):
        folders.sort()
        inside = os.path.relpath(folder, local_dir).replace(os.sep, "/")
        for name in sorted(names):
            yield os.path.join(folder, name), join_path(artifact_path or "", "" if inside == "." else inside, name)


def join_path(*parts: str) -> str:
    """Join the parts of an artifact path; empty ones do not count."""
    return "/".join(part.strip("/") for part in parts if part.strip("/"))


def upload_folder(client: Client, folder: str, local_dir: str, artifact_path: str | None = None) -> None:
    """Upload every file below a local folder."""
    files = list(walk_folder(local_dir, artifact_path))
    with Progress("Sending", sum(os.stat(local_path).st_size for local_path, _ in files)) as progress:
        for local_path, path in files:
            client.transport.upload(join_path(folder, path), progress.watch_source(FileSource(local_path)))


def download(client: Client, folder: str, path: str, target: str | os.PathLike[str] | None = None) -> str:
    """Download a file, or a folder with all below it, and return where it is.

    folder:  in the workspace's file tree
    path:    below it. What it names is put into ``target`` under its own name; when it is empty or ends with a slash,
             what that folder holds is
    target:  folder, made when there is none; None for a new temporary one
    raises:  NotFound when there is nothing at ``path``
    """
    root = Path(tempfile.mkdtemp(prefix="trackway-")) if target is None else Path(target).absolute()
    source, name = join_path(folder, path), posixpath.basename(path)
    files = list(list_files(client, source, recursive=True))
    if name and not files:
        with Progress("Fetching", None) as progress:
            return str(_write(root, name, progress.watch(client.transport.download(source))))  # raises NotFound
    place = root / name
    place.mkdir(parents=True, exist_ok=True)
    with Progress("Fetching", sum(file.size_bytes or 0 for file in files)) as progress:
        for file in files:
            _write(place, file.path.removeprefix(f"{source}/"), progress.watch(client.transport.download(file.path)))
    return str(place)


def read_file(client: Client, path: str) -> bytes:
    """Return the bytes of a file of the workspace's file tree."""
    return b"".join(client.transport.download(path))


def find_file(client: Client, path: str) -> bytes | None:
    """Return the bytes of a file, or None when there is none."""
    try:
        return read_file(client, path)
    except NotFound:
        return None


def find_local(uri: str) -> str | None:
    """Return the path that a local address stands for, or None for one that is not local."""
    if uri.startswith("file:"):
        return unquote(uri.removeprefix("file://").removeprefix("file:"))
    return uri if ":/" not in uri and os.path.exists(uri) else None


def _write(root: Path, name: str, chunks: Iterator[bytes]) -> Path:
    """Write a file below ``root``: all of it or nothing."""
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise InvalidInput(f"The file {name[:200]!r} would be written outside of {root}", hint="it was not downloaded")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
    draft.replace(path)
    return path
