"""Rows in the order of their scores: areas under curves and the curves themselves, with ties taken together."""

from __future__ import annotations

import numpy as np

from trackway.evaluation.sample import Array


class Ranking:
    """Rows sorted by falling score, prepared once for many weightings.

    positives: (n,) bool
    scores:    (n,) of the positive class
    """

    def __init__(self, positives: Array, scores: Array) -> None:
        self.order = np.argsort(-scores, kind="stable")
        ranked = scores[self.order]
        self.ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        """The last row of each group of equal scores."""
        self.thresholds = ranked[self.ends]
        self._positives = positives[self.order].astype(np.float64)

    def count(self, weights: Array) -> tuple[Array, Array]:
        """Return how much weight of positives, and of negatives, has at least each threshold's score.

        weights: (b, n)
        returns: two arrays (b, m), m the number of thresholds
        """
        ranked = weights[:, self.order]
        hits = np.cumsum(ranked * self._positives, axis=1)[:, self.ends]
        return hits, np.cumsum(ranked, axis=1)[:, self.ends] - hits

    def measure(self, weights: Array) -> tuple[Array, Array]:
        """Return the areas under the ROC curve and under the precision-recall curve, NaN where a class is missing."""
        hits, misses = self.count(weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            roc = _integrate(hits, misses) / (hits[:, -1] * misses[:, -1])
            called = hits + misses
            precision = np.where(called > 0, hits / called, 1.0)
            recall = hits / hits[:, -1:]
            # Steps, not straight lines: between two points precision does not fall evenly (scikit-learn's
            # average_precision_score).
            steps = np.diff(recall, axis=1, prepend=0.0)
        return roc, (steps * precision).sum(axis=1)


def _integrate(heights: Array, places: Array) -> Array:
    """Return the area under straight lines from (0, 0) through points."""
    first = places[:, 0] * heights[:, 0] / 2
    area: Array = first + (np.diff(places, axis=1) * (heights[:, 1:] + heights[:, :-1]) / 2).sum(axis=1)
    return area
