"""What answers do not say to who may not see it: the model that a version is a copy of."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec

from trackway.api import registry as g
from trackway.api.operations import OPERATIONS
from trackway.auth.rights import Rights
from trackway.auth.targets import AdmittedCall

R = TypeVar("R")
VEILED = frozenset(
    operation.name
    for operation in OPERATIONS
    if operation.response
    in (g.ModelVersion, g.ModelVersionPage, g.RegisteredModel, g.RegisteredModelPage, g.ModelHistory)
)
"""Names of the operations whose answers may name the original of a copy."""
_REFERENCE = "models:/"


def veil(call: AdmittedCall, response: R) -> R:
    """Return an answer without the names of registered models that its reader may not see."""
    rights = cast(Rights, call.rights)
    if call.sees.models is None:
        return response
    return cast(R, _veil(rights, response))


def _veil(rights: Rights, shown: Any) -> Any:
    replace = msgspec.structs.replace
    match shown:
        case g.ModelVersion():
            copied_from, source = shown.copied_from, shown.source
            hides = bool(copied_from) and _hides(rights, copied_from.rpartition("/")[0])
            if not hides and not _names_hidden(rights, source):
                return shown
            own = f"{_REFERENCE}{shown.name}/{shown.version}"  # its files are its own
            return replace(shown, copied_from="" if hides else copied_from, source=own)
        case g.RegisteredModel():
            return replace(shown, latest_versions=[_veil(rights, one) for one in shown.latest_versions])
        case g.ModelVersionPage():
            return replace(shown, versions=[_veil(rights, one) for one in shown.versions])
        case g.RegisteredModelPage():
            return replace(shown, models=[_veil(rights, one) for one in shown.models])
        case g.ModelHistory():
            return replace(shown, events=[_veil(rights, one) for one in shown.events])
        case g.ModelEvent():
            kept = {key: text for key, text in shown.detail.items() if not _names_hidden(rights, text)}
            return replace(shown, detail=kept)
    return shown


def _names_hidden(rights: Rights, source: str) -> bool:
    """Tell whether a reference such as ``models:/name/3`` or ``models:/name@alias`` names what may not be seen."""
    if not source.startswith(_REFERENCE):
        return False
    rest = source.removeprefix(_REFERENCE)
    name, slash, _ = rest.rpartition("/")
    if not slash:
        name, slash, _ = rest.rpartition("@")
    return bool(slash) and _hides(rights, name)


def _hides(rights: Rights, name: str) -> bool:
    return "read" not in rights.on_named("registered_model", name)
