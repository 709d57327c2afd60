"""Attacks on access control, from the published holes of servers like this one; an id begins with its source."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.server.access import PASSWORD, Site, Visitor, basic, bearer, cookie, on_site
from trackway.auth.users import UserService
from trackway.base.errors import InvalidInput
from trackway.base.settings import read_settings
from trackway.wiring.server import open_access

UNGUARDED_ONCE = [
    ("CVE-2026-0545 jobs", "POST", "/ajax-api/3.0/jobs/", {}),
    ("CVE-2026-0545 job", "GET", "/ajax-api/3.0/jobs/1", None),
    ("CVE-2026-0545 cancel", "PATCH", "/ajax-api/3.0/jobs/cancel/1", {}),
    ("CVE-2025-14297 graphql", "POST", "/graphql", {"query": "{ mlflowGetRun { run { info { runId } } } }"}),
    ("CVE-2026-2651 multipart", "POST", "/api/2.0/mlflow-artifacts/mpu/create/0/r/artifacts", {"path": "m"}),
    ("CVE-2026-8147 traces", "POST", "/api/3.0/mlflow/traces/search", {}),
    ("CVE-2026-2611 assistant", "POST", "/ajax-api/3.0/mlflow/assistant/config", {}),
    ("CVE-2026-118625 catch-all", "GET", "/api/3.0/mlflow/mcp-servers/endpoints", None),
    ("CVE-2020-13927 experimental", "GET", "/api/experimental/test", None),
]  # fmt: skip


@pytest.mark.parametrize(("source", "method", "path", "body"), UNGUARDED_ONCE, ids=[one[0] for one in UNGUARDED_ONCE])
def test_a_route_that_was_once_forgotten_turns_strangers_away(
    tmp_path: Path, source: str, method: str, path: str, body: Any
) -> None:
    async def work(site: Site) -> None:
        status, _ = await site.anonymous.ask(method, path, body)
        assert status == 401
        nobody = await site.add("nobody")
        status, answer = await nobody.ask(method, path, body)
        assert status in (403, 404, 501), answer

    on_site(tmp_path, work)


def test_a_header_is_not_told_back(tmp_path: Path) -> None:
    """CVE-2023-6568: the content type of a request came back as a page."""

    async def work(site: Site) -> None:
        evil = "text/html<script>alert(1)</script>"
        for path in ("/api/2.0/mlflow/users/create", "/api/v1/users", "/api/v1/session"):
            status, answer = await site.app.send("POST", path, b"{}", kind=evil, headers=site.admin.headers)
            assert status in (400, 415)
            assert b"<script>" not in answer
            assert site.app.told[b"content-type"].startswith(b"application/json")
            assert site.app.told[b"x-content-type-options"] == b"nosniff"

    on_site(tmp_path, work)


@pytest.mark.parametrize("password", ["password1234", "password", "1", "", "admin"])
def test_a_poor_password_is_set_by_no_way(tmp_path: Path, password: str) -> None:
    """CVE-2025-11200 and CVE-2026-2635: one character was enough, and one password was shipped."""

    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        asks = [
            ("PUT", "/api/v1/users/bob/password", {"password": password}),
            ("POST", "/api/v1/me/password", {"current": PASSWORD, "password": password}),
            ("PATCH", "/api/2.0/mlflow/users/update-password", {"username": "bob", "password": password}),
            ("POST", "/api/2.0/mlflow/users/create", {"username": "eve", "password": password}),
        ]
        for ask in asks:
            status, _ = await site.admin.ask(*ask)
            assert status == 400, ask
        invitation = (await site.admin.get("POST", "/api/v1/users/bob/invitation"))["invitation"]
        join = {"secret": invitation, "password": password}
        assert (await site.anonymous.ask("POST", "/api/v1/join", join))[0] == 400

    on_site(tmp_path, work)
    settings = read_settings({"store": f"sqlite:///{tmp_path}/new.db", "artifacts": "memory://", "auth": True}, {})
    if password:
        with pytest.raises(InvalidInput):
            open_access(settings, {"MLFLOW_AUTH_ADMIN_PASSWORD": password})


def test_names_that_look_alike_are_one_user(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        for name in ("ROOT", "Root", "root ", "rооt", "root\x00", "root\n", "ro%6Ft", "root/../x"):
            status, _ = await site.admin.ask("POST", "/api/v1/users", {"name": name, "password": PASSWORD})
            assert status in (400, 409), name

    on_site(tmp_path, work)


def test_nobody_makes_more_of_oneself(tmp_path: Path) -> None:
    """More fields in a body (CVE-2023-40611), others' tokens, larger roles: each way up is closed."""

    async def work(site: Site) -> None:
        eve = await site.add("eve", "manager")
        token = (await site.admin.get("POST", "/api/v1/tokens", {"name": "t"}))["token"]["token_id"]
        grant = {"subject_kind": "user", "subject": "eve", "target_kind": "workspace", "role": "admin"}
        asks: list[tuple[str, str, Any]] = [
            ("PATCH", "/api/v1/users/eve", {"is_admin": True}),
            ("POST", "/api/v1/users", {"name": "more", "is_admin": True}),
            ("PATCH", "/api/2.0/mlflow/users/update-admin", {"username": "eve", "is_admin": True}),
            ("POST", "/api/v1/grants", grant),
            ("PUT", "/api/v1/roles/god", {"permissions": ["admin"]}),
            ("POST", "/api/v1/tokens", {"name": "t", "user": "root"}),
            ("GET", "/api/v1/tokens?user=root", None),
            ("DELETE", f"/api/v1/tokens/{token}", {"user": "root"}),
            ("POST", "/api/v1/users/root/invitation", None),
            ("PUT", "/api/v1/users/root/password", {"password": "another long one"}),
            ("POST", "/api/v1/access/explain", {"user": "root", "operation": "runs.get"}),
            ("POST", "/api/v1/audit/search", {}),
            ("POST", "/api/v1/audit/trim", {"before_ms": 1}),
        ]
        for ask in asks:
            status, answer = await eve.ask(*ask)
            assert status == 403, (ask, answer)
        status, _ = await eve.ask("POST", "/api/v1/tokens", {"name": "t", "role": "", "user_pk": 1})
        assert status == 400
        assert (await eve.get("GET", "/api/v1/me"))["is_admin"] is False

    on_site(tmp_path, work)


def test_an_upload_is_its_callers_alone(tmp_path: Path) -> None:
    """CVE-2026-2651: others completed and gave up uploads by their ids."""

    async def work(site: Site) -> None:
        ann, eve = await site.add("ann", "editor"), await site.add("eve", "editor")
        made = await ann.get("POST", "/api/v1/uploads/0/big.bin")
        path = f"/api/v1/uploads/{made['upload_id']}/0/big.bin"
        for method, body in (("GET", None), ("PATCH", {"parts": []}), ("DELETE", None)):
            assert (await eve.ask(method, path, body))[0] == 404
        assert (await eve.ask("PUT", f"/api/v1/uploads/{made['upload_id']}/1/0/big.bin", "x"))[0] == 404
        assert (await ann.ask("GET", path))[0] == 200

    on_site(tmp_path, work)


def test_a_version_is_made_of_nothing_that_its_maker_may_not_read(tmp_path: Path) -> None:
    """A version's files may be read by who reads the model: so it must not be made of what is hidden."""

    async def work(site: Site) -> None:
        eve = await site.add("eve", "contributor")
        experiment = (await site.admin.get("POST", "/api/v1/experiments", {"name": "hidden"}))["experiment_id"]
        run = (await site.admin.get("POST", "/api/v1/runs", {"experiment_id": experiment}))["run_id"]
        path = f"{experiment}/{run}/artifacts/m/secret.txt"
        await site.app.send("PUT", f"/api/v1/files/{path}", b"hushed", headers=site.admin.headers)
        await site.admin.get("POST", "/api/v1/registered-models", {"name": "theirs"})
        source = {"source": f"runs:/{run}/m", "run_id": run}
        await site.admin.get("POST", "/api/v1/registered-models/theirs/versions", source)
        await eve.get("POST", "/api/v1/registered-models", {"name": "mine"})
        for body in (source, {"source": "models:/theirs/1"}, {"source": "models:/theirs/latest"}):
            status, answer = await eve.ask("POST", "/api/v1/registered-models/mine/versions", body)
            assert status == 404, answer
        copy = "/api/v1/registered-models/theirs/versions/1/copy"
        assert (await eve.ask("POST", copy, {"to": "mine"}))[0] == 404
        assert (await eve.ask("GET", f"/api/v1/files/{path}"))[0] == 404
        await site.give("eve", "reader", "registered_model", "theirs")  # and who may read the model may load it
        version = await eve.get("GET", "/api/v1/registered-models/theirs/versions/1")
        folder = version["content_location"].removeprefix("mlflow-artifacts:/")
        assert (await eve.ask("GET", f"/api/v1/files/{folder}/secret.txt"))[0] == 200
        assert (await eve.ask("GET", f"/api/v1/files/{path}"))[0] == 404
        assert (await eve.ask("DELETE", f"/api/v1/files/{folder}/secret.txt"))[0] == 404
        assert (await eve.ask("GET", "/api/v1/files/versions/other/secret.txt"))[0] == 404

    on_site(tmp_path, work)


def test_who_may_read_one_model_finds_its_card_and_nothing_of_other_models(tmp_path: Path) -> None:
    """The folder that all versions lie in was listed to whoever might read any model that has one."""

    async def work(site: Site) -> None:
        eve = await site.add("eve", "contributor")
        experiment = (await site.admin.get("POST", "/api/v1/experiments", {"name": "hidden"}))["experiment_id"]
        run = (await site.admin.get("POST", "/api/v1/runs", {"experiment_id": experiment}))["run_id"]
        folders = []
        for name in ("shown", "hushed"):
            path = f"{experiment}/{run}/artifacts/{name}/{name}.txt"
            await site.app.send("PUT", f"/api/v1/files/{path}", b"x", headers=site.admin.headers)
            await site.admin.get("POST", "/api/v1/registered-models", {"name": name})
            source = {"source": f"runs:/{run}/{name}", "run_id": run}
            made = await site.admin.get("POST", f"/api/v1/registered-models/{name}/versions", source)
            folders.append(made["content_location"].removeprefix("mlflow-artifacts:/"))
            await site.app.send("PUT", f"/api/v1/files/{folders[-1]}.md", b"# Card", headers=site.admin.headers)
        await site.give("eve", "reader", "registered_model", "shown")
        for path in (f"{folders[0]}/shown.txt", f"{folders[0]}.md"):
            assert (await eve.ask("GET", f"/api/v1/files/{path}"))[0] == 200
            assert (await eve.ask("PUT", f"/api/v1/files/{path}", "x"))[0] == 404
        for path in (f"{folders[1]}/hushed.txt", f"{folders[1]}.md"):
            assert (await eve.ask("GET", f"/api/v1/files/{path}"))[0] == 404
        listed = await eve.get("POST", "/api/v1/artifacts/list", {"folder": folders[0]})
        assert [file["path"] for file in listed["files"]] == [f"{folders[0]}/shown.txt"]
        for folder in ("versions", folders[1], f"{folders[0]}/..", ""):
            for recursive in (True, False):
                asked = {"folder": folder, "recursive": recursive}
                assert (await eve.ask("POST", "/api/v1/artifacts/list", asked))[0] in (400, 404)

    on_site(tmp_path, work)


def test_a_storm_of_logins_is_bounded(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        tries = [
            Visitor(site.app.__class__(site.app.app), basic(f"user{n}", "wrong")).ask("GET", "/api/v1/me")
            for n in range(200)
        ]
        statuses = {status for status, _ in await asyncio.gather(*tries)}
        assert statuses == {401, 429}
        assert (await site.admin.ask("GET", "/api/v1/me"))[0] in (200, 429)

    on_site(tmp_path, work)


def test_a_token_of_another_installation_is_none(tmp_path: Path) -> None:
    """CVE-2020-17526: the key of sessions was the same everywhere."""
    secrets: list[str] = []

    async def work(site: Site) -> None:
        if secrets:
            assert (await Visitor(site.app, bearer(secrets[0])).ask("GET", "/api/v1/me"))[0] == 401
        secrets.append((await site.admin.get("POST", "/api/v1/tokens", {"name": "t"}))["secret"])

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        on_site(tmp_path / name, work)
    assert json.dumps(secrets[0]) != json.dumps(secrets[1])


def test_what_somebody_shows_is_in_no_log_when_the_server_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """CVE-2022-24757: the headers of a request that failed were logged, the cookie with them."""

    def fail(*_given: object) -> None:
        raise RuntimeError("a fault of ours")

    async def work(site: Site) -> None:
        status, told = await site.anonymous.ask("POST", "/api/v1/session", {"name": "root", "password": PASSWORD})
        session = site.app.told[b"set-cookie"].partition(b";")[0].partition(b"=")[2].decode()
        secret = "twk_" + "s" * 43
        shown = [cookie(session), basic("root"), bearer(secret)]
        for one in shown:
            await Visitor(site.app, one).ask("GET", "/api/v1/me?password=" + PASSWORD.replace(" ", "+"))
        status, told = await Visitor(site.app, cookie(session), (b"x-trackway-csrf", b"c" * 64)).ask(
            "GET", "/api/v1/me"
        )
        assert status == 500
        logged = caplog.text + str(told)
        assert "a fault of ours" in caplog.text
        for hidden in (session, secret, basic("root")[1].decode().split()[1], PASSWORD, PASSWORD.replace(" ", "+")):
            assert hidden not in logged

    monkeypatch.setattr(UserService, "who_am_i", fail)
    on_site(tmp_path, work)
