"""Every route of this protocol that is served, under each of its prefixes, and the features that are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from trackway.base.errors import NotSupported
from trackway.http.messages import HttpRequest, HttpResponse, RouteAccess
from trackway.server.calls import Caller, Handler, Route
from trackway.server.mlflow import (
    artifacts,
    experiments,
    logged_models,
    metrics,
    registry,
    roles,
    runs,
    transfers,
    users,
    webhooks,
    workspaces,
)
from trackway.server.mlflow.artifacts import ArtifactHandlers, Files
from trackway.server.mlflow.encoders import encode
from trackway.server.mlflow.endpoints import answer, answer_query
from trackway.server.mlflow.errors import encode_error
from trackway.server.mlflow.transfers import TransferHandlers
from trackway.server.uploads import DirectTransfers

CURRENT = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow")
FIRST = (*CURRENT, "/api/2.0/preview/mlflow", "/ajax-api/2.0/preview/mlflow")
"""Where clients of the first generation look."""
THIRD = ("/api/3.0/mlflow", "/ajax-api/3.0/mlflow")
AJAX = ("/ajax-api/2.0/mlflow",)
PROXY = ("/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts")
ROOT = ("",)

MISSING: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "tracing": ((*CURRENT, *THIRD), ("traces", "unified-traces", "get-online-trace-details", "get-trace-artifact")),
    "trace export": (ROOT, ("v1/traces",)),
    "evaluation data sets": (THIRD, ("datasets",)),
    "scorers": (THIRD, ("scorers", "scorer", "genai")),
    "issues": (THIRD, ("issues",)),
    "label schemas": (THIRD, ("label-schemas",)),
    "review queues": (THIRD, ("review-queues",)),
    "prompt optimisation": (THIRD, ("prompt-optimization",)),
    "the AI gateway": (THIRD, ("gateway",)),
    "the MCP registry": (THIRD, ("mcp-servers",)),
    "GraphQL": (ROOT, ("graphql",)),
}
"""Features of this protocol that this server does not offer: their prefixes and first path segments."""


class Entry(NamedTuple):
    """One operation of the protocol: where it is, what answers it, and who may come (see ``http.messages.Route``)."""

    prefixes: tuple[str, ...]
    method: str
    path: str
    handler: Handler
    streams: bool = False
    access: RouteAccess = "operation"


def list_routes(files: Files, direct: DirectTransfers) -> list[Route]:
    """Return the routes; ``files`` carries the bytes of artifacts, ``direct`` what goes past this server."""
    entries = [
        *_list_experiments(),
        *_list_runs(),
        *_list_metrics(),
        *_list_logged_models(files),
        *_list_registered_models(),
        *_list_model_versions(files),
        *_list_artifacts(files),
        *_list_webhooks(),
        *_list_users(),
        *_list_permissions(),
        *_list_roles(),
        *_list_workspaces(),
        *_list_transfers(TransferHandlers(direct)),
        Entry(THIRD, "GET", "/server-info", _tell_features(direct.enabled), access="public"),
        *_list_missing(),
    ]
    return [
        Route(entry.method, prefix + entry.path, entry.handler, encode_error, entry.streams, entry.access)
        for entry in entries
        for prefix in entry.prefixes
    ]


def _tell_features(direct: bool) -> Handler:
    """Return the handler that says which optional features there are."""
    info = {
        "store_type": "SqlStore",
        "workspaces_enabled": True,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": direct,
        "multipart_downloads_enabled": direct,
        # These two say which fields such a request may have, not whether an address will be had.
        "presigned_upload_run_id_supported": True,
        "presigned_upload_model_id_supported": True,
        "features_enabled": {"gateway": False},
    }
    body = encode(info)

    async def get_server_info(_request: HttpRequest, _call: Caller) -> HttpResponse:
        return HttpResponse(body=body)

    return get_server_info


def _list_experiments() -> list[Entry]:
    e = experiments
    return [
        Entry(FIRST, "GET", "/experiments/get", answer_query(e.ById, e.get)),
        Entry(FIRST, "GET", "/experiments/get-by-name", answer_query(e.ByName, e.get_by_name)),
        Entry(FIRST, "GET", "/experiments/list", answer_query(e.ListAll, e.list_all)),
        Entry(FIRST, "GET", "/experiments/search", answer_query(e.Search, e.search)),
        Entry(FIRST, "POST", "/experiments/search", answer(e.Search, e.search)),
        Entry(FIRST, "POST", "/experiments/create", answer(e.Create, e.create)),
        Entry(FIRST, "POST", "/experiments/update", answer(e.Rename, e.rename)),
        Entry(FIRST, "POST", "/experiments/delete", answer(e.ById, e.delete)),
        Entry(FIRST, "POST", "/experiments/restore", answer(e.ById, e.restore)),
        Entry(FIRST, "POST", "/experiments/set-experiment-tag", answer(e.SetTag, e.set_tag)),
        Entry(CURRENT, "POST", "/experiments/delete-experiment-tag", answer(e.DeleteTag, e.delete_tag)),
        Entry(AJAX, "POST", "/experiments/search-datasets", answer(e.FindDatasets, e.search_datasets)),
    ]


def _list_runs() -> list[Entry]:
    r = runs
    found = r.RunSearch()
    return [
        Entry(FIRST, "POST", "/runs/create", answer(r.Create, r.create)),
        Entry(FIRST, "POST", "/runs/update", answer(r.Update, r.update)),
        Entry(FIRST, "POST", "/runs/delete", answer(r.ById, r.delete)),
        Entry(FIRST, "POST", "/runs/restore", answer(r.ById, r.restore)),
        Entry(FIRST, "GET", "/runs/get", answer_query(r.ById, r.get)),
        Entry(FIRST, "POST", "/runs/search", answer(r.Search, found.search)),
        Entry(FIRST[2:], "GET", "/runs/search", answer_query(r.Search, found.search)),
        Entry(FIRST, "POST", "/runs/set-tag", answer(r.SetTag, r.set_tag)),
        Entry(FIRST, "POST", "/runs/delete-tag", answer(r.DeleteTag, r.delete_tag)),
        Entry(FIRST, "POST", "/runs/log-parameter", answer(r.LogParam, r.log_param)),
        Entry(CURRENT, "POST", "/runs/log-inputs", answer(r.LogInputs, r.log_inputs)),
        Entry(CURRENT, "POST", "/runs/outputs", answer(r.LogOutputs, r.log_outputs)),
        Entry(FIRST, "POST", "/runs/log-model", answer(logged_models.LogModel, logged_models.ModelHistory().append)),
    ]


def _list_metrics() -> list[Entry]:
    m = metrics
    return [
        Entry(FIRST, "POST", "/runs/log-metric", answer(m.LogMetric, m.log_metric)),
        Entry(FIRST, "POST", "/runs/log-batch", answer(m.LogBatch, m.log_batch, plain=m.PlainBatch)),
        Entry(FIRST, "GET", "/metrics/get-history", answer_query(m.History, m.get_history)),
        Entry(AJAX, "GET", "/metrics/get-history-bulk", answer_query(m.BulkHistory, m.get_bulk_history)),
        Entry(CURRENT, "GET", "/metrics/get-history-bulk-interval", answer_query(m.Interval, m.get_interval)),
    ]


def _list_logged_models(files: Files) -> list[Entry]:
    m, model = logged_models, "/logged-models/{model_id}"
    download = ArtifactHandlers(files).download_model_file
    return [
        Entry(CURRENT, "POST", "/logged-models", answer(m.Create, m.create)),
        Entry(CURRENT, "POST", "/logged-models/search", answer(m.Search, m.search)),
        Entry(CURRENT, "GET", model, answer_query(m.ById, m.get)),
        Entry(CURRENT, "PATCH", model, answer(m.Finalize, m.finalize, path_in_body=True)),
        Entry(CURRENT, "DELETE", model, answer(m.ById, m.delete)),
        Entry(CURRENT, "PATCH", f"{model}/tags", answer(m.SetTags, m.set_tags)),
        Entry(CURRENT, "DELETE", f"{model}/tags/{{tag_key:path}}", answer(m.DeleteTag, m.delete_tag)),
        Entry(CURRENT, "POST", f"{model}/params", answer(m.LogParams, m.log_params, path_in_body=True)),
        Entry(
            CURRENT,
            "GET",
            f"{model}/artifacts/directories",
            answer_query(artifacts.ListModelFiles, artifacts.list_model),
        ),
        Entry(AJAX, "GET", f"{model}/artifacts/files", download, streams=True),
    ]


def _list_registered_models() -> list[Entry]:
    r, model = registry, "/registered-models"
    latest = f"{model}/get-latest-versions"
    return [
        Entry(FIRST, "POST", f"{model}/create", answer(r.CreateModel, r.create_model)),
        Entry(FIRST, "POST", f"{model}/rename", answer(r.RenameModel, r.rename_model)),
        Entry(FIRST, "PATCH", f"{model}/update", answer(r.UpdateModel, r.update_model)),
        Entry(FIRST, "DELETE", f"{model}/delete", answer(r.ModelName, r.delete_model)),
        Entry(FIRST, "GET", f"{model}/get", answer_query(r.ModelName, r.get_model)),
        Entry(FIRST, "GET", f"{model}/search", answer_query(r.SearchModels, r.search_models)),
        Entry(FIRST, "GET", f"{model}/list", answer_query(r.ListModels, r.list_models)),
        Entry(FIRST, "GET", latest, answer_query(r.LatestVersions, r.get_latest)),
        Entry(FIRST, "POST", latest, answer(r.LatestVersions, r.get_latest)),
        Entry(FIRST, "POST", f"{model}/set-tag", answer(r.SetModelTag, r.set_model_tag)),
        Entry(FIRST, "DELETE", f"{model}/delete-tag", answer(r.DeleteModelTag, r.delete_model_tag)),
        Entry(CURRENT, "POST", f"{model}/alias", answer(r.SetAlias, r.set_alias)),
        Entry(CURRENT, "DELETE", f"{model}/alias", answer(r.Alias, r.delete_alias)),
        Entry(CURRENT, "GET", f"{model}/alias", answer_query(r.Alias, r.get_by_alias)),
    ]


def _list_model_versions(files: Files) -> list[Entry]:
    r, version = registry, "/model-versions"
    return [
        Entry(FIRST, "POST", f"{version}/create", answer(r.CreateVersion, r.create_version)),
        Entry(FIRST, "PATCH", f"{version}/update", answer(r.UpdateVersion, r.update_version)),
        Entry(FIRST, "POST", f"{version}/transition-stage", answer(r.Transition, r.transition)),
        Entry(FIRST, "DELETE", f"{version}/delete", answer(r.Version, r.delete_version)),
        Entry(FIRST, "GET", f"{version}/get", answer_query(r.Version, r.get_version)),
        Entry(FIRST, "GET", f"{version}/search", answer_query(r.SearchVersions, r.search_versions)),
        Entry(FIRST, "GET", f"{version}/get-download-uri", answer_query(r.Version, r.get_download_uri)),
        Entry(FIRST, "POST", f"{version}/set-tag", answer(r.SetVersionTag, r.set_version_tag)),
        Entry(FIRST, "DELETE", f"{version}/delete-tag", answer(r.DeleteVersionTag, r.delete_version_tag)),
        Entry(
            (*ROOT, *AJAX),
            "GET",
            f"{version}/get-artifact",
            ArtifactHandlers(files).download_version_file,
            streams=True,
        ),
    ]


def _list_artifacts(files: Files) -> list[Entry]:
    a, handlers = artifacts, ArtifactHandlers(files)
    return [
        Entry(FIRST, "GET", "/artifacts/list", answer_query(a.ListRunFiles, a.list_run)),
        Entry(AJAX, "POST", "/upload-artifact", handlers.upload_run_file, streams=True),
        Entry((*ROOT, *AJAX), "GET", "/get-artifact", handlers.download_run_file, streams=True),
        Entry(PROXY, "GET", "/artifacts", answer_query(a.ListTree, a.list_tree)),
        Entry(PROXY, "GET", "/artifacts/{path:path}", handlers.download, streams=True),
        Entry(PROXY, "PUT", "/artifacts/{path:path}", handlers.upload, streams=True),
        Entry(PROXY, "DELETE", "/artifacts/{path:path}", handlers.delete),
    ]


def _list_transfers(handlers: TransferHandlers) -> list[Entry]:
    t, url = transfers, "/artifacts/presigned"
    return [
        Entry(CURRENT, "POST", f"{url}-upload-url", answer(t.PresignUpload, handlers.presign_upload)),
        Entry(CURRENT, "POST", f"{url}-download-url", answer(t.PresignDownload, handlers.presign_download)),
        Entry(PROXY, "POST", "/mpu/create/{folder:path}", answer(t.CreateParts, handlers.create)),
        Entry(PROXY, "POST", "/mpu/complete/{folder:path}", answer(t.CompleteParts, handlers.complete)),
        Entry(PROXY, "POST", "/mpu/abort/{folder:path}", answer(t.AbortParts, handlers.abort)),
        Entry(PROXY, "GET", "/presigned/{path:path}", handlers.sign),
    ]


def _list_webhooks() -> list[Entry]:
    w, webhook = webhooks, "/webhooks/{webhook_id}"
    return [
        Entry(CURRENT, "POST", "/webhooks", answer(w.Create, w.create)),
        Entry(CURRENT, "GET", "/webhooks", answer_query(w.ListAll, w.list_all)),
        Entry(CURRENT, "GET", webhook, answer_query(w.ById, w.get)),
        Entry(CURRENT, "PATCH", webhook, answer(w.Update, w.update)),
        Entry(CURRENT, "DELETE", webhook, answer(w.ById, w.delete)),
        Entry(CURRENT, "POST", f"{webhook}/test", answer(w.Test, w.test)),
    ]


def _list_users() -> list[Entry]:
    u = users
    return [
        Entry(CURRENT, "POST", "/users/create", answer(u.Create, u.create)),
        Entry(CURRENT, "GET", "/users/get", answer_query(u.ByName, u.get)),
        Entry(CURRENT, "GET", "/users/list", answer_query(u.Nothing, u.list_all)),
        Entry(CURRENT, "GET", "/users/current", answer_query(u.Nothing, u.get_current)),
        Entry(CURRENT, "PATCH", "/users/update-password", answer(u.SetPassword, u.set_password)),
        Entry(CURRENT, "PATCH", "/users/update-admin", answer(u.SetAdmin, u.set_admin)),
        Entry(CURRENT, "DELETE", "/users/delete", answer(u.ByName, u.delete)),
    ]


def _list_workspaces() -> list[Entry]:
    w, workspace = workspaces, "/workspaces/{workspace_name}"
    return [
        Entry(THIRD, "GET", "/workspaces", answer_query(w.ListAll, w.list_all)),
        Entry(THIRD, "POST", "/workspaces", w.create),
        Entry(THIRD, "GET", workspace, answer_query(w.ByName, w.get)),
        Entry(THIRD, "PATCH", workspace, answer(w.Update, w.update)),
        Entry(THIRD, "DELETE", workspace, w.delete),
    ]


def _list_permissions() -> list[Entry]:
    """Permissions of one user on one object: as clients up to 3.16 ask for them, and as later ones do."""
    u, grants = users, "/users/permissions"
    entries = [
        Entry(THIRD, "POST", f"{grants}/grant", answer(u.OnResource, u.grant)),
        Entry(THIRD, "POST", f"{grants}/revoke", answer(u.OnResource, u.revoke)),
        Entry(THIRD, "GET", f"{grants}/get", answer_query(u.OnResource, u.get_permission)),
        Entry(THIRD, "GET", f"{grants}/list", answer_query(u.ByName, u.list_permissions)),
    ]
    kinds: list[tuple[str, Any, users.Permissions]] = [
        ("/experiments/permissions", u.OnExperiment, u.Permissions("experiment")),
        ("/registered-models/permissions", u.OnModel, u.Permissions("registered_model")),
    ]
    for path, message, one in kinds:
        entries += [
            Entry(CURRENT, "POST", f"{path}/create", answer(message, one.create)),
            Entry(CURRENT, "GET", f"{path}/get", answer_query(message, one.get)),
            Entry(CURRENT, "PATCH", f"{path}/update", answer(message, one.update)),
            Entry(CURRENT, "DELETE", f"{path}/delete", answer(message, one.delete)),
        ]
    return entries


def _list_roles() -> list[Entry]:
    r, permissions = roles, "/roles/permissions"
    return [
        Entry(THIRD, "POST", "/roles/create", answer(r.Create, r.create)),
        Entry(THIRD, "GET", "/roles/get", answer_query(r.ById, r.get)),
        Entry(THIRD, "GET", "/roles/list", answer_query(r.InWorkspace, r.list_all)),
        Entry(THIRD, "PATCH", "/roles/update", answer(r.Update, r.update)),
        Entry(THIRD, "DELETE", "/roles/delete", answer(r.ById, r.delete)),
        Entry(THIRD, "POST", f"{permissions}/add", answer(r.Add, r.add_permission)),
        Entry(THIRD, "DELETE", f"{permissions}/remove", answer(r.ByPermission, r.remove_permission)),
        Entry(THIRD, "GET", f"{permissions}/list", answer_query(r.ById, r.list_permissions)),
        Entry(THIRD, "PATCH", f"{permissions}/update", answer(r.Change, r.update_permission)),
        Entry(THIRD, "POST", "/roles/assign", answer(r.Assign, r.assign)),
        Entry(THIRD, "DELETE", "/roles/unassign", answer(r.Assign, r.unassign)),
        Entry(THIRD, "GET", "/users/current/permissions", answer_query(users.Nothing, r.list_own_permissions)),
        Entry(THIRD, "GET", "/users/roles/list", answer_query(users.ByName, r.list_of_user)),
        Entry(THIRD, "GET", "/roles/users/list", answer_query(r.ById, r.list_users)),
    ]


def _list_missing() -> Iterator[Entry]:
    for feature, (prefixes, roots) in MISSING.items():
        handler = _refuse(feature)
        for root in roots:
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                yield Entry(prefixes, method, f"/{root}", handler, access="known")
                yield Entry(prefixes, method, f"/{root}/{{rest:path}}", handler, access="known")


def _refuse(feature: str) -> Handler:
    async def refuse(_request: HttpRequest, _call: Caller) -> HttpResponse:
        raise NotSupported(f"This server does not offer this part of the protocol: {feature}")

    return refuse
