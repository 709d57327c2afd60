"""How the command ends: its exit status, and what it says instead of a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.driving import Trackway
from trackway.cli import main as entry

COMMAND = str(Path(sys.executable).with_name("trackway"))


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    """Run the command in this process; return its exit status and what it wrote to standard error."""
    monkeypatch.setattr(sys, "argv", ["trackway", *arguments])
    with pytest.raises(SystemExit) as end:
        entry.main()
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, status, says",
    [
        (["experiments", "list"], 0, ""),
        (["--version"], 0, ""),
        (["nope"], 2, "No such command 'nope'"),
        (["runs"], 2, "Usage: "),
        (["runs", "list", "--limit", "0"], 1, "Error: Invalid page limit 0\nHint: "),
        (["runs", "get", "nope"], 3, "Error: Run 'nope' not found"),
        (["sync", "missing"], 3, "Error: There is no folder missing"),
        (["db", "backup", "missing/copy.db"], 1, "Error: There is no folder "),
        (["db", "compact", "missing"], 1, "Error: "),
        (["runs", "list", "--uri", "http://127.0.0.1:1"], 5, "Error: The server at 127.0.0.1:1 cannot be reached"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_ends_with_its_status_and_a_line(
    trackway: Trackway,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    says: str,
) -> None:
    monkeypatch.setenv("TRACKWAY_RETRY_S", "0")
    assert trackway("experiments", "create", "a").exit_code == 0
    code, told = run(monkeypatch, capsys, *arguments)
    assert (code, says in told) == (status, True), told


def test_a_doctor_that_finds_something_wrong_ends_with_1(
    trackway: Trackway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, capsys, "doctor")[0] == 0
    monkeypatch.setenv("TRACKWAY_RETRY_S", "0")
    assert run(monkeypatch, capsys, "doctor", "--uri", "http://127.0.0.1:1")[0] == 1


def test_what_the_system_refuses_is_told_in_a_line(
    trackway: Trackway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setattr("trackway.cli.upkeep.sync_journals", refuse)
    assert run(monkeypatch, capsys, "sync") == (1, "Error: Permission denied: /somewhere\n")


def test_a_reader_that_has_seen_enough_is_no_failure(trackway: Trackway) -> None:
    script = f"{COMMAND} experiments list --help | true; {COMMAND} completion bash | head -n 1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
