"""What a flavor is: how one library's models are saved, loaded and asked for predictions.

Signature, examples, environment, manifest and trust are the package's business; a flavor writes its own files, says
what to load them with, and gives back the library's own object. Foreign packages declare theirs as entry points of the
group ``trackway.flavor``, named like the package whose classes they save.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from trackway.base import plugins
from trackway.base.errors import InvalidInput, NotSupported

Predict = Callable[[Any, dict[str, Any]], Any]
"""Takes data as the signature has it and the params, and returns what the library returns."""

GROUP: Final = "flavor"
BUILT_IN: Final = (
    *(
        "catboost",
        "h2o",
        "keras",
        "lightgbm",
        "onnx",
        "prophet",
        "python",
        "pytorch",
        "sentence_transformers",
        "sklearn",
    ),
    *("spacy", "spark", "statsmodels", "tensorflow", "transformers"),
    "xgboost",
)
_PACKAGES: Final = {"torch": "pytorch", "pyspark": "spark"}
"""Packages whose classes a flavor of another name saves."""

for _name in BUILT_IN:
    plugins.register(GROUP, _name, f"trackway.models.flavors.{_name}:FLAVOR")


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What a flavor wrote.

    config:        the flavor's entry of the ``MLmodel`` file
    loader:        entry of ``python_function`` beside those that every model has: ``loader_module`` and paths
    distributions: installed packages to pin; ``a|b`` for the first of them that is installed
    is_standalone: whether ``loader_module`` is the file that ``foreign_loader.py`` becomes in the model's code
    code:          files of this package that the loader needs beside it; ``trackway_`` is put before their names
    """

    config: dict[str, Any]
    loader: dict[str, Any]
    distributions: tuple[str, ...]
    is_standalone: bool = False
    code: tuple[str, ...] = ()


class Flavor(Protocol):
    """One library's models."""

    name: str
    """The key of the flavor in the ``MLmodel`` file."""
    options: tuple[str, ...]
    """Options of ``save_model`` that this flavor alone knows."""

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        """Write a model's files below a folder.

        raises: InvalidInput for a model or an option that it cannot save
        """

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:
        """Return the library's own object; the files have been verified, and looked into for pickles.

        config: what ``save`` gave, or what MLflow wrote under this name
        raises: PermissionDenied for what runs code without trust
        """

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """Return the call that predicts."""


class OptionalFlavor(Flavor, Protocol):
    """A flavor whose models may be loaded in more than one way; ``load`` takes these options by their names."""

    load_options: tuple[str, ...]
    """Options of ``load_model`` that this flavor alone knows: what the caller says, never what the model does."""


class RowwiseFlavor(Flavor, Protocol):
    """A flavor whose models answer row by row."""

    def is_rowwise(self, config: Mapping[str, Any]) -> bool:
        """Return whether each row of an answer depends on that row of the data alone."""


class StreamingFlavor(Flavor, Protocol):
    """A flavor whose models may give their answers piece by piece."""

    def stream(self, native: Any, config: Mapping[str, Any], data: Any, params: dict[str, Any]) -> Iterator[Any]:
        """Yield the pieces of one answer."""


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """A model as a graph of ONNX.

    proto:      ``onnx.ModelProto``
    output:     the output that is what the model predicts; empty when all outputs are, by name
    scores:     the output with the probabilities behind labels, and the library's call for the same; None without them
    """

    proto: Any
    output: str
    scores: tuple[str, Callable[[Any], Any]] | None = None


class Conversion(msgspec.Struct, frozen=True):
    """One way to make a graph of a model: what its inputs are, and the call that may fail in any manner."""

    inputs: str
    make: Callable[[], Graph]


class ConvertibleFlavor(Flavor, Protocol):
    """A flavor whose models may leave Python as ONNX."""

    def list_conversions(self, native: Any, config: Mapping[str, Any], rows: Any) -> Sequence[Conversion]:
        """Return the ways to convert a model, the most exact first.

        rows:   as the model takes them: a pandas table or a numpy array
        raises: NotSupported for a model that no graph can stand for
        """


def get_flavor(name: str) -> Flavor:
    """Import and return the flavor of a name.

    raises: InvalidInput when there is none, NotSupported when its library is not installed
    """
    try:
        flavor: Flavor = plugins.load(GROUP, name)
    except ModuleNotFoundError as error:
        raise NotSupported(
            f"The flavor {name!r} needs the package {error.name!r}, which is not installed",
            hint=f"pip install {error.name}",
        ) from error
    return flavor


def find_flavor(model: Any) -> Flavor:
    """Return the flavor that saves an object: that named like the package of its class, or of the nearest base class.

    raises: InvalidInput when there is none
    """
    known = plugins.list_names(GROUP)
    for cls in type(model).__mro__:
        package = cls.__module__.partition(".")[0]
        root = _PACKAGES.get(package, package)
        if root in known and root != "python":
            return get_flavor(root)
    if callable(model) or hasattr(model, "predict") or isinstance(model, str | Path):
        return get_flavor("python")
    raise InvalidInput(
        f"No flavor saves a {type(model).__module__}.{type(model).__qualname__}",
        hint=f"known: {', '.join(known)}; anything else as a Python class with a predict method",
    )


def is_known(name: str) -> bool:
    """Return whether there is a flavor of a name; entry points are only asked when it is not a built-in one."""
    return name in BUILT_IN or name in plugins.list_names(GROUP)


def import_library(module: str, distribution: str = "") -> Any:
    """Import a library for its flavor.

    raises: NotSupported when it is not installed
    """
    try:
        return __import__(module, fromlist=["_"])
    except ModuleNotFoundError as error:
        name = distribution or module.partition(".")[0]
        raise NotSupported(
            f"This model needs {error.name}, which is not installed", hint=f"pip install {name}"
        ) from error
