"""Signatures of models: who made them, of which files, and whether OpenSSF's own tool thinks the same."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.models.keys import Key, certify
from tests.services.peers import peer_python
from trackway.artifacts.content import digest_folder
from trackway.artifacts.signing import check_files, read_bundle, sign_files, verify_certificate, verify_key
from trackway.base.errors import Corrupt, InvalidInput, NotSupported, PermissionDenied

FILES = {"MLmodel": "a" * 64, "data/ä b.bin": "b" * 64, "data.json": "c" * 64}
KEY, OTHER = Key(), Key()
ROOT, MIDDLE = Key(), Key()
ROOT_PEM = certify(ROOT, "root", ROOT, "root", ca=True)
MIDDLE_PEM = certify(MIDDLE, "middle", ROOT, "root", ca=True)
LEAF_PEM = certify(KEY, "ann", MIDDLE, "middle")


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_a_signature_is_of_its_key_and_its_files(curve: ec.EllipticCurve) -> None:
    key = Key(curve)
    signed = read_bundle(sign_files("churn-1", FILES, key.pem))
    verify_key(signed, key.public)
    check_files(signed, FILES)
    assert (signed.name, signed.files) == ("churn-1", FILES)
    with pytest.raises(PermissionDenied, match="another key"):
        verify_key(signed, OTHER.public)
    with pytest.raises(PermissionDenied, match="not of this key"):
        verify_key(signed._replace(hint=""), OTHER.public)


def test_a_key_with_a_password_needs_it() -> None:
    locked = KEY.lock("hush")
    verify_key(read_bundle(sign_files("m", FILES, locked, "hush")), KEY.public)
    for password in ("", "other"):
        with pytest.raises(InvalidInput, match="cannot be read"):
            sign_files("m", FILES, locked, password)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({**FILES, "new": "d" * 64}, "'new' is there and was not signed"),
        ({**FILES, "MLmodel": "d" * 64}, "'MLmodel' is not what was signed"),
        ({"MLmodel": "a" * 64}, "was signed and is missing"),
    ],
)
def test_other_files_are_refused_by_name(files: dict[str, str], words: str) -> None:
    with pytest.raises(Corrupt, match=words):
        check_files(read_bundle(sign_files("m", FILES, KEY.pem)), files)


def test_a_certificate_leads_over_others_to_one_that_is_trusted() -> None:
    signed = read_bundle(sign_files("m", FILES, KEY.pem, chain=LEAF_PEM + MIDDLE_PEM))
    assert verify_certificate(signed, ROOT_PEM) == "CN=ann"
    assert verify_certificate(signed, ROOT_PEM + certify(OTHER, "o", OTHER, "o", ca=True)) == "CN=ann"
    assert verify_certificate(signed, MIDDLE_PEM) == "CN=ann", "who trusts the one in the middle, trusts it"
    code = certify(KEY, "bob", ROOT, "root", signs="code")
    assert verify_certificate(read_bundle(sign_files("m", FILES, KEY.pem, chain=code)), ROOT_PEM) == "CN=bob"


IMPOSTOR = Key()
CHAINS = {
    "of another root": (LEAF_PEM + MIDDLE_PEM, certify(IMPOSTOR, "root", IMPOSTOR, "root", ca=True)),
    "a link is missing": (LEAF_PEM, ROOT_PEM),
    "self-made": (certify(KEY, "root", KEY, "root"), ROOT_PEM),
    "by one who may not issue": (
        certify(KEY, "ann", MIDDLE, "m") + certify(MIDDLE, "m", ROOT, "root"),
        ROOT_PEM,
    ),
    "by too long a way": (
        LEAF_PEM + MIDDLE_PEM,
        certify(ROOT, "root", ROOT, "root", ca=True, path_length=0),
    ),
    "not for signing": (certify(KEY, "ann", ROOT, "root", signs="nothing"), ROOT_PEM),
    "by one who had ended": (
        certify(KEY, "ann", ROOT, "root", days=(50, 60)),
        certify(ROOT, "root", ROOT, "root", days=(0, 10), ca=True),
    ),
}


@pytest.mark.parametrize("case", CHAINS)
def test_a_certificate_that_leads_nowhere_is_refused(case: str) -> None:
    chain, roots = CHAINS[case]
    signed = read_bundle(sign_files("m", FILES, KEY.pem, chain=chain))
    with pytest.raises(PermissionDenied):
        verify_certificate(signed, roots)


def test_a_key_is_no_certificate_and_a_certificate_of_another_key_is_not_used() -> None:
    with pytest.raises(PermissionDenied, match="with a key"):
        verify_certificate(read_bundle(sign_files("m", FILES, KEY.pem)), ROOT_PEM)
    with pytest.raises(InvalidInput, match="not of this key"):
        sign_files("m", FILES, OTHER.pem, chain=LEAF_PEM)


def rewrite(bundle: str, change: Any, payload: bool = False) -> str:
    """Return a bundle with something changed, in it or in what it signs."""
    document = json.loads(bundle)
    if not payload:
        change(document)
    else:
        statement = json.loads(base64.b64decode(document["dsseEnvelope"]["payload"]))
        change(statement)
        document["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps(document)


GOOD = sign_files("m", FILES, KEY.pem)
UNREADABLE = {
    "empty": "",
    "no JSON": "{",
    "a list": "[]",
    "deep": "[" * 100_000,
    "another": "{}",
    "no base64": rewrite(GOOD, lambda d: d["dsseEnvelope"].update(payload="ä")),
    "no signature": rewrite(GOOD, lambda d: d["dsseEnvelope"].update(signatures=[])),
    "two signatures": rewrite(GOOD, lambda d: d["dsseEnvelope"].update(signatures=[{"sig": "AA=="}] * 2)),
    "two subjects": rewrite(GOOD, lambda s: s.update(subject=s["subject"] * 2), payload=True),
    "a list that contradicts its digest": rewrite(
        GOOD, lambda s: s["predicate"]["resources"][0].update(digest="d" * 64), payload=True
    ),
    "a file that is there twice": rewrite(
        GOOD, lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0]), payload=True
    ),
    "no digest": rewrite(GOOD, lambda s: s["predicate"]["resources"][0].update(digest="xyz"), payload=True),
    "too large": "x" * (16 * 2**20 + 1),
}
UNKNOWN = {
    "another bundle": rewrite(GOOD, lambda d: d.update(mediaType="application/x")),
    "another payload": rewrite(GOOD, lambda d: d["dsseEnvelope"].update(payloadType="text/plain")),
    "another predicate": rewrite(
        GOOD, lambda s: s.update(predicateType="https://slsa.dev/provenance/v1"), payload=True
    ),
    "shards": rewrite(GOOD, lambda s: s["predicate"]["serialization"].update(method="shards"), payload=True),
    "another hash": rewrite(GOOD, lambda s: s["predicate"]["serialization"].update(hash_type="blake2b"), payload=True),
    "links": rewrite(GOOD, lambda s: s["predicate"]["serialization"].update(allow_symlinks=True), payload=True),
}


@pytest.mark.parametrize("case", [*UNREADABLE, *UNKNOWN])
def test_what_is_no_signature_of_a_model_is_refused(case: str) -> None:
    with pytest.raises(InvalidInput if case in UNREADABLE else NotSupported) as refusal:
        read_bundle({**UNREADABLE, **UNKNOWN}[case])
    assert len(str(refusal.value)) < 600


def test_a_payload_that_was_changed_consistently_is_not_what_was_signed() -> None:
    forged = json.loads(sign_files("m", {"MLmodel": "d" * 64}, OTHER.pem))
    document = json.loads(GOOD)
    document["dsseEnvelope"]["payload"] = forged["dsseEnvelope"]["payload"]
    with pytest.raises(PermissionDenied):
        verify_key(read_bundle(json.dumps(document)), KEY.public)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder, with keys beside it."""
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "data" / "weights ä.bin").write_bytes(bytes(100_000))
    (folder / "data.json").write_text("{}")
    for name, pem in (
        ("key", KEY.pem),
        ("pub", KEY.public),
        ("leaf", LEAF_PEM),
        ("mid", MIDDLE_PEM),
        ("root", ROOT_PEM),
    ):
        (tmp_path / name).write_bytes(pem)
    return folder


def run_peer(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [peer_python("model-signing"), "-m", "model_signing", *arguments, str(folder)]
    return subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("kind", ["key", "certificate"])
def test_openssf_s_tool_verifies_what_is_signed_here(folder: Path, kind: str) -> None:
    chain = LEAF_PEM + MIDDLE_PEM if kind == "certificate" else b""
    signature = folder.parent / "model.sig"
    signature.write_text(sign_files("model", digest_folder(folder), KEY.pem, chain=chain))
    trusted = ["--public_key", "pub"] if kind == "key" else ["--certificate_chain", "root"]
    command = ["verify", kind, "--signature", "model.sig", *trusted]
    done = run_peer(folder, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "data.json").write_text("[]")
    assert run_peer(folder, *command).returncode != 0


@pytest.mark.parametrize("kind", ["key", "certificate"])
def test_what_openssf_s_tool_signs_is_verified_here(folder: Path, kind: str) -> None:
    by = ["--signing_certificate", "leaf", "--certificate_chain", "mid"] if kind == "certificate" else []
    done = run_peer(folder, "sign", kind, "--signature", "model.sig", "--private_key", "key", *by)
    assert done.returncode == 0, done.stdout + done.stderr
    signed = read_bundle((folder.parent / "model.sig").read_text())
    check_files(signed, digest_folder(folder))
    if kind == "key":
        verify_key(signed, KEY.public)
    else:
        assert verify_certificate(signed, ROOT_PEM) == "CN=ann"
