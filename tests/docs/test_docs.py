"""The documentation says what is so: its code runs, its commands exist, its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.docs import pages
from tests.services.peers import peer_python
from tests.services.scoring_server import run_scoring
from trackway.cli.main import cli
from trackway.sdk.connection import close_transports

TIMEOUT_S = 120


def run_script(python: str, script: Path, folder: Path, **variables: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TRACKWAY_"))}
    environment |= {"MPLBACKEND": "Agg", "XDG_STATE_HOME": str(folder / "state"), "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [python, str(script)],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize("page", [page for page in pages.RUN if pages.read_code(page, "python")], ids=pages.name)
def test_the_code_of_a_page_runs_in_an_empty_folder(page: Path, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text(pages.read_code(page, "python"), encoding="utf-8")
    folder = tmp_path / "empty"
    folder.mkdir()
    run_script(sys.executable, script, folder)


@pytest.mark.parametrize(
    ("page", "info"),
    [
        pytest.param(page, info, id=f"{pages.name(page)}: {info}")
        for page in pages.RUN
        for info in ("python mlflow", "python server")
        if pages.read_code(page, info)
    ],
)
def test_the_code_of_a_page_that_needs_a_server_runs(page: Path, info: str, tmp_path: Path, trackway_port: int) -> None:
    python = peer_python("mlflow-3.17") if info == "python mlflow" else sys.executable
    script = tmp_path / "page.py"
    code = pages.read_code(page, info)
    script.write_text(code.replace("http://127.0.0.1:5000", f"http://127.0.0.1:{trackway_port}"), encoding="utf-8")
    run_script(python, script, tmp_path, MLFLOW_DISABLE_TELEMETRY="true")


def test_the_served_model_of_the_page_answers_as_the_page_says(tmp_path: Path) -> None:
    page = pages.ROOT / "docs" / "how-to" / "serving.md"
    script = tmp_path / "page.py"
    script.write_text(pages.read_code(page, "python"), encoding="utf-8")
    run_script(sys.executable, script, tmp_path)
    with run_scoring(tmp_path, "models:/churn@champion") as server:
        code = pages.read_code(page, "python serving").replace(
            "http://127.0.0.1:5001", f"http://127.0.0.1:{server.port}"
        )
        script.write_text(code, encoding="utf-8")
        run_script(sys.executable, script, tmp_path)


@pytest.mark.parametrize(
    ("page", "command"),
    [
        pytest.param(page, command, id=f"{pages.name(page)}: {command}")
        for page in pages.ALL
        for command in dict.fromkeys(pages.read_commands(page))  # a page may say one again
    ],
)
def test_a_command_is_one_that_the_command_line_understands(
    page: Path, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(command)[1:]
    monkeypatch.chdir(tmp_path)
    if {"--workspace", "workspaces"} & set(words):  # which are a server's: none is asked for anything
        monkeypatch.setenv("TRACKWAY_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("TRACKWAY_WORKSPACE", "")
    for word in words:
        if word.startswith("./"):
            Path(word).mkdir(parents=True)
    found: click.Command = cli
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        inner = found.get_command(click.Context(found), words[0])
        assert inner is not None, f"{command}: no command {words[0]!r}"
        found, words = inner, words[1:]
    if isinstance(found, click.Group):
        assert words in (["--help"], ["--version"]), command
        return
    try:
        found.make_context(found.name, words, resilient_parsing=not words)  # parses, does not run; alone it is a name
    finally:
        close_transports()  # or the jobs of the store that this has opened look for it when the folder is gone


def test_the_commands_of_make_are_there() -> None:
    makefile = (pages.ROOT / "Makefile").read_text(encoding="utf-8")
    for page in pages.ALL:
        for target in re.findall(r"^    make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{pages.name(page)}: make {target}"


@pytest.mark.parametrize("page", pages.ALL, ids=pages.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in pages.read_links(page):
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in pages.read_anchors(target), f"{link}: no such heading"


def test_the_demo_runs_and_leaves_its_runs_and_a_champion(tmp_path: Path) -> None:
    run_script(sys.executable, pages.ROOT / "examples" / "demo.py", tmp_path)
    count = tmp_path / "count.py"
    count.write_text(
        "import trackway as tw\n"
        "runs = tw.search_runs(search_all_experiments=True, output_format='list')\n"
        "assert len(runs) == 14, len(runs)\n"
        "assert all(run.info.status == 'FINISHED' for run in runs)\n"
        "champion = tw.MlflowClient().get_model_version_by_alias('diabetes', 'champion')\n"
        "best = min(run.data.metrics['rmse'] for run in runs if 'rmse' in run.data.metrics)\n"
        "assert tw.get_run(champion.run_id).data.metrics['rmse'] == best\n"
    )
    run_script(sys.executable, count, tmp_path)
