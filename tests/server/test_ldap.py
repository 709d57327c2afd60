"""Sign-in by a real OpenLDAP server: whom it knows comes in, and nobody by any trick with names or passwords."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.access import PASSWORD, Site, Visitor, basic, bearer, cookie, on_site
from tests.services.certificates import write_certificate
from tests.services.slapd import (
    GROUPS,
    PEOPLE,
    READER,
    READER_PASSWORD,
    DirectoryServer,
    run_slapd,
)
from trackway.auth.directory import Directory
from trackway.auth.federation import Federation
from trackway.base.errors import Unavailable
from trackway.base.settings import read_settings
from trackway.store.sql.store import SqlStore
from trackway.wiring.directory import make_directory, make_task

pytestmark = pytest.mark.slow
ME = "/api/v1/me"
ANN, ANNS = "ann", "what ann alone knows"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DirectoryServer]:
    monkeypatch.setenv("TRACKWAY_LDAP_PASSWORD", READER_PASSWORD)
    folder = tmp_path / "directory"
    folder.mkdir()
    with run_slapd(folder) as server:
        server.add_group("ds-vision", server.add_person(ANN, ANNS))
        server.add_group("ds-ops", server.add_person("bob", "bob's own password"))
        yield server


def settings(server: DirectoryServer, **more: Any) -> dict[str, Any]:
    given = {
        "ldap_url": f"ldaps://127.0.0.1:{server.secure_port}",
        "ldap_ca": str(server.certificate),
        "ldap_bind_dn": READER,
        "ldap_base": PEOPLE,
        "ldap_filter": "(&(uid={name})(!(employeeType=left)))",
        "ldap_group_base": GROUPS,
        "ldap_teams": "ds-vision=vision,ds-ops=ops",
        "ldap_admins": "ds-ops",
    }
    return {**given, **more}


def make(server: DirectoryServer, **more: Any) -> Directory:
    made = make_directory(read_settings({"auth": True, **settings(server, **more)}))
    assert made is not None
    return made[0]


def play(folder: Path, server: DirectoryServer, act: Callable[[Site], Awaitable[None]], **more: Any) -> None:
    on_site(folder, act, **settings(server, **more))


def compare(folder: Path, server: DirectoryServer) -> None:
    """Do now what the server does every five minutes."""
    store = SqlStore(f"sqlite:///{folder}/t.db")
    try:
        made = make_directory(read_settings({"auth": True, **settings(server)}))
        assert made is not None
        make_task(made[0], Federation(store, made[1])).run()
    finally:
        store.close()


async def sign_in(site: Site, name: str, password: str) -> tuple[int, str]:
    status, _ = await site.anonymous.ask("POST", "/api/v1/session", {"name": name, "password": password})
    sent = site.app.told.get(b"set-cookie", b"").decode()
    return status, sent.partition(";")[0].partition("=")[2]


def test_whom_the_directory_knows_comes_in_with_teams_and_rights(tmp_path: Path, directory: DirectoryServer) -> None:
    async def act(site: Site) -> None:
        status, secret = await sign_in(site, "Ann", ANNS)
        assert status == 200
        me = await Visitor(site.app, cookie(secret)).get("GET", ME)
        assert (me["name"], me["kind"], me["is_admin"], me["means"]) == (ANN, "user", False, "session")
        bob = await Visitor(site.app, basic("bob", "bob's own password")).get("GET", ME)
        assert (bob["name"], bob["is_admin"], bob["means"]) == ("bob", True, "directory")
        teams = await site.admin.get("GET", "/api/v1/teams")
        assert [(team["team"], team["members"]) for team in teams["teams"]] == [("ops", ["bob"]), ("vision", [ANN])]
        assert (await site.admin.get("GET", ME))["means"] == "password", "passwords of this server go on to work"
        told = [(one["operation"], one["object"], one["detail"]) for one in await site.audit(object="ann")]
        assert ("session.open", ANN, "") in told
        assert ("users.create", ANN, "ldap") in told

    play(tmp_path, directory, act)


@pytest.mark.parametrize(
    "name, password",
    [
        (ANN, ""),
        (ANN, "wrong"),
        (ANN, f"{ANNS}\x00"),
        ("*", ANNS),
        ("a*", ANNS),
        ("ann)(uid=*", ANNS),
        ("*)(|(uid=*", ANNS),
        (f"uid=ann,{PEOPLE}", ANNS),
        ("nobody", "anything at all"),
        ("nobody", ""),
        ("\\2a", ANNS),
        ("trackway", READER_PASSWORD),
    ],
)
def test_nobody_comes_in_by_a_trick(tmp_path: Path, directory: DirectoryServer, name: str, password: str) -> None:
    assert make(directory).authenticate(name, password) is None

    async def act(site: Site) -> None:
        assert (await sign_in(site, name, password))[0] == 401
        assert len((await site.admin.get("GET", "/api/v1/users"))["users"]) == 1

    play(tmp_path, directory, act)


def test_who_leaves_is_out_when_the_server_looks_and_comes_back_as_the_same_user(
    tmp_path: Path, directory: DirectoryServer
) -> None:
    async def act(site: Site) -> None:
        _, session = await sign_in(site, ANN, ANNS)
        shown = [cookie(session), basic(ANN, ANNS)]
        made = await Visitor(site.app, basic(ANN, ANNS)).get("POST", "/api/v1/tokens", {"name": "ci"})
        shown.append(bearer(made["secret"]))

        async def ask() -> list[int]:
            return [(await Visitor(site.app, one).ask("GET", ME))[0] for one in shown]

        assert await ask() == [200, 200, 200]
        directory.change(f"uid={ANN},{PEOPLE}", "employeeType", "left")
        await asyncio.to_thread(compare, tmp_path, directory)
        assert await ask() == [401, 401, 401]
        assert (await site.admin.get("GET", f"/api/v1/users/{ANN}"))["disabled"]
        directory.change(f"uid={ANN},{PEOPLE}", "employeeType")
        directory.change(f"cn=ds-ops,{GROUPS}", "member", f"uid={ANN},{PEOPLE}")
        await asyncio.to_thread(compare, tmp_path, directory)
        assert await ask() == [401, 200, 200], "the session has ended"
        assert (await Visitor(site.app, shown[1]).get("GET", ME))["is_admin"], "groups are followed, too"
        await site.admin.get("PATCH", f"/api/v1/users/{ANN}", {"disabled": True})
        await asyncio.to_thread(compare, tmp_path, directory)
        assert await ask() == [401, 401, 401], "what an administrator said counts more"
        assert (await sign_in(site, ANN, ANNS))[0] == 403
        directory.delete(f"uid={ANN},{PEOPLE}")
        directory.add_person(ANN, "somebody else's password")
        assert (await sign_in(site, ANN, "somebody else's password"))[0] == 403, "another person of that name"

    play(tmp_path, directory, act)


def test_a_password_of_this_server_is_never_tried_at_the_directory(tmp_path: Path, directory: DirectoryServer) -> None:
    async def act(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": ANN, "password": PASSWORD})
        assert (await sign_in(site, ANN, ANNS))[0] == 401
        assert (await sign_in(site, ANN, PASSWORD))[0] == 200

    play(tmp_path, directory, act)


def test_guesses_are_slowed_down_as_elsewhere(tmp_path: Path, directory: DirectoryServer) -> None:
    async def act(site: Site) -> None:
        for _ in range(10):
            assert (await sign_in(site, ANN, "wrong"))[0] == 401
        assert (await sign_in(site, ANN, ANNS))[0] == 429

    play(tmp_path, directory, act)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, directory: DirectoryServer) -> None:
    assert make(directory).authenticate(ANN, ANNS)
    other, _ = write_certificate(tmp_path, "another")
    for more in ({"ldap_ca": str(other)}, {"ldap_ca": ""}):
        with pytest.raises(Unavailable, match="does not answer"):
            make(directory, **more).authenticate(ANN, ANNS)
    with pytest.raises(Unavailable, match="does not answer"):  # a name that the certificate does not have
        make(directory, ldap_url=f"ldaps://127.0.0.2:{directory.secure_port}").authenticate(ANN, ANNS)


def test_the_next_server_is_asked_and_one_that_is_away_is_told(tmp_path: Path, directory: DirectoryServer) -> None:
    with socket.socket() as taken:  # and nobody listens there
        taken.bind(("127.0.0.1", 0))
        away = f"ldaps://127.0.0.1:{taken.getsockname()[1]}"
        both = f"{away}, ldap://127.0.0.1:{directory.port}"
        found = make(directory, ldap_url=both).authenticate(ANN, ANNS)
        assert found is not None
        assert found.groups == {"ds-vision"}
        with pytest.raises(Unavailable, match="does not answer"):
            make(directory, ldap_url=away).authenticate(ANN, ANNS)


def test_without_leave_to_search_nobody_is_signed_in_or_suspended(
    tmp_path: Path, directory: DirectoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    anonymous = make(directory, ldap_bind_dn="")
    assert anonymous.authenticate(ANN, ANNS) is None
    with pytest.raises(Unavailable, match="does not show"), anonymous.open():
        pass
    monkeypatch.setenv("TRACKWAY_LDAP_PASSWORD", "wrong")
    with pytest.raises(Unavailable, match="does not let this server in"):
        make(directory).authenticate(ANN, ANNS)
