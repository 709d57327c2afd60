"""Pictures of curves, drawn by matplotlib without its global state, so that a script's own figures stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trackway.evaluation.curves import Curve

FILES = {
    "roc_curve": "roc_curve_plot.png",
    "precision_recall_curve": "precision_recall_curve_plot.png",
    "lift_curve": "lift_curve_plot.png",
    "calibration_curve": "calibration_curve_plot.png",
    "confusion_matrix": "confusion_matrix.png",
    "residuals": "residuals_plot.png",
}
"""What a picture is called, by the curve it shows."""
_SIZE = (6.4, 4.8)
_CELLS = 20
"""A confusion matrix of at most so many classes has its numbers written into it."""


def draw_curve(name: str, curve: Curve) -> Any:
    """Return a figure of a curve.

    raises: ImportError when matplotlib is not installed
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    _DRAW[name](axes, curve)
    axes.set_title(name.replace("_", " ").capitalize().replace("Roc", "ROC"))
    return figure


def _draw_lines(x: str, y: str, line: tuple[tuple[float, float], tuple[float, float]] | None, mark: str = "") -> Any:
    def draw(axes: Any, curve: Curve) -> None:
        if line is not None:
            axes.plot(*line, linestyle="--", linewidth=1, color="grey")
        for one in curve["curves"]:
            area = f" (area {one['area']:.3f})" if "area" in one else ""
            axes.plot(one[x], one[y], marker=mark, label=f"{_escape(one['label'])}{area}")
        axes.set_xlabel(x.replace("_", " "))
        axes.set_ylabel(y.replace("_", " "))
        if len(curve["curves"]) <= _CELLS:
            axes.legend()

    return draw


def _draw_matrix(axes: Any, curve: Curve) -> None:
    counts, labels = curve["counts"], [_escape(label) for label in curve["labels"]]
    top = max(map(max, counts))
    axes.imshow(counts, cmap="Blues", vmin=0)
    axes.set_xlabel("prediction")
    axes.set_ylabel("target")
    if len(labels) > _CELLS:
        return
    axes.set_xticks(range(len(labels)), labels, rotation=45 if max(map(len, labels)) > 5 else 0)
    axes.set_yticks(range(len(labels)), labels)
    for row, cells in enumerate(counts):
        for column, count in enumerate(cells):
            color = "white" if count > top / 2 else "black"
            axes.text(column, row, f"{count:g}", ha="center", va="center", color=color)


def _draw_residuals(axes: Any, curve: Curve) -> None:
    residuals = [target - guess for target, guess in zip(curve["targets"], curve["predictions"], strict=True)]
    axes.scatter(curve["predictions"], residuals, s=8, alpha=0.5)
    axes.axhline(0, linestyle="--", linewidth=1, color="grey")
    axes.set_xlabel("prediction")
    axes.set_ylabel("target less prediction")


def _escape(label: Any) -> str:
    """Return a label that matplotlib does not take for mathematics, nor for one to be hidden."""
    text = str(label)[:40].replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


_DRAW: dict[str, Callable[[Any, Curve], None]] = {
    "roc_curve": _draw_lines("false_positive_rate", "true_positive_rate", ((0, 1), (0, 1))),
    "precision_recall_curve": _draw_lines("recall", "precision", None),
    "lift_curve": _draw_lines("share", "lift", ((0, 1), (1, 1))),
    "calibration_curve": _draw_lines("predicted", "observed", ((0, 1), (0, 1)), "o"),
    "confusion_matrix": _draw_matrix,
    "residuals": _draw_residuals,
}
