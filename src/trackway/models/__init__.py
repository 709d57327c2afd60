"""Models as folders: what is in them, how it is checked, and how each library saves and loads its own.

    from trackway import models

    models.save_model(estimator, "churn", input_example=rows)
    model = models.load_model("churn")
    model.predict(rows)

The names are imported when they are first used. Those that need a run or a registry are the SDK's, a layer above.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackway.inference.batch import predict_file as predict_file
    from trackway.inference.spark import predict_dataframe as predict_dataframe
    from trackway.inference.spark import spark_udf as spark_udf
    from trackway.models.conversion import export as export
    from trackway.models.examples import dump_request as dump_request
    from trackway.models.inference import infer_signature as infer_signature
    from trackway.models.package import Model as Model
    from trackway.models.package import load_model as load_model
    from trackway.models.package import save_model as save_model
    from trackway.models.python_model import set_model as set_model
    from trackway.models.signature import Signature as Signature
    from trackway.models.signature import columns as columns
    from trackway.sdk.cards import make_card as make_card
    from trackway.sdk.cards import read_card as read_card
    from trackway.sdk.cards import write_card as write_card
    from trackway.sdk.evaluation import Evaluation as Evaluation
    from trackway.sdk.evaluation import MetricThreshold as MetricThreshold
    from trackway.sdk.evaluation import evaluate as evaluate
    from trackway.sdk.evaluation import make_metric as make_metric
    from trackway.sdk.evaluation import validate_evaluation_results as validate_evaluation_results
    from trackway.sdk.model_imports import infer_pip_requirements as infer_pip_requirements
    from trackway.sdk.model_records import get_model_info as get_model_info
    from trackway.sdk.model_records import set_signature as set_signature
    from trackway.sdk.model_records import update_model_requirements as update_model_requirements
    from trackway.serving.direct import predict as predict
    from trackway.serving.direct import validate_serving_input as validate_serving_input
    from trackway.serving.image import build_docker as build_docker

    ModelSignature = Signature
    EvaluationResult = Evaluation
    convert_input_example_to_serving_input = dump_request

_MODULE_OF = {
    "build_docker": "trackway.serving.image",
    "dump_request": "trackway.models.examples",
    "export": "trackway.models.conversion",
    "infer_pip_requirements": "trackway.sdk.model_imports",
    "infer_signature": "trackway.models.inference",
    "Model": "trackway.models.package",
    "get_model_info": "trackway.sdk.model_records",
    "load_model": "trackway.models.package",
    "save_model": "trackway.models.package",
    "set_signature": "trackway.sdk.model_records",
    "set_model": "trackway.models.python_model",
    "Signature": "trackway.models.signature",
    "columns": "trackway.models.signature",
    "Evaluation": "trackway.sdk.evaluation",
    "MetricThreshold": "trackway.sdk.evaluation",
    "evaluate": "trackway.sdk.evaluation",
    "make_card": "trackway.sdk.cards",
    "predict": "trackway.serving.direct",
    "predict_dataframe": "trackway.inference.spark",
    "predict_file": "trackway.inference.batch",
    "read_card": "trackway.sdk.cards",
    "make_metric": "trackway.sdk.evaluation",
    "spark_udf": "trackway.inference.spark",
    "update_model_requirements": "trackway.sdk.model_records",
    "validate_evaluation_results": "trackway.sdk.evaluation",
    "validate_serving_input": "trackway.serving.direct",
    "write_card": "trackway.sdk.cards",
}
_OTHER_NAMES = {
    "ModelSignature": "Signature",
    "EvaluationResult": "Evaluation",
    "convert_input_example_to_serving_input": "dump_request",
}
"""What scripts written for MLflow call some of them."""
_ELSEWHERE = {"add_libraries_to_model": "; wheels go into an image: trackway models build-docker --wheels"}


def __getattr__(name: str) -> Any:
    name = _OTHER_NAMES.get(name, name)
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{_ELSEWHERE.get(name, '')}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF, *_OTHER_NAMES})
