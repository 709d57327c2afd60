"""All runs that a program opened are compared, and what of its files was not kept is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import trackway as tw
from tests.projects.folders import read_run
from tests.projects.reproduction.conftest import commit
from tests.projects.reproduction.test_reproduction import again, get_findings, run_script
from trackway.projects import reproduce, run

FOLDS = """
import os, trackway as tw
with tw.start_run(run_name="outer") as outer:
    tw.log_metric("all", 1)
    for fold in range(int(os.environ.get("FOLDS", "3"))):
        with tw.start_run(nested=True, run_name=f"fold {fold}"):
            tw.log_metric("loss", fold * float(os.environ.get("SCALE", "1")))
print(outer.run_id)
"""
SIBLINGS = """
import os, trackway as tw
ids = []
for number in range(int(os.environ.get("RUNS", "3"))):
    with tw.start_run() as run:
        tw.log_metric("loss", number if number < 2 else float(os.environ.get("LAST", "2")))
    ids.append(run.run_id)
print(*ids)
"""


def list_siblings(run_id: str) -> list[str]:
    """Return the runs of the program that opened a run, in order."""
    program = read_run(run_id).tags["trackway.program"]
    found = [one for one in tw.Client().search_runs() if one.tags.get("trackway.program") == program]
    return [one.run_id for one in sorted(found, key=lambda one: one.start_ms)]


def test_children_are_compared_by_name_and_missing_ones_named(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "folds.py").write_text(FOLDS)
    commit(repository)
    recorded = run_script(repository, "folds.py")
    report = reproduce(recorded, trust=True)
    assert report.verdict == "identical"
    assert [one.name for one in report.runs] == ["outer", "outer / fold 0", "outer / fold 1", "outer / fold 2"]
    assert {one.result for one in report.findings if one.kind == "metric"} == {"identical"}
    assert len([one for one in report.findings if one.name == "loss"]) == 3
    for pair in report.runs:
        assert read_run(pair.now).tags["trackway.reproduction.of"] == pair.was
        assert read_run(pair.was).tags["trackway.reproduction.by"] == pair.now
    monkeypatch.setenv("SCALE", "1.5")
    report = reproduce(recorded, trust=True)
    assert report.verdict == "different"
    different = [one.label for one in report.findings if one.result == "different"]
    assert different == ["metric loss of outer / fold 1", "metric loss of outer / fold 2"]
    assert [one.verdict for one in report.runs] == ["identical", "identical", "different", "different"]
    monkeypatch.setenv("FOLDS", "2")
    monkeypatch.setenv("SCALE", "1")
    done = again(recorded, "--yes")
    assert done.exit_code == 7
    assert "different         run outer / fold 2: was not opened this time" in done.output
    monkeypatch.setenv("FOLDS", "4")
    assert get_findings(reproduce(recorded, trust=True))["run outer / fold 3"] == "different"


def test_runs_one_after_another_are_compared_in_their_order_whichever_is_named(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "siblings.py").write_text(SIBLINGS)
    commit(repository)
    last = run_script(repository, "siblings.py")
    first, middle, same = list_siblings(last)
    assert same == last
    report = reproduce(middle, trust=True)
    assert (report.verdict, [one.was for one in report.runs]) == ("identical", [first, middle, last])
    assert report.new_run_id == report.runs[0].now
    assert report.runs[1].now == read_run(middle).tags["trackway.reproduction.by"]
    again_found = reproduce(report.new_run_id, trust=True)
    assert (again_found.verdict, len(again_found.runs)) == ("identical", 3)
    monkeypatch.setenv("LAST", "2.5")
    assert reproduce(middle, trust=True).verdict == "different"
    assert read_run(first).tags["trackway.reproduction.verdict"] == "identical"
    assert read_run(middle).tags["trackway.reproduction.verdict"] == "different", "the named one has that of all"
    monkeypatch.setenv("RUNS", "2")
    assert [one.now for one in reproduce(middle, trust=True).runs][2] == ""


def test_a_project_that_opens_several_runs_is_compared_whole(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "siblings.py").write_text(SIBLINGS)
    commit(project.parent)
    recorded = run(project, "siblings.py").run_id
    assert read_run(recorded).tags["trackway.program"] == recorded
    assert len(reproduce(recorded, trust=True).runs) == 3


def test_two_executions_of_one_script_are_two_programs(repository: Path) -> None:
    (repository / "siblings.py").write_text(SIBLINGS)
    commit(repository)
    one, other = (run_script(repository, "siblings.py") for _ in range(2))
    assert not set(list_siblings(one)) & set(list_siblings(other))


READ = """
import pathlib, trackway as tw, added
with tw.start_run() as run:
    rows = pathlib.Path("rows.bin")
    tw.log_metric("bytes", rows.stat().st_size if rows.exists() else -1)
    tw.log_metric("known", len(pathlib.Path("known.bin").read_bytes()))
print(run.run_id)
"""


def test_a_dirty_tree_with_new_and_binary_files_is_reproduced(repository: Path) -> None:
    (repository / "known.bin").write_bytes(b"\0old")
    (repository / "read.py").write_text(READ)
    commit(repository)
    (repository / "known.bin").write_bytes(b"\0longer than it was")
    (repository / "added.py").write_text("VALUE = 1\n")
    (repository / "rows.bin").write_bytes(os.urandom(1_000))
    recorded = run_script(repository, "read.py")
    for name in ("added.py", "rows.bin"):
        (repository / name).unlink()
    (repository / "known.bin").write_bytes(b"\0old")
    report = reproduce(recorded, trust=True)
    assert (report.verdict, report.lost) == ("identical", ())
    assert read_run(report.new_run_id).metrics["bytes"].last_value == 1_000


def test_a_file_beyond_the_limit_is_taken_from_where_it_was_or_told_as_what_is_missing(repository: Path) -> None:
    (repository / "known.bin").write_bytes(b"\0old")
    (repository / "read.py").write_text(READ.replace(", added", ""))
    commit(repository)
    (repository / "rows.bin").write_bytes(bytes(2 * 2**20))
    recorded = run_script(repository, "read.py")
    assert reproduce(recorded, trust=True).verdict == "identical"
    (repository / "rows.bin").write_bytes(bytes(10))
    ready = again(recorded, "--dry-run")
    assert (ready.exit_code, "Went without: the file rows.bin, 2,097,152 bytes" in ready.output) == (0, True)
    done = again(recorded, "--yes", "--json")
    report = json.loads(done.stdout)
    assert (done.exit_code, report["verdict"]) == (8, "not reproducible")
    assert [gap["what"] for gap in report["gaps"]] == ["the file rows.bin, 2,097,152 bytes, was not kept: it is large"]
    unneeded = again(recorded, "--yes", "--json", "--ignore", "bytes")
    assert unneeded.exit_code == 0, "what the run does without is no hindrance"
    assert len(json.loads(unneeded.stdout)["lost"]) == 1
