"""Data sets of TensorFlow, described to be logged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec
import numpy as np

from trackway.base.errors import InvalidInput
from trackway.sdk import datasets
from trackway.sdk.datasets import TrackedDataset

ELEMENTS: Final = 10_000
"""Most elements of a stream that its digest is made of."""
_INFINITE: Final = -1


def from_tensorflow(
    features: Any, source: Any = None, targets: Any = None, name: str | None = None, digest: str | None = None
) -> TrackedDataset:
    """Describe tensors, or a ``tf.data.Dataset``.

    A stream's digest is made of its cardinality and its first 10,000 elements, which are computed for it: give the
    digest of one that is shuffled anew each time.

    features: a tensor, whose first dimension counts the rows, or a ``tf.data.Dataset``
    targets:  of the same kind, or None
    source, name, digest: as for ``from_pandas``
    raises:   InvalidInput for anything else, and for a stream without an end whose digest is not given
    """
    is_stream = _is_stream(features)
    if targets is not None and _is_stream(targets) != is_stream:
        raise InvalidInput("Features and targets are of two kinds", hint="two tensors, or two of tf.data.Dataset")
    if not is_stream:
        answers = None if targets is None else _read_tensor(targets)
        described = datasets.from_numpy(_read_tensor(features), source, answers, name, digest)
        return dataclasses.replace(described, data=features, targets=targets)
    named = {"features": features} | ({} if targets is None else {"targets": targets})
    counts = {role: int(stream.cardinality().numpy()) for role, stream in named.items()}
    if digest is None and _INFINITE in counts.values():
        raise InvalidInput("The data set has no end", hint="give its digest, or a part of it: take(n)")
    parts = (part for role, stream in named.items() for part in _take_parts(f"{role} {counts[role]}", stream))
    schema = {role: _describe(named[role]) if role in named else None for role in ("features", "targets")}
    described = datasets.describe_absent(
        (source, name, digest or datasets.digest_arrays(parts)), _encode({"mlflow_tensorspec": schema})
    )
    profile = _encode({f"{role}_cardinality": count for role, count in counts.items()})
    return dataclasses.replace(described, profile=profile, data=features, targets=targets)


def _is_stream(given: Any) -> bool:
    return hasattr(given, "as_numpy_iterator") and hasattr(given, "element_spec")


def _read_tensor(given: Any) -> Any:
    if not type(given).__module__.startswith("tensorflow") or not hasattr(given, "numpy"):
        found = f"{type(given).__module__}.{type(given).__qualname__}"
        raise InvalidInput(f"A {found} is no tensor of TensorFlow", hint="from_numpy takes arrays")
    return given.numpy()


def _take_parts(label: str, stream: Any) -> Iterator[tuple[str, Any]]:
    """Yield the arrays of the first elements of a stream, as far as they count."""
    left = datasets.DIGEST_VALUES
    for element in islice(stream.as_numpy_iterator(), ELEMENTS):
        for path, value in _flatten("", element):
            array = np.atleast_1d(np.asarray(value))
            yield f"{label}{path} {array.shape}", array
            left -= array.size
        if left <= 0:
            return


def _flatten(path: str, element: Any) -> Iterator[tuple[str, Any]]:
    """Yield the tensors of an element, or what stands for one in its description, by their places in it."""
    if isinstance(element, dict):
        for key in sorted(element):
            yield from _flatten(f"{path}.{key}", element[key])
    elif isinstance(element, tuple):
        for place, part in enumerate(element):
            yield from _flatten(f"{path}.{place}", part)
    elif hasattr(element, "flat_values"):  # rows of several lengths
        yield from _flatten(path, (element.flat_values, *element.nested_row_splits))
    else:
        yield path, element


def _describe(stream: Any) -> str:
    """Return the tensors of a stream's elements as MLflow's JSON; a dimension that is open has -1."""
    specs: list[dict[str, Any]] = []
    for path, spec in _flatten("", stream.element_spec):
        shape = getattr(spec, "shape", None)
        open_shape = [] if shape is None or shape.rank is None else [-1 if one is None else one for one in shape]
        dtype = getattr(spec, "dtype", None)
        tensor = {"dtype": str(getattr(dtype, "name", "object")), "shape": open_shape}
        specs.append({**({"name": path[1:]} if path else {}), "type": "tensor", "tensor-spec": tensor})
    return _encode(specs)


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
