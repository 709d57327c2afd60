"""Autologging of PyTorch Lightning: settings, hyper-parameters and optimizers of ``Trainer.fit``, metrics by epoch.

The module is logged as a model after it: as an exported program when it can be run with what the first batch has in its
first place, else as weights.

Metrics are what the module logs with ``self.log``. Points are at epochs, the step being the epoch; with the option
``log_every_n_step`` they are at every so many optimizer steps and at epochs, the step being the trainer's global one.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterator
from types import ModuleType
from typing import Any, Final

from trackway.sdk.autolog.frame import Call, Integration, Options, Target
from trackway.sdk.autolog.recorder import Log
from trackway.sdk.autolog.torch import describe_optimizer, list_ways, take_inputs


def _find_targets(module: ModuleType) -> Iterator[Target]:
    yield Target(module.Trainer, "fit", functools.partial(_record_fit, module))


INTEGRATION: Final = Integration("lightning", ("lightning.pytorch", "pytorch_lightning"), _find_targets)


def _record_fit(package: ModuleType, call: Call) -> Generator[None, None, None]:
    trainer, model = call.instance, call.get("model")
    if not trainer.is_global_zero:  # every process of a distributed run comes here; one of them logs
        return
    settings = {"max_epochs": trainer.max_epochs, "max_steps": trainer.max_steps, "precision": trainer.precision}
    log, _ = call.open(type(model).__name__, {**(getattr(model, "hparams", None) or {}), **settings})
    with log.shield():
        log.text(str(package.utilities.model_summary.ModelSummary(model, max_depth=-1)), "model_summary.txt")
    seen: list[Any] = []
    ours = _make_callback(package.Callback, log, call.options, seen)
    trainer.callbacks.insert(0, ours)  # checkpoints have to stay last
    try:
        yield
    finally:
        trainer.callbacks = [callback for callback in trainer.callbacks if callback is not ours]
    for callback in trainer.early_stopping_callbacks:
        if callback.stopped_epoch:
            log.metrics({"stopped_epoch": callback.stopped_epoch, "best_score": callback.best_score})
    rows = seen[0] if seen else None
    call.log_model(log, model, rows, ways=list_ways(rows))


def _make_callback(base: Any, log: Log, options: Options, seen: list[Any]) -> Any:
    every_n_step = options.log_every_n_step

    class MetricsCallback(base):  # type: ignore[misc]
        def __reduce__(self) -> Any:
            # Strategies that spawn processes pickle the trainer: those processes get a callback that does nothing.
            return base, ()

        def on_train_start(self, trainer: Any, *_: Any) -> None:
            with log.shield():
                for i, optimizer in enumerate(trainer.optimizers):
                    log.params(describe_optimizer(optimizer, f"optimizer_{i}_" if i else "optimizer_"))

        def on_train_batch_start(self, _trainer: Any, _module: Any, batch: Any, *_: Any) -> None:
            if options.log_models and not seen:
                seen.append(None)
                with log.shield():
                    seen[0] = take_inputs(batch[0] if isinstance(batch, list | tuple) and batch else batch)

        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            with log.shield():
                if every_n_step is not None and trainer.global_step % every_n_step == 0:
                    log.metrics(trainer.callback_metrics, trainer.global_step)

        def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
            with log.shield():
                if trainer.current_epoch % options.log_every_n_epoch == 0:
                    step = trainer.current_epoch if every_n_step is None else trainer.global_step
                    log.metrics(trainer.callback_metrics, step)

    return MetricsCallback()
