"""Run scripts of this folder under one client, and print what they read back, one line of JSON for each.

    python play.py MODULE MARK SCRIPT...

A script has ``play(mlflow, mark)``, which writes and reads through the module that it is given and returns plain
values, and ``EXPECTED``, what those values must be. ``mark`` goes into every name of which the server can have one
only. This file and the scripts run under clients of any age, so they import nothing of this repository.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

SCRIPTS = Path(__file__).with_name("scripts")


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def to_plain(value: Any) -> Any:
    """Return what JSON can say: other numbers become words. The protocol has no infinities, only the largest number."""
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        return value if abs(value) < sys.float_info.max else ("inf" if value > 0 else "-inf")
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def main(module: str, mark: str, *scripts: str) -> None:
    mlflow = importlib.import_module(module)
    for script in scripts:
        try:
            read = to_plain(load_script(script).play(mlflow, mark))
        except Exception:  # noqa: BLE001 -- the one who started this process is told
            read = {"#failed": traceback.format_exc()}
        print("\n" + json.dumps({script: read}).replace(mark, "MARK"))


if __name__ == "__main__":
    main(*sys.argv[1:])
