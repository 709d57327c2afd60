"""What a row of the table is, and what it must come to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bench.servers import NAMES, Server

REST_S = 15.0
"""In so long ends what rows leave behind: points to gather, tables to vacuum, memory to give back."""


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    runs:      in the store while tracking is measured; ``table_runs`` while the table of runs is
    points:    of the history that is read back
    seconds:   each closed loop takes
    fill_s:    most seconds that a server is given to take the runs; a third of it for a history
    """

    runs: int = 20_000
    table_runs: int = 100_000
    points: int = 500_000
    curve_runs: int = 10
    curve_points: int = 1_000_000
    seconds: float = 2.0
    fill_s: float = 60.0

    @property
    def history_s(self) -> float:
        """Most seconds that a server is given to take a long history."""
        return self.fill_s / 3


@dataclass(frozen=True)
class Target:
    """What our figure must be: ``times`` a peer's, an absolute bound, or nothing where it tells of the machine."""

    peer: str = ""
    times: float = 0.0
    least: float | None = None
    most: float | None = None

    def describe(self) -> str:
        """Say it in words."""
        if self.peer:
            return f"at least {self.times:g} x {self.peer}"
        if self.least is not None:
            return f"at least {self.least:,.0f}"
        return "" if self.most is None else f"at most {self.most:g}"

    def judge(self, figures: dict[str, float]) -> str:
        """Say whether it is met, or that a figure is missing."""
        ours = figures.get("trackway")
        if ours is None:
            return "FAILED"
        if self.peer and self.peer not in figures:
            return f"without {self.peer}"
        if self.peer:
            return "met" if ours >= self.times * figures[self.peer] else "MISSED"
        if self.least is None and self.most is None:
            return ""
        met = ours <= self.most if self.most is not None else ours >= (self.least or 0)
        return "met" if met else "MISSED"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    measure: one figure of one server
    prepare: logs what is measured, before all rows; what fails then is told when the row is measured
    falls:   the lower the better
    rest_s:  the servers are left alone for so long before it
    limit_s: what takes longer is given up
    """

    name: str
    work: str
    unit: str
    measure: Callable[[Server, Scale], Coroutine[Any, Any, float]]
    target: Target
    servers: tuple[str, ...] = NAMES
    falls: bool = False
    rounds: int = 0
    """How often it is measured; 0: as asked for."""
    prepare: Callable[[Server, Scale], Coroutine[Any, Any, None]] | None = None
    rest_s: float = 0.0
    limit_s: float = 120.0
