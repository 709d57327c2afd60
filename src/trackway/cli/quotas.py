"""Commands on what a workspace may hold, and on the limits of every request."""

from __future__ import annotations

import click

from trackway.api import operations as ops
from trackway.api.quotas import GetLimits, GetUsage, SetQuota
from trackway.base.errors import NotFound
from trackway.cli.output import on_store, show_json, show_one, show_rows
from trackway.sdk.transport import Transport


@click.group()
def quotas() -> None:
    """See what the workspace holds, and limit it."""


@quotas.command("get")
@on_store
def get_usage(transport: Transport, as_json: bool) -> None:
    """Count runs, points of metrics, bytes of files and requests, and show the quota."""
    show_one(transport.call(ops.GET_USAGE, GetUsage()), as_json)


@quotas.command("set")
@click.option("--runs", type=int, help="Most runs.")
@click.option("--points", type=int, help="Most points of all metrics.")
@click.option("--bytes", "size_bytes", type=int, help="Most bytes of all files.")
@click.option("--requests", type=int, metavar="PER_MINUTE", help="Most requests a minute.")
@on_store
def set_quota(
    transport: Transport,
    as_json: bool,
    runs: int | None,
    points: int | None,
    size_bytes: int | None,
    requests: int | None,
) -> None:
    """Limit what the workspace may hold and ask; what is not given has no limit."""
    request = SetQuota(runs=runs, points=points, size_bytes=size_bytes, requests_per_minute=requests)
    show_one(transport.call(ops.SET_QUOTA, request), as_json)


@click.command("limits")
@click.argument("word", default="")
@on_store
def show_limits(transport: Transport, word: str, as_json: bool) -> None:
    """Show the limits that are in force, or those with WORD in their names, such as `param`."""
    told = transport.call(ops.GET_LIMITS, GetLimits()).limits
    found = {name: most for name, most in told.items() if word.lower() in name}
    if not found:
        raise NotFound(f"No limit has {word[:100]!r} in its name", hint="trackway limits shows all of them")
    if as_json:
        show_json(found)
    else:
        show_rows([{"limit": name, "value": f"{most:,}"} for name, most in found.items()], as_json)
