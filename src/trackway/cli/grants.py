"""Commands on teams, roles and grants."""

from __future__ import annotations

import sys
from typing import Any, cast

import click

from trackway.api import access as c
from trackway.api import operations as ops
from trackway.cli.output import format_time, on_store, show_done, show_json, show_list, show_trashed
from trackway.sdk.transport import Transport

PERMISSION = click.Choice(["read", "write", "create", "delete", "manage", "admin"])


@click.group()
def teams() -> None:
    """Put users together, to give them roles together."""


@teams.command("list")
@on_store
def list_teams(transport: Transport, as_json: bool) -> None:
    """List teams with their members."""
    found = transport.call(ops.LIST_TEAMS, c.ListTeams()).teams
    show_list(
        found,
        lambda one: {
            "team": one.team,
            "description": one.description,
            "members": ", ".join(one.members),
        },
        as_json,
        "No teams.",
    )


@teams.command("create")
@click.argument("team")
@click.argument("members", nargs=-1)
@click.option("--description", default="", help="What it is for.")
@on_store
def create_team(transport: Transport, as_json: bool, team: str, members: tuple[str, ...], description: str) -> None:
    """Create a team, and add users to it."""
    transport.call(ops.CREATE_TEAM, c.CreateTeam(team=team, description=description))
    for user in members:
        transport.call(ops.ADD_MEMBER, c.TeamMember(team=team, user=user))
    show_done(f"Created the team {team}.", as_json)


@teams.command("update")
@click.argument("team")
@click.option("--name", help="Its new name; members and grants stay.")
@click.option("--description", help="What it is for.")
@on_store
def update_team(transport: Transport, as_json: bool, team: str, name: str | None, description: str | None) -> None:
    """Rename or describe a team."""
    transport.call(ops.UPDATE_TEAM, c.UpdateTeam(team=team, name=name, description=description))
    show_done(f"Changed the team {name or team}.", as_json)


@teams.command("add")
@click.argument("team")
@click.argument("user")
@on_store
def add_member(transport: Transport, as_json: bool, **name: str) -> None:
    """Add a user to a team."""
    transport.call(ops.ADD_MEMBER, c.TeamMember(**name))
    show_done(f"{name['user']} is in the team {name['team']}.", as_json)


@teams.command("remove")
@click.argument("team")
@click.argument("user")
@on_store
def remove_member(transport: Transport, as_json: bool, **name: str) -> None:
    """Remove a user from a team."""
    transport.call(ops.REMOVE_MEMBER, c.TeamMember(**name))
    show_done(f"{name['user']} is not in the team {name['team']} any more.", as_json)


@teams.command("delete")
@click.argument("team")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def delete_team(transport: Transport, as_json: bool, team: str, yes: bool) -> None:
    """Move a team to the trash, with its grants."""
    if not yes:
        click.confirm(f"Delete the team {team} with its grants?", abort=True)
    trashed = transport.call(ops.DELETE_TEAM, c.TeamName(team=team))
    show_trashed(f"Deleted the team {team}.", trashed, as_json)


_TARGETS = {
    "experiment": "experiment",
    "model": "registered_model",
    "endpoint": "endpoint",
    "schedule": "schedule",
}
"""What a grant may be on beside the workspace: kinds by the options that name them."""


@click.group()
def grants() -> None:
    """Say who may do what with what."""


@grants.command("own")
@on_store
def list_own_grants(transport: Transport, as_json: bool) -> None:
    """List the roles that one has oneself, by teams and with everyone."""
    found = transport.call(ops.LIST_OWN_GRANTS, c.ListOwnGrants()).grants
    show_list(
        found,
        lambda one: {
            "role": one.role,
            "on": f"{one.target_kind} {one.target}".strip(),
            "through": {"user": "", "team": f"team {one.team}", "everyone": "everyone"}[one.subject_kind],
        },
        as_json,
        "No grants.",
    )


@grants.command("list")
@click.option("--user", default="", help="Of one user.")
@click.option("--team", default="", help="Of one team.")
@on_store
def list_grants(transport: Transport, as_json: bool, user: str, team: str) -> None:
    """List grants, oldest first."""
    kind: c.SubjectKind | None = ("user" if user else "team") if user or team else None
    found = transport.call(ops.LIST_GRANTS, c.ListGrants(subject_kind=kind, subject=user or team)).grants
    show_list(
        found,
        lambda one: {
            "grant": one.grant_id,
            "who": f"{one.subject_kind} {one.subject}".strip(),
            "role": one.role,
            "on": f"{one.target_kind} {one.target}".strip(),
            "by": one.created_by,
            "since": format_time(one.created_ms),
        },
        as_json,
        "No grants.",
    )


def _target(command: Any) -> Any:
    experiment = click.option("--experiment", help="Id of one, or a pattern of names: 'churn-*'.")
    model = click.option("--model", help="Name of a registered model, or a pattern.")
    endpoint = click.option("--endpoint", help="Name of an endpoint, or a pattern.")
    schedule = click.option("--schedule", help="Name of a schedule, or a pattern.")
    return experiment(model(endpoint(schedule(command))))


@grants.command("add")
@click.argument("role")
@click.option("--user", default="", help="Who gets it.")
@click.option("--team", default="", help="A team that gets it.")
@click.option("--everyone", is_flag=True, help="Everyone who is signed in gets it.")
@_target
@on_store
def add_grant(transport: Transport, as_json: bool, role: str, **given: Any) -> None:
    """Give a role: on the workspace, unless something in it is named."""
    subjects = [("user", given["user"])] if given["user"] else []
    subjects += [("team", given["team"])] if given["team"] else []
    subjects += [("everyone", "")] if given["everyone"] else []
    targets = [(kind, given[option]) for option, kind in _TARGETS.items() if given[option]]
    if len(subjects) != 1 or len(targets) > 1:
        options = ", ".join(f"--{option}" for option in _TARGETS)
        raise click.UsageError(f"Name one of --user, --team and --everyone, and at most one of {options}")
    [(kind, subject)] = subjects
    [(target_kind, target)] = targets or [("workspace", "")]
    request = c.CreateGrant(
        subject_kind=cast(c.SubjectKind, kind),
        subject=subject,
        target_kind=cast(c.GrantKind, target_kind),
        target=target,
        role=role,
    )
    made = transport.call(ops.CREATE_GRANT, request)
    show_done(f"Gave {role} by grant {made.grant_id}.", as_json, grant_id=made.grant_id)


@grants.command("remove")
@click.argument("grant_id")
@on_store
def remove_grant(transport: Transport, grant_id: str, as_json: bool) -> None:
    """Take a role back, at once."""
    trashed = transport.call(ops.DELETE_GRANT, c.GrantId(grant_id=grant_id))
    show_trashed(f"Took grant {grant_id} back.", trashed, as_json)


@grants.command("explain")
@click.argument("user")
@click.argument("operation")
@click.argument("target", default="")
@on_store
def explain(transport: Transport, as_json: bool, **question: str) -> None:
    """Say whether USER may do OPERATION (such as runs.get) to TARGET, and why; the exit status is 1 when not."""
    answer = transport.call(ops.EXPLAIN_ACCESS, c.Explain(**question))
    if as_json:
        show_json(answer)
    else:
        click.echo("yes" if answer.allowed else f"no, it needs {answer.permission!r}")
        for reason in answer.reasons:
            click.echo(f"  {reason}")
    if not answer.allowed:
        sys.exit(1)


@grants.command("roles")
@on_store
def list_roles(transport: Transport, as_json: bool) -> None:
    """List roles and what they permit."""
    show_list(
        transport.call(ops.LIST_ROLES, c.ListRoles()).roles,
        lambda one: {
            "role": one.role,
            "permits": ", ".join(one.permissions),
            "built in": one.built_in,
        },
        as_json,
    )


@grants.command("set-role")
@click.argument("role")
@click.option("--permit", "permissions", multiple=True, required=True, type=PERMISSION, help="May be repeated.")
@on_store
def set_role(transport: Transport, as_json: bool, role: str, permissions: tuple[str, ...]) -> None:
    """Create a role of one's own, or change what it permits."""
    transport.call(ops.SET_ROLE, c.SetRole(role=role, permissions=cast(Any, list(permissions))))
    show_done(f"Set the role {role}.", as_json)


@grants.command("delete-role")
@click.argument("role")
@on_store
def delete_role(transport: Transport, role: str, as_json: bool) -> None:
    """Move a role of one's own to the trash, with the grants of it."""
    trashed = transport.call(ops.DELETE_ROLE, c.RoleName(role=role))
    show_trashed(f"Deleted the role {role}.", trashed, as_json)
