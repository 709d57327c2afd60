"""Models of any library behind one call, and models written in Python, under the names that scripts for MLflow use."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from trackway.models.package import Model
from trackway.models.python_model import PythonModel, PythonModelContext
from trackway.sdk.model_records import get_model_dependencies
from trackway.sdk.models import LibraryModels, ModelInfo, load_model

if TYPE_CHECKING:
    from trackway.inference.pyfunc import spark_udf as spark_udf

PyFuncModel = Model
_PYTHON = LibraryModels("python")


def log_model(name: str | None = None, python_model: Any = None, **options: Any) -> ModelInfo:
    """Log a Python class, function or file as a model of the active run; see ``trackway.log_model``."""
    return _PYTHON.log_model(python_model, name, **options)


def save_model(path: str | os.PathLike[str], python_model: Any = None, **options: Any) -> None:
    """Save a Python class, function or file as a model; see ``trackway.models.save_model``."""
    _PYTHON.save_model(python_model, path, **options)


__all__ = [
    "Model",
    "PyFuncModel",
    "PythonModel",
    "PythonModelContext",
    "get_model_dependencies",
    "load_model",
    "log_model",
    "save_model",
    "spark_udf",
]


def __getattr__(name: str) -> Any:
    if name != "spark_udf":
        hint = "; save_model writes it for every model" if name == "add_to_model" else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
    globals()[name] = function = importlib.import_module("trackway.inference.pyfunc").spark_udf
    return function
