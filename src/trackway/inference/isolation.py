"""Prediction in an environment of the model's own: this package in another process, with the model's packages."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trackway.base.errors import InvalidInput
from trackway.environments import hold_environment
from trackway.inference.batch import Prediction
from trackway.sdk.model_environments import make_environment

_FLAGS = ("overwrite", "restart", "trust")


def predict_elsewhere(
    manager: str, folder: Path, paths: tuple[str, str], options: Mapping[str, Any], override: Sequence[str] = ()
) -> Prediction:
    """Predict a file in an environment that uv or conda makes of the model's requirements, or has made before.

    folder:   the model's
    paths:    of input and output
    options:  as ``predict_file`` takes them
    override: packages beside the model's, or in the place of its own
    raises:   InvalidInput with what the other process said, when it failed; what making the environment raises
    """
    python = make_environment(manager, folder, trust=bool(options.get("trust")), override=override)
    command = [str(python), "-m", "trackway", "models", "predict", "--model", str(folder), "--json"]
    command += ["--input", os.path.abspath(paths[0]), "--output", os.path.abspath(paths[1])]
    command += [f"--{name}" for name in _FLAGS if options.get(name)]
    command += [part for column in options.get("keep", ()) for part in ("--keep", column)]
    for name, value in (options.get("params") or {}).items():
        command += ["--param", f"{name}={msgspec.json.encode(value).decode()}"]
    for name in ("errors", "max_errors", "batch_rows"):
        if options.get(name) is not None:
            command += [f"--{name.replace('_', '-')}", str(options[name])]
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    held = hold_environment(python)
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=variables, check=False)
    finally:
        os.close(held)
    if done.returncode:
        raise InvalidInput(f"Predicting in the model's environment ended with status {done.returncode}")
    facts = msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=dict[str, Any])
    return msgspec.convert({name: facts[name] for name in Prediction.__struct_fields__}, Prediction)
