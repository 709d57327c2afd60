"""Brings a history into a store, or what is new of it since the last time.

Everything goes through the store's operations. What is there is recognised by its id, so that an import that broke off
is finished by the next one, and an import of a history that grows adds what is new.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby

import msgspec

from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.api.artifacts import VERSIONS
from trackway.api.links import LinkName
from trackway.base.errors import AlreadyExists, Conflict, Corrupt, InvalidInput, NotFound, TooLarge
from trackway.exchange.automation import SettingsImporter
from trackway.exchange.bundle_reader import Bundle
from trackway.exchange.files import upload_new
from trackway.exchange.history import History, PastExperiment, PastRun
from trackway.exchange.models import ModelImporter
from trackway.exchange.pages import read_pages
from trackway.exchange.policies import PolicyImporter
from trackway.exchange.registered import RegisteredImporter
from trackway.exchange.report import Mapped, Report
from trackway.exchange.runs import TAG_IMPORTED, RunImporter, choose_texts
from trackway.rules.checks import parse_experiment_id
from trackway.sdk.locations import SERVED
from trackway.sdk.transport import Transport

_REFUSED = (InvalidInput, TooLarge, Conflict, NotFound, Corrupt)
"""What is wrong with one run or model, and no reason to leave out the others."""


def import_history(transport: Transport, history: History, report: Report, names: Collection[str] = ()) -> None:
    """Bring experiments into a store, and registered models after them; or the experiments of the names given alone.

    raises: InvalidInput when an experiment of that name is not in the history; Unavailable when either end is away,
            and what was done until then stays
    """
    report.source = history.label
    target = _Target(transport, history, report)
    missing = set(names)
    for past in history.list_experiments():
        if not names or past.name in names:
            missing.discard(past.name)
            target.import_experiment(past)
    target.link_late()
    if not names:
        RegisteredImporter(transport, history, report).import_all()
    if missing:
        raise InvalidInput(f"No experiment {min(missing)!r} in {history.label}", hint="names are case-sensitive")


def import_all(
    transport: Transport, history: History, report: Report, names: Collection[str] = (), *, access: bool = False
) -> None:
    """Bring over a history as ``import_history`` does; of a whole workspace, what it has beside that, too.

    Webhooks and schedules come at rest; holds, quota and policy as ``PolicyImporter`` has it.

    access: and signing keys, roles, teams and grants
    """
    if names or not isinstance(history, Bundle) or history.settings is None:
        import_history(transport, history, report, names)
        return
    importer = SettingsImporter(transport, history.settings, report)
    policies = PolicyImporter(transport, history, history.settings, report)
    if access:
        importer.import_keys()
    import_history(transport, history, report)
    import_beside(transport, history, report)
    importer.import_automation()
    if access:
        importer.import_access()
    policies.import_all()


def import_beside(transport: Transport, bundle: Bundle, report: Report) -> None:
    """Add the files that were put beside runs and models, into the folders of what their experiments are here.

    Those of versions come with these. A file that is here stays as it is.
    """
    became = {one.experiment_id: one.became_id for one in report.mapped}
    known = {one.experiment_id for one in bundle.list_experiments()}
    for root, files in groupby(bundle.list_beside(), key=lambda file: file.path.partition("/")[0]):
        if root in known or not (root == VERSIONS or _is_number(root)):
            inside = (file._replace(path=file.path.partition("/")[2]) for file in files)
            place = f"{SERVED}{became.get(root, root)}"
            upload_new(transport, inside, place, f"folder {root!r}", report, replace=False)
        elif root != VERSIONS:
            report.note(f"folder {root!r}", "the experiment of its files is not in the bundle")


class _Target:
    """The store that is imported into, and its experiments."""

    def __init__(self, transport: Transport, history: History, report: Report) -> None:
        self._transport = transport
        self._history = history
        self._report = report
        self._runs = RunImporter(transport, history, report)
        self._models = ModelImporter(transport, history, report)
        self._late: list[LinkName] = []
        self._by_id: dict[str, e.Experiment] = {}
        self._by_mark: dict[str, e.Experiment] = {}
        self._by_name: dict[str, e.Experiment] = {}
        for experiment in _list_experiments(transport):
            self._add(experiment)

    def import_experiment(self, past: PastExperiment) -> None:
        """Bring over an experiment with its runs and models; to the trash it goes when all of it is here."""
        where = f"experiment {past.name!r}"
        try:
            experiment = self._resolve(past)
        except _REFUSED as error:
            self._report.note(where, error.message)
            return
        if experiment.lifecycle == "deleted":
            if past.lifecycle == "active":
                self._report.note(where, "it is in the trash here; restore it to import into it")
            return
        deleted = self._import_runs(past, experiment)
        for model in self._history.list_models(past):
            try:
                self._models.import_model(model, experiment.experiment_id)
            except _REFUSED as error:
                self._report.note(f"model {model.model_id}", error.message)
        self._late += self._runs.link_runs()
        if past.lifecycle == "deleted":
            # Its runs go with it and come back with it, as they do there.
            request = e.DeleteExperiment(experiment_id=experiment.experiment_id, deleted_ms=past.updated_ms or None)
            self._transport.call(ops.DELETE_EXPERIMENT, request)
            return
        for run in deleted:
            self._runs.delete(run)

    def link_late(self) -> None:
        """Link runs to those of experiments that came after theirs."""
        self._runs.link_late(self._late)

    def _import_runs(self, past: PastExperiment, experiment: e.Experiment) -> list[PastRun]:
        """Bring over an experiment's runs; return those that are to go to the trash."""
        deleted = []
        for run in self._history.list_runs(past):
            try:
                live = self._runs.import_run(run, experiment.experiment_id)
            except _REFUSED as error:
                self._report.note(f"run {run.run_id}", error.message)
            else:
                if live and run.lifecycle == "deleted":
                    deleted.append(run)
            self._report.watch(self._report.added)
        return deleted

    def _resolve(self, past: PastExperiment) -> e.Experiment:
        """Return the store's experiment for one of the history's, which is new when no other will do.

        That of an earlier import comes first, then the live one of the name: an experiment in the trash there is never
        put into a live one here. A new one keeps its id when that is free.
        """
        mark = f"{self._history.label}#{past.experiment_id}"
        same = self._by_id.get(past.experiment_id)
        named = self._by_name.get(past.name)
        found = self._by_mark.get(mark)
        if found is None and past.lifecycle == "active":
            found = named
        elif found is None and same is not None and same.name == past.name and TAG_IMPORTED in same.tags:
            found = same
        if found is not None:
            self._log_tags(past, found)
        else:
            found = self._create(past, mark, keep_id=same is None, keep_name=named is None)
        has_id = found.experiment_id == past.experiment_id or not _is_number(past.experiment_id)
        if not has_id or found.name != past.name:
            self._report.mapped.append(Mapped(past.experiment_id, past.name, found.experiment_id, found.name))
        return found

    def _create(self, past: PastExperiment, mark: str, keep_id: bool, keep_name: bool) -> e.Experiment:
        tags = choose_texts("tag", {**past.tags, TAG_IMPORTED: mark}, f"experiment {past.name!r}", self._report)
        request = e.CreateExperiment(
            name=past.name if keep_name else f"{past.name} ({past.experiment_id})",
            tags=tags,
            experiment_id=past.experiment_id if keep_id and _is_number(past.experiment_id) else "",
            created_ms=past.created_ms or None,
            updated_ms=past.updated_ms or None,
        )
        try:
            experiment = self._transport.call(ops.CREATE_EXPERIMENT, request)
        except AlreadyExists:  # another workspace has this id
            request = msgspec.structs.replace(request, experiment_id="")
            experiment = self._transport.call(ops.CREATE_EXPERIMENT, request)
        self._report.added.experiments += 1
        self._add(experiment)
        return experiment

    def _log_tags(self, past: PastExperiment, experiment: e.Experiment) -> None:
        tags = {key: value for key, value in past.tags.items() if key not in experiment.tags}
        if tags and experiment.lifecycle == "active":
            chosen = choose_texts("tag", tags, f"experiment {past.name!r}", self._report)
            request = e.SetExperimentTags(experiment_id=experiment.experiment_id, tags=chosen)
            self._transport.call(ops.SET_EXPERIMENT_TAGS, request)

    def _add(self, experiment: e.Experiment) -> None:
        self._by_id[experiment.experiment_id] = experiment
        if mark := experiment.tags.get(TAG_IMPORTED):
            self._by_mark[mark] = experiment
        if experiment.lifecycle == "active":
            self._by_name[experiment.name] = experiment


def _list_experiments(transport: Transport) -> list[e.Experiment]:
    pages = read_pages(transport, ops.SEARCH_EXPERIMENTS, e.SearchExperiments(view="all"))
    return [experiment for page in pages for experiment in page.experiments]


def _is_number(experiment_id: str) -> bool:
    try:
        parse_experiment_id(experiment_id)
    except InvalidInput:
        return False
    return True
