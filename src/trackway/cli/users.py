"""Commands on users and tokens."""

from __future__ import annotations

import sys
import time

import click

from trackway.api import access as c
from trackway.api import operations as ops
from trackway.cli.output import format_time, on_store, show_done, show_list, show_more, show_one
from trackway.sdk.transport import HttpTransport, Transport

DAY_MS = 86_400_000
PASSWORD = click.option(
    "--password-file",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="File (- for standard input) whose first line is the password.",
)


@click.group()
def users() -> None:
    """Say who may sign in. On a server's own database (--uri) this needs no sign-in."""


@users.command("list")
@click.option("--limit", default=1_000, show_default=True)
@on_store
def list_users(transport: Transport, limit: int, as_json: bool) -> None:
    """List users by name."""
    page = transport.call(ops.LIST_USERS, c.ListUsers(limit=limit))
    show_list(
        page.users,
        lambda one: {
            "name": one.name,
            "kind": one.kind,
            "administrator": one.is_admin,
            "disabled": one.disabled,
            "password": one.has_password,
            "created": format_time(one.created_ms),
        },
        as_json,
        "No users.",
    )
    show_more(page.next_page_token, limit)


@users.command("create")
@click.argument("name")
@click.option("--service", is_flag=True, help="A service account: it has tokens and no password.")
@click.option("--admin", "is_admin", is_flag=True, help="An administrator of the whole installation.")
@PASSWORD
@on_store
def create_user(
    transport: Transport, as_json: bool, name: str, service: bool, is_admin: bool, password_file: str | None
) -> None:
    """Create a user. Without a password the answer is an invitation, which sets one."""
    request = c.CreateUser(
        name=name, kind="service" if service else "user", is_admin=is_admin, password=_read_password(password_file)
    )
    _show_invitation(transport, transport.call(ops.CREATE_USER, request), f"Created {name}.", as_json)


@users.command("invite")
@click.argument("name")
@on_store
def invite_user(transport: Transport, name: str, as_json: bool) -> None:
    """Make a new invitation, which sets another password; those that were made before end."""
    _show_invitation(transport, transport.call(ops.INVITE_USER, c.UserName(name=name)), f"Invited {name}.", as_json)


@users.command("get")
@click.argument("name")
@on_store
def get_user(transport: Transport, name: str, as_json: bool) -> None:
    """Show a user."""
    show_one(transport.call(ops.GET_USER, c.UserName(name=name)), as_json)


@users.command("update")
@click.argument("name")
@click.option("--admin/--no-admin", "is_admin", default=None, help="Administrator of the whole installation or not.")
@click.option("--disable/--enable", "disabled", default=None, help="Who is disabled is out at once.")
@on_store
def update_user(transport: Transport, as_json: bool, name: str, is_admin: bool | None, disabled: bool | None) -> None:
    """Disable or enable a user, or make one an administrator."""
    transport.call(ops.UPDATE_USER, c.UpdateUser(name=name, is_admin=is_admin, disabled=disabled))
    show_done(f"Changed {name}.", as_json)


@users.command("password")
@click.argument("name")
@PASSWORD
@on_store
def set_password(transport: Transport, as_json: bool, name: str, password_file: str | None) -> None:
    """Set a user's password; all sessions of the user end."""
    password = _read_password(password_file) or click.prompt("New password", hide_input=True, confirmation_prompt=True)
    transport.call(ops.SET_PASSWORD, c.SetPassword(name=name, password=password))
    show_done(f"Set the password of {name}.", as_json)


@users.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def delete_user(transport: Transport, name: str, yes: bool, as_json: bool) -> None:
    """Delete a user with all tokens and grants."""
    if not yes:
        click.confirm(f"Delete {name} with all tokens and grants?", abort=True)
    transport.call(ops.DELETE_USER, c.UserName(name=name))
    show_done(f"Deleted {name}.", as_json)


@users.command("erase")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only count where the name is.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def erase_user(transport: Transport, name: str, as_json: bool, dry_run: bool, yes: bool) -> None:
    """Delete a user, and put a pseudonym wherever the name is: in runs, notes, the registry and audit logs."""
    if not dry_run and not yes:
        click.confirm(f"Delete {name}, and put a pseudonym wherever the name is? It cannot be undone.", abort=True)
    show_one(transport.call(ops.ERASE_USER, c.EraseUser(name=name, dry_run=dry_run)), as_json)


@users.command("whoami")
@on_store
def who_am_i(transport: Transport, as_json: bool) -> None:
    """Show who one is to the server."""
    show_one(transport.call(ops.WHO_AM_I, c.WhoAmI()), as_json)


@click.group()
def tokens() -> None:
    """Make and revoke tokens, which programs send in place of a password."""


@tokens.command("create")
@click.argument("name")
@click.option("--user", default="", help="Whose; yours when left out.")
@click.option(
    "--role",
    default="",
    help="The most that it permits: reader, editor, manager; all when left out; provisioner for SCIM.",
)
@click.option("--days", default=90, show_default=True, type=click.IntRange(0), help="How long it lasts; 0 for ever.")
@click.option("--only-in", default="", metavar="NAME", help="The one workspace that it is for.")
@on_store
def create_token(transport: Transport, as_json: bool, name: str, days: int, **bounds: str) -> None:
    """Make a token. It is shown this once."""
    expires_ms = time.time_ns() // 1_000_000 + days * DAY_MS if days else 0
    request = c.CreateToken(name=name, expires_ms=expires_ms, workspace=bounds.pop("only_in"), **bounds)
    made = transport.call(ops.CREATE_TOKEN, request)
    if not as_json:
        click.echo("It is shown this once. Set TRACKWAY_TRACKING_TOKEN (or MLFLOW_TRACKING_TOKEN) to it.", err=True)
    show_done(made.secret, as_json, token_id=made.token.token_id, secret=made.secret)


@tokens.command("list")
@click.option("--user", default="", help="Whose; yours when left out.")
@on_store
def list_tokens(transport: Transport, user: str, as_json: bool) -> None:
    """List tokens, oldest first."""
    show_list(
        transport.call(ops.LIST_TOKENS, c.ListTokens(user=user)).tokens,
        lambda one: {
            "token": one.token_id,
            "name": one.name,
            "user": one.user,
            "role": one.role or "all that the user may",
            "workspace": one.workspace or "all",
            "created": format_time(one.created_ms),
            "expires": format_time(one.expires_ms) if one.expires_ms else "never",
        },
        as_json,
        "No tokens.",
    )


@tokens.command("revoke")
@click.argument("token_id")
@click.option("--user", default="", help="Whose; yours when left out.")
@on_store
def revoke_token(transport: Transport, token_id: str, user: str, as_json: bool) -> None:
    """Revoke a token, at once."""
    transport.call(ops.DELETE_TOKEN, c.TokenId(token_id=token_id, user=user))
    show_done(f"Revoked {token_id}.", as_json)


def _show_invitation(transport: Transport, made: c.CreatedUser, done: str, as_json: bool) -> None:
    show_done(done, as_json, name=made.user.name, invitation=made.invitation)
    if made.invitation and not as_json:
        server = transport.address if isinstance(transport, HttpTransport) else "<address of the server>"
        click.echo(f"Send the link, which works once within a week: {server}/join#{made.invitation}")


def _read_password(path: str | None) -> str:
    if path is None:
        return ""
    try:
        with click.open_file(path) as file:
            return str(file.readline()).rstrip("\r\n")
    except OSError as error:
        click.echo(f"{path} cannot be read: {error.strerror}", err=True)
        sys.exit(2)
