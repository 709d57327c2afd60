"""Scenarios of legal holds: what is held is not removed for good."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import BAD_IDS, UNKNOWN_EXP, Scenario, Stage, each, limited, no, ok
from trackway.api import artifacts as a
from trackway.api import experiments as e
from trackway.api import holds as h
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.base.errors import Conflict, InvalidInput, NotFound

MODEL = "held-model"


def hold(s: Stage, kind: Any = "workspace", target: str = "") -> str:
    request = h.CreateHold(target_kind=kind, target=target, reason="case 17")
    return str(s.call(ops.CREATE_HOLD, request).hold_id)


def model(s: Stage, *, held: bool = True) -> str:
    s.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name=MODEL))
    s.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name=MODEL, source="s3://elsewhere/m"))
    if held:
        hold(s, "registered_model", MODEL)
    return MODEL


def held(s: Stage) -> list[h.Hold]:
    return list(s.call(ops.LIST_HOLDS, h.ListHolds()).holds)


def on_experiment(s: Stage) -> str:
    hold(s, "experiment", s.exp)
    return s.exp


def detail(s: Stage) -> str:
    return str(s.call(ops.SEARCH_AUDIT, t.SearchAudit(limit=1)).entries[0].detail)


def dry_run(s: Stage) -> Any:
    return s.call(ops.PURGE_TRASH, t.PurgeTrash(dry_run=True))


def went(s: Stage) -> tuple[int, ...]:
    x = s.call(ops.PURGE_TRASH, t.PurgeTrash())
    return x.experiments, x.runs, x.models, x.files, x.file_bytes


def filled(s: Stage) -> bool:
    """Have files in the trash: of a run, and of a run whose experiment is there."""
    s.call(ops.RESTORE_EXPERIMENT, e.RestoreExperiment(experiment_id=s.gone_exp))
    s.call(ops.RESTORE_RUN, r.RunId(run_id=s.gone_run))
    for folder, data in ((f"{s.exp}/{s.gone_run}", b"x"), (f"{s.gone_exp}/{s.lost_run}", b"yz")):
        request = a.CommitUpload(path=f"{folder}/artifacts/a", size_bytes=len(data), sha256="0" * 64, data=data)
        s.call(ops.COMMIT_UPLOAD, request)
    s.call(ops.DELETE_RUN, r.DeleteRun(run_id=s.gone_run))
    s.call(ops.DELETE_EXPERIMENT, e.DeleteExperiment(experiment_id=s.gone_exp))
    return True


def place(kind: Any, target: str = "", reason: str = "r") -> h.CreateHold:
    return h.CreateHold(target_kind=kind, target=target, reason=reason)


PLACING: list[Scenario] = [
    ok(
        ops.CREATE_HOLD,
        "on an experiment, kept with who and why",
        lambda s: place("experiment", s.exp, "case 17"),
        lambda s, x: (
            held(s) == [x]
            and (x.target, x.reason, x.created_by) == (s.exp, "case 17", s.actor.label)
            and detail(s) == f"experiment {s.exp}: case 17"
        ),
    ),
    ok(ops.CREATE_HOLD, "on the workspace", lambda s: place("workspace"), lambda s, x: x.target == ""),
    ok(
        ops.CREATE_HOLD,
        "on a registered model",
        lambda s: place("registered_model", model(s, held=False)),
        lambda s, x: x.target == MODEL,
    ),
    no(ops.CREATE_HOLD, "refused", "an unknown experiment", lambda s: place("experiment", UNKNOWN_EXP), NotFound),
    no(ops.CREATE_HOLD, "refused", "an unknown model", lambda s: place("registered_model", "absent"), NotFound),
    no(ops.CREATE_HOLD, "refused", "a named workspace", lambda s: place("workspace", "default"), InvalidInput),
    *each(ops.CREATE_HOLD, "refused", "id", BAD_IDS, lambda s, bad: place("experiment", bad), InvalidInput),
    *each(
        ops.CREATE_HOLD,
        "refused",
        "reason",
        ("", "  ", "a\x00b"),
        lambda s, bad: place("workspace", "", bad),
        InvalidInput,
    ),
    *limited(ops.CREATE_HOLD, "reason", limits.HOLD_REASON_CHARS, lambda s, n: place("workspace", "", "x" * n)),
    ok(
        ops.LIST_HOLDS,
        "oldest first",
        lambda s: hold(s) and on_experiment(s) and h.ListHolds(),
        lambda s, x: [one.target_kind for one in x.holds] == ["workspace", "experiment"],
    ),
    ok(
        ops.RELEASE_HOLD,
        "with a reason, and then it may go",
        lambda s: h.ReleaseHold(hold_id=hold(s), reason="closed"),
        lambda s, x: (
            held(s) == []
            and detail(s) == f"{x.hold_id}: closed"
            and s.call(ops.PURGE_TRASH, t.PurgeTrash()).experiments == 1
        ),
    ),
    no(
        ops.RELEASE_HOLD,
        "refused",
        "no reason",
        lambda s: h.ReleaseHold(hold_id=hold(s), reason=""),
        InvalidInput,
    ),
    *each(
        ops.RELEASE_HOLD,
        "refused",
        "unknown",
        ("0", "x", "9" * 18, "9" * 30, "\u0663"),
        lambda s, bad: h.ReleaseHold(hold_id=bad, reason="r"),
        NotFound,
    ),
]
KEEPING: list[Scenario] = [
    no(
        ops.PURGE_RUNS,
        "refused",
        "of a held experiment",
        lambda s: on_experiment(s) and r.PurgeRuns(run_ids=[s.gone_run]),
        Conflict,
    ),
    no(
        ops.PURGE_RUNS,
        "refused",
        "of a held workspace",
        lambda s: hold(s) and r.PurgeRuns(run_ids=[s.gone_run]),
        Conflict,
    ),
    no(
        ops.PURGE_EXPERIMENTS,
        "refused",
        "that is held",
        lambda s: hold(s, "experiment", s.gone_exp) and e.PurgeExperiments(experiment_ids=[s.gone_exp]),
        Conflict,
    ),
    ok(
        ops.PURGE_TRASH,
        "leaves what is held, and says so",
        lambda s: on_experiment(s) and t.PurgeTrash(),
        lambda s, x: (x.experiments, x.runs, x.models, x.held) == (1, 1, 0, 2) and s.get_run(s.gone_run),
    ),
    no(
        ops.MOVE_RUNS,
        "refused",
        "out of a held experiment",
        lambda s: on_experiment(s) and r.MoveRuns(run_ids=[s.run], experiment_id=s.other_exp),
        Conflict,
    ),
    no(
        ops.DELETE_FILES,
        "refused",
        "of a held experiment",
        lambda s: on_experiment(s) and a.DeleteFiles(path=f"{s.folder}/a/b.txt"),
        Conflict,
    ),
    no(
        ops.COMMIT_UPLOAD,
        "refused",
        "in place of a file of a held experiment",
        lambda s: on_experiment(s) and s.file("a/b.txt", b"other"),
        Conflict,
    ),
    ok(ops.COMMIT_UPLOAD, "a new file of a held experiment", lambda s: on_experiment(s) and s.file("new.txt")),
    ok(ops.DELETE_RUN, "into the trash, though it is held", lambda s: on_experiment(s) and r.DeleteRun(run_id=s.run)),
    no(ops.DELETE_REGISTERED_MODEL, "refused", "held", lambda s: g.RegisteredModelName(name=model(s)), Conflict),
    no(ops.DELETE_MODEL_VERSION, "refused", "held", lambda s: g.VersionName(name=model(s), version=1), Conflict),
    no(
        ops.RENAME_REGISTERED_MODEL,
        "refused",
        "that is held",
        lambda s: g.RenameRegisteredModel(name=model(s), new_name="other"),
        Conflict,
    ),
    no(ops.TRIM_AUDIT, "refused", "of a held workspace", lambda s: hold(s) and t.TrimAudit(before_ms=1), Conflict),
    ok(
        ops.GET_RETENTION_REPORT,
        "without a policy nothing is due",
        lambda s: t.GetRetentionReport(),
        lambda s, x: (
            (x.trash_ms, x.due.runs, x.complete) == (None, 0, True)
            and {(one.experiment_id, one.is_whole) for one in x.experiments} == {(s.exp, False), (s.gone_exp, True)}
            and all(one.next_ms is None for one in x.experiments)
        ),
    ),
    ok(
        ops.GET_RETENTION_REPORT,
        "what is due is what a dry run says, and then what goes",
        lambda s: filled(s) and t.GetRetentionReport(trash_ms=0),
        lambda s, x: (
            x.due == x.contents == dry_run(s)
            and (x.due.experiments, x.due.runs, x.due.models, x.due.files, x.due.file_bytes) == (1, 2, 1, 2, 3)
            and [one.next_ms for one in x.experiments] == [one.oldest_ms for one in x.experiments]
            and went(s) == (1, 2, 1, 2, 3)
        ),
    ),
    ok(
        ops.GET_RETENTION_REPORT,
        "what is too young is not due",
        lambda s: s.call(ops.SET_RETENTION, t.SetRetention(trash_ms=10**9)) and t.GetRetentionReport(),
        lambda s, x: (
            (x.trash_ms, x.due.runs, x.contents.runs) == (10**9, 0, 2)
            and all(one.next_ms == one.oldest_ms + 10**9 for one in x.experiments)
        ),
    ),
    ok(
        ops.GET_RETENTION_REPORT,
        "what a hold keeps is told apart",
        lambda s: on_experiment(s) and t.GetRetentionReport(trash_ms=0),
        lambda s, x: (
            (x.held.runs, x.held.models, x.due.runs, x.due.experiments) == (1, 1, 1, 1)
            and next(one for one in x.experiments if one.experiment_id == s.exp).next_ms is None
        ),
    ),
    ok(
        ops.GET_RETENTION_REPORT,
        "with what went lately, and no rehearsals",
        lambda s: dry_run(s) and s.call(ops.PURGE_TRASH, t.PurgeTrash()) and t.GetRetentionReport(),
        lambda s, x: (
            x.experiments == []
            and [(one.operation, one.detail) for one in x.removals]
            == [("retention.purge", "1 experiments, 2 runs, 1 models, 0 bytes of files")]
        ),
    ),
    *each(
        ops.GET_RETENTION_REPORT,
        "refused",
        "time",
        (-1, 2**63),
        lambda s, bad: t.GetRetentionReport(trash_ms=bad),
        InvalidInput,
    ),
    ok(ops.GET_RETENTION, "with its holds", lambda s: hold(s) and t.GetRetention(), lambda s, x: x.holds == 1),
]
SCENARIOS: list[Scenario] = [*PLACING, *KEEPING]
