"""Models written in Python: a class or a function in a file, or an object that the file sets as its model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from trackway.base.errors import InvalidInput, NotSupported


class PythonModelContext(msgspec.Struct, frozen=True):
    """What a model finds beside its code.

    artifacts:    the local path of each file or folder that it was saved with, by name
    model_config: the values that it was saved with
    """

    artifacts: dict[str, str]
    model_config: dict[str, Any]


class PythonModel:
    """A model with code of its own. ``predict`` may leave out ``context`` and ``params``."""

    def load_context(self, context: PythonModelContext) -> None:
        """Prepare for predictions; called once, when the model is loaded."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the predictions for data as the signature has it."""
        raise NotImplementedError

    def predict_stream(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Iterator[Any]:
        """Yield one answer piece by piece."""
        raise NotImplementedError


class RunningModel:
    """A Python model that is ready to predict.

    model:   an object with ``predict``, or a function
    context: given to those methods that have a parameter ``context``
    """

    def __init__(self, model: Any, context: PythonModelContext) -> None:
        self.model = model
        self.context = context
        if hasattr(model, "load_context"):
            model.load_context(context)
        self._predict = self._prepare(getattr(model, "predict", model))

    def predict(self, data: Any, params: Mapping[str, Any]) -> Any:
        return self._predict(data, params)

    def stream(self, data: Any, params: Mapping[str, Any]) -> Iterator[Any]:
        """Yield one answer piece by piece.

        raises: NotSupported for a model that answers at once
        """
        method = getattr(type(self.model), "predict_stream", None)
        if method is None or method is PythonModel.predict_stream:
            raise NotSupported("The model has no predict_stream", hint="predict gives the answer at once")
        pieces: Iterator[Any] = self._prepare(self.model.predict_stream)(data, params)
        return pieces

    def _prepare(self, method: Callable[..., Any]) -> Callable[[Any, Mapping[str, Any]], Any]:
        """Return a call of a method with those of ``context`` and ``params`` that it takes."""
        names = inspect.signature(method).parameters
        first = (self.context,) if "context" in names else ()
        if "params" in names:
            return lambda data, params: method(*first, data, params=dict(params))
        return lambda data, _: method(*first, data)


class _Current(msgspec.Struct):
    model: Any = None


_current = _Current()


def set_model(model: Any) -> None:
    """Say which object is the model of the file that is being loaded: called in a file that is saved as a model."""
    _current.model = model


def take_model(file: str) -> Any:
    """Return the object that the file just loaded has set.

    raises: InvalidInput when it has set none
    """
    model, _current.model = _current.model, None
    if model is None:
        raise InvalidInput(f"The file {file!r} sets no model", hint="call trackway.models.set_model(...) in it")
    return model
