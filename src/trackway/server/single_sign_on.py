"""Single sign-on by an OpenID provider: to it, back from it, and its word that somebody signed out there."""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qs

from trackway.auth.federation import Federation, Origin
from trackway.auth.oidc import OidcClient
from trackway.base.errors import InvalidInput, PermissionDenied, RateLimited, TrackwayError, Unauthenticated
from trackway.http.messages import HttpRequest, HttpResponse
from trackway.server.calls import Caller, Route
from trackway.server.gate import Gate, make_session_cookies, read_client, read_cookie
from trackway.server.native import encode_error
from trackway.server.sign_in_page import show_failure

START = "/sign-in/oidc"
CALLBACK = f"{START}/callback"
LOGOUT = f"{START}/logout"
_COOKIE = "trackway_oidc"
_FLOW_S = 600
"""How long somebody may take at the provider."""
_BODY_BYTES = 65_536
THREADS = 4
WAITING = 32
"""Calls of the provider under way or waiting; more are refused, as each takes a thread for as long as it is silent."""
_OWN = re.compile(r"/(?:(?!/)[!-\[\]-~]{0,2000})?")
"""A path of this server: no other host's, which browsers also find behind ``//`` and ``/\\``."""
T = TypeVar("T")


class SingleSignOnRoutes:
    """Routes for those who sign in elsewhere.

    What a sign-in must find again when the browser comes back (state, nonce, PKCE's verifier) is in a cookie of that
    browser, for ten minutes and for these addresses alone; any server may go on with it.
    """

    def __init__(self, client: OidcClient, federation: Federation, gate: Gate) -> None:
        self._client = client
        self._federation = federation
        self._gate = gate
        self._asking = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="trackway-oidc")

    def list_routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("GET", START, self._start, encode_error, access="public"),
            Route("GET", CALLBACK, self._finish, encode_error, access="public"),
            Route("POST", LOGOUT, self._log_out, encode_error, access="public"),
        ]

    async def _start(self, request: HttpRequest, _caller: Caller) -> HttpResponse:
        try:
            begun = await self._ask(self._client.begin)
        except TrackwayError as error:
            return show_failure(error)
        then = base64.urlsafe_b64encode(_find_way_back(request).encode()).rstrip(b"=").decode()
        kept = ".".join((begun.state, begun.nonce, begun.verifier, then))
        return _redirect(begun.url, self._make_cookie(request, kept, _FLOW_S))

    async def _finish(self, request: HttpRequest, caller: Caller) -> HttpResponse:
        over = self._make_cookie(request, "", 0)
        try:
            secret, then = await self._sign_in(request, caller)
        except TrackwayError as error:
            response = show_failure(error)
            response.headers = [*response.headers, over]
            return response
        return _redirect(then, over, *make_session_cookies(request, self._gate.proxies, secret))

    async def _sign_in(self, request: HttpRequest, caller: Caller) -> tuple[str, str]:
        """Return the secret of a new session, and where it was asked for."""
        query = dict(request.query_items())
        state, nonce, verifier, then = (read_cookie(request, _COOKIE).split(".") + [""] * 4)[:4]
        if not state or not verifier or not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
            raise Unauthenticated("This sign-in was not begun in this browser, or too long ago", hint="sign in again")
        if query.get("iss", self._client.settings.issuer) != self._client.settings.issuer:
            raise Unauthenticated("Another provider answered", hint="sign in again")
        if "error" in query or not query.get("code"):
            raise PermissionDenied("The provider did not sign you in", hint="sign in again, or ask who runs it")
        external = await self._ask(partial(self._client.finish, query["code"], nonce, verifier))
        origin = Origin(caller.call.address, caller.call.request_id, read_cookie(request), read_client(request))
        secret = await self._gate.run(self._federation.sign_in, external, origin)
        return secret, _read_way_back(then)

    async def _log_out(self, request: HttpRequest, caller: Caller) -> HttpResponse:
        """End sessions: OpenID Connect Back-Channel Logout 1.0, section 2.5."""
        body = await request.body(_BODY_BYTES, _BODY_BYTES)
        tokens = parse_qs(body.decode("latin-1"), max_num_fields=10).get("logout_token", [])
        if len(tokens) != 1:
            raise InvalidInput("There is no logout_token", hint="send one, as a form")
        try:
            subject, sid = await self._ask(partial(self._client.read_logout, tokens[0]))
        except Unauthenticated as error:
            raise InvalidInput(error.message) from None  # the status that the protocol has for it
        origin = Origin(caller.call.address, caller.call.request_id)
        ended = partial(self._federation.end_sessions, self._client.settings.issuer, subject, sid, origin)
        await self._gate.run(ended)
        return HttpResponse(body=b"{}", headers=[(b"cache-control", b"no-store")])

    async def _ask(self, work: Callable[[], T]) -> T:
        """Do something that waits for the provider, on threads of its own: when it is silent, nothing else waits.

        raises: RateLimited when too many wait
        """
        if self._asking >= WAITING:
            raise RateLimited("Too many sign in at this moment", hint="try again", retry_after_s=1.0)
        self._asking += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._asking -= 1

    def _make_cookie(self, request: HttpRequest, value: str, lasts_s: int) -> tuple[bytes, bytes]:
        secure = "; Secure" if self._gate.proxies.is_secure(request) else ""
        flags = f"Path={START}; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{secure}"
        return b"set-cookie", f"{_COOKIE}={value}; {flags}".encode()


def _find_way_back(request: HttpRequest) -> str:
    """Return the address of ours that a sign-in shall lead to: what ``?then=`` says, or the start."""
    return _keep_own(dict(request.query_items()).get("then", ""))


def _read_way_back(kept: str) -> str:
    """Return the address that the cookie has; the browser may have written anything there."""
    try:
        return _keep_own(base64.urlsafe_b64decode(kept + "=" * (-len(kept) % 4)).decode())
    except ValueError:
        return "/"


def _keep_own(address: str) -> str:
    return address if _OWN.fullmatch(address) else "/"


def _redirect(url: str, *cookies: tuple[bytes, bytes]) -> HttpResponse:
    headers = [(b"location", url.encode("ascii")), (b"cache-control", b"no-store"), *cookies]
    return HttpResponse(status=303, headers=headers)
