"""Keys and certificates of tests."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

BEGAN = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
Usage = x509.KeyUsage


class Key:
    """A key pair as PEM, and (issued by another or by itself) certificates."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self.private = ec.generate_private_key(curve or ec.SECP256R1())
        self.pem = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.public = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def lock(self, password: str) -> bytes:
        """Return the private key as PEM that needs a password."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password.encode()),
        )


def certify(
    key: Key, name: str, issuer: Key, issuer_name: str, days: tuple[int, int] = (0, 3_650), **extensions: Any
) -> bytes:
    """Return a certificate as PEM; ``ca``: may issue others; ``signs``: may sign, ``code`` is enough."""
    names = [x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)]) for text in (name, issuer_name)]
    builder = x509.CertificateBuilder(
        issuer_name=names[1],
        subject_name=names[0],
        public_key=key.private.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=BEGAN + days[0] * DAY,
        not_valid_after=BEGAN + days[1] * DAY,
    )
    for extension in _list_extensions(**extensions):
        builder = builder.add_extension(extension, critical=True)
    made = builder.sign(issuer.private, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def _list_extensions(ca: bool = False, path_length: int | None = None, signs: str = "usage") -> Sequence[Any]:
    found: list[Any] = [x509.BasicConstraints(ca=ca, path_length=path_length if ca else None)]
    if ca or signs == "usage":
        names = (
            "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only".split()
        )
        flags = dict.fromkeys(names, False)
        found.append(x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **flags))
    elif signs == "code":
        found.append(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CODE_SIGNING]))
    return found
