"""What to tell when something goes wrong: this machine, this package, and what the environment says."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys

from trackway.sdk import secrets
from trackway.sdk.connection import get_tracking_uri
from trackway.sdk.settings import VARIABLES

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def doctor(mask_envs: bool = False) -> None:
    """Print versions, the tracking store and the variables that are set; secrets are never shown.

    mask_envs: show the names of variables alone
    """
    sys.stdout.write("\n".join(describe(mask_envs)) + "\n")


def describe(mask_envs: bool) -> list[str]:
    """Return the lines of ``doctor``."""
    uri = secrets.mask_address(get_tracking_uri())
    lines = [
        f"System information: {platform.system()} {platform.release()} {platform.machine()}",
        f"Python version: {platform.python_version()}",
        f"Trackway version: {importlib.metadata.version('trackway')}",
        f"Trackway module location: {os.path.dirname(os.path.dirname(__file__))}",
        f"Tracking URI: {uri}",
        f"Registry URI: {uri}",
    ]
    names = [variable.name for variable in VARIABLES]
    names += [variable.mlflow_name for variable in VARIABLES if variable.mlflow_name]
    known = [(name, os.environ[name]) for name in names if os.environ.get(name)]
    if known:
        lines.append("Environment variables:")
        lines += [f"  {name}: {'***' if mask_envs else secrets.mask_value(name, value)}" for name, value in known]
    lines.append("Dependencies:")
    for needed in importlib.metadata.requires("trackway") or ():
        found = _NAME.match(needed)
        if found and "extra ==" not in needed:
            try:
                lines.append(f"  {found[0]}: {importlib.metadata.version(found[0])}")
            except importlib.metadata.PackageNotFoundError:
                lines.append(f"  {found[0]}: not installed")
    return lines
