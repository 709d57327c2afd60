"""What is to come of a request, by the permission that its operation declares, and by who asks about what."""

from __future__ import annotations

import re
from typing import Any

from tests.server.rights.actors import Actor
from tests.server.rights.doors import LOOK_BACK, NOT_OFFERED, find_operations, shorten
from tests.server.rights.requests import NATIVE
from trackway.api.operations import OPERATIONS
from trackway.http.messages import Route

ACCESS = {one.name: one.access for one in OPERATIONS}
OK = 200
"""Let in; every other verdict is a status."""
FILTERED = 0
"""Answered with what may be seen, which is not what was asked about: nothing, or that it is not there."""
NOT_THERE = 1
"""Refused, for want of the right or of the object, by whichever is looked at first: who asks may read all there is."""
OBJECTS = (
    "grant",
    "experiment",
    "run",
    "runs",
    "logged_model",
    "registered_model",
    "endpoint",
    "schedule",
    "file",
    "trash",
)
OF_OTHERS = (
    *("tokens.create", "tokens.list", "tokens.delete", "sign_ins.list"),
    *("sessions.list", "sessions.delete", "sessions.delete_others"),
)
"""Of another user, as the requests here name one, administrators of the installation alone."""
IS_NOTHING = (
    *("metrics.history", "grants.list", "artifacts.list", "artifacts.delete"),
    *("artifacts.begin_upload", "artifacts.create_multipart", "artifacts.commit_upload"),
)
"""Who may do these everywhere may where nothing is: what is not there has no points and no files, and may get some."""
OF_AUTHOR = {
    "registered_models.update_comment": 403,
    "registered_models.delete_comment": 403,
    "artifacts.get_multipart": 404,
}
"""Beside the right one must be who made it, which is the administrator here."""
TELLS_NAMES = ("retention.report", "audit.search", "schedules.claim", "grants.list_own", "workspace-grants")
"""These name objects to whom they let in, whether or not those may be read: it is what they are about."""

FIND_ONE = re.compile(r"users/permissions/revoke|(experiments|registered-models)/permissions/(get|delete)")
"""Of what is nowhere nobody has a permission, which these would find."""
BY_NUMBER = ("roles/permissions/update", "roles/permissions/remove")
"""A number says which grant these are about, and so what object."""


def list_operations(route: Route[Any]) -> list[str]:
    """Return the operations that a route stands for, in the order in which it calls them.

    raises: KeyError for a route that nobody has said anything of
    """
    operation = NATIVE.get((route.method, route.path))
    return [operation.name] if operation else find_operations(route.method, route.path).split()


def names_object(route: Route[Any]) -> bool:
    """Tell whether a request of a route is about one of the things."""
    if shorten(route.path) in BY_NUMBER:
        return False
    about = [ACCESS[name] for name in list_operations(route) if name in ACCESS and name != "grants.delete"]
    return any(one.lists or one.target in OBJECTS for one in about)


def may_see(actor: Actor, place: str) -> bool:
    """Tell whether somebody may see the things of a place."""
    if place == "granted":
        return "read" in actor.workspace | actor.granted
    return place == "hidden" and "read" in actor.workspace


def expect(route: Route[Any], actor: Actor, place: str) -> int:
    """Return what is to come of a route's request: what the first operation says that does not let it in."""
    if route.access == "anywhere":
        return 404 if actor.outside and actor.enters else OK  # a token for one workspace comes into no other
    if actor.outside:
        return 404
    if route.access == "reader":
        return OK if "read" in actor.workspace else 403
    if route.access == "known":
        return OK
    verdicts = (judge(name, actor, place) for name in list_operations(route))
    verdict = next((one for one in verdicts if one != OK), OK)
    is_there = place in ("granted", "hidden")
    misses = verdict == OK and not is_there and FIND_ONE.fullmatch(shorten(route.path))
    return 404 if misses else verdict


def judge(name: str, actor: Actor, place: str) -> int:
    """Return what is to come of one operation."""
    if name == "workspace-grants":
        return OK if "admin" in actor.workspace or {"read", "manage"} <= actor.workspace else 403
    access = ACCESS[name]
    if access.lists:
        return OK if may_see(actor, place) else FILTERED
    if access.target == "self":
        return _judge_self(name, actor)
    if access.target in OBJECTS:
        return _judge_object(name, actor, "granted" if name == "grants.delete" else place)
    permitted = {
        "system": actor.is_root,
        "provisioning": actor.provisions,
        "workspace": access.permission in actor.workspace and _has_more(name, actor),
    }
    return OK if permitted[access.target] else 403


def _has_more(name: str, actor: Actor) -> bool:
    """Tell whether somebody may hand everything out, and make a role that may read."""
    return name not in ("workspaces.export", "roles.set") or "read" in actor.workspace


def _judge_self(name: str, actor: Actor) -> int:
    if ACCESS[name].permission not in actor.most and name != "users.current":
        return 403
    if name in OF_OTHERS:
        return OK if actor.is_root else 403
    if name == "access.explain":
        return OK if "admin" in actor.workspace else 403
    if name in ("workspaces.get", "workspaces.choose"):
        return OK if actor.enters else 404
    if name == "users.change_password":
        return OK if actor.is_root else 400  # the others have no password, and so another than they say
    return OK


def _judge_object(name: str, actor: Actor, place: str) -> int:
    permission = ACCESS[name].permission
    if ACCESS[name].target == "trash":  # the administrator deleted what is in it
        return 403 if "admin" not in actor.workspace else OK if place in ("granted", "hidden") else 404
    permitted = actor.workspace | (actor.granted if place == "granted" else frozenset())
    if "read" not in permitted:
        return 404
    is_there = place in ("granted", "hidden")
    if permission not in permitted:
        return 403 if is_there else NOT_THERE
    if name in OF_AUTHOR and not actor.is_root:
        return OF_AUTHOR[name] if is_there else 404
    return OK if is_there or name in IS_NOTHING else 404


def agrees(route: Route[Any], verdict: int, status: int, carried_out: list[str]) -> bool:
    """Tell whether an answer is what was to come."""
    path = shorten(route.path)
    if verdict == FILTERED:
        return status in (200, 404)
    if verdict == NOT_THERE:
        return status in (403, 404)
    if verdict != OK:
        return status == verdict
    if route.access in ("known", "anywhere"):
        return status in (200, 501) or (status == 400 and path == "api/v1/session")  # a token ends otherwise
    if route.path == "/api/v1/events":
        return status == 503  # there is no room for a stream, of which only those hear who may have one
    if path.startswith(NOT_OFFERED):
        return status in (400, 501)
    if f"{route.method} {path}" in LOOK_BACK:
        return status == 404 and list_operations(route)[0] in carried_out
    return 200 <= status < 300 and (route.access != "operation" or _were_carried_out(route, carried_out))


def _were_carried_out(route: Route[Any], carried_out: list[str]) -> bool:
    """Tell whether a route called the operations that it is said to stand for."""
    named = {"grants.list" if name == "workspace-grants" else name for name in list_operations(route)}
    return named <= set(carried_out)
