"""Requirements of a model, told by a process that loads it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from trackway.base.errors import InvalidInput
from trackway.sdk.model_files import fetch_model

_log = logging.getLogger("trackway.models")


def infer_pip_requirements(
    model_uri: str | os.PathLike[str],
    flavor: str | None = None,
    fallback: Sequence[str] | None = None,
    timeout: float | None = None,
    extra_env_vars: Mapping[str, str] | None = None,
    *,
    trust: bool = False,
) -> list[str]:
    """Return the pinned packages that a model imports when it is loaded and asked with its example.

    Those that others of them need are left out, unless the model asks for them, and so is what saves and loads models.
    What a library imports where it is installed, and does without elsewhere, counts: fewer packages may be enough.

    flavor:         which of several that it holds
    fallback:       returned, with a warning, when it cannot be told
    timeout:        seconds to wait
    extra_env_vars: variables of the process that loads it
    trust:          whether the model may run code of its own there
    raises:         InvalidInput, without a fallback, for a model that cannot be loaded within the time
    """
    folder = fetch_model(os.fspath(model_uri))
    with tempfile.TemporaryDirectory(prefix="trackway-imports-") as scratch:
        output = Path(scratch) / "imported.json"
        command = [sys.executable, "-m", "trackway.models.imported"]
        command += [str(folder.absolute()), flavor or "", str(output), str(trust)]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, **(extra_env_vars or {})},
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
            problem = "" if not done.returncode else done.stderr.strip()[-500:] or f"it ended with {done.returncode}"
        except subprocess.TimeoutExpired:
            problem = f"it took longer than {timeout:g} s"
        if not problem:
            return msgspec.json.decode(output.read_bytes(), type=list[str])
    if fallback is None:
        raise InvalidInput(f"What the model imports cannot be told: {problem}", hint="give a fallback")
    _log.warning("What the model imports cannot be told: %s", problem)
    return list(fallback)
