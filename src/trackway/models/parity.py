"""How near a converted model comes to the one that it was made of, on real rows: figures, a verdict, and a page."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np

from trackway.base.errors import InvalidInput

NAME = "parity.json"
PAGE = "parity.md"
VERSION = 1


class Tolerance(msgspec.Struct, frozen=True):
    """What may differ: a number by ``atol + rtol * abs(expected)``; of labels, the share that must be equal."""

    atol: float = 1e-5
    rtol: float = 1e-4
    labels: float = 1.0

    def to_text(self) -> str:
        return f"{self.atol:g} and {self.rtol:g} of the expected number; {self.labels:.4%} of labels equal"


class Comparison(msgspec.Struct, frozen=True):
    """One output of both models.

    kind:             labels are equal or not; numbers differ by something
    agrees:           whether it is within the tolerance
    equal_share:      of the values, those that are equal to the last bit
    largest_absolute: of numbers: the largest difference, and where it was; None for labels
    largest_relative: of numbers: the largest difference by the size of what was expected, where that is not zero
    row:              where the largest difference, or the first wrong label, is; None when all is equal
    """

    output: str
    kind: Literal["labels", "numbers"]
    agrees: bool
    equal_share: float
    largest_absolute: float | None = None
    largest_relative: float | None = None
    row: int | None = None


class ParityReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared, and how it came out.

    source:   flavor and class of the model, its id when it has one
    form:     what it was converted to, with the versions of its operators
    inputs:   what the graph takes
    packages: versions of what converted and ran it
    rejected: ways of converting that were tried before, and what was wrong with them
    """

    version: int = VERSION
    verdict: Literal["agrees", "differs"]
    rows: int
    tolerance: Tolerance
    comparisons: tuple[Comparison, ...]
    source: dict[str, str]
    form: dict[str, Any]
    inputs: str
    packages: tuple[str, ...]
    rejected: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        return self.verdict == "agrees"

    def to_json(self) -> str:
        """Return the report as ``parity.json`` has it."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode() + "\n"

    def to_text(self) -> str:
        """Return the report as a page of Markdown."""
        made = ", ".join(pin.replace("==", " ") for pin in self.packages)
        lines = [
            "# Parity report",
            "",
            f"Verdict: **{self.verdict}**, on {self.rows} rows.",
            "",
            f"- Model: {self.source['class']} ({self.source['flavor']})",
            f"- Converted to {self.form['name']} with inputs as {self.inputs}, by {made}",
            f"- Tolerance: {self.tolerance.to_text()}",
            "",
            "| Output | Agrees | Equal | Largest difference | Relative | In row |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for one in self.comparisons:
            cells = (_show(one.largest_absolute), _show(one.largest_relative), "" if one.row is None else str(one.row))
            agrees = "yes" if one.agrees else "no"
            lines.append(f"| {one.output} ({one.kind}) | {agrees} | {one.equal_share:.4%} | {' | '.join(cells)} |")
        lines += ["", *(f"Tried before: {problem}" for problem in self.rejected)]
        return "\n".join(lines).rstrip() + "\n"


def compare(output: str, expected: Any, found: Any, tolerance: Tolerance) -> Comparison:
    """Compare what two models give for the same rows.

    expected: an array with one value, or one row of values, for each row
    raises:   InvalidInput for arrays of different size
    """
    wanted, given = np.asarray(expected), np.asarray(found)
    if wanted.size != given.size or len(wanted) != len(given):
        raise InvalidInput(f"The output {output!r} has the shape {given.shape}; {wanted.shape} was expected")
    given = given.reshape(wanted.shape)
    if wanted.dtype.kind != "f":
        return _compare_labels(output, wanted, given, tolerance)
    wanted, given = wanted.astype(np.float64), given.astype(np.float64)
    same = (wanted == given) | (np.isnan(wanted) & np.isnan(given))
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = np.where(same, 0.0, np.abs(given - wanted))
        difference = np.where(np.isnan(difference), np.inf, difference)
        relative = np.where((wanted != 0) & np.isfinite(wanted), difference / np.abs(wanted), 0.0)
        allowed = tolerance.atol + tolerance.rtol * np.where(np.isfinite(wanted), np.abs(wanted), 0.0)
    worst = int(np.argmax(difference)) if difference.size else 0
    return Comparison(
        output=output,
        kind="numbers",
        agrees=bool(np.all(difference <= allowed)),
        equal_share=float(same.mean()) if same.size else 1.0,
        largest_absolute=float(difference.max(initial=0.0)),
        largest_relative=float(relative.max(initial=0.0)),
        row=None if same.all() else int(np.unravel_index(worst, difference.shape)[0]),
    )


def _compare_labels(output: str, wanted: Any, given: Any, tolerance: Tolerance) -> Comparison:
    same = np.asarray(wanted == given) if wanted.dtype.kind in "iub" else wanted.astype(str) == given.astype(str)
    share = float(same.mean()) if same.size else 1.0
    row = None if same.all() else int(np.argwhere(~same)[0][0])
    return Comparison(output, "labels", agrees=share >= tolerance.labels, equal_share=share, row=row)


def _show(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
