"""Predictions on a Spark of two executors, as a function of columns, as a table, and in a stream."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.errors import PythonException
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf
from sklearn.linear_model import LinearRegression, LogisticRegression

from tests.inference.spark.conftest import ROWS
from trackway import models
from trackway.base.errors import Conflict, InvalidInput, PermissionDenied
from trackway.models.signature import Signature, columns

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def native(rows: pd.DataFrame) -> LinearRegression:
    return LinearRegression().fit(rows[["a", "b"]], rows.a * 2 - rows.b + 1)


@pytest.fixture(scope="module")
def regression(native: LinearRegression, rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "regression"
    models.save_model(native, path, input_example=rows[["a", "b"]].head(3))
    return path


def _save(path: Path, source: str, signature: Signature | None) -> Path:
    program = path.with_suffix(".py")
    program.write_text(f"import os\nimport pandas as pd\nfrom trackway import models, pyfunc\n{source}")
    models.save_model(str(program), path, signature=signature)
    return path


def _collect(table: Any) -> pd.DataFrame:
    return table.orderBy("id").toPandas()


class TestFunction:
    def test_columns_a_struct_and_none_give_what_the_library_gives(
        self, spark: SparkSession, frame: Any, regression: Path, native: LinearRegression, rows: pd.DataFrame
    ) -> None:
        predict = models.spark_udf(spark, regression)
        found = _collect(
            frame.select(
                "id", predict("a", "b").alias("x"), predict(sf.struct("b", "a")).alias("y"), predict().alias("z")
            )
        )
        expected = native.predict(rows[["a", "b"]])
        for column in "xyz":
            np.testing.assert_allclose(found[column], expected, rtol=1e-12)

    def test_is_a_function_of_sql(self, spark: SparkSession, frame: Any, regression: Path) -> None:
        spark.udf.register("price", models.spark_udf(spark, regression, "float"))
        frame.createOrReplaceTempView("houses")
        table = spark.sql("SELECT price(a, b) AS price FROM houses")
        assert table.schema["price"].dataType.simpleString() == "float"
        assert table.where("price IS NULL").count() == 0

    def test_result_types_that_do_not_hold_the_values_are_refused(
        self, spark: SparkSession, frame: Any, regression: Path
    ) -> None:
        with pytest.raises(InvalidInput, match="'nonsense' is no type of Spark's"):
            models.spark_udf(spark, regression, "nonsense")
        with pytest.raises(PythonException, match="The predictions are no int64"):
            frame.select(models.spark_udf(spark, regression, "bigint")("a", "b")).collect()

    def test_a_wrong_number_of_columns_is_told(self, spark: SparkSession, frame: Any, regression: Path) -> None:
        with pytest.raises(PythonException, match="takes 2 columns; the function was given 3"):
            frame.select(models.spark_udf(spark, regression)("a", "b", "id")).collect()

    def test_an_environment_that_nothing_makes_is_refused(self, spark: SparkSession, regression: Path) -> None:
        with pytest.raises(InvalidInput, match="'pipenv' makes no environments"):
            models.spark_udf(spark, regression, env_manager="pipenv")


class TestTable:
    def test_predictions_stand_beside_the_columns(
        self, frame: Any, regression: Path, native: LinearRegression, rows: pd.DataFrame
    ) -> None:
        table = models.predict_dataframe(regression, frame)
        assert table.columns == ["a", "b", "id", "prediction"]
        found = _collect(table)
        np.testing.assert_allclose(found.prediction, native.predict(rows[["a", "b"]]), rtol=1e-12)
        assert found[["a", "b", "id"]].equals(rows)
        assert models.predict_dataframe(regression, frame, keep=["id"]).columns == ["id", "prediction"]

    def test_columns_that_are_missing_or_there_twice_are_told_at_once(self, frame: Any, regression: Path) -> None:
        with pytest.raises(InvalidInput, match="lacks the column 'b'"):
            models.predict_dataframe(regression, frame.drop("b"))
        with pytest.raises(InvalidInput, match="lacks the column 'c'"):
            models.predict_dataframe(regression, frame, keep=["c"])
        with pytest.raises(Conflict, match="a column 'prediction'"):
            models.predict_dataframe(regression, frame.withColumn("prediction", sf.lit(1)))

    def test_outputs_of_several_columns_and_of_lists(
        self, spark: SparkSession, frame: Any, rows: pd.DataFrame, tmp_path: Path
    ) -> None:
        source = """
class Model(pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        by = (params or {}).get("by", 1.0)
        return pd.DataFrame({"total": (model_input.a + model_input.b) * by, "label": ["x"] * len(model_input),
                             "parts": model_input[["a", "b"]].values.tolist()})
models.set_model(Model())
"""
        path = _save(tmp_path / "several", source, None)
        wanted = "total double, label string, parts array<double>"
        table = models.predict_dataframe(path, frame, keep=["id"], result_type=wanted, trust=True)
        assert [field.simpleString() for field in table.schema][1:] == [
            "total:double",
            "label:string",
            "parts:array<double>",
        ]
        found = _collect(table)
        np.testing.assert_array_equal(found.total, rows.a + rows.b)
        assert found.parts.map(list).tolist() == rows[["a", "b"]].to_numpy().tolist()
        predict = models.spark_udf(spark, path, wanted, {"by": 2.0}, trust=True)
        row = frame.where("id = 7").select(predict(sf.struct("a", "b")).alias("p")).select("p.*").first()
        assert row.total == (rows.a[7] + rows.b[7]) * 2

    def test_an_array_of_probabilities(self, frame: Any, rows: pd.DataFrame, tmp_path: Path) -> None:
        classifier = LogisticRegression().fit(rows[["a", "b"]], rows.a > 0.5)
        models.save_model(
            classifier, tmp_path / "c", input_example=rows[["a", "b"]].head(3), pyfunc_predict_fn="predict_proba"
        )
        table = models.predict_dataframe(tmp_path / "c", frame)
        assert table.schema["prediction"].dataType.simpleString() == "array<double>"
        found = np.array(_collect(table).prediction.tolist())
        np.testing.assert_allclose(found, classifier.predict_proba(rows[["a", "b"]]), rtol=1e-12)

    def test_texts_times_and_nothing_at_all(self, spark: SparkSession, tmp_path: Path) -> None:
        source = """
class Model(pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [None if text is None else f"{text} {time:%H:%M}"
                for text, time in zip(model_input.text, model_input.time)]
models.set_model(Model())
"""
        signature = Signature(inputs=columns(text="string", time="datetime"), outputs=columns(x="string"))
        path = _save(tmp_path / "texts", source, signature)
        when = dt.datetime(2026, 1, 31, 12, 30)  # noqa: DTZ001 - Spark takes it as of the session's zone
        table = spark.createDataFrame([("at", when, 0), (None, when, 1)], "text string, time timestamp, id int")
        found = models.predict_dataframe(path, table, keep=["id"], trust=True)
        assert [row.prediction for row in found.orderBy("id").collect()] == ["at 12:30", None]
        assert models.predict_dataframe(path, table.where("id > 9"), trust=True).count() == 0


class TestWorkers:
    def test_a_worker_loads_a_model_once_for_all_batches_and_jobs(self, frame: Any, tmp_path: Path) -> None:
        log = tmp_path / "log"
        source = f"""
class Model(pyfunc.PythonModel):
    def load_context(self, context):
        with open({str(log)!r}, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
    def predict(self, context, model_input, params=None):
        return model_input.a
models.set_model(Model())
"""
        path = _save(tmp_path / "counted", source, Signature(inputs=columns(a="double"), outputs=columns(x="double")))
        for _ in range(3):
            models.predict_dataframe(path, frame, trust=True).collect()
        loads = log.read_text().split()
        assert len(loads) == len(set(loads)) >= 2

    def test_code_of_the_models_own_needs_trust_before_anything_runs(self, spark: SparkSession, tmp_path: Path) -> None:
        source = "class Model(pyfunc.PythonModel):\n    pass\nmodels.set_model(Model())\n"
        path = _save(tmp_path / "code", source, None)
        with pytest.raises(PermissionDenied):
            models.spark_udf(spark, path)

    def test_the_row_that_a_model_fails_on_is_named(self, frame: Any, tmp_path: Path) -> None:
        source = """
class Model(pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [1 / (number - 321) for number in model_input.id]
models.set_model(Model())
"""
        path = _save(tmp_path / "fails", source, Signature(inputs=columns(id="long"), outputs=columns(x="double")))
        ordered = frame.coalesce(1).sortWithinPartitions("id")
        with pytest.raises(PythonException, match=r"Partition 0, row 322: ZeroDivisionError"):
            models.predict_dataframe(path, ordered, trust=True).collect()


class TestStream:
    def test_a_query_that_stopped_predicts_what_has_come_since(
        self, spark: SparkSession, rows: pd.DataFrame, regression: Path, native: LinearRegression, tmp_path: Path
    ) -> None:
        source, output = tmp_path / "in", tmp_path / "out"
        source.mkdir()

        def run() -> pd.DataFrame:
            stream = spark.readStream.schema("a double, b double, id long").parquet(str(source))
            query = (
                models.predict_dataframe(regression, stream, keep=["id"])
                .writeStream.format("parquet")
                .option("checkpointLocation", str(tmp_path / "checkpoint"))
                .trigger(availableNow=True)
                .start(str(output))
            )
            query.awaitTermination()
            return _collect(spark.read.parquet(str(output)))

        for part, (low, high) in enumerate(((0, 150), (150, ROWS))):
            rows[low:high].to_parquet(source / f"{part}.parquet")
            found = run()
            assert found.id.tolist() == list(range(high))
        np.testing.assert_allclose(found.prediction, native.predict(rows[["a", "b"]]), rtol=1e-12)
