"""Two servers on one PostgreSQL that are asked at once for what only one of them can do, or only before the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.services.postgres import PostgresServer
from trackway.api import operations as ops
from trackway.api.calls import ANONYMOUS
from trackway.api.experiments import (
    CreateExperiment,
    DeleteExperiment,
    PurgeExperiments,
    RestoreExperiment,
    SetExperimentTags,
    UpdateExperiment,
)
from trackway.api.logged_models import CreateLoggedModel
from trackway.api.operations import Operation
from trackway.api.registry import (
    CreateComment,
    CreateModelVersion,
    CreateRegisteredModel,
    RegisteredModelName,
    RenameRegisteredModel,
    RequestTransition,
    SetAlias,
    SetRegisteredModelTags,
    SetVersionTags,
    UpdateRegisteredModel,
    VersionName,
)
from trackway.base.errors import Conflict, NotFound
from trackway.base.ids import new_id
from trackway.store.sql.connection import connector
from trackway.store.sql.experiments import ExperimentTable
from trackway.store.sql.registry import RegistryTable
from trackway.wiring.platform import Platform

ORPHANS = " UNION ALL ".join(
    f"SELECT '{table}', count(*) FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM {owner} o WHERE o.pk = t.{column})"
    for table, owner, column in (
        ("registered_model_tags", "registered_models", "model_pk"),
        ("model_versions", "registered_models", "model_pk"),
        ("model_aliases", "registered_models", "model_pk"),
        ("model_comments", "registered_models", "model_pk"),
        ("model_requests", "registered_models", "model_pk"),
        ("model_aliases", "model_versions", "version_pk"),
        ("model_version_tags", "model_versions", "version_pk"),
        ("experiment_tags", "experiments", "experiment_pk"),
        ("logged_models", "experiments", "experiment_pk"),
    )
)


class Server:
    """A server without its doors."""

    def __init__(self, uri: str, folder: Path) -> None:
        self.platform = Platform(uri, str(folder))

    def ask(self, operation: Operation[Any, Any], request: Any) -> Any:
        dispatch = self.platform.dispatch
        return dispatch.call(operation, request, dispatch.open_call(ANONYMOUS, "default"))


class Race:
    """Two servers on one database, one of which is quicker."""

    def __init__(self, here: Server, there: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        self.here = here
        self.there = there
        self._monkeypatch = monkeypatch

    def overtake(self, table: type, look: str, operation: Operation[Any, Any], request: Any) -> None:
        """Have the other server do something right after this one has found, by ``look``, what it is asked about."""
        self.overtake_by_all(table, look, (operation, request))

    def overtake_by_all(self, table: type, look: str, *asked: tuple[Operation[Any, Any], Any]) -> None:
        """Have the other server do several things right then, one after another."""
        found = getattr(table, look)
        waiting = list(asked)

        def find(*arguments: Any) -> Any:
            result = found(*arguments)
            due, waiting[:] = list(waiting), []  # the other server looks there, too
            for one in due:
                self.there.ask(*one)
            return result

        self._monkeypatch.setattr(table, look, find)

    def list_orphans(self) -> list[str]:
        with closing(connector(self.here.platform.store.uri)[0]()) as db:
            return [str(table) for table, count in db.all(ORPHANS) if count]


@pytest.fixture(scope="module")
def servers(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    uri, folder = postgres_server.create_database(), tmp_path_factory.mktemp("artifacts")
    both = [Server(uri, folder) for _ in range(2)]
    yield both
    for one in both:
        one.platform.close()


@pytest.fixture
def race(servers: list[Server], monkeypatch: pytest.MonkeyPatch) -> Race:
    return Race(servers[0], servers[1], monkeypatch)


@pytest.fixture
def name(race: Race) -> str:
    """A registered model with a version."""
    name = f"m-{new_id()}"
    race.here.ask(ops.CREATE_REGISTERED_MODEL, CreateRegisteredModel(name=name))
    race.here.ask(ops.CREATE_MODEL_VERSION, CreateModelVersion(name=name, source="s3://bucket/m"))
    return name


@pytest.fixture
def experiment(race: Race) -> str:
    made = race.here.ask(ops.CREATE_EXPERIMENT, CreateExperiment(name=new_id()))
    return str(made.experiment_id)


def test_of_two_renames_of_one_model_the_second_finds_the_name_gone(race: Race, name: str) -> None:
    first, second = f"{name}-b", f"{name}-c"
    race.overtake(RegistryTable, "ref", ops.RENAME_REGISTERED_MODEL, RenameRegisteredModel(name=name, new_name=first))
    with pytest.raises(NotFound):
        race.here.ask(ops.RENAME_REGISTERED_MODEL, RenameRegisteredModel(name=name, new_name=second))
    assert race.here.ask(ops.GET_REGISTERED_MODEL, RegisteredModelName(name=first)).name == first


MODEL_CHANGES: dict[Operation[Any, Any], Callable[[str], Any]] = {
    ops.SET_REGISTERED_MODEL_TAGS: lambda name: SetRegisteredModelTags(name=name, tags={"a": "1"}),
    ops.UPDATE_REGISTERED_MODEL: lambda name: UpdateRegisteredModel(name=name, description="d"),
    ops.RENAME_REGISTERED_MODEL: lambda name: RenameRegisteredModel(name=name, new_name=f"{name}-b"),
    ops.CREATE_MODEL_VERSION: lambda name: CreateModelVersion(name=name, source="s3://bucket/m"),
    ops.CREATE_COMMENT: lambda name: CreateComment(name=name, text="c"),
    ops.DELETE_REGISTERED_MODEL: lambda name: RegisteredModelName(name=name),
}
VERSION_CHANGES: dict[Operation[Any, Any], Callable[[str], Any]] = {
    ops.SET_VERSION_TAGS: lambda name: SetVersionTags(name=name, version=1, tags={"a": "1"}),
    ops.SET_ALIAS: lambda name: SetAlias(name=name, version=1, alias="a"),
    ops.REQUEST_TRANSITION: lambda name: RequestTransition(name=name, version=1, stage="Staging"),
}


@pytest.mark.parametrize("operation", MODEL_CHANGES, ids=lambda one: one.name)
def test_what_hangs_on_a_model_that_is_deleted_meanwhile_is_not_kept(
    race: Race, name: str, operation: Operation[Any, Any]
) -> None:
    race.overtake(RegistryTable, "ref", ops.DELETE_REGISTERED_MODEL, RegisteredModelName(name=name))
    with pytest.raises(NotFound):
        race.here.ask(operation, MODEL_CHANGES[operation](name))
    assert race.list_orphans() == []


@pytest.mark.parametrize(
    ("operation", "deleted"),
    [
        (ops.SET_VERSION_TAGS, "model"),
        (ops.SET_VERSION_TAGS, "version"),
        (ops.SET_ALIAS, "model"),
        (ops.SET_ALIAS, "version"),
        (ops.REQUEST_TRANSITION, "model"),
    ],
    ids=lambda one: getattr(one, "name", one),
)
def test_what_hangs_on_a_version_that_is_deleted_meanwhile_is_not_kept(
    race: Race, name: str, operation: Operation[Any, Any], deleted: str
) -> None:
    if deleted == "model":
        race.overtake(RegistryTable, "version_ref", ops.DELETE_REGISTERED_MODEL, RegisteredModelName(name=name))
    else:
        race.overtake(RegistryTable, "version_ref", ops.DELETE_MODEL_VERSION, VersionName(name=name, version=1))
    with pytest.raises(NotFound):
        race.here.ask(operation, VERSION_CHANGES[operation](name))
    assert race.list_orphans() == []


def test_of_two_deletions_of_one_experiment_the_second_finds_it_in_the_trash(race: Race, experiment: str) -> None:
    asked = DeleteExperiment(experiment_id=experiment)
    race.overtake(ExperimentTable, "get", ops.DELETE_EXPERIMENT, asked)
    with pytest.raises(NotFound, match="in the trash already"):
        race.here.ask(ops.DELETE_EXPERIMENT, asked)


def test_of_two_restorations_of_one_experiment_the_second_finds_it_back(race: Race, experiment: str) -> None:
    race.here.ask(ops.DELETE_EXPERIMENT, DeleteExperiment(experiment_id=experiment))
    asked = RestoreExperiment(experiment_id=experiment)
    race.overtake(ExperimentTable, "find", ops.RESTORE_EXPERIMENT, asked)
    with pytest.raises(NotFound, match="not in the trash"):
        race.here.ask(ops.RESTORE_EXPERIMENT, asked)


def test_an_experiment_that_goes_to_the_trash_meanwhile_is_not_renamed(race: Race, experiment: str) -> None:
    race.overtake(ExperimentTable, "find", ops.DELETE_EXPERIMENT, DeleteExperiment(experiment_id=experiment))
    with pytest.raises(Conflict, match="in the trash"):
        race.here.ask(ops.UPDATE_EXPERIMENT, UpdateExperiment(experiment_id=experiment, name=new_id()))


EXPERIMENT_CHANGES: dict[Operation[Any, Any], Callable[[str], Any]] = {
    ops.SET_EXPERIMENT_TAGS: lambda number: SetExperimentTags(experiment_id=number, tags={"a": "1"}),
    ops.CREATE_LOGGED_MODEL: lambda number: CreateLoggedModel(experiment_id=number, name="m"),
}


@pytest.mark.parametrize("operation", EXPERIMENT_CHANGES, ids=lambda one: one.name)
def test_what_hangs_on_an_experiment_that_is_purged_meanwhile_is_not_kept(
    race: Race, experiment: str, operation: Operation[Any, Any]
) -> None:
    race.overtake_by_all(
        ExperimentTable,
        "get",
        (ops.DELETE_EXPERIMENT, DeleteExperiment(experiment_id=experiment)),
        (ops.PURGE_EXPERIMENTS, PurgeExperiments(experiment_ids=[experiment])),
    )
    with pytest.raises(NotFound):
        race.here.ask(operation, EXPERIMENT_CHANGES[operation](experiment))
    assert race.list_orphans() == []
