"""Models of ONNX that reach for files which are not theirs, and files of other libraries that are not what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

from trackway.base.errors import TrackwayError
from trackway.models.manifest import write_manifest
from trackway.models.package import load_model, save_model

pytestmark = pytest.mark.libraries

SECRET = b"canary" * 4


def _make(*places: dict[str, str], where: str = "initializer") -> Any:
    """Return a model with a tensor whose numbers are elsewhere."""
    tensor = numpy_helper.from_array(np.zeros(6, np.float32), "w")
    if places:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in places[0].items():
            tensor.external_data.add(key=key, value=value)
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [6])
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [6])
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    if where == "initializer":
        graph = helper.make_graph(nodes, "g", [value], [output], [tensor])
    elif where == "attribute":
        nodes.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))
        graph = helper.make_graph(nodes, "g", [value], [output])
    else:
        inner = helper.make_graph([helper.make_node("Identity", ["w"], ["z"])], "inner", [], [output], [tensor])
        inner.output[0].name = "z"
        flag = helper.make_tensor("flag", TensorProto.BOOL, [], [True])
        nodes = [helper.make_node("If", ["flag"], ["y"], then_branch=inner, else_branch=inner)]
        graph = helper.make_graph(nodes, "g", [value], [output], [flag])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(SECRET)
    save_model(_make(), tmp_path / "model", "onnx")
    return tmp_path / "model"


def _replace(model: Path, data: bytes, name: str = "model.onnx") -> None:
    (model / name).write_bytes(data)
    write_manifest(model)


LOCATIONS = (
    "../secret", "/etc/passwd", "..\\secret", "sub/../../secret", "C:\\secret", "", ".", "link", "*/_ORT_MEM_ADDR_/*",
    "missing.bin", "a\0b", "file:///etc/passwd", "\\\\host\\share",
)  # fmt: skip


@pytest.mark.parametrize("where", ["initializer", "attribute", "branch"])
@pytest.mark.parametrize("location", LOCATIONS)
def test_weights_are_read_from_the_models_own_files_alone(location: str, where: str, model: Path) -> None:
    hostile = _make({"location": location, "offset": "0", "length": "24"}, where=where)
    if location == "link":
        (model / "link").symlink_to(model.parent / "secret")
        (model / "model.onnx").write_bytes(hostile.SerializeToString())
    else:
        _replace(model, hostile.SerializeToString())
    for trust in (False, True):
        with pytest.raises(TrackwayError):
            load_model(model, trust=trust)


@pytest.mark.parametrize(
    "place",
    [
        {"offset": "-8", "length": "24"},
        {"offset": "0", "length": "-1"},
        {"offset": "8", "length": "24"},
        {"offset": "0", "length": str(2**62)},
        {"offset": "x", "length": "24"},
        {"offset": str(2**63)},
    ],
)
def test_weights_that_are_not_in_their_file_are_refused(place: dict[str, str], model: Path) -> None:
    (model / "weights.bin").write_bytes(bytes(24))
    _replace(model, _make({"location": "weights.bin", **place}).SerializeToString())
    with pytest.raises(TrackwayError, match=r"is not within 'weights\.bin'"):
        load_model(model)


def test_weights_of_the_models_own_are_read(model: Path) -> None:
    (model / "weights.bin").write_bytes(np.arange(6, dtype=np.float32).tobytes())
    for where in ("initializer", "attribute", "branch"):
        _replace(model, _make({"location": "weights.bin"}, where=where).SerializeToString())
        assert load_model(model).predict(np.zeros(6, np.float32))["y"].tolist() == [0, 1, 2, 3, 4, 5]


def test_nodes_that_name_files_of_their_own_are_refused(model: Path) -> None:
    hostile = _make()
    hostile.graph.node.append(
        helper.make_node("EPContext", ["x"], ["z"], domain="com.microsoft", ep_cache_context="../secret", embed_mode=0)
    )
    _replace(model, hostile.SerializeToString())
    with pytest.raises(TrackwayError, match="compiled for one machine"):
        load_model(model, trust=True)


@pytest.mark.parametrize(
    "config",
    [
        {"providers": [["TensorrtExecutionProvider", {"trt_extra_plugin_lib_paths": "/tmp/evil.so"}]]},
        {"providers": [["CPUExecutionProvider", {"x": "y"}]]},
        {"providers": [{"name": "x"}]},
        {"providers": 3},
        {"onnx_session_options": {"extra_session_config": {"session.save_model_format": "ORT"}}},
        {"onnx_session_options": {"extra_session_config": {"ep.context_file_path": "/tmp/written"}}},
        {"onnx_session_options": {"optimized_model_filepath": "/tmp/written"}},
        {"onnx_session_options": {"register_custom_ops_library": "/tmp/evil.so"}},
        {"data": "../secret"},
        {"data": None},
    ],
)
def test_a_record_that_reaches_out_is_refused(config: dict[str, Any], model: Path) -> None:
    record = yaml.safe_load((model / "MLmodel").read_text())
    record["flavors"]["onnx"].update(config)
    (model / "MLmodel").write_text(yaml.safe_dump(record))
    write_manifest(model)
    with pytest.raises(TrackwayError):
        load_model(model)


RECORDS: dict[str, dict[str, Any]] = {
    "catboost": {"model_type": "CatBoostClassifier", "save_format": "cbm"},
    "onnx": {},
    "prophet": {"model_type": "Prophet"},
    "statsmodels": {},
    "h2o": {},
}
GARBAGE = (
    b"",
    b"{",
    b"garbage",
    b"CBM1",
    b"CBM1" + b"\x10\0\0\0" * 64,
    b'"{}"',
    b"\x08\x09" + b"\xff" * 500,
    b"[1, 2]",
)
TRY = """
import json, pathlib, sys
from trackway.base.errors import TrackwayError
from trackway.models.manifest import write_manifest
from trackway.models.package import load_model
model, cases = pathlib.Path(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text())
for record, data in cases:
    (model / "MLmodel").write_text(json.dumps(record))
    (model / "file").write_bytes(bytes.fromhex(data))
    write_manifest(model)
    try:
        load_model(model)
    except TrackwayError:
        continue
    raise SystemExit(f"{record} loads {data[:200]}")
print("refused")
"""


def test_garbage_ends_no_process_and_runs_nothing(model: Path, tmp_path: Path) -> None:
    for file in model.iterdir():
        if file.is_file():
            file.unlink()
    trees = _save_catboost(tmp_path)
    cut = [trees[: len(trees) // 2], trees[:-1], trees[:8]]
    cases = [
        ({"flavors": {name: {**record, "data": "file"}}}, data.hex())
        for name, record in RECORDS.items()
        for data in (*GARBAGE, *(cut if name == "catboost" else ()))
    ]
    cases += [({"flavors": {"catboost": {"model_type": name, "data": "file"}}}, trees.hex()) for name in CLASSES]
    cases += [({"flavors": {"prophet": {"model_type": name, "data": "file"}}}, b'"{}"'.hex()) for name in CLASSES]
    (tmp_path / "cases").write_text(json.dumps(cases))
    command = [sys.executable, "-W", "ignore", "-c", TRY, str(model), str(tmp_path / "cases")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "refused"


CLASSES = ("Pool", "__init__", "subprocess.Popen", "CatBoostError", "", "catboost.core.CatBoost")


def _save_catboost(folder: Path) -> bytes:
    rows = np.random.default_rng(0).random((40, 3))
    model = catboost.CatBoostRegressor(iterations=3, verbose=0, allow_writing_files=False).fit(rows, rows[:, 0])
    model.save_model(str(folder / "trees"))
    return (folder / "trees").read_bytes()
