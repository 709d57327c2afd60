"""Metrics of classification, for two classes and for more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from trackway.base.errors import InvalidInput
from trackway.evaluation.ranking import Ranking
from trackway.evaluation.sample import Array, Measured, to_vector, to_weights

MAX_CLASSES = 1_000
_EPSILON = float(np.finfo(np.float64).eps)


class ClassSample:
    """Rows whose target is a class.

    labels:                 the classes, sorted
    targets, predictions:   (n,) places in ``labels``
    probabilities:          (n, k), one column a label; None when they are not known
    positive:               the place of the positive one of two classes; None for more or fewer classes
    """

    def __init__(
        self,
        labels: tuple[Any, ...],
        targets: Array,
        predictions: Array,
        weights: Array,
        probabilities: Array | None = None,
        positive: int | None = None,
    ) -> None:
        self.labels = labels
        self.targets = targets
        self.predictions = predictions
        self.weights = weights
        self.probabilities = probabilities
        self.positive = positive

    @property
    def size(self) -> int:
        return len(self.targets)

    @property
    def curves(self) -> int:
        return 1 if self.probabilities is None or self.positive is not None else len(self.labels)

    def take(self, rows: Array) -> ClassSample:
        probabilities = None if self.probabilities is None else self.probabilities[rows]
        parts = (self.targets[rows], self.predictions[rows], self.weights[rows], probabilities)
        return ClassSample(self.labels, *parts, positive=self.positive)

    def count(self, weights: Array) -> Array:
        """Return the confusion matrix under each row of weights: (b, k, k), target by prediction."""
        width = len(self.labels)
        cells = self.targets * width + self.predictions
        flat = [np.bincount(cells, weights=row, minlength=width * width) for row in weights]
        return np.stack(flat).reshape(len(weights), width, width)

    def rank(self, place: int) -> Ranking:
        """Return the rows in the order of one class's probability.

        raises: InvalidInput when there are no probabilities
        """
        if self.probabilities is None:
            raise InvalidInput("There are no probabilities")
        return Ranking(self.targets == place, self.probabilities[:, place])

    def measure(self, weights: Array) -> Measured:
        counts = self.count(weights)
        measured = self._measure_counts(counts)
        if self.probabilities is None:
            return measured
        total = weights.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            measured["log_loss"] = weights @ self._losses / total
            if self.positive is not None:
                hits = (self.targets == self.positive).astype(np.float64)
                measured["brier_score_loss"] = weights @ (self.probabilities[:, self.positive] - hits) ** 2 / total
                measured["roc_auc"], measured["precision_recall_auc"] = self._rankings[0].measure(weights)
            elif len(self.labels) > 1:
                shares = counts.sum(axis=2) / total[:, None]
                areas = np.stack([ranking.measure(weights)[0] for ranking in self._rankings], axis=1)
                measured["roc_auc"] = np.where(shares > 0, areas * shares, 0.0).sum(axis=1)
        return measured

    def describe(self) -> Measured:
        counted: dict[str, Any] = {"example_count": self.size}
        if self.positive is not None:
            hit, other = self.positive, 1 - self.positive
            cells = self.count(np.ones((1, self.size)))[0]
            counted |= {
                "true_negatives": cells[other, other],
                "false_positives": cells[other, hit],
                "false_negatives": cells[hit, other],
                "true_positives": cells[hit, hit],
            }
        return {name: np.array([float(value)]) for name, value in counted.items()}

    def measure_classes(self, weights: Array) -> Measured:
        """Return metrics of each class against all others: arrays (b, k)."""
        precision, recall, f1 = _rate(self.count(weights))
        return {"precision_score": precision, "recall_score": recall, "f1_score": f1}

    def _measure_counts(self, counts: Array) -> dict[str, Array]:
        total = counts.sum(axis=(1, 2))
        right = np.trace(counts, axis1=1, axis2=2)
        support, called = counts.sum(axis=2), counts.sum(axis=1)
        precision, recall, f1 = _rate(counts)
        with np.errstate(divide="ignore", invalid="ignore"):
            there = np.where(support > 0, recall, np.nan)
            covariance = right * total - (support * called).sum(axis=1)
            scale = (total**2 - (support**2).sum(axis=1)) * (total**2 - (called**2).sum(axis=1))
            measured = {
                "accuracy_score": right / total,
                "balanced_accuracy_score": np.nansum(there, axis=1) / np.isfinite(there).sum(axis=1),
                "matthews_corrcoef": np.where(scale > 0, covariance / np.sqrt(np.maximum(scale, 0)), 0.0),
            }
            if self.positive is not None:
                chosen = [part[:, self.positive] for part in (precision, recall, f1)]
            else:
                chosen = [(part * support).sum(axis=1) / total for part in (precision, recall, f1)]
                seen = (support + called) > 0
                measured["f1_score_macro"] = (f1 * seen).sum(axis=1) / seen.sum(axis=1)
        return measured | dict(zip(("precision_score", "recall_score", "f1_score"), chosen, strict=True))

    @cached_property
    def _losses(self) -> Array:
        """What each row adds to the logarithmic loss."""
        assert self.probabilities is not None
        given = self.probabilities[np.arange(self.size), self.targets]
        losses: Array = -np.log(np.clip(given, _EPSILON, 1 - _EPSILON))
        return losses

    @cached_property
    def _rankings(self) -> list[Ranking]:
        places = range(len(self.labels)) if self.positive is None else [self.positive]
        return [self.rank(place) for place in places]


def read_classes(
    targets: Any,
    predictions: Any = None,
    probabilities: Any = None,
    *,
    classes: Sequence[Any] | None = None,
    weights: Any = None,
    positive: Any = None,
) -> ClassSample:
    """Make a sample of classes.

    targets, predictions: one label a row; predictions are told from the probabilities when left out
    probabilities:  (n, k), one column for each of ``classes``; or (n,), of the positive one of two
    classes:        the labels that the model knows, in the order of the columns; sorted ones when left out
    positive:       the positive one of two classes; the greater one when left out
    raises:         InvalidInput for lengths that differ, missing values, probabilities outside of [0, 1]
    """
    true = to_vector("targets", targets)
    called = None if predictions is None else to_vector("predictions", predictions, len(true))
    known = [] if classes is None else [_to_plain(label) for label in classes]
    labels = _sort_labels([*known, *_list_labels(true), *(() if called is None else _list_labels(called))])
    chosen = None if positive is None else _find_label(positive, labels)
    if len(labels) == 1 and probabilities is not None and np.ndim(probabilities) == 1:
        raise InvalidInput("All rows have one class", hint="name the classes that the model knows")
    place = None
    if len(labels) == 2:
        place = 1 if chosen is None else chosen
    table = None if probabilities is None else _read_probabilities(probabilities, len(true), known, labels, place)
    if called is None and table is None:
        raise InvalidInput("There are neither predictions nor probabilities")
    codes = _to_places(true, labels)
    guesses = table.argmax(axis=1) if called is None and table is not None else _to_places(called, labels)
    if called is None and table is not None and place is not None:
        guesses = np.where(table[:, place] >= 0.5, place, 1 - place)
    return ClassSample(labels, codes, guesses, to_weights(weights, len(true)), table, place)


def _rate(counts: Array) -> tuple[Array, Array, Array]:
    """Return precision, recall and F1 of each class: arrays (b, k), 0 where nothing can be divided by."""
    hits = np.diagonal(counts, axis1=1, axis2=2)
    support, called = counts.sum(axis=2), counts.sum(axis=1)
    parts = [(hits, called), (hits, support), (2 * hits, support + called)]
    rates = [np.divide(a, b, out=np.zeros_like(a, dtype=np.float64), where=b > 0) for a, b in parts]
    return rates[0], rates[1], rates[2]


def _read_probabilities(
    given: Any, size: int, known: Sequence[Any], labels: tuple[Any, ...], place: int | None
) -> Array:
    """Return a table of probabilities with one column a label."""
    table = np.asarray(given.to_numpy() if hasattr(given, "to_numpy") else given)
    if table.dtype.kind not in "fiub" or len(table) != size or table.ndim > 2:
        raise InvalidInput(f"The probabilities are an array {table.shape} of {table.dtype} for {size} rows")
    table = table.astype(np.float64)
    if not ((table >= 0) & (table <= 1)).all():  # NaN is neither
        raise InvalidInput("Probabilities must be from 0 to 1")
    if table.ndim == 1 or table.shape[1] == 1:
        if place is None:
            raise InvalidInput(
                f"One probability a row is for two classes; there are {len(labels)}", hint="give one for each class"
            )
        column = table.reshape(-1)
        return np.column_stack([1 - column, column] if place == 1 else [column, 1 - column])
    columns = list(known) or list(labels)
    if table.shape[1] != len(columns):
        raise InvalidInput(
            f"There are probabilities of {table.shape[1]} classes, and {len(columns)} classes",
            hint="name them by classes=, in the order of the columns",
        )
    whole = np.zeros((size, len(labels)))
    whole[:, [labels.index(label) for label in columns]] = table
    return whole


def _find_label(label: Any, labels: tuple[Any, ...]) -> int:
    """Return the place of a label, which may be given as text, as on a command line."""
    plain = _to_plain(label)
    for place, known in enumerate(labels):
        if plain == known or (isinstance(plain, str) and plain == str(known)):
            return place
    raise InvalidInput(f"{label!r} is no class", hint=f"the classes are {', '.join(map(repr, labels[:20]))}")


def _list_labels(vector: Array) -> list[Any]:
    return [_to_plain(value) for value in (np.unique(vector) if vector.dtype.kind != "O" else set(vector.tolist()))]


def _sort_labels(labels: Sequence[Any]) -> tuple[Any, ...]:
    unique = set(labels)
    if len(unique) > MAX_CLASSES:
        raise InvalidInput(
            f"There are {len(unique)} classes, and at most {MAX_CLASSES} are compared",
            hint="for numbers, say model_type='regressor'",
        )
    try:
        return tuple(sorted(unique))
    except TypeError:
        kinds = " and ".join(sorted({type(label).__name__ for label in unique}))
        raise InvalidInput(f"Targets and predictions mix {kinds}", hint="give both in one type") from None


def _to_places(vector: Any, labels: tuple[Any, ...]) -> Array:
    places = {label: place for place, label in enumerate(labels)}
    if vector.dtype.kind == "O":
        return np.fromiter((places[_to_plain(value)] for value in vector.tolist()), np.int64, len(vector))
    unique, inverse = np.unique(vector, return_inverse=True)
    return np.array([places[_to_plain(value)] for value in unique], dtype=np.int64)[inverse.reshape(-1)]


def _to_plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
