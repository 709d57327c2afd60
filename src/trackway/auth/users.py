"""The rules of users and of their tokens."""

from __future__ import annotations

import re
from typing import NamedTuple

from trackway.api import access as c
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.structs import Empty
from trackway.auth.advice import list_administrators
from trackway.auth.credentials import INVITATION_MS, TOKEN_MS, mint
from trackway.auth.passwords import check_password, hash_password, verify_password
from trackway.auth.places import find_workspace, list_entered, miss_workspace
from trackway.auth.rights import load_rights
from trackway.auth.throttle import Throttle
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound, PermissionDenied
from trackway.base.ids import new_id
from trackway.rules.checks import check_name, check_page
from trackway.rules.handlers import Considered, Handlers
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.access import CredentialRow, UserRow
from trackway.store.base import Transaction
from trackway.store.erasure import PSEUDONYM

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]*[A-Za-z0-9])?")


class UserService:
    """Handlers of the operations on users and tokens."""

    def __init__(self) -> None:
        self._throttle = Throttle()

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.CREATE_USER: Considered(_hash_first, self.create),
            ops.LIST_USERS: self.list_users,
            ops.GET_USER: self.get,
            ops.UPDATE_USER: self.update,
            ops.DELETE_USER: self.delete,
            ops.ERASE_USER: self.erase,
            ops.INVITE_USER: self.invite,
            ops.SET_PASSWORD: Considered(_hash_for_user, _replace_password),
            ops.CHANGE_PASSWORD: Considered(self._hash_for_caller, _replace_password),
            ops.WHO_AM_I: self.who_am_i,
            ops.CREATE_TOKEN: self.create_token,
            ops.LIST_TOKENS: self.list_tokens,
            ops.DELETE_TOKEN: self.delete_token,
        }

    def create(self, tx: Transaction, call: Call, q: c.CreateUser, found: str) -> c.CreatedUser:
        """Create a user, with the hash of a password; without one a person gets an invitation."""
        pk = tx.access.create_user(q.name, q.kind, found, q.is_admin, call.now_ms, call.actor.label)
        if pk is None:
            raise AlreadyExists(f"There is a user {q.name!r} already, perhaps in another case", hint="choose another")
        invitation = "" if q.password or q.kind == "service" else _invite(tx, call, pk)
        return c.CreatedUser(user=tx.access.show_user(pk), invitation=invitation)

    def list_users(self, tx: Transaction, call: Call, q: c.ListUsers) -> c.UserPage:
        """List users by name."""
        check_page(q.limit, limits.SEARCH_PAGE)
        after = decode_token(call, "users", q.page_token)
        if after is not None and (len(after) != 1 or not isinstance(after[0], str)):
            raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
        found = tx.access.list_users(q.limit + 1, str(after[0]) if after else "")
        following = [found[q.limit - 1].name.lower()] if len(found) > q.limit else None
        return c.UserPage(users=found[: q.limit], next_page_token=encode_token(call, "users", following))

    def get(self, tx: Transaction, _call: Call, q: c.UserName) -> c.User:
        """Get a user."""
        return tx.access.show_user(find_user(tx, q.name).pk)

    def update(self, tx: Transaction, _call: Call, q: c.UpdateUser) -> c.User:
        """Change a user; the last administrator stays one."""
        user = find_user(tx, q.name)
        is_admin = user.is_admin if q.is_admin is None else q.is_admin
        disabled = user.disabled if q.disabled is None else q.disabled
        if is_admin and user.kind == "service":
            raise InvalidInput("A service account cannot be an administrator", hint="give it roles")
        if user.is_admin and not user.disabled and not (is_admin and not disabled):
            keep_an_administrator(tx, user)
        tx.access.update_user(user.pk, is_admin, q.disabled)
        if q.disabled:
            tx.access.delete_credentials(user.pk, ["session", "invitation"])
        return tx.access.show_user(user.pk)

    def delete(self, tx: Transaction, _call: Call, q: c.UserName) -> Empty:
        """Delete a user with all that hangs on it."""
        user = find_user(tx, q.name)
        if user.is_admin and not user.disabled:
            keep_an_administrator(tx, user)
        tx.access.delete_user(user.pk)
        return Empty()

    def erase(self, tx: Transaction, _call: Call, q: c.EraseUser) -> c.ErasedUser:
        """Delete a user, and put a pseudonym where the name is, in all workspaces and their audit logs.

        Who was deleted before, or came with an imported history, is no user and is named all the same.
        """
        user = tx.access.find_user(q.name)
        if user is None:
            check_user_name(q.name)
        elif user.is_admin and not user.disabled:
            keep_an_administrator(tx, user)
        pseudonym = f"{PSEUDONYM}{new_id()[:12]}"
        changed = tx.erasure.replace_name(user.name if user else q.name, pseudonym, dry_run=q.dry_run)
        if user is None and not changed:
            raise NotFound(f"There is no user {q.name[:80]!r}, and nothing names one")
        if user is not None and not q.dry_run:
            tx.access.delete_user(user.pk)
        return c.ErasedUser(pseudonym="" if q.dry_run else pseudonym, changed=changed, dry_run=q.dry_run)

    def invite(self, tx: Transaction, call: Call, q: c.UserName) -> c.CreatedUser:
        """Make a new link to set a password; links that were made before end."""
        user = find_user(tx, q.name)
        if user.kind == "service":
            raise InvalidInput("A service account has no password", hint="make a token for it")
        tx.access.delete_credentials(user.pk, ["invitation"])
        return c.CreatedUser(user=tx.access.show_user(user.pk), invitation=_invite(tx, call, user.pk))

    def who_am_i(self, tx: Transaction, call: Call, _q: c.WhoAmI) -> c.Identity:
        """Get who calls."""
        if not call.credential:  # a store without access control
            return c.Identity(
                number=0,
                name=call.actor.name,
                kind=call.actor.kind,
                is_admin=True,
                means="none",
                workspace=call.workspace_name or call.workspace,
                permissions=sorted(c.ROLES["admin"]),
            )
        rights = load_rights(tx, call.credential, call.workspace, call.now_ms)
        return c.Identity(
            number=rights.user_pk,
            name=rights.actor.name,
            kind=rights.actor.kind,
            is_admin=rights.is_admin,
            means=rights.means,
            workspace=rights.place.name,
            permissions=sorted(rights.workspace),
            has_role=rights.enters,
            administrators=[] if "admin" in rights.workspace else list_administrators(tx, rights),
        )

    def create_token(self, tx: Transaction, call: Call, q: c.CreateToken) -> c.CreatedToken:
        """Make a token, which permits no more than the credential that it was made with, nor for longer."""
        check_name("token's name", q.name, limits.KEY_CHARS)
        user = find_owner(tx, call, q.user)
        if q.role and q.role not in (*c.ROLES, c.PROVISIONER):
            hint = f"one of {', '.join((*c.ROLES, c.PROVISIONER))}, or none"
            raise InvalidInput(f"Invalid role {q.role[:40]!r}", hint=hint)
        if q.expires_ms is not None and q.expires_ms and q.expires_ms <= call.now_ms:
            raise InvalidInput("The token would have ended already", hint="give a time to come, in ms since 1970")
        if len(tx.access.list_credentials(user.pk, "token")) >= limits.TOKENS:
            raise Conflict(f"{user.name} has {limits.TOKENS} tokens, which is the most", hint="delete one")
        role, bound, last_ms = q.role, "", 0
        if q.workspace:
            bound = find_workspace(tx, q.workspace).key
            if bound not in list_entered(tx, user):
                raise miss_workspace(q.workspace)
        if call.credential:
            shown = load_rights(tx, call.credential, call.workspace, call.now_ms)
            if role == c.PROVISIONER:
                if not shown.is_admin:
                    raise PermissionDenied("Only administrators of the installation make tokens for provisioning")
            elif not (c.ROLES[role] if role else c.ROLES["admin"]) <= shown.ceiling:
                raise PermissionDenied("A token cannot make one that permits more than itself", hint="give a role")
            if shown.bound and bound not in ("", shown.bound):
                raise miss_workspace(q.workspace)
            bound = bound or shown.bound
            if shown.means == "token" and shown.user_pk == user.pk:
                last_ms = shown.expires_ms
        secret, row = mint("token", user.pk, call.now_ms, TOKEN_MS, q.name, role)
        row = row._replace(workspace=bound, expires_ms=_find_end(q.expires_ms, call.now_ms, last_ms))
        tx.access.add_credential(row)
        return c.CreatedToken(token=_show_token(tx, row, user.name), secret=secret)

    def list_tokens(self, tx: Transaction, call: Call, q: c.ListTokens) -> c.TokenList:
        """List tokens."""
        user = find_owner(tx, call, q.user)
        return c.TokenList(
            tokens=[_show_token(tx, row, user.name) for row in tx.access.list_credentials(user.pk, "token")]
        )

    def delete_token(self, tx: Transaction, call: Call, q: c.TokenId) -> Empty:
        """Revoke a token."""
        user = find_owner(tx, call, q.user)
        if not tx.access.delete_named(user.pk, "token", q.token_id):
            raise NotFound(f"There is no token {q.token_id[:64]!r}")
        return Empty()

    def _hash_for_caller(self, tx: Transaction, call: Call, q: c.ChangePassword) -> _Password:
        """Return the new password of who knows the current one, which a session alone does not let one guess."""
        user, now_s = find_caller(tx, call), call.now_ms / 1000
        self._throttle.check(user.name, call.address, now_s)
        if not verify_password(user.password, q.current):
            self._throttle.fail(user.name, call.address, now_s)
            raise InvalidInput("The current password is another", hint="send the one that you sign in with now")
        self._throttle.succeed(user.name, call.address)
        if q.password == q.current:
            raise InvalidInput("The new password is the current one", hint="choose another")
        return _hash_again(user, q.password)


def check_user_name(name: str) -> None:
    """Check the name of a user or team.

    raises: InvalidInput
    """
    if len(name) > limits.USER_NAME_CHARS or not _NAME.fullmatch(name) or name.startswith(PSEUDONYM):
        raise InvalidInput(
            f"Invalid name {name[:80]!r}",
            hint=f"1 to {limits.USER_NAME_CHARS} letters, digits and . _ @ + -, a letter or digit at both ends",
        )


def find_user(tx: Transaction, name: str) -> UserRow:
    """Return a user by name.

    raises: NotFound
    """
    user = tx.access.find_user(name)
    if user is None:
        raise NotFound(f"There is no user {name[:80]!r}")
    return user


class _Password(NamedTuple):
    """What is to be the password of a user.

    user:   as it was when the password was hashed
    stored: the hash
    """

    user: UserRow
    stored: str


def _hash_first(_tx: Transaction, _call: Call, q: c.CreateUser) -> str:
    """Return the hash of the password that a new user begins with, if there is one."""
    check_user_name(q.name)
    if q.kind == "service" and (q.password or q.is_admin):
        raise InvalidInput("A service account has tokens, no password, and is no administrator")
    if not q.password:
        return ""
    check_password(q.name, q.password)
    return hash_password(q.password)


def _hash_for_user(tx: Transaction, _call: Call, q: c.SetPassword) -> _Password:
    user = find_user(tx, q.name)
    if user.kind == "service":
        raise InvalidInput("A service account has no password", hint="make a token for it")
    return _hash_again(user, q.password)


def _hash_again(user: UserRow, password: str) -> _Password:
    """Return the hash of a user's new password.

    One that is set again keeps its hash, by which servers know it: programs that send it go on without a refusal.
    """
    check_password(user.name, password)
    return _Password(user, user.password if verify_password(user.password, password) else hash_password(password))


def _replace_password(tx: Transaction, _call: Call, _q: c.SetPassword | c.ChangePassword, found: _Password) -> Empty:
    """Set a password, and end what was open under the old one: sessions and invitations."""
    user = tx.access.get_user(found.user.pk)
    if user is None or user.password != found.user.password:
        raise Conflict(f"The password of {found.user.name} was set by somebody else meanwhile", hint="try again")
    if found.stored != user.password:
        tx.access.set_password(user.pk, found.stored)
    tx.access.delete_credentials(user.pk, ["session", "invitation"])
    return Empty()


def _invite(tx: Transaction, call: Call, pk: int) -> str:
    secret, row = mint("invitation", pk, call.now_ms, INVITATION_MS)
    tx.access.add_credential(row)
    return secret


def keep_an_administrator(tx: Transaction, user: UserRow) -> None:
    """Refuse to take the last administrator with a password away.

    raises: Conflict
    """
    if user.password and tx.access.count_admins() <= 1:
        raise Conflict(f"{user.name} is the last administrator", hint="make another one first")


def find_caller(tx: Transaction, call: Call) -> UserRow:
    """Return the user who calls.

    raises: InvalidInput when it is none
    """
    user = tx.access.find_user(call.actor.name) if call.actor.name else None
    if user is None:
        raise InvalidInput("No user of this installation calls", hint="name one")
    return user


def find_owner(tx: Transaction, call: Call, name: str) -> UserRow:
    """Return whose tokens or sessions are meant: the caller's, or those of a user that an administrator names.

    raises: NotFound, PermissionDenied
    """
    if not name:
        return find_caller(tx, call)
    if call.credential:
        shown = load_rights(tx, call.credential, call.workspace, call.now_ms)
        if not shown.is_admin and name.lower() != call.actor.name.lower():
            raise PermissionDenied("Only administrators look after the tokens and sessions of others")
    return find_user(tx, name)


def _find_end(asked_ms: int | None, now_ms: int, last_ms: int) -> int:
    """Return when a token ends, 0 for never.

    last_ms: when the token ends that it is made with; 0 for never
    raises:  PermissionDenied for a later end than that
    """
    ends_ms = now_ms + TOKEN_MS if asked_ms is None else asked_ms
    if not last_ms or 0 < ends_ms <= last_ms:
        return ends_ms
    if asked_ms is None:
        return last_ms
    raise PermissionDenied("A token cannot make one that lasts longer than itself", hint="give an earlier end")


def _show_token(tx: Transaction, row: CredentialRow, user: str) -> c.Token:
    place = tx.workspaces.get(row.workspace) if row.workspace else None
    return c.Token(
        token_id=row.public_id,
        name=row.name,
        user=user,
        role=row.role,
        workspace=place.name if place else "",
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
    )
