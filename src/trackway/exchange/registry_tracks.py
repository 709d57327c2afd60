"""Registered models of a store of Trackway's as a history, with the runs and logged models that they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trackway.api import experiments as e
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.transfers import PastRegistered, PastVersion
from trackway.exchange.history import PastExperiment, PastFile, PastModel, PastPoints, PastRun
from trackway.exchange.pages import find
from trackway.exchange.registry_reader import RegistryReader
from trackway.exchange.tracks import Tracks, list_folder, to_model
from trackway.sdk.transport import Transport


class RegistryTracks:
    """See ``history.History``: some registered models, and of each experiment the runs and logged models they need.

    names:  of registered models
    raises: NotFound
    """

    def __init__(self, transport: Transport, label: str, names: Sequence[str]) -> None:
        self._transport = transport
        self._label = label
        self._reader = RegistryReader(transport)
        self._registered = [self._reader.read(name) for name in names]
        self._models: dict[str, m.LoggedModel] = {}
        runs: dict[str, list[str]] = {}
        for version in (version for model in self._registered for version in model.versions):
            self._collect(version, runs)
        experiments = {*runs, *(model.experiment_id for model in self._models.values())}
        self._tracks = {
            experiment_id: Tracks(
                transport,
                label,
                transport.call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id=experiment_id)),
                runs.get(experiment_id, []),
            )
            for experiment_id in sorted(experiments)
        }

    @property
    def label(self) -> str:
        return self._label

    def list_experiments(self) -> Iterator[PastExperiment]:
        for tracks in self._tracks.values():
            yield from tracks.list_experiments()

    def list_runs(self, experiment: PastExperiment) -> Iterator[PastRun]:
        return self._tracks[experiment.experiment_id].list_runs(experiment)

    def read_points(self, run: PastRun) -> Iterator[PastPoints]:
        return self._tracks[run.experiment_id].read_points(run)

    def list_files(self, run: PastRun) -> Iterator[PastFile]:
        return self._tracks[run.experiment_id].list_files(run)

    def list_models(self, experiment: PastExperiment) -> Iterator[PastModel]:
        for model in self._models.values():
            if model.experiment_id == experiment.experiment_id:
                yield to_model(model)

    def list_model_files(self, model: PastModel) -> Iterator[PastFile]:
        return list_folder(self._transport, self._models[model.model_id].artifact_uri)

    def list_beside(self, _has: Callable[[str], bool]) -> Iterator[PastFile]:
        return self._reader.list_own()

    def list_registered(self) -> Iterator[PastRegistered]:
        return iter(self._registered)

    def close(self) -> None:
        """The transport is its owner's."""

    def _collect(self, version: PastVersion, runs: dict[str, list[str]]) -> None:
        """Note the logged model and the run that a version came from, if they are there still."""
        if version.model_id and version.model_id not in self._models:
            request = m.GetLoggedModel(model_id=version.model_id)
            model = find(lambda: self._transport.call(ops.GET_LOGGED_MODEL, request))
            if model is not None:
                self._models[version.model_id] = model
        if version.run_id and not any(version.run_id in found for found in runs.values()):
            run = find(lambda: self._transport.call(ops.GET_RUN, r.GetRun(run_id=version.run_id)))
            if run is not None:
                runs.setdefault(run.experiment_id, []).append(version.run_id)
