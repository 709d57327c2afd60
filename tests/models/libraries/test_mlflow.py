"""Models of large libraries cross over to MLflow 3.17 and back, with the same predictions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.libraries.cases import CASES, make_gpt, make_rows, make_texts
from tests.models.libraries.conftest import OtherProcess
from tests.services.peers import peer_python
from trackway.base.errors import PermissionDenied
from trackway.models.package import load_model, save_model
from trackway.testing.flavors import assert_close

pytestmark = [pytest.mark.libraries, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherProcess]:
    """A process with these libraries and, after them in the search path, MLflow."""
    packages = next((Path(peer_python("mlflow-3.17")).parents[1] / "lib").glob("python3*")) / "site-packages"
    folder = tmp_path_factory.mktemp("mlflow")
    environment = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/store.db",
        "GIT_PYTHON_REFRESH": "quiet",
        "PEER_PACKAGES": str(packages),
    }
    process = OtherProcess(folder / "log", environment)
    yield process
    process.close()


START = """
import json, logging, os, sys
if os.environ["PEER_PACKAGES"] not in sys.path:
    sys.path.append(os.environ["PEER_PACKAGES"])
logging.disable(logging.ERROR)
import mlflow, numpy, pandas
from tests.models.libraries import cases
folder = sys.argv[1]
"""
LOAD = """
model = mlflow.pyfunc.load_model(folder)
rows = getattr(cases, sys.argv[2])()
made = model.predict(rows if sys.argv[3] == "table" else rows.to_numpy("float32"))
made = made[["predictions"]] if "predictions" in made else made
print(json.dumps(made.to_numpy().tolist() if hasattr(made, "to_numpy") else numpy.asarray(made).tolist()))
"""


@pytest.mark.parametrize("name", CASES)
def test_mlflow_loads_what_was_saved_here(name: str, mlflow: OtherProcess, tmp_path: Path) -> None:
    case = CASES[name]()
    example = case.rows.head(2)
    kind = "array" if name == "tensorflow" else "table"  # its modules take no tables in MLflow
    save_model(
        case.model,
        tmp_path / "model",
        case.flavor,
        input_example=example if kind == "table" else example.to_numpy("float32"),
    )
    source = "make_texts" if "text" in case.rows else "make_rows"
    theirs = mlflow.run(START + LOAD, str(tmp_path / "model"), source, kind)
    expected = case.predict(case.model, case.rows)
    plain = expected[["predictions"]] if "predictions" in expected else expected
    assert_close(theirs, np.asarray(plain).tolist())
    assert load_model(tmp_path / "model").flavor == case.flavor  # whatever MLflow left in the folder


NATIVE = """
import mlflow.pytorch, torch
net = mlflow.pytorch.load_model(folder)
print(json.dumps(net(torch.as_tensor(cases.make_rows().to_numpy("float32"))).detach().numpy().tolist()))
"""


def test_mlflow_finds_the_program_by_itself(mlflow: OtherProcess, tmp_path: Path) -> None:
    case = CASES["pytorch"]()
    save_model(case.model, tmp_path / "model", input_example=case.rows.head(2).to_numpy("float32"))
    assert_close(mlflow.run(START + NATIVE, str(tmp_path / "model")), case.predict(case.model, case.rows).tolist())


def test_text_generation_is_the_same_in_mlflow(mlflow: OtherProcess, tmp_path: Path) -> None:
    settings = {"max_new_tokens": 5, "do_sample": False}
    save_model(
        make_gpt(), tmp_path / "model", "transformers", input_example=make_texts().head(2), model_config=settings
    )
    theirs = mlflow.run(START + LOAD, str(tmp_path / "model"), "make_texts", "table")
    assert theirs == load_model(tmp_path / "model").predict(make_texts())


SAVE = """
import pathlib
from mlflow.models import infer_signature
import mlflow.keras, mlflow.pytorch, mlflow.sentence_transformers, mlflow.spacy, mlflow.tensorflow, mlflow.transformers
import transformers
rows, texts = cases.make_rows(), cases.make_texts()
array = rows.to_numpy("float32")
numbers = infer_signature(array, array[:, :2])
words = infer_signature(texts, texts)
common = {"pip_requirements": ["numpy"]}
place = pathlib.Path(folder)
net = cases.make_net().eval()
mlflow.pytorch.save_model(net, str(place / "pytorch"), signature=numbers, serialization_format="pickle", **common)
mlflow.pytorch.save_model(
    net, str(place / "pytorch-pt2"), signature=numbers, input_example=array, serialization_format="pt2", **common
)
mlflow.keras.save_model(cases.make_keras(), str(place / "keras"), signature=infer_signature(array), **common)
mlflow.tensorflow.save_model(cases.make_keras(), str(place / "tensorflow-keras"), **common)
module = cases.make_tensorflow()
module(array)
mlflow.tensorflow.save_model(module, str(place / "tensorflow"), **common)
mlflow.spacy.save_model(cases.make_spacy(), str(place / "spacy"), signature=words, **common)
pipeline = transformers.pipeline("text-classification", **cases.make_bert())
mlflow.transformers.save_model(pipeline, str(place / "transformers"), signature=words, **common)
mlflow.sentence_transformers.save_model(
    cases.make_sentences(), str(place / "sentence-transformers"), signature=words, **common
)
print("true")
"""
PICKLED = {"pytorch", "pytorch-pt2"}


def test_what_mlflow_saved_loads_here(mlflow: OtherProcess, tmp_path: Path) -> None:
    mlflow.run(START + SAVE, str(tmp_path))
    refused = set()
    array = make_rows().to_numpy("float32")
    for folder in sorted(tmp_path.iterdir()):
        case = CASES[folder.name.removesuffix("-pt2").removeprefix("tensorflow-")]()
        try:
            model = load_model(folder)
        except PermissionDenied:
            refused.add(folder.name)
            model = load_model(folder, trust=True)
        given: Any = case.rows if "text" in case.rows else array
        wanted = case.predict(case.model, case.rows)
        assert_close(np.asarray(model.predict(given)).tolist(), np.asarray(wanted).tolist(), folder.name)
    assert refused == PICKLED
