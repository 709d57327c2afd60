"""Folders in the layout of Hugging Face's libraries, looked at before any of them reads one.

Such a folder may hold code, name code elsewhere that is fetched and run, classes to import, or files outside of it. All
of that needs trust; weights are safetensors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import Corrupt
from trackway.models.manifest import check_path, list_files
from trackway.models.safetensors import SUFFIX, check_safetensors
from trackway.models.trust import require_trust

MAX_CONFIG_BYTES: Final = 2**26
_CODE: Final = ("auto_map", "custom_generate", "custom_pipelines", "trust_remote_code")
"""Keys that name code to run."""
_KERNELS = re.compile(r"_?(attn|experts)_implementation(_internal)?|kernel_config|use_kernels")
"""Keys that may name a repository of compiled code to fetch, or ask for one."""
_ADAPTER: Final = "adapter_config.json"
_INDEX: Final = ".safetensors.index.json"
_DATA_FILES: Final = ("tokenizer.json", "vocab.json", "merges.json", "added_tokens.json")
"""Files of data under any keys."""
_MODULE = re.compile(
    r"sentence_transformers(\.[a-z_]+)*\.(Transformer|Pooling|Normalize|Dense|Dropout|LayerNorm|StaticEmbedding|CNN|LSTM"
    r"|WeightedLayerPooling)"
)
_ACTIVATION = re.compile(r"torch\.nn\.modules\.(activation|linear)\.[A-Z]\w*")


def check_hub_folder(folder: Path, *, trust: bool) -> None:
    """Refuse a folder with code, or with a configuration that names some.

    raises: PermissionDenied without trust; Corrupt for weights and configurations that cannot be read
    """
    for name in list_files(folder):
        path, last = folder / name, name.rpartition("/")[2]
        if last.endswith((".py", ".pyc", ".so", ".dll", ".dylib")):
            require_trust(trust, f"The model's folder holds the code {name[:100]!r}")
        elif last == _ADAPTER:
            require_trust(trust, "The model is an adapter of another one, which its library fetches")
        elif last.endswith(SUFFIX):
            check_safetensors(path)
        elif last.endswith(_INDEX):
            _check_index(read_json(path))
        elif last.endswith(".json") and last not in _DATA_FILES:
            _check_config(read_json(path), name, trust)


def check_sentence_folder(folder: Path, *, trust: bool) -> None:
    """Refuse a folder of sentence-transformers whose modules are not of the library's own.

    raises: PermissionDenied without trust; InvalidInput for paths that lead out; Corrupt
    """
    check_hub_folder(folder, trust=trust)
    modules = read_json(folder / "modules.json") if (folder / "modules.json").is_file() else []
    if not isinstance(modules, list) or not modules or not all(isinstance(one, dict) for one in modules):
        raise Corrupt("The model has no list of modules")
    for one in modules:
        place = one.get("path", "")
        if place != "":
            check_path(str(place))
        if not _MODULE.fullmatch(str(one.get("type"))):
            require_trust(trust, f"The model has the module {str(one.get('type'))[:100]!r}")
        config = folder / str(place) / "config.json"
        if place and config.is_file():
            made = read_json(config)
            named = made.get("activation_function") if isinstance(made, dict) else None
            if named is not None and str(one["type"]).endswith(".Dense") and not _ACTIVATION.fullmatch(str(named)):
                require_trust(trust, f"The model calls {str(named)[:100]!r}")


def read_json(path: Path) -> Any:
    """Read a JSON file of a model.

    raises: Corrupt for one that is larger than 64 MiB or no JSON
    """
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise Corrupt(f"The model's {path.name!r} is larger than {MAX_CONFIG_BYTES} bytes")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise Corrupt(f"The model's {path.name!r} is no JSON") from None


def _check_index(index: Any) -> None:
    shards = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(shards, dict):
        raise Corrupt("The index of the model's weights cannot be read")
    for shard in {*map(str, shards.values())}:
        check_path(shard)


def _check_config(config: Any, name: str, trust: bool) -> None:
    for key, value in _walk(config):
        if key in _CODE and value:
            require_trust(trust, f"The model's {name[:100]!r} names code to run ({key})")
        elif _KERNELS.fullmatch(key) and any("/" in text for text in _list_texts(value)):
            require_trust(trust, f"The model's {name[:100]!r} names compiled code to fetch ({key})")
        elif key.endswith("_file") and isinstance(value, str) and ("/" in value or "\\" in value or ".." in value):
            require_trust(trust, f"The model's {name[:100]!r} names a file elsewhere ({key})")


def _list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in [*value, *(value.values() if isinstance(value, dict) else ())]:
            yield from _list_texts(one)


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            yield from one.items()
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)
