"""Signing and verifying models from scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import trackway as tw
from tests.models.keys import Key, certify
from trackway.api import operations as ops
from trackway.api import signing as k
from trackway.base.errors import Corrupt, InvalidInput, NotFound, PermissionDenied
from trackway.sdk.connection import close_transports
from trackway.sdk.model_files import fetch_model

KEY, OTHER = Key(), Key()
MODEL = "models:/churn@best"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A local store with a version, and a folder with the keys ``k.pem``, ``k.pub`` and ``o.pub``."""
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    client = tw.MlflowClient()
    run_id = str(client.create_run("0").info.run_id)
    client.log_text(run_id, "flavors: {}", "model/MLmodel")
    tw.register_model(f"runs:/{run_id}/model", "churn")
    client.set_registered_model_alias("churn", "best", "1")
    root = certify(OTHER, "root", OTHER, "root", ca=True)
    leaf = certify(KEY, "ann", OTHER, "root")
    for name, pem in (("k.pem", KEY.lock("hush")), ("k.pub", KEY.public), ("o.pub", OTHER.public)):
        (tmp_path / name).write_bytes(pem)
    for name, pem in (("root", root), ("leaf", leaf)):
        (tmp_path / name).write_bytes(pem)
    yield tmp_path
    close_transports()


def trust(folder: Path, file: str = "k.pub") -> None:
    tw.Client().call(ops.TRUST_SIGNING_KEY, k.TrustSigningKey(name="release", pem=(folder / file).read_text()))


def test_a_version_is_signed_and_verified_by_the_key_that_the_store_trusts(folder: Path) -> None:
    with pytest.raises(NotFound, match="Nobody signed"):
        tw.verify_model(MODEL)
    with pytest.raises(PermissionDenied, match="No key that is trusted"):
        tw.sign_model(MODEL, folder / "k.pem", password="hush")
    trust(folder)
    made = tw.sign_model(MODEL, folder / "k.pem", password="hush")
    assert made is not None
    assert (made.name, made.version) == ("churn", "1")
    assert tw.verify_model(MODEL) == [("release", "")]
    assert tw.verify_model(MODEL, key=folder / "k.pub") == [(str(folder / "k.pub"), "")]
    with pytest.raises(PermissionDenied, match="another key"):
        tw.verify_model(MODEL, key=folder / "o.pub")


def test_a_certificate_says_who_signed(folder: Path) -> None:
    trust(folder, "root")
    tw.sign_model(MODEL, folder / "k.pem", password="hush", certificates=folder / "leaf")
    assert tw.verify_model(MODEL) == [("release", "CN=ann")]
    assert tw.verify_model(MODEL, certificates=folder / "root")[0].signer == "CN=ann"


def test_a_copy_that_was_changed_is_neither_signed_nor_verified(folder: Path) -> None:
    trust(folder)
    tw.sign_model(MODEL, folder / "k.pem", password="hush")
    place = fetch_model(MODEL)
    (place / "manifest.json").write_text("{}")  # so that the cache does not look
    for act in (lambda: tw.verify_model(MODEL), lambda: tw.sign_model(MODEL, folder / "k.pem", password="hush")):
        with pytest.raises(Corrupt, match="are not those that were registered"):
            act()


def test_a_folder_is_signed_into_a_file_beside_it(folder: Path) -> None:
    place = fetch_model(MODEL)
    signature = folder / "model.sig"
    assert tw.sign_model(place, folder / "k.pem", password="hush", signature=signature) is None
    assert [one.key for one in tw.verify_model(place, key=folder / "k.pub", signature=signature)]
    (place / "new").write_text("x")
    with pytest.raises(Corrupt, match="'new' is there and was not signed"):
        tw.verify_model(place, key=folder / "k.pub", signature=signature)


def test_what_is_missing_is_said(folder: Path) -> None:
    place = fetch_model(MODEL)
    for act, words in (
        (lambda: tw.sign_model(place, folder / "k.pem", password="hush"), "a file to be written to"),
        (lambda: tw.sign_model(place, folder / "k.pem", password="hush", signature=place / "s"), "one of the files"),
        (lambda: tw.sign_model(MODEL, folder / "k.pem", password="hush", signature="s"), "store keeps"),
        (lambda: tw.sign_model(MODEL, folder / "none"), "none cannot be read: No such file"),
        (lambda: tw.sign_model(MODEL, folder / "k.pub"), "private key cannot be read"),
        (lambda: tw.sign_model(MODEL, folder / "k.pem"), "private key cannot be read"),
        (lambda: tw.verify_model(place, key=folder / "k.pub"), "a signature and a key"),
        (lambda: tw.verify_model(MODEL, key="a", certificates="b"), "Both"),
    ):
        with pytest.raises(InvalidInput, match=words):
            act()
