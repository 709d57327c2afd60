"""Hostile filters, patches and bodies at the door of SCIM: refused in the protocol's words, and nothing is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.server.access import ADMIN, Site, Visitor, bearer, on_site

USERS, GROUPS = "/scim/v2/Users", "/scim/v2/Groups"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
DEEP = "(" * 900 + 'userName eq "a"' + ")" * 900
FILTERS = [
    "",
    "(",
    DEEP,
    "not " * 400 + '(userName eq "a")',
    'userName eq "a" or ' * 90 + "x",
    "userName eq",
    'userName xx "a"',
    'userName eq "a" drop table users',
    "userName eq 'a'",
    'password sw "a"',
    "is_admin eq true",
    'userName.password eq "a"',
    "urn:ietf:params:scim:schemas:core:2.0:User:password pr",
    'members[value eq "1"',
    'userName eq "a\x00"',
    'meta.created gt "not a date"',
    "active gt true",
    "x" * 2_001,
]
OPERATIONS: list[Any] = [
    None,
    [],
    [{}],
    [{"op": "move", "path": "active", "value": True}],
    [{"op": "replace", "path": "id", "value": "1"}],
    [{"op": "replace", "path": "userName", "value": "root2"}],
    [{"op": "replace", "path": "userName", "value": None}],
    [{"op": "remove", "path": "userName"}],
    [{"op": "replace", "path": "meta.version", "value": "x"}],
    [{"op": "replace", "path": "schemas", "value": ["x"]}],
    [{"op": "add", "path": "groups", "value": [{"value": "1"}]}],
    [{"op": "replace", "path": "active", "value": {"a": 1}}],
    [{"op": "replace", "path": "active", "value": "perhaps"}],
    [{"op": "replace", "path": f"groups[{DEEP}].value", "value": "x"}],
    [{"op": "replace", "path": 'groups[value eq "1"', "value": "x"}],
    [{"op": "replace", "path": "../../etc/passwd", "value": "x"}],
    [{"op": "replace", "path": "__class__.__init__", "value": "x"}],
    [{"op": "replace", "path": "externalId", "value": "x" * 300}],
    [{"op": "replace", "path": "externalId", "value": "a\x00b"}],
    [{"op": "replace", "path": "active", "value": False}, {"op": "replace", "path": "id", "value": "1"}],
    [{"op": "replace", "path": "active", "value": True}] * 1_001,
]
"""Each is refused, also where its first part alone would be taken."""


async def open_door(site: Site) -> Visitor:
    made = await site.admin.get("POST", "/api/v1/tokens", {"name": "scim", "role": "provisioner"})
    return Visitor(site.app, bearer(made["secret"]))


def play(folder: Path, act: Any) -> None:
    async def work(site: Site) -> None:
        await act(site, await open_door(site))

    on_site(folder, work, scim=True)


@pytest.mark.parametrize("wanted", FILTERS, ids=range(len(FILTERS)))
def test_a_hostile_filter_is_refused_or_finds_nobody(tmp_path: Path, wanted: str) -> None:
    async def act(_site: Site, door: Visitor) -> None:
        for kind in (USERS, GROUPS):
            status, told = await door.ask("GET", f"{kind}?filter={quote(wanted)}")
            assert status == 400 or (status, told["totalResults"]) == (200, 0), told
            search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": wanted}
            status, told = await door.ask("POST", f"{kind}/.search", search)
            assert status == 400 or (status, told["totalResults"]) == (200, 0), told

    play(tmp_path, act)


def test_a_hostile_patch_is_refused_as_a_whole(tmp_path: Path) -> None:
    async def act(site: Site, door: Visitor) -> None:
        status, made = await door.ask("POST", USERS, {"schemas": [USER], "userName": "ann", "externalId": "1"})
        assert status == 201
        path = f"{USERS}/{made['id']}"
        for operations in OPERATIONS:
            status, told = await door.ask("PATCH", path, {"schemas": [PATCH], "Operations": operations})
            assert status == 400, (operations, told)
            assert told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        unknown = [{"op": "replace", "path": "is_admin", "value": True}, {"op": "add", "value": {"isAdmin": True}}]
        status, _ = await door.ask("PATCH", path, {"schemas": [PATCH], "Operations": unknown})
        assert status == 200, "attributes that are not kept here are left alone"
        kept = await door.get("GET", path)
        assert kept == made
        assert not (await site.admin.get("GET", "/api/v1/users/ann"))["is_admin"]

    play(tmp_path, act)


def test_a_hostile_body_or_id_is_refused(tmp_path: Path) -> None:
    async def act(site: Site, door: Visitor) -> None:
        for body in (b"", b"{", b"[]", b"null", b'{"schemas": []}', b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe"):
            status, answer = await site.app.send("POST", USERS, body, headers=door.headers)
            assert status == 400, (body[:20], answer)
        for sent in (
            {"userName": "ann", "roles": [{"value": "admin"}], "is_admin": True},
            {"userName": "Robert'); DROP TABLE users;--"},
            {"userName": ["ann"]},
            {"userName": "ann", "active": "perhaps"},
            {"userName": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")},
            {"userName": ADMIN.upper()},
        ):
            status, told = await door.ask("POST", USERS, {"schemas": [USER], **sent})
            assert status in (201, 400, 409), told
            assert (status == 201) == ("is_admin" in sent), told
        for wrong in ("0", "-1", "1.0", "1e0", "x", "9" * 30, "%31%00", "..", "1'", "１"):
            for method in ("GET", "DELETE"):
                status, _ = await door.ask(method, f"{USERS}/{quote(wrong, safe='%')}")
                assert status in (400, 404, 405), (wrong, status)
        assert not (await site.admin.get("GET", "/api/v1/users/ann"))["is_admin"]

    play(tmp_path, act)
