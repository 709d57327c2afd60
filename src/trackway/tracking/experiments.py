"""The rules of experiments."""

from __future__ import annotations

from trackway.api import experiments as e
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.structs import Empty
from trackway.artifacts.location import check_location
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.rules.checks import (
    check_count,
    check_name,
    check_page,
    check_tags,
    check_text,
    check_time,
    parse_experiment_id,
)
from trackway.rules.grammar import EXPERIMENTS, MLFLOW_EXPERIMENTS, parse_filter, parse_order
from trackway.rules.handlers import Handlers
from trackway.rules.moments import Moments, later_ms
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import ExperimentRef, ExperimentRow, Page, Search, Transaction
from trackway.tracking.purge import purge_experiment


class ExperimentService:
    """Handlers of the operations on experiments."""

    def __init__(self) -> None:
        self._moments = Moments()

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.CREATE_EXPERIMENT: self.create,
            ops.GET_EXPERIMENT: self.get,
            ops.GET_EXPERIMENT_BY_NAME: self.get_by_name,
            ops.SEARCH_EXPERIMENTS: self.search,
            ops.UPDATE_EXPERIMENT: self.update,
            ops.SET_EXPERIMENT_TAGS: self.set_tags,
            ops.DELETE_EXPERIMENT_TAG: self.delete_tag,
            ops.DELETE_EXPERIMENT: self.delete,
            ops.RESTORE_EXPERIMENT: self.restore,
            ops.PURGE_EXPERIMENTS: self.purge,
        }

    def create(self, tx: Transaction, call: Call, q: e.CreateExperiment) -> e.Experiment:
        """Create an experiment, or answer the one that is there."""
        check_name("experiment name", q.name, limits.EXPERIMENT_NAME_CHARS)
        location = check_location(q.artifact_location) if q.artifact_location else ""
        check_tags(q.tags)
        check_time("creation time", q.created_ms)
        number = parse_experiment_id(q.experiment_id) if q.experiment_id else None
        if number is not None and number < 0:
            raise InvalidInput(f"Invalid experiment ID {q.experiment_id!r}", hint="choose 0 or more")
        known = tx.experiments.find(call.workspace, q.name, "active" if q.unique_among == "live" else "all")
        if known is not None:
            if q.if_exists == "return" and known.lifecycle == "active":
                return known
            where = " in the trash" if known.lifecycle == "deleted" else ""
            raise AlreadyExists(
                f"Experiment {q.name!r} already exists{where}",
                hint="choose another name" + (", restore it or purge it" if where else ""),
                details={"experiment_id": known.experiment_id},
            )
        created_ms = self._moments.next_ms(call.now_ms) if q.created_ms is None else q.created_ms
        updated_ms = created_ms if q.updated_ms is None else q.updated_ms
        row = ExperimentRow(call.workspace, q.name, location, created_ms, updated_ms, number)
        experiment = tx.experiments.create(row)
        if experiment is None:
            raise AlreadyExists(f"Experiment {number} already exists", hint="leave experiment_id out for a new one")
        if not q.tags:
            return experiment
        tx.experiments.set_tags(int(experiment.experiment_id), q.tags)
        return get_experiment(tx, call, experiment.experiment_id)

    def get(self, tx: Transaction, call: Call, q: e.GetExperiment) -> e.Experiment:
        """Get an experiment by id."""
        return get_experiment(tx, call, q.experiment_id)

    def get_by_name(self, tx: Transaction, call: Call, q: e.GetExperimentByName) -> e.Experiment:
        """Get an experiment by name."""
        found = tx.experiments.find(call.workspace, q.name, q.view)
        if found is None or not call.sees.has_experiment(int(found.experiment_id)):
            raise NotFound(f"Could not find experiment with name {q.name[:80]!r}")
        return found

    def search(self, tx: Transaction, call: Call, q: e.SearchExperiments) -> e.ExperimentPage:
        """Search experiments."""
        check_page(q.limit, limits.SEARCH_PAGE)
        check_text("The filter", q.filter, limits.FILTER_CHARS)
        schema = EXPERIMENTS if q.grammar == "trackway" else MLFLOW_EXPERIMENTS
        search = Search(parse_filter(q.filter, schema), parse_order(q.order_by, schema), q.view)
        query = (q.filter, q.order_by, q.view, q.grammar)
        page = Page(q.limit, decode_token(call, query, q.page_token))
        found, after = tx.experiments.search(call.workspace, search, page, call.sees.experiments)
        return e.ExperimentPage(experiments=found, next_page_token=encode_token(call, query, after))

    def update(self, tx: Transaction, call: Call, q: e.UpdateExperiment) -> e.Experiment:
        """Rename a live experiment."""
        check_name("experiment name", q.name, limits.EXPERIMENT_NAME_CHARS)
        experiment = get_live_experiment(tx, call, q.experiment_id)
        if experiment.name != q.name:
            other = tx.experiments.find(call.workspace, q.name, "active")
            if other is not None:
                raise AlreadyExists(f"Experiment {q.name!r} already exists", hint="choose another name")
            tx.experiments.rename(int(experiment.experiment_id), q.name, later_ms(call.now_ms, experiment.updated_ms))
        return get_experiment(tx, call, q.experiment_id)

    def set_tags(self, tx: Transaction, call: Call, q: e.SetExperimentTags) -> Empty:
        """Set or replace tags."""
        check_tags(q.tags)
        experiment = get_live_experiment(tx, call, q.experiment_id)
        tx.experiments.set_tags(int(experiment.experiment_id), q.tags)
        return Empty()

    def delete_tag(self, tx: Transaction, call: Call, q: e.DeleteExperimentTag) -> Empty:
        """Delete a tag that is there."""
        experiment = get_live_experiment(tx, call, q.experiment_id)
        if q.key not in experiment.tags:
            raise NotFound(f"Experiment {q.experiment_id} has no tag {q.key[:80]!r}")
        tx.experiments.delete_tag(int(experiment.experiment_id), q.key)
        return Empty()

    def delete(self, tx: Transaction, call: Call, q: e.DeleteExperiment) -> Empty:
        """Move an experiment to the trash with its runs."""
        experiment = get_experiment(tx, call, q.experiment_id)
        if experiment.lifecycle == "deleted":
            raise NotFound(f"Experiment {q.experiment_id} is in the trash already")
        check_time("deletion time", q.deleted_ms)
        deleted_ms = later_ms(call.now_ms, experiment.updated_ms) if q.deleted_ms is None else q.deleted_ms
        tx.experiments.delete(int(experiment.experiment_id), deleted_ms)
        return Empty()

    def restore(self, tx: Transaction, call: Call, q: e.RestoreExperiment) -> e.Experiment:
        """Bring an experiment back from the trash."""
        experiment = get_experiment(tx, call, q.experiment_id)
        holder = tx.experiments.find(call.workspace, experiment.name, "active")
        if holder is not None and holder.experiment_id == experiment.experiment_id:  # perhaps only since this began
            raise NotFound(f"Experiment {q.experiment_id} is not in the trash")
        if holder is not None:
            raise Conflict(
                f"Another experiment has the name {experiment.name!r} now", hint="rename that one, then restore this"
            )
        restored_ms = later_ms(call.now_ms, experiment.updated_ms)
        tx.experiments.restore(int(experiment.experiment_id), restored_ms, q.all_runs)
        return get_experiment(tx, call, q.experiment_id)

    def purge(self, tx: Transaction, call: Call, q: e.PurgeExperiments) -> e.PurgeReport:
        """Remove experiments of the trash for good, all or none."""
        check_count("experiments", len(q.experiment_ids), limits.EXPERIMENTS_PER_SEARCH)
        experiments = [get_experiment(tx, call, experiment_id) for experiment_id in dict.fromkeys(q.experiment_ids)]
        for experiment in experiments:
            if experiment.lifecycle == "active":
                raise Conflict(f"Experiment {experiment.experiment_id} is not in the trash", hint="delete it first")
            if experiment.experiment_id == "0":
                raise InvalidInput(
                    "The default experiment cannot be purged", hint="restore it, or leave it in the trash"
                )
        report = e.PurgeReport(dry_run=q.dry_run)
        for experiment in experiments:
            report = purge_experiment(tx, call, int(experiment.experiment_id), report)
        return report


def get_experiment(tx: Transaction, call: Call, experiment_id: str) -> e.Experiment:
    """Return an experiment of the caller's workspace, or raise NotFound."""
    experiment = tx.experiments.get(call.workspace, parse_experiment_id(experiment_id))
    if experiment is None:
        raise _not_found(experiment_id)
    return experiment


def get_live_experiment(tx: Transaction, call: Call, experiment_id: str) -> e.Experiment:
    """Return an experiment that is not in the trash, or raise NotFound or Conflict."""
    experiment = get_experiment(tx, call, experiment_id)
    _require_live(experiment_id, experiment.lifecycle == "active")
    return experiment


def get_live_ref(tx: Transaction, call: Call, experiment_id: str) -> ExperimentRef:
    """Say where an experiment is that is not in the trash, or raise NotFound or Conflict."""
    ref = tx.experiments.ref(call.workspace, parse_experiment_id(experiment_id))
    if ref is None:
        raise _not_found(experiment_id)
    _require_live(experiment_id, ref.live)
    return ref


def _require_live(experiment_id: str, live: bool) -> None:
    if not live:
        raise Conflict(
            f"Experiment {experiment_id} must be in the 'active' state; it is in the trash", hint="restore it first"
        )


def _not_found(experiment_id: str) -> NotFound:
    return NotFound(f"No experiment with id {experiment_id}")
