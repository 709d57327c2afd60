"""Endpoints: names under which versions of registered models are served, and the servers that do it."""

from __future__ import annotations

from typing import Literal

from trackway.api.structs import Request, Response

ServerState = Literal["serving", "ended", "lost"]
"""``ended``: it said that it stops. ``lost``: it fell silent for longer than its lease."""


class EndpointServer(Response, frozen=True, kw_only=True):
    """A server of an endpoint, as it told of itself.

    model, version:   what it serves; ``""`` and 0 when the caller may not see the model
    follows:          ``@alias``, a stage or ``latest``, at whose change it serves another version; empty for none
    address:          where others reach it, as its operator says; empty when nobody said
    announced_by:     who started it
    since_ms:         since when it serves, and ``version_since_ms`` this version
    lease_until_ms:   until when it need not be heard of again
    """

    server_id: str
    state: ServerState
    model: str
    version: int
    follows: str
    address: str
    announced_by: str
    since_ms: int
    version_since_ms: int
    lease_until_ms: int
    ended_ms: int | None


class Endpoint(Response, frozen=True, kw_only=True):
    """An endpoint; its servers are those that serve now, and who did last, the oldest first."""

    name: str
    created_by: str
    created_ms: int
    servers: list[EndpointServer]


class AnnounceServer(Request, frozen=True, kw_only=True):
    """Say that a server serves a version; again, with the same ``server_id``, when it serves another.

    An endpoint that is not there yet is made. See ``EndpointServer``.
    """

    name: str
    server_id: str
    model: str
    version: int
    follows: str = ""
    address: str = ""
    lease_ms: int = 60_000


class RenewServer(Request, frozen=True, kw_only=True):
    """Say that a server still serves."""

    name: str
    server_id: str
    lease_ms: int = 60_000


class EndServer(Request, frozen=True, kw_only=True):
    """Say that a server stops."""

    name: str
    server_id: str


class EndpointName(Request, frozen=True, kw_only=True):
    """Name an endpoint."""

    name: str


class ListEndpoints(Request, frozen=True, kw_only=True):
    """List endpoints by name: all of them, or those that serve a model (or one version of it) now."""

    model: str = ""
    version: int | None = None
    limit: int = 100
    page_token: str = ""


class EndpointPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    endpoints: list[Endpoint]
    next_page_token: str = ""
