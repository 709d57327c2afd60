"""One batch of rows, from Arrow to the model and back, and the row that it fails on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackway.base.errors import InvalidInput
from trackway.inference.results import choose_columns, to_arrow, to_frame
from trackway.models.package import Model


class BatchError(Exception):
    """A batch that could not be predicted.

    place: of the first row that the model refuses by itself, None when it refuses the batch alone
    """

    def __init__(self, problem: str, place: int | None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = place


def predict_batch(model: Model, table: Any, params: Mapping[str, Any], target: Any, *, leftmost: bool) -> Any:
    """Return the predictions for a table of Arrow, as an array of one type.

    target:   type of the array
    leftmost: whether columns that do not fit the type are left out, as MLflow does
    raises:   BatchError
    """
    import pyarrow as pa

    rows = table.num_rows
    if not rows:
        return pa.array([], target)
    data = to_frame(pa, table)
    try:
        found = model.predict(data, params)
        result = to_arrow(pa, choose_columns(pa, found, target) if leftmost else found, target)
        if len(result) != rows:
            raise InvalidInput(f"The model gives {len(result)} predictions for {rows} rows")
        return result
    except Exception as error:
        problem = str(error) if isinstance(error, InvalidInput) else f"{type(error).__name__}: {str(error)[:300]}"
        raise BatchError(problem, _find_bad(model, data, params)) from error


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
