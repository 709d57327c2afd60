"""Where a model's files are, and how they get here: by run, by the model's id, by a local path, by a registered name.

A model that was fetched once is kept in a cache: a registered version by the digest of its files, so that the next load
of it moves nothing, any other by the digest of its manifest, so that it moves one small file. Entries belong to the
user alone, and every file of one is checked again when the model is loaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from trackway.api import operations as ops
from trackway.api.logged_models import GetLoggedModel
from trackway.artifacts.content import digest_content, digest_folder
from trackway.base.errors import Corrupt, NotFound
from trackway.models.manifest import NAME as MANIFEST
from trackway.models.mlmodel import NAME as MLMODEL
from trackway.sdk import caches
from trackway.sdk.artifacts import download, find_file, find_local, join_path, resolve_uri
from trackway.sdk.client import Client
from trackway.sdk.locations import get_folder
from trackway.sdk.versions import MODELS, find_version


def fetch_model(uri: str, target: str | os.PathLike[str] | None = None) -> Path:
    """Return the local folder of a model, fetching what is not here yet.

    uri:    ``runs:/<run id>/<name or path>``, ``models:/<model id>``, ``models:/<name>/<version>`` and the like, a
            location as runs and models have it, or a local path, which is returned as it is
    target: folder to put the model into, instead of the cache
    raises: InvalidInput, NotFound
    """
    if (local := find_local(uri)) is not None:
        return Path(local)
    client = Client()
    if names_version(uri):
        version = find_version(client, uri.rstrip("/"))
        folder, digest = join_path(*resolve_uri(client, version.files_location)), version.digest
    else:
        folder, digest = locate_model(client, uri), ""
    if target is not None:
        return Path(download(client, folder, "", target))
    if digest:  # what a version is, the store has said: nothing is fetched to find out
        return _fetch(client, folder, digest.replace(":", "-"), digest)
    manifest = find_file(client, join_path(folder, MANIFEST))
    if manifest is None:
        return Path(download(client, folder, ""))
    return _fetch(client, folder, hashlib.sha256(manifest).hexdigest(), manifest=manifest)


def names_version(uri: str) -> bool:
    """Tell whether an address is that of a version itself, and not of something in it."""
    owner, _, rest = uri.removeprefix(MODELS).strip("/").partition("/")
    return uri.startswith(MODELS) and not owner.startswith("m-") and ("@" in owner) == (not rest) and "/" not in rest


def _fetch(client: Client, folder: str, name: str, digest: str = "", manifest: bytes = b"") -> Path:
    """Return an entry of the cache, fetching it when it is not there; either its digest or its manifest is known.

    raises: Corrupt when the files are not those that ``digest`` is of
    """
    place = get_cache() / name
    if _is_kept(place, digest, manifest):
        return place
    draft = Path(tempfile.mkdtemp(prefix=".part-", dir=place.parent))
    try:
        download(client, folder, "", draft)
        if digest and digest_content(digest_folder(draft).items()) != digest:
            raise Corrupt(
                f"The files at {folder[:200]!r} are not those that were registered",
                hint="they were changed in the store itself; register the model anew",
            )
        shutil.rmtree(place, ignore_errors=True)
        draft.rename(place)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, OSError) and _is_kept(place, digest, manifest):  # another process was faster
            return place
        raise
    return place


def locate_model(client: Client, uri: str) -> str:
    """Return the folder of a model's files in the workspace's file tree.

    raises: InvalidInput for what is no address, NotFound
    """
    if uri.startswith("runs:/"):
        run_id, _, path = uri.removeprefix("runs:/").strip("/").partition("/")
        return _locate_in_run(client, run_id, path)
    return join_path(*resolve_uri(client, uri))


def get_cache() -> Path:
    """Return the folder of fetched models, for this user alone; it is made when there is none."""
    return caches.get_cache("models")


def _is_kept(place: Path, digest: str, manifest: bytes) -> bool:
    """Return whether a fetched model is in the cache, as this user put it there.

    With a manifest the files are checked against that when the model is loaded; without, they are checked here.
    """
    if not place.is_dir() or place.is_symlink() or (hasattr(os, "getuid") and place.stat().st_uid != os.getuid()):
        return False
    kept = place / MANIFEST
    if manifest:
        return kept.is_file() and kept.read_bytes() == manifest
    return kept.is_file() or digest_content(digest_folder(place).items()) == digest


def _locate_in_run(client: Client, run_id: str, path: str) -> str:
    """Return the folder of a model among a run's artifacts, or else of a model of that name that the run made."""
    folder = join_path(*resolve_uri(client, f"runs:/{run_id}/{path}"))
    if find_file(client, join_path(folder, MLMODEL)) is not None:
        return folder
    name, _, rest = path.partition("/")
    for output in reversed(client.get_run(run_id).model_outputs):
        model = client.call(ops.GET_LOGGED_MODEL, GetLoggedModel(model_id=output.model_id))
        if model.name == name:
            return join_path(get_folder(model.artifact_uri), rest)
    raise NotFound(f"The run {run_id[:40]} has no model {path[:200]!r}", hint="log_model returns the address of one")
