"""The function of columns as scripts for MLflow know it, and models in environments that executors make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.errors import PythonException
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf
from sklearn.linear_model import LinearRegression

import trackway as tw
from tests.environments.stand_ins import read_calls
from tests.models.peers import Peer
from trackway import models
from trackway.models.signature import Signature, columns
from trackway.testing.flavors import assert_close

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]
MODEL = """
import pandas as pd
try:
    from mlflow import pyfunc
    from mlflow.models import set_model
except ImportError:
    from trackway import pyfunc
    from trackway.models import set_model
class Model(pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        a = model_input["a"]
        return pd.DataFrame({
            "t": a.map(lambda one: f"row {one}"), "f": (a * 1.5).astype("float32"), "b": a > 2,
            "l": (a * 10).astype("int64"), "i": a.astype("int32"), "d": a / 3,
        })
set_model(Model())
"""
TYPES = (
    *("int", "integer", "long", "bigint", "float", "double", "string", "boolean", "bool"),
    *("array<int>", "array<long>", "array<float>", "array<double>", "array<string>", "array<boolean>"),
    *("l long, t string", "struct<d: double, b: boolean>"),
)
THEIRS = """
import logging, os, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
logging.disable(50)
import mlflow
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
folder, types = arguments
table = spark.createDataFrame([(float(x),) for x in range(5)], "a double").coalesce(1)
result = {}
for kind in types:
    udf = mlflow.pyfunc.spark_udf(spark, folder, kind, env_manager="local")
    made = table.select(udf("a").alias("x"))
    values = [row.x.asDict() if hasattr(row.x, "asDict") else row.x for row in made.collect()]
    result[kind] = [made.schema["x"].dataType.simpleString(), values]
"""


def test_a_type_takes_of_several_columns_what_mlflow_takes(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    signature = Signature(inputs=columns(a="double"))
    models.save_model(str(tmp_path / "model.py"), tmp_path / "model", signature=signature)
    peer = Peer("spark", tmp_path)
    try:
        theirs = peer.run(THEIRS, str(tmp_path / "model"), TYPES)
    finally:
        peer.close()
    table = spark.createDataFrame([(float(x),) for x in range(5)], "a double").coalesce(1)
    for kind in TYPES:
        predict = tw.pyfunc.spark_udf(spark, tmp_path / "model", kind, trust=True)
        made = table.select(predict("a").alias("x"))
        values = [row.x.asDict() if hasattr(row.x, "asDict") else row.x for row in made.collect()]
        assert made.schema["x"].dataType.simpleString() == theirs[kind][0]
        assert_close(values, theirs[kind][1], kind)


def test_what_no_column_fits_is_told(spark: SparkSession, frame: Any, tmp_path: Path) -> None:
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    models.save_model(model, tmp_path / "model", input_example=pd.DataFrame({"a": [1.0]}))
    with pytest.raises(PythonException, match="no column that a int32 holds"):
        frame.select(tw.pyfunc.spark_udf(spark, tmp_path / "model", "int")("a")).collect()


def test_the_type_is_the_signatures_and_columns_beyond_it_are_left_out(
    spark: SparkSession, frame: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    native = LinearRegression().fit(rows[["a", "b"]], rows.a * 2 - rows.b)
    models.save_model(native, tmp_path / "model", input_example=rows[["a", "b"]].head(2))
    predict = tw.pyfunc.spark_udf(spark, str(tmp_path / "model"))
    struct = predict(sf.struct("b", "a"))
    found = frame.select("id", predict("a", "b", "id").alias("x"), predict().alias("y"), struct.alias("z"))
    table = found.orderBy("id").toPandas()
    for column in "xyz":
        np.testing.assert_allclose(table[column], native.predict(rows[["a", "b"]]), rtol=1e-12)


class TestEnvironments:
    @pytest.fixture
    def regression(self, rows: pd.DataFrame, tmp_path: Path) -> Path:
        native = LinearRegression().fit(rows[["a", "b"]], rows.a * 2 - rows.b)
        models.save_model(native, tmp_path / "model", input_example=rows[["a", "b"]].head(2))
        return tmp_path / "model"

    @pytest.mark.parametrize("manager", ["uv", "virtualenv"])
    def test_a_machine_makes_a_models_environment_once_and_predicts_there(
        self, manager: str, spark: SparkSession, frame: Any, rows: pd.DataFrame, regression: Path, machine: Path
    ) -> None:
        predict = tw.pyfunc.spark_udf(spark, regression, "double", env_manager=manager)
        for _ in range(2):
            found = frame.select("id", predict("a", "b").alias("x")).orderBy("id").toPandas()
            np.testing.assert_allclose(found.x, rows.a * 2 - rows.b, rtol=1e-9)
        made = [words for words in read_calls(machine / "bin" / "uv-calls") if words[0] == "venv"]
        assert len(made) == 1, "by whichever executor came first"
        lock = next((machine / "cache" / "environments").glob("*.txt")).read_text()
        assert "pyarrow" in lock

    def test_the_model_runs_in_another_python_than_the_executors(
        self, spark: SparkSession, frame: Any, tmp_path: Path, machine: Path
    ) -> None:
        (tmp_path / "code.py").write_text(
            "import json, os, sys\nfrom trackway import models, pyfunc\n"
            "class Model(pyfunc.PythonModel):\n"
            "    def predict(self, context, model_input, params=None):\n"
            "        print('to standard output, where answers go')\n"
            "        if (model_input.id == 321).any():\n            raise ValueError('not this one')\n"
            "        return [json.dumps([sys.prefix, os.getppid(), params])] * len(model_input)\n"
            "models.set_model(Model())\n"
        )
        signature = Signature(inputs=columns(id="long"), outputs=columns(x="string"))
        models.save_model(str(tmp_path / "code.py"), tmp_path / "model", signature=signature)
        predict = models.spark_udf(spark, tmp_path / "model", trust=True, env_manager="uv")
        fine = frame.where("id < 300").select(predict("id").alias("x")).collect()
        prefixes = {json.loads(row.x)[0] for row in fine}
        assert len(prefixes) == 1
        assert prefixes.pop().startswith(str(machine / "cache"))
        ordered = frame.coalesce(1).sortWithinPartitions("id")
        with pytest.raises(PythonException, match=r"Partition 0, row 22: ValueError: not this one"):
            ordered.select(predict("id")).collect()

    def test_an_environment_that_cannot_be_made_is_told(self, spark: SparkSession, frame: Any, tmp_path: Path) -> None:
        native = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
        models.save_model(native, tmp_path / "m", pip_requirements=["no-such-package"])
        with pytest.raises(PythonException, match="no-such-package was not found"):
            frame.select(models.spark_udf(spark, tmp_path / "m", "double", env_manager="uv")("a")).collect()
