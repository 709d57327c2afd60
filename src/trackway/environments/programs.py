"""Other programs, run for what they print."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trackway.base.errors import InvalidInput, Unavailable

_SHOWN_CHARS: Final = 2_000
_PYTHONS: Final = ("PYTHONPATH", "PYTHONHOME")
"""Variables that would lead another environment's Python to this one's packages."""


def run(command: Sequence[str], given: str = "", name: str = "", folder: Path | None = None) -> str:
    """Run a program and return what it prints.

    given:  what it reads
    name:   what to call it when it fails; its own by default
    folder: that it runs in; None for this process's
    raises: InvalidInput with what it said, when it fails; Unavailable when it cannot be run
    """
    variables = {name: value for name, value in os.environ.items() if name not in _PYTHONS}
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, env=variables, cwd=folder
        )
    except OSError as error:
        raise Unavailable(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-_SHOWN_CHARS:]
        raise InvalidInput(f"The environment cannot be made: {name or Path(command[0]).name} said:\n{said}")
    return done.stdout
