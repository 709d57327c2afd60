"""Environments of requirements: made once, found again by what is in them, with this package inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trackway.base.errors import InvalidInput, NotSupported
from trackway.environments import Wanted, make_with_conda, make_with_uv

SITE = next(path for path in map(Path, sys.path) if path.name == "site-packages")
FAKE_UV = f"""#!{sys.executable}
# Does what uv does, as far as it is asked here, with the packages of the environment that runs the tests.
import json, pathlib, subprocess, sys, venv
words = sys.argv[1:]
with open({{log!r}}, "a") as log:
    log.write(json.dumps(words) + "\\\\n")
if words[:2] == ["pip", "compile"]:
    asked = sys.stdin.read()
    if "no-such-package" in asked:
        sys.exit("no-such-package was not found")
    print(asked)
elif words[0] == "venv":
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", words[-1]], check=True)
    site = next(pathlib.Path(words[-1]).glob("lib/python*/site-packages"))
    for path in pathlib.Path({str(SITE)!r}).iterdir():
        if not path.name.startswith(("trackway", "_editable", "__editable__", "__pycache__")) and path.suffix != ".pth":
            (site / path.name).symlink_to(path)
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for uv that writes down how it is called."""
    log = tmp_path / "calls"
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(FAKE_UV.replace("{log!r}", repr(str(log))).replace("\\\\n", "\\n"))
    uv.chmod(0o700)
    monkeypatch.setattr("trackway.environments._find_uv", lambda: str(uv))
    return log


def read_calls(log: Path) -> list[list[str]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_an_environment_is_made_once_however_many_ask(fake: Path, tmp_path: Path) -> None:
    wanted = Wanted("", ("scikit-learn==1.7", "numpy"))
    with ThreadPoolExecutor(4) as pool:
        found = {str(one) for one in pool.map(lambda _: make_with_uv(wanted, tmp_path / "cache"), range(4))}
    assert len(found) == 1
    assert [[word for word in words[:2] if word[0] != "-"] for words in read_calls(fake)] == [
        ["pip", "compile"],
        ["venv"],
        ["pip", "sync"],
    ]
    again = make_with_uv(Wanted("", ("numpy", "scikit-learn==1.7")), tmp_path / "cache")
    assert str(again) in found, "the order of requirements does not matter"
    assert len(read_calls(fake)) == 3
    other = make_with_uv(Wanted("", ("numpy",)), tmp_path / "cache")
    assert str(other) not in found


def test_this_package_is_inside_as_it_runs_here(fake: Path, tmp_path: Path) -> None:
    python = make_with_uv(Wanted("", ()), tmp_path / "cache")
    told = "import trackway, importlib.metadata as m; print(trackway.__file__); print(m.version('trackway'))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    printed = subprocess.run(
        [str(python), "-c", told], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
    ).stdout.split()
    assert printed[0].startswith(str(tmp_path / "cache"))
    assert len(printed) == 2


def test_one_that_was_not_finished_is_made_anew(fake: Path, tmp_path: Path) -> None:
    python = make_with_uv(Wanted("", ()), tmp_path / "cache")
    place = python.parent.parent
    (place / ".complete").unlink()
    (place / "left over").touch()
    assert make_with_uv(Wanted("", ()), tmp_path / "cache") == python
    assert not (place / "left over").exists()


def test_nothing_is_built_without_trust(fake: Path, tmp_path: Path) -> None:
    make_with_uv(Wanted("", ("numpy",)), tmp_path / "cache")
    make_with_uv(Wanted("", ("numpy",), trust=True), tmp_path / "trusted")
    calls = [words for words in read_calls(fake) if words[0] == "pip"]
    assert ["--only-binary" in words for words in calls] == [True, True, False, False]
    assert all("--require-hashes" in words for words in calls if words[1] == "sync")


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy==2.4.6",
        "scikit-learn >= 1.6, <2",
        "xgboost[gpu]~=3.0",
        "torch==2.13.0+cpu",
        "pkg==1!2.0.post1",
        "pkg==1.*",
        "uvloop>=0.21; sys_platform != 'win32'",
        'tomli; python_version < "3.11"',
    ],
)
def test_a_requirement_may_name_versions_extras_and_where_it_is_needed(fake: Path, tmp_path: Path, line: str) -> None:
    assert make_with_uv(Wanted("", (line,)), tmp_path / "cache").exists()


def test_what_cannot_be_met_is_told_in_uvs_words(fake: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no-such-package was not found"):
        make_with_uv(Wanted("", ("no-such-package",)), tmp_path / "cache")


def test_without_uv_or_conda_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CONDA_EXE", raising=False)
    monkeypatch.setattr("trackway.environments.sys.executable", str(tmp_path / "python"))
    with pytest.raises(NotSupported, match="pip install uv"):
        make_with_uv(Wanted("", ()), tmp_path / "cache")
    (tmp_path / "conda.yaml").write_text("dependencies: [python=3.11]")
    with pytest.raises(NotSupported, match="There is no conda"):
        make_with_conda(tmp_path / "conda.yaml", tmp_path / "cache")
