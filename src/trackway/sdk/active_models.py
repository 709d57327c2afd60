"""The active model of a thread: the logged model that its points belong to when a call does not say."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from trackway.base.errors import InvalidInput
from trackway.sdk.context import STACK
from trackway.sdk.entities import LoggedModel
from trackway.sdk.queries import create_external_model, get_logged_model, search_logged_models


class ActiveModel(LoggedModel):
    """The model that was made active; as a context it makes active what was so before, at its end."""

    _before: str | None

    def __init__(self, model: LoggedModel, before: str | None) -> None:
        super().__init__(**dict(model))
        object.__setattr__(self, "_before", before)  # the model itself is frozen

    def __enter__(self) -> ActiveModel:
        """Return this model, which is active already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make active what was so before."""
        STACK.model_id = self._before


def set_active_model(*, name: str | None = None, model_id: str | None = None) -> ActiveModel:
    """Let the metrics that this thread logs belong to a model, unless a call names another.

    name:      of the newest model so called in the chosen experiment; a record is created when there is none
    model_id:  of a model that is there
    """
    if model_id is not None:
        model = get_logged_model(model_id)
        if name not in (None, model.name):
            raise InvalidInput(f"Model {model_id} is called {model.name!r}", hint="give its name, or its id alone")
    elif name:
        model = _find_named(name) or create_external_model(name)
    else:
        raise InvalidInput("No model was named", hint="give name or model_id")
    before, STACK.model_id = STACK.model_id, model.model_id
    return ActiveModel(model, before)


def get_active_model_id() -> str | None:
    """Return the id of this thread's active model; None when none is active."""
    return STACK.model_id


def clear_active_model() -> None:
    """Let metrics belong to no model, unless a call names one."""
    STACK.model_id = None


def _find_named(name: str) -> LoggedModel | None:
    found: Any = search_logged_models(filter_string=f"name = '{name}'", max_results=1, output_format="list")
    return found[0] if found else None
