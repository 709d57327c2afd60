"""Saving and loading of a model folder: what every flavor has in common.

Saving: the flavor's files, code, example, environment and ``MLmodel`` are written into a folder beside the target, the
manifest last, and the folder gets its name when it is whole. Loading goes the other way: manifest, then records, then
environment, then the scan for pickles, and only then the flavor.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Unpack

import msgspec

from trackway.base.clock import now_ms
from trackway.base.errors import AlreadyExists, Corrupt, InvalidInput, NotSupported, TrackwayError
from trackway.environments import lock_requirements
from trackway.models import foreign_loader
from trackway.models.enforcement import Enforcer
from trackway.models.environment import (
    CONDA,
    LOCK,
    PYTHON_ENV,
    Difference,
    Environment,
    capture,
    compare,
    is_tracker,
    read_environment,
    read_lock,
    read_requirements,
    write_environment,
)
from trackway.models.examples import read_example, split_example, write_example
from trackway.models.flavors.base import BUILT_IN, Flavor, Saved, find_flavor, get_flavor, is_known
from trackway.models.inference import infer_schema, infer_signature
from trackway.models.manifest import Manifest, list_files, verify, write_manifest
from trackway.models.mlmodel import NAME as MLMODEL
from trackway.models.mlmodel import PYFUNC, MlModel, dump_mlmodel, format_time, read_mlmodel
from trackway.models.options import COMMON, SaveOptions
from trackway.models.signature import Signature
from trackway.models.trust import forget_code, refuse_pickles

LOADER: Final = "trackway_model_loader"
CODE: Final = "code"
_log = logging.getLogger("trackway.models")

_LOADERS: Final = tuple(f"mlflow.{name}" for name in BUILT_IN if name != "python")
"""MLflow's loader modules of flavors that are known here; any other is code of the model's."""


class SavedModel(msgspec.Struct, frozen=True):
    """A model folder as it was saved or verified."""

    path: Path
    mlmodel: MlModel
    manifest: Manifest | None
    """None for a folder that another product saved."""


class Model:
    """A loaded model: the library's own object, and one way to ask any of them for predictions.

    native:      the library's object
    mlmodel:     what its ``MLmodel`` file says
    manifest:    its files and their digests, None for a model that another product saved
    config:      what the ``MLmodel`` file says of the flavor
    differences: packages that are not here as the model was made with
    """

    def __init__(self, native: Any, flavor: Flavor, config: Mapping[str, Any], saved: SavedModel) -> None:
        self.native = native
        self.mlmodel = saved.mlmodel
        self.manifest = saved.manifest
        self.path = saved.path
        self.differences: tuple[Difference, ...] = ()
        self.config = config
        self._flavor = flavor
        self._enforcer = Enforcer(saved.mlmodel.signature)
        self._predict = flavor.get_predict(native, config)
        by_library = hasattr(flavor, "is_rowwise") and flavor.is_rowwise(config)
        self._is_rowwise = by_library or (saved.mlmodel.metadata or {}).get("rowwise") is True

    @property
    def flavor(self) -> str:
        return self._flavor.name

    @property
    def signature(self) -> Signature | None:
        return self.mlmodel.signature

    @property
    def is_rowwise(self) -> bool:
        """Whether each row of an answer depends on that row of the data alone, so that data of several may be joined.

        Libraries' flavors know; a model in Python says so in its metadata: ``{"rowwise": true}``.
        """
        return self._is_rowwise

    @property
    def metadata(self) -> MlModel:
        """What the ``MLmodel`` file says, under the name that scripts written for MLflow use."""
        return self.mlmodel

    @property
    def input_example(self) -> Any:
        """The example that the model was saved with, None when there is none."""
        example = self.mlmodel.example
        if example is None:
            return None
        data = read_example(self.path, example, self.signature)
        if example.get("type") == "dataframe":
            with contextlib.suppress(InvalidInput):  # a declared signature may not fit the example
                return self._enforcer.enforce(data)  # times are texts in the file
        return data

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return what the model gives for data that fits its signature.

        data:   a pandas, polars or Arrow table, a numpy array, a SciPy sparse matrix, a dict or a list
        params: those that the signature declares; of a model without a signature, whatever its library takes
        raises: InvalidInput for what does not fit, with column, expected and found type
        cost:   about 15 us over the library's own call for a table that fits as it is
        """
        fitting = self._enforcer.enforce(data)
        if params or self._enforcer.declares_params:
            return self._predict(fitting, self._fit_params(params))
        return self._predict(fitting, {})

    def prepare(self, data: Any) -> Any:
        """Return data as the library's own object is given it: what ``predict`` does first."""
        return self._enforcer.enforce(data)

    def predict_stream(self, data: Any, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield one answer piece by piece.

        raises: NotSupported for a model that cannot; what ``predict`` raises
        """
        stream = getattr(self._flavor, "stream", None)
        if stream is None:
            raise NotSupported(f"A model of {self.flavor} answers at once", hint="call predict")
        pieces: Iterator[Any] = stream(self.native, self.config, self._enforcer.enforce(data), self._fit_params(params))
        return pieces

    def unwrap_python_model(self) -> Any:
        """Return the Python object behind a model that is written in Python."""
        return getattr(self.native, "model", self.native)

    get_raw_model = unwrap_python_model

    def _fit_params(self, params: Mapping[str, Any] | None) -> dict[str, Any]:
        if self.mlmodel.signature is None:
            return dict(params or {})
        return self._enforcer.enforce_params(params)


def save_model(model: Any, path: str | Path, flavor: str | None = None, **options: Unpack[SaveOptions]) -> SavedModel:
    """Save a model as a folder.

    model:   an object of a library with a flavor; a Python class, function or file
    path:    where nothing is yet, or an empty folder
    flavor:  found by the model's class when left out
    options: see ``SaveOptions``
    raises:  AlreadyExists, InvalidInput; nothing is left behind when saving fails
    """
    target = Path(path).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AlreadyExists(f"There is something at {target} already", hint="save to another path")
    chosen = find_flavor(model) if flavor is None else get_flavor(flavor)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    draft.mkdir()
    try:
        mlmodel = _write(model, draft, chosen, options)
        manifest = write_manifest(draft)
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return SavedModel(target, mlmodel, manifest)


def load_model(path: str | Path, *, trust: bool = False, flavor: str | None = None, **options: Any) -> Model:
    """Load a model from a local folder, saved here or by MLflow.

    trust:   whether the model may run code of its own: pickles, Python models
    flavor:  which of several that the folder holds; the library's own before ``python_function``
    options: of PyTorch ``model``, a module to fill with the weights, and ``device``; of transformers ``device`` and
             ``return_type``; of sentence-transformers ``device``; of Keras and TensorFlow ``custom_objects``;
             of Spark ``dfs_tmpdir``
    raises:  InvalidInput, Corrupt for a folder that is no whole model; PermissionDenied for what needs trust;
             NotSupported when its library is not installed
    """
    folder = Path(path).resolve()
    saved = check_model(folder)
    environment = read_environment(folder, str(saved.mlmodel.flavors.get(PYFUNC, {}).get("python_version") or ""))
    differences = compare(environment) if environment is not None else ()
    name, config = choose_flavor(saved.mlmodel, flavor)
    refuse_pickles(folder, list_files(folder), trust=trust)
    chosen = get_flavor(name)
    native = _load_native(chosen, folder, config, trust, _check_load_options(chosen, options))
    model = Model(native, chosen, config, saved)
    model.differences = differences
    if severe := [str(one) for one in differences if one.kind != "minor"]:
        _log.warning("The environment differs from the one that the model was made with: %s", "; ".join(severe))
    return model


def _check_load_options(flavor: Flavor, options: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in options.items() if value is not None}
    allowed = getattr(flavor, "load_options", ())
    if unknown := sorted(given.keys() - {*allowed}):
        hint = f"it takes {', '.join(allowed) or 'no options'}"
        raise InvalidInput(f"A model of {flavor.name} is loaded without {unknown[0]!r}", hint=hint)
    return given


def _load_native(
    flavor: Flavor, folder: Path, config: Mapping[str, Any], trust: bool, options: Mapping[str, Any]
) -> Any:
    """Return what a flavor loads; a library that cannot read its own file says so in many ways, and here in one."""
    try:
        return flavor.load(folder, config, trust=trust, **options)
    except Exception as error:
        if isinstance(error, TrackwayError) or flavor.name == "python":  # the model's own code may raise what it likes
            raise
        problem = f"{type(error).__name__}: {str(error)[:300]}"
        raise Corrupt(f"{flavor.name} cannot read the model: {problem}") from error


def check_model(folder: Path) -> SavedModel:
    """Verify a model folder and read its records; nothing of it is imported.

    raises: InvalidInput, Corrupt
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder", hint="a model is a folder with an MLmodel file")
    mlmodel = read_mlmodel(folder)
    return SavedModel(folder, mlmodel, verify(folder, required=mlmodel.is_ours))


def read_needs(folder: Path) -> Environment:
    """Return what a model asks for to run: a version of Python, and requirements, without what saves and loads models.

    Of a model that was locked, those are the exact versions of all packages.

    raises: InvalidInput when it does not say; what ``check_model`` raises
    """
    recorded = str(check_model(folder).mlmodel.flavors.get(PYFUNC, {}).get("python_version") or "")
    environment = read_environment(folder, recorded)
    if environment is None or not environment.requirements:
        raise InvalidInput("The model does not say what it needs", hint="use --env-manager local")
    needed = tuple(line for line in read_lock(folder) or environment.requirements if not is_tracker(line))
    return Environment(environment.python, needed)


def choose_flavor(mlmodel: MlModel, flavor: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return the name of the flavor that loads a model, and its record.

    raises: InvalidInput when the model has no such flavor; NotSupported when none of its flavors is known
    """
    flavors = mlmodel.flavors
    function = flavors.get(PYFUNC, {})
    if flavor not in (None, "python", PYFUNC):
        if flavor not in flavors:
            raise InvalidInput(f"The model has no flavor {flavor!r}", hint=f"it has {', '.join(flavors)}")
        return str(flavor), {**flavors[str(flavor)], **_keep(function)}
    for name, config in flavors.items():
        if name != PYFUNC and is_known(name):
            return name, {**config, **_keep(function)}
    loader = function.get("loader_module")
    if loader in _LOADERS:
        raise InvalidInput(f"The model names {loader} as its loader and has no record of that flavor")
    if not function:
        raise NotSupported(f"No flavor of this model is known here: {', '.join(map(repr, flavors)) or 'it has none'}")
    return "python", function


def _keep(function: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a library's flavor needs of the record of ``python_function``."""
    return {"predict_fn": function["predict_fn"]} if "predict_fn" in function else {}


def _write(model: Any, folder: Path, flavor: Flavor, options: SaveOptions) -> MlModel:
    _check_options(flavor, options)
    _copy_code(folder, options.get("code_paths") or ())
    saved = flavor.save(model, folder, options)
    if saved.is_standalone:
        (folder / CODE).mkdir(exist_ok=True)
        shutil.copyfile(foreign_loader.__file__, folder / CODE / f"{LOADER}.py")
    for source in map(Path, saved.code):
        shutil.copyfile(source, folder / CODE / f"trackway_{source.name}")
    example = options.get("input_example")
    signature = options.get("signature")
    if signature is None and example is not None:
        signature = _infer(model, folder, flavor, saved, example)
    environment = _capture(saved, options)
    write_environment(folder, environment)
    if options.get("lock_requirements"):
        (folder / LOCK).write_text(lock_requirements(environment.requirements), encoding="utf-8")
    mlmodel = MlModel(
        flavors={flavor.name: saved.config, PYFUNC: _describe_function(folder, saved, environment)},
        signature=signature,
        example=None if example is None else write_example(folder, example),
        metadata=options.get("metadata") or None,
        model_id=options.get("model_id"),
        model_uuid=options.get("model_id") or uuid.uuid4().hex,
        run_id=options.get("run_id"),
        created=format_time(now_ms()),
        is_ours=True,
        other={"model_size_bytes": sum((folder / path).stat().st_size for path in list_files(folder))},
    )
    (folder / MLMODEL).write_bytes(dump_mlmodel(mlmodel))
    return mlmodel


def _describe_function(folder: Path, saved: Saved, environment: Environment) -> dict[str, Any]:
    """Return the record of ``python_function``, by which MLflow loads a model of any flavor."""
    loader = {**saved.loader, "loader_module": LOADER} if saved.is_standalone else dict(saved.loader)
    loader.setdefault("loader_module", LOADER)
    code = {"code": CODE} if (folder / CODE).is_dir() else {}
    env = {"conda": CONDA, "virtualenv": PYTHON_ENV}
    return {**loader, **code, "env": env, "python_version": environment.python}


def _check_options(flavor: Flavor, options: SaveOptions) -> None:
    known = {*COMMON, *flavor.options}
    unknown = [name for name, value in options.items() if value is not None and name not in known]
    if unknown:
        raise InvalidInput(
            f"A model of {flavor.name} takes no {unknown[0]!r}", hint=f"it takes {', '.join(sorted(known))}"
        )


def _copy_code(folder: Path, paths: Sequence[str]) -> None:
    for source in map(Path, paths):
        target = folder / CODE / source.resolve().name
        if not source.exists() or target.exists():
            raise InvalidInput(f"The code {source} {'is given twice' if target.exists() else 'does not exist'}")
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copyfile(source, target)


def _infer(model: Any, folder: Path, flavor: Flavor, saved: Saved, example: Any) -> Signature:
    """Infer the signature from an example and what the model gives for it."""
    data, params = split_example(example)
    try:
        native = flavor.load(folder, saved.config, trust=True) if flavor.name == "python" else model
        predictions = flavor.get_predict(native, {**saved.config, **_keep(saved.loader)})(data, params)
    finally:
        forget_code(folder / CODE)  # as the folder gets another name
    told = infer_signature(data, params=params or None)
    try:
        return msgspec.structs.replace(told, outputs=infer_schema(predictions))
    except InvalidInput:  # a model may give what no schema describes
        return told


def _capture(saved: Saved, options: SaveOptions) -> Environment:
    given = options.get("pip_requirements") or options.get("conda_env")
    extra = options.get("extra_pip_requirements")
    return capture(
        saved.distributions,
        extra=read_requirements(extra) if extra is not None else (),
        given=read_requirements(given) if given is not None else None,
    )
