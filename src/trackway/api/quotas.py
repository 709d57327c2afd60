"""How much a workspace may hold, how much it does, and the limits that count for everybody."""

from __future__ import annotations

from typing import Literal

from trackway.api.structs import Request, Response

QuotaKind = Literal["runs", "points", "bytes"]
"""What is counted of a workspace, once a minute."""


class GetUsage(Request, frozen=True, kw_only=True):
    """Count what the caller's workspace holds."""


class SetQuota(Request, frozen=True, kw_only=True):
    """Limit what the caller's workspace may hold, and how much it may ask; None for no limit."""

    runs: int | None = None
    points: int | None = None
    size_bytes: int | None = None
    requests_per_minute: int | None = None


class Usage(Response, frozen=True, kw_only=True):
    """What a workspace holds, the trash with it, and its quota.

    points:     of all metrics
    size_bytes: of all files
    requests_last_minute: that the answering process let through in its last full minute
    exceeded:   what more of is refused
    """

    runs: int
    points: int
    size_bytes: int
    runs_quota: int | None = None
    points_quota: int | None = None
    bytes_quota: int | None = None
    requests_last_minute: int = 0
    requests_per_minute_quota: int | None = None
    exceeded: list[QuotaKind] = []


class GetLimits(Request, frozen=True, kw_only=True):
    """Ask for the limits that are in force."""


class Limits(Response, frozen=True, kw_only=True):
    """Limits by name: those of the limits page, and what the answering server was set to.

    ``active_requests``, ``caller_active_requests`` and ``caller_requests_per_s`` are left out where there is none.
    """

    limits: dict[str, int]
