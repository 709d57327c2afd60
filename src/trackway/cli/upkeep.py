"""Commands that keep a store in order: sync, gc, db."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import click

from trackway.api import operations as ops
from trackway.api.retention import GetRetention, PurgeTrash, SetRetention
from trackway.base.addresses import sqlite_path
from trackway.base.errors import Corrupt, InvalidInput, NotFound, Unavailable
from trackway.cli.experiments import show_purge
from trackway.cli.output import count, on_store, parse_age, show_done, show_list, show_one, show_rows
from trackway.sdk.connection import get_tracking_uri, resolve_uri
from trackway.sdk.progress import format_bytes
from trackway.sdk.sync import sync as sync_journals
from trackway.sdk.transport import Transport
from trackway.tracking.integrity import verify_files
from trackway.webhooks.sealing import reseal_secrets
from trackway.wiring.databases import find_database, repair_database, upgrade_database
from trackway.wiring.local import open_platform


@click.command()
@click.argument("folder", required=False)
@click.option("--uri", default="", help="Deliver to this store instead of the one that a journal names.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def sync(folder: str | None, uri: str, as_json: bool) -> None:
    """Deliver what dead or offline processes left in journals, also while a run goes on."""
    if folder is not None and not os.path.isdir(folder):
        raise NotFound(f"There is no folder {folder}", hint="name a journal, or a folder of them")
    done = sync_journals(folder, uri) if uri else sync_journals(folder)
    show_list(
        done,
        lambda one: {
            "journal": os.path.basename(one.directory),
            "to": one.tracking_uri,
            "delivered": one.delivered,
            "refused": one.refused,
            "complete": one.complete,
            "problem": one.problem,
        },
        as_json,
        "Nothing to deliver.",
    )
    if any(not one.complete for one in done):
        raise Unavailable("Not everything was delivered", hint="try again when the store can be reached")


@click.command()
@click.option("--older-than", default="0s", help="Time in the trash, such as 30d or 12h; without it, all of the trash.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask before all of the trash is removed.")
@click.option("--policy", default=None, help="Instead: have the server do it by itself after so long (or never).")
@on_store
def gc(
    transport: Transport, older_than: str, dry_run: bool, as_json: bool, *, yes: bool = False, policy: str | None = None
) -> None:
    """Remove what has been in the trash for long enough, for good; ask before all of it goes."""
    if policy is not None:
        trash_ms = None if policy == "never" else parse_age(policy)
        show_one(transport.call(ops.SET_RETENTION, SetRetention(trash_ms=trash_ms)), as_json)
        return
    request = PurgeTrash(older_than_ms=parse_age(older_than), dry_run=dry_run)
    if not (dry_run or yes or request.older_than_ms) and not _confirm(transport):
        return
    removed = report = transport.call(ops.PURGE_TRASH, request)
    while not dry_run and (
        report.runs or report.experiments or report.objects
    ):  # one call purges so many runs and no more
        report = transport.call(ops.PURGE_TRASH, request)
        removed = removed.plus(report)
    show_purge(removed, as_json)
    if not as_json:
        left = transport.call(ops.GET_RETENTION, GetRetention())
        experiments, runs = count(left.trashed_experiments, "experiment"), count(left.trashed_runs, "run")
        click.echo(f"In the trash: {experiments}, {runs}, {count(left.trashed_objects, 'other thing')}.")


def _confirm(transport: Transport) -> bool:
    """Say what all of the trash is, and ask whether it may go.

    raises: InvalidInput where nobody can be asked
    """
    if not sys.stdin.isatty():
        raise InvalidInput(
            "This would remove all of the trash for good", hint="give --older-than 30d, or --yes for all of it"
        )
    show_purge(transport.call(ops.PURGE_TRASH, PurgeTrash(dry_run=True)), as_json=False)
    return click.confirm("Remove it for good?")


@click.group()
def db() -> None:
    """Look after a local store's database; STORE is a folder or a database's address."""


@db.command("version")
@click.argument("store", default="")
def show_version(store: str) -> None:
    """Show the schema's revision, and the newest that this version knows."""
    found, newest = upgrade_database(_address(store), only_look=True)
    click.echo(f"{found or 'none'} (newest: {newest})")


@db.command("upgrade")
@click.argument("store", default="")
def upgrade(store: str) -> None:
    """Bring the schema to the newest revision; a SQLite file is copied first."""
    found, newest = upgrade_database(_address(store))
    click.echo(f"{found or 'none'} -> {newest}")


@db.command("repair")
@click.argument("store", default="")
def repair(store: str) -> None:
    """Create the indexes that a database lacks. Stop the server before, as others wait for this."""
    created = repair_database(_address(store))
    click.echo(f"Created {', '.join(created)}." if created else "No index is missing.")


@db.command("seal")
@click.argument("store", default="")
def seal(store: str) -> None:
    """Do at once what a server does by itself: compress the points of ended runs, delete bytes nobody needs."""
    with closing(open_platform(_address(store))) as platform:
        while platform.chores.seal_series():
            pass
        while platform.chores.delete_blobs():
            pass
        platform.chores.reclaim_space()
    click.echo("Sealed.")


@db.command("rotate-key")
@click.argument("store", default="")
def rotate_key(store: str) -> None:
    """Seal all secrets under the first master key, also while the server runs; the others are not needed then."""
    with closing(open_platform(_address(store))) as platform:
        changed, total = reseal_secrets(platform.store, platform.vault)
    click.echo(f"Sealed {changed} of {count(total, 'secret')} anew; all are under the first master key.")


@db.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.argument("store", default="")
def backup(target: Path, store: str) -> None:
    """Copy a SQLite store's database to TARGET, also while it is in use. Copy the artifacts after it."""
    path = _sqlite_path(store)
    if target.exists():
        raise InvalidInput(f"{target} is there already", hint="name a new file")
    if not target.absolute().parent.is_dir():
        raise InvalidInput(f"There is no folder {target.absolute().parent}", hint="make it first")
    partial = target.with_name(f"{target.name}.partial")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
            [(found,)] = copy.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.Error as error:
        partial.unlink(missing_ok=True)
        raise Unavailable(f"The database could not be copied: {error}") from error
    if found != "ok":
        raise Unavailable(f"The copy in {partial} is damaged: {found}", hint="trackway doctor, and an older backup")
    os.replace(partial, target)
    click.echo(f"Copied {path} to {target}.")


@db.command("verify")
@click.argument("store", default="")
@click.option("--artifacts", default="", help="Root of the files [TRACKWAY_ARTIFACTS; default: beside the database].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def verify(store: str, artifacts: str, as_json: bool) -> None:
    """Read every file of a store and compare it with its digest, also while the server runs, or of a backup.

    A SQLite database is checked before. What is damaged or gone is listed, and the exit status is 1 then.
    """
    address = _address(store)
    if address.startswith("sqlite:"):
        _check_sqlite(_sqlite_path(store))
    files = size_bytes = 0
    damaged = []
    with closing(open_platform(address, artifacts)) as platform:
        for checked in verify_files(platform.store, platform.blobs):
            files, size_bytes = files + 1, size_bytes + checked.size_bytes
            if checked.problem:
                damaged.append({"workspace": checked.workspace, "path": checked.path, "problem": checked.problem})
    if as_json:
        show_one({"files": files, "size_bytes": size_bytes, "damaged": damaged}, as_json)
    else:
        show_rows(damaged, as_json, f"Read {count(files, 'file')} ({format_bytes(size_bytes)}), each as it was stored.")
    if damaged:
        raise Corrupt(
            f"{len(damaged)} of {count(files, 'file')} are damaged or gone", hint="restore them from a backup"
        )


@db.command("compact")
@click.argument("store", default="")
def compact(store: str) -> None:
    """Rewrite a SQLite store's database without its free pages."""
    path = _sqlite_path(store)
    free = shutil.disk_usage(path.parent).free
    if free < 2 * path.stat().st_size:
        raise InvalidInput(f"{path.parent} has {free} bytes free", hint="compacting needs twice the database's size")
    before = path.stat().st_size
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    show_done(f"{before} -> {path.stat().st_size} bytes.", as_json=False)


def _check_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            [(found,)] = database.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.Error as error:
        raise Corrupt(f"{path} cannot be read: {error}", hint="restore it from a backup") from error
    if found != "ok":
        raise Corrupt(f"{path} is damaged: {found}", hint="restore it from a backup")


def _address(store: str) -> str:
    return find_database(resolve_uri(store) if store else get_tracking_uri())


def _sqlite_path(store: str) -> Path:
    address = _address(store)
    if not address.startswith("sqlite:"):
        raise InvalidInput("That store is not a SQLite file", hint="use the tools of its database")
    path = sqlite_path(address)
    if not path.exists():
        raise InvalidInput(f"There is no {path}", hint="name a folder with a store in it")
    return path
