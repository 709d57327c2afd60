"""What a credential permits in a workspace: read once, kept until anything of access changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, get_args

from trackway.api.access import PROVISIONER, ROLES, NamedKind
from trackway.api.calls import EVERYTHING, Actor, Permission, Sight
from trackway.api.quotas import QuotaKind
from trackway.auth.passwords import fingerprint
from trackway.base.errors import Unauthenticated
from trackway.store.access import Given, UserRow
from trackway.store.base import Transaction
from trackway.store.workspaces import DEFAULT, WorkspaceRow

Permissions = frozenset[Permission]
NOTHING: Permissions = frozenset()
ALL: Permissions = ROLES["admin"]


class Rights(NamedTuple):
    """What a credential permits.

    version:     of access, when this was read
    provisions:  may keep people and teams up, as administrators may, too
    means:       ``session``, ``token``, ``password``, ``directory``, ``certificate`` or ``proxy``
    ceiling:     the most that the credential permits, whatever its user may
    workspace:   on everything in the workspace
    experiments: more than that, on some experiments by number
    named:       the same on registered models, endpoints and schedules, by kind and name
    exceeded:    quotas that the workspace has passed, with their limits
    requests_per_minute: its quota on requests; None for none
    place:       the workspace itself
    bound:       key of the only workspace that the credential is for; empty for all of its user's
    enters:      whether the user has any role there
    """

    version: int
    actor: Actor
    user_pk: int
    is_admin: bool
    provisions: bool
    means: str
    expires_ms: int
    ceiling: Permissions
    workspace: Permissions
    experiments: dict[int, Permissions]
    named: dict[NamedKind, dict[str, Permissions]]
    sees: Sight
    exceeded: dict[QuotaKind, int]
    requests_per_minute: int | None
    place: WorkspaceRow
    bound: str
    enters: bool

    def on_experiment(self, number: int) -> Permissions:
        """Return what is permitted on an experiment and its runs."""
        return self.workspace | self.experiments.get(number, NOTHING)

    def on_named(self, kind: NamedKind, name: str) -> Permissions:
        """Return what is permitted on a registered model, an endpoint or a schedule."""
        return self.workspace | self.named[kind].get(name, NOTHING)


class _Shown(NamedTuple):
    """What a credential is, once it was found to be valid."""

    user: UserRow
    means: str
    role: str = ""
    workspace: str = ""
    expires_ms: int = 0


def enter_workspace(tx: Transaction, credential: str, name: str, now_ms: int) -> Rights | None:
    """Read what a credential permits in the workspace that a request names; None where it may not enter.

    name: empty for the only one that the credential is for, else the one that its user chose, else the default one

    raises: as ``load_rights``
    """
    version = tx.access.version()
    shown = _check_credential(tx, credential, now_ms)
    if name:
        place = DEFAULT if name == DEFAULT.name else tx.workspaces.find(name)
    else:
        key = shown.workspace or shown.user.home
        place = tx.workspaces.get(key) if key else DEFAULT
    if place is None or shown.workspace not in ("", place.key):
        return None
    rights = _load(tx, version, shown, place)
    return rights if rights.enters or place.key == DEFAULT.key else None


def load_rights(tx: Transaction, credential: str, workspace: str, now_ms: int) -> Rights:
    """Read what a credential permits in the workspace of a key.

    credential: ``session:<digest>``, ``token:<digest>``, ``password:<user's number>:<fingerprint of the hash>``,
                ``directory:<user's number>:<until when>`` for a password that a directory took, ``certificate:<name>``
                for whom a connection's certificate names, or ``proxy:<name>`` for whom a proxy in front has signed in
    raises:     Unauthenticated when it is not valid, or not any more
    """
    version = tx.access.version()
    place = DEFAULT if workspace == DEFAULT.key else tx.workspaces.get(workspace)
    assert place is not None
    return _load(tx, version, _check_credential(tx, credential, now_ms), place)


def _load(tx: Transaction, version: int, shown: _Shown, place: WorkspaceRow) -> Rights:
    """Read what somebody may do in a workspace.

    version: of access, read before anything else was: a writer on PostgreSQL sees what others commit meanwhile, and
             rights that are older than the version that they carry would be kept beyond a change
    """
    workspace = place.key
    roles = {**ROLES, **{name: frozenset(those) for name, those in tx.access.list_roles(workspace).items()}}
    ceiling = roles.get(shown.role, NOTHING) if shown.role else ALL  # a provisioner's is nothing
    given = [] if shown.user.is_admin else tx.access.list_given(workspace, shown.user.pk)
    everywhere = ALL if shown.user.is_admin else join(roles, (one for one in given if one.target_kind == "workspace"))
    experiments, named, numbers = _resolve(tx, workspace, roles, given, ceiling)
    everywhere &= ceiling
    actor = Actor(kind=shown.user.kind, name=shown.user.name)
    sees = EVERYTHING if "admin" in everywhere else Sight(trash=actor.label)
    if "read" not in everywhere:
        sees = Sight(
            trash=actor.label,
            experiments=frozenset(number for number, those in experiments.items() if "read" in those),
            models=_list_seen("registered_model", named, numbers),
            endpoints=_list_seen("endpoint", named, numbers),
            schedules=_list_seen("schedule", named, numbers),
        )
    quota = tx.quotas.get(workspace)
    is_admin = shown.user.is_admin and not shown.role and not shown.workspace
    return Rights(
        version,
        actor,
        shown.user.pk,
        is_admin,
        is_admin or shown.role == PROVISIONER,
        shown.means,
        shown.expires_ms,
        ceiling,
        everywhere,
        experiments,
        named,
        sees,
        tx.quotas.get_exceeded(workspace) if quota else {},
        quota.requests_per_minute if quota else None,
        place,
        shown.workspace,
        shown.user.is_admin or bool(given),
    )


def join(roles: dict[str, Permissions], given: Iterable[Given]) -> Permissions:
    """Return what some roles permit together; a role that is no more permits nothing."""
    return frozenset[Permission]().union(*(roles.get(one.role, NOTHING) for one in given))


def refuse_credential() -> Unauthenticated:
    """Make the one error for every credential that is not valid: it says nothing about why."""
    return Unauthenticated("The credential is not valid, or not any more", hint="sign in again, or make a new token")


def _check_credential(tx: Transaction, credential: str, now_ms: int) -> _Shown:
    shown = _find_shown(tx, credential, now_ms)
    if shown.user.disabled:
        raise refuse_credential()
    return shown


def _find_shown(tx: Transaction, credential: str, now_ms: int) -> _Shown:
    means, _, rest = credential.partition(":")
    if means == "password":
        number, _, known = rest.partition(":")
        user = tx.access.get_user(int(number))
        if user is None or not user.password or fingerprint(user.password) != known:
            raise refuse_credential()
        return _Shown(user, means)
    if means == "directory":
        number, _, until_ms = rest.partition(":")
        user = tx.access.get_user(int(number))
        if user is None or int(until_ms) <= now_ms:
            raise refuse_credential()
        return _Shown(user, means, expires_ms=int(until_ms))
    if means in ("proxy", "certificate"):
        user = tx.access.find_user(rest)
        if user is None or (user.kind != "user" and means == "proxy"):
            raise refuse_credential()
        return _Shown(user, means)
    row = tx.access.find_credential(rest) if rest else None
    if row is None or row.kind != means or (row.expires_ms and row.expires_ms <= now_ms):
        raise refuse_credential()
    user = tx.access.get_user(row.user_pk)
    if user is None:
        raise refuse_credential()
    return _Shown(user, means, row.role, row.workspace, row.expires_ms)


def _resolve(
    tx: Transaction, workspace: str, roles: dict[str, Permissions], given: list[Given], ceiling: Permissions
) -> tuple[dict[int, Permissions], dict[NamedKind, dict[str, Permissions]], dict[tuple[NamedKind, str], int]]:
    """Return what roles on single objects permit, patterns as the objects that they stand for now.

    returns: by the number of an experiment; by kind and name of what else there is; and the numbers of those
    """
    experiments: dict[int, Permissions] = {}
    named: dict[NamedKind, dict[str, Permissions]] = {kind: {} for kind in get_args(NamedKind)}
    numbers: dict[tuple[NamedKind, str], int] = {}
    for one in given:
        permitted = roles.get(one.role, NOTHING) & ceiling
        if one.target_kind == "experiment":
            is_pattern = "*" in one.target
            found = tx.access.match_experiments(workspace, one.target) if is_pattern else [int(one.target)]
            for number in found:
                experiments[number] = experiments.get(number, NOTHING) | permitted
        elif one.target_kind != "workspace":
            objects = named[one.target_kind]
            for pk, name in tx.access.match_names(workspace, one.target_kind, one.target):
                objects[name] = objects.get(name, NOTHING) | permitted
                numbers[one.target_kind, name] = pk
    return experiments, named, numbers


def _list_seen(
    kind: NamedKind, named: dict[NamedKind, dict[str, Permissions]], numbers: dict[tuple[NamedKind, str], int]
) -> frozenset[int]:
    return frozenset(numbers[kind, name] for name, those in named[kind].items() if "read" in those)
