"""Projects that tests make."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from trackway.api.artifacts import FileEntry
from trackway.api.runs import Run
from trackway.sdk.artifacts import get_run_folder, join_path, list_files, read_file
from trackway.sdk.client import Client

EXAMPLES = Path(__file__).parents[2] / "examples" / "projects"


class MakeProject(Protocol):
    """Makes a folder of files; ``__`` in a name stands for a dot."""

    def __call__(self, **files: str) -> Path: ...


def read_run(run_id: str) -> Run:
    return Client().get_run(run_id)


def list_run_files(run_id: str) -> list[FileEntry]:
    client = Client()
    return list(list_files(client, get_run_folder(client, run_id), recursive=True))


def read_run_file(run_id: str, path: str) -> str:
    client = Client()
    return read_file(client, join_path(get_run_folder(client, run_id), path)).decode()
