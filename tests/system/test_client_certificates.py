"""Certificates of clients, by real handshakes: whom one names is let in, nobody by a header or another authority."""

from __future__ import annotations

import base64
import datetime
import json
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from tests.server.access import ADMIN, PASSWORD
from tests.services.certificates import Authority, write_certificate
from tests.services.tls_listener import run_listener
from tests.services.trackway_server import run_trackway
from trackway.base.errors import InvalidInput
from trackway.base.settings import read_settings
from trackway.http import encryption
from trackway.http.certificates import CERTIFICATE, read_name
from trackway.http.encryption import ClientCertificates, Encryption
from trackway.wiring.server import check_settings

BASIC = "Basic " + base64.b64encode(f"{ADMIN}:{PASSWORD}".encode()).decode()
MACHINES = ["ann", "robot"]
HEADERS = ["X-Client-Cert", "X-SSL-Client-S-DN", "X-Forwarded-Client-Cert", "X-Forwarded-User", "SSL-Client-Cert"]
REFUSED = r"(?i)alert|eof|reset|closed|broken"


class Caller:
    """Sends requests, with a certificate or without one."""

    def __init__(self, port: int, server: Path) -> None:
        self._port = port
        self._server = server

    def ask(
        self, method: str, path: str, body: Any = None, certificate: Path | None = None, **headers: str
    ) -> tuple[int, Any]:
        context = ssl.create_default_context(cafile=str(self._server))
        if certificate is not None:
            context.load_cert_chain(certificate)
        connection = HTTPSConnection("127.0.0.1", self._port, context=context, timeout=30)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, f"/api/v1{path}", sent, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def who(self, certificate: Path | None, **headers: str) -> tuple[int, str]:
        status, told = self.ask("GET", "/me", None, certificate, **headers)
        return status, f"{told['name']} by {told['means']}" if status == 200 else told["error"]["code"]


@contextmanager
def serve(folder: Path, monkeypatch: pytest.MonkeyPatch, revoked: bool = False) -> Iterator[tuple[Caller, Authority]]:
    monkeypatch.setenv("TRACKWAY_ADMIN_USERNAME", ADMIN)
    monkeypatch.setenv("TRACKWAY_ADMIN_PASSWORD", PASSWORD)
    certificate, key = write_certificate(folder, "server")
    authority = Authority(folder)
    tls = ["--auth", "--tls-cert", str(certificate), "--tls-key", str(key), "--tls-client-ca", str(authority.file)]
    if revoked:
        tls += ["--tls-client-crl", str(authority.revoke())]
    with run_trackway(folder, *tls, certificate=certificate) as port:
        caller = Caller(port, certificate)
        for body in ({"name": "ann", "password": PASSWORD}, {"name": "robot", "kind": "service"}):
            assert caller.ask("POST", "/users", body, Authorization=BASIC)[0] == 200
        yield caller, authority


def shake_hands(port: int, server: Path, client: Path | None) -> dict[str, Any]:
    """Connect to a listener; return what it says of the certificate."""
    context = ssl.create_default_context(cafile=str(server))
    if client is not None:
        context.load_cert_chain(client)
    with (
        socket.create_connection(("127.0.0.1", port), 30) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        told = secure.recv(10_000)  # of TLS 1.3, where a refusal comes after the handshake
    return dict(json.loads(told) or {})


def test_whom_a_certificate_names_is_let_in_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tmp_path, monkeypatch) as (caller, authority):
        for name in MACHINES:
            assert caller.who(authority.sign(name)) == (200, f"{name} by certificate")
        assert caller.who(None) == (401, "unauthenticated")
        assert caller.who(authority.sign("nobody")) == (401, "unauthenticated")
        assert caller.who(authority.sign("ann", "robot")) == (401, "unauthenticated"), "it must name one alone"
        assert caller.who(authority.sign("ann"), Authorization=BASIC) == (200, f"{ADMIN} by password")
        for header in HEADERS:
            assert caller.who(None, **{header: "CN=ann"}) == (401, "unauthenticated"), header
        foreign = Authority(tmp_path, "another")
        for stranger in (foreign.sign("ann"), authority.sign("ann", life=-datetime.timedelta(hours=1))):
            with pytest.raises(OSError, match=REFUSED):
                caller.who(stranger)
        assert caller.ask("PATCH", "/users/ann", {"disabled": True}, Authorization=BASIC)[0] == 200
        assert caller.who(authority.sign("ann")) == (401, "unauthenticated")


def test_what_a_page_of_another_site_has_a_browser_send_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(tmp_path, monkeypatch) as (caller, authority):
        status, _ = caller.ask("POST", "/tokens", {"name": "t"}, authority.sign("ann"))
        assert status == 200
        context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        context.load_cert_chain(authority.sign("ann"))
        connection = HTTPSConnection("127.0.0.1", caller._port, context=context, timeout=30)
        headers = {"Content-Type": "application/json", "Origin": "https://evil.example.org"}
        connection.request("POST", "/api/v1/tokens", '{"name": "u"}', headers)
        assert connection.getresponse().status == 403
        connection.close()


def test_where_one_is_required_nobody_connects_without_and_a_new_authority_counts_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "LOOK_S", 0.0)
    certificate, key = write_certificate(tmp_path, "server")
    authority = Authority(tmp_path)
    made = Encryption(str(certificate), str(key), ClientCertificates(str(authority.file), required=True))
    with run_listener(made()) as port:
        connect = partial(shake_hands, port, certificate)
        assert read_name({CERTIFICATE: connect(authority.sign("ann"))}, "cn") == "ann"
        assert (
            read_name({CERTIFICATE: connect(authority.sign("x", email="ann@example.org"))}, "email")
            == "ann@example.org"
        )
        with pytest.raises(OSError, match=REFUSED):
            connect(None)
        before = authority.sign("ann")
        renewed = Authority(tmp_path)  # in the same file
        with pytest.raises(OSError, match=REFUSED):
            connect(before)
        assert read_name({CERTIFICATE: connect(renewed.sign("bob"))}, "cn") == "bob"


@contextmanager
def listen(folder: Path, monkeypatch: pytest.MonkeyPatch, authority: Authority) -> Iterator[partial[dict[str, Any]]]:
    """Listen for clients whose certificates are looked up in the authority's list, which is read at once."""
    monkeypatch.setattr(encryption, "LOOK_S", 0.0)
    certificate, key = write_certificate(folder, "server")
    revoked = str(authority.file.with_suffix(".crl"))
    made = Encryption(str(certificate), str(key), ClientCertificates(str(authority.file), revoked=revoked))
    with run_listener(made()) as port:
        yield partial(shake_hands, port, certificate)


def test_a_certificate_that_was_taken_back_is_refused_from_the_next_handshake_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    ann, bob = authority.sign("ann"), authority.sign("bob")
    authority.revoke()
    with listen(tmp_path, monkeypatch, authority) as connect:
        assert [read_name({CERTIFICATE: connect(one)}, "cn") for one in (ann, bob)] == ["ann", "bob"]
        authority.revoke(ann)
        with pytest.raises(OSError, match=REFUSED):
            connect(ann)
        assert read_name({CERTIFICATE: connect(bob)}, "cn") == "bob"
        authority.file.with_suffix(".crl").write_text("half of a lis")  # the last good one goes on
        with pytest.raises(OSError, match=REFUSED):
            connect(ann)
        assert read_name({CERTIFICATE: connect(bob)}, "cn") == "bob"


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_resumed_that_would_pass_by_a_newer_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newest: ssl.TLSVersion
) -> None:
    authority = Authority(tmp_path)
    authority.revoke()
    with listen(tmp_path, monkeypatch, authority) as connect:
        port, certificate = connect.args
        context = ssl.create_default_context(cafile=str(certificate))
        context.maximum_version = newest
        context.load_cert_chain(authority.sign("ann"))
        session = None
        for _ in range(2):
            with (
                socket.create_connection(("127.0.0.1", port), 30) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as secure,
            ):
                assert secure.recv(10_000)
                assert not secure.session_reused
                session = secure.session


def test_a_list_past_its_end_lets_nobody_in_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "trackway.http")
    authority = Authority(tmp_path)
    ann = authority.sign("ann")
    authority.revoke(life=-datetime.timedelta(hours=1))
    with listen(tmp_path, monkeypatch, authority) as connect:
        with pytest.raises(OSError, match=REFUSED):
            connect(ann)
        assert connect(None) == {}, "who shows none may sign in otherwise"
        [told] = [one.getMessage() for one in caplog.records]
        assert told.startswith("the list of revoked certificates of CN=clients ended at ")
        authority.revoke()
        assert read_name({CERTIFICATE: connect(ann)}, "cn") == "ann"


def test_a_connection_that_is_open_ends_with_its_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tmp_path, monkeypatch, revoked=True) as (caller, authority):
        ann = authority.sign("ann")
        context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        context.load_cert_chain(ann)
        connection = HTTPSConnection("127.0.0.1", caller._port, context=context, timeout=30)

        def ask() -> int:
            connection.request("GET", "/api/v1/me")
            answer = connection.getresponse()
            answer.read()
            return answer.status

        assert ask() == 200
        authority.revoke(ann)
        deadline = time.monotonic() + 30
        while (status := ask()) == 200 and time.monotonic() < deadline:
            time.sleep(0.1)  # the files are looked at once a second
        connection.close()
        assert status == 401
        with pytest.raises(OSError, match=REFUSED):
            caller.who(ann)


@pytest.mark.parametrize("signer", ["nobody", "another"])
def test_each_authority_needs_a_list_of_its_own(tmp_path: Path, signer: str) -> None:
    certificate, key = write_certificate(tmp_path, "server")
    authority = Authority(tmp_path)
    listed = authority.file.with_suffix(".crl")
    listed.write_bytes(Authority(tmp_path, "x").revoke().read_bytes() if signer == "another" else b"")
    given = {"auth": True, "tls_cert": str(certificate), "tls_key": str(key), "tls_client_ca": str(authority.file)}
    with pytest.raises(InvalidInput, match="has no list of revoked certificates that CN=clients has signed"):
        check_settings(read_settings({**given, "tls_client_crl": str(listed)}, {}))


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"auth": False}, "need TLS of this server's own, and access control"),
        ({"tls_cert": "", "tls_key": ""}, "need TLS of this server's own"),
        ({"tls_client_ca": "", "tls_client_required": True}, "Whose certificates are required"),
        ({"tls_client_ca": "", "tls_client_crl": "list.pem"}, "Whose certificates are revoked"),
        ({"tls_client_name": "subject"}, "Invalid tls_client_name"),
        ({"tls_client_ca": "/missing/file"}, "cannot be used"),
    ],
)
def test_settings_that_cannot_be_right_are_told(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    certificate, key = write_certificate(tmp_path, "server")
    given = {"auth": True, "tls_cert": str(certificate), "tls_key": str(key)}
    given["tls_client_ca"] = str(Authority(tmp_path).file)
    check_settings(read_settings(given, {}))
    with pytest.raises(InvalidInput) as refusal:
        check_settings(read_settings({**given, **changes}, {}))
    assert says in str(refusal.value)
