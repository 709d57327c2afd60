"""PyTorch: weights as safetensors, and the module as an exported program, which runs without the class it came from.

Both files are data: a program is read against a table of operators (``trackway.models.programs``). Modules that were
pickled, here on request or by MLflow, load with trust alone.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from trackway.base.errors import InvalidInput, NotSupported
from trackway.models.arrays import to_arrays, to_numpy
from trackway.models.devices import CPU, choose_device
from trackway.models.examples import split_example
from trackway.models.flavors.base import Conversion, Graph, Predict, Saved, import_library
from trackway.models.flavors.onnx_graphs import MATRIX, OPSETS, tidy
from trackway.models.manifest import resolve_inside
from trackway.models.programs import read_program, strip_program
from trackway.models.safetensors import check_safetensors
from trackway.models.trust import load_torch, require_trust

DATA: Final = "data"
WEIGHTS: Final = "model.safetensors"
PROGRAM: Final = "model.pt2"
PICKLE: Final = "model.pth"
FORMATS: Final = ("pt2", "weights", "pickle")
_ONE: Final = "prediction"
OLDEST: Final = (2, 10)
"""Before it, the reader of weights could be made to run code (CVE-2025-32434, CVE-2026-24747)."""
_log = logging.getLogger("trackway.models")


class PytorchFlavor:
    """Modules of PyTorch and of what is made of them, such as Lightning's."""

    name = "pytorch"
    options = ("serialization_format", "export_example")
    load_options = ("model", "device")

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        torch = _import_torch()
        form = options.get("serialization_format") or "pt2"
        if form not in FORMATS:
            raise InvalidInput(f"{form!r} is no way to save a module", hint=", ".join(FORMATS))
        if not isinstance(model, torch.nn.Module):
            raise InvalidInput(f"A {type(model).__qualname__} is no torch.nn.Module", hint="give the module itself")
        given = options.get("input_example")
        example = split_example(options.get("export_example") if given is None else given)[0]
        if form == "pt2" and example is None:
            raise InvalidInput(
                "A module is exported by running it once, and there is no input_example",
                hint="give one, or serialization_format='weights' to keep the weights alone and load them into a "
                "module of your own",
            )
        (folder / DATA).mkdir()
        config = {"pytorch_version": str(torch.__version__), "serialization_format": form, "model_data": DATA}
        with _ready(torch, model) as device:
            if form == "pickle":
                _save_pickle(torch, model, folder / DATA)
            else:
                _save_weights(model, folder / DATA / WEIGHTS)
            call = "one" if form != "pt2" else _export(torch, model, example, folder / DATA / PROGRAM)
        return Saved(
            config={**config, "device": device, "call": call},
            loader={} if form == "pt2" else {"loader_module": "mlflow.pytorch", "data": DATA},
            distributions=("torch", "numpy", *(("safetensors",) if form != "pickle" else ())),
            is_standalone=form == "pt2",
        )

    def load(
        self, folder: Path, config: Mapping[str, Any], *, trust: bool, model: Any = None, device: Any = None
    ) -> Any:
        data = resolve_inside(folder, config.get("model_data"))
        if model is not None:
            return _fill(model, data / WEIGHTS, _choose(device, config)).eval()
        if (data / PROGRAM).is_file():
            with read_program(data / PROGRAM, trust=trust) as file:
                return _run_program(file, _choose(device, config))
        if (data / WEIGHTS).is_file():
            raise InvalidInput(
                "The model holds weights alone, which need a module of the class that they came from",
                hint="trackway.pytorch.load_model(uri, model=Net()) fills it",
            )
        path = resolve_inside(data, PICKLE)
        require_trust(trust, f"The model's file {path.name!r} is a pickle")
        return load_torch(_import_torch(), path, _choose(device, config), trust=trust).eval()

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:
        torch = import_library("torch")
        kept = [*native.parameters(), *native.buffers()]
        device = kept[0].device if kept else torch.device(CPU)
        floats = next((one.dtype for one in kept if one.is_floating_point()), torch.float32)

        def prepare(array: Any) -> Any:
            tensor = torch.as_tensor(array if array.flags.writeable else array.copy()).to(device)
            return tensor.to(floats) if tensor.is_floating_point() else tensor

        def predict(data: Any, params: dict[str, Any]) -> Any:
            arrays = to_arrays(data)
            is_training = native.training and not isinstance(native, torch.fx.GraphModule)
            with torch.no_grad(), _inferring(native) if is_training else contextlib.nullcontext():
                if isinstance(arrays, dict):
                    tensors = {name: prepare(array) for name, array in arrays.items()}
                    call = config.get("call") or ("name" if _takes(native, tensors) else "dict")
                    made = native(tensors, **params) if call == "dict" else native(**tensors, **params)
                else:
                    made = native(prepare(arrays), **params)
            return _to_plain(made)

        return predict

    def list_conversions(self, native: Any, config: Mapping[str, Any], rows: Any) -> Sequence[Conversion]:  # noqa: ARG002
        torch = _import_torch()
        if isinstance(native, torch.fx.GraphModule):
            raise NotSupported(
                "A module that was loaded as a program cannot be converted",
                hint="export the module itself, or load the model with model=, which fills a module of its class",
            )
        inputs = "tensors by name" if isinstance(rows, Mapping) else "a tensor"

        def make() -> Graph:
            with _ready(torch, native):
                return _trace(torch, native, rows)

        return [Conversion(inputs, make)]


def _trace(torch: Any, model: Any, rows: Any) -> Graph:
    """Return the graph of a module as it runs for some rows, with its inputs and outputs by their names."""
    few = {name: one[:2] for name, one in rows.items()} if isinstance(rows, Mapping) else rows[:2]
    arrays = to_arrays(few)
    floats = next((one.dtype for one in model.parameters() if one.is_floating_point()), torch.float32)
    inputs = [*arrays] if isinstance(arrays, dict) else [MATRIX]
    by_name = isinstance(arrays, dict) and _takes(model, arrays)
    tensors = [torch.as_tensor(one) for one in (arrays.values() if isinstance(arrays, dict) else [arrays])]
    outputs: list[str] = []

    class Flat(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, *given: Any) -> tuple[Any, ...]:
            named = dict(zip(inputs, given, strict=True))
            made = self.inner(**named) if by_name else self.inner(named if isinstance(arrays, dict) else given[0])
            found = _name_outputs(made)
            outputs[:] = found
            return tuple(found.values())

    flat = Flat().eval()
    arguments = tuple(one.to(floats) if one.is_floating_point() else one for one in tensors)
    flat(*arguments)  # tells the names of the outputs
    if clash := [name for name in outputs if name in inputs]:
        raise NotSupported(f"The module has an input and an output called {clash[0]!r}, which a graph cannot have")
    sizes = {name: {0: "N"} for name in (*inputs, *outputs)}
    names = {"input_names": inputs, "output_names": [*outputs]}
    file = io.BytesIO()
    # The exporter that traces: the other one needs a package more, and gives the same.
    torch.onnx.export(flat, arguments, file, dynamo=False, dynamic_axes=sizes, opset_version=OPSETS[""], **names)
    proto = tidy(import_library("onnx").load_from_string(file.getvalue()))
    return Graph(proto=proto, output=_ONE if outputs == [_ONE] else "")


def _name_outputs(made: Any) -> dict[str, Any]:
    """Return what a module gives by name, as ``predict`` names it; one tensor alone as ``prediction``."""
    if isinstance(made, Mapping):
        return {str(name): one for name, one in made.items()}
    if isinstance(made, list | tuple):
        return {f"output_{place}": one for place, one in enumerate(made)}
    return {_ONE: made}


def _choose(asked: Any, config: Mapping[str, Any]) -> str:
    return choose_device(_import_torch(), asked, config.get("device"))


def _run_program(file: IO[bytes], device: str) -> Any:
    program = _import_torch().export.load(file)
    if device != CPU:
        program = import_library("torch.export.passes").move_to_device_pass(program, device)
    return program.module()


def _import_torch() -> Any:
    torch = import_library("torch")
    version = tuple(int(part) for part in str(torch.__version__).split("+")[0].split(".")[:2])
    if version < OLDEST:
        raise NotSupported(
            f"PyTorch {torch.__version__} has known holes in its reader of weights",
            hint=f"pip install 'torch>={'.'.join(map(str, OLDEST))}'",
        )
    return torch


@contextlib.contextmanager
def _ready(torch: Any, model: Any) -> Iterator[str]:
    """Have a module ready to be saved, for inference and on the CPU, and give it back as it was.

    yields: the device that it was on
    raises: InvalidInput for a module that is on several
    """
    devices = {str(one.device) for one in [*model.parameters(), *model.buffers()]} or {CPU}
    if len(devices) > 1:
        raise InvalidInput(f"The module is on several devices: {', '.join(sorted(devices))}", hint="move it to one")
    device = devices.pop()
    try:
        if device != CPU:
            model.to(CPU)
        with _inferring(model), torch.no_grad():
            yield device
    finally:
        if device != CPU:
            model.to(device)


@contextlib.contextmanager
def _inferring(model: Any) -> Iterator[None]:
    """Have each part of a module in its mode for inference, and give it back in the mode that it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _save_weights(model: Any, path: Path) -> None:
    save = import_library("safetensors.torch", "safetensors").save_model
    try:
        save(model, str(path))
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"The module's state cannot be saved as tensors: {str(error)[:300]}",
            hint="serialization_format='pickle' saves it, and the model loads with trust=True alone",
        ) from error


def _save_pickle(torch: Any, model: Any, folder: Path) -> None:
    """Write a pickled module as MLflow does, which looks for the name of the pickling module in a file."""
    torch.save(model, folder / PICKLE)
    (folder / "pickle_module_info.txt").write_text("pickle", encoding="utf-8")


def _export(torch: Any, model: Any, example: Any, path: Path) -> str:
    """Export a module and return how it is called: with ``one`` input, inputs by ``name``, or a ``dict`` of them."""
    arrays = to_arrays(example)
    floats = next((one.dtype for one in model.parameters() if one.is_floating_point()), torch.float32)

    def prepare(array: Any) -> Any:
        tensor = torch.as_tensor(array)
        if tensor.dim() and tensor.shape[0] == 1:  # of a batch of one, its size is taken for a constant
            tensor = torch.cat([tensor, tensor])
        return tensor.to(floats) if tensor.is_floating_point() else tensor

    arguments: tuple[Any, ...] = ()
    named: dict[str, Any] = {}
    if not isinstance(arrays, dict):
        call, arguments = "one", (prepare(arrays),)
    elif _takes(model, arrays):
        call, named = "name", {name: prepare(array) for name, array in arrays.items()}
    else:
        call, arguments = "dict", ({name: prepare(array) for name, array in arrays.items()},)
    try:
        program = _export_open(torch, model, arguments, named)
        torch.export.save(program, path)
    except Exception as error:  # whatever tracing and the module's own code raise
        raise InvalidInput(
            f"The module cannot be exported: {type(error).__name__}: {str(error)[:500]}",
            hint="the example must be what its forward takes; serialization_format='weights' keeps its weights alone, "
            "'pickle' all of it, to be loaded with trust=True",
        ) from error
    strip_program(path)
    return call


def _export_open(torch: Any, model: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Export a module for batches of any size; for those of the example's where its code allows no other."""

    def open_first(kind: Any) -> Any:
        return lambda tensor: {0: kind} if tensor.dim() else {}

    from_tree = torch.utils._pytree.tree_map_only
    for kind in (torch.export.Dim.DYNAMIC, torch.export.Dim.AUTO):
        shapes = from_tree(torch.Tensor, open_first(kind), named or arguments)
        try:
            return torch.export.export(model, arguments, named, dynamic_shapes=shapes)
        except Exception as error:
            if kind is torch.export.Dim.AUTO or type(error).__name__ not in ("UserError", "ConstraintViolationError"):
                raise
            _log.warning("The module takes batches of the example's size alone: %s", str(error).split("\n")[0][:200])
    raise AssertionError("the last way raises or returns")


def _takes(model: Any, named: Mapping[str, Any]) -> bool:
    """Return whether a module's ``forward`` takes inputs by these names."""
    try:
        inspect.signature(model.forward).bind(**named)
    except (TypeError, ValueError):
        return False
    return True


def _fill(model: Any, path: Path, device: str) -> Any:
    if not isinstance(model, _import_torch().nn.Module):
        raise InvalidInput(f"model= takes a torch.nn.Module, found {type(model).__qualname__}", hint="such as Net()")
    if not path.is_file():
        raise InvalidInput("The model holds no weights to fill a module with", hint="load it without model=")
    check_safetensors(path)
    try:
        import_library("safetensors.torch", "safetensors").load_model(model, str(path))
    except RuntimeError as error:
        raise InvalidInput(f"The weights do not fit {type(model).__qualname__}: {str(error)[:500]}") from error
    return model.to(device)


def _to_plain(made: Any) -> Any:
    """Return what a module gives as arrays; of several, by name or as ``output_0`` and so on."""
    if isinstance(made, Mapping | list | tuple):
        return {name: to_numpy(one) for name, one in _name_outputs(made).items()}
    return to_numpy(made)


FLAVOR = PytorchFlavor()
