"""Found runs as an Arrow table: columns all the way, no object a run."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import nanoarrow as na
import numpy as np
from nanoarrow import ipc

from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.calls import Call
from trackway.base.errors import TooLarge
from trackway.rules.checks import check_page
from trackway.rules.handlers import Handlers
from trackway.store.base import Transaction
from trackway.store.columns import RunColumns, Texts, ValueColumn
from trackway.tracking.runs import experiment_numbers, parse_search

TABLE_RUNS = 1_000_000
TABLE_COLUMNS = 5_000
_LONG_BYTES = 64
"""Texts that are longer on average are put together one by one; of shorter ones, all bytes are picked at once."""
_PREFIX = {"metric": "metrics", "param": "params", "tag": "tags"}
_Column = tuple[str, Any, Any]
"""(name, Arrow type, Arrow array)."""


class TableService:
    """Handler of ``runs.table``."""

    def handlers(self) -> Handlers:
        """Return the handler."""
        return {ops.GET_RUN_TABLE: self.get}

    def get(self, tx: Transaction, call: Call, q: r.GetRunTable) -> r.RunTable:
        """Search runs and return them as columns, in the order of the search.

        Columns are run_id, experiment_id, run_name, status, user_id, artifact_uri (text), start_time and end_time
        (ms, UTC), then ``metrics.<key>`` (last value as float64: NaN where it is NaN, null where there is none),
        ``params.<key>`` and ``tags.<key>`` (text).

        cost:   0.5 to 1 us a value; memory of the table, twice
        raises: TooLarge for more than 5,000 columns, or more than 1 GiB of params or of tags
        """
        check_page(q.limit, TABLE_RUNS)
        numbers = call.sees.narrow(experiment_numbers(q.experiment_ids))
        runs = tx.runs.read_attributes(call.workspace, numbers, parse_search(call, q), q.limit)
        columns: list[_Column] = []
        for column in _list_columns(tx, runs):
            columns.append(column)
            if len(columns) > TABLE_COLUMNS:
                raise TooLarge(
                    f"The table would have more than {TABLE_COLUMNS} columns",
                    hint="search fewer experiments, or page through runs.search",
                )
        schema = na.struct({name: kind for name, kind, _ in columns})
        batch = na.c_array_from_buffers(
            schema, len(runs.pks), [None], children=[array for _, _, array in columns], null_count=0
        )
        out = io.BytesIO()
        with ipc.StreamWriter.from_writable(out) as writer:
            writer.write_array(batch)
        return r.RunTable(arrow=out.getvalue(), rows=len(runs.pks))


def _list_columns(tx: Transaction, runs: RunColumns) -> Iterator[_Column]:
    yield "run_id", na.string(), _whole(runs.run_ids)
    yield "experiment_id", na.string(), _write_ids(runs.experiments)
    yield "run_name", na.string(), _whole(runs.names)
    yield "status", na.string(), _whole(runs.statuses)
    yield "user_id", na.string(), _whole(runs.users)
    yield "artifact_uri", na.string(), _whole(runs.artifact_uris)
    time = na.timestamp("ms", "UTC")
    yield "start_time", time, _array(time, None, [runs.start_ms])
    yield "end_time", time, _array(time, runs.end_ms >= 0, [runs.end_ms])
    for column in tx.runs.read_values(runs):
        yield _column(column, len(runs.pks))


def _write_ids(numbers: Any) -> Any:
    """Return numbers of few experiments as texts."""
    known, places = np.unique(numbers, return_inverse=True)
    texts = [str(number).encode() for number in known.tolist()]
    lengths = np.array([*map(len, texts)], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    data = np.frombuffer(b"".join(texts), dtype=np.uint8)
    return _text_array(None, lengths[places], _pick(data, starts[places], lengths[places]))


def _whole(texts: Texts) -> Any:
    return _text_array(None, texts.ends - texts.starts, texts.data)


def _column(column: ValueColumn, size: int) -> _Column:
    name, rows = f"{_PREFIX[column.entity]}.{column.key}", column.rows
    there = np.zeros(size, dtype=bool)
    there[rows] = True
    if column.entity == "metric":
        values = np.zeros(size)
        values[rows] = column.values
        return name, na.float64(), _array(na.float64(), there, [values])
    texts: Texts = column.values
    starts, lengths = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    starts[rows], lengths[rows] = texts.starts, texts.ends - texts.starts
    return name, na.string(), _text_array(there, lengths, _pick(texts.data, starts, lengths))


def _pick(data: Any, starts: Any, lengths: Any) -> Any:
    """Return stretches of bytes, one behind the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    if total > _LONG_BYTES * len(lengths):
        view = memoryview(data)
        stretches = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
        return b"".join([view[start:end] for start, end in stretches])
    return data[np.arange(total) + np.repeat(starts - ends + lengths, lengths)]


def _text_array(there: Any, lengths: Any, data: Any) -> Any:
    """Return texts as an Arrow array: validity, int32 offsets, UTF-8 bytes."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if offsets[-1] > np.iinfo(np.int32).max:
        raise TooLarge("A column of texts has more than 2 GiB", hint="search fewer runs")
    return _array(na.string(), there, [offsets.astype(np.int32), data], len(lengths))


def _array(kind: Any, there: Any, buffers: list[Any], size: int = -1) -> Any:
    """Return an Arrow array; ``there`` tells which values are not null, None that all are."""
    bits = None if there is None else np.packbits(there, bitorder="little")
    nulls = 0 if there is None else int(len(there) - there.sum())
    return na.c_array_from_buffers(kind, size if size >= 0 else len(buffers[0]), [bits, *buffers], null_count=nulls)
