"""How passwords are set and changed, and what else goes on meanwhile."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from tests.server.access import ADMIN, PASSWORD, Site, Visitor, basic, bearer, on_site
from trackway.auth import passwords
from trackway.auth.throttle import TRIES

ME = "/api/v1/me"


def test_ones_own_password_is_changed_with_the_current_one_through_the_compatible_door(tmp_path: Path) -> None:
    path = "/api/2.0/mlflow/users/update-password"
    json_type = (b"content-type", b"application/json")

    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        bob = Visitor(site.app, basic("bob"), json_type)
        sent = {"username": "bob", "password": "a new long password"}
        status, told = await bob.ask("PATCH", path, sent)
        assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert "'current_password'" in told["message"]
        status, told = await bob.ask("PATCH", path, {**sent, "current_password": PASSWORD, "password": PASSWORD})
        assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        status, told = await bob.ask("PATCH", path, {**sent, "current_password": "another one"})
        assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert (await bob.ask("PATCH", path, {**sent, "username": ADMIN}))[0] == 403
        await bob.get("PATCH", path, {**sent, "current_password": PASSWORD})
        assert (await bob.ask("GET", ME))[0] == 401
        bob = Visitor(site.app, basic("bob", "a new long password"))
        assert (await bob.ask("GET", ME))[0] == 200

    on_site(tmp_path, work)


def test_who_has_a_session_cannot_guess_the_password_for_long(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        token = (await site.admin.get("POST", "/api/v1/tokens", {"name": "stolen"}))["secret"]
        thief = Visitor(site.app, bearer(token))
        guess = {"current": "a wrong password", "password": "a new long password"}
        assert [(await thief.ask("POST", f"{ME}/password", guess))[0] for _ in range(TRIES + 2)] == (
            [400] * TRIES + [429] * 2
        )
        assert (await thief.ask("POST", f"{ME}/password", {**guess, "current": PASSWORD}))[0] == 429
        assert (await site.admin.ask("GET", ME))[0] == 200, "who knows it signs in"

    on_site(tmp_path, work)


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("POST", "/api/v1/users", {"name": "eve"}),
        ("PUT", "/api/v1/users/bob/password", {}),
        ("POST", "/api/v1/me/password", {"current": PASSWORD}),
    ],
    ids=["create", "set", "change"],
)
def test_while_a_password_is_hashed_others_write(
    method: str, path: str, more: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, written, hashes = threading.Event(), threading.Event(), passwords.hash_password

    def hash_late(password: str) -> str:
        begun.set()
        assert written.wait(20), "nobody else could write meanwhile"
        return hashes(password)

    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        monkeypatch.setattr("trackway.auth.users.hash_password", hash_late)
        asked = asyncio.create_task(site.admin.ask(method, path, {"password": "a new long password", **more}))
        assert await asyncio.to_thread(begun.wait, 20)
        await site.admin.get("POST", "/api/v1/experiments", {"name": "x"})
        written.set()
        assert (await asked)[0] == 200

    on_site(tmp_path, work)


def test_of_two_who_set_a_password_at_once_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both, hashes = threading.Barrier(2), passwords.hash_password

    def hash_together(password: str) -> str:
        both.wait(20)
        return hashes(password)

    async def work(site: Site) -> None:
        await site.admin.get("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        monkeypatch.setattr("trackway.auth.users.hash_password", hash_together)
        sent = [{"password": f"a new long password {place}"} for place in range(2)]
        asked = [site.admin.ask("PUT", "/api/v1/users/bob/password", one) for one in sent]
        told = [status for status, _ in await asyncio.gather(*asked)]
        assert sorted(told) == [200, 409]
        bob = [Visitor(site.app, basic("bob", one["password"])) for one in sent]
        assert [(await one.ask("GET", ME))[0] for one in bob] == [200 if one == 200 else 401 for one in told]

    on_site(tmp_path, work)
