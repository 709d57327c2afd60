"""What makes a folder a whole model: its manifest, its records, and nothing that leads out of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.models.peers import Peer
from trackway.base.errors import Corrupt, InvalidInput, NotSupported, TrackwayError
from trackway.models.manifest import NAME, read_manifest, resolve_inside, verify, write_manifest
from trackway.models.mlmodel import MlModel, dump_mlmodel, parse_mlmodel, read_mlmodel
from trackway.models.signature import Signature, columns

MLMODEL = b"flavors: {python_function: {loader_module: x}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of three files with its manifest."""
    model = tmp_path / "model"
    (model / "code" / "inner").mkdir(parents=True)
    (model / "MLmodel").write_bytes(MLMODEL)
    (model / "data.bin").write_bytes(bytes(range(256)) * 10)
    (model / "code" / "inner" / "a b.py").write_text("x = 1\n")
    write_manifest(model)
    return model


def test_a_whole_model_is_verified(folder: Path) -> None:
    manifest = verify(folder, required=True)
    assert manifest is not None
    assert sorted(manifest.files) == ["MLmodel", "code/inner/a b.py", "data.bin"]
    assert manifest.files["data.bin"].size_bytes == 2560


def test_the_digest_is_that_of_the_content(folder: Path) -> None:
    before = read_manifest(folder)
    again = write_manifest(folder)
    assert before is not None
    assert again.digest == before.digest
    (folder / "data.bin").write_bytes(b"other")
    assert write_manifest(folder).digest != before.digest


def _cut(model: Path) -> None:
    (model / "data.bin").write_bytes(b"short")


def _flip(model: Path) -> None:
    data = bytearray((model / "data.bin").read_bytes())
    data[100] ^= 1
    (model / "data.bin").write_bytes(data)


def _link(name: str) -> Callable[[Path], None]:
    def act(model: Path) -> None:
        (model / name).rename(model.parent / "moved")
        (model / name).symlink_to(model.parent / "moved")

    return act


def _compile(model: Path) -> None:
    (model / "code" / "__pycache__").mkdir()
    (model / "code" / "__pycache__" / "a.pyc").write_bytes(b"x")


def _change(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def act(model: Path) -> None:
        fields = json.loads((model / NAME).read_bytes())
        change(fields)
        (model / NAME).write_text(json.dumps(fields))

    return act


def _rename(target: str) -> Callable[[Path], None]:
    return _change(lambda fields: fields["files"].update({target: fields["files"].pop("data.bin")}))  # type: ignore[attr-defined]


DAMAGE: dict[str, tuple[Callable[[Path], object], type[TrackwayError], str]] = {
    "no manifest": (lambda m: (m / NAME).unlink(), Corrupt, "was not finished"),
    "manifest cut short": (lambda m: (m / NAME).write_bytes((m / NAME).read_bytes()[:-20]), Corrupt, "cannot be read"),
    "manifest of nothing": (lambda m: (m / NAME).write_bytes(b""), Corrupt, "cannot be read"),
    "manifest is no text": (lambda m: (m / NAME).write_bytes(b"\xff\xfe\x00"), Corrupt, "cannot be read"),
    "manifest is a link": (
        _link(NAME),
        Corrupt,
        "no plain file",
    ),
    "manifest nested deep": (lambda m: (m / NAME).write_text("[" * 100_000), Corrupt, "cannot be read"),
    "later version": (_change(lambda f: f.update(version=2)), NotSupported, "version 2"),
    "other format": (_change(lambda f: f.update(format="zip")), Corrupt, "cannot be read"),
    "unknown field": (_change(lambda f: f.update(script="x")), Corrupt, "cannot be read"),
    "a size that is none": (
        _change(lambda f: f["files"]["data.bin"].update(size_bytes=-1)),  # type: ignore[index]
        Corrupt,
        "no proper size",
    ),
    "a digest that is none": (
        _change(lambda f: f["files"]["data.bin"].update(sha256="x" * 64)),  # type: ignore[index]
        Corrupt,
        "no proper size",
    ),
    "file lost": (lambda m: (m / "data.bin").unlink(), Corrupt, "'data.bin' is missing"),
    "file too many": (lambda m: (m / "code" / "new.py").write_text("import os"), Corrupt, "'code/new.py' is not in"),
    "file cut short": (_cut, Corrupt, "has 5 bytes; its manifest says 2560"),
    "one bit turned": (_flip, Corrupt, "SHA-256"),
    "link instead of a file": (
        _link("data.bin"),
        InvalidInput,
        "link or a device",
    ),
    "folder that is a link": (
        _link("code"),
        InvalidInput,
        "link or a device",
    ),
    "pipe": (lambda m: os.mkfifo(m / "pipe"), InvalidInput, "link or a device"),
    "path that escapes": (_rename("../data.bin"), InvalidInput, "path"),
    "path from the root": (_rename("/etc/passwd"), InvalidInput, "path"),
    "path of another system": (_rename("..\\data.bin"), InvalidInput, "path"),
    "path with a drive": (_rename("C:data.bin"), InvalidInput, "path"),
    "path with a NUL": (_rename("data\0.bin"), InvalidInput, "path"),
    "path through itself": (_rename("code/./data.bin"), InvalidInput, "path"),
    "path without end": (_rename("a/" * 3000 + "b"), InvalidInput, "path"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_folder_that_is_not_what_was_saved_is_refused(folder: Path, damage: str) -> None:
    act, error, message = DAMAGE[damage]
    act(folder)
    with pytest.raises(error, match=message):
        verify(folder, required=True)


def test_compiled_code_that_python_left_behind_is_cleared_away(folder: Path) -> None:
    _compile(folder)
    assert list(folder.rglob("*.pyc"))
    assert verify(folder, required=True) is not None
    assert not list(folder.rglob("*.pyc"))


def test_a_folder_of_another_product_needs_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_bytes(MLMODEL)
    assert verify(tmp_path, required=False) is None


def test_what_mlflow_writes_beside_a_download_is_no_part_of_the_model(folder: Path) -> None:
    (folder / "registered_model_meta").write_text("model_name: a\n")
    assert verify(folder, required=True) is not None


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a\\..\\x", "", "a//b", "C:/x", "out", 7, None, ["a"]])
def test_records_lead_to_files_of_the_model_alone(folder: Path, path: object) -> None:
    (folder / "out").symlink_to(folder.parent)
    with pytest.raises(InvalidInput):
        resolve_inside(folder, path)


def test_a_file_that_records_name_must_be_there(folder: Path) -> None:
    with pytest.raises(Corrupt, match="missing"):
        resolve_inside(folder, "lost.bin")


KEPT = b"""
artifact_path: model
auth_policy: {system: [x]}
databricks_runtime: '13.3'
env_vars: [TOKEN]
flavors:
  python_function: {env: conda.yaml, loader_module: mlflow.sklearn, python_version: 3.9.1}
mlflow_version: 1.30.1
prompts: null
resources: {databricks: {serving_endpoint: [{name: a}]}}
signature: {inputs: '[{"name": "a", "type": "double"}]', outputs: null}
run_id: 0123
utc_time_created: '2022-01-01 00:00:00.000000'
"""


def test_keys_that_are_not_known_are_kept() -> None:
    read = parse_mlmodel(KEPT.replace(b"0123", b"'0123'"))
    assert read.signature == Signature(inputs=columns(a="double"))
    assert read.run_id == "0123"
    assert not read.is_ours
    written = yaml.safe_load(dump_mlmodel(read))
    expected = yaml.safe_load(KEPT.replace(b"0123", b"'0123'"))
    signature = written.pop("signature")
    assert {key: value for key, value in expected.items() if key != "signature"} == written
    assert Signature.from_dict(signature) == read.signature


def test_mlflow_reads_what_is_written(tmp_path: Path, peer: Peer) -> None:
    model = MlModel(
        flavors={"python_function": {"loader_module": "x", "python_version": "3.11.7"}},
        signature=Signature(inputs=columns(a="double", b="string?")),
        metadata={"k": {"v": [1, None]}},
        model_uuid="0" * 32,
        run_id="1" * 32,
        created="2026-01-31 12:00:00.000000",
        is_ours=True,
    )
    (tmp_path / "MLmodel").write_bytes(dump_mlmodel(model))
    code = """
from mlflow.models import Model
m = Model.load(arguments[0])
result = [m.metadata, m.run_id, m.model_uuid, m.utc_time_created, m.signature.to_dict(), m.flavors]
"""
    metadata, run_id, model_uuid, created, signature, flavors = peer.run(code, str(tmp_path))
    assert (metadata, run_id, model_uuid) == (model.metadata, model.run_id, model.model_uuid)
    assert created == model.created
    assert Signature.from_dict(signature) == model.signature
    assert flavors == model.flavors


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"flavors: 3",
        b"flavors: {a: 1}",
        b"flavors: {}\nsignature: 3",
        b"flavors: {}\nmetadata: 3",
        b"flavors: {}\nrun_id: [1]",
        b"flavors: {a: {b: !!python/object/apply:os.system ['true']}}",
        b"flavors: {a: {b: !!python/name:os.system }}",
        b"flavors: {a: {b: !!js/function 'x'}}",
        b"flavors: " + b"[" * 100_000,
        b"- " * 100_000 + b"a",
        b"a: &a [x]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (i, i) for i in range(2)) + b"flavors: []",
        b"flavors: &a {a: *a}",
        b"\xff\xfe\x00\x01",
        b"flavors: {a: {b: 1}",
    ],
)  # fmt: skip
def test_what_is_no_mlmodel_file_is_refused(data: bytes) -> None:
    with pytest.raises(Corrupt):
        parse_mlmodel(data)


def test_a_bomb_of_references_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(Corrupt, match="more than 100000 values"):
        parse_mlmodel("\n".join([*lines, "flavors: {}"]).encode())


def test_a_folder_without_the_file_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="it has no MLmodel file"):
        read_mlmodel(tmp_path)
