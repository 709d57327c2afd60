"""Commands on legal holds."""

from __future__ import annotations

import click

from trackway.api import holds as h
from trackway.api import operations as ops
from trackway.cli.output import format_time, on_store, show_done, show_list, show_one
from trackway.sdk.transport import Transport


@click.group()
def holds() -> None:
    """Keep things from being removed for good, whatever people and policies do."""


@holds.command("list")
@on_store
def list_holds(transport: Transport, as_json: bool) -> None:
    """List holds: on what, since when, by whom and why."""
    show_list(
        transport.call(ops.LIST_HOLDS, h.ListHolds()).holds,
        lambda one: {
            "hold": one.hold_id,
            "kind": one.target_kind,
            "target": one.target,
            "since": format_time(one.created_ms),
            "by": one.created_by,
            "reason": one.reason,
        },
        as_json,
        "Nothing is held.",
    )


@holds.command("place")
@click.option("--experiment", metavar="ID", help="An experiment with its runs, models and files.")
@click.option("--model", metavar="NAME", help="A registered model with its versions.")
@click.option("--reason", required=True, help="Why: the audit log keeps it.")
@on_store
def place_hold(transport: Transport, as_json: bool, experiment: str | None, model: str | None, reason: str) -> None:
    """Hold an experiment, a registered model, or without either the whole workspace."""
    if experiment is not None and model is not None:
        raise click.UsageError("Name an experiment or a model, not both.")
    request = h.CreateHold(target_kind="workspace", reason=reason)
    if experiment is not None:
        request = h.CreateHold(target_kind="experiment", target=experiment, reason=reason)
    elif model is not None:
        request = h.CreateHold(target_kind="registered_model", target=model, reason=reason)
    show_one(transport.call(ops.CREATE_HOLD, request), as_json)


@holds.command("release")
@click.argument("hold_id")
@click.option("--reason", required=True, help="Why: the audit log keeps it.")
@on_store
def release_hold(transport: Transport, as_json: bool, hold_id: str, reason: str) -> None:
    """Release a hold."""
    transport.call(ops.RELEASE_HOLD, h.ReleaseHold(hold_id=hold_id, reason=reason))
    show_done(f"Released the hold {hold_id}.", as_json)
