"""What settings say of places where people come from: secrets for them, and what their groups mean here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trackway.auth.external import GroupMapping
from trackway.auth.users import check_user_name
from trackway.auth.workspaces import check_workspace_name
from trackway.base.errors import InvalidInput


def read_secret(variable: str, file: str, environment: Mapping[str, str]) -> str:
    """Return a secret from the environment, else from a file; empty without both.

    raises: InvalidInput for a file that cannot be read
    """
    secret = environment.get(variable, "")
    if secret or not file:
        return secret
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidInput(f"The file {file} cannot be read: {error.strerror}") from error


def read_mapping(setting: str, teams: str, admins: str) -> GroupMapping:
    """Return what groups mean, from a text like ``group=team,other=ops,labels=vision/labels``.

    A team of a workspace that is not the default one has that before its name.

    setting: where the text comes from, for the error
    raises:  InvalidInput
    """
    mapped = {}
    for pair in teams.split(",") if teams else ():
        group, equals, team = pair.strip().rpartition("=")
        if not equals or not group:
            raise InvalidInput(f"Invalid {setting}: {pair.strip()[:80]!r}", hint="write them like group=team,other=ops")
        place, slash, name = team.rpartition("/")
        check_user_name(name)
        if slash:
            check_workspace_name(place)
        mapped[group] = team
    return GroupMapping(mapped, admins)
