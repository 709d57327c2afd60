"""A store of Trackway's as a history: what an export reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice

from trackway.api import experiments as e
from trackway.api import limits
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.links import GetLinks
from trackway.api.structs import View
from trackway.api.transfers import PastRegistered
from trackway.base.errors import InvalidInput, NotFound
from trackway.exchange.downloads import open_stored
from trackway.exchange.files import list_stored
from trackway.exchange.history import PastExperiment, PastFile, PastLink, PastModel, PastPoints, PastRun
from trackway.exchange.pages import read_pages
from trackway.exchange.points import read_history
from trackway.rules.checks import parse_experiment_id
from trackway.sdk.locations import get_folder
from trackway.sdk.transport import Transport

MODELS_PAGE = 1_000


class Tracks:
    """See ``history.History``: one experiment of a store, with all of its runs or with some.

    run_ids: the runs, None for all; a run that is named is read also when it is in the trash
    view:    which of all runs and models
    """

    def __init__(
        self,
        transport: Transport,
        label: str,
        experiment: e.Experiment,
        run_ids: Collection[str] | None = None,
        view: View = "active",
    ) -> None:
        self._transport = transport
        self._label = label
        self._experiment = experiment
        self._run_ids = run_ids
        self._view = view
        self._runs: dict[str, r.Run] = {}
        self._models: dict[str, str] = {}

    @property
    def label(self) -> str:
        return self._label

    def list_experiments(self) -> Iterator[PastExperiment]:
        experiment = self._experiment
        yield PastExperiment(
            experiment_id=experiment.experiment_id,
            name=experiment.name,
            lifecycle=experiment.lifecycle,
            created_ms=experiment.created_ms,
            updated_ms=experiment.updated_ms,
            tags=experiment.tags,
        )

    def list_runs(self, experiment: PastExperiment) -> Iterator[PastRun]:
        for run, links in self._read_linked_runs(experiment.experiment_id):
            self._runs = {run.run_id: run}
            history = self._transport.call(ops.GET_PARAM_HISTORY, r.RunId(run_id=run.run_id))
            environment = None
            if run.environment_digest is not None:
                environment = self._transport.call(ops.GET_ENVIRONMENT, r.RunId(run_id=run.run_id)).environment
            yield PastRun(
                run_id=run.run_id,
                experiment_id=experiment.experiment_id,
                name=run.name,
                user=run.user,
                status=run.status,
                start_ms=run.start_ms,
                end_ms=run.end_ms,
                lifecycle=run.lifecycle,
                deleted_ms=run.deleted_ms,
                external_key=run.external_key or "",
                params=run.params,
                revisions=history.revisions,
                tags=run.tags,
                datasets=run.inputs,
                model_inputs=run.model_inputs,
                model_outputs=run.model_outputs,
                links=links,
                environment=environment,
                place=name_elsewhere(run.artifact_uri),
            )

    def read_points(self, run: PastRun) -> Iterator[PastPoints]:
        for key in self._runs[run.run_id].metrics:
            yield read_history(self._transport, run.run_id, key)

    def list_files(self, run: PastRun) -> Iterator[PastFile]:
        return list_folder(self._transport, self._runs[run.run_id].artifact_uri)

    def list_models(self, experiment: PastExperiment) -> Iterator[PastModel]:
        request = m.SearchLoggedModels(experiment_ids=[experiment.experiment_id], limit=MODELS_PAGE, view=self._view)
        for page in read_pages(self._transport, ops.SEARCH_LOGGED_MODELS, request):
            for model in page.models:
                if self._run_ids is None or model.source_run_id in self._run_ids:
                    self._models = {model.model_id: model.artifact_uri}
                    yield to_model(model)

    def list_registered(self) -> Iterator[PastRegistered]:
        return iter(())  # those are exported by their names

    def list_beside(self, _has: Callable[[str], bool]) -> Iterator[PastFile]:
        return iter(())  # of an experiment, only what its runs and models have

    def list_model_files(self, model: PastModel) -> Iterator[PastFile]:
        return list_folder(self._transport, self._models[model.model_id])

    def close(self) -> None:
        """The transport is its owner's."""

    def _read_linked_runs(self, experiment_id: str) -> Iterator[tuple[r.Run, list[PastLink]]]:
        """Yield runs with their links, which are asked for by the hundred."""
        runs = self._read_runs(experiment_id)
        while some := list(islice(runs, limits.LINKED_RUNS_PER_GET)):
            links: dict[str, list[PastLink]] = {run.run_id: [] for run in some}
            for one in self._transport.call(ops.GET_LINKS, GetLinks(run_ids=list(links))).links:
                links[one.run_id].append(PastLink(one.kind, one.earlier_run_id))
            for run in some:
                yield run, links[run.run_id]

    def _read_runs(self, experiment_id: str) -> Iterator[r.Run]:
        if self._run_ids is not None:
            for run_id in self._run_ids:
                yield self._transport.call(ops.GET_RUN, r.GetRun(run_id=run_id))
            return
        request = r.SearchRuns(experiment_ids=[experiment_id], view=self._view)
        for page in read_pages(self._transport, ops.SEARCH_RUNS, request):
            yield from page.runs


def list_folder(transport: Transport, artifact_uri: str) -> Iterator[PastFile]:
    """Yield the files below a location, none when they are kept elsewhere, by other clients."""
    if not name_elsewhere(artifact_uri):
        for path, file in list_stored(transport, get_folder(artifact_uri)).items():
            yield open_stored(transport, file, path)


def find_experiment(transport: Transport, name: str) -> e.Experiment:
    """Return the experiment of an id, in the trash or not, or the live one of a name.

    raises: NotFound
    """
    try:
        parse_experiment_id(name)
        return transport.call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id=name))
    except (InvalidInput, NotFound):
        return transport.call(ops.GET_EXPERIMENT_BY_NAME, e.GetExperimentByName(name=name))


def to_model(model: m.LoggedModel) -> PastModel:
    """Make a model of a history."""
    fields = {name: getattr(model, name) for name in PastModel.__struct_fields__ if name != "place"}
    return PastModel(**fields, place=name_elsewhere(model.artifact_uri))


def name_elsewhere(artifact_uri: str) -> str:
    """Return the location of files that the store does not keep, which no export holds; else nothing."""
    try:
        get_folder(artifact_uri)
    except InvalidInput:
        return artifact_uri
    return ""
