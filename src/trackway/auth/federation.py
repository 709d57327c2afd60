"""Users who come from elsewhere: who they are here, which teams they are in, and when their sessions end."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from trackway.api import operations as ops
from trackway.api.retention import AuditEntry
from trackway.auth.credentials import digest, open_session
from trackway.auth.external import External, GroupMapping
from trackway.auth.users import check_user_name
from trackway.base.clock import Clock, now_ms
from trackway.base.errors import PermissionDenied
from trackway.store.access import UserRow
from trackway.store.base import Store, Transaction

WORKSPACE = "default"


class Origin(NamedTuple):
    """Where and by which request somebody signs in, with what; the session that the browser had before ends."""

    address: str
    request_id: str
    replaced: str = ""
    client: str = ""


class Lookup(Protocol):
    """Finds people again where they come from."""

    def find(self, subject: str) -> External | None:
        """Return somebody as they are there now; None when they are not, or may not sign in any more."""


class Federation:
    """Admits users whom another place names, and ends their sessions.

    A user is bound to the place's subject at the first sign-in, not to a name, which may be somebody else's later.
    A name that is here already is only taken over when it has no password and is bound to nobody.
    """

    def __init__(self, store: Store, mapping: GroupMapping, clock: Clock = now_ms) -> None:
        self._store = store
        self._mapping = mapping
        self._clock = clock

    def admit(self, external: External, origin: Origin) -> UserRow:
        """Return who somebody is here, with teams and rights as the other place says.

        raises: PermissionDenied for a user who is disabled, or whose name is somebody else's; InvalidInput for a name
                that cannot be one here
        """
        return self._store.write(lambda tx: self._admit(tx, external, origin))

    def sign_in(self, external: External, origin: Origin) -> str:
        """Open a session and return its secret.

        raises: as ``admit``
        """

        def work(tx: Transaction) -> str:
            user = self._admit(tx, external, origin)
            if origin.replaced:
                tx.access.delete_credential(digest(origin.replaced))
            secret, row = open_session(user.pk, self._clock(), origin.address, origin.client, external.sid)
            tx.access.add_credential(row)
            self._record(tx, "session.open", user.name, external.means, origin, f"user:{user.name}")
            return secret

        return self._store.write(work)

    def end_sessions(self, issuer: str, subject: str, sid: str, origin: Origin) -> int:
        """End the sessions that a provider's logout is about; return how many."""

        def work(tx: Transaction) -> int:
            pk = tx.access.find_identity(issuer, subject) if subject else None
            if subject and pk is None:
                return 0
            ended = tx.access.end_sessions(pk, sid)
            for one in dict.fromkeys(ended):
                user = tx.access.get_user(one)
                name = user.name if user else "unknown"
                self._record(tx, "session.end", name, "oidc", origin, f"user:{name}")
            return len(ended)

        return self._store.write(work)

    def follow(self, issuer: str, lookup: Lookup, request_id: str) -> int:
        """Bring everybody who came from a place up to what it says now; return for how many that changed something.

        Who is not there any more, or may not sign in there, is suspended: out at once with sessions, tokens and
        passwords, until the place knows them again.
        """
        origin, changed = Origin("", request_id), 0
        for subject, pk in self._store.read(lambda tx: tx.access.list_identities(issuer)):
            external = lookup.find(subject)

            def bring_up(tx: Transaction, pk: int = pk, external: External | None = external) -> bool:
                before, user = tx.access.version(), tx.access.get_user(pk)
                if user is None:
                    return False
                if external is None:
                    self._suspend(tx, user, origin)
                elif user.suspended or not user.disabled:
                    self._bring_up(tx, user, external, origin)
                return tx.access.version() != before

            changed += self._store.write(bring_up)
        return changed

    def _admit(self, tx: Transaction, external: External, origin: Origin) -> UserRow:
        pk = tx.access.find_identity(external.issuer, external.subject)
        if pk is None:
            pk = self._bind(tx, external, origin)
        user = tx.access.get_user(pk)
        assert user is not None
        if user.disabled and not user.suspended:
            raise PermissionDenied("This user is disabled", hint="ask an administrator")
        self._bring_up(tx, user, external, origin)
        admitted = tx.access.get_user(pk)
        assert admitted is not None
        return admitted

    def _bind(self, tx: Transaction, external: External, origin: Origin) -> int:
        check_user_name(external.name)
        there = tx.access.find_user(external.name)
        if there is None:
            actor = f"{external.means}:{external.issuer}"
            pk = tx.access.create_user(external.name, "user", "", False, self._clock(), actor)
            assert pk is not None
            self._record(tx, ops.CREATE_USER.name, external.name, external.means, origin)
        else:
            pk = there.pk
            if there.password or there.kind != "user" or tx.access.has_identity(pk):
                raise PermissionDenied(
                    f"The name {external.name!r} belongs to another user of this server",
                    hint="an administrator can delete that user, or have the provider send another name",
                )
        tx.access.add_identity(external.issuer, external.subject, pk)
        return pk

    def _suspend(self, tx: Transaction, user: UserRow, origin: Origin) -> None:
        if user.disabled:
            return
        tx.access.suspend_user(user.pk, True)
        tx.access.delete_credentials(user.pk, ["session", "invitation"])
        self._record(tx, ops.UPDATE_USER.name, user.name, "ldap: suspended", origin)

    def _bring_up(self, tx: Transaction, user: UserRow, external: External, origin: Origin) -> None:
        """Have a user be let in, and teams and the right of an administrator be as the other place says."""
        means = external.means
        if user.suspended:
            tx.access.suspend_user(user.pk, False)
            self._record(tx, ops.UPDATE_USER.name, user.name, f"{means}: back", origin)
        if self._mapping.admins:
            is_admin = self._mapping.admins in external.groups
            if is_admin != user.is_admin:
                tx.access.update_user(user.pk, is_admin, None)
                self._record(tx, ops.UPDATE_USER.name, user.name, f"{means}: is_admin {is_admin}".lower(), origin)
        wanted = {team for group, team in self._mapping.teams.items() if group in external.groups}
        for team in sorted(set(self._mapping.teams.values())):
            place, _, name = team.rpartition("/")
            workspace = tx.workspaces.find(place or WORKSPACE)
            pk = tx.access.find_team(workspace.key, name) if workspace else None
            if workspace and pk is None and team in wanted:
                tx.access.create_team(workspace.key, name)
                pk = tx.access.find_team(workspace.key, name)
                self._record(tx, ops.CREATE_TEAM.name, team, means, origin)
            if pk is None:
                continue
            is_member = user.name in tx.access.list_members(pk)
            if team in wanted and not is_member:
                tx.access.add_member(pk, user.pk)
                self._record(tx, ops.ADD_MEMBER.name, team, f"{means}: {user.name}", origin)
            elif team not in wanted and is_member:
                tx.access.remove_member(pk, user.pk)
                self._record(tx, ops.REMOVE_MEMBER.name, team, f"{means}: {user.name}", origin)

    def _record(
        self, tx: Transaction, operation: str, target: str, detail: str, origin: Origin, actor: str = ""
    ) -> None:
        """Write to the audit log; what another place brings about, the server does itself."""
        entry = AuditEntry(
            time_ms=self._clock(),
            actor=actor or "system:trackway",
            operation=operation,
            object=target,
            request_id=origin.request_id,
            address=origin.address,
            detail=detail,
        )
        tx.housekeeping.append_audit(WORKSPACE, entry)
