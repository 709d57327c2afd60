"""Prediction on Spark under the name, and with the meaning, that scripts written for MLflow know."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from trackway.inference.spark import UdfOptions, make_udf


def spark_udf(
    spark: Any,
    model_uri: str | os.PathLike[str],
    result_type: Any = None,
    env_manager: str | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    trust: bool = False,
) -> Callable[..., Any]:
    """Return a function of Spark's columns that predicts with a model, with MLflow's meaning of its result's type.

    Of predictions in several columns, a type of one value takes the leftmost column that it can hold, and a list all of
    them: ``int`` and ``long`` whole numbers that fit, ``float`` and ``double`` any number, ``boolean`` truth values,
    ``string`` anything. A struct takes columns by name. Columns that are given beyond the model's are left out.

    result_type: Spark's type or the text of it; the signature's output when left out, ``double`` when it has none
    env_manager: ``local`` when left out; ``uv``, ``virtualenv`` or ``conda``: each machine makes the model's own
    trust:       whether the model may run code of its own on the executors
    raises:      as ``trackway.models.spark_udf``, which takes a result that does not fit for a mistake
    """
    options = UdfOptions(dict(params or {}), trust, env_manager or "local", like_mlflow=True)
    return make_udf(spark, model_uri, result_type, options)
