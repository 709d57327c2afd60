"""Stands in for Slurm's commands: each job is a process group of this machine, its states are files of a folder.

Installed under the names of Slurm's commands. ``SLURM_STAND_IN`` names the folder. A file ``hold`` there keeps jobs
in the queue, ``down`` has the controller away, ``no-accounts`` has no accounting, and ``end`` holds the state that the
next job that is looked at ends with, whatever its process does.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(os.environ["SLURM_STAND_IN"])


def fail(text: str) -> None:
    print(text, file=sys.stderr)
    raise SystemExit(1)


def get_option(name: str, default: str = "") -> str:
    return next((word.partition("=")[2] for word in sys.argv if word.startswith(f"--{name}=")), default)


def sbatch() -> None:
    if get_option("partition") == "nowhere":
        fail("sbatch: error: invalid partition specified: nowhere")
    number = 100 + len(list(ROOT.glob("*.job")))
    job = ROOT / f"{number}.job"
    job.mkdir()
    (job / "options").write_text("\n".join(sys.argv[1:]))
    # As Slurm's daemon does, beyond the life of this process.
    subprocess.Popen(
        [sys.executable, __file__, "daemon", str(job), *sys.argv[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    print(
        f"{number};cluster" if get_option("parsable") or "--parsable" in sys.argv else f"Submitted batch job {number}"
    )


def daemon() -> None:
    job = Path(sys.argv[2])
    while (ROOT / "hold").exists():
        if (job / "state").exists():
            return  # cancelled in the queue
        time.sleep(0.02)
    output, errors = (get_option(name).replace("%%", "%") for name in ("output", "error"))
    with open(output, "ab") as out, open(errors, "ab") as err:
        process = subprocess.Popen(
            [sys.argv[-1]] if os.access(sys.argv[-1], os.X_OK) else ["bash", sys.argv[-1]],
            cwd=get_option("chdir"),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            env={**os.environ, "SLURM_JOB_ID": job.stem},
        )
        write(job / "group", str(process.pid))
        code = process.wait()
    state = "COMPLETED|0:0" if code == 0 else f"FAILED|{code}:0" if code > 0 else f"FAILED|0:{-code}"
    if not (job / "state").exists():
        write(job / "state", state)


def write(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def find(number: str) -> tuple[Path, str]:
    job = ROOT / f"{number}.job"
    if not job.exists() or (ROOT / "down").exists():
        fail("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    if (ROOT / "end").exists() and (job / "group").exists():
        kill(job)
        write(job / "state", (ROOT / "end").read_text())
    return job, (job / "state").read_text() if (job / "state").exists() else ""


def kill(job: Path) -> None:
    """End all that belongs to a job, as Slurm does by control groups."""
    marks = {f"SLURM_JOB_ID={job.stem}".encode(), f"SLURM_STAND_IN={ROOT}".encode()}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and marks <= set((entry / "environ").read_bytes().split(b"\0")):
                os.kill(int(entry.name), signal.SIGKILL)


def squeue() -> None:
    job, state = find(get_option("jobs"))
    if state:
        fail("slurm_load_jobs error: Invalid job id specified")
    print("RUNNING" if (job / "group").exists() else "PENDING")


def sacct() -> None:
    if (ROOT / "no-accounts").exists():
        fail("Slurm accounting storage is disabled")
    _, state = find(get_option("jobs"))
    print(state or "RUNNING|0:0")


def scontrol() -> None:
    _, state = find(sys.argv[-1])
    name, _, code = (state or "RUNNING|0:0").partition("|")
    print(f"JobId={sys.argv[-1]} JobName=x\n   JobState={name.split()[0]} Reason=None ExitCode={code}")


def scancel() -> None:
    job, state = find(sys.argv[-1])
    if not state:
        write(job / "state", "CANCELLED by 1000|0:15")
        kill(job)


if __name__ == "__main__":
    command = sys.argv[1] if sys.argv[1:2] == ["daemon"] else Path(sys.argv[0]).name
    {"sbatch": sbatch, "daemon": daemon, "squeue": squeue, "sacct": sacct, "scontrol": scontrol, "scancel": scancel}[
        re.sub(r"\W", "", command)
    ]()
