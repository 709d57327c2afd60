"""Users who come from elsewhere: who they are here, which teams they are in, and when their sessions end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from trackway.api.retention import AuditEntry
from trackway.auth.credentials import SESSION_MS, digest, mint
from trackway.auth.oidc import External
from trackway.auth.users import check_user_name
from trackway.base.clock import Clock, now_ms
from trackway.base.errors import PermissionDenied
from trackway.store.access import UserRow
from trackway.store.base import Store, Transaction

WORKSPACE = "default"


class Origin(NamedTuple):
    """Where and by which request somebody signs in; the session that the browser had before ends."""

    address: str
    request_id: str
    replaced: str = ""


class Federation:
    """Opens and ends sessions of users whom a provider names.

    A user is bound to the provider's subject at the first sign-in, not to a name, which may be somebody else's later.
    A name that is here already is only taken over when it has no password and is bound to nobody.

    teams:  groups of the provider to teams here, in which members are whom the provider says, from each sign-in on
    admins: group whose members are administrators; empty leaves that to this server
    """

    def __init__(self, store: Store, teams: Mapping[str, str], admins: str, clock: Clock = now_ms) -> None:
        self._store = store
        self._teams = teams
        self._admins = admins
        self._clock = clock

    def sign_in(self, external: External, origin: Origin) -> str:
        """Open a session and return its secret.

        raises: PermissionDenied for a user who is disabled, or whose name is somebody else's; InvalidInput for a name
                that cannot be one here
        """

        def work(tx: Transaction) -> str:
            user = self._find_user(tx, external)
            if user.disabled:
                raise PermissionDenied("This user is disabled", hint="ask an administrator")
            self._follow(tx, user, external)
            if origin.replaced:
                tx.access.delete_credential(digest(origin.replaced))
            secret, row = mint("session", user.pk, self._clock(), SESSION_MS, name=external.sid)
            tx.access.add_credential(row)
            self._record(tx, "session.open", user.name, origin)
            return secret

        return self._store.write(work)

    def end_sessions(self, issuer: str, subject: str, sid: str, origin: Origin) -> int:
        """End the sessions that a provider's logout is about; return how many."""

        def work(tx: Transaction) -> int:
            pk = tx.access.find_identity(issuer, subject) if subject else None
            if subject and pk is None:
                return 0
            ended = tx.access.end_sessions(pk, sid)
            if ended:
                user = tx.access.get_user(pk) if pk else None
                self._record(tx, "session.end", user.name if user else "unknown", origin)
            return ended

        return self._store.write(work)

    def _find_user(self, tx: Transaction, external: External) -> UserRow:
        pk = tx.access.find_identity(external.issuer, external.subject)
        if pk is None:
            pk = self._bind(tx, external)
        user = tx.access.get_user(pk)
        assert user is not None
        return user

    def _bind(self, tx: Transaction, external: External) -> int:
        check_user_name(external.name)
        there = tx.access.find_user(external.name)
        if there is None:
            pk = tx.access.create_user(external.name, "user", "", False, self._clock(), f"oidc:{external.issuer}")
            assert pk is not None
        else:
            pk = there.pk
            if there.password or there.kind != "user" or tx.access.has_identity(pk):
                raise PermissionDenied(
                    f"The name {external.name!r} belongs to another user of this server",
                    hint="an administrator can delete that user, or have the provider send another name",
                )
        tx.access.add_identity(external.issuer, external.subject, pk)
        return pk

    def _follow(self, tx: Transaction, user: UserRow, external: External) -> None:
        """Have teams and the right of an administrator be as the provider says."""
        if self._admins:
            is_admin = self._admins in external.groups
            if is_admin != user.is_admin:
                tx.access.update_user(user.pk, is_admin, user.disabled)
        wanted = {team for group, team in self._teams.items() if group in external.groups}
        for team in sorted(set(self._teams.values())):
            pk = tx.access.find_team(WORKSPACE, team)
            if pk is None and team in wanted:
                tx.access.create_team(WORKSPACE, team)
                pk = tx.access.find_team(WORKSPACE, team)
            if pk is None:
                continue
            is_member = user.name in tx.access.list_members(pk)
            if team in wanted and not is_member:
                tx.access.add_member(pk, user.pk)
            elif team not in wanted and is_member:
                tx.access.remove_member(pk, user.pk)

    def _record(self, tx: Transaction, operation: str, name: str, origin: Origin) -> None:
        entry = AuditEntry(
            time_ms=self._clock(),
            actor=f"user:{name}",
            operation=operation,
            object=name,
            request_id=origin.request_id,
            address=origin.address,
            detail="oidc",
        )
        tx.housekeeping.append_audit(WORKSPACE, entry)
