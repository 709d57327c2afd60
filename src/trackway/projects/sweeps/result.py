"""What came of a sweep."""

from __future__ import annotations

from typing import Any

import msgspec

from trackway.projects.sweeps.board import Trial


class SweepResult(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep's trials in order, and the best of them; None when none finished."""

    run_id: str
    metric: str
    goal: str
    trials: tuple[Trial, ...]
    best: Trial | None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def to_text(self) -> str:
        """Return a table for people; an asterisk is at the best."""
        from tabulate import tabulate

        names = list(dict.fromkeys(name for one in self.trials for name in one.params))
        rows = [
            [
                f"{one.number}{'*' if self.best is not None and one.number == self.best.number else ''}",
                one.state,
                "" if one.value is None else f"{one.value:.6g}",
                *(_show(one.params.get(name, "")) for name in names),
                one.run_id,
                one.reason[:60],
            ]
            for one in self.trials
        ]
        table = tabulate(rows, headers=["trial", "state", self.metric, *names, "run", ""], disable_numparse=True)
        counts = ", ".join(
            f"{sum(one.state == state for one in self.trials)} {state}"
            for state in dict.fromkeys(one.state for one in self.trials)
        )
        best = "no trial finished" if self.best is None else f"best: trial {self.best.number}"
        return f"{table}\n\n{counts}; {best}\n"

    def __repr__(self) -> str:
        return self.to_text()


def _show(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
