"""What a retention policy takes, what is kept from it, and what went lately."""

from __future__ import annotations

import time

import click

from trackway.api import operations as ops
from trackway.api import retention as t
from trackway.api.experiments import PurgeReport
from trackway.cli.output import count, format_time, on_store, parse_age, show_json, show_rows
from trackway.sdk.progress import format_bytes
from trackway.sdk.transport import Transport


@click.command()
@click.option("--policy", default=None, help="As if the server purged after so long, such as 30d; else as it is set.")
@click.option("--since", default="30d", show_default=True, help="How far back to list what was removed.")
@on_store
def retention(transport: Transport, as_json: bool, policy: str | None, since: str) -> None:
    """Say what the policy takes of the trash, and when.

    Then: what legal holds and registered versions keep from it, and what was removed lately.
    Nothing is changed by this. `trackway gc --policy 30d` sets the policy, `trackway holds place` keeps things from it.
    """
    request = t.GetRetentionReport(
        trash_ms=None if policy is None else parse_age(policy),
        since_ms=max(0, int(time.time() * 1_000) - parse_age(since)),
    )
    report = transport.call(ops.GET_RETENTION_REPORT, request)
    if as_json:
        show_json(report)
        return
    rows = [
        {
            "experiment": f"{one.name} ({one.experiment_id}){', all of it' if one.is_whole else ''}",
            "since": format_time(one.oldest_ms),
            "goes from": format_time(one.next_ms),
            "in the trash": _tell(one.contents),
            "due now": _tell(one.due),
            "held": _tell(one.held),
            "needed by versions": one.needed or "",
        }
        for one in report.experiments
    ]
    others = report.contents.objects + report.held.objects
    show_rows(rows, as_json, "No experiment has anything in the trash." if others else "The trash is empty.")
    if others:
        click.echo(f"Beside experiments: {count(others, 'thing')}; trackway trash list shows them.")
    if report.trash_ms is None:
        click.echo("There is no policy: nothing goes by itself.")
    else:
        due, held = _tell(report.due) or "nothing", _tell(report.held) or "nothing"
        click.echo(f"Due now: {due}. Kept by legal holds: {held}.")
    if not report.complete:
        click.echo("There is more in the trash: the oldest part of it was looked at.", err=True)
    for entry in report.removals:
        click.echo(f"{format_time(entry.time_ms)} {entry.actor} {entry.operation}: {entry.detail}")


def _tell(report: PurgeReport) -> str:
    counts = [count(getattr(report, f"{name}s"), name) for name in ("experiment", "run", "model")]
    counts.append(count(report.objects, "other thing"))
    told = ", ".join(text for text in counts if not text.startswith("0 "))
    return f"{told} ({format_bytes(report.file_bytes)})" if told else ""
