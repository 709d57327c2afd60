"""Data as a list of texts, for models of language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackway.base.errors import InvalidInput


def to_texts(data: Any) -> list[str]:
    """Return data as texts: of one text, a list of them, a column or the only column of texts of a table, or a dict.

    raises: InvalidInput for other values, with what was found
    """
    table = data.to_pandas() if hasattr(data, "to_pandas") else data
    if isinstance(table, str):
        return [table]
    if isinstance(table, Mapping):
        return to_texts(_choose({str(name): _to_list(values) for name, values in table.items()}))
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        return to_texts(_choose({str(name): table.iloc[:, place].tolist() for place, name in enumerate(table.columns)}))
    values = _to_list(table)
    if values and all(isinstance(value, Mapping) for value in values):
        return [text for row in values for text in to_texts(row)]
    if values and all(isinstance(value, list | tuple) and len(value) == 1 for value in values):
        values = [value[0] for value in values]
    if wrong := next((value for value in values if not isinstance(value, str)), None):
        raise InvalidInput(f"The model takes texts; found a {type(wrong).__name__}")
    if None in values:
        raise InvalidInput("The model takes texts; found a missing value")
    return values


def _to_list(values: Any) -> list[Any]:
    if isinstance(values, str):
        return [values]
    plain = values.tolist() if hasattr(values, "tolist") else values
    if not isinstance(plain, list | tuple):
        raise InvalidInput(f"The model takes texts; found a {type(values).__name__}")
    return list(plain)


def _choose(columns: Mapping[str, list[Any]]) -> list[Any]:
    """Return the only column, or the only one that holds texts."""
    if len(columns) == 1:
        return next(iter(columns.values()))
    texts = [name for name, values in columns.items() if values and all(isinstance(value, str) for value in values)]
    if len(texts) != 1:
        found = ", ".join(map(repr, columns)) or "none"
        raise InvalidInput(f"The model takes one column of texts; the data has {found}", hint="choose one of them")
    return columns[texts[0]]
