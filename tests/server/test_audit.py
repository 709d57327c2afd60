"""What the audit log of a guarded server holds: who, what, from where, before and after; and what it never holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.server.access import PASSWORD, Site, Visitor, basic, on_site


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
