"""A job that predicts a file: what it has done is on the disk, so that a killed one goes on where it stopped.

Everything unfinished is in one folder beside the output, ``<output>.part``: what was written, the rows that failed, and
``state.json``, which says how far both are whole. It is brought up to date once a second, after the bytes it speaks of
have reached the disk; what a crash left behind them is cut off. The output gets its name when all of it is there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

import msgspec

from trackway.base.errors import AlreadyExists, Conflict, InvalidInput
from trackway.inference.readers import Problem, Source, find_format, open_source, read_batches
from trackway.inference.scoring import Scorer
from trackway.inference.sinks import BytesSink, Sink, open_sink
from trackway.models.package import Model
from trackway.sdk.models import load_model
from trackway.sdk.progress import Progress

BATCH_ROWS: Final = 25_000
MAX_ERRORS: Final = 100_000
CHECKPOINT_S: Final = 1.0
STATE: Final = "state.json"


class PredictOptions(TypedDict, total=False):
    """What ``predict_file`` takes beside model, input and output.

    keep:       columns of the rows to write before the predictions
    params:     given to the model
    errors:     file for the rows that failed, as JSON lines; ``<output>.errors.jsonl`` when left out
    max_errors: stop when more rows than these have failed: 100,000
    batch_rows: rows that are predicted at a time: 25,000
    overwrite:  replace an output that is there
    restart:    forget what an unfinished job has done
    trust:      whether a model given by address may run code of its own
    """

    keep: Sequence[str]
    params: Mapping[str, Any] | None
    errors: str | os.PathLike[str] | None
    max_errors: int
    batch_rows: int
    overwrite: bool
    restart: bool
    trust: bool


class Prediction(msgspec.Struct, frozen=True):
    """A job that is done: how many rows there were, and how many of them failed."""

    rows: int
    failed: int
    output: str
    errors: str
    """The file of rows that failed; empty when there is none."""
    resumed_rows: int = 0
    """How many rows an earlier process had done."""


class State(msgspec.Struct, frozen=True):
    """How far a job is."""

    job: dict[str, Any]
    batches: int = 0
    rows: int = 0
    failed: int = 0
    position: int = 0
    error_bytes: int = 0


def predict_file(
    model: Model | str | os.PathLike[str],
    input_path: str | os.PathLike[str],
    output_path: str | os.PathLike[str],
    **options: Unpack[PredictOptions],
) -> Prediction:
    """Predict every row of a file, and write the predictions in its order.

    model:   a loaded model, or the address of one
    input_path, output_path: CSV or JSON lines, also as ``.gz``, or Parquet, as the names end
    options: see ``PredictOptions``
    returns: when all is written; a row that failed is in the file of errors, and not in the output
    raises:  AlreadyExists for an output that is there; Conflict for unfinished work of another job, and while another
             process does this one; InvalidInput for a file that cannot be read, or whose every row fails
    """
    output = Path(output_path)
    given = options.get("errors")
    errors = Path(given) if given else output.with_name(f"{output.name}.errors.jsonl")
    source = open_source(Path(input_path), options.get("batch_rows", BATCH_ROWS))
    form, packed = find_format(output)
    if output.exists() and not options.get("overwrite", False):
        raise AlreadyExists(
            f"There is an output at {os.fspath(output)!r} already", hint="overwrite=True, or --overwrite, replaces it"
        )
    if not output.parent.is_dir():
        raise InvalidInput(f"There is no folder {os.fspath(output.parent)!r} to write into")
    loaded = model if isinstance(model, Model) else load_model(model, trust=options.get("trust", False))
    job = _describe(loaded, source, form, options)
    folder = output.with_name(f"{output.name}.part")
    with _own(folder):
        state = _read_state(folder, job, restart=options.get("restart", False))
        sink = open_sink(folder, state.position, form, packed)
        failures = BytesSink(folder / "errors", state.error_bytes)
        try:
            scorer = Scorer(loaded, options.get("keep", ()), options.get("params"))
            done = _run(loaded, source, scorer, _Outputs(folder, sink, failures), (state, options))
            failures.finish(errors) if done.failed else failures.close()
            sink.finish(output)
        finally:
            sink.close()
            failures.close()
        shutil.rmtree(folder)
    return Prediction(done.rows, done.failed, str(output), str(errors) if done.failed else "", state.rows)


class _Outputs:
    """What a job writes, and how far it is."""

    def __init__(self, folder: Path, sink: Sink, failures: BytesSink) -> None:
        self._folder = folder
        self._sink = sink
        self._failures = failures
        self._saved_s = time.monotonic()

    def write(self, table: Any, problems: Sequence[Problem]) -> None:
        if len(table):
            self._sink.write(table)
        lines = [msgspec.json.encode({"row": p.row, "error": p.error, "input": _to_plain(p.content)}) for p in problems]
        if lines:
            self._failures.add(b"\n".join(lines) + b"\n")

    def save(self, state: State, *, now: bool = False) -> None:
        """Write down how far the job is, if it is time."""
        if not now and time.monotonic() - self._saved_s < CHECKPOINT_S:
            return
        state = msgspec.structs.replace(
            state, position=self._sink.checkpoint(), error_bytes=self._failures.checkpoint()
        )
        draft = self._folder / f".{STATE}"
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / STATE)
        self._saved_s = time.monotonic()


def _run(model: Model, source: Source, scorer: Scorer, outputs: _Outputs, job: tuple[State, PredictOptions]) -> State:
    state, options = job
    most = options.get("max_errors", MAX_ERRORS)
    outputs.save(state, now=True)
    with Progress("Predicting", source.path.stat().st_size) as progress:
        for batch in read_batches(source, model.signature, state.batches, progress.reach):
            table, problems = scorer.score(batch)
            outputs.write(table if len(table) > 0 and len(table.columns) > 0 else (), problems)
            state = msgspec.structs.replace(
                state,
                batches=state.batches + 1,
                rows=state.rows + batch.rows,
                failed=state.failed + len(problems),
            )
            if state.failed > most:
                outputs.save(state, now=True)
                first = f"; row {problems[0].row}: {problems[0].error}" if problems else ""
                raise InvalidInput(
                    f"{state.failed} of {state.rows} rows failed, more than {most}{first}",
                    hint="the rows before are kept: allow more errors and go on, or restart",
                )
            outputs.save(state)
    return state


def _describe(model: Model, source: Source, form: str, options: PredictOptions) -> dict[str, Any]:
    """Return what makes a job the same one: its model, its input as it is now, and what is written."""
    status = source.path.stat()
    mlmodel = model.mlmodel
    return {
        "model": str(mlmodel.model_uuid or mlmodel.model_id or model.path),
        "input": str(source.path.resolve()),
        "input_bytes": status.st_size,
        "input_changed_ns": status.st_mtime_ns,
        "format": form,
        "batch_rows": source.batch_rows,
        "keep": list(options.get("keep", ())),
        "params": repr(sorted((options.get("params") or {}).items())),
    }


def _read_state(folder: Path, job: dict[str, Any], *, restart: bool) -> State:
    """Return how far this job is.

    raises: Conflict when the unfinished work is another job's
    """
    path = folder / STATE
    if restart or not path.exists():
        for one in folder.iterdir():
            if one.name != "lock":
                shutil.rmtree(one) if one.is_dir() else one.unlink()
        return State(job)
    try:
        state = msgspec.json.decode(path.read_bytes(), type=State)
    except msgspec.DecodeError:
        state = State({})
    if changed := [name for name, value in job.items() if state.job.get(name) != value]:
        raise Conflict(
            f"The unfinished work at {os.fspath(folder)!r} differs in {', '.join(changed)}",
            hint="restart=True (--restart) forgets it, and begins anew",
        )
    return state


@contextmanager
def _own(folder: Path) -> Iterator[None]:
    """Keep other processes from the same work."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(f"Another process is at work on {os.fspath(folder)!r}") from None
        yield


def _to_plain(value: Any) -> Any:
    """Return JSON values of a row's."""
    if isinstance(value, Mapping):
        return {str(key): _to_plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(one) for one in value]
    if hasattr(value, "tolist"):
        return _to_plain(value.tolist())
    if isinstance(value, float) and value != value:
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
