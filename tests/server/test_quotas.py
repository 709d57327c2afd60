"""A workspace that holds its quota takes no more of the same; everything else goes on."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.server.access import Site, on_site
from trackway.api.runs import Ingest
from trackway.auth.requests import RequestCounts
from trackway.base.errors import RateLimited
from trackway.store.sql.store import SqlStore
from trackway.tracking.quotas import judge_workspaces

RUNS = "/api/v1/runs"


def points(*steps: int) -> dict[str, Any]:
    """Return what MLflow's clients send for some points of a metric."""
    return {"metrics": [{"key": "m", "value": 0.5, "timestamp": 1, "step": step} for step in steps]}


async def log(site: Site, run_id: str, body: dict[str, Any]) -> tuple[int, Any]:
    path = "/api/2.0/mlflow/runs/log-batch"
    return await site.admin.ask("POST", path, {"run_id": run_id, **body})


async def recount(folder: Path) -> None:
    """Do what a server's jobs do each minute, as another server."""
    store = SqlStore(f"sqlite:///{folder}/t.db")
    try:
        await asyncio.to_thread(partial(judge_workspaces, store))
    finally:
        store.close()


def test_beyond_a_quota_more_of_the_same_is_refused_and_comes_in_again_when_there_is_room(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        set_quota = partial(site.admin.get, "PUT", "/api/v1/quota")
        run_id = (await site.admin.get("POST", RUNS, {"experiment_id": "0"}))["run_id"]
        assert (await log(site, run_id, points(1, 2)))[0] == 200
        assert (await set_quota({"points": 3, "runs": 2}))["exceeded"] == []
        assert (await log(site, run_id, points(3, 4)))[0] == 200, "counted now and then, not for each point"
        await recount(tmp_path)
        status, told = await log(site, run_id, points(5))
        assert (status, told["error_code"]) == (429, "REQUEST_LIMIT_EXCEEDED")
        assert "quota of 3 points" in told["message"]
        assert int(site.app.told[b"retry-after"]) == 60
        assert (await log(site, run_id, {"params": [{"key": "p", "value": "1"}], "tags": []}))[0] == 200
        ended = {"run_id": run_id, "status": "FINISHED", "end_time": 5}
        assert (await site.admin.ask("POST", "/api/2.0/mlflow/runs/update", ended))[0] == 200
        await site.admin.get("POST", RUNS, {"experiment_id": "0"})
        await recount(tmp_path)
        status, told = await site.admin.ask("POST", RUNS, {"experiment_id": "0"})
        assert (status, told["error"]["details"]) == (429, {"quota": "runs", "limit": 2})
        assert (await set_quota({"points": 100, "runs": 100}))["exceeded"] == []
        assert (await log(site, run_id, points(5)))[0] in (200, 400), "at once"
        await site.admin.get("POST", RUNS, {"experiment_id": "0"})

    on_site(tmp_path, act)


def test_beyond_a_quota_of_bytes_files_are_refused_before_they_are_stored(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        header = site.admin.headers[0]
        put = partial(site.app.send, "PUT", kind="application/octet-stream", headers=[header])
        assert (await put("/api/v1/files/0/a/artifacts/x", b"x" * 10))[0] == 200
        assert (await site.admin.get("PUT", "/api/v1/quota", {"size_bytes": 10}))["exceeded"] == ["bytes"]
        for size in (1, 1_000_000):
            assert (await put("/api/v1/files/0/a/artifacts/y", b"x" * size))[0] == 429
        assert (await site.app.send("POST", "/api/v1/uploads/0/a/artifacts/z", headers=[header]))[0] == 429
        assert (await site.app.send("GET", "/api/v1/files/0/a/artifacts/x", headers=[header]))[0] == 200
        assert (await site.app.send("DELETE", "/api/v1/files/0/a/artifacts/x", headers=[header]))[0] == 200
        await recount(tmp_path)
        assert (await put("/api/v1/files/0/a/artifacts/y", b"x"))[0] == 200

    on_site(tmp_path, act)


def test_beyond_a_quota_of_requests_a_workspace_is_refused_and_others_are_not(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        user = await site.add("user", "reader")
        await site.admin.get("POST", "/api/v1/workspaces", {"name": "other"})
        in_other = (b"x-trackway-workspace", b"other")
        grant = {"subject_kind": "user", "subject": "user", "target_kind": "workspace", "role": "reader"}
        assert (await site.admin.ask("POST", "/api/v1/grants", grant, in_other))[0] == 200
        usage = await site.admin.get("PUT", "/api/v1/quota", {"requests_per_minute": 60})
        assert usage["requests_per_minute_quota"] == 60
        answers = [(await user.ask("GET", "/api/v1/me"))[0] for _ in range(30)]
        assert answers[:9] == [200] * 9
        assert answers[-1] == 429
        status, told = await user.ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")
        assert (status, told["error_code"]) == (429, "REQUEST_LIMIT_EXCEEDED")
        assert int(site.app.told[b"retry-after"]) >= 1
        assert (await user.ask("GET", "/api/v1/me", None, in_other))[0] == 200
        assert (await site.admin.ask("GET", "/api/v1/usage"))[0] == 200  # who gives more is not kept from it
        await site.admin.get("PUT", "/api/v1/quota", {})
        assert (await user.ask("GET", "/api/v1/usage"))[0] == 200

    on_site(tmp_path, act)


def test_requests_are_counted_by_the_minute_and_each_process_lets_its_share_through() -> None:
    now_s = [600.0]
    counts = RequestCounts(processes=2, clock_s=lambda: now_s[0])

    def ask(times: int, per_minute: int | None = 120) -> int:
        done = 0
        for _ in range(times):
            with suppress(RateLimited):
                counts.take("w", per_minute)
                done += 1
        return done

    assert ask(100) == 10  # ten seconds' worth of one a second
    with pytest.raises(RateLimited) as refusal:
        counts.take("w", 120)
    assert refusal.value.retry_after_s == 1
    now_s[0] += 5
    assert ask(100) == 5
    assert counts.count("w") == 0
    now_s[0] += 60
    assert counts.count("w") == 15
    assert ask(1_000) == 10
    assert ask(1_000, None) == 1_000
    now_s[0] += 60
    assert counts.count("w") == 1_010
    now_s[0] += 120
    assert counts.count("w") == 0
    assert ask(5, 1) == 1
    for number in range(20_000):
        counts.take(f"w{number}", None)
    assert len(counts._counts) <= 10_000, "memory is bounded"


def test_only_administrators_set_quotas(tmp_path: Path) -> None:
    async def act(site: Site) -> None:
        reader = await site.add("reader", "admin")
        assert (await reader.ask("PUT", "/api/v1/quota", {"runs": 1}))[0] == 403
        assert (await reader.ask("GET", "/api/v1/usage"))[0] == 200
        stranger = await site.add("stranger")
        assert (await stranger.ask("GET", "/api/v1/usage"))[0] in (403, 404)

    on_site(tmp_path, act)
    assert "series" in Ingest.__struct_fields__, "what the check of points looks at"
