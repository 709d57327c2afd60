"""The steps of what Spark MLlib has fitted, and the columns that they read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

INPUTS: Final = ("featuresCol", "inputCol", "inputCols")
_READ: Final = (*INPUTS, "userCol", "itemCol")
_LABELS: Final = ("labelCol", "weightCol", "censorCol")


def list_stages(native: Any) -> list[Any]:
    """Return the steps of a pipeline, those of pipelines within it and the best of a search too."""
    best = getattr(native, "bestModel", None)
    if best is not None:
        return list_stages(best)
    stages = getattr(native, "stages", None)
    return [native] if stages is None else [inner for stage in stages for inner in list_stages(stage)]


def list_columns(stage: Any, params: tuple[str, ...]) -> list[str]:
    """Return the names of columns that a step was given, or has by default, in some of its params."""
    names: list[str] = []
    for name in params:
        if stage.hasParam(name) and stage.isDefined(name):
            value = stage.getOrDefault(name)
            names += [value] if isinstance(value, str) else list(value or ())
    return names


def name_inputs(native: Any, given: Sequence[str]) -> list[str]:
    """Return the names of the given columns that a model reads; all but labels where a step says it in a formula."""
    stages = list_stages(native)
    read = [set(list_columns(stage, _READ)) for stage in stages]
    if all(read):
        return [name for name in given if any(name in names for names in read)]
    labels = {name for stage in stages for name in list_columns(stage, _LABELS)}
    return [name for name in given if name not in labels]
