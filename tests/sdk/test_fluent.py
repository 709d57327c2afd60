from __future__ import annotations

import json
import logging
import math
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trackway as tw
from tests.sdk.fake import FakeStore
from trackway.api.runs import ModelMetric
from trackway.base import errors as e
from trackway.sdk import problems

PROBLEMS = problems.PROBLEMS


def only_run(store: FakeStore) -> Any:
    (run,) = store.runs.values()
    return run


def test_a_script_logs_a_whole_run(store: FakeStore) -> None:
    tw.set_experiment("prices")
    with tw.start_run(run_name="first", tags={"team": "a"}, description="a note") as run:
        assert tw.log_param("alpha", 0.5) == 0.5
        tw.log_params({"layers": [1, 2], "none": None})
        for step in range(3):
            tw.log_metric("rmse", step / 2, step=step, timestamp=step * 100)
        tw.log_metrics({"a": 1, "b": np.float32(2.5)}, step=7)
        tw.set_tag("k", 1)
        tw.set_tags({"x": "y"})
        tw.log_text("hello", "notes/a.txt")
    logged = store.runs[run.info.run_id]
    assert (logged.name, logged.status, logged.experiment_id) == ("first", "FINISHED", "1")
    assert logged.params == {"alpha": "0.5", "layers": "[1, 2]", "none": "None"}
    assert {"team": "a", "k": "1", "x": "y", "mlflow.note.content": "a note", "mlflow.runName": "first"}.items() <= (
        logged.tags.items()
    )
    assert logged.tags["mlflow.source.type"] == "LOCAL"
    assert store.points[run.info.run_id, "rmse"] == [(0, 0, 0.0), (1, 100, 0.5), (2, 200, 1.0)]
    assert [point[::2] for point in store.points[run.info.run_id, "b"]] == [(7, 2.5)]
    assert store.files[f"1/{run.info.run_id}/artifacts/notes/a.txt"] == b"hello"
    assert store.environments[run.info.run_id].environment.packages["msgspec"]
    assert logged.end_ms is not None
    assert logged.end_ms >= logged.start_ms
    assert tw.status().problems == {}


@pytest.mark.parametrize(
    "value, expected",
    [
        (1, 1.0),
        (True, 1.0),
        (2.5, 2.5),
        (float("inf"), math.inf),
        (Decimal("1.5"), 1.5),
        (np.float64(3.5), 3.5),
        (np.int64(4), 4.0),
        (np.array([5.0]), 5.0),
        (np.array([[6.0]]), 6.0),
    ],
)
def test_what_is_a_number_can_be_a_metric(store: FakeStore, value: Any, expected: float) -> None:
    with tw.start_run() as run:
        tw.log_metric("m", value)
    assert store.points[run.run_id, "m"][0][2] == expected


def test_nan_stays_nan(store: FakeStore) -> None:
    with tw.start_run() as run:
        tw.log_metric("m", float("nan"))
    assert math.isnan(store.points[run.run_id, "m"][0][2])


BAD_CALLS: dict[str, Any] = {
    "a text as a metric": lambda: tw.log_metric("m", "1.0"),
    "nothing as a metric": lambda: tw.log_metric("m", None),
    "an array as a metric": lambda: tw.log_metric("m", np.array([1.0, 2.0])),
    "a huge number": lambda: tw.log_metric("m", 10**400),
    "an empty key": lambda: tw.log_metric("", 1.0),
    "a key with a foreign character": lambda: tw.log_metric("m$", 1.0),
    "a key that is no text": lambda: tw.log_metric(5, 1.0),  # type: ignore[arg-type]
    "a long key": lambda: tw.log_metric("m" * 251, 1.0),
    "a step that is half": lambda: tw.log_metric("m", 1.0, step=0.5),  # type: ignore[arg-type]
    "a step that is a text": lambda: tw.log_metric("m", 1.0, step="1"),  # type: ignore[arg-type]
    "a step beyond 64 bits": lambda: tw.log_metric("m", 1.0, step=2**63),
    "a time that is a text": lambda: tw.log_metric("m", 1.0, timestamp="now"),  # type: ignore[arg-type]
    "a param that escapes": lambda: tw.log_param("../p", 1),
    "a param that cannot be a text": lambda: tw.log_param("p", _Silent()),
    "a tag key that is no text": lambda: tw.set_tags({1: "x"}),  # type: ignore[dict-item]
    "a file that is not there": lambda: tw.log_artifact("missing.bin"),
    "a folder that is not there": lambda: tw.log_artifacts("missing"),
    "a dict that is none": lambda: tw.log_dict({"a": object()}, "d.json"),
    "a figure that is none": lambda: tw.log_figure("figure", "f.png"),
    "a table of a strange kind": lambda: tw.log_table(5, "t.json"),
    "an image with two names": lambda: tw.log_image(np.zeros((2, 2)), "a.png", key="k"),
    "an input that is none": lambda: tw.log_input(object()),
    "a tag that is not there": lambda: tw.delete_tag("nothing"),
}


class _Silent:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_a_mistake_in_logging_is_counted_and_training_goes_on(
    store: FakeStore, caplog: pytest.LogCaptureFixture, call: Any
) -> None:
    with caplog.at_level(logging.WARNING, "trackway"), tw.start_run() as run:
        call()
        call()
        tw.log_metric("good", 1.0)
        tw.flush()
        assert sum(tw.status().problems.values()) >= 2
    assert len(store.points[run.run_id, "good"]) == 1
    assert store.runs[run.run_id].status == "FINISHED"
    assert len({record.message for record in caplog.records}) <= len(PROBLEMS.counts)


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_a_mistake_in_strict_logging_is_raised(store: FakeStore, call: Any) -> None:
    tw.configure(strict=True)
    with tw.start_run(), pytest.raises(Exception):  # noqa: B017, PT011 - each its own
        call()


def test_a_second_value_for_a_param_is_a_problem_and_the_first_one_stays(store: FakeStore) -> None:
    with tw.start_run() as run:
        tw.log_params({"a": 1, "b": 2})
        tw.log_params({"a": 9, "c": 3})
        tw.log_param("a", 1)
        tw.flush()
        assert tw.status().refused == 1
    assert store.runs[run.run_id].params == {"a": "1", "b": "2", "c": "3"}
    assert tw.status().problems == {"refused conflict": 1}


@pytest.mark.parametrize("end", [tw.flush, tw.end_run])
def test_what_the_store_refuses_of_strict_logging_is_raised_once(store: FakeStore, end: Any) -> None:
    tw.configure(strict=True)
    run = tw.start_run()
    tw.log_param("a", 1)
    tw.log_param("a", 2)
    with pytest.raises(e.Conflict):
        end()
    tw.end_run()
    assert store.runs[run.run_id].status == "FINISHED"


def test_a_scripts_own_error_is_not_hidden_by_what_the_store_refused(store: FakeStore) -> None:
    tw.configure(strict=True)
    run = tw.start_run()
    tw.log_param("a", 1)
    tw.log_param("a", 2)
    with pytest.raises(ZeroDivisionError), run:
        raise ZeroDivisionError
    assert store.runs[run.run_id].status == "FAILED"


def test_an_active_run_shows_what_it_is(store: FakeStore) -> None:
    with tw.start_run(run_name="first") as run:
        assert repr(run) == f"ActiveRun(run_id={run.run_id!r}, run_name='first', status='RUNNING')"
        assert run.run_id in repr(run.info)


def test_logging_without_a_run_starts_one(store: FakeStore) -> None:
    tw.log_metric("m", 1.0)
    run = tw.active_run()
    assert run is not None
    tw.end_run("KILLED")
    assert tw.active_run() is None
    assert store.runs[run.run_id].status == "KILLED"


def test_a_second_run_needs_to_be_nested(store: FakeStore) -> None:
    with tw.start_run() as parent:
        with pytest.raises(e.Conflict, match="already active"):
            tw.start_run()
        with tw.start_run(nested=True) as child:
            assert tw.active_run() is child
            tw.log_metric("m", 1.0)
        assert tw.active_run() is parent
    assert store.runs[child.run_id].parent_run_id == parent.run_id
    assert store.runs[child.run_id].tags["mlflow.parentRunId"] == parent.run_id
    assert (child.run_id, "m") in store.points


def test_a_child_can_be_put_below_a_run_that_is_not_active(store: FakeStore) -> None:
    with tw.start_run() as parent:
        pass
    with tw.start_run(parent_run_id=parent.run_id) as child:
        pass
    assert store.runs[child.run_id].parent_run_id == parent.run_id


def test_each_thread_has_its_own_active_run(store: FakeStore) -> None:
    seen: list[Any] = []

    def train() -> None:
        seen.append(tw.active_run())
        with tw.start_run(run_name="other"):
            tw.log_metric("m", 2.0)

    with tw.start_run():
        thread = threading.Thread(target=train)
        thread.start()
        thread.join()
        tw.log_metric("m", 1.0)
    assert seen == [None]
    assert sorted(points[0][2] for points in store.points.values()) == [1.0, 2.0]


def test_a_run_is_resumed_by_id_and_runs_again(store: FakeStore) -> None:
    with tw.start_run(run_name="n") as run:
        tw.log_metric("m", 1.0, step=1)
    with tw.start_run(run_id=run.info.run_id, tags={"more": 1}) as again:
        assert again.info.run_name == "n"
        assert again.info.run_id == run.info.run_id
        tw.log_metric("m", 2.0, step=2)
        tw.flush()
        assert store.runs[run.run_id].status == "RUNNING"
    assert [point[0] for point in store.points[run.run_id, "m"]] == [1, 2]
    assert store.runs[run.run_id].tags["more"] == "1"


@pytest.mark.parametrize("variable", ["TRACKWAY_RUN_ID", "MLFLOW_RUN_ID"])
def test_the_environment_resumes_a_run_once(store: FakeStore, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with tw.start_run() as run:
        pass
    monkeypatch.setenv(variable, run.run_id)
    with tw.start_run() as again:
        pass
    with tw.start_run() as other:
        pass
    assert again.run_id == run.run_id
    assert other.run_id != run.run_id


def test_resuming_a_run_that_nobody_knows_raises(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.sdk.runs.FOREIGN_RUN_S", 0.2)
    with pytest.raises(e.NotFound):
        tw.start_run(run_id="0" * 32)
    with pytest.raises(e.InvalidInput):
        tw.start_run(run_id="../x")


@pytest.mark.parametrize(
    "variables, expected",
    [
        ({}, "0"),
        ({"MLFLOW_EXPERIMENT_NAME": "by-name"}, "1"),
        ({"TRACKWAY_EXPERIMENT_ID": "0", "MLFLOW_EXPERIMENT_NAME": "by-name"}, "0"),
        ({"MLFLOW_EXPERIMENT_ID": "0"}, "0"),
    ],
)
def test_the_environment_chooses_the_experiment(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with tw.start_run() as run:
        assert run.info.experiment_id == expected


def test_set_experiment_goes_before_the_environment(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "env")
    chosen = tw.set_experiment("mine")
    with tw.start_run() as run:
        assert run.info.experiment_id == chosen.experiment_id
    with pytest.raises(e.InvalidInput):
        tw.set_experiment()
    with pytest.raises(e.NotFound):
        tw.set_experiment(experiment_id="77")


def test_an_exception_in_the_block_fails_the_run(store: FakeStore) -> None:
    with pytest.raises(ZeroDivisionError), tw.start_run():
        raise ZeroDivisionError
    assert only_run(store).status == "FAILED"


def test_a_point_can_belong_to_a_model(store: FakeStore) -> None:
    with tw.start_run():
        tw.log_metric("m", 0.5, step=3, timestamp=9, model_id="m-1", dataset=tw.data.from_numpy(np.zeros(3), name="d"))
    request = next(q for name, q in store.calls if name == "runs.ingest" and q.model_metrics)
    (point,) = request.model_metrics
    assert isinstance(point, ModelMetric)
    assert (point.model_id, point.key, point.value, point.step, point.time_ms) == ("m-1", "m", 0.5, 3, 9)
    assert point.dataset_name == "d"


def test_inputs_and_outputs(store: FakeStore) -> None:
    dataset = tw.data.from_numpy(np.zeros(3), name="d")
    with tw.start_run():
        tw.log_input(dataset, context="training", tags={"a": "b"})
        tw.log_outputs([tw.entities.LoggedModelOutput("m-1", 5)])
    run = only_run(store)
    assert run.inputs[0].dataset.name == "d"
    assert run.inputs[0].tags == {"a": "b", "mlflow.data.context": "training"}
    assert (run.model_outputs[0].model_id, run.model_outputs[0].step) == ("m-1", 5)


def test_a_run_says_how_it_came_of_others_which_the_store_knows_by_then(store: FakeStore) -> None:
    with tw.start_run() as features:
        pass
    with tw.start_run() as failed:
        tw.link_run("uses", features)
    with tw.start_run() as again:
        tw.link_run("uses", features.info.run_id)
        tw.link_run("retry_of", failed)
        tw.link_run("made_by", failed, run_id=features.info.run_id)
    one, two, three = (run.info.run_id for run in (features, failed, again))
    assert store.links == {(two, "uses", one), (three, "uses", one), (three, "retry_of", two), (one, "made_by", two)}
    assert tw.status().problems == {}


@pytest.mark.parametrize(
    "kind, earlier",
    [("used", "a" * 32), ("", "a" * 32), (None, "a" * 32), ("uses", "a/b"), ("uses", ""), ("uses", 7), ("uses", None)],
    ids=repr,
)
def test_a_link_that_cannot_be_is_a_problem_and_no_error(store: FakeStore, kind: Any, earlier: Any) -> None:
    with tw.start_run():
        tw.link_run(kind, earlier)
        tw.log_param("p", 1)
    assert only_run(store).params == {"p": "1"}
    assert store.links == set()
    assert tw.status().problems == {"link_run": 1}
    tw.configure(strict=True)
    with tw.start_run(), pytest.raises(e.InvalidInput, match=r"uses, made_by, retry_of, reproduces|64 letters"):
        tw.link_run(kind, earlier)


def test_another_run_can_be_logged_to_by_id(store: FakeStore) -> None:
    with tw.start_run() as one:
        pass
    with tw.start_run():
        tw.log_metric("m", 1.0, run_id=one.run_id)
        tw.log_params({"p": 1}, run_id=one.run_id)
        tw.log_text("t", "f.txt", run_id=one.run_id)
    assert (one.run_id, "m") in store.points
    assert store.runs[one.run_id].params == {"p": "1"}
    assert f"0/{one.run_id}/artifacts/f.txt" in store.files


def test_asynchronous_calls_return_something_to_wait_for(store: FakeStore) -> None:
    with tw.start_run() as run:
        operations = tw.log_metric("m", 1.0, synchronous=False)
        assert operations is not None
        operations.wait()
        assert (run.run_id, "m") in store.points


def test_files_are_logged_as_they_were_at_the_time(store: FakeStore, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    (folder / "small.txt").write_bytes(b"1")
    (folder / "deep" / "large.bin").write_bytes(b"x" * 200_000)
    with tw.start_run() as run:
        tw.log_artifacts(folder, "all")
        tw.log_artifact(folder / "small.txt")
        tw.log_artifact(str(folder), "in")
        (folder / "small.txt").write_bytes(b"changed")
        (folder / "deep" / "large.bin").unlink()
    root = f"0/{run.run_id}/artifacts"
    assert {path: len(data) for path, data in store.files.items()} == {
        f"{root}/all/small.txt": 1,
        f"{root}/all/deep/large.bin": 200_000,
        f"{root}/small.txt": 1,
        f"{root}/in/out/small.txt": 1,
        f"{root}/in/out/deep/large.bin": 200_000,
    }


def test_a_table_grows_by_what_is_logged_to_it(store: FakeStore) -> None:
    with tw.start_run() as run:
        tw.log_table({"a": [1], "b": ["x"]}, "t.json")
        tw.log_table({"a": [2], "b": ["y"]}, "t.json")
    with tw.start_run(run_id=run.run_id):
        tw.log_table({"a": [3], "b": ["z"]}, "t.json")
    table = json.loads(store.files[f"0/{run.run_id}/artifacts/t.json"])
    assert table == {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"], [3, "z"]]}


def test_images_make_a_file_or_a_series(store: FakeStore) -> None:
    with tw.start_run() as run:
        tw.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "a.png")
        tw.log_image(np.zeros((4, 4, 3), dtype=np.uint8), key="dog", step=2, timestamp=5)
    names = [path.rpartition("artifacts/")[2] for path in store.files]
    assert names[0] == "a.png"
    assert names[1].startswith("images/dog+step+2+timestamp+5+")
    assert store.runs[run.run_id].tags["mlflow.loggedImages"] == "True"


def test_system_metrics_are_logged_on_demand(store: FakeStore) -> None:
    tw.set_system_metrics_sampling_interval(0.05)
    with tw.start_run(log_system_metrics=True) as run:
        pass
    assert (run.run_id, "system/system_memory_usage_percentage") in store.points


def test_a_run_reads_its_own_writes(store: FakeStore) -> None:
    with tw.start_run() as run:
        tw.log_param("p", 1)
        assert run.data.params == {"p": "1"}
        assert tw.get_run(run.run_id).data.params == {"p": "1"}
        assert tw.last_active_run().info.run_id == run.run_id  # type: ignore[union-attr]
        assert tw.get_artifact_uri("a/b") == f"mlflow-artifacts:/0/{run.run_id}/artifacts/a/b"
