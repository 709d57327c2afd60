"""An OpenLDAP server of a test's own, on loopback, with its data in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ldap3

from tests.services.certificates import write_certificate
from tests.services.ports import free_port

BASE = "dc=example,dc=org"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
ROOT, ROOT_PASSWORD = f"cn=root,{BASE}", "the directory's own password"
READER, READER_PASSWORD = f"cn=trackway,{BASE}", "what the server binds with"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
START_TIMEOUT_S = 20
_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
database mdb
suffix "{base}"
rootdn "{root}"
rootpw "{password}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by self read by * none
"""


@dataclass
class DirectoryServer:
    """A running directory; ``certificate`` is its own, and signed by itself."""

    port: int
    secure_port: int
    certificate: Path
    process: subprocess.Popen[bytes]

    @contextmanager
    def connect(self) -> Iterator[ldap3.Connection]:
        server = ldap3.Server("127.0.0.1", self.port, get_info=ldap3.NONE)
        connection = ldap3.Connection(server, ROOT, ROOT_PASSWORD, check_names=False, raise_exceptions=True)
        connection.bind()
        try:
            yield connection
        finally:
            connection.unbind()

    def add(self, dn: str, kinds: list[str], **attributes: str | list[str]) -> None:
        with self.connect() as connection:
            connection.add(dn, kinds, attributes)

    def add_person(self, name: str, password: str, **attributes: str) -> str:
        dn = f"uid={name},{PEOPLE}"
        self.add(dn, ["inetOrgPerson"], uid=name, cn=name, sn=name, userPassword=password, **attributes)
        return dn

    def add_group(self, name: str, *members: str) -> None:
        self.add(f"cn={name},{GROUPS}", ["groupOfNames"], cn=name, member=list(members))

    def change(self, dn: str, attribute: str, *values: str) -> None:
        with self.connect() as connection:
            connection.modify(dn, {attribute: [(ldap3.MODIFY_REPLACE, list(values))]})

    def delete(self, dn: str) -> None:
        with self.connect() as connection:
            connection.delete(dn)


@contextmanager
def run_slapd(folder: Path) -> Iterator[DirectoryServer]:
    """Run a directory with places for people and groups, and an account that may read, until the block ends."""
    command = shutil.which("slapd", path=PATH)
    assert command, "slapd is missing: .ci/system-packages slapd"
    (folder / "data").mkdir()
    certificate, _ = write_certificate(folder, "directory")
    file = folder / "slapd.conf"
    file.write_text(_CONFIGURATION.format(folder=folder, base=BASE, root=ROOT, password=ROOT_PASSWORD, reader=READER))
    port, secure_port = free_port(), free_port()
    addresses = f"ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{secure_port}/"
    with (folder / "slapd.log").open("wb") as log:
        process = subprocess.Popen([command, "-f", str(file), "-h", addresses, "-d", "0"], stdout=log, stderr=log)
    try:
        _wait(process, port, folder / "slapd.log")
        server = DirectoryServer(port, secure_port, certificate, process)
        server.add(BASE, ["dcObject", "organization"], dc="example", o="Example")
        for dn in (PEOPLE, GROUPS):
            server.add(dn, ["organizationalUnit"])
        server.add(READER, ["organizationalRole", "simpleSecurityObject"], userPassword=READER_PASSWORD)
        yield server
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
