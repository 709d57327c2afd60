"""Commands on workspaces and their members."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from trackway.api import access as c
from trackway.api import operations as ops
from trackway.api import workspaces as w
from trackway.base.addresses import hide_credentials
from trackway.base.errors import InvalidInput
from trackway.cli.exchange import check_file, save_bundle
from trackway.cli.output import format_time, on_store, show_done, show_json, show_list, show_one, show_rows
from trackway.exchange.workspace_tracks import WorkspaceTracks
from trackway.sdk.connection import complete_uri, get_tracking_uri, get_transport, is_local, resolve_uri, set_workspace
from trackway.sdk.transport import Transport
from trackway.store.workspaces import DEFAULT


@click.group()
def workspaces() -> None:
    """Keep apart what is nobody else's business: what one workspace has is not there for another."""


@workspaces.command("list")
@on_store
def list_workspaces(transport: Transport, as_json: bool) -> None:
    """List the workspaces that you have a role in; all of them for an administrator."""
    found = transport.call(ops.LIST_WORKSPACES, w.ListWorkspaces()).workspaces
    here = transport.call(ops.WHO_AM_I, c.WhoAmI()).workspace
    show_list(
        found,
        lambda one: {
            "name": one.name,
            "here": "*" if one.name == here else "",
            "archived": "archived" if one.archived else "",
            "created": format_time(one.created_ms),
            "description": one.description,
        },
        as_json,
    )


@workspaces.command("create")
@click.argument("name")
@click.option("--description", default="", help="What it is for.")
@click.option("--admin", "admins", multiple=True, metavar="USER", help="Who looks after it; may be repeated.")
@on_store
def create_workspace(transport: Transport, as_json: bool, name: str, description: str, admins: tuple[str, ...]) -> None:
    """Create a workspace."""
    request = w.CreateWorkspace(name=name, description=description, admins=list(admins))
    show_one(transport.call(ops.CREATE_WORKSPACE, request), as_json)


@workspaces.command("update")
@click.argument("name")
@click.option("--name", "new_name", help="Another name; addresses with the old one lead nowhere any more.")
@click.option("--description", help="What it is for.")
@click.option("--archive/--restore", "archived", default=None, help="Let nothing in it be changed, or again.")
@on_store
def update_workspace(
    transport: Transport,
    as_json: bool,
    name: str,
    new_name: str | None,
    description: str | None,
    archived: bool | None,
) -> None:
    """Rename, describe or archive a workspace."""
    request = w.UpdateWorkspace(name=name, new_name=new_name, description=description, archived=archived)
    show_one(transport.call(ops.UPDATE_WORKSPACE, request), as_json)


@workspaces.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def delete_workspace(transport: Transport, as_json: bool, name: str, yes: bool) -> None:
    """Delete a workspace that has nothing, with its teams, roles, grants and audit log."""
    if not yes:
        click.confirm(f"Delete the workspace {name} with its teams, roles, grants and audit log?", abort=True)
    transport.call(ops.DELETE_WORKSPACE, w.WorkspaceName(name=name))
    show_done(f"Deleted the workspace {name}.", as_json)


@workspaces.command("erase")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def erase_workspace(transport: Transport, as_json: bool, name: str, dry_run: bool, yes: bool) -> None:
    """Remove an archived workspace with all that it has, for good."""
    if not dry_run and not yes:
        click.confirm(f"Remove the workspace {name} with all that it has, for good?", abort=True)
    total = dict.fromkeys(w.ErasedWorkspace.__struct_fields__, 0)
    while True:
        step = transport.call(ops.ERASE_WORKSPACE, w.EraseWorkspace(name=name, dry_run=dry_run))
        for field, value in msgspec.to_builtins(step).items():
            total[field] = total[field] + value if type(value) is int else value
        if dry_run or step.complete:
            break
    show_one(msgspec.convert(total, w.ErasedWorkspace), as_json)


@workspaces.command("export")
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--restart", is_flag=True, help="Do not go on with an export that broke off.")
@click.option("--uri", default="", help="Server or local store [TRACKWAY_TRACKING_URI; default: ./tracks].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def export_workspace(name: str, file: Path, uri: str, as_json: bool, force: bool, restart: bool) -> None:
    """Write all that a workspace has into one file, its trash and its audit log with it.

    This needs the role admin on the workspace. `trackway import FILE` brings it into another workspace or server; after
    a cut the same command goes on where it was. A local store has one workspace, default.
    """
    check_file(file, force)
    address = complete_uri(uri) if uri else get_tracking_uri()
    if not (is_local(address) and name == DEFAULT.name):
        set_workspace(name)
        address = resolve_uri(address)
    transport, label = get_transport(address), hide_credentials(address)
    if transport.call(ops.WHO_AM_I, c.WhoAmI()).workspace != name:
        raise InvalidInput(f"{label} is not the workspace {name!r}", hint="leave /w/... out of the address")
    history = WorkspaceTracks(transport, label)
    save_bundle(history, file, as_json, subject=f"workspace {name}", restart=restart)


@workspaces.command("choose")
@click.argument("name")
@on_store
def choose_workspace(transport: Transport, as_json: bool, name: str) -> None:
    """Set the workspace that your requests are for when they name none."""
    transport.call(ops.CHOOSE_WORKSPACE, w.WorkspaceName(name=name))
    show_done(f"Your requests are for {name} unless they name another.", as_json)


@workspaces.command("members")
@on_store
def list_members(transport: Transport, as_json: bool) -> None:
    """List who has which role in the whole workspace; `trackway grants --help` says how it is changed."""
    found = transport.call(ops.LIST_GRANTS, c.ListGrants(target_kind="workspace")).grants
    teams = {one.team: one.members for one in transport.call(ops.LIST_TEAMS, c.ListTeams()).teams}
    rows = [
        {
            "who": one.subject or "everyone",
            "kind": one.subject_kind,
            "role": one.role,
            "members": (teams if one.subject_kind == "team" else {}).get(one.subject, []),
        }
        for one in found
    ]
    if as_json:
        show_json(rows)
        return
    show_rows([{**row, "members": ", ".join(row["members"])} for row in rows], False, "Nobody has a role here.")
