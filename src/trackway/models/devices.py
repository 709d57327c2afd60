"""Where a model of PyTorch runs: on the GPU that is asked for or there, and on the CPU when there is none."""

from __future__ import annotations

import logging
import re
from typing import Any, Final

from trackway.base.errors import InvalidInput

CPU: Final = "cpu"
_log = logging.getLogger("trackway.models")
_NAME = re.compile(r"(cpu|cuda|mps|xpu)(:\d{1,3})?")


def choose_device(torch: Any, asked: object = None, saved_from: object = None) -> str:
    """Return the device to load a model to.

    torch:      the library
    asked:      what the caller wants: ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ``xpu``; None for ``cuda`` if it is there
    saved_from: the device that the model was on when it was saved
    raises:     InvalidInput for a name that is no device; a device that is not here is said in the log
    """
    name = None if asked is None else str(asked)
    if name is not None and not _NAME.fullmatch(name):
        raise InvalidInput(f"{name[:100]!r} is no device", hint="cpu, cuda, cuda:1, mps or xpu")
    if name is None:
        chosen = "cuda" if _is_there(torch, "cuda") else CPU
        if chosen == CPU and str(saved_from or CPU).partition(":")[0] in ("cuda", "mps", "xpu"):
            _log.warning("The model was saved from %s, and there is no GPU here: it runs on the CPU", saved_from)
        return chosen
    if _is_there(torch, name):
        return name
    _log.warning("The device %r is not here: the model runs on the CPU", name)
    return CPU


def _is_there(torch: Any, name: str) -> bool:
    kind, _, number = name.partition(":")
    if kind == CPU:
        return True
    module = torch.backends.mps if kind == "mps" else getattr(torch, kind, None)
    if module is None or not module.is_available():
        return False
    return not number or int(number) < getattr(torch, kind).device_count()
