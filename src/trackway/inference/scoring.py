"""Predictions for a batch of rows, of which some may be bad: a bad row does not keep the others from theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from trackway.base.errors import Conflict, InvalidInput
from trackway.inference.readers import Batch, Problem
from trackway.models.package import Model
from trackway.sdk.tables import import_pandas

PREDICTION: Final = "prediction"
TRIED: Final = 20
"""When so many rows of the first batch all fail by themselves, it is the model or the file, and not a row."""


class Scorer:
    """A model, and which columns of the rows stay beside its predictions."""

    def __init__(self, model: Model, keep: Sequence[str], params: Mapping[str, Any] | None) -> None:
        self._model = model
        self._keep = list(keep)
        self._params = dict(params) if params else None
        self._worked = False
        """Whether any row has been predicted."""

    def score(self, batch: Batch) -> tuple[Any, list[Problem]]:
        """Return a table of kept columns and predictions, and the rows that failed, in the file's order.

        raises: InvalidInput for what is wrong with all rows: a column that is missing, a model that fails on each
        """
        problems = list(batch.problems)
        if not len(batch.table):
            return batch.table, problems
        if missing := [name for name in self._keep if name not in batch.table.columns]:
            known = ", ".join(map(repr, list(batch.table.columns)[:20]))
            raise InvalidInput(f"There is no column {missing[0]!r} to keep", hint=f"there are {known}")
        try:
            scored = self._predict(batch.table)
        except Exception as error:  # noqa: BLE001 - told beside the rows that it is about
            self._refuse_all(batch, error)
            places, parts = self._split(batch.table, 0, error, problems, batch.numbers)
            scored = None if not parts else import_pandas().concat(parts, ignore_index=True)
            batch = batch._replace(table=batch.table.iloc[places])
        problems.sort(key=lambda problem: problem.row)
        if scored is None:
            return batch.table, problems
        self._worked = True
        kept = batch.table[self._keep].reset_index(drop=True)
        if clash := [name for name in self._keep if name in scored.columns]:
            raise Conflict(f"The model gives a column {clash[0]!r}, which is kept of the rows, too")
        return import_pandas().concat([kept, scored], axis=1), problems

    def _predict(self, table: Any) -> Any:
        scored = to_table(self._model.predict(table, self._params))
        if len(scored) != len(table):
            raise InvalidInput(f"The model gives {len(scored)} predictions for {len(table)} rows")
        return scored

    def _refuse_all(self, batch: Batch, error: Exception) -> None:
        """Raise an error that no row is to blame for."""
        if isinstance(error, InvalidInput) and "missing" in error.details:
            raise error
        if self._worked:
            return
        rows = np.unique(np.linspace(0, len(batch.table) - 1, min(TRIED, len(batch.table))).astype(int))
        for row in rows.tolist():
            try:
                self._predict(batch.table.iloc[[row]])
            except Exception:  # noqa: BLE001, S112 - the next one may work
                continue
            return
        problem = str(error) if isinstance(error, InvalidInput) else f"{type(error).__name__}: {str(error)[:300]}"
        raise InvalidInput(f"None of the first rows can be predicted: {problem}") from error

    def _split(
        self, table: Any, start: int, error: Exception, problems: list[Problem], numbers: Sequence[int]
    ) -> tuple[list[int], list[Any]]:
        """Predict a table that failed as a whole by halves, down to the rows that are to blame."""
        if len(table) == 1:
            text = str(error) if isinstance(error, InvalidInput) else f"{type(error).__name__}: {str(error)[:300]}"
            problems.append(Problem(numbers[start], text, table.iloc[0].to_dict()))
            return [], []
        places: list[int] = []
        parts: list[Any] = []
        middle = len(table) // 2
        for low, high in ((0, middle), (middle, len(table))):
            half = table.iloc[low:high]
            try:
                parts.append(self._predict(half))
                places += range(start + low, start + high)
            except Exception as inner:  # noqa: BLE001 - told beside the row
                found, more = self._split(half, start + low, inner, problems, numbers)
                places += found
                parts += more
        return places, parts


def to_table(predictions: Any) -> Any:
    """Return predictions as a pandas table: one column ``prediction``, or one for each that the model gives."""
    pandas = import_pandas()
    if hasattr(predictions, "to_pandas"):
        predictions = predictions.to_pandas()
    if hasattr(predictions, "iloc") and hasattr(predictions, "columns"):
        table = predictions.reset_index(drop=True)
        table.columns = [str(name) for name in table.columns]
        return table
    if hasattr(predictions, "iloc"):
        return pandas.DataFrame({PREDICTION: predictions.reset_index(drop=True)})
    if isinstance(predictions, Mapping):
        return pandas.DataFrame({str(name): list(values) for name, values in predictions.items()})
    if isinstance(predictions, list | tuple):
        return pandas.DataFrame({PREDICTION: list(predictions)})
    array = np.asarray(predictions)
    if array.ndim <= 1:
        return pandas.DataFrame({PREDICTION: np.atleast_1d(array)})
    if array.ndim == 2:
        return pandas.DataFrame({f"{PREDICTION}_{place}": array[:, place] for place in range(array.shape[1])})
    return pandas.DataFrame({PREDICTION: array.tolist()})
