"""Scenarios of what a version is: its files, which nothing changes from when it was registered."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.tracking.scenarios import Scenario, Stage, no, ok
from tests.tracking.scenarios_registry import NAME, get_version, make
from trackway.api import artifacts as a
from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.base.errors import Conflict

ZEROS = "0" * 64
DIGEST = "sha256:" + hashlib.sha256(f"{ZEROS}  b.txt\n".encode()).hexdigest()
"""Of the folder ``a``, which the stage's run has one file in."""


def request(s: Stage, path: str = "a") -> g.CreateModelVersion:
    """Ask for a version of a folder of the run."""
    make(s)
    return g.CreateModelVersion(name=NAME, source=f"runs:/{s.run}/{path}", run_id=s.run)


def located(s: Stage, path: str = "a") -> g.CreateModelVersion:
    """Ask for the same by its place."""
    make(s)
    place = f"{s.get_run().artifact_uri}/{path}"
    return g.CreateModelVersion(name=NAME, source=place, run_id=s.run)


def frozen(s: Stage, path: str = "a") -> Stage:
    """Register a folder of the run."""
    s.call(ops.CREATE_MODEL_VERSION, located(s, path))
    return s


def released(s: Stage) -> Stage:
    """Register a folder of the run, and delete the version."""
    frozen(s).call(ops.DELETE_MODEL_VERSION, g.VersionName(name=NAME, version=1))
    return s


def trashed(s: Stage) -> str:
    frozen(s).call(ops.DELETE_RUN, r.DeleteRun(run_id=s.run))
    return s.run


def trashed_experiment(s: Stage) -> str:
    frozen(s).call(ops.DELETE_EXPERIMENT, e.DeleteExperiment(experiment_id=s.exp))
    return s.exp


def is_there(s: Stage) -> bool:
    files: Any = s.call(ops.LIST_FILES, a.ListFiles(folder=f"{s.folder}/a", recursive=True)).files
    return [file.path for file in files] == [f"{s.folder}/a/b.txt"]


SCENARIOS: list[Scenario] = [
    ok(
        ops.CREATE_MODEL_VERSION,
        "whose files are known",
        located,
        lambda s, x: x.digest == DIGEST == get_version(s).digest,
    ),
    ok(ops.CREATE_MODEL_VERSION, "whose files are to come", lambda s: located(s, "later"), lambda s, x: x.digest == ""),
    ok(
        ops.CREATE_MODEL_VERSION,
        "of all that a run has, which may log on",
        lambda s: located(s, ""),
        lambda s, x: x.digest == "" and s.call(ops.COMMIT_UPLOAD, s.file("c.txt")).path,
    ),
    ok(
        ops.CREATE_MODEL_VERSION,
        "of files that the run's address names",
        request,
        lambda s, x: x.digest == DIGEST,
    ),
    ok(
        ops.CREATE_MODEL_VERSION,
        "whose files are elsewhere",
        lambda s: make(s) and g.CreateModelVersion(name=NAME, source="s3://bucket/m"),
        lambda s, x: x.digest == "",
    ),
    ok(
        ops.COPY_MODEL_VERSION,
        "with the same files",
        lambda s: frozen(s).name and make(s, "copy") and g.CopyModelVersion(name=NAME, version=1, to="copy"),
        lambda s, x: x.digest == DIGEST,
    ),
    no(ops.COMMIT_UPLOAD, "refused", "over a version's file", lambda s: frozen(s).file("a/b.txt", b"y"), Conflict),
    no(ops.COMMIT_UPLOAD, "refused", "beside a version's file", lambda s: frozen(s).file("a/c/d.txt"), Conflict),
    ok(ops.COMMIT_UPLOAD, "beside a version", lambda s: frozen(s).file("ab/c.txt")),
    ok(ops.COMMIT_UPLOAD, "where a version had no files yet", lambda s: frozen(s, "later").file("later/b.txt")),
    ok(ops.COMMIT_UPLOAD, "where a version was", lambda s: released(s).file("a/b.txt", b"y")),
    no(ops.DELETE_FILES, "refused", "a version's", lambda s: a.DeleteFiles(path=f"{frozen(s).folder}/a"), Conflict),
    no(
        ops.DELETE_FILES,
        "refused",
        "one of a version",
        lambda s: a.DeleteFiles(path=f"{frozen(s).folder}/a/b.txt"),
        Conflict,
    ),
    no(ops.DELETE_FILES, "refused", "all around a version", lambda s: a.DeleteFiles(path=frozen(s).folder), Conflict),
    ok(ops.DELETE_FILES, "beside a version", lambda s: a.DeleteFiles(path=f"{frozen(s).folder}/other")),
    no(ops.PURGE_RUNS, "refused", "one that a version needs", lambda s: r.PurgeRuns(run_ids=[trashed(s)]), Conflict),
    no(
        ops.PURGE_EXPERIMENTS,
        "refused",
        "one that a version needs",
        lambda s: e.PurgeExperiments(experiment_ids=[trashed_experiment(s)]),
        Conflict,
    ),
    ok(
        ops.PURGE_TRASH,
        "but what a version needs",
        lambda s: trashed(s) and t.PurgeTrash(),
        lambda s, x: x.runs >= 1 and is_there(s) and s.get_run().lifecycle == "deleted",
    ),
    ok(
        ops.PURGE_TRASH,
        "but the experiment that a version needs",
        lambda s: trashed_experiment(s) and t.PurgeTrash(),
        lambda s, x: is_there(s) and s.get_run().run_id == s.run,
    ),
]
