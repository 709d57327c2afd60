"""Autologging of plain PyTorch, where the training loop is the user's own: what can be known without changing it.

Only while a run is active: the settings of each optimizer that is made, as params (a second one has a prefix), and
every scalar that is given to a TensorBoard ``SummaryWriter``, as a point of a metric. When the run ends well, the
module that an optimizer trained is logged as a model: the first one called that has all parameters of the optimizer.
"""

from __future__ import annotations

import weakref
from collections.abc import Generator, Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from trackway.sdk.autolog.frame import Call, Integration, Target
from trackway.sdk.autolog.recorder import Log

MOST_CALLS: Final = 1_000
"""Calls of modules after which the one that an optimizer trains is looked for no more."""
MOST_VALUES: Final = 1_000_000
"""Values in one input above which it is not kept."""
_EXAMPLES: Final = 2
_OPTIMIZERS: Final = "torch.optim.optimizer"
_WRITERS: Final = "torch.utils.tensorboard.writer"


def describe_optimizer(optimizer: Any, prefix: str = "optimizer_") -> dict[str, Any]:
    """Return the name and the settings of an optimizer: those of its first group, which may differ from others'."""
    return {f"{prefix}name": type(optimizer).__name__} | {
        f"{prefix}{name}": value for name, value in optimizer.defaults.items()
    }


def take_inputs(value: Any) -> Any:
    """Return the first rows of a tensor, or of each of a dictionary of tensors, as arrays; None for anything else."""
    if isinstance(value, Mapping):
        taken = {str(name): take_inputs(one) for name, one in value.items()}
        return None if not taken or any(one is None for one in taken.values()) else taken
    if not hasattr(value, "detach") or value.ndim == 0:
        return None
    rows = value.detach()[:_EXAMPLES]
    return None if rows.numel() > MOST_VALUES else rows.cpu().numpy().copy()


def list_ways(rows: Any) -> tuple[dict[str, Any], ...]:
    """Return the ways to save a module: as a program when there is something to run it with, else as weights."""
    weights = {"serialization_format": "weights"}
    return (weights,) if rows is None else ({"export_example": rows}, weights)


def _find_targets(module: ModuleType) -> Iterator[Target]:
    if module.__name__ == _OPTIMIZERS:
        yield Target(module.Optimizer, "__init__", _record_optimizer, starts_run=False)
    else:
        yield Target(module.SummaryWriter, "add_scalar", _record_scalar, starts_run=False)


INTEGRATION: Final = Integration("torch", (_OPTIMIZERS, _WRITERS), _find_targets)


def _record_optimizer(call: Call) -> Generator[None, None, None]:
    yield
    log, _ = call.open(type(call.instance).__name__, describe_optimizer(call.instance))
    if call.options.log_models:
        trained = _Trained(call.instance, log)
        call.instance = None  # it may be large, and the end of the run far
        call.at_end(lambda: trained.log(call))


def _record_scalar(call: Call) -> Generator[None, None, None]:
    yield
    call.attach().metrics({call.get("tag"): call.get("scalar_value")}, call.get("global_step") or 0)


_logged: weakref.WeakKeyDictionary[Any, str | None] = weakref.WeakKeyDictionary()
"""Modules with the run that they were logged in last, as several optimizers may train one."""


class _Trained:
    """The module that an optimizer trains, once it has been called."""

    def __init__(self, optimizer: Any, log: Log) -> None:
        from torch.nn.modules.module import register_module_forward_pre_hook

        self._wanted = {id(one) for group in optimizer.param_groups for one in group["params"]}
        self._log = log
        self._left = MOST_CALLS
        self._module: Any = None
        self._rows: Any = None
        self._hook = register_module_forward_pre_hook(self._see)
        weakref.finalize(optimizer, self._hook.remove)

    def log(self, call: Call) -> None:
        """Log the module, if it was found and is there still, and no other optimizer's."""
        with self._log.shield():
            self._hook.remove()
            module = None if self._module is None else self._module()
            run_id = call.active_run()
            if module is not None and _logged.get(module) != run_id:
                _logged[module] = run_id
                call.log_model(self._log, module, self._rows, ways=list_ways(self._rows))

    def _see(self, module: Any, inputs: tuple[Any, ...]) -> None:
        with self._log.shield():
            self._left -= 1
            found = self._wanted <= {id(one) for one in module.parameters()}
            if found:
                self._module = weakref.ref(module)
                self._rows = take_inputs(inputs[0]) if len(inputs) == 1 else None
            if found or self._left <= 0:
                self._hook.remove()
