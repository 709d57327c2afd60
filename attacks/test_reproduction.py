"""Records of runs that were written to harm whoever reproduces them: nothing but what was consented to is run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trackway as tw
from tests.sdk.repositories import run_git
from trackway.api import operations as ops
from trackway.api.runs import Environment, GitState, LeftOutFile, LogEnvironment
from trackway.base.errors import InvalidInput, TrackwayError
from trackway.environments.requirements import check_lock
from trackway.projects.reproduction import Report, prepare, reproduce
from trackway.projects.reproduction.report import Finding, Gap, PackageDifference
from trackway.sdk.connection import close_transports
from trackway.sdk.session import list_sessions

CANARY = "canary-was-here"
DIFF = "diff --git a/{0} b/{0}\nnew file mode 100644\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+x\n"
LINK = (
    "diff --git a/link b/link\nnew file mode 120000\n--- /dev/null\n+++ b/link\n"
    "@@ -0,0 +1 @@\n+{0}\n\\ No newline at end of file\n"
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "train.py").write_text("import trackway as tw\nwith tw.start_run(): tw.log_metric('a', 1)\n")
    run_git(folder, "init", "--quiet")
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "--quiet", "--message", "first")
    monkeypatch.chdir(tmp_path)
    yield folder
    for session in list_sessions():
        session.close(30)
    close_transports()


def record(folder: Path, **changed: Any) -> str:
    """Log a run that says whatever it is told to of how it was made."""
    git = GitState(commit=run_git(folder, "rev-parse", "HEAD"), root=str(folder))
    for name in ("commit", "remote", "root", "diff", "left_out"):
        if name in changed:
            git = GitState(**{**{f: getattr(git, f) for f in git.__struct_fields__}, name: changed.pop(name)})
    given = {"python": "3.11.0", "command": ["python", "train.py"], "working_dir": str(folder), "git": git, **changed}
    environment = Environment(implementation="CPython", platform="x", host="h", **given)
    with tw.start_run() as run:
        tw.log_metric("a", 1)
    tw.Client().call(ops.LOG_ENVIRONMENT, LogEnvironment(run_id=run.run_id, environment=environment))
    return run.run_id


@pytest.mark.parametrize(
    "remote",
    [
        f"ext::sh -c 'touch {CANARY}'",
        f"ext::sh -c touch% {CANARY}",
        f"--upload-pack=touch {CANARY}",
        f"ssh://-oProxyCommand=touch {CANARY}/x",
        "ftp://host/x.git",
        "file://host/x",
        "http://",
        f"https://h/x\ntouch {CANARY}",
        "fd::0",
    ],
)
def test_a_remote_is_no_way_to_have_git_run_something(repository: Path, tmp_path: Path, remote: str) -> None:
    run_id = record(repository, remote=remote, root="")
    report = reproduce(run_id, trust=True)
    assert report.verdict == "not reproducible"
    assert not list(tmp_path.rglob(CANARY))


@pytest.mark.parametrize("commit", ["--upload-pack=x", "-x", "HEAD;x", "a..b", "x\ny", "@{upstream}"])
def test_a_commit_is_no_option(repository: Path, commit: str) -> None:
    assert reproduce(record(repository, commit=commit), trust=True).verdict == "not reproducible"


@pytest.mark.parametrize(
    "patch",
    [
        DIFF.format("../canary"),
        DIFF.format("/tmp/canary"),
        DIFF.format(".git/hooks/post-checkout"),
        DIFF.format(".GIT/config"),
        LINK.format("..") + DIFF.format("link/canary"),
        LINK.format(".git") + DIFF.format("link/canary"),
        "not a difference",
        "diff --git a/train.py b/train.py\nBinary files a/train.py and b/train.py differ\n",
    ],
)
def test_a_difference_changes_nothing_but_files_of_the_work_tree(repository: Path, tmp_path: Path, patch: str) -> None:
    before = sorted(path for path in tmp_path.rglob("*") if "cache" not in path.parts and "tracks" not in path.parts)
    report = reproduce(record(repository, diff=patch), trust=True)
    assert (report.verdict, report.new_run_id) == ("not reproducible", "")
    assert "The difference to the commit cannot be made again" in report.gaps[0].what
    after = sorted(path for path in tmp_path.rglob("*") if "cache" not in path.parts and "tracks" not in path.parts)
    assert after == before
    assert not Path("/tmp/canary").exists()


@pytest.mark.parametrize("word", [f"$(touch {CANARY})", f"; touch {CANARY}", "`id`", "a b", "'", '"', "*", "\\"])
def test_words_of_a_command_stay_words(repository: Path, tmp_path: Path, word: str) -> None:
    (repository / "train.py").write_text(
        "import sys, trackway as tw\nwith tw.start_run(): tw.log_metric('a', 1); tw.set_tag('word', sys.argv[1])\n"
    )
    run_git(repository, "commit", "--quiet", "--all", "--message", "second")
    report = reproduce(record(repository, command=["python", "train.py", word]), trust=True, env_manager="local")
    assert report.verdict == "identical", report.to_text()
    assert tw.get_run(report.new_run_id).data.tags["word"] == word
    assert not list(tmp_path.rglob(CANARY))


@pytest.mark.parametrize(
    "variable", ["LD_PRELOAD", "PYTHONPATH", "PYTHONSTARTUP", "PATH", "BASH_ENV", "TRACKWAY_TRACKING_URI"]
)
def test_no_variable_of_a_record_leads_to_other_code(repository: Path, variable: str) -> None:
    (repository / "train.py").write_text(
        "import os, trackway as tw\n"
        f"with tw.start_run(): tw.log_metric('a', 1); tw.set_tag('found', os.environ.get({variable!r}, ''))\n"
    )
    run_git(repository, "commit", "--quiet", "--all", "--message", "second")
    variables = {variable: "/hostile", "OMP_NUM_THREADS": "1"}
    report = reproduce(record(repository, variables=variables), trust=True, env_manager="local")
    assert "/hostile" not in tw.get_run(report.new_run_id).data.tags.get("found", "")


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://evil.example/simple",
        "-e /tmp/x",
        "--extra-index-url=https://evil.example",
        "-r /etc/passwd",
        "tiny @ file:///tmp/x.whl",
        "./x.whl",
        "tiny",
        "tiny>=1",
        "tiny==1.0 --config-settings x=y",
        "tiny==1.0\n--find-links /tmp",
        "tiny==1.0 \\\n --global-option=x",
    ],
)
def test_a_list_of_versions_holds_nothing_else(line: str) -> None:
    with pytest.raises(InvalidInput, match="The list of exact versions holds"):
        check_lock(f"numpy==2.0 \\\n    --hash=sha256:00\n{line}\n")


def test_packages_by_their_names_are_no_options_either(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.environments.uv.find_uv", lambda: "/no/uv/is/called")
    for packages in (
        {"--index-url=https://evil.example/ x": "1"},
        {"tiny": "1.0 --hash=sha256:0"},
        {"-r": "/etc/passwd"},
    ):
        report = reproduce(record(repository, packages=packages), trust=True, env_manager="uv")
        assert report.verdict == "not reproducible"
        assert "more than a package's name and version" in report.gaps[0].what


def test_what_is_shown_leaves_the_terminal_and_the_page_as_they_are(repository: Path) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\u202e<script>alert(1)</script> [x](javascript:1) | `y`"
    plan = prepare(record(repository, command=["python", "train.py", evil]))
    assert not set("\x1b\x07\u202e") & set(plan.to_text())
    report = Report(
        verdict="different",
        run_id=evil,
        gaps=(Gap(evil, evil),),
        findings=(Finding(kind="metric", name=evil, result="different", was=evil, reason=evil),),
        packages=(PackageDifference(evil, "1", "2"),),
        ignored=(evil,),
    )
    assert not set("\x1b\x07\u202e") & set(report.to_text())
    page = report.to_markdown()
    assert "<script>" not in page
    assert "[x](" not in page
    assert all(line.count("|") - line.count("\\|") in (0, 6) for line in page.splitlines())
    json.loads(report.to_json())


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"uri": 1}', b"\xff", b'{"uri": "x"}', b"null"])
def test_a_record_that_is_none_is_said_to_be(repository: Path, text: bytes) -> None:
    run_id = record(repository)
    (repository / "launch.json").write_bytes(text)
    with tw.start_run(run_id=run_id):
        tw.log_artifact(str(repository / "launch.json"), "project")
    with pytest.raises(TrackwayError, match="cannot be read"):
        reproduce(run_id, trust=True)


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("path", ["../outside/x", "{0}/outside/x", ".git/config", "way/x", "a\0b", "..", "", "."])
def test_a_file_that_was_left_out_is_not_put_or_removed_outside_of_the_code(
    repository: Path, tmp_path: Path, path: str, deleted: bool
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("mine")
    (repository / "way").symlink_to(outside)
    run_git(repository, "add", "--all")
    run_git(repository, "commit", "--quiet", "--message", "way")
    facts = (outside / "x").stat()
    one = LeftOutFile(
        path=path.format(tmp_path), size_bytes=facts.st_size, modified_ns=0 if deleted else facts.st_mtime_ns
    )
    report = reproduce(record(repository, left_out=[one]), dry_run=True)
    assert (report.verdict, len(report.lost)) == ("ready", 1)
    assert (outside / "x").read_text() == "mine"
    assert not (outside / "x").is_symlink()


def test_an_id_of_a_program_is_no_way_into_a_search(repository: Path) -> None:
    run_id = record(repository)
    with tw.start_run():
        tw.log_metric("b", 1)
    tw.Client().ingest(run_id, tags={"trackway.program": "x' OR metrics.b > 0 OR tags.`a` = '"})
    assert len(prepare(run_id).members.runs) == 1
