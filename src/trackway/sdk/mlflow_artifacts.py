"""The calls of ``MlflowClient`` about artifacts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from trackway.api import operations as ops
from trackway.api.artifacts import DeleteFiles
from trackway.base.clock import now_ms
from trackway.base.errors import InvalidInput
from trackway.sdk import media
from trackway.sdk.artifacts import (
    download,
    find_file,
    get_run_folder,
    join_path,
    list_files,
    upload_folder,
)
from trackway.sdk.client import Client
from trackway.sdk.entities import FileInfo, to_file
from trackway.sdk.sources import BytesSource, FileSource
from trackway.sdk.tables import join_tables

if TYPE_CHECKING:
    import pandas


class ArtifactCalls:
    """Files of runs: uploaded and downloaded while the caller waits."""

    _client: Client

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """Upload a file, or a folder under its own name, into a folder of the run's artifacts."""
        folder = join_path(get_run_folder(self._client, run_id), artifact_path or "")
        path = os.fspath(local_path)
        name = os.path.basename(os.path.abspath(path))
        if os.path.isdir(path):
            upload_folder(self._client, join_path(folder, name), path)
        else:
            self._client.transport.upload(join_path(folder, name), FileSource(path))

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Upload what a folder holds into a folder of the run's artifacts."""
        upload_folder(self._client, get_run_folder(self._client, run_id), os.fspath(local_dir), artifact_path)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Upload a text."""
        self._log_files(run_id, [media.encode_text(text, artifact_file)])

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        """Upload a dictionary or list as YAML (``.yaml``, ``.yml``) or JSON."""
        self._log_files(run_id, [media.encode_dict(dictionary, artifact_file)])

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Upload a figure of matplotlib or plotly."""
        self._log_files(run_id, [media.encode_figure(figure, artifact_file, save_kwargs)])

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,  # noqa: ARG002 - this client always waits
    ) -> None:
        """Upload an image: as ``artifact_file``, or as one of the series ``key``."""
        self._log_files(run_id, encode_image(image, artifact_file, key, step, timestamp))

    def log_audio(self, run_id: str, samples: Any, sample_rate_hz: int, artifact_file: str) -> None:
        """Upload sound as WAV."""
        self._log_files(run_id, [media.encode_audio(samples, sample_rate_hz, artifact_file)])

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        """Upload a table (JSON or Parquet); rows go below those of a table that is there."""
        folder = get_run_folder(self._client, run_id)
        existing = find_file(self._client, join_path(folder, artifact_file))
        self._log_files(run_id, [media.encode_table(data, artifact_file, existing)], folder)

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> pandas.DataFrame:
        """Load the table ``artifact_file`` of some runs, or of all of an experiment, one below the other.

        extra_columns: attributes, params, tags or metrics of the runs to put beside their rows, such as ``run_id``
        raises:        NotFound when no run has that table
        """
        return join_tables(self._client, experiment_id, artifact_file, run_ids, extra_columns or ())

    def log_stream(self, run_id: str, stream: BinaryIO, artifact_file: str) -> None:
        """Upload what a stream holds, read into memory."""
        self._log_files(run_id, [media.File(artifact_file, stream.read())])

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """List a folder of the run's artifacts; paths are below the run's."""
        folder = get_run_folder(self._client, run_id)
        return [to_file(file, folder) for file in list_files(self._client, join_path(folder, path or ""))]

    def download_artifacts(self, run_id: str, path: str, dst_path: str | None = None) -> str:
        """Download a file or folder of the run's artifacts and return where it is.

        path:     empty for all of them
        dst_path: folder to put it into, under its own name; None for a new temporary one
        """
        return download(self._client, get_run_folder(self._client, run_id), path, dst_path)

    def delete_artifacts(self, run_id: str, path: str) -> None:
        """Delete a file or folder of the run's artifacts; what is not there is no error."""
        folder = get_run_folder(self._client, run_id)
        self._client.call(ops.DELETE_FILES, DeleteFiles(path=join_path(folder, path)))

    def _log_files(self, run_id: str, files: Sequence[media.File], folder: str | None = None) -> None:
        root = folder or get_run_folder(self._client, run_id)
        for file in files:
            self._client.transport.upload(join_path(root, file.path), BytesSource(file.data))


def encode_image(
    image: Any, artifact_file: str | None, key: str | None, step: int | None, time_ms: int | None
) -> list[media.File]:
    """Encode an image as one file, or as a step of a series.

    raises: InvalidInput unless exactly one of ``artifact_file`` and ``key`` is given
    """
    if (artifact_file is None) == (key is None):
        raise InvalidInput(
            "Name the image by its file or by the key of its series", hint="give artifact_file, or key and step"
        )
    if artifact_file is not None:
        return [media.encode_image(image, artifact_file)]
    return media.encode_image_step(image, key or "", step or 0, now_ms() if time_ms is None else time_ms)
