"""The rules of runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.calls import Call
from trackway.api.experiments import CreateExperiment, PurgeReport
from trackway.api.keys import check_key
from trackway.api.structs import Empty
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound, TooLarge
from trackway.base.ids import new_id
from trackway.base.names import new_name
from trackway.rules import default_experiment
from trackway.rules.checks import (
    check_count,
    check_new_id,
    check_page,
    check_tag_value,
    check_text,
    check_time,
    parse_experiment_id,
)
from trackway.rules.events import announce
from trackway.rules.grammar import MLFLOW_RUNS, RUNS, parse_filter, parse_order
from trackway.rules.handlers import Handlers
from trackway.rules.holds import check_held
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import ExperimentRef, Page, RunRef, RunRow, Search, Transaction
from trackway.tracking.experiments import ExperimentService
from trackway.tracking.experiments import get_live_ref as get_live_experiment_ref
from trackway.tracking.purge import purge_run

MOVED_AT_ONCE = 1_000


class RunService:
    """Handlers of the operations on runs, but for logging to them."""

    def __init__(self, experiments: ExperimentService) -> None:
        self._experiments = experiments

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.CREATE_RUN: self.create,
            ops.GET_RUN: self.get,
            ops.GET_RUNS: self.get_many,
            ops.FIND_RUN: self.get,
            ops.SEARCH_RUNS: self.search,
            ops.UPDATE_RUN: self.update,
            ops.DELETE_RUN: self.delete,
            ops.RESTORE_RUN: self.restore,
            ops.PURGE_RUNS: self.purge,
            ops.MOVE_RUNS: self.move,
            ops.GET_RUN_TREE: self.get_tree,
            ops.DELETE_RUN_TAG: self.delete_tag,
            ops.CORRECT_PARAM: self.correct_param,
            ops.GET_PARAM_HISTORY: self.get_param_history,
            ops.LOG_ENVIRONMENT: self.log_environment,
            ops.GET_ENVIRONMENT: self.get_environment,
            ops.SEARCH_DATASETS: self.search_datasets,
        }

    def create(self, tx: Transaction, call: Call, q: r.CreateRun) -> r.Run:
        """Start a run, or answer the one that is there."""
        _check_new_run(q)
        known = tx.runs.ref(call.workspace, q.run_id) if q.run_id else None
        if known is None and q.external_key:
            known = tx.runs.find(call.workspace, q.external_key)
        if known is not None:
            return self._resume(tx, call, q, known)
        experiment = self._resolve_experiment(tx, call, q)
        run_id = q.run_id or new_id()
        name = q.name or q.tags.get(r.TAG_NAME) or new_name()
        parent = q.parent_run_id or q.tags.get(r.TAG_PARENT) or None
        tags = {**q.tags, r.TAG_NAME: name}
        if parent:
            tags[r.TAG_PARENT] = parent
        row = RunRow(
            workspace=call.workspace,
            run_id=run_id,
            experiment=experiment.number,
            name=name,
            status=q.status,
            user=q.user,
            start_ms=call.now_ms if q.start_ms is None else q.start_ms,
            artifact_uri=f"{experiment.artifact_location.rstrip('/')}/{run_id}/artifacts",
            parent_run_id=parent,
            external_key=q.external_key or None,
            lease_ms=q.lease_ms or None,
            lease_until_ms=call.now_ms + q.lease_ms if q.lease_ms else None,
        )
        tx.runs.create(row, tags)
        announce(tx.webhooks, call, "run.created", tell(row.run_id, row.experiment, name, q.status))
        return r.Run(
            run_id=run_id,
            experiment_id=str(experiment.number),
            name=name,
            status=q.status,
            user=row.user,
            start_ms=row.start_ms,
            end_ms=None,
            lifecycle="active",
            artifact_uri=row.artifact_uri,
            version=1,
            parent_run_id=parent,
            external_key=row.external_key,
            lease_until_ms=row.lease_until_ms,
            tags=dict(sorted(tags.items())),
        )

    def _resume(self, tx: Transaction, call: Call, q: r.CreateRun, known: RunRef) -> r.Run:
        if q.if_exists == "error":
            what = f"id {q.run_id!r}" if q.run_id == known.run_id else f"external key {q.external_key!r}"
            raise AlreadyExists(f"A run with {what} already exists", hint='send if_exists="return" to go on with it')
        require_live(known)
        if q.external_key and known.status in r.TERMINAL:
            fields: dict[str, object] = {"status": "RUNNING", "end_ms": None}
            if q.lease_ms is not None:
                fields |= {"lease_ms": q.lease_ms, "lease_until_ms": call.now_ms + q.lease_ms}
            tx.runs.update(known.pk, fields)
            told = tell(known.run_id, known.experiment, known.name, "RUNNING")
            announce(tx.webhooks, call, "run.status_changed", told)
        return tx.runs.get(known.pk)

    def _resolve_experiment(self, tx: Transaction, call: Call, q: r.CreateRun) -> ExperimentRef:
        name = default_experiment.name_experiment(call, q)
        if not name:
            return get_live_experiment_ref(tx, call, q.experiment_id or default_experiment.NUMBER)
        found = tx.experiments.find(call.workspace, name, "active")
        found = found or self._experiments.create(tx, call, CreateExperiment(name=name))
        return ExperimentRef(int(found.experiment_id), found.artifact_location, live=True)

    def get(self, tx: Transaction, call: Call, q: r.GetRun) -> r.Run:
        """Get a run by id or external key."""
        if q.run_id:
            ref = get_ref(tx, call, q.run_id)
            if not call.sees.has_experiment(ref.experiment):  # by key, the policy could not look at which run is meant
                raise NotFound(f"Run {q.run_id[:64]!r} not found")
            return tx.runs.get(ref.pk)
        found = tx.runs.find(call.workspace, q.external_key)
        if found is None or not call.sees.has_experiment(found.experiment):
            raise NotFound(f"No run with external key {q.external_key[:80]!r}")
        return tx.runs.get(found.pk)

    def get_many(self, tx: Transaction, call: Call, q: r.GetRuns) -> r.RunList:
        """Get runs by their ids."""
        check_count("runs", len(q.run_ids), limits.RUNS_PER_GET)
        found = tx.runs.get_many(call.workspace, list(dict.fromkeys(q.run_ids)))
        return r.RunList(runs=[run for run in found if call.sees.has_experiment(int(run.experiment_id))])

    def search(self, tx: Transaction, call: Call, q: r.SearchRuns) -> r.RunPage:
        """Search runs."""
        check_page(q.limit, limits.SEARCH_PAGE)
        search = parse_search(call, q)
        query = (q.experiment_ids, q.filter, q.order_by, q.view, q.grammar)
        page = Page(q.limit, decode_token(call, query, q.page_token))
        numbers = call.sees.narrow(experiment_numbers(q.experiment_ids))
        found, after = tx.runs.search(call.workspace, numbers, search, page)
        return r.RunPage(runs=found, next_page_token=encode_token(call, query, after))

    def update(self, tx: Transaction, call: Call, q: r.UpdateRun) -> r.Run:
        """Change status, end, name or lease."""
        check_time("end time", q.end_ms)
        _check_lease(q.lease_ms)
        if q.name is not None:
            check_text("The run name", q.name, limits.RUN_NAME_CHARS)
        ref = get_live_ref(tx, call, q.run_id)
        fields: dict[str, object] = {}
        if q.end_ms is not None:
            fields["end_ms"] = q.end_ms
        if q.lease_ms is not None:
            fields |= {
                "lease_ms": q.lease_ms or None,
                "lease_until_ms": call.now_ms + q.lease_ms if q.lease_ms else None,
            }
        if q.status is not None:
            fields["status"] = q.status
            if q.status in r.TERMINAL:
                fields |= {"lease_until_ms": None}
                tx.metrics.queue_run(ref.pk)
        if q.name:
            fields["name"] = q.name
            tx.runs.set_tags(ref, {r.TAG_NAME: q.name})
        tx.runs.update(ref.pk, fields)
        told = tell(ref.run_id, ref.experiment, q.name or ref.name, q.status or ref.status)
        if q.name and q.name != ref.name:
            announce(tx.webhooks, call, "run.renamed", told)
        if q.status and q.status != ref.status:
            announce(tx.webhooks, call, "run.status_changed", told)
        return tx.runs.get(ref.pk)

    def delete(self, tx: Transaction, call: Call, q: r.DeleteRun) -> Empty:
        """Move a run to the trash; one that is there stays."""
        check_time("deletion time", q.deleted_ms)
        ref = get_ref(tx, call, q.run_id)
        tx.runs.delete(ref.pk, call.now_ms if q.deleted_ms is None else q.deleted_ms)
        if ref.live:
            announce(tx.webhooks, call, "run.deleted", tell(ref.run_id, ref.experiment, ref.name, ref.status))
        return Empty()

    def restore(self, tx: Transaction, call: Call, q: r.RunId) -> Empty:
        """Bring a run back; one that is live stays."""
        ref = get_ref(tx, call, q.run_id)
        if not ref.experiment_live:
            raise Conflict(f"The experiment of run {q.run_id} is in the trash", hint="restore the experiment first")
        if not ref.live:
            tx.runs.restore(ref.pk)
            announce(tx.webhooks, call, "run.restored", tell(ref.run_id, ref.experiment, ref.name, ref.status))
        return Empty()

    def purge(self, tx: Transaction, call: Call, q: r.PurgeRuns) -> PurgeReport:
        """Remove runs of the trash for good, all or none."""
        check_count("runs", len(q.run_ids), limits.SEARCH_PAGE)
        refs = [get_ref(tx, call, run_id) for run_id in dict.fromkeys(q.run_ids)]
        for ref in refs:
            if ref.live:
                raise Conflict(f"Run {ref.run_id} is not in the trash", hint="delete it first")
        report = PurgeReport(dry_run=q.dry_run)
        for ref in refs:
            report = purge_run(tx, call, ref, report)
        return report

    def move(self, tx: Transaction, call: Call, q: r.MoveRuns) -> Empty:
        """Move runs with their descendants."""
        check_count("runs", len(q.run_ids), MOVED_AT_ONCE)
        experiment = get_live_experiment_ref(tx, call, q.experiment_id)
        refs: dict[str, RunRef] = {}
        for run_id in q.run_ids:
            refs[run_id] = get_live_ref(tx, call, run_id)
            for node in tx.runs.list_descendants(call.workspace, run_id, limits.TREE_RUNS, limits.TREE_RUNS):
                if node.run_id not in refs:
                    refs[node.run_id] = get_ref(tx, call, node.run_id)
        for number in {ref.experiment for ref in refs.values()} - {experiment.number}:
            check_held(tx.holds, call, "experiment", str(number))
        tx.runs.move(list(refs.values()), experiment.number)
        return Empty()

    def get_tree(self, tx: Transaction, call: Call, q: r.GetRunTree) -> r.RunTree:
        """Get a run's descendants, or those of its topmost ancestor."""
        if q.depth < 0:
            raise InvalidInput(f"Invalid depth {q.depth}", hint="give 0 or more")
        ref = get_ref(tx, call, q.run_id)
        seen = {ref.run_id}
        while q.root and ref.parent_run_id and ref.parent_run_id not in seen:
            parent = tx.runs.ref(call.workspace, ref.parent_run_id)
            if parent is None or not call.sees.has_experiment(parent.experiment):
                break
            ref = parent
            seen.add(ref.run_id)
        seen_by = call.sees.experiments
        nodes = tx.runs.list_descendants(call.workspace, ref.run_id, q.depth, limits.TREE_RUNS + 1, seen_by)
        return r.RunTree(nodes=nodes[: limits.TREE_RUNS], truncated=len(nodes) > limits.TREE_RUNS)

    def delete_tag(self, tx: Transaction, call: Call, q: r.DeleteRunTag) -> Empty:
        """Delete a tag that is there."""
        ref = get_live_ref(tx, call, q.run_id)
        if not tx.runs.delete_tag(ref.pk, q.key):
            raise NotFound(f"Run {q.run_id} has no tag {q.key[:80]!r}")
        told = {"run_id": ref.run_id, "experiment_id": str(ref.experiment), "key": q.key}
        announce(tx.webhooks, call, "run_tag.deleted", told)
        tx.runs.update(ref.pk, {"parent_run_id": None} if q.key == r.TAG_PARENT else {})
        return Empty()

    def correct_param(self, tx: Transaction, call: Call, q: r.CorrectParam) -> Empty:
        """Replace a param's value, keeping the old one."""
        check_text(f"Param {q.key[:80]!r}", q.value, limits.PARAM_VALUE_CHARS)
        check_text("The reason", q.reason, limits.PARAM_VALUE_CHARS)
        check_text("Who it was", q.actor, limits.KEY_CHARS)
        check_time("time of the correction", q.replaced_ms)
        ref = get_live_ref(tx, call, q.run_id)
        by = r.ParamRevision(
            key=q.key,
            value=q.value,
            replaced_ms=call.now_ms if q.replaced_ms is None else q.replaced_ms,
            actor=q.actor or call.actor.name or call.actor.kind,
            reason=q.reason,
        )
        if not tx.runs.correct_param(ref, q.key, q.value, by):
            raise NotFound(f"Run {q.run_id} has no param {q.key[:80]!r}", hint="log it first")
        tx.runs.update(ref.pk, {})
        return Empty()

    def get_param_history(self, tx: Transaction, call: Call, q: r.RunId) -> r.ParamHistory:
        """Get the values that a run's params had before."""
        return r.ParamHistory(revisions=tx.runs.list_param_history(get_ref(tx, call, q.run_id).pk))

    def log_environment(self, tx: Transaction, call: Call, q: r.LogEnvironment) -> Empty:
        """Record a run's environment; equal ones are stored once."""
        data = msgspec.json.encode(q.environment, order="deterministic")
        if len(data) > limits.ENVIRONMENT_BYTES:
            raise TooLarge(f"The environment has {len(data)} bytes; at most {limits.ENVIRONMENT_BYTES} are allowed")
        ref = get_live_ref(tx, call, q.run_id)
        tx.runs.set_environment(ref.pk, f"sha256:{hashlib.sha256(data).hexdigest()}", data)
        return Empty()

    def get_environment(self, tx: Transaction, call: Call, q: r.RunId) -> r.RunEnvironment:
        """Get what a run was executed with."""
        found = tx.runs.get_environment(get_ref(tx, call, q.run_id).pk)
        if found is None:
            return r.RunEnvironment(digest=None, environment=None)
        return r.RunEnvironment(digest=found[0], environment=msgspec.json.decode(found[1], type=r.Environment))

    def search_datasets(self, tx: Transaction, call: Call, q: r.SearchDatasets) -> r.DatasetList:
        """List the data sets that runs of experiments used."""
        check_page(q.limit, limits.SEARCH_PAGE)
        numbers = call.sees.narrow(experiment_numbers(q.experiment_ids) or []) or []
        return r.DatasetList(datasets=tx.runs.list_datasets(call.workspace, numbers, q.limit) if numbers else [])


def parse_search(call: Call, q: r.SearchRuns | r.GetRunTable) -> Search:
    """Return a search's filter and order as trees."""
    check_text("The filter", q.filter, limits.FILTER_CHARS)
    check_count("order_by terms", len(q.order_by), limits.ORDER_TERMS)
    schema = MLFLOW_RUNS if isinstance(q, r.SearchRuns) and q.grammar == "mlflow" else RUNS
    expression, order = parse_filter(q.filter, schema), parse_order(q.order_by, schema)
    return Search(expression, order, q.view, call.sees.experiments)


def experiment_numbers(experiment_ids: Sequence[str] | None) -> list[int] | None:
    """Return the numbers of experiment ids, each once; None stays None."""
    if experiment_ids is None:
        return None
    check_count("experiments", len(experiment_ids), limits.EXPERIMENTS_PER_SEARCH)
    return list(dict.fromkeys(parse_experiment_id(text) for text in experiment_ids))


def tell(run_id: str, experiment: int, name: str, status: str) -> dict[str, str]:
    """Return what events tell of a run."""
    return {"run_id": run_id, "experiment_id": str(experiment), "run_name": name, "status": status}


def get_ref(tx: Transaction, call: Call, run_id: str) -> RunRef:
    """Say where a run is, or raise NotFound."""
    ref = tx.runs.ref(call.workspace, run_id)
    if ref is None:
        raise NotFound(f"Run {run_id[:64]!r} not found")
    return ref


def get_live_ref(tx: Transaction, call: Call, run_id: str) -> RunRef:
    """Say where a run is that may be changed, or raise NotFound or Conflict."""
    return require_live(get_ref(tx, call, run_id))


def require_live(ref: RunRef) -> RunRef:
    """Return a run that may be changed, or raise Conflict."""
    if not ref.live:
        raise Conflict(
            f"The run {ref.run_id} must be in the 'active' state; it is in the trash", hint="restore it first"
        )
    return ref


def _check_new_run(q: r.CreateRun) -> None:
    if q.run_id:
        check_new_id("run id", q.run_id)
    check_text("The external key", q.external_key, limits.KEY_CHARS)
    check_text("The run name", q.name, limits.RUN_NAME_CHARS)
    check_text("The user", q.user, limits.USER_CHARS)
    if q.parent_run_id:
        check_new_id("parent run id", q.parent_run_id)
    check_time("start time", q.start_ms)
    _check_lease(q.lease_ms)
    check_count("tags", len(q.tags), limits.TAGS_PER_INGEST)
    for key, value in q.tags.items():
        # Existing clients start runs with keys that they could not set afterwards: only the length counts here.
        if not 1 <= len(key) <= limits.KEY_CHARS or "\x00" in key:
            check_key("tag", key)
        check_tag_value(key, value)


def _check_lease(lease_ms: int | None) -> None:
    if lease_ms is not None and not 0 <= lease_ms <= limits.LEASE_MS:
        raise InvalidInput(f"Invalid lease of {lease_ms} ms", hint=f"give 0 to {limits.LEASE_MS}")
