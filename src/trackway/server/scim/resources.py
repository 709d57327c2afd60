"""People and teams as SCIM's resources, and back. Sources: RFC 7643 (resources), RFC 7644 (protocol).

scim2-models reads and writes the messages, resolves filters and paths, and applies patches. It is imported when the
door is opened, not before.
"""

from __future__ import annotations

import datetime
from functools import cache
from typing import Annotated, Any, NamedTuple

from trackway.api import provisioning as p
from trackway.base.errors import NotSupported

PREFIX = "/scim/v2"
MOST_RESULTS = 1_000


class Resources(NamedTuple):
    """The library, the two kinds of resource that are kept up here, and what is said about them."""

    library: Any
    user: Any
    group: Any
    member: Any
    provider: Any


@cache
def load_resources() -> Resources:
    """Import the library, and describe what is kept up here.

    raises: NotSupported without scim2-models
    """
    try:
        import scim2_models as scim
        from pydantic import Field
    except ImportError as error:
        raise NotSupported("SCIM needs the package scim2-models", hint="pip install 'trackway[scim]'") from error

    class User(scim.Resource[Any]):
        """A person. The name stays, as what somebody did is known by it."""

        __schema__ = scim.URN("urn:ietf:params:scim:schemas:core:2.0:User")
        user_name: Annotated[str | None, scim.Required.true, scim.Uniqueness.server, scim.Mutability.immutable] = None
        active: bool | None = None
        groups: Annotated[list[scim.GroupMembership] | None, scim.Mutability.read_only] = None

    class Member(scim.ComplexAttribute):
        """Somebody in a team, named by number."""

        value: Annotated[str | None, scim.Mutability.immutable, scim.CaseExact.true] = None
        ref: Annotated[scim.Reference[User] | None, scim.Mutability.immutable] = Field(None, alias="$ref")

    class Group(scim.Resource[Any]):
        """A team."""

        __schema__ = scim.URN("urn:ietf:params:scim:schemas:core:2.0:Group")
        display_name: Annotated[str | None, scim.Required.true, scim.Uniqueness.server] = None
        members: list[Member] | None = None

    config = scim.ServiceProviderConfig(
        documentation_uri=None,
        patch=scim.Patch(supported=True),
        bulk=scim.Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=scim.Filter(supported=True, max_results=MOST_RESULTS),
        change_password=scim.ChangePassword(supported=False),
        sort=scim.Sort(supported=True),
        etag=scim.ETag(supported=True),
        authentication_schemes=[
            scim.AuthenticationScheme(
                type=scim.AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="A token of this server that is for provisioning",
                primary=True,
            )
        ],
    )
    # As identity providers send it: with more attributes than are kept here, and with removals in Entra's manner.
    policy = scim.ScimPolicy(
        unknown=scim.ScimPolicy.Unknown.ignore, remove_value_as_filter=scim.ScimPolicy.RemoveValue.apply
    )
    provider = scim.ScimProvider([User, Group], config=config, policy=policy)
    return Resources(scim, User, Group, Member, provider)


def show_user(user: p.ProvisionedUser, base: str) -> Any:
    """Return a person as a resource; ``base`` is the address of this door."""
    made = load_resources()
    created = datetime.datetime.fromtimestamp(user.created_ms / 1000, datetime.UTC)
    return made.user(
        id=str(user.number),
        external_id=user.external_id or None,
        user_name=user.name,
        active=user.active,
        groups=[
            made.library.GroupMembership(
                value=str(team.number), ref=f"{base}/Groups/{team.number}", display=team.name, type="direct"
            )
            for team in user.teams
        ]
        or None,
        meta=_show_meta("User", f"{base}/Users/{user.number}", user.revision, created),
    )


def show_team(team: p.ProvisionedTeam, base: str) -> Any:
    """Return a team as a resource."""
    made = load_resources()
    return made.group(
        id=str(team.number),
        external_id=team.external_id or None,
        display_name=team.name,
        members=[made.member(value=str(one.number), ref=f"{base}/Users/{one.number}") for one in team.members] or None,
        meta=_show_meta("Group", f"{base}/Groups/{team.number}", team.revision, None),
    )


def read_user(resource: Any, number: int = 0, revision: str = "") -> p.SetProvisionedUser:
    """Return what is to be kept of a resource that was sent, or patched."""
    return p.SetProvisionedUser(
        name=resource.user_name,
        number=number,
        external_id=resource.external_id or "",
        active=resource.active is not False,
        revision=revision,
    )


def read_team(resource: Any, number: int = 0, revision: str = "") -> p.SetProvisionedTeam:
    """Return what is to be kept of a team; a member is named by ``value``."""
    members = [read_number(member.value or "") for member in resource.members or []]
    return p.SetProvisionedTeam(
        name=resource.display_name,
        members=list(dict.fromkeys(members)),
        number=number,
        external_id=resource.external_id or "",
        revision=revision,
    )


def read_number(text: str) -> int:
    """Return the number that an id stands for; -1, which nobody has, for what is none.

    Numbers begin at 1: 0 would ask for everybody.
    """
    return (int(text) or -1) if text.isascii() and text.isdigit() and len(text) <= 18 else -1


def _show_meta(kind: str, location: str, revision: str, created: datetime.datetime | None) -> Any:
    return load_resources().library.Meta(
        resource_type=kind, location=location, version=f'W/"{revision}"', created=created
    )
