"""The routes that are no operations of the native door: which operations each stands for, and a good request to it."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from tests.server.access import PASSWORD
from tests.server.rights.ground import Things, Whole

FIELD = re.compile(r"\{(\w+)(:path)?\}")
PREFIX = re.compile(r"/(?:ajax-)?api/[23]\.0/(?:preview/)?mlflow(?P<artifacts>-artifacts)?/")


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""

    @property
    def text(self) -> str:
        return f"{self.path} {self.query} {self.body.decode()}"


EVENTS = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
MODEL = {"artifact_path": "m", "utc_time_created": "now", "flavors": {}}
PLACES = "users.current workspaces.list"
MLFLOW = {
    "GET experiments/get": "experiments.get",
    "GET experiments/get-by-name": "experiments.get_by_name",
    "GET experiments/list": "experiments.search",
    "GET experiments/search": "experiments.search",
    "POST experiments/search": "experiments.search",
    "POST experiments/create": "experiments.create",
    "POST experiments/update": "experiments.get experiments.update",
    "POST experiments/delete": "experiments.delete",
    "POST experiments/restore": "experiments.restore",
    "POST experiments/set-experiment-tag": "experiments.set_tags",
    "POST experiments/delete-experiment-tag": "experiments.delete_tag",
    "POST experiments/search-datasets": "datasets.search",
    "POST runs/create": "runs.create",
    "POST runs/update": "runs.update",
    "POST runs/delete": "runs.delete",
    "POST runs/restore": "runs.restore",
    "GET runs/get": "runs.get",
    "GET runs/search": "runs.search",
    "POST runs/search": "runs.search",
    "POST runs/set-tag": "runs.ingest",
    "POST runs/delete-tag": "runs.delete_tag",
    "POST runs/log-parameter": "runs.ingest",
    "POST runs/log-inputs": "runs.ingest",
    "POST runs/outputs": "runs.get runs.ingest",
    "POST runs/log-model": "runs.get runs.ingest",
    "POST runs/log-metric": "runs.ingest",
    "POST runs/log-batch": "runs.ingest",
    "GET metrics/get-history": "metrics.history",
    "GET metrics/get-history-bulk": "metrics.history",
    "GET metrics/get-history-bulk-interval": "metrics.history",
    "POST logged-models": "logged_models.create",
    "POST logged-models/search": "logged_models.search",
    "GET logged-models/{model_id}": "logged_models.get",
    "PATCH logged-models/{model_id}": "logged_models.update",
    "DELETE logged-models/{model_id}": "logged_models.delete",
    "PATCH logged-models/{model_id}/tags": "logged_models.set_tags",
    "DELETE logged-models/{model_id}/tags/{tag_key:path}": "logged_models.delete_tag",
    "POST logged-models/{model_id}/params": "logged_models.log_params",
    "GET logged-models/{model_id}/artifacts/directories": "logged_models.get artifacts.list",
    "GET logged-models/{model_id}/artifacts/files": "logged_models.get artifacts.get",
    "POST registered-models/create": "registered_models.create",
    "POST registered-models/rename": "registered_models.rename",
    "PATCH registered-models/update": "registered_models.update",
    "DELETE registered-models/delete": "registered_models.delete",
    "GET registered-models/get": "registered_models.get",
    "GET registered-models/search": "registered_models.search",
    "GET registered-models/list": "registered_models.search",
    "GET registered-models/get-latest-versions": "registered_models.latest_versions",
    "POST registered-models/get-latest-versions": "registered_models.latest_versions",
    "POST registered-models/set-tag": "registered_models.set_tags",
    "DELETE registered-models/delete-tag": "registered_models.delete_tag",
    "POST registered-models/alias": "registered_models.set_alias",
    "DELETE registered-models/alias": "registered_models.delete_alias",
    "GET registered-models/alias": "model_versions.get_by_alias",
    "POST model-versions/create": "model_versions.create",
    "PATCH model-versions/update": "model_versions.update",
    "POST model-versions/transition-stage": "model_versions.transition",
    "DELETE model-versions/delete": "model_versions.delete",
    "GET model-versions/get": "model_versions.get",
    "GET model-versions/search": "model_versions.search",
    "GET model-versions/get-download-uri": "model_versions.get",
    "POST model-versions/set-tag": "model_versions.set_tags",
    "DELETE model-versions/delete-tag": "model_versions.delete_tag",
    "GET model-versions/get-artifact": "model_versions.get artifacts.get",
    "GET artifacts/list": "runs.get artifacts.list",
    "POST upload-artifact": "runs.get artifacts.commit_upload",
    "GET get-artifact": "runs.get artifacts.get",
    "GET proxy/artifacts": "artifacts.list",
    "GET proxy/artifacts/{path:path}": "artifacts.get",
    "PUT proxy/artifacts/{path:path}": "artifacts.commit_upload",
    "DELETE proxy/artifacts/{path:path}": "artifacts.delete",
    "POST webhooks": "webhooks.create",
    "GET webhooks": "webhooks.list",
    "GET webhooks/{webhook_id}": "webhooks.get",
    "PATCH webhooks/{webhook_id}": "webhooks.update",
    "DELETE webhooks/{webhook_id}": "webhooks.delete",
    "POST webhooks/{webhook_id}/test": "webhooks.test webhooks.get_delivery",
    "POST users/create": "users.create",
    "GET users/get": "users.current users.get workspace-grants",
    "GET users/list": "users.list",
    "GET users/current": "users.current",
    "PATCH users/update-password": "users.set_password",
    "PATCH users/update-admin": "users.update",
    "DELETE users/delete": "users.delete",
    "POST users/permissions/grant": "grants.create",
    "POST users/permissions/revoke": "grants.list grants.delete",
    "GET users/permissions/get": "grants.list",
    "GET users/permissions/list": "workspace-grants",
    "POST experiments/permissions/create": "grants.list grants.create",
    "GET experiments/permissions/get": "grants.list",
    "PATCH experiments/permissions/update": "grants.list grants.create",
    "DELETE experiments/permissions/delete": "grants.list grants.delete",
    "POST registered-models/permissions/create": "grants.list grants.create",
    "GET registered-models/permissions/get": "grants.list",
    "PATCH registered-models/permissions/update": "grants.list grants.create",
    "DELETE registered-models/permissions/delete": "grants.list grants.delete",
    "POST artifacts/presigned-download-url": "runs.get",
    "POST artifacts/presigned-upload-url": "runs.get",
    "POST proxy/mpu/create/{folder:path}": "",
    "POST proxy/mpu/complete/{folder:path}": "",
    "POST proxy/mpu/abort/{folder:path}": "",
    "GET proxy/presigned/{path:path}": "",
    "GET workspaces": "workspaces.list",
    "POST workspaces": "workspaces.create",
    "GET workspaces/{workspace_name}": "workspaces.get",
    "PATCH workspaces/{workspace_name}": "workspaces.update",
    "DELETE workspaces/{workspace_name}": "workspaces.delete",
    "POST roles/create": "teams.create workspace-grants",
    "GET roles/get": f"{PLACES} teams.list workspace-grants",
    "GET roles/list": "teams.list workspace-grants",
    "PATCH roles/update": f"{PLACES} teams.list teams.update workspace-grants",
    "DELETE roles/delete": f"{PLACES} teams.list teams.delete",
    "POST roles/permissions/add": f"{PLACES} teams.list workspace-grants grants.create",
    "DELETE roles/permissions/remove": f"{PLACES} teams.list workspace-grants grants.delete",
    "GET roles/permissions/list": f"{PLACES} teams.list workspace-grants",
    "PATCH roles/permissions/update": f"{PLACES} teams.list workspace-grants grants.create",
    "POST roles/assign": f"{PLACES} teams.list teams.add_member",
    "DELETE roles/unassign": f"{PLACES} teams.list teams.remove_member",
    "GET users/current/permissions": f"{PLACES} grants.list_own",
    "GET users/roles/list": f"{PLACES} workspace-grants teams.list",
    "GET roles/users/list": f"{PLACES} teams.list",
}
"""The operations that a route of MLflow's protocol calls for, in this order, by method and path behind a prefix.

``workspace-grants`` is a list of all the grants of the workspace.
"""
NOT_OFFERED = ("artifacts/presigned-download-url", "artifacts/presigned-upload-url", "proxy/mpu/", "proxy/presigned/")
"""Which transfers need an object store: whoever may ask is told that there is none."""
LOOK_BACK = ("POST roles/create", "POST webhooks/{webhook_id}/test")
"""These read what they have made, which a store that undoes everything has not."""
FILES = {
    "PUT /api/v1/files/{path:path}": "artifacts.commit_upload",
    "GET /api/v1/files/{path:path}": "artifacts.get",
    "DELETE /api/v1/files/{path:path}": "artifacts.delete",
    "GET /api/v1/previews/{path:path}": "artifacts.get",
    "GET /api/v1/archives/{path:path}": "artifacts.list",
    "POST /api/v1/uploads/{path:path}": "artifacts.begin_upload artifacts.create_multipart",
    "PUT /api/v1/uploads/{upload_id}/{number}/{path:path}": "artifacts.get_multipart",
    "GET /api/v1/uploads/{upload_id}/{path:path}": "artifacts.get_multipart",
    "PATCH /api/v1/uploads/{upload_id}/{path:path}": "artifacts.get_multipart artifacts.get artifacts.commit_upload",
    "DELETE /api/v1/uploads/{upload_id}/{path:path}": "artifacts.get_multipart artifacts.close_multipart",
}


def find_operations(method: str, path: str) -> str:
    """Return what a route stands for; empty for one that stands for no operation.

    raises: KeyError for a route that nobody has said anything of
    """
    key = f"{method} {path}"
    if path == "/api/v1/events":
        return "experiments.get registered_models.get"
    if key in FILES:
        return FILES[key]
    if path.startswith("/scim/v2/"):
        return _find_provisioning(method, path.removeprefix("/scim/v2/"))
    return MLFLOW[f"{method} {shorten(path)}"]


def shorten(path: str) -> str:
    """Return a path of MLflow's protocol without its prefix."""
    found = PREFIX.match(path)
    if found is None:
        return path.removeprefix("/")
    return f"{'proxy/' if found['artifacts'] else ''}{path[found.end() :]}"


def _find_provisioning(method: str, rest: str) -> str:
    if rest == ".search":
        return "provisioning.list_users provisioning.list_teams"
    kind = {"Users": "user", "Groups": "team"}[rest.partition("/")[0]]
    reads = f"provisioning.list_{kind}s"
    if method == "GET" or rest.endswith(".search"):
        return reads
    act = f"provisioning.{'delete' if method == 'DELETE' else 'set'}_{kind}"
    return act if rest in ("Users", "Groups") else f"{reads} {act}"


def make_other(method: str, path: str, t: Things, w: Whole) -> Asked:
    """Return the request of a route that is no operation of the native door."""
    if path.startswith("/scim/v2/"):
        return _make_scim(method, path, w)
    if path == "/api/v1/events":
        return Asked(method, path, urlencode({"experiment": t.experiment, "model": t.name}))
    if f"{method} {path}" in FILES:
        return _make_file(method, path, t)
    if f"{method} {shorten(path)}" in MLFLOW:
        return _make_mlflow(method, path, t, w)
    return Asked(method, FIELD.sub("x", path))


def _make_described(path: str) -> Asked:
    """Ask for one of the kinds of resources, or what it looks like."""
    name = "User" if "ResourceTypes" in path else "urn:ietf:params:scim:schemas:core:2.0:User"
    return Asked("GET", FIELD.sub(name, path))


def _make_scim(method: str, path: str, w: Whole) -> Asked:
    if "{name}" in path:
        return _make_described(path)
    is_user = "Users" in path
    filled = FIELD.sub(str(w.victim if is_user else w.team), path)
    one: dict[str, Any] = {"schemas": [f"urn:ietf:params:scim:schemas:core:2.0:{'User' if is_user else 'Group'}"]}
    name = "fresh" if method == "POST" else "victim" if is_user else "team"
    one |= {"userName" if is_user else "displayName": name}
    if path.endswith(".search"):
        one = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 5}
    if method == "PATCH":
        change = {"op": "replace", "path": "externalId", "value": "x"}
        one = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [change]}
    return Asked(method, filled, body=b"" if method in ("GET", "DELETE") else json.dumps(one).encode())


def _make_file(method: str, path: str, t: Things) -> Asked:
    file = t.file if "archives" not in path else t.file.rpartition("/")[0]
    values = {"path": file, "upload_id": t.upload, "number": "1"}
    filled = FIELD.sub(lambda found: quote(values[found[1]]), path)
    body = {"PUT": b"x", "PATCH": json.dumps({"parts": t.parts}).encode()}
    return Asked(method, filled, body=body.get(method, b""))


def _make_mlflow(method: str, path: str, t: Things, w: Whole) -> Asked:
    key = f"{method} {shorten(path)}"
    sent = _list_values(t, w) | SPECIAL.get(key, lambda *_: {})(t, w)
    filled = FIELD.sub(lambda found: quote(str(sent[found[1]])), path)
    if method == "GET" or key == "POST upload-artifact":
        plain = {name: value for name, value in sent.items() if not isinstance(value, list)}
        pairs = [*plain.items(), ("run_ids", t.run)]
        return Asked(method, filled, urlencode(pairs), b"x" if method == "POST" else b"")
    if method == "PUT":
        return Asked(method, filled, body=b"x")
    return Asked(method, filled, body=json.dumps(sent).encode())


def _list_values(t: Things, w: Whole) -> dict[str, Any]:
    return {
        "experiment_id": t.experiment, "experiment_ids": [t.experiment], "run_id": t.run, "model_id": t.logged_model,
        "experiment_name": t.name_of_experiment, "new_name": "fresh", "key": "t", "value": "1", "tag_key": "t",
        "name": t.name, "version": "1", "alias": "best", "stage": "Staging", "webhook_id": w.webhook,
        "path": t.file, "folder": t.file.rpartition("/")[0],
        "metric_key": "m", "username": "victim", "password": PASSWORD, "role_id": w.team,
        "role_permission_id": int(w.team_grant), "permission": "EDIT", "max_results": 10, "is_admin": False,
    }  # fmt: skip


SPECIAL: dict[str, Any] = {
    "POST experiments/create": lambda *_: {"name": "fresh"},
    "POST experiments/restore": lambda t, _: {"experiment_id": t.gone_experiment},
    "POST runs/restore": lambda t, _: {"run_id": t.gone_run},
    "POST runs/update": lambda *_: {"status": "FINISHED"},
    "POST runs/log-parameter": lambda *_: {"key": "new"},
    "POST runs/log-inputs": lambda *_: {"datasets": [{"dataset": {"name": "d", "digest": "e", "source": "s"}}]},
    "POST runs/outputs": lambda t, _: {"models": [{"model_id": t.logged_model, "step": 0}]},
    "POST runs/log-model": lambda t, _: {
        "model_json": json.dumps({"run_id": t.run, "artifact_path": "m", "utc_time_created": "now", "flavors": {}})
    },
    "POST runs/log-metric": lambda *_: {"key": "m", "value": 1.0, "timestamp": 1, "step": 1},
    "POST runs/log-batch": lambda *_: {"params": [{"key": "new", "value": "1"}]},
    "POST logged-models": lambda *_: {"name": "fresh"},
    "PATCH logged-models/{model_id}": lambda *_: {"status": "LOGGED_MODEL_READY"},
    "PATCH logged-models/{model_id}/tags": lambda *_: {"tags": [{"key": "a", "value": "b"}]},
    "POST logged-models/{model_id}/params": lambda *_: {"params": [{"key": "a", "value": "b"}]},
    "GET logged-models/{model_id}/artifacts/files": lambda *_: {"artifact_file_path": "page.html"},
    "POST registered-models/create": lambda *_: {"name": "fresh"},
    "POST model-versions/create": lambda *_: {"source": "s3://bucket/m", "run_id": ""},
    "GET model-versions/get-artifact": lambda *_: {"path": "page.html"},
    "POST artifacts/presigned-upload-url": lambda *_: {"model_id": ""},
    "GET artifacts/list": lambda *_: {"path": ""},
    "POST upload-artifact": lambda *_: {"path": "new.txt"},
    "GET get-artifact": lambda *_: {"path": "page.html"},
    "GET proxy/artifacts": lambda t, _: {"path": t.file.rpartition("/")[0]},
    "POST webhooks": lambda *_: {"name": "fresh", "url": "https://hooks.example.org/", "events": EVENTS},
    "PATCH webhooks/{webhook_id}": lambda *_: {"name": "other"},
    "POST webhooks/{webhook_id}/test": lambda *_: {},
    "POST users/create": lambda *_: {"username": "fresh"},
    "POST users/permissions/grant": lambda t, _: {"resource_type": "experiment", "resource_id": t.experiment},
    "POST users/permissions/revoke": lambda t, _: {"resource_type": "experiment", "resource_id": t.experiment},
    "GET users/permissions/get": lambda t, _: {"resource_type": "experiment", "resource_id": t.experiment},
    "POST experiments/permissions/create": lambda *_: {"username": "other"},
    "POST registered-models/permissions/create": lambda *_: {"username": "other"},
    "POST workspaces": lambda *_: {"name": "fresh"},
    "GET workspaces/{workspace_name}": lambda *_: {"workspace_name": "elsewhere"},
    "PATCH workspaces/{workspace_name}": lambda *_: {"workspace_name": "elsewhere", "description": "x"},
    "DELETE workspaces/{workspace_name}": lambda *_: {"workspace_name": "empty"},
    "POST roles/create": lambda *_: {"name": "fresh", "workspace": "default"},
    "GET roles/list": lambda *_: {"workspace": "default"},
    "PATCH roles/update": lambda *_: {"name": "team", "description": "x"},
    "POST roles/permissions/add": lambda t, _: {"resource_type": "experiment", "resource_pattern": t.gone_experiment},
    "POST roles/assign": lambda *_: {"username": "other"},
}
"""What a route is sent beside, or instead of, what ``_list_values`` says."""
