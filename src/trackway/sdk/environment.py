"""What a run is executed with: a few tags at its start, and the whole environment as data a little later."""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from trackway.api.runs import (
    TAG_COMMAND,
    TAG_GIT_BRANCH,
    TAG_GIT_COMMIT,
    TAG_HOST,
    TAG_PROGRAM,
    TAG_SOURCE_NAME,
    TAG_SOURCE_TYPE,
    TAG_USER,
    Environment,
)
from trackway.base.ids import new_id
from trackway.sdk import git, machine, secrets, work_tree

_VARIABLES = re.compile(
    r"(?:CUDA|NVIDIA|ROCR|HIP|HSA|NCCL|GLOO|UCX|FI|OMP|GOMP|KMP|MKL|OPENBLAS|NUMEXPR|VECLIB|BLIS|MALLOC|TF|XLA|JAX|KERAS"
    r"|TORCH|PYTORCH|TORCHELASTIC|ACCELERATE|DEEPSPEED|HOROVOD|HF|TRANSFORMERS|TOKENIZERS|RAY|SPARK|DASK|SLURM|SBATCH"
    r"|PBS|LSB|SGE|OMPI|PMI|PMIX|KUBERNETES|CONDA|TRACKWAY|MLFLOW)_[A-Z0-9_]+"
    r"|PYTHON[A-Z0-9_]+|(?:LOCAL_|GROUP_|NODE_)?RANK|(?:LOCAL_)?WORLD_SIZE|MASTER_ADDR|MASTER_PORT"
    r"|VIRTUAL_ENV|LD_PRELOAD|LD_LIBRARY_PATH|TZ|LANG|LC_ALL"
)
"""Which environment variables are recorded: those that change how training runs or say which job it is."""

_JOBS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ID", "SM_TRAINING_ENV")
"""Variables that schedulers set for a job, and nobody else."""

CONTEXT = "MLFLOW_RUN_CONTEXT"
_CONTEXTS = (CONTEXT, "TRACKWAY_RUN_CONTEXT")
_PROGRAM = new_id()
"""Of this process, and of those that it forks."""

_NAME = re.compile(r"^Name:(.+)$", re.MULTILINE)
_VERSION = re.compile(r"^Version:(.+)$", re.MULTILINE)


def source_tags() -> dict[str, str]:
    """Return the tags that say who started what from where; secrets in the command line are masked.

    mlflow.user, mlflow.source.name, mlflow.source.type (NOTEBOOK, JOB or LOCAL), trackway.source.command,
    trackway.host, trackway.program and, when the source lies in a git work tree, commit and branch. Tags in the
    variables ``MLFLOW_RUN_CONTEXT`` and ``TRACKWAY_RUN_CONTEXT`` (a JSON object of texts) are added last: so a launcher
    says that a PROJECT is the source.

    cost: under 3 ms; files are read, no process is started and nothing is imported
    """
    kind, name = _describe_source()
    tags = {
        TAG_USER: _get_user(),
        TAG_SOURCE_NAME: name,
        TAG_SOURCE_TYPE: kind,
        TAG_COMMAND: " ".join(secrets.mask_command(_get_command())),
        TAG_HOST: platform.node(),
        TAG_PROGRAM: _PROGRAM,
    }
    git_folder = git.find_git_folder(_get_source_folder())
    head = git.read_head(git_folder) if git_folder is not None else None
    if head is not None:
        tags |= {TAG_GIT_COMMIT: head.commit, TAG_GIT_BRANCH: head.branch}
    for variable in _CONTEXTS:
        tags |= _read_context(os.environ.get(variable, ""))
    return {key: _to_text(value) for key, value in tags.items() if value}


class Look(NamedTuple):
    """Where to look for what describes another process than this one.

    folder:    its working directory, and source
    command:   its words
    variables: that it has
    python:    version of its interpreter; empty when it has none
    packages:  folder of its packages; None for those of this process
    """

    folder: Path
    command: Sequence[str]
    variables: Mapping[str, str]
    python: str
    packages: Path | None


def capture_environment(look: Look | None = None) -> Environment:
    """Describe Python, packages, host, hardware, command line, variables and git state; it never raises.

    look: describes a process that this one starts; None for this one

    Values of variables and arguments with secret-looking names or shapes read ``***``. What
    the work tree holds beside its commit is included as ``work_tree.get_state`` says.

    cost: about 0.1 ms a package and up to six git commands of at most 2 s each: call it in the background
    """
    return Environment(
        python=platform.python_version() if look is None else look.python,
        implementation=platform.python_implementation() if look is None or look.python else "",
        platform=platform.platform(),
        host=platform.node(),
        command=[_to_text(word) for word in secrets.mask_command(look.command if look else _get_command())],
        working_dir=_to_text(str(look.folder if look else _get_working_folder())),
        packages=list_packages(look.packages if look else None) if look is None or look.python else {},
        variables={
            name: _to_text(secrets.mask_value(name, value))
            for name, value in sorted((look.variables if look else os.environ).items())
            if _VARIABLES.fullmatch(name) and name not in _CONTEXTS
        },
        hardware=machine.describe_hardware(),
        git=work_tree.get_state(look.folder if look else _get_source_folder()),
    )


def _describe_source() -> tuple[str, str]:
    """Return the type and name of what is being executed."""
    shell = _get_ipython_shell()
    if shell is not None and hasattr(shell, "kernel"):  # a terminal's IPython has no kernel
        namespace = getattr(shell, "user_ns", {})
        name = (
            namespace.get("__vsc_ipynb_file__")
            or os.environ.get("JPY_SESSION_NAME")
            or ("colab" if "COLAB_RELEASE_TAG" in os.environ else "notebook")
        )
        return "NOTEBOOK", str(name)
    kind = "JOB" if any(os.environ.get(variable) for variable in _JOBS) else "LOCAL"
    script = sys.argv[0] if sys.argv else ""
    return kind, script if script not in ("", "-c", "-m") else "<console>"


def _to_text(value: str) -> str:
    """Replace what cannot be sent as UTF-8: bytes of a name or argument that Python could not decode."""
    return value.encode("utf-8", "replace").decode("utf-8")


def _get_ipython_shell() -> Any:
    module: ModuleType | None = sys.modules.get("IPython")
    get_ipython = getattr(module, "get_ipython", None)
    return get_ipython() if get_ipython is not None else None


def _get_source_folder() -> Path:
    """Return the folder of the script, if that is in a git work tree, else the working directory."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if main:
        folder = Path(os.path.abspath(main)).parent
        if git.find_git_folder(folder) is not None:
            return folder
    return _get_working_folder()


def _get_working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return Path(os.environ.get("PWD", os.sep))


def _get_command() -> list[str]:
    return [sys.executable, *sys.orig_argv[1:]] if sys.executable else list(sys.orig_argv)


def _get_user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container whose user id has no name
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def add_context(tags: Mapping[str, str]) -> str:
    """Return a value for ``MLFLOW_RUN_CONTEXT``, which MLflow's client reads too: what it says here, and more tags."""
    return msgspec.json.encode({**_read_context(os.environ.get(CONTEXT, "")), **tags}).decode()


def _read_context(text: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str]) if text else {}
    except msgspec.MsgspecError:  # somebody else's variable: it must not stop a run
        return {}


def list_packages(folder: Path | None) -> dict[str, str]:
    """Return name and version of every distribution in a folder, or of this process; of doubles the first."""
    from importlib import metadata  # a tenth of the time budget of `import trackway`, and not needed to start a run

    packages: dict[str, str] = {}
    for distribution in metadata.distributions(path=[str(folder)]) if folder else metadata.distributions():
        # Reading the two lines wanted costs a tenth of parsing the whole file, description included.
        try:
            text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
        except (OSError, UnicodeDecodeError):  # half-removed or ancient
            continue
        header = text.partition("\n\n")[0]
        name, version = _NAME.search(header), _VERSION.search(header)
        if name and version:
            packages.setdefault(name[1].strip(), version[1].strip())
    return dict(sorted(packages.items(), key=lambda item: item[0].lower()))
