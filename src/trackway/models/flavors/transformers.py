"""transformers: a pipeline as its model in safetensors and the folders of its tokenizer and other components.

A model's own code never runs without trust, and nothing is fetched. Models of language take texts and give tables,
lists of texts or vectors, by task; those that generate text give it piece by piece too.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from trackway.base.errors import InvalidInput, NotSupported
from trackway.models.arrays import to_numpy
from trackway.models.devices import choose_device
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.hub_files import check_hub_folder
from trackway.models.manifest import resolve_inside
from trackway.models.texts import to_texts

MODEL: Final = "model"
COMPONENTS: Final = "components"
READERS: Final = {
    "tokenizer": "AutoTokenizer",
    "feature_extractor": "AutoFeatureExtractor",
    "image_processor": "AutoImageProcessor",
    "processor": "AutoProcessor",
}
"""Components of a pipeline, and what reads each."""
_HEADS: Final = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ForMaskedLM": "fill-mask",
    "Model": "feature-extraction",
}
"""What a model does, by the end of its class's name."""
_TABLES: Final = ("text-classification", "sentiment-analysis")
_RAGGED: Final = ("token-classification", "ner", "fill-mask", "zero-shot-classification")
_CLASS = re.compile(r"[A-Z]\w{0,99}")
WAIT_S: Final = 60


class TransformersFlavor:
    """Pipelines, and models with their tokenizers."""

    name = "transformers"
    options = ("task", "model_config")
    load_options = ("device", "return_type")

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        library = import_library("transformers")
        pipeline = _make_pipeline(library, model, options.get("task"))
        settings = dict(options.get("model_config") or {})
        try:
            msgspec.json.encode(settings)
        except (TypeError, ValueError, msgspec.MsgspecError):
            raise InvalidInput("model_config holds more than JSON has") from None
        pipeline.model.save_pretrained(str(folder / MODEL))
        there = {name: getattr(pipeline, name, None) for name in READERS}
        parts = {name: part for name, part in there.items() if part is not None and hasattr(part, "save_pretrained")}
        for name, part in parts.items():
            part.save_pretrained(str(folder / COMPONENTS / name))
        check_hub_folder(folder, trust=True)
        names = [name for name in parts if name != "processor"]
        config = {
            "task": pipeline.task,
            "instance_type": type(pipeline).__name__,
            "pipeline_model_type": type(pipeline.model).__name__,
            "source_model_name": type(pipeline.model).__name__,
            "model_binary": MODEL,
            "components": names,
            **{f"{name}_type": type(part).__name__ for name, part in parts.items()},
            "transformers_version": str(library.__version__),
            "torch_dtype": str(pipeline.model.dtype),
            "model_config": settings,
        }
        return Saved(
            config=config,
            loader={"loader_module": "mlflow.transformers", **({"config": settings} if settings else {})},
            distributions=("transformers", "torch", "tokenizers", "safetensors", "numpy", "pandas"),
        )

    def load(
        self, folder: Path, config: Mapping[str, Any], *, trust: bool, device: Any = None, return_type: Any = None
    ) -> Any:
        if return_type not in (None, "pipeline", "components"):
            raise InvalidInput(f"{return_type!r} is nothing that is returned", hint="pipeline or components")
        if not config.get("model_binary"):
            raise NotSupported("The model names one to be fetched, and holds none", hint="save it with its weights")
        place = resolve_inside(folder, config["model_binary"])
        check_hub_folder(place, trust=trust)
        names = _list_components(config)
        places = {name: resolve_inside(folder, f"{COMPONENTS}/{name}") for name in names}
        for one in places.values():
            check_hub_folder(one, trust=trust)
        library = import_library("transformers")
        local = {"local_files_only": True, "trust_remote_code": trust}
        safe = {"use_safetensors": None if trust else True}
        model = _find_class(library, config.get("pipeline_model_type")).from_pretrained(str(place), **local, **safe)
        model.to(choose_device(import_library("torch"), device)).eval()
        parts = {
            name: getattr(library, READERS[name]).from_pretrained(str(one), **local) for name, one in places.items()
        }
        if return_type == "components":
            return {"model": model, **parts}
        return _make_pipeline(library, {"model": model, **parts}, config.get("task"))

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:
        settings = dict(config.get("model_config") or {})
        pipeline = _make_pipeline(import_library("transformers"), native, config.get("task"))

        def predict(data: Any, params: dict[str, Any]) -> Any:
            given = _prepare(pipeline, data)
            return _to_plain(pipeline.task, pipeline(given, **{**settings, **params}))

        return predict

    def stream(self, native: Any, config: Mapping[str, Any], data: Any, params: dict[str, Any]) -> Iterator[str]:
        pipeline = _make_pipeline(import_library("transformers"), native, config.get("task"))
        if pipeline.task != "text-generation":
            raise NotSupported(f"A pipeline for {pipeline.task} answers at once", hint="call predict")
        texts = to_texts(data)
        if len(texts) != 1:
            raise InvalidInput(f"One text is continued at a time; found {len(texts)}", hint="give one prompt")
        return _generate(pipeline, texts[0], {**dict(config.get("model_config") or {}), **params})


def _make_pipeline(library: Any, model: Any, task: Any) -> Any:
    """Return a pipeline: given, or made of a model and its components.

    raises: InvalidInput for what makes no pipeline, and for a task that is not known
    """
    if isinstance(model, library.Pipeline):
        if task is not None and task != model.task:
            raise InvalidInput(f"The pipeline's task is {model.task!r}, not {task!r}", hint="leave task= out")
        return model
    parts = dict(model) if isinstance(model, Mapping) else {"model": model}
    if not isinstance(parts.get("model"), library.PreTrainedModel):
        raise InvalidInput(
            f"A {type(model).__qualname__} makes no pipeline",
            hint="give a pipeline, a model, or {'model': ..., 'tokenizer': ...}",
        )
    if unknown := sorted(parts.keys() - {"model", *READERS}):
        raise InvalidInput(f"A pipeline has no {unknown[0]!r}", hint=f"it has model, {', '.join(READERS)}")
    name = type(parts["model"]).__name__
    chosen = task or next((does for end, does in _HEADS.items() if name.endswith(end)), None)
    known = import_library("transformers.pipelines").SUPPORTED_TASKS
    if chosen not in known:
        raise InvalidInput(f"{chosen!r} is no task of a {name}", hint=f"give task=, one of {', '.join(sorted(known))}")
    if "tokenizer" not in parts and known[chosen]["type"] == "text":
        raise InvalidInput(f"A model for {chosen} needs its tokenizer", hint="give {'model': ..., 'tokenizer': ...}")
    return library.pipeline(task=chosen, **parts)


def _list_components(config: Mapping[str, Any]) -> list[str]:
    named = config.get("components") or []
    names = [*named, *(["processor"] if "processor_type" in config else [])] if isinstance(named, list) else [named]
    if unknown := [name for name in names if name not in READERS]:
        raise InvalidInput(
            f"{str(unknown[0])[:100]!r} is no component of a pipeline", hint=f"one of {', '.join(READERS)}"
        )
    return names


def _find_class(library: Any, name: object) -> Any:
    """Return one of the library's own classes of models.

    raises: InvalidInput for any other name
    """
    found = getattr(library, name, None) if isinstance(name, str) and _CLASS.fullmatch(name) else None
    if not isinstance(found, type) or not issubclass(found, library.PreTrainedModel):
        raise InvalidInput(f"{str(name)[:100]!r} is no model of transformers {library.__version__}")
    return found


def _prepare(native: Any, data: Any) -> Any:
    """Return what a pipeline takes: texts for a model of language, and what was given for others."""
    return to_texts(data) if getattr(native, "tokenizer", None) is not None else data


def _to_plain(task: str, made: Any) -> Any:
    """Return what a pipeline gives for some texts as a table, a list or arrays."""
    pandas = import_library("pandas")
    if task in _TABLES:
        if made and isinstance(made[0], list):  # of every class, with top_k
            return pandas.DataFrame([{one["label"]: one["score"] for one in row} for row in made])
        return pandas.DataFrame(made, columns=["label", "score"])
    if task == "text-generation":
        rows = made if made and isinstance(made[0], list) else [made]
        return [one["generated_text"] for row in rows for one in row]
    if task == "feature-extraction":
        return [to_numpy(import_library("numpy").asarray(one)[0]) for one in made]
    if task in _RAGGED:
        rows = made if made and isinstance(made[0], list) else [made]
        return pandas.DataFrame({"predictions": [_to_values(row) for row in rows]})
    return _to_values(made)


def _to_values(made: Any) -> Any:
    """Return values of Python, without numbers and tensors of a library."""
    if isinstance(made, Mapping):
        return {str(name): _to_values(one) for name, one in made.items()}
    if isinstance(made, list | tuple):
        return [_to_values(one) for one in made]
    plain = to_numpy(made)
    return plain.item() if hasattr(plain, "item") and getattr(plain, "ndim", 1) == 0 else plain


def _generate(native: Any, text: str, params: dict[str, Any]) -> Iterator[str]:
    """Yield what a model writes after a text, as it comes; it stops when the caller stops."""
    library = import_library("transformers")
    streamer = library.TextIteratorStreamer(
        native.tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=WAIT_S
    )
    stop = threading.Event()
    failed: list[BaseException] = []

    def is_over(*_state: Any, **_named: Any) -> bool:
        return stop.is_set()

    def run() -> None:
        try:
            tokens = native.tokenizer(text, return_tensors="pt").to(native.model.device)
            native.model.generate(**tokens, **params, streamer=streamer, stopping_criteria=[is_over])
        except Exception as error:  # noqa: BLE001 - told to the caller, who waits
            failed.append(error)
            streamer.end()

    worker = threading.Thread(target=run, name="trackway-generate", daemon=True)
    worker.start()
    try:
        for piece in streamer:
            if piece:
                yield piece
        if failed:
            raise InvalidInput(f"The model cannot continue the text: {failed[0]}") from failed[0]
    finally:
        stop.set()
        worker.join()


FLAVOR = TransformersFlavor()
