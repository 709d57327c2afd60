"""Who comes: one of each kind, with what a person who reads the documentation would say that each may do."""

from __future__ import annotations

from typing import NamedTuple

from tests.server.access import Site, Visitor, bearer
from tests.server.rights.ground import ELSEWHERE, IN_ELSEWHERE, Things

ROLES: dict[str, frozenset[str]] = {
    "": frozenset(),
    "contributor": frozenset({"create"}),
    "reader": frozenset({"read"}),
    "editor": frozenset({"read", "write", "create"}),
    "manager": frozenset({"read", "write", "create", "delete", "manage"}),
    "admin": frozenset({"read", "write", "create", "delete", "manage", "admin"}),
    **{f"may-{one}": frozenset({one}) for one in ("read", "write", "create", "delete", "manage", "admin")},
}
"""What a role permits, as ``docs`` say, and six of an installation's own that permit one thing."""
IN_DEFAULT = (b"x-trackway-workspace", b"default")


class Actor(NamedTuple):
    """Who comes, and what is permitted to them.

    workspace: in the whole default workspace
    granted:   beside it, on the things that were granted
    outside:   whether the workspace that is asked for is none to them
    enters:    whether they have a role in the other workspace
    most:      what their token permits at most, whatever its user may
    """

    visitor: Visitor
    workspace: frozenset[str] = frozenset()
    granted: frozenset[str] = frozenset()
    is_root: bool = False
    provisions: bool = False
    outside: bool = False
    enters: bool = False
    most: frozenset[str] = frozenset({"read", "write", "create", "delete", "manage", "admin"})


async def make_actors(site: Site, granted: Things) -> dict[str, Actor]:
    """Make everybody, and give them what they have."""
    for name in ROLES:
        if name.startswith("may-"):
            await site.admin.get("PUT", f"/api/v1/roles/{name}", {"permissions": [name.removeprefix("may-")]})
    nobody = await site.add("nobody")
    actors = {
        "nobody": Actor(nobody),
        "intruder": Actor(Visitor(site.app, *nobody.headers, IN_ELSEWHERE), outside=True),
        "root": Actor(site.admin, ROLES["admin"], is_root=True, provisions=True, enters=True),
    }
    for role in ROLES:
        if role:
            actors[role] = Actor(await site.add(f"the-{role}", role), ROLES[role])
    for role in ("reader", "editor", "manager", "may-write"):
        name = f"granted-{role}"
        actors[name] = Actor(await site.add(name), granted=ROLES[role])
        await give(site, name, role, granted)
    actors["owner"] = Actor(await site.add("owner", "contributor"), ROLES["contributor"], ROLES["manager"])
    await give(site, "owner", "manager", granted)
    return actors | await _make_tokens(site)


async def give(site: Site, name: str, role: str, granted: Things) -> None:
    """Give a role on all the things: on one kind by a pattern."""
    for experiment in (granted.experiment, granted.gone_experiment):
        await site.give(name, role, "experiment", experiment)
    await site.give(name, role, "registered_model", granted.name)
    await site.give(name, role, "endpoint", f"{granted.name.partition('-')[0]}-*")
    await site.give(name, role, "schedule", granted.name)


async def _make_tokens(site: Site) -> dict[str, Actor]:
    """Make tokens that permit less than their users may."""
    await site.add("narrowed", "manager")
    narrowed = await _make_token(site, "narrowed", role="reader")
    await site.add("bound", "admin")
    grant = {"subject_kind": "user", "subject": "bound", "target_kind": "workspace", "target": "", "role": "admin"}
    inside = Visitor(site.app, *site.admin.headers, IN_ELSEWHERE)
    await inside.get("POST", "/api/v1/grants", grant)
    bound = await _make_token(site, "bound", workspace=ELSEWHERE)
    stranger = await site.add("stranger")
    await inside.get("POST", "/api/v1/grants", grant | {"subject": "stranger"})
    reads, provisions = [await _make_token(site, "", role=role) for role in ("reader", "provisioner")]
    return {
        "narrowed token": Actor(narrowed, ROLES["reader"], most=ROLES["reader"]),
        "bound token": Actor(Visitor(site.app, *bound.headers, IN_DEFAULT), outside=True, enters=True),
        "stranger": Actor(stranger, enters=True),
        "root's token to read": Actor(reads, ROLES["reader"], enters=True, most=ROLES["reader"]),
        "provisioner": Actor(provisions, provisions=True, enters=True, most=frozenset()),
    }


async def _make_token(site: Site, user: str, **limits: str) -> Visitor:
    made = await site.admin.get("POST", "/api/v1/tokens", {"name": "limited", "user": user, **limits})
    return Visitor(site.app, bearer(made["secret"]))
