"""What runs in Spark's Python workers: one model for all batches, each from Arrow to the model and back."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from trackway.base.errors import InvalidInput
from trackway.models.package import Model, load_model

KEPT: Final = 4
"""Models that one worker keeps loaded."""
_loaded: dict[tuple[str, bool], Model] = {}


class Call(NamedTuple):
    """What a worker needs to know: it is all that leaves the driver beside the model's file.

    name:    the model's file among those of the session
    columns: names of the model's inputs
    result:  Spark's type of the predictions
    """

    name: str
    trust: bool
    params: dict[str, Any]
    columns: tuple[str, ...]
    result: Any = None


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
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_type

    model = get_model(call.name, trust=call.trust)
    target = to_arrow_type(call.result)
    rows = table.num_rows
    if not rows:
        return pa.array([], target)
    data = _to_frame(pa, table)
    try:
        result = _to_arrow(pa, model.predict(data, call.params), target)
        if len(result) != rows:
            raise InvalidInput(f"The model gives {len(result)} predictions for {rows} rows")
        return result
    except Exception as error:
        place = _find_bad(model, data, call.params)
        where = f"the {rows} rows from {start + 1} on" if place is None else f"row {start + place + 1}"
        problem = str(error) if isinstance(error, InvalidInput) else f"{type(error).__name__}: {str(error)[:300]}"
        raise InvalidInput(f"Partition {_get_partition()}, {where}: {problem}") from error


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


def _to_frame(pa: Any, table: Any) -> Any:
    """Return a batch as a pandas table; times are those of UTC, and lists of numbers are arrays."""
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.timestamp("us")))
    return table.to_pandas()


def _to_arrow(pa: Any, found: Any, target: Any) -> Any:
    """Return predictions as an array of one type.

    raises: InvalidInput for predictions that are of another
    """
    if hasattr(found, "to_pandas"):
        found = found.to_pandas()
    columns = _split(found)
    try:
        if pa.types.is_struct(target) and columns is not None:
            return _join(pa, columns, target)
        if columns is not None:
            if not pa.types.is_list(target) and len(columns) != 1:
                raise InvalidInput(
                    f"The model gives {len(columns)} columns: {', '.join(map(str, columns))[:200]}",
                    hint="a result_type such as 'array<double>' or 'a double, b double' takes them all",
                )
            found = next(iter(columns.values())) if len(columns) == 1 else np.column_stack([*columns.values()])
        if isinstance(found, list | tuple):
            return pa.array(found, target)
        return _convert(pa, np.asarray(found), target)
    except (pa.ArrowException, ValueError, TypeError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(
            f"The predictions are no {target}: {str(error)[:200]}", hint="result_type says what to make of them"
        ) from error


def _split(found: Any) -> dict[Any, Any] | None:
    """Return the columns of predictions by name, None for those that have no columns."""
    if hasattr(found, "iloc") and hasattr(found, "columns"):
        return {name: found[name].to_numpy() for name in found.columns}
    if isinstance(found, Mapping):
        return {name: np.asarray(values) for name, values in found.items()}
    return None


def _join(pa: Any, columns: dict[Any, Any], target: Any) -> Any:
    """Return columns as one of structs: by name, or in their order where the names are others."""
    fields = list(target)
    named = {str(name): values for name, values in columns.items()}
    if not all(field.name in named for field in fields):
        if len(named) != len(fields):
            wanted = ", ".join(field.name for field in fields)
            raise InvalidInput(f"The model gives the columns {', '.join(named)[:200]}, and not {wanted[:200]}")
        named = dict(zip((field.name for field in fields), named.values(), strict=True))
    return pa.StructArray.from_arrays([_convert(pa, named[f.name], f.type) for f in fields], fields=fields)


def _convert(pa: Any, values: Any, target: Any) -> Any:
    """Return an array of numpy's as one of Arrow's; what would change a value is refused."""
    if pa.types.is_struct(target) and values.ndim == 2:
        return _join(pa, {place: values[:, place] for place in range(values.shape[1])}, target)
    if pa.types.is_list(target) and values.ndim > 1:
        inner = _convert(pa, values.reshape(-1, *values.shape[2:]), target.value_type)
        offsets = np.arange(0, len(inner) + 1, values.shape[1], dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), inner, type=target)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype.kind in "OU":
        listed = values.tolist()
        if pa.types.is_string(target):
            listed = [one if one is None else str(one) for one in listed]
        return pa.array(listed, target)
    array = pa.array(values)
    return array if array.type == target else array.cast(target)


def _find_bad(model: Model, data: Any, params: Mapping[str, Any]) -> int | None:
    """Return the place of the first row that the model fails on by itself, None when there is no such row."""
    low, high = 0, len(data)
    while high - low > 1:
        middle = (low + high) // 2
        if not _works(model, data.iloc[low:middle], params):
            high = middle
        elif not _works(model, data.iloc[middle:high], params):
            low = middle
        else:
            return None
    return None if _works(model, data.iloc[low:high], params) else low


def _works(model: Model, data: Any, params: Mapping[str, Any]) -> bool:
    try:
        model.predict(data, params)
    except Exception:  # noqa: BLE001 - it is the question
        return False
    return True


def _get_partition() -> int:
    from pyspark import TaskContext

    context = TaskContext.get()
    return -1 if context is None else int(context.partitionId())
