"""The backend of Slurm, with stand-ins for its commands that run jobs on this machine."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trackway.base.errors import InvalidInput, NotSupported, Unavailable
from trackway.base.ids import new_id
from trackway.projects import slurm
from trackway.projects.backends import Backend, Handle, Job, Outcome, load_backend
from trackway.projects.slurm import SlurmBackend, write_script
from trackway.testing.backends import BackendContract, Sink, await_end

COMMANDS = ("sbatch", "squeue", "sacct", "scontrol", "scancel")
POLL = {"poll_s": 0.05}


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a cluster's state; its commands come first in PATH."""
    root = tmp_path_factory.mktemp("cluster")
    programs = tmp_path_factory.mktemp("programs")
    source = (Path(__file__).with_name("slurm_stand_in.py")).read_text()
    for name in COMMANDS:
        (programs / name).write_text(f"#!{sys.executable}\n{source}")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("SLURM_STAND_IN", str(root))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return root


def submit(folder: Path, code: str, **config: Any) -> tuple[Handle, Sink]:
    sink = Sink()
    job = Job(run_id=new_id(), command=("python3", "-c", code), folder=folder, config={**POLL, **config})
    return SlurmBackend().submit(job, sink.take), sink


class TestSlurmBackend(BackendContract):
    @pytest.fixture
    def backend(self, cluster: Path) -> Backend:
        return load_backend("slurm")

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        return dict(POLL)


def test_settings_become_options_and_the_script_is_the_owners_alone(cluster: Path, tmp_path: Path) -> None:
    (cluster / "hold").touch()
    config = {"partition": "gpu", "cpus_per_task": 4, "time": "01:00:00", "options": ["--exclusive"], "setup": ["X=1"]}
    handle, _ = submit(tmp_path, "pass", **config)
    assert handle.get_status() == "PENDING"
    options = (cluster / f"{handle.job_id}.job" / "options").read_text().split("\n")
    assert {"--partition=gpu", "--cpus-per-task=4", "--time=01:00:00", "--exclusive", "--parsable"} <= set(options)
    script = Path(options[-1])
    assert stat.S_IMODE(script.stat().st_mode) == 0o600
    assert script.read_text().startswith("#!/bin/bash\nX=1\n")
    (cluster / "hold").unlink()
    assert await_end(handle) == Outcome("FINISHED", 0)
    assert not (tmp_path / ".trackway").exists(), "nothing is left in the project"


def test_a_job_is_cancelled_while_it_waits(cluster: Path, tmp_path: Path) -> None:
    (cluster / "hold").touch()
    handle, sink = submit(tmp_path, "print('ran')")
    handle.cancel()
    (cluster / "hold").unlink()
    assert handle.get_status() == "KILLED"
    assert sink.read("stdout") == ""


@pytest.mark.parametrize(
    "state, outcome",
    [
        ("TIMEOUT|0:0", Outcome("FAILED", 0, "Slurm says TIMEOUT")),
        ("OUT_OF_MEMORY|0:125", Outcome("FAILED", -125, "Slurm says OUT_OF_MEMORY")),
        ("NODE_FAIL|0:0", Outcome("FAILED", 0, "Slurm says NODE_FAIL")),
        ("CANCELLED by 0|0:15", Outcome("KILLED", -15, "it was cancelled in Slurm")),
        ("CANCELLED+|0:15", Outcome("KILLED", -15, "it was cancelled in Slurm")),
    ],
)
def test_each_end_has_its_words(cluster: Path, tmp_path: Path, state: str, outcome: Outcome) -> None:
    handle, sink = submit(tmp_path, "import time; print('begun', flush=True); time.sleep(600)")
    sink.wait_for("begun")
    (cluster / "end").write_text(state)
    assert await_end(handle) == outcome


def test_a_cluster_without_accounts_is_asked_by_scontrol(cluster: Path, tmp_path: Path) -> None:
    (cluster / "no-accounts").touch()
    handle, _ = submit(tmp_path, "raise SystemExit(3)")
    assert await_end(handle) == Outcome("FAILED", 3, "its command ended with status 3")


def test_a_controller_that_is_away_for_a_while_ends_nothing(cluster: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    handle, sink = submit(tmp_path, "print('begun', flush=True); open('go').read(); print('done')")
    sink.wait_for("begun")
    (cluster / "down").touch()
    with pytest.raises(Unavailable, match="Unable to contact slurm controller"):
        handle.cancel()
    (tmp_path / "go").write_text("now")
    sink.wait_for("done")
    assert handle.wait(0.2) is None, "how it ended is not known while the controller is away"
    (cluster / "down").unlink()
    assert await_end(handle) == Outcome("FINISHED", 0)


def test_a_job_that_nobody_knows_of_is_given_up(cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "SILENCE_S", 0.3)
    handle, sink = submit(tmp_path, "import time; print('begun', flush=True); time.sleep(600)")
    sink.wait_for("begun")
    (job,) = cluster.glob("*.job")
    group = int((job / "group").read_text())
    shutil.rmtree(job)
    outcome = await_end(handle)
    os.killpg(group, 9)
    assert (outcome.status, outcome.exit_code) == ("FAILED", None)
    assert "does not answer" in outcome.reason


def test_what_sbatch_refuses_is_told_in_its_words(cluster: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="invalid partition specified: nowhere"):
        submit(tmp_path, "pass", partition="nowhere")


@pytest.mark.parametrize(
    "config, words",
    [
        ({"partiton": "gpu"}, "knows no 'partiton'"),
        ({"partition": "gpu\n--wrap=id"}, "partition is"),
        ({"nodes": True}, "nodes is True"),
        ({"nodes": 1.5}, "nodes is 1.5"),
        ({"options": "--exclusive"}, "options is"),
        ({"options": ["script.sh"]}, "options is"),
        ({"setup": "module load x"}, "setup is"),
        ({"poll_s": 0}, "poll_s is 0"),
        ({"poll_s": True}, "poll_s is True"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_made(
    cluster: Path, tmp_path: Path, config: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        submit(tmp_path, "pass", **config)
    assert not list(cluster.iterdir())
    assert not list(tmp_path.iterdir())


def test_a_machine_without_slurm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotSupported, match="no sbatch on this machine"):
        load_backend("slurm").check({})


@pytest.mark.parametrize("value", ["a b", "$(touch pwned)", "'; touch pwned; '", "a\nb", "`touch pwned`", "\\", '"'])
def test_no_value_of_a_variable_is_read_by_the_shell(tmp_path: Path, value: str) -> None:
    job = Job(
        run_id=new_id(),
        command=(sys.executable, "-c", "import os; print(ascii(os.environ['V']))"),
        folder=tmp_path,
        variables={"V": value, "not a name; touch pwned": "x"},
    )
    done = subprocess.run(["bash", "-c", write_script(job)], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == ascii(value)
    assert not (tmp_path / "pwned").exists()
