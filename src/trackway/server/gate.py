"""The gate before every route: who calls, by what they show; whether a page of ours asks; how much they may ask."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import NamedTuple, TypeVar

import msgspec

from trackway.api.calls import Call
from trackway.auth.authenticator import Attempt, Authenticator
from trackway.auth.credentials import digest, read_kind
from trackway.auth.requests import RequestCounts
from trackway.auth.rights import Rights
from trackway.base.errors import NotFound, PermissionDenied, RateLimited, Unauthenticated
from trackway.http.certificates import CertificateName, read_name
from trackway.http.messages import HttpRequest
from trackway.http.peers import Proxies
from trackway.server.calls import Caller, Route
from trackway.store.workspaces import DEFAULT

T = TypeVar("T")
Header = tuple[bytes, bytes]
COOKIE = b"trackway_session"
CSRF = b"x-trackway-csrf"
CSRF_COOKIE = "trackway_csrf"
SESSION_S = 7 * 86_400
SAFE = ("GET", "HEAD", "OPTIONS")
HASHING_THREADS = 2
ASKING_THREADS = 16
"""With a directory, whose answers are waited for on the same threads."""
WAITING_LOGINS = 32
"""Passwords that wait to be tried at once; more are refused, as each takes a processor for a while."""
KEPT_PASSWORDS = 10_000
_LONGEST = 2_048
"""Characters of a credential that are looked at."""
_CLIENT_CHARS = 200
"""Characters that are kept of what a browser calls itself."""


class Shown(NamedTuple):
    """What a request shows: a secret, or a name and a password; ``cookie`` when the browser sent it by itself."""

    secret: str = ""
    name: str = ""
    password: str = ""
    cookie: bool = False


class Words(NamedTuple):
    """Whose word about who calls is taken, of a request that shows nothing itself.

    proxies:     whose word about where a request comes from is taken
    header:      where such a proxy says who it has signed in; empty for none
    certificate: what of a client's certificate is a name, which the connection has proved; None to look at none
    """

    proxies: Proxies
    header: str = ""
    certificate: CertificateName | None = None

    def read(self, request: HttpRequest) -> str:
        """Return the credential of who calls, by the word of others; empty for nobody.

        The guard has refused pages of other sites, to whose requests a browser adds its certificate, too.
        """
        name = read_name(request.scope, self.certificate) if self.certificate else ""
        if name:
            return f"certificate:{name}"
        name = self.proxies.read_word(request, self.header.lower().encode()) if self.header else ""
        return f"proxy:{name}" if name else ""


class Gate:
    """Lets requests in. See ``http.guard.Gate``.

    requests: counts what each workspace asks
    asks:    whether passwords are tried at a directory, too

    A password that was found right is remembered by a keyed hash, so that argon2 is not paid for each request. It
    stands for the stored hash that it matched: a changed password ends it in the same transaction that asks.
    """

    def __init__(self, authenticator: Authenticator, words: Words, requests: RequestCounts, asks: bool = False) -> None:
        self._requests = requests
        self._authenticator = authenticator
        self._words = words
        self.proxies = words.proxies
        self._key = secrets.token_bytes(32)
        self._passwords: dict[bytes, str] = {}
        self._trying: dict[bytes, asyncio.Future[str]] = {}
        self._hashing = 0
        self._threads = ThreadPoolExecutor(
            ASKING_THREADS if asks else HASHING_THREADS, thread_name_prefix="trackway-password"
        )

    async def admit(self, request: HttpRequest, caller: Caller, route: Route | None) -> None:
        """Let a request in as who it shows to be, or raise.

        raises: Unauthenticated, PermissionDenied, RateLimited; NotFound for a workspace that it may not enter
        """
        address = self.proxies.find_address(request)
        if route is not None and route.access == "public":
            caller.call = msgspec.structs.replace(caller.call, address=address)
            return
        shown = read_shown(request)
        if shown.cookie and request.method not in SAFE:
            check_csrf(request, shown.secret)
        workspace = caller.call.workspace
        if shown.secret:
            credential = name_credential(shown)
        elif shown.name:
            credential = await self._find_password(shown, address, caller)
        elif word := self._words.read(request):
            credential = word
        else:
            raise Unauthenticated("Sign in first", hint="send a token, or a user name and password")
        caller.call = msgspec.structs.replace(caller.call, credential=credential, address=address)
        rights = self._authenticator.find_kept(credential, workspace)
        if rights is None or route is None or route.access != "operation":
            rights = await self._find_rights(route, caller.call)
            _check_route(route, rights)
        if rights.means == "session" and self._authenticator.is_due(credential):
            await self.run(self._authenticator.note_use, credential, address)
        # Who administers the installation is counted, and never kept from giving more.
        self._requests.take(rights.place.key, None if rights.is_admin else rights.requests_per_minute)

    async def _find_rights(self, route: Route | None, call: Call) -> Rights:
        """Return what a call's credential permits in its workspace, or in the default one for a route of anywhere.

        raises: NotFound for a workspace that it may not enter
        """
        try:
            return await self.run(self._authenticator.find_rights, call)
        except NotFound:
            if route is None or route.access != "anywhere":
                raise
        return await self.run(self._authenticator.find_rights, msgspec.structs.replace(call, workspace=DEFAULT.name))

    async def run(self, work: Callable[..., T], *args: object) -> T:
        """Do something that waits for the store, on a thread."""
        return await asyncio.to_thread(work, *args)

    async def hash(self, work: Callable[[], T]) -> T:
        """Do something that hashes a password, on one of few threads.

        raises: RateLimited when too many wait
        """
        if self._hashing >= WAITING_LOGINS:
            raise RateLimited("Too many sign in at this moment", hint="try again", retry_after_s=1.0)
        self._hashing += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._hashing -= 1

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True)

    def identify(self, request: HttpRequest) -> str:
        """Return a name for who sent a request, when its credential was found good before; see ``http.lanes``."""
        try:
            shown = read_shown(request)
        except Unauthenticated:
            return ""
        if shown.secret:
            credential = name_credential(shown)
        elif shown.name:
            credential = self._passwords.get(self._digest(shown), "")
        else:
            credential = self._words.read(request)
        return credential if credential and self._authenticator.knows(credential) else ""

    async def _find_password(self, shown: Shown, address: str, caller: Caller) -> str:
        """Return the credential of a name and password, tried once for all requests that show it at the same time."""
        key = self._digest(shown)
        known = self._passwords.get(key)
        if known is not None and await self._still_stands(known, caller):
            return known
        self._passwords.pop(key, None)
        trying = self._trying.get(key)
        if trying is None:
            attempt = Attempt(shown.name, shown.password, address, caller.call.request_id)
            trying = asyncio.ensure_future(self.hash(lambda: self._authenticator.try_password(attempt)))
            self._trying[key] = trying
            trying.add_done_callback(lambda done: self._note(key, done))
        return await asyncio.shield(trying)

    def _digest(self, shown: Shown) -> bytes:
        text = f"{shown.name}\x00{shown.password}"
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")

    async def _still_stands(self, credential: str, caller: Caller) -> bool:
        if self._authenticator.find_kept(credential, caller.call.workspace):
            return True
        call = msgspec.structs.replace(caller.call, credential=credential)
        try:
            await self.run(self._authenticator.find_rights, call)
        except Unauthenticated:
            return False
        return True

    def _note(self, key: bytes, done: asyncio.Future[str]) -> None:
        self._trying.pop(key, None)
        if not done.cancelled() and done.exception() is None:
            if len(self._passwords) >= KEPT_PASSWORDS:
                self._passwords.clear()
            self._passwords[key] = done.result()


def read_shown(request: HttpRequest) -> Shown:
    """Return what a request shows; a header counts before a cookie.

    raises: Unauthenticated for a header that cannot be read
    """
    header = request.headers.get(b"authorization")
    if header is None:
        secret = read_cookie(request)
        return Shown(secret=secret, cookie=True) if secret.startswith("tws_") else Shown()
    scheme, _, rest = header.decode("latin-1").strip().partition(" ")
    if scheme.lower() == "bearer" and 0 < len(rest) <= _LONGEST:
        return Shown(secret=rest.strip())
    if scheme.lower() == "basic" and len(rest) <= _LONGEST:
        try:
            name, colon, password = base64.b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            colon = ""
        if colon and read_kind(password) == "token":  # for clients that know no other way to send a token
            return Shown(secret=password)
        if colon and name:
            return Shown(name=name, password=password)
    raise Unauthenticated("The Authorization header cannot be read", hint="send Basic or Bearer")


def name_credential(shown: Shown) -> str:
    """Return how the policy knows a secret."""
    return f"{read_kind(shown.secret) or 'token'}:{digest(shown.secret)}"


def read_cookie(request: HttpRequest, cookie: str = COOKIE.decode()) -> str:
    """Return the value of a cookie, that of a browser's session unless another is named; empty without one."""
    for pair in request.headers.get(b"cookie", b"").split(b";"):
        name, _, value = pair.strip().partition(b"=")
        if name == cookie.encode():
            return value.decode("latin-1")[:_LONGEST]
    return ""


def read_client(request: HttpRequest) -> str:
    """Return what a client calls itself, as one line of what can be printed."""
    text = request.headers.get(b"user-agent", b"").decode("latin-1")[:_CLIENT_CHARS]
    return "".join(one if one.isprintable() else "?" for one in text)


def make_session_cookies(
    request: HttpRequest, proxies: Proxies, secret: str, lasts_s: int = SESSION_S
) -> tuple[Header, Header]:
    """Return the headers that give a browser its session, over TLS alone when it came over TLS.

    The first holds what pages send along with it, and is for their scripts to read; the second is the session.
    """
    flags = f"Path=/; Max-Age={lasts_s}; SameSite=Lax{'; Secure' if proxies.is_secure(request) else ''}"
    sent_along = make_csrf(secret) if secret else ""
    return (
        (b"set-cookie", f"{CSRF_COOKIE}={sent_along}; {flags}".encode()),
        (b"set-cookie", COOKIE + f"={secret}; HttpOnly; {flags}".encode()),
    )


def make_csrf(secret: str) -> str:
    """Return what a page of ours sends along with a session's cookie: it cannot be made without the cookie's value."""
    return sha256(f"csrf\x00{secret}".encode()).hexdigest()


def check_csrf(request: HttpRequest, secret: str) -> None:
    """Check that a page of ours sent a request that a browser put the cookie to.

    raises: PermissionDenied
    """
    site = request.headers.get(b"sec-fetch-site", b"same-origin")
    sent = request.headers.get(CSRF, b"").decode("latin-1")
    if site not in (b"same-origin", b"none") or not hmac.compare_digest(sent.encode(), make_csrf(secret).encode()):
        raise PermissionDenied(
            "This was not sent by a page of this server", hint="send X-Trackway-CSRF of your session"
        )


def _check_route(route: Route | None, rights: Rights) -> None:
    """Check who may come to a route that tells of the whole installation."""
    if route is None or route.access != "reader":
        return
    if rights.place.key != DEFAULT.key or "read" not in rights.workspace:
        raise PermissionDenied(f"This needs the permission 'read' on the workspace {DEFAULT.name!r}")
