"""Workspaces: what one has is as if it were not there for another."""

from __future__ import annotations

from trackway.api.structs import Request, Response


class Workspace(Response, frozen=True, kw_only=True):
    """A tenant of the installation; in an archived one nothing is changed any more."""

    name: str
    description: str
    created_ms: int
    created_by: str
    archived: bool = False


class CreateWorkspace(Request, frozen=True, kw_only=True):
    """Create a workspace, with users who have the role ``admin`` in it from the start."""

    name: str
    description: str = ""
    admins: list[str] = []


class ListWorkspaces(Request, frozen=True, kw_only=True):
    """List the workspaces in which the caller has any role; all of them for an administrator of the installation."""


class WorkspaceList(Response, frozen=True, kw_only=True):
    """Workspaces by name."""

    workspaces: list[Workspace]


class WorkspaceName(Request, frozen=True, kw_only=True):
    """Name a workspace."""

    name: str


class EraseWorkspace(Request, frozen=True, kw_only=True):
    """Remove an archived workspace with all that it has, a part at a time; ``dry_run`` only counts."""

    name: str
    dry_run: bool = False


class ErasedWorkspace(Response, frozen=True, kw_only=True):
    """What one call removed, or all that there is to remove.

    complete:       nothing is left, and the workspace itself is gone; else call again
    audit_entries, audit_hash: how many entries its audit log had, and the last one's hash
    """

    experiments: int = 0
    runs: int = 0
    logged_models: int = 0
    registered_models: int = 0
    files: int = 0
    file_bytes: int = 0
    webhooks: int = 0
    schedules: int = 0
    endpoints: int = 0
    audit_entries: int = 0
    audit_hash: str = ""
    complete: bool = False
    dry_run: bool = False


class ExportWorkspace(Request, frozen=True, kw_only=True):
    """Begin to take a copy of all that the caller's workspace has; only who may read all of it may."""


class WorkspaceContent(Response, frozen=True, kw_only=True):
    """What there is to copy, the trash with it.

    key:           what the hashes of its audit log are made with
    audit_entries: number of the last entry of that log before this call, whose hash is ``audit_hash``
    audit_trimmed: number of the last entry that was removed; its hash, with which the first that is left begins
    """

    workspace: Workspace
    key: str
    experiments: int
    runs: int
    logged_models: int
    registered_models: int
    files: int
    file_bytes: int
    audit_entries: int
    audit_hash: str
    audit_trimmed: int
    audit_trimmed_hash: str


class UpdateWorkspace(Request, frozen=True, kw_only=True):
    """Change a workspace; None leaves a field as it is."""

    name: str
    new_name: str | None = None
    description: str | None = None
    archived: bool | None = None
