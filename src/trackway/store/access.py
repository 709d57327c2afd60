"""What a store keeps of access control: users and what they show, teams, roles, grants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

from trackway.api.access import Grant, GrantKind, NamedKind, SubjectKind, Team, User, UserKind
from trackway.api.calls import Permission

CredentialKind = Literal["session", "token", "invitation", "setup"]


class UserRow(NamedTuple):
    """A user with what is never shown.

    password:  argon2id's encoded hash, or empty
    suspended: disabled by the directory that the user comes from, which may take that back
    home:      key of the workspace that requests without one are for; empty for the default one
    """

    pk: int
    name: str
    kind: UserKind
    password: str
    is_admin: bool
    disabled: bool
    suspended: bool = False
    home: str = ""


class CredentialRow(NamedTuple):
    """What somebody may show instead of a password.

    digest:     SHA-256 of the secret, in hexadecimal
    user_pk:    0 for the set-up link, which makes the first user
    role:       the most that it permits; empty for all that its user may do
    workspace:  key of the only one that it is for; empty for all of its user's
    expires_ms: 0 for never
    client:     what a browser called itself, for a session
    address:    where a session was last used from, and when
    """

    digest: str
    kind: CredentialKind
    public_id: str
    user_pk: int
    name: str
    role: str
    workspace: str
    created_ms: int
    expires_ms: int
    client: str = ""
    address: str = ""
    used_ms: int = 0


class Given(NamedTuple):
    """A role that a user has, by a grant to the user, a team or everyone; ``through`` and ``team`` say which team."""

    subject_kind: SubjectKind
    through: str
    target_kind: GrantKind
    target: str
    role: str
    team: int = 0


class GrantRow(NamedTuple):
    """A new grant; ``subject_pk`` is 0 for everyone."""

    workspace: str
    subject_kind: SubjectKind
    subject_pk: int
    target_kind: GrantKind
    target: str
    role: str
    created_ms: int
    created_by: str


class Access(Protocol):
    """Users, credentials, teams, roles and grants. Every change raises ``version``."""

    def version(self) -> int:
        """Return a number that grows with every change of access; read once in a transaction.

        A writer may get the number that was last, and begins its transaction anew when that has grown meanwhile.
        """

    def confirm(self) -> None:
        """Make sure, before something is done that cannot be undone, that this transaction will not begin anew."""

    @property
    def changed(self) -> bool:
        """Whether this transaction has changed anything of access, which may still be undone."""

    def create_user(
        self, name: str, kind: UserKind, password: str, is_admin: bool, now_ms: int, actor: str
    ) -> int | None:
        """Insert a user and return its number; None when the name is taken, in whichever case."""

    def find_user(self, name: str) -> UserRow | None: ...
    def get_user(self, pk: int) -> UserRow | None: ...
    def show_user(self, pk: int) -> User: ...
    def list_users(self, limit: int, after: str) -> list[User]: ...
    def count_users(self) -> int: ...
    def count_admins(self) -> int:
        """Return how many administrators can sign in."""

    def list_administrators(self, workspace: str, limit: int) -> list[str]:
        """Return names of people who have the permission ``admin`` on a workspace by a grant to them or to a team.

        Where there are none, and for the workspace "", those of the installation. None that is disabled.
        """

    def update_user(self, pk: int, is_admin: bool, disabled: bool | None) -> None:
        """Change a user; ``disabled`` None leaves that as it is, and counts more than what a directory says."""

    def suspend_user(self, pk: int, suspended: bool) -> None:
        """Disable a user until a directory takes that back; nothing for who was disabled otherwise."""

    def set_home(self, pk: int, workspace: str) -> None: ...
    def set_password(self, pk: int, password: str) -> None: ...
    def delete_user(self, pk: int) -> None:
        """Remove a user with credentials, memberships and grants."""

    def find_identity(self, issuer: str, subject: str) -> int | None:
        """Return the number of the user whom a provider's subject is bound to."""

    def has_identity(self, pk: int) -> bool: ...
    def add_identity(self, issuer: str, subject: str, pk: int) -> None: ...
    def list_identities(self, issuer: str) -> list[tuple[str, int]]:
        """Return all subjects of an issuer with the numbers of their users."""

    def end_sessions(self, pk: int | None, name: str) -> list[int]:
        """Delete sessions of a user (None for whomever) and of a provider's session (empty for all).

        returns: whose each was
        Nothing is deleted when neither is given.
        """

    def add_credential(self, row: CredentialRow) -> None: ...
    def find_credential(self, digest: str) -> CredentialRow | None: ...
    def list_credentials(self, user_pk: int, kind: CredentialKind) -> list[CredentialRow]:
        """Return a user's credentials of a kind, oldest first, expired or not."""

    def delete_named(self, user_pk: int, kind: CredentialKind, public_id: str) -> bool:
        """Delete the credential of a user that an id names; tell whether it was there."""

    def note_use(self, digest: str, address: str, now_ms: int) -> None:
        """Keep when and from where a credential was used: nobody's rights change by it."""

    def delete_credential(self, digest: str) -> bool: ...
    def delete_credentials(self, user_pk: int, kinds: Sequence[CredentialKind]) -> None: ...
    def forget_credentials(self, before_ms: int, limit: int) -> int:
        """Delete what expired before a time; return how many."""

    def create_team(self, workspace: str, name: str, description: str = "") -> int | None:
        """Insert a team and return its number; None when the name is taken."""

    def find_team(self, workspace: str, name: str) -> int | None: ...
    def list_teams(self, workspace: str) -> list[Team]: ...
    def show_team(self, team_pk: int) -> Team: ...
    def update_team(self, team_pk: int, name: str, description: str) -> None: ...
    def list_members(self, team_pk: int) -> list[str]: ...
    def delete_team(self, team_pk: int) -> None: ...
    def add_member(self, team_pk: int, user_pk: int) -> None: ...
    def remove_member(self, team_pk: int, user_pk: int) -> bool: ...
    def set_role(self, workspace: str, name: str, permissions: Iterable[Permission]) -> None: ...
    def list_roles(self, workspace: str) -> dict[str, list[Permission]]: ...
    def delete_role(self, workspace: str, name: str) -> bool:
        """Remove a role with the grants of it; False when there is none."""

    def put_grant(self, row: GrantRow) -> Grant:
        """Give a role, in place of the one that the subject has on the target."""

    def get_grant(self, workspace: str, grant_id: int) -> Grant | None: ...
    def list_grants(
        self, workspace: str, subject: tuple[SubjectKind, int] | None, target: tuple[GrantKind, str] | None
    ) -> list[Grant]: ...
    def delete_grant(self, workspace: str, grant_id: int) -> None: ...
    def list_given(self, workspace: str, user_pk: int) -> list[Given]:
        """Return every role that a user has in a workspace."""

    def follow_target(self, workspace: str, kind: GrantKind, target: str, renamed: str | None) -> None:
        """Have the grants on an object follow its new name, or end with it (None)."""

    def match_experiments(self, workspace: str, pattern: str) -> list[int]:
        """Return numbers of experiments, in the trash or not, whose name fits a pattern with ``*``."""

    def match_names(self, workspace: str, kind: NamedKind, pattern: str) -> list[tuple[int, str]]:
        """Return numbers in the store and names of objects of a kind; a pattern without ``*`` is a name."""

    def touch(self) -> None:
        """Raise the version for a change of what patterns mean: an object that came, or has another name."""
