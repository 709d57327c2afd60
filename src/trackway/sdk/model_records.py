"""What a model's own records say, read without its other files, and changed where the model is.

A change replaces small files and then the manifest. Between the two the model is refused as damaged, so a call that was
interrupted has to be made again. Versions of registered models never change.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from trackway.base.errors import Conflict, InvalidInput, NotFound
from trackway.models.environment import (
    CONDA,
    LOCK,
    REQUIREMENTS,
    edit_requirements,
    read_conda_requirements,
    write_conda_requirements,
)
from trackway.models.manifest import NAME as MANIFEST
from trackway.models.manifest import amend_manifest, resolve_inside
from trackway.models.mlmodel import NAME as MLMODEL
from trackway.models.mlmodel import MlModel, dump_mlmodel, parse_mlmodel
from trackway.models.signature import Signature
from trackway.sdk.artifacts import find_file, find_local, join_path
from trackway.sdk.client import Client
from trackway.sdk.mlflow_client import MlflowClient
from trackway.sdk.model_files import locate_model, names_version
from trackway.sdk.models import ModelInfo
from trackway.sdk.sources import BytesSource
from trackway.sdk.versions import find_version

AnyPath = str | os.PathLike[str]


def get_model_info(model_uri: AnyPath) -> ModelInfo:
    """Return what a model's records say of it; none of its other files is fetched, and nothing of it imported.

    model_uri: as ``trackway.load_model`` takes it
    raises:    InvalidInput, NotFound; Corrupt for records that cannot be read
    """
    uri = os.fspath(model_uri)
    files = _open(uri)
    mlmodel = _read_mlmodel(files, uri)
    manifest = files.find(MANIFEST)
    version = find_version(Client(), uri.rstrip("/")) if names_version(uri) else None
    return ModelInfo(
        model_id=mlmodel.model_id or "",
        name=_find_name(mlmodel) if version is None else version.name,
        run_id=mlmodel.run_id or "",
        digest="" if manifest is None else hashlib.sha256(manifest).hexdigest(),
        mlmodel=mlmodel,
        registered_model_version=None if version is None else version.version,
        uri=uri,
    )


def set_signature(model_uri: AnyPath, signature: Signature) -> None:
    """Give a model another signature, or its first.

    model_uri: a logged model or a folder, as ``trackway.load_model`` takes it
    raises:    InvalidInput, NotFound; Conflict for a version of a registered model
    """
    if not isinstance(signature, Signature):
        found = type(signature).__qualname__
        raise InvalidInput(f"A {found} is no signature", hint="make one: models.infer_signature(rows, predictions)")
    uri = os.fspath(model_uri)
    files = _open_to_change(uri)
    changed = msgspec.structs.replace(_read_mlmodel(files, uri), signature=signature)
    _replace(files, {MLMODEL: dump_mlmodel(changed)})


def update_model_requirements(
    model_uri: AnyPath, operation: Literal["add", "remove"], requirement_list: Sequence[str]
) -> None:
    """Add to what a model asks pip for, or take packages away from it.

    operation:        ``add``, which replaces what is asked of the same packages, or ``remove``
    requirement_list: as pip takes them, one a text; to remove, versions do not count, nor what is not asked for
    raises:           as ``set_signature``; Conflict for a model that was locked to exact versions
    """
    if operation not in ("add", "remove"):
        raise InvalidInput(f"Requirements cannot be changed by {str(operation)[:40]!r}", hint="add or remove")
    if isinstance(requirement_list, str):
        raise InvalidInput("The requirements are one text", hint="give a list, one text for each")
    uri = os.fspath(model_uri)
    files = _open_to_change(uri)
    _read_mlmodel(files, uri)
    if files.find(LOCK) is not None:
        raise Conflict("The model is locked to exact versions", hint="save it again, with lock_requirements")
    changes: dict[str, Sequence[str]] = {operation: list(requirement_list)}
    changed: dict[str, bytes] = {}
    if (text := files.find(REQUIREMENTS)) is not None:
        lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
        changed[REQUIREMENTS] = "\n".join(edit_requirements(lines, **changes)).encode()
    if (conda := files.find(CONDA)) is not None:
        lines = edit_requirements(read_conda_requirements(conda) or [], **changes)
        changed[CONDA] = write_conda_requirements(conda, lines)
    if not changed:
        raise NotFound("The model does not say what it needs", hint="save it again")
    _replace(files, changed)


def get_model_dependencies(model_uri: AnyPath, format: str = "pip") -> str:  # noqa: A002 - scripts give it by name
    """Return the path of a local file with what a model needs; of a folder its own file.

    format: ``pip`` for ``requirements.txt``, made of ``conda.yaml`` when there is none, or ``conda``
    raises: InvalidInput; NotFound for a model that does not say
    """
    if format not in ("pip", "conda"):
        raise InvalidInput(f"Requirements have no format {str(format)[:40]!r}", hint="pip or conda")
    uri = os.fspath(model_uri)
    files = _open(uri)
    _read_mlmodel(files, uri)
    name = REQUIREMENTS if format == "pip" else CONDA
    data = files.find(name)
    if data is not None and isinstance(files, _LocalFiles):
        return str(files.folder / name)
    if data is None and format == "pip" and (conda := files.find(CONDA)) is not None:
        lines = read_conda_requirements(conda)
        data = None if lines is None else "".join(f"{line}\n" for line in lines).encode()
    if data is None:
        raise NotFound("The model does not say what it needs", hint=f"it has no {name}")
    path = Path(tempfile.mkdtemp(prefix="trackway-")) / name
    path.write_bytes(data)
    return str(path)


class _Files(Protocol):
    """The files of one model, wherever it is."""

    def find(self, name: str) -> bytes | None:
        """Return the bytes of a file, or None when there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Replace a file: all of it or nothing."""


class _LocalFiles:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str) -> bytes | None:
        return resolve_inside(self.folder, name).read_bytes() if (self.folder / name).exists() else None

    def write(self, name: str, data: bytes) -> None:
        draft = self.folder / f".{name}.part"
        draft.write_bytes(data)
        draft.replace(self.folder / name)


class _StoredFiles:
    def __init__(self, client: Client, folder: str) -> None:
        self._client = client
        self._folder = folder

    def find(self, name: str) -> bytes | None:
        return find_file(self._client, join_path(self._folder, name))

    def write(self, name: str, data: bytes) -> None:
        self._client.transport.upload(join_path(self._folder, name), BytesSource(data))


def _open(uri: str) -> _Files:
    if (local := find_local(uri)) is not None:
        return _LocalFiles(Path(local))
    client = Client()
    return _StoredFiles(client, locate_model(client, uri))


def _open_to_change(uri: str) -> _Files:
    if names_version(uri):
        raise Conflict(
            f"{uri[:200]!r} is a version of a registered model, which never changes",
            hint="change the logged model, models:/m-..., and register it again",
        )
    return _open(uri)


def _read_mlmodel(files: _Files, uri: str) -> MlModel:
    data = files.find(MLMODEL)
    if data is None:
        raise NotFound(f"There is no model at {uri[:200]!r}", hint="log_model returns the address of one")
    return parse_mlmodel(data)


def _find_name(mlmodel: MlModel) -> str:
    """Return what a model is called: by its record where there is one, else by the path that MLflow wrote."""
    if mlmodel.model_id:
        with suppress(NotFound):
            return MlflowClient().get_logged_model(mlmodel.model_id).name
    return str(mlmodel.other.get("artifact_path") or "")


def _replace(files: _Files, changed: Mapping[str, bytes]) -> None:
    """Replace files of a model, and its manifest after them, when it has one."""
    manifest = files.find(MANIFEST)
    amended = {} if manifest is None else {MANIFEST: amend_manifest(manifest, changed)}
    for name, data in {**changed, **amended}.items():
        files.write(name, data)
