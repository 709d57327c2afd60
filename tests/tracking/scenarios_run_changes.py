"""Scenarios of the operations that change runs, but for logging to them."""

from __future__ import annotations

import msgspec

from tests.tracking.scenarios import UNKNOWN_EXP, UNKNOWN_RUN, Scenario, each, limited, no, ok
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.base.errors import Conflict, InvalidInput, NotFound, TooLarge

UPDATE, DELETE, RESTORE, PURGE, MOVE = ops.UPDATE_RUN, ops.DELETE_RUN, ops.RESTORE_RUN, ops.PURGE_RUNS, ops.MOVE_RUNS
DELETE_TAG = ops.DELETE_RUN_TAG
CORRECT, PARAM_HISTORY = ops.CORRECT_PARAM, ops.GET_PARAM_HISTORY
LOG_ENV, GET_ENV = ops.LOG_ENVIRONMENT, ops.GET_ENVIRONMENT
PLAIN = r.Environment(python="3.11", implementation="CPython", platform="Linux", host="h")


def environment(size: int) -> r.Environment:
    """Return an environment that is so many bytes when it is stored."""
    empty = len(msgspec.json.encode(PLAIN, order="deterministic"))
    return r.Environment(
        python="3.11", implementation="CPython", platform="Linux", host="h", working_dir="x" * (size - empty)
    )


SCENARIOS: list[Scenario] = [
    ok(
        UPDATE,
        "its end",
        lambda s: r.UpdateRun(run_id=s.run, status="FAILED", end_ms=7),
        lambda s, x: (x.status, x.end_ms) == ("FAILED", 7),
    ),
    ok(
        UPDATE,
        "its name",
        lambda s: r.UpdateRun(run_id=s.run, name="new"),
        lambda s, x: (x.name, x.tags[r.TAG_NAME]) == ("new", "new"),
    ),
    ok(
        UPDATE,
        "its lease",
        lambda s: r.UpdateRun(run_id=s.run, lease_ms=1_000),
        lambda s, x: x.lease_until_ms is not None,
    ),
    ok(
        UPDATE,
        "its lease's end",
        lambda s: (s.call(UPDATE, r.UpdateRun(run_id=s.run, lease_ms=9)), r.UpdateRun(run_id=s.run, lease_ms=0))[1],
        lambda s, x: x.lease_until_ms is None,
    ),
    ok(UPDATE, "nothing", lambda s: r.UpdateRun(run_id=s.run), lambda s, x: x.status == "RUNNING"),
    no(UPDATE, "missing", "an unknown one", lambda s: r.UpdateRun(run_id=UNKNOWN_RUN), NotFound),
    no(UPDATE, "trash", "one in the trash", lambda s: r.UpdateRun(run_id=s.gone_run, status="FINISHED"), Conflict),
    *each(UPDATE, "refused", "ended at", (-1, 2**63), lambda s, at: r.UpdateRun(run_id=s.run, end_ms=at), InvalidInput),
    *limited(UPDATE, "name", limits.RUN_NAME_CHARS, lambda s, n: r.UpdateRun(run_id=s.run, name="x" * n)),
    *limited(UPDATE, "lease", limits.LEASE_MS, lambda s, n: r.UpdateRun(run_id=s.run, lease_ms=n)),
    ok(DELETE, "a live one", lambda s: r.DeleteRun(run_id=s.run), lambda s, x: s.get_run().lifecycle == "deleted"),
    ok(
        DELETE,
        "one in the trash, where it stays",
        lambda s: r.DeleteRun(run_id=s.gone_run, deleted_ms=9),
        lambda s, x: s.get_run(s.gone_run).deleted_ms != 9,
    ),
    no(DELETE, "missing", "an unknown one", lambda s: r.DeleteRun(run_id=UNKNOWN_RUN), NotFound),
    no(DELETE, "refused", "at no time", lambda s: r.DeleteRun(run_id=s.run, deleted_ms=2**63), InvalidInput),
    ok(
        RESTORE,
        "one in the trash",
        lambda s: r.RunId(run_id=s.gone_run),
        lambda s, x: s.get_run(s.gone_run).lifecycle == "active",
    ),
    ok(RESTORE, "one that is live", lambda s: r.RunId(run_id=s.run), lambda s, x: s.get_run().lifecycle == "active"),
    no(RESTORE, "missing", "an unknown one", lambda s: r.RunId(run_id=UNKNOWN_RUN), NotFound),
    no(RESTORE, "trash", "one whose experiment is in the trash", lambda s: r.RunId(run_id=s.lost_run), Conflict),
    ok(
        PURGE,
        "one in the trash",
        lambda s: r.PurgeRuns(run_ids=[s.gone_run, s.gone_run]),
        lambda s, x: (x.runs, x.dry_run) == (1, False),
    ),
    ok(
        PURGE,
        "with its points and files",
        lambda s: (s.call(DELETE, r.DeleteRun(run_id=s.run)), r.PurgeRuns(run_ids=[s.run]))[1],
        lambda s, x: (x.runs, x.points, x.files, x.file_bytes) == (1, 1, 1, 1),
    ),
    ok(
        PURGE,
        "only counting",
        lambda s: r.PurgeRuns(run_ids=[s.gone_run], dry_run=True),
        lambda s, x: s.get_run(s.gone_run).lifecycle == "deleted",
    ),
    no(PURGE, "missing", "an unknown one", lambda s: r.PurgeRuns(run_ids=[s.gone_run, UNKNOWN_RUN]), NotFound),
    no(PURGE, "trash", "one that is live", lambda s: r.PurgeRuns(run_ids=[s.gone_run, s.run]), Conflict),
    *limited(PURGE, "runs", limits.SEARCH_PAGE, lambda s, n: r.PurgeRuns(run_ids=[UNKNOWN_RUN] * n), within=NotFound),
    ok(
        MOVE,
        "with its descendants",
        lambda s: r.MoveRuns(run_ids=[s.run], experiment_id=s.other_exp),
        lambda s, x: (s.get_run().experiment_id, s.get_run(s.child).experiment_id) == (s.other_exp, s.other_exp),
    ),
    ok(
        MOVE,
        "one twice",
        lambda s: r.MoveRuns(run_ids=[s.child, s.run, s.child], experiment_id=s.other_exp),
        lambda s, x: s.get_run().metrics["m"].count == 1,
    ),
    no(
        MOVE,
        "missing",
        "an unknown one",
        lambda s: r.MoveRuns(run_ids=[s.run, UNKNOWN_RUN], experiment_id=s.other_exp),
        NotFound,
    ),
    no(
        MOVE,
        "missing",
        "to an unknown experiment",
        lambda s: r.MoveRuns(run_ids=[s.run], experiment_id=UNKNOWN_EXP),
        NotFound,
    ),
    no(
        MOVE,
        "trash",
        "one in the trash",
        lambda s: r.MoveRuns(run_ids=[s.run, s.gone_run], experiment_id=s.other_exp),
        Conflict,
    ),
    no(
        MOVE,
        "trash",
        "to an experiment in the trash",
        lambda s: r.MoveRuns(run_ids=[s.run], experiment_id=s.gone_exp),
        Conflict,
    ),
    *limited(
        MOVE, "runs", 1_000, lambda s, n: r.MoveRuns(run_ids=[UNKNOWN_RUN] * n, experiment_id=s.exp), within=NotFound
    ),
    ok(
        DELETE_TAG,
        "one that is there",
        lambda s: r.DeleteRunTag(run_id=s.run, key="t"),
        lambda s, x: "t" not in s.get_run().tags,
    ),
    ok(
        DELETE_TAG,
        "its parent",
        lambda s: r.DeleteRunTag(run_id=s.child, key=r.TAG_PARENT),
        lambda s, x: s.get_run(s.child).parent_run_id is None,
    ),
    no(DELETE_TAG, "missing", "one that is not there", lambda s: r.DeleteRunTag(run_id=s.run, key="none"), NotFound),
    no(DELETE_TAG, "missing", "of an unknown run", lambda s: r.DeleteRunTag(run_id=UNKNOWN_RUN, key="t"), NotFound),
    no(DELETE_TAG, "trash", "of one in the trash", lambda s: r.DeleteRunTag(run_id=s.gone_run, key="t"), Conflict),
    ok(
        CORRECT,
        "one that is there",
        lambda s: r.CorrectParam(run_id=s.run, key="p", value="2", reason="typo"),
        lambda s, x: s.get_run().params == {"p": "2"},
    ),
    ok(
        CORRECT,
        "as somebody else did before, for an import",
        lambda s: r.CorrectParam(run_id=s.run, key="p", value="2", actor="eve", replaced_ms=5),
        lambda s, x: (
            [(one.actor, one.replaced_ms) for one in s.call(PARAM_HISTORY, r.RunId(run_id=s.run)).revisions]
            == [("eve", 5)]
        ),
    ),
    no(
        CORRECT,
        "refused",
        "at no time",
        lambda s: r.CorrectParam(run_id=s.run, key="p", value="2", replaced_ms=2**63),
        InvalidInput,
    ),
    no(
        CORRECT,
        "refused",
        "by a name that is too long",
        lambda s: r.CorrectParam(run_id=s.run, key="p", value="2", actor="x" * 251),
        InvalidInput,
    ),
    no(
        CORRECT,
        "missing",
        "one that is not there",
        lambda s: r.CorrectParam(run_id=s.run, key="none", value="2"),
        NotFound,
    ),
    no(
        CORRECT,
        "missing",
        "of an unknown run",
        lambda s: r.CorrectParam(run_id=UNKNOWN_RUN, key="p", value="2"),
        NotFound,
    ),
    no(
        CORRECT,
        "trash",
        "of one in the trash",
        lambda s: r.CorrectParam(run_id=s.gone_run, key="p", value="2"),
        Conflict,
    ),
    no(
        CORRECT,
        "refused",
        "to what cannot be stored",
        lambda s: r.CorrectParam(run_id=s.run, key="p", value="\x00"),
        InvalidInput,
    ),
    *limited(
        CORRECT, "value", limits.PARAM_VALUE_CHARS, lambda s, n: r.CorrectParam(run_id=s.run, key="p", value="x" * n)
    ),
    *limited(
        CORRECT,
        "reason",
        limits.PARAM_VALUE_CHARS,
        lambda s, n: r.CorrectParam(run_id=s.run, key="p", value="2", reason="x" * n),
    ),
    ok(
        PARAM_HISTORY,
        "what was corrected",
        lambda s: (
            s.call(CORRECT, r.CorrectParam(run_id=s.run, key="p", value="2", reason="typo")),
            r.RunId(run_id=s.run),
        )[1],
        lambda s, x: (
            [(one.key, one.value, one.actor, one.reason) for one in x.revisions] == [("p", "1", "ann", "typo")]
        ),
    ),
    ok(PARAM_HISTORY, "nothing", lambda s: r.RunId(run_id=s.gone_run), lambda s, x: x.revisions == []),
    no(PARAM_HISTORY, "missing", "of an unknown run", lambda s: r.RunId(run_id=UNKNOWN_RUN), NotFound),
    ok(
        LOG_ENV,
        "as it is read afterwards",
        lambda s: r.LogEnvironment(run_id=s.run, environment=PLAIN),
        lambda s, x: s.call(GET_ENV, r.RunId(run_id=s.run)).environment == PLAIN,
    ),
    no(
        LOG_ENV,
        "missing",
        "of an unknown run",
        lambda s: r.LogEnvironment(run_id=UNKNOWN_RUN, environment=PLAIN),
        NotFound,
    ),
    no(
        LOG_ENV,
        "trash",
        "of one in the trash",
        lambda s: r.LogEnvironment(run_id=s.gone_run, environment=PLAIN),
        Conflict,
    ),
    *limited(
        LOG_ENV,
        "bytes",
        limits.ENVIRONMENT_BYTES,
        lambda s, n: r.LogEnvironment(run_id=s.run, environment=environment(n)),
        beyond=TooLarge,
    ),
    ok(GET_ENV, "none", lambda s: r.RunId(run_id=s.run), lambda s, x: (x.digest, x.environment) == (None, None)),
    no(GET_ENV, "missing", "of an unknown run", lambda s: r.RunId(run_id=UNKNOWN_RUN), NotFound),
]
