"""Who somebody is to the server: passwords, sessions, tokens, invitations, and how each of them ends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.repository.source import ROOT
from tests.server.access import ADMIN, PASSWORD, Site, Visitor, basic, bearer, cookie, on_site
from trackway.auth import authenticator, passwords
from trackway.auth.credentials import digest
from trackway.base.errors import InvalidInput
from trackway.base.settings import read_settings
from trackway.wiring.server import check_settings, open_access

ME = "/api/v1/me"


async def sign_in(site: Site, name: str = ADMIN, password: str = PASSWORD, *more: Any) -> tuple[str, str]:
    """Sign in; return the session's secret and what pages send along."""
    status, told = await site.anonymous.ask("POST", "/api/v1/session", {"name": name, "password": password}, *more)
    assert status == 200, told
    flags = site.app.told[b"set-cookie"].decode()
    assert all(flag in flags.split("; ") for flag in ("HttpOnly", "SameSite=Lax", "Path=/"))
    return flags.partition(";")[0].partition("=")[2], told["csrf"]


def test_a_session_is_opened_used_by_pages_and_ended(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        secret, csrf = await sign_in(site)
        browser = Visitor(site.app, cookie(secret))
        assert (await browser.get("GET", ME))["means"] == "session"
        assert (await browser.get("GET", "/api/v1/session")) == {"name": ADMIN, "csrf": csrf, "is_admin": True}
        make = ("POST", "/api/v1/experiments", {"name": "x"})
        for wrong in (
            (),
            ((b"x-trackway-csrf", b"x"),),
            ((b"x-trackway-csrf", csrf.encode()), (b"sec-fetch-site", b"cross-site")),
        ):
            status, _ = await browser.ask(*make, *wrong)
            assert status == 403
        status, _ = await browser.ask(*make, (b"x-trackway-csrf", csrf.encode()))
        assert status == 200
        other, _ = await sign_in(site, ADMIN, PASSWORD, cookie(secret))  # the one that the browser had ends
        assert other != secret
        assert (await browser.ask("GET", ME))[0] == 401
        browser = Visitor(site.app, cookie(other))
        _, told = await browser.ask("GET", "/api/v1/session")
        status, _ = await browser.ask("DELETE", "/api/v1/session", None, (b"x-trackway-csrf", told["csrf"].encode()))
        assert status == 200
        assert b"Max-Age=0" in site.app.told[b"set-cookie"]
        assert (await browser.ask("GET", ME))[0] == 401

    on_site(tmp_path, work)


def test_a_changed_password_ends_sessions_and_the_old_password_at_once_but_no_tokens(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        bob = Visitor(site.app, basic("bob"))
        secret, _ = await sign_in(site, "bob")
        token = (await bob.get("POST", "/api/v1/tokens", {"name": "t"}))["secret"]
        shown = [basic("bob"), cookie(secret), bearer(token), basic("anything", token)]
        assert [(await Visitor(site.app, one).ask("GET", ME))[0] for one in shown] == [200, 200, 200, 200]
        status, _ = await bob.ask("POST", "/api/v1/me/password", {"current": "x", "password": "a new long password"})
        assert status == 400  # the one who asks is known: pages do not go to the sign-in page
        await bob.get("POST", "/api/v1/me/password", {"current": PASSWORD, "password": "a new long password"})
        assert [(await Visitor(site.app, one).ask("GET", ME))[0] for one in shown] == [401, 401, 200, 200]
        await site.admin.get("PUT", "/api/v1/users/bob/password", {"password": PASSWORD})  # the first one again
        assert (await bob.ask("GET", ME))[0] == 200

    on_site(tmp_path, work)


def test_a_password_that_is_set_again_ends_sessions_and_refuses_no_program_that_sends_it(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        secret, _ = await sign_in(site, "bob")
        shown = [basic("bob"), cookie(secret)]
        assert [(await Visitor(site.app, one).ask("GET", ME))[0] for one in shown] == [200, 200]
        await site.admin.get("PUT", "/api/v1/users/bob/password", {"password": PASSWORD})
        assert [(await Visitor(site.app, one).ask("GET", ME))[0] for one in shown] == [200, 401]

    on_site(tmp_path, work)


def test_who_is_disabled_or_deleted_is_out_at_once_with_everything(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        for path, method, body in (("", "PATCH", {"disabled": True}), ("", "DELETE", None)):
            await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
            bob = Visitor(site.app, basic("bob"))
            token = (await bob.get("POST", "/api/v1/tokens", {"name": "t"}))["secret"]
            secret, _ = await sign_in(site, "bob")
            visitors = [bob, Visitor(site.app, bearer(token)), Visitor(site.app, cookie(secret))]
            assert [(await one.ask("GET", ME))[0] for one in visitors] == [200] * 3
            await site.admin.get(method, f"/api/v1/users/bob{path}", body)
            assert [(await one.ask("GET", ME))[0] for one in visitors] == [401] * 3
            status, _ = await site.anonymous.ask("POST", "/api/v1/session", {"name": "bob", "password": PASSWORD})
            assert status == 401
            await site.admin.ask("DELETE", "/api/v1/users/bob")

    on_site(tmp_path, work)


def test_who_is_let_in_again_has_the_tokens_that_were_there_and_no_session(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        token = (await site.admin.get("POST", "/api/v1/tokens", {"name": "t", "user": "bob"}))["secret"]
        secret, _ = await sign_in(site, "bob")
        shown = [basic("bob"), bearer(token), cookie(secret)]
        for disabled, expected in ((True, [401, 401, 401]), (False, [200, 200, 401])):
            await site.admin.get("PATCH", "/api/v1/users/bob", {"disabled": disabled})
            assert [(await Visitor(site.app, one).ask("GET", ME))[0] for one in shown] == expected

    on_site(tmp_path, work)


def test_a_token_ends_when_it_is_revoked_or_its_time_has_come_and_permits_no_more_than_it_says(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        made = await site.admin.get("POST", "/api/v1/tokens", {"name": "t", "role": "reader"})
        reader = Visitor(site.app, bearer(made["secret"]))
        assert (await reader.get("GET", ME))["permissions"] == ["read"]
        assert (await reader.ask("POST", "/api/v1/experiments", {"name": "x"}))[0] == 403
        assert (await reader.ask("GET", "/api/v1/users"))[0] == 403  # though its user is an administrator
        assert (await reader.ask("POST", "/api/v1/tokens", {"name": "more"}))[0] == 403
        assert (await reader.ask("POST", "/api/v1/tokens", {"name": "less", "role": "reader"}))[0] == 403
        await site.admin.get("DELETE", f"/api/v1/tokens/{made['token']['token_id']}")
        assert (await reader.ask("GET", ME))[0] == 401

    on_site(tmp_path, work)


def test_an_invitation_and_the_setup_link_work_once(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        made = await site.admin.get("POST", "/api/v1/users", {"name": "bob"})
        join = {"secret": made["invitation"], "password": PASSWORD}
        assert (await site.anonymous.ask("POST", "/api/v1/join", join | {"password": "short"}))[0] == 400
        again = (await site.admin.get("POST", "/api/v1/users/bob/invitation"))["invitation"]
        assert (await site.anonymous.ask("POST", "/api/v1/join", join))[0] == 401  # a newer one was made
        status, told = await site.anonymous.ask("POST", "/api/v1/join", join | {"secret": again, "name": "eve"})
        assert (status, told["name"]) == (200, "bob")
        assert (await site.anonymous.ask("POST", "/api/v1/join", join | {"secret": again}))[0] == 401
        assert (await Visitor(site.app, basic("bob")).get("GET", ME))["name"] == "bob"
        token = (await site.admin.get("POST", "/api/v1/tokens", {"name": "t"}))["secret"]
        assert (await site.anonymous.ask("POST", "/api/v1/join", join | {"secret": token}))[0] == 401

    on_site(tmp_path, work)


def test_the_first_start_gives_a_link_that_makes_the_administrator(tmp_path: Path) -> None:
    settings = read_settings({"store": f"sqlite:///{tmp_path}/t.db", "artifacts": "memory://", "auth": True}, {})
    first, second = open_access(settings, {}), open_access(settings, {})
    assert first != second

    async def work(site: Site) -> None:
        join = {"name": "boss", "password": PASSWORD}
        assert (await site.anonymous.ask("POST", "/api/v1/join", join | {"secret": first}))[0] == 401
        assert (await site.anonymous.ask("POST", "/api/v1/join", join | {"secret": second}))[0] == 401  # there is one

    on_site(tmp_path, work)


@pytest.mark.parametrize("password", ["password1234", "short", "root", "aaaaaaaaaaaaaaaa"])
def test_a_shipped_or_poor_password_makes_no_administrator(tmp_path: Path, password: str) -> None:
    settings = read_settings({"store": f"sqlite:///{tmp_path}/t.db", "artifacts": "memory://", "auth": True}, {})
    for prefix in ("TRACKWAY_ADMIN", "MLFLOW_AUTH_ADMIN"):
        with pytest.raises(InvalidInput):
            open_access(settings, {f"{prefix}_USERNAME": "root", f"{prefix}_PASSWORD": password})
    assert open_access(settings, {})  # nobody is there


def test_guessing_is_slowed_down_for_names_that_exist_and_for_others_alike(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        told: dict[str, list[Any]] = {}
        for name in (ADMIN, "nobody"):
            wrong = [{"name": name, "password": f"{n}"} for n in range(12)]
            told[name] = [await site.anonymous.ask("POST", "/api/v1/session", one) for one in wrong]
            assert [status for status, _ in told[name]] == [401] * 10 + [429] * 2
            assert int(site.app.told[b"retry-after"]) > 60
        assert [answer for _, answer in told[ADMIN][:10]] == [answer for _, answer in told["nobody"][:10]]
        right = {"name": ADMIN, "password": PASSWORD}
        assert (await site.anonymous.ask("POST", "/api/v1/session", right))[0] == 429  # the right one waits too
        assert (await Visitor(site.app, basic(ADMIN, "wrong")).ask("GET", ME))[0] == 429
        site.app.client = ("127.0.0.2", 1)
        assert (await site.anonymous.ask("POST", "/api/v1/session", right))[0] == 200  # from elsewhere
        refused = await site.audit(operation="session.refuse")
        assert {entry["object"] for entry in refused} == {ADMIN, "unknown"}
        assert {entry["address"] for entry in refused} == {"127.0.0.1"}

    on_site(tmp_path, work)


def test_a_password_costs_one_hash_however_often_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    verify = passwords.verify_password

    def count(stored: str, password: str) -> bool:
        tried.append(stored)
        return verify(stored, password)

    monkeypatch.setattr("trackway.auth.authenticator.verify_password", count)

    async def work(site: Site) -> None:
        for n in range(5):
            await site.admin.get("GET", ME)
            await site.admin.get("POST", "/api/v1/experiments", {"name": f"e{n}"})  # which changes grants
        assert len(tried) == 1
        for name in ("nobody", ADMIN):  # one that is not there costs the same
            await Visitor(site.app, basic(name, "wrong")).ask("GET", ME)
        assert len(tried) == 3
        assert tried[1] == ""

    on_site(tmp_path, work)


BAD_HEADERS = (
    *(b"", b"Basic", b"Basic x", b"Basic =", b"Basic \xff", b"Bearer", b"Bearer ", b"Digest x", b"Basic OnBhc3M="),
    *(b"Bearer " + b"x" * 5_000, b"Bearer tws_", b"Basic " + b"QUFB" * 2_000),
)


@pytest.mark.parametrize("header", BAD_HEADERS, ids=range(len(BAD_HEADERS)))
def test_a_header_that_cannot_be_read_is_no_credential(tmp_path: Path, header: bytes) -> None:
    async def work(site: Site) -> None:
        visitor = Visitor(site.app, (b"authorization", header))
        status, told = await visitor.ask("GET", ME)
        assert (status, told["error"]["code"]) == (401, "unauthenticated")
        assert site.app.told[b"www-authenticate"].startswith(b"Basic")

    on_site(tmp_path, work)


def test_a_visitor_is_led_to_the_page_to_sign_in_whose_script_alone_may_run(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        browser = Visitor(site.app, (b"sec-fetch-mode", b"navigate"))
        assert (await browser.ask("GET", "/"))[0] == 303
        assert site.app.told[b"location"] == b"/sign-in"
        assert (await browser.ask("GET", "/runs/a%20b?tab=logs&x=1"))[0] == 303
        assert site.app.told[b"location"] == b"/sign-in?then=/runs/a%2520b%3Ftab%3Dlogs%26x%3D1"
        assert (await browser.ask("GET", "/runs?filter=" + "a" * 3_000))[0] == 303
        assert site.app.told[b"location"] == b"/sign-in"
        for page in ("/sign-in", "/join", "/set-up"):
            status, text = await browser.ask("GET", page)
            assert status == 200
            assert "<script>" in text
            policy = site.app.told[b"content-security-policy"].decode()
            assert "default-src 'none'" in policy
            assert "unsafe-inline" not in policy
        own_request = Visitor(site.app, (b"sec-fetch-mode", b"cors"))
        assert (await own_request.ask("GET", ME))[0] == 401
        assert b"www-authenticate" not in site.app.told  # or the browser would ask by itself

    on_site(tmp_path, work)


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/join"])
def test_a_page_of_another_site_signs_nobody_in(tmp_path: Path, path: str) -> None:
    async def work(site: Site) -> None:
        body = {"name": ADMIN, "password": PASSWORD}
        assert (await site.anonymous.ask("POST", path, body, (b"sec-fetch-site", b"cross-site")))[0] == 403
        assert (await site.anonymous.ask("POST", path, body, (b"sec-fetch-site", b"same-site")))[0] == 403
        status, _ = await site.app.send("POST", path, b"{}", kind="text/plain")
        assert status == 400
        for bad in (b"", b"[]", b"{", b'{"name": 1}', b'{"x": "y"}', b"\xff", b"[" * 10_000):
            status, answer = await site.app.send("POST", path, bad)
            assert status == 400, answer

    on_site(tmp_path, work)


def test_an_address_counts_that_a_named_proxy_says(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        for client, forwarded, expected in (
            ("10.0.0.9", b"192.0.2.1, 203.0.113.7", "203.0.113.7"),
            ("10.0.0.9", b"203.0.113.7, 10.0.0.8", "203.0.113.7"),
            ("10.0.0.9", b"not an address", "10.0.0.9"),
            ("192.0.2.9", b"203.0.113.7", "192.0.2.9"),
        ):
            site.app.client = (client, 1)
            await site.admin.ask(
                "POST", "/api/v1/experiments", {"name": f"{client} {forwarded!r}"}, (b"x-forwarded-for", forwarded)
            )
            assert (await site.audit(operation="experiments.create", limit=1))[0]["address"] == expected
        for client, proto, secure in (
            ("10.0.0.9", b"https", True),
            ("10.0.0.9", b"http", False),
            ("192.0.2.9", b"https", False),
        ):
            site.app.client = (client, 1)
            await sign_in(site, ADMIN, PASSWORD, (b"x-forwarded-proto", proto))
            assert (b"; Secure" in site.app.told[b"set-cookie"]) is secure

    on_site(tmp_path, work, behind_proxy="10.0.0.0/24")


@pytest.mark.parametrize(
    "given",
    [
        {"host": "0.0.0.0"},
        {"host": "192.0.2.1"},
        {"host": "::"},
        {"host": "0.0.0.0", "auth": True},
        {"auth": True, "behind_proxy": "everybody"},
    ],
)
def test_a_server_that_others_reach_needs_sign_in_and_tls(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        check_settings(read_settings(given, {}))


def test_a_server_behind_a_proxy_may_be_reached() -> None:
    check_settings(read_settings({"host": "0.0.0.0", "auth": True, "behind_proxy": "10.0.0.1"}, {}))


def test_a_named_proxy_says_who_it_has_signed_in_and_nobody_else_does(tmp_path: Path) -> None:
    said = (b"x-forwarded-user", b"Ann")

    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": "ann"})
        await site.admin.get("POST", "/api/v1/users", {"name": "robot", "kind": "service"})
        site.app.client = ("10.1.2.3", 1)
        proxied = Visitor(site.app, said)
        assert (await proxied.get("GET", ME))["name"] == "ann"
        assert (await proxied.get("GET", ME))["means"] == "proxy"
        for header in (
            (b"x-forwarded-user", b"nobody"),
            (b"x-forwarded-user", b"robot"),
            (b"x-forwarded-user", b""),
            (b"x-user", b"ann"),
        ):
            assert (await Visitor(site.app, header).ask("GET", ME))[0] == 401, header
        assert (await Visitor(site.app, said, (b"x-forwarded-user", ADMIN.encode())).ask("GET", ME))[0] == 401
        assert (await Visitor(site.app, said, basic(ADMIN)).get("GET", ME))["name"] == ADMIN, "what one shows counts"
        assert (await Visitor(site.app, said, basic(ADMIN, "wrong password")).ask("GET", ME))[0] == 401
        make = ("POST", "/api/v1/experiments", {"name": "x"})
        for other in ((b"sec-fetch-site", b"cross-site"), (b"origin", b"https://evil.example.org")):
            assert (await proxied.ask(*make, other))[0] == 403, "a page of another site uses what the proxy adds"
        site.app.client = ("192.0.2.7", 1)
        assert (await Visitor(site.app, said).ask("GET", ME))[0] == 401
        assert (await Visitor(site.app, said, (b"x-forwarded-for", b"10.1.2.3")).ask("GET", ME))[0] == 401
        await site.admin.get("PATCH", "/api/v1/users/ann", {"disabled": True})
        site.app.client = ("10.1.2.3", 1)
        assert (await proxied.ask("GET", ME))[0] == 401

    on_site(tmp_path, work, behind_proxy="10.1.2.3", auth_header="X-Forwarded-User")


@pytest.mark.parametrize("given", [{"auth": True}, {"behind_proxy": "10.1.2.3"}])
def test_a_header_counts_with_a_proxy_alone(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="only when a proxy sets it"):
        check_settings(read_settings({"auth_header": "X-Forwarded-User", **given}, {}))


def test_pages_to_sign_in_look_like_the_others() -> None:
    tokens = dict(re.findall(r"(--[\w-]+): (.+);", (ROOT / "ui/src/tokens.css").read_text(encoding="utf-8")))
    style = (ROOT / "src/trackway/server/sign_in_page.css").read_text(encoding="utf-8")
    own = dict(re.findall(r"(--[\w-]+): (.+);", style))
    assert own == {name: tokens[name] for name in own}
    used = set(re.findall(r"var\((--[\w-]+)\)", style))
    assert used == own.keys()


BROWSER = (b"user-agent", b"Mozilla/5.0 (X11)\x07\xe9" + b"x" * 300)


async def browse(site: Site, name: str) -> Visitor:
    """Sign in with a browser."""
    secret, csrf = await sign_in(site, name, PASSWORD, BROWSER)
    return Visitor(site.app, cookie(secret), (b"x-trackway-csrf", csrf.encode()))


def test_who_is_signed_in_sees_where_and_ends_it(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        here, there, elsewhere = [await browse(site, "bob") for _ in range(3)]
        shown = (await here.get("GET", "/api/v1/sessions"))["sessions"]
        assert [one["current"] for one in shown].count(True) == 1
        assert {one["client"] for one in shown} == {"Mozilla/5.0 (X11)?é" + "x" * 181}
        assert all(one["used_ms"] >= one["created_ms"] > 0 for one in shown)
        told = str(shown)
        assert "tws_" not in told
        for visitor in (here, there, elsewhere):
            secret = visitor.headers[0][1].decode().partition("trackway_session=")[2]
            assert secret not in told
            assert digest(secret) not in told
        current = next(
            one["session_id"] for one in (await there.get("GET", "/api/v1/sessions"))["sessions"] if one["current"]
        )
        await here.get("DELETE", f"/api/v1/sessions/{current}")
        assert [(await one.ask("GET", ME))[0] for one in (here, there, elsewhere)] == [200, 401, 200]
        assert await here.get("POST", "/api/v1/sessions/delete-others", {}) == {"ended": 1}
        assert [(await one.ask("GET", ME))[0] for one in (here, elsewhere)] == [200, 401]
        entries = await site.audit(actor="user:bob")
        assert [one["operation"] for one in entries if one["operation"].startswith("sessions.delete")] == [
            "sessions.delete_others",
            "sessions.delete",
        ]

    on_site(tmp_path, work)


def test_administrators_alone_see_and_end_the_sessions_of_others(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        for name in ("bob", "eve"):
            await site.admin.get("POST", "/api/v1/users", {"name": name, "password": PASSWORD})
        bob, eve = await browse(site, "bob"), await browse(site, "eve")
        [own] = (await bob.get("GET", "/api/v1/sessions"))["sessions"]
        for method, path, body in (
            ("GET", "/api/v1/sessions?user=bob", None),
            ("GET", "/api/v1/sign-ins?user=bob", None),
            ("DELETE", f"/api/v1/sessions/{own['session_id']}", {"user": "bob"}),
            ("POST", "/api/v1/sessions/delete-others", {"user": "bob"}),
        ):
            assert (await eve.ask(method, path, body))[0] == 403, path
        assert (await eve.ask("DELETE", f"/api/v1/sessions/{own['session_id']}"))[0] == 404
        assert (await bob.ask("GET", ME))[0] == 200
        assert (await site.admin.get("GET", "/api/v1/sessions?user=bob"))["sessions"] == [own | {"current": False}]
        assert await site.admin.get("POST", "/api/v1/sessions/delete-others", {"user": "bob"}) == {"ended": 1}
        assert (await bob.ask("GET", ME))[0] == 401

    on_site(tmp_path, work)


def test_sign_ins_are_listed_the_refused_ones_too_and_not_those_of_who_had_the_name_before(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        made = await site.admin.get("POST", "/api/v1/users", {"name": "bob"})
        join = {"secret": made["invitation"], "password": PASSWORD}
        assert (await site.anonymous.ask("POST", "/api/v1/join", join))[0] == 200
        assert (await site.anonymous.ask("POST", "/api/v1/session", {"name": "BOB", "password": "not his"}))[0] == 401
        bob = await browse(site, "bob")
        listed = (await bob.get("GET", "/api/v1/sign-ins"))["sign_ins"]
        assert [one["outcome"] for one in listed] == ["opened", "refused", "joined"]
        assert "not his" not in str(listed)
        assert len((await bob.get("GET", "/api/v1/sign-ins?limit=2"))["sign_ins"]) == 2
        await site.admin.get("DELETE", "/api/v1/users/bob")
        await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        assert (await site.admin.get("GET", "/api/v1/sign-ins?user=bob"))["sign_ins"] == []

    on_site(tmp_path, work)


def test_a_session_tells_when_and_from_where_it_was_used_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(site: Site) -> None:
        browser = await browse(site, ADMIN)
        [before] = (await browser.get("GET", "/api/v1/sessions"))["sessions"]
        await browser.ask("GET", ME, None, (b"x-forwarded-for", b"203.0.113.9"))
        [after] = (await browser.get("GET", "/api/v1/sessions"))["sessions"]
        assert after == before, "not every request is kept"
        monkeypatch.setattr(authenticator, "NOTE_MS", 0)
        await browser.ask("GET", ME, None, (b"x-forwarded-for", b"203.0.113.9"))
        monkeypatch.setattr(authenticator, "NOTE_MS", 300_000)
        [after] = (await browser.get("GET", "/api/v1/sessions"))["sessions"]
        assert after["used_ms"] > before["used_ms"]
        assert after["address"] == "203.0.113.9"

    on_site(tmp_path, work, behind_proxy="127.0.0.1")
