"""What integrations write to: the tracker as they know it, and the part of a run that one of them fills."""

from __future__ import annotations

import csv
import io
import logging
import re
import threading
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol

from trackway.api import limits
from trackway.api.runs import RunStatus
from trackway.sdk import secrets
from trackway.sdk.datasets import TrackedDataset

_logger = logging.getLogger("trackway.autolog")

_FOREIGN: Final = re.compile(r"[^\w\-. :/]")
_NO_NAME: Final = re.compile(r"[^\w\-]")
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_RUNS_REMEMBERED: Final = 10_000

failures: Counter[str] = Counter()
"""How often each integration has failed in this process; training never noticed."""

silenced: set[str] = set()
"""Integrations that do not warn."""


class ModelLogging(NamedTuple):
    """How a model is logged: with a signature told from ``rows``, unless there are none, and perhaps with the rows.

    ways: options of ``save_model``, of which the first are taken with which the model can be saved
    """

    rows: Any = None
    keep_rows: bool = False
    registered_name: str | None = None
    step: int = 0
    ways: tuple[Mapping[str, Any], ...] = ({},)


class Recorder(Protocol):
    """The tracker, as far as integrations need it; all of it is about the calling thread's active run."""

    def active_run(self) -> str | None:
        """Return the active run's id."""

    def start_run(self, name: str = "", nested: bool = False) -> str:
        """Start a run, make it the active one, and return its id; ``nested`` below the one that is active now."""

    def end_run(self, status: RunStatus = "FINISHED") -> None:
        """End the active run; the one it is nested in becomes active."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""

    def log_params(self, params: Mapping[str, str]) -> None:
        """Log params."""

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log one point of each metric, at the time of the call."""

    def log_dataset(self, dataset: TrackedDataset, context: str) -> None:
        """Log a data set that is used for ``context``."""

    def log_text(self, text: str, path: str) -> None:
        """Log a text file."""

    def log_dict(self, dictionary: Any, path: str) -> None:
        """Log a dictionary or list as a JSON or YAML file."""

    def log_figure(self, figure: Any, path: str) -> None:
        """Log a figure of matplotlib or plotly."""

    def log_model(self, model: Any, name: str, how: ModelLogging) -> None:
        """Save a model and log it."""

    def at_end(self, act: Callable[[], None]) -> None:
        """Have something done when the active run ends well, while it is still the active one."""


class Log:
    """One integration's part of the active run: cleans keys, masks secrets, and never raises.

    prefix: put before keys and paths, so that several estimators in one run do not overwrite one another
    """

    def __init__(self, recorder: Recorder, integration: str, prefix: str = "") -> None:
        self._recorder = recorder
        self._integration = integration
        self._prefix = prefix

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        with self.shield():
            self._recorder.set_tags({self._name(key): str(value) for key, value in tags.items()})

    def params(self, params: Mapping[str, Any]) -> None:
        """Log params as texts, cut at their limit; those with secret-looking names or values read ``***``."""
        with self.shield():
            self._recorder.log_params({self._name(key): _to_text(key, value) for key, value in params.items()})

    def metrics(self, metrics: Mapping[str, Any], step: int = 0) -> None:
        """Log one point of each metric that is a number; others are left out."""
        with self.shield():
            numbers = {self._name(key): _to_number(value) for key, value in metrics.items()}
            known = {key: number for key, number in numbers.items() if number is not None}
            if known:
                self._recorder.log_metrics(known, step)

    def dataset(self, dataset: TrackedDataset | None, context: str) -> None:
        """Log a data set, if there is one."""
        if dataset is not None:
            with self.shield():
                self._recorder.log_dataset(dataset, context)

    def text(self, text: str, path: str) -> None:
        """Log a text file."""
        with self.shield():
            self._recorder.log_text(text, self._prefix + path)

    def table(self, columns: Mapping[str, Iterable[Any]], path: str) -> None:
        """Log a CSV file of columns of one length."""
        with self.shield():
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
            self._recorder.log_text(text.getvalue(), self._prefix + path)

    def dictionary(self, dictionary: Any, path: str) -> None:
        """Log a JSON file."""
        with self.shield():
            self._recorder.log_dict(dictionary, self._prefix + path)

    def model(self, model: Any, how: ModelLogging) -> None:
        """Log a model, called after the estimator when it is not the first of its run."""
        with self.shield():
            self._recorder.log_model(model, _NO_NAME.sub("_", f"{self._prefix}model"), how)

    def shield(self) -> Any:
        """Return a context in which this integration's errors are counted instead of raised, for use in callbacks."""
        return shield(self._integration)

    def _name(self, key: object) -> str:
        """Return a key that can be stored: of the allowed characters, and a plain relative path if it has slashes."""
        parts = _FOREIGN.sub("_", (self._prefix + str(key))[: limits.KEY_CHARS]).split("/")
        return "/".join("_" if part in ("", ".", "..") else part for part in parts)[: limits.KEY_CHARS]


@contextmanager
def shield(integration: str) -> Iterator[None]:
    """Count an integration's error instead of raising it, and warn of the first one."""
    try:
        yield
    except Exception as error:  # the edge between autologging and training, which must go on
        failures[integration] += 1
        if failures[integration] == 1 and integration not in silenced:
            _logger.warning(
                "Autologging of %s failed: %s. Training goes on; further failures are only counted.",
                integration,
                error,
                exc_info=error,
            )


class Sections:
    """Gives each estimator of a run a prefix of its own: none for the first, then ``Name/``, ``Name_2/``, ...

    An estimator that is fitted again with the same params keeps its prefix, and its points get the next step.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, tuple[Counter[str], dict[int, _Fitted]]] = OrderedDict()

    def claim(self, run_id: str, name: str, params: Mapping[str, Any], owner: object = None) -> tuple[str, int]:
        """Return the prefix for an estimator of a run, and the step for its points.

        owner: the estimator, when fitting it again belongs to the same section; only held weakly
        """
        described = {key: str(value) for key, value in params.items()}
        with self._lock:
            names, owners = self._runs.setdefault(run_id, (Counter(), {}))
            while len(self._runs) > _RUNS_REMEMBERED:
                self._runs.popitem(last=False)
            fitted = owners.get(id(owner))
            if owner is not None and fitted is not None and fitted.owner() is owner and fitted.params == described:
                fitted.fits += 1
                return fitted.prefix, fitted.fits - 1
            first = not names
            names[name] += 1
            prefix = "" if first else f"{name}/" if names[name] == 1 else f"{name}_{names[name]}/"
            if owner is not None:
                owners[id(owner)] = _Fitted(owner, described, prefix)
            return prefix, 0


class _Fitted:
    def __init__(self, owner: object, params: dict[str, str], prefix: str) -> None:
        self.owner = weakref.ref(owner)
        self.params = params
        self.prefix = prefix
        self.fits = 1


def _to_text(key: str, value: Any) -> str:
    text = str(value)[: 2 * limits.PARAM_VALUE_CHARS]  # so that masking a huge one costs little
    return _UNSTORABLE.sub("\ufffd", secrets.mask_value(str(key), text))[: limits.PARAM_VALUE_CHARS]


def _to_number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):  # texts, arrays and other things that callbacks hand around
        return None
