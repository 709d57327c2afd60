from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from tests.serving import code_models as code
from tests.serving.served import Served, serve_in_process
from trackway.models import Signature, columns, save_model
from trackway.models.signature import Column, Param, Property, Tensor, Type

ROWS = pd.DataFrame(np.random.default_rng(3).normal(size=(50, 3)), columns=["a", "b", "c"])


def train() -> LogisticRegression:
    return LogisticRegression().fit(ROWS, (ROWS.a > 0).astype(int))


def save(folder: Path, name: str) -> None:
    """Save the model of a name."""
    double = Type("double")
    nested = (
        Column(Type("array", items=double), "list"),
        Column(Type("object", properties=(Property("p", Type("string")), Property("q", Type("long"), False))), "thing"),
    )
    params = (Param("kind", Type("string"), "floats"), Param("k", Type("long"), 3))
    path = folder / name
    if name == "labels":
        save_model(train(), path, input_example=ROWS.head(2))
    elif name == "probabilities":
        save_model(train(), path, input_example=ROWS.head(2), pyfunc_predict_fn="predict_proba")
    elif name == "sum":
        save_model(LinearRegression().fit(ROWS, ROWS.a + ROWS.b), path, input_example=ROWS.head(2))
    elif name == "unsigned":
        save_model(train(), path)
    else:
        kinds = columns(d="double", f="float", l="long", i="integer", b="boolean", s="string")
        signatures = {
            "mixed": Signature(inputs=kinds),
            "optional": Signature(inputs=columns(a="double", o="double?", s="string?", k="long?")),
            "others": Signature(inputs=columns(x="binary", t="datetime")),
            "nested": Signature(inputs=nested),
            "text": Signature(inputs=columns(text="string")),
            "tensor": Signature(inputs=(Tensor("float32", (-1, 2)),)),
            "whole tensor": Signature(inputs=(Tensor("int64", (-1,)),)),
            "tensors": Signature(inputs=(Tensor("float64", (-1, 2), "u"), Tensor("int64", (-1,), "v"))),
            "anything": None,
        }
        if name in signatures:
            save_model(code.Echo, path, signature=signatures[name])
        else:
            made = {"answers": code.Answer, "boom": code.Boom}[name]
            save_model(made, path, signature=Signature(inputs=columns(x="double"), params=params))


@pytest.fixture(scope="session")
def get_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a model by its name, saved when it is first asked for."""
    folder = tmp_path_factory.mktemp("models")

    def get(name: str) -> Path:
        if not (folder / name).exists():
            save(folder, name)
        return folder / name

    return get


@pytest.fixture(scope="session")
def serve(get_model: Callable[[str], Path]) -> Callable[[str], Served]:
    """Return a model's application in this process by the model's name."""
    served: dict[str, Served] = {}

    def get(name: str) -> Served:
        if name not in served:
            served[name] = serve_in_process(get_model(name))
        return served[name]

    return get
