"""Logging to a run: the one way in for points, params, tags, data sets and models."""

from __future__ import annotations

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.calls import Call
from trackway.api.keys import check_key
from trackway.api.logged_models import LoggedMetric
from trackway.base.errors import Conflict, InvalidInput, NotFound
from trackway.rules.checks import (
    check_count,
    check_integer,
    check_name,
    check_new_id,
    check_params,
    check_series,
    check_tags,
    check_text,
)
from trackway.rules.events import announce
from trackway.rules.handlers import Handlers
from trackway.store.base import RunRef, Transaction
from trackway.tracking.runs import require_live


class IngestService:
    """Handler of ``runs.ingest``. Points alone are written with those of other requests: see ``Metrics.log``."""

    def handlers(self) -> Handlers:
        """Return the handler."""
        return {ops.INGEST: self.ingest}

    def ingest(self, tx: Transaction, call: Call, q: r.Ingest) -> r.Ingested:
        """Log all of a request or nothing."""
        points = _check(q)
        more = q.params or q.tags or q.datasets or q.model_inputs or q.model_outputs or q.model_metrics
        if points and not (more or q.session_id or q.lease_ms):
            tx.metrics.log(call.workspace, q.run_id, call.now_ms, q.series, lambda ref: _require(q, ref))
            return r.Ingested(acknowledged=q.last)
        ref = _require(q, tx.runs.touch(call.workspace, q.run_id, call.now_ms, q.lease_ms, points))
        if q.session_id:
            applied, acknowledged = tx.runs.advance_session(ref.pk, q.session_id, q.first, q.last)
            if not applied:
                return r.Ingested(applied=False, acknowledged=acknowledged)
        if q.series:
            tx.metrics.append(ref, q.series)
        if more:
            self._log_rest(tx, call, ref, q)
        return r.Ingested(acknowledged=q.last)

    def _log_rest(self, tx: Transaction, call: Call, ref: RunRef, q: r.Ingest) -> None:
        if q.params:
            conflicts = tx.runs.add_params(ref, q.params)
            if conflicts:
                key, old = next(iter(conflicts.items()))
                raise Conflict(
                    f"Changing param values is not allowed: {key!r} of run {ref.run_id} is {old[:200]!r},"
                    f" and {q.params[key][:200]!r} was sent",
                    hint="correct the param instead, which keeps the old value visible",
                    details={"keys": sorted(conflicts)[:100]},
                )
        tags = {key: value for key, value in q.tags.items() if value or key != r.TAG_NAME}  # a run keeps its name
        if tags:
            tx.runs.set_tags(ref, tags)
            if tx.webhooks.is_wanted(call.workspace, ("run_tag.set",)):
                for key, value in tags.items():
                    told = {"run_id": ref.run_id, "experiment_id": str(ref.experiment), "key": key, "value": value}
                    announce(tx.webhooks, call, "run_tag.set", told)
            columns = {"name": r.TAG_NAME, "parent_run_id": r.TAG_PARENT}
            changed = {column: tags[tag] for column, tag in columns.items() if tags.get(tag)}
            if changed:
                tx.runs.update(ref.pk, changed)
        if q.datasets:
            tx.runs.add_datasets(ref, q.datasets)
        if q.model_inputs or q.model_outputs:
            tx.runs.add_models(ref.pk, q.model_inputs, q.model_outputs)
        for m in q.model_metrics:
            metric = LoggedMetric(
                model_id=m.model_id,
                key=m.key,
                value=m.value,
                time_ms=m.time_ms,
                step=m.step,
                dataset_name=m.dataset_name,
                dataset_digest=m.dataset_digest,
                run_id=ref.run_id,
            )
            if not tx.logged_models.add_metric(call.workspace, metric):
                raise InvalidInput(
                    f"No logged model with id {m.model_id[:80]!r}",
                    hint="create the model first",
                    details={"error_code": "BAD_REQUEST"},
                )


def _require(q: r.Ingest, ref: RunRef | None) -> RunRef:
    """Return where a request's run is, or raise NotFound, or Conflict for one in the trash."""
    if ref is None:
        raise NotFound(f"Run {q.run_id[:64]!r} not found")
    return require_live(ref)


def _check(q: r.Ingest) -> int:
    """Check a request, and return how many points it has."""
    if q.session_id:
        check_new_id("session id", q.session_id)
        if not 0 < q.first <= q.last <= limits.INT64_MAX:
            raise InvalidInput(f"Invalid sequence numbers {q.first} to {q.last}", hint="0 < first <= last")
    if q.lease_ms is not None and not 0 < q.lease_ms <= limits.LEASE_MS:
        raise InvalidInput(f"Invalid lease of {q.lease_ms} ms", hint=f"give 1 to {limits.LEASE_MS}")
    points = check_series(q.series) if q.series else 0
    if q.params:
        check_params(q.params)
    if q.tags:
        check_tags(q.tags)
        check_text("The run name", q.tags.get(r.TAG_NAME, ""), limits.RUN_NAME_CHARS)
    if q.datasets:
        check_count("data sets", len(q.datasets), limits.DATASETS_PER_INGEST)
        for one in q.datasets:
            check_dataset(one)
    if q.model_inputs or q.model_outputs or q.model_metrics:
        _check_models(q)
    return points


def _check_models(q: r.Ingest) -> None:
    check_count("models", len(q.model_inputs) + len(q.model_outputs), limits.MODELS_PER_INGEST)
    check_count("metrics of models", len(q.model_metrics), limits.MODEL_METRICS_PER_INGEST)
    for model_id in (*q.model_inputs, *(output.model_id for output in q.model_outputs)):
        check_name("model id", model_id, limits.KEY_CHARS)
    for output in q.model_outputs:
        check_integer("step", output.step)
    for metric in q.model_metrics:
        check_key("metric", metric.key)
        check_integer("step", metric.step)
        check_integer("time", metric.time_ms)
        check_text("The dataset name", metric.dataset_name or "", limits.DATASET_NAME_CHARS)
        check_text("The dataset digest", metric.dataset_digest or "", limits.DATASET_DIGEST_CHARS)


def check_dataset(one: r.DatasetInput) -> None:
    """Check the lengths of a data set's fields and tags."""
    d = one.dataset
    check_name("dataset name", d.name, limits.DATASET_NAME_CHARS)
    check_name("dataset digest", d.digest, limits.DATASET_DIGEST_CHARS)
    check_text("The dataset source type", d.source_type, limits.KEY_CHARS)
    check_text("The dataset source", d.source, limits.DATASET_SOURCE_CHARS)
    check_text("The dataset schema", d.schema or "", limits.DATASET_SCHEMA_CHARS)
    check_text("The dataset profile", d.profile or "", limits.DATASET_PROFILE_CHARS)
    for key, value in one.tags.items():
        check_name("dataset tag", key, limits.INPUT_TAG_KEY_CHARS)
        check_text(f"Dataset tag {key[:80]!r}", value, limits.INPUT_TAG_VALUE_CHARS)
