"""Models of Spark MLlib: in MLlib's own form, looked into before Spark is, and in MLflow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pyspark.ml import Pipeline, PipelineModel, Transformer
from pyspark.ml.classification import LogisticRegression, OneVsRest, RandomForestClassifier
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import (
    Bucketizer,
    IndexToString,
    RFormula,
    SQLTransformer,
    StandardScaler,
    StringIndexer,
    VectorAssembler,
)
from pyspark.ml.linalg import Vectors
from pyspark.ml.recommendation import ALS
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession

import trackway as tw
from tests.models.peers import Peer
from trackway import models
from trackway.base.errors import InvalidInput, NotSupported, PermissionDenied
from trackway.models.flavors.spark import FLAVOR
from trackway.models.manifest import list_files
from trackway.models.package import load_model, save_model
from trackway.testing.flavors import FlavorCase, FlavorContract, assert_close, to_list

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        builder = SparkSession.builder.master("local[2]")
        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
        }
        session = builder.config(map=settings).getOrCreate()
        yield session
        session.stop()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    return pd.DataFrame({"a": rng.random(60).round(3), "b": rng.random(60).round(3), "n": rng.integers(0, 9, 60)})


@pytest.fixture(scope="module")
def table(spark: SparkSession, rows: pd.DataFrame) -> Any:
    kind = np.where(rows.a > 0.5, "high", "low")
    labelled = rows.assign(y=rows.a * 2 + rows.n, kind=kind, label=(rows.a > 0.5).astype(float))
    return spark.createDataFrame(labelled).cache()


@pytest.fixture(scope="module")
def regression(table: Any) -> PipelineModel:
    assembler = VectorAssembler(inputCols=["a", "b", "n"], outputCol="features")
    return Pipeline(stages=[assembler, LinearRegression(labelCol="y", regParam=0.1)]).fit(table)


def predict(model: Any, rows: pd.DataFrame) -> Any:
    """What Spark itself gives, in the order of the rows, of which it has one part."""
    session = SparkSession.active()
    found = model.transform(session.createDataFrame(rows).coalesce(1)).select("prediction").collect()
    return np.array([row.prediction for row in found])


class TestFlavor(FlavorContract):
    @pytest.fixture
    def case(self, regression: Any, rows: pd.DataFrame) -> FlavorCase:
        return FlavorCase("spark", regression, rows, predict, library="pyspark", packages=("pyspark",))


STEPS: dict[str, Callable[[], list[Any]]] = {
    "trees with texts in and out": lambda: [
        StringIndexer(inputCol="kind", outputCol="known", handleInvalid="keep"),
        VectorAssembler(inputCols=["a", "b", "known"], outputCol="features"),
        RandomForestClassifier(numTrees=3, seed=1),
    ],
    "a formula": lambda: [RFormula(formula="label ~ a + b + kind"), LogisticRegression()],
    "one against the rest": lambda: [
        VectorAssembler(inputCols=["a", "b"], outputCol="features"),
        OneVsRest(classifier=LogisticRegression()),
    ],
    "a search": lambda: [_make_search()],
    "clusters": lambda: [
        VectorAssembler(inputCols=["a", "b"], outputCol="all"),
        StandardScaler(inputCol="all", outputCol="features"),
        KMeans(k=3, seed=1),
    ],
}


def _make_search() -> CrossValidator:
    logistic = LogisticRegression()
    grid = ParamGridBuilder().addGrid(logistic.regParam, [0.1, 0.01]).build()
    pipeline = Pipeline(stages=[VectorAssembler(inputCols=["a", "b"], outputCol="features"), logistic])
    return CrossValidator(
        estimator=pipeline, estimatorParamMaps=grid, evaluator=BinaryClassificationEvaluator(), numFolds=2
    )


@pytest.mark.parametrize("name", STEPS)
def test_every_kind_of_pipeline_comes_back_without_trust(name: str, table: Any, tmp_path: Path) -> None:
    model = Pipeline(stages=STEPS[name]()).fit(table)
    rows = table.toPandas()
    save_model(model, tmp_path / "model", input_example=rows.head(2))
    loaded = load_model(tmp_path / "model")
    assert_close(to_list(loaded.predict(rows)), to_list(predict(model, rows)))
    assert loaded.is_rowwise
    assert not [path for path in list_files(tmp_path / "model") if path.endswith(".crc")]


def test_one_step_alone_is_a_pipeline_of_one(table: Any, tmp_path: Path) -> None:
    bucket = Bucketizer(splits=[0, 0.5, 1], inputCol="a", outputCol="half")
    save_model(bucket, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert isinstance(loaded.native, PipelineModel)
    assert loaded.predict(table.select("a").toPandas()).tolist() == [float(row.a >= 0.5) for row in table.collect()]


def test_lists_of_numbers_become_vectors_and_vectors_lists(spark: SparkSession, tmp_path: Path) -> None:
    given = spark.createDataFrame([(Vectors.dense([float(x), 1.0]), float(x)) for x in range(9)], ["features", "label"])
    model = LinearRegression().fit(given)
    rows = pd.DataFrame({"features": [np.array([float(x), 1.0]) for x in range(4)]})
    save_model(model, tmp_path / "linear", input_example=rows.head(2))
    assert load_model(tmp_path / "linear").predict(rows).tolist() == pytest.approx([0.0, 1.0, 2.0, 3.0], abs=1e-6)
    scaler = StandardScaler(inputCol="features", outputCol="scaled", withStd=False, withMean=True).fit(given)
    save_model(scaler, tmp_path / "scaler", input_example=rows.head(2))
    assert load_model(tmp_path / "scaler").predict(rows)[:, 0].tolist() == [-4.0, -3.0, -2.0, -1.0]


def test_predictions_are_in_the_order_of_the_rows_though_spark_joins_tables(
    spark: SparkSession, tmp_path: Path
) -> None:
    seen = pd.DataFrame(
        {"user": [1, 1, 2, 2, 3, 4] * 5, "item": list(range(6)) * 5, "rating": [1.0, 2, 3, 4, 5, 6] * 5}
    )
    model = ALS(maxIter=2, seed=1).fit(spark.createDataFrame(seen))
    rows = pd.DataFrame({"user": np.tile([4, 1, 3, 2], 20), "item": np.repeat([5, 0, 2, 4, 1], 16)})
    known = {(r.user, r.item): r.prediction for r in model.transform(spark.createDataFrame(rows)).collect()}
    save_model(model, tmp_path / "model", input_example=rows.head(2))
    found = load_model(tmp_path / "model").predict(rows)
    assert_close(found.tolist(), [known[user, item] for user, item in zip(rows.user, rows["item"], strict=True)])


def test_a_model_that_leaves_rows_out_says_so(table: Any, tmp_path: Path) -> None:
    indexer = StringIndexer(inputCol="kind", outputCol="prediction", handleInvalid="skip").fit(table)
    save_model(indexer, tmp_path / "model")
    with pytest.raises(InvalidInput, match=r"1 predictions for 2 rows.*handleInvalid"):
        load_model(tmp_path / "model").predict(pd.DataFrame({"kind": ["high", "never seen"]}))


def test_texts_come_back_as_texts(table: Any, tmp_path: Path) -> None:
    indexer = StringIndexer(inputCol="kind", outputCol="number").fit(table)
    steps = PipelineModel(
        stages=[indexer, IndexToString(inputCol="number", outputCol="prediction", labels=indexer.labels)]
    )
    save_model(steps, tmp_path / "model", input_example=pd.DataFrame({"kind": ["low"]}))
    assert load_model(tmp_path / "model").predict(pd.DataFrame({"kind": ["low", "high"]})).tolist() == ["low", "high"]


def test_a_step_of_sql_needs_trust(table: Any, tmp_path: Path) -> None:
    step = SQLTransformer(statement="SELECT *, a + b AS prediction FROM __THIS__")
    save_model(PipelineModel(stages=[step]), tmp_path / "model")
    with pytest.raises(PermissionDenied, match="step of SQL"):
        load_model(tmp_path / "model")
    loaded = load_model(tmp_path / "model", trust=True)
    rows = table.select("a", "b").toPandas()
    assert loaded.predict(rows).tolist() == pytest.approx((rows.a + rows.b).tolist())
    assert not loaded.is_rowwise


def test_what_is_no_fitted_step_is_refused(tmp_path: Path) -> None:
    class Mine(Transformer):  # type: ignore[misc]
        def _transform(self, dataset: Any) -> Any:
            return dataset

    for model in (Pipeline(stages=[]), Mine(), PipelineModel(stages=[Mine()])):
        with pytest.raises(InvalidInput, match=r"no fitted step|cannot write"):
            save_model(model, tmp_path / "model", "spark")
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_a_cluster_reaches_is_used_on_the_way(
    regression: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    save_model(regression, tmp_path / "model", dfs_tmpdir=f"file://{shared}")
    assert list(shared.glob("*")) == [], "nothing is left behind"
    loaded = load_model(tmp_path / "model", dfs_tmpdir=f"file://{shared}")
    assert len(list(shared.glob("*/metadata"))) == 1
    assert_close(to_list(loaded.predict(rows)), to_list(predict(regression, rows)))


def test_a_table_of_spark_is_predicted_by_spark_itself(table: Any, regression: Any, tmp_path: Path) -> None:
    save_model(regression, tmp_path / "model")
    found = models.predict_dataframe(tmp_path / "model", table, keep=["kind"])
    assert found.columns == ["kind", "prediction"]
    expected = [row.prediction for row in regression.transform(table).collect()]
    assert_close([row.prediction for row in found.collect()], expected)
    with pytest.raises(NotSupported, match="predict_dataframe"):
        models.spark_udf(table.sparkSession, tmp_path / "model")


def test_it_is_logged_registered_and_loaded_by_name(
    regression: Any, rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    with tw.start_run():
        tw.spark.log_model(regression, name="model", registered_model_name="prices", input_example=rows.head(2))
    found = tw.pyfunc.load_model("models:/prices/1").predict(rows)
    assert_close(to_list(found), to_list(predict(regression, rows)))
    assert isinstance(tw.spark.load_model("models:/prices/1"), PipelineModel)


LOAD = """
import os, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
import logging, pandas
logging.disable(50)
import mlflow
result = [float(one) for one in mlflow.pyfunc.load_model(arguments[0]).predict(pandas.DataFrame(arguments[1]))]
"""
SAVE = """
import mlflow.spark, os, pandas, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
from pyspark.ml import Pipeline
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
rows = pandas.DataFrame(arguments[1])
table = spark.createDataFrame(rows.assign(y=rows.a * 2 + rows.n))
steps = [VectorAssembler(inputCols=["a", "b", "n"], outputCol="features"), LinearRegression(labelCol="y", regParam=0.1)]
model = Pipeline(stages=steps).fit(table)
mlflow.spark.save_model(model, arguments[0], pip_requirements=["pyspark"], dfs_tmpdir=arguments[2])
result = [row.prediction for row in model.transform(spark.createDataFrame(rows)).collect()]
"""


@pytest.mark.parametrize("version", ["3.17", "2.22"])
def test_models_cross_over_to_mlflow_and_back(
    version: str, regression: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    save_model(regression, tmp_path / "ours", input_example=rows.head(2))
    peer = Peer(version, tmp_path, borrows=True)
    try:
        assert_close(peer.run(LOAD, str(tmp_path / "ours"), rows.to_dict("list")), to_list(predict(regression, rows)))
        theirs = peer.run(SAVE, str(tmp_path / "theirs"), rows.to_dict("list"), str(tmp_path / "dfs"))
    finally:
        peer.close()
    assert load_model(tmp_path / "ours").flavor == "spark"  # whatever MLflow left in the folder
    assert_close(to_list(load_model(tmp_path / "theirs").predict(rows)), theirs)
    ours, made = (yaml.safe_load((tmp_path / name / "MLmodel").read_text()) for name in ("ours", "theirs"))
    assert set(made["flavors"]["spark"]) - {"code"} <= set(ours["flavors"]["spark"])
    for key in ("model_data", "model_class"):
        assert made["flavors"]["spark"].get(key) in (None, ours["flavors"]["spark"][key])
    for key in ("loader_module", "data"):
        assert made["flavors"]["python_function"][key] == ours["flavors"]["python_function"][key]


def test_a_model_of_the_torch_kind_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "sparkml").mkdir()
    with pytest.raises(NotSupported, match="connect"):
        FLAVOR.load(tmp_path, {"model_class": "pyspark.ml.connect.pipeline.PipelineModel"}, trust=False)
