"""What the audit log of a guarded server holds: who, what, from where, before and after; and what it never holds."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.server.access import ADMIN, PASSWORD, Site, Visitor, basic, cookie, on_site
from tests.server.asgi import run_app
from tests.server.test_doors import list_routes
from tests.services.mlflow_api import Api
from tests.services.trackway_server import run_server
from tests.services.waiting import wait_until
from trackway.base.settings import read_settings
from trackway.wiring.server import open_access


def test_a_change_is_kept_with_the_digests_of_before_and_after(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        number = (await site.admin.get("POST", "/api/v1/experiments", {"name": "a"}))["experiment_id"]
        for new in ("b", "a"):
            await site.admin.get("PATCH", f"/api/v1/experiments/{number}", {"name": new})
        await site.admin.get("POST", "/api/v1/registered-models", {"name": "m"})
        await site.admin.get("DELETE", "/api/v1/registered-models/m")
        _search, gone, made, again, renamed, created = await site.audit(limit=6)
        assert (created["operation"], created["before"], len(created["after"])) == ("experiments.create", "", 64)
        assert renamed["before"]
        assert renamed["after"] != renamed["before"]
        assert again["before"] == renamed["after"]
        assert (made["before"], gone["after"]) == ("", "")
        assert len(gone["before"]) == 64
        assert {one["address"] for one in (gone, made, again)} == {"127.0.0.1"}
        assert {one["actor"] for one in (gone, made, again)} == {"user:root"}

    on_site(tmp_path, work)


def test_what_happens_to_access_is_kept(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await site.add("ci", "reader")
        await site.admin.get("PATCH", "/api/v1/users/ci", {"disabled": True})
        entries = [(one["operation"], one["object"], one["detail"]) for one in await site.audit(limit=5)]
        assert entries == [
            ("audit.search", "default", "read"),
            ("users.update", "ci", "disabled true"),
            ("grants.create", "default", "reader for ci on workspace"),
            ("tokens.create", "t", ""),
            ("users.create", "ci", ""),
        ]

    on_site(tmp_path, work)


def test_no_secret_is_in_the_database_the_audit_log_or_an_answer_to_others(tmp_path: Path) -> None:
    """What is typed as a password, and what is sent as one, is found nowhere: not even of attempts that failed."""

    async def work(site: Site) -> None:
        secrets = [PASSWORD, "bob's own long password", "what eve guessed wrong", "a new long password"]
        await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": secrets[1]})
        bob = Visitor(site.app, basic("bob", secrets[1]))
        made = await bob.get("POST", "/api/v1/tokens", {"name": "t"})
        invited = await site.admin.get("POST", "/api/v1/users", {"name": "carol"})
        secrets += [made["secret"], invited["invitation"]]
        for name in ("bob", "nobody", secrets[2]):
            await site.anonymous.ask("POST", "/api/v1/session", {"name": name, "password": secrets[2]})
        status, _ = await site.anonymous.ask("POST", "/api/v1/session", {"name": "bob", "password": secrets[1]})
        assert status == 200
        secrets.append(site.app.told[b"set-cookie"].partition(b";")[0].partition(b"=")[2].decode())
        await bob.get("POST", "/api/v1/me/password", {"current": secrets[1], "password": secrets[3]})
        shown: list[Any] = [
            await site.admin.get("GET", "/api/v1/users"),
            await site.admin.get("GET", "/api/v1/tokens?user=bob"),
            await site.audit(limit=1_000),
        ]
        told = repr(shown).encode()
        for file in tmp_path.rglob("*"):
            if file.is_file():
                told += file.read_bytes()
        for secret in secrets:
            assert secret.encode() not in told, secret

    on_site(tmp_path, work)


def test_who_comes_in_and_who_goes_leaves_an_entry_and_no_other_door_changes_anything(tmp_path: Path) -> None:
    """Beside operations, which leave theirs in ``dispatch``: see ``rights.test_matrix``."""

    async def work(site: Site) -> None:
        session = {"name": ADMIN, "password": PASSWORD}
        await site.anonymous.ask("POST", "/api/v1/session", session | {"password": "not my password"})
        _, told = await site.anonymous.ask("POST", "/api/v1/session", session)
        secret = site.app.told[b"set-cookie"].partition(b";")[0].partition(b"=")[2].decode()
        browser = Visitor(site.app, cookie(secret), (b"x-trackway-csrf", told["csrf"].encode()))
        await browser.get("DELETE", "/api/v1/session")
        invitation = (await site.admin.get("POST", "/api/v1/users", {"name": "bob"}))["invitation"]
        await site.anonymous.get("POST", "/api/v1/join", {"secret": invitation, "password": PASSWORD})
        entries = [(one["operation"], one["actor"], one["object"], one["detail"]) for one in await site.audit()]
        assert entries[:0:-1] == [  # the last is about the search
            ("users.create", "system:trackway", ADMIN, "is_admin true"),
            ("session.refuse", "anonymous", ADMIN, ""),
            ("session.open", "user:root", ADMIN, ""),
            ("session.end", "user:root", ADMIN, ""),
            ("users.create", "user:root", "bob", ""),
            ("invitation.accept", "user:bob", "bob", ""),
        ]
        others = [one for one in list_routes(site) if one.access != "operation" and one.method != "GET"]
        doors = [one for one in others if one.path in ("/api/v1/session", "/api/v1/join")]
        assert {(one.method, one.path) for one in doors} == {
            ("POST", "/api/v1/session"),
            ("DELETE", "/api/v1/session"),
            ("POST", "/api/v1/join"),
        }
        for route in others:
            if route not in doors:
                status, _ = await site.admin.ask(route.method, route.path.replace("{rest:path}", "x"), {})
                assert status == 501, f"{route.method} {route.path} is to be an operation, or to be tried above"
        assert (await site.admin.get("POST", "/api/v1/audit/verify", {}))["intact"]

    on_site(tmp_path, work)


def test_the_link_that_makes_the_first_administrator_leaves_entries(tmp_path: Path) -> None:
    settings = read_settings({"store": f"sqlite:///{tmp_path}/t.db", "artifacts": str(tmp_path), "auth": True}, {})
    secret = open_access(settings, {})

    async def run() -> None:
        async with run_app(tmp_path, "", auth=True) as app:
            boss = Visitor(app, basic("boss"))
            join = {"name": "boss", "password": PASSWORD, "secret": secret}
            await Visitor(app).get("POST", "/api/v1/join", join)
            entries = (await boss.get("POST", "/api/v1/audit/search", {}))["entries"]
            assert [(one["operation"], one["actor"], one["object"]) for one in entries[:0:-1]] == [
                ("users.create", "system:trackway", "boss"),
                ("invitation.accept", "user:boss", "boss"),
            ]

    asyncio.run(run())


def test_a_server_tells_of_a_chain_that_was_changed_behind_its_back_and_is_well_itself(tmp_path: Path) -> None:
    database = tmp_path / "t.db"
    with run_server(tmp_path) as server:
        Api(server.port).make_experiment()
        wait_for_check(Api(server.port), failed=0)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE audit SET actor = 'user:eve' WHERE number = 1")
        # As when a day has gone by, and the leases of the first server have ended.
        connection.execute("DELETE FROM jobs")
        connection.execute("DELETE FROM leases")
    with run_server(tmp_path) as server:
        api = Api(server.port)
        wait_for_check(api, failed=1)
        assert [api.send("GET", path).status for path in ("/health", "/ready")] == [200, 200]
        [job] = [one for one in api.send("GET", "/api/v1/jobs").json["jobs"] if one["name"] == "audit"]
        assert job["error_ms"] == job["ended_ms"]
        assert "workspace 'default': entry 1 is not as it was written" in job["error"]
        assert server.log.read_text().count("entry 1 is not as it was written") == 1


def wait_for_check(api: Api, failed: int) -> None:
    """Wait until the measures say that the chains were checked, and how that went."""

    def read() -> str:
        return api.send("GET", "/metrics").body.decode()

    wait_until(lambda: 'trackway_job_ended_seconds{job="audit"}' in read())
    text = read()
    assert f'trackway_job_failed{{job="audit"}} {failed}\n' in text
