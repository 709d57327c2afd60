"""TLS: a certificate is read again when its files change, and nothing old is spoken."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from cryptography import x509

from tests.services.certificates import write_certificate
from tests.services.tls_listener import run_listener
from tests.services.trackway_server import run_trackway
from trackway.base.errors import InvalidInput
from trackway.http import encryption
from trackway.http.encryption import Encryption

TIMEOUT_S = 30


def read_name(port: int, *, host: str | None = None, newest: ssl.TLSVersion | None = None) -> str:
    """Connect, and return the common name of the certificate that was shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if newest is not None:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    with (
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        shown = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
    return str(shown.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "LOOK_S", 0.0)


@pytest.mark.parametrize("host", [None, "localhost"], ids=["no name", "a name"])
def test_a_new_certificate_is_used_and_a_torn_one_is_not(tmp_path: Path, host: str | None) -> None:
    certificate, key = write_certificate(tmp_path, "first")
    with run_listener(Encryption(str(certificate), str(key))()) as port:
        assert read_name(port, host=host) == "first"
        write_certificate(tmp_path, "second")
        assert read_name(port, host=host) == "second"
        certificate.write_text("torn")
        assert read_name(port, host=host) == "second"
        certificate.unlink()
        assert read_name(port, host=host) == "second"
        write_certificate(tmp_path, "third")
        assert read_name(port, host=host) == "third"


def test_tls_before_1_2_is_not_spoken(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, "first")
    with run_listener(Encryption(str(certificate), str(key))()) as port:
        assert read_name(port, newest=ssl.TLSVersion.TLSv1_2) == "first"
        with pytest.raises((ssl.SSLError, ConnectionError)), pytest.warns(DeprecationWarning, match="TLSv1_1"):
            read_name(port, newest=ssl.TLSVersion.TLSv1_1)


@pytest.mark.parametrize("fault", ["no file", "no certificate", "another key", "an encrypted key"])
def test_files_that_cannot_be_used_are_told(tmp_path: Path, fault: str) -> None:
    certificate, key = write_certificate(tmp_path, "one", b"secret" if fault == "an encrypted key" else b"")
    if fault == "no file":
        certificate.unlink()
    elif fault == "no certificate":
        certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    elif fault == "another key":
        (tmp_path / "other").mkdir()
        _, key = write_certificate(tmp_path / "other", "two")
    with pytest.raises(InvalidInput, match=r"cert\.pem cannot be used"):
        Encryption(str(certificate), str(key))()


def test_a_server_speaks_tls_alone_and_takes_pages_without_it_for_others(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, "first")
    with run_trackway(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key), certificate=certificate) as port:
        context = ssl.create_default_context(cafile=str(certificate))
        with closing(HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT_S, context=context)) as connection:
            for origin, status in (("https", 200), ("http", 403)):
                connection.request("GET", "/metrics", headers={"Origin": f"{origin}://127.0.0.1:{port}"})
                answer = connection.getresponse()
                answer.read()
                assert answer.status == status, origin
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain:
            plain.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b"200" not in plain.recv(100)
