"""The rules of endpoints: where versions are served, as the servers themselves tell."""

from __future__ import annotations

import re

from trackway.api import endpoints as d
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.structs import Empty
from trackway.api.trash import Trashed
from trackway.base.errors import Conflict, InvalidInput, NotFound
from trackway.registry.lookup import check_model_name, find_model, find_version
from trackway.rules.checks import check_new_id, check_page, check_text
from trackway.rules.handlers import Handlers
from trackway.rules.locations import check_server_address
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Transaction
from trackway.store.endpoints import ServedBy, ServerRow
from trackway.store.trash import Deleted

_FOLLOWS = re.compile(r"@[\w-]+|\w+")


class EndpointService:
    """Handlers of the operations on endpoints."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.ANNOUNCE_SERVER: self.announce,
            ops.RENEW_SERVER: self.renew,
            ops.END_SERVER: self.end,
            ops.GET_ENDPOINT: self.get,
            ops.LIST_ENDPOINTS: self.list_endpoints,
            ops.DELETE_ENDPOINT: self.delete,
        }

    def announce(self, tx: Transaction, call: Call, q: d.AnnounceServer) -> d.Endpoint:
        """Keep what a server serves; who served before it and does no more is forgotten."""
        check_model_name(q.name)
        check_new_id("server id", q.server_id)
        _check_follows(q.follows)
        check_server_address(q.address)
        lease_until_ms = call.now_ms + _check_lease(q.lease_ms)
        version = find_version(tx, call, q.model, q.version)
        pk = tx.endpoints.find(call.workspace, q.name)
        if pk is None:
            if tx.endpoints.count(call.workspace) >= limits.ENDPOINTS:
                raise Conflict(f"There are {limits.ENDPOINTS:,} endpoints, which is the most", hint="delete one")
            pk = tx.endpoints.create(call.workspace, q.name, call.actor.label, call.now_ms)
        tx.endpoints.forget_servers(pk, call.now_ms)
        row = ServerRow(
            q.server_id,
            version.model_pk,
            q.version,
            q.follows,
            q.address,
            call.actor.label,
            call.now_ms,
            lease_until_ms,
        )
        tx.endpoints.put_server(pk, row)
        if tx.endpoints.count_serving(pk, call.now_ms) > limits.ENDPOINT_SERVERS:
            raise Conflict(
                f"The endpoint has {limits.ENDPOINT_SERVERS:,} servers, which is the most", hint="announce one of them"
            )
        return tx.endpoints.get(pk, call.now_ms, call.sees)

    def renew(self, tx: Transaction, call: Call, q: d.RenewServer) -> Empty:
        """Note that a server still serves."""
        until_ms = call.now_ms + _check_lease(q.lease_ms)
        if not tx.endpoints.renew(_find(tx, call, q.name), q.server_id, until_ms):
            raise _no_server(q.name, q.server_id)
        return Empty()

    def end(self, tx: Transaction, call: Call, q: d.EndServer) -> d.Endpoint:
        """Note that a server stops."""
        pk = _find(tx, call, q.name)
        if not tx.endpoints.end(pk, q.server_id, call.now_ms):
            raise _no_server(q.name, q.server_id)
        return tx.endpoints.get(pk, call.now_ms, call.sees)

    def get(self, tx: Transaction, call: Call, q: d.EndpointName) -> d.Endpoint:
        """Get an endpoint."""
        return tx.endpoints.get(_find(tx, call, q.name), call.now_ms, call.sees)

    def list_endpoints(self, tx: Transaction, call: Call, q: d.ListEndpoints) -> d.EndpointPage:
        """List endpoints."""
        check_page(q.limit, limits.ENDPOINTS)
        if q.version is not None and not q.model:
            raise InvalidInput("A version is one of a model", hint="name the model, too")
        query = (q.model, q.version)
        after = decode_token(call, query, q.page_token) or [""]
        if len(after) != 1 or not isinstance(after[0], str):
            raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
        served = ServedBy()
        if q.model:
            model = find_model(tx, call, q.model)
            if call.sees.models is not None and model.pk not in call.sees.models:
                raise NotFound(f"Registered Model with name={q.model[:80]} not found")
            served = ServedBy(model.pk, q.version)
        found = tx.endpoints.list_endpoints(call.workspace, served, call.now_ms, q.limit + 1, after[0], call.sees)
        more = (found[q.limit - 1].name,) if len(found) > q.limit else None
        return d.EndpointPage(endpoints=found[: q.limit], next_page_token=encode_token(call, query, more))

    def delete(self, tx: Transaction, call: Call, q: d.EndpointName) -> Trashed:
        """Move an endpoint that nobody serves to the trash."""
        pk = _find(tx, call, q.name)
        if tx.endpoints.count_serving(pk, call.now_ms):
            raise Conflict(f"The endpoint {q.name[:80]!r} is being served", hint="stop its servers first")
        trashed = tx.trash.keep(call, Deleted("endpoint", q.name, pk))
        tx.endpoints.delete(pk)
        return trashed


def _find(tx: Transaction, call: Call, name: str) -> int:
    pk = tx.endpoints.find(call.workspace, name)
    if pk is None:
        raise NotFound(f"Endpoint {name[:80]!r} not found")
    return pk


def _no_server(name: str, server_id: str) -> NotFound:
    return NotFound(f"No server {server_id[:64]!r} serves the endpoint {name[:80]!r}", hint="announce it")


def _check_follows(follows: str) -> None:
    check_text("What a server follows", follows, limits.ALIAS_CHARS + 1)
    if follows and not _FOLLOWS.fullmatch(follows):
        raise InvalidInput(f"A server cannot follow {follows[:80]!r}", hint="@alias, a stage, or latest")


def _check_lease(lease_ms: int) -> int:
    if not 1_000 <= lease_ms <= limits.ENDPOINT_LEASE_MS:
        raise InvalidInput(f"Invalid lease of {lease_ms} ms", hint=f"1,000 to {limits.ENDPOINT_LEASE_MS:,}")
    return lease_ms
