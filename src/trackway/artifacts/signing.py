"""Signatures of models in the format of OpenSSF Model Signing 1.0, with keys of one's own, offline.

A signature is a Sigstore bundle (v0.3) around a DSSE envelope, whose payload is an in-toto statement that lists the
SHA-256 of every file. The `model_signing` tool makes and verifies the same. ``docs/formats/signature.md`` describes it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from trackway.base.errors import Corrupt, InvalidInput, NotSupported, PermissionDenied

BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD: Final = "application/vnd.in-toto+json"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://model_signing/signature/v1.0"
MOST_BYTES: Final = 16 * 2**20
"""Most bytes of a bundle."""
MOST_CERTIFICATES: Final = 10
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_NEEDS: Final = "pip install 'trackway[signing]'"


class Signed(NamedTuple):
    """What a bundle says, before it is believed: the SHA-256 of each file, what was signed, and by what."""

    name: str
    files: dict[str, str]
    payload: bytes
    signature: bytes
    hint: str
    chain: list[bytes]


class _Resource(msgspec.Struct):
    name: str
    algorithm: str
    digest: str


class _Serialization(msgspec.Struct):
    method: str
    hash_type: str = "sha256"
    allow_symlinks: bool = False
    ignore_paths: list[str] = []


class _Predicate(msgspec.Struct):
    resources: list[_Resource]
    serialization: _Serialization


class _Subject(msgspec.Struct):
    name: str
    digest: dict[str, str]


class _Statement(msgspec.Struct, rename={"type": "_type", "predicate_type": "predicateType"}):
    type: str
    subject: list[_Subject]
    predicate_type: str
    predicate: _Predicate


class _Signature(msgspec.Struct):
    sig: str
    keyid: str = ""


class _Envelope(msgspec.Struct, rename="camel"):
    payload: str
    payload_type: str
    signatures: list[_Signature]


class _PublicKey(msgspec.Struct):
    hint: str = ""


class _Certificate(msgspec.Struct, rename="camel"):
    raw_bytes: str


class _Chain(msgspec.Struct):
    certificates: list[_Certificate] = []


class _Material(msgspec.Struct, rename="camel", omit_defaults=True):
    tlog_entries: list[Any]
    public_key: _PublicKey | None = None
    x509_certificate_chain: _Chain | None = None


class _Bundle(msgspec.Struct, rename="camel"):
    media_type: str
    verification_material: _Material
    dsse_envelope: _Envelope


def sign_files(name: str, files: Mapping[str, str], key: bytes, password: str = "", chain: bytes = b"") -> str:
    """Sign a model and return the bundle as JSON.

    name:   of the model, for information
    files:  SHA-256 as hex of every file, by its path
    key:    private key as PEM: elliptic curve, P-256, P-384 or P-521
    chain:  certificates as PEM, that of the key first, the root left out; empty to sign with the key alone
    raises: InvalidInput for what is no such key, or none of the certificate's
    """
    private = _load_private(key, password)
    payload = _make_payload(name, files)
    from cryptography.hazmat.primitives.asymmetric import ec

    signature = private.sign(_encode_dsse(payload), ec.ECDSA(_get_hash(private.curve)))
    material = _Material(tlog_entries=[], public_key=_PublicKey(_fingerprint(private.public_key())))
    if chain:
        certificates = [_Certificate(_base64(_to_der(one))) for one in _load_chain(chain, private.public_key())]
        material = _Material(tlog_entries=[], x509_certificate_chain=_Chain(certificates))
    envelope = _Envelope(_base64(payload), PAYLOAD, [_Signature(_base64(signature))])
    return msgspec.json.encode(_Bundle(BUNDLE, material, envelope)).decode()


def read_bundle(text: str) -> Signed:
    """Read a bundle; whether its signature is good, ``verify_key`` and ``verify_certificate`` say.

    raises: InvalidInput for what is no bundle of a model, NotSupported for one of a kind that is not read here
    """
    if len(text) > MOST_BYTES:
        raise InvalidInput(f"The signature has more than {MOST_BYTES:,} bytes")
    try:
        bundle = msgspec.json.decode(text, type=_Bundle)
        envelope, material = bundle.dsse_envelope, bundle.verification_material
        [signature] = envelope.signatures
        payload = base64.b64decode(envelope.payload, validate=True)
        statement = msgspec.json.decode(payload, type=_Statement)
        [subject] = statement.subject
        chain = material.x509_certificate_chain.certificates if material.x509_certificate_chain else []
        raw = base64.b64decode(signature.sig, validate=True)
        certificates = [base64.b64decode(one.raw_bytes, validate=True) for one in chain[: MOST_CERTIFICATES + 1]]
    except (ValueError, RecursionError) as error:  # what msgspec and base64 raise is one
        raise InvalidInput(f"This is no signature of a model: {str(error)[:200]}", hint="a Sigstore bundle") from None
    kinds = (bundle.media_type, envelope.payload_type, statement.type, statement.predicate_type)
    serialization = statement.predicate.serialization
    if kinds != (BUNDLE, PAYLOAD, STATEMENT, PREDICATE):
        raise NotSupported(f"The signature is of a kind that is not known here: {', '.join(kinds)[:300]}")
    if (serialization.method, serialization.hash_type) != ("files", "sha256") or serialization.allow_symlinks:
        raise NotSupported("The signature does not list the SHA-256 of plain files", hint="sign with the defaults")
    if len(certificates) > MOST_CERTIFICATES:
        raise InvalidInput(f"The signature has more than {MOST_CERTIFICATES} certificates")
    files = {one.name: one.digest for one in statement.predicate.resources if one.algorithm == "sha256"}
    root = _digest_root(one.digest for one in statement.predicate.resources)
    if len(files) != len(statement.predicate.resources) or subject.digest != {"sha256": root}:
        raise InvalidInput("The signature's list of files contradicts itself")
    hint = material.public_key.hint if material.public_key else ""
    return Signed(subject.name, files, payload, raw, hint, certificates)


def verify_key(signed: Signed, key: bytes) -> None:
    """Check that a signature was made with the private half of a public key, given as PEM.

    raises: PermissionDenied when it was not, InvalidInput for what is no such key
    """
    public = load_public(key)
    if signed.hint and signed.hint != _fingerprint(public):
        raise PermissionDenied("The signature was made with another key")
    _verify(signed, public)


def verify_certificate(signed: Signed, roots: bytes) -> str:
    """Check that a signature was made with a certificate that leads to a trusted one, and return its subject.

    roots:  trusted certificates as PEM
    raises: PermissionDenied when it was not, InvalidInput for what are no certificates
    """
    from cryptography import x509

    trusted = _load_certificates(roots)
    try:
        chain = [x509.load_der_x509_certificate(data) for data in signed.chain]
    except ValueError:
        raise PermissionDenied("The signature's certificate cannot be read") from None
    if not chain:
        raise PermissionDenied("The signature was made with a key, and not with a certificate")
    _check_chain(chain, trusted)
    _verify(signed, _check_curve(chain[0].public_key()))
    return str(chain[0].subject.rfc4514_string())


def check_files(signed: Signed, files: Mapping[str, str]) -> None:
    """Check that a model's files are those that were signed, all of them and no other.

    raises: Corrupt naming one that is not
    """
    for problem, names in (
        ("was signed and is missing", signed.files.keys() - files.keys()),
        ("is there and was not signed", files.keys() - signed.files.keys()),
        ("is not what was signed", {name for name, digest in files.items() if signed.files.get(name) != digest}),
    ):
        if names:
            raise Corrupt(f"The file {min(names)[:200]!r} {problem}", details={"files": sorted(names)[:20]})


def check_trusted(pem: bytes) -> str:
    """Check what is to be trusted, and say what it is: ``key`` or ``certificate``.

    raises: InvalidInput when it is neither
    """
    if b"CERTIFICATE" in pem:
        _load_certificates(pem)
        return "certificate"
    load_public(pem)
    return "key"


def load_public(pem: bytes) -> Any:
    """Return the public key that a PEM holds, or that belongs to the private key that it holds.

    raises: InvalidInput
    """
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise NotSupported("Signatures need the cryptography package", hint=_NEEDS) from None
    if b"PRIVATE" in pem:
        raise InvalidInput("This is a private key, which is nobody's but yours", hint="give its public half")
    try:
        return _check_curve(serialization.load_pem_public_key(pem))
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"This is no public key: {str(error)[:100]}", hint="a PEM of an elliptic-curve key"
        ) from None


def _make_payload(name: str, files: Mapping[str, str]) -> bytes:
    paths = sorted(files, key=lambda path: path.split("/"))
    statement = _Statement(
        STATEMENT,
        [_Subject(name, {"sha256": _digest_root(files[path] for path in paths)})],
        PREDICATE,
        _Predicate([_Resource(path, "sha256", files[path]) for path in paths], _Serialization("files")),
    )
    return msgspec.json.encode(statement)


def _digest_root(digests: Any) -> str:
    root = hashlib.sha256()
    for digest in digests:
        try:
            root.update(bytes.fromhex(digest))
        except ValueError:
            raise InvalidInput(f"{digest[:80]!r} is no digest") from None
    return root.hexdigest()


def _encode_dsse(payload: bytes) -> bytes:
    """Return what is signed. Source: PAE in the DSSE protocol 1.0."""
    return b"DSSEv1 %d %b %d %b" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)


def _verify(signed: Signed, public: Any) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        public.verify(signed.signature, _encode_dsse(signed.payload), ec.ECDSA(_get_hash(public.curve)))
    except InvalidSignature:
        raise PermissionDenied("The signature is not of this key, or what it is of was changed") from None


def _load_private(pem: bytes, password: str) -> Any:
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise NotSupported("Signatures need the cryptography package", hint=_NEEDS) from None
    try:
        return _check_curve(serialization.load_pem_private_key(pem, password.encode() or None))
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"The private key cannot be read: {str(error)[:100]}",
            hint="a PEM of an elliptic-curve key (openssl ecparam -name prime256v1 -genkey -noout), and its password",
        ) from None


def _check_curve(key: Any) -> Any:
    curve = getattr(getattr(key, "curve", None), "name", "")
    if curve not in _CURVES:
        raise InvalidInput(f"Keys of this kind do not sign models ({curve or type(key).__name__})", hint="P-256 does")
    return key


def _get_hash(curve: Any) -> Any:
    from cryptography.hazmat.primitives import hashes

    return {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[curve.key_size]


def _fingerprint(public: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()


def _load_certificates(pem: bytes) -> Sequence[Any]:
    try:
        from cryptography import x509
    except ImportError:
        raise NotSupported("Signatures need the cryptography package", hint=_NEEDS) from None
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise InvalidInput(f"The certificates cannot be read: {str(error)[:100]}", hint="give PEM") from None


def _load_chain(pem: bytes, public: Any) -> Sequence[Any]:
    chain = _load_certificates(pem)
    if chain[0].public_key() != public:
        raise InvalidInput("The first certificate is not of this key", hint="give that of the key first")
    return chain


def _check_chain(chain: Sequence[Any], trusted: Sequence[Any]) -> None:
    """Check that each certificate is issued by the next and the last by a trusted one, all when the first began.

    That is when OpenSSF's tool looks, too: a signature outlives its certificate, which says nothing of the time.
    """
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    began = chain[0].not_valid_before_utc
    roots = [root for root in trusted if root == chain[-1] or root.subject == chain[-1].issuer]
    if not roots:
        raise PermissionDenied("The signature's certificate leads to none that is trusted")
    issuers = [*chain[1:], *([] if roots[0] == chain[-1] else roots[:1])]
    try:
        for depth, (one, issuer) in enumerate(zip(chain, issuers, strict=False)):
            one.verify_directly_issued_by(issuer)
            basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
            if not basic.ca or (basic.path_length is not None and basic.path_length < depth):
                raise ValueError("an issuer may not issue it")
            if not issuer.not_valid_before_utc <= began <= issuer.not_valid_after_utc:
                raise ValueError("an issuer was not valid then")
        if not _may_sign(chain[0], x509):
            raise ValueError("it is not for signing")
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        raise PermissionDenied(f"The signature's certificate is not to be trusted: {str(error)[:100]}") from None


def _may_sign(certificate: Any, x509: Any) -> bool:
    extensions = {extension.oid: extension.value for extension in certificate.extensions}
    usage = extensions.get(x509.oid.ExtensionOID.KEY_USAGE)
    extended = extensions.get(x509.oid.ExtensionOID.EXTENDED_KEY_USAGE, ())
    return bool(usage and usage.digital_signature) or x509.oid.ExtendedKeyUsageOID.CODE_SIGNING in extended


def _to_der(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return bytes(certificate.public_bytes(serialization.Encoding.DER))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
