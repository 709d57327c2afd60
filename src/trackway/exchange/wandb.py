"""The folders that W&B's client leaves, ``wandb/offline-run-DATE-ID`` and ``wandb/run-DATE-ID``.

A run is known by its project and id. When it was resumed, it has several folders. All of it is read from the logs,
which name no file that is opened; files are those that lie in a run's own folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

from trackway.api import runs as r
from trackway.api.transfers import PastRegistered
from trackway.base.errors import Corrupt
from trackway.base.ids import is_id
from trackway.exchange.folders import LINK, list_folder
from trackway.exchange.history import PastExperiment, PastFile, PastModel, PastPoints, PastRun, Problem
from trackway.exchange.wandb_log import open_regular
from trackway.exchange.wandb_points import PointReader
from trackway.exchange.wandb_run import Facts, read_facts, read_identity
from trackway.exchange.wandb_values import Names, flatten, parse_json, to_key
from trackway.sdk.secrets import mask_address, mask_command

NO_PROJECT = "uncategorized"
"""The project of runs that were given none, as W&B calls it."""
_FOLDER = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-.+")
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.\-]*)==(\S+)")
_SMALL_BYTES = 1 << 20
_MOST_PACKAGES = 10_000


def find_folders(path: Path) -> list[Path]:
    """Return the runs' folders at a path: one of them, the folder ``wandb``, or one that holds it; oldest first."""
    if _is_folder(path):
        return [path]
    for root in (path, path / "wandb"):
        if root.is_dir():
            found = [Path(entry.path) for entry in os.scandir(root) if not entry.is_symlink()]
            folders = [folder for folder in found if _is_folder(folder)]
            if folders:
                return sorted(folders, key=lambda folder: (_read_date(folder), folder.name))
    return []


class RunFolders:
    """See ``history.History``. It is named by the folder that the runs' folders are in.

    folders:   of runs, as ``find_folders`` gives them
    artifacts: the folder that links to saved files may lead into, if any may
    """

    def __init__(self, folders: list[Path], artifacts: Path | None, problem: Problem) -> None:
        self._root = folders[0].absolute().parent
        self._artifacts = artifacts
        self._problem = problem
        self._projects: dict[str, dict[str, _Run]] = {}
        self._run: _Run
        self._facts: Facts
        for folder in folders:
            self._add(folder)

    @property
    def label(self) -> str:
        return str(self._root)

    def list_experiments(self) -> Iterator[PastExperiment]:
        for project, runs in self._projects.items():
            created_ms = min(run.start_ms for run in runs.values())
            yield PastExperiment(experiment_id=f"wandb/{project}", name=project, created_ms=created_ms)

    def list_runs(self, experiment: PastExperiment) -> Iterator[PastRun]:
        for run in sorted(self._projects[experiment.name].values(), key=attrgetter("start_ms")):
            try:
                facts = read_facts(run.logs, self._problem)
                facts.run_id = run.run_id
                past = self._to_run(facts, experiment, run)
            except (Corrupt, OSError) as error:
                self._problem(f"run {run.run_id}", f"it cannot be read: {error}")
                continue
            if facts.artifacts:
                self._problem(f"run {run.run_id}", "W&B's artifacts, which lie outside its folder, are not imported")
            self._run, self._facts = run, facts
            yield past

    def read_points(self, _run: PastRun) -> Iterator[PastPoints]:
        return PointReader(self._facts, self._run.logs, self._problem).read()

    def list_files(self, run: PastRun) -> Iterator[PastFile]:
        """Yield what is in the folder ``files``; of a run with several, what a later one replaced is told apart."""
        taken: set[str] = set()
        for folder in reversed(self._run.folders):
            base = folder / "files"
            if base.is_symlink() or not base.is_dir():
                continue
            for file in list_folder(base, f"run {run.run_id}", self._tell_of_file, self._artifacts):
                path = file.path if file.path not in taken else f"earlier/{_read_date(folder)}/{file.path}"
                taken.add(path)
                yield file._replace(path=path)

    def list_models(self, _experiment: PastExperiment) -> Iterator[PastModel]:
        return iter(())  # W&B keeps models as artifacts, outside of these folders

    def list_model_files(self, _model: PastModel) -> Iterator[PastFile]:
        return iter(())

    def list_registered(self) -> Iterator[PastRegistered]:
        return iter(())

    def close(self) -> None:
        """Nothing is kept open."""

    def _to_run(self, facts: Facts, experiment: PastExperiment, run: _Run) -> PastRun:
        """Make a run of a history.

        raises: Corrupt
        """
        params: dict[str, str] = {}
        names = Names()
        for name, value in flatten(facts.config):
            if (key := names.get(name)) is None:
                self._problem(f"run {facts.run_id}, param {name[:80]!r}", "another param has this key here")
            else:
                params[key] = str(value)
        machine = {**_read_metadata(run.folders[-1]), **facts.machine}
        tags = _list_tags(facts, machine)
        status = facts.status
        path = f"wandb/{experiment.name}/{facts.run_id}"
        return PastRun(
            run_id=facts.run_id if is_id(facts.run_id) else hashlib.sha256(path.encode()).hexdigest()[:32],
            experiment_id=experiment.experiment_id,
            name=facts.name or facts.run_id,
            user=str(machine.get("username") or facts.entity),
            status=status,
            start_ms=facts.start_ms,
            end_ms=None if status == "RUNNING" else facts.last_ms,
            external_key=path,
            params=params,
            tags=tags,
            environment=_describe_environment(tags, machine, run.folders[-1]),
        )

    def _tell_of_file(self, where: str, why: str) -> None:
        hint = "; name a folder that it may lead into (--artifacts)" if why == LINK else ""
        self._problem(where, why + hint)

    def _add(self, folder: Path) -> None:
        log = next(_list_logs(folder))
        try:
            facts = read_identity(log)
        except (Corrupt, OSError, UnicodeDecodeError) as error:
            self._problem(str(log), f"it cannot be read: {error}")
            return
        if facts is None:
            self._problem(str(log), "it does not say yet which run it is of")
            return
        runs = self._projects.setdefault(facts.project or NO_PROJECT, {})
        run = runs.setdefault(facts.run_id, _Run(facts))
        run.folders.append(folder)
        run.logs.append(log)


class _Run:
    """Where a run is: its folders and their logs, oldest first."""

    def __init__(self, facts: Facts) -> None:
        self.run_id = facts.run_id
        self.start_ms = facts.start_ms
        self.folders: list[Path] = []
        self.logs: list[Path] = []


def _list_logs(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("run-*.wandb"))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and _FOLDER.fullmatch(path.name) is not None and any(_list_logs(path))


def _read_date(folder: Path) -> str:
    found = _FOLDER.fullmatch(folder.name)
    return found[1] if found else ""


def _list_tags(facts: Facts, machine: dict[str, Any]) -> dict[str, str]:
    """Return what a run has beside params and points, under the names that the SDK has for it, else W&B's."""
    found = machine.get("git")
    git = found if isinstance(found, dict) else {}
    program = str(machine.get("codePath") or machine.get("program") or "")
    tags = {
        r.TAG_NOTE: facts.notes,
        r.TAG_SOURCE_NAME: program,
        r.TAG_GIT_COMMIT: facts.commit or str(git.get("commit") or ""),
        r.TAG_GIT_REMOTE: mask_address(facts.remote or str(git.get("remote") or "")),
        r.TAG_COMMAND: " ".join(_list_command(machine)),
        r.TAG_HOST: str(machine.get("host") or facts.host),
        "wandb.id": facts.run_id,
        "wandb.entity": facts.entity,
        "wandb.group": facts.group,
        "wandb.job_type": facts.job_type,
        "wandb.sweep": facts.sweep,
        "wandb.axes": json.dumps(facts.axes, ensure_ascii=False, sort_keys=True) if facts.axes else "",
        **{to_key(f"wandb.tag.{tag}"): "true" for tag in facts.tags},
    }
    for key, value in flatten(facts.summary):
        if isinstance(value, str):
            tags[to_key(f"wandb.summary.{key}")] = value
    return {key: value for key, value in tags.items() if value}


def _list_command(machine: dict[str, Any]) -> list[str]:
    args = machine.get("args")
    words = [machine.get("program") or "", *(args if isinstance(args, list) else ())]
    return mask_command([str(word) for word in words]) if words[0] else []


def _describe_environment(tags: dict[str, str], machine: dict[str, Any], folder: Path) -> r.Environment | None:
    """Return what a run was executed with, when the log or the file beside it says so."""
    if not machine.get("python"):
        return None
    implementation, _, python = str(machine["python"]).rpartition(" ")
    commit = tags.get(r.TAG_GIT_COMMIT)
    hardware = {name: str(machine[name]) for name in ("cpu", "cpu_count", "memory_bytes", "gpu") if machine.get(name)}
    return r.Environment(
        python=python,
        implementation=implementation or "CPython",
        platform=str(machine.get("os") or ""),
        host=tags.get(r.TAG_HOST, ""),
        command=_list_command(machine),
        packages=_read_packages(folder),
        hardware=hardware,
        git=r.GitState(commit=commit, remote=tags.get(r.TAG_GIT_REMOTE, "")) if commit else None,
    )


def _read_packages(folder: Path) -> dict[str, str]:
    text = _read_small(folder / "files" / "requirements.txt").decode("utf-8", "replace")
    found = (_REQUIREMENT.fullmatch(line.strip()) for line in text.splitlines()[:_MOST_PACKAGES])
    return {match[1]: match[2] for match in found if match}


def _read_metadata(folder: Path) -> dict[str, Any]:
    """Return what older clients say of the machine in a file; nothing when it is not there or no object."""
    try:
        found = parse_json(_read_small(folder / "files" / "wandb-metadata.json") or b"{}")
    except Corrupt:
        return {}
    return found if isinstance(found, dict) else {}


def _read_small(path: Path) -> bytes:
    """Return a file's bytes; nothing when it is not there, is no regular file, or is long."""
    if path.parent.is_symlink():
        return b""
    try:
        with open_regular(path) as file:
            data = file.read(_SMALL_BYTES + 1)
    except (Corrupt, OSError):
        return b""
    return data if len(data) <= _SMALL_BYTES else b""
