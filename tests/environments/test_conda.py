"""Environments of conda's packages: made for real from a channel in a folder, or by a conda that is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LinearRegression

from tests.environments import stand_ins
from tests.environments.channel import VERSION, write_channel
from tests.environments.stand_ins import read_calls, write_program
from tests.services.scoring_server import run_scoring
from trackway import models
from trackway.base.errors import InvalidInput, NotSupported, TrackwayError
from trackway.environments import CondaWanted, collect_environments, make_with_conda, read_conda_file

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 0.0]})


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_channel(tmp_path_factory.mktemp("channel"))


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a uv that adds this environment's packages, without any conda; its calls are written down."""
    for name in ("MAMBA_EXE", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    log = write_program(tmp_path / "bin" / "uv", stand_ins.UV)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path / "packages"))
    monkeypatch.setattr("trackway.environments.uv.find_uv", lambda: str(tmp_path / "bin" / "uv"))
    return log


def ask(python: Path, code: str) -> list[str]:
    """Run code in an environment and return the words that it prints."""
    done = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_packages_come_from_a_channel_in_versions_that_fit_together(channel: str, tmp_path: Path) -> None:
    file = tmp_path / "conda.yaml"
    file.write_text(yaml.safe_dump({"name": "x", "channels": ["here"], "dependencies": ["speech", "python"]}))
    python = make_with_conda(read_conda_file(file), tmp_path / "cache", {"here": channel})
    printed = ask(
        python, "import sys, greeting, speech, trackway; print(sys.prefix, greeting.VERSION, trackway.__file__)"
    )
    assert printed[:2] == [str(python.parent.parent), "1.0"]
    assert printed[2].startswith(printed[0])


def test_an_environment_is_made_once_however_many_ask(channel: str, machine: Path, tmp_path: Path) -> None:
    wanted = CondaWanted(("here",), ("greeting", "pip"), ("numpy",))

    def make(number: int) -> str:
        order = wanted.packages if number % 2 else wanted.packages[::-1]
        given = CondaWanted(("here",), order, ("numpy",))
        return str(make_with_conda(given, tmp_path / "cache", {"here": channel}))

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(make, range(4)))) == 1
    (call,) = read_calls(machine)
    assert call[:2] == ["pip", "install"]
    assert "--only-binary" in call
    bare = make_with_conda(
        CondaWanted(("here",), ("greeting=1",), package=False), tmp_path / "cache", {"here": channel}
    )
    assert ask(bare, "import greeting; print(greeting.VERSION)") == ["1.0"]
    assert len(read_calls(machine)) == 1, "nothing of the index was wanted"
    assert not list(bare.parent.parent.glob("lib/python*/site-packages/trackway"))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (CondaWanted(("here",), ("no-such-package",)), "no-such-package"),
        (CondaWanted(("here",), ("greeting>=2", "speech")), "speech"),
        (CondaWanted(("here",), ("python=2.7",)), "python"),
        (CondaWanted(("here",), ("greeting",), ("no-such-package",)), "was not found"),
    ],
    ids=["unknown", "at odds", "unknown version", "unknown to the index"],
)
def test_what_cannot_be_had_is_told_and_leaves_nothing(
    channel: str, tmp_path: Path, wanted: CondaWanted, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        make_with_conda(wanted, tmp_path / "cache", {"here": channel})
    assert not list((tmp_path / "cache").glob("*/.complete"))


@pytest.mark.parametrize("name", ["micromamba", "mamba", "conda"])
def test_a_conda_that_is_there_is_used(channel: str, machine: Path, tmp_path: Path, name: str) -> None:
    log = write_program(tmp_path / "bin" / name, stand_ins.CONDA)
    wanted = CondaWanted(
        ("conda-forge", "nodefaults"), ("python=3.11", "numpy >=2,<3", "conda-forge::pip"), ("numpy==2.4",)
    )
    python = make_with_conda(wanted, tmp_path / "cache", {"conda-forge": ""})
    ((verb, *words),) = read_calls(log)
    assert verb == "create"
    assert words[words.index("--channel") + 1 :] == ["conda-forge", "python=3.11", "numpy >=2,<3", "conda-forge::pip"]
    assert "--override-channels" in words
    ((pip, install, *_),) = read_calls(machine)
    assert (pip, install) == ("pip", "install")
    assert ask(python, "import trackway; print(1)") == ["1"]


def test_without_conda_and_rattler_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.environments.conda.find_spec", lambda _: None)
    with pytest.raises(NotSupported, match=r"trackway\[conda\]"):
        make_with_conda(CondaWanted((), ()), tmp_path / "cache")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dependencies: 3", "where a list is meant"),
        ("channels: here", "where a list is meant"),
        ("dependencies: [{uv: [numpy]}]", "asks for"),
        ("dependencies: [[numpy]]", "asks for"),
        ("dependencies: [{pip: numpy}]", "where a list is meant"),
        ("dependencies: !!python/object/apply:os.system ['true']", "cannot be read"),
        ("a: " + "[" * 200, "deeper|cannot be read"),
    ],
    ids=lambda text: text[:30],
)
def test_a_file_that_is_none_of_condas_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "conda.yaml").write_text(text)
    with pytest.raises(TrackwayError, match=said):
        read_conda_file(tmp_path / "conda.yaml")


@pytest.fixture
def model(channel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose ``conda.yaml`` is as every model has it, on a machine where conda-forge is a folder."""
    models.save_model(LinearRegression().fit(ROWS, ROWS.a * 2 - ROWS.b), tmp_path / "model", input_example=ROWS)
    assert f"python={VERSION}" in (tmp_path / "model" / "conda.yaml").read_text()
    monkeypatch.setenv("TRACKWAY_CONDA_CHANNELS", f"conda-forge={channel}")
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "model"


def test_a_file_is_predicted_in_an_environment_of_condas(model: Path, tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    words = [
        "models",
        "predict",
        "-m",
        str(model),
        "-i",
        "rows.csv",
        "-o",
        "out.csv",
        "--env-manager",
        "conda",
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "trackway", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 3
    assert pd.read_csv(tmp_path / "out.csv").prediction.tolist() == pytest.approx([2.0, 3.0, 6.0])
    assert len(list((tmp_path / "cache" / "environments").glob("*/.complete"))) == 1


def test_a_model_is_served_from_an_environment_of_condas(channel: str, model: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    options = (str(model), "--env-manager", "conda")
    with run_scoring(
        tmp_path, *options, TRACKWAY_CONDA_CHANNELS=f"conda-forge={channel}", TRACKWAY_CACHE_DIR=cache
    ) as server:
        answer = server.score({"dataframe_split": ROWS.to_dict(orient="split")})
        assert answer.json["predictions"] == pytest.approx([2.0, 3.0, 6.0])
        (place,) = (path.parent for path in (tmp_path / "cache" / "environments").glob("*/.complete"))
        assert f"The environment is {place}" in server.log.read_text()
        os.utime(place / ".complete", (1, 1))
        assert collect_environments(place.parent, 60) == [], "the server is there"
    assert collect_environments(place.parent, 60) == [place]
