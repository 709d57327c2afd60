"""The routes of SCIM 2.0: RFC 7644, without bulk operations and without /Me."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

from trackway.api import operations as ops
from trackway.api import provisioning as p
from trackway.base.errors import Conflict, InvalidInput, NotFound
from trackway.http.messages import HttpRequest, HttpResponse
from trackway.http.peers import Proxies
from trackway.server.calls import Caller, Route
from trackway.server.scim import resources as r
from trackway.server.scim.errors import MEDIA_TYPE, Refusal, encode_error
from trackway.server.scim.messages import (
    Query,
    apply_patch,
    describe_all,
    describe_one,
    describe_service,
    read_patch,
    read_query,
    read_resource,
    write_list,
    write_resource,
)

BODY_BYTES = 4 * 1024 * 1024
TRIES = 3
"""How often a patch is applied anew to what somebody else has changed meanwhile."""
_JSON = (MEDIA_TYPE, b"application/json")
Keep = Callable[[Caller, Any, int, str], Awaitable[Any]]


class _Kind(NamedTuple):
    """How one kind of resource is found, kept and deleted by operations."""

    model: Any
    list_all: Callable[[Caller, dict[str, str]], Awaitable[list[Any]]]
    keep: Keep
    delete: Callable[[Caller, Any, str], Awaitable[None]]
    show: Callable[[Any, str], Any]


class ScimRoutes:
    """The third front door. As the others it does nothing but call operations.

    public_url: address by which others reach this server; empty for the one that a request names
    """

    def __init__(self, proxies: Proxies, public_url: str) -> None:
        self._proxies = proxies
        self._public_url = public_url.rstrip("/")
        made = r.load_resources()
        self._users = _Kind(made.user, _list_users, _keep_user, _delete_user, r.show_user)
        self._groups = _Kind(made.group, _list_teams, _keep_team, _delete_team, r.show_team)

    def list_routes(self) -> list[Route]:
        """Return the routes."""
        routes = [
            Route("GET", f"{r.PREFIX}/ServiceProviderConfig", self._show_config, encode_error),
            Route("POST", f"{r.PREFIX}/.search", self._search_all, encode_error, access="operation"),
        ]
        for name in ("ResourceTypes", "Schemas"):
            path = f"{r.PREFIX}/{name}"
            routes += [
                Route("GET", path, partial(self._list_described, name), encode_error),
                Route("GET", f"{path}/{{name}}", partial(self._show_described, name), encode_error),
            ]
        for name, kind in (("Users", self._users), ("Groups", self._groups)):
            path = f"{r.PREFIX}/{name}"
            routes += [
                Route(method, where, partial(handler, kind), encode_error, access="operation")
                for method, where, handler in (
                    ("GET", path, self._list),
                    ("POST", path, self._create),
                    ("POST", f"{path}/.search", self._search),
                    ("GET", f"{path}/{{id}}", self._get),
                    ("PUT", f"{path}/{{id}}", self._replace),
                    ("PATCH", f"{path}/{{id}}", self._patch),
                    ("DELETE", f"{path}/{{id}}", self._delete),
                )
            ]
        return routes

    async def _list(self, kind: _Kind, request: HttpRequest, caller: Caller) -> HttpResponse:
        return await self._answer_query(kind, request, caller, _read_parameters(request))

    async def _search(self, kind: _Kind, request: HttpRequest, caller: Caller) -> HttpResponse:
        return await self._answer_query(kind, request, caller, await _read_body(request))

    async def _answer_query(
        self, kind: _Kind, request: HttpRequest, caller: Caller, asked: dict[str, Any] | bytes
    ) -> HttpResponse:
        query: Query = await asyncio.to_thread(read_query, kind.model, asked)
        found = await kind.list_all(caller, query.narrowed)
        base = self._find_base(request)
        shown = (kind.show(one, base) for one in found)
        return _answer(await asyncio.to_thread(write_list, kind.model, shown, query))

    async def _search_all(self, request: HttpRequest, caller: Caller) -> HttpResponse:
        """Search people and teams together."""
        both = self._users.model | self._groups.model
        query: Query = await asyncio.to_thread(read_query, both, await _read_body(request))
        base = self._find_base(request)
        shown = [
            kind.show(one, base) for kind in (self._users, self._groups) for one in await kind.list_all(caller, {})
        ]
        return _answer(await asyncio.to_thread(write_list, both, shown, query))

    async def _get(self, kind: _Kind, request: HttpRequest, caller: Caller) -> HttpResponse:
        return await self._show(kind, request, await _find(kind, caller, request))

    async def _create(self, kind: _Kind, request: HttpRequest, caller: Caller) -> HttpResponse:
        sent = await asyncio.to_thread(read_resource, kind.model, await _read_body(request))
        return await self._show(kind, request, await kind.keep(caller, sent, 0, ""), 201)

    async def _replace(self, kind: _Kind, request: HttpRequest, caller: Caller) -> HttpResponse:
        known, body = await _find(kind, caller, request), await _read_body(request)
        shown = kind.show(known, self._find_base(request))
        sent = await asyncio.to_thread(read_resource, kind.model, body, shown)
        kept = await _guarded(kind.keep(caller, sent, known.number, _match(request, known)))
        return await self._show(kind, request, kept)

    async def _patch(self, kind: _Kind, request: HttpRequest, caller: Caller) -> HttpResponse:
        patch = await asyncio.to_thread(read_patch, kind.model, await _read_body(request))
        for tried in range(1, TRIES + 1):
            known = await _find(kind, caller, request)
            _match(request, known)
            shown = kind.show(known, self._find_base(request))
            changed = await asyncio.to_thread(apply_patch, patch, shown)
            try:
                kept = await kind.keep(caller, changed, known.number, known.revision)
            except Conflict as error:
                if "revision" not in error.details or tried == TRIES:
                    raise
            else:
                return await self._show(kind, request, kept)
        raise AssertionError("the last try returns or raises")

    async def _delete(self, kind: _Kind, request: HttpRequest, caller: Caller) -> HttpResponse:
        known = await _find(kind, caller, request)
        await _guarded(kind.delete(caller, known, _match(request, known)))
        return HttpResponse(status=204)

    async def _show(self, kind: _Kind, request: HttpRequest, known: Any, status: int = 200) -> HttpResponse:
        tag = f'W/"{known.revision}"'.encode()
        if request.method == "GET" and tag in _list_tags(request, b"if-none-match"):
            return HttpResponse(status=304, headers=[(b"etag", tag)])
        shown, asked = kind.show(known, self._find_base(request)), _read_parameters(request)
        body = await asyncio.to_thread(write_resource, shown, asked, kind.model)
        location = str(shown.meta.location).encode("ascii")
        return _answer(body, status, [(b"etag", tag), (b"location", location)])

    async def _show_config(self, request: HttpRequest, _caller: Caller) -> HttpResponse:
        return _answer(describe_service(self._find_base(request)))

    async def _list_described(self, name: str, request: HttpRequest, _caller: Caller) -> HttpResponse:
        """Answer with all types or schemas; a filter is refused there, as RFC 7644, section 4, demands."""
        if "filter" in _read_parameters(request):
            raise Refusal(403, "", "What this server offers is not filtered")
        return _answer(describe_all(name, self._find_base(request)))

    async def _show_described(self, name: str, request: HttpRequest, _caller: Caller) -> HttpResponse:
        found = describe_one(name, request.params["name"], self._find_base(request))
        if found is None:
            raise NotFound(f"There is no such resource in {name}")
        return _answer(found)

    def _find_base(self, request: HttpRequest) -> str:
        """Return the address of this door, as who asks knows this server."""
        if self._public_url:
            return self._public_url + r.PREFIX
        scheme = "https" if self._proxies.is_secure(request) else "http"
        return f"{scheme}://{request.headers.get(b'host', b'').decode('latin-1')}{r.PREFIX}"


async def _find(kind: _Kind, caller: Caller, request: HttpRequest) -> Any:
    found = await kind.list_all(caller, {"number": request.params["id"]})
    if not found:
        raise NotFound(f"There is no resource of the id {request.params['id'][:80]!r}")
    return found[0]


async def _list_users(caller: Caller, narrowed: dict[str, str]) -> list[Any]:
    if narrowed:
        page = await caller(ops.FIND_PROVISIONED_USERS, p.FindProvisionedUsers(**_narrow(narrowed)))
        return list(page.users)
    users, token = [], ""
    while True:
        page = await caller(ops.FIND_PROVISIONED_USERS, p.FindProvisionedUsers(page_token=token))
        users += page.users
        token = page.next_page_token
        if not token:
            return users


async def _keep_user(caller: Caller, resource: Any, number: int, revision: str) -> p.ProvisionedUser:
    return await caller(ops.SET_PROVISIONED_USER, r.read_user(resource, number, revision))


async def _delete_user(caller: Caller, known: Any, revision: str) -> None:
    request = p.DeleteProvisionedUser(name=known.name, number=known.number, revision=revision)
    await caller(ops.DELETE_PROVISIONED_USER, request)


async def _list_teams(caller: Caller, narrowed: dict[str, str]) -> list[Any]:
    asked = {field: value for field, value in narrowed.items() if field != "external_id"}
    return list((await caller(ops.FIND_PROVISIONED_TEAMS, p.FindProvisionedTeams(**_narrow(asked)))).teams)


async def _keep_team(caller: Caller, resource: Any, number: int, revision: str) -> p.ProvisionedTeam:
    return await caller(ops.SET_PROVISIONED_TEAM, r.read_team(resource, number, revision))


async def _delete_team(caller: Caller, known: Any, revision: str) -> None:
    request = p.DeleteProvisionedTeam(name=known.name, number=known.number, revision=revision)
    await caller(ops.DELETE_PROVISIONED_TEAM, request)


def _narrow(narrowed: dict[str, str]) -> dict[str, Any]:
    return {field: r.read_number(value) if field == "number" else value for field, value in narrowed.items()}


async def _guarded(work: Awaitable[Any]) -> Any:
    """Wait for a change; when it was made to something that is not what was known, say so in the protocol's way."""
    try:
        return await work
    except Conflict as error:
        if "revision" in error.details:
            raise Refusal(412, "", error.message) from error
        raise


def _match(request: HttpRequest, known: Any) -> str:
    """Return the revision that alone may be changed; empty when the request says nothing of it.

    raises: Refusal when it is another one already
    """
    tags = _list_tags(request, b"if-match")
    if not tags or b"*" in tags:
        return ""
    if f'W/"{known.revision}"'.encode() not in tags:
        raise Refusal(412, "", "It was changed meanwhile")
    return str(known.revision)


def _list_tags(request: HttpRequest, header: bytes) -> list[bytes]:
    return [tag.strip() for tag in request.headers.get(header, b"").split(b",") if tag.strip()]


def _read_parameters(request: HttpRequest) -> dict[str, Any]:
    """Return a query string's parameters; numbers as numbers.

    raises: InvalidInput for one that is there twice, or no number where one must be
    """
    found: dict[str, Any] = {}
    for name, value in request.query_items():
        if name in found:
            raise InvalidInput(f"The parameter {name[:40]!r} is there twice", hint="send it once")
        found[name] = value
    for name in ("startIndex", "count"):
        if name in found:
            if not found[name].removeprefix("-").isdecimal() or len(found[name]) > 18:
                raise InvalidInput(f"The parameter {name} is no number")
            found[name] = int(found[name])
    return found


async def _read_body(request: HttpRequest) -> bytes:
    kind = request.headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
    if kind not in _JSON:
        raise InvalidInput("The body's Content-Type is not known", hint="send application/scim+json")
    return await request.body(BODY_BYTES, BODY_BYTES)


def _answer(body: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None) -> HttpResponse:
    return HttpResponse(status=status, body=body, content_type=MEDIA_TYPE, headers=headers or [])
