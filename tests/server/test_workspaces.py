"""Several workspaces behind one server: how a request names one, and that nothing of one is there for another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.server.access import Site, Visitor, bearer, on_site
from tests.server.asgi import run_app
from tests.server.test_doors import HUSHED, build, is_public, list_routes, make_request
from trackway.api.operations import OPERATIONS

HEADER = b"x-trackway-workspace"
MLFLOW_HEADER = b"x-mlflow-workspace"


def inside(visitor: Visitor, workspace: str, header: bytes = HEADER) -> Visitor:
    """Return the visitor as one whose requests name a workspace."""
    return Visitor(visitor.app, *visitor.headers, (header, workspace.encode()))


async def found(site: Site, workspace: str) -> Site:
    """Create a workspace; return the site as its administrator sees it from inside."""
    await site.admin.get("POST", "/api/v1/workspaces", {"name": workspace})
    within = Site(site.app)
    within.admin = inside(site.admin, workspace)
    return within


def test_nothing_of_one_workspace_is_there_for_another_by_any_route(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        known = await build(await found(site, "secret"))
        chief = await site.add("chief", "admin")  # of the default workspace
        other = await found(site, "other")
        member = inside(await other.add("member", "admin"), "other")
        visitors = {
            "another's administrator": chief,
            "another's member": member,
            "the installation's administrator, elsewhere": inside(site.admin, "other"),
        }
        for route in list_routes(site):
            path, query, body = make_request(route, known)
            asked = " ".join((path, query, body.decode()))
            if is_public(route) or route.path == "/api/v1/me/workspace":
                continue
            for who, visitor in visitors.items():
                status, answer = await site.app.send(route.method, path, body, query, headers=visitor.headers)
                told = answer.decode("latin-1")
                assert status < 500 or status in (501, 503), (who, route.method, route.path, told)
                assert HUSHED not in told, (who, route.method, route.path)
                if route.path == "/api/v1/audit/search":
                    continue  # which tells what was asked here
                for secret in (known.run, known.model):  # names are taken here too, by the requests themselves
                    assert secret not in told or secret in asked, (who, route.method, route.path, told)
        before = await inside(site.admin, "secret").get("GET", f"/api/v1/runs/{known.run}")
        assert (before["params"], before["tags"]["canary"], before["status"]) == ({"canary": HUSHED}, HUSHED, "RUNNING")

    on_site(tmp_path, work)


def test_who_has_no_role_in_a_workspace_is_told_what_is_said_of_none(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        known = await build(await found(site, "secret"))
        chief = await site.add("chief", "admin")
        for route in list_routes(site):
            if is_public(route):
                continue
            path, query, body = make_request(route, known)
            told = set()
            for name in ("secret", "absent"):
                headers = inside(chief, name).headers
                status, answer = await site.app.send(route.method, path, body, query, headers=headers)
                told.add((status, answer.decode("latin-1").replace(name, "X")))
            assert len(told) == 1, (route.method, route.path, told)
            refused = {200, 400} if route.access == "anywhere" else {404, 400, 415, 501}
            assert next(iter(told))[0] in refused, (route.method, route.path, told)
        assert [one["name"] for one in (await chief.get("GET", "/api/v1/workspaces"))["workspaces"]] == ["default"]
        assert (await chief.ask("GET", "/api/v1/workspaces/secret"))[0] == 404

    on_site(tmp_path, work)


@pytest.mark.parametrize("way", ["header", "mlflow", "path", "home", "token"])
def test_a_request_names_its_workspace_in_each_of_the_ways(tmp_path: Path, way: str) -> None:
    async def work(site: Site) -> None:
        await found(site, "vision")
        user = await site.add("bob")
        within = Site(site.app)
        within.admin = inside(site.admin, "vision")
        await within.give("bob", "editor")
        prefix = ""
        if way in ("header", "mlflow"):
            user = inside(user, "vision", HEADER if way == "header" else MLFLOW_HEADER)
        elif way == "path":
            prefix = "/w/vision"
        elif way == "home":
            await user.get("PUT", "/api/v1/me/workspace", {"name": "vision"})
        else:
            made = await user.get("POST", "/api/v1/tokens", {"name": "bound", "workspace": "vision"})
            user = Visitor(site.app, bearer(made["secret"]))
            assert (await inside(user, "default").ask("GET", "/api/v1/me"))[0] == 404
            status, _ = await inside(user, "vision").ask("POST", "/api/v1/users", {"name": "eve"})
            assert status == 403
        assert (await user.get("GET", f"{prefix}/api/v1/me"))["workspace"] == "vision"
        made = await user.get("POST", f"{prefix}/api/v1/runs", {"name": "a"})
        run = await user.get("GET", f"{prefix}/api/2.0/mlflow/runs/get?run_id={made['run_id']}")
        experiment = run["run"]["info"]["experiment_id"]
        shown = await user.get("GET", f"{prefix}/api/2.0/mlflow/experiments/get?experiment_id={experiment}")
        assert (shown["experiment"]["name"], shown["experiment"]["workspace"]) == ("Default", "vision")
        created = {"experiment_id": "0", "start_time": 1}  # as clients send it who know of no experiment
        again = await user.get("POST", f"{prefix}/api/2.0/mlflow/runs/create", created)
        assert again["run"]["info"]["experiment_id"] == experiment
        path = f"{prefix}/api/2.0/mlflow-artifacts/artifacts/{experiment}/{made['run_id']}/artifacts/a.txt"
        assert (await site.app.send("PUT", path, b"bytes", headers=user.headers))[0] == 200
        assert (await site.app.send("GET", path, headers=user.headers))[1] == b"bytes"
        assert (await site.admin.ask("GET", path.removeprefix(prefix)))[0] == 404
        assert (await site.admin.ask("GET", f"/api/v1/runs/{made['run_id']}"))[0] == 404

    on_site(tmp_path, work)


def test_a_request_that_names_two_workspaces_or_an_empty_one_is_refused(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await found(site, "vision")
        for path, headers in (
            ("/w/vision/api/v1/me", ((HEADER, b"default"),)),
            ("/api/v1/me", ((HEADER, b"default"), (MLFLOW_HEADER, b"vision"))),
            ("/w//api/v1/me", ()),
        ):
            status, answer = await site.admin.ask("GET", path, None, *headers)
            assert (status, answer["error"]["code"]) == (400, "invalid_input"), (path, answer)
        for path, name in (
            ("/w/vision/api/v1/me", b"vision"),
            ("/w/vision/api/v1/me", b""),
            ("/api/v1/me", b" vision "),
        ):
            status, answer = await site.admin.ask("GET", path, None, (HEADER, name))
            assert (status, answer["workspace"]) == (200, "vision")
        for hostile in ("..", "%2e%2e", "a%00b", "'--", "x" * 5_000, "%ff"):
            status, answer = await site.admin.ask("GET", f"/w/{hostile}/api/v1/me")
            assert status in (400, 404), answer
            assert len(str(answer)) < 1_000

    on_site(tmp_path, work)


def test_without_access_control_workspaces_are_apart_too(tmp_path: Path) -> None:
    async def work() -> None:
        async with run_app(tmp_path) as app:
            anybody = Visitor(app)
            await anybody.get("POST", "/api/v1/workspaces", {"name": "vision"})
            await inside(anybody, "vision").get("POST", "/api/v1/experiments", {"name": "theirs"})
            for visitor, names in ((inside(anybody, "vision"), ["theirs"]), (anybody, ["Default"])):
                page = await visitor.get("POST", "/api/v1/experiments/search", {})
                assert [one["name"] for one in page["experiments"]] == names
            assert (await inside(anybody, "absent").ask("POST", "/api/v1/experiments/search", {}))[0] == 404

    asyncio.run(work())


def test_a_renamed_workspace_is_the_same_and_an_archived_one_is_only_read(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        known = await build(await found(site, "vision"))
        await site.admin.get("PATCH", "/api/v1/workspaces/vision", {"new_name": "seeing"})
        seeing = inside(site.admin, "seeing")
        assert (await inside(site.admin, "vision").ask("GET", f"/api/v1/runs/{known.run}"))[0] == 404
        assert (await seeing.get("GET", f"/api/v1/experiments/{known.experiment}"))["workspace"] == "seeing"
        assert (await seeing.get("POST", "/api/v1/audit/verify", {}))["intact"]
        await found(site, "vision")
        assert (await inside(site.admin, "vision").ask("GET", f"/api/v1/runs/{known.run}"))[0] == 404
        await site.admin.get("PATCH", "/api/v1/workspaces/seeing", {"archived": True})
        assert (await seeing.get("GET", f"/api/v1/runs/{known.run}"))["run_id"] == known.run
        writing = [
            ("POST", f"/api/v1/runs/{known.run}/ingest", {"tags": {"a": "b"}}),
            ("POST", "/api/2.0/mlflow/runs/set-tag", {"run_id": known.run, "key": "a", "value": "b"}),
            ("PUT", f"/api/v1/files/{known.file}", {}),
            ("POST", "/api/v1/experiments", {"name": "new"}),
            ("PUT", "/api/v1/retention", {"trash_ms": 1}),
        ]
        for method, path, body in writing:
            status, answer = await seeing.ask(method, path, body)
            assert status in (400, 409), (path, answer)
            assert "archived" in str(answer)
        await site.admin.get("PATCH", "/api/v1/workspaces/seeing", {"archived": False})
        await seeing.get("POST", f"/api/v1/runs/{known.run}/ingest", {"tags": {"a": "b"}})
        assert (await site.admin.ask("DELETE", "/api/v1/workspaces/seeing"))[0] == 409
        assert (await site.admin.ask("DELETE", "/api/v1/workspaces/vision"))[0] == 200
        assert (await inside(site.admin, "vision").ask("GET", "/api/v1/me"))[0] == 404

    on_site(tmp_path, work)


def test_a_workspaces_own_administrators_manage_its_members_and_nothing_else(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        for name in ("chief", "ann", "bob"):
            await site.admin.get("POST", "/api/v1/users", {"name": name, "kind": "service"})
        await site.admin.get("POST", "/api/v1/workspaces", {"name": "vision", "admins": ["chief"]})
        secrets = {
            name: (await site.admin.get("POST", "/api/v1/tokens", {"name": "t", "user": name}))["secret"]
            for name in ("chief", "ann", "bob")
        }
        chief, ann, bob = (inside(Visitor(site.app, bearer(secret)), "vision") for secret in secrets.values())
        assert (await ann.ask("GET", "/api/v1/me"))[0] == 404
        await chief.get("POST", "/api/v1/teams", {"team": "labels"})
        await chief.get("PUT", "/api/v1/teams/labels/members/ann", {})
        grant = {"subject_kind": "team", "subject": "labels", "target_kind": "workspace", "role": "editor"}
        await chief.get("POST", "/api/v1/grants", grant)
        assert (await ann.get("GET", "/api/v1/me"))["permissions"] == ["create", "read", "write"]
        assert (await bob.ask("GET", "/api/v1/me"))[0] == 404
        assert (await chief.get("POST", "/api/v1/audit/search", {}))["entries"]
        assert (await inside(chief, "").ask("GET", "/api/v1/teams"))[0] in (400, 403)
        for method, path, body in (
            ("POST", "/api/v1/workspaces", {"name": "more"}),
            ("PATCH", "/api/v1/workspaces/vision", {"description": "ours"}),
            ("DELETE", "/api/v1/workspaces/vision", None),
            ("PUT", "/api/v1/quota", {"runs": 1}),
        ):
            assert (await chief.ask(method, path, body))[0] == 403, path
        elsewhere = Visitor(site.app, bearer(secrets["chief"]))
        assert (await elsewhere.get("GET", "/api/v1/me"))["permissions"] == []
        assert (await elsewhere.ask("GET", "/api/v1/teams"))[0] == 403
        assert (await elsewhere.get("GET", "/api/v1/workspaces/vision"))["name"] == "vision"
        await chief.get("DELETE", "/api/v1/teams/labels/members/ann")
        assert (await ann.ask("GET", "/api/v1/me"))[0] == 404

    on_site(tmp_path, work)


def test_a_page_token_is_of_one_workspace(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        for name in ("one", "two"):
            within = await found(site, name)
            for number in range(3):
                await within.admin.get("POST", "/api/v1/experiments", {"name": f"e{number}"})
        asked = {"limit": 1}
        page = await inside(site.admin, "one").get("POST", "/api/v1/experiments/search", asked)
        further = {**asked, "page_token": page["next_page_token"]}
        assert (await inside(site.admin, "one").ask("POST", "/api/v1/experiments/search", further))[0] == 200
        assert (await inside(site.admin, "two").ask("POST", "/api/v1/experiments/search", further))[0] == 400

    on_site(tmp_path, work)


def test_mlflows_clients_manage_workspaces(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        root = "/api/3.0/mlflow/workspaces"
        made = {"name": "vision", "description": "d"}
        assert await site.admin.ask("POST", root, made) == (201, {"workspace": made})
        assert (await site.admin.ask("POST", root, made))[0] == 400
        listed = await site.admin.get("GET", root)
        assert listed["workspaces"] == [{"name": "default", "description": ""}, made]
        assert await site.admin.get("GET", f"{root}/vision") == {"workspace": made}
        changed = await site.admin.get("PATCH", f"{root}/vision", {"description": "e"})
        assert changed == {"workspace": {"name": "vision", "description": "e"}}
        assert (await site.admin.ask("POST", root, {"name": "b", "default_artifact_root": "s3://x"}))[0] == 501
        assert (await site.admin.ask("DELETE", f"{root}/vision?mode=CASCADE"))[0] == 501
        nobody: Any = await site.add("nobody")
        assert (await nobody.get("GET", root))["workspaces"] == [{"name": "default", "description": ""}]
        assert (await nobody.ask("GET", f"{root}/vision"))[0] == 404
        assert (await nobody.ask("DELETE", f"{root}/vision"))[0] == 403
        assert (await site.admin.ask("DELETE", f"{root}/vision"))[0] == 204

    on_site(tmp_path, work)


def test_every_operation_is_below_the_prefix_of_a_workspace(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await found(site, "vision")
        for operation in OPERATIONS:
            if not operation.internal and operation.method == "GET" and "{" not in operation.path:
                status, answer = await site.admin.ask("GET", f"/w/vision/api/v1{operation.path}")
                lost = answer.get("error", {}).get("details", {}).get("endpoint")
                assert not lost, (operation.name, status, answer)
        for page in ("", "/", "/experiments", "/runs/x"):
            status, _ = await site.app.send("GET", f"/w/vision{page}", headers=site.admin.headers)
            assert status in (200, 503), page

    on_site(tmp_path, work)


def test_who_lost_the_workspace_that_they_chose_is_told_so_and_can_leave_it(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        vision = await found(site, "vision")
        user = await site.add("bob")
        grant = await vision.give("bob", "editor")
        await user.get("PUT", "/api/v1/me/workspace", {"name": "vision"})
        await vision.admin.get("DELETE", f"/api/v1/grants/{grant}")
        status, told = await user.ask("GET", "/api/v1/me")
        assert (status, "vision" in str(told)) == (404, False)
        assert told["error"]["message"].startswith("You have no role any more in the workspace that you chose")
        assert (await user.ask("GET", "/experiments"))[0] == 200  # a page, which says it
        await inside(user, "default").get("PUT", "/api/v1/me/workspace", {"name": "default"})
        assert (await user.get("GET", "/api/v1/me"))["workspace"] == "default"

    on_site(tmp_path, work)
