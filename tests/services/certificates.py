"""Certificates for servers of tests."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LIFE = datetime.timedelta(days=2)


def write_certificate(folder: Path, name: str, password: bytes = b"") -> tuple[Path, Path]:
    """Write ``cert.pem`` and ``key.pem`` for 127.0.0.1, signed by themselves, in place of those that are there.

    name:     common name, by which a test tells one from another
    password: what the key is encrypted with
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now - LIFE, now + LIFE)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .sign(key, hashes.SHA256())
    )
    sealing = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing)
    written = []
    for file, data in (
        ("cert.pem", certificate.public_bytes(serialization.Encoding.PEM)),
        ("key.pem", key.private_bytes(*form)),
    ):
        new = folder / f"{file}.new"
        new.write_bytes(data)
        written.append((new, folder / file))
    for new, place in written:
        os.replace(new, place)
    return folder / "cert.pem", folder / "key.pem"


class Authority:
    """Signs certificates of clients; its own is in ``file``."""

    def __init__(self, folder: Path, name: str = "clients") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}-ca.pem"
        made = self._begin(self._name, self._key.public_key())
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def sign(self, *names: str, email: str = "", life: datetime.timedelta = LIFE) -> Path:
        """Write certificate and key of a client with these common names into one file, and return it."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name) for name in names])
        made = self._begin(subject, key.public_key(), life)
        if email:
            made = made.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(email)]), critical=False)
        file = self._folder / f"client-{x509.random_serial_number()}.pem"
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        certificate = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        file.write_bytes(certificate + key.private_bytes(*form))
        return file

    def revoke(self, *clients: Path, life: datetime.timedelta = LIFE) -> Path:
        """Write the list of those that it takes back, in place of the one before, and return its file."""
        end = datetime.datetime.now(datetime.UTC) + life
        made = x509.CertificateRevocationListBuilder(self._name, min(end, end - life) - LIFE, end)
        for client in clients:
            number = x509.load_pem_x509_certificate(client.read_bytes()).serial_number
            revoked = x509.RevokedCertificateBuilder(number, end - 2 * LIFE)
            made = made.add_revoked_certificate(revoked.build())
        file, new = self.file.with_suffix(".crl"), self.file.with_suffix(".new")
        new.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        os.replace(new, file)
        return file

    def _begin(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, life: datetime.timedelta = LIFE
    ) -> x509.CertificateBuilder:
        end = datetime.datetime.now(datetime.UTC) + life
        begin = min(datetime.datetime.now(datetime.UTC), end) - LIFE
        return x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number(), begin, end)
