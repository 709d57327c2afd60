"""A small model of each large library, made from its configuration: nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from trackway.testing.flavors import FlavorCase


@cache
def make_rows() -> pd.DataFrame:
    """Return 12 rows of three columns, one of them of whole numbers."""
    rng = np.random.default_rng(7)
    return pd.DataFrame({"a": rng.random(12).round(3), "b": rng.random(12).round(3), "n": rng.integers(0, 9, 12)})


@cache
def make_net() -> Any:
    """Return a module in training mode, with what is different there: dropout and batch statistics."""
    import torch

    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5), torch.nn.ReLU(), torch.nn.Linear(4, 2)
    )


def ask_net(model: Any, rows: Any) -> Any:
    import torch

    was = model.training
    model.eval()
    made = model(torch.as_tensor(np.asarray(rows, "float32"))).detach().numpy()
    model.train(was)
    return made


@cache
def make_keras() -> Any:
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, activation="relu", kernel_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    return model


def ask_keras(model: Any, rows: Any) -> Any:
    return model.predict(np.asarray(rows, "float32"), verbose=0)


@cache
def make_tensorflow() -> Any:
    import tensorflow

    class Net(tensorflow.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tensorflow.Variable(tensorflow.reshape(tensorflow.range(6.0), (3, 2)))

        @tensorflow.function
        def __call__(self, x: Any) -> Any:
            return tensorflow.nn.relu(x @ self.weight - 1)

    return Net()


def ask_tensorflow(model: Any, rows: Any) -> Any:
    return model(np.asarray(rows, "float32")).numpy()


TEXTS = ("the cat sat on the mat", "the dog ran", "a bad cat", "good dog")


@cache
def make_texts() -> pd.DataFrame:
    return pd.DataFrame({"text": TEXTS})


@cache
def make_spacy() -> Any:
    """Return a pipeline with categories and, by a rule, entities."""
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("en")
    categories = nlp.add_pipe("textcat")
    for label in ("good", "bad"):
        categories.add_label(label)
    example = Example.from_dict(nlp.make_doc(TEXTS[0]), {"cats": {"good": 1.0, "bad": 0.0}})
    nlp.initialize(lambda: [example])
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "PET", "pattern": "cat"}])
    return nlp


def ask_spacy(model: Any, rows: Any) -> Any:
    documents = [model(text) for text in rows.text]
    entities = [
        [{"text": e.text, "label": e.label_, "start": e.start_char, "end": e.end_char} for e in one.ents]
        for one in documents
    ]
    return pd.DataFrame({"predictions": [one.cats for one in documents], "entities": entities})


@cache
def make_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=[*special.values()], show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="[SEP]", **special)


def _make_config() -> Any:
    import torch
    from transformers import BertConfig

    torch.manual_seed(3)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    return BertConfig(vocab_size=len(make_tokenizer()), max_position_embeddings=32, **sizes)


@cache
def make_bert(kind: str = "BertForSequenceClassification") -> Any:
    """Return a model of a few numbers and its tokenizer, as the components of a pipeline."""
    import transformers

    model = getattr(transformers, kind)(_make_config())
    return {"model": model.eval(), "tokenizer": make_tokenizer()}


@cache
def make_gpt() -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(3)
    tokens = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    config = GPT2Config(vocab_size=len(make_tokenizer()), n_embd=16, n_layer=1, n_head=2, n_positions=64, **tokens)
    return {"model": GPT2LMHeadModel(config).eval(), "tokenizer": make_tokenizer()}


def ask_bert(model: Any, rows: Any) -> Any:
    import transformers

    made = transformers.pipeline("text-classification", **model)(rows.text.tolist())
    return pd.DataFrame(made, columns=["label", "score"])


@cache
def make_sentences() -> Any:
    """Return a model of sentences around the same kind of BERT."""
    import tempfile

    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    with tempfile.TemporaryDirectory() as folder:
        made = make_bert("BertModel")
        made["model"].save_pretrained(folder)
        made["tokenizer"].save_pretrained(folder)
        words = Transformer(folder)
    return SentenceTransformer(modules=[words, Pooling(16), Dense(16, 8)], device="cpu")


def ask_sentences(model: Any, rows: Any) -> Any:
    return model.encode(rows.text.tolist(), show_progress_bar=False)


CASES: dict[str, Callable[[], FlavorCase]] = {
    "pytorch": lambda: FlavorCase("pytorch", make_net(), make_rows(), ask_net, library="torch", packages=("torch",)),
    "keras": lambda: FlavorCase("keras", make_keras(), make_rows(), ask_keras, library="keras", packages=("keras",)),
    "tensorflow": lambda: FlavorCase(
        "tensorflow",
        make_tensorflow(),
        make_rows(),
        ask_tensorflow,
        library="tensorflow",
        packages=("tensorflow", "tensorflow-cpu"),
    ),
    "spacy": lambda: FlavorCase("spacy", make_spacy(), make_texts(), ask_spacy, library="spacy", packages=("spacy",)),
    "transformers": lambda: FlavorCase(
        "transformers", make_bert(), make_texts(), ask_bert, library="transformers", packages=("transformers",)
    ),
    "sentence-transformers": lambda: FlavorCase(
        "sentence_transformers",
        make_sentences(),
        make_texts(),
        ask_sentences,
        library="sentence_transformers",
        packages=("sentence-transformers",),
    ),
}
