"""``trackway doctor``: what is wrong with a store, and what to do about it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from typing import Literal, NamedTuple

import click

from trackway.api import artifacts as a
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.experiments import GetExperiment
from trackway.api.jobs import ListJobs
from trackway.api.quotas import GetLimits
from trackway.api.retention import GetRetention, InspectStore, SearchAudit, VerifyAudit
from trackway.base.addresses import sqlite_path
from trackway.base.errors import PermissionDenied, TrackwayError, Unauthenticated
from trackway.base.ids import new_id
from trackway.cli.output import count, format_time, show_rows
from trackway.sdk.connection import get_journal_root, get_scheme, get_tracking_uri, get_transport, resolve_uri
from trackway.sdk.journal_session import find_sessions
from trackway.sdk.progress import format_bytes
from trackway.sdk.sources import BytesSource
from trackway.sdk.transport import Transport
from trackway.wiring.databases import find_database, inspect_database

LOW_DISK_BYTES = 1_000_000_000
LARGE_LOG_BYTES = 512_000_000
SKEW_MS = 5_000


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    verdict: Literal["ok", "warn", "fail"]
    found: str
    do: str = ""


@click.command()
@click.option("--uri", default="", help="Server or local store [TRACKWAY_TRACKING_URI; default: ./tracks].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def doctor(context: click.Context, uri: str, as_json: bool) -> None:
    """Check store, schema, indexes, artifacts, clock, audit log and journals; exit status 1 when something fails."""
    address = resolve_uri(uri) if uri else get_tracking_uri()
    findings = list(examine(address))
    show_rows([one._asdict() for one in findings], as_json)
    if any(one.verdict == "fail" for one in findings):
        context.exit(1)


def examine(address: str) -> Iterator[Finding]:
    """Look at everything that can be seen from here, the store itself first."""
    yield Finding("tracking uri", "ok", address)
    try:
        transport = get_transport(address)
        default = transport.call(ops.GET_EXPERIMENT, GetExperiment(experiment_id="0"))
    except TrackwayError as error:
        yield Finding("store", "fail", error.message, error.hint or "check the address and start the server")
    else:
        yield Finding("store", "ok", "answers")
        if default.lifecycle == "deleted":
            yield Finding("default experiment", "warn", "in the trash", "trackway experiments restore 0")
        else:
            yield Finding("default experiment", "ok", default.name)
        yield from _examine_database(address, transport)
        yield from _examine_artifacts(transport)
        yield from _examine_audit(transport)
        yield from _examine_jobs(transport)
        yield from _examine_trash(transport)
        yield from _examine_limits(transport)
    yield from _examine_journals(address)


def _examine_database(address: str, transport: Transport) -> Iterator[Finding]:
    database = ""
    if get_scheme(address) in ("http", "https"):
        try:
            seen = transport.call(ops.INSPECT_STORE, InspectStore())
        except (PermissionDenied, Unauthenticated):
            yield Finding("schema and indexes", "ok", "only shown to administrators")
            return
        except TrackwayError as error:  # of a server that is older than this, too
            yield Finding("schema and indexes", "warn", error.message, "run trackway doctor where the database is")
            return
    else:
        database = find_database(address)
        seen = inspect_database(database)
    yield Finding("schema", "ok", seen.revision)
    if seen.missing_indexes:
        yield Finding("indexes", "fail", f"missing: {', '.join(seen.missing_indexes)}", "trackway db repair")
    else:
        yield Finding("indexes", "ok", "all there")
    yield Finding("size", "ok", format_bytes(seen.size_bytes))
    if seen.log_bytes > LARGE_LOG_BYTES:
        log = f"{format_bytes(seen.log_bytes)} not in the database yet"
        yield Finding("write-ahead log", "warn", log, "end what has been reading for long, or stop the server once")
    elif seen.journal_mode not in ("", "wal"):
        yield Finding("write-ahead log", "fail", f"journal mode is {seen.journal_mode}", "PRAGMA journal_mode = WAL")
    else:
        yield Finding("write-ahead log", "ok", format_bytes(seen.log_bytes))
    if database.startswith("sqlite:"):
        free = shutil.disk_usage(sqlite_path(database).parent).free
        verdict: Literal["ok", "warn"] = "ok" if free > LOW_DISK_BYTES else "warn"
        yield Finding("disk", verdict, f"{format_bytes(free)} free", "" if verdict == "ok" else "make room")


def _examine_artifacts(transport: Transport) -> Iterator[Finding]:
    path, data = f"doctor/{new_id()}", os.urandom(100_000)  # larger than what is kept beside a row
    try:
        entry = transport.upload(path, BytesSource(data))
        same = b"".join(transport.download(path)) == data
        transport.call(ops.DELETE_FILES, a.DeleteFiles(path=path))
    except TrackwayError as error:
        yield Finding("artifacts", "fail", error.message, error.hint or "check the artifact root and its rights")
        return
    if not same:
        yield Finding("artifacts", "fail", "a file came back with other bytes", "check the artifact root's disk")
    else:
        yield Finding("artifacts", "ok", "written, read and deleted a file")
    skew_ms = (entry.modified_ms or 0) - time.time_ns() // 1_000_000
    if abs(skew_ms) > SKEW_MS:
        yield Finding("clock", "warn", f"differs from the server's by {skew_ms / 1000:.1f} s", "set both by NTP")
    else:
        yield Finding("clock", "ok", "agrees with the server's")
    newest = transport.call(ops.SEARCH_AUDIT, SearchAudit(limit=1)).entries
    if newest and newest[0].time_ms > (entry.modified_ms or 0) + SKEW_MS:
        ahead = f"the last entry of the audit log is from {format_time(newest[0].time_ms)}"
        yield Finding("clock of the server", "warn", ahead, "it went back: set it by NTP")


def _examine_audit(transport: Transport) -> Iterator[Finding]:
    try:
        verdict = transport.call(ops.VERIFY_AUDIT, VerifyAudit())
    except (PermissionDenied, Unauthenticated):
        yield Finding("audit log", "ok", "only checked for administrators")
        return
    except TrackwayError as error:  # a long log takes long
        yield Finding("audit log", "warn", error.message, "trackway audit verify, where the store is")
        return
    if verdict.intact:
        yield Finding("audit log", "ok", f"whole, from entry {verdict.first:,} to {verdict.last:,}")
    else:
        yield Finding("audit log", "fail", verdict.fault, "compare it with an export or a backup of before")


def _examine_jobs(transport: Transport) -> Iterator[Finding]:
    """Tell of the server's own work, the check of all chains among it: that above is of one workspace."""
    try:
        jobs = transport.call(ops.LIST_JOBS, ListJobs()).jobs
    except (PermissionDenied, Unauthenticated):
        yield Finding("jobs", "ok", "only shown to administrators")
        return
    except TrackwayError as error:  # of a server that is older than this
        yield Finding("jobs", "warn", error.message, "upgrade the server, so that it tells how its jobs go")
        return
    failing = [job for job in jobs if job.error_ms == job.ended_ms]
    for job in failing:
        yield Finding(f"job {job.name}", "fail", job.error, "read the server's log")
    if not failing:
        yield Finding("jobs", "ok", f"{count(len(jobs), 'job')}, none failed the last time")


def _examine_trash(transport: Transport) -> Iterator[Finding]:
    trash = transport.call(ops.GET_RETENTION, GetRetention())
    found = f"{count(trash.trashed_experiments, 'experiment')}, {count(trash.trashed_runs, 'run')}"
    if trash.trash_ms is None and trash.trashed_runs > 1_000:
        yield Finding("trash", "warn", found, "trackway gc --older-than 30d, or a policy: trackway gc --policy 30d")
    else:
        yield Finding("trash", "ok", found)


def _examine_limits(transport: Transport) -> Iterator[Finding]:
    try:
        told = transport.call(ops.GET_LIMITS, GetLimits()).limits
    except TrackwayError as error:  # of a server that is older than this
        yield Finding("limits", "warn", error.message, "upgrade the server, so that it tells its limits")
        return
    own = limits.list_limits()
    other = [
        f"{name} {told.get(name, 'no limit')}, here {most}" for name, most in own.items() if told.get(name) != most
    ]
    if other:
        yield Finding("limits", "warn", f"the server has others: {'; '.join(other)}", "bring both to one version")
    else:
        yield Finding("limits", "ok", f"{count(len(told), 'limit')}, those of this version")


def _examine_journals(address: str) -> Iterator[Finding]:
    root = get_journal_root(address)
    sessions = find_sessions(root) if os.path.isdir(root) else []
    dead = [one for one in sessions if not one.live and one.last_seq > one.acked]
    if dead:
        records = sum(one.last_seq - one.acked for one in dead)
        yield Finding("journals", "warn", f"{len(dead)} left behind, {count(records, 'record')}", "trackway sync")
    else:
        yield Finding("journals", "ok", f"{len(sessions)} in use, nothing left behind")
