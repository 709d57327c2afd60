"""The rows that a model is evaluated on: which columns are features, and which are something else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trackway.base.errors import InvalidInput, NotFound
from trackway.sdk.datasets import TrackedDataset, describe_training_data, from_pandas
from trackway.sdk.tables import import_pandas


class Rows:
    """Rows to evaluate a model on.

    features:  what the model is given: a table without the columns that are something else, or an array
    targets:   one value a row
    dataset:   what is logged of them; None for what cannot be described
    """

    def __init__(self, table: Any, features: Any, targets: Any, dataset: TrackedDataset | None) -> None:
        self.table = table
        """All columns; None for an array."""
        self.features = features
        self.targets = targets
        self.dataset = dataset

    def find(self, what: str, given: Any) -> Any:
        """Return a column by its name, several by a list of names, or values as they were given.

        what:   what the column is for, such as weights
        raises: InvalidInput for a name that no column has
        """
        if self.table is not None and isinstance(given, list | tuple) and given and isinstance(given[0], str):
            columns = [_get_column(self.table, what, name) for name in given]
            return import_pandas().concat([import_pandas().Series(column) for column in columns], axis=1).to_numpy()
        if not isinstance(given, str):
            return given
        if self.table is None:
            raise InvalidInput(f"The {what} are named {given!r}, and the data has no columns", hint="give the values")
        return _get_column(self.table, what, given)


def read_rows(data: Any, targets: Any, others: Sequence[Any] = (), feature_names: Sequence[str] | None = None) -> Rows:
    """Tell features from targets and the rest.

    data:          a pandas, polars or Arrow table; an array, sparse matrix, list or dict of tensors; a data set of
                   ``trackway.data``; or the path of a CSV, Parquet or JSON lines file
    targets:       the name of a column, or one value a row
    others:        names of columns, or lists of them, that are not features either; values that are no names are passed
                   over
    feature_names: the columns that are features, when not all others are
    raises:        InvalidInput
    """
    dataset = data if isinstance(data, TrackedDataset) else None
    if dataset is not None:
        targets = dataset.targets if targets is None else targets
        data = dataset.data
    source = None
    if isinstance(data, str | os.PathLike):
        source, data = os.fspath(data), read_file(data)
    if data is None:
        raise InvalidInput("There is no data to evaluate on", hint="give a table, an array or the path of a file")
    if hasattr(data, "schema") and hasattr(data, "column_names"):  # an Arrow table
        data = data.to_pandas()
    if targets is None:
        raise InvalidInput("There are no targets to compare with", hint="name their column as targets=, or give values")
    if not _is_table(data):
        if isinstance(targets, str):
            raise InvalidInput(f"The targets are named {targets!r}, and the data has no columns", hint="give values")
        return Rows(None, data, targets, dataset or describe_training_data(data, targets))
    named = [targets] if isinstance(targets, str) else []
    for other in others:
        named += [name for name in (other if isinstance(other, list | tuple) else [other]) if isinstance(name, str)]
    features = _choose(data, named, feature_names)
    values = _get_column(data, "targets", targets) if isinstance(targets, str) else targets
    if dataset is None and source is not None:
        dataset = from_pandas(data, source, targets if isinstance(targets, str) else None, Path(source).stem)
    return Rows(data, features, values, dataset or describe_training_data(data, None if named else targets))


def read_file(path: str | os.PathLike[str]) -> Any:
    """Read a CSV, Parquet or JSON lines file, compressed or not, as a pandas table.

    raises: NotFound, InvalidInput
    """
    file = Path(path)
    if not file.is_file():
        raise NotFound(f"There is no file {os.fspath(path)!r}")
    pandas = import_pandas()
    suffix = next((one for one in reversed(file.suffixes) if one not in (".gz", ".bz2", ".zst", ".xz")), "").lower()
    try:
        if suffix == ".csv":
            return pandas.read_csv(file)
        if suffix in (".parquet", ".pq"):
            return pandas.read_parquet(file)
        if suffix in (".jsonl", ".ndjson"):
            return pandas.read_json(file, lines=True)
    except (ValueError, OSError) as error:
        raise InvalidInput(f"{file.name!r} cannot be read: {type(error).__name__}: {str(error)[:300]}") from error
    raise InvalidInput(f"The name {file.name!r} tells no format", hint="it ends with .csv, .parquet or .jsonl")


def _is_table(data: Any) -> bool:
    return hasattr(data, "columns") and (hasattr(data, "iloc") or hasattr(data, "iter_columns"))


def _get_column(table: Any, what: str, name: str) -> Any:
    if name not in list(table.columns):
        columns = ", ".join(repr(column) for column in list(table.columns)[:20])
        raise InvalidInput(f"The data has no column {name!r}, which the {what} should be", hint=f"it has {columns}")
    return table[name]


def _choose(table: Any, others: Sequence[str], feature_names: Sequence[str] | None) -> Any:
    if feature_names is not None:
        for name in feature_names:
            _get_column(table, "features", name)
        return table[list(feature_names)]
    dropped = [name for name in dict.fromkeys(others) if name in list(table.columns)]
    if not dropped:
        return table
    return table.drop(columns=dropped) if hasattr(table, "iloc") else table.drop(dropped)
