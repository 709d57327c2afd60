"""Commands on the audit log."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from trackway.api import operations as ops
from trackway.api import retention as t
from trackway.base.errors import InvalidInput
from trackway.cli.output import format_time, on_store, parse_age, show_done, show_json, show_list, show_more
from trackway.exchange.audit import verify_audit as verify_copy
from trackway.exchange.bundle_reader import Bundle
from trackway.sdk.transport import Transport

PAGE = 1_000
DAY_MS = 86_400_000


@click.group()
def audit() -> None:
    """Read, check and keep the record of who did what."""


@audit.command("search")
@click.option("--actor", default="", help="Such as user:ann.")
@click.option("--operation", default="", help="Such as experiments.delete.")
@click.option("--object", "target", default="", help="Such as an experiment's id.")
@click.option("--limit", default=100, show_default=True)
@on_store
def search_audit(transport: Transport, as_json: bool, target: str, limit: int, **given: Any) -> None:
    """List entries, newest first."""
    page = transport.call(ops.SEARCH_AUDIT, t.SearchAudit(object=target, limit=limit, **given))
    show_list(
        page.entries,
        lambda one: {
            "number": one.number,
            "time": format_time(one.time_ms),
            "actor": one.actor,
            "operation": one.operation,
            "object": one.object,
            "detail": one.detail,
            "address": one.address,
        },
        as_json,
        "No entries.",
    )
    show_more(page.next_page_token, limit)


@audit.command("verify")
@click.option("--number", default=0, help="Number of an entry whose hash was noted.")
@click.option("--hash", "noted", default="", help="That hash.")
@on_store
def verify_audit(transport: Transport, as_json: bool, number: int, noted: str) -> None:
    """Check that nothing was changed or removed; note number and hash elsewhere. The exit status is 1 when not."""
    _show_verdict(transport.call(ops.VERIFY_AUDIT, t.VerifyAudit(number=number, hash=noted)), as_json)


@audit.command("verify-bundle")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def verify_bundle(file: Path, as_json: bool) -> None:
    """Check the log in a FILE that `trackway workspaces export` wrote, without a server."""
    _show_verdict(verify_copy(Bundle(file)), as_json)


def _show_verdict(verdict: t.AuditVerdict, as_json: bool) -> None:
    if as_json:
        show_json(verdict)
    elif verdict.intact:
        click.echo(f"Intact: entries {verdict.first} to {verdict.last}; hash of the last {verdict.hash}")
    else:
        click.echo(f"Not intact: {verdict.fault}")
    if not verdict.intact:
        sys.exit(1)


@audit.command("export")
@click.argument("file", type=click.File("wb"))
@click.option("--actor", default="", help="Such as user:ann.")
@click.option("--operation", default="", help="Such as experiments.delete.")
@on_store
def export_audit(transport: Transport, as_json: bool, file: Any, **given: Any) -> None:
    """Write entries to FILE (- for standard output) as lines of JSON, newest first."""
    token, entries = "", 0
    while True:
        page = transport.call(ops.SEARCH_AUDIT, t.SearchAudit(limit=PAGE, page_token=token, **given))
        for entry in page.entries:
            file.write(msgspec.json.encode(entry) + b"\n")
        entries += len(page.entries)
        token = page.next_page_token
        if not token:
            break
    if getattr(file, "name", "-") not in ("-", "<stdout>"):
        show_done(f"Wrote {entries:,} entries.", as_json, entries=entries)


@audit.command("trim")
@click.option("--older-than", required=True, help="Remove what is older, such as 365d.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def trim_audit(transport: Transport, as_json: bool, older_than: str, yes: bool) -> None:
    """Remove old entries for good. Export them first."""
    age_ms = parse_age(older_than)
    if age_ms < DAY_MS:
        raise InvalidInput(f"{older_than} is too short", hint="entries of the last day stay: give 1d or more")
    if not yes:
        click.confirm(f"Remove entries older than {older_than} for good?", abort=True)
    before_ms = time.time_ns() // 1_000_000 - age_ms
    removed = transport.call(ops.TRIM_AUDIT, t.TrimAudit(before_ms=before_ms)).entries
    show_done(f"Removed {removed:,} entries.", as_json, entries=removed)
