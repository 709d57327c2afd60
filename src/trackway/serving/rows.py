"""Rows on their way to a model: as columns of the signature's types, so that those of several requests are joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trackway.serving.columns import Array


class Rows:
    """Rows of a table with named columns.

    names:   pandas' index of the columns' names
    block:   (rows, columns) of one type, or None
    columns: one array or Series for each name when there is no block
    """

    __slots__ = ("block", "columns", "count", "names")

    def __init__(self, names: Any, block: Array | None, columns: Sequence[Any] = ()) -> None:
        self.names = names
        self.block = block
        self.columns = columns
        self.count = len(columns[0]) if block is None else len(block)

    @property
    def kind(self) -> tuple[Any, ...]:
        """What two must have in common to be joined."""
        if self.block is not None:
            return (id(self.names),)
        return (id(self.names), *(str(column.dtype) for column in self.columns))

    def to_frame(self) -> Any:
        """Return a pandas table, column after column in memory, as pandas makes them.

        A library's sums of the same numbers in another order may differ in their last bit.
        """
        import pandas as pd

        if self.block is not None:
            return pd.DataFrame(np.asfortranarray(self.block), columns=self.names, copy=False)
        frame = pd.DataFrame(dict(enumerate(self.columns)), copy=False)
        frame.columns = self.names
        return frame


def get_kind(data: Any) -> Any:
    """Return what the data of two requests must have in common to be joined; None for what is not joined."""
    if isinstance(data, Rows):
        return data.kind
    if isinstance(data, np.ndarray) and data.ndim > 0:
        return (str(data.dtype), *data.shape[1:])
    return None


def count_rows(data: Any) -> int:
    """Return how many rows some data has, as far as can be told."""
    if isinstance(data, Rows):
        return data.count
    if isinstance(data, dict):
        return max((count_rows(value) for value in data.values()), default=1)
    shape = getattr(data, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else 1
    return len(data) if isinstance(data, list) else 1


def join(parts: Sequence[Any]) -> Any:
    """Return the data of several requests of one kind as one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if not isinstance(first, Rows):
        return np.concatenate(parts)
    if first.block is not None:
        return Rows(first.names, np.concatenate([part.block for part in parts]))
    places = range(len(first.columns))
    return Rows(first.names, None, [_join_column([part.columns[place] for part in parts]) for place in places])


def split(answer: Any, counts: Sequence[int]) -> list[Any] | None:
    """Return the parts of an answer, one for each request; None when it is no answer of one row for each row."""
    total = sum(counts)
    if isinstance(answer, np.ndarray):
        whole = answer.ndim > 0 and answer.shape[0] == total
        take: Any = answer
    elif hasattr(answer, "iloc"):
        whole, take = len(answer) == total, answer.iloc
    else:
        whole, take = type(answer) is list and len(answer) == total, answer
    if not whole:
        return None
    ends = np.cumsum(counts).tolist()
    return [take[end - count : end] for end, count in zip(ends, counts, strict=True)]


def _join_column(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    import pandas as pd

    return pd.concat(parts, ignore_index=True)
