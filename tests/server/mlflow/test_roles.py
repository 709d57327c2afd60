"""Its API of roles, on our teams and grants: one truth by both doors, in every workspace, for who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.server.access import Site, Visitor, on_site

ROLES = "/api/3.0/mlflow/roles"


async def make(site: Site, name: str = "ops", workspace: str = "default") -> int:
    made = await site.admin.get("POST", f"{ROLES}/create", {"name": name, "workspace": workspace})
    return int(made["role"]["id"])


async def add(visitor: Visitor, role: int, kind: str, pattern: str, permission: str) -> tuple[int, Any]:
    sent = {"role_id": role, "resource_type": kind, "resource_pattern": pattern, "permission": permission}
    return await visitor.ask("POST", f"{ROLES}/permissions/add", sent)


def test_a_role_is_a_team_and_its_permissions_are_grants(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        bob = await site.add("bob")
        role = await make(site)
        assert (await add(site.admin, role, "experiment", "vision-*", "EDIT"))[0] == 200
        await site.admin.get("POST", f"{ROLES}/assign", {"username": "bob", "role_id": role})
        made = await site.admin.get("POST", "/api/v1/experiments", {"name": "vision-1"})
        assert (await bob.ask("GET", f"/api/v1/experiments/{made['experiment_id']}"))[0] == 200
        [team] = (await site.admin.get("GET", "/api/v1/teams"))["teams"]
        assert (team["team"], team["members"], team["number"]) == ("ops", ["bob"], role)
        asked = {"subject_kind": "team", "subject": "ops"}
        [grant] = (await site.admin.get("POST", "/api/v1/grants/search", asked))["grants"]
        assert (grant["target_kind"], grant["target"], grant["role"]) == ("experiment", "vision-*", "editor")
        await site.admin.get("POST", "/api/v1/teams", {"team": "native"})
        listed = (await site.admin.get("GET", f"{ROLES}/list?workspace=default"))["roles"]
        assert [one["name"] for one in listed] == ["native", "ops"]
        assert [one["operation"] for one in await site.audit(object="ops")] == ["teams.add_member", "teams.create"]

    on_site(tmp_path, work)


@pytest.mark.parametrize(
    "kind, pattern, permission, says",
    [
        ("experiment", "*", "DENY", "nothing is denied here"),
        ("experiment", "*", "NO_PERMISSIONS", "take the permission back"),
        ("experiment", "*", "KING", "one of READ, USE, EDIT, MANAGE"),
        ("run", "*", "READ", "one of experiment, registered_model, workspace"),
        ("prompt", "*", "READ", "one of experiment, registered_model, workspace"),
        ("gateway_endpoint", "*", "USE", "one of experiment, registered_model, workspace"),
        ("workspace", "vision", "USE", "the one there is is *"),
    ],
)
def test_what_cannot_be_said_here_is_named_and_nothing_is_given(
    tmp_path: Path, kind: str, pattern: str, permission: str, says: str
) -> None:
    async def work(site: Site) -> None:
        role = await make(site)
        status, told = await add(site.admin, role, kind, pattern, permission)
        assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert says in told["message"]
        assert (await site.admin.get("GET", f"{ROLES}/permissions/list?role_id={role}")) == {"role_permissions": []}

    on_site(tmp_path, work)


def test_a_role_of_another_workspace_is_found_by_its_id_alone_and_counts_there_alone(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/workspaces", {"name": "vision"})
        bob = await site.add("bob")
        here, there = await make(site), await make(site, "seeing", "vision")
        assert (await add(site.admin, there, "workspace", "*", "MANAGE"))[0] == 200
        await site.admin.get("POST", f"{ROLES}/assign", {"username": "bob", "role_id": there})
        assert (await bob.ask("GET", "/api/v1/me"))[1]["permissions"] == []
        status, told = await bob.ask("GET", "/api/v1/me", None, (b"x-trackway-workspace", b"vision"))
        assert (status, "manage" in told["permissions"]) == (200, True)
        [shown] = (await site.admin.get("GET", "/api/3.0/mlflow/users/roles/list?username=bob"))["roles"]
        assert (shown["workspace"], shown["permissions"][0]["permission"]) == ("vision", "MANAGE")
        seen = await bob.get("GET", "/api/3.0/mlflow/users/current/permissions")
        own: dict[str, Any] = {"resource_type": "workspace", "resource_pattern": "*", "permission": "MANAGE"}
        own |= {"role_id": there, "role_name": "seeing", "workspace": "vision"}
        assert seen == {"is_admin": False, "permissions": [own]}
        permission = shown["permissions"][0]["id"]
        change = {"role_permission_id": permission, "permission": "READ"}
        await site.admin.get("PATCH", f"{ROLES}/permissions/update", change)
        listed = (await site.admin.get("GET", f"{ROLES}/list"))["roles"]
        assert {(one["id"], one["workspace"]) for one in listed} == {(here, "default"), (there, "vision")}
        await site.admin.get("DELETE", f"{ROLES}/delete", {"role_id": there})
        assert (await site.admin.ask("GET", f"{ROLES}/get?role_id={there}"))[0] == 404
        assert (await site.admin.get("GET", f"{ROLES}/get?role_id={here}"))["role"]["name"] == "ops"

    on_site(tmp_path, work)


def test_a_workspaces_administrator_manages_its_roles_and_no_others(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/workspaces", {"name": "vision"})
        chief = await site.add("chief", "admin")
        elsewhere = await make(site, "seeing", "vision")
        status, told = await chief.ask("POST", f"{ROLES}/create", {"name": "ops", "workspace": "default"})
        assert status == 200
        role = told["role"]["id"]
        assert (await add(chief, role, "workspace", "*", "EDIT"))[0] == 200
        assert (await chief.ask("POST", f"{ROLES}/create", {"name": "x", "workspace": "vision"}))[0] == 404
        for method, path, body in (
            ("GET", f"/get?role_id={elsewhere}", None),
            ("DELETE", "/delete", {"role_id": elsewhere}),
            ("POST", "/assign", {"role_id": elsewhere, "username": "chief"}),
        ):
            assert (await chief.ask(method, f"{ROLES}{path}", body))[0] == 404, path
        manager = await site.add("manager", "manager")
        for method, path, body in (
            ("GET", f"/get?role_id={role}", None),
            ("GET", "/list", None),
            ("POST", "/assign", {"role_id": role, "username": "manager"}),
            ("PATCH", "/update", {"role_id": role, "name": "y"}),
            ("GET", f"/users/list?role_id={role}", None),
        ):
            assert (await manager.ask(method, f"{ROLES}{path}", body))[0] == 403, path

    on_site(tmp_path, work)
