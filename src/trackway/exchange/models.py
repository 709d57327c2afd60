"""Records of logged models of a history into a store, with their metrics and files."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api.runs import Ingest, ModelMetric
from trackway.base.errors import Conflict, InvalidInput, NotFound
from trackway.exchange.files import upload_new
from trackway.exchange.history import History, PastModel
from trackway.exchange.report import Report
from trackway.exchange.runs import TAG_IMPORTED, choose_texts
from trackway.sdk.transport import Transport

METRICS_AT_ONCE = 1_000


class ModelImporter:
    """Brings records of models into a store; their runs must be there, as metrics are logged by runs."""

    def __init__(self, transport: Transport, history: History, report: Report) -> None:
        self._transport = transport
        self._history = history
        self._report = report

    def import_model(self, past: PastModel, experiment_id: str) -> None:
        """Bring over what the store lacks of a model."""
        where = f"model {past.model_id}"
        model = self._find(past.model_id)
        if model is None:
            model = self._create(past, experiment_id)
        elif TAG_IMPORTED not in model.tags:
            self._report.note(where, "a model of this id is here that was not imported; it is left as it is")
            return
        if model.lifecycle == "deleted":
            return
        self._log_texts(past, model)
        self._log_metrics(past, model)
        upload_new(self._transport, self._history.list_model_files(past), model.artifact_uri, where, self._report)
        if (past.status, past.status_message) != (model.status, model.status_message):
            request = m.UpdateLoggedModel(
                model_id=past.model_id,
                status=past.status,
                status_message=past.status_message,
                updated_ms=past.updated_ms or None,
            )
            self._transport.call(ops.UPDATE_LOGGED_MODEL, request)
        if past.lifecycle == "deleted":
            gone = m.DeleteLoggedModel(model_id=past.model_id, deleted_ms=past.updated_ms or None)
            self._transport.call(ops.DELETE_LOGGED_MODEL, gone)

    def _find(self, model_id: str) -> m.LoggedModel | None:
        try:
            return self._transport.call(ops.GET_LOGGED_MODEL, m.GetLoggedModel(model_id=model_id, allow_deleted=True))
        except NotFound:
            return None

    def _create(self, past: PastModel, experiment_id: str) -> m.LoggedModel:
        where = f"model {past.model_id}"
        request = m.CreateLoggedModel(
            experiment_id=experiment_id,
            name=past.name,
            model_type=past.model_type,
            source_run_id=past.source_run_id,
            params=choose_texts("param", past.params, where, self._report),
            tags=choose_texts("tag", {**past.tags, TAG_IMPORTED: self._history.label}, where, self._report),
            model_id=past.model_id,
            created_ms=past.created_ms or None,
        )
        model = self._transport.call(ops.CREATE_LOGGED_MODEL, request)
        self._report.added.models += 1
        return model

    def _log_texts(self, past: PastModel, model: m.LoggedModel) -> None:
        where = f"model {past.model_id}"
        params = {key: value for key, value in past.params.items() if key not in model.params}
        if params := choose_texts("param", params, where, self._report):
            self._transport.call(ops.LOG_MODEL_PARAMS, m.LogModelParams(model_id=past.model_id, params=params))
        tags = {key: value for key, value in past.tags.items() if key not in model.tags}
        if tags := choose_texts("tag", tags, where, self._report):
            self._transport.call(ops.SET_LOGGED_MODEL_TAGS, m.SetLoggedModelTags(model_id=past.model_id, tags=tags))

    def _log_metrics(self, past: PastModel, model: m.LoggedModel) -> None:
        known = {_to_row(metric) for metric in model.metrics}
        by_run: dict[str, list[m.LoggedMetric]] = {}
        for metric in past.metrics:
            if _to_row(metric) not in known:
                by_run.setdefault(metric.run_id, []).append(metric)
        session = f"import-{past.model_id}"
        for run_id, metrics in by_run.items():
            number = sum(metric.run_id == run_id for metric in model.metrics)
            for start in range(0, len(metrics), METRICS_AT_ONCE):
                part = metrics[start : start + METRICS_AT_ONCE]
                first = number + start + 1
                request = Ingest(
                    run_id=run_id,
                    session_id=session,
                    first=first,
                    last=first + len(part) - 1,
                    model_metrics=_to_requests(part),
                )
                try:
                    self._transport.call(ops.INGEST, request)
                except (NotFound, Conflict, InvalidInput) as error:
                    self._report.note(
                        f"model {past.model_id}, {len(part)} points logged by run {run_id!r}", error.message
                    )


def _to_requests(metrics: Iterable[m.LoggedMetric]) -> list[ModelMetric]:
    return [
        ModelMetric(
            model_id=metric.model_id,
            key=metric.key,
            value=metric.value,
            time_ms=metric.time_ms,
            step=metric.step,
            dataset_name=metric.dataset_name,
            dataset_digest=metric.dataset_digest,
        )
        for metric in metrics
    ]


def _to_row(metric: m.LoggedMetric) -> tuple[object, ...]:
    value = b"" if metric.value != metric.value else struct.pack("<d", metric.value)
    return metric.run_id, metric.key, metric.step, metric.time_ms, value, metric.dataset_name, metric.dataset_digest
