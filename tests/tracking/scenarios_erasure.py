"""Scenarios of erasure: of a workspace, and of a person."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import Scenario, Stage, no, ok
from tests.tracking.scenarios_access import PASSWORD, make, name
from tests.tracking.scenarios_workspaces import create, fill
from trackway.api import access as c
from trackway.api import holds as h
from trackway.api import operations as ops
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.api import workspaces as w
from trackway.base.errors import Conflict, InvalidInput, NotFound


def archive(s: Stage, workspace: str) -> str:
    s.call(ops.UPDATE_WORKSPACE, w.UpdateWorkspace(name=workspace, archived=True))
    return workspace


def filled(s: Stage) -> str:
    made = create(s)
    fill(s, made)
    return archive(s, made)


def held(s: Stage) -> str:
    made = create(s)
    call = s.dispatch.open_call(s.actor, made)
    s.dispatch.call(ops.CREATE_HOLD, h.CreateHold(target_kind="workspace", reason="r"), call)
    return archive(s, made)


def named(s: Stage) -> str:
    """Make a user who is named in a run, its note and the audit log."""
    made = make(s, name=name(), password=PASSWORD)
    s.make_run(s.exp, user=made, tags={r.TAG_NOTE: f"Ask {made}. Not {made}x.", r.TAG_USER: made})
    s.call(ops.SET_PASSWORD, c.SetPassword(name=made, password=PASSWORD))
    s.__dict__["named"] = made
    return made


def deleted(s: Stage) -> str:
    """Make such a user, and delete the account alone."""
    made = named(s)
    s.call(ops.DELETE_USER, c.UserName(name=made))
    return made


def is_forgotten(s: Stage, x: c.ErasedUser) -> bool:
    gone = s.__dict__["named"]
    runs: Any = s.call(ops.SEARCH_RUNS, r.SearchRuns(experiment_ids=[s.exp])).runs
    [run] = [one for one in runs if one.user == x.pseudonym]
    verdict = s.call(ops.VERIFY_AUDIT, t.VerifyAudit())
    entries = s.call(ops.SEARCH_AUDIT, t.SearchAudit(limit=20)).entries
    return (
        run.tags[r.TAG_NOTE] == f"Ask {x.pseudonym}. Not {gone}x."
        and run.tags[r.TAG_USER] == x.pseudonym
        and verdict.intact
        and verdict.erased >= 2
        and entries[0].object == x.pseudonym
        and not any(gone == one.object for one in entries)
        and gone not in [one.name for one in s.call(ops.LIST_USERS, c.ListUsers(limit=1_000)).users]
    )


SCENARIOS: list[Scenario] = [
    ok(
        ops.ERASE_WORKSPACE,
        "counted first",
        lambda s: w.EraseWorkspace(name=s.workspace, dry_run=True),
        lambda s, x: (
            (x.experiments, x.runs, x.logged_models, x.files, x.file_bytes) == (3, 4, 2, 1, 1)
            and not x.complete
            and s.get_run()
        ),
    ),
    ok(
        ops.ERASE_WORKSPACE,
        "that is archived, and then it is gone",
        lambda s: w.EraseWorkspace(name=filled(s)),
        lambda s, x: x.complete and x.experiments == 1 and len(x.audit_hash) == 64,
    ),
    no(ops.ERASE_WORKSPACE, "refused", "an open one", lambda s: w.EraseWorkspace(name=s.workspace), Conflict),
    no(ops.ERASE_WORKSPACE, "refused", "a held one", lambda s: w.EraseWorkspace(name=held(s)), Conflict),
    no(ops.ERASE_WORKSPACE, "refused", "the default one", lambda s: w.EraseWorkspace(name="default"), InvalidInput),
    no(ops.ERASE_WORKSPACE, "refused", "an unknown one", lambda s: w.EraseWorkspace(name="absent"), NotFound),
    ok(
        ops.ERASE_USER,
        "counted first",
        lambda s: c.EraseUser(name=named(s), dry_run=True),
        lambda s, x: (
            x.pseudonym == ""
            and x.changed["runs"] == 1
            and x.changed["tags"] == 2
            and x.changed["audit"] >= 2
            and s.call(ops.GET_USER, c.UserName(name=s.__dict__["named"]))
        ),
    ),
    ok(ops.ERASE_USER, "everywhere, and the chain verifies", lambda s: c.EraseUser(name=named(s)), is_forgotten),
    ok(ops.ERASE_USER, "who was deleted before", lambda s: c.EraseUser(name=deleted(s)), is_forgotten),
    no(ops.ERASE_USER, "refused", "no name of a user", lambda s: c.EraseUser(name="a b"), InvalidInput),
    no(ops.ERASE_USER, "refused", "an unknown one", lambda s: c.EraseUser(name="nobody-here"), NotFound),
]
