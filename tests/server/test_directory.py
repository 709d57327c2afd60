"""Passwords that are tried elsewhere: which are, for how long an answer counts, and what is refused unasked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server.access import Site, Visitor, basic, on_site
from tests.services.certificates import write_certificate
from trackway.auth import authenticator
from trackway.auth.directory import Directory, DirectorySettings
from trackway.auth.external import External
from trackway.base.errors import InvalidInput, Unavailable
from trackway.base.settings import read_settings
from trackway.wiring import directory as wiring
from trackway.wiring.server import check_settings

ME = "/api/v1/me"
SITE: dict[str, Any] = {"ldap_url": "ldaps://ldap.example.org", "ldap_base": "dc=example,dc=org"}
RIGHT: dict[str, Any] = {"auth": True, **SITE}


class Double:
    """A directory of one person, which counts how often it is asked."""

    def __init__(self, settings: DirectorySettings) -> None:
        self.settings = settings
        self.password = "what ann alone knows"
        self.groups = frozenset(("ds-vision",))
        self.asked = 0
        self.away = False

    def authenticate(self, name: str, password: str) -> External | None:
        self.asked += 1
        if self.away:
            raise Unavailable("The directory of users does not answer")
        return self.find("1") if (name, password) == ("ann", self.password) else None

    def find(self, subject: str) -> External | None:
        return External("ldap", self.settings.base, subject, "ann", self.groups)

    @contextmanager
    def open(self) -> Iterator[Double]:
        yield self


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Double:
    made = Double(DirectorySettings(("ldaps://x",), "", "", "", "dc=x", "(uid={name})", "uid", "id", "", "", True))
    monkeypatch.setattr(wiring, "Directory", lambda _settings: made)
    return made


@pytest.mark.parametrize("recheck_ms, asked", [(300_000, 1), (0, 3)])
def test_a_password_that_was_taken_is_tried_again_after_a_while(
    tmp_path: Path, double: Double, monkeypatch: pytest.MonkeyPatch, recheck_ms: int, asked: int
) -> None:
    monkeypatch.setattr(authenticator, "RECHECK_MS", recheck_ms)

    async def act(site: Site) -> None:
        ann = Visitor(site.app, basic("ann", double.password))
        for _ in range(3):
            assert (await ann.get("GET", ME))["means"] == "directory"
        assert double.asked == asked
        double.password = "another one"
        assert (await ann.ask("GET", ME))[0] == (200 if recheck_ms else 401)
        assert (await Visitor(site.app, basic("ann", double.password)).get("GET", ME))["name"] == "ann"

    on_site(tmp_path, act, **SITE)


def test_a_directory_that_is_away_is_told_and_counts_for_no_failure(tmp_path: Path, double: Double) -> None:
    async def act(site: Site) -> None:
        double.away = True
        for _ in range(12):
            status, told = await site.anonymous.ask("POST", "/api/v1/session", {"name": "ann", "password": "x"})
            assert status == 503
            assert "does not answer" in told["error"]["message"]
        double.away = False
        sent = {"name": "ann", "password": double.password}
        assert (await site.anonymous.ask("POST", "/api/v1/session", sent))[0] == 200
        assert (await site.admin.get("GET", ME))["means"] == "password"

    on_site(tmp_path, act, **SITE)


@pytest.mark.parametrize("password", ["", "a\x00b", "x" * 1_001])
def test_what_is_no_password_is_refused_before_the_directory_is_asked(password: str) -> None:
    away = DirectorySettings(
        ("ldaps://127.0.0.1:1",), "", "", "", "dc=x", "(uid={name})", "uid", "entryUUID", "dc=x", "(member={dn})", True
    )
    assert Directory(away).authenticate("ann", password) is None
    with pytest.raises(Unavailable):
        Directory(away).authenticate("ann", "a password")


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"auth": False}, "needs access control"),
        ({"ldap_url": "http://ldap.example.org"}, "Invalid ldap_url"),
        ({"ldap_url": "ldaps://a.example.org,"}, "Invalid ldap_url"),
        ({"ldap_url": "ldaps://a.example.org/dc=x"}, "Invalid ldap_url"),
        ({"ldap_base": ""}, "a place to search"),
        ({"ldap_filter": "(uid=ann)"}, "says nothing of the name"),
        ({"ldap_filter": "(uid={name}"}, "Invalid ldap_filter"),
        ({"ldap_group_filter": "member={dn}"}, "Invalid ldap_group_filter"),
        ({"ldap_name": "uid)(x"}, "Invalid name of an attribute"),
        ({"ldap_bind_dn": "cn=x"}, "no password"),
        ({"ldap_password_file": "/missing/file"}, "cannot be read"),
        ({"ldap_ca": "/missing/file"}, "cannot be used"),
        ({"ldap_teams": "vision"}, "Invalid ldap_teams"),
    ],
)
def test_settings_that_cannot_be_right_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    monkeypatch.delenv("TRACKWAY_LDAP_PASSWORD", raising=False)
    certificate, _ = write_certificate(tmp_path, "directory")
    check_settings(read_settings({**RIGHT, "ldap_ca": str(certificate)}, {}))
    with pytest.raises(InvalidInput) as refusal:
        check_settings(read_settings({**RIGHT, **changes}, {}))
    assert says in str(refusal.value)
