"""Autologging: params, metrics and data sets of training in other libraries, logged without a line of code for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from trackway.base import plugins
from trackway.base.errors import InvalidInput
from trackway.sdk.autolog import frame
from trackway.sdk.autolog.frame import Integration, Options, Target, set_recorder
from trackway.sdk.autolog.recorder import Log, Recorder, failures, shield

__all__ = [
    "Integration",
    "Log",
    "Options",
    "Recorder",
    "Target",
    "autolog",
    "disable",
    "enable",
    "failures",
    "list_enabled",
    "set_recorder",
]

ALIASES: Final = {"pyspark.ml": ("spark",), "pytorch": ("lightning", "torch"), "tensorflow": ("keras",)}
"""Names under which other trackers know some integrations."""

WITHOUT_EFFECT: Final = frozenset(
    (
        "disable_for_unsupported_versions",
        "log_post_training_metrics",
        "log_traces",
    )
)
"""Options of MLflow's that are taken and change nothing."""

for _name in ("keras", "lightgbm", "lightning", "sklearn", "spark", "torch", "xgboost"):
    plugins.register("autolog", _name, f"trackway.sdk.autolog.{_name}:INTEGRATION")


def autolog(*names: str, disable: bool = False, exclude_flavors: Sequence[str] = (), **options: Any) -> None:
    """Switch autologging on for some libraries, or for all that are known, whether imported already or not.

    names:   integrations or their aliases; none for all, where one that cannot be loaded is left out with a warning
    disable: switch them off instead
    options: fields of ``Options``
    raises:  InvalidInput for unknown names and options

    A function that was taken from its module before (``from xgboost import train``) is the original and stays it;
    methods are not affected by that.
    """
    chosen = [real for name in names for real in ALIASES.get(name, (name,))] or plugins.list_names("autolog")
    excluded = {real for name in exclude_flavors for real in ALIASES.get(name, (name,))}
    parsed = _parse_options(options)
    for name in chosen:
        if name in excluded:
            continue
        if disable:
            frame.disable(name)
        elif names:
            frame.enable(plugins.load("autolog", name), parsed)
        else:
            with shield(name):
                frame.enable(plugins.load("autolog", name), parsed)


def enable(name: str, **options: Any) -> None:
    """Switch one integration on, as ``autolog(name, **options)`` does."""
    autolog(name, **options)


def disable(name: str) -> None:
    """Switch one integration off and put its library back as it was."""
    autolog(name, disable=True)


def list_enabled() -> list[str]:
    """Return the names of the integrations that are switched on."""
    return frame.list_enabled()


def _parse_options(options: dict[str, Any]) -> Options:
    known = {name: value for name, value in options.items() if name not in WITHOUT_EFFECT}
    known = {name: {} if name == "extra_tags" and value is None else value for name, value in known.items()}
    try:
        return msgspec.convert(known, Options)
    except msgspec.ValidationError as error:
        names = ", ".join(Options.__struct_fields__)
        raise InvalidInput(f"Autologging has no such option: {error}", hint=f"options: {names}") from error
