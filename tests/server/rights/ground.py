"""What there is for the matrix of rights: one of everything, four times."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, NamedTuple

from tests.models.keys import Key
from tests.server.access import PASSWORD, Site, Visitor
from trackway.artifacts.signing import sign_files

ELSEWHERE = "elsewhere"
"""A second workspace."""
KEY = Key()
IN_ELSEWHERE = (b"x-trackway-workspace", ELSEWHERE.encode())


class Things(NamedTuple):
    """One object of each kind. ``word`` is in what they hold, and no request names it; ``""`` where nothing is."""

    word: str
    experiment: str
    gone_experiment: str
    run: str
    gone_run: str
    logged_model: str
    name: str
    comment: str
    request: str
    server: str
    tick: str
    file: str
    upload: str
    name_of_experiment: str
    parts: list[Any]
    trash: str
    bundle: str
    idle: str

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what nobody learns who may not see them; a request may have named it."""
        return (self.run, self.gone_run, self.logged_model, self.name, self.name_of_experiment)


ABSENT = Things(
    *("", "987654", "987655", "e" * 32, "f" * 32, "m-" + "e" * 32, "absent", "987", "987", "s", "987"),
    *("987654/x/artifacts/x.txt", "e" * 32, "absent-experiment", [], "e" * 32, "", "absent-idle"),
)


class Whole(NamedTuple):
    """What belongs to the workspace, or to the installation."""

    webhook: str
    delivery: str
    hold: str
    grant: str
    team: int
    team_grant: str
    tick: str
    token: str
    session: str
    victim: int


class Builder:
    """Makes things as the administrator of the installation, in a workspace."""

    def __init__(self, site: Site, *workspace: tuple[bytes, bytes]) -> None:
        self._asker = Visitor(site.app, *site.admin.headers, *workspace)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        return await self._asker.get(method, f"/api/v1{path}", body)

    async def send(self, method: str, path: str, body: bytes) -> Any:
        status, answer = await self._asker.app.send(method, f"/api/v1{path}", body, headers=self._asker.headers)
        assert status == 200, answer
        return json.loads(answer)

    async def make(self, word: str) -> Things:
        """Make one of everything, whose names begin with a word."""
        hushed = f"hushed-{word}"
        name = f"{word}-thing"
        kept = await self.ask("POST", "/experiments", {"name": f"{word}-experiment", "tags": {"t": hushed}})
        gone = await self.ask("POST", "/experiments", {"name": f"{word}-gone"})
        experiment, gone_experiment = kept["experiment_id"], gone["experiment_id"]
        await self.ask("DELETE", f"/experiments/{gone_experiment}")
        run, gone_run = [await self._make_run(experiment, hushed, key) for key in (f"{word}-key", "")]
        await self.ask("PUT", f"/runs/{run}/links/retry_of/{gone_run}")
        await self.ask("DELETE", f"/runs/{gone_run}")
        model = {"experiment_id": experiment, "name": word, "tags": {"t": hushed}, "params": {"p": hushed}}
        logged = (await self.ask("POST", "/logged-models", model))["model_id"]
        file = f"{experiment}/{run}/artifacts/page.html"
        await self.send("PUT", f"/files/{file}", hushed.encode())
        await self.send("PUT", f"/files/{experiment}/{run}/artifacts/model/page.html", hushed.encode())
        await self.send("PUT", f"/files/{experiment}/models/{logged}/artifacts/page.html", hushed.encode())
        upload = (await self.send("POST", f"/uploads/{file}", b""))["upload_id"]
        part = await self.send("PUT", f"/uploads/{upload}/1/{file}", b"x")
        comment, request = await self._register(name, hushed, run)
        serving = {"server_id": "a", "model": name, "version": 1, "address": f"https://{hushed}.example.com"}
        await self.ask("POST", f"/endpoints/{name}/servers", serving)
        await self.ask("POST", f"/endpoints/{word}-idle/servers", serving)
        await self.ask("POST", f"/endpoints/{word}-idle/servers/a/end")
        plan = {"name": name, "cron": "0 2 1 1 *", "launch": {"uri": "./x", "params": {"p": hushed}}}
        await self.ask("POST", "/schedules", plan)
        tick = (await self.ask("POST", f"/schedules/{name}/ticks"))["tick_id"]
        await self.ask("POST", "/registered-models", {"name": f"{word}-given-up"})
        trash = (await self.ask("DELETE", f"/registered-models/{word}-given-up"))["trash_id"]
        bundle = sign_files(f"{name}-1", {"page.html": sha256(hushed.encode()).hexdigest()}, KEY.pem)
        return Things(
            *(hushed, experiment, gone_experiment, run, gone_run, logged, name, comment, request),
            *("a", tick, file, upload, f"{word}-experiment", [part], trash, bundle, f"{word}-idle"),
        )

    async def _make_run(self, experiment: str, hushed: str, key: str) -> str:
        body = {"experiment_id": experiment, "name": hushed, "external_key": key, "tags": {"t": hushed}}
        run = str((await self.ask("POST", "/runs", body))["run_id"])
        points = [{"key": "m", "value": 0.5, "timestamp": 1, "step": 1}]
        logged: dict[str, Any] = {"run_id": run, "params": [{"key": "p", "value": hushed}], "metrics": points}
        data = {"name": hushed, "digest": "d", "source_type": "local", "source": hushed}
        used: dict[str, Any] = {"run_id": run, "datasets": [{"dataset": data, "tags": []}]}
        for what, body in (("log-batch", logged), ("log-inputs", used)):
            await self._asker.get("POST", f"/api/2.0/mlflow/runs/{what}", body)
        return run

    async def _register(self, name: str, hushed: str, run: str) -> tuple[str, str]:
        """Register a model with a version that has all there is; return ids of a comment and a request."""
        model = f"/registered-models/{name}"
        await self.ask("POST", "/registered-models", {"name": name, "description": hushed, "tags": {"t": hushed}})
        version = {"source": f"runs:/{run}/model", "run_id": run, "description": hushed, "tags": {"t": hushed}}
        await self.ask("POST", f"{model}/versions", version)
        await self.ask("PUT", f"{model}/aliases/best", {"version": 1})
        comment = (await self.ask("POST", f"{model}/comments", {"text": hushed}))["comment_id"]
        asked = {"version": 1, "stage": "Staging", "comment": hushed}
        request = (await self.ask("POST", f"{model}/requests", asked))["request_id"]
        return str(comment), str(request)

    async def make_whole(self, things: Things, hidden: Things) -> Whole:
        """Make what belongs to the workspace or the installation."""
        hook = {"name": "hook", "url": "https://hooks.example.org/", "events": ["run.created"]}
        webhook = (await self.ask("POST", "/webhooks", hook))["webhook_id"]
        delivery = (await self.ask("POST", f"/webhooks/{webhook}/test"))["delivery_id"]
        await self.ask("POST", "/registered-models", {"name": "held"})
        held = {"target_kind": "registered_model", "target": "held", "reason": "case 17"}
        hold = (await self.ask("POST", "/holds", held))["hold_id"]
        for name in ("victim", "other"):
            await self.ask("POST", "/users", {"name": name, "password": PASSWORD})
        await self.ask("POST", "/teams", {"team": "team"})
        team = (await self.ask("GET", "/teams"))["teams"][0]["number"]
        await self.ask("PUT", "/teams/team/members/victim")
        await self.ask("PUT", "/roles/custom", {"permissions": ["read"]})
        grant, _ = [await self._give("user", "victim", one) for one in (things, hidden)]
        team_grant = await self._give("team", "team", things)
        await self.ask("POST", "/signing-keys", {"name": "key", "pem": KEY.public.decode()})
        tick = (await self.ask("POST", "/schedule-ticks/claim", {"holder": "me", "worker": "w"}))["tick"]["tick_id"]
        token = await self._make_token()
        session, victim = await self._sign_in()
        return Whole(
            *(webhook, delivery, hold, grant, team, team_grant, tick, token, session, victim),
        )

    async def _give(self, kind: str, name: str, things: Things) -> str:
        """Give a role on an experiment and a registered model; return the id of the first grant."""
        given = []
        for target_kind, target in (("experiment", things.experiment), ("registered_model", things.name)):
            grant = {"subject_kind": kind, "subject": name, "target_kind": target_kind, "target": target}
            given.append((await self.ask("POST", "/grants", grant | {"role": "reader"}))["grant_id"])
        return str(given[0])

    async def _make_token(self) -> str:
        await self.ask("POST", "/users", {"name": "builder", "kind": "service"})
        return str((await self.ask("POST", "/tokens", {"name": "t", "user": "builder"}))["token"]["token_id"])

    async def _sign_in(self) -> tuple[str, int]:
        """Have somebody signed in with a browser; return the session's id and the user's number."""
        shown = {"name": "victim", "password": PASSWORD}
        assert (await Visitor(self._asker.app).ask("POST", "/api/v1/session", shown))[0] == 200
        sessions = (await self.ask("GET", "/sessions?user=victim"))["sessions"]
        return str(sessions[0]["session_id"]), int((await self.ask("GET", "/users/victim"))["number"])
