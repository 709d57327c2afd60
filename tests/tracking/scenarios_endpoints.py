"""Scenarios of endpoints."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok
from tests.tracking.scenarios_lineage import kinds, use_data
from tests.tracking.scenarios_registry import BAD_NAMES, NAME, OTHER, UNKNOWN, get_version, make, moved
from trackway.api import endpoints as d
from trackway.api import limits
from trackway.api import lineage as n
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.base.errors import Conflict, InvalidInput, NotFound

HERE = "https://models.example.com/churn"


def new(**fields: Any) -> d.AnnounceServer:
    plain: dict[str, Any] = {"name": "live", "server_id": "a", "model": NAME, "version": 1}
    return d.AnnounceServer(**(plain | fields))


def serve(s: Stage, **fields: Any) -> Any:
    """Announce a server of a version that is there."""
    return s.call(ops.ANNOUNCE_SERVER, new(**fields))


def begin(s: Stage, **fields: Any) -> Any:
    """Register two versions, and announce a server of the first."""
    make(s, versions=2)
    return serve(s, **fields)


def lose(s: Stage) -> bool:
    """Announce a server, and ask until its lease is over: each call takes a millisecond of the clock's at least."""
    begin(s, lease_ms=1_000)
    while states(get(s)) == [("a", "serving", 1)]:
        pass
    return states(get(s)) == [("a", "lost", 1)]


def get(s: Stage, name: str = "live") -> d.Endpoint:
    found: d.Endpoint = s.call(ops.GET_ENDPOINT, d.EndpointName(name=name))
    return found


def end(s: Stage, server_id: str = "a") -> Any:
    return s.call(ops.END_SERVER, d.EndServer(name="live", server_id=server_id))


def names(s: Stage, **fields: Any) -> list[str]:
    return [one.name for one in s.call(ops.LIST_ENDPOINTS, d.ListEndpoints(**fields)).endpoints]


def states(x: d.Endpoint) -> list[tuple[str, str, int]]:
    return [(one.server_id, one.state, one.version) for one in x.servers]


SCENARIOS: list[Scenario] = [
    ok(
        ops.ANNOUNCE_SERVER,
        "the same version again",
        lambda s: begin(s) and new(),
        lambda s, x: x.servers[0].since_ms == x.servers[0].version_since_ms,
    ),
    ok(
        ops.ANNOUNCE_SERVER,
        "the first makes the endpoint",
        lambda s: make(s, versions=1) and new(follows="@champion", address=HERE),
        lambda s, x: (
            (x.name, x.created_by, states(x)) == ("live", "user:ann", [("a", "serving", 1)])
            and (x.servers[0].follows, x.servers[0].address) == ("@champion", HERE)
            and x.servers[0].announced_by == "user:ann"
            and x.servers[0].lease_until_ms == x.servers[0].since_ms + 60_000
            and get(s) == x
        ),
    ),
    ok(
        ops.ANNOUNCE_SERVER,
        "another version, since when is kept",
        lambda s: begin(s) and new(version=2),
        lambda s, x: (
            states(x) == [("a", "serving", 2)]
            and x.servers[0].since_ms < x.servers[0].version_since_ms
            and names(s, model=NAME, version=2) == ["live"]
            and names(s, model=NAME, version=1) == []
        ),
    ),
    ok(
        ops.ANNOUNCE_SERVER,
        "a second server",
        lambda s: begin(s) and new(server_id="b"),
        lambda s, x: states(x) == [("a", "serving", 1), ("b", "serving", 1)],
    ),
    ok(
        ops.ANNOUNCE_SERVER,
        "who served before is forgotten",
        lambda s: begin(s) and end(s) and new(server_id="b"),
        lambda s, x: states(x) == [("b", "serving", 1)],
    ),
    no(ops.ANNOUNCE_SERVER, "missing", "of an unknown model", lambda s: new(), NotFound),
    no(ops.ANNOUNCE_SERVER, "missing", "of an unknown version", lambda s: make(s) and new(), NotFound),
    *each(
        ops.ANNOUNCE_SERVER,
        "refused",
        "name",
        BAD_NAMES,
        lambda s, v: make(s, versions=1) and new(name=v),
        InvalidInput,
    ),
    *each(
        ops.ANNOUNCE_SERVER,
        "refused",
        "address",
        (
            "models.example.com",
            "javascript:alert(1)",
            "https://",
            "https://ann:secret@models.example.com",
            "https://a b",
            "https://a\n.b",
            "file:///etc/passwd",
            "http://[::1",
            "http://a:99999",
            "http://ü",
        ),
        lambda s, v: make(s, versions=1) and new(address=v),
        InvalidInput,
    ),
    *each(
        ops.ANNOUNCE_SERVER,
        "refused",
        "what it follows",
        ("@", "@a b", "a/b", "@a@b", "\x00", "-"),
        lambda s, v: make(s, versions=1) and new(follows=v),
        InvalidInput,
    ),
    *each(
        ops.ANNOUNCE_SERVER,
        "refused",
        "server id",
        ("", "a b", "../x"),
        lambda s, v: make(s, versions=1) and new(server_id=v),
        InvalidInput,
    ),
    *each(
        ops.ANNOUNCE_SERVER,
        "refused",
        "lease",
        (0, -1, 999),
        lambda s, v: make(s, versions=1) and new(lease_ms=v),
        InvalidInput,
    ),
    *limited(
        ops.ANNOUNCE_SERVER,
        "lease",
        limits.ENDPOINT_LEASE_MS,
        lambda s, size: make(s, versions=1) and new(lease_ms=size),
    ),
    *limited(
        ops.ANNOUNCE_SERVER,
        "address",
        limits.LOCATION_CHARS,
        lambda s, size: make(s, versions=1) and new(address=f"{HERE}{'x' * (size - len(HERE))}"),
    ),
    *limited(
        ops.ANNOUNCE_SERVER,
        "name",
        limits.MODEL_NAME_CHARS,
        lambda s, size: make(s, versions=1) and new(name="x" * size),
    ),
    ok(
        ops.RENEW_SERVER,
        "its lease is longer",
        lambda s: begin(s) and d.RenewServer(name="live", server_id="a", lease_ms=600_000),
        lambda s, x: get(s).servers[0].lease_until_ms > get(s).servers[0].since_ms + 500_000,
    ),
    ok(
        ops.RENEW_SERVER,
        "one that was silent for too long serves again",
        lambda s: lose(s) and d.RenewServer(name="live", server_id="a"),
        lambda s, x: states(get(s)) == [("a", "serving", 1)],
    ),
    no(
        ops.RENEW_SERVER,
        "missing",
        "one that has ended",
        lambda s: begin(s) and end(s) and d.RenewServer(name="live", server_id="a"),
        NotFound,
    ),
    no(
        ops.RENEW_SERVER,
        "missing",
        "one that nobody announced",
        lambda s: begin(s) and d.RenewServer(name="live", server_id="b"),
        NotFound,
    ),
    no(ops.RENEW_SERVER, "missing", "at no endpoint", lambda s: d.RenewServer(name="live", server_id="a"), NotFound),
    no(
        ops.RENEW_SERVER,
        "refused",
        "for too short",
        lambda s: begin(s) and d.RenewServer(name="live", server_id="a", lease_ms=1),
        InvalidInput,
    ),
    ok(
        ops.END_SERVER,
        "it serves no more, and is still told",
        lambda s: begin(s) and d.EndServer(name="live", server_id="a"),
        lambda s, x: (
            states(x) == [("a", "ended", 1)]
            and x.servers[0].ended_ms is not None
            and names(s) == ["live"]
            and names(s, model=NAME) == []
        ),
    ),
    no(
        ops.END_SERVER,
        "missing",
        "twice",
        lambda s: begin(s) and end(s) and d.EndServer(name="live", server_id="a"),
        NotFound,
    ),
    no(ops.END_SERVER, "missing", "at no endpoint", lambda s: d.EndServer(name="live", server_id="a"), NotFound),
    ok(
        ops.GET_ENDPOINT,
        "of a model that has another name now",
        lambda s: (
            begin(s)
            and s.call(ops.RENAME_REGISTERED_MODEL, g.RenameRegisteredModel(name=NAME, new_name=OTHER))
            and d.EndpointName(name="live")
        ),
        lambda s, x: [(one.model, one.version) for one in x.servers] == [(OTHER, 1)],
    ),
    ok(
        ops.GET_ENDPOINT,
        "of a model that is gone",
        lambda s: (
            begin(s)
            and s.call(ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name=NAME))
            and d.EndpointName(name="live")
        ),
        lambda s, x: x.servers == [],
    ),
    no(ops.GET_ENDPOINT, "missing", "unknown", lambda s: d.EndpointName(name=UNKNOWN), NotFound),
    ok(
        ops.LIST_ENDPOINTS,
        "by name, page by page",
        lambda s: begin(s, name="b") and serve(s, name="a") and d.ListEndpoints(limit=1),
        lambda s, x: (
            [one.name for one in x.endpoints] == ["a"] and names(s, limit=1, page_token=x.next_page_token) == ["b"]
        ),
    ),
    ok(ops.LIST_ENDPOINTS, "of no version", lambda s: make(s) and d.ListEndpoints(model=NAME, version=1)),
    no(ops.LIST_ENDPOINTS, "missing", "of an unknown model", lambda s: d.ListEndpoints(model=UNKNOWN), NotFound),
    no(ops.LIST_ENDPOINTS, "refused", "of a version of no model", lambda s: d.ListEndpoints(version=1), InvalidInput),
    no(
        ops.LIST_ENDPOINTS,
        "refused",
        "from a page that is none",
        lambda s: d.ListEndpoints(page_token="x"),
        InvalidInput,
    ),
    *limited(ops.LIST_ENDPOINTS, "page", limits.ENDPOINTS, lambda s, size: d.ListEndpoints(limit=size)),
    ok(
        ops.DELETE_ENDPOINT,
        "one that has ended",
        lambda s: begin(s) and end(s) and d.EndpointName(name="live"),
        lambda s, x: names(s) == [],
    ),
    ok(
        ops.DELETE_ENDPOINT,
        "one that was silent for too long",
        lambda s: lose(s) and d.EndpointName(name="live"),
        lambda s, x: names(s) == [],
    ),
    no(
        ops.DELETE_ENDPOINT,
        "refused",
        "one that serves",
        lambda s: begin(s) and d.EndpointName(name="live"),
        Conflict,
    ),
    no(ops.DELETE_ENDPOINT, "missing", "unknown", lambda s: d.EndpointName(name=UNKNOWN), NotFound),
    ok(
        ops.GET_LINEAGE,
        "from a data set to the endpoint",
        lambda s: use_data(s) and serve(s) and n.GetLineage(kind="dataset", id="d"),
        lambda s, x: ("version", "endpoint") in kinds(x) and n.LineageNode(kind="endpoint", id="live") in x.nodes,
    ),
    ok(
        ops.GET_LINEAGE,
        "from an endpoint to the data set",
        lambda s: use_data(s) and serve(s) and n.GetLineage(kind="endpoint", id="live", direction="upstream"),
        lambda s, x: kinds(x) == [("dataset", "run"), ("model", "version"), ("run", "model"), ("version", "endpoint")],
    ),
    ok(
        ops.GET_LINEAGE,
        "an endpoint that has ended is nobody's",
        lambda s: use_data(s) and serve(s) and end(s) and n.GetLineage(kind="version", id=f"{NAME}/1"),
        lambda s, x: "endpoint" not in {one.kind for one in x.nodes},
    ),
    no(
        ops.GET_LINEAGE,
        "missing",
        "of an unknown endpoint",
        lambda s: n.GetLineage(kind="endpoint", id=UNKNOWN),
        NotFound,
    ),
    ok(
        ops.GET_PORTFOLIO,
        "where it is served",
        lambda s: begin(s) and moved(s, "Production") and n.GetPortfolio(),
        lambda s, x: [one.endpoints for one in x.entries] == [["live"]],
    ),
    ok(
        ops.GET_MODEL_VERSION,
        "where it is served",
        lambda s: begin(s) and serve(s, name="canary", server_id="b") and g.VersionName(name=NAME, version=1),
        lambda s, x: x.endpoints == ["canary", "live"] and get_version(s, 2).endpoints == [],
    ),
]
