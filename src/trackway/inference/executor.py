"""What runs in Spark's Python workers: one model for all batches, each from Arrow to the model and back."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from trackway.base.errors import InvalidInput
from trackway.inference.arrow_batch import BatchError, predict_batch
from trackway.inference.model_process import ModelProcess, Options, start_process
from trackway.models.package import Model, load_model

KEPT: Final = 4
"""Models that one worker keeps loaded."""
_loaded: dict[tuple[str, bool], Model] = {}
_started: dict[tuple[str, bool, str, str], ModelProcess] = {}


class Call(NamedTuple):
    """What a worker needs to know: it is all that leaves the driver beside the model's file.

    name:    the model's file among those of the session
    columns: names of the model's inputs
    result:  Spark's type of the predictions
    like_mlflow: whether columns that the type does not hold, or that are given beyond the model's, are left out
    manager: local, or what makes an environment of the model's own on each machine: uv, conda
    """

    name: str
    trust: bool
    params: dict[str, Any]
    columns: tuple[str, ...]
    result: Any = None
    like_mlflow: bool = False
    manager: str = "local"


def make_function(call: Call) -> Callable[..., Any]:
    """Return what Spark calls with arrays, one for each column that it was given."""

    def predict(*columns: Any) -> Any:
        import pyarrow as pa

        return _predict(call, _to_table(pa, call, columns), 0)

    predict.__annotations__ = {}
    return predict


def make_mapper(call: Call, keep: Sequence[str]) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return what Spark calls with the batches of a partition."""

    def predict(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        row = 0
        for batch in batches:
            table = pa.table(batch.columns, names=batch.schema.names)
            result = _predict(call, table.select(call.columns), row)
            kept = [batch.column(name) for name in keep]
            is_struct = pa.types.is_struct(result.type)
            given = result.flatten() if is_struct else [result]
            names = [field.name for field in result.type] if is_struct else ["prediction"]
            yield pa.RecordBatch.from_arrays([*kept, *given], names=[*keep, *names])
            row += batch.num_rows

    return predict


def _to_table(pa: Any, call: Call, columns: Sequence[Any]) -> Any:
    if len(columns) == 1 and pa.types.is_struct(columns[0].type):
        names = [field.name for field in columns[0].type]
        return pa.table(columns[0].flatten(), names=names)
    if not call.columns:
        return pa.table(list(columns), names=[str(place) for place in range(len(columns))])
    if call.like_mlflow:
        columns = columns[: len(call.columns)]
    if len(columns) != len(call.columns):
        raise InvalidInput(
            f"The model takes {len(call.columns)} columns; the function was given {len(columns)}",
            hint=f"in this order: {', '.join(call.columns)}",
        )
    return pa.table(list(columns), names=list(call.columns))


def _predict(call: Call, table: Any, start: int) -> Any:
    """Return the predictions for a batch, as an array of Arrow's of the type that Spark was told.

    start:  how many rows of the partition were before
    raises: InvalidInput with the first row that the model refuses
    """
    from pyspark.sql.pandas.types import to_arrow_type

    target = to_arrow_type(call.result)
    try:
        if call.manager == "local":
            model = get_model(call.name, trust=call.trust)
            return predict_batch(model, table, call.params, target, leftmost=call.like_mlflow)
        return _get_process(call).predict(table, target)
    except BatchError as error:
        rows = table.num_rows
        place = error.place
        where = f"the {rows} rows from {start + 1} on" if place is None else f"row {start + place + 1}"
        raise InvalidInput(f"Partition {_get_partition()}, {where}: {error.problem}") from error


def _get_process(call: Call) -> ModelProcess:
    """Return the process that has the model in an environment of its own, started once in this worker."""
    from pyspark import SparkFiles

    key = (call.name, call.trust, call.manager, repr(call.params))
    if key not in _started:
        folder = unpack(Path(SparkFiles.get(call.name)))
        options = Options(str(folder), call.trust, call.params, call.like_mlflow)
        _started[key] = start_process(call.manager, options)
    return _started[key]


def get_model(name: str, *, trust: bool) -> Model:
    """Return a model of the session's files, loaded once in this process."""
    from pyspark import SparkFiles

    if (name, trust) not in _loaded:
        if len(_loaded) >= KEPT:
            del _loaded[next(iter(_loaded))]
        _loaded[name, trust] = load_model(unpack(Path(SparkFiles.get(name))), trust=trust)
    return _loaded[name, trust]


def unpack(archive: Path) -> Path:
    """Return the folder of a packed model, which the first process that needs it makes for all on its executor."""
    target = archive.with_suffix("")
    with archive.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=archive.parent))
            try:
                with zipfile.ZipFile(archive) as file:
                    file.extractall(draft)
                draft.rename(target)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
    return target


def _get_partition() -> int:
    from pyspark import TaskContext

    context = TaskContext.get()
    return -1 if context is None else int(context.partitionId())
