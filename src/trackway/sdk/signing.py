"""Signing models with keys of one's own, and verifying who signed them: by OpenSSF Model Signing 1.0, offline.

The private key stays here. The store gets the signature, verifies it with the keys that it trusts, and keeps it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import signing as k
from trackway.artifacts.content import digest_content, digest_folder
from trackway.artifacts.signing import check_files, read_bundle, sign_files, verify_certificate, verify_key
from trackway.base.errors import Corrupt, InvalidInput, NotFound, PermissionDenied
from trackway.sdk.artifacts import find_local
from trackway.sdk.client import Client
from trackway.sdk.model_files import fetch_model
from trackway.sdk.registry_entities import ModelVersion, to_model_version
from trackway.sdk.versions import find_version

AnyPath = str | os.PathLike[str]


class VerifiedSignature(NamedTuple):
    """A signature that is good: what it was verified with, by name or path, and whom a certificate names."""

    key: str
    signer: str


def sign_model(
    model_uri: AnyPath,
    key: AnyPath,
    *,
    password: str = "",
    certificates: AnyPath | None = None,
    signature: AnyPath | None = None,
) -> ModelVersion | None:
    """Sign a registered version, whose signature the store keeps; or a local folder, whose signature is a file.

    model_uri:    ``models:/name/3``, ``models:/name@alias``, or a folder
    key:          file with a private key as PEM: elliptic curve, P-256, P-384 or P-521
    certificates: file with the key's certificate as PEM, and those that lead to a root behind it
    signature:    file to write the signature of a folder to
    raises:       InvalidInput for what is no such key; PermissionDenied when the store does not trust the key; Corrupt
                  when the files that arrived are not those that were registered
    cost:         the version is fetched, unless it is in the cache, and every byte of it is hashed
    """
    pem, chain = _read(key), _read(certificates) if certificates is not None else b""
    local = find_local(os.fspath(model_uri))
    if local is not None:
        if signature is None:
            raise InvalidInput("A folder's signature needs a file to be written to", hint="give signature")
        folder = _check_folder(local, signature)
        Path(signature).write_text(sign_files(folder.name, digest_folder(folder), pem, password, chain), "utf-8")
        return None
    if signature is not None:
        raise InvalidInput("The store keeps the signature of a version", hint="leave signature out")
    client = Client()
    version, files = _fetch(client, os.fspath(model_uri))
    bundle = sign_files(f"{version.name}-{version.version}", files, pem, password, chain)
    request = k.SignVersion(name=version.name, version=version.version, bundle=bundle)
    return to_model_version(client.call(ops.SIGN_VERSION, request))


def verify_model(
    model_uri: AnyPath,
    *,
    key: AnyPath | None = None,
    certificates: AnyPath | None = None,
    signature: AnyPath | None = None,
) -> list[VerifiedSignature]:
    """Hash every file of a model, and verify who signed just these files.

    model_uri:    ``models:/name/3``, ``models:/name@alias``, or a folder, whose ``signature`` is a file
    key:          file with a public key as PEM that must have signed; without, and without ``certificates``, those
                  that the store trusts
    certificates: file with certificates as PEM, to one of which that of the signer must lead
    raises:       NotFound when nobody signed it, PermissionDenied when somebody else did, Corrupt for other files
    """
    if key is not None and certificates is not None:
        raise InvalidInput("Both a key and certificates are named", hint="give one of the two")
    local = find_local(os.fspath(model_uri))
    given = [] if key is None and certificates is None else [_make_key(key, certificates)]
    if local is not None:
        if signature is None or not given:
            raise InvalidInput("A folder is verified with a signature and a key", hint="give signature, and key")
        files = digest_folder(_check_folder(local, signature))
        bundles = [_read(signature).decode("utf-8", "replace")]
    else:
        client = Client()
        version, files = _fetch(client, os.fspath(model_uri))
        name = g.VersionName(name=version.name, version=version.version)
        bundles = [one.bundle for one in client.call(ops.LIST_SIGNATURES, name).signatures]
        given = given or client.call(ops.LIST_SIGNING_KEYS, k.ListSigningKeys()).keys
    if not bundles:
        raise NotFound(f"Nobody signed {os.fspath(model_uri)}", hint="trackway models sign")
    return _verify(bundles, given, files)


def _verify(bundles: list[str], keys: list[k.SigningKey], files: dict[str, str]) -> list[VerifiedSignature]:
    """Return the good signatures, which must be of these files."""
    found, faults = [], []
    for signed in map(read_bundle, bundles):
        for key in keys:
            try:
                signer = ""
                if key.kind == "certificate":
                    signer = verify_certificate(signed, key.pem.encode())
                else:
                    verify_key(signed, key.pem.encode())
            except PermissionDenied as fault:
                faults.append(fault.message)
                continue
            check_files(signed, files)
            found.append(VerifiedSignature(key.name, signer))
    if not found:
        raise PermissionDenied("None of the signatures is by a key that is trusted", hint="; ".join(faults)[:300])
    return found


def _fetch(client: Client, uri: str) -> tuple[g.ModelVersion, dict[str, str]]:
    """Fetch a version, and return it with the SHA-256 of every file as it arrived."""
    version = find_version(client, uri)
    files = digest_folder(fetch_model(f"models:/{version.name}/{version.version}"))
    if version.digest and digest_content(files.items()) != version.digest:
        raise Corrupt(f"The files of {uri} are not those that were registered", hint="empty the cache, and try again")
    return version, files


def _make_key(key: AnyPath | None, certificates: AnyPath | None) -> k.SigningKey:
    path = os.fspath(key if key is not None else certificates or "")
    kind: k.KeyKind = "key" if key is not None else "certificate"
    return k.SigningKey(name=path, kind=kind, pem=_read(path).decode("utf-8", "replace"), created_by="", created_ms=0)


def _check_folder(local: str, signature: AnyPath) -> Path:
    folder = Path(local).resolve()
    if not folder.is_dir():
        raise InvalidInput(f"{local} is no folder", hint="a model is a folder with an MLmodel file")
    if Path(signature).resolve().is_relative_to(folder):
        raise InvalidInput("The signature would be one of the files that it is of", hint="put it beside the folder")
    return folder


def _read(path: AnyPath) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidInput(f"{os.fspath(path)} cannot be read: {error.strerror}") from None
