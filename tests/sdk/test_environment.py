from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace

import msgspec
import pytest

from tests.sdk.repositories import create_repository, run_git
from trackway.api.runs import Environment
from trackway.sdk import work_tree
from trackway.sdk.environment import capture_environment, source_tags


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return create_repository(tmp_path / "work")


@pytest.fixture
def script(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend to be that repository's training script."""
    path = repository / "train.py"
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__file__=str(path)))
    monkeypatch.setattr(sys, "argv", [str(path), "--lr", "0.1"])
    return path


class TestSourceTags:
    def test_script_in_a_repository(self, script: Path) -> None:
        tags = source_tags()
        assert tags["mlflow.source.name"] == str(script)
        assert tags["mlflow.source.type"] == "LOCAL"
        assert tags["mlflow.source.git.commit"] == run_git(script.parent, "rev-parse", "HEAD")
        assert tags["mlflow.source.git.branch"] == "main"
        assert tags["mlflow.user"]
        assert tags["trackway.host"]
        assert tags["trackway.source.command"].startswith(sys.executable)

    def test_script_outside_any_repository_counts_for_its_working_directory(
        self, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__file__=str(tmp_path / "bin" / "tool")))
        monkeypatch.chdir(repository)
        assert source_tags()["mlflow.source.git.branch"] == "main"

    @pytest.mark.parametrize("argv", [[], [""], ["-c"]])
    def test_console(self, argv: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", argv)
        assert source_tags()["mlflow.source.name"] == "<console>"

    def test_scheduler_makes_it_a_job(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLURM_JOB_ID", "7")
        assert source_tags()["mlflow.source.type"] == "JOB"

    @pytest.mark.parametrize(
        "namespace, variables, name",
        [
            ({"__vsc_ipynb_file__": "/w/a.ipynb"}, {"JPY_SESSION_NAME": "b.ipynb"}, "/w/a.ipynb"),
            ({}, {"JPY_SESSION_NAME": "b.ipynb"}, "b.ipynb"),
            ({}, {"COLAB_RELEASE_TAG": "x"}, "colab"),
            ({}, {}, "notebook"),
        ],
    )
    def test_notebooks(
        self, namespace: dict[str, str], variables: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ipython = ModuleType("IPython")
        shell = SimpleNamespace(kernel=object(), user_ns=namespace)
        ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        for variable in ("JPY_SESSION_NAME", "COLAB_RELEASE_TAG"):
            monkeypatch.delenv(variable, raising=False)
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        tags = source_tags()
        assert (tags["mlflow.source.type"], tags["mlflow.source.name"]) == ("NOTEBOOK", name)

    def test_ipython_in_a_terminal_is_no_notebook(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ipython = ModuleType("IPython")
        ipython.get_ipython = lambda: SimpleNamespace(user_ns={})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        assert source_tags()["mlflow.source.type"] == "LOCAL"

    def test_launcher_has_the_last_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_RUN_CONTEXT", '{"mlflow.source.type": "PROJECT", "a": "1"}')
        monkeypatch.setenv("TRACKWAY_RUN_CONTEXT", '{"a": "2"}')
        tags = source_tags()
        assert (tags["mlflow.source.type"], tags["a"]) == ("PROJECT", "2")

    @pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', "null"])
    def test_foreign_context_that_is_no_object_of_texts_is_left_out(
        self, text: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_RUN_CONTEXT", text)
        assert source_tags()["mlflow.source.type"] == "LOCAL"

    def test_user_id_without_a_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> str:
            raise KeyError("getpwuid(): uid not found: 4711")

        monkeypatch.setattr("getpass.getuser", fail)
        assert source_tags()["mlflow.user"].isdigit()

    def test_starts_no_process_and_imports_nothing(self, script: Path) -> None:
        probe = """
import sys
from trackway.sdk.environment import source_tags
known = set(sys.modules)
sys.addaudithook(lambda event, _: sys.exit(event) if event in ("subprocess.Popen", "os.posix_spawn", "os.fork") else 0)
source_tags()
print(sorted(set(sys.modules) - known - {"pwd", "grp"}))
"""
        done = subprocess.run([sys.executable, "-c", probe], cwd=script.parent, capture_output=True, text=True)
        assert (done.stdout.strip(), done.stderr) == ("[]", "")


class TestEnvironment:
    def test_describes_this_process(self, script: Path) -> None:
        environment = capture_environment()
        assert environment.python == ".".join(map(str, sys.version_info[:3]))
        assert environment.implementation == "CPython"
        assert environment.working_dir == str(Path.cwd())
        assert environment.packages["msgspec"] == metadata.version("msgspec")
        assert int(environment.hardware["cpu_cores"]) > 0
        assert int(environment.hardware["memory_bytes"]) > 1e8
        assert environment.git == work_tree.get_state(script.parent)

    def test_variables_come_from_a_list_and_secrets_are_masked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {
            "CUDA_VISIBLE_DEVICES": "0,1",
            "OMP_NUM_THREADS": "4",
            "PYTHONHASHSEED": "0",
            "SLURM_JOB_ID": "12",
            "LOCAL_RANK": "3",
            "HF_TOKEN": "hush",
            "MLFLOW_TRACKING_PASSWORD": "hush",
            "MLFLOW_TRACKING_URI": "https://me:hush@h",
            "AWS_SECRET_ACCESS_KEY": "hush",
            "MY_OWN_THING": "private",
        }.items():
            monkeypatch.setenv(name, value)
        environment = capture_environment()
        assert environment.variables["CUDA_VISIBLE_DEVICES"] == "0,1"
        assert environment.variables["LOCAL_RANK"] == "3"
        assert environment.variables["HF_TOKEN"] == "***"
        assert environment.variables["MLFLOW_TRACKING_URI"] == "https://***@h"
        assert "MY_OWN_THING" not in environment.variables
        assert b"hush" not in msgspec.json.encode(environment)

    def test_bytes_that_are_no_text_can_still_be_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "orig_argv", ["python", "a\udcff.py"])
        monkeypatch.setenv("OMP_PLACES", "\udcff")
        assert (
            msgspec.json.decode(msgspec.json.encode(capture_environment()), type=Environment).variables["OMP_PLACES"]
            == "?"
        )
        assert source_tags()["trackway.source.command"].endswith("a?.py")

    def test_deleted_working_directory(self, tmp_path: Path) -> None:
        (tmp_path / "gone").mkdir()
        probe = """
import os, sys
os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])
from trackway.sdk.environment import capture_environment, source_tags
print(source_tags()["mlflow.source.type"], capture_environment().implementation)
"""
        done = subprocess.run([sys.executable, "-c", probe, str(tmp_path / "gone")], capture_output=True, text=True)
        assert (done.stdout.split(), done.stderr) == (["LOCAL", "CPython"], "")

    def test_broken_package_metadata_is_left_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, content in {"a": b"\xff\xfe", "b": b"", "c": b"Name: c\nVersion: 1.2\n\nName: d\n"}.items():
            (tmp_path / f"{name}-1.dist-info").mkdir()
            (tmp_path / f"{name}-1.dist-info" / "METADATA").write_bytes(content)
        monkeypatch.syspath_prepend(str(tmp_path))
        packages = capture_environment().packages
        assert packages["c"] == "1.2"
        assert {"a", "b", "d"}.isdisjoint(packages)
