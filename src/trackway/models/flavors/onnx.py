"""ONNX: graphs of operators, which hold numbers and texts, run by ONNX Runtime.

What could reach out of such a file is refused: weights in files elsewhere, nodes that name files of their own, options
of execution providers, which may name libraries to load, and options of sessions that are not known to be safe.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.base.errors import Corrupt, InvalidInput
from trackway.models import onnx_session, parity
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.manifest import resolve_inside, verify
from trackway.models.mlmodel import read_mlmodel
from trackway.models.onnx_session import Asker
from trackway.models.trust import require_trust

FILE: Final = "model.onnx"
DATA_FILE: Final = "model.onnx.data"
MAX_BYTES: Final = 1_500_000_000
"""Larger models keep their weights in a file of their own; the format ends at 2 GB."""
ALIGNMENT: Final = 4096
"""Weights start at multiples of it, the first behind zeros: so none is taken for the head of another format."""
MIN_WEIGHT_BYTES: Final = 1024
"""Smaller weights stay in the model's file."""
PROVIDERS: Final = ("CUDAExecutionProvider", "CPUExecutionProvider")

_THREADS: Final = ("inter_op_num_threads", "intra_op_num_threads")
_MODES: Final = {"sequential": "ORT_SEQUENTIAL", "parallel": "ORT_PARALLEL"}
_LEVELS: Final = (0, 1, 2, 99)
_CONFIG: Final = (
    "session.set_denormal_as_zero session.intra_op.allow_spinning session.inter_op.allow_spinning "
    "session.force_spinning_stop session.disable_prepacking session.use_env_allocators session.dynamic_block_base"
).split()
"""Options of sessions that change how fast something is computed, and nothing else."""
_log = logging.getLogger("trackway.models")


class OnnxExport(msgspec.Struct, frozen=True):
    """A graph that was made of another library's model.

    proto:  ``onnx.ModelProto``
    answer: which output is what the model predicts, its shape and type
    files:  what is to be kept beside it, by name
    """

    proto: Any
    answer: dict[str, Any]
    files: dict[str, str]


class OnnxFlavor:
    """Models of ONNX: an ``onnx.ModelProto``, the path of a file, or the folder of a model that was exported."""

    name = "onnx"
    options = ("onnx_execution_providers", "onnx_output", "onnx_session_options", "save_as_external_data")

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        if isinstance(model, str | Path) and Path(model).is_dir():
            model = _take_folder(Path(model))
        proto, answer = _take_model(model, options.get("onnx_output"))
        providers, settings = options.get("onnx_execution_providers"), options.get("onnx_session_options")
        _check_providers(providers)
        _check_settings(settings)
        onnx = import_library("onnx")
        if _is_large(proto) or options.get("save_as_external_data"):
            proto = _move_weights(proto, folder / DATA_FILE)
        onnx.save_model(proto, folder / FILE)
        try:
            onnx.checker.check_model(str(folder / FILE))
        except onnx.checker.ValidationError as error:
            raise InvalidInput(f"The model is no valid ONNX: {str(error)[:300]}") from error
        config = {"onnx_version": onnx.__version__, "data": FILE, "onnx_session_options": settings}
        config |= {"providers": providers or list(PROVIDERS), **({"predict": answer} if answer else {})}
        if isinstance(model, OnnxExport):
            for name, text in model.files.items():
                (folder / name).write_text(text, encoding="utf-8")
        return Saved(
            config=config,
            loader={} if answer else {"loader_module": "mlflow.onnx", "data": FILE},
            distributions=("onnx", "onnxruntime|onnxruntime-gpu", "numpy", "pandas"),
            is_standalone=bool(answer),
            code=(onnx_session.__file__,) if answer else (),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:
        _check_settings(config.get("onnx_session_options"), trust)
        _check_providers(config.get("providers"), trust)
        _check_answer(config.get("predict"))
        path = resolve_inside(folder, config.get("data"))
        onnx = import_library("onnx")
        model = onnx.load(str(path), load_external_data=False)
        for tensor in _list_outside(model):
            _read_weights(tensor, folder)
        if not _is_large(model):
            onnx.checker.check_model(model)
        return model

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:
        asker = Asker(open_session(native, config), config.get("predict"))

        def predict(data: Any, params: dict[str, Any]) -> Any:
            if params:
                raise InvalidInput(f"A model of ONNX takes no params, found {', '.join(map(repr, params))}")
            try:
                return asker.ask(data)
            except Exception as error:  # the runtime has a class of its own for each kind
                raise InvalidInput(f"The ONNX model does not take this data: {str(error)[:500]}") from error

        return predict

    def is_rowwise(self, config: Mapping[str, Any]) -> bool:
        return (config.get("predict") or {}).get("rowwise") is True


def _take_folder(folder: Path) -> OnnxExport:
    """Read a model's folder again, with what an export keeps beside the graph."""
    mlmodel = read_mlmodel(folder)
    verify(folder, required=mlmodel.is_ours)
    config = mlmodel.flavors.get("onnx")
    if config is None:
        raise InvalidInput(f"The model in {folder} is none of ONNX", hint="trackway.models.export makes one of it")
    kept = {name: folder / name for name in (parity.NAME, parity.PAGE) if (folder / name).is_file()}
    files = {name: path.read_text(encoding="utf-8") for name, path in kept.items()}
    return OnnxExport(FLAVOR.load(folder, config, trust=False), dict(config.get("predict") or {}), files)


def _take_model(model: Any, output: Any) -> tuple[Any, dict[str, Any] | None]:
    """Return a model's proto and what of its outputs is the answer."""
    if isinstance(model, OnnxExport):
        return model.proto, model.answer or None
    onnx = import_library("onnx")
    if isinstance(model, str | Path):
        if not Path(model).is_file():
            raise InvalidInput(f"{model} is no file", hint="give the path of an .onnx file, or an onnx.ModelProto")
        try:
            model = onnx.load(str(model))
        except Exception as error:
            raise InvalidInput(
                f"The file cannot be read as ONNX: {type(error).__name__}: {str(error)[:300]}"
            ) from error
    if not isinstance(model, onnx.ModelProto):
        raise InvalidInput(f"A {type(model).__qualname__} is no model of ONNX", hint="give an onnx.ModelProto")
    if any(True for _ in _list_outside(model)):
        raise InvalidInput("The model's weights are in files elsewhere", hint="load it with its external data")
    names = [one.name for one in model.graph.output]
    if output is not None and output not in names:
        raise InvalidInput(f"The model has no output {output!r}", hint=f"it has {', '.join(map(repr, names))}")
    return model, None if output is None else {"output": output}


def open_session(model: Any, config: Mapping[str, Any]) -> Any:
    """Open a session on what is there of the providers that a model's record names, on the CPU when none is."""
    runtime = import_library("onnxruntime")
    named = config.get("providers") or PROVIDERS
    wanted = [tuple(one) if isinstance(one, list) else one for one in ([named] if isinstance(named, str) else named)]
    there = {*runtime.get_available_providers()}
    usable = [one for one in wanted if (one if isinstance(one, str) else one[0]) in there]
    if len(usable) < len(wanted) and tuple(wanted) != PROVIDERS:
        _log.warning("The model asks for %s; of these %s can be used here", wanted, usable or "none but the CPU")
    arguments = {"sess_options": _make_options(runtime, config), "providers": usable or ["CPUExecutionProvider"]}
    try:
        if not _is_large(model):
            return runtime.InferenceSession(model.SerializeToString(), **arguments)
        with tempfile.TemporaryDirectory(prefix="trackway-onnx-") as folder:
            import_library("onnx").save_model(_move_weights(model, Path(folder) / DATA_FILE), Path(folder) / FILE)
            return runtime.InferenceSession(str(Path(folder) / FILE), **arguments)
    except Exception as error:
        raise Corrupt(f"ONNX Runtime cannot run the model: {str(error)[:500]}") from error


def _make_options(runtime: Any, config: Mapping[str, Any]) -> Any:
    options = runtime.SessionOptions()
    settings = config.get("onnx_session_options") or {}
    for name in _THREADS:
        if name in settings:
            setattr(options, name, settings[name])
    if mode := settings.get("execution_mode"):
        options.execution_mode = getattr(runtime.ExecutionMode, _MODES[mode.lower()])
    if "graph_optimization_level" in settings:
        options.graph_optimization_level = runtime.GraphOptimizationLevel(settings["graph_optimization_level"])
    for key, value in (settings.get("extra_session_config") or {}).items():
        options.add_session_config_entry(key, str(value))
    return options


def _check_settings(settings: Any, trust: bool = True) -> None:
    """Check the options of a session; those that are not known to be safe need trust."""
    if settings is None:
        return
    known = {*_THREADS, "execution_mode", "graph_optimization_level", "extra_session_config"}
    if not isinstance(settings, Mapping) or not {*settings} <= known:
        raise InvalidInput("The options of an ONNX session are not known", hint=f"they are {', '.join(sorted(known))}")
    for name in _THREADS:
        if type(value := settings.get(name, 1)) is not int or not 0 <= value <= 1024:
            raise InvalidInput(f"{name} is {str(value)[:20]}", hint="a number of threads from 0 to 1024")
    if str(settings.get("execution_mode") or "parallel").lower() not in _MODES:
        raise InvalidInput("execution_mode is neither 'sequential' nor 'parallel'")
    if settings.get("graph_optimization_level", 0) not in _LEVELS:
        raise InvalidInput("graph_optimization_level is none of 0, 1, 2, 99")
    extra = settings.get("extra_session_config") or {}
    if not isinstance(extra, Mapping):
        raise InvalidInput("extra_session_config is no mapping")
    if unknown := [str(key) for key in extra if key not in _CONFIG]:
        require_trust(trust, f"The model sets {unknown[0][:100]!r} of ONNX Runtime")


def _check_providers(providers: Any, trust: bool = True) -> None:
    """Check the execution providers; options of theirs, which may name libraries to load, need trust."""
    entries = [providers] if isinstance(providers, str) else providers or []
    if not isinstance(entries, Sequence):
        raise InvalidInput("The execution providers of ONNX are no list of names")
    for entry in entries:
        if isinstance(entry, list | tuple) and len(entry) == 2 and isinstance(entry[0], str):
            require_trust(trust, f"The model gives options to {entry[0][:100]!r}")
        elif not isinstance(entry, str):
            raise InvalidInput("The execution providers of ONNX are no list of names")


def _check_answer(answer: Any) -> None:
    if answer is None:
        return
    is_one = isinstance(answer, Mapping) and isinstance(answer.get("output"), str)
    shape, dtype = (answer.get("shape") or [], answer.get("dtype") or "str") if is_one else ([], "")
    sizes = isinstance(shape, list) and all(type(size) is int and size >= -1 for size in shape)
    if not is_one or not sizes or dtype not in _ANSWERS:
        raise InvalidInput("The model's record of what it predicts cannot be read")


_ANSWERS: Final = (
    *(f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)),
    *("bool", "str", "bytes", "object"),
)


def _list_outside(model: Any) -> Iterator[Any]:
    """Yield the tensors of a model, however deep, whose numbers are in other files.

    raises: InvalidInput for nodes that name files of their own
    """
    tensor = import_library("onnx").TensorProto
    pending = [model]
    while pending:
        message = pending.pop()
        if getattr(message, "op_type", "") == "EPContext":
            raise InvalidInput("The model has nodes that load what was compiled for one machine")
        if isinstance(message, tensor):
            if message.data_location == tensor.EXTERNAL or message.external_data:
                yield message
            continue
        for field, value in message.ListFields():
            if field.message_type is not None:
                pending.extend([value] if hasattr(value, "ListFields") else value)


def _is_large(model: Any) -> bool:
    """Return whether a model is too large for one message, which ends at 2 GB."""
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer) > MAX_BYTES


def _read_weights(tensor: Any, folder: Path) -> None:
    """Put a tensor's numbers into it, from the file of the model that it names."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    path = resolve_inside(folder, entries.get("location", ""))
    try:
        start = int(entries.get("offset") or 0)
        size_bytes = int(entries.get("length") or path.stat().st_size - start)
    except ValueError:
        start = size_bytes = -1
    if start < 0 or size_bytes < 0 or start + size_bytes > path.stat().st_size:
        raise Corrupt(f"The weight {tensor.name[:100]!r} is not within {path.name!r}")
    with path.open("rb") as file:
        file.seek(start)
        tensor.raw_data = file.read(size_bytes)
    tensor.data_location = type(tensor).DEFAULT
    del tensor.external_data[:]


def _move_weights(model: Any, path: Path) -> Any:
    """Return a copy of a model whose large weights are in a file."""
    copy = type(model)()
    copy.CopyFrom(model)
    with path.open("wb") as file:
        file.write(bytes(ALIGNMENT))
        for tensor in copy.graph.initializer:
            if len(tensor.raw_data) < MIN_WEIGHT_BYTES:
                continue
            file.write(bytes(-file.tell() % ALIGNMENT))
            place = {"location": path.name, "offset": file.tell(), "length": len(tensor.raw_data)}
            file.write(tensor.raw_data)
            tensor.ClearField("raw_data")
            tensor.data_location = type(tensor).EXTERNAL
            for key, value in place.items():
                tensor.external_data.add(key=key, value=str(value))
    return copy


FLAVOR = OnnxFlavor()
