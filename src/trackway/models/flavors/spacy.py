"""spaCy: the folder that a pipeline writes; its configuration may name spaCy's own parts alone.

Predictions are a table: scores of categories as ``predictions``, named entities as ``entities``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from trackway.base.errors import Corrupt, InvalidInput, NotSupported
from trackway.models.flavors.base import Predict, Saved, import_library
from trackway.models.manifest import resolve_inside
from trackway.models.texts import to_texts
from trackway.models.trust import require_trust

FOLDER: Final = "model.spacy"
CONFIG: Final = "config.cfg"
MAX_CONFIG_BYTES: Final = 2**24

_FACTORIES: Final = frozenset(
    """
    attribute_ruler doc_cleaner entity_ruler future_entity_ruler lemmatizer merge_entities merge_noun_chunks
    merge_subtokens morphologizer ner parser sentencizer senter span_cleaner span_finder span_ruler spancat
    spancat_singlelabel tagger textcat textcat_multilabel tok2vec token_splitter trainable_lemmatizer
    """.split()
)
_REGISTRIES: Final = {
    "@architectures": re.compile(r"(spacy|spacy-legacy)\.(?!TorchBiLSTM|Pretrain|EntityLinker)\w+\.v\d+"),
    "@layers": re.compile(r"((spacy|spacy-legacy)\.\w+|(?!PyTorch|MXNet|TensorFlow)[A-Za-z]\w*)\.v\d+"),
    "@misc": re.compile(
        r"spacy\.(first_longest_spans_filter|levenshtein_compare|ngram_range_suggester|ngram_suggester"
        r"|preset_spans_suggester|prioritize_existing_ents_filter|prioritize_new_ents_filter)\.v\d+"
    ),
    "@scorers": re.compile(r"(spacy|spacy-legacy)\.\w+_scorer\.v\d+"),
    "@tokenizers": re.compile(r"spacy\.Tokenizer\.v\d+|spacy\.(ja|zh|ko|vi|th)\.\w+"),
    "@vectors": re.compile(r"spacy\.Vectors\.v\d+"),
}
"""Functions that a configuration may name: those that make spaCy's own parts, of what the configuration says."""
_UNUSED: Final = ("corpora", "initialize", "pretraining", "training", "paths", "system")
"""Sections that are for training, and that loading does not read."""


class SpacyFlavor:
    """Pipelines of spaCy."""

    name = "spacy"
    options = ()

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:  # noqa: ARG002 - there are none
        spacy = import_library("spacy")
        if not isinstance(model, spacy.language.Language):
            raise InvalidInput(f"A {type(model).__qualname__} is no pipeline of spaCy", hint="give the nlp object")
        model.to_disk(folder / FOLDER)
        return Saved(
            config={"spacy_version": str(spacy.__version__), "data": FOLDER},
            loader={"loader_module": "mlflow.spacy", "data": FOLDER},
            distributions=("spacy", "numpy", "pandas"),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: bool) -> Any:
        place = resolve_inside(folder, config.get("data") or FOLDER)
        path = resolve_inside(place, CONFIG)
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise Corrupt(f"The model's {CONFIG} is larger than {MAX_CONFIG_BYTES} bytes")
        read = import_library("thinc.api").Config
        check_config(read().from_disk(path, interpolate=True), trust=trust)
        return import_library("spacy").load(place)

    def get_predict(self, native: Any, config: Mapping[str, Any]) -> Predict:  # noqa: ARG002 - none is needed
        factories = {native.get_pipe_meta(name).factory for name in native.pipe_names}
        has_categories = bool(factories & {"textcat", "textcat_multilabel"})
        has_entities = bool(factories & {"ner", "entity_ruler", "future_entity_ruler", "span_ruler"})

        def predict(data: Any, params: dict[str, Any]) -> Any:
            if not has_categories and not has_entities:
                raise NotSupported(
                    f"A pipeline of {', '.join(native.pipe_names) or 'no parts'} gives neither categories nor entities",
                    hint="call the pipeline itself: model.native(text)",
                )
            documents = list(native.pipe(to_texts(data), **params))
            columns: dict[str, list[Any]] = {}
            if has_categories:
                columns["predictions"] = [{name: float(x) for name, x in one.cats.items()} for one in documents]
            if has_entities:
                columns["entities"] = [[_describe(entity) for entity in one.ents] for one in documents]
            return import_library("pandas").DataFrame(columns)

        return predict


def check_config(config: Mapping[str, Any], *, trust: bool) -> None:
    """Refuse a configuration that names parts which are not spaCy's own.

    raises: PermissionDenied without trust
    """
    used = {name: section for name, section in config.items() if name not in _UNUSED}
    nlp = used.get("nlp")
    if not isinstance(nlp, Mapping) or not re.fullmatch(r"[a-z]{2,3}", str(nlp.get("lang"))):
        raise Corrupt(f"The model's {CONFIG} has no language")
    for key, value in _walk(used):
        if key.startswith("@"):
            pattern = _REGISTRIES.get(key)
            if pattern is None or not pattern.fullmatch(str(value)):
                require_trust(trust, f"The model calls {str(value)[:100]!r} of {key[:50]!r}")
        elif key == "factory" and str(value) not in _FACTORIES:
            require_trust(trust, f"The model has a component of {str(value)[:100]!r}")
        elif key == "source":
            require_trust(trust, f"The model takes a component from {str(value)[:100]!r}")


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield str(key), one
            yield from _walk(one)
    elif isinstance(value, list):
        for one in value:
            yield from _walk(one)


def _describe(entity: Any) -> dict[str, Any]:
    return {
        "text": entity.text,
        "label": entity.label_,
        "start": int(entity.start_char),
        "end": int(entity.end_char),
    }


FLAVOR = SpacyFlavor()
