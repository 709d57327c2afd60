"""Commands on endpoints."""

from __future__ import annotations

import click

from trackway.api import endpoints as d
from trackway.api import operations as ops
from trackway.cli.output import format_time, on_store, show_json, show_more, show_one, show_rows, show_trashed
from trackway.sdk.transport import Transport


@click.group()
def endpoints() -> None:
    """See where registered models are served. `trackway models serve` announces its servers itself."""


@endpoints.command("list")
@click.option("--model", default="", help="Those that serve this registered model now.")
@click.option("--version", type=int, help="Those that serve this version of it now.")
@click.option("--limit", default=100, show_default=True)
@on_store
def list_endpoints(transport: Transport, as_json: bool, model: str, version: int | None, limit: int) -> None:
    """List endpoints by name, with their servers; times are UTC."""
    page = transport.call(ops.LIST_ENDPOINTS, d.ListEndpoints(model=model, version=version, limit=limit))
    if as_json:
        show_json(page.endpoints)
    else:
        rows = [{"name": one.name} | _describe(server) for one in page.endpoints for server in one.servers]
        rows += [{"name": one.name} for one in page.endpoints if not one.servers]
        show_rows(rows, as_json, "No endpoints.")
    show_more(page.next_page_token, limit)


@endpoints.command("get")
@click.argument("name")
@on_store
def get_endpoint(transport: Transport, name: str, as_json: bool) -> None:
    """Show an endpoint."""
    found = transport.call(ops.GET_ENDPOINT, d.EndpointName(name=name))
    if as_json:
        show_one(found, as_json)
        return
    made = {"name": found.name, "created_by": found.created_by, "created": format_time(found.created_ms)}
    servers = {f"server {server.server_id}": _describe(server) for server in found.servers}
    show_one(made | servers, as_json)


@endpoints.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def delete_endpoint(transport: Transport, name: str, yes: bool, as_json: bool) -> None:
    """Move an endpoint that nobody serves to the trash, with the roles that were given on it."""
    if not yes:
        click.confirm(f"Forget endpoint {name}?", abort=True)
    trashed = transport.call(ops.DELETE_ENDPOINT, d.EndpointName(name=name))
    show_trashed(f"Forgot endpoint {name}.", trashed, as_json, name=name)


def _describe(server: d.EndpointServer) -> dict[str, str]:
    return {
        "state": server.state,
        "model": f"{server.model}/{server.version}" if server.model else "",
        "follows": server.follows,
        "address": server.address,
        "by": server.announced_by,
        "since": format_time(server.version_since_ms),
    }
