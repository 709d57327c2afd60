"""A recorder that keeps what it is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trackway.api.runs import RunStatus
from trackway.base.ids import new_id
from trackway.sdk.autolog.recorder import ModelLogging
from trackway.sdk.datasets import TrackedDataset


@dataclass
class MemoryRun:
    run_id: str
    name: str = ""
    parent: str | None = None
    status: str = "RUNNING"
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    datasets: list[tuple[TrackedDataset, str]] = field(default_factory=list)
    files: dict[str, Any] = field(default_factory=dict)
    models: dict[str, tuple[Any, ModelLogging]] = field(default_factory=dict)
    endings: list[Callable[[], None]] = field(default_factory=list)

    def last(self, key: str) -> float:
        return self.metrics[key][-1][1]

    def values(self, key: str) -> list[float]:
        return [value for _, value in self.metrics[key]]

    def steps(self, key: str) -> list[int]:
        return [step for step, _ in self.metrics[key]]


class MemoryRecorder:
    """Params cannot be changed, as in the real one; ``broken`` names the methods that raise."""

    def __init__(self) -> None:
        self.runs: list[MemoryRun] = []
        self.stack: list[MemoryRun] = []
        self.broken: set[str] = set()
        self.calls: list[str] = []

    @property
    def run(self) -> MemoryRun:
        """The only run that is not a child."""
        (run,) = (run for run in self.runs if run.parent is None)
        return run

    @property
    def children(self) -> list[MemoryRun]:
        return [run for run in self.runs if run.parent is not None]

    def active_run(self) -> str | None:
        self._called("active_run")
        return self.stack[-1].run_id if self.stack else None

    def start_run(self, name: str = "", nested: bool = False) -> str:
        self._called("start_run")
        assert nested or not self.stack
        run = MemoryRun(new_id(), name, self.stack[-1].run_id if self.stack else None)
        self.runs.append(run)
        self.stack.append(run)
        return run.run_id

    def end_run(self, status: RunStatus = "FINISHED") -> None:
        self._called("end_run")
        for act in self.stack[-1].endings if status == "FINISHED" else ():
            act()
        self.stack.pop().status = status

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self._called("set_tags")
        self.stack[-1].tags.update(tags)

    def log_params(self, params: Mapping[str, str]) -> None:
        self._called("log_params")
        known = self.stack[-1].params
        for key, value in params.items():
            assert isinstance(value, str)
            if known.setdefault(key, value) != value:
                raise ValueError(f"param {key} cannot be changed")

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        self._called("log_metrics")
        for key, value in metrics.items():
            assert isinstance(value, float)
            self.stack[-1].metrics[key].append((step, value))

    def log_dataset(self, dataset: TrackedDataset, context: str) -> None:
        self._called("log_dataset")
        self.stack[-1].datasets.append((dataset, context))

    def log_text(self, text: str, path: str) -> None:
        self._called("log_text")
        self.stack[-1].files[path] = text

    def log_dict(self, dictionary: Any, path: str) -> None:
        self._called("log_dict")
        self.stack[-1].files[path] = dictionary

    def log_figure(self, figure: Any, path: str) -> None:
        self._called("log_figure")
        self.stack[-1].files[path] = figure

    def log_model(self, model: Any, name: str, how: ModelLogging) -> None:
        self._called("log_model")
        self.stack[-1].models[name] = model, how

    def at_end(self, act: Callable[[], None]) -> None:
        self._called("at_end")
        self.stack[-1].endings.append(act)

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.broken:
            raise RuntimeError(f"{method} is broken")
