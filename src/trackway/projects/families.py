"""A run with children: where they belong, who does it, and what is left of them when that process was killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trackway.api import operations as ops
from trackway.api.experiments import CreateExperiment
from trackway.api.runs import GetRunTree, Run, UpdateRun
from trackway.base.clock import now_ms
from trackway.base.errors import Conflict
from trackway.projects.checkouts import fetch
from trackway.projects.sources import parse_source
from trackway.sdk.client import Client

TAG_OWNER: Final = "trackway.owner"
"""Of a run that others are children of: the machine and process that does it."""


def describe_owner() -> str:
    """Return this machine and process in one text."""
    return f"{socket.gethostname()}:{os.getpid()}"


def check_free(run: Run) -> None:
    """Refuse what another process is doing.

    raises: Conflict
    """
    host, _, process = run.tags.get(TAG_OWNER, "").rpartition(":")
    if run.status != "RUNNING" or not host:
        return
    if host == socket.gethostname():
        busy = process.isdigit() and int(process) != os.getpid() and _is_alive(int(process))
        hint = f"wait for process {process} to end it"
    else:
        busy = run.lease_until_ms is not None and run.lease_until_ms > now_ms()
        hint = f"it belongs to {host}; wait until that is silent for a minute or two"
    if busy:
        raise Conflict(f"Run {run.run_id} goes on in another process", hint=hint)


def find_experiment(name: str) -> str:
    """Return the id of an experiment by its name, creating it when there is none."""
    request = CreateExperiment(name=name, if_exists="return", unique_among="all")
    return Client().call(ops.CREATE_EXPERIMENT, request).experiment_id


def pin_project(uri: str, version: str) -> tuple[str, str]:
    """Return a project's address and version so that all runs, also later ones from elsewhere, have the same code.

    A local path becomes absolute, and a repository's version the commit that it stands for now; a folder that is not
    asked for by version stays what it is when each run begins.

    raises: as ``fetch``
    """
    source = parse_source(uri)
    if source.kind != "git" and "://" not in source.address:
        uri = f"{source.address}#{source.subdirectory}" if source.subdirectory else source.address
    checkout = fetch(uri, version)
    try:
        return uri, checkout.commit if checkout.remote else ""
    finally:
        checkout.remove()


def list_children(client: Client, run_id: str, tag: str) -> list[Run]:
    """Return the children of a run that have a tag, but those in the trash."""
    tree = client.call(ops.GET_RUN_TREE, GetRunTree(run_id=run_id))
    runs = (client.get_run(node.run_id) for node in tree.nodes if node.run_id != run_id)
    return [run for run in runs if run.lifecycle == "active" and run.parent_run_id == run_id and tag in run.tags]


def end_leftovers(client: Client, run_id: str, tag: str) -> dict[str, str]:
    """End the children of a run that have a tag and are still running; see ``end_leftover``.

    returns: for each value of the tag, the last child with it that did not finish
    """
    left: dict[str, str] = {}
    for run in list_children(client, run_id, tag):
        if run.status == "RUNNING":
            end_leftover(client, run)
        if run.status != "FINISHED":
            left[run.tags[tag]] = run.run_id
    return left


def end_leftover(client: Client, run: Run) -> None:
    """End what is left on this machine of a run whose launcher was killed; the run is KILLED."""
    kill_processes(run.run_id)
    if run.status in ("RUNNING", "SCHEDULED", "LOST"):
        client.call(ops.UPDATE_RUN, UpdateRun(run_id=run.run_id, status="KILLED", end_ms=now_ms(), lease_ms=0))


def kill_processes(run_id: str) -> None:
    """Kill what belongs to a run on this machine."""
    for process in _find_processes(run_id):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def _find_processes(run_id: str) -> Iterator[int]:
    """Yield the processes of this machine that belong to a run, by the variable that they inherited (on Linux)."""
    mark = f"TRACKWAY_RUN_ID={run_id}".encode()
    proc = Path("/proc")
    for entry in proc.iterdir() if proc.is_dir() else ():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
