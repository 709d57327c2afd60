"""A model in a process of its own, in an environment of its own, which is asked batch by batch.

Both ends speak over standard input and output: frames of a length of eight bytes and as many bytes. The first frame
that goes in is ``Options``; each that follows is a stream of Arrow with a batch and, as the type of a field of the
schema's, the type of the predictions. An answer is a stream of Arrow with one column, or JSON of a ``Failure``.
The process ends when its input does: when the one that started it is gone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from trackway.base.errors import InvalidInput
from trackway.environments import hold_environment
from trackway.inference.arrow_batch import BatchError, predict_batch
from trackway.models.package import load_model
from trackway.sdk.model_environments import make_environment

_LENGTH: Final = 8
_ARROW: Final = "pyarrow"
"""What the process needs beside the model's packages."""


class Options(msgspec.Struct, frozen=True):
    """What a process is told first.

    folder:      the model's
    like_mlflow: whether columns of predictions that do not fit are left out
    """

    folder: str
    trust: bool
    params: dict[str, Any]
    like_mlflow: bool


class Failure(msgspec.Struct, frozen=True):
    """Why a batch has no predictions, and which row of it is to blame."""

    problem: str
    place: int | None = None


class ModelProcess:
    """The end that asks."""

    def __init__(self, process: subprocess.Popen[bytes], held: int) -> None:
        self._process = process
        self._held = held

    def predict(self, table: Any, target: Any) -> Any:
        """Return the predictions for a table of Arrow, as an array of a type.

        raises: BatchError; InvalidInput when the process has ended
        """
        import pyarrow as pa

        told = pa.schema([pa.field("result", target)])
        try:
            _write_frame(self._process.stdin, told.serialize().to_pybytes())
            _write_frame(self._process.stdin, _to_bytes(pa, table))
            answer = _read_frame(self._process.stdout)
        except (OSError, EOFError):
            answer = b""
        if not answer:
            raise InvalidInput(f"The model's process has ended with status {self._process.wait()}")
        if answer.startswith(b"{"):
            failure = msgspec.json.decode(answer, type=Failure)
            raise BatchError(failure.problem, failure.place)
        column = pa.ipc.open_stream(answer).read_all().column(0)
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        os.close(self._held)


def start_process(manager: str, options: Options) -> ModelProcess:
    """Start a model's process in its environment, which is made when this machine does not have it.

    manager: uv or conda
    raises:  what making the environment raises
    """
    python = make_environment(manager, Path(options.folder), trust=options.trust, extra=(_ARROW,))
    held = hold_environment(python)
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    process = subprocess.Popen(
        [str(python), "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables
    )
    _write_frame(process.stdin, msgspec.json.encode(options))
    return ModelProcess(process, held)


def answer_batches(source: IO[bytes], target: IO[bytes]) -> None:
    """Load the model that the first frame names, and answer each batch until there are no more."""
    import pyarrow as pa

    options = msgspec.json.decode(_read_frame(source), type=Options)
    model = None
    while True:
        try:
            kind = pa.ipc.read_schema(pa.py_buffer(_read_frame(source))).field(0).type
            table = pa.ipc.open_stream(_read_frame(source)).read_all()
        except EOFError:
            return
        try:
            if model is None:
                model = load_model(options.folder, trust=options.trust)
            found = predict_batch(model, table, options.params, kind, leftmost=options.like_mlflow)
            answer = _to_bytes(pa, pa.table([found], names=["result"]))
        except BatchError as error:
            answer = msgspec.json.encode(Failure(error.problem, error.place))
        except Exception as error:  # noqa: BLE001 - whatever loading raises, the one that asks is told
            answer = msgspec.json.encode(Failure(f"{type(error).__name__}: {error}"))
        _write_frame(target, answer)


def _to_bytes(pa: Any, table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _write_frame(stream: IO[bytes] | None, data: bytes) -> None:
    if stream is None:
        raise EOFError
    stream.write(len(data).to_bytes(_LENGTH, "little"))
    stream.write(data)
    stream.flush()


def _read_frame(stream: IO[bytes] | None) -> bytes:
    """Return the next frame.

    raises: EOFError when there is none, or not all of it
    """
    head = stream.read(_LENGTH) if stream is not None else b""
    size_bytes = int.from_bytes(head, "little")
    data = stream.read(size_bytes) if stream is not None and len(head) == _LENGTH else b""
    if not head or len(data) != size_bytes:
        raise EOFError
    return data


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the model prints is no answer
    answer_batches(sys.stdin.buffer, out)
