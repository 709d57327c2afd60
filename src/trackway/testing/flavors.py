"""What every flavor promises, as tests: subclass ``FlavorContract`` and give it a ``case`` fixture."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from trackway.base.errors import Corrupt, InvalidInput, PermissionDenied, TrackwayError
from trackway.models.environment import CONDA, PYTHON_ENV, REQUIREMENTS
from trackway.models.manifest import NAME as MANIFEST
from trackway.models.manifest import list_files, write_manifest
from trackway.models.mlmodel import NAME as MLMODEL
from trackway.models.package import load_model, save_model
from trackway.models.trust import find_pickle

TIMEOUT_S = 300
LOAD = """
import json, sys
import pandas
from trackway.models import load_model
from trackway.testing.flavors import to_list
folder, rows, trust = json.loads(sys.argv[1])
model = load_model(folder, trust=trust)
print(json.dumps(to_list(model.predict(pandas.read_parquet(rows)))))
"""
ASK = """
import json, sys
import trackway, trackway.models.package
from trackway.base import plugins
plugins.list_names("flavor")
print(json.dumps(sys.argv[1] in sys.modules))
"""


@dataclass(frozen=True)
class FlavorCase:
    """A model of a library, and what is known of it.

    rows:      a pandas table that the model takes, of at least two rows
    predict:   what the library itself gives for the model and the rows
    library:   the module that must not be imported before the flavor is used; empty when there is none
    packages:  distributions of which one at least must be pinned in the model's requirements
    runs_code: whether loading the model needs trust
    is_pickled: whether its library has no form for it but a pickle
    """

    flavor: str
    model: Any
    rows: Any
    predict: Callable[[Any, Any], Any]
    library: str = ""
    packages: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    runs_code: bool = False
    is_pickled: bool = False


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


class FlavorContract:
    """Saving, loading and predicting, for any library; ``case`` is a fixture of the subclass."""

    @pytest.fixture
    def saved(self, case: FlavorCase, tmp_path: Path) -> Path:
        """The folder of the saved model."""
        path = tmp_path / "model"
        save_model(case.model, path, case.flavor, input_example=case.rows.head(2), **case.options)
        return path

    @pytest.fixture
    def run_elsewhere(self, tmp_path: Path) -> Callable[..., Any]:
        """Runs code with arguments in a process that did not make the model, and returns the JSON that it printed.

        A subclass may give one process for many cases, where the import of a library takes long.
        """
        return partial(_run, cwd=tmp_path)

    def test_a_fresh_process_gives_the_same_predictions(
        self, case: FlavorCase, saved: Path, tmp_path: Path, run_elsewhere: Callable[..., Any]
    ) -> None:
        rows = tmp_path / "rows.parquet"
        case.rows.to_parquet(rows)
        told = run_elsewhere(LOAD, json.dumps([str(saved), str(rows), case.runs_code]))
        assert_close(told, to_list(case.predict(case.model, case.rows)))

    def test_every_kind_of_table_gives_the_same_predictions(self, case: FlavorCase, saved: Path) -> None:
        polars, arrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
        model = load_model(saved, trust=case.runs_code)
        expected = to_list(case.predict(case.model, case.rows))
        table = arrow.Table.from_pandas(case.rows, preserve_index=False)
        kinds: dict[str, Any] = {
            "pandas": case.rows,
            "polars": polars.from_pandas(case.rows),
            "arrow": table,
            "dict": case.rows.to_dict("list"),
            "list": case.rows.to_dict("records"),
            "other order": case.rows[list(reversed(case.rows.columns))],
        }
        for kind, data in kinds.items():
            assert_close(to_list(model.predict(data)), expected, kind)

    def test_the_signature_is_told_and_enforced(self, case: FlavorCase, saved: Path) -> None:
        model = load_model(saved, trust=case.runs_code)
        assert model.signature is not None
        assert model.signature.inputs is not None
        assert model.signature.outputs is not None
        assert [spec.name for spec in model.signature.inputs] == case.rows.columns.tolist()
        first = case.rows.columns[0]
        with pytest.raises(InvalidInput, match=f"lacks 1 column: '{first}'"):
            model.predict(case.rows.drop(columns=first))
        with pytest.raises(InvalidInput, match=f"Column '{first}': expected .*, found boolean"):
            model.predict(case.rows.assign(**{first: True}))

    def test_the_example_comes_back(self, case: FlavorCase, saved: Path) -> None:
        model = load_model(saved, trust=case.runs_code)
        assert model.input_example.to_dict("list") == case.rows.head(2).to_dict("list")

    def test_the_environment_is_captured(self, case: FlavorCase, saved: Path) -> None:
        pinned = [line.split("==")[0] for line in (saved / REQUIREMENTS).read_text().splitlines()]
        assert not case.packages or set(case.packages) & set(pinned)
        conda = yaml.safe_load((saved / CONDA).read_text())
        assert conda["dependencies"][-1]["pip"] == (saved / REQUIREMENTS).read_text().splitlines()
        assert yaml.safe_load((saved / PYTHON_ENV).read_text())["python"].split(".")[0] == str(sys.version_info[0])
        assert load_model(saved, trust=case.runs_code).differences == ()

    def test_nothing_is_pickled(self, case: FlavorCase, saved: Path) -> None:
        found = {path: find_pickle(saved / path) for path in list_files(saved) if find_pickle(saved / path)}
        assert set(found.values()) == ({"a pickle"} if case.is_pickled else set()), found

    def test_code_runs_with_trust_alone(self, case: FlavorCase, saved: Path) -> None:
        if case.runs_code:
            with pytest.raises(PermissionDenied, match="trust=True"):
                load_model(saved)
        else:
            assert load_model(saved).flavor == case.flavor

    def test_the_library_is_imported_when_it_is_needed(self, case: FlavorCase, tmp_path: Path) -> None:
        assert not case.library or _run(ASK, case.library, cwd=tmp_path) is False

    def test_no_torn_save_loads(self, case: FlavorCase, saved: Path, tmp_path: Path) -> None:
        for path in [*list_files(saved), MANIFEST]:
            for damage in (_remove, _cut, _turn_bit):
                torn = tmp_path / "torn"
                shutil.copytree(saved, torn)
                damage(torn / path)
                with pytest.raises((Corrupt, InvalidInput)):
                    load_model(torn, trust=case.runs_code)
                shutil.rmtree(torn)

    def test_a_pickle_in_place_of_any_file_runs_nothing(self, saved: Path, tmp_path: Path) -> None:
        marker = tmp_path / "marker"
        for path in list_files(saved):
            if path in (MANIFEST, MLMODEL):
                continue
            hostile = tmp_path / "hostile"
            shutil.copytree(saved, hostile)
            (hostile / path).write_bytes(pickle.dumps(Bomb(marker)))
            write_manifest(hostile)
            with pytest.raises(TrackwayError):
                load_model(hostile)
            assert not marker.exists()
            shutil.rmtree(hostile)

    def test_records_that_lead_out_of_the_folder_are_refused(
        self, saved: Path, case: FlavorCase, tmp_path: Path
    ) -> None:
        record = yaml.safe_load((saved / MLMODEL).read_text())
        config = record["flavors"][case.flavor]
        files = set(list_files(saved))
        for key in [key for key, value in config.items() if isinstance(value, str) and value in files]:
            shutil.copyfile(saved / config[key], tmp_path / "outside")
            for escape in ("../outside", str(tmp_path / "outside"), "..\\outside", "code/../../outside"):
                hostile = {**record, "flavors": {**record["flavors"], case.flavor: {**config, key: escape}}}
                (saved / MLMODEL).write_text(yaml.safe_dump(hostile))
                write_manifest(saved)
                with pytest.raises(InvalidInput):
                    load_model(saved, trust=case.runs_code)

    def test_a_save_that_fails_leaves_nothing(self, case: FlavorCase, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput):
            save_model(case.model, tmp_path / "model", case.flavor, pip_requirements=["-r x"], **case.options)
        assert os.listdir(tmp_path) == []


def assert_close(found: Any, expected: Any, of: str = "") -> None:
    """Check predictions: texts and whole numbers to the letter, others to a millionth."""
    assert len(found) == len(expected), of
    for one, wanted in zip(found, expected, strict=True):
        if isinstance(wanted, list):
            assert_close(one, wanted, of)
        elif isinstance(wanted, dict):
            assert [*one] == [*wanted], of
            assert_close([*one.values()], [*wanted.values()], of)
        elif isinstance(wanted, float):
            np.testing.assert_allclose(one, wanted, rtol=1e-6, atol=1e-9, err_msg=of)
        else:
            assert one == wanted, of


def to_list(predictions: Any) -> list[Any]:
    """Return predictions as JSON has them, times as texts."""
    plain = (predictions.to_numpy() if hasattr(predictions, "to_numpy") else predictions).tolist()
    return [_to_text(one) for one in plain]


def _to_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_to_text(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _run(code: str, *arguments: str, cwd: Path) -> Any:
    """Run code in a process of its own, and return the JSON that it told, among what libraries may print."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    said = [line for line in done.stdout.splitlines() if line.startswith(("[", "{", "true", "false"))]
    return json.loads(said[-1])


def _remove(path: Path) -> None:
    path.unlink()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _turn_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
