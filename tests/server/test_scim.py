"""SCIM 2.0: a directory of identities keeps people and teams up, by a token that is for nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.access import ADMIN, PASSWORD, Site, Visitor, basic, bearer, on_site

ME = "/api/v1/me"
USERS, GROUPS = "/scim/v2/Users", "/scim/v2/Groups"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Directory:
    """Whoever has the token."""

    def __init__(self, site: Site, secret: str) -> None:
        self.site = site
        self.visitor = Visitor(site.app, bearer(secret))

    async def ask(self, method: str, path: str, body: Any = None, *more: tuple[bytes, bytes]) -> tuple[int, Any]:
        return await self.visitor.ask(method, path, body, *more)

    async def get(self, path: str) -> Any:
        return await self.visitor.get("GET", path)

    async def add_user(self, name: str, /, **more: Any) -> Any:
        status, made = await self.ask("POST", USERS, {"schemas": [USER], "userName": name, **more})
        assert status == 201, made
        return made

    async def add_group(self, name: str, *members: str) -> Any:
        sent = {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members]}
        status, made = await self.ask("POST", GROUPS, sent)
        assert status == 201, made
        return made

    async def patch(self, path: str, *operations: Any) -> tuple[int, Any]:
        return await self.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})


def play(folder: Path, act: Callable[[Directory], Awaitable[None]], **more: Any) -> None:
    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": "directory", "kind": "service"})
        asked = {"name": "scim", "user": "directory", "role": "provisioner"}
        made = await site.admin.get("POST", "/api/v1/tokens", asked)
        await act(Directory(site, made["secret"]))

    on_site(folder, work, scim=True, **more)


def test_a_person_is_created_found_changed_and_deleted(tmp_path: Path) -> None:
    async def act(directory: Directory) -> None:
        made = await directory.add_user("ann", externalId="00u1", name={"givenName": "Ann"}, emails=[{"value": "x"}])
        assert (made["userName"], made["externalId"], made["active"]) == ("ann", "00u1", True)
        assert made["meta"]["location"].endswith(f"{USERS}/{made['id']}")
        assert directory.site.app.told[b"content-type"] == b"application/scim+json"
        path = f"{USERS}/{made['id']}"
        for asked in ('userName eq "ANN"', 'externalId eq "00u1"', f'id eq "{made["id"]}"', 'userName sw "an"'):
            found = await directory.get(f"{USERS}?filter={asked.replace(' ', '%20')}")
            assert [one["id"] for one in found["Resources"]] == [made["id"]], asked
        nobody = await directory.get(f"{USERS}?filter=userName%20eq%20%22bob%22")
        assert nobody["totalResults"] == 0
        status, told = await directory.ask("POST", USERS, {"schemas": [USER], "userName": "Ann"})
        assert (status, told["scimType"]) == (409, "uniqueness")
        sent = {"schemas": [USER], "userName": "ann", "externalId": "00u2", "active": True}
        status, changed = await directory.ask("PUT", path, sent)
        assert (status, changed["externalId"]) == (200, "00u2")
        status, told = await directory.ask("PUT", path, {**sent, "userName": "bob"})
        assert (status, told["scimType"]) == (400, "mutability")
        assert (await directory.ask("DELETE", path))[0] == 204
        status, told = await directory.ask("GET", path)
        assert (status, told["status"], told["schemas"]) == (
            404,
            "404",
            ["urn:ietf:params:scim:api:messages:2.0:Error"],
        )

    play(tmp_path, act)


def test_who_is_not_active_is_out_at_once_with_everything(tmp_path: Path) -> None:
    async def act(directory: Directory) -> None:
        site = directory.site
        made = await directory.add_user("ann")
        await site.admin.get("PUT", "/api/v1/users/ann/password", {"password": PASSWORD})
        status, _ = await site.anonymous.ask("POST", "/api/v1/session", {"name": "ann", "password": PASSWORD})
        assert status == 200
        session = site.app.told[b"set-cookie"].partition(b";")[0]
        token = (await site.admin.get("POST", "/api/v1/tokens", {"name": "t", "user": "ann"}))["secret"]
        shown = [basic("ann"), (b"cookie", session), bearer(token)]

        async def ask() -> list[int]:
            return [(await Visitor(site.app, one).ask("GET", ME))[0] for one in shown]

        assert await ask() == [200, 200, 200]
        path = f"{USERS}/{made['id']}"
        status, told = await directory.patch(path, {"op": "Replace", "value": {"active": False}})  # as Okta does
        assert (status, told["active"]) == (200, False)
        assert await ask() == [401, 401, 401]
        status, told = await directory.patch(
            path, {"op": "Replace", "path": "active", "value": "True"}
        )  # as Entra does
        assert (status, told["active"]) == (200, True)
        assert await ask() == [200, 401, 200], "the session has ended"
        entry = (await site.audit(operation="provisioning.set_user"))[0]
        assert (entry["actor"], entry["object"], entry["detail"]) == ("service:directory", "ann", "active true")

    play(tmp_path, act)


def test_teams_follow_and_service_accounts_stay_in_them(tmp_path: Path) -> None:
    async def act(directory: Directory) -> None:
        site = directory.site
        ann, bob = [(await directory.add_user(name))["id"] for name in ("ann", "bob")]
        team = await directory.add_group("vision", ann)
        path = f"{GROUPS}/{team['id']}"
        await site.admin.get("PUT", "/api/v1/teams/vision/members/directory")

        async def members() -> list[str]:
            [shown] = (await site.admin.get("GET", "/api/v1/teams"))["teams"]
            return list(shown["members"])

        assert await members() == ["ann", "directory"]
        assert (await directory.get(f"{USERS}/{ann}"))["groups"][0]["display"] == "vision"
        add = {"op": "add", "path": "members", "value": [{"value": bob}]}
        assert (await directory.patch(path, add))[0] == 200
        assert await members() == ["ann", "bob", "directory"]
        assert (await directory.patch(path, {"op": "remove", "path": f'members[value eq "{ann}"]'}))[0] == 200
        assert await members() == ["bob", "directory"]
        by_value = {"op": "Remove", "path": "members", "value": [{"value": bob}]}  # as Entra does
        assert (await directory.patch(path, by_value))[0] == 200
        assert await members() == ["directory"]
        sent = {"schemas": [GROUP], "displayName": "seeing", "members": [{"value": ann}]}
        assert (await directory.ask("PUT", path, sent))[0] == 200
        assert await members() == ["ann", "directory"]
        short = await directory.get(f"{GROUPS}?excludedAttributes=members")
        assert [(one["displayName"], "members" in one) for one in short["Resources"]] == [("seeing", False)]
        status, told = await directory.patch(path, {"op": "add", "path": "members", "value": [{"value": "999"}]})
        assert (status, told["scimType"]) == (400, "invalidValue")
        assert (await directory.ask("DELETE", path))[0] == 204
        assert (await site.admin.get("GET", "/api/v1/teams"))["teams"] == []

    play(tmp_path, act)


def test_the_token_is_for_nothing_else_and_nothing_else_will_do(tmp_path: Path) -> None:
    async def act(directory: Directory) -> None:
        site = directory.site
        for method, path, body in (
            ("GET", "/api/v1/users", None),
            ("POST", "/api/v1/users", {"name": "x", "is_admin": True}),
            ("PATCH", f"/api/v1/users/{ADMIN}", {"disabled": True}),
            ("PUT", f"/api/v1/users/{ADMIN}/password", {"password": PASSWORD}),
            ("GET", "/api/v1/teams", None),
            ("POST", "/api/v1/tokens", {"name": "t"}),
            ("POST", "/api/v1/tokens", {"name": "t", "role": "provisioner"}),
            ("POST", "/api/v1/tokens", {"name": "t", "role": "reader", "user": ADMIN}),
            ("POST", "/api/v1/experiments", {"name": "x"}),
            ("POST", "/api/v1/grants", {"subject_kind": "everyone", "target_kind": "workspace", "role": "admin"}),
        ):
            assert (await directory.ask(method, path, body))[0] == 403, path
        manager = await site.add("manager", "admin")
        asked = {"name": "t", "user": "manager", "role": "provisioner"}
        assert (await manager.ask("POST", "/api/v1/tokens", asked))[0] == 403
        for visitor, status in ((manager, 403), (site.anonymous, 401), (site.admin, 200)):
            assert (await visitor.ask("GET", USERS))[0] == status
        names = [one["userName"] for one in (await directory.get(USERS))["Resources"]]
        assert names == [ADMIN], "service accounts are not people"
        [root] = (await directory.get(f"{USERS}?filter=userName%20eq%20%22{ADMIN}%22"))["Resources"]
        for attempt in (
            directory.patch(f"{USERS}/{root['id']}", {"op": "replace", "path": "active", "value": False}),
            directory.ask("DELETE", f"{USERS}/{root['id']}"),
        ):
            status, told = await attempt
            assert status == 409
            assert "last administrator" in told["detail"]

    play(tmp_path, act)


def test_lists_come_in_pages_and_in_order(tmp_path: Path) -> None:
    async def act(directory: Directory) -> None:
        for name in ("dora", "ann", "carl", "bob"):
            await directory.add_user(name)
        page = await directory.get(f"{USERS}?startIndex=2&count=2&sortBy=userName")
        assert [one["userName"] for one in page["Resources"]] == ["bob", "carl"]
        assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, 2, 2)
        count = await directory.get(f"{USERS}?count=0")
        assert (count["totalResults"], count.get("Resources", [])) == (5, [])
        asked = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": 'userName gt "bob"'}
        status, found = await directory.ask("POST", f"{USERS}/.search", {**asked, "sortBy": "userName"})
        assert (status, [one["userName"] for one in found["Resources"]]) == (200, ["carl", "dora", ADMIN])
        for wrong in ("startIndex=x", "count=1&count=2", "sortBy=nothing"):
            assert (await directory.ask("GET", f"{USERS}?{wrong}"))[0] == 400, wrong

    play(tmp_path, act)


def test_a_change_of_what_was_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    async def act(directory: Directory) -> None:
        made = await directory.add_user("ann")
        path, tag = f"{USERS}/{made['id']}", made["meta"]["version"].encode()
        assert (await directory.ask("GET", path, None, (b"if-none-match", tag)))[0] == 304
        sent = {"schemas": [USER], "userName": "ann", "externalId": "1"}
        assert (await directory.ask("PUT", path, sent, (b"if-match", tag)))[0] == 200
        for method, body in (("PUT", sent), ("DELETE", None)):
            assert (await directory.ask(method, path, body, (b"if-match", tag)))[0] == 412
        assert (await directory.ask("DELETE", path, None, (b"if-match", b"*")))[0] == 204

    play(tmp_path, act)


def test_without_the_setting_there_is_no_such_door(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        assert (await site.admin.ask("GET", USERS))[0] == 404

    on_site(tmp_path, act)


@pytest.mark.parametrize("name", ["ServiceProviderConfig", "ResourceTypes", "Schemas"])
def test_what_is_offered_is_described(tmp_path: Path, name: str) -> None:
    async def act(directory: Directory) -> None:
        told = await directory.get(f"/scim/v2/{name}")
        for one in told.get("Resources", []):
            assert (await directory.get(f"/scim/v2/{name}/{one['id']}"))["id"] == one["id"]
        assert (await directory.ask("GET", f"/scim/v2/{name}/nothing"))[0] == 404
        assert (await directory.site.anonymous.ask("GET", f"/scim/v2/{name}"))[0] == 401

    play(tmp_path, act)
