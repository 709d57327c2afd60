"""The policy of grants: deny by default, and what may not be seen is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trackway.api.calls import Call
from trackway.api.operations import Operation
from trackway.api.structs import Request
from trackway.auth.ownership import WATCHED, settle
from trackway.auth.quotas import check_quota
from trackway.auth.rights import Rights, load_rights, refuse_credential
from trackway.auth.snapshots import digest_response, digest_target
from trackway.auth.targets import CHECKS, EXTRA, AdmittedCall
from trackway.auth.veils import VEILED, veil
from trackway.base.errors import NotFound, PermissionDenied, Unauthenticated
from trackway.store.base import Transaction

Denied = Callable[[Call, Operation[Any, Any], Request], None]
BEYOND_WORKSPACES = ("system", "provisioning", "self")
"""Targets of which a role in a workspace says nothing."""
KEPT = 10_000
"""Most credentials whose rights are kept in memory."""


class GrantPolicy:
    """Decides by users, roles and grants. See ``dispatch.Policy``.

    denied: told of each call that was refused for want of a right

    What a credential permits is kept in memory and compared with the version of access in each transaction, so that a
    change counts at once, on every server.
    """

    watched = WATCHED
    veiled = VEILED

    def __init__(self, denied: Denied) -> None:
        self._denied = denied
        self._kept: dict[tuple[str, str], Rights] = {}

    def knows(self, credential: str, workspace: str, now_ms: int) -> bool:
        """Tell whether a credential was valid when it was last looked at, and has not ended by time."""
        rights = self._kept.get((credential, workspace))
        return rights is not None and (not rights.expires_ms or rights.expires_ms > now_ms)

    def admit(self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request) -> Call:
        """Return the call with its actor and sight.

        raises: Unauthenticated; NotFound for what the actor may not see; PermissionDenied; RateLimited beyond a quota
        """
        rights = self.find_rights(tx, call)
        access = operation.access
        admitted = AdmittedCall(
            actor=rights.actor,
            workspace=call.workspace,
            request_id=call.request_id,
            now_ms=call.now_ms,
            credential=call.credential,
            address=call.address,
            sees=rights.sees,
            rights=rights,
        )
        try:
            if not access.lists and (access.permission not in rights.workspace or access.target in BEYOND_WORKSPACES):
                CHECKS[access.target](tx, admitted, access, request)
            if rights.exceeded:
                check_quota(rights.exceeded, operation, request)
            extra = EXTRA.get(operation.name)
            return admitted if extra is None else extra(tx, admitted, request)
        except (NotFound, PermissionDenied):
            self._denied(admitted, operation, request)
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

        raises: Unauthenticated
        """
        if not call.credential:
            raise Unauthenticated("Sign in first", hint="send a token, or a user name and password")
        key = (call.credential, call.workspace)
        rights = self._kept.get(key)
        if rights is None or rights.version != tx.access.version():
            self._kept.pop(key, None)
            rights = load_rights(tx, *key, call.now_ms)
            if not tx.access.changed:  # what may still be undone is not kept
                if len(self._kept) >= KEPT:
                    self._kept.clear()
                self._kept[key] = rights
        if rights.expires_ms and rights.expires_ms <= call.now_ms:
            self._kept.pop(key, None)
            raise refuse_credential()
        return rights


def _makes(operation: Operation[Any, Any]) -> bool:
    targets = ("workspace", "grant", "file", "provisioning")
    return operation.access.target in targets or operation.name.endswith(".create")
