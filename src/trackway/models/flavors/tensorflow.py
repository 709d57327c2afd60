"""TensorFlow: modules as SavedModel folders, and Keras models as ``.keras`` files, as MLflow has both under this name.

A SavedModel is a program: its graphs may read and write files and call Python. One loads without trust when each of its
operations computes on what it is given, by TensorFlow's own register of operations and a table of those with a state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import Corrupt, InvalidInput
from trackway.models.arrays import to_arrays, to_numpy
from trackway.models.examples import split_example
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.flavors.keras import DATA, predict_keras, read_keras, write_keras
from trackway.models.manifest import resolve_inside
from trackway.models.trust import require_trust

FOLDER: Final = "tf2model"
GRAPH: Final = "saved_model.pb"
SERVING: Final = "serving_default"
MAX_GRAPH_BYTES: Final = 2**31 - 1

_STATEFUL: Final = frozenset(
    """
    AnonymousHashTable AnonymousMutableHashTable AssignAddVariableOp AssignSubVariableOp AssignVariableOp Bernoulli
    CudnnRNN CudnnRNNV2 CudnnRNNV3 DestroyResourceOp DisableCopyOnRead HashTableV2 If InitializeTableV2
    LookupTableExportV2 LookupTableFindV2 LookupTableImportV2 LookupTableInsertV2 LookupTableSizeV2 Multinomial
    MutableHashTableV2 ParameterizedTruncatedNormal Placeholder RandomGamma RandomPoissonV2 RandomShuffle
    RandomStandardNormal RandomUniform RandomUniformInt ReadVariableOp ResourceGather ResourceGatherNd
    ResourceScatterAdd ResourceScatterUpdate StatefulPartitionedCall StatefulStandardNormalV2 StatefulUniform
    TruncatedNormal VarHandleOp VarIsInitializedOp VariableShape While
    """.split()
)
"""Operations with a state that is the model's own: variables, tables, random numbers, calls of its other functions."""
_REACHING: Final = frozenset(
    """
    Abort DecodeProtoV2 EncodeProto GenerateVocabRemapping LoadAndRemapMatrix MatchingFiles PyFuncStateless ReadFile
    """.split()
)
"""Operations without a state that reach what is not the model's: files and Python."""
_SAVING: Final = frozenset(("MergeV2Checkpoints", "RestoreV2", "SaveV2"))
_SAVERS: Final = ("__inference__traced_save_", "__inference__traced_restore_")
"""Functions that save and restore variables; every SavedModel has them, and nothing calls them when one is loaded."""


class TensorflowFlavor:
    """Modules of TensorFlow 2, and Keras models."""

    name = "tensorflow"
    options = ()
    load_options = ("custom_objects",)

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        if _is_keras(model):
            recorded, distributions = write_keras(model, folder / DATA)
            (folder / DATA / "save_format.txt").write_text("tf", encoding="utf-8")
            config = {"data": DATA, "model_type": "keras", "save_format": "tf", **recorded}
            return Saved(
                config=config,
                loader={"loader_module": "mlflow.tensorflow", "data": DATA},
                distributions=(*distributions, "tensorflow|tensorflow-cpu"),
            )
        tensorflow = import_library("tensorflow")
        _write_module(tensorflow, model, folder / FOLDER, split_example(options.get("input_example"))[0])
        version = str(tensorflow.__version__)
        return Saved(
            config={"saved_model_dir": FOLDER, "model_type": "tf2-module", "tensorflow_version": version},
            loader={"loader_module": "mlflow.tensorflow"},
            distributions=("tensorflow|tensorflow-cpu", "numpy"),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool, custom_objects: Any = None) -> Any:
        if config.get("model_type") == "keras" or "data" in config:
            data = resolve_inside(folder, config.get("data"))
            return read_keras(data, {"keras_backend": "tensorflow", **config}, custom_objects, trust=trust)
        place = resolve_inside(folder, config.get("saved_model_dir"))
        if not trust:
            check_saved_model(place)
        return import_library("tensorflow").saved_model.load(str(place))

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:
        if config.get("model_type") == "keras" or "data" in config:
            return predict_keras(native)
        tensorflow = import_library("tensorflow")
        call = (getattr(native, "signatures", None) or {}).get(SERVING)

        def predict(data: Any, params: dict[str, Any]) -> Any:
            arrays = to_arrays(data, texts=True)
            if call is None:
                tensors = tensorflow.nest.map_structure(tensorflow.convert_to_tensor, arrays)
                made = native(**tensors, **params) if isinstance(tensors, dict) else native(tensors, **params)
            else:
                made = call(**_fit(tensorflow, call, arrays), **params)
                made = next(iter(made.values())) if len(made) == 1 else made
            return _to_plain(made)

        return predict


def check_saved_model(folder: Path) -> None:
    """Refuse a SavedModel with operations that reach files, Python or the network.

    raises: PermissionDenied; Corrupt for what is no SavedModel
    """
    forms = [name for name in ("saved_model.cpb", "saved_model.pbtxt") if (folder / name).exists()]
    if forms:
        require_trust(False, f"The model has its graph as {forms[0]!r}, which is not looked into")
    path = resolve_inside(folder, GRAPH)
    if path.stat().st_size > MAX_GRAPH_BYTES:
        raise Corrupt(f"The model's {GRAPH} is larger than {MAX_GRAPH_BYTES} bytes")
    model = import_library("tensorflow.core.protobuf.saved_model_pb2").SavedModel()
    try:
        model.ParseFromString(path.read_bytes())
    except import_library("google.protobuf.message", "protobuf").DecodeError:
        raise Corrupt(f"The model's {GRAPH} is no SavedModel") from None
    if len(model.meta_graphs) != 1 or not model.meta_graphs[0].object_graph_def.nodes:
        require_trust(False, "The model is of TensorFlow 1, or has more than one graph")
    graph = model.meta_graphs[0]
    find = import_library("tensorflow.python.framework.op_def_registry").get
    functions = {function.signature.name for function in graph.graph_def.library.function}
    savers = {name for name in functions if name.startswith(_SAVERS)}
    for node, owner in _list_nodes(graph.graph_def):
        if node.op in savers or (owner not in savers and owner and savers & {*_list_called(node)}):
            require_trust(False, f"The model calls its own saver in {owner[:100]!r}")
        known = find(node.op)
        if known is None:
            is_plain = node.op in functions
        elif known.is_stateful:
            is_plain = node.op in _STATEFUL or (owner in savers and node.op in _SAVING)
        else:
            is_plain = node.op not in _REACHING
        if not is_plain:
            require_trust(False, f"The model's graph has the operation {node.op[:100]!r}")
    if called := savers & {*graph.object_graph_def.concrete_functions}:
        require_trust(False, f"The model offers its own saver {min(called)[:100]!r}")


def _list_nodes(graph: Any) -> Iterator[tuple[Any, str]]:
    """Yield each node with the name of the function that it is in, empty for the graph itself."""
    for node in graph.node:
        yield node, ""
    for function in graph.library.function:
        for node in function.node_def:
            yield node, function.signature.name


def _list_called(node: Any) -> Iterator[str]:
    """Yield the names of the functions that a node is given."""
    for value in node.attr.values():
        yield value.func.name
        for function in value.list.func:
            yield function.name


def _is_keras(model: Any) -> bool:
    return any(cls.__module__.partition(".")[0] == "keras" for cls in type(model).__mro__)


def _write_module(tensorflow: Any, model: Any, path: Path, example: Any) -> None:
    """Save a module with a signature for batches of any size.

    raises: InvalidInput for what is no module, or has no function that can be saved
    """
    if not isinstance(model, tensorflow.Module):
        raise InvalidInput(f"A {type(model).__qualname__} is no tf.Module, and no Keras model")
    call: Any = getattr(model, "__call__", None)  # noqa: B004 - the method itself is saved
    trace = getattr(call, "get_concrete_function", None)
    if trace is None:
        raise InvalidInput(
            f"{type(model).__qualname__}.__call__ is no tf.function", hint="decorate it with @tf.function"
        )
    try:
        if getattr(call, "input_signature", None) is not None:
            signature = trace()
        elif example is None:
            raise InvalidInput(
                "It is not known what the module takes",
                hint="give an input_example, or tf.function an input_signature",
            )
        else:
            specs = _describe(tensorflow, to_arrays(example, texts=True))
            signature = trace(**specs) if isinstance(specs, dict) else trace(specs)
        tensorflow.saved_model.save(model, str(path), signatures=signature)
    except (ValueError, TypeError, AssertionError, tensorflow.errors.OpError) as error:
        raise InvalidInput(f"TensorFlow cannot save the module: {type(error).__name__}: {str(error)[:500]}") from error
    (path / "fingerprint.pb").unlink(missing_ok=True)  # of no use to what loads it, and another one with each save


def _describe(tensorflow: Any, arrays: Any) -> Any:
    if isinstance(arrays, dict):
        return {name: _describe(tensorflow, array) for name, array in arrays.items()}
    dtype = tensorflow.string if arrays.dtype.kind in "US" else tensorflow.as_dtype(arrays.dtype)
    return tensorflow.TensorSpec([None, *arrays.shape[1:]], dtype)


def _fit(tensorflow: Any, call: Any, arrays: Any) -> dict[str, Any]:
    """Return tensors by the names of a signature, of its types where numbers are given.

    raises: InvalidInput for names that it does not have
    """
    specs = call.structured_input_signature[1]
    if not isinstance(arrays, dict):
        if len(specs) != 1:
            raise InvalidInput(f"The model takes {len(specs)} tensors by name: {', '.join(sorted(specs))}")
        arrays = {next(iter(specs)): arrays}
    if arrays.keys() != specs.keys():
        raise InvalidInput(
            f"The model takes the tensors {', '.join(sorted(specs))}; found {', '.join(sorted(arrays)) or 'none'}"
        )
    tensors = {name: tensorflow.convert_to_tensor(array) for name, array in arrays.items()}
    floats = {name for name, one in tensors.items() if one.dtype.is_floating and specs[name].dtype.is_floating}
    return {name: tensorflow.cast(one, specs[name].dtype) if name in floats else one for name, one in tensors.items()}


def _to_plain(made: Any) -> Any:
    if isinstance(made, Mapping):
        return {str(name): to_numpy(one) for name, one in made.items()}
    if isinstance(made, list | tuple):
        return {f"output_{place}": to_numpy(one) for place, one in enumerate(made)}
    return to_numpy(made)


FLAVOR = TensorflowFlavor()
