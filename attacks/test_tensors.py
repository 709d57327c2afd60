"""Models of tensors that want to run code: exported programs, ``.keras`` files, and headers of safetensors.

None of the libraries is needed here: what is hostile is refused before any of them is imported.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from trackway.base.errors import Corrupt, InvalidInput, PermissionDenied, TrackwayError
from trackway.models.keras_files import check_keras
from trackway.models.manifest import write_manifest
from trackway.models.package import load_model
from trackway.models.programs import is_known_target, is_plain_expression, read_program
from trackway.models.safetensors import check_safetensors
from trackway.models.trust import find_pickle

LIBRARIES = ("torch", "keras", "tensorflow")


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def _save(folder: Path, flavor: str, config: dict[str, Any], files: dict[str, bytes]) -> Path:
    """Write a model as whoever means harm can: records, files, and a manifest that fits."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    record = {"flavors": {flavor: config, "python_function": {"python_version": "3.11.7"}}, "trackway_format": 1}
    (folder / "MLmodel").write_text(yaml.safe_dump(record))
    write_manifest(folder)
    return folder


def _zip(members: dict[str, bytes], twice: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        if twice:
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr(twice, b"{}")
    return buffer.getvalue()


def _node(target: str = "torch.ops.aten.relu.default", **more: Any) -> dict[str, Any]:
    tensor = {"name": "self", "arg": {"as_tensor": {"name": "x"}}, "kind": 1}
    return {"target": target, "inputs": [tensor], "outputs": [], "metadata": {}, "name": "relu", **more}


def _graph(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    tree = '[1, {"type": "builtins.tuple", "context": "null", "children_spec": []}]'
    calls = [{"fqn": "", "signature": {"in_spec": tree, "out_spec": tree}}]
    module = {"graph": {"nodes": list(nodes), "inputs": [], "outputs": []}, "module_call_graph": calls, "metadata": {}}
    return {"graph_module": module, "guards_code": [], "range_constraints": {}, **more}


def _program(graph: Any, *, config: Any = None, twice: str = "", **more: bytes) -> bytes:
    empty = json.dumps({"config": {}}).encode()
    members = {
        "m/models/model.json": json.dumps(graph).encode(),
        "m/data/weights/model_weights_config.json": empty if config is None else json.dumps(config).encode(),
        "m/data/constants/model_constants_config.json": empty,
        "m/archive_version": b"0",
        **{name.replace("__", "/").replace("_dot_", "."): data for name, data in more.items()},
    }
    return _zip(members, twice)


TREE = '[1, {"type": "%s", "context": %s, "children_spec": []}]'
PROGRAMS: dict[str, Callable[[Path], bytes]] = {
    "a command": lambda _m: _program(_graph(_node("torch.os.system"))),
    "a loader of pickles": lambda _m: _program(_graph(_node("torch.load"))),
    "a loader of code": lambda _m: _program(_graph(_node("torch.utils.cpp_extension.load_inline"))),
    "an operator that reads files": lambda _m: _program(_graph(_node("torch.ops.aten.from_file.default"))),
    "an operator of another library": lambda _m: _program(_graph(_node("torch.ops.evil.run.default"))),
    "a caller of attributes": lambda _m: _program(_graph(_node("_operator.methodcaller"))),
    "a builtin": lambda _m: _program(_graph(_node("math.__loader__.load_module"))),
    "an extension": lambda _m: _program(_graph(_node("#evil:run"))),
    "a callable as argument": lambda _m: _program(
        _graph(_node(inputs=[{"name": "f", "arg": {"as_operator": "torch.os.system"}, "kind": 1}]))
    ),
    "an object as argument": lambda _m: _program(
        _graph(_node(inputs=[{"name": "f", "arg": {"as_custom_obj": {"name": "x", "class_fqn": "e"}}, "kind": 1}]))
    ),
    "a nested graph": lambda _m: _program(
        _graph(_node(inputs=[{"arg": {"as_graph": {"graph": {"nodes": [_node("torch.os.system")]}}}}]))
    ),
    "an expression": lambda _m: _program(
        _graph(symbols={"s0": {"as_expr": {"expr_str": "__import__('os').system('x')"}}})
    ),
    "a name with a quote": lambda _m: _program(_graph(parameter_name='x")+__import__("os").abort()+("')),
    "a key with a quote": lambda _m: _program(_graph(sizes={'x")+1+("': {}})),
    "a name over two lines": lambda _m: _program(_graph(_node(name="x\nimport os"))),
    "an argument with a bracket": lambda _m: _program(
        _graph(signature={"in_spec": TREE % ("builtins.dict", json.dumps('["a=print()"]')), "out_spec": None})
    ),
    "a container that imports": lambda _m: _program(
        _graph(call={"in_spec": TREE % ("collections.defaultdict", '"{}"'), "out_spec": None})
    ),
    "a container with a module": lambda _m: _program(
        _graph(call={"in_spec": TREE % ("builtins.dict", json.dumps('{"default_factory_module": "antigravity"}'))})
    ),
    "a tuple of its own": lambda _m: _program(
        {"graph_module": {"graph": {}, "treespec_namedtuple_fields": {"evil.Tuple": {}}}}
    ),
    "compiled code": lambda _m: _program(_graph(), m__data__aotinductor__model__x_dot_so=b"\x7fELF"),
    "an object": lambda _m: _program(_graph(), m__data__constants__opaque_obj_0=b"x"),
    "weights that are pickles": lambda _m: _program(
        _graph(), config={"config": {"w": {"path_name": "weight_0", "use_pickle": True}}}
    ),
    "weights elsewhere": lambda _m: _program(
        _graph(), config={"config": {"w": {"path_name": "../../../etc/passwd", "use_pickle": False}}}
    ),
    "a pickle as weights": lambda m: _program(_graph(), m__data__weights__weight_0=pickle.dumps(Bomb(m))),
    "a pickle as sample inputs": lambda m: _program(
        _graph(), m__data__sample_inputs__model_dot_pt=pickle.dumps(Bomb(m))
    ),
    "two graphs": lambda _m: _program(_graph(), twice="m/models/model.json"),
    "two folders": lambda _m: _program(_graph(), n__models__model_dot_json=b"{}"),
    "no graph": lambda _m: _program([]),
    "a deep graph": lambda _m: _program(json.loads('{"a":' * 300 + "{}" + "}" * 300)),
    "no archive": lambda _m: b"PK\x03\x04",
    "nothing": lambda _m: b"",
}


@pytest.mark.parametrize("shape", PROGRAMS)
def test_a_program_that_names_more_than_operators_runs_nothing(shape: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    model = _save(tmp_path / "model", "pytorch", {"model_data": "data"}, {"data/model.pt2": PROGRAMS[shape](marker)})
    before = {*sys.modules}
    with pytest.raises((PermissionDenied, Corrupt)):
        load_model(model)
    assert not marker.exists()
    assert not {*LIBRARIES} & ({*sys.modules} - before)


def test_a_plain_program_is_read_without_what_only_its_making_needed(tmp_path: Path) -> None:
    node = _node(metadata={"stack_trace": "File 'secret.py'", "torch_fn": "x;torch.os.system"})
    made = _graph(node)
    made["guards_code"] = ["__import__('os').system('x')"]
    (tmp_path / "model.pt2").write_bytes(_program(made, m__data__sample_inputs__model_dot_pt=b"anything"))
    with zipfile.ZipFile(read_program(tmp_path / "model.pt2", trust=False)) as archive:
        graph = archive.read("model/models/model.json")
        assert archive.read("model/data/sample_inputs/model.pt") == b""
    assert b"secret" not in graph
    assert b"system" not in graph
    assert json.loads(graph)["graph_module"]["graph"]["nodes"][0]["target"] == "torch.ops.aten.relu.default"


@pytest.mark.parametrize("text", [
    "1", "s77", "2*s0 + 1", "Max(1, s0)", "((s0*s1)//3)", "s0**2", "Symbol('s77', positive=True, integer=True)",
    "Mul(Integer(4), Symbol('u0', integer=True))", "FloorDiv(s0, 2)", "Eq(s0, 4) & Lt(s1, 9)", "1.5", "-int_oo",
    "Pow(Symbol('s0', positive=True, integer=True), Integer(2))",
])  # fmt: skip
def test_arithmetic_of_sizes_is_plain(text: str) -> None:
    assert is_plain_expression(text)


@pytest.mark.parametrize("text", [
    "__import__('os')", "s0.__class__", "sympify('1')", "lambdify", "[s0]", "9**9**9", "s0**9**9", "Pow(9, 999999)",
    "Pow(Pow(s0, 99), 99)", "s0**999", "exec", "Symbol('x; y')", "Symbol('__import__')", "LShift(1, 99999999)", "'a'",
    "preview(s0)", "s0 if s0 else s1", "{}", "f", "x"*3000, None, 3, "lambda: 1", "a\nb", "(1).real", "S.One",
])  # fmt: skip
def test_anything_else_is_no_expression(text: Any) -> None:
    assert not is_plain_expression(text)


@pytest.mark.parametrize("target", ["torch.ops.aten.add.Tensor", "_operator.mul", "math.ceil", "torch.sym_int"])
def test_operators_are_known(target: str) -> None:
    assert is_known_target(target)


def _keras(config: Any, twice: str = "") -> bytes:
    return _zip({"config.json": json.dumps(config).encode(), "metadata.json": b"{}", "model.weights.h5": b""}, twice)


def _layer(name: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


CODE = {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}
KERAS: dict[str, Any] = {
    "a Lambda": _layer("Lambda", function=CODE),
    "a lambda in another layer": _layer("Dense", activation=CODE),
    "a module of the standard library": _layer("system", "os"),
    "a function of the standard library": {"module": "os", "class_name": "function", "config": "system"},
    "a function of Keras that fetches": {"module": "keras.utils", "class_name": "function", "config": "get_file"},
    "a class of Keras's utilities": _layer("get_file", "keras.utils"),
    "what makes Keras unsafe": {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}},
    "a loader of models": {"module": "keras.models.legacy", "class_name": "function", "config": "load_model"},
    "a tensor that is a pickle": _layer("TorchModuleWrapper", module={"class_name": "__tensor__"}),
    "another model": _layer("TFSMLayer", filepath="/tmp/evil"),
    "a vocabulary that is a path": _layer("StringLookup", vocabulary="/etc/passwd"),
    "a vocabulary of the registry": _layer("TextVectorization", vocabulary="gs://evil/x"),
    "a type": {"class_name": "__typespec__", "module": "tensorflow", "spec_name": "x", "config": []},
    "an unknown special form": {"class_name": "__evil__", "config": {}},
    "a class of its own": _layer("Evil", "evil"),
    "a class without a module": _layer("Evil", None),
    "a name that hides a lambda": {**_layer("Dense"), "registered_name": "Dense", "config": {"x": [CODE]}},
    "a deep configuration": json.loads('{"a":' * 600 + "{}" + "}" * 600),
}


@pytest.mark.parametrize("shape", KERAS)
@pytest.mark.parametrize("flavor", ["keras", "tensorflow"])
def test_a_configuration_that_names_more_than_layers_makes_nothing(shape: str, flavor: str, tmp_path: Path) -> None:
    config = {"data": "data", "keras_backend": "torch", "model_type": "keras"}
    for place, made in enumerate((KERAS[shape], _layer("Sequential", "keras", layers=[_layer("Dense"), KERAS[shape]]))):
        model = _save(tmp_path / str(place), flavor, config, {"data/model.keras": _keras(made)})
        before = {*sys.modules}
        with pytest.raises((PermissionDenied, InvalidInput, Corrupt)):
            load_model(model)
        assert not {*LIBRARIES} & ({*sys.modules} - before)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", _zip({"metadata.json": b"{}"}), _zip({"config.json": b"{"})])
def test_what_is_no_model_of_keras_is_said_to_be_none(data: bytes, tmp_path: Path) -> None:
    model = _save(tmp_path / "model", "keras", {"data": "data"}, {"data/model.keras": data})
    with pytest.raises(Corrupt, match="is no model of Keras"):
        load_model(model)


def test_two_configurations_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(_keras(_layer("Dense"), "config.json"))
    with pytest.raises(Corrupt, match="has a member twice"):
        check_keras(tmp_path / "model.keras", lambda _name: False, trust=False)


def test_old_files_of_keras_load_with_trust_alone(tmp_path: Path) -> None:
    for name in ("data/model.h5", "data/model.hdf5"):
        model = _save(
            tmp_path / name.replace("/", "-"), "keras", {"data": "data"}, {name: b"\x89HDF\r\n\x1a\n" + b"\0" * 64}
        )
        with pytest.raises(TrackwayError):
            load_model(model)


HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
SAFETENSORS: dict[str, bytes] = {
    "nothing": b"",
    "a length alone": (8).to_bytes(8, "little"),
    "a huge header": (2**62).to_bytes(8, "little") + HEADER,
    "a header over the limit": (200_000_000).to_bytes(8, "little") + HEADER,
    "a header that is a list": (2).to_bytes(8, "little") + b"[]",
    "a header that is cut": len(HEADER).to_bytes(8, "little") + HEADER[:-4] + b"    " + b"\0" * 4,
    "tensors that are not there": len(HEADER).to_bytes(8, "little") + HEADER,
    "bytes of no tensor": len(HEADER).to_bytes(8, "little") + HEADER + b"\0" * 8,
    "negative places": (31).to_bytes(8, "little") + b'{"w":{"data_offsets":[-8,  4]}}' + b"\0" * 4,
    "places that are none": (31).to_bytes(8, "little") + b'{"w":{"data_offsets":[0, "x"]}}' + b"\0" * 4,
}


@pytest.mark.parametrize("shape", SAFETENSORS)
def test_safetensors_that_are_not_whole_are_refused(shape: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(SAFETENSORS[shape])
    with pytest.raises(Corrupt):
        check_safetensors(tmp_path / "model.safetensors")


def test_a_length_that_looks_like_a_pickle_is_none(tmp_path: Path) -> None:
    length = int.from_bytes(b"\x88.", "little")  # True, and the end, as opcodes
    data = length.to_bytes(8, "little") + HEADER.ljust(length) + b"\0" * 4
    (tmp_path / "model.safetensors").write_bytes(data)
    (tmp_path / "model.bin").write_bytes(data)
    assert find_pickle(tmp_path / "model.safetensors") == ""
    assert find_pickle(tmp_path / "model.bin") == "a pickle"
