"""Commands on the trash."""

from __future__ import annotations

from typing import Any, get_args

import click

from trackway.api import operations as ops
from trackway.api import trash as z
from trackway.cli.experiments import show_purge
from trackway.cli.output import format_time, on_store, show_done, show_list, show_more
from trackway.sdk.transport import Transport


@click.group()
def trash() -> None:
    """Bring back what was deleted: models, versions, webhooks, schedules, teams, roles and the like.

    Of experiments and runs the commands are `trackway experiments restore` and `trackway runs restore`;
    `trackway gc` empties all of the trash.
    """


@trash.command("list")
@click.option("--kind", type=click.Choice(get_args(z.TrashKind)), help="Only of this kind.")
@click.option("--name", default="", help="Only what was called so.")
@click.option("--limit", default=100, show_default=True)
@on_store
def list_trash(transport: Transport, kind: Any, name: str, limit: int, as_json: bool) -> None:
    """List what you deleted, or as an administrator all that was, the last first."""
    page = transport.call(ops.SEARCH_TRASH, z.SearchTrash(kind=kind, name=name, limit=limit))
    show_list(
        page.entries,
        lambda one: {
            "id": one.trash_id,
            "kind": one.kind,
            "name": one.name,
            "deleted": format_time(one.deleted_ms),
            "by": one.deleted_by,
        },
        as_json,
        "Nothing of this is in the trash.",
    )
    show_more(page.next_page_token, limit)


@trash.command("restore")
@click.argument("trash_id")
@on_store
def restore_trash(transport: Transport, trash_id: str, as_json: bool) -> None:
    """Bring something back, as it was."""
    found = transport.call(ops.RESTORE_TRASH, z.TrashId(trash_id=trash_id))
    what = f"{found.kind.replace('_', ' ').capitalize()} {found.name}"
    show_done(f"{what} is back.", as_json, kind=found.kind, name=found.name)


@trash.command("purge")
@click.argument("trash_ids", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def purge_trash(transport: Transport, trash_ids: tuple[str, ...], dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove things of the trash for good, with the files of versions."""
    if not (dry_run or yes):
        click.confirm(f"Remove {', '.join(trash_ids)} for good?", abort=True)
    request = z.PurgeEntries(trash_ids=list(trash_ids), dry_run=dry_run)
    show_purge(transport.call(ops.PURGE_ENTRIES, request), as_json)
