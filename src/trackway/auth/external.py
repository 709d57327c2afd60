"""Who signs in elsewhere, by the word of an OpenID provider or of a directory, and what their groups mean here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Means = Literal["oidc", "ldap"]


class External(NamedTuple):
    """A person, as another place knows them.

    means:   how we know
    issuer:  which place: a provider's address, a directory's base
    subject: what nobody else will ever be there
    sid:     the provider's session, or empty
    """

    means: Means
    issuer: str
    subject: str
    name: str
    groups: frozenset[str]
    sid: str = ""


class GroupMapping(NamedTuple):
    """What groups of another place mean here.

    teams:  groups to teams here, in which members are whom the place says
    admins: group whose members are administrators; empty leaves that to this server
    """

    teams: Mapping[str, str]
    admins: str = ""
