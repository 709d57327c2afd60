"""The ``MLmodel`` file: what a model folder holds, in YAML, as MLflow writes and reads it.

It is read with the safe subset of YAML alone, and keys that are not known here are kept when it is written again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from trackway.base.documents import load_yaml
from trackway.base.errors import Corrupt, InvalidInput
from trackway.models.manifest import resolve_inside
from trackway.models.signature import Signature

NAME: Final = "MLmodel"
PYFUNC: Final = "python_function"
MAX_BYTES: Final = 8 * 2**20


class MlModel(msgspec.Struct, frozen=True, kw_only=True):
    """What an ``MLmodel`` file says.

    flavors:     by name, how each library saved the model: names of files, versions, options
    is_ours:     whether this product saved the folder, and so a manifest must be there
    example:     where the input example is and how it was written, None without one
    other:       all keys that are not known here, as they were
    """

    flavors: dict[str, dict[str, Any]]
    signature: Signature | None = None
    model_id: str | None = None
    model_uuid: str | None = None
    run_id: str | None = None
    created: str | None = None
    metadata: dict[str, Any] | None = None
    example: dict[str, Any] | None = None
    is_ours: bool = False
    other: dict[str, Any] = {}


_KEYS: Final = {
    "model_id": "model_id",
    "model_uuid": "model_uuid",
    "run_id": "run_id",
    "utc_time_created": "created",
    "metadata": "metadata",
    "saved_input_example_info": "example",
}
"""Keys of the file, and what they are called here."""
_OURS: Final = "trackway_format"


def read_mlmodel(folder: Path) -> MlModel:
    """Read the ``MLmodel`` file of a model folder.

    raises: InvalidInput when there is none; Corrupt for a file that is no such YAML, or larger than ``MAX_BYTES``
    """
    path = folder / NAME
    if not path.is_file():
        raise InvalidInput(f"{folder} is no model: it has no {NAME} file")
    resolve_inside(folder, NAME)
    if path.stat().st_size > MAX_BYTES:
        raise Corrupt(f"The {NAME} file is larger than {MAX_BYTES} bytes")
    return parse_mlmodel(path.read_bytes())


def parse_mlmodel(data: bytes) -> MlModel:
    """Read the bytes of an ``MLmodel`` file; see ``read_mlmodel``."""
    fields = load_yaml(data)
    if not isinstance(fields, dict) or not isinstance(fields.get("flavors"), dict):
        raise Corrupt(f"The {NAME} file has no flavors")
    flavors = {str(name): config for name, config in fields["flavors"].items()}
    if not all(isinstance(config, dict) for config in flavors.values()):
        raise Corrupt(f"A flavor of the {NAME} file is no mapping")
    signature = fields.get("signature")
    if signature is not None and not isinstance(signature, dict):
        raise Corrupt(f"The signature of the {NAME} file is no mapping")
    known = {name: fields[key] for key, name in _KEYS.items() if fields.get(key) is not None}
    other = {str(k): v for k, v in fields.items() if k not in {"flavors", "signature", _OURS, *_KEYS}}
    texts = ("model_id", "model_uuid", "run_id", "created")
    mappings = ("metadata", "example")
    for name, value in known.items():
        if not isinstance(value, str if name in texts else dict if name in mappings else object):
            raise Corrupt(f"The {NAME} file has a {type(value).__name__} as its {name}")
    return MlModel(
        flavors=flavors,
        signature=None if signature is None else Signature.from_dict(signature),
        is_ours=_OURS in fields,
        other=other,
        **known,
    )


def dump_mlmodel(model: MlModel) -> bytes:
    """Return the bytes of an ``MLmodel`` file, its keys sorted."""
    fields: dict[str, Any] = {**model.other, "flavors": model.flavors}
    fields |= {key: getattr(model, name) for key, name in _KEYS.items() if getattr(model, name) is not None}
    if model.signature is not None:
        fields["signature"] = model.signature.to_dict()
    if model.is_ours:
        fields[_OURS] = 1
    text: str = yaml.dump(fields, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=4096)
    return text.encode()


def format_time(time_ms: int) -> str:
    """Return a time as the file has it: UTC, with microseconds, without a zone."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


class _Dumper(yaml.SafeDumper):
    """Writes every value in full: no references, which other readers refuse."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - asked for each value, of any kind
        return True
