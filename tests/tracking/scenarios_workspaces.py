"""Scenarios of workspaces, on a store without access control: whoever opens it may."""

from __future__ import annotations

from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok
from tests.tracking.scenarios_access import caller, make
from trackway.api import experiments as e
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import retention as t
from trackway.api import workspaces as w
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.base.ids import new_id

BAD_NAMES = ("", " ", "A", "-a", "a-", "a/b", "a.b", "..", "a b", "\x00", "é", "a" * 64)


def name() -> str:
    """Return the name of a workspace that is not there."""
    return f"v-{new_id()}"


def create(s: Stage, **fields: object) -> str:
    return str(s.call(ops.CREATE_WORKSPACE, w.CreateWorkspace(**({"name": name()} | fields))).name)  # type: ignore[arg-type]


def listed(s: Stage) -> list[str]:
    return [one.name for one in s.call(ops.LIST_WORKSPACES, w.ListWorkspaces()).workspaces]


def fill(s: Stage, workspace: str) -> str:
    """Make an experiment in another workspace."""
    call = s.dispatch.open_call(s.actor, workspace)
    return str(s.dispatch.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="x"), call).experiment_id)


def archive(s: Stage) -> str:
    made = create(s)
    s.call(ops.UPDATE_WORKSPACE, w.UpdateWorkspace(name=made, archived=True))
    return made


SCENARIOS: list[Scenario] = [
    ok(
        ops.CREATE_WORKSPACE,
        "with administrators of its own",
        lambda s: w.CreateWorkspace(name=name(), description="d", admins=[make(s)]),
        lambda s, x: x.name in listed(s) and (x.description, x.created_by) == ("d", s.actor.label),
    ),
    *each(ops.CREATE_WORKSPACE, "refused", "name", BAD_NAMES, lambda s, n: w.CreateWorkspace(name=n), InvalidInput),
    no(ops.CREATE_WORKSPACE, "refused", "a taken name", lambda s: w.CreateWorkspace(name=create(s)), AlreadyExists),
    no(
        ops.CREATE_WORKSPACE,
        "refused",
        "an unknown administrator",
        lambda s: w.CreateWorkspace(name=name(), admins=["nobody-here"]),
        NotFound,
    ),
    *limited(
        ops.CREATE_WORKSPACE,
        "description",
        limits.COMMENT_CHARS,
        lambda s, n: w.CreateWorkspace(name=name(), description="x" * n),
    ),
    ok(
        ops.LIST_WORKSPACES,
        "by name",
        lambda s: create(s) and w.ListWorkspaces(),
        lambda s, x: [one.name for one in x.workspaces] == sorted(one.name for one in x.workspaces),
    ),
    ok(ops.GET_WORKSPACE, "by name", lambda s: w.WorkspaceName(name=create(s)), lambda s, x: not x.archived),
    no(ops.GET_WORKSPACE, "refused", "an unknown one", lambda s: w.WorkspaceName(name=name()), NotFound),
    ok(
        ops.UPDATE_WORKSPACE,
        "another name, by which all that it has is found",
        lambda s: w.UpdateWorkspace(name=create(s), new_name=name()),
        lambda s, x: x.name in listed(s) and fill(s, x.name) != "",
    ),
    ok(
        ops.UPDATE_WORKSPACE,
        "a description of the default one",
        lambda s: w.UpdateWorkspace(name="default", description="ours"),
        lambda s, x: (x.name, x.description) == ("default", "ours"),
    ),
    no(
        ops.UPDATE_WORKSPACE,
        "refused",
        "archive the default one",
        lambda s: w.UpdateWorkspace(name="default", archived=True),
        InvalidInput,
    ),
    no(
        ops.UPDATE_WORKSPACE,
        "refused",
        "another name for the default one",
        lambda s: w.UpdateWorkspace(name="default", new_name=name()),
        InvalidInput,
    ),
    no(
        ops.UPDATE_WORKSPACE,
        "refused",
        "a taken name",
        lambda s: w.UpdateWorkspace(name=create(s), new_name=create(s)),
        AlreadyExists,
    ),
    *each(
        ops.UPDATE_WORKSPACE,
        "refused",
        "new name",
        BAD_NAMES,
        lambda s, n: w.UpdateWorkspace(name=create(s), new_name=n),
        InvalidInput,
    ),
    no(ops.UPDATE_WORKSPACE, "refused", "an unknown one", lambda s: w.UpdateWorkspace(name=name()), NotFound),
    *limited(
        ops.UPDATE_WORKSPACE,
        "description",
        limits.COMMENT_CHARS,
        lambda s, n: w.UpdateWorkspace(name=create(s), description="x" * n),
    ),
    ok(
        ops.DELETE_WORKSPACE,
        "an empty one",
        lambda s: w.WorkspaceName(name=create(s, admins=[make(s)])),
        lambda s, x: True,
    ),
    no(ops.DELETE_WORKSPACE, "refused", "one with a run", lambda s: w.WorkspaceName(name=s.workspace), Conflict),
    no(ops.DELETE_WORKSPACE, "refused", "the default one", lambda s: w.WorkspaceName(name="default"), InvalidInput),
    no(ops.DELETE_WORKSPACE, "refused", "an unknown one", lambda s: w.WorkspaceName(name=name()), NotFound),
    ok(
        ops.EXPORT_WORKSPACE,
        "counted with its trash",
        lambda s: w.ExportWorkspace(),
        lambda s, x: (
            (x.experiments, x.runs, x.logged_models, x.registered_models, x.files) == (3, 4, 2, 0, 1)
            and (x.workspace.name, x.audit_trimmed, x.audit_trimmed_hash) == (s.workspace, 0, "")
            and s.call(ops.VERIFY_AUDIT, t.VerifyAudit(number=x.audit_entries, hash=x.audit_hash)).intact
        ),
    ),
    ok(
        ops.CHOOSE_WORKSPACE,
        "one's own default",
        lambda s: caller(s) and w.WorkspaceName(name=create(s)),
        lambda s, x: x.name in listed(s),
    ),
    no(
        ops.CHOOSE_WORKSPACE,
        "refused",
        "an unknown one",
        lambda s: caller(s) and w.WorkspaceName(name=name()),
        NotFound,
    ),
]
