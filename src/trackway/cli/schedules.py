"""Commands on schedules."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from trackway.api import operations as ops
from trackway.api import schedules as c
from trackway.base.errors import InvalidInput
from trackway.cli.output import format_time, on_store, show_done, show_list, show_more, show_one, show_trashed
from trackway.sdk.transport import Transport

OVERLAP = click.Choice(["skip", "queue", "cancel-previous", "allow"])
CATCH_UP = click.Choice(["none", "last", "all"])
STATE = click.Choice(c.TICK_STATES)


@click.group()
def schedules() -> None:
    """Have projects run by the clock. A server makes their times come, and a worker runs them."""


@schedules.command("create")
@click.argument("name")
@click.argument("cron")
@click.argument("project")
@click.option("-e", "--entry-point", default="main", show_default=True)
@click.option("-P", "--param", "params", multiple=True, help="NAME=VALUE; may be repeated.")
@click.option("--version", default="", help="Branch, tag or commit of a git project.")
@click.option("--experiment", default="", help="Experiment of the runs.")
@click.option("--backend", default="", help="What runs it; the worker's own machine when left out.")
@click.option("--backend-config", default="", help="JSON, or a file of it on the worker's machine.")
@click.option("--env-manager", default="", help="As trackway run takes it.")
@click.option("--time-zone", default="UTC", show_default=True, help="IANA name, such as Europe/Paris.")
@click.option("--catch-up", type=CATCH_UP, default="none", show_default=True, help="With times that nobody looked at.")
@click.option(
    "--catch-up-limit", type=int, default=10, show_default=True, help="Most times that `all` catches up with."
)
@click.option("--overlap", type=OVERLAP, default="skip", show_default=True, help="While an earlier one has not ended.")
@click.option("--paused", is_flag=True, help="Create it, but have no times come yet.")
@on_store
def create_schedule(transport: Transport, as_json: bool, name: str, cron: str, project: str, **given: Any) -> None:
    """Have PROJECT run at the times of CRON: minute hour day month weekday, or @daily and its like.

    PROJECT is a folder or address as the worker sees it.
    """
    launch = {field: given.pop(field) for field in c.Launch.__struct_fields__ if field in given and field != "params"}
    params = _read_params(given.pop("params"))
    given["overlap"] = given["overlap"].replace("-", "_")
    request = c.CreateSchedule(name=name, cron=cron, launch=c.Launch(uri=project, params=params, **launch), **given)
    made = transport.call(ops.CREATE_SCHEDULE, request)
    following = f"it runs next at {format_time(made.next_ms)} UTC" if made.next_ms is not None else "it is paused"
    show_done(f"Created schedule {name}; {following}.", as_json, name=name, next_ms=made.next_ms)


@schedules.command("list")
@click.option("--limit", default=100, show_default=True)
@on_store
def list_schedules(transport: Transport, limit: int, as_json: bool) -> None:
    """List schedules by name; times are UTC."""
    page = transport.call(ops.LIST_SCHEDULES, c.ListSchedules(limit=limit))
    show_list(
        page.schedules,
        lambda one: {
            "name": one.name,
            "cron": one.cron,
            "time zone": one.time_zone,
            "project": one.launch.uri,
            "entry point": one.launch.entry_point,
            "overlap": one.overlap,
            "next": format_time(one.next_ms) or "paused",
        },
        as_json,
        "No schedules.",
    )
    show_more(page.next_page_token, limit)


@schedules.command("get")
@click.argument("name")
@on_store
def get_schedule(transport: Transport, name: str, as_json: bool) -> None:
    """Show a schedule."""
    found = transport.call(ops.GET_SCHEDULE, c.ScheduleName(name=name))
    if as_json:
        show_one(found, as_json)
        return
    fields = msgspec.to_builtins(found)
    launch = {key: value for key, value in fields.pop("launch").items() if value}
    times = {key: format_time(fields.pop(f"{key}_ms")) for key in ("next", "created", "updated")}
    show_one(fields | times | {"launch": launch}, as_json)


@schedules.command("pause")
@click.argument("name")
@on_store
def pause_schedule(transport: Transport, name: str, as_json: bool) -> None:
    """Have no more times come, and nothing that waits begin; what is running goes on."""
    transport.call(ops.UPDATE_SCHEDULE, c.UpdateSchedule(name=name, paused=True))
    show_done(f"Paused schedule {name}.", as_json, name=name)


@schedules.command("resume")
@click.argument("name")
@on_store
def resume_schedule(transport: Transport, name: str, as_json: bool) -> None:
    """Have times come again, from now on."""
    found = transport.call(ops.UPDATE_SCHEDULE, c.UpdateSchedule(name=name, paused=False))
    following = format_time(found.next_ms)
    show_done(f"Resumed schedule {name}; it runs next at {following} UTC.", as_json, name=name, next_ms=found.next_ms)


@schedules.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def delete_schedule(transport: Transport, name: str, yes: bool, as_json: bool) -> None:
    """Move a schedule to the trash, with its history; what it runs is ended, and runs stay."""
    if not yes:
        click.confirm(f"Delete schedule {name} with its history?", abort=True)
    trashed = transport.call(ops.DELETE_SCHEDULE, c.ScheduleName(name=name))
    show_trashed(f"Deleted schedule {name}.", trashed, as_json, name=name)


@schedules.command("run-now")
@click.argument("name")
@on_store
def run_schedule(transport: Transport, name: str, as_json: bool) -> None:
    """Run a schedule's project now, also while it is paused; a worker does."""
    tick = transport.call(ops.RUN_SCHEDULE, c.ScheduleName(name=name))
    show_done(f"Queued {tick.tick_id}.", as_json, tick_id=tick.tick_id)


@schedules.command("cancel")
@click.argument("name")
@click.argument("tick_id")
@on_store
def cancel_tick(transport: Transport, name: str, tick_id: str, as_json: bool) -> None:
    """Have a time not run, or its run ended."""
    tick = transport.call(ops.CANCEL_TICK, c.CancelTick(name=name, tick_id=tick_id))
    done = "Cancelled." if tick.state == "cancelled" else "Its worker is told to end it."
    show_done(done, as_json, tick_id=tick_id, state=tick.state)


@schedules.command("history")
@click.argument("name")
@click.option("--state", type=STATE, help="Only those that are so.")
@click.option("--limit", default=100, show_default=True)
@on_store
def show_history(transport: Transport, name: str, as_json: bool, **given: Any) -> None:
    """List a schedule's times and what became of them, newest first; times are UTC."""
    page = transport.call(ops.LIST_TICKS, c.ListTicks(name=name, **given))
    show_list(
        page.ticks,
        lambda one: {
            "time": format_time(one.due_ms) + (" (by hand)" if one.manual else ""),
            "state": one.state,
            "worker": one.worker,
            "run": one.run_id,
            "started": format_time(one.started_ms),
            "ended": format_time(one.ended_ms),
            "what": one.error,
            "id": one.tick_id,
        },
        as_json,
        "No time has come yet.",
    )
    show_more(page.next_page_token, given["limit"])


def _read_params(texts: tuple[str, ...]) -> dict[str, str]:
    params: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{text!r} is no param: NAME=VALUE")
        if key in params:
            raise InvalidInput(f"The param {key!r} is there twice", hint="give it once")
        params[key] = value
    return params
