"""The backend that hands a job to Slurm: a script for ``sbatch``, asked about by ``squeue`` and ``sacct``.

The job's folder and the environment must be where its nodes see them, as on a shared file system. The script is made
whole before it is sent, and each word and value in it is quoted; it may hold secrets, and only its owner may read it.
Protocol: the manual pages of sbatch, squeue, sacct, scontrol and scancel of Slurm 20 and later.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.base.errors import InvalidInput, NotSupported, Unavailable
from trackway.projects.backends import Job, Outcome, Sink, Stream, WatchedHandle
from trackway.sdk import secrets

COMMANDS: Final = ("sbatch", "squeue", "scancel")
"""Programs that must be there; ``sacct`` and ``scontrol`` are asked when they are."""
POLL_S: Final = 5.0
"""How often Slurm is asked about a job, and its output looked for, unless the configuration says otherwise."""
COMMAND_S: Final = 120.0
"""How long one of Slurm's programs may take."""
SILENCE_S: Final = 600.0
"""How long a job may be known to none of Slurm's programs before it is given up."""
CANCELLED_S: Final = 1.0
"""How often Slurm is asked about a job that is being cancelled, at least."""
_READ_BYTES: Final = 65_536
_VALUED: Final = (
    "account", "constraint", "cpus_per_task", "gpus", "gres", "mem", "nodes", "ntasks", "partition", "qos",
    "reservation", "time",
)  # fmt: skip
"""Settings that become the option of sbatch of the same name."""
_OWN: Final = ("options", "poll_s", "setup")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WAITING: Final = frozenset(("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD"))
_ENDED: Final = frozenset(
    "BOOT_FAIL CANCELLED COMPLETED DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PREEMPTED REVOKED TIMEOUT".split()
)


class SlurmBackend:
    """Runs jobs by ``sbatch``. Configuration, all of it optional.

    account, constraint, cpus_per_task, gpus, gres, mem, nodes, ntasks, partition, qos, reservation, time: as sbatch has
             them
    options: a list of further options of sbatch, such as ``["--exclusive"]``
    setup:   a list of lines of bash that come before the command, such as ``["module load cuda"]``
    poll_s:  how often Slurm is asked, in seconds
    """

    name = "slurm"

    def check(self, config: Mapping[str, Any]) -> None:
        _list_options(config)
        _list_setup(config)
        _get_poll(config)
        for command in COMMANDS:
            if shutil.which(command) is None:
                raise NotSupported(
                    f"There is no {command} on this machine",
                    hint="run this where Slurm's commands are installed, such as a login node",
                )

    def submit(self, job: Job, sink: Sink) -> SlurmHandle:
        self.check(job.config)
        if job.surroundings.docker is not None:
            raise NotSupported("Slurm starts no containers of docker", hint="choose --env-manager uv, conda or local")
        place = job.folder / ".trackway" / "slurm" / job.run_id
        place.mkdir(parents=True, exist_ok=True)
        script = place / "job.sh"
        with open(os.open(script, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(write_script(job))
        command = (
            "sbatch",
            "--parsable",
            f"--job-name={_make_name(job)}",
            f"--chdir={job.folder}",
            f"--output={_escape(place / 'stdout')}",
            f"--error={_escape(place / 'stderr')}",
            "--open-mode=append",
            *_list_options(job.config),
            str(script),
        )
        answer = _ask(command)
        number = answer.strip().partition(";")[0]
        if not re.fullmatch(r"\d+", number):
            raise Unavailable(f"sbatch answered {answer[:200]!r}, which names no job")
        return SlurmHandle(number, place, sink, _get_poll(job.config))

    def preview(self, job: Job) -> str:
        variables = {**job.surroundings.variables, **job.variables}
        masked = {name: secrets.mask_value(name, value) for name, value in variables.items()}
        shown = msgspec.structs.replace(job, command=tuple(secrets.mask_command(job.command)), variables=masked)
        options = "".join(f"#SBATCH {option}\n" for option in _list_options(job.config))
        first, _, rest = write_script(shown).partition("\n")
        return f"{first}\n{options}{rest}"


class SlurmHandle(WatchedHandle):
    """A job that Slurm has; see ``backends.Handle``."""

    def __init__(self, number: str, place: Path, sink: Sink, poll_s: float) -> None:
        super().__init__()
        self.job_id = number
        self._place = place
        self._sink = sink
        self._poll_s = poll_s
        self._cancelled = threading.Event()
        self._read: dict[Stream, int] = {"stdout": 0, "stderr": 0}
        threading.Thread(target=self._follow, name="trackway-slurm", daemon=True).start()

    def _stop(self) -> None:
        _ask(("scancel", self.job_id))
        self._cancelled.set()

    def _follow(self) -> None:
        """Hand on what the job writes and ask how it is going, until it has ended."""
        known_s = time.monotonic()
        while True:
            try:
                found = ask_state(self.job_id)
                problem = "Slurm knows of it no more"
            except Unavailable as error:
                found, problem = None, str(error)
            self._hand_on()
            if found is not None:
                known_s = time.monotonic()
                state, code = found
                if state in _ENDED:
                    break
                self._status = "PENDING" if state in _WAITING else "RUNNING"
            elif time.monotonic() - known_s > SILENCE_S:
                state, code = problem, None
                break
            if self._cancelled.wait(self._poll_s):  # somebody waits for the end
                time.sleep(min(self._poll_s, CANCELLED_S))
        self._hand_on()
        shutil.rmtree(self._place, ignore_errors=True)
        with suppress(OSError):  # jobs of others are there
            os.removedirs(self._place.parent)
        self._conclude(_tell(state, code, cancelled=self._cancelled.is_set()))

    def _hand_on(self) -> None:
        """Hand on what was written since the last time."""
        for stream in self._read:
            try:
                with open(self._place / stream, "rb") as file:
                    file.seek(self._read[stream])
                    while data := file.read(_READ_BYTES):
                        self._read[stream] += len(data)
                        self._sink(stream, data)
            except FileNotFoundError:  # it has not begun
                continue


def write_script(job: Job) -> str:
    """Return the script that runs a job's command, whatever its words and variables are."""
    variables = {**job.surroundings.variables, **job.variables}
    lines = ["#!/bin/bash", *_list_setup(job.config)]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items() if _VARIABLE.fullmatch(name)]
    return "\n".join([*lines, f"cd {shlex.quote(str(job.folder))} || exit 1", f"exec {shlex.join(job.command)}", ""])


def ask_state(number: str) -> tuple[str, int | None] | None:
    """Return a job's state and exit status, negative for a signal's number; None when Slurm has forgotten it.

    The queue is asked first, then the accounts, then the controller, which remembers ended jobs for some minutes.

    raises: Unavailable when Slurm does not answer
    """
    queued = _try(("squeue", "--noheader", f"--jobs={number}", "--format=%T"))
    state = queued.split()[0] if queued and queued.split() else ""
    if state and state not in _ENDED:
        return state, None
    if accounted := _try(
        ("sacct", "--noheader", "--allocations", "--parsable2", f"--jobs={number}", "--format=State,ExitCode")
    ):
        state, _, code = accounted.splitlines()[0].partition("|")
        return _read_state(state), _read_code(code)
    if told := _try(("scontrol", "show", "job", number)):
        fields = dict(re.findall(r"\b(JobState|ExitCode)=(\S+)", told))
        if "JobState" in fields:
            return _read_state(fields["JobState"]), _read_code(fields.get("ExitCode", ""))
    if queued is None:
        raise Unavailable("squeue does not answer", hint="see whether Slurm's controller is up: `scontrol ping`")
    return (state, None) if state else None


def _read_state(text: str) -> str:
    return text.split()[0].rstrip("+") if text.split() else ""  # "CANCELLED by 1000"


def _read_code(text: str) -> int | None:
    code, _, number = text.partition(":")
    if not (code.isdigit() and (number or "0").isdigit()):
        return None
    return -int(number) if int(number or 0) else int(code)


def _tell(state: str, code: int | None, *, cancelled: bool) -> Outcome:
    if state == "COMPLETED":
        return Outcome("FINISHED", 0)
    if cancelled:
        return Outcome("KILLED", code, "it was cancelled")
    if state == "CANCELLED":
        return Outcome("KILLED", code, "it was cancelled in Slurm")
    if state == "FAILED" and code is not None and code > 0:
        return Outcome("FAILED", code, f"its command ended with status {code}")
    return Outcome("FAILED", code, f"Slurm says {state}" if state in _ENDED else state)


def _list_options(config: Mapping[str, Any]) -> list[str]:
    """Return the options of sbatch that a configuration asks for.

    raises: InvalidInput
    """
    if unknown := sorted(set(config) - {*_VALUED, *_OWN}):
        raise InvalidInput(
            f"The slurm backend knows no {unknown[0]!r}", hint=f"there are {', '.join(sorted((*_VALUED, *_OWN)))}"
        )
    options = []
    for name in _VALUED:
        if name in config:
            value = config[name]
            if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isprintable():
                raise InvalidInput(f"{name} is {value!r}", hint="a text or a whole number, as sbatch takes it")
            options.append(f"--{name.replace('_', '-')}={value}")
    further = config.get("options", [])
    if not _is_list(further) or not all(word.startswith("-") for word in further):
        raise InvalidInput(f"options is {further!r}", hint='a list of options of sbatch, such as ["--exclusive"]')
    return [*options, *further]


def _list_setup(config: Mapping[str, Any]) -> list[str]:
    setup = config.get("setup", [])
    if not _is_list(setup):
        raise InvalidInput(f"setup is {setup!r}", hint='a list of lines of bash, such as ["module load cuda"]')
    return list(setup)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) and word and "\0" not in word for word in value)


def _get_poll(config: Mapping[str, Any]) -> float:
    poll_s = config.get("poll_s", POLL_S)
    if isinstance(poll_s, bool) or not isinstance(poll_s, int | float) or not 0 < poll_s <= SILENCE_S:
        raise InvalidInput(f"poll_s is {poll_s!r}", hint=f"a number of seconds up to {SILENCE_S:.0f}")
    return float(poll_s)


def _make_name(job: Job) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]", "-", job.name or job.folder.name)[:40]
    return f"{name or 'trackway'}-{job.run_id[:12]}"


def _escape(path: Path) -> str:
    """Return a path without meaning to sbatch, which reads ``%j`` and its like in names of files."""
    return str(path).replace("%", "%%")


def _try(command: tuple[str, ...]) -> str | None:
    """Ask one of Slurm's programs; None when it is not there or fails."""
    try:
        return _ask(command)
    except Unavailable:
        return None


def _ask(command: tuple[str, ...]) -> str:
    """Run one of Slurm's programs, and return what it says.

    raises: Unavailable with its own words
    """
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]} cannot be asked: {error}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[:500]
        raise Unavailable(f"{command[0]} failed: {said}", hint="mend what it says, and try again")
    return done.stdout
