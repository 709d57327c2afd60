"""Workspaces as this protocol's clients of 3.x manage them."""

from __future__ import annotations

from trackway.api import operations as ops
from trackway.api import workspaces as w
from trackway.base.errors import NotSupported
from trackway.http.messages import HttpRequest, HttpResponse
from trackway.server.calls import Caller, Handler
from trackway.server.mlflow.codec import Message, Needed
from trackway.server.mlflow.encoders import encode
from trackway.server.mlflow.endpoints import answer


class Create(Message, frozen=True, kw_only=True):
    """Create a workspace."""

    name: Needed
    description: str = ""
    default_artifact_root: str = ""


class ByName(Message, frozen=True, kw_only=True):
    """Name a workspace."""

    workspace_name: Needed


class Update(Message, frozen=True, kw_only=True):
    """Describe a workspace."""

    workspace_name: Needed
    description: str | None = None
    default_artifact_root: str = ""


class ListAll(Message, frozen=True, kw_only=True):
    """List workspaces."""


async def list_all(call: Caller, _m: ListAll) -> bytes:
    """List the workspaces that the caller has a role in."""
    found = await call(ops.LIST_WORKSPACES, w.ListWorkspaces())
    return encode({"workspaces": [_show(one) for one in found.workspaces]})


async def get(call: Caller, m: ByName) -> bytes:
    """Get a workspace."""
    return encode({"workspace": _show(await call(ops.GET_WORKSPACE, w.WorkspaceName(name=m.workspace_name)))})


async def update(call: Caller, m: Update) -> bytes:
    """Describe a workspace."""
    _refuse_root(m.default_artifact_root)
    request = w.UpdateWorkspace(name=m.workspace_name, description=m.description)
    return encode({"workspace": _show(await call(ops.UPDATE_WORKSPACE, request))})


async def _create(call: Caller, m: Create) -> bytes:
    _refuse_root(m.default_artifact_root)
    made = await call(ops.CREATE_WORKSPACE, w.CreateWorkspace(name=m.name, description=m.description))
    return encode({"workspace": _show(made)})


async def _delete(call: Caller, m: ByName) -> bytes:
    await call(ops.DELETE_WORKSPACE, w.WorkspaceName(name=m.workspace_name))
    return b""


async def create(request: HttpRequest, call: Caller) -> HttpResponse:
    """Create a workspace; this protocol answers with 201."""
    made = await _answer_create(request, call)
    made.status = 201
    return made


async def delete(request: HttpRequest, call: Caller) -> HttpResponse:
    """Delete a workspace that has nothing; this protocol answers with 204."""
    mode = dict(request.query_items()).get("mode", "RESTRICT")
    if mode != "RESTRICT":
        raise NotSupported(
            f"Deleting a workspace with the mode {mode[:40]!r} is not offered", hint="empty it first: mode RESTRICT"
        )
    done = await _answer_delete(request, call)
    done.status = 204
    return done


_answer_create: Handler = answer(Create, _create)
_answer_delete: Handler = answer(ByName, _delete)


def _show(workspace: w.Workspace) -> dict[str, str]:
    return {"name": workspace.name, "description": workspace.description}


def _refuse_root(root: str) -> None:
    if root:
        raise NotSupported("Where artifacts are kept is the operator's to say", hint="leave default_artifact_root out")
