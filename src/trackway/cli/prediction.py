"""The command that predicts a file."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from trackway.cli.output import choose_store, show_done
from trackway.inference.batch import BATCH_ROWS, MAX_ERRORS, Prediction, predict_file
from trackway.inference.isolation import predict_elsewhere
from trackway.inference.readers import find_format
from trackway.sdk.model_files import fetch_model

_BETWEEN: Final = re.compile(r",(?=\s*[A-Za-z0-9])(?![^\[]*\])")
"""The comma between two requirements, and none within one, such as in ``numpy[a,b]>=1,<2``."""
_STANDARD_INPUT: Final = "-"
_BEGINS: Final = 4
"""So many bytes tell what standard input holds."""


@click.command()
@click.option("-m", "--model", "--model-uri", required=True, help="Address of the model, or its folder.")
@click.option(
    "-i",
    "--input",
    "--input-path",
    "input_path",
    default=_STANDARD_INPUT,
    help="CSV, JSON lines or Parquet file [default: standard input].",
)
@click.option(
    "-o", "--output", "--output-path", "output_path", help="File to write, named likewise [default: standard output]."
)
@click.option("--keep", multiple=True, help="Column to write before the predictions; may be repeated.")
@click.option("--param", "params", multiple=True, help="NAME=JSON, given to the model; may be repeated.")
@click.option("--errors", help="File for rows that failed [default: OUTPUT.errors.jsonl].")
@click.option("--max-errors", type=click.IntRange(min=0), default=MAX_ERRORS, show_default=True, help="Then stop.")
@click.option("--batch-rows", type=click.IntRange(min=1), default=BATCH_ROWS, show_default=True, help="At a time.")
@click.option("--overwrite", is_flag=True, help="Replace an output that is there.")
@click.option("--restart", is_flag=True, help="Forget what an unfinished job has done.")
@click.option(
    "--env-manager",
    type=click.Choice(["local", "uv", "conda"]),
    help="Predict in an environment made as the model wants it  [default: local; uv with -r].",
)
@click.option(
    "-r",
    "--pip-requirements-override",
    "override",
    multiple=True,
    metavar="REQUIREMENTS",
    help="Packages beside the model's, or in the place of its own, as x==1,y==2; may be repeated.",
)
@click.option("--trust", is_flag=True, help="The model may run code of its own.")
@choose_store
def predict(model: str, input_path: str, output_path: str | None, as_json: bool, **given: Any) -> None:
    """Predict every row of a file with a model.

    Files may be larger than memory. A job that was stopped goes on where it stopped when it is called again; rows that
    fail are written to a file of their own, and do not stop the others. Standard input is read whole before it is
    begun with: as JSON lines when it begins with a brace, as Parquet when it is such, else as CSV. Without --output,
    predictions are printed when all are there: as JSON lines when the input is such, else as CSV; and rows that failed
    as errors.
    """
    if output_path is None and as_json:
        raise click.UsageError("--json says what became of a file: name one with --output")
    given["params"] = dict(_read_param(text) for text in given["params"])
    override = [line for text in given.pop("override") for line in _BETWEEN.split(text)]
    manager = given.pop("env_manager") or ("uv" if override else "local")
    if manager == "local" and override:
        raise click.UsageError("This environment is not changed: give --env-manager uv or conda with -r")
    with tempfile.TemporaryDirectory() as folder:
        if input_path == _STANDARD_INPUT:
            input_path = _keep_input(folder)
            given["restart"] = True  # what came before was other input
        target = output_path or _name_printed(folder, input_path)
        if manager != "local":
            done = predict_elsewhere(manager, fetch_model(model), (input_path, target), given, override)
        else:
            done = predict_file(model, input_path, target, **given)
        if output_path is None:
            _print(done, given["errors"])
            return
    failed = f"; {done.failed} failed: see {done.errors}" if done.failed else ""
    before = f" ({done.resumed_rows} of them before)" if done.resumed_rows else ""
    facts = msgspec.to_builtins(done)
    show_done(
        f"Predicted {done.rows - done.failed} of {done.rows} rows{before} to {done.output}{failed}.", as_json, **facts
    )


def _keep_input(folder: str) -> str:
    """Write standard input to a file in a folder, named by what it holds, and return which."""
    source = sys.stdin.buffer
    if sys.stdin.isatty():
        raise click.UsageError("Name a file with --input, or send rows to standard input")
    begin = source.read(_BEGINS)
    form = "jsonl" if begin.lstrip()[:1] == b"{" else "parquet" if begin == b"PAR1" else "csv"
    path = Path(folder) / f"input.{form}"
    with path.open("wb") as kept:
        kept.write(begin)
        shutil.copyfileobj(source, kept)
    return str(path)


def _name_printed(folder: str, input_path: str) -> str:
    """Return the file in a folder that predictions are written to before they are printed."""
    form, _ = find_format(Path(input_path))
    return str(Path(folder) / ("predictions.jsonl" if form == "jsonl" else "predictions.csv"))


def _print(done: Prediction, errors: str | None) -> None:
    """Print predictions, and the rows that failed unless they went to a file that was named."""
    with open(done.output, "rb") as predictions:
        shutil.copyfileobj(predictions, sys.stdout.buffer)
    if done.failed:
        if not errors:
            with open(done.errors, "rb") as failures:
                shutil.copyfileobj(failures, sys.stderr.buffer)
        click.echo(f"{done.failed} of {done.rows} rows failed{f': see {errors}' if errors else ''}.", err=True)


def _read_param(text: str) -> tuple[str, Any]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise click.UsageError(f"{text!r} is no param: NAME=JSON, such as k=3")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value
