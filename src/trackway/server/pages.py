"""Pages for machines that are not of either API: health, readiness, version, metrics, OpenAPI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from trackway.api.jobs import Job
from trackway.http.messages import HttpRequest, HttpResponse, RouteAccess
from trackway.http.observe import Gauge, Observer
from trackway.server.calls import Caller, Route
from trackway.server.native import encode_error
from trackway.server.openapi import describe

TEXT = b"text/plain; charset=utf-8"
PROTOCOL_VERSION = "3.17.2"
"""Version of the compatible protocol that is spoken; existing clients compare it with what they need."""


def list_routes(
    version: str, ready: Callable[[], str], observer: Observer, list_jobs: Callable[[], Sequence[Job]]
) -> list[Route]:
    """Return the routes of these pages.

    ready:     says why the server is not ready, or nothing
    list_jobs: how the background work of all replicas went; it may wait for the store
    """

    async def health(_request: HttpRequest, _call: Caller) -> HttpResponse:
        return HttpResponse(body=b"OK", content_type=TEXT)

    async def readiness(_request: HttpRequest, _call: Caller) -> HttpResponse:
        why = ready()
        return HttpResponse(status=503 if why else 200, body=(why or "ready").encode(), content_type=TEXT)

    async def protocol_version(_request: HttpRequest, _call: Caller) -> HttpResponse:
        headers = [(b"x-trackway-version", version.encode())]
        return HttpResponse(body=PROTOCOL_VERSION.encode(), content_type=TEXT, headers=headers)

    async def metrics(_request: HttpRequest, _call: Caller) -> HttpResponse:
        text = observer.render(_describe_jobs(await asyncio.to_thread(list_jobs)))
        return HttpResponse(body=text.encode(), content_type=b"text/plain; version=0.0.4; charset=utf-8")

    async def openapi(_request: HttpRequest, _call: Caller) -> HttpResponse:
        return HttpResponse(body=msgspec.json.encode(describe(version)))

    pages: list[tuple[str, Any, RouteAccess]] = [
        ("/health", health, "public"),
        ("/ready", readiness, "public"),
        ("/version", protocol_version, "known"),
        ("/metrics", metrics, "reader"),
        ("/api/v1/openapi.json", openapi, "known"),
    ]
    return [Route("GET", path, handler, encode_error, access=access) for path, handler, access in pages]


def _describe_jobs(jobs: Sequence[Job]) -> list[Gauge]:
    """Return how each job went the last time, whichever replica did it, and when; nothing before the first."""
    if not jobs:
        return []
    failed = {job.name: int(job.error_ms == job.ended_ms) for job in jobs}
    ended = {job.name: job.ended_ms / 1000 for job in jobs}
    return [
        Gauge("trackway_job_failed", "Whether a job failed, or found something broken, the last time.", "job", failed),
        Gauge("trackway_job_ended_seconds", "When a job came to its end the last time, since 1970.", "job", ended),
    ]
