"""Commands on sessions: where somebody is signed in with a browser, and who has tried."""

from __future__ import annotations

import click

from trackway.api import access as c
from trackway.api import operations as ops
from trackway.cli.output import count, format_time, on_store, show_done, show_list
from trackway.sdk.transport import Transport

WHOSE = click.option("--user", default="", help="Whose; yours when left out.")


@click.group()
def sessions() -> None:
    """See where you are signed in with a browser, and end that; administrators do so for others."""


@sessions.command("list")
@WHOSE
@on_store
def list_sessions(transport: Transport, user: str, as_json: bool) -> None:
    """List sessions, the one that was used last first."""
    show_list(
        transport.call(ops.LIST_SESSIONS, c.ListSessions(user=user)).sessions,
        lambda one: {
            "session": one.session_id,
            "client": one.client,
            "address": one.address,
            "since": format_time(one.created_ms),
            "used": format_time(one.used_ms),
            "expires": format_time(one.expires_ms),
        },
        as_json,
        "No sessions.",
    )


@sessions.command("end")
@click.argument("session_id", required=False, default="")
@click.option("--all", "ends_all", is_flag=True, help="All of them.")
@WHOSE
@on_store
def end_sessions(transport: Transport, as_json: bool, session_id: str, ends_all: bool, user: str) -> None:
    """End a session, at once, or all of them."""
    if ends_all == bool(session_id):
        raise click.UsageError("Name a session, or give --all.")
    if ends_all:
        ended = transport.call(ops.DELETE_OTHER_SESSIONS, c.DeleteOtherSessions(user=user)).ended
        show_done(f"Ended {count(ended, 'session')}.", as_json, ended=ended)
        return
    transport.call(ops.DELETE_SESSION, c.SessionId(session_id=session_id, user=user))
    show_done(f"Ended {session_id}.", as_json)


@sessions.command("sign-ins")
@click.option("--limit", default=50, show_default=True)
@WHOSE
@on_store
def list_sign_ins(transport: Transport, as_json: bool, limit: int, user: str) -> None:
    """List sign-ins, good and refused, newest first."""
    show_list(
        transport.call(ops.LIST_SIGN_INS, c.ListSignIns(user=user, limit=limit)).sign_ins,
        lambda one: {
            "time": format_time(one.time_ms),
            "outcome": one.outcome,
            "address": one.address,
            "means": one.means,
        },
        as_json,
        "No sign-ins.",
    )
