"""Builds the web UI into the package when a wheel or a source archive is made from a checkout."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebInterface(BuildHookInterface):  # type: ignore[type-arg]
    """Runs npm, unless the files are there: a source archive holds them built, and its ui/ is not needed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - as hatchling calls it
        """Build what is missing; an editable install is left alone, where `make ui` does it."""
        root = Path(self.root)
        if version == "editable" or (root / "src/trackway/server/static/index.html").exists():
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("The web UI is not built and there is no npm: install Node 20 or newer, or run make ui")
        for command in ("ci", "run build"):
            subprocess.run([npm, *command.split()], cwd=root / "ui", check=True)
