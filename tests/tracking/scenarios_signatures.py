"""Scenarios of signatures of versions, and of the keys that are trusted."""

from __future__ import annotations

import json
from typing import Any

from tests.models.keys import Key, certify
from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok
from tests.tracking.scenarios_content import ZEROS, frozen
from tests.tracking.scenarios_registry import NAME, UNKNOWN, get_version, make
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import signing as k
from trackway.artifacts.signing import sign_files
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound, PermissionDenied

KEY, OTHER = Key(), Key()
ROOT = certify(OTHER, "root", OTHER, "root", ca=True)
FILES = {"b.txt": ZEROS}
BUNDLE = sign_files("churn-1", FILES, KEY.pem)
CERTIFIED = sign_files("churn-1", FILES, KEY.pem, chain=certify(KEY, "ann", OTHER, "root"))


def trust(s: Stage, name: str = "release", pem: bytes = KEY.public) -> str:
    s.call(ops.TRUST_SIGNING_KEY, k.TrustSigningKey(name=name, pem=pem.decode()))
    return name


def signature(s: Stage, bundle: str = BUNDLE) -> k.SignVersion:
    """Have a version of known files, and ask that a signature of it is kept."""
    frozen(s)
    return k.SignVersion(name=NAME, version=1, bundle=bundle)


def signed(s: Stage) -> str:
    """Have a version that a trusted key signed."""
    trust(s)
    s.call(ops.SIGN_VERSION, signature(s))
    return NAME


def guarded(s: Stage, *keys: str) -> str:
    """Demand a signature for production."""
    rule = g.PolicyRule(stage="Production", signature=True, keys=list(keys))
    s.call(ops.SET_MODEL_POLICY, g.SetModelPolicy(name=NAME, rules=[rule]))
    return NAME


def produce() -> g.TransitionVersion:
    return g.TransitionVersion(name=NAME, version=1, stage="Production")


def list_signatures(s: Stage, version: int = 1) -> list[Any]:
    found: Any = s.call(ops.LIST_SIGNATURES, g.VersionName(name=NAME, version=version)).signatures
    return [(one.key, one.signer, one.added_by) for one in found]


SCENARIOS: list[Scenario] = [
    ok(
        ops.TRUST_SIGNING_KEY,
        "a public key",
        lambda s: k.TrustSigningKey(name="release@ci", pem=KEY.public.decode()),
        lambda s, x: (x.name, x.kind, x.created_by) == ("release@ci", "key", "user:ann"),
    ),
    ok(
        ops.TRUST_SIGNING_KEY,
        "a certificate",
        lambda s: k.TrustSigningKey(name="company", pem=ROOT.decode()),
        lambda s, x: x.kind == "certificate",
    ),
    no(
        ops.TRUST_SIGNING_KEY,
        "refused",
        "a name that is taken",
        lambda s: k.TrustSigningKey(name=trust(s), pem=KEY.public.decode()),
        AlreadyExists,
    ),
    *each(
        ops.TRUST_SIGNING_KEY,
        "refused",
        "name",
        ("", "a b", "a/b", "-a", "x" * 64, "a\n"),
        lambda s, name: k.TrustSigningKey(name=name, pem=KEY.public.decode()),
        InvalidInput,
    ),
    *each(
        ops.TRUST_SIGNING_KEY,
        "refused",
        "key",
        ("", "ssh-ed25519 AAAA", KEY.pem.decode(), "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"),
        lambda s, pem: k.TrustSigningKey(name="a", pem=pem),
        InvalidInput,
    ),
    *limited(
        ops.TRUST_SIGNING_KEY,
        "key",
        limits.SIGNING_KEY_CHARS,
        lambda s, n: k.TrustSigningKey(name="a", pem=KEY.public.decode().ljust(n)),
    ),
    ok(
        ops.LIST_SIGNING_KEYS,
        "by their names",
        lambda s: trust(s, "b") and trust(s, "a", ROOT) and k.ListSigningKeys(),
        lambda s, x: [(key.name, key.kind) for key in x.keys] == [("a", "certificate"), ("b", "key")],
    ),
    ok(
        ops.DELETE_SIGNING_KEY,
        "with what it signed",
        lambda s: signed(s) and k.SigningKeyName(name="release"),
        lambda s, x: get_version(s).signed_by == [] and list_signatures(s) == [],
    ),
    no(ops.DELETE_SIGNING_KEY, "missing", "unknown", lambda s: k.SigningKeyName(name=UNKNOWN), NotFound),
    ok(
        ops.SIGN_VERSION,
        "by a trusted key",
        lambda s: trust(s) and signature(s),
        lambda s, x: (
            x.signed_by == ["release"] == get_version(s).signed_by
            and list_signatures(s) == [("release", "", "user:ann")]
        ),
    ),
    ok(
        ops.SIGN_VERSION,
        "by whom a trusted certificate names",
        lambda s: trust(s) and trust(s, "company", ROOT) and signature(s, CERTIFIED),
        lambda s, x: list_signatures(s) == [("company", "CN=ann", "user:ann")],
    ),
    ok(
        ops.SIGN_VERSION,
        "twice by one key, of which the later counts",
        lambda s: signed(s) and k.SignVersion(name=NAME, version=1, bundle=BUNDLE),
        lambda s, x: x.signed_by == ["release"],
    ),
    no(ops.SIGN_VERSION, "refused", "by a key that nobody trusts", signature, PermissionDenied),
    no(
        ops.SIGN_VERSION,
        "refused",
        "by another key",
        lambda s: trust(s, "o", OTHER.public) and signature(s),
        PermissionDenied,
    ),
    no(
        ops.SIGN_VERSION,
        "refused",
        "of other files",
        lambda s: trust(s) and signature(s, sign_files("churn-1", {"b.txt": "f" * 64}, KEY.pem)),
        InvalidInput,
    ),
    no(
        ops.SIGN_VERSION,
        "refused",
        "of fewer files",
        lambda s: trust(s) and signature(s, sign_files("churn-1", {}, KEY.pem)),
        InvalidInput,
    ),
    no(
        ops.SIGN_VERSION,
        "refused",
        "of files that are elsewhere",
        lambda s: trust(s) and make(s, versions=1) and k.SignVersion(name=NAME, version=1, bundle=BUNDLE),
        Conflict,
    ),
    *each(
        ops.SIGN_VERSION,
        "refused",
        "text",
        ("", "{}", "[]", json.dumps({**json.loads(BUNDLE), "dsseEnvelope": {}})),
        lambda s, text: trust(s) and signature(s, text),
        InvalidInput,
    ),
    no(
        ops.SIGN_VERSION,
        "missing",
        "an unknown version",
        lambda s: k.SignVersion(name=make(s), version=1, bundle=BUNDLE),
        NotFound,
    ),
    ok(
        ops.LIST_SIGNATURES,
        "with what other tools verify",
        lambda s: signed(s) and g.VersionName(name=NAME, version=1),
        lambda s, x: [one.bundle for one in x.signatures] == [BUNDLE],
    ),
    no(ops.LIST_SIGNATURES, "missing", "unknown", lambda s: g.VersionName(name=make(s), version=1), NotFound),
    ok(
        ops.COPY_MODEL_VERSION,
        "with who signed it",
        lambda s: signed(s) and make(s, "copy") and g.CopyModelVersion(name=NAME, version=1, to="copy"),
        lambda s, x: x.signed_by == ["release"] == get_version(s, name="copy").signed_by,
    ),
    ok(
        ops.DELETE_REGISTERED_MODEL,
        "with its signatures",
        lambda s: g.RegisteredModelName(name=signed(s)),
    ),
    ok(ops.TRANSITION_VERSION, "that a trusted key signed", lambda s: signed(s) and guarded(s) and produce()),
    ok(
        ops.TRANSITION_VERSION, "that the right key signed", lambda s: signed(s) and guarded(s, "release") and produce()
    ),
    no(
        ops.TRANSITION_VERSION,
        "refused",
        "that nobody signed",
        lambda s: frozen(s).name and guarded(s) and produce(),
        Conflict,
    ),
    no(
        ops.TRANSITION_VERSION,
        "refused",
        "that another key signed",
        lambda s: signed(s) and guarded(s, "other") and produce(),
        Conflict,
    ),
    no(
        ops.SET_MODEL_POLICY,
        "refused",
        "keys without a signature",
        lambda s: g.SetModelPolicy(name=make(s), rules=[g.PolicyRule(alias="a", keys=["release"])]),
        InvalidInput,
    ),
]
