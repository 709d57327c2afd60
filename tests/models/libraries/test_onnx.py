"""What models of ONNX take and give, and what their files may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import yaml
from onnx import TensorProto, helper

import trackway as tw
from tests.models.libraries.tables import ask_graph, make_graph, make_rows
from trackway.base.errors import Corrupt, InvalidInput, PermissionDenied
from trackway.models.flavors import onnx as flavor
from trackway.models.manifest import write_manifest
from trackway.models.package import load_model, save_model
from trackway.models.trust import find_pickle

pytestmark = pytest.mark.libraries


def make_two() -> onnx.ModelProto:
    """Return a model of a column of numbers, a column of texts, and two answers."""
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["a", "a"], ["twice"]),
            helper.make_node("Concat", ["a", "twice"], ["both"], axis=1),
            helper.make_node("Identity", ["word"], ["said"]),
        ],
        "two",
        [
            helper.make_tensor_value_info("a", TensorProto.DOUBLE, ["n", 1]),
            helper.make_tensor_value_info("word", TensorProto.STRING, ["n"]),
        ],
        [
            helper.make_tensor_value_info("both", TensorProto.DOUBLE, ["n", 2]),
            helper.make_tensor_value_info("said", TensorProto.STRING, ["n"]),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def loaded(tmp_path: Path) -> Any:
    save_model(make_graph(), tmp_path / "model")
    return load_model(tmp_path / "model")


def test_a_table_gives_a_table_and_arrays_give_arrays(loaded: Any) -> None:
    rows = make_rows()
    expected = ask_graph(make_graph(), rows)
    assert isinstance(loaded.native, onnx.ModelProto)
    table = loaded.predict(rows)
    assert table.columns.tolist() == ["score"]
    assert table["score"].tolist() == expected[:, 0].tolist()
    for data in (rows.to_numpy(), rows.to_numpy("float32"), {"rows": rows.to_numpy()}, rows.to_numpy().tolist()):
        found = loaded.predict(data)
        assert found.keys() == {"score"}
        np.testing.assert_array_equal(found["score"], expected)


def test_columns_are_fed_by_their_names(tmp_path: Path) -> None:
    save_model(make_two(), tmp_path / "model", onnx_output="both")
    rows = pd.DataFrame({"word": ["x", "y"], "a": [1, 2]})
    assert load_model(tmp_path / "model").predict(rows).tolist() == [[1, 2], [2, 4]]
    save_model(make_two(), tmp_path / "all")
    found = load_model(tmp_path / "all").predict(rows)
    assert found.to_dict("list") == {"both_0": [1, 2], "both_1": [2, 4], "said": ["x", "y"]}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"a": [[1.0]]}, "input 'word' is missing; it takes 'a', 'word'"),
        (np.zeros((2, 2)), "takes 2 inputs"),
        (pd.DataFrame({"a": ["x"], "word": ["x"]}), "input 'a' takes numbers"),
        (pd.DataFrame({"a": [1.0], "word": [1.0]}), "input 'word' takes texts, found float64"),
        ({"a": [[1j]], "word": ["x"]}, "input 'a' takes float64, found complex128"),
        ({"a": [[[1.0]]], "word": ["x"]}, "Invalid rank"),
    ],
)
def test_data_that_does_not_fit_is_refused_with_the_input(data: Any, problem: str, tmp_path: Path) -> None:
    save_model(make_two(), tmp_path / "model")
    with pytest.raises(InvalidInput, match=problem):
        load_model(tmp_path / "model").predict(data)


def test_a_model_of_onnx_takes_no_params(loaded: Any) -> None:
    with pytest.raises(InvalidInput, match="takes no params, found 'depth'"):
        loaded.predict(make_rows(), {"depth": 1})


def test_the_path_of_a_file_is_a_model_too(tmp_path: Path) -> None:
    onnx.save_model(make_graph(), tmp_path / "linear.onnx")
    tw.onnx.save_model(onnx_model=str(tmp_path / "linear.onnx"), path=tmp_path / "model")
    assert tw.onnx.load_model(tmp_path / "model").graph.name == "linear"


def test_weights_may_have_a_file_of_their_own(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).random((3, 500), np.float32)
    save_model(make_graph(weights), tmp_path / "model", save_as_external_data=True)
    data = tmp_path / "model" / "model.onnx.data"
    assert data.read_bytes() == bytes(4096) + weights.tobytes()
    assert find_pickle(data) == ""
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(
        loaded.predict(make_rows().to_numpy())["score"], make_rows().to_numpy("float32") @ weights
    )
    save_model(loaded.native, tmp_path / "again")
    assert not (tmp_path / "again" / "model.onnx.data").exists()


def test_a_model_too_large_for_one_message_runs_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flavor, "MAX_BYTES", 1000)
    weights = np.ones((3, 500), np.float32)
    save_model(make_graph(weights), tmp_path / "model")
    assert (tmp_path / "model" / "model.onnx.data").stat().st_size > 6000
    found = load_model(tmp_path / "model").predict(make_rows().to_numpy())["score"]
    np.testing.assert_array_equal(found, make_rows().to_numpy("float32") @ weights)


def test_sessions_are_made_as_the_model_says(tmp_path: Path) -> None:
    settings = {
        "intra_op_num_threads": 1,
        "execution_mode": "sequential",
        "graph_optimization_level": 99,
        "extra_session_config": {"session.set_denormal_as_zero": "1"},
    }
    providers = ["CPUExecutionProvider"]
    save_model(make_graph(), tmp_path / "model", onnx_session_options=settings, onnx_execution_providers=providers)
    loaded = load_model(tmp_path / "model")
    assert loaded.config["providers"] == providers
    assert loaded.config["onnx_session_options"] == settings
    session = flavor.open_session(loaded.native, loaded.config)
    assert session.get_session_options().intra_op_num_threads == 1
    assert session.get_session_options().execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL


def test_a_device_that_is_not_there_is_told_and_the_cpu_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_model(make_graph(), tmp_path / "model", onnx_execution_providers=["QNNExecutionProvider"])
    assert load_model(tmp_path / "model").predict(make_rows()).shape == (60, 1)
    assert "of these none but the CPU can be used here" in caplog.text


@pytest.mark.parametrize(
    "settings",
    [
        {"threads": 4},
        {"intra_op_num_threads": 1_000_000},
        {"intra_op_num_threads": "4"},
        {"execution_mode": "fast"},
        {"graph_optimization_level": 7},
        {"extra_session_config": ["x"]},
        ["x"],
    ],
)
def test_options_that_are_not_known_are_refused(settings: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        save_model(make_graph(), tmp_path / "model", onnx_session_options=settings)
    save_model(make_graph(), tmp_path / "model")
    _rewrite(tmp_path / "model", onnx_session_options=settings)
    with pytest.raises(InvalidInput):
        load_model(tmp_path / "model", trust=True)


def test_options_that_could_reach_out_need_trust(tmp_path: Path) -> None:
    reaching: dict[str, Any] = {
        "onnx_session_options": {"extra_session_config": {"ep.context_file_path": "/tmp/x"}},
        "onnx_execution_providers": [["CPUExecutionProvider", {"use_arena": "1"}]],
    }
    for name, value in reaching.items():
        save_model(make_graph(), tmp_path / name, **{name: value})
        with pytest.raises(PermissionDenied, match="trust=True"):
            load_model(tmp_path / name)
        assert load_model(tmp_path / name, trust=True).predict(make_rows()).shape == (60, 1)


def test_what_is_no_model_of_onnx_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"garbage")
    outside = make_graph(np.ones((3, 500), np.float32))
    onnx.save_model(outside, tmp_path / "outside.onnx", save_as_external_data=True, size_threshold=0)
    bare = onnx.load(tmp_path / "outside.onnx", load_external_data=False)
    wrong = make_graph()
    wrong.graph.node[0].op_type = "NoSuchOperator"
    for model, problem in (
        (tmp_path / "missing.onnx", "is no file"),
        (tmp_path / "file", "cannot be read as ONNX"),
        (3, "A int is no model of ONNX"),
        (bare, "weights are in files elsewhere"),
        (wrong, "is no valid ONNX: No Op registered for NoSuchOperator"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            save_model(model, tmp_path / "model", "onnx")
    with pytest.raises(InvalidInput, match=r"has no output 'rate'.*it has 'score'"):
        save_model(make_graph(), tmp_path / "model", onnx_output="rate")
    assert not (tmp_path / "model").exists()


def test_a_model_that_the_runtime_cannot_run_is_corrupt(tmp_path: Path) -> None:
    save_model(make_graph(), tmp_path / "model")
    foreign = make_graph()
    foreign.graph.node[0].domain = "nowhere"
    foreign.opset_import.add(domain="nowhere", version=1)
    (tmp_path / "model" / "model.onnx").write_bytes(foreign.SerializeToString())
    write_manifest(tmp_path / "model")
    with pytest.raises(Corrupt, match="ONNX Runtime cannot run the model"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    "predict", [3, {"output": 3}, {"output": "score", "shape": "x"}, {"output": "score", "dtype": "O"}]
)
def test_a_record_of_the_answer_that_is_none_is_refused(predict: Any, tmp_path: Path) -> None:
    save_model(make_graph(), tmp_path / "model")
    _rewrite(tmp_path / "model", predict=predict)
    with pytest.raises(InvalidInput, match="record of what it predicts"):
        load_model(tmp_path / "model")


def _rewrite(model: Path, **config: Any) -> None:
    record = yaml.safe_load((model / "MLmodel").read_text())
    record["flavors"]["onnx"].update(config)
    (model / "MLmodel").write_text(yaml.safe_dump(record))
    write_manifest(model)
