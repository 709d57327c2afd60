"""What backends on other machines share: how their configurations are read, and what of this machine reaches a job."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from trackway.base.errors import InvalidInput
from trackway.sdk.connection import get_tracking_uri, is_local

STORE_VARIABLES: Final = ("TRACKWAY_TRACKING_URI", "MLFLOW_TRACKING_URI")
T = TypeVar("T", bound=msgspec.Struct)


def read_options(config: Mapping[str, Any], kind: type[T], backend: str) -> T:
    """Check a backend's configuration.

    kind:   a struct of its settings, each with a default
    raises: InvalidInput naming the settings that there are
    """
    if unknown := sorted(set(config) - set(kind.__struct_fields__)):
        known = ", ".join(kind.__struct_fields__)
        raise InvalidInput(f"The {backend} backend knows no {unknown[0]!r}", hint=f"there are {known}")
    try:
        return msgspec.convert(dict(config), kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"The configuration of {backend}: {error}") from None


def check_store(tracking_uri: str) -> None:
    """Refuse a store that other machines do not see.

    tracking_uri: its address as they know it, when it is another than here
    raises:       InvalidInput
    """
    if is_local(tracking_uri or get_tracking_uri()):
        raise InvalidInput(
            f"The store {get_tracking_uri()} is on this machine, where others cannot log to",
            hint="set TRACKWAY_TRACKING_URI to the address of a server, or tracking_uri in the configuration",
        )


def read_forwarded(names: Iterable[str]) -> dict[str, str]:
    """Return variables of this machine that a job is to have.

    raises: InvalidInput for one that is not set
    """
    for name in names:
        if name not in os.environ:
            raise InvalidInput(
                f"The variable {name} is to be handed on, and is not set", hint="set it, or leave it out"
            )
    return {name: os.environ[name] for name in names}
