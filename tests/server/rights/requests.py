"""A good request for every route, about the things that are there: who may make it gets what it asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from tests.server.access import PASSWORD
from tests.server.rights.doors import Asked, make_other
from tests.server.rights.ground import KEY, Things, Whole
from trackway.api.operations import OPERATIONS, Operation
from trackway.http.messages import Route

FIELD = re.compile(r"\{(\w+)(:path)?\}")
NATIVE: dict[tuple[str, str], Operation[Any, Any]] = {
    (one.method, f"/api/v1{one.path}"): one for one in OPERATIONS if not one.internal
}
Body = Callable[[Things, Whole], dict[str, Any]]
PLAN = {"cron": "0 2 * * *", "launch": {"uri": "./x"}}
PAST = {"versions": [{"version": 1, "source": "s3://bucket/m"}]}
ENVIRONMENT = {"python": "3.12", "implementation": "x", "platform": "x", "host": "x"}
RULE = {"stage": "Production", "evaluation": True}


def _list_values(t: Things, w: Whole) -> dict[str, Any]:
    """Return what a field stands for wherever it is; what an operation means by it otherwise is in ``BODIES``."""
    return {
        "experiment_id": t.experiment, "experiment_ids": [t.experiment], "run_id": t.run, "run_ids": [t.run],
        "model_id": t.logged_model, "name": t.name, "version": 1, "alias": "best", "comment_id": t.comment,
        "request_id": t.request, "server_id": t.server, "tick_id": t.tick, "path": t.file,
        "folder": t.file.rpartition("/")[0], "upload_id": t.upload, "number": "1", "webhook_id": w.webhook,
        "delivery_id": w.delivery, "hold_id": w.hold, "grant_id": w.grant, "trash_id": t.trash,
        "trash_ids": [t.trash], "team": "team", "user": "victim",
        "role": "custom", "key": "t", "tags": {"a": "b"}, "params": {"a": "b"}, "text": "x", "status": "FINISHED",
        "stage": "Staging", "decision": "approve", "reason": "x", "token_id": "0" * 32, "session_id": "0" * 32,
        "limit": 10, "older_than_ms": 1, "before_ms": 1, "trash_ms": 86_400_000_000, "kind": "run", "id": t.run,
        "password": PASSWORD, "target": t.experiment, "target_kind": "experiment", "subject_kind": "user",
        "subject": "victim", "permissions": ["read"],
    }  # fmt: skip


def _named(name: str) -> Body:
    return lambda _t, _w: {"name": name}


BODIES: dict[str, Body] = {
    "experiments.create": _named("fresh"),
    "experiments.update": _named("fresh"),
    "experiments.get_by_name": lambda t, _: {"name": t.name_of_experiment},
    "experiments.restore": lambda t, _: {"experiment_id": t.gone_experiment},
    "experiments.purge": lambda t, _: {"experiment_ids": [t.gone_experiment]},
    "runs.create": lambda t, _: {"experiment_id": t.experiment},
    "runs.find": lambda t, _: {"external_key": t.name_of_experiment.replace("experiment", "key")},
    "runs.restore": lambda t, _: {"run_id": t.gone_run},
    "runs.purge": lambda t, _: {"run_ids": [t.gone_run]},
    "runs.table": lambda t, _: {"experiment_ids": [t.experiment]},
    "runs.search": lambda t, _: {"experiment_ids": [t.experiment]},
    "runs.index": lambda t, _: {"experiment_ids": [t.experiment]},
    "runs.group": lambda t, _: {"experiment_ids": [t.experiment], "by": ["tags.t"]},
    "runs.list_fields": lambda t, _: {"experiment_ids": [t.experiment]},
    "runs.list_values": lambda t, _: {"experiment_ids": [t.experiment], "entity": "param", "key": "p"},
    "runs.link": lambda t, _: {"kind": "uses", "earlier_run_id": t.gone_run},
    "runs.unlink": lambda t, _: {"kind": "retry_of", "earlier_run_id": t.gone_run},
    "runs.correct_param": lambda *_: {"key": "p", "value": "x"},
    "runs.log_environment": lambda *_: {"environment": ENVIRONMENT},
    "metrics.history": lambda *_: {"key": "m"},
    "metrics.curves": lambda *_: {"key": "m"},
    "logged_models.update": lambda *_: {"status": "READY"},
    "registered_models.create": _named("fresh"),
    "registered_models.rename": lambda *_: {"new_name": "fresh"},
    "registered_models.set_policy": lambda *_: {"rules": [RULE]},
    "registered_models.import": lambda *_: {"origin": "http://there", "model": PAST | {"name": "fresh"}},
    "model_versions.create": lambda *_: {"source": "s3://bucket/m"},
    "model_versions.copy": lambda t, _: {"to": t.name},
    "model_versions.attest": lambda *_: {"what": "evaluation"},
    "model_versions.sign": lambda t, _: {"bundle": t.bundle},
    "signing_keys.create": lambda *_: {"name": "fresh", "pem": KEY.public.decode()},
    "signing_keys.delete": _named("key"),
    "registered_models.request_transition": lambda *_: {"stage": "Staging"},
    "endpoints.delete": lambda t, _: {"name": t.idle},
    "endpoints.announce": lambda t, _: {"model": t.name},
    "webhooks.create": lambda *_: {"name": "fresh", "url": "https://hooks.example.org/", "events": ["run.created"]},
    "schedules.create": lambda *_: PLAN | {"name": "fresh"},
    "schedules.claim": lambda *_: {"holder": "me", "worker": "w"},
    "schedules.report": lambda _, w: {"tick_id": w.tick, "holder": "me", "state": "running"},
    "holds.create": lambda t, _: {"target_kind": "workspace", "target": "", "reason": "x"},
    "users.create": _named("fresh"),
    "users.get": _named("victim"),
    "users.update": lambda *_: {"name": "victim", "disabled": True},
    "users.delete": _named("victim"),
    "users.erase": _named("victim"),
    "users.invite": _named("victim"),
    "users.set_password": _named("victim"),
    "users.change_password": lambda *_: {"current": PASSWORD, "password": "another horse battery"},
    "tokens.list": lambda *_: {"user": "victim"},
    "tokens.create": lambda *_: {"name": "t", "user": "builder"},
    "tokens.delete": lambda _, w: {"user": "builder", "token_id": w.token},
    "sessions.list": lambda *_: {"user": "victim"},
    "sessions.delete": lambda _, w: {"user": "victim", "session_id": w.session},
    "sessions.delete_others": lambda *_: {"user": "victim"},
    "sign_ins.list": lambda *_: {"user": "victim"},
    "workspaces.create": _named("fresh"),
    "workspaces.get": _named("elsewhere"),
    "workspaces.update": lambda *_: {"name": "elsewhere", "description": "x"},
    "workspaces.delete": _named("empty"),
    "workspaces.erase": lambda *_: {"name": "shut", "dry_run": True},
    "workspaces.choose": _named("elsewhere"),
    "teams.create": lambda *_: {"team": "fresh"},
    "grants.create": lambda t, _: {"subject": "victim", "target": t.experiment, "role": "editor"},
    "grants.list": lambda t, _: {"target_kind": "experiment", "target": t.experiment},
    "access.explain": lambda t, _: {"user": "victim", "operation": "runs.get", "target": t.run},
}  # fmt: skip
"""What an operation is sent beside, or instead of, what ``_list_values`` says of the fields that it must have."""


def make_native(operation: Operation[Any, Any], t: Things, w: Whole) -> Asked:
    """Return the request of an operation of the native door."""
    special = BODIES[operation.name](t, w) if operation.name in BODIES else {}
    in_path = [name for name, _ in FIELD.findall(operation.path)]
    values = _list_values(t, w)
    if operation.name == "experiments.update":
        special = {"name": "fresh", "experiment_id": t.experiment}
    fields = {one.name for one in msgspec.structs.fields(operation.request) if one.required}
    sent = {name: values[name] for name in fields if name in values and name not in special} | special
    path = FIELD.sub(lambda found: quote(str(sent.get(found[1], values.get(found[1]))), safe=""), operation.path)
    rest = {name: value for name, value in sent.items() if name not in in_path}
    if operation.method == "GET":
        return Asked("GET", f"/api/v1{path}", urlencode(rest))
    return Asked(operation.method, f"/api/v1{path}", body=json.dumps(rest).encode())


def make_request(route: Route[Any], t: Things, w: Whole) -> Asked:
    """Return the request of any route."""
    operation = NATIVE.get((route.method, route.path))
    if operation is not None:
        return make_native(operation, t, w)
    return make_other(route.method, route.path, t, w)
