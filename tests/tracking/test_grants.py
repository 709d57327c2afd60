"""Every operation by who calls it: workspace roles, roles on single objects, and those who have none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.tracking.scenarios import Stage
from tests.tracking.scenarios_access import name
from tests.tracking.scenarios_registry import make as make_registered
from tests.tracking.scenarios_schedules import new as new_schedule
from tests.tracking.test_access import FIRST
from tests.tracking.test_operations import count_rows
from trackway.api import access as c
from trackway.api import endpoints as d
from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import runs as r
from trackway.api import schedules as s
from trackway.api import trash as z
from trackway.api import workspaces as w
from trackway.api.calls import ANONYMOUS, Call, Permission
from trackway.api.operations import OPERATIONS, Operation
from trackway.auth.credentials import digest, mint
from trackway.base.errors import AlreadyExists, NotFound, PermissionDenied, TrackwayError, Unauthenticated
from trackway.store.access import GrantRow
from trackway.wiring.platform import Platform

OBJECTS = ("experiment", "run", "runs", "logged_model", "registered_model", "endpoint", "schedule")
NAMED = ("registered_model", "endpoint", "schedule")
UNKNOWN = ("anonymous", "wrong", "disabled")


class Doors(NamedTuple):
    """One store, behind a platform where everybody may do everything, and behind one with access control."""

    open: Platform
    guarded: Platform


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    store = f"sqlite:///{tmp_path_factory.mktemp('grants')}/t.db"
    both = Doors(Platform(store, "memory://"), Platform(store, "memory://", auth=True))
    yield both
    both.guarded.close()
    both.open.close()


OWN_ROLES: dict[str, list[Permission]] = {
    "tagger": ["read", "write"],
    "remover": ["delete"],
    "sharer": ["read", "manage"],
}
"""Roles that a workspace has made of permissions, each unlike those that are built in; the remover cannot read."""
ROLES: dict[str, list[tuple[Any, str, str]]] = {
    **{role: [("workspace", "", role)] for role in (*c.ROLES, *OWN_ROLES)},
    "disabled": [("workspace", "", "admin")],
    "owner": [("experiment", "*", "manager"), *((kind, "*", "manager") for kind in NAMED)],
    "viewer": [("experiment", "*", "reader"), *((kind, "*", "reader") for kind in NAMED)],
    "neighbour": [("experiment", "{elsewhere}", "manager"), *((kind, "zz*", "manager") for kind in NAMED)],
    "nobody": [],
    "administrator": [],
}
"""Roles that somebody is given in each workspace."""


class Cast:
    """Users with a token each."""

    def __init__(self, doors: Doors) -> None:
        self.doors = doors
        self.users: dict[str, int] = {}
        self.credentials = {"anonymous": "", "wrong": "token:feed"}
        for part in ROLES:
            self.credentials[part] = doors.open.store.write(lambda tx, part=part: self._add(tx, part))

    def _add(self, tx: Any, part: str) -> str:
        self.users[part] = tx.access.create_user(f"{part}-1", "service", "", part == "administrator", 1, "user:ann")
        secret, row = mint("token", self.users[part], 1, 0)
        tx.access.add_credential(row)
        tx.access.update_user(self.users[part], part == "administrator", part == "disabled")
        return f"token:{digest(secret)}"

    def enter(self, stage: Stage) -> None:
        """Give everybody their roles on a stage."""
        elsewhere = stage.make_experiment()

        def give(tx: Any) -> None:
            for own, permissions in OWN_ROLES.items():
                tx.access.set_role(stage.workspace, own, permissions)
            for part, roles in ROLES.items():
                for kind, target, role in roles:
                    place = target.format(elsewhere=elsewhere)
                    subject = ("user", self.users[part])
                    tx.access.put_grant(GrantRow(stage.workspace, *subject, kind, place, role, 1, "user:ann"))  # type: ignore[arg-type]

        self.doors.open.store.write(give)

    def open(self, stage: Stage, part: str) -> Call:
        """Begin a call of somebody's."""
        call = self.doors.guarded.dispatch.open_call(ANONYMOUS, stage.workspace)
        return msgspec.structs.replace(call, credential=self.credentials[part])

    def call(self, stage: Stage, part: str, operation: Operation[Any, Any], request: Any) -> Any:
        return self.doors.guarded.dispatch.call(operation, request, self.open(stage, part))


@pytest.fixture(scope="module")
def cast(doors: Doors) -> Cast:
    return Cast(doors)


def may(operation: Operation[Any, Any], part: str, workspace: str, is_inside: bool) -> bool | None:
    """Return whether somebody may; None when it depends on what the request names beside its target.

    is_inside: whether a file that is named belongs to an experiment
    """
    access = operation.access
    if part in UNKNOWN or (part == "nobody" and workspace != "default"):
        return False
    if access.target in ("system", "provisioning"):
        return part == "administrator"
    if access.target == "self" or access.lists or part == "administrator":
        return True
    if access.target == "grant":
        return part == "admin" or (None if part in ("manager", "owner", "sharer") else False)
    if part in c.ROLES:
        return access.permission in c.ROLES[part]
    if part in OWN_ROLES:
        return access.permission in OWN_ROLES[part] and (part != "remover" or access.target == "workspace")
    if part in ("owner", "viewer"):
        role = c.ROLES["manager" if part == "owner" else "reader"]
        return (access.target in OBJECTS or (access.target == "file" and is_inside)) and access.permission in role
    return False


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_who_is_let_in_to_an_operation(doors: Doors, cast: Cast, operation: Operation[Any, Any]) -> None:
    stage = Stage(doors.open.dispatch, FIRST[operation].workspace)
    request = FIRST[operation].ask(stage)
    cast.enter(stage)
    policy = doors.guarded.dispatch._policy
    is_inside = str(getattr(request, operation.access.target_field or "", "")).startswith(f"{stage.exp}/")
    wrong: dict[str, object] = {}
    for part in cast.credentials:
        call = cast.open(stage, part)
        refusal: TrackwayError | None = None
        try:
            doors.guarded.store.read(lambda tx, call=call: policy.admit(tx, call, operation, request))
        except TrackwayError as error:
            refusal = error
        expected = may(operation, part, stage.workspace, is_inside)
        if expected is not None and expected != (refusal is None):
            wrong[part] = refusal or "let in"
        if expected is not None and part in cast.users:
            told = explain(doors, stage, part, operation, request)
            if told.allowed != expected:
                wrong[f"{part} explained"] = told
        if part in UNKNOWN:
            assert isinstance(refusal, Unauthenticated)
        elif refusal is not None:
            assert isinstance(refusal, NotFound | PermissionDenied), refusal
            if part == "neighbour" and operation.access.target in OBJECTS:
                assert isinstance(refusal, NotFound), "what may not be seen is not there"
            if part == "nobody" and stage.workspace != "default":
                assert str(refusal).startswith(f"There is no workspace {stage.workspace!r}")
    assert not wrong
    for part in ("nobody", "neighbour"):
        refuse_or_tell_nothing(doors, cast, stage, part, operation, request)


def explain(doors: Doors, stage: Stage, part: str, operation: Operation[Any, Any], request: Any) -> c.Explanation:
    """Ask why somebody may do what a request asks, or may not."""
    named = getattr(request, operation.access.target_field or "", "")
    target = named[0] if isinstance(named, list) and named else named
    asked = c.Explain(user=f"{part}-1", operation=operation.name, target=str(target or ""))
    return doors.open.dispatch.call(ops.EXPLAIN_ACCESS, asked, stage.open())


def refuse_or_tell_nothing(
    doors: Doors, cast: Cast, stage: Stage, part: str, operation: Operation[Any, Any], request: Any
) -> None:
    """Check that who has no role changes nothing, and is not told of what is there."""
    before = _count(doors)
    try:
        response = cast.call(stage, part, operation, request)
    except TrackwayError as error:
        told = f"{error} {error.details}"
    else:
        assert operation.access.lists or operation.access.target == "self"
        told = msgspec.json.encode(response).decode()
    asked = msgspec.json.encode(request).decode()
    for secret in (stage.run, stage.child, stage.gone_run, stage.model, stage.name, "nightly", '"live"'):
        assert secret not in told or secret in asked
    if operation.access.writes and operation.access.target != "self":
        assert _count(doors) == before


def _count(doors: Doors) -> dict[str, Any]:
    return {table: rows for table, rows in count_rows(doors.open).items() if not table.startswith("audit")}


HIDDEN = [
    operation for operation in OPERATIONS if operation.access.target in ("experiment", "run", "logged_model", *NAMED)
]


def test_a_refusal_of_what_is_hidden_is_that_of_what_is_not_there(doors: Doors, cast: Cast) -> None:
    for operation in HIDDEN:
        field = operation.access.target_field
        stage = Stage(doors.open.dispatch)
        cast.enter(stage)
        hidden = FIRST[operation].ask(stage)
        value = getattr(hidden, field)
        if not value:
            continue
        missing = "f" * len(value) if operation.access.target != "experiment" else "9" * 9
        told = []
        for request in (hidden, msgspec.structs.replace(hidden, **{field: missing})):
            with pytest.raises(NotFound) as refusal:
                cast.call(stage, "neighbour", operation, request)
            told.append(str(refusal.value).replace(getattr(request, field), "X"))
        assert told[0] == told[1], operation.name


def test_a_name_that_is_taken_gives_nobody_what_is_behind_it(doors: Doors, cast: Cast) -> None:
    stage = Stage(doors.open.dispatch)
    stage.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="churn", description="secret"))
    cast.enter(stage)
    model = g.CreateRegisteredModel(name="churn", if_exists="return")
    experiment = e.CreateExperiment(name=stage.name, if_exists="return")
    run = r.CreateRun(run_id=stage.run, if_exists="return", experiment_id=stage.exp)
    for part in ("contributor", "neighbour"):
        for operation, request in ((ops.CREATE_REGISTERED_MODEL, model), (ops.CREATE_EXPERIMENT, experiment)):
            with pytest.raises((AlreadyExists, PermissionDenied)) as refusal:
                cast.call(stage, part, operation, request)
            assert stage.exp not in str(refusal.value.details)
        with pytest.raises(NotFound):
            cast.call(stage, part, ops.CREATE_RUN, run)
        elsewhere = msgspec.structs.replace(run, experiment_id="", experiment_name=f"new-{stage.name}")
        with pytest.raises((AlreadyExists, PermissionDenied)):
            cast.call(stage, part, ops.CREATE_RUN, elsewhere)
    for operation, request in ((ops.CREATE_REGISTERED_MODEL, model), (ops.CREATE_EXPERIMENT, experiment)):
        cast.call(stage, "editor", operation, request)
    with pytest.raises(PermissionDenied):  # though it was answered, it has not become the editor's own
        cast.call(stage, "editor", ops.DELETE_EXPERIMENT, e.DeleteExperiment(experiment_id=stage.exp))
    with pytest.raises(PermissionDenied):
        cast.call(stage, "editor", ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name="churn"))


def test_who_makes_an_object_owns_it_and_grants_follow_it(doors: Doors, cast: Cast) -> None:
    stage = Stage(doors.open.dispatch)
    cast.enter(stage)
    made = cast.call(stage, "contributor", ops.CREATE_EXPERIMENT, e.CreateExperiment(name=name()))
    run = cast.call(stage, "contributor", ops.CREATE_RUN, r.CreateRun(experiment_id=made.experiment_id))
    cast.call(stage, "contributor", ops.DELETE_RUN, r.DeleteRun(run_id=run.run_id))
    cast.call(stage, "contributor", ops.CREATE_RUN, r.CreateRun(experiment_name=name()))
    found = cast.call(stage, "contributor", ops.SEARCH_EXPERIMENTS, e.SearchExperiments()).experiments
    assert len(found) == 2
    cast.call(stage, "contributor", ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="mine"))
    cast.call(stage, "contributor", ops.RENAME_REGISTERED_MODEL, g.RenameRegisteredModel(name="mine", new_name="still"))
    cast.call(stage, "contributor", ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name="still"))
    cast.call(stage, "contributor", ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name="still"))
    stage.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="still"))  # of somebody else
    with pytest.raises(NotFound):
        cast.call(stage, "contributor", ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name="still"))


def test_what_somebody_deleted_comes_back_to_them_with_their_role(doors: Doors, cast: Cast) -> None:
    stage = Stage(doors.open.dispatch)
    cast.enter(stage)

    def see(part: str) -> list[str]:
        return [one.name for one in cast.call(stage, part, ops.SEARCH_TRASH, z.SearchTrash()).entries]

    cast.call(stage, "contributor", ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="mine"))
    gone = cast.call(stage, "contributor", ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name="mine"))
    back = z.TrashId(trash_id=gone.trash_id)
    assert see("contributor") == see("admin") == ["mine"]
    for part in ("editor", "manager", "owner", "viewer", "neighbour"):
        assert see(part) == [], part
        with pytest.raises(PermissionDenied) as refusal:
            cast.call(stage, part, ops.RESTORE_TRASH, back)
        with pytest.raises(PermissionDenied) as missing:
            cast.call(stage, part, ops.RESTORE_TRASH, z.TrashId(trash_id="999999"))
        assert str(refusal.value) == str(missing.value), "what may not be seen is not there"
    assert cast.call(stage, "contributor", ops.RESTORE_TRASH, back).name == "mine"
    cast.call(stage, "contributor", ops.UPDATE_REGISTERED_MODEL, g.UpdateRegisteredModel(name="mine", owner="me"))
    gone = cast.call(stage, "contributor", ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name="mine"))
    stage.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="mine"))  # of somebody else
    with pytest.raises(AlreadyExists):
        cast.call(stage, "contributor", ops.RESTORE_TRASH, z.TrashId(trash_id=gone.trash_id))


def test_a_version_is_brought_back_by_who_may_delete_it_and_a_grant_by_who_may_give_it(
    doors: Doors, cast: Cast
) -> None:
    stage = Stage(doors.open.dispatch)
    cast.enter(stage)
    make_registered(stage, versions=1)
    gone = stage.call(ops.DELETE_MODEL_VERSION, g.VersionName(name="churn", version=1))
    back = z.TrashId(trash_id=gone.trash_id)
    for part in ("editor", "viewer", "sharer", "neighbour"):
        with pytest.raises(PermissionDenied, match="on the workspace"):  # and no name of what may not be seen
            cast.call(stage, part, ops.RESTORE_TRASH, back)
    assert cast.call(stage, "owner", ops.RESTORE_TRASH, back).name == "churn/1"
    subject = c.CreateGrant(subject_kind="everyone", target_kind="experiment", target=stage.exp, role="reader")
    given = cast.call(stage, "manager", ops.CREATE_GRANT, subject)
    gone = cast.call(stage, "manager", ops.DELETE_GRANT, c.GrantId(grant_id=given.grant_id))
    back = z.TrashId(trash_id=gone.trash_id)
    with pytest.raises(PermissionDenied):
        cast.call(stage, "owner", ops.RESTORE_TRASH, back)
    cast.call(stage, "manager", ops.RESTORE_TRASH, back)
    found = stage.call(ops.LIST_GRANTS, c.ListGrants(target_kind="experiment", target=stage.exp)).grants
    assert [one.grant_id for one in found] == [given.grant_id]


def test_runs_are_moved_by_who_may_write_at_both_ends(doors: Doors, cast: Cast) -> None:
    stage = Stage(doors.open.dispatch)
    cast.enter(stage)
    own = cast.call(stage, "contributor", ops.CREATE_EXPERIMENT, e.CreateExperiment(name=name())).experiment_id
    run = cast.call(stage, "contributor", ops.CREATE_RUN, r.CreateRun(experiment_id=own)).run_id
    with pytest.raises(NotFound):
        cast.call(stage, "contributor", ops.MOVE_RUNS, r.MoveRuns(run_ids=[run], experiment_id=stage.exp))
    with pytest.raises(NotFound):
        cast.call(stage, "contributor", ops.MOVE_RUNS, r.MoveRuns(run_ids=[stage.run], experiment_id=own))
    for parent in (stage.run, "f" * 32):  # a parent's data would be found by filters
        request = r.CreateRun(experiment_id=own, parent_run_id=parent)
        with pytest.raises(NotFound):
            cast.call(stage, "contributor", ops.CREATE_RUN, request)
        with pytest.raises(NotFound):
            cast.call(stage, "contributor", ops.INGEST, r.Ingest(run_id=run, tags={r.TAG_PARENT: parent}))


def test_who_corrected_a_param_is_whoever_did_unless_an_administrator_says(doors: Doors, cast: Cast) -> None:
    stage = Stage(doors.open.dispatch)
    cast.enter(stage)
    for other in ({"actor": "eve"}, {"replaced_ms": 5}):
        request = r.CorrectParam(run_id=stage.run, key="p", value="2", **other)
        for part in ("editor", "manager"):
            with pytest.raises(PermissionDenied):
                cast.call(stage, part, ops.CORRECT_PARAM, request)
        cast.call(stage, "admin", ops.CORRECT_PARAM, request)
    cast.call(stage, "editor", ops.CORRECT_PARAM, r.CorrectParam(run_id=stage.run, key="p", value="3"))


def test_a_grant_is_as_large_as_what_its_giver_has_and_not_larger(doors: Doors, cast: Cast) -> None:
    stage = Stage(doors.open.dispatch)
    cast.enter(stage)
    own = cast.call(stage, "contributor", ops.CREATE_EXPERIMENT, e.CreateExperiment(name=name())).experiment_id

    def give(part: str, role: str, kind: Any, target: str) -> str:
        request = c.CreateGrant(subject_kind="everyone", target_kind=kind, target=target, role=role)
        try:
            cast.call(stage, part, ops.CREATE_GRANT, request)
        except TrackwayError as error:
            return error.code
        return "given"

    assert give("contributor", "manager", "experiment", own) == "given"
    assert give("contributor", "admin", "experiment", own) == "permission_denied"
    assert give("contributor", "reader", "experiment", stage.exp) == "not_found"
    assert give("contributor", "reader", "workspace", "") == "permission_denied"
    assert give("contributor", "reader", "experiment", "*") == "permission_denied"
    assert give("manager", "admin", "experiment", stage.exp) == "permission_denied"
    assert give("editor", "reader", "experiment", stage.exp) == "permission_denied"
    assert give("admin", "admin", "workspace", "") == "given"


def test_a_change_counts_at_the_next_call(doors: Doors, cast: Cast) -> None:
    stage = Stage(doors.open.dispatch)
    request = FIRST[ops.GET_RUN].ask(stage)

    def see() -> bool:
        try:
            cast.call(stage, "nobody", ops.GET_RUN, request)
        except NotFound:
            return False
        return True

    assert not see()
    targets: list[tuple[Any, str]] = [("experiment", stage.exp), ("experiment", f"{stage.name}*"), ("workspace", "")]
    for kind, target in targets:
        grant = c.CreateGrant(subject_kind="user", subject="nobody-1", target_kind=kind, target=target, role="reader")
        made = stage.call(ops.CREATE_GRANT, grant)
        assert see()
        stage.call(ops.DELETE_GRANT, c.GrantId(grant_id=made.grant_id))
        assert not see()


def test_who_announces_a_server_owns_the_endpoint_and_shows_no_model_that_he_may_not_see(
    doors: Doors, cast: Cast
) -> None:
    stage = Stage(doors.open.dispatch)
    cast.enter(stage)
    make_registered(stage, versions=1)
    announce = d.AnnounceServer(name="mine", server_id="a", model="churn", version=1)
    with pytest.raises(NotFound, match="Registered Model"):
        cast.call(stage, "contributor", ops.ANNOUNCE_SERVER, announce)
    on_model = c.CreateGrant(
        subject_kind="user", subject="contributor-1", target_kind="registered_model", target="churn", role="reader"
    )
    given = stage.call(ops.CREATE_GRANT, on_model)
    cast.call(stage, "contributor", ops.ANNOUNCE_SERVER, announce)
    cast.call(stage, "contributor", ops.RENEW_SERVER, d.RenewServer(name="mine", server_id="a"))
    with pytest.raises(NotFound):
        cast.call(stage, "neighbour", ops.GET_ENDPOINT, d.EndpointName(name="mine"))
    taken = d.AnnounceServer(name="theirs", server_id="a", model="churn", version=1)
    stage.call(ops.ANNOUNCE_SERVER, taken)
    with pytest.raises(AlreadyExists):
        cast.call(stage, "contributor", ops.ANNOUNCE_SERVER, taken)
    version = g.VersionName(name="churn", version=1)
    assert cast.call(stage, "contributor", ops.GET_MODEL_VERSION, version).endpoints == ["mine"]
    assert cast.call(stage, "manager", ops.GET_MODEL_VERSION, version).endpoints == ["mine", "theirs"]
    stage.call(ops.DELETE_GRANT, c.GrantId(grant_id=given.grant_id))
    [server] = cast.call(stage, "contributor", ops.GET_ENDPOINT, d.EndpointName(name="mine")).servers
    assert (server.model, server.version, server.state) == ("", 0, "serving")
    cast.call(stage, "contributor", ops.END_SERVER, d.EndServer(name="mine", server_id="a"))
    cast.call(stage, "contributor", ops.DELETE_ENDPOINT, d.EndpointName(name="mine"))
    stage.call(ops.ANNOUNCE_SERVER, announce)  # of somebody else
    with pytest.raises(NotFound):
        cast.call(stage, "contributor", ops.GET_ENDPOINT, d.EndpointName(name="mine"))


def test_a_workspace_is_not_exported_by_who_can_see_only_a_part_of_it(doors: Doors, cast: Cast) -> None:
    stage = Stage(doors.open.dispatch)
    cast.enter(stage)
    stage.call(ops.SET_ROLE, c.SetRole(role="blind", permissions=["admin"]))
    user = cast.users["neighbour"]
    row = GrantRow(stage.workspace, "user", user, "workspace", "", "blind", 1, "user:ann")
    doors.open.store.write(lambda tx: tx.access.put_grant(row))
    with pytest.raises(PermissionDenied, match="'read' on the whole workspace"):
        cast.call(stage, "neighbour", ops.EXPORT_WORKSPACE, w.ExportWorkspace())
    assert cast.call(stage, "admin", ops.EXPORT_WORKSPACE, w.ExportWorkspace()).runs == 4


def test_a_role_on_a_schedule_is_one_on_that_schedule(doors: Doors, cast: Cast) -> None:
    stage = Stage(doors.open.dispatch)
    cast.enter(stage)
    for one in ("nightly", "weekly"):
        stage.call(ops.CREATE_SCHEDULE, new_schedule(name=one))

    def give(role: str) -> None:
        grant = {"subject_kind": "user", "subject": "nobody-1", "target_kind": "schedule", "target": "nightly"}
        stage.call(ops.CREATE_GRANT, c.CreateGrant(**grant, role=role))  # type: ignore[arg-type]

    def may_do(operation: Operation[Any, Any], request: Any) -> bool:
        try:
            cast.call(stage, "nobody", operation, request)
        except (NotFound, PermissionDenied):
            return False
        return True

    give("reader")
    [seen] = cast.call(stage, "nobody", ops.LIST_SCHEDULES, s.ListSchedules()).schedules
    assert seen.name == "nightly"
    change = s.UpdateSchedule(name="nightly", paused=True)
    assert not may_do(ops.RUN_SCHEDULE, s.ScheduleName(name="nightly"))
    give("manager")
    assert may_do(ops.RUN_SCHEDULE, s.ScheduleName(name="nightly"))
    assert not may_do(ops.UPDATE_SCHEDULE, change), "what it runs is code of the worker's"
    give("admin")
    assert may_do(ops.UPDATE_SCHEDULE, change)
    assert not may_do(ops.GET_SCHEDULE, s.ScheduleName(name="weekly"))
    assert may_do(ops.DELETE_SCHEDULE, s.ScheduleName(name="nightly"))
    stage.call(ops.CREATE_SCHEDULE, new_schedule(name="nightly"))  # of somebody else
    assert not may_do(ops.GET_SCHEDULE, s.ScheduleName(name="nightly"))


def test_a_copy_does_not_name_an_original_that_its_reader_may_not_see(doors: Doors, cast: Cast) -> None:
    stage = Stage(doors.open.dispatch)
    cast.enter(stage)
    for model in ("original", "copy"):
        stage.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name=model))
    stage.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name="original", source="s3://bucket/m"))
    stage.call(ops.COPY_MODEL_VERSION, g.CopyModelVersion(name="original", version=1, to="copy"))
    stage.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name="copy", source="models:/original/1"))
    target = {"target_kind": "registered_model", "target": "copy", "role": "editor"}
    stage.call(ops.CREATE_GRANT, c.CreateGrant(subject_kind="user", subject="nobody-1", **target))  # type: ignore[arg-type]
    asked: list[tuple[Operation[Any, Any], Any]] = [
        *((ops.GET_MODEL_VERSION, g.VersionName(name="copy", version=version)) for version in (1, 2)),
        (ops.SEARCH_MODEL_VERSIONS, g.SearchModelVersions()),
        (ops.GET_REGISTERED_MODEL, g.RegisteredModelName(name="copy")),
        (ops.SEARCH_REGISTERED_MODELS, g.SearchRegisteredModels()),
        (ops.GET_MODEL_HISTORY, g.GetModelHistory(name="copy")),
        (ops.UPDATE_MODEL_VERSION, g.UpdateModelVersion(name="copy", version=1, description="x")),
        (ops.TRANSITION_VERSION, g.TransitionVersion(name="copy", version=1, stage="Staging")),
    ]
    for operation, request in asked:
        told = msgspec.json.encode(cast.call(stage, "nobody", operation, request)).decode()
        assert "original" not in told, operation.name
        assert "copy" in told or operation is ops.GET_MODEL_HISTORY, operation.name
        assert "original" in msgspec.json.encode(cast.call(stage, "owner", operation, request)).decode(), operation.name
    first = cast.call(stage, "nobody", *asked[0])
    assert (first.source, first.copied_from) == ("models:/copy/1", "")
