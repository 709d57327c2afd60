"""The policy of grants: deny by default, and what may not be seen is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trackway.api.calls import Call
from trackway.api.operations import Operation
from trackway.api.structs import Request
from trackway.auth.advice import advise
from trackway.auth.ownership import WATCHED, settle
from trackway.auth.places import BEYOND_WORKSPACES, check_open, miss_workspace
from trackway.auth.quotas import check_quota
from trackway.auth.reads import SensitiveReads
from trackway.auth.rights import Rights, enter_workspace, refuse_credential
from trackway.auth.snapshots import digest_response, digest_target
from trackway.auth.targets import CHECKS, EXTRA, AdmittedCall
from trackway.auth.veils import VEILED, veil
from trackway.base.errors import NotFound, PermissionDenied, Unauthenticated
from trackway.store.base import Transaction

Denied = Callable[[Call, Operation[Any, Any], Request], None]
KEPT = 10_000
"""Most credentials whose rights are kept in memory."""


class GrantPolicy:
    """Decides by users, roles and grants. See ``dispatch.Policy``.

    denied: told of each call that was refused for want of a right
    reads:  says which reads leave an entry in the audit log

    What a credential permits is kept in memory and compared with the version of access in each transaction, so that a
    change counts at once, on every server.
    """

    watched = WATCHED
    veiled = VEILED

    def __init__(self, denied: Denied, reads: SensitiveReads | None = None) -> None:
        self._denied = denied
        self._reads = reads or SensitiveReads()
        self.sensitive = self._reads.operations
        self.find_read = self._reads.find
        self.note_read = self._reads.note
        self._kept: dict[str, dict[str, Rights]] = {}

    def knows(self, credential: str, now_ms: int) -> bool:
        """Tell whether a credential was valid when it was last looked at, and has not ended by time."""
        kept = list(self._kept.get(credential, {}).values())  # at once, as other threads add to it
        return any(_lasts(rights, now_ms) for rights in kept)

    def find_kept(self, credential: str, workspace: str, now_ms: int) -> Rights | None:
        """Return what a credential permitted in a workspace (as named) when that was last looked at; see ``knows``."""
        rights = self._kept.get(credential, {}).get(workspace)
        return rights if rights is not None and _lasts(rights, now_ms) else None

    def admit(self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request) -> Call:
        """Return the call with its actor and sight.

        raises: Unauthenticated; NotFound for what the actor may not see, or a workspace that it may not enter; Conflict
                in one that is archived; PermissionDenied; RateLimited beyond a quota
        """
        rights = self.find_rights(tx, call)
        access, permitted = operation.access, rights.workspace
        admitted = AdmittedCall(
            actor=rights.actor,
            workspace=rights.place.key,
            workspace_name=rights.place.name,
            request_id=call.request_id,
            now_ms=call.now_ms,
            credential=call.credential,
            address=call.address,
            idempotency_key=call.idempotency_key,
            sees=rights.sees,
            rights=rights,
        )
        try:
            # A right on the whole workspace is enough whatever a call is about, with that to read: without, its actor
            # may not even know of the object.
            everywhere = access.permission in permitted and "read" in permitted
            if not access.lists and (not everywhere or access.target in BEYOND_WORKSPACES):
                CHECKS[access.target](tx, admitted, access, request)
            if rights.place.archived:
                check_open(rights.place, operation)
            if rights.exceeded:
                check_quota(rights.exceeded, operation, request)
            extra = EXTRA.get(operation.name)
            return admitted if extra is None else extra(tx, admitted, request)
        except (NotFound, PermissionDenied) as error:
            tx.access.confirm()
            self._denied(admitted, operation, request)
            if isinstance(error, PermissionDenied):
                advise(tx, rights, access, error)
            raise

    def settle(
        self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request, response: Any
    ) -> None:
        """Have grants follow what an operation of ``watched`` did."""
        assert isinstance(call, AdmittedCall)
        settle(tx, call, operation, request, response)

    def veil(self, call: Call, response: Any) -> Any:
        """Return an answer of ``veiled`` without what its reader may not see."""
        assert isinstance(call, AdmittedCall)
        return veil(call, response)

    def digest(
        self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request, response: Any = None
    ) -> str:
        """Return a digest of what an operation is about, as it is now; of what was made, when that has no name yet."""
        found = digest_target(tx, call, operation, request)
        return found or (digest_response(response) if response is not None and _makes(operation) else "")

    def find_rights(self, tx: Transaction, call: Call) -> Rights:
        """Return what a call's credential permits.

        raises: Unauthenticated; NotFound for a workspace that it may not enter
        """
        if not call.credential:
            raise Unauthenticated("Sign in first", hint="send a token, or a user name and password")
        kept = self._kept.get(call.credential)
        rights = kept.get(call.workspace) if kept else None
        if rights is None or rights.version != tx.access.version():
            self._kept.pop(call.credential, None)
            rights = enter_workspace(tx, call.credential, call.workspace, call.now_ms)
            if rights is None:
                raise miss_workspace(call.workspace)
            if not tx.access.changed:  # what may still be undone is not kept
                if len(self._kept) >= KEPT:
                    self._kept.clear()
                self._kept.setdefault(call.credential, {})[call.workspace] = rights
        if not _lasts(rights, call.now_ms):
            self._kept.pop(call.credential, None)
            raise refuse_credential()
        return rights


def _lasts(rights: Rights, now_ms: int) -> bool:
    return not rights.expires_ms or rights.expires_ms > now_ms


def _makes(operation: Operation[Any, Any]) -> bool:
    targets = ("workspace", "grant", "file", "provisioning")
    return operation.access.target in targets or operation.name.endswith(".create")
