"""Autologging of Spark MLlib."""

from __future__ import annotations

import csv
import io
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression, OneVsRest
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import BinaryClassificationEvaluator, RegressionEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit
from pyspark.sql import DataFrame, SparkSession

import trackway as tw
from tests.sdk.autolog.memory import MemoryRecorder
from trackway.sdk.autolog import autolog, disable, failures, set_recorder

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataFrame]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
        }
        session = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
        rows = [(float(n), float(n % 5), float(n > 20)) for n in range(40)]
        yield session.createDataFrame(rows, ["age", "income", "label"])
        session.stop()


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    failures.clear()
    recorder = MemoryRecorder()
    set_recorder(recorder)
    autolog("spark")
    yield recorder
    assert not failures
    disable("spark")
    set_recorder(None)


def make_pipeline(last: Any) -> Pipeline:
    assembler = VectorAssembler(inputCols=["age", "income"], outputCol="raw")
    return Pipeline(stages=[assembler, StandardScaler(inputCol="raw", outputCol="features"), last])


def test_a_pipeline_is_one_run_with_the_params_of_its_steps(recorder: MemoryRecorder, table: DataFrame) -> None:
    model = make_pipeline(LogisticRegression(maxIter=3)).fit(table)
    run = recorder.run
    assert run.status == "FINISHED"
    assert run.params["stages"] == "['VectorAssembler', 'StandardScaler', 'LogisticRegression']"
    assert run.params["LogisticRegression.maxIter"] == "3"
    assert run.params["VectorAssembler.inputCols"] == "['age', 'income']"
    assert run.tags["estimator_class"] == "pyspark.ml.pipeline.Pipeline"
    assert run.tags["mlflow.autologging"] == "spark"
    assert run.last("training_accuracy") > 0.9
    assert run.steps("objective") == list(range(len(run.steps("objective"))))
    [(dataset, context)] = run.datasets
    assert (context, "income" in (dataset.schema or "")) == ("train", True)
    logged, how = run.models["model"]
    assert logged is model
    assert list(how.rows.columns) == ["age", "income"], "the label is none of what it takes"


def test_what_fit_is_given_counts_and_vectors_are_lists(recorder: MemoryRecorder, table: DataFrame) -> None:
    vectors = VectorAssembler(inputCols=["age", "income"], outputCol="features").transform(table)
    regression = LinearRegression(maxIter=2)
    regression.fit(vectors, {regression.maxIter: 5})
    assert recorder.run.params["maxIter"] == "5"
    assert recorder.run.last("training_r2") > 0.5
    [[first, *_]] = [list(recorder.run.models["model"][1].rows["features"])]
    assert list(first) == [0.0, 0.0]


def test_models_without_a_summary_and_of_several_classes_are_runs_of_their_own(
    recorder: MemoryRecorder, table: DataFrame
) -> None:
    vectors = VectorAssembler(inputCols=["age", "income"], outputCol="features").transform(table)
    OneVsRest(classifier=LogisticRegression(maxIter=2), parallelism=2).fit(vectors)
    assert recorder.run.params["classifier"] == "LogisticRegression"
    assert recorder.run.params["LogisticRegression.maxIter"] == "2"
    recorder.runs.clear()
    KMeans(k=2, seed=1).fit(vectors)
    assert recorder.run.last("training_trainingCost") > 0


@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_search_keeps_the_best_and_its_candidates_as_children(
    recorder: MemoryRecorder, table: DataFrame, parallelism: int
) -> None:
    last = LogisticRegression(maxIter=2)
    grid = ParamGridBuilder().addGrid(last.regParam, [0.0, 10.0, 0.1]).build()
    search = CrossValidator(
        estimator=make_pipeline(last),
        estimatorParamMaps=grid,
        evaluator=BinaryClassificationEvaluator(),
        numFolds=2,
        seed=1,
        parallelism=parallelism,
    )
    model = search.fit(table)
    run = recorder.run
    assert run.params["estimatorParamMaps"] == "3 candidates"
    assert run.params["numFolds"] == "2"
    assert run.params["LogisticRegression.maxIter"] == "2"
    best = max(model.avgMetrics)
    assert run.last("best_avg_areaUnderROC") == best
    assert run.models["model"][0] is model.bestModel
    assert run.files["best_parameters.json"].keys() == {"LogisticRegression.regParam"}
    rows = list(csv.DictReader(io.StringIO(run.files["search_results.csv"])))
    assert [float(row["avg_areaUnderROC"]) for row in rows] == model.avgMetrics
    assert [child.parent for child in recorder.children] == [run.run_id] * 3
    assert recorder.children[0].last("avg_areaUnderROC") == best
    assert recorder.children[0].params.keys() == {"LogisticRegression.regParam"}


def test_a_validation_split_chooses_the_smallest_error(recorder: MemoryRecorder, table: DataFrame) -> None:
    last = LinearRegression()
    grid = ParamGridBuilder().addGrid(last.regParam, [100.0, 0.0]).build()
    search = TrainValidationSplit(
        estimator=make_pipeline(last), estimatorParamMaps=grid, evaluator=RegressionEvaluator(), seed=1
    )
    model = search.fit(table)
    assert recorder.run.last("best_rmse") == min(model.validationMetrics)
    assert recorder.run.params["best_LinearRegression.regParam"] == "0.0"


def test_an_error_is_the_callers_and_a_thread_of_the_users_own_is_recorded(
    recorder: MemoryRecorder, table: DataFrame
) -> None:
    with pytest.raises(Exception, match="nothing"):
        make_pipeline(LogisticRegression(labelCol="nothing")).fit(table)
    assert recorder.run.status == "FAILED"
    recorder.runs.clear()
    thread = threading.Thread(target=make_pipeline(LogisticRegression(maxIter=1)).fit, args=(table,))
    thread.start()
    thread.join()
    assert recorder.run.status == "FINISHED"


def test_a_script_finds_its_run_and_loads_the_model(
    table: DataFrame, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    tw.autolog("pyspark.ml", silent=True)
    try:
        make_pipeline(LogisticRegression(maxIter=3)).fit(table)
    finally:
        tw.autolog(disable=True)
    assert not failures
    [run] = tw.search_runs(output_format="list")
    assert run.data.params["LogisticRegression.maxIter"] == "3"
    model = tw.load_model(f"runs:/{run.info.run_id}/model")
    assert model.signature is not None
    assert model.signature.inputs is not None
    assert [getattr(one, "name", "") for one in model.signature.inputs] == ["age", "income"]
    rows = table.limit(3).toPandas()[["age", "income"]]
    assert list(model.predict(rows)) == [0.0, 0.0, 0.0]
