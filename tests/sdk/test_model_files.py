"""Files of registered versions: fetched once, whole, and as they were registered."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trackway as tw
from trackway.api.artifacts import StoredFile
from trackway.base.errors import Corrupt
from trackway.sdk.client import Client
from trackway.sdk.connection import close_transports
from trackway.sdk.model_files import fetch_model, get_cache
from trackway.sdk.sources import BytesSource


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tw.MlflowClient]:
    """A local store with a version that has two files, as MLflow's have no manifest, and the alias ``best``."""
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    client = tw.MlflowClient()
    run_id = str(client.create_run("0").info.run_id)
    client.log_text(run_id, "flavors: {}", "model/MLmodel")
    client.log_text(run_id, "1,2", "model/data/ä.csv")
    tw.register_model(f"runs:/{run_id}/model", "churn")
    client.set_registered_model_alias("churn", "best", "1")
    yield client
    close_transports()


@pytest.fixture
def fetched(client: tw.MlflowClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of files that are fetched from now on."""
    paths: list[str] = []
    transport = Client().transport
    download = transport.download

    def note(path: str, start: int = 0) -> Iterator[bytes]:
        paths.append(path)
        return download(path, start)

    monkeypatch.setattr(transport, "download", note)
    return paths


ADDRESSES = ("models:/churn/1", "models:/churn@best", "models:/churn/latest", "models:/churn/None", "models:/churn/1/")


def test_a_version_is_fetched_once_whatever_it_is_called(fetched: list[str]) -> None:
    places = {fetch_model(address) for address in ADDRESSES}
    assert len(places) == 1
    assert [path.rpartition("/")[2] for path in fetched] == ["MLmodel", "ä.csv"]
    assert (places.pop() / "data" / "ä.csv").read_text(encoding="utf-8") == "1,2"


def test_a_copy_without_a_manifest_that_was_changed_is_fetched_again(fetched: list[str]) -> None:
    place = fetch_model(ADDRESSES[0])
    (place / "data" / "ä.csv").write_text("3,4", encoding="utf-8")
    assert (fetch_model(ADDRESSES[0]) / "data" / "ä.csv").read_text(encoding="utf-8") == "1,2"
    assert len(fetched) == 4


def test_files_that_were_changed_in_the_store_itself_are_not_taken(client: tw.MlflowClient) -> None:
    transport: Any = Client().transport
    place = client.get_model_version_download_uri("churn", "1").removeprefix("mlflow-artifacts:/")
    path = f"{place}/MLmodel"
    changed = StoredFile(path=path, size_bytes=1, sha256="0" * 64, modified_ms=1, blob_key=None, data=b"x")
    transport._platform.store.write(lambda tx: tx.files.put("default", changed))
    with pytest.raises(Corrupt):
        fetch_model(ADDRESSES[0])
    assert list(get_cache().iterdir()) == []


def test_what_is_registered_stays_though_the_runs_files_are_written_again_and_deleted(client: tw.MlflowClient) -> None:
    run_id = client.get_model_version("churn", "1").run_id
    before = {path.name: path.read_bytes() for path in fetch_model(ADDRESSES[0]).rglob("*") if path.is_file()}
    client.log_text(run_id, "other", "model/MLmodel")
    client.delete_artifacts(run_id, "model")
    shutil.rmtree(get_cache())
    assert {path.name: path.read_bytes() for path in fetch_model(ADDRESSES[0]).rglob("*") if path.is_file()} == before
    place = client.get_model_version_download_uri("churn", "1").removeprefix("mlflow-artifacts:/")
    with pytest.raises(tw.TrackwayError, match="version 1 of 'churn' has files there"):
        Client().transport.upload(f"{place}/MLmodel", BytesSource(b"other"))
