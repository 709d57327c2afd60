"""Autologging of plain PyTorch, where the training loop is the user's own: what can be known without changing it.

Only while a run is active: the settings of each optimizer that is made, as params (a second one has a prefix), and
every scalar that is given to a TensorBoard ``SummaryWriter``, as a point of a metric.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import ModuleType
from typing import Any, Final

from trackway.sdk.autolog.frame import Call, Integration, Target

_OPTIMIZERS: Final = "torch.optim.optimizer"
_WRITERS: Final = "torch.utils.tensorboard.writer"


def describe_optimizer(optimizer: Any, prefix: str = "optimizer_") -> dict[str, Any]:
    """Return the name and the settings of an optimizer: those of its first group, which may differ from others'."""
    return {f"{prefix}name": type(optimizer).__name__} | {
        f"{prefix}{name}": value for name, value in optimizer.defaults.items()
    }


def _find_targets(module: ModuleType) -> Iterator[Target]:
    if module.__name__ == _OPTIMIZERS:
        yield Target(module.Optimizer, "__init__", _record_optimizer, starts_run=False)
    else:
        yield Target(module.SummaryWriter, "add_scalar", _record_scalar, starts_run=False)


INTEGRATION: Final = Integration("torch", (_OPTIMIZERS, _WRITERS), _find_targets)


def _record_optimizer(call: Call) -> Generator[None, None, None]:
    yield
    call.open(type(call.instance).__name__, describe_optimizer(call.instance))


def _record_scalar(call: Call) -> Generator[None, None, None]:
    yield
    call.attach().metrics({call.get("tag"): call.get("scalar_value")}, call.get("global_step") or 0)
