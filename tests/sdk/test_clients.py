"""Clients and fluent reads against real stores: one in this process, and one behind a server."""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import trackway as tw
from tests.services.trackway_server import run_trackway
from trackway import artifacts
from trackway.base import errors as e
from trackway.base.ids import new_id
from trackway.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunStatus,
    RunTag,
    ViewType,
)
from trackway.sdk.connection import close_transports


@pytest.fixture(scope="module", params=["local", "http"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "local":
        yield str(folder)
        close_transports()
    else:
        with run_trackway(folder) as port:
            yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(tracked: Path, address: str) -> tw.MlflowClient:
    tw.set_tracking_uri(address)
    return tw.MlflowClient()


@pytest.fixture
def experiment_id(client: tw.MlflowClient) -> str:
    return client.create_experiment(f"experiment {new_id()}")


def test_experiments_live_die_and_come_back(client: tw.MlflowClient) -> None:
    name = f"prices {new_id()}"
    experiment_id = client.create_experiment(name, tags={"a": 1})
    client.set_experiment_tag(experiment_id, "b", 2)
    client.delete_experiment_tag(experiment_id, "a")
    experiment = client.get_experiment(experiment_id)
    assert (experiment.name, experiment.tags, experiment.lifecycle_stage) == (name, {"b": "2"}, "active")
    assert client.get_experiment_by_name(name) == experiment
    assert client.get_experiment_by_name("nobody") is None
    client.rename_experiment(experiment_id, f"{name}!")
    client.delete_experiment(experiment_id)
    assert client.get_experiment_by_name(f"{name}!").lifecycle_stage == "deleted"  # type: ignore[union-attr]
    with pytest.raises(e.AlreadyExists):
        client.create_experiment(f"{name}!")
    with pytest.raises(e.Conflict) as raised:
        tw.set_experiment(f"{name}!")
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"
    client.restore_experiment(experiment_id)
    assert dict(client.get_experiment(experiment_id))["lifecycle_stage"] == "active"


def test_experiments_are_found_page_by_page(client: tw.MlflowClient) -> None:
    mark = new_id()
    ids = [client.create_experiment(f"{mark} {number}") for number in range(5)]
    search = f"name LIKE '{mark}%'"
    page = client.search_experiments(max_results=3, filter_string=search)
    rest = client.search_experiments(max_results=3, filter_string=search, page_token=page.token)
    assert len(page) == 3
    assert sorted(one.experiment_id for one in [*page, *rest]) == sorted(ids)
    assert rest.token is None
    assert len(tw.search_experiments(filter_string=search)) == 5
    assert len(tw.search_experiments(filter_string=search, max_results=2)) == 2
    with pytest.raises(e.InvalidInput):
        client.search_experiments(view_type=7)


def test_a_run_from_creation_to_trash(client: tw.MlflowClient, experiment_id: str) -> None:
    run = client.create_run(experiment_id, start_time=5, tags={"t": 1}, run_name="first")
    run_id = run.info.run_id
    assert (run.info.status, run.info.start_time, run.data.tags["t"]) == ("RUNNING", 5, "1")
    client.log_param(run_id, "p", 1)
    client.log_metric(run_id, "m", 1.5, timestamp=10, step=2)
    client.set_tag(run_id, "k", "v")
    client.delete_tag(run_id, "t")
    client.update_run(run_id, name="renamed")
    client.set_terminated(run_id, "FAILED", end_time=9)
    run = client.get_run(run_id)
    assert (run.info.run_name, run.info.status, run.info.end_time) == ("renamed", "FAILED", 9)
    assert (run.data.params, run.data.metrics) == ({"p": "1"}, {"m": 1.5})
    assert run.data.tags["k"] == "v"
    assert "t" not in run.data.tags
    assert run.to_dictionary()["info"]["run_id"] == run_id
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(e.Conflict):
        client.log_param(run_id, "q", 1)
    client.restore_run(run_id)
    client.log_param(run_id, "q", 1)


def test_a_batch_is_logged_whole_or_not_at_all(client: tw.MlflowClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    points = [Metric("m", float(step), step * 10, step) for step in range(3_000)]
    client.log_batch(run_id, points, [Param("a", "1")], [RunTag("t", "x")])
    with pytest.raises(e.Conflict):
        client.log_batch(run_id, [Metric("n", 1.0, 1, 1)], [Param("a", "2")])
    with pytest.raises(e.Conflict):
        client.log_batch(run_id, params=[Param("b", "1"), Param("b", "2")])
    run = client.get_run(run_id)
    assert (run.data.params, run.data.metrics) == ({"a": "1"}, {"m": 2999.0})
    history = client.get_metric_history(run_id, "m")
    assert [(point.step, point.timestamp, point.value) for point in history[:2]] == [(0, 0, 0.0), (1, 10, 1.0)]
    assert len(history) == 3_000
    assert client.get_metric_history(run_id, "none") == []


def test_columns_keep_every_bit(client: tw.MlflowClient, address: str, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    values = [math.nan, math.inf, -math.inf, -0.0, 5e-324]
    client.log_batch(run_id, [Metric("m", value, time_ms, -time_ms) for time_ms, value in enumerate(values)])
    steps, times_ms, logged = tw.Client(address).get_history(run_id, "m")
    assert steps.tolist() == [0, -1, -2, -3, -4]
    assert times_ms.tolist() == [0, 1, 2, 3, 4]
    assert logged.tobytes() == np.array(values).tobytes()
    (curve,) = tw.Client(address).get_curves([run_id], "m")
    assert curve.count == 5
    (computed,) = tw.Client(address).get_curves([run_id], formula="metrics.m / 2")
    assert computed.count == 4, "all but NaN"


def test_runs_are_searched_as_lists_and_as_frames(client: tw.MlflowClient, experiment_id: str) -> None:
    for number in range(7):
        run = client.create_run(experiment_id, run_name=f"r{number}", start_time=number)
        client.log_batch(run.info.run_id, [Metric("loss", number / 2, 0)], [Param("depth", str(number))])
    found = client.search_runs([experiment_id], "metrics.loss < 2", order_by=["metrics.loss DESC"], max_results=3)
    assert [run.data.metrics["loss"] for run in found] == [1.5, 1.0, 0.5]
    rest = client.search_runs(
        [experiment_id], "metrics.loss < 2", order_by=["metrics.loss DESC"], max_results=3, page_token=found.token
    )
    assert [run.data.params["depth"] for run in rest] == ["0"]
    frame = tw.search_runs([experiment_id], order_by=["params.depth"])
    assert frame["params.depth"].tolist() == list("0123456")  # type: ignore[call-overload]
    assert frame["metrics.loss"].sum() == 10.5  # type: ignore[call-overload]
    assert str(frame["start_time"].dtype).startswith("datetime64")  # type: ignore[call-overload]
    listed = tw.search_runs([experiment_id], output_format="list", max_results=2)
    assert [run.info.run_name for run in listed] == ["r6", "r5"]
    tw.set_experiment(experiment_id=experiment_id)
    assert len(tw.search_runs()) == 7
    name = client.get_experiment(experiment_id).name
    assert len(tw.search_runs(experiment_names=[name, "nobody"], filter_string="params.depth = '3'")) == 1
    with pytest.raises(e.InvalidInput):
        tw.search_runs([experiment_id], experiment_names=[name])
    with pytest.raises(e.InvalidInput):
        tw.search_runs([experiment_id], filter_string="metrics.loss <")
    assert client.search_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY) == []


def test_inputs_outputs_and_nesting_are_read_back(client: tw.MlflowClient, experiment_id: str) -> None:
    parent = client.create_run(experiment_id).info.run_id
    child = client.create_run(experiment_id, tags={"mlflow.parentRunId": parent}).info.run_id
    used = DatasetInput(Dataset("d", "x1", "local", "{}", "{}"), [InputTag("mlflow.data.context", "train")])
    client.log_inputs(child, [used], [LoggedModelInput("m-1")])
    client.log_outputs(child, [LoggedModelOutput("m-2", 3)])
    run = client.get_run(child)
    assert run.inputs.dataset_inputs == [used]
    assert run.inputs.model_inputs == [LoggedModelInput("m-1")]
    assert run.outputs.model_outputs == [LoggedModelOutput("m-2", 3)]
    assert client.get_parent_run(child).info.run_id == parent  # type: ignore[union-attr]
    assert client.get_parent_run(parent) is None
    assert RunStatus.is_terminated("FINISHED")


def test_artifacts_go_up_and_come_down(client: tw.MlflowClient, experiment_id: str, tmp_path: Path) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    folder = tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "ä.bin").write_bytes(b"x" * 3_000_000)
    (folder / "top.txt").write_text("top")
    client.log_artifacts(run_id, str(folder), "all")
    client.log_artifact(run_id, str(folder / "top.txt"))
    client.log_text(run_id, "text", "notes/a.txt")
    client.log_dict(run_id, {"a": [1]}, "d.json")
    client.log_stream(run_id, io.BytesIO(b"stream"), "s.bin")
    client.log_image(run_id, np.zeros((2, 2, 3), dtype=np.uint8), "i.png")
    listed = {file.path: (file.is_dir, file.file_size) for file in client.list_artifacts(run_id)}
    assert listed["all"] == (True, None)
    assert listed["top.txt"] == (False, 3)
    assert [file.path for file in client.list_artifacts(run_id, "all")] == ["all/deep", "all/top.txt"]
    got = Path(client.download_artifacts(run_id, "all", str(tmp_path / "got")))
    assert (got / "deep" / "ä.bin").read_bytes() == b"x" * 3_000_000
    assert (got / "top.txt").read_text() == "top"
    assert json.loads(Path(client.download_artifacts(run_id, "d.json")).read_text()) == {"a": [1]}
    assert Path(tw.download_artifacts(f"runs:/{run_id}/notes/a.txt")).read_text() == "text"
    everything = Path(tw.download_artifacts(run_id=run_id))
    assert (everything / "s.bin").read_bytes() == b"stream"
    client.delete_artifacts(run_id, "all")
    assert "all" not in {file.path for file in client.list_artifacts(run_id)}
    with pytest.raises(e.NotFound):
        client.download_artifacts(run_id, "all")
    with pytest.raises(e.InvalidInput):
        client.log_artifact(run_id, str(tmp_path / "missing"))


LAID_OUT = {
    "a file": ({"artifact_path": "d/e/c.txt"}, "c.txt", ["c.txt"]),
    "a folder": ({"artifact_path": "d/e"}, "e", ["e/c.txt"]),
    "what a folder holds": ({"artifact_path": "d/"}, ".", ["b.txt", "e/c.txt"]),
    "all of a run": ({}, ".", ["d/b.txt", "d/e/c.txt"]),
    "an address of a file": ({"artifact_uri": "runs:/{run}/d/b.txt"}, "b.txt", ["b.txt"]),
    "an address of a folder": ({"artifact_uri": "runs:/{run}/d/e"}, "e", ["e/c.txt"]),
    "an address of what a folder holds": ({"artifact_uri": "runs:/{run}/d/"}, ".", ["b.txt", "e/c.txt"]),
    "an address of a run": ({"artifact_uri": "runs:/{run}"}, ".", ["d/b.txt", "d/e/c.txt"]),
    "a location": ({"artifact_uri": "{location}"}, "artifacts", ["artifacts/d/b.txt", "artifacts/d/e/c.txt"]),
}


@pytest.mark.parametrize("named, returned, files", LAID_OUT.values(), ids=list(LAID_OUT))
def test_downloads_lie_in_the_folder_under_their_own_names(
    client: tw.MlflowClient, experiment_id: str, tmp_path: Path, named: dict[str, str], returned: str, files: list[str]
) -> None:
    run = client.create_run(experiment_id)
    for path in ("d/b.txt", "d/e/c.txt"):
        client.log_text(run.info.run_id, path, path)
    target = tmp_path / "new" / "folder"
    if "artifact_uri" in named:
        uri = named["artifact_uri"].format(run=run.info.run_id, location=run.info.artifact_uri)
        got = [tw.download_artifacts(uri, dst_path=str(target))]
    else:
        path = named.get("artifact_path", "")
        got = [
            tw.download_artifacts(run_id=run.info.run_id, **named, dst_path=str(target)),
            client.download_artifacts(run.info.run_id, path, str(target)),
        ]
    assert {Path(one).relative_to(target).as_posix() for one in got} == {returned}
    assert sorted(one.relative_to(target).as_posix() for one in target.rglob("*.txt")) == files
    empty = client.create_run(experiment_id).info.run_id
    assert os.listdir(client.download_artifacts(empty, "", str(tmp_path / "empty"))) == []


LISTED = {
    "a run": ({"run_id": "{run}"}, ["d"]),
    "a folder of a run": ({"run_id": "{run}", "artifact_path": "d"}, ["d/b.txt", "d/e"]),
    "a file": ({"run_id": "{run}", "artifact_path": "d/b.txt"}, []),
    "nothing": ({"run_id": "{run}", "artifact_path": "none"}, []),
    "an address of a run": ({"artifact_uri": "runs:/{run}"}, ["d"]),
    "an address of a folder": ({"artifact_uri": "runs:/{run}/d/e"}, ["e/c.txt"]),
    "an address that ends with a slash": ({"artifact_uri": "runs:/{run}/d/"}, ["b.txt", "e"]),
    "a location": ({"artifact_uri": "{location}/d"}, ["d/b.txt", "d/e"]),
}


def test_artifacts_are_listed_by_run_or_by_address(client: tw.MlflowClient, experiment_id: str) -> None:
    run = client.create_run(experiment_id)
    for path in ("d/b.txt", "d/e/c.txt"):
        client.log_text(run.info.run_id, path, path)
    for named, paths in LISTED.values():
        given = {
            name: value.format(run=run.info.run_id, location=run.info.artifact_uri) for name, value in named.items()
        }
        assert [file.path for file in artifacts.list_artifacts(**given)] == paths, given
    wrong: list[dict[str, str]] = [
        {},
        {"artifact_path": "d"},
        {"artifact_uri": "runs:/x/d", "run_id": "x"},
        {"artifact_uri": "runs:/x/d", "artifact_path": "e"},
    ]
    for given in wrong:
        for call in (artifacts.list_artifacts, artifacts.download_artifacts):
            with pytest.raises(e.InvalidInput):
                call(**given)


def test_artifacts_are_read_as_what_they_are(client: tw.MlflowClient, experiment_id: str, tmp_path: Path) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.log_dict(run_id, {"ü": [1, None]}, "d.json")
    client.log_image(run_id, np.full((2, 3, 3), 7, dtype=np.uint8), "i.png")
    local = tmp_path / "local" / "a.json"
    local.parent.mkdir()
    local.write_text('{"a": 1}')
    assert artifacts.load_dict(f"runs:/{run_id}/d.json") == {"ü": [1, None]}
    assert artifacts.load_dict(str(local)) == {"a": 1}
    image = artifacts.load_image(f"runs:/{run_id}/i.png")
    assert (image.size, image.getpixel((0, 0))) == ((3, 2), (7, 7, 7))
    copied = artifacts.download_artifacts(local.as_uri(), dst_path=str(tmp_path / "copies"))
    folder = artifacts.download_artifacts(str(local.parent), dst_path=str(tmp_path / "copies"))
    assert (Path(copied), Path(folder)) == (tmp_path / "copies" / "a.json", tmp_path / "copies" / "local")
    assert Path(copied).read_text() == Path(folder, "a.json").read_text() == '{"a": 1}'
    for call, path in (
        (artifacts.load_text, "i.png"),
        (artifacts.load_dict, "i.png"),
        (artifacts.load_image, "d.json"),
    ):
        with pytest.raises(e.InvalidInput):
            call(f"runs:/{run_id}/{path}")
    with pytest.raises(e.NotFound):
        artifacts.load_text(f"runs:/{run_id}/none.txt")


def test_tables_of_several_runs_are_joined(client: tw.MlflowClient, experiment_id: str) -> None:
    runs = [client.create_run(experiment_id).info.run_id for _ in range(2)]
    for number, run_id in enumerate(runs):
        client.log_table(run_id, {"a": [number], "b": ["x"]}, "t.json")
        client.log_table(run_id, {"a": [number + 10], "b": ["y"]}, "t.json")
    frame = client.load_table(experiment_id, "t.json", runs, ["run_id"])
    assert frame["a"].tolist() == [0, 10, 1, 11]
    assert frame["run_id"].tolist() == [runs[0], runs[0], runs[1], runs[1]]
    with pytest.raises(e.NotFound):
        client.load_table(experiment_id, "none.json")


def test_logged_models(client: tw.MlflowClient, experiment_id: str, tmp_path: Path) -> None:
    model = client.create_logged_model(experiment_id, "net", tags={"a": 1}, params={"p": 2}, model_type="agent")
    assert (model.status, model.model_uri) == ("PENDING", f"models:/{model.model_id}")
    (tmp_path / "weights").write_bytes(b"w")
    client.log_model_artifact(model.model_id, str(tmp_path / "weights"))
    client.log_model_params(model.model_id, {"q": 3})
    client.set_logged_model_tags(model.model_id, {"b": 2})
    client.delete_logged_model_tag(model.model_id, "a")
    ready = client.finalize_logged_model(model.model_id, "READY")
    assert (ready.status, ready.params, ready.tags) == ("READY", {"p": "2", "q": "3"}, {"b": "2"})
    assert [file.path for file in client.list_logged_model_artifacts(model.model_id)] == ["weights"]
    assert Path(tw.download_artifacts(f"models:/{model.model_id}/weights")).read_bytes() == b"w"
    run_id = client.create_run(experiment_id).info.run_id
    client.log_metric(run_id, "acc", 0.9, model_id=model.model_id)
    (found,) = client.search_logged_models([experiment_id], "metrics.acc > 0.5")
    assert found.metrics[0].value == 0.9
    client.delete_logged_model(model.model_id)
    assert client.search_logged_models([experiment_id]) == []


def test_the_fluent_calls_work_end_to_end(client: tw.MlflowClient, tmp_path: Path) -> None:
    experiment = tw.set_experiment(f"fluent {new_id()}")
    (tmp_path / "big.bin").write_bytes(b"b" * 500_000)
    with tw.start_run(run_name="parent") as parent, tw.start_run(nested=True) as child:
        for step in range(2_000):
            tw.log_metric("loss", 1 / (step + 1), step=step)
        tw.log_params({"a": 1})
        tw.log_artifact(tmp_path / "big.bin", "files")
        tw.log_table({"a": [1]}, "t.json")
        tw.set_experiment_tag("team", "x")
        model = tw.initialize_logged_model("net")
        tw.log_metric("acc", 0.5, model_id=model.model_id)
        tw.finalize_logged_model(model.model_id, "READY")
        tw.set_tag("gone", 1)
        tw.delete_tag("gone")
        assert child.info.experiment_id == experiment.experiment_id
    run = tw.get_run(child.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["loss"] == 1 / 2_000
    assert "gone" not in run.data.tags
    assert len(client.get_metric_history(child.run_id, "loss")) == 2_000
    assert tw.get_parent_run(child.run_id).info.run_id == parent.run_id  # type: ignore[union-attr]
    assert [file.path for file in client.list_artifacts(child.run_id)] == ["files", "t.json"]
    assert tw.load_table("t.json", [child.run_id])["a"].tolist() == [1]
    assert tw.last_logged_model().metrics[0].value == 0.5  # type: ignore[union-attr]
    assert tw.get_experiment(experiment.experiment_id).tags == {"team": "x"}
    assert tw.status().problems == {}
    assert tw.status().pending == 0
