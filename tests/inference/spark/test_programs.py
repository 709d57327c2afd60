"""Programs with a Spark of their own: through Spark Connect, and the page of the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import pages
from tests.inference.spark.programs import run_program

pytestmark = pytest.mark.spark

PROGRAM = """
import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from sklearn.linear_model import LinearRegression

from trackway import models

spark = SparkSession.builder.remote("local[2]").getOrCreate()
assert "connect" in type(spark).__module__, type(spark)
rows = pd.DataFrame({"a": np.arange(400.0), "b": np.arange(400.0) % 7, "id": range(400)})
native = LinearRegression().fit(rows[["a", "b"]], rows.a * 2 - rows.b)
models.save_model(native, "model", input_example=rows[["a", "b"]].head(3))
expected = native.predict(rows[["a", "b"]])
frame = spark.createDataFrame(rows)

table = models.predict_dataframe("model", frame, keep=["id"]).orderBy("id").toPandas()
np.testing.assert_allclose(table.prediction, expected, rtol=1e-12)

predict = models.spark_udf(spark, "model")
given = frame.select("id", predict("a", "b").alias("x"), predict().alias("y")).orderBy("id").toPandas()
np.testing.assert_allclose(given.x, expected, rtol=1e-12)
np.testing.assert_allclose(given.y, expected, rtol=1e-12)

spark.udf.register("price", predict)
frame.createOrReplaceTempView("houses")
assert spark.sql("SELECT price(a, b) AS price FROM houses WHERE price(a, b) IS NOT NULL").count() == 400
print("all is well")
"""


def test_a_table_a_function_and_sql_work_through_connect(tmp_path: Path) -> None:
    assert "all is well" in run_program(PROGRAM, tmp_path)


def test_the_page_of_the_documentation_runs(tmp_path: Path) -> None:
    page = pages.ROOT / "docs" / "how-to" / "spark.md"
    assert "price" in run_program(pages.read_code(page, "python spark"), tmp_path)
