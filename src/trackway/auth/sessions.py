"""The rules of sessions: where somebody is signed in, how each ends, and who has tried."""

from __future__ import annotations

from trackway.api import access as c
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.retention import AuditEntry, SearchAudit
from trackway.api.structs import Empty
from trackway.auth.authenticator import SYSTEM
from trackway.auth.users import find_owner
from trackway.base.errors import NotFound
from trackway.rules.checks import check_page
from trackway.rules.handlers import Handlers
from trackway.store.access import CredentialRow
from trackway.store.base import Transaction
from trackway.store.paging import Page

_OUTCOMES: dict[str, c.SignInOutcome] = {
    "session.open": "opened",
    "invitation.accept": "joined",
    "session.refuse": "refused",
}
"""What the audit log has of who signs in, and what that is called here."""


class SessionService:
    """Handlers of the operations on sessions."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.LIST_SESSIONS: self.list_sessions,
            ops.DELETE_SESSION: self.delete,
            ops.DELETE_OTHER_SESSIONS: self.delete_others,
            ops.LIST_SIGN_INS: self.list_sign_ins,
        }

    def list_sessions(self, tx: Transaction, call: Call, q: c.ListSessions) -> c.SessionList:
        """List sessions that count."""
        user = find_owner(tx, call, q.user)
        rows = [row for row in tx.access.list_credentials(user.pk, "session") if row.expires_ms > call.now_ms]
        rows.sort(key=lambda row: (-row.used_ms, row.public_id))
        return c.SessionList(sessions=[_show(row, user.name, call) for row in rows])

    def delete(self, tx: Transaction, call: Call, q: c.SessionId) -> Empty:
        """End a session."""
        user = find_owner(tx, call, q.user)
        if not tx.access.delete_named(user.pk, "session", q.session_id):
            raise NotFound(f"There is no session {q.session_id[:64]!r}")
        return Empty()

    def delete_others(self, tx: Transaction, call: Call, q: c.DeleteOtherSessions) -> c.EndedSessions:
        """End all sessions but the one that asks."""
        user = find_owner(tx, call, q.user)
        others = [row for row in tx.access.list_credentials(user.pk, "session") if not _asks(row, call)]
        return c.EndedSessions(ended=sum(tx.access.delete_credential(row.digest) for row in others))

    def list_sign_ins(self, tx: Transaction, call: Call, q: c.ListSignIns) -> c.SignInList:
        """List sign-ins, of the user who has the name now alone."""
        check_page(q.limit, limits.SEARCH_PAGE)
        user = tx.access.show_user(find_owner(tx, call, q.user).pk)
        found: list[AuditEntry] = []
        for operation in _OUTCOMES:
            asked = SearchAudit(operation=operation, object=user.name, since_ms=user.created_ms)
            found += tx.housekeeping.search_audit(SYSTEM, asked, Page(q.limit))
        found.sort(key=lambda entry: -entry.number)
        return c.SignInList(
            sign_ins=[
                c.SignIn(
                    time_ms=entry.time_ms,
                    outcome=_OUTCOMES[entry.operation],
                    address=entry.address,
                    means=entry.detail,
                )
                for entry in found[: q.limit]
            ]
        )


def _asks(row: CredentialRow, call: Call) -> bool:
    return call.credential == f"session:{row.digest}"


def _show(row: CredentialRow, user: str, call: Call) -> c.OpenSession:
    return c.OpenSession(
        session_id=row.public_id,
        user=user,
        client=row.client,
        address=row.address,
        created_ms=row.created_ms,
        used_ms=row.used_ms,
        expires_ms=row.expires_ms,
        current=_asks(row, call),
    )
