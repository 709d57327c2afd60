"""Which store is meant, and the one open way to it."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from trackway.base import plugins
from trackway.base.addresses import sqlite_address, sqlite_path
from trackway.base.errors import InvalidInput, NotSupported
from trackway.sdk import settings
from trackway.sdk.transport import HttpTransport, Transport

DEFAULT_FOLDER = "tracks"
DATABASE_FILE = "trackway.db"
"""The SQLite file of a local store, in its folder."""

_VARIABLE = "TRACKWAY_TRACKING_URI"
_WORKSPACE = "TRACKWAY_WORKSPACE"
_IN_PATH = re.compile(r"/w/([^/]+)$")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_DATABASES = ("sqlite", "postgresql", "postgres")
_ADDRESSES = (
    "name a server (http://host:5000), a database (sqlite:///runs.db, postgresql://user@host/name), or a folder"
)
_OF_MLFLOW = ("*/meta.yaml", ".trash/*/meta.yaml")
"""What there is in a folder in which MLflow keeps experiments as files."""
_ELSEWHERE = ("databricks", "databricks-uc", "uc")

plugins.register("transport", "local", "trackway.wiring.local:open_local")

_lock = threading.Lock()
_open: dict[str, Transport] = {}


def set_tracking_uri(uri: str | os.PathLike[str]) -> None:
    """Choose the store that is logged to and read from; an empty text forgets the choice.

    uri:     ``http://`` or ``https://`` of a server, ``sqlite:///`` or ``postgresql://`` of a database, or a folder
    raises:  NotSupported for an address that Trackway does not log to

    The choice is kept in the variable TRACKWAY_TRACKING_URI, so that processes started from here share it.
    """
    text = os.fspath(uri)
    if text:
        os.environ[_VARIABLE] = complete_uri(text)
    else:
        os.environ.pop(_VARIABLE, None)


def get_tracking_uri() -> str:
    """Return the store that is logged to: as chosen, as the environment says, else the folder ``./tracks``."""
    return resolve_uri(settings.get(_VARIABLE) or DEFAULT_FOLDER)


def set_workspace(workspace: str | None) -> None:
    """Choose the workspace of the server that is logged to and read from; None or an empty text forgets the choice.

    It counts for addresses that name none: ``http://host/w/vision`` is that one's, whatever was chosen. The choice is
    kept in the variable TRACKWAY_WORKSPACE, so that processes started from here share it.
    """
    if workspace:
        os.environ[_WORKSPACE] = workspace
    else:
        os.environ.pop(_WORKSPACE, None)


def get_workspace() -> str:
    """Return the workspace that is logged to: the address's own, else the chosen one; empty for neither."""
    found = _IN_PATH.search(get_tracking_uri())
    return unquote(found[1]) if found else ""


def is_tracking_uri_set() -> bool:
    """Tell whether the store was chosen, or named by the environment."""
    return bool(settings.get(_VARIABLE))


def resolve_uri(uri: str) -> str:
    """Return an address in its one form, with the workspace that was chosen.

    Folders and SQLite files are absolute, so that a change of folder is none of the address.

    raises: NotSupported for an address that Trackway does not log to, and for a workspace in a store of this process
    """
    workspace = settings.get(_WORKSPACE)
    resolved = complete_uri(uri)
    if not workspace:
        return resolved
    if is_local(resolved):
        raise NotSupported(
            f"A store in this process has no workspace {workspace[:63]!r}",
            hint="workspaces are a server's: name one with --uri or TRACKWAY_TRACKING_URI, or unset TRACKWAY_WORKSPACE",
        )
    return resolved if _IN_PATH.search(resolved) else f"{resolved}/w/{quote(workspace, safe='')}"


def complete_uri(uri: str) -> str:
    """Return an address as ``resolve_uri`` does, for whichever workspace it says itself.

    raises: NotSupported; InvalidInput for the folder in which MLflow keeps its experiments
    """
    scheme = get_scheme(uri)
    if scheme in ("http", "https"):
        return uri.rstrip("/")
    if uri in _ELSEWHERE or scheme in _ELSEWHERE:
        raise NotSupported(f"Trackway does not log to {uri!r}", hint=_ADDRESSES)
    if scheme == "sqlite":
        return sqlite_address(sqlite_path(uri).absolute())
    if scheme in ("", "file"):
        folder = Path(get_path(uri)).expanduser().absolute()
        _check_folder(folder)
        return str(folder)
    if scheme not in _DATABASES and scheme not in plugins.list_names("transport"):
        raise NotSupported(f"Trackway does not log to {scheme}: addresses", hint=_ADDRESSES)
    return uri


def get_path(uri: str) -> str:
    """Return the path that a ``file:`` address stands for; a plain path is its own.

    raises: InvalidInput for the address of another machine's file, as which ``file://`` with a relative path counts
    """
    if get_scheme(uri) != "file":
        return uri
    host, path = urlsplit(uri)[1:3]
    if host not in ("", "localhost"):
        raise InvalidInput(
            f"{uri[:200]!r} names a file of the machine {host!r}",
            hint="write file:///data/runs, or the path alone: an absolute path follows three slashes",
        )
    return unquote(path)


def get_scheme(uri: str) -> str:
    """Return an address's scheme in lower case; a plain path has none (nor has a Windows drive)."""
    match = _SCHEME.match(uri)
    return match[1].lower() if match else ""


def is_local(uri: str) -> bool:
    """Tell whether an address is that of a store in this process."""
    return get_scheme(uri) in ("", *_DATABASES)


def get_journal_root(uri: str) -> str:
    """Return the folder of the journals of what is logged to ``uri``.

    The variable TRACKWAY_JOURNAL_DIR; else ``journal`` inside a local store's folder; else ``trackway/journal`` in the
    user's state folder.
    """
    if chosen := settings.get("TRACKWAY_JOURNAL_DIR"):
        return os.path.abspath(chosen)
    if not get_scheme(uri):
        return os.path.join(uri, "journal")
    home = os.path.expanduser("~")
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(home, ".local", "state")
    return os.path.join(state, "trackway", "journal")


def open_transport(uri: str, retry_s: float) -> Transport:
    """Open a way of the caller's own to a store; a store in this process is opened once and shared.

    raises: InvalidInput for an address that is malformed or of an unknown kind; Unavailable
    """
    if get_scheme(uri) in ("http", "https"):
        return HttpTransport(uri, retry_s=retry_s)
    return get_transport(uri)


def get_transport(uri: str) -> Transport:
    """Return the way to a store that this process's calls share; a call is tried again for TRACKWAY_RETRY_S seconds."""
    with _lock:
        transport = _open.get(uri)
        if transport is None:
            scheme = get_scheme(uri)
            if scheme in ("http", "https"):
                transport = HttpTransport(uri, retry_s=settings.get_number("TRACKWAY_RETRY_S"))
            else:
                opener = plugins.load("transport", "local" if is_local(uri) else scheme)
                transport = opener(uri)
            _open[uri] = transport
        return transport


def close_transports() -> None:
    """Close every shared way to a store; the next call opens it again."""
    with _lock:
        for transport in _open.values():
            transport.close()
        _open.clear()


def _check_folder(folder: Path) -> None:
    """Refuse a folder that MLflow writes to; one that holds a store of ours, too, has been one since before."""
    if not (folder / DATABASE_FILE).exists() and any(next(folder.glob(kept), None) for kept in _OF_MLFLOW):
        raise InvalidInput(
            f"{folder} is a folder of MLflow's experiments, to which Trackway does not write",
            hint=f"name another folder, and bring them over: trackway import {folder}",
        )


def _forget_in_child() -> None:
    """Begin anew: connections and threads stayed with the parent."""
    global _lock
    _lock = threading.Lock()
    _open.clear()


os.register_at_fork(after_in_child=_forget_in_child)
