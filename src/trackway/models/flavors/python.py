"""Python classes and functions, saved as the files that define them; MLflow's ``PythonModel`` too.

By default nothing is pickled: a class is saved by its file, its name and the values to make it with. All of it runs
code of the model's, and so loads with trust alone.
"""

from __future__ import annotations

import inspect
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, Final

import msgspec

from trackway.base.errors import InvalidInput
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.manifest import resolve_inside
from trackway.models.python_model import PythonModelContext, RunningModel, take_model
from trackway.models.trust import load_code, load_module, load_pickle

PICKLE_FILE: Final = "python_model.pkl"
CODE: Final = "code"
ARTIFACTS: Final = "artifacts"


class PythonFlavor:
    """Classes, functions and files of Python."""

    name = "python"
    options = ("model_config", "artifacts", "serialization_format")

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        config = dict(options.get("model_config") or {})
        _check_config(config)
        artifacts = _copy_artifacts(folder, options.get("artifacts") or {})
        if options.get("serialization_format") == "cloudpickle":
            return _save_pickle(model, folder, config, artifacts)
        if isinstance(model, str | Path):
            return _save_script(Path(model), folder, config, artifacts)
        source = _find_source(model)
        (folder / CODE).mkdir(exist_ok=True)
        shutil.copyfile(source, folder / CODE / source.name)
        return Saved(
            config={"module": source.stem, "object": model.__qualname__, "config": config, "artifacts": artifacts},
            loader={},
            distributions=_PACKAGES,
            is_standalone=True,
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:
        context = PythonModelContext(_resolve_artifacts(folder, config), dict(config.get("config") or {}))
        code = resolve_inside(folder, CODE) if (folder / CODE).is_dir() else None
        if "module" in config:
            file = f"{config['module']}.py"
            module = load_code(resolve_inside(folder, f"{CODE}/{file}"), code, trust=trust)
            made = getattr(module, str(config.get("object")), None)
            if made is None:
                raise InvalidInput(f"The model's file {file} has no {str(config.get('object'))[:100]!r}")
            return RunningModel(made(**context.model_config) if inspect.isclass(made) else made, context)
        if "model_code_path" in config:
            file = PurePath(str(config["model_code_path"])).name
            load_code(resolve_inside(folder, file), code, trust=trust)
            return RunningModel(take_model(file), context)
        if "python_model" in config:
            path = resolve_inside(folder, config["python_model"])
            return RunningModel(load_pickle(path, trust=trust), context)
        module = load_module(config.get("loader_module"), code, trust=trust)
        data = resolve_inside(folder, config["data"]) if config.get("data") else folder
        return RunningModel(module._load_pyfunc(str(data)), context)

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        return lambda data, params: native.predict(data, params)

    def stream(self, native: Any, config: Mapping[str, Any], data: Any, params: dict[str, Any]) -> Iterator[Any]:  # noqa: ARG002 - none is needed
        pieces: Iterator[Any] = native.stream(data, params)
        return pieces


_PACKAGES: Final = ("numpy", "pandas")


def _save_pickle(model: Any, folder: Path, config: dict[str, Any], artifacts: dict[str, str]) -> Saved:
    cloudpickle = import_library("cloudpickle")
    with (folder / PICKLE_FILE).open("wb") as file:
        cloudpickle.dump(model, file)
    kept = {"python_model": PICKLE_FILE, "config": config, "artifacts": artifacts}
    return Saved(config=kept, loader={"loader_module": "mlflow.pyfunc.model", **_name(kept)}, distributions=_PICKLED)


_PICKLED: Final = ("cloudpickle", *_PACKAGES)


def _save_script(source: Path, folder: Path, config: dict[str, Any], artifacts: dict[str, str]) -> Saved:
    if source.suffix != ".py" or not source.is_file():
        raise InvalidInput(f"{source} is no Python file", hint="give a file that calls trackway.models.set_model")
    shutil.copyfile(source, folder / source.name)
    kept = {"model_code_path": source.name, "config": config, "artifacts": artifacts}
    loader = {"loader_module": "mlflow.pyfunc.loaders.code_model", **_name(kept)}
    return Saved(config=kept, loader=loader, distributions=_PACKAGES)


def _name(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what MLflow's loaders look for, of a model's record."""
    artifacts = {name: {"path": path, "uri": path} for name, path in kept["artifacts"].items()}
    return {key: kept[key] for key in ("python_model", "model_code_path", "config") if kept.get(key)} | (
        {"artifacts": artifacts} if artifacts else {}
    )


def _find_source(model: Any) -> Path:
    """Return the file that defines a class or function.

    raises: InvalidInput for objects, for what is inside of functions, and for the script that runs
    """
    if not inspect.isclass(model) and not inspect.isfunction(model):
        raise InvalidInput(
            f"An object of {type(model).__qualname__} cannot be saved as code",
            hint="give its class and model_config= to make it with, or serialization_format='cloudpickle'",
        )
    module = sys.modules.get(model.__module__)
    file = getattr(module, "__file__", None)
    if model.__module__ == "__main__" or file is None or not file.endswith(".py"):
        raise InvalidInput(
            f"{model.__qualname__} is defined in the script or notebook that runs",
            hint="move it to a file of its own and import it, as loading the model runs that file again; or "
            "serialization_format='cloudpickle', which keeps it as a pickle",
        )
    if getattr(module, model.__qualname__, None) is not model:
        raise InvalidInput(
            f"{model.__qualname__} is not found by its name in {file}", hint="define it at the top level"
        )
    return Path(file)


def _check_config(config: Mapping[str, Any]) -> None:
    try:
        same = msgspec.json.decode(msgspec.json.encode(config)) == config
    except (TypeError, msgspec.MsgspecError):
        same = False
    if not same:
        raise InvalidInput("model_config holds more than JSON has", hint="texts, numbers, booleans, lists and dicts")


def _copy_artifacts(folder: Path, artifacts: Mapping[str, Any]) -> dict[str, str]:
    """Copy the files and folders that a model is saved with, and return their places by name."""
    places = {}
    for name, source in artifacts.items():
        path = Path(source)
        place = f"{ARTIFACTS}/{path.name}"
        if not path.exists() or (folder / place).exists():
            problem = "is there twice" if (folder / place).exists() else "does not exist"
            raise InvalidInput(f"The artifact {name!r} ({path}) {problem}")
        (folder / ARTIFACTS).mkdir(exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, folder / place)
        places[str(name)] = place
    return places


def _resolve_artifacts(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    named = config.get("artifacts") or {}
    if not isinstance(named, Mapping):
        raise InvalidInput("The model's artifacts are no mapping")
    paths = {str(name): place.get("path") if isinstance(place, Mapping) else place for name, place in named.items()}
    return {name: str(resolve_inside(folder, path)) for name, path in paths.items()}


FLAVOR = PythonFlavor()
