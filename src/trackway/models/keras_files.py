"""``.keras`` files: the configuration in them, looked at before Keras makes objects of it.

Keras refuses lambdas by itself, in its safe mode, and has had to learn what else of a configuration runs code: modules
of any name (CVE-2025-1550), its own functions that fetch files (CVE-2025-8747), layers that load other models or
tensors that are pickles, texts that are paths. So what a configuration may name is a table here.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import Corrupt, InvalidInput
from trackway.models.trust import require_trust

CONFIG: Final = "config.json"
MAX_CONFIG_BYTES: Final = 2**27
MAX_DEPTH: Final = 500

_MODULES: Final = frozenset(
    f"keras{name}"
    for name in (
        "", ".activations", ".constraints", ".dtype_policies", ".initializers", ".layers", ".losses", ".metrics",
        ".models", ".ops", ".optimizers", ".optimizers.schedules", ".quantizers", ".random", ".regularizers",
    )
)  # fmt: skip
_PREFIXES: Final = tuple(
    f"keras.src.{name}."
    for name in (
        "backend.jax.optimizers", "backend.tensorflow.optimizers", "backend.torch.optimizers", "dtype_policies",
        "layers", "losses", "metrics", "models", "ops", "optimizers", "trainers",
    )
)  # fmt: skip
_PACKAGES: Final = ("keras", "keras_cv", "keras_hub", "keras_nlp")
"""Packages that Keras itself imports modules of, by the names that it reads."""
_RUNNING: Final = frozenset(
    ("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "__typespec__")
)
"""Classes that hold code, or what is read as code."""
_VALUES: Final = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__")


def check_keras(path: Path, is_registered: Callable[[str], bool], *, trust: bool) -> None:
    """Refuse a model whose configuration names more than Keras's own layers and functions.

    is_registered: whether the caller has made a class or function of a name known to Keras, and so vouches for it
    raises:        Corrupt for what is no such file; PermissionDenied, without trust, for what may run code;
                   InvalidInput for classes that are not known here
    """
    for one in list_objects(read_config(path)):
        name, module, config = str(one.get("class_name")), one.get("module"), one.get("config")
        asked = str(config if name == "function" else one.get("registered_name") or name)
        if name in _VALUES or (not name.startswith("__") and is_registered(asked)):
            continue
        if name in _RUNNING or _reads_files(name, config):
            require_trust(trust, f"The model has a {name.strip('_')}")
        elif str(module).partition(".")[0] in _PACKAGES:
            if not _is_known(str(module)):
                require_trust(trust, f"The model makes objects of {str(module)[:100]}.{name[:100]}")
        elif module != "builtins" or name != "function":
            raise InvalidInput(
                f"The model has the class {asked[:100]!r}, which is not known here",
                hint="import what registers it with Keras, or give it as custom_objects={name: class}",
            )


def read_config(path: Path) -> Any:
    """Return the configuration of a model file.

    raises: Corrupt
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.namelist()) != len({*archive.namelist()}):
                raise Corrupt(f"{path.name!r} has a member twice")
            if archive.getinfo(CONFIG).file_size > MAX_CONFIG_BYTES:
                raise Corrupt(f"The configuration in {path.name!r} is larger than {MAX_CONFIG_BYTES} bytes")
            return json.loads(archive.read(CONFIG))
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, NotImplementedError) as error:
        raise Corrupt(f"{path.name!r} is no model of Keras: {type(error).__name__}") from None


def list_objects(config: Any) -> Iterator[dict[str, Any]]:
    """Yield each part of a configuration that stands for an object: a mapping with ``class_name``."""
    pending: list[tuple[Any, int]] = [(config, 0)]
    while pending:
        one, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise Corrupt(f"The model's configuration is nested deeper than {MAX_DEPTH} levels")
        if isinstance(one, dict):
            if "class_name" in one:
                yield one
            pending.extend((value, depth + 1) for value in one.values())
        elif isinstance(one, list):
            pending.extend((value, depth + 1) for value in one)


def _is_known(module: str) -> bool:
    return module in _MODULES or module.startswith(_PREFIXES)


def _reads_files(name: str, config: Any) -> bool:
    """Return whether a layer takes its vocabulary from a file, which a text in its place names."""
    return (
        name in ("StringLookup", "IntegerLookup", "TextVectorization")
        and isinstance(config, dict)
        and isinstance(config.get("vocabulary"), str)
    )
