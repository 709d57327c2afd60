"""The rules of signatures: which keys are trusted, and which versions they signed."""

from __future__ import annotations

import re

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import signing as k
from trackway.api.calls import Call
from trackway.api.trash import Trashed
from trackway.artifacts.signing import Signed, check_files, check_trusted, read_bundle, verify_certificate, verify_key
from trackway.base.errors import AlreadyExists, Conflict, Corrupt, InvalidInput, NotFound, PermissionDenied
from trackway.registry.content import list_content
from trackway.registry.history import record
from trackway.registry.lookup import find_version
from trackway.rules.checks import check_text
from trackway.rules.handlers import Handlers
from trackway.store.base import Transaction
from trackway.store.trash import Deleted

_NAME = re.compile(r"[\w][\w.@-]{0,62}")


class SignatureService:
    """Handlers of the operations on signatures and trusted keys. Nothing of a model is read to verify one."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.SIGN_VERSION: self.sign,
            ops.LIST_SIGNATURES: self.list_signatures,
            ops.TRUST_SIGNING_KEY: self.trust,
            ops.LIST_SIGNING_KEYS: self.list_keys,
            ops.DELETE_SIGNING_KEY: self.distrust,
        }

    def sign(self, tx: Transaction, call: Call, q: k.SignVersion) -> g.ModelVersion:
        """Keep a signature of a version's files, if a trusted key made it."""
        check_text("The signature", q.bundle, limits.SIGNATURE_CHARS)
        version = find_version(tx, call, q.name, q.version)
        found = tx.registry.get_version(version.pk)
        if not found.digest:
            raise Conflict(
                f"The files of version {q.version} of {q.name[:80]!r} are not kept by this store, which cannot verify"
                " what was signed",
                hint="log the model here, and register it anew",
            )
        signed = read_bundle(q.bundle)
        key, signer = _find_key(tx, call, signed)
        try:
            check_files(signed, list_content(tx, call, found.files_location))
        except Corrupt as fault:  # of what was sent: what is here is what the version has always had
            raise InvalidInput(
                f"The signature is not of version {q.version}: {fault.message}",
                hint="sign the files of this version",
                details=fault.details,
            ) from fault
        signature = k.VersionSignature(
            key=key, signer=signer, bundle=q.bundle, added_by=call.actor.label, added_ms=call.now_ms
        )
        tx.signatures.add(version.pk, signature)
        record(tx, call, version.model_pk, "version.signed", q.version, key=key, signer=signer)
        return tx.registry.get_version(version.pk)

    def list_signatures(self, tx: Transaction, call: Call, q: g.VersionName) -> k.SignatureList:
        """List the signatures of a version."""
        return k.SignatureList(signatures=tx.signatures.list_signatures(find_version(tx, call, q.name, q.version).pk))

    def trust(self, tx: Transaction, call: Call, q: k.TrustSigningKey) -> k.SigningKey:
        """Trust a key."""
        if not _NAME.fullmatch(q.name):
            raise InvalidInput(
                f"Invalid name of a key {q.name[:80]!r}", hint="1 to 63 letters, digits, dots, dashes, _ and @"
            )
        if len(q.pem) > limits.SIGNING_KEY_CHARS:
            raise InvalidInput(f"The key has more than {limits.SIGNING_KEY_CHARS:,} characters")
        kind: k.KeyKind = "certificate" if check_trusted(q.pem.encode()) == "certificate" else "key"
        if len(tx.signatures.list_keys(call.workspace)) >= limits.SIGNING_KEYS:
            raise Conflict(f"{limits.SIGNING_KEYS} keys are trusted, which is the most", hint="delete one")
        key = k.SigningKey(name=q.name, kind=kind, pem=q.pem, created_by=call.actor.label, created_ms=call.now_ms)
        if not tx.signatures.trust(call.workspace, key):
            raise AlreadyExists(f"A key {q.name!r} is trusted already", hint="choose another name")
        return key

    def list_keys(self, tx: Transaction, call: Call, _q: k.ListSigningKeys) -> k.SigningKeyList:
        """List the trusted keys."""
        return k.SigningKeyList(keys=tx.signatures.list_keys(call.workspace))

    def distrust(self, tx: Transaction, call: Call, q: k.SigningKeyName) -> Trashed:
        """Trust a key no more; what needed its signature keeps the stage or alias that it has."""
        if not any(key.name == q.name for key in tx.signatures.list_keys(call.workspace)):
            raise NotFound(f"No key {q.name[:80]!r} is trusted")
        trashed = tx.trash.keep(call, Deleted("signing_key", q.name))
        tx.signatures.distrust(call.workspace, q.name)
        return trashed


def _find_key(tx: Transaction, call: Call, signed: Signed) -> tuple[str, str]:
    """Return the name of the trusted key that made a signature, and the subject of its certificate."""
    keys = tx.signatures.list_keys(call.workspace)
    faults = set()
    for key in keys:
        if (key.kind == "certificate") != bool(signed.chain):
            continue
        try:
            if key.kind == "certificate":
                return key.name, verify_certificate(signed, key.pem.encode())
            verify_key(signed, key.pem.encode())
        except PermissionDenied as fault:
            faults.add(fault.message)
            continue
        return key.name, ""
    raise PermissionDenied(
        "No key that is trusted here made this signature",
        hint="; ".join(sorted(faults))[:300] if faults else "an administrator trusts keys: trackway models trust",
    )
