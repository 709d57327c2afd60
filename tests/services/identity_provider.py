"""An OpenID provider for tests: it signs whatever a test likes, and holds clients to the code flow with PKCE."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

CLIENT, SECRET = "trackway", "client-secret-of-tests"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class IdentityProvider:
    """A provider on the loopback address.

    change: changes the claims of the next id_tokens
    sign:   signs claims; a test may put another one in its place
    """

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig"}, private=True)
        self.change: Callable[[dict[str, Any]], object] = lambda _claims: None
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: self.make_token(claims)
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(30)

    def authorize(self, url: str, subject: str, **claims: Any) -> str:
        """Sign somebody in as a browser would that was led to a URL; return the query that it brings back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        code = f"code-{len(self._codes)}"
        self._codes[code] = {**query, "claims": json.dumps({"sub": subject, "preferred_username": subject, **claims})}
        return urlencode({"code": code, "state": query["state"], "iss": self.issuer})

    def make_token(self, claims: dict[str, Any], key: Any = None, algorithm: str = "RS256", **header: Any) -> str:
        """Return a signed token."""
        key = key or self.key
        return jwt.encode(
            {"alg": algorithm, "kid": key.kid or "one", **header}, claims, key, algorithms=[algorithm, "RS256"]
        )

    def make_logout(self, **claims: Any) -> str:
        """Return a logout token; a claim of None is left out."""
        usual = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": int(time.time()),
            "jti": "1",
            "events": {LOGOUT_EVENT: {}},
        }
        return self.sign({name: value for name, value in (usual | claims).items() if value is not None})

    def _exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form.get("code", ""), None)
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        if asked is None or authorization != expected or proof != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"] or form["grant_type"] != "authorization_code":
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= json.loads(asked["claims"])
        self.change(claims)
        return 200, {"token_type": "Bearer", "access_token": "x", "id_token": self.sign(claims)}

    def _answer(self, path: str, body: str, authorization: str) -> tuple[int, Any]:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "/auth?p=1", "token_endpoint": "/token", "jwks_uri": "/keys"}
            return 200, {"issuer": self.issuer, **{name: self.issuer + place for name, place in names.items()}}
        if path == "/keys":
            return 200, KeySet([self.key]).as_dict(private=False)
        if path == "/token":
            return self._exchange({name: values[0] for name, values in parse_qs(body).items()}, authorization)
        return 404, {}

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(size).decode()
                status, told = provider._answer(self.path, body, self.headers.get("Authorization", ""))
                data = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def run_identity_provider() -> Iterator[IdentityProvider]:
    """Run a provider until the block ends."""
    provider = IdentityProvider()
    try:
        yield provider
    finally:
        provider.close()


def make_other_keys() -> dict[str, Any]:
    """Return keys that are not the provider's."""
    return {
        "rsa": RSAKey.generate_key(2048, parameters={"kid": "one"}, private=True),
        "ec": ECKey.generate_key("P-256", parameters={"kid": "one"}, private=True),
        "shared": OctKey.import_key(SECRET.ljust(32, "x"), {"kid": "one"}),
    }
