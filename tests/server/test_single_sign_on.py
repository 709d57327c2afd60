"""Single sign-on: who the provider names comes in, and nobody else by any trick with its answers."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.server.access import ADMIN, PASSWORD, Site, Visitor, cookie, on_site
from tests.services.identity_provider import SECRET, IdentityProvider, make_other_keys, run_identity_provider
from trackway.auth import oidc
from trackway.base.errors import InvalidInput
from trackway.base.settings import read_settings
from trackway.server import single_sign_on
from trackway.wiring.server import check_settings

ME = "/api/v1/me"
START, CALLBACK, LOGOUT = "/sign-in/oidc", "/sign-in/oidc/callback", "/sign-in/oidc/logout"
TEAMS = "ds vision=vision,ds-ops=ops"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityProvider]:
    monkeypatch.setenv("TRACKWAY_OIDC_CLIENT_SECRET", SECRET)
    with run_identity_provider() as provider:
        yield provider


def settings(provider: IdentityProvider, **more: Any) -> dict[str, Any]:
    public = {"public_url": "https://trackway.example.org/", "oidc_issuer": provider.issuer}
    return {**public, "oidc_teams": TEAMS, "oidc_admins": "ds-admins", **more}


def play(folder: Path, provider: IdentityProvider, act: Callable[[Site], Awaitable[None]], **more: Any) -> None:
    on_site(folder, act, **settings(provider, **more))


class Browser:
    """A browser: it keeps the cookie of the sign-in, and that of the session."""

    def __init__(self, site: Site, provider: IdentityProvider) -> None:
        self._site = site
        self._provider = provider
        self.flow = ""
        self.session = ""
        self.told = ""

    async def start(self, query: str = "") -> str:
        """Begin a sign-in; return where it leads."""
        status, _ = await self._site.anonymous.ask("GET", START + query)
        headers = self._site.app.told
        assert status == 303
        flags = headers[b"set-cookie"].decode()
        assert "; Path=/sign-in/oidc; Max-Age=600; HttpOnly; SameSite=Lax" in flags
        self.flow = flags.partition(";")[0]
        return headers[b"location"].decode()

    async def come_back(self, query: str) -> int:
        """Bring the provider's answer; return the status."""
        status, told = await self._site.anonymous.ask(
            "GET", f"{CALLBACK}?{query}", None, (b"cookie", self.flow.encode())
        )
        self.told = str(told)
        sent = self._site.app.told.get(b"set-cookie", b"").decode()
        self.session = sent.partition(";")[0].partition("=")[2] if sent.startswith("trackway_session=") else ""
        return status

    async def sign_in(self, subject: str, **claims: Any) -> int:
        url = await self.start()
        return await self.come_back(self._provider.authorize(url, subject, **claims))

    async def ask_me(self) -> tuple[int, Any]:
        return await Visitor(self._site.app, cookie(self.session)).ask("GET", ME)


def test_who_the_provider_names_is_signed_in_with_teams_and_rights(tmp_path: Path, provider: IdentityProvider) -> None:
    async def act(site: Site) -> None:
        browser = Browser(site, provider)
        assert await browser.sign_in("ann", groups=["ds vision", "ds-admins", "other"]) == 303
        status, me = await browser.ask_me()
        assert (status, me["name"], me["kind"], me["is_admin"], me["means"]) == (200, "ann", "user", True, "session")
        teams = await site.admin.get("GET", "/api/v1/teams")
        assert [(team["team"], team["members"]) for team in teams["teams"]] == [("vision", ["ann"])]
        assert await browser.sign_in("ann", groups=["ds-ops"]) == 303
        assert (await browser.ask_me())[1]["is_admin"] is False
        teams = await site.admin.get("GET", "/api/v1/teams")
        assert [(team["team"], team["members"]) for team in teams["teams"]] == [("ops", ["ann"]), ("vision", [])]
        entry = (await site.audit(operation="session.open"))[0]
        assert (entry["actor"], entry["detail"]) == ("user:ann", "oidc")
        status, page = await site.anonymous.ask("GET", "/sign-in")
        assert 'href="/sign-in/oidc">' in page
        for host, status in ((b"trackway.example.org", 200), (b"evil.example.org", 403)):
            assert (await Visitor(site.app, (b"host", host)).ask("GET", "/sign-in"))[0] == status

    play(tmp_path, provider, act)


WAYS = {
    "/runs/a%20b?tab=logs": "/runs/a%20b?tab=logs",
    "": "/",
    "//example.org": "/",
    "/\\example.org": "/",
    "https://example.org": "/",
    "/a\r\nset-cookie: a=b": "/",
    "/é": "/",
    "/" + "a" * 3_000: "/",
}


def test_a_sign_in_leads_to_the_page_that_was_asked_for_and_nowhere_else(
    tmp_path: Path, provider: IdentityProvider
) -> None:
    async def act(site: Site) -> None:
        for asked, reached in WAYS.items():
            browser = Browser(site, provider)
            way = f"?{urlencode({'then': asked})}" if asked else ""
            _, page = await site.anonymous.ask("GET", f"/sign-in{way}")
            assert f'href="{START}{way}"' in page
            url = await browser.start(way)
            assert await browser.come_back(provider.authorize(url, "ann")) == 303
            assert site.app.told[b"location"].decode() == reached
        for kept in ("Ly9ldmlsLmV4YW1wbGUub3Jn", "%", "_w"):  # what the browser wrote itself: //evil.example.org, ...
            url = await browser.start()
            browser.flow = f"{browser.flow.rpartition('.')[0]}.{kept}"
            assert await browser.come_back(provider.authorize(url, "ann")) == 303
            assert site.app.told[b"location"] == b"/"

    play(tmp_path, provider, act)


def test_a_group_may_be_a_team_of_another_workspace(tmp_path: Path, provider: IdentityProvider) -> None:
    async def act(site: Site) -> None:
        browser = Browser(site, provider)
        assert await browser.sign_in("ann", groups=["ds-labels", "ds-nowhere"]) == 303, "a workspace that is not there"
        await site.admin.get("POST", "/api/v1/workspaces", {"name": "vision"})
        assert await browser.sign_in("ann", groups=["ds-labels", "ds-nowhere"]) == 303
        for place, teams in (("/w/vision", [("labels", ["ann"])]), ("", [])):
            found = (await site.admin.get("GET", f"{place}/api/v1/teams"))["teams"]
            assert [(team["team"], team["members"]) for team in found] == teams

    play(tmp_path, provider, act, oidc_teams="ds-labels=vision/labels,ds-nowhere=gone/labels")


def test_a_user_is_the_providers_subject_and_not_a_name(tmp_path: Path, provider: IdentityProvider) -> None:
    async def act(site: Site) -> None:
        browser = Browser(site, provider)
        assert await browser.sign_in("s-1", preferred_username="ann") == 303
        assert await browser.sign_in("s-1", preferred_username="ann.renamed") == 303
        assert (await browser.ask_me())[1]["name"] == "ann", "the same person"
        assert await browser.sign_in("s-2", preferred_username="ann") == 403, "another person of that name"
        assert await browser.sign_in("s-3", preferred_username=ADMIN) == 403, "a user with a password here"
        assert await browser.sign_in("s-4", preferred_username=ADMIN.upper()) == 403
        assert "belongs to another user" in browser.told
        await site.admin.get("POST", "/api/v1/users", {"name": "invited"})
        assert await browser.sign_in("s-5", preferred_username="invited") == 303
        await site.admin.get("POST", "/api/v1/users", {"name": "robot", "kind": "service"})
        assert await browser.sign_in("s-6", preferred_username="robot") == 403
        assert await browser.sign_in("s-7", preferred_username="<script>x") == 400
        assert "<script>x" not in browser.told
        await site.admin.get("PATCH", "/api/v1/users/ann", {"disabled": True})
        assert await browser.sign_in("s-1") == 403

    play(tmp_path, provider, act)


NOW = int(time.time())
WRONG: list[dict[str, Any]] = [
    {"iss": "https://evil.example.org"},
    {"aud": "another-client"},
    {"aud": ["trackway", "another-client"]},
    {"aud": ["trackway", "another-client"], "azp": "another-client"},
    {"azp": "another-client"},
    {"nonce": "another"},
    {"nonce": None},
    {"exp": NOW - 3_600},
    {"exp": None},
    {"exp": "tomorrow"},
    {"iat": NOW + 3_600},
    {"iat": None},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"preferred_username": None},
    {"preferred_username": ["ann"]},
]
"""Claims that make a token one for something else; None for one that is missing."""


def test_a_token_that_is_not_for_this_sign_in_is_refused(tmp_path: Path, provider: IdentityProvider) -> None:
    async def act(site: Site) -> None:
        browser = Browser(site, provider)
        for changes in WRONG:

            def change(claims: dict[str, Any], changes: dict[str, Any] = changes) -> None:
                claims |= changes
                for name in [name for name, value in claims.items() if value is None]:
                    del claims[name]

            provider.change = change
            assert await browser.sign_in("ann") == 401, (changes, browser.told)
            assert browser.session == ""
        assert len((await site.admin.get("GET", "/api/v1/users"))["users"]) == 1

    play(tmp_path, provider, act)


def test_a_token_by_another_key_is_refused(tmp_path: Path, provider: IdentityProvider) -> None:
    keys = make_other_keys()

    def unsigned(claims: dict[str, Any]) -> str:
        head, body, _ = provider.make_token(claims).split(".")
        assert head
        return f"eyJhbGciOiJub25lIn0.{body}."

    def cut(claims: dict[str, Any]) -> str:
        return provider.make_token(claims).rpartition(".")[0] + ".AAAA"

    async def act(site: Site) -> None:
        browser = Browser(site, provider)
        for sign in (
            lambda claims: provider.make_token(claims, keys["rsa"]),
            lambda claims: provider.make_token(claims, keys["ec"], "ES256"),
            lambda claims: provider.make_token(claims, keys["shared"], "HS256"),
            unsigned,
            cut,
            lambda _claims: "x",
            lambda _claims: "",
        ):
            provider.sign = sign
            assert await browser.sign_in("ann") == 401, browser.told
            assert browser.session == ""

    play(tmp_path, provider, act)


def test_new_keys_of_the_provider_are_found(
    tmp_path: Path, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "AGAIN_MS", -1)

    async def act(site: Site) -> None:
        browser = Browser(site, provider)
        assert await browser.sign_in("ann") == 303
        provider.key = make_other_keys()["rsa"]
        assert await browser.sign_in("ann") == 303
        assert provider.asked.count("/keys") == 2
        assert provider.asked.count("/.well-known/openid-configuration") == 1

    play(tmp_path, provider, act)


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(tmp_path: Path, provider: IdentityProvider) -> None:
    async def act(site: Site) -> None:
        mine, other = Browser(site, provider), Browser(site, provider)
        stolen = provider.authorize(await other.start(), "mallory")
        await mine.start()
        assert await mine.come_back(stolen) == 401, "somebody else's sign-in would make me somebody else"
        url = await mine.start()
        answer = provider.authorize(url, "ann")
        assert await mine.come_back(answer.replace("iss=http", "iss=https")) == 401
        assert await mine.come_back(answer.replace("state=", "x=")) == 401
        assert await mine.come_back(f"error=access_denied&{answer.partition('&')[2]}") == 403
        mine.flow = "trackway_oidc="
        assert await mine.come_back(answer) == 401
        kept = Browser(site, provider)
        answer = provider.authorize(await kept.start(), "ann")
        state, nonce, *_ = kept.flow.partition("=")[2].split(".")
        right, kept.flow = kept.flow, f"trackway_oidc={state}.{nonce}.{'v' * 43}"
        assert await kept.come_back(answer) == 401, "another verifier of PKCE"
        kept.flow = right
        assert await kept.come_back(answer) == 401, "a code counts once"
        assert kept.session == ""

    play(tmp_path, provider, act)


def test_who_signs_out_there_is_signed_out_here(tmp_path: Path, provider: IdentityProvider) -> None:
    async def log_out(site: Site, token: str) -> int:
        body = f"logout_token={token}".encode()
        status, _ = await site.app.send("POST", LOGOUT, body, kind="application/x-www-form-urlencoded")
        return status

    async def act(site: Site) -> None:
        here, there, other = (Browser(site, provider) for _ in range(3))
        assert await here.sign_in("ann", sid="1") == await there.sign_in("ann", sid="2") == 303
        assert await other.sign_in("bob", sid="3") == 303
        now = int(time.time())
        for wrong in (
            {"sub": "ann", "events": None},
            {"sub": "ann", "events": {"x": {}}},
            {"sub": "ann", "nonce": "x"},
            {"sub": "ann", "aud": "another-client"},
            {"sub": "ann", "iss": "https://evil.example.org"},
            {"sub": "ann", "iat": now - 3_600},
            {"sub": None},
        ):
            assert await log_out(site, provider.make_logout(**wrong)) == 400, wrong
        assert await log_out(site, "x") == await log_out(site, "") == 400
        assert (await here.ask_me())[0] == (await there.ask_me())[0] == 200
        assert await log_out(site, provider.make_logout(sid="1")) == 200
        assert [(await one.ask_me())[0] for one in (here, there, other)] == [401, 200, 200]
        assert await log_out(site, provider.make_logout(sub="ann")) == 200
        assert [(await one.ask_me())[0] for one in (here, there, other)] == [401, 401, 200]
        assert await log_out(site, provider.make_logout(sub="nobody")) == 200
        assert [(await one.ask_me())[0] for one in (other,)] == [200]
        ended = [(one["actor"], one["object"], one["detail"]) for one in await site.audit(operation="session.end")]
        assert ended == [("user:ann", "ann", "oidc")] * 2

    play(tmp_path, provider, act)


def test_a_provider_that_is_away_is_told_and_others_still_sign_in(tmp_path: Path, provider: IdentityProvider) -> None:
    async def act(site: Site) -> None:
        status, told = await site.anonymous.ask("GET", START)
        assert status == 503
        assert "does not answer" in told
        status, _ = await site.anonymous.ask("POST", "/api/v1/session", {"name": ADMIN, "password": PASSWORD})
        assert status == 200

    with socket.socket() as taken:  # and nobody listens there
        taken.bind(("127.0.0.1", 0))
        provider.issuer = f"http://127.0.0.1:{taken.getsockname()[1]}"
        play(tmp_path, provider, act)


def test_a_provider_that_is_silent_keeps_nobody_else_waiting(
    tmp_path: Path, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = threading.Event()
    monkeypatch.setattr(oidc, "_fetch", lambda *_args: silent.wait(60) and b"{}")

    async def act(site: Site) -> None:
        async def start() -> int:
            return (await site.anonymous.ask("GET", START))[0]

        waiting = [asyncio.create_task(start()) for _ in range(single_sign_on.WAITING)]
        await asyncio.sleep(0)
        assert (await site.admin.get("GET", ME))["name"] == ADMIN
        assert await start() == 429
        silent.set()
        assert set(await asyncio.gather(*waiting)) == {503}, "what it said in the end was nothing"

    play(tmp_path, provider, act)


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"auth": False}, "needs access control"),
        ({"public_url": ""}, "needs access control"),
        ({"oidc_issuer": "http://id.example.org"}, "must begin with https"),
        ({"oidc_issuer": "https://"}, "must begin with https"),
        ({"oidc_teams": "vision"}, "Invalid oidc_teams"),
        ({"oidc_teams": "a=b c"}, "Invalid name"),
        ({"oidc_teams": "a=Vision/b"}, "Invalid name of a workspace"),
        ({"oidc_teams": "a=vision/b/c"}, "Invalid name of a workspace"),
        ({"oidc_teams": "a=vision/"}, "Invalid name"),
        ({"oidc_client_secret_file": "/missing/file"}, "cannot be read"),
    ],
)
def test_settings_that_cannot_be_right_are_told(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], says: str
) -> None:
    monkeypatch.delenv("TRACKWAY_OIDC_CLIENT_SECRET", raising=False)
    right = {"auth": True, "public_url": "https://a.example.org", "oidc_issuer": "https://id.example.org"}
    check_settings(read_settings(right, {}))
    with pytest.raises(InvalidInput) as refusal:
        check_settings(read_settings(right | changes, {}))
    assert says in str(refusal.value)
