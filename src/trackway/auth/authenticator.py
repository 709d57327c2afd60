"""Signing in and out, invitations, and the first administrator: what happens before there is an actor."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.retention import AuditEntry
from trackway.auth.credentials import INVITATION_MS, digest, mint, open_session
from trackway.auth.directory import Directory
from trackway.auth.federation import Federation, Origin
from trackway.auth.passwords import check_password, fingerprint, hash_password, verify_password
from trackway.auth.policy import KEPT, GrantPolicy
from trackway.auth.rights import Rights
from trackway.auth.throttle import Throttle
from trackway.auth.users import check_user_name
from trackway.base.clock import Clock, now_ms
from trackway.base.errors import AlreadyExists, TrackwayError, Unauthenticated
from trackway.store.access import UserRow
from trackway.store.base import Store, Transaction

SYSTEM = "default"
"""The workspace in whose audit log it is written who signs in."""


RECHECK_MS = 300_000
"""For so long a password that the directory took is not tried there again; as often, who came from there is sought."""
NOTE_MS = 300_000
"""So often it is kept when a session was used."""


class Attempt(NamedTuple):
    """Who tries to sign in, from where, by which request, with what that calls itself."""

    name: str
    password: str
    address: str
    request_id: str
    client: str = ""


class Authenticator:
    """Decides who somebody is. Its methods wait for the store, some for argon2 or a directory: call them on a thread.

    directory: where passwords are tried that are not kept here, and who admits those whom it names; None for nowhere
    """

    def __init__(
        self,
        store: Store,
        policy: GrantPolicy,
        directory: tuple[Directory, Federation] | None = None,
        clock: Clock = now_ms,
    ) -> None:
        self._store = store
        self._policy = policy
        self._directory = directory
        self._clock = clock
        self._throttle = Throttle()
        self._noted: dict[str, int] = {}

    def knows(self, credential: str) -> bool:
        """Tell whether a credential was valid when it was last looked at, without looking."""
        return self._policy.knows(credential, self._clock())

    def find_kept(self, credential: str, workspace: str) -> Rights | None:
        """Return what a credential permitted in a workspace when that was last looked at, without looking."""
        return self._policy.find_kept(credential, workspace, self._clock())

    def find_rights(self, call: Call) -> Rights:
        """Return what a call's credential permits.

        raises: Unauthenticated; NotFound for a workspace that it may not enter
        """
        return self._store.read(lambda tx: self._policy.find_rights(tx, call))

    def try_password(self, attempt: Attempt) -> str:
        """Return the credential of a name and password; see ``rights.load_rights``.

        cost:   30 ms of a processor, whether there is such a user or not; with a directory, three of its answers
        raises: Unauthenticated; RateLimited after too many failures; PermissionDenied for who is known to the directory
                and may not come in here; Unavailable when the directory does not answer
        """
        user = self._try(attempt)
        if not user.password:
            return f"directory:{user.pk}:{self._clock() + RECHECK_MS}"
        return f"password:{user.pk}:{fingerprint(user.password)}"

    def sign_in(self, attempt: Attempt, replaced: str = "") -> str:
        """Open a session and return its secret; a session that the browser had before ends.

        raises: as ``try_password``
        """
        user = self._try(attempt)
        secret, row = open_session(user.pk, self._clock(), attempt.address, attempt.client)

        def keep(tx: Transaction) -> None:
            now = tx.access.get_user(user.pk)
            if now is None or now.disabled or now.password != user.password:  # changed while it was being tried
                raise _wrong()
            if replaced:
                tx.access.delete_credential(digest(replaced))
            tx.access.add_credential(row)
            self._record(tx, f"user:{user.name}", "session.open", user.name, attempt)

        self._store.write(keep)
        return secret

    def is_due(self, credential: str) -> bool:
        """Tell whether it is time again to keep that a session is in use: not every request writes."""
        return self._clock() - self._noted.get(credential, 0) >= NOTE_MS

    def note_use(self, credential: str, address: str) -> None:
        """Keep that a session is in use, and from where. A store that cannot write now does not end it."""
        now = self._clock()
        if len(self._noted) >= KEPT:
            self._noted.clear()
        self._noted[credential] = now
        with suppress(TrackwayError):
            self._store.write(lambda tx: tx.access.note_use(credential.partition(":")[2], address, now))

    def sign_out(self, secret: str, origin: Origin) -> None:
        """End a session, at once and everywhere."""

        def end(tx: Transaction) -> None:
            row = tx.access.find_credential(digest(secret))
            user = tx.access.get_user(row.user_pk) if row else None
            if tx.access.delete_credential(digest(secret)) and user:
                self._record(tx, f"user:{user.name}", "session.end", user.name, origin)

        self._store.write(end)

    def join(self, secret: str, attempt: Attempt) -> str:
        """Use an invitation, or the set-up link, to set a password; return the user's name. It works once.

        attempt: the name counts for the set-up link alone, which makes the first administrator
        raises:  Unauthenticated for a link that is not valid any more; InvalidInput for the name or password
        """
        row = self._store.read(lambda tx: tx.access.find_credential(digest(secret)))
        if row is None or row.kind not in ("invitation", "setup") or row.expires_ms <= self._clock():
            raise Unauthenticated("This link is not valid, or not any more", hint="ask for a new one")
        invited = self._store.read(lambda tx: tx.access.get_user(row.user_pk))
        name = invited.name if invited is not None else attempt.name
        check_user_name(name)
        check_password(name, attempt.password)
        stored = hash_password(attempt.password)

        def set_password(tx: Transaction) -> None:
            if not tx.access.delete_credential(row.digest):
                raise Unauthenticated("This link was used", hint="ask for a new one")
            if row.kind == "setup":
                self._create_first(tx, name, stored, attempt)
            else:
                tx.access.set_password(row.user_pk, stored)
                tx.access.delete_credentials(row.user_pk, ["session", "invitation"])
            self._record(tx, f"user:{name}", "invitation.accept", name, attempt)

        self._store.write(set_password)
        return name

    def make_setup_link(self) -> str:
        """Return a secret that makes the first administrator; empty when there are users. It ends those made before."""

        def make(tx: Transaction) -> str:
            if tx.access.count_users():
                return ""
            tx.access.delete_credentials(0, ["setup"])
            secret, row = mint("setup", 0, self._clock(), INVITATION_MS)
            tx.access.add_credential(row)
            return secret

        return self._store.write(make)

    def create_administrator(self, name: str, password: str) -> bool:
        """Create the first administrator, for installations by script; False when there are users.

        raises: InvalidInput for the name or password
        """
        if self._store.read(lambda tx: tx.access.count_users()):
            return False
        check_user_name(name)
        check_password(name, password)
        stored = hash_password(password)
        self._store.write(lambda tx: self._create_first(tx, name, stored, Origin("", "")))
        return True

    def _create_first(self, tx: Transaction, name: str, stored: str, origin: Attempt | Origin) -> None:
        if tx.access.count_users():
            raise AlreadyExists("There is an administrator already", hint="ask for an invitation")
        tx.access.create_user(name, "user", stored, True, self._clock(), "system:trackway")
        tx.access.delete_credentials(0, ["setup"])
        self._record(tx, "system:trackway", ops.CREATE_USER.name, name, origin, "is_admin true")

    def _try(self, attempt: Attempt) -> UserRow:
        now_s = self._clock() / 1000
        self._throttle.check(attempt.name, attempt.address, now_s)
        user: UserRow | None = self._store.read(lambda tx: tx.access.find_user(attempt.name))
        right = verify_password(user.password if user else "", attempt.password)
        passed = user if right and user and not user.disabled else None
        if self._directory is not None and not (user and user.password):
            passed = self._ask_directory(self._directory, attempt)
        if passed is not None:
            self._throttle.succeed(attempt.name, attempt.address)
            return passed
        self._throttle.fail(attempt.name, attempt.address, now_s)
        shown = user.name if user else "unknown"  # what was typed may be a password in the wrong field
        self._store.write(lambda tx: self._record(tx, "anonymous", "session.refuse", shown, attempt))
        raise _wrong()

    def _ask_directory(self, directory: tuple[Directory, Federation], attempt: Attempt) -> UserRow | None:
        asked, federation = directory
        external = asked.authenticate(attempt.name, attempt.password)
        return federation.admit(external, Origin(attempt.address, attempt.request_id)) if external else None

    def _record(
        self, tx: Transaction, actor: str, operation: str, target: str, origin: Attempt | Origin, detail: str = ""
    ) -> None:
        entry = AuditEntry(
            time_ms=self._clock(),
            actor=actor,
            operation=operation,
            object=target,
            request_id=origin.request_id,
            address=origin.address,
            detail=detail,
        )
        tx.housekeeping.append_audit(SYSTEM, entry)


def _wrong() -> Unauthenticated:
    return Unauthenticated("User name or password is wrong")
