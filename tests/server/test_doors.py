"""Every route of all doors by strangers, who are turned away. Who is known: see ``rights.test_matrix``."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.server.access import PASSWORD, Site, Visitor, basic, bearer, cookie, on_site
from trackway.api.operations import OPERATIONS
from trackway.base.clock import now_ms
from trackway.http.messages import Route

PUBLIC = {
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/sign-in"),
    ("GET", "/join"),
    ("GET", "/set-up"),
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/join"),
    ("GET", "/api/3.0/mlflow/server-info"),
    ("GET", "/ajax-api/3.0/mlflow/server-info"),
}
"""What everybody may reach: it tells nothing and changes nothing by itself. So do the files of the web UI."""
ASSETS = re.compile(r"/(signin(/.*)?|assets/.*|[\w.-]+\.(js|css|svg|html|ico|png))")
HUSHED = "hushed"
"""What objects hold, and no request names."""
FIELD = re.compile(r"\{(\w+)(:path)?\}")


class Known(NamedTuple):
    """What is there, and is nobody's business."""

    experiment: str
    run: str
    model: str
    file: str
    name: str

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.run, self.model, self.name, "canary")


async def build(site: Site) -> Known:
    """Make one object of each kind as the administrator."""
    ask = site.admin.get
    name = "canary-experiment"
    experiment = (await ask("POST", "/api/v1/experiments", {"name": name, "tags": {"canary": HUSHED}}))["experiment_id"]
    run = (await ask("POST", "/api/v1/runs", {"experiment_id": experiment, "name": "canary-run"}))["run_id"]
    await ask("POST", f"/api/v1/runs/{run}/ingest", {"params": {"canary": HUSHED}, "tags": {"canary": HUSHED}})
    model = (
        await ask(
            "POST", "/api/v1/logged-models", {"experiment_id": experiment, "name": "canary", "tags": {"a": HUSHED}}
        )
    )["model_id"]
    path = f"{experiment}/{run}/artifacts/canary.txt"
    status, _ = await site.app.send("PUT", f"/api/v1/files/{path}", HUSHED.encode(), headers=site.admin.headers)
    assert status == 200
    await ask("POST", "/api/v1/registered-models", {"name": name, "description": HUSHED})
    source = f"runs:/{run}/m"
    await ask(
        "POST", f"/api/v1/registered-models/{name}/versions", {"source": source, "run_id": run, "description": HUSHED}
    )
    return Known(experiment, run, model, path, name)


def list_routes(site: Site) -> list[Route[Any]]:
    app = site.app.app
    return [*app._exact.values(), *(route for routes in app._patterns.values() for _, route in routes)]


def fill(known: Known) -> dict[str, Any]:
    """Return a value for every field that a path or a body may have."""
    values: dict[str, Any] = {
        "experiment_id": known.experiment, "experiment_ids": [known.experiment], "experiment_name": known.name,
        "run_id": known.run, "run_uuid": known.run, "run_ids": [known.run], "model_id": known.model,
        "path": known.file, "folder": known.file.rpartition("/")[0], "name": known.name, "new_name": "x", "to": "x",
        "key": "canary", "value": "x", "tag_key": "canary", "metric_key": "canary", "version": "1", "alias": "a",
        "filter": "", "max_results": 10, "stage": "Staging", "status": "FINISHED", "source": f"runs:/{known.run}/m",
        "metrics": [{"key": "m", "value": 1.0, "timestamp": 1, "step": 0}], "params": [{"key": "q", "value": "x"}],
        "tags": [{"key": "t", "value": "x"}], "timestamp": 1, "step": 0, "user": "x", "team": "x", "role": "reader",
        "id": known.run, "kind": "run", "upload_id": "0" * 32, "number": "1", "webhook_id": "0" * 32,
        "delivery_id": "0" * 32, "comment_id": "1", "request_id": "1", "grant_id": "1", "token_id": "0" * 32,
        "tick_id": "1", "rest": "x", "username": "x", "model_name": known.name, "artifact_path": "canary.txt",
        "session_id": "0" * 32, "role_id": "1", "role_permission_id": "1", "resource_type": "experiment",
        "resource_pattern": known.experiment, "permission": "READ",
    }  # fmt: skip
    return values


def make_request(route: Route[Any], known: Known) -> tuple[str, str, bytes]:
    """Return path, query string and body of a request that names what is there."""
    values = fill(known)
    path = FIELD.sub(lambda found: str(values.get(found[1], "x")), route.path)
    operation = next((one for one in OPERATIONS if route.path == f"/api/v1{one.path}"), None)
    body = values
    if operation is not None:
        in_path = set(FIELD.findall(route.path))
        fields = msgspec.structs.fields(operation.request)
        names = [one.name for one in fields if one.required and (one.name, "") not in in_path]
        body = {one: values.get(one, "x") for one in names}
    texts = {key: value for key, value in body.items() if isinstance(value, str | int)}
    query = "&".join(f"{key}={value}" for key, value in texts.items()) if route.method == "GET" else ""
    return path, query, b"" if route.method == "GET" else json.dumps(body).encode()


async def send(visitor: Visitor, route: Route[Any], known: Known) -> tuple[int, str]:
    path, query, body = make_request(route, known)
    headers = visitor.headers
    status, answer = await visitor.app.send(route.method, path, body, query, headers=headers)
    return status, answer.decode("latin-1")


def is_public(route: Route[Any]) -> bool:
    return (route.method, route.path) in PUBLIC or ASSETS.fullmatch(route.path) is not None


def test_every_route_says_who_may_come(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        for route in list_routes(site):
            assert (route.access == "public") == is_public(route), (route.method, route.path)

    on_site(tmp_path, work)


def test_a_stranger_is_turned_away_from_every_route_and_from_where_none_is(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        known = await build(site)
        disabled = await site.add("disabled", "admin")
        await site.admin.get("PATCH", "/api/v1/users/disabled", {"disabled": True})
        revoked = await site.add("revoked", "admin")
        [token] = (await site.admin.get("GET", "/api/v1/tokens?user=revoked"))["tokens"]
        await site.admin.get("DELETE", f"/api/v1/tokens/{token['token_id']}?user=revoked", {"user": "revoked"})
        soon: dict[str, Any] = {"name": "t", "expires_ms": now_ms() + 500}
        expired = Visitor(site.app, bearer((await site.admin.get("POST", "/api/v1/tokens", soon))["secret"]))
        while now_ms() <= soon["expires_ms"]:
            await asyncio.sleep(0.05)
        strangers = {
            "anonymous": site.anonymous,
            "wrong token": Visitor(site.app, bearer("twk_" + "x" * 43)),
            "wrong session": Visitor(site.app, cookie("tws_" + "x" * 43), (b"x-trackway-csrf", b"x")),
            "disabled": disabled,
            "revoked": revoked,
            "expired": expired,
        }
        seen = 0
        for route in list_routes(site):
            if is_public(route):
                continue
            for who, visitor in strangers.items():
                status, answer = await send(visitor, route, known)
                assert HUSHED not in answer
                assert status == (403 if who == "wrong session" and route.method != "GET" else 401), (who, route.path)
                assert "canary" not in answer
                seen += 1
        assert seen > 6 * 300
        for method, path in (
            ("GET", "/nothing"),
            ("POST", "/api/v1/nothing"),
            ("PATCH", "/api/v1/runs"),
            ("GET", "/graphql"),
        ):
            assert (await site.anonymous.ask(method, path))[0] == 401, path

    on_site(tmp_path, work)


def test_a_reader_reads_and_changes_nothing_through_either_door(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        known = await build(site)
        reader = await site.add("reader", "reader", kind="experiment", target=known.experiment)
        for path in (f"/api/v1/runs/{known.run}", f"/api/v1/files/{known.file}"):
            assert (await reader.ask("GET", path))[0] == 200
        found = await reader.get("POST", "/api/2.0/mlflow/runs/search", {"experiment_ids": [known.experiment]})
        assert len(found["runs"]) == 1
        for method, path, body in (
            ("POST", "/api/2.0/mlflow/runs/log-parameter", {"run_id": known.run, "key": "a", "value": "b"}),
            ("POST", "/api/2.0/mlflow/runs/delete", {"run_id": known.run}),
            ("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{known.file}", None),
            ("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{known.file}", {}),
            ("DELETE", f"/api/v1/files/{known.file}", None),
            ("POST", f"/api/v1/uploads/{known.file}", None),
            ("POST", f"/api/v1/runs/{known.run}/ingest", {"params": {"a": "b"}}),
        ):
            status, answer = await reader.ask(method, path, body)
            assert status == 403, (method, path, answer)
        await site.admin.get("POST", "/api/v1/experiments", {"name": "written behind them"})
        refused = await site.audit(actor="service:reader")
        assert [one["detail"] for one in refused] == ["denied"] * 7

    on_site(tmp_path, work)


@pytest.mark.parametrize("password", ["password1234", PASSWORD.upper(), ""])
def test_no_shipped_password_lets_anybody_in(tmp_path: Path, password: str) -> None:
    async def work(site: Site) -> None:
        for name in ("admin", "root", "trackway"):
            assert (await Visitor(site.app, basic(name, password)).ask("GET", "/api/v1/me"))[0] == 401

    on_site(tmp_path, work)
