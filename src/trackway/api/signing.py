"""Signatures of versions, and the keys that are trusted to make them."""

from __future__ import annotations

from typing import Literal

from trackway.api.structs import Request, Response

KeyKind = Literal["key", "certificate"]


class SigningKey(Response, frozen=True, kw_only=True):
    """A public key, or a certificate whose holder says who signs, that signatures of versions are verified with.

    pem: the key, or the certificates
    """

    name: str
    kind: KeyKind
    pem: str
    created_by: str
    created_ms: int


class TrustSigningKey(Request, frozen=True, kw_only=True):
    """Trust a public key, or those to whom a certificate leads, to sign versions under a name of yours."""

    name: str
    pem: str


class SigningKeyName(Request, frozen=True, kw_only=True):
    """Name one trusted key."""

    name: str


class ListSigningKeys(Request, frozen=True, kw_only=True):
    """List the trusted keys."""


class SigningKeyList(Response, frozen=True, kw_only=True):
    """Trusted keys by their names."""

    keys: list[SigningKey]


class SignVersion(Request, frozen=True, kw_only=True):
    """Keep a signature of a version's files, if a trusted key made it.

    bundle: a Sigstore bundle as OpenSSF Model Signing 1.0 makes it, as JSON
    """

    name: str
    version: int
    bundle: str


class VersionSignature(Response, frozen=True, kw_only=True):
    """A signature as it was verified: by which key, and who brought it; ``signer`` is a certificate's subject."""

    key: str
    signer: str
    bundle: str
    added_by: str
    added_ms: int


class SignatureList(Response, frozen=True, kw_only=True):
    """Signatures of a version, by the names of their keys."""

    signatures: list[VersionSignature]
