"""What scripts read files with: the functions of ``trackway.artifacts``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackway.base.errors import InvalidInput
from trackway.sdk.artifacts import download, find_local, get_run_folder, join_path, list_files, read_file, resolve_uri
from trackway.sdk.client import Client
from trackway.sdk.entities import FileInfo, to_file
from trackway.sdk.images import decode_image

if TYPE_CHECKING:
    import PIL.Image


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,  # noqa: ARG001 - the registry is the tracking store's
) -> str:
    """Download a file or folder and return where it is.

    artifact_uri: ``runs:/<run id>/<path>``, a run's or model's location, or a local path
    run_id:       together with ``artifact_path`` (all artifacts when left out), instead of ``artifact_uri``
    dst_path:     folder to put it into, under its own name; None for a new temporary one, and for what is local already
    raises:       InvalidInput, NotFound
    """
    _check_names(artifact_uri, run_id, artifact_path)
    if artifact_uri is not None and (local := find_local(artifact_uri)) is not None:
        return local if dst_path is None else _copy(Path(local), Path(dst_path))
    client = Client(tracking_uri)
    folder, path = _find(client, artifact_uri, run_id, artifact_path)
    return download(client, folder, path, dst_path)


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """List a folder; there is nothing in a file, or in what is not there.

    artifact_uri: as ``download_artifacts`` takes it; paths begin with the name of the folder, unless the address ends
                  with a slash
    run_id:       together with ``artifact_path``, instead of ``artifact_uri``; paths are below the run's artifacts
    raises:       InvalidInput, NotFound for an unknown run
    """
    _check_names(artifact_uri, run_id, artifact_path)
    client = Client(tracking_uri)
    folder, path = _find(client, artifact_uri, run_id, artifact_path)
    listed = join_path(folder, path)
    named = artifact_uri is not None and path and not path.endswith("/")
    seen_from = listed.rpartition("/")[0] if named else folder if artifact_uri is None else listed
    return [to_file(file, seen_from) for file in list_files(client, listed)]


def load_text(artifact_uri: str) -> str:
    """Return the text of a file of UTF-8."""
    try:
        return _read(artifact_uri).decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{artifact_uri[:200]} is no text in UTF-8: {error}", hint="download the file") from error


def load_dict(artifact_uri: str) -> Any:
    """Return what a file of JSON says."""
    try:
        return json.loads(load_text(artifact_uri))
    except ValueError as error:
        raise InvalidInput(f"{artifact_uri[:200]} is no JSON: {error}", hint="load its text") from error


def load_image(artifact_uri: str) -> PIL.Image.Image:
    """Return the image of a file as one of Pillow's, which must be installed."""
    return decode_image(_read(artifact_uri))


def _read(artifact_uri: str) -> bytes:
    local = find_local(artifact_uri)
    if local is not None:
        return Path(local).read_bytes()
    client = Client(None)
    return read_file(client, join_path(*resolve_uri(client, artifact_uri)))


def _check_names(artifact_uri: str | None, run_id: str | None, artifact_path: str | None) -> None:
    if (artifact_uri is None) == (run_id is None):
        raise InvalidInput("Name the artifact by artifact_uri or by run_id", hint="give one of the two")
    if artifact_uri is not None and artifact_path is not None:
        raise InvalidInput("artifact_path goes with run_id alone", hint="put the path into artifact_uri")


def _find(client: Client, uri: str | None, run_id: str | None, path: str | None) -> tuple[str, str]:
    return resolve_uri(client, uri) if uri is not None else (get_run_folder(client, run_id or ""), path or "")


def _copy(source: Path, folder: Path) -> str:
    target = folder.absolute() / source.name
    folder.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        return str(shutil.copytree(source, target, dirs_exist_ok=True))
    return str(shutil.copyfile(source, target))
