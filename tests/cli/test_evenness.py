"""The same act has the same verb and the same options, whatever it is done to."""

from __future__ import annotations

from collections.abc import Iterator

import click
import msgspec
import pytest

from tests.cli.driving import Trackway, read
from trackway.api import access as c
from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import schedules as s
from trackway.api import trash as z
from trackway.api import webhooks as w
from trackway.api.structs import Request, Response
from trackway.cli.main import cli
from trackway.sdk.connection import get_tracking_uri, get_transport

OTHER_WORDS = {"show", "destroy", "drop", "edit", "find", "info", "new", "rm", "ls", "view"}
"""Words for what is called get, create, update, list or delete here."""

SINGULAR = {"audit", "ci", "db", "trash"}
FOR_GOOD = {"erase", "gc", "purge", "trim"}
WITHOUT_JSON = {"models build-docker", "models serve", "server", "ui", "worker"}
"""What goes on until it is stopped, or hands on what another program prints."""


def list_commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from list_commands(command, f"{name} ")


COMMANDS = dict(list_commands(cli))


def list_options(command: click.Command) -> set[str]:
    return {text for parameter in command.params if isinstance(parameter, click.Option) for text in parameter.opts}


def test_nouns_are_plural_and_verbs_the_usual_ones() -> None:
    nouns = [name for name, command in COMMANDS.items() if isinstance(command, click.Group)]
    assert [name for name in nouns if not name.endswith("s") and name not in SINGULAR] == []
    assert [name for name in COMMANDS if name.rpartition(" ")[2] in OTHER_WORDS] == []


def test_what_removes_for_good_asks_and_can_be_told_not_to() -> None:
    found = {name: list_options(command) for name, command in COMMANDS.items() if name.rpartition(" ")[2] in FOR_GOOD}
    assert len(found) >= 7
    assert [name for name, options in found.items() if "--yes" not in options] == []


def test_what_calls_a_store_answers_programs_too() -> None:
    found = {name: list_options(command) for name, command in COMMANDS.items()}
    silent = {name for name, options in found.items() if "--uri" in options and "--json" not in options}
    assert silent <= WITHOUT_JSON


@pytest.mark.parametrize(
    ("listed", "operation", "request_", "field"),
    [
        ("experiments list", ops.SEARCH_EXPERIMENTS, e.SearchExperiments(), "experiments"),
        ("models list", ops.SEARCH_REGISTERED_MODELS, g.SearchRegisteredModels(), "models"),
        ("models versions", ops.SEARCH_MODEL_VERSIONS, g.SearchModelVersions(), "versions"),
        ("models history churn", ops.GET_MODEL_HISTORY, g.GetModelHistory(name="churn"), "events"),
        ("models comments churn", ops.LIST_COMMENTS, g.ListComments(name="churn"), "comments"),
        ("schedules list", ops.LIST_SCHEDULES, s.ListSchedules(), "schedules"),
        ("trash list", ops.SEARCH_TRASH, z.SearchTrash(), "entries"),
        ("users list", ops.LIST_USERS, c.ListUsers(), "users"),
        ("teams list", ops.LIST_TEAMS, c.ListTeams(), "teams"),
        ("grants list", ops.LIST_GRANTS, c.ListGrants(), "grants"),
        ("grants roles", ops.LIST_ROLES, c.ListRoles(), "roles"),
        ("webhooks list", ops.LIST_WEBHOOKS, w.ListWebhooks(), "webhooks"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_list_for_programs_has_the_objects_of_the_operation(
    trackway: Trackway, listed: str, operation: ops.Operation[Request, Response], request_: Request, field: str
) -> None:
    for command in (
        "models register s3://models/churn churn",
        "models comment churn drifts",
        "schedules create nightly @daily ./churn",
        "webhooks create ci https://ci.example.org/ -e run.created",
        "users create bob",
        "teams create vision bob",
        "grants add reader --team vision",
        "schedules create weekly @weekly ./churn",
        "schedules delete weekly --yes",
    ):
        assert trackway(*command.split()).exit_code == 0, command
    found = msgspec.to_builtins(getattr(get_transport(get_tracking_uri()).call(operation, request_), field))
    assert found, "there is one to be listed"
    assert read(trackway(*listed.split(), "--json")) == found


def test_a_list_that_is_cut_says_so(trackway: Trackway) -> None:
    for name in ("churn", "fraud"):
        assert trackway("models", "register", f"s3://models/{name}", name).exit_code == 0
    cut = trackway("models", "list", "--limit", "1")
    assert "The first 1 are shown; --limit shows more." in cut.stderr
    assert trackway("models", "list").stderr == ""
