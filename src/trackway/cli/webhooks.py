"""Commands on webhooks."""

from __future__ import annotations

import sys
from typing import Any

import click

from trackway.api import operations as ops
from trackway.api import webhooks as w
from trackway.cli.output import (
    format_time,
    on_store,
    show_done,
    show_list,
    show_more,
    show_one,
    show_rows,
    show_trashed,
)
from trackway.sdk.transport import Transport
from trackway.sdk.webhooks import read_event, send_test

EVENT = click.Choice(list(w.EVENT_KINDS))
SECRET = click.Path(dir_okay=False, allow_dash=True)
STATE = click.Choice(["pending", "delivered", "dead"])


@click.group()
def webhooks() -> None:
    """Have others told of what happens to models and runs. A server delivers; `trackway server` has the settings."""


@webhooks.command("list")
@click.option("--limit", default=100, show_default=True)
@on_store
def list_webhooks(transport: Transport, limit: int, as_json: bool) -> None:
    """List webhooks, oldest first."""
    page = transport.call(ops.LIST_WEBHOOKS, w.ListWebhooks(limit=limit))
    show_list(
        page.webhooks,
        lambda one: {
            "webhook": one.webhook_id,
            "name": one.name,
            "url": one.url,
            "events": ", ".join(one.events),
            "enabled": one.enabled,
            "signed": one.signed,
        },
        as_json,
        "No webhooks.",
    )
    show_more(page.next_page_token, limit)


@webhooks.command("create")
@click.argument("name")
@click.argument("url")
@click.option(
    "--event",
    "-e",
    "events",
    multiple=True,
    required=True,
    type=EVENT,
    metavar="EVENT",
    help="Such as model_version.created; may be repeated.",
)
@click.option("--secret-file", type=SECRET, help="File (- for standard input) whose first line signs.")
@click.option("--description", default="", help="What it is for.")
@click.option("--disabled", is_flag=True, help="Create it, but tell it of nothing yet.")
@on_store
def create_webhook(transport: Transport, as_json: bool, name: str, url: str, **given: Any) -> None:
    """Have URL told of events."""
    request = w.CreateWebhook(
        name=name,
        url=url,
        events=[read_event(event) for event in given["events"]],
        secret=_read_secret(given["secret_file"]),
        description=given["description"],
        enabled=not given["disabled"],
    )
    made = transport.call(ops.CREATE_WEBHOOK, request)
    show_done(f"Created webhook {made.webhook_id}.", as_json, webhook_id=made.webhook_id)


@webhooks.command("get")
@click.argument("webhook_id")
@on_store
def get_webhook(transport: Transport, webhook_id: str, as_json: bool) -> None:
    """Show a webhook; its secret is shown to nobody."""
    show_one(transport.call(ops.GET_WEBHOOK, w.WebhookId(webhook_id=webhook_id)), as_json)


@webhooks.command("update")
@click.argument("webhook_id")
@click.option("--name")
@click.option("--url")
@click.option(
    "--event",
    "-e",
    "events",
    multiple=True,
    type=EVENT,
    metavar="EVENT",
    help="In place of those it has; may be repeated.",
)
@click.option("--secret-file", type=SECRET, help="File (- for standard input) with a new secret, or none.")
@click.option("--description")
@click.option("--enable/--disable", "enabled", default=None, help="Whether it is told of anything.")
@on_store
def update_webhook(transport: Transport, as_json: bool, webhook_id: str, **given: Any) -> None:
    """Change a webhook; what is not given stays."""
    request = w.UpdateWebhook(
        webhook_id=webhook_id,
        name=given["name"],
        url=given["url"],
        events=[read_event(event) for event in given["events"]] or None,
        secret=None if given["secret_file"] is None else _read_secret(given["secret_file"]),
        description=given["description"],
        enabled=given["enabled"],
    )
    transport.call(ops.UPDATE_WEBHOOK, request)
    show_done(f"Changed webhook {webhook_id}.", as_json)


@webhooks.command("delete")
@click.argument("webhook_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def delete_webhook(transport: Transport, webhook_id: str, yes: bool, as_json: bool) -> None:
    """Move a webhook to the trash, with all that waits for it."""
    if not yes:
        click.confirm(f"Delete webhook {webhook_id} with all that waits for it?", abort=True)
    trashed = transport.call(ops.DELETE_WEBHOOK, w.WebhookId(webhook_id=webhook_id))
    show_trashed(f"Deleted webhook {webhook_id}.", trashed, as_json)


@webhooks.command("test")
@click.argument("webhook_id")
@click.option("--event", "-e", type=EVENT, metavar="EVENT", help="Of this kind; its first one when left out.")
@on_store
def test_webhook(transport: Transport, webhook_id: str, event: str | None, as_json: bool) -> None:
    """Send an example, and say what came of it; the exit status is 1 unless it arrived."""
    delivery = send_test(transport, webhook_id, None if event is None else read_event(event))
    what = "It waits to be delivered, which a server does."
    if delivery.attempts:
        what = f"{delivery.state}: {_describe(delivery.attempts[-1])}"
    show_done(what, as_json, state=delivery.state, delivery_id=delivery.delivery_id)
    if delivery.state != "delivered":
        sys.exit(1)


@webhooks.command("deliveries")
@click.argument("webhook_id")
@click.option("--state", type=STATE, help="Only those that are so.")
@click.option("--limit", default=100, show_default=True)
@on_store
def list_deliveries(transport: Transport, as_json: bool, webhook_id: str, **given: Any) -> None:
    """List what was, is, or could not be delivered, newest first."""
    page = transport.call(ops.LIST_DELIVERIES, w.ListDeliveries(webhook_id=webhook_id, **given))
    show_list(
        page.deliveries,
        lambda one: {
            "delivery": one.delivery_id,
            "event": one.event,
            "happened": format_time(one.created_ms),
            "state": one.state,
            "attempts": len(one.attempts),
            "last": _describe(one.attempts[-1]) if one.attempts else "",
            "next": format_time(one.next_ms),
        },
        as_json,
        "No deliveries.",
    )
    show_more(page.next_page_token, given["limit"])


@webhooks.command("delivery")
@click.argument("webhook_id")
@click.argument("delivery_id")
@on_store
def show_delivery(transport: Transport, as_json: bool, **name: str) -> None:
    """Show a delivery: its body, and each attempt."""
    delivery = transport.call(ops.GET_DELIVERY, w.DeliveryName(**name))
    if as_json:
        show_one(delivery, as_json)
        return
    fields = ("delivery_id", "event", "state", "body")
    show_one({field: getattr(delivery, field) for field in fields}, as_json)
    attempts = [
        {"attempt": format_time(one.time_ms), "came of it": _describe(one), "ms": one.took_ms}
        for one in delivery.attempts
    ]
    show_rows(attempts, as_json, "It was not tried yet.")


@webhooks.command("replay")
@click.argument("webhook_id")
@click.argument("delivery_id")
@on_store
def replay_delivery(transport: Transport, as_json: bool, **name: str) -> None:
    """Send once more what was delivered or given up, under the id that it has."""
    transport.call(ops.REPLAY_DELIVERY, w.DeliveryName(**name))
    show_done(f"Delivery {name['delivery_id']} is sent again.", as_json)


def _describe(attempt: w.DeliveryAttempt) -> str:
    return f"status {attempt.status}" if attempt.status else attempt.error


def _read_secret(path: str | None) -> str:
    if path is None:
        return ""
    try:
        with click.open_file(path) as file:
            return str(file.readline()).rstrip("\r\n")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
