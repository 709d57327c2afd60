"""Registering what runs made, and finding it again, through the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import trackway as tw
from trackway.base.errors import InvalidInput, NotFound
from trackway.sdk import fluent_registry
from trackway.sdk.connection import close_transports


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tw.MlflowClient]:
    """A local store of the test's own, with a registered model that has three versions."""
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    client = tw.MlflowClient()
    client.create_registered_model("churn")
    for _ in range(3):
        client.create_model_version("churn", "s3://bucket/model")
    yield client
    close_transports()


@pytest.fixture
def run_id(client: tw.MlflowClient) -> str:
    """A run with a file of a model."""
    made = str(client.create_run("0").info.run_id)
    client.log_text(made, "flavors: {}", "model/MLmodel")
    return made


def test_a_folder_of_a_run_is_registered_where_it_is(client: tw.MlflowClient, run_id: str) -> None:
    version = tw.register_model(f"runs:/{run_id}/model", "fraud", tags={"n": 1})
    assert (version.name, version.version, version.run_id, version.tags) == ("fraud", "1", run_id, {"n": "1"})
    assert version.source == f"{client.get_run(run_id).info.artifact_uri}/model"
    assert tw.register_model(f"runs:/{run_id}/model", "fraud").version == "2"


def test_what_a_run_does_not_have_is_not_registered(client: tw.MlflowClient, run_id: str) -> None:
    for path in ("modle", "model/MLmodel/x"):
        with pytest.raises(NotFound, match="neither a model nor files"):
            tw.register_model(f"runs:/{run_id}/{path}", "new")
    assert [model.name for model in tw.search_registered_models()] == ["churn"]


def test_a_model_that_a_run_logged_is_registered_by_its_name_or_id(client: tw.MlflowClient, run_id: str) -> None:
    model = client.create_logged_model("0", "net", source_run_id=run_id)
    client.log_outputs(run_id, [tw.entities.LoggedModelOutput("m-gone"), tw.entities.LoggedModelOutput(model.model_id)])
    for uri in (f"runs:/{run_id}/net", model.model_uri):
        version = tw.register_model(uri, "fraud")
        assert (version.source, version.model_id, version.run_id) == (model.model_uri, model.model_id, run_id)
        assert client.get_model_version_download_uri("fraud", version.version) == model.artifact_location


def test_a_version_is_registered_again_under_any_of_its_addresses(client: tw.MlflowClient) -> None:
    client.set_registered_model_alias("churn", "best", 2)
    client.transition_model_version_stage("churn", 2, "staging")
    for address in ("churn/2", "churn@best", "churn/Staging"):
        assert tw.register_model(f"models:/{address}", "fraud").source == "models:/churn/2"
    assert tw.register_model("models:/churn/latest", "fraud").source == "models:/churn/3"
    assert tw.register_model("gs://bucket/other", "fraud").source == "gs://bucket/other"
    for address, error in (("churn", InvalidInput), ("churn/9", NotFound), ("churn/Production", NotFound)):
        with pytest.raises(error):
            tw.register_model(f"models:/{address}", "fraud")


def test_files_of_a_version_are_downloaded_by_number_stage_or_alias(
    client: tw.MlflowClient, run_id: str, tmp_path: Path
) -> None:
    client.create_registered_model("fraud")
    client.create_model_version("fraud", f"runs:/{run_id}/model", run_id)
    client.set_registered_model_alias("fraud", "best", "1")
    client.transition_model_version_stage("fraud", "1", "Production")
    copy = client.copy_model_version("models:/fraud/1", "copy")
    addresses = ("fraud/1/MLmodel", "fraud@best/MLmodel", "fraud/production/MLmodel", f"copy/{copy.version}/MLmodel")
    for n, address in enumerate(addresses):
        path = tw.artifacts.download_artifacts(f"models:/{address}", dst_path=str(tmp_path / str(n)))
        assert Path(path).read_text(encoding="utf-8") == "flavors: {}"
    folder = tw.artifacts.download_artifacts("models:/fraud@best", dst_path=str(tmp_path / "all"))
    assert [file.name for file in Path(folder).rglob("*") if file.is_file()] == ["MLmodel"]


def test_searches_return_all_or_as_many_as_asked(client: tw.MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client.create_registered_model("fraud")
    assert [model.name for model in tw.search_registered_models()] == ["churn", "fraud"]
    assert [model.name for model in tw.search_registered_models(1, order_by=["name DESC"])] == ["fraud"]
    assert len(tw.search_model_versions(filter_string="name = 'churn'")) == 3
    assert [one.version for one in tw.search_model_versions(2, "name = 'churn'", ["version ASC"])] == ["1", "2"]
    monkeypatch.setattr(fluent_registry, "PAGE", 2)
    assert [one.version for one in tw.search_model_versions(order_by=["version"])] == ["1", "2", "3"]


def test_a_tag_is_set_by_number_or_stage(client: tw.MlflowClient) -> None:
    tw.set_model_version_tag("churn", "1", "a", 1)
    client.transition_model_version_stage("churn", "2", "Production")
    client.set_model_version_tag("churn", key="a", value="2", stage="Production")
    assert [client.get_model_version("churn", n).tags for n in (1, 2, 3)] == [{"a": "1"}, {"a": "2"}, {}]
    client.delete_model_version_tag("churn", key="a", stage="production")
    assert client.get_model_version("churn", 2).tags == {}
    with pytest.raises(InvalidInput, match="Either a version or a stage"):
        client.set_model_version_tag("churn", key="a", value="1")
    with pytest.raises(InvalidInput, match="No tag was named"):
        client.set_model_version_tag("churn", "1")


def test_entities_have_the_documented_shape(client: tw.MlflowClient) -> None:
    client.set_registered_model_alias("churn", "best", 3)
    model = client.get_registered_model("churn")
    assert isinstance(model, tw.entities.RegisteredModel)
    assert (model.aliases, [one.version for one in model.latest_versions]) == ({"best": "3"}, ["3"])
    version = dict(model.latest_versions[0])
    assert version["status"] == tw.entities.ModelVersionStatus.READY == "READY"
    assert (version["current_stage"], version["aliases"], version["model_id"]) == ("None", ["best"], None)
