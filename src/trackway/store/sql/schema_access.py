"""The tables of access control; see ``schema``.

A user belongs to the whole installation; teams, roles and grants to a workspace. No secret is in any of these tables:
passwords as argon2id, everything else that is sent as a credential as its SHA-256.
"""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint

from trackway.store.sql.columns import STRING, integer, make_table, pk, serial, string

users = make_table(
    "users",
    serial(),
    string("name"),
    string("folded"),
    string("kind"),
    string("password"),
    integer("is_admin"),
    integer("disabled"),
    string("home"),
    integer("created_ms"),
    string("created_by"),
    string("external_id"),
    UniqueConstraint("folded", name="uq_users_folded"),
    ids=True,
)
"""``folded`` is the name in lower case: no two names differ in nothing else. ``disabled`` is 1 when somebody said so,
and 2 when the directory did that the user comes from. ``external_id`` is what a directory calls a person by SCIM.
``home`` is the key of the workspace that requests without one are for; empty for the default one."""
credentials = make_table(
    "credentials",
    pk("digest", STRING),
    string("kind"),
    string("public_id"),
    integer("user_pk"),
    string("name"),
    string("role"),
    string("workspace"),
    integer("created_ms"),
    integer("expires_ms"),
    string("client"),
    string("address"),
    integer("used_ms"),
    clustered=True,
)
"""Sessions, tokens, invitations. ``expires_ms`` 0 for never; ``user_pk`` 0 for the set-up link; ``workspace`` is the
only one that a token is for, empty for all of its user's. What a browser called itself, and where it was last used from
and when, is of sessions."""
Index("ix_credentials_user", credentials.c.user_pk, credentials.c.kind)
Index("ix_credentials_expiry", credentials.c.expires_ms)
identities = make_table("identities", pk("issuer", STRING), pk("subject", STRING), integer("user_pk"), clustered=True)
"""Users whom a provider of single sign-on names: by its subject, which nobody else will ever have."""
Index("ix_identities_user", identities.c.user_pk)
access_versions = make_table("access_versions", pk("name", STRING), integer("version"))
"""Grows with each change of what anybody may do: every server compares it with what it keeps in memory."""
teams = make_table(
    "teams",
    serial(),
    string("workspace"),
    string("name"),
    string("description"),
    string("external_id"),
    UniqueConstraint("workspace", "name", name="uq_teams_name"),
    ids=True,
)
team_members = make_table("team_members", pk("team_pk"), pk("user_pk"), clustered=True)
Index("ix_team_members_user", team_members.c.user_pk)
roles = make_table("roles", pk("workspace", STRING), pk("name", STRING), string("permissions"), clustered=True)
grants = make_table(
    "grants",
    serial(),
    string("workspace"),
    string("subject_kind"),
    integer("subject_pk"),
    string("target_kind"),
    string("target"),
    string("role"),
    integer("created_ms"),
    string("created_by"),
    UniqueConstraint("workspace", "subject_kind", "subject_pk", "target_kind", "target", name="uq_grants_subject"),
    ids=True,
)
Index("ix_grants_target", grants.c.workspace, grants.c.target_kind, grants.c.target)

quotas = make_table(
    "quotas",
    pk("workspace", STRING),
    integer("runs", nullable=True),
    integer("points", nullable=True),
    integer("size_bytes", nullable=True),
    integer("requests_per_minute", nullable=True),
    string("exceeded"),
    clustered=True,
)
"""What a workspace may hold, and as JSON which of that it had passed when somebody last counted."""

holds = make_table(
    "holds",
    serial(),
    string("workspace"),
    string("target_kind"),
    string("target"),
    string("reason"),
    integer("created_ms"),
    string("created_by"),
    ids=True,
)
Index("ix_holds_target", holds.c.workspace, holds.c.target_kind, holds.c.target)

TABLES = (users, credentials, grants)
"""Those that others hang on."""
