"""The tracker as autologging sees it: the fluent calls, about this thread's active run."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from trackway.api.runs import RunStatus
from trackway.models.flavors.base import find_flavor
from trackway.models.inference import infer_signature
from trackway.models.signature import Signature
from trackway.sdk import autolog as autologging
from trackway.sdk import context, fluent, fluent_files, runs
from trackway.sdk.autolog.recorder import ModelLogging
from trackway.sdk.datasets import TrackedDataset
from trackway.sdk.models import log_first_way, save_first_way

EXAMPLE_ROWS = 5
STORE_WAIT_S = 5.0
"""How long a model waits for what was logged before it, before the store counts as away."""
AWAY_S = 60.0
"""How long a store that was away is not waited for again."""


class FluentRecorder:
    """Logs for autologging what scripts would log by hand."""

    def __init__(self) -> None:
        self._away_until_s = 0.0

    def active_run(self) -> str | None:
        run = context.active_run()
        return None if run is None else run.run_id

    def start_run(self, name: str = "", nested: bool = False) -> str:
        return runs.start_run(run_name=name or None, nested=nested).run_id

    def end_run(self, status: RunStatus = "FINISHED") -> None:
        runs.end_run(status)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        fluent.set_tags(tags)

    def log_params(self, params: Mapping[str, str]) -> None:
        fluent.log_params(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        fluent.log_metrics(metrics, step)

    def log_dataset(self, dataset: TrackedDataset, context: str) -> None:
        fluent.log_input(dataset, context)

    def log_text(self, text: str, path: str) -> None:
        fluent_files.log_text(text, path)

    def log_dict(self, dictionary: Any, path: str) -> None:
        fluent_files.log_dict(dictionary, path)

    def log_figure(self, figure: Any, path: str) -> None:
        fluent_files.log_figure(figure, path)

    def log_model(self, model: Any, name: str, how: ModelLogging) -> None:
        signature = None if how.rows is None else tell_signature(model, how.rows)
        example = how.rows[:EXAMPLE_ROWS] if how.keep_rows and how.rows is not None else None
        wait_s = STORE_WAIT_S if time.monotonic() >= self._away_until_s else 0.0
        if runs.get_active_run().session.flush(wait_s):
            log_first_way(
                model,
                name,
                None,
                how.ways,
                signature=signature,
                input_example=example,
                step=how.step,
                registered_model_name=how.registered_name,
            )
            return
        self._away_until_s = time.monotonic() + AWAY_S
        # The store is away, and training does not wait for it: the journal keeps the files as some of the run's.
        with tempfile.TemporaryDirectory(prefix="trackway-model-") as folder:
            place = os.path.join(folder, "model")
            save_first_way(model, place, None, how.ways, signature=signature, input_example=example)
            fluent_files.log_artifacts(os.path.join(folder, "model"), name)

    def at_end(self, act: Callable[[], None]) -> None:
        runs.get_active_run().endings.append(act)


def tell_signature(model: Any, rows: Any) -> Signature | None:
    """Return what a model takes and gives, told from some rows; None where no schema describes it."""
    try:
        predictions = find_flavor(model).get_predict(model, {})(rows[:EXAMPLE_ROWS], {})
        return infer_signature(rows, predictions)
    except Exception:  # noqa: BLE001 - a model is logged without a signature rather than not at all
        return None


autologging.set_recorder(FluentRecorder())


def autolog(*names: str, disable: bool = False, **options: Any) -> None:
    """Log training in other libraries by itself, from now on: params, metrics, data sets.

    names:   libraries, such as ``sklearn`` or ``xgboost``; none for all that are known
    disable: stop it instead
    options: as ``trackway.sdk.autolog.autolog`` and MLflow's ``autolog`` take them
    """
    autologging.autolog(*names, disable=disable, **options)
