"""Every operation by who calls it and whose object it is: roles, and the objects of other workspaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from tests.tracking.scenarios import Scenario, Stage
from tests.tracking.test_operations import SCENARIOS, count_rows
from trackway.api import artifacts as a
from trackway.api import experiments as e
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.api.calls import ANONYMOUS, Actor, Call, Permission
from trackway.api.operations import OPERATIONS, Operation
from trackway.base.errors import InvalidInput, NotFound, PermissionDenied
from trackway.dispatch import OpenPolicy
from trackway.wiring.platform import Platform

VALID = [scenario for scenario in SCENARIOS if scenario.kind == "valid"]
FIRST = {operation: next(one for one in VALID if one.operation is operation) for operation in OPERATIONS}
RIGHTS: dict[str, set[Permission]] = {
    "anonymous": set(),
    "reader": {"read"},
    "editor": {"read", "write", "create"},
    "admin": {"read", "write", "create", "delete", "manage", "admin"},
}
ACTORS = {"anonymous": ANONYMOUS} | {role: Actor(kind="user", name=role) for role in ("reader", "editor", "admin")}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(f"sqlite:///{tmp_path_factory.mktemp('access')}/t.db", "memory://")
    yield platform
    platform.close()


class Roles(OpenPolicy):
    """A policy of roles; each may do what the operation's permission asks for, and nothing else."""

    def admit(self, tx: Any, call: Call, operation: Operation[Any, Any], request: Any) -> Call:
        role = next(name for name, actor in ACTORS.items() if actor == call.actor)
        if operation.access.permission not in RIGHTS[role]:
            raise PermissionDenied(f"{role} has no right to {operation.access.permission}")
        return call


@pytest.mark.parametrize("role", RIGHTS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_role_may_do_what_the_operations_permission_says(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, operation: Operation[Any, Any], role: str
) -> None:
    stage = Stage(platform.dispatch, FIRST[operation].workspace, ACTORS[role])
    request = FIRST[operation].ask(stage)
    before = count_rows(platform)
    monkeypatch.setattr(platform.dispatch, "_policy", Roles())
    if operation.access.permission in RIGHTS[role]:
        assert isinstance(stage.call(operation, request), operation.response)
    else:
        with pytest.raises(PermissionDenied):
            stage.call(operation, request)
        assert count_rows(platform) == before


@pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS if one not in (ops.CHANGE_PASSWORD, ops.CHOOSE_WORKSPACE)],
    ids=lambda operation: operation.name,
)
def test_until_there_is_access_control_who_is_not_known_may_do_everything(
    platform: Platform, operation: Operation[Any, Any]
) -> None:
    stage = Stage(platform.dispatch, FIRST[operation].workspace, ANONYMOUS)
    assert isinstance(stage.call(operation, FIRST[operation].ask(stage)), operation.response)


NOTHING: dict[Operation[Any, Any], Callable[[Stage, Any], bool]] = {
    ops.LIST_FILES: lambda owner, page: not any(file.path.startswith(owner.exp) for file in page.files),
    ops.GET_RUNS: lambda _owner, found: found.runs == [],
    ops.GET_HISTORY: lambda _owner, history: history.series.values == b"",
}
"""Operations that answer with nothing where others say that there is no such object."""


@pytest.mark.parametrize("scenario", VALID, ids=str)
def test_what_is_another_workspaces_is_not_there(platform: Platform, scenario: Scenario) -> None:
    owner, stranger = Stage(platform.dispatch), Stage(platform.dispatch)
    operation, request = scenario.operation, scenario.ask(owner)
    before = describe(owner)
    try:
        response = stranger.call(operation, request)
    except NotFound:
        pass
    except InvalidInput:
        assert request.page_token, "a page token is of one workspace"
    else:
        # A path or a name is one of the caller's own workspace, and an id is nobody else's.
        own = ("system", "provisioning", "self", "grant", "workspace", "file")
        named = operation.access.target in own or not getattr(request, operation.access.target_field)
        assert named or operation in NOTHING, "an object of another workspace was found"
        assert operation not in NOTHING or NOTHING[operation](owner, response)
        told, asked = (msgspec.json.encode(one).decode() for one in (response, request))
        for secret in (owner.run, owner.child, owner.gone_run, owner.model, owner.name):
            assert secret not in told or secret in asked
    if operation is not ops.ERASE_USER:  # who is known to all workspaces is forgotten in all
        assert describe(owner) == before


def describe(stage: Stage) -> list[bytes]:
    """Return what a workspace has."""
    requests: list[tuple[Operation[Any, Any], Any]] = [
        (ops.SEARCH_EXPERIMENTS, e.SearchExperiments(view="all")),
        (ops.SEARCH_RUNS, r.SearchRuns(view="all")),
        (ops.LIST_FILES, a.ListFiles(folder="", recursive=True)),
        (ops.SEARCH_LOGGED_MODELS, m.SearchLoggedModels(experiment_ids=[stage.exp])),
        (ops.SEARCH_REGISTERED_MODELS, g.SearchRegisteredModels()),
        (ops.SEARCH_MODEL_VERSIONS, g.SearchModelVersions()),
        (ops.GET_RETENTION, t.GetRetention()),
    ]
    return [msgspec.json.encode(stage.call(*one)) for one in requests]
