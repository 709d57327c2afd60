"""Users and what they show, teams, roles and grants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from trackway.api.access import Grant, GrantKind, NamedKind, SubjectKind, Team, User, UserKind
from trackway.api.calls import Permission
from trackway.store.access import CredentialKind, CredentialRow, Given, GrantRow, UserRow
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.failures import Vanished

VERSION = "SELECT version FROM access_versions WHERE name = 'access'"
"""Of access: see ``Connection.assume``."""
_USER = "pk, name, kind, password, is_admin, disabled, home"
_SHOWN = (
    "pk, name, kind, is_admin, disabled, password <> '', created_ms, created_by,"
    " COALESCE((SELECT w.name FROM workspaces w WHERE w.key = users.home), 'default')"
)
_CREDENTIAL = (
    "digest, kind, public_id, user_pk, name, role, workspace, created_ms, expires_ms, client, address, used_ms"
)
_GRANT = (
    "g.pk, g.subject_kind, COALESCE(u.name, t.name, ''), g.subject_pk, g.target_kind, g.target, g.role, g.created_ms,"
    " g.created_by"
)
_GRANTS = (
    "grants g LEFT JOIN users u ON g.subject_kind = 'user' AND u.pk = g.subject_pk"
    " LEFT JOIN teams t ON g.subject_kind = 'team' AND t.pk = g.subject_pk"
)
_NAMED: dict[NamedKind, str] = {
    "registered_model": "registered_models",
    "endpoint": "endpoints",
    "schedule": "schedules",
}
"""The table of each kind of object that grants name by its name."""
_SUSPENDED = 2
"""In ``users.disabled``: by a directory."""
_ADMINISTRATORS = """
SELECT u.name FROM users u WHERE u.kind = 'user' AND u.disabled = 0 AND EXISTS (
  SELECT 1 FROM grants g WHERE g.workspace = ? AND g.target_kind = 'workspace' AND g.role IN ({roles})
     AND (g.subject_kind = 'user' AND g.subject_pk = u.pk OR g.subject_kind = 'team' AND g.subject_pk IN (
          SELECT m.team_pk FROM team_members m WHERE m.user_pk = u.pk)))
 ORDER BY u.folded LIMIT ?"""
_decode_permissions = msgspec.json.Decoder(list[Permission]).decode

_DISOWN = """
UPDATE trash SET deleted_by = deleted_by || ' (deleted)'
 WHERE deleted_by = (SELECT kind || ':' || name FROM users WHERE pk = ?)"""


class AccessTable:
    """See ``store.access.Access``."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._version = 0
        self._read_in = -1
        self._changed_in = -1

    def version(self) -> int:
        """Return the number that grows with every change; read once in a transaction."""
        if self._read_in != self._db.transactions:
            row = self._db.assume(VERSION)
            self._version = row[0] if row else 0
            self._read_in = self._db.transactions
        return self._version

    @property
    def changed(self) -> bool:
        """Whether this transaction has changed anything of access."""
        return self._changed_in == self._db.transactions

    def confirm(self) -> None:
        """See ``store.access.Access``."""
        if self._db.assumed.pending:
            self._db.confirm_assumed()

    def touch(self) -> None:
        """Raise the version."""
        self._db.stop_assuming()
        self._db.run(
            "INSERT INTO access_versions (name, version) VALUES ('access', 1)"
            " ON CONFLICT (name) DO UPDATE SET version = access_versions.version + 1"
        )
        self._read_in = -1
        self._changed_in = self._db.transactions

    def create_user(
        self, name: str, kind: UserKind, password: str, is_admin: bool, now_ms: int, actor: str
    ) -> int | None:
        """Insert a user; None when the name is taken."""
        rows = self._db.returning(
            "INSERT INTO users (name, folded, kind, password, is_admin, disabled, home, created_ms, created_by,"
            " external_id) VALUES (?, ?, ?, ?, ?, 0, '', ?, ?, '') ON CONFLICT (folded) DO NOTHING RETURNING pk",
            (name, name.lower(), kind, password, int(is_admin), now_ms, actor),
        )
        if not rows:
            return None
        self.touch()
        return int(rows[0][0])

    def find_user(self, name: str) -> UserRow | None:
        """Return a user by name, in whichever case."""
        return _user(self._db.one(f"SELECT {_USER} FROM users WHERE folded = ?", (name.lower(),)))

    def get_user(self, pk: int) -> UserRow | None:
        """Return a user by number."""
        return _user(self._db.one(f"SELECT {_USER} FROM users WHERE pk = ?", (pk,)))

    def show_user(self, pk: int) -> User:
        """Return what is shown of a user that is there."""
        row = self._db.known(f"SELECT {_SHOWN} FROM users WHERE pk = ?", (pk,))
        return _shown(row)

    def list_users(self, limit: int, after: str) -> list[User]:
        """Return users behind a name, by name in lower case."""
        rows = self._db.all(
            f"SELECT {_SHOWN} FROM users WHERE folded > ? ORDER BY folded LIMIT ?", (after.lower(), limit)
        )
        return [_shown(row) for row in rows]

    def count_users(self) -> int:
        """Return how many users there are."""
        return self._count("SELECT COUNT(*) FROM users")

    def count_admins(self) -> int:
        """Return how many administrators can sign in."""
        return self._count("SELECT COUNT(*) FROM users WHERE is_admin = 1 AND disabled = 0 AND password <> ''")

    def list_administrators(self, workspace: str, limit: int) -> list[str]:
        """See ``store.access.Access``."""
        own = [role for role, permissions in self.list_roles(workspace).items() if "admin" in permissions]
        roles = ["admin", *own]
        rows = self._db.all(_ADMINISTRATORS.format(roles=", ".join("?" * len(roles))), (workspace, *roles, limit))
        if not rows:
            sql = "SELECT name FROM users WHERE is_admin = 1 AND kind = 'user' AND disabled = 0 ORDER BY folded LIMIT ?"
            rows = self._db.all(sql, (limit,))
        return [row[0] for row in rows]

    def update_user(self, pk: int, is_admin: bool, disabled: bool | None) -> None:
        """Change a user."""
        self._db.run("UPDATE users SET is_admin = ? WHERE pk = ?", (int(is_admin), pk))
        if disabled is not None:
            self._db.run("UPDATE users SET disabled = ? WHERE pk = ?", (int(disabled), pk))
        self.touch()

    def suspend_user(self, pk: int, suspended: bool) -> None:
        """Disable a user until a directory takes that back."""
        before, after = (0, _SUSPENDED) if suspended else (_SUSPENDED, 0)
        sql = "UPDATE users SET disabled = ? WHERE pk = ? AND disabled = ?"
        self._touched(self._db.run(sql, (after, pk, before)))

    def set_home(self, pk: int, workspace: str) -> None:
        """Set the workspace that a user's requests without one are for."""
        self._db.run("UPDATE users SET home = ? WHERE pk = ?", (workspace, pk))
        self.touch()

    def set_password(self, pk: int, password: str) -> None:
        """Set a password's hash."""
        self._db.run("UPDATE users SET password = ? WHERE pk = ?", (password, pk))
        self.touch()

    def delete_user(self, pk: int) -> None:
        """Remove a user with all that hangs on it; what is in the trash is not whoever's has the name next."""
        for sql in (
            _DISOWN,
            "DELETE FROM credentials WHERE user_pk = ?",
            "DELETE FROM team_members WHERE user_pk = ?",
            "DELETE FROM grants WHERE subject_kind = 'user' AND subject_pk = ?",
            "DELETE FROM identities WHERE user_pk = ?",
            "DELETE FROM users WHERE pk = ?",
        ):
            self._db.run(sql, (pk,))
        self.touch()

    def find_identity(self, issuer: str, subject: str) -> int | None:
        """Return the number of the user whom a provider's subject is bound to."""
        row = self._db.one("SELECT user_pk FROM identities WHERE issuer = ? AND subject = ?", (issuer, subject))
        return row[0] if row else None

    def has_identity(self, pk: int) -> bool:
        """Tell whether a user is bound to a provider's subject."""
        return self._db.one("SELECT 1 FROM identities WHERE user_pk = ? LIMIT 1", (pk,)) is not None

    def add_identity(self, issuer: str, subject: str, pk: int) -> None:
        """Bind a provider's subject to a user."""
        self._db.run("INSERT INTO identities (issuer, subject, user_pk) VALUES (?, ?, ?)", (issuer, subject, pk))

    def list_identities(self, issuer: str) -> list[tuple[str, int]]:
        """Return all subjects of an issuer with the numbers of their users."""
        rows = self._db.all("SELECT subject, user_pk FROM identities WHERE issuer = ? ORDER BY subject", (issuer,))
        return [(row[0], row[1]) for row in rows]

    def end_sessions(self, pk: int | None, name: str) -> list[int]:
        """Delete sessions of a user, and of a provider's session; return whose each was."""
        where = "kind = 'session'"
        params: list[int | str] = []
        if pk is not None:
            where, params = f"{where} AND user_pk = ?", [pk]
        if name:
            where, params = f"{where} AND name = ?", [*params, name]
        if not params:
            return []
        ended = [pk for (pk,) in self._db.returning(f"DELETE FROM credentials WHERE {where} RETURNING user_pk", params)]
        self._touched(len(ended))
        return ended

    def add_credential(self, row: CredentialRow) -> None:
        """Insert a credential: nobody's rights change by it."""
        self._db.run(f"INSERT INTO credentials ({_CREDENTIAL}) VALUES ({', '.join('?' * len(row))})", row)

    def find_credential(self, digest: str) -> CredentialRow | None:
        """Return a credential, expired or not."""
        row = self._db.one(f"SELECT {_CREDENTIAL} FROM credentials WHERE digest = ?", (digest,))
        return CredentialRow(*row) if row else None

    def list_credentials(self, user_pk: int, kind: CredentialKind) -> list[CredentialRow]:
        """Return a user's credentials of a kind, oldest first."""
        rows = self._db.all(
            f"SELECT {_CREDENTIAL} FROM credentials WHERE user_pk = ? AND kind = ? ORDER BY created_ms, public_id",
            (user_pk, kind),
        )
        return [CredentialRow(*row) for row in rows]

    def delete_named(self, user_pk: int, kind: CredentialKind, public_id: str) -> bool:
        """Delete a user's credential; tell whether it was there."""
        sql = "DELETE FROM credentials WHERE user_pk = ? AND kind = ? AND public_id = ?"
        return self._touched(self._db.run(sql, (user_pk, kind, public_id)))

    def note_use(self, digest: str, address: str, now_ms: int) -> None:
        """Keep when and from where a credential was used."""
        self._db.run(
            "UPDATE credentials SET address = ?, used_ms = ? WHERE digest = ? AND used_ms < ?",
            (address, now_ms, digest, now_ms),
        )

    def delete_credential(self, digest: str) -> bool:
        """Delete a credential; tell whether it was there."""
        return self._touched(self._db.run("DELETE FROM credentials WHERE digest = ?", (digest,)))

    def delete_credentials(self, user_pk: int, kinds: Sequence[CredentialKind]) -> None:
        """Delete a user's credentials of some kinds."""
        self.touch()  # first, which waits for who makes one at the same time, so that it is seen
        marks = ", ".join("?" * len(kinds))
        self._db.run(f"DELETE FROM credentials WHERE user_pk = ? AND kind IN ({marks})", (user_pk, *kinds))

    def forget_credentials(self, before_ms: int, limit: int) -> int:
        """Delete what expired before a time, which nobody could use any more."""
        return self._db.run(
            "DELETE FROM credentials WHERE digest IN"
            " (SELECT digest FROM credentials WHERE expires_ms > 0 AND expires_ms < ? LIMIT ?)",
            (before_ms, limit),
        )

    def create_team(self, workspace: str, name: str, description: str = "") -> int | None:
        """Insert a team; None when the name is taken."""
        rows = self._db.returning(
            "INSERT INTO teams (workspace, name, description, external_id) VALUES (?, ?, ?, '')"
            " ON CONFLICT DO NOTHING RETURNING pk",
            (workspace, name, description),
        )
        return int(rows[0][0]) if rows else None

    def find_team(self, workspace: str, name: str) -> int | None:
        """Return a team's number."""
        row = self._db.one("SELECT pk FROM teams WHERE workspace = ? AND name = ?", (workspace, name))
        return row[0] if row else None

    def list_teams(self, workspace: str) -> list[Team]:
        """Return teams by name, with their members."""
        return self._show_teams("t.workspace = ?", workspace)

    def show_team(self, team_pk: int) -> Team:
        """Return what is shown of a team that is there."""
        teams = self._show_teams("t.pk = ?", team_pk)
        if not teams:
            raise Vanished
        return teams[0]

    def update_team(self, team_pk: int, name: str, description: str) -> None:
        """Give a team a name and a description."""
        self._db.run("UPDATE teams SET name = ?, description = ? WHERE pk = ?", (name, description, team_pk))
        self.touch()

    def _show_teams(self, where: str, value: str | int) -> list[Team]:
        rows = self._db.all(
            "SELECT t.pk, t.name, t.description, u.pk, u.name FROM teams t"
            " LEFT JOIN team_members m ON m.team_pk = t.pk LEFT JOIN users u ON u.pk = m.user_pk"
            f" WHERE {where} ORDER BY t.name, u.folded",
            (value,),
        )
        teams: dict[int, Team] = {}
        for pk, name, description, user_pk, user in rows:
            team = Team(team=name, members=[], number=pk, member_numbers=[], description=description)
            team = teams.setdefault(pk, team)
            if user_pk is not None:
                team.members.append(user)
                team.member_numbers.append(user_pk)
        return list(teams.values())

    def list_members(self, team_pk: int) -> list[str]:
        """Return names of members."""
        rows = self._db.all(
            "SELECT u.name FROM team_members m JOIN users u ON u.pk = m.user_pk WHERE m.team_pk = ? ORDER BY u.folded",
            (team_pk,),
        )
        return [row[0] for row in rows]

    def delete_team(self, team_pk: int) -> None:
        """Remove a team with its grants."""
        for sql in (
            "DELETE FROM team_members WHERE team_pk = ?",
            "DELETE FROM grants WHERE subject_kind = 'team' AND subject_pk = ?",
            "DELETE FROM teams WHERE pk = ?",
        ):
            self._db.run(sql, (team_pk,))
        self.touch()

    def add_member(self, team_pk: int, user_pk: int) -> None:
        """Add a member, who may be one already."""
        self._db.run(
            "INSERT INTO team_members (team_pk, user_pk) VALUES (?, ?) ON CONFLICT DO NOTHING", (team_pk, user_pk)
        )
        self.touch()

    def remove_member(self, team_pk: int, user_pk: int) -> bool:
        """Remove a member; False when the user is none."""
        sql = "DELETE FROM team_members WHERE team_pk = ? AND user_pk = ?"
        return self._touched(self._db.run(sql, (team_pk, user_pk)))

    def set_role(self, workspace: str, name: str, permissions: Iterable[Permission]) -> None:
        """Create or change a role."""
        self._db.run(
            "INSERT INTO roles (workspace, name, permissions) VALUES (?, ?, ?)"
            " ON CONFLICT (workspace, name) DO UPDATE SET permissions = excluded.permissions",
            (workspace, name, msgspec.json.encode(list(permissions)).decode()),
        )
        self.touch()

    def list_roles(self, workspace: str) -> dict[str, list[Permission]]:
        """Return the roles that a workspace made."""
        rows = self._db.all("SELECT name, permissions FROM roles WHERE workspace = ? ORDER BY name", (workspace,))
        return {name: _decode_permissions(permissions) for name, permissions in rows}

    def delete_role(self, workspace: str, name: str) -> bool:
        """Remove a role with the grants of it."""
        if not self._db.run("DELETE FROM roles WHERE workspace = ? AND name = ?", (workspace, name)):
            return False
        self._db.run("DELETE FROM grants WHERE workspace = ? AND role = ?", (workspace, name))
        self.touch()
        return True

    def put_grant(self, row: GrantRow) -> Grant:
        """Give a role."""
        [(pk,)] = self._db.returning(
            "INSERT INTO grants"
            " (workspace, subject_kind, subject_pk, target_kind, target, role, created_ms, created_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (workspace, subject_kind, subject_pk, target_kind, target) DO UPDATE SET"
            " role = excluded.role, created_ms = excluded.created_ms, created_by = excluded.created_by RETURNING pk",
            row,
        )
        self.touch()
        grant = self.get_grant(row.workspace, pk)
        assert grant is not None
        return grant

    def get_grant(self, workspace: str, grant_id: int) -> Grant | None:
        """Return a grant."""
        row = self._db.one(f"SELECT {_GRANT} FROM {_GRANTS} WHERE g.workspace = ? AND g.pk = ?", (workspace, grant_id))
        return _grant(row) if row else None

    def list_grants(
        self, workspace: str, subject: tuple[SubjectKind, int] | None, target: tuple[GrantKind, str] | None
    ) -> list[Grant]:
        """Return grants, oldest first."""
        where, params = "g.workspace = ?", [workspace, *(subject or ()), *(target or ())]
        if subject is not None:
            where += " AND g.subject_kind = ? AND g.subject_pk = ?"
        if target is not None:
            where += " AND g.target_kind = ? AND g.target = ?"
        return [
            _grant(row) for row in self._db.all(f"SELECT {_GRANT} FROM {_GRANTS} WHERE {where} ORDER BY g.pk", params)
        ]

    def delete_grant(self, workspace: str, grant_id: int) -> None:
        """Take a role back."""
        self._db.run("DELETE FROM grants WHERE workspace = ? AND pk = ?", (workspace, grant_id))
        self.touch()

    def list_given(self, workspace: str, user_pk: int) -> list[Given]:
        """Return every role that a user has."""
        rows = self._db.all(
            "SELECT 'user', '', target_kind, target, role, 0 FROM grants"
            " WHERE workspace = ? AND subject_kind = 'user' AND subject_pk = ?"
            " UNION ALL SELECT 'everyone', '', target_kind, target, role, 0 FROM grants"
            " WHERE workspace = ? AND subject_kind = 'everyone' AND subject_pk = 0"
            " UNION ALL SELECT 'team', t.name, g.target_kind, g.target, g.role, t.pk FROM team_members m"
            " JOIN teams t ON t.pk = m.team_pk JOIN grants g ON g.workspace = t.workspace"
            " AND g.subject_kind = 'team' AND g.subject_pk = t.pk WHERE m.user_pk = ? AND t.workspace = ?",
            (workspace, user_pk, workspace, user_pk, workspace),
        )
        return [Given(*row) for row in rows]

    def follow_target(self, workspace: str, kind: GrantKind, target: str, renamed: str | None) -> None:
        """Have the grants on an object follow its new name, or end with it."""
        where = "workspace = ? AND target_kind = ? AND target = ?"
        if renamed is None:
            self._db.run(f"DELETE FROM grants WHERE {where}", (workspace, kind, target))
        elif renamed != target:
            self._db.run(f"DELETE FROM grants WHERE {where}", (workspace, kind, renamed))
            self._db.run(f"UPDATE grants SET target = ? WHERE {where}", (renamed, workspace, kind, target))
        self.touch()

    def match_experiments(self, workspace: str, pattern: str) -> list[int]:
        """Return numbers of experiments whose name fits a pattern."""
        sql = "SELECT pk FROM experiments WHERE workspace = ? AND name LIKE ? ESCAPE '~'"
        return [row[0] for row in self._db.all(sql, (workspace, _like(pattern)))]

    def match_names(self, workspace: str, kind: NamedKind, pattern: str) -> list[tuple[int, str]]:
        """Return numbers and names of the objects of a kind that a pattern or a name stands for."""
        test, value = ("LIKE ? ESCAPE '~'", _like(pattern)) if "*" in pattern else ("= ?", pattern)
        sql = f"SELECT pk, name FROM {_NAMED[kind]} WHERE workspace = ? AND name {test}"
        return [(row[0], row[1]) for row in self._db.all(sql, (workspace, value))]

    def _touched(self, changed: int) -> bool:
        if changed:
            self.touch()
        return changed > 0

    def _count(self, sql: str) -> int:
        row = self._db.one(sql)
        assert row is not None
        return int(row[0])


def _like(pattern: str) -> str:
    """Write a pattern whose ``*`` stands for anything as one of LIKE."""
    escaped = pattern.replace("~", "~~").replace("%", "~%").replace("_", "~_")
    return escaped.replace("*", "%")


def _user(row: Row | None) -> UserRow | None:
    if row is None:
        return None
    pk, name, kind, password, is_admin, disabled, home = row
    return UserRow(pk, name, kind, password, bool(is_admin), bool(disabled), disabled == _SUSPENDED, home)


def _shown(row: Row) -> User:
    pk, name, kind, is_admin, disabled, has_password, created_ms, created_by, workspace = row
    return User(
        number=pk,
        name=name,
        kind=kind,
        is_admin=bool(is_admin),
        disabled=bool(disabled),
        has_password=bool(has_password),
        created_ms=created_ms,
        created_by=created_by,
        workspace=workspace,
    )


def _grant(row: Row) -> Grant:
    fields: tuple[Any, ...] = row
    pk, subject_kind, subject, subject_pk, target_kind, target, role, created_ms, created_by = fields
    return Grant(
        grant_id=str(pk),
        subject_kind=subject_kind,
        subject=subject,
        subject_number=subject_pk,
        target_kind=target_kind,
        target=target,
        role=role,
        created_ms=created_ms,
        created_by=created_by,
    )
