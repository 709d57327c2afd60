"""Models that want to run code, or to reach files that are not theirs, when they are loaded."""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import io
import json
import lzma
import marshal
import os
import pickle
import re
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
import yaml
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from tests.models import saving
from trackway.base.errors import PermissionDenied, TrackwayError
from trackway.models.manifest import write_manifest
from trackway.models.package import load_model, save_model
from trackway.models.trust import find_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
SUFFIXES = ("", ".pkl", ".skops", ".json", ".txt", ".ubj", ".onnx", ".safetensors", ".PKL ", ".gz", ".pt", ".npy")


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """What a bomb leaves behind."""
    return tmp_path / "marker"


def _bomb(marker: Path, protocol: int = 4) -> bytes:
    return pickle.dumps(Bomb(marker), protocol)


def _zip(data: bytes, name: str = "archive/data.pkl", compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("readme.txt", "a model")
        archive.writestr(name, data)
    return buffer.getvalue()


def _tar(data: bytes, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("weights")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _numpy(marker: Path, save: Callable[..., None] = np.save) -> bytes:
    buffer = io.BytesIO()
    if save is np.save:
        np.save(buffer, np.array([Bomb(marker)], dtype=object), allow_pickle=True)
    else:
        save(buffer, weights=np.array([Bomb(marker)], dtype=object))
    return buffer.getvalue()


def _joblib(marker: Path, compress: Any, folder: Path) -> bytes:
    joblib.dump(Bomb(marker), folder / "bomb", compress=compress)
    data = (folder / "bomb").read_bytes()
    (folder / "bomb").unlink()
    return data


def _structured(marker: Path) -> bytes:
    fields = [(f"f{i}", "<f8") for i in range(200)]
    array = np.zeros(1, dtype=[*fields, ("o", object)])
    array["o"][0] = Bomb(marker)
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


PACKED: dict[str, Callable[[Path, Path], bytes]] = {
    **{f"protocol {one}": lambda m, _f, one=one: _bomb(m, one) for one in PROTOCOLS},  # type: ignore[misc]
    "behind a long text": lambda m, _f: pickle.dumps(["x" * 300_000, Bomb(m)], 0),
    "behind a long frame": lambda m, _f: pickle.dumps([b"x" * 300_000, Bomb(m)], 5),
    "behind a stop that never comes": lambda m, _f: _bomb(m)[:-1],
    "with garbage behind": lambda m, _f: _bomb(m) + b"\x00\xff" * 100,
    "gzip": lambda m, _f: gzip.compress(_bomb(m)),
    "bzip2": lambda m, _f: bz2.compress(_bomb(m)),
    "xz": lambda m, _f: lzma.compress(_bomb(m)),
    "lzma": lambda m, _f: lzma.compress(_bomb(m), lzma.FORMAT_ALONE),
    "zlib": lambda m, _f: zlib.compress(_bomb(m)),
    "zlib, fast": lambda m, _f: zlib.compress(_bomb(m), 1),
    "gzip of gzip": lambda m, _f: gzip.compress(gzip.compress(_bomb(m))),
    "zip": lambda m, _f: _zip(_bomb(m)),
    "zip, stored": lambda m, _f: _zip(_bomb(m), compression=zipfile.ZIP_STORED),
    "zip under another name": lambda m, _f: _zip(_bomb(m), "weights.safetensors"),
    "zip behind a text": lambda m, _f: b"just a text\n" * 50 + _zip(_bomb(m)),
    "zip in zip": lambda m, _f: _zip(_zip(_bomb(m)), "inner"),
    "tar": lambda m, _f: _tar(_bomb(m)),
    "tar.gz": lambda m, _f: _tar(_bomb(m), "w:gz"),
    "zip in tar": lambda m, _f: _tar(_zip(_bomb(m))),
    "numpy objects": lambda m, _f: _numpy(m),
    "numpy objects in a field": lambda m, _f: _structured(m),
    "npz": lambda m, _f: _numpy(m, np.savez),
    "compressed npz": lambda m, _f: _numpy(m, np.savez_compressed),
    "joblib": lambda m, f: _joblib(m, 0, f),
    "joblib, zlib": lambda m, f: _joblib(m, 3, f),
    "joblib, gzip": lambda m, f: _joblib(m, ("gzip", 3), f),
    "joblib, bz2": lambda m, f: _joblib(m, ("bz2", 3), f),
    "joblib, lzma": lambda m, f: _joblib(m, ("lzma", 3), f),
    "plain data as a pickle": lambda _m, _f: pickle.dumps({"a": [1, 2.5, "x"]}),
}


@pytest.mark.parametrize("packing", PACKED)
def test_a_pickle_is_found_by_its_content(packing: str, marker: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(PACKED[packing](marker, tmp_path))
    assert find_pickle(tmp_path / "file")
    assert not marker.exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_pickle_is_found_under_every_name(suffix: str, marker: Path, tmp_path: Path) -> None:
    model = _save(tmp_path)
    (model / f"extra{suffix}").write_bytes(_bomb(marker))
    write_manifest(model)
    with pytest.raises(PermissionDenied, match="is or holds a pickle"):
        load_model(model)
    assert not marker.exists()


HARMLESS: dict[str, bytes] = {
    "nothing": b"",
    "text": b"import this\nfrom os import system\nprint('hello')\n",
    "lightgbm": b"tree\nversion=v4\nnum_class=1\n",
    "json": b'{"learner": {}}',
    "list": b"[1, 2]",
    "yaml": b"flavors: {}\n",
    "safetensors": (640).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}}' + b"\0" * 640,
    "protobuf": b"\x08\x08\x12\x07pytorch\x1a\x052.0.0",
    "onnx of skl2onnx": b"\x08\t\x12\x08skl2onnx\x1a\x061.20.0",
    "png": b"\x89PNG\r\n\x1a\n" + b"\0" * 64,
    "catboost": b"CBM1" + b"\x10\0\0\0" * 64,
    "zip of texts": _zip(b'{"a": 1}', "schema.json"),
    "gzip of a text": gzip.compress(b"a text"),
    "words": b"configuration\nvalues\n",
    "numbers": b"1.5\n2.5\n",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_files_are_no_pickles(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(HARMLESS[name])
    assert find_pickle(tmp_path / "file") == ""


def test_numbers_of_numpy_are_no_pickles(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 3)))
    np.savez(tmp_path / "b.npz", a=np.zeros(3), o=np.array([("Ox", 1.0)], dtype=[("Ohm", "U4"), ("O", "<f8")]))
    assert find_pickle(tmp_path / "a.npy") == ""


def test_what_cannot_be_looked_into_is_refused(tmp_path: Path) -> None:
    deep = _zip(b"x")
    for _ in range(6):
        deep = _zip(deep, "inner")
    encrypted = bytearray(_zip(b"secret"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := encrypted.find(signature, place + 1)) >= 0:
            encrypted[place + offset] |= 1
    packed = _zip(b"x" * 1000)
    for number, data in enumerate(
        (deep, bytes(encrypted), b"\x28\xb5\x2f\xfd" + b"\0" * 64, b"\x04\x22\x4d\x18" + b"\0" * 64,
         gzip.compress(b"x" * 10_000)[:40], packed.replace(packed[70:90], b"\xff" * 20))
    ):  # fmt: skip
        model = _save(tmp_path / str(number))
        (model / "extra").write_bytes(data)
        write_manifest(model)
        with pytest.raises(TrackwayError):
            load_model(model)


def _save(folder: Path) -> Path:
    rows = np.arange(12.0).reshape(4, 3)
    save_model(LinearRegression().fit(rows, rows[:, 0]), folder / "model")
    return folder / "model"


def _rewrite(model: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a model's records, and make the manifest fit, as whoever made the model can."""
    record = yaml.safe_load((model / "MLmodel").read_text())
    change(record["flavors"])
    (model / "MLmodel").write_text(yaml.safe_dump(record))
    write_manifest(model)


FUNCTION = {"env": "conda.yaml", "python_version": "3.11.7"}
EVIL = "import os\nos.mkdir(os.environ['EVIL_MARKER'])\ndef _load_pyfunc(path):\n    return None\n"
RECORDS: dict[str, dict[str, Any]] = {
    "a loader of its own": {"python_function": {**FUNCTION, "loader_module": "evil", "code": "code"}},
    "a loader of the standard library": {"python_function": {**FUNCTION, "loader_module": "antigravity"}},
    "a loader that is a path": {"python_function": {**FUNCTION, "loader_module": "../../evil", "code": "code"}},
    "a script": {"python_function": {**FUNCTION, "model_code_path": "/somewhere/evil.py", "loader_module": "x"}},
    "a script of its code": {"python": {"module": "evil", "object": "_load_pyfunc"}, "python_function": FUNCTION},
    "a module elsewhere": {"python": {"module": "../evil", "object": "x"}, "python_function": FUNCTION},
    "a pickled object": {"python_function": {"python_model": "bomb", "loader_module": "mlflow.pyfunc.model"}},
    "a pickle said to be skops": {"sklearn": {"pickled_model": "bomb", "serialization_format": "skops"}},
    "a pickle of scikit-learn": {"sklearn": {"pickled_model": "bomb", "serialization_format": "pickle"}},
    "a pickle said to be nothing": {"sklearn": {"pickled_model": "bomb"}},
    "a pickle of LightGBM": {"lightgbm": {"data": "bomb", "model_class": "lightgbm.sklearn.LGBMModel"}},
    "a pickle as a booster": {"xgboost": {"data": "bomb", "model_class": "xgboost.core.Booster"}},
    "a class that is a command": {"xgboost": {"data": "bomb", "model_class": "subprocess.Popen"}},
    "a class of its own": {"xgboost": {"data": "bomb", "model_class": "evil.Evil"}},
    "a path for a class": {"lightgbm": {"data": ["bomb"], "model_class": {"x": 1}}},
}


@pytest.mark.parametrize("shape", RECORDS)
def test_a_model_that_names_what_to_run_runs_nothing(
    shape: str, marker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIL_MARKER", str(marker))
    for is_ours in (True, False):
        model = _save(tmp_path / str(is_ours))
        (model / "code" / "evil.py").write_text(EVIL)
        (model / "evil.py").write_text(EVIL)
        (model / "bomb").write_bytes(_bomb(marker))
        (tmp_path / str(is_ours) / "evil.py").write_text(EVIL)
        _rewrite(model, lambda flavors: (flavors.clear(), flavors.update(RECORDS[shape])))
        if not is_ours:
            (model / "manifest.json").unlink()
            (model / "MLmodel").write_text((model / "MLmodel").read_text().replace("trackway_format: 1\n", ""))
        with pytest.raises(TrackwayError):
            load_model(model)
        assert not marker.exists()
        assert "evil" not in sys.modules


@pytest.mark.parametrize(
    "path", ["../bomb", "/etc/passwd", "..\\bomb", "code/../../bomb", "C:\\x", "link", "a\0b", "", "."]
)
@pytest.mark.parametrize("flavor, key", [
    ("sklearn", "pickled_model"), ("xgboost", "data"), ("lightgbm", "data"), ("python", "python_model"),
])  # fmt: skip
def test_records_never_lead_out_even_with_trust(flavor: str, key: str, path: str, marker: Path, tmp_path: Path) -> None:
    model = _save(tmp_path)
    (tmp_path / "bomb").write_bytes(_bomb(marker))
    config = {key: path, "serialization_format": "pickle", "model_class": None}
    _rewrite(model, lambda flavors: (flavors.clear(), flavors.update({flavor: config})))
    if path == "link":
        (model / "link").symlink_to(tmp_path / "bomb")
    with pytest.raises(TrackwayError):
        load_model(model, trust=True)
    assert not marker.exists()


GARBAGE = (
    b"",
    b"{",
    b"{L",
    b"garbage",
    b"{}",
    b"PK\x03\x04",
    b"tree\n",
    b"{L\x00\x00\xff" * 100,
    _zip(b"{}", "schema.json"),
)


@pytest.mark.parametrize("flavor, key", [("sklearn", "pickled_model"), ("xgboost", "data"), ("lightgbm", "data")])
@pytest.mark.parametrize("data", GARBAGE)
def test_garbage_is_said_to_be_garbage(flavor: str, key: str, data: bytes, tmp_path: Path) -> None:
    model = _save(tmp_path)
    (model / "file").write_bytes(data)
    config = {key: "file", "serialization_format": "skops"}
    _rewrite(model, lambda flavors: (flavors.clear(), flavors.update({flavor: config})))
    with pytest.raises(TrackwayError):
        load_model(model)


def test_artifacts_of_a_python_model_never_lead_out(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    model = _save(tmp_path)
    for place in (
        "../secret",
        {"path": "../secret"},
        {"path": str(tmp_path / "secret")},
        {"uri": "file:///etc/passwd"},
    ):
        config = {"module": "trackway_model_loader", "object": "_Context", "artifacts": {"a": place}}
        _rewrite(model, lambda flavors, config=config: flavors.update({"sklearn": {}, "python": config}))  # type: ignore[misc]
        with pytest.raises(TrackwayError):
            load_model(model, trust=True, flavor="python")


def test_types_of_skops_that_run_code_are_refused(marker: Path, tmp_path: Path) -> None:
    for function in (os.system, subprocess.call, eval, exec):
        model = _save(tmp_path / function.__name__)
        skops.io.dump(FunctionTransformer(function), model / "model.skops")
        # Whoever made the model lists its types as trusted: that is not the caller's word.
        types = skops.io.get_untrusted_types(file=model / "model.skops")
        _rewrite(model, lambda flavors, types=types: flavors["sklearn"].update(skops_trusted_types=types))  # type: ignore[misc]
        with pytest.raises(PermissionDenied, match="makes objects of"):
            load_model(model)


def _plant(model: Path, marker: Path) -> Path:
    """Leave compiled code that Python would run instead of the model's own, without a look at the source."""
    bad = compile(f"import os\nos.mkdir({str(marker)!r})\nclass Scale:\n    predict = print\n", "saving.py", "exec")
    planted = Path(importlib.util.cache_from_source(str(model / "code" / "saving.py")))
    planted.parent.mkdir()
    planted.write_bytes(importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(bad))
    return planted


def test_compiled_code_beside_a_models_own_is_removed_and_not_run(marker: Path, tmp_path: Path) -> None:
    save_model(saving.Scale, tmp_path / "model")
    planted = _plant(tmp_path / "model", marker)
    assert load_model(tmp_path / "model", trust=True).predict({"a": [1.0]}).tolist() == [2.0]
    assert not planted.exists()
    assert not marker.exists()


def test_compiled_code_that_cannot_be_removed_is_refused(
    marker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(saving.Scale, tmp_path / "model")
    _plant(tmp_path / "model", marker)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(TrackwayError, match="is not in its manifest"):
        load_model(tmp_path / "model", trust=True)
    assert not marker.exists()


LINES = (
    "x; touch canary",
    "$(touch canary)",
    "-r /etc/passwd",
    "--index-url=http://evil/",
    "numpy==1.0 # ; touch canary",
    "`touch canary`",
    "a\u2028b",
    "git+ssh://evil/x",
)


@pytest.mark.parametrize("line", LINES)
def test_requirements_are_compared_and_never_carried_out(line: str, tmp_path: Path) -> None:
    model = _save(tmp_path)
    (model / "requirements.txt").write_text(line)
    (model / "python_env.yaml").write_text(yaml.safe_dump({"dependencies": [line]}))
    write_manifest(model)
    before = sorted(os.listdir(tmp_path))
    assert load_model(model).flavor == "sklearn"
    assert sorted(os.listdir(tmp_path)) == before


def test_yaml_of_a_model_makes_no_objects(marker: Path, tmp_path: Path) -> None:
    tag = f"!!python/object/apply:os.mkdir [{json.dumps(str(marker))}]"
    model = _save(tmp_path)
    (model / "requirements.txt").unlink()
    (model / "conda.yaml").write_text(f"dependencies: {tag}\n")
    write_manifest(model)
    with pytest.raises(TrackwayError):
        load_model(model)
    (model / "MLmodel").write_text(f"flavors: {tag}\n")
    with pytest.raises(TrackwayError):
        load_model(model)
    assert not marker.exists()


def test_one_file_of_the_package_unpickles() -> None:
    """Loaders of pickles, and of modules by a name that comes from elsewhere, are in one place."""
    package = Path(__file__).parents[1] / "src" / "trackway" / "models"
    words = re.compile(
        r"pickle\.load|Unpickler|joblib\.load|allow_pickle|spec_from_file_location|weights_only=False"
        r"|(?<![.\w])(exec|eval)\("
    )
    found = {path.name for path in package.rglob("*.py") if words.search(path.read_text())}
    assert found == {"trust.py"}
