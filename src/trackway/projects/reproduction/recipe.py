"""What a run says of how it was made, read as what it takes to make it again."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from trackway.api import operations as ops
from trackway.api.runs import TAG_PROGRAM, TAG_SOURCE_TYPE, TERMINAL, Environment, Run, RunId
from trackway.base.errors import Conflict, Corrupt, TrackwayError
from trackway.projects.environments import Versions
from trackway.projects.launch import SEED
from trackway.projects.recording import LOCK, RECORD, LaunchRecord
from trackway.projects.reproduction.report import Gap
from trackway.sdk.artifacts import find_file, get_run_folder, join_path
from trackway.sdk.client import Client
from trackway.sdk.secrets import MASK

MAX_BYTES: Final = 16 * 2**20
OWN: Final = "trackway"
_VARIABLES: Final = frozenset(
    (
        *(f"{name}_NUM_THREADS" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "BLIS")),
        *("VECLIB_MAXIMUM_THREADS", "CUBLAS_WORKSPACE_CONFIG", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC"),
        *("TF_ENABLE_ONEDNN_OPTS", "TZ", SEED),
    )
)
"""Variables that change how numbers come out, and nothing that is run or where it is found."""
_VALUE_CHARS: Final = 64
_WITH_VALUE: Final = ("-X", "-W", "--check-hash-based-pycs")
"""Options of Python with a word of their own."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A run, and what it takes to make it again.

    record: of the launch of a project; None for a run that its own script opened
    lock:   exact versions of the environment that was made for it
    """

    run: Run
    environment: Environment | None
    record: LaunchRecord | None
    lock: str = ""

    @property
    def is_project(self) -> bool:
        """Whether an entry point of a project was run, and not a command."""
        return self.record is not None and bool(self.record.entry_point)

    @property
    def command(self) -> list[str]:
        """The words that were run, secrets masked."""
        if self.record is not None:
            return list(self.record.command)
        return list(self.environment.command) if self.environment is not None else []

    @property
    def versions(self) -> Versions:
        """Of what it ran with."""
        known = self.environment
        if known is None:
            return Versions(lock=self.lock)
        return Versions(python=known.python, lock=self.lock, packages=known.packages)

    @property
    def variables(self) -> dict[str, str]:
        """Those that change how numbers come out."""
        known = {**(self.environment.variables if self.environment is not None else {})}
        if self.record is not None:
            known |= {SEED: self.record.seeds.get(SEED, "")}
        return {
            name: value
            for name, value in known.items()
            if name in _VARIABLES and 0 < len(value) <= _VALUE_CHARS and value.isprintable() and value != MASK
        }


def read_recipe(client: Client, run_id: str) -> Recipe:
    """Read what a run says of how it was made.

    raises: NotFound; Conflict for a run that goes on; Corrupt for a record that is none
    """
    run = client.get_run(run_id)
    if run.status not in TERMINAL:
        raise Conflict(f"Run {run_id} has not ended", hint="wait for its end")
    environment = client.call(ops.GET_ENVIRONMENT, RunId(run_id=run_id)).environment
    folder = get_run_folder(client, run_id)
    record = find_file(client, join_path(folder, RECORD))
    lock = find_file(client, join_path(folder, LOCK)) if record is not None else None
    if max(len(record or b""), len(lock or b"")) > MAX_BYTES:
        raise Corrupt(f"What run {run_id} says of its launch is too large to be that")
    try:
        read = None if record is None else msgspec.json.decode(record, type=LaunchRecord)
        return Recipe(run=run, environment=environment, record=read, lock=(lock or b"").decode())
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Corrupt(f"What run {run_id} says of its launch cannot be read: {error}") from None


def find_gaps(client: Client, recipe: Recipe) -> list[Gap]:
    """Return what the run's own description lacks, so that nothing need be fetched to know that it cannot be."""
    gaps = []
    known, record = recipe.environment, recipe.record
    if known is None:
        gaps.append(Gap("the run recorded no environment", "log with tw.start_run() or trackway run, for long enough"))
    git = known.git if known is not None else None
    kept = record is not None and bool(record.commit or record.archive)
    if not kept and git is None:
        gaps.append(Gap("its code was in no git repository", "commit the code, and run it from there"))
    if git is not None:
        if git.diff_truncated or (git.dirty and not (git.diff or git.left_out)):
            gaps.append(Gap("its difference to the commit was not recorded whole", "commit before a run"))
        elif "\ufffd" in git.diff:
            gaps.append(Gap("its difference to the commit is not all UTF-8", "commit before a run"))
    masked = [word for word in (recipe.command if not recipe.is_project else _list_values(record)) if MASK in word]
    if masked:
        gaps.append(Gap("a secret was on its command line, and was not kept", "hand secrets over by variables"))
    if not recipe.is_project:
        gaps += _find_gaps_of_command(client, recipe)
    return gaps


def find_script(words: list[str]) -> int:
    """Return where in Python's words the script is; 0 when it runs a module, or text of its command line."""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        if words[at] in ("-c", "-m", "-"):
            return 0
        at += 2 if words[at] in _WITH_VALUE else 1
    return at if at < len(words) else 0


def _find_gaps_of_command(client: Client, recipe: Recipe) -> list[Gap]:
    words, run = recipe.command, recipe.run
    if run.tags.get(TAG_SOURCE_TYPE) == "NOTEBOOK":
        return [Gap("it was run cell by cell in a notebook", "make a script of the notebook, and run that")]
    if len(words) < 2:
        return [Gap("it was typed into Python", "make a script of it, and run that")]
    at = find_script(words)
    program = Path(words[at]).name if at else words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    if program == OWN:
        return [Gap(f"it stands for the runs that `{OWN}` started", f"{OWN} reproduce each of its children")]
    if run.parent_run_id and _is_made_by(client, run.parent_run_id, run):
        return [Gap("it is a part of another run's program", f"{OWN} reproduce {run.parent_run_id}")]
    return []


def _is_made_by(client: Client, run_id: str, run: Run) -> bool:
    """Tell whether a run is of the very program that another is of, as it says, or as both have one environment."""
    try:
        other = client.get_run(run_id)
    except TrackwayError:
        return False
    programs = other.tags.get(TAG_PROGRAM), run.tags.get(TAG_PROGRAM)
    if all(programs):
        return programs[0] == programs[1]
    return run.environment_digest is not None and other.environment_digest == run.environment_digest


def _list_values(record: LaunchRecord | None) -> list[str]:
    return [] if record is None else [*record.parameters.values(), *record.extra.values()]
