"""A model asked with a body of the scoring protocol, as its server would be, without a server.

    python -m trackway.serving.direct FOLDER KIND INPUT OUTPUT TRUST

does so in a process whose Python has the model's packages.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

from trackway.base.errors import InvalidInput, NotFound, TrackwayError
from trackway.environments import hold_environment
from trackway.models.examples import dump_json, dump_request
from trackway.models.package import Model, load_model
from trackway.sdk.model_environments import make_environment
from trackway.sdk.model_files import fetch_model
from trackway.serving.answers import encode_answer
from trackway.serving.reader import Reader, Reading
from trackway.serving.rows import Rows

KINDS: Final = ("json", "csv")
MANAGERS: Final = {None: "", "local": "", "uv": "uv", "virtualenv": "uv", "conda": "conda"}
"""What MLflow calls the ways to make an environment, and what makes it here."""
MOST_ROWS: Final = 2**48

AnyPath = str | os.PathLike[str]


class PredictOptions(TypedDict, total=False):
    """What ``predict`` takes beside the model and the data.

    env_manager:     ``uv`` (or ``virtualenv``) or ``conda`` make the model's own environment, ``local`` takes this one;
                     when left out, ``uv`` where there is something to do in its own, else ``local``
    extra_envs:      variables of the process in the model's own environment
    install_mlflow:  taken for compatibility
    pip_requirements_override: packages that this environment has beside the model's, or in other versions; the model
                     stays as it is, and ``models.update_model_requirements`` changes it
    trust:           whether the model may run code of its own
    """

    env_manager: str | None
    extra_envs: Mapping[str, str] | None
    install_mlflow: bool
    pip_requirements_override: Sequence[str] | None
    trust: bool


def predict(
    model_uri: AnyPath,
    input_data: Any = None,
    input_path: AnyPath | None = None,
    content_type: str = "json",
    output_path: AnyPath | None = None,
    **options: Unpack[PredictOptions],
) -> None:
    """Ask a model as its server would be asked, and write the answer: to a file, or else to standard output.

    input_data:   a table, arrays, lists or a dict, which become the request; with ``csv`` also the text itself
    input_path:   or a file with the request
    content_type: ``json``, an object of the scoring protocol, or ``csv``
    options:      see ``PredictOptions``
    raises:       InvalidInput, NotFound; what loading, and making an environment, raises
    cost:         all of it is in memory; ``models.predict_file`` takes files of any size
    """
    manager = _check_options(content_type, options)
    body = _read_body(input_data, input_path, content_type)
    folder = fetch_model(os.fspath(model_uri))
    if manager:
        answer = _answer_elsewhere(manager, folder, (content_type, body), options)
    else:
        answer = _answer(load_model(folder, trust=options.get("trust", False)), content_type, body)
    if output_path is None:
        sys.stdout.write(f"{answer.decode()}\n")
        return
    target = Path(output_path)
    draft = target.with_name(f".{target.name}.part")
    draft.write_bytes(answer)
    draft.replace(target)


def validate_serving_input(
    model_uri: AnyPath, serving_input: str | bytes | Mapping[str, Any], *, trust: bool = False
) -> Any:
    """Return what a model gives for a request to its server.

    serving_input: an object of the scoring protocol, or the JSON of one
    raises:        InvalidInput for a request that the server would refuse
    """
    body = _encode(serving_input)
    model = load_model(fetch_model(os.fspath(model_uri)), trust=trust)
    return _ask(model, Reader(model.signature, MOST_ROWS).read_json(body))


def _check_options(content_type: str, options: PredictOptions) -> str:
    """Return what makes the environment, an empty text for this one."""
    if unknown := sorted(options.keys() - PredictOptions.__annotations__.keys()):
        raise InvalidInput(f"predict takes no {unknown[0]!r}", hint=", ".join(PredictOptions.__annotations__))
    if content_type not in KINDS:
        raise InvalidInput(f"A request has no content type {str(content_type)[:40]!r}", hint="json or csv")
    manager = options.get("env_manager")
    if manager not in MANAGERS:
        raise InvalidInput(f"{str(manager)[:40]!r} makes no environments", hint="local, uv, virtualenv or conda")
    override = options.get("pip_requirements_override")
    if isinstance(override, str):
        raise InvalidInput("The requirements are one text", hint="give a list, one text for each")
    if manager == "local" and override:
        raise InvalidInput("This process has its packages already", hint="leave env_manager out, or give uv or conda")
    if manager == "local" and options.get("extra_envs"):
        raise InvalidInput("This process has its variables already", hint="set os.environ, or leave env_manager out")
    if manager is None and (override or options.get("extra_envs")):
        return "uv"
    return MANAGERS[manager]


def _read_body(data: Any, path: AnyPath | None, kind: str) -> bytes:
    if (data is None) == (path is None):
        raise InvalidInput(
            f"{'No' if data is None else 'More than one'} input was given", hint="input_data=, or input_path="
        )
    if path is not None:
        if not Path(path).is_file():
            raise NotFound(f"There is no file {os.fspath(path)!r}")
        return Path(path).read_bytes()
    if kind == "json":
        return dump_request(data).encode()
    if isinstance(data, str):
        return data.encode()
    import pandas

    try:
        text: str = pandas.DataFrame(data).to_csv(index=False)
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"A {type(data).__qualname__} is no table: {error}", hint="give one, or the text of it"
        ) from None
    return text.encode()


def _encode(given: str | bytes | Mapping[str, Any]) -> bytes:
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        return given.encode()
    return dump_json(given).encode()


def _ask(model: Model, reading: Reading) -> Any:
    data = reading.data
    return model.predict(data.to_frame() if isinstance(data, Rows) else data, reading.params)


def _answer(model: Model, kind: str, body: bytes) -> bytes:
    reader = Reader(model.signature, MOST_ROWS)
    reading = reader.read_json(body) if kind == "json" else reader.read_csv(body)
    return encode_answer(_ask(model, reading), reading.is_wrapped)


def _answer_elsewhere(manager: str, folder: Path, request: tuple[str, bytes], options: PredictOptions) -> bytes:
    trust = options.get("trust", False)
    override = options.get("pip_requirements_override") or ()
    python = make_environment(manager, folder, trust=trust, override=override)
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    with tempfile.TemporaryDirectory(prefix="trackway-predict-") as scratch:
        paths = Path(scratch) / "request", Path(scratch) / "answer"
        paths[0].write_bytes(request[1])
        words = [str(folder.absolute()), request[0], *map(str, paths), str(trust)]
        held = hold_environment(python)
        try:
            command = [str(python), "-m", "trackway.serving.direct", *words]
            done = subprocess.run(command, env={**variables, **(options.get("extra_envs") or {})}, check=False)
        finally:
            os.close(held)
        if done.returncode:
            raise InvalidInput(f"Predicting in the model's environment ended with status {done.returncode}")
        return paths[1].read_bytes()


def _main(folder: str, kind: str, source: str, target: str, trust: str) -> int:
    try:
        model = load_model(folder, trust=trust == "True")
        Path(target).write_bytes(_answer(model, kind, Path(source).read_bytes()))
    except TrackwayError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
