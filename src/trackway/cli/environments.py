"""Commands about the environments that are kept for projects and models."""

from __future__ import annotations

import click

from trackway.cli.output import count, format_time, parse_age, show_json, show_rows
from trackway.environments.kept import collect_environments, list_environments
from trackway.sdk import settings
from trackway.sdk.caches import get_cache

_SHOWN = 4


@click.group()
def environments() -> None:
    """Look after the environments that are kept for projects and models on this machine."""


@environments.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def list_kept(as_json: bool) -> None:
    """List them: what is in each, how large it is, when it was asked for last."""
    found = list_environments(get_cache("environments"))
    if as_json:
        show_json(found)
        return
    rows = [
        {
            "environment": one.name,
            "by": one.manager,
            "MB": f"{one.size_bytes / 1e6:,.0f}",
            "last used": format_time(one.used_ms),
            "in use": "yes" if one.held else "",
            "packages": ", ".join(one.packages[:_SHOWN]) + (", ..." if len(one.packages) > _SHOWN else ""),
        }
        for one in found
    ]
    show_rows(rows, as_json=False, empty="No environment is kept.")


@environments.command()
@click.option("--unused", metavar="AGE", help="Those that nobody asked for in so long, such as 7d or 12h; 0s for all.")
@click.option("--dry-run", is_flag=True, help="Only say which.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def prune(unused: str | None, dry_run: bool, as_json: bool) -> None:
    """Delete those that nobody asked for in some time, and no process uses.

    They are made anew when they are needed. Without --unused it is TRACKWAY_ENVIRONMENT_DAYS.
    """
    days = settings.get_number("TRACKWAY_ENVIRONMENT_DAYS")
    unused_s = parse_age(unused) / 1000 if unused else days * 86_400
    cache = get_cache("environments")
    sizes = {one.name: one.size_bytes for one in list_environments(cache)}
    gone = [path.name for path in collect_environments(cache, unused_s, dry_run=dry_run) if path.name in sizes]
    size_bytes = sum(sizes[name] for name in gone)
    if as_json:
        show_json({"deleted": gone, "size_bytes": size_bytes, "dry_run": dry_run})
        return
    for name in gone:
        click.echo(name)
    verb = "would be" if dry_run else "were"
    click.echo(f"{count(len(gone), 'environment')} {verb} deleted, {size_bytes / 1e6:,.0f} MB.")
