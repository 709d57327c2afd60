"""What a right does not reach: by a parent, a model's metrics, a role that cannot read, a token that is for less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.server.access import Site, Visitor, bearer, on_site
from trackway.base.clock import now_ms

HOUR_MS = 3_600_000


async def make_experiment(site: Site, name: str) -> str:
    return str((await site.admin.get("POST", "/api/v1/experiments", {"name": name}))["experiment_id"])


async def make_run(site: Site, experiment: str, **fields: Any) -> str:
    body = {"experiment_id": experiment, **fields}
    return str((await site.admin.get("POST", "/api/v1/runs", body))["run_id"])


async def make_token(visitor: Visitor, **fields: Any) -> tuple[int, Any]:
    return await visitor.ask("POST", "/api/v1/tokens", {"name": "t", **fields})


def test_filters_find_nothing_by_a_parent_that_may_not_be_seen(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        seen, hidden = await make_experiment(site, "seen"), await make_experiment(site, "hidden")
        parents = [await make_run(site, where, tags={"t": text}) for where, text in ((hidden, "a"), (seen, "b"))]
        for parent, text in zip(parents, "ab", strict=True):
            await site.admin.get("POST", f"/api/v1/runs/{parent}/ingest", {"params": {"p": text}})
        children = [await make_run(site, seen, parent_run_id=parent) for parent in parents]
        eve = await site.add("eve", "reader", kind="experiment", target=seen)

        async def search(visitor: Visitor, **body: Any) -> list[str]:
            page = await visitor.get("POST", "/api/v1/runs/search", {"experiment_ids": [seen], **body})
            return [one["run_id"] for one in page["runs"]]

        for text in ("parent.params.p = '{}'", "parent.tags.t LIKE '{}%'", "parent.params.p IN ('{}', 'x')"):
            assert await search(site.admin, filter=text.format("a")) == children[:1]
            assert await search(eve, filter=text.format("a")) == []
            assert await search(eve, filter=text.format("b")) == children[1:]
        assert await search(eve, filter="NOT parent.params.p = 'a'") == await search(eve)

    on_site(tmp_path, work)


def test_a_link_reaches_no_run_that_may_not_be_seen_and_shows_none(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        seen, hidden = await make_experiment(site, "seen"), await make_experiment(site, "hidden")
        run, other, theirs = [await make_run(site, one) for one in (seen, seen, hidden)]
        for later, kind, earlier in ((run, "uses", theirs), (run, "uses", other), (theirs, "retry_of", run)):
            await site.admin.get("PUT", f"/api/v1/runs/{later}/links/{kind}/{earlier}")
        eve = await site.add("eve", "editor", kind="experiment", target=seen)

        async def look(visitor: Visitor) -> tuple[list[str], int, int]:
            links = await visitor.get("GET", f"/api/v1/runs/{run}/links")
            lineage = await visitor.get("POST", "/api/v1/lineage", {"kind": "run", "id": run})
            return [one["run_id"] for one in links["earlier"]], len(links["later"]), len(lineage["edges"])

        assert await look(site.admin) == ([theirs, other], 1, 3)
        assert await look(eve) == ([other], 0, 1)

        async def find(visitor: Visitor, text: str) -> bool:
            page = await visitor.get("POST", "/api/v1/runs/search", {"experiment_ids": [seen], "filter": text})
            table = {"experiment_ids": [seen], "by": ["status"], "filter": text}
            groups = (await visitor.get("POST", "/api/v1/runs/groups", table))["groups"]
            assert len(page["runs"]) == sum(one["runs"] for one in groups)
            return run in [one["run_id"] for one in page["runs"]]

        for text in (
            f"links.uses = '{theirs}'",
            f"links.uses != '{other}'",
            f"links.uses IN ('{theirs}')",
            f"links.uses LIKE '{theirs[:9]}%'",
            "EXISTS links.retried_by",
            f"links.retried_by = '{theirs}' OR links.uses IS NULL",
        ):
            assert (await find(site.admin, text), await find(eve, text)) == (True, False)
        for text in (f"links.uses = '{other}'", f"links.uses NOT IN ('{theirs}')", "links.retried_by IS NULL"):
            assert await find(eve, text)
        for method, kind in (("PUT", "made_by"), ("DELETE", "uses")):
            paths = [f"/api/v1/runs/{run}/links/{kind}/{one}" for one in (theirs, "f" * 32)]
            refused = [await eve.ask(method, path) for path in paths]
            assert [status for status, _ in refused] == [404, 404]
            texts = [answer["error"]["message"] for _, answer in refused]
            assert texts[0].replace(theirs, "") == texts[1].replace("f" * 32, "")
            assert (await eve.ask(method, f"/api/v1/runs/{theirs}/links/retry_of/{run}"))[0] == 404
        bob = await site.add("bob", "reader", kind="experiment", target=seen)
        assert (await bob.ask("PUT", f"/api/v1/runs/{run}/links/made_by/{other}"))[0] == 403
        await eve.get("DELETE", f"/api/v1/runs/{run}/links/uses/{other}")
        assert await look(site.admin) == ([theirs], 1, 2)

    on_site(tmp_path, work)


def test_a_run_logs_no_metrics_to_models_of_others(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        own, hidden = await make_experiment(site, "own"), await make_experiment(site, "hidden")
        run = await make_run(site, own)
        made = [
            (await site.admin.get("POST", "/api/v1/logged-models", {"experiment_id": one, "name": "m"}))["model_id"]
            for one in (own, hidden)
        ]
        eve = await site.add("eve", "editor", kind="experiment", target=own)
        point = {"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1, "step": 1}
        answers = [
            await eve.ask("POST", "/api/2.0/mlflow/runs/log-metric", {**point, "model_id": model})
            for model in (*made, "m-" + "f" * 32)
        ]
        assert [status for status, _ in answers] == [200, 404, 404]
        model = await site.admin.get("GET", f"/api/v1/logged-models/{made[1]}")
        assert model["metrics"] == []
        assert answers[1][1]["message"].replace(made[1], "") == answers[2][1]["message"].replace("m-" + "f" * 32, "")

    on_site(tmp_path, work)


def test_a_role_that_cannot_read_reaches_nothing_and_is_explained_so(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        run = await make_run(site, await make_experiment(site, "theirs"), name="hushed")
        await site.admin.get("PUT", "/api/v1/roles/blind", {"permissions": ["write"]})
        eve = await site.add("eve", "blind")
        assert (await eve.ask("PATCH", f"/api/v1/runs/{run}", {"status": "FINISHED"}))[0] == 404
        asked = {"user": "eve", "operation": "runs.update", "target": run}
        answer = await site.admin.get("POST", "/api/v1/access/explain", asked)
        assert not answer["allowed"]
        assert "together with 'read'" in answer["reasons"][0]
        everyone = {"subject_kind": "everyone", "target_kind": "workspace", "role": "reader"}
        await site.admin.get("POST", "/api/v1/grants", everyone)  # roles add up
        assert (await eve.ask("PATCH", f"/api/v1/runs/{run}", {"status": "FINISHED"}))[0] == 200
        assert (await site.admin.get("POST", "/api/v1/access/explain", asked))["allowed"]

    on_site(tmp_path, work)


def test_a_token_for_less_changes_nothing_of_its_user(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        _, kept = await make_token(site.admin)
        for role in ("reader", "provisioner"):
            _, made = await make_token(site.admin, role=role)
            token = Visitor(site.app, bearer(made["secret"]))
            asks: list[tuple[str, str, Any]] = [
                ("DELETE", f"/api/v1/tokens/{kept['token']['token_id']}", None),
                ("POST", "/api/v1/sessions/delete-others", None),
                ("PUT", "/api/v1/me/workspace", {"name": "default"}),
                ("POST", "/api/v1/tokens", {"name": "more", "role": role}),
            ]
            for ask in asks:
                assert (await token.ask(*ask))[0] == 403, (role, ask)
            assert (await token.get("GET", "/api/v1/me"))["name"] == "root"
            assert (await token.ask("GET", "/api/v1/tokens"))[0] == (200 if role == "reader" else 403)

    on_site(tmp_path, work)


def test_a_token_makes_none_that_outlives_it(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        ends_ms = now_ms() + HOUR_MS
        _, made = await make_token(site.admin, expires_ms=ends_ms)
        token = Visitor(site.app, bearer(made["secret"]))
        for later_ms in (0, ends_ms + 1):
            assert (await make_token(token, expires_ms=later_ms))[0] == 403
        assert (await make_token(token, expires_ms=ends_ms - 1))[1]["token"]["expires_ms"] == ends_ms - 1
        assert (await make_token(token))[1]["token"]["expires_ms"] == ends_ms
        await site.admin.get("POST", "/api/v1/users", {"name": "ci", "kind": "service"})
        assert (await make_token(token, user="ci", expires_ms=0))[0] == 200  # which an administrator looks after
        _, endless = await make_token(site.admin, expires_ms=0)
        assert (await make_token(Visitor(site.app, bearer(endless["secret"])), expires_ms=0))[0] == 200

    on_site(tmp_path, work)


def test_who_brings_a_registered_model_over_manages_it_once(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        past = {"name": "churn", "versions": [{"version": 1, "source": "s3://bucket/m"}]}
        body = {"origin": "http://there", "model": past}
        importers = [await site.add(name, "admin") for name in ("ann", "bob")]
        found = [await one.get("POST", "/api/v1/registered-models/import", body) for one in importers]
        assert [one["is_new"] for one in found] == [True, False]
        on_it = {"target_kind": "registered_model", "target": "churn"}
        grants = (await site.admin.get("POST", "/api/v1/grants/search", on_it))["grants"]
        assert [(one["subject"], one["role"]) for one in grants] == [("ann", "manager")]

    on_site(tmp_path, work)


def test_a_run_by_the_name_of_a_hidden_experiment_learns_nothing_of_it(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await make_experiment(site, "hidden")
        eve, nobody = await site.add("eve", "contributor"), await site.add("nobody")
        asks = [{"experiment_name": name} for name in ("hidden", "free")]
        named = [await eve.ask("POST", "/api/v1/runs", body) for body in asks]
        assert [status for status, _ in named] == [409, 200]
        assert named[0] == await eve.ask("POST", "/api/v1/experiments", {"name": "hidden"})
        refused = [await nobody.ask("POST", "/api/v1/runs", body) for body in ({"experiment_name": "none"}, asks[0])]
        assert refused[0] == refused[1]
        assert refused[0][0] == 403

    on_site(tmp_path, work)


def test_the_figures_of_the_installation_are_not_for_readers_of_another_workspace(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/workspaces", {"name": "apart"})
        reader = await site.add("reader", "reader")
        eve = await site.add("eve")
        there = (b"x-trackway-workspace", b"apart")
        given = {"subject_kind": "user", "subject": "eve", "target_kind": "workspace", "role": "reader"}
        assert (await site.admin.ask("POST", "/api/v1/grants", given, there))[0] == 200
        assert (await eve.ask("POST", "/api/v1/runs/search", {}, there))[0] == 200
        assert (await eve.ask("GET", "/metrics", None, there))[0] == 403
        assert (await eve.ask("GET", "/metrics"))[0] == 403
        assert (await reader.ask("GET", "/metrics"))[0] == 200

    on_site(tmp_path, work)
