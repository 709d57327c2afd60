"""sentence-transformers: the folder that the library writes, with safetensors; predictions are embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import InvalidInput
from trackway.models.arrays import to_numpy
from trackway.models.devices import choose_device
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.hub_files import check_sentence_folder
from trackway.models.manifest import resolve_inside
from trackway.models.texts import to_texts

FOLDER: Final = "model.sentence_transformer"


class SentenceTransformersFlavor:
    """Models that turn sentences into vectors."""

    name = "sentence_transformers"
    options = ()
    load_options = ("device",)

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:  # noqa: ARG002 - there are none
        library = import_library("sentence_transformers", "sentence-transformers")
        if not isinstance(model, library.SentenceTransformer):
            raise InvalidInput(f"A {type(model).__qualname__} is no SentenceTransformer", hint="give the model itself")
        model.save(str(folder / FOLDER), create_model_card=False)
        check_sentence_folder(folder / FOLDER, trust=True)
        return Saved(
            config={"sentence_transformers_version": str(library.__version__), "data": FOLDER},
            loader={"loader_module": "mlflow.sentence_transformers", "data": FOLDER},
            distributions=("sentence-transformers", "transformers", "torch", "numpy", "safetensors"),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool, device: Any = None) -> Any:
        place = resolve_inside(folder, config.get("data") or FOLDER)
        check_sentence_folder(place, trust=trust)
        target = choose_device(import_library("torch"), device)
        library = import_library("sentence_transformers", "sentence-transformers")
        return library.SentenceTransformer(str(place), device=target, local_files_only=True, trust_remote_code=trust)

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        return lambda data, params: to_numpy(native.encode(to_texts(data), **{"show_progress_bar": False, **params}))


FLAVOR = SentenceTransformersFlavor()
