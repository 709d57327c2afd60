"""Sign-in by an OpenID provider: the code flow with PKCE, and what the provider says, checked.

Sources: OpenID Connect Core 1.0, Discovery 1.0 and Back-Channel Logout 1.0; RFC 7636 (PKCE), RFC 9207 (the issuer in
the answer). Signatures are checked by joserfc.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from trackway.auth.external import External
from trackway.base.clock import Clock, now_ms
from trackway.base.errors import InvalidInput, NotSupported, Unauthenticated, Unavailable

ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Of public keys alone: with a shared secret, or none, whoever knows our client could sign."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
SKEW_S = 60
"""How far the provider's clock may be from ours."""
KEPT_MS = 3_600_000
"""For how long what the provider publishes is kept."""
AGAIN_MS = 30_000
"""Keys are fetched again for a signature by an unknown one, no more often than this."""
LOGOUT_S = 600
"""How old a logout token may be."""
TIMEOUT_S = 10.0
MOST_BYTES = 1_048_576


class OidcSettings(NamedTuple):
    """What the operator says.

    redirect_uri: ``https://<this server>/sign-in/oidc/callback``, as the provider knows it
    name_claim:   which claim is the user's name here
    """

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    scopes: str
    name_claim: str


class Begun(NamedTuple):
    """A sign-in that has begun: where the browser goes, and what it keeps until it comes back."""

    url: str
    state: str
    nonce: str
    verifier: str


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


class OidcClient:
    """Talks to one provider. Its methods wait for the network: call them on a thread.

    raises: InvalidInput for settings that cannot be right, NotSupported without joserfc
    """

    def __init__(self, settings: OidcSettings, clock: Clock = now_ms) -> None:
        _check_url(settings.issuer)
        _import_joserfc()
        self.settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: _Metadata | None = None
        self._keys: Any = None
        self._read_ms = self._keys_ms = -KEPT_MS

    def begin(self) -> Begun:
        """Begin a sign-in.

        raises: Unavailable when the provider does not answer
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": self.settings.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._find_provider().authorization_endpoint
        joint = "&" if "?" in endpoint else "?"
        return Begun(f"{endpoint}{joint}{urlencode(query)}", state, nonce, verifier)

    def finish(self, code: str, nonce: str, verifier: str) -> External:
        """Exchange a code, and return who signed in.

        raises: Unauthenticated for a code or token that is not good; Unavailable when the provider does not answer
        """
        settings, provider = self.settings, self._find_provider()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if settings.client_secret and "client_secret_basic" in provider.token_endpoint_auth_methods_supported:
            pair = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"] = settings.client_id
            if settings.client_secret:
                form["client_secret"] = settings.client_secret
        answer = _fetch(provider.token_endpoint, urlencode(form).encode(), headers)
        try:
            token = msgspec.json.decode(answer, type=_Tokens).id_token
        except msgspec.DecodeError:
            raise _refuse("the provider sent no id_token") from None
        claims = self._verify(token)
        if not secrets.compare_digest(str(claims.get("nonce", "")), nonce):
            raise _refuse("the nonce is another one")
        if _number(claims, "exp") <= self._clock() / 1000 - SKEW_S:
            raise _refuse("the token has expired")
        return self._read_user(claims)

    def read_logout(self, token: str) -> tuple[str, str]:
        """Return the subject and the provider's session that a logout token ends; one of them may be empty.

        raises: Unauthenticated for a token that is not good
        """
        claims = self._verify(token)
        events = claims.get("events")
        if not isinstance(events, dict) or LOGOUT_EVENT not in events or "nonce" in claims:
            raise _refuse("it is no logout token")
        if abs(self._clock() / 1000 - _number(claims, "iat")) > LOGOUT_S:
            raise _refuse("the logout token is too old")
        subject, sid = str(claims.get("sub", "")), str(claims.get("sid", ""))
        if not subject and not sid:
            raise _refuse("the logout token names nobody")
        return subject, sid

    def _verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that the provider signed for us."""
        jwt, errors = _import_joserfc()
        decoded = None
        for fresh in (False, True):
            try:
                decoded = jwt.decode(token, self._find_keys(fresh), algorithms=ALGORITHMS)
                break
            except (errors.JoseError, ValueError, TypeError) as error:
                if fresh:
                    raise _refuse(f"its signature is not good ({type(error).__name__})") from None
        assert decoded is not None
        claims: dict[str, Any] = decoded.claims
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self.settings.issuer:
            raise _refuse("another issuer made the token")
        if self.settings.client_id not in audiences:
            raise _refuse("the token is for somebody else")
        if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != self.settings.client_id:
            raise _refuse("the token was given to somebody else")
        if _number(claims, "iat") > self._clock() / 1000 + SKEW_S:
            raise _refuse("the token is from the future")
        return claims

    def _read_user(self, claims: dict[str, Any]) -> External:
        subject, name = claims.get("sub"), claims.get(self.settings.name_claim)
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise _refuse("the token names nobody")
        if not isinstance(name, str) or not name:
            raise _refuse(f"the token has no claim {self.settings.name_claim!r}")
        if self.settings.name_claim == "email" and claims.get("email_verified") is not True:
            raise _refuse("the provider has not verified the address")
        groups = claims.get("groups", [])
        found = frozenset(group for group in groups if isinstance(group, str)) if isinstance(groups, list) else ()
        return External("oidc", self.settings.issuer, subject, name, frozenset(found), str(claims.get("sid", "")))

    def _find_provider(self) -> _Metadata:
        with self._lock:
            if self._metadata is None or self._clock() - self._read_ms > KEPT_MS:
                url = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
                try:
                    found = msgspec.json.decode(_fetch(url), type=_Metadata)
                except msgspec.DecodeError as error:
                    raise Unavailable(f"{url} is no description of an OpenID provider: {error}") from None
                if found.issuer != self.settings.issuer:
                    raise Unavailable(
                        f"The provider calls itself {found.issuer!r}", hint="give --oidc-issuer exactly like that"
                    )
                for endpoint in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                    _check_url(endpoint)
                self._metadata, self._read_ms = found, self._clock()
            return self._metadata

    def _find_keys(self, fresh: bool) -> Any:
        """Return the provider's keys, fetched again when they are old, or one is unknown and it was a while ago."""
        provider = self._find_provider()
        with self._lock:
            age_ms = self._clock() - self._keys_ms
            if self._keys is None or age_ms > KEPT_MS or (fresh and age_ms > AGAIN_MS):
                from joserfc.jwk import KeySet

                self._keys = KeySet.import_key_set(msgspec.json.decode(_fetch(provider.jwks_uri)))
                self._keys_ms = self._clock()
            return self._keys


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Follow nothing: what the provider published is where it is."""


_opener = urllib.request.build_opener(_NoRedirects)


def _fetch(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Return what an address of the provider answers with; POST when there is a body.

    raises: Unauthenticated when it refuses (400 to 403), Unavailable otherwise
    """
    _check_url(url)
    request = urllib.request.Request(url, body, {"Accept": "application/json", **(headers or {})})  # noqa: S310 - checked
    try:
        with _opener.open(request, timeout=TIMEOUT_S) as answer:
            data: bytes = answer.read(MOST_BYTES)
            return data
    except urllib.error.HTTPError as error:
        with error:
            if body is not None and error.code in (400, 401, 403):
                raise _refuse("the provider does not take the code") from None
            raise Unavailable(f"The OpenID provider answered {error.code}", hint="try again") from None
    except OSError as error:
        raise Unavailable("The OpenID provider does not answer", hint="try again") from error


def _check_url(url: str) -> None:
    """Refuse addresses of a provider that are not encrypted, but on this machine.

    raises: InvalidInput
    """
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise InvalidInput(f"Invalid address of an OpenID provider {url[:200]!r}", hint="it must begin with https://")


def _import_joserfc() -> Any:
    try:
        from joserfc import errors, jwt
    except ImportError as error:
        raise NotSupported("Single sign-on needs the package joserfc", hint="pip install 'trackway[oidc]'") from error
    return jwt, errors


def _number(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(f"the token has no {name}")
    return float(value)


def _refuse(why: str) -> Unauthenticated:
    return Unauthenticated(f"Single sign-on failed: {why}", hint="sign in again")
