"""The server's own background work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trackway.api.structs import Request, Response

PURPOSES: Final[Mapping[str, str]] = {
    "seal": "Gathers points of metrics, and compresses those of ended runs",
    "reclaim": "Gives freed space of the database back to the disk",
    "vacuum": "Has PostgreSQL vacuum tables that many rows came to",
    "leases": "Marks runs as lost whose programs fell silent",
    "retention": "Purges what has been in the trash for long enough",
    "uploads": "Gives up uploads that nobody completed within a day",
    "credentials": "Forgets tokens and sessions that have ended",
    "idempotency": "Forgets idempotency keys a day after their calls",
    "quotas": "Compares what workspaces hold with their quotas",
    "blobs": "Deletes bytes of files that nothing needs any more",
    "directory": "Compares users with the directory that they came from",
    "deliveries": "Forgets old deliveries of webhooks",
    "schedules": "Queues the times of schedules that are due",
    "ticks": "Forgets old times of schedules",
    "audit": "Checks the chain of every audit log",
}
"""What each job is for, by its name."""


class ListJobs(Request, frozen=True, kw_only=True):
    """List the server's own background work."""


class Job(Response, frozen=True, kw_only=True):
    """A task that one of all replicas carries out again and again, and how it went.

    interval_ms:        pause between two times
    began_ms, ended_ms: of the last time that came to an end
    times, failures:    how often it was carried out, and how often that failed
    error, error_ms:    of the last failure; empty and None when there was none
    """

    name: str
    purpose: str
    interval_ms: int
    began_ms: int
    ended_ms: int
    times: int
    failures: int
    error: str = ""
    error_ms: int | None = None


class JobList(Response, frozen=True, kw_only=True):
    """All that have been carried out on this store, by name; none where no server has done them yet."""

    jobs: list[Job]
