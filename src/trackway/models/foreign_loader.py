"""Loads a model of this product in MLflow, where this product need not be installed.

This file is copied into the ``code`` folder of models that MLflow has no loader for: scikit-learn models in the skops
format for MLflow 2, exported programs of PyTorch, H2O's models as MOJO, what was exported to ONNX, and Python classes
and functions. It uses nothing but the library of the model itself.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from typing import Any


def _load_pyfunc(path: str) -> Any:
    """Return an object with ``predict(data, params)``, as MLflow asks of a loader.

    path: folder of the model
    """
    import yaml

    with open(os.path.join(path, "MLmodel"), encoding="utf-8") as file:
        flavors = yaml.safe_load(file)["flavors"]
    if "python" in flavors:
        return _PythonModel(path, flavors["python"])
    if "pytorch" in flavors:
        return _Program(path, flavors["pytorch"])
    if "onnx" in flavors:
        return _Graph(path, flavors["onnx"])
    if "h2o" in flavors:
        return _Mojo(os.path.join(path, flavors["h2o"]["data"]))
    return _Estimator(path, flavors["python_function"], flavors.get("sklearn") or flavors["lightgbm"])


class _Estimator:
    def __init__(self, path: str, function: dict[str, Any], config: dict[str, Any]) -> None:
        from skops import io

        file = os.path.join(path, function["model_path"])
        self._model = io.load(file, trusted=config["skops_trusted_types"] or [])
        name = function.get("predict_fn", "predict")
        self._method = getattr(self._model, name)
        setattr(self, name, self._predict)  # MLflow calls the method by the name that the model's record has

    def _predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        return self._method(data, **(params or {}))

    def get_raw_model(self) -> Any:
        return self._model


class _Program:
    def __init__(self, path: str, config: dict[str, Any]) -> None:
        import torch

        self._torch = torch
        self._module = torch.export.load(os.path.join(path, config["model_data"], "model.pt2")).module()
        kept = [one.dtype for one in self._module.parameters() if one.is_floating_point()]
        self._floats = kept[0] if kept else torch.float32
        self._as_dict = config["call"] == "dict"

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        with self._torch.no_grad():
            if isinstance(data, dict):
                tensors = {name: self._prepare(value) for name, value in data.items()}
                made = self._module(tensors) if self._as_dict else self._module(**tensors, **(params or {}))
            else:
                made = self._module(self._prepare(data), **(params or {}))
        if isinstance(made, dict):
            return {name: one.numpy() for name, one in made.items()}
        if isinstance(made, list | tuple):
            return {f"output_{place}": one.numpy() for place, one in enumerate(made)}
        return made.numpy()

    def _prepare(self, data: Any) -> Any:
        array = data.to_numpy(dtype="float32") if hasattr(data, "to_numpy") else data
        tensor = self._torch.as_tensor(array if array.flags.writeable else array.copy())
        return tensor.to(self._floats) if tensor.is_floating_point() else tensor

    def get_raw_model(self) -> Any:
        return self._module


class _Graph:
    def __init__(self, path: str, config: dict[str, Any]) -> None:
        import onnxruntime

        before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            module: Any = importlib.import_module("trackway_onnx_session")
        finally:
            sys.dont_write_bytecode = before
        session = onnxruntime.InferenceSession(os.path.join(path, config["data"]), providers=["CPUExecutionProvider"])
        self._asker = module.Asker(session, config["predict"])

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002 - it takes none
        return self._asker.ask(data)


class _Mojo:
    def __init__(self, path: str) -> None:
        import h2o

        h2o.init(bind_to_localhost=True, verbose=False)
        h2o.no_progress()
        self._model = h2o.upload_mojo(path)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002 - it takes none
        import h2o

        return self._model.predict(h2o.H2OFrame(data)).as_data_frame()


class _PythonModel:
    def __init__(self, path: str, config: dict[str, Any]) -> None:
        made = getattr(importlib.import_module(config["module"]), config["object"])
        self._model = made(**config["config"]) if inspect.isclass(made) else made
        self._context = _Context({name: os.path.join(path, place) for name, place in config["artifacts"].items()})
        self._context.model_config = config["config"]
        if hasattr(self._model, "load_context"):
            self._model.load_context(self._context)
        self._call: Any = getattr(self._model, "predict", self._model)
        self._names = set(inspect.signature(self._call).parameters)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        first = (self._context,) if "context" in self._names else ()
        return self._call(*first, data, **({"params": params} if "params" in self._names else {}))


class _Context:
    def __init__(self, artifacts: dict[str, str]) -> None:
        self.artifacts = artifacts
        self.model_config: dict[str, Any] = {}


# Importing this file leaves a compiled copy beside it, which the model's manifest does not list.
with contextlib.suppress(OSError):
    os.unlink(__cached__)  # type: ignore[name-defined]
    os.rmdir(os.path.dirname(__cached__))  # type: ignore[name-defined]
