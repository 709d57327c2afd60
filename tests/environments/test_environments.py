"""Environments of requirements: made once, found again by what is in them, with this package inside."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.environments import stand_ins
from tests.environments.stand_ins import read_calls, write_program
from trackway.base.errors import InvalidInput, NotSupported
from trackway.environments import Wanted, collect_environments, hold_environment, make_with_uv


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for uv that writes down how it is called."""
    uv = tmp_path / "bin" / "uv"
    monkeypatch.setattr("trackway.environments.uv.find_uv", lambda: str(uv))
    return write_program(uv, stand_ins.UV)


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


def test_without_uv_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("trackway.environments.uv.sys.executable", str(tmp_path / "python"))
    with pytest.raises(NotSupported, match="pip install uv"):
        make_with_uv(Wanted("", ()), tmp_path / "cache")


def test_what_this_package_needs_is_added_unless_it_is_not_wanted(fake: Path, tmp_path: Path) -> None:
    python = make_with_uv(Wanted("", ("numpy",), package=False), tmp_path / "cache")
    assert not list(python.parent.parent.glob("lib/python*/site-packages/trackway"))
    lock = next((tmp_path / "cache").glob("*.txt"))
    assert lock.read_text().split() == ["numpy"]


def test_what_nobody_asked_for_in_long_and_nobody_uses_is_deleted(fake: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    pythons = [make_with_uv(Wanted("", names, package=False), cache) for names in (("numpy",), ("pandas",), ())]
    unused, used, asked = (python.parent.parent for python in pythons)
    for place in (unused, used, asked):
        os.utime(place / ".complete", (1, 1))
    torn = cache / "torn"
    torn.mkdir()
    os.utime(torn, (1, 1))
    make_with_uv(Wanted("", (), package=False), cache)
    held = hold_environment(pythons[1])
    assert sorted(collect_environments(cache, 60, dry_run=True)) == sorted([unused, torn])
    assert unused.exists(), "nothing was deleted"
    assert sorted(collect_environments(cache, 60)) == sorted([unused, torn])
    assert (used / ".complete").exists()
    assert (asked / ".complete").exists(), "to be asked for counts as use"
    os.close(held)
    assert collect_environments(cache, 60) == [used]
    assert make_with_uv(Wanted("", ("numpy",), package=False), cache) == pythons[0], "it is made again"
    assert pythons[0].exists()


def test_one_that_is_being_made_is_not_deleted(fake: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    python = make_with_uv(Wanted("", ()), cache)
    place = python.parent.parent
    os.utime(place / ".complete", (1, 1))
    with place.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert collect_environments(cache, 60) == []
    assert collect_environments(cache, 60) == [place]


def test_an_environment_is_held_by_the_program_that_takes_its_holders_place(fake: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    python = make_with_uv(Wanted("", ()), cache)
    script = (
        "import os, sys, pathlib\n"
        "from trackway.environments import hold_environment\n"
        f"hold_environment(pathlib.Path({str(python)!r}))\n"
        "os.execv(sys.executable, [sys.executable, '-c', 'print(1, flush=True); input()'])\n"
    )
    os.utime(python.parent.parent / ".complete", (1, 1))
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        assert collect_environments(cache, 60) == []
        process.communicate(b"\n")
    assert collect_environments(cache, 60) == [python.parent.parent]
