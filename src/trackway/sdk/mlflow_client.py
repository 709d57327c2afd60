"""``MlflowClient``: the calls that MLflow documents, each of them waiting for its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.runs import TAG_NAME, TAG_PARENT, TAG_USER
from trackway.base.clock import now_ms
from trackway.base.errors import NotFound
from trackway.base.ids import new_id
from trackway.sdk.client import Client
from trackway.sdk.datasets import resolve_dataset
from trackway.sdk.entities import (
    DatasetInput,
    Experiment,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    PagedList,
    Param,
    Run,
    RunStatus,
    RunTag,
    ViewType,
    to_experiment,
    to_run,
)
from trackway.sdk.mlflow_artifacts import ArtifactCalls
from trackway.sdk.mlflow_models import LoggedModelCalls
from trackway.sdk.mlflow_registry import RegistryCalls
from trackway.sdk.operations import DONE, RunOperations
from trackway.sdk.values import merge_params, to_number, to_series, to_step, to_texts
from trackway.sdk.webhooks import WebhookCalls


class MlflowClient(ArtifactCalls, LoggedModelCalls, RegistryCalls, WebhookCalls):
    """Reads from a store and writes to it, under the names and with the arguments that MLflow documents.

    Every call waits for its answer and raises what the store raises; nothing goes through the journal. What the fluent
    calls of this process logged before is delivered first. ``synchronous=False`` is taken and changes nothing: use the
    fluent calls to log without waiting.

    tracking_uri: None for the store that is logged to
    registry_uri: taken for compatibility; the registry is the tracking store's
    """

    def __init__(self, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:  # noqa: ARG002
        self._client = Client(tracking_uri)

    @property
    def tracking_uri(self) -> str:
        return self._client.tracking_uri

    # experiments

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        """Create an experiment and return its id; a name that one in the trash has is refused, too."""
        request = e.CreateExperiment(
            name=name,
            artifact_location=artifact_location or "",
            tags=to_texts("tag", tags or {}),
            unique_among="all",
        )
        return self._client.call(ops.CREATE_EXPERIMENT, request).experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Get an experiment, in the trash or not."""
        return to_experiment(self._client.call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id=str(experiment_id))))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Get the experiment of a name, in the trash or not; None when there is none."""
        try:
            request = e.GetExperimentByName(name=name, view="all")
            return to_experiment(self._client.call(ops.GET_EXPERIMENT_BY_NAME, request))
        except NotFound:
            return None

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = 1_000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Return one page of the experiments that a filter finds, newest first unless ordered otherwise."""
        request = e.SearchExperiments(
            filter=filter_string or "",
            order_by=list(order_by or ()),
            view=ViewType.to_view(view_type),
            limit=1_000 if max_results is None else max_results,
            page_token=page_token or "",
        )
        page = self._client.call(ops.SEARCH_EXPERIMENTS, request)
        return PagedList(map(to_experiment, page.experiments), page.next_page_token or None)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Rename a live experiment."""
        self._client.call(ops.UPDATE_EXPERIMENT, e.UpdateExperiment(experiment_id=experiment_id, name=new_name))

    def delete_experiment(self, experiment_id: str) -> None:
        """Move an experiment and its runs to the trash."""
        self._client.call(ops.DELETE_EXPERIMENT, e.DeleteExperiment(experiment_id=experiment_id))

    def restore_experiment(self, experiment_id: str) -> None:
        """Bring an experiment back, with the runs that went to the trash with it."""
        self._client.call(ops.RESTORE_EXPERIMENT, e.RestoreExperiment(experiment_id=experiment_id))

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag of an experiment."""
        self.set_experiment_tags(experiment_id, {key: value})

    def set_experiment_tags(self, experiment_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of an experiment."""
        request = e.SetExperimentTags(experiment_id=experiment_id, tags=to_texts("tag", tags))
        self._client.call(ops.SET_EXPERIMENT_TAGS, request)

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag of an experiment."""
        self._client.call(ops.DELETE_EXPERIMENT_TAG, e.DeleteExperimentTag(experiment_id=experiment_id, key=key))

    # runs

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Create a run that nobody is active in; it never counts as LOST."""
        labels = to_texts("tag", tags or {})
        request = r.CreateRun(
            run_id=new_id(),
            experiment_id=str(experiment_id),
            name=run_name or labels.get(TAG_NAME, ""),
            user=labels.get(TAG_USER, ""),
            start_ms=now_ms() if start_time is None else start_time,
            tags=labels,
            if_exists="return",
        )
        return to_run(self._client.call(ops.CREATE_RUN, request))

    def get_run(self, run_id: str) -> Run:
        """Get a run, in the trash or not."""
        return to_run(self._client.get_run(run_id))

    def get_parent_run(self, run_id: str) -> Run | None:
        """Get the run that a run is nested in; None when there is none."""
        parent_id = self.get_run(run_id).data.tags.get(TAG_PARENT)
        return self.get_run(parent_id) if parent_id else None

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Return one page of the runs of some experiments that a filter finds, newest start first unless ordered."""
        ids = [experiment_ids] if isinstance(experiment_ids, str | int) else experiment_ids
        request = r.SearchRuns(
            experiment_ids=[str(one) for one in ids],
            filter=filter_string or "",
            order_by=list(order_by or ()),
            view=ViewType.to_view(run_view_type),
            limit=max_results,
            page_token=page_token or "",
        )
        page = self._client.call(ops.SEARCH_RUNS, request)
        return PagedList(map(to_run, page.runs), page.next_page_token or None)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change a run's status or name."""
        word = None if status is None else RunStatus.to_string(status)
        self._client.call(ops.UPDATE_RUN, r.UpdateRun(run_id=run_id, status=word, name=name))

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run: FINISHED unless said otherwise, now unless ``end_time`` (ms since 1970) is given."""
        word = RunStatus.to_string(status or "FINISHED")
        end_ms = now_ms() if end_time is None else end_time
        self._client.call(ops.UPDATE_RUN, r.UpdateRun(run_id=run_id, status=word, end_ms=end_ms))

    def delete_run(self, run_id: str) -> None:
        """Move a run to the trash."""
        self._client.call(ops.DELETE_RUN, r.DeleteRun(run_id=run_id))

    def restore_run(self, run_id: str) -> None:
        """Bring a run back from the trash."""
        self._client.call(ops.RESTORE_RUN, r.RunId(run_id=run_id))

    # what runs log

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: Any,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> RunOperations | None:
        """Log one point of a metric: now, unless ``timestamp`` (ms since 1970) is given, and step 0."""
        time_ms = now_ms() if timestamp is None else timestamp
        metric = Metric(key, value, time_ms, step or 0, model_id, dataset_name, dataset_digest)
        return self.log_batch(run_id, metrics=[metric], synchronous=synchronous)

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log a param and return its value; a param that has another value already is refused."""
        operations = self.log_batch(run_id, params=[Param(key, value)], synchronous=synchronous)
        return value if operations is None else operations

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
        """Set a tag of a run."""
        return self.log_batch(run_id, tags=[RunTag(key, value)], synchronous=synchronous)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> RunOperations | None:
        """Log points, params and tags: all of them or nothing, in one request however many there are."""
        fields: dict[str, Any] = {
            "series": to_series((m.key, to_step(m.step), to_step(m.timestamp), to_number(m.value)) for m in metrics),
            "params": to_texts("param", merge_params((param.key, param.value) for param in params)),
            "tags": to_texts("tag", {tag.key: tag.value for tag in tags}),
            "model_metrics": [
                r.ModelMetric(
                    model_id=metric.model_id,
                    key=metric.key,
                    value=to_number(metric.value),
                    time_ms=metric.timestamp,
                    step=metric.step,
                    dataset_name=metric.dataset_name,
                    dataset_digest=metric.dataset_digest,
                )
                for metric in metrics
                if metric.model_id is not None
            ],
        }
        self._client.ingest(run_id, **fields)
        return DONE if synchronous is False else None

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag of a run."""
        self._client.call(ops.DELETE_RUN_TAG, r.DeleteRunTag(run_id=run_id, key=key))

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Get all points of a metric, ordered by time, step and value.

        For long series, ``Client.get_history`` returns columns and is a hundred times faster.
        """
        columns = self._client.get_history(run_id, key)
        points = zip(*(column.tolist() for column in columns), strict=True)
        return [Metric(key, value, time_ms, step, run_id=run_id) for step, time_ms, value in points]

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Log data sets and models that a run uses."""
        used = [
            r.DatasetInput(dataset=resolve_dataset(one.dataset), tags={tag.key: str(tag.value) for tag in one.tags})
            for one in datasets or ()
        ]
        self._client.ingest(run_id, datasets=used, model_inputs=[model.model_id for model in models or ()])

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Log models that a run made."""
        made = [r.ModelOutput(model_id=model.model_id, step=model.step) for model in models]
        self._client.ingest(run_id, model_outputs=made)
