"""Scenarios of what a version is: its own copy of its files, which nothing changes."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from tests.tracking.scenarios import Scenario, Stage, no, ok
from tests.tracking.scenarios_registry import NAME, get_version, make
from trackway.api import artifacts as a
from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.artifacts.content import digest_content
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
    return place_of(s, path)


def place_of(s: Stage, path: str = "a") -> g.CreateModelVersion:
    place = f"{s.get_run().artifact_uri}/{path}"
    return g.CreateModelVersion(name=NAME, source=place, run_id=s.run)


def frozen(s: Stage, path: str = "a") -> Stage:
    """Register a folder of the run."""
    s.call(ops.CREATE_MODEL_VERSION, located(s, path))
    return s


def rewritten(s: Stage) -> Stage:
    """Register a folder of the run, and write its file again."""
    frozen(s).call(ops.COMMIT_UPLOAD, msgspec.structs.replace(s.file("a/b.txt", b"y"), sha256="1" * 64))
    return s


def named(_: Stage) -> str:
    return NAME


def own(s: Stage) -> str:
    """Return the folder of the version's own copy."""
    return get_version(s).content_location.removeprefix("mlflow-artifacts:/")


def is_whole(s: Stage, version: Any = None) -> bool:
    """Tell whether a version, the first one unless given, has the files that its digest is of."""
    found = version or get_version(s)
    folder = found.content_location.removeprefix("mlflow-artifacts:/")
    files: Any = s.call(ops.LIST_FILES, a.ListFiles(folder=folder, recursive=True)).files
    pairs = [(file.path[len(folder) + 1 :], file.sha256) for file in files]
    read = all(s.call(ops.GET_FILE, a.GetFile(path=file.path)).size_bytes == file.size_bytes for file in files)
    return bool(files) and read and digest_content(pairs) == found.digest


def list_copies(s: Stage) -> list[Any]:
    files: list[Any] = s.call(ops.LIST_FILES, a.ListFiles(folder="versions", recursive=True)).files
    return files


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
    ok(
        ops.COPY_MODEL_VERSION,
        "with the files that it had, though the run's are others now",
        lambda s: rewritten(s).name and make(s, "copy") and g.CopyModelVersion(name=NAME, version=1, to="copy"),
        lambda s, x: x.digest == DIGEST and x.content_location != get_version(s).content_location and is_whole(s, x),
    ),
    ok(
        ops.CREATE_MODEL_VERSION,
        "of a path that is written again",
        lambda s: place_of(rewritten(s)),
        lambda s, x: x.version == 2 and x.digest not in ("", DIGEST) and is_whole(s) and is_whole(s, x),
    ),
    ok(ops.COMMIT_UPLOAD, "over a version's file", lambda s: frozen(s).file("a/b.txt", b"y"), lambda s, x: is_whole(s)),
    ok(ops.COMMIT_UPLOAD, "beside a version's file", lambda s: frozen(s).file("a/c/d.txt"), lambda s, x: is_whole(s)),
    ok(ops.COMMIT_UPLOAD, "where a version had no files yet", lambda s: frozen(s, "later").file("later/b.txt")),
    no(
        ops.COMMIT_UPLOAD,
        "refused",
        "into a version's own copy",
        lambda s: msgspec.structs.replace(s.file("x"), path=f"{own(frozen(s))}/b.txt"),
        Conflict,
    ),
    no(
        ops.COMMIT_UPLOAD,
        "refused",
        "beside the files of a version's own copy",
        lambda s: msgspec.structs.replace(s.file("x"), path=f"{own(frozen(s))}/c/d.txt"),
        Conflict,
    ),
    ok(
        ops.DELETE_FILES,
        "a version's",
        lambda s: a.DeleteFiles(path=f"{frozen(s).folder}/a"),
        lambda s, x: x.files == 1 and is_whole(s),
    ),
    no(ops.DELETE_FILES, "refused", "a version's own copy", lambda s: a.DeleteFiles(path=own(frozen(s))), Conflict),
    no(
        ops.DELETE_FILES,
        "refused",
        "one of a version's own copy",
        lambda s: a.DeleteFiles(path=f"{own(frozen(s))}/b.txt"),
        Conflict,
    ),
    no(
        ops.DELETE_FILES,
        "refused",
        "all versions' copies",
        lambda s: frozen(s).name and a.DeleteFiles(path="versions"),
        Conflict,
    ),
    ok(
        ops.DELETE_MODEL_VERSION,
        "whose own copy stays until it is purged",
        lambda s: g.VersionName(name=named(frozen(s)), version=1),
        lambda s, x: list_copies(s) and is_there(s),
    ),
    ok(
        ops.DELETE_REGISTERED_MODEL,
        "whose versions' copies stay until it is purged",
        lambda s: g.RegisteredModelName(name=named(frozen(s))),
        lambda s, x: list_copies(s) and is_there(s),
    ),
    ok(
        ops.PURGE_RUNS,
        "one that a version came from",
        lambda s: r.PurgeRuns(run_ids=[trashed(s)]),
        lambda s, x: x.files > 0 and is_whole(s) and not is_there(s),
    ),
    ok(
        ops.PURGE_EXPERIMENTS,
        "one that a version came from",
        lambda s: e.PurgeExperiments(experiment_ids=[trashed_experiment(s)]),
        lambda s, x: is_whole(s) and not is_there(s),
    ),
    ok(
        ops.PURGE_TRASH,
        "with what a version came from",
        lambda s: trashed(s) and t.PurgeTrash(),
        lambda s, x: x.runs >= 1 and is_whole(s) and not is_there(s),
    ),
]
