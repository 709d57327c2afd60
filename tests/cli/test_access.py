"""What the command line tells somebody who may not do what they asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from tests.services.trackway_server import run_trackway
from trackway.base.errors import NotFound, PermissionDenied
from trackway.cli.main import cli
from trackway.sdk.connection import close_transports

Ask = Callable[[str, str], Result]
"""Runs a command as somebody."""
PASSWORD = "correct horse battery"
GIVE = "its administrators can give you"
OUTSIDE = "You have no role in the workspace 'default' yet: ask root for one."


@pytest.fixture(scope="module")
def guarded_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server where people sign in, of whom nora has no role and rita may read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKWAY_ADMIN_USERNAME", "root")
        patch.setenv("TRACKWAY_ADMIN_PASSWORD", PASSWORD)
        with run_trackway(tmp_path_factory.mktemp("guarded"), "--auth") as port:
            patch.setenv("TRACKWAY_TRACKING_URI", f"http://127.0.0.1:{port}")
            patch.setenv("TRACKWAY_TRACKING_USERNAME", "root")
            patch.setenv("TRACKWAY_TRACKING_PASSWORD", PASSWORD)
            for name in ("nora", "rita"):
                made = CliRunner().invoke(cli, ["users", "create", name, "--password-file", "-"], PASSWORD)
                assert made.exit_code == 0, made.output
            assert CliRunner().invoke(cli, ["grants", "add", "reader", "--user", "rita"]).exit_code == 0
            close_transports()
            yield port


@pytest.fixture
def ask(guarded_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", f"http://127.0.0.1:{guarded_port}")
    monkeypatch.setenv("TRACKWAY_TRACKING_PASSWORD", PASSWORD)
    monkeypatch.setenv("TRACKWAY_WORKSPACE", "")  # so that what a command chooses is forgotten with the test

    def run(who: str, command: str) -> Result:
        monkeypatch.setenv("TRACKWAY_TRACKING_USERNAME", who)
        close_transports()
        return CliRunner().invoke(cli, command.split())

    yield run
    close_transports()


@pytest.mark.parametrize("command", ["experiments list", "models list", "runs list", "runs list --json"])
def test_who_has_no_role_and_finds_nothing_is_told_why(ask: Ask, command: str) -> None:
    told = ask("nora", command)
    assert (told.exit_code, told.stderr.strip()) == (0, OUTSIDE)
    assert told.stdout.strip() == ("[]" if "--json" in command else told.stdout.strip())
    assert ask("rita", command).stderr == ""


@pytest.mark.parametrize(
    ("who", "command", "hint"),
    [
        ("nora", "experiments create prices", f"you have no role in the workspace 'default' yet; {GIVE} one: ask root"),
        ("rita", "experiments create prices", f"{GIVE} a role: ask root"),
        ("rita", "webhooks list", f"{GIVE} a role: ask root"),
        ("rita", "users list", "ask root"),
        ("nora", "experiments list --workspace nowhere", "see which there are for you with `trackway workspaces list`"),
    ],
)
def test_a_refusal_says_who_can_change_it(ask: Ask, who: str, command: str, hint: str) -> None:
    refused = ask(who, command).exception
    assert isinstance(refused, PermissionDenied | NotFound)
    assert refused.hint == hint
