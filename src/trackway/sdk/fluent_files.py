"""What scripts log files with; for the rule for errors see ``trackway.sdk.fluent``.

A file is copied (or encoded) when it is logged, and may change or vanish afterwards; it is uploaded in the background.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from trackway.sdk import media
from trackway.sdk.artifacts import find_file, get_run_folder, join_path, walk_folder
from trackway.sdk.client import Client
from trackway.sdk.context import STACK
from trackway.sdk.fluent import set_tag
from trackway.sdk.mlflow_artifacts import encode_image
from trackway.sdk.operations import RunOperations
from trackway.sdk.runs import get_active_run
from trackway.sdk.session import Session
from trackway.sdk.shield import Shield, get_operations, get_target
from trackway.sdk.tables import join_tables

if TYPE_CHECKING:
    import pandas

TAG_IMAGES = "mlflow.loggedImages"
TAG_TABLES = "mlflow.loggedArtifacts"


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Log a file, or a folder under its own name, into the folder ``artifact_path`` of the run's artifacts."""
    with Shield("log_artifact"):
        session, run = get_target(run_id)
        path = os.fspath(local_path)
        name = os.path.basename(os.path.abspath(path))
        if os.path.isdir(path):
            _log_folder(session, run, path, join_path(artifact_path or "", name))
        else:
            session.log_file(run, join_path(artifact_path or "", name), path)


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Log every file below a folder into the folder ``artifact_path`` of the run's artifacts."""
    with Shield("log_artifacts"):
        session, run = get_target(run_id)
        _log_folder(session, run, os.fspath(local_dir), artifact_path or "")


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Log a text as a file."""
    with Shield("log_text"):
        _log_files(run_id, [media.encode_text(text, artifact_file)])


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Log a dictionary or list as a YAML (``.yaml``, ``.yml``) or JSON file."""
    with Shield("log_dict"):
        _log_files(run_id, [media.encode_dict(dictionary, artifact_file)])


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Log a figure of matplotlib or plotly as it is now."""
    with Shield("log_figure"):
        _log_files(None, [media.encode_figure(figure, artifact_file, save_kwargs)])


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = False,
) -> RunOperations | None:
    """Log an image (array, PIL image): as ``artifact_file``, or as ``step`` of the series ``key``."""
    with Shield("log_image"):
        files = encode_image(image, artifact_file, key, step, timestamp)
        _log_files(None, files)
        if key is not None:
            set_tag(TAG_IMAGES, True)
    return get_operations(None) if synchronous is False and key is not None else None


def log_audio(samples: Any, sample_rate_hz: int, artifact_file: str, run_id: str | None = None) -> None:
    """Log sound as a WAV file; samples (n,) or (n, channels), int16 or floats in [-1, 1]."""
    with Shield("log_audio"):
        _log_files(run_id, [media.encode_audio(samples, sample_rate_hz, artifact_file)])


def log_stream(stream: BinaryIO, artifact_file: str, run_id: str | None = None) -> None:
    """Log what a stream holds, read into memory."""
    with Shield("log_stream"):
        _log_files(run_id, [media.File(artifact_file, stream.read())])


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Log a table as JSON or Parquet; the rows go below those that the run has logged to that file before.

    data: a dict of columns, or a DataFrame
    cost: the whole table is logged again each time
    """
    with Shield("log_table"):
        tables = _get_tables(run_id)
        existing = tables.get(artifact_file)
        session, run = get_target(run_id)
        if existing is None and not _is_new(run_id):
            client = Client(session.uri)
            existing = find_file(client, join_path(get_run_folder(client, run), artifact_file))
        file = media.encode_table(data, artifact_file, existing)
        tables[artifact_file] = file.data
        _log_files(run_id, [file])
        if run_id is None:
            set_tag(TAG_TABLES, json.dumps([{"path": path, "type": "table"} for path in tables]))


def load_table(
    artifact_file: str, run_ids: Sequence[str] | None = None, extra_columns: Sequence[str] | None = None
) -> pandas.DataFrame:
    """Load the table ``artifact_file`` of some runs, or of all of the active run's experiment, one below the other.

    extra_columns: attributes, params, tags or metrics of the runs to put beside their rows
    raises:        NotFound when no run has that table
    """
    client = Client()
    experiment_id = "" if run_ids is not None else get_active_run().info.experiment_id
    return join_tables(client, experiment_id, artifact_file, run_ids, extra_columns or ())


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Return the address of the active run's artifacts, or of one of them."""
    return join_path(get_active_run().info.artifact_uri, artifact_path or "")


def _log_folder(session: Session, run_id: str, local_dir: str, artifact_path: str) -> None:
    for local_path, path in walk_folder(local_dir, artifact_path):
        with Shield("log_artifacts"):
            session.log_file(run_id, path, local_path)


def _log_files(run_id: str | None, files: Sequence[media.File]) -> None:
    session, run = get_target(run_id)
    for file in files:
        session.log_bytes(run, join_path(file.path), file.data)


def _get_tables(run_id: str | None) -> dict[str, bytes]:
    """Return the tables that this process has logged to a run, as they are now."""
    for run in STACK.runs:
        if run.run_id == run_id:
            return run.tables
    return get_active_run().tables if run_id is None else {}


def _is_new(run_id: str | None) -> bool:
    return run_id is None and get_active_run().is_new
