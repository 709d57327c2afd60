"""The rules of workspaces: which one a call is for, and what is done with them."""

from __future__ import annotations

import re

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import workspaces as w
from trackway.api.calls import EVERYTHING, Call
from trackway.api.structs import Empty
from trackway.auth.places import find_workspace, list_entered, miss_workspace
from trackway.auth.rights import load_rights
from trackway.auth.users import find_caller, find_user
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, PermissionDenied
from trackway.rules.checks import check_text
from trackway.rules.handlers import Handlers
from trackway.store.access import GrantRow
from trackway.store.base import Transaction
from trackway.store.workspaces import DEFAULT

ERASED_AT_ONCE = 1_000
"""Most runs, files and other things that one call erases: bounds how long others wait."""
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


class WorkspaceService:
    """Handlers of the operations on workspaces."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.CREATE_WORKSPACE: self.create,
            ops.LIST_WORKSPACES: self.list_workspaces,
            ops.GET_WORKSPACE: self.get,
            ops.UPDATE_WORKSPACE: self.update,
            ops.DELETE_WORKSPACE: self.delete,
            ops.ERASE_WORKSPACE: self.erase,
            ops.EXPORT_WORKSPACE: self.export,
            ops.CHOOSE_WORKSPACE: self.choose,
        }

    def create(self, tx: Transaction, call: Call, q: w.CreateWorkspace) -> w.Workspace:
        """Create a workspace, and make users its administrators."""
        check_workspace_name(q.name)
        check_text("The description", q.description, limits.COMMENT_CHARS)
        admins = [find_user(tx, name) for name in dict.fromkeys(q.admins)]
        if tx.workspaces.count() >= limits.WORKSPACES:
            raise Conflict(f"There are {limits.WORKSPACES:,} workspaces, which is the most", hint="delete one")
        made = w.Workspace(name=q.name, description=q.description, created_ms=call.now_ms, created_by=call.actor.label)
        key = tx.workspaces.create(made)
        if key is None:
            raise _taken(q.name)
        for admin in admins:
            row = GrantRow(key, "user", admin.pk, "workspace", "", "admin", call.now_ms, call.actor.label)
            tx.access.put_grant(row)
        return made

    def list_workspaces(self, tx: Transaction, call: Call, _q: w.ListWorkspaces) -> w.WorkspaceList:
        """List the workspaces that the caller may enter."""
        found = tx.workspaces.list()
        if call.credential:
            rights = load_rights(tx, call.credential, call.workspace, call.now_ms)
            user = tx.access.get_user(rights.user_pk)
            entered = {rights.bound} if rights.bound else list_entered(tx, user) if user else set()
            found = [one for one in found if one[0] in entered]
        return w.WorkspaceList(workspaces=[workspace for _, workspace in found])

    def get(self, tx: Transaction, call: Call, q: w.WorkspaceName) -> w.Workspace:
        """Get a workspace that the caller may enter."""
        for one in self.list_workspaces(tx, call, w.ListWorkspaces()).workspaces:
            if one.name == q.name:
                return one
        raise miss_workspace(q.name)

    def update(self, tx: Transaction, call: Call, q: w.UpdateWorkspace) -> w.Workspace:
        """Rename, describe, archive or open again."""
        found = find_workspace(tx, q.name)
        if found.key == DEFAULT.key and (q.new_name not in (None, DEFAULT.name) or q.archived):
            raise InvalidInput("The default workspace keeps its name and stays open")
        if q.new_name is not None:
            check_workspace_name(q.new_name)
        if q.description is not None:
            check_text("The description", q.description, limits.COMMENT_CHARS)
        was = tx.workspaces.show(found.key)
        changed = w.Workspace(
            name=was.name if q.new_name is None else q.new_name,
            description=was.description if q.description is None else q.description,
            created_ms=was.created_ms,
            created_by=was.created_by,
            archived=was.archived if q.archived is None else q.archived,
        )
        if not tx.workspaces.update(found.key, changed, call.now_ms if changed.archived else None):
            raise _taken(changed.name)
        tx.access.touch()
        return changed

    def delete(self, tx: Transaction, _call: Call, q: w.WorkspaceName) -> Empty:
        """Delete a workspace that has nothing, with its teams, roles, grants and audit log."""
        found = find_workspace(tx, q.name)
        if found.key == DEFAULT.key:
            raise InvalidInput("The default workspace stays")
        if content := tx.workspaces.find_content(found.key):
            raise Conflict(f"The workspace {q.name!r} has {content}", hint="delete and purge them, or archive it")
        tx.workspaces.delete(found.key)
        tx.access.touch()
        return Empty()

    def erase(self, tx: Transaction, _call: Call, q: w.EraseWorkspace) -> w.ErasedWorkspace:
        """Remove a part of what an archived workspace has; with the last of it, the workspace."""
        found = find_workspace(tx, q.name)
        if found.key == DEFAULT.key:
            raise InvalidInput("The default workspace stays")
        if q.dry_run:
            return tx.erasure.measure(found.key)
        if not found.archived:
            raise Conflict(
                f"The workspace {q.name!r} is not archived", hint="archive it first, so that nothing is added"
            )
        if tx.holds.list(found.key):
            raise Conflict(f"The workspace {q.name!r} has legal holds", hint="they must be released first")
        removed = tx.erasure.erase_some(found.key, ERASED_AT_ONCE)
        if tx.workspaces.find_content(found.key):
            return removed
        end = tx.erasure.measure(found.key)  # of the audit log, which goes now
        tx.workspaces.delete(found.key)
        tx.access.touch()
        return msgspec.structs.replace(
            removed, complete=True, audit_entries=end.audit_entries, audit_hash=end.audit_hash
        )

    def export(self, tx: Transaction, call: Call, _q: w.ExportWorkspace) -> w.WorkspaceContent:
        """Say what there is, to who can see all of it: a copy that silently lacks what is hidden would deceive."""
        if call.sees != EVERYTHING:
            raise PermissionDenied(
                "This needs the permission 'read' on the whole workspace", hint="its administrators can give you a role"
            )
        found = tx.erasure.measure(call.workspace)
        trimmed, trimmed_hash = tx.housekeeping.find_trimmed(call.workspace)
        return w.WorkspaceContent(
            workspace=tx.workspaces.show(call.workspace),
            key=call.workspace,
            experiments=found.experiments,
            runs=found.runs,
            logged_models=found.logged_models,
            registered_models=found.registered_models,
            files=found.files,
            file_bytes=found.file_bytes,
            audit_entries=found.audit_entries,
            audit_hash=found.audit_hash,
            audit_trimmed=trimmed,
            audit_trimmed_hash=trimmed_hash,
        )

    def choose(self, tx: Transaction, call: Call, q: w.WorkspaceName) -> w.Workspace:
        """Set the workspace that the caller's requests are for when they name none."""
        chosen = self.get(tx, call, q)
        tx.access.set_home(find_caller(tx, call).pk, find_workspace(tx, q.name).key)
        return chosen


def check_workspace_name(name: str) -> None:
    """Check the name of a workspace: it is a part of addresses.

    raises: InvalidInput
    """
    if len(name) > limits.WORKSPACE_NAME_CHARS or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"Invalid name of a workspace {name[:80]!r}",
            hint=f"1 to {limits.WORKSPACE_NAME_CHARS} small letters, digits and hyphens, no hyphen at an end",
        )


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"There is a workspace {name!r} already", hint="choose another name")
