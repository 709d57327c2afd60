"""A server of MLflow's, read through its REST interface as versions from 1.0 to 3.x offer it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec
import numpy as np

from trackway.api.logged_models import LoggedMetric, ModelStatus
from trackway.api.runs import Dataset, DatasetInput, ModelOutput
from trackway.api.transfers import PastRegistered
from trackway.base.errors import InvalidInput, NotFound, PermissionDenied, TrackwayError, Unauthenticated, Unavailable
from trackway.exchange import wire as w
from trackway.exchange.downloads import Download
from trackway.exchange.history import (
    PastExperiment,
    PastFile,
    PastModel,
    PastPoints,
    PastRun,
    Problem,
    read_status,
    restore_infinities,
)
from trackway.exchange.rest_registry import list_registered
from trackway.sdk.sources import CHUNK_BYTES
from trackway.sdk.transport import Pool, encode_basic, get_delay_s, is_temporary

if TYPE_CHECKING:
    import urllib3

T = TypeVar("T")
PAGE = 1_000
MODELS_PAGE = 100
POINTS_PAGE = 25_000
ATTEMPTS = 5
_API = "/api/2.0/mlflow"
_IS_MLFLOW = "name a server of MLflow's as its clients do, like http://host:5000"
_REASON_CHARS = 300
_EXCERPT_BYTES = 80
_MODELS = "/logged-models/search"
_MODEL_STATUSES: dict[str, ModelStatus] = {
    "LOGGED_MODEL_PENDING": "PENDING",
    "LOGGED_MODEL_READY": "READY",
    "LOGGED_MODEL_UPLOAD_FAILED": "UPLOAD_FAILED",
}
_ERRORS: dict[int, type[TrackwayError]] = {
    400: InvalidInput,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    405: NotFound,
}


class Server:
    """See ``history.History``.

    url: ``http://host:port``, perhaps with a path and with a user and password, which otherwise come from the
         variables MLFLOW_TRACKING_TOKEN, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD
    """

    def __init__(self, url: str, problem: Problem) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise InvalidInput("This is not the address of a server", hint="it is like http://host:5000")
        host = parts.netloc.rpartition("@")[2]
        self._base = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
        self._headers = {"User-Agent": "trackway", **_get_credentials(parts.username, parts.password)}
        self._pool = Pool(parts.scheme, parts.hostname)
        self._problem = problem
        self._keys: dict[str, list[str]] = {}
        self._models: bool | None = None

    @property
    def label(self) -> str:
        return self._base

    def list_experiments(self) -> Iterator[PastExperiment]:
        for experiment in self._search_experiments():
            yield PastExperiment(
                experiment_id=experiment.experiment_id,
                name=experiment.name,
                lifecycle="deleted" if experiment.lifecycle_stage == "deleted" else "active",
                created_ms=experiment.creation_time,
                updated_ms=experiment.last_update_time or experiment.creation_time,
                tags=_to_dict(experiment.tags),
            )

    def list_runs(self, experiment: PastExperiment) -> Iterator[PastRun]:
        query = {"experiment_ids": [experiment.experiment_id], "run_view_type": "ALL", "max_results": PAGE}
        with_models = self._has_models(experiment)
        token = ""
        while True:
            page = self._post("/runs/search", {**query, "page_token": token} if token else query, w.Runs)
            for run in page.runs:
                run_id = run.info.run_id or run.info.run_uuid
                # A search leaves out the links to models.
                whole = self._get("/runs/get", {"run_id": run_id}, w.OneRun).run if with_models else run
                self._keys[run_id] = [metric.key for metric in run.data.metrics]
                yield _to_run(run_id, experiment.experiment_id, whole)
            token = page.next_page_token
            if not token:
                return

    def read_points(self, run: PastRun) -> Iterator[PastPoints]:
        for key in self._keys.pop(run.run_id, []):
            query = {"run_id": run.run_id, "run_uuid": run.run_id, "metric_key": key, "max_results": POINTS_PAGE}
            token = ""
            while True:
                page = self._get("/metrics/get-history", {**query, "page_token": token} if token else query, w.Metrics)
                if page.metrics:
                    yield _to_points(key, page.metrics)
                token = page.next_page_token
                if not token:
                    break

    def list_files(self, run: PastRun) -> Iterator[PastFile]:
        ids = {"run_id": run.run_id, "run_uuid": run.run_id}
        yield from self._walk(f"{_API}/artifacts/list", "path", "/get-artifact", "path", ids, f"run {run.run_id}")

    def list_models(self, experiment: PastExperiment) -> Iterator[PastModel]:
        if not self._has_models(experiment):
            return
        query: dict[str, Any] = {"experiment_ids": [experiment.experiment_id], "max_results": MODELS_PAGE}
        token = ""
        while True:
            page = self._post(_MODELS, {**query, "page_token": token} if token else query, w.Models)
            for model in page.models:
                yield _to_model(experiment.experiment_id, model)
            token = page.next_page_token
            if not token:
                return

    def list_model_files(self, model: PastModel) -> Iterator[PastFile]:
        name = quote(model.model_id, safe="")
        folder = f"{_API}/logged-models/{name}/artifacts/directories"
        file = f"/ajax-api/2.0/mlflow/logged-models/{name}/artifacts/files"
        where = f"model {model.model_id}"
        yield from self._walk(folder, "artifact_directory_path", file, "artifact_file_path", {}, where)

    def list_registered(self) -> Iterator[PastRegistered]:
        return list_registered(self._get, self._problem)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _search_experiments(self) -> Iterator[w.Experiment]:
        query: dict[str, Any] = {"view_type": "ALL", "max_results": PAGE}
        token = ""
        while True:
            try:
                page = self._post(
                    "/experiments/search", {**query, "page_token": token} if token else query, w.Experiments
                )
            except NotFound:  # before 1.28
                page = self._get("/experiments/list", {"view_type": "ALL"}, w.Experiments)
            yield from page.experiments
            token = page.next_page_token
            if not token:
                return

    def _has_models(self, experiment: PastExperiment) -> bool:
        """Tell whether the server knows logged models, which came with version 3."""
        if self._models is None:
            try:
                self._post(_MODELS, {"experiment_ids": [experiment.experiment_id], "max_results": 1}, w.Models)
                self._models = True
            except (NotFound, InvalidInput):
                self._models = False
        return self._models

    def _walk(
        self, folder_path: str, folder_field: str, file_path: str, file_field: str, ids: dict[str, str], where: str
    ) -> Iterator[PastFile]:
        """Yield the files below a root; what is no part of the folder that it is listed in is left out."""
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            query = {**ids, folder_field: folder} if folder else ids
            try:
                found = self._decode(self._send("GET", f"{folder_path}?{urlencode(query)}"), w.Files)
            except (NotFound, InvalidInput, Unavailable) as error:
                self._problem(f"{where}, folder {folder!r}", f"its files cannot be listed: {error.message}")
                continue
            for file in found.files:
                if folder and not file.path.startswith(f"{folder}/"):
                    self._problem(f"{where}, {file.path[:200]!r}", "it is listed in a folder that it is not in")
                elif file.is_dir and file.path != folder:
                    waiting.append(file.path)
                else:
                    url = f"{file_path}?{urlencode({**ids, file_field: file.path})}"
                    size = file.file_size
                    yield PastFile(file.path, Download(partial(self._download, url, size), size))

    def _download(self, path: str, size_bytes: int) -> Iterator[bytes]:
        answer = self._send("GET", path, stream=True)
        left = size_bytes
        try:
            for chunk in answer.stream(CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
        except self._pool.failure as error:
            raise self._describe(error) from error
        finally:
            answer.release_conn()
        if left:
            raise InvalidInput("it is not of the size that the server said", hint="import again")

    def _get(self, path: str, query: dict[str, Any], kind: type[T]) -> T:
        return self._decode(self._send("GET", f"{_API}{path}?{urlencode(query)}"), kind)

    def _post(self, path: str, body: dict[str, Any], kind: type[T]) -> T:
        return self._decode(self._send("POST", _API + path, msgspec.json.encode(body)), kind)

    def _decode(self, answer: urllib3.BaseHTTPResponse, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(answer.data, type=kind, strict=False)
        except msgspec.MsgspecError as error:
            said = _describe_page(answer.data) or str(error)
            raise Unavailable(f"What {self._base} answered cannot be read: {said}", hint=_IS_MLFLOW) from error

    def _send(
        self, method: str, path: str, body: bytes | None = None, *, stream: bool = False
    ) -> urllib3.BaseHTTPResponse:
        headers = {**self._headers, "Content-Type": "application/json"} if body else self._headers
        for attempt in range(ATTEMPTS):
            try:
                answer = self._pool.get().request(
                    method, self._base + path, headers=headers, body=body, redirect=False, preload_content=not stream
                )
                error = self._check(answer)
            except self._pool.failure as failure:
                error = self._describe(failure)
            if error is None:
                return answer
            if not is_temporary(error) or attempt == ATTEMPTS - 1:
                raise error
            time.sleep(get_delay_s(error, attempt))
        raise AssertionError

    def _check(self, answer: urllib3.BaseHTTPResponse) -> TrackwayError | None:
        if answer.status == 200:
            return None
        cls = _ERRORS.get(answer.status, Unavailable if answer.status >= 429 else InvalidInput)
        return cls(f"{self._base} answered {answer.status}: {_read_reason(answer.data)}", hint=_IS_MLFLOW)

    def _describe(self, error: Exception) -> Unavailable:
        return Unavailable(f"{self._base} cannot be reached: {getattr(error, 'reason', None) or error}")


def _read_reason(body: bytes) -> str:
    """Return what an answer says went wrong: the message of MLflow's errors, else how it begins."""
    try:
        return msgspec.json.decode(body, type=w.Failure).message[:_REASON_CHARS]
    except msgspec.MsgspecError:
        return _describe_page(body) or " ".join(body[:_EXCERPT_BYTES].decode("utf-8", "replace").split())


def _describe_page(body: bytes) -> str:
    """Return what to say of an answer that is a page for browsers; nothing of any other."""
    return "a page of HTML, where MLflow's API answers JSON" if body.lstrip()[:1] == b"<" else ""


def _get_credentials(user: str | None, password: str | None) -> dict[str, str]:
    """Return the credentials for MLflow; those for Trackway are for its own server."""
    if user is not None:
        return {"Authorization": encode_basic(unquote(user), unquote(password or ""))}
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if name := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        return {"Authorization": encode_basic(name, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))}
    return {}


def _to_dict(pairs: list[w.Pair]) -> dict[str, str]:
    return {pair.key: pair.value for pair in pairs}


def _to_run(run_id: str, experiment_id: str, run: w.Run) -> PastRun:
    info = run.info
    return PastRun(
        run_id=run_id,
        experiment_id=experiment_id,
        name=info.run_name,
        user=info.user_id,
        status=read_status(info.status),
        start_ms=info.start_time,
        end_ms=info.end_time or None,
        lifecycle="deleted" if info.lifecycle_stage == "deleted" else "active",
        params=_to_dict(run.data.params),
        tags=_to_dict(run.data.tags),
        datasets=[
            DatasetInput(dataset=Dataset(**msgspec.structs.asdict(one.dataset)), tags=_to_dict(one.tags))
            for one in run.inputs.dataset_inputs
        ],
        model_inputs=[one.model_id for one in run.inputs.model_inputs],
        model_outputs=[ModelOutput(model_id=one.model_id, step=one.step) for one in run.outputs.model_outputs],
    )


def _to_points(key: str, metrics: list[w.Metric]) -> PastPoints:
    return PastPoints(
        key,
        np.array([metric.step for metric in metrics], np.int64),
        np.array([metric.timestamp for metric in metrics], np.int64),
        restore_infinities(np.array([metric.value for metric in metrics], np.float64)),
    )


def _to_model(experiment_id: str, model: w.Model) -> PastModel:
    info = model.info
    values = restore_infinities(np.array([metric.value for metric in model.data.metrics], np.float64)).tolist()
    return PastModel(
        model_id=info.model_id,
        experiment_id=experiment_id,
        name=info.name,
        model_type=info.model_type,
        source_run_id=info.source_run_id,
        status=_MODEL_STATUSES.get(info.status, "UNSPECIFIED"),
        status_message=info.status_message or None,
        created_ms=info.creation_timestamp_ms,
        updated_ms=info.last_updated_timestamp_ms,
        params=_to_dict(model.data.params),
        tags=_to_dict(info.tags),
        metrics=[
            LoggedMetric(
                model_id=info.model_id,
                key=metric.key,
                value=value,
                time_ms=metric.timestamp,
                step=metric.step,
                run_id=metric.run_id,
                dataset_name=metric.dataset_name,
                dataset_digest=metric.dataset_digest,
            )
            for metric, value in zip(model.data.metrics, values, strict=True)
        ],
    )
