"""What the models of two runs predict, held against each other: this module is also the program that does it.

The program runs in the environment that the run was reproduced in, as models may need its libraries. It is started
with the names of two files: of what is asked for, and of what was found.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from trackway.api import operations as ops
from trackway.api.logged_models import GetLoggedModel
from trackway.api.runs import Run
from trackway.artifacts.content import digest_folder
from trackway.base.errors import InvalidInput, TrackwayError
from trackway.models import package, parity
from trackway.models.manifest import NAME as MANIFEST
from trackway.models.mlmodel import NAME as MLMODEL
from trackway.projects.reproduction.report import Finding
from trackway.sdk.artifacts import get_run_folder, list_files
from trackway.sdk.client import Client
from trackway.sdk.evaluation.data import read_file
from trackway.sdk.model_files import fetch_model

PROGRAM: Final = "trackway.projects.reproduction.predictions"
LONG_S: Final = 3_600.0
_OWN_FILES: Final = (MLMODEL, MANIFEST, "README.md")
"""Files of a model that say when and by which run it was made."""
_TOLD_CHARS: Final = 500


class Pair(msgspec.Struct, frozen=True):
    """A model of the run, and that of the new run which has its name, as folders here."""

    name: str
    was: str
    now: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What models are to be compared on.

    data: file of rows; empty for each model's own example
    """

    pairs: tuple[Pair, ...]
    data: str = ""
    tolerance: parity.Tolerance = parity.Tolerance()


class Model(NamedTuple):
    """A model that a run logged: its name, the how-manieth of that name, and its address."""

    name: str
    number: int
    uri: str


def list_models(client: Client, run: Run) -> list[Model]:
    """Return the models that a run logged: those of its own, and folders of models among its files."""
    found: list[tuple[str, str]] = []
    for output in run.model_outputs:
        known = client.call(ops.GET_LOGGED_MODEL, GetLoggedModel(model_id=output.model_id))
        if known.status == "READY":
            found.append((known.name, f"models:/{output.model_id}"))
    folder = get_run_folder(client, run.run_id)
    for file in list_files(client, folder, recursive=True):
        path, _, name = file.path.removeprefix(f"{folder}/").rpartition("/")
        if name == MLMODEL and path and not file.is_dir:
            found.append((path, f"runs:/{run.run_id}/{path}"))
    counts: dict[str, int] = {}
    models = []
    for name, uri in found:
        counts[name] = counts.get(name, 0) + 1
        models.append(Model(name, counts[name], uri))
    return models


def compare_models(client: Client, was: Run, now: Run, question: Question, python: Path | None) -> list[Finding]:
    """Return how the models of two runs compare; this runs code of theirs.

    question: without its pairs
    python:   interpreter of the new run, which predicts; when it cannot, or is None, this process's does
    """
    found = {(model.name, model.number): model for model in list_models(client, now)}
    findings, pairs = [], []
    for model in list_models(client, was):
        other = found.pop((model.name, model.number), None)
        label = f"{model.name} {model.number}" if model.number > 1 else model.name
        if other is None:
            findings.append(Finding(kind="model", name=label, result="different", reason="is not there any more"))
            continue
        folders = fetch_model(model.uri), fetch_model(other.uri)
        if not question.data and _list_content(folders[0]) == _list_content(folders[1]):
            findings.append(Finding(kind="model", name=label, result="identical", reason="the same files"))
        else:
            pairs.append(Pair(label, *map(str, folders)))
    findings += [Finding(kind="model", name=name, result="different", reason="was not there") for name, _ in found]
    if not pairs:
        return findings
    pythons = dict.fromkeys(one for one in (python, Path(sys.executable)) if one is not None)
    return findings + _ask(msgspec.structs.replace(question, pairs=tuple(pairs)), list(pythons))


def answer(question: Question) -> list[Finding]:
    """Have models predict, and compare what they say; this loads them."""
    return [_compare(pair, question) for pair in question.pairs]


def _list_content(folder: Path) -> dict[str, str]:
    """Return the digests of a model's files, but for those that say where it comes from."""
    return {path: digest for path, digest in digest_folder(folder).items() if path not in _OWN_FILES}


def _ask(question: Question, pythons: Sequence[Path]) -> list[Finding]:
    """Have the first Python answer that has this program."""
    said = ""
    with tempfile.TemporaryDirectory(prefix="trackway-predictions-") as scratch:
        asked, found = Path(scratch, "asked.json"), Path(scratch, "found.json")
        asked.write_bytes(msgspec.json.encode(question))
        for python in pythons:
            command = [str(python), "-I", "-m", PROGRAM, str(asked), str(found)]
            try:
                done = subprocess.run(
                    command, cwd=scratch, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONG_S, check=False
                )
                if done.returncode == 0:
                    return msgspec.json.decode(found.read_bytes(), type=list[Finding])
                said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][-_TOLD_CHARS:]
            except (OSError, subprocess.TimeoutExpired, msgspec.MsgspecError) as error:
                said = str(error)
    return [Finding(kind="model", name=pair.name, result="unknown", reason=said) for pair in question.pairs]


def _compare(pair: Pair, question: Question) -> Finding:
    try:
        was, now = (package.load_model(folder, trust=True) for folder in (pair.was, pair.now))
        data = read_file(question.data) if question.data else was.input_example
        if data is None:
            raise InvalidInput("it has no input example", hint="name a file of rows with --data")
        expected, found = (_split(model.predict(data)) for model in (was, now))
        if expected.keys() != found.keys():
            reason = f"has the outputs {', '.join(found)}, not {', '.join(expected)}"
            return Finding(kind="model", name=pair.name, result="different", reason=reason)
        outputs = tuple(
            parity.compare(name, values, found[name], question.tolerance) for name, values in expected.items()
        )
    except Exception as error:  # noqa: BLE001 - the model's edge: whatever its library raises
        hint = f" ({error.hint})" if isinstance(error, TrackwayError) and error.hint else ""
        said = error.message if isinstance(error, TrackwayError) else f"{type(error).__name__}: {error}"
        return Finding(kind="model", name=pair.name, result="unknown", reason=f"{said}{hint}"[:_TOLD_CHARS])
    return _conclude(pair.name, outputs)


def _conclude(name: str, outputs: tuple[parity.Comparison, ...]) -> Finding:
    if all(one.row is None for one in outputs):
        return Finding(kind="model", name=name, result="identical", reason="the same predictions", outputs=outputs)
    agree = all(one.agrees for one in outputs)
    worst = max(outputs, key=lambda one: (not one.agrees, one.largest_absolute or 0.0, 1 - one.equal_share))
    by = (
        f"by up to {worst.largest_absolute:.3g}, most in row {worst.row}"
        if worst.largest_absolute is not None
        else f"{1 - worst.equal_share:.2%} of the labels are others, the first in row {worst.row}"
    )
    reason = f"{worst.output}: {by}" if len(outputs) > 1 else by
    result: Any = "within tolerance" if agree else "different"
    return Finding(kind="model", name=name, result=result, reason=reason, outputs=outputs)


def _split(found: Any) -> dict[str, Any]:
    """Return predictions as arrays by the names of outputs."""
    if isinstance(found, Mapping):
        return {str(name): _to_array(values) for name, values in found.items()}
    if hasattr(found, "columns") and hasattr(found, "to_numpy"):
        return {str(name): found[name].to_numpy() for name in found.columns}
    return {"predictions": _to_array(found)}


def _to_array(values: Any) -> Any:
    array = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    return array.reshape(1) if array.ndim == 0 else array


def main(words: list[str]) -> None:
    """Answer what one file asks, in another."""
    question = msgspec.json.decode(Path(words[0]).read_bytes(), type=Question)
    Path(words[1]).write_bytes(msgspec.json.encode(answer(question)))


if __name__ == "__main__":
    main(sys.argv[1:])
