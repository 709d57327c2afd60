"""The calls of ``MlflowClient`` about logged models: the record of a model, and its files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.base.errors import InvalidInput
from trackway.base.ids import new_id
from trackway.sdk.artifacts import get_model_folder, join_path, list_files, upload_folder
from trackway.sdk.client import Client
from trackway.sdk.entities import FileInfo, LoggedModel, LoggedModelStatus, PagedList, to_file, to_logged_model
from trackway.sdk.sources import FileSource
from trackway.sdk.values import to_texts


class LoggedModelCalls:
    """Logged models, while the caller waits."""

    _client: Client

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Create the record of a model; it is PENDING until ``finalize_logged_model``."""
        request = m.CreateLoggedModel(
            experiment_id=experiment_id,
            name=name or "",
            source_run_id=source_run_id or "",
            tags=to_texts("tag", tags or {}),
            params=to_texts("param", params or {}),
            model_type=model_type or "",
            model_id=f"m-{new_id()}",
        )
        return to_logged_model(self._client.call(ops.CREATE_LOGGED_MODEL, request))

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
        """Say that a model is READY, or that making it FAILED."""
        word: m.ModelStatus
        if status in (LoggedModelStatus.READY, "READY"):
            word = "READY"
        elif status in (LoggedModelStatus.FAILED, "FAILED", "UPLOAD_FAILED"):
            word = "UPLOAD_FAILED"
        else:
            raise InvalidInput(f"Invalid model status {str(status)[:40]!r}", hint="READY or FAILED")
        request = m.UpdateLoggedModel(model_id=model_id, status=word)
        return to_logged_model(self._client.call(ops.UPDATE_LOGGED_MODEL, request))

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Get the record of a model."""
        return to_logged_model(self._client.call(ops.GET_LOGGED_MODEL, m.GetLoggedModel(model_id=model_id)))

    def delete_logged_model(self, model_id: str) -> None:
        """Move the record of a model to the trash."""
        self._client.call(ops.DELETE_LOGGED_MODEL, m.DeleteLoggedModel(model_id=model_id))

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, str]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """Return one page of the models of some experiments.

        datasets: ``{"dataset_name": ..., "dataset_digest": ...}``, the data sets that metric conditions are about
        order_by: ``{"field_name": ..., "ascending": ..., "dataset_name": ..., "dataset_digest": ...}``
        """
        request = m.SearchLoggedModels(
            experiment_ids=[str(one) for one in experiment_ids],
            filter=filter_string or "",
            datasets=[_to_dataset(one) for one in datasets or ()],
            order_by=[_to_order(one) for one in order_by or ()],
            limit=max_results or 100,
            page_token=page_token or "",
        )
        page = self._client.call(ops.SEARCH_LOGGED_MODELS, request)
        return PagedList(map(to_logged_model, page.models), page.next_page_token or None)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a model."""
        request = m.SetLoggedModelTags(model_id=model_id, tags=to_texts("tag", tags))
        self._client.call(ops.SET_LOGGED_MODEL_TAGS, request)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Delete a tag of a model."""
        self._client.call(ops.DELETE_LOGGED_MODEL_TAG, m.DeleteLoggedModelTag(model_id=model_id, key=key))

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Add params to a model; one that is there already is refused."""
        request = m.LogModelParams(model_id=model_id, params=to_texts("param", params))
        self._client.call(ops.LOG_MODEL_PARAMS, request)

    def log_model_artifact(self, model_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """Upload a file into a folder of the model's."""
        folder = join_path(get_model_folder(self._client, model_id), artifact_path or "")
        path = os.fspath(local_path)
        self._client.transport.upload(join_path(folder, os.path.basename(path)), FileSource(path))

    def log_model_artifacts(self, model_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Upload what a folder holds into a folder of the model's."""
        upload_folder(self._client, get_model_folder(self._client, model_id), os.fspath(local_dir), artifact_path)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """List a folder of the model's files; paths are below the model's."""
        folder = get_model_folder(self._client, model_id)
        return [to_file(file, folder) for file in list_files(self._client, join_path(folder, path or ""))]


def _to_dataset(one: Mapping[str, str]) -> m.DatasetRef:
    return m.DatasetRef(name=one["dataset_name"], digest=one.get("dataset_digest"))


def _to_order(one: Mapping[str, Any]) -> m.ModelOrder:
    dataset = _to_dataset(one) if one.get("dataset_name") else None
    return m.ModelOrder(field=one["field_name"], ascending=one.get("ascending", True), dataset=dataset)
