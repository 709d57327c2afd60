"""Signing in and out: three routes for programs and pages, and the pages that use them."""

from __future__ import annotations

from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from trackway.auth.authenticator import Attempt, Authenticator
from trackway.auth.federation import Origin
from trackway.base.errors import InvalidInput, PermissionDenied
from trackway.http.messages import HttpRequest, HttpResponse
from trackway.server.calls import Caller, Route
from trackway.server.gate import SESSION_S, Gate, make_csrf, make_session_cookies, read_client, read_cookie, read_shown
from trackway.server.native import encode_error
from trackway.server.sign_in_page import show_invitation, show_set_up, show_sign_in

S = TypeVar("S", bound=msgspec.Struct)
_BODY_BYTES = 16_384


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open a session."""

    name: str
    password: str


class Join(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Use an invitation or the set-up link; ``name`` counts for the latter."""

    secret: str
    password: str
    name: str = ""


class Session(msgspec.Struct, frozen=True):
    """Who is signed in; ``csrf`` is to be sent as X-Trackway-CSRF with whatever changes something."""

    name: str
    csrf: str
    is_admin: bool = False


class SignInRoutes:
    """Routes for those who are not known yet. Over TLS, the browser is told to send the cookie over TLS alone.

    elsewhere: address of ours that leads to another place to sign in; empty for none
    """

    def __init__(self, authenticator: Authenticator, gate: Gate, elsewhere: str = "") -> None:
        self._authenticator = authenticator
        self._elsewhere = elsewhere
        self._gate = gate

    def list_routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("POST", "/api/v1/session", self._sign_in, encode_error, access="public"),
            Route("GET", "/api/v1/session", self._show, encode_error, access="known"),
            Route("DELETE", "/api/v1/session", self._sign_out, encode_error, access="anywhere"),
            Route("POST", "/api/v1/join", self._join, encode_error, access="public"),
            Route("GET", "/sign-in", self._sign_in_page, encode_error, access="public"),
            Route("GET", "/join", self._join_page, encode_error, access="public"),
            Route("GET", "/set-up", self._set_up_page, encode_error, access="public"),
        ]

    async def _sign_in(self, request: HttpRequest, caller: Caller) -> HttpResponse:
        _check_own_page(request)
        sent = await _read(request, SignIn)
        call = caller.call
        attempt = Attempt(sent.name, sent.password, call.address, call.request_id, read_client(request))
        secret = await self._gate.hash(partial(self._authenticator.sign_in, attempt, read_cookie(request)))
        return self._answer(request, Session(sent.name, make_csrf(secret)), secret, SESSION_S)

    async def _show(self, request: HttpRequest, caller: Caller) -> HttpResponse:
        shown = read_shown(request)
        rights = await self._gate.run(self._authenticator.find_rights, caller.call)
        csrf = make_csrf(shown.secret) if shown.cookie else ""
        return HttpResponse(body=msgspec.json.encode(Session(rights.actor.name, csrf, rights.is_admin)))

    async def _sign_out(self, request: HttpRequest, caller: Caller) -> HttpResponse:
        shown = read_shown(request)
        if not shown.secret.startswith("tws_"):
            raise InvalidInput("There is no session to end", hint="tokens end by tokens.delete")
        origin = Origin(caller.call.address, caller.call.request_id)
        await self._gate.run(self._authenticator.sign_out, shown.secret, origin)
        return self._answer(request, Session("", ""), "", 0)

    async def _join(self, request: HttpRequest, caller: Caller) -> HttpResponse:
        _check_own_page(request)
        sent = await _read(request, Join)
        attempt = Attempt(sent.name, sent.password, caller.call.address, caller.call.request_id)
        name = await self._gate.hash(partial(self._authenticator.join, sent.secret, attempt))
        return HttpResponse(body=msgspec.json.encode(Session(name, "")))

    async def _sign_in_page(self, request: HttpRequest, _caller: Caller) -> HttpResponse:
        then = dict(request.query_items()).get("then", "")
        way_back = f"?{urlencode({'then': then})}" if self._elsewhere and then else ""
        return show_sign_in(self._elsewhere + way_back)

    async def _join_page(self, _request: HttpRequest, _caller: Caller) -> HttpResponse:
        return show_invitation()

    async def _set_up_page(self, _request: HttpRequest, _caller: Caller) -> HttpResponse:
        return show_set_up()

    def _answer(self, request: HttpRequest, session: Session, secret: str, lasts_s: int) -> HttpResponse:
        cookies = make_session_cookies(request, self._gate.proxies, secret, lasts_s)
        return HttpResponse(body=msgspec.json.encode(session), headers=[*cookies, (b"cache-control", b"no-store")])


async def _read(request: HttpRequest, kind: type[S]) -> S:
    """Read a small body of JSON, which no form of another site can send."""
    if request.headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower() != b"application/json":
        raise InvalidInput("The body must be JSON", hint="send Content-Type: application/json")
    body = await request.body(_BODY_BYTES, _BODY_BYTES)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        wanted = ", ".join(kind.__struct_fields__)
        raise InvalidInput("The body cannot be read", hint=f"its fields are: {wanted}") from error


def _check_own_page(request: HttpRequest) -> None:
    """Refuse to sign a browser in for a page of another site, which could make it act as somebody else."""
    if request.headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
        raise PermissionDenied("This was not sent by a page of this server")
