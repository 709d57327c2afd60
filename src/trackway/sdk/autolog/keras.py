"""Autologging of Keras 3 on any backend: settings and optimizer of ``fit``, metrics and learning rate by epoch."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from trackway.sdk.autolog.frame import Call, Integration, Target
from trackway.sdk.autolog.recorder import Log
from trackway.sdk.datasets import describe_training_data, take_rows

_SETTINGS: Final = ("epochs", "batch_size", "initial_epoch", "steps_per_epoch", "validation_split", "shuffle")


def _find_targets(module: ModuleType) -> Iterator[Target]:
    yield Target(module.Model, "fit", _record_fit)


INTEGRATION: Final = Integration("keras", ("keras",), _find_targets)


def _record_fit(call: Call) -> Generator[None, None, None]:
    model = call.instance
    log, _ = call.open(type(model).__name__, {name: call.get(name) for name in _SETTINGS})
    with log.shield():
        log.params(_describe_optimizer(getattr(model, "optimizer", None)))
    if call.options.log_datasets:
        with log.shield():
            log.dataset(describe_training_data(call.get("x"), call.get("y")), "train")
    with log.shield():
        lines: list[str] = []
        model.summary(print_fn=lambda line, *_, **__: lines.append(str(line)))
        log.text("\n".join(lines), "model_summary.txt")
    rows = None
    with log.shield():
        rows = take_rows(call.get("x"))
    ours = _make_callback(log, model, call.options.log_every_n_epoch)
    given = call.get("callbacks")
    # Keras uses an object of its own class CallbackList as it is, so that one gets ours for the time of this fit.
    own = getattr(given, "callbacks", None)
    others = own if own is not None else given if isinstance(given, list | tuple) else [given] if given else []
    # Ours is the last, so that it sees what the others add to the logs.
    if own is not None:
        own.append(ours)
    else:
        call.set("callbacks", [*others, ours])
    try:
        yield
    finally:
        if own is not None:
            own.remove(ours)
    call.log_model(log, model, rows)
    stopped = next((callback for callback in others if getattr(callback, "stopped_epoch", 0)), None)
    if stopped is not None:
        log.metrics({"stopped_epoch": stopped.stopped_epoch, "best_epoch": getattr(stopped, "best_epoch", None)})


def _describe_optimizer(optimizer: Any) -> dict[str, Any]:
    if optimizer is None:
        return {}
    settings = {**optimizer.get_config(), "name": type(optimizer).__name__}  # its own name counts instances: sgd_3
    return {f"optimizer_{name}": value for name, value in settings.items()}


def _make_callback(log: Log, model: Any, every_n_epoch: int) -> Any:
    from keras import ops
    from keras.callbacks import Callback

    class MetricsCallback(Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            with log.shield():
                if epoch % every_n_epoch == 0:
                    rate = getattr(model.optimizer, "learning_rate", None)
                    known = {} if rate is None else {"learning_rate": ops.convert_to_numpy(rate)}
                    log.metrics({**known, **(logs or {})}, epoch)

    return MetricsCallback()
