"""Pipelines of CI: the files that are written can be read, and their commands do what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from tests.cli.driving import Trackway, read
from trackway.base.errors import AlreadyExists, InvalidInput
from trackway.cli.main import cli

PROJECT = """\
name: churn
entry_points:
  main:
    parameters: {features: {default: a}}
    command: "python train.py {features}"
"""
SCRIPT = """\
import sys

import pandas as pd
from sklearn.linear_model import LogisticRegression

import trackway as tw

rows = pd.read_csv("train.csv")
names = sys.argv[1].split("-")
with tw.start_run():
    tw.log_model(LogisticRegression().fit(rows[names], rows.label), "model", input_example=rows[names].head(2))
"""
ROWS = """\
import numpy as np
import pandas as pd

for name, seed in (("train", 0), ("test", 1)):
    random = np.random.default_rng(seed)
    rows = pd.DataFrame({"a": random.normal(size=300), "b": random.normal(size=300)})
    rows["label"] = np.where(rows.a + rows.b > 0, "yes", "no")
    rows.to_csv(f"{name}.csv", index=False)
"""
OPTIONS = ["--data", "test.csv", "--targets", "label", "--metric", "accuracy_score", "--minimum", "0.6"]
PATHS = {"github": ".github/workflows/trackway.yml", "gitlab": ".gitlab-ci.yml", "jenkins": "Jenkinsfile"}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name, text in (("MLproject", PROJECT), ("train.py", SCRIPT), (".gitignore", "*.json\n*.xml\n*.md\n")):
        (folder / name).write_text(text)
    return folder


def init(system: str, *options: str) -> Any:
    return CliRunner().invoke(cli, ["ci", "init", system, "--model", "churn", *OPTIONS, *options])


def read_stages(system: str, folder: Path) -> list[tuple[str, str]]:
    """Return the stages of a file, by its own grammar, as titles and what a shell gets."""
    text = (folder / PATHS[system]).read_text()
    if system == "jenkins":
        assert text.count("{") == text.count("}")
        parts = re.split(r"^    stage\(\"(.*)\"\) \{$", text, flags=re.MULTILINE)[1:]
        scripts = [re.findall(r"sh '''\n(.*?)'''", part, re.DOTALL) for part in parts[1::2]]
        return [(title, script) for title, [script] in zip(parts[::2], scripts, strict=True)]
    document = yaml.safe_load(text)
    if system == "github":
        assert set(document) == {"name", True, "permissions", "jobs"}  # YAML takes `on` for true
        [job] = document["jobs"].values()
        return [(step["name"], step["run"]) for step in job["steps"] if "run" in step]
    stages = [(name, "\n".join(document[name]["script"])) for name in document["stages"]]
    return [("install", "\n".join(document["default"]["before_script"])), *stages]


def run_pipeline(system: str, folder: Path, port: int, extra: Path) -> list[tuple[str, int, str]]:
    """Run the stages of a file one by one, as a CI system does, until one fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKWAY_", "MLFLOW_"))}
    environment |= {
        "PATH": os.pathsep.join([str(extra), str(Path(sys.executable).parent), environment["PATH"]]),
        "TRACKWAY_TRACKING_URI": f"http://127.0.0.1:{port}",
        "TRACKWAY_CACHE_DIR": str(extra / "cache"),
        "XDG_STATE_HOME": str(extra / "state"),
        "GITHUB_STEP_SUMMARY": str(extra / "summary.md"),
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    done = []
    for title, script in read_stages(system, folder):
        found = subprocess.run(
            ["bash", "-e", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        done.append((title, found.returncode, found.stdout + found.stderr))
        if found.returncode:
            break
    return done


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Path]:
    """A folder with a ``pip`` that installs nothing: what is to be tried is there already."""
    folder = tmp_path / "tools"
    folder.mkdir()
    pip = folder / "pip"
    pip.write_text('#!/bin/sh\necho "$@" >> "$(dirname "$0")/installed"\n')
    pip.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("system", PATHS)
def test_a_pipeline_lets_only_what_is_good_enough_pass(
    repository: Path, tools: Path, trackway: Trackway, trackway_port: int, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    monkeypatch.chdir(repository)
    subprocess.run([sys.executable, "-c", ROWS], check=True)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "-q"], check=True)
    model = f"churn-{system}"
    made = init(system, "--model", model, "-P", "features=a-b", "--experiment", model)
    assert made.output == f"Wrote {PATHS[system]}.\n"
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "a"], check=True)
    first = run_pipeline(system, repository, trackway_port, tools)
    assert [status for _, status, _ in first] == [0] * len(first), first[-1]
    assert (tools / "installed").read_text() == "install trackway[sklearn]\n"
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", f"http://127.0.0.1:{trackway_port}")
    [asked] = read(trackway("models", "requests", model, "--json"))
    assert (asked["state"], asked["version"]) == ("open", 1)
    trackway("models", "alias", model, "champion", "1")
    assert "<testcase" in (repository / "gate.xml").read_text()
    if system == "github":
        assert "### Gate: passed" in (tools / "summary.md").read_text()
    # A model that knows half of it does not pass, and nothing is registered.
    init(system, "--model", model, "-P", "features=a", "--experiment", model, "--force")
    second = run_pipeline(system, repository, trackway_port, tools)
    assert second[-1][1] == 6, second[-1]
    assert "FAILED." in second[-1][2]
    assert len(read(trackway("models", "versions", "--json", "--filter", f"name = '{model}'"))) == 1


@pytest.mark.parametrize("system", PATHS)
def test_what_is_written_is_read_as_it_was_meant(repository: Path, system: str) -> None:
    init(system, "--project", "sub/dir", "-e", "train", "-P", "a=0.5", "--branch", "trunk", "--min-change", "-0.01")
    text = "\n".join(script for _, script in read_stages(system, repository))
    assert "trackway run sub/dir -e train -P a=0.5 --experiment-name ci --json > run.json" in text
    assert "--min-change accuracy_score=-0.01 --min accuracy_score=0.6 --on-interval" in text
    assert "trunk" in (repository / PATHS[system]).read_text()
    assert json.loads(init(system, "--force", "--json").output)["place"] == PATHS[system]


@pytest.mark.parametrize("system", PATHS)
def test_each_command_of_ours_is_one_that_the_command_line_understands(repository: Path, system: str) -> None:
    init(system, "-P", "a=0.5")
    found = 0
    for _, script in read_stages(system, repository):
        for line in script.splitlines():
            words = shlex.split(line.split(" > ")[0])
            if words[:1] == ["trackway"]:
                command: click.Command = cli
                words = words[1:]
                while isinstance(command, click.Group):
                    inner = command.get_command(click.Context(command), words[0])
                    assert inner is not None, line
                    command, words = inner, words[1:]
                command.make_context(command.name, [word.replace("$VERSION", "1") for word in words])
                found += 1
    assert found == 5


def test_a_file_that_is_there_is_kept(repository: Path) -> None:
    (repository / "Jenkinsfile").write_text("mine")
    assert isinstance(init("jenkins").exception, AlreadyExists)
    assert (repository / "Jenkinsfile").read_text() == "mine"
    assert init("jenkins", "--force").exit_code == 0


@pytest.mark.parametrize("option", ["--model", "--data", "--project", "-e", "--branch", "--experiment", "--artifact"])
@pytest.mark.parametrize(
    "value", ["a b", "$(id)", "a;b", "'", '"', "`id`", "a\nb", "-x", "", "${{ x }}", "a|b", "ü", "#"]
)
def test_what_would_mean_something_else_in_a_shell_is_refused(repository: Path, option: str, value: str) -> None:
    refused = init("github", option, value)
    assert isinstance(refused.exception, InvalidInput) or refused.exit_code == 2
    assert not (repository / ".github").exists()


@pytest.mark.parametrize("options", [["-P", "a"], ["--minimum", "x"], ["--min-change", ""], ["--min-change", "1e9"]])
def test_values_that_cannot_be_are_refused(repository: Path, options: list[str]) -> None:
    assert isinstance(init("gitlab", *options).exception, InvalidInput)
