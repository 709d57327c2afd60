"""Whom somebody who lacks a right is told to ask, and who is told nobody's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.server.access import PASSWORD, Site, Visitor, basic, bearer, on_site
from tests.server.test_workspaces import found, inside
from trackway.api import limits

CREATE: tuple[str, str, dict[str, Any]] = ("POST", "/api/v1/experiments", {"name": "prices"})


async def join(site: Site, name: str) -> Visitor:
    """Create a person."""
    await site.admin.get("POST", "/api/v1/users", {"name": name, "password": PASSWORD})
    return Visitor(site.app, basic(name))


async def tell(visitor: Visitor, method: str, path: str, body: Any = None) -> str:
    """Return the hint of a refusal."""
    status, told = await visitor.ask(method, path, body)
    assert status == 403, told
    return str(told["error"]["hint"])


def test_who_has_no_role_is_told_so_and_who_gives_one(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        nora = await join(site, "nora")
        me = await nora.get("GET", "/api/v1/me")
        assert (me["has_role"], me["permissions"], me["administrators"]) == (False, [], ["root"])
        told = await tell(nora, *CREATE)
        assert told == "you have no role in the workspace 'default' yet; its administrators can give you one: ask root"
        await site.give("nora", "reader")
        me = await nora.get("GET", "/api/v1/me")
        assert (me["has_role"], me["administrators"]) == (True, ["root"])
        assert await tell(nora, *CREATE) == "its administrators can give you a role: ask root"
        assert await tell(nora, "GET", "/api/v1/jobs") == "ask root"
        await site.give("nora", "admin")
        assert (await nora.get("GET", "/api/v1/me"))["administrators"] == []

    on_site(tmp_path, work)


def test_those_are_named_who_administer_the_workspace_and_can_sign_in(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        nora = await join(site, "nora")
        for name in ("bob", "Ann", "gone", "member", "chief"):
            await join(site, name)
        await site.add("robot", "admin")
        for name in ("bob", "Ann", "gone"):
            await site.give(name, "admin")
        await site.give("chief", "manager")
        await site.admin.get("PATCH", "/api/v1/users/gone", {"disabled": True})
        await site.admin.get("POST", "/api/v1/teams", {"team": "leads"})
        await site.admin.get("PUT", "/api/v1/teams/leads/members/member", {})
        await site.admin.get("PUT", "/api/v1/roles/keeper", {"permissions": ["read", "admin"]})
        lead = {"subject_kind": "team", "subject": "leads", "target_kind": "workspace", "target": "", "role": "keeper"}
        await site.admin.get("POST", "/api/v1/grants", lead)
        assert (await nora.get("GET", "/api/v1/me"))["administrators"] == ["Ann", "bob", "member"]
        assert (await tell(nora, *CREATE)).endswith(": ask Ann or bob or member")
        assert await tell(nora, "GET", "/api/v1/jobs") == "ask root"  # of the installation
        for n in range(limits.ADMINISTRATORS_NAMED):
            await join(site, f"a{n}")
            await site.give(f"a{n}", "admin")
        assert len((await nora.get("GET", "/api/v1/me"))["administrators"]) == limits.ADMINISTRATORS_NAMED

    on_site(tmp_path, work)


@pytest.mark.parametrize("who", ["service", "token with a role", "token for provisioning"])
def test_programs_are_told_nobodys_name(tmp_path: Path, who: str) -> None:
    async def work(site: Site) -> None:
        if who == "service":
            visitor = await site.add("robot", "reader")
        else:
            nora = await join(site, "nora")
            await site.give("nora", "editor")
            of_nora = who == "token with a role"
            asked = {"name": "ci", "user": "" if of_nora else "nora", "role": "reader" if of_nora else "provisioner"}
            made = await (nora if of_nora else site.admin).get("POST", "/api/v1/tokens", asked)
            visitor = Visitor(site.app, bearer(made["secret"]))
            assert "token permits no more than its role" in await tell(visitor, *CREATE)
        status, me = await visitor.ask("GET", "/api/v1/me")
        assert status == 403 or me["administrators"] == []
        for method, path, body in (CREATE, ("GET", "/api/v1/jobs", None), ("GET", "/api/v1/webhooks", None)):
            _, told = await visitor.ask(method, path, body)
            assert "root" not in str(told)

    on_site(tmp_path, work)


def test_strangers_and_who_may_not_enter_are_told_nobodys_name(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        vision = await found(site, "vision")
        await join(site, "keeper")
        await vision.give("keeper", "admin")
        nora = await join(site, "nora")
        for visitor in (site.anonymous, Visitor(site.app, basic("nora", "wrong")), inside(nora, "vision")):
            for method, path, body in (CREATE, ("GET", "/api/v1/me", None)):
                where = inside(visitor, "vision")
                status, told = await where.ask(method, path, body)
                assert status in (401, 404)
                assert "keeper" not in str(told)
                assert "root" not in str(told)
        assert (await nora.get("GET", "/api/v1/me"))["administrators"] == ["root"]

    on_site(tmp_path, work)
