"""From what a user names to a history: a folder, a database, a server, a bundle."""

from __future__ import annotations

from pathlib import Path

from trackway.base.addresses import sqlite_path
from trackway.base.errors import InvalidInput, NotFound, NotSupported
from trackway.exchange.bundle_reader import Bundle
from trackway.exchange.database import Database
from trackway.exchange.filestore import FileStore, find_root
from trackway.exchange.history import History, Problem
from trackway.exchange.rest import Server
from trackway.exchange.wandb import RunFolders, find_folders
from trackway.exchange.wandb_log import MAGIC
from trackway.sdk.connection import get_path, get_scheme

_SQLITE = b"SQLite format 3\x00"
_ZIP = b"PK"
_SOURCES = "name the folder mlruns or wandb, sqlite:///mlflow.db, http://host:5000, or what `trackway export` wrote"
_DATABASES = ("postgresql", "postgres", "mysql", "mssql", "oracle")


def open_history(source: str, artifacts: Path | None, problem: Problem) -> History:
    """Open a history by its address.

    source:    the folder ``mlruns`` or ``wandb``, or one that holds it, also as ``file:``; ``sqlite:///file.db`` or
               the file; ``http://host:port`` of a server of MLflow's; a bundle's file
    artifacts: the folder that ``mlflow-artifacts:`` locations stand for, for a folder or database; that links to saved
               files may lead into, for W&B's
    problem:   told of what cannot be read
    raises:    NotFound, InvalidInput, NotSupported; Corrupt for a bundle that is not whole
    """
    scheme = get_scheme(source)
    if scheme in ("http", "https"):
        return Server(source, problem)
    if scheme in ("", "file", "sqlite"):
        path = sqlite_path(source) if scheme == "sqlite" else Path(get_path(source)).expanduser()
        return _open_path(path, artifacts, problem)
    through = "start `mlflow server` on that database, and import from its http:// address"
    is_database = scheme.partition("+")[0] in _DATABASES
    raise NotSupported(f"Trackway does not import from {scheme}: addresses", hint=through if is_database else _SOURCES)


def _open_path(path: Path, artifacts: Path | None, problem: Problem) -> History:
    if path.is_dir():
        return _open_folder(path, artifacts, problem)
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise NotFound(f"{path} cannot be opened: {error.strerror}", hint=_SOURCES) from error
    if head == _SQLITE:
        return Database(path, artifacts, problem)
    if head.startswith(_ZIP):
        return Bundle(path)
    if head.startswith(MAGIC):
        raise InvalidInput(f"{path} is the log of one run of W&B's", hint="name the folder that it is in")
    raise InvalidInput(f"{path} is neither a SQLite database nor a bundle", hint="name what was exported, whole")


def _open_folder(path: Path, artifacts: Path | None, problem: Problem) -> History:
    root, folders = find_root(path), find_folders(path)
    if root is not None and folders:
        raise InvalidInput(f"{path} holds two histories", hint="name the folder mlruns or the folder wandb in it")
    if root is not None:
        return FileStore(root, artifacts, problem)
    if folders:
        return RunFolders(folders, artifacts, problem)
    raise InvalidInput(f"There is no history in {path}", hint="name the folder mlruns or wandb, or one that holds it")
