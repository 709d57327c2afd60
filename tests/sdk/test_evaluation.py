"""``tw.evaluate`` as scripts use it: any model, any data, everything logged, a verdict for the registry."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import cohen_kappa_score

import trackway as tw
from trackway.api import operations as ops
from trackway.api.registry import GetModelHistory
from trackway.base.errors import ChecksFailed, InvalidInput, NotFound, NotSupported
from trackway.sdk import context, runs
from trackway.sdk.connection import close_transports
from trackway.sdk.session import list_sessions

MLFLOW_BINARY = """
    true_negatives false_positives false_negatives true_positives example_count accuracy_score recall_score
    precision_score f1_score log_loss roc_auc precision_recall_auc
""".split()
MLFLOW_MULTICLASS = "example_count accuracy_score recall_score precision_score f1_score log_loss roc_auc".split()
MLFLOW_NUMBERS = """
    example_count mean_absolute_error mean_squared_error root_mean_squared_error sum_on_target mean_on_target r2_score
    max_error mean_absolute_percentage_error
""".split()
"""What MLflow 3.17 measures, but ``score``, which is one of the others."""
MLFLOW_PICTURES = """
    roc_curve_plot precision_recall_curve_plot lift_curve_plot calibration_curve_plot confusion_matrix
""".split()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A process that logs to a store of its own, and leaves nothing behind."""
    for name in list(os.environ):
        if name.startswith(("TRACKWAY_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TRACKWAY_STRICT", "1")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    while context.STACK.runs:
        runs.end_run()
    for session in list_sessions():
        session.close(1.0)
    close_transports()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(120, 2)), columns=["a", "b"])
    frame["label"] = (frame.a + random.normal(size=120) > 0).astype(int)
    frame["site"] = np.where(frame.index % 3 == 0, "north", "south")
    frame["amount"] = frame.a * 2 + random.normal(size=120)
    return frame


@pytest.fixture(scope="module")
def classifier(rows: pd.DataFrame) -> Any:
    return LogisticRegression().fit(rows[["a", "b"]], rows.label)


def _score(features: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(features["a"])))


def test_an_evaluation_is_in_the_active_run_with_its_data_and_its_model(rows: pd.DataFrame, classifier: Any) -> None:
    with tw.start_run() as run:
        info = tw.log_model(classifier, "clf", input_example=rows[["a", "b"]].head(2))
        result = tw.evaluate(info.model_uri, rows, targets="label", slices=["site"], resamples=20)
    found = tw.get_run(run.info.run_id)
    assert found.data.metrics == pytest.approx(result.metrics)
    assert {*MLFLOW_BINARY} <= found.data.metrics.keys()
    [used] = found.inputs.dataset_inputs
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "evaluation")]
    assert [one.model_id for one in found.inputs.model_inputs] == [info.model_id]
    measured = {one.key: one for one in tw.get_logged_model(info.model_id).metrics}
    assert measured["roc_auc"].value == result.metrics["roc_auc"]
    assert measured["roc_auc"].dataset_digest == used.dataset.digest
    assert (result.run_id, result.model_type, result.passed) == (run.info.run_id, "classifier", True)
    assert {*MLFLOW_PICTURES} <= result.artifacts.keys()
    for name, artifact in result.artifacts.items():
        local = Path(tw.artifacts.download_artifacts(artifact.uri))
        if local.suffix == ".png":
            assert local.read_bytes().startswith(b"\x89PNG"), name
    summary = tw.artifacts.load_dict(result.artifacts["evaluation"].uri)
    assert summary["metrics"]["roc_auc"]["low"] == result.intervals["roc_auc"][0]
    assert (summary["rows"], summary["resamples"], summary["seed"]) == (120, 20, 0)
    assert result.tables["slice_metrics"]["value"].tolist() == ["south", "north"]
    table = pd.read_csv(tw.artifacts.download_artifacts(result.artifacts["slice_metrics"].uri))
    assert table["accuracy_score"].tolist() == pytest.approx(result.tables["slice_metrics"]["accuracy_score"].tolist())


def test_without_an_active_run_there_is_one_for_it(rows: pd.DataFrame) -> None:
    model = LinearRegression().fit(rows[["a", "b"]], rows.amount)
    result = tw.evaluate(model, rows, targets="amount", resamples=0)
    assert tw.active_run() is None
    run = tw.get_run(result.run_id)
    assert run.info.status == "FINISHED"
    assert {*MLFLOW_NUMBERS} <= run.data.metrics.keys()
    assert result.intervals == {}
    assert "residuals_plot" in result.artifacts


def test_nothing_is_logged_when_nothing_is_to_be(rows: pd.DataFrame, classifier: Any, place: Path) -> None:
    result = tw.evaluate(classifier, rows, targets="label", log=False, resamples=0)
    assert (result.run_id, result.artifacts) == ("", {})
    assert not (place / "tracks").exists()


def test_every_form_of_model_and_data_gives_the_same(rows: pd.DataFrame, classifier: Any, place: Path) -> None:
    features = rows[["a", "b"]]
    narrow = rows[["a", "b", "label"]]
    tw.models.save_model(classifier, "saved", input_example=features.head(2))
    narrow.to_csv("rows.csv", index=False)
    narrow.to_parquet("rows.parquet")
    narrow.to_json("rows.jsonl.gz", orient="records", lines=True)
    shown = narrow.assign(p=classifier.predict_proba(features)[:, 1], guess=classifier.predict(features))
    trained = LogisticRegression().fit(features.to_numpy(), rows.label)
    named: dict[str, Any] = {"targets": "label"}
    cases: list[tuple[Any, Any, dict[str, Any]]] = [
        (classifier, rows, named),
        ("saved", narrow, named),
        (tw.models.load_model("saved"), rows, named),
        ("saved", "rows.csv", named),
        ("saved", "rows.parquet", named),
        ("saved", Path("rows.jsonl.gz"), named),
        ("saved", pl.from_pandas(narrow), named),
        ("saved", pa.Table.from_pandas(narrow), named),
        ("saved", features, {"targets": rows.label}),
        ("saved", features.to_numpy(), {"targets": rows.label.tolist()}),
        (trained, features.to_numpy(), {"targets": rows.label}),
        ("saved", tw.data.from_pandas(narrow, targets="label"), {}),
        (lambda x: classifier.predict_proba(x), narrow, named | {"model_type": "classifier"}),
        (lambda x: classifier.predict_proba(x)[:, 1], narrow, named | {"model_type": "classifier"}),
        (None, shown, named | {"probabilities": "p", "predictions": "guess", "model_type": "classifier"}),
        (None, shown, named | {"probabilities": "p", "model_type": "classifier"}),
        (classifier, rows.assign(w=1.0), named | {"weights": "w", "feature_names": ["a", "b"]}),
    ]
    expected = tw.evaluate(classifier, rows, targets="label", log=False, resamples=0).metrics
    for number, (model, data, options) in enumerate(cases):
        found = tw.evaluate(model, data, log=False, resamples=0, **options).metrics
        assert found == pytest.approx(expected, rel=1e-4), number


def test_predictions_of_a_data_set_need_no_model(rows: pd.DataFrame) -> None:
    data = tw.data.from_pandas(rows.assign(guess=rows.a * 2), targets="amount", predictions="guess")
    result = tw.evaluate(data=data, model_type="regressor", resamples=0)
    assert result.metrics["mean_absolute_error"] == pytest.approx(float((rows.amount - rows.a * 2).abs().mean()))


def test_the_registry_hears_whether_a_version_passed(rows: pd.DataFrame, classifier: Any) -> None:
    client = tw.MlflowClient()
    with tw.start_run():
        tw.log_model(classifier, input_example=rows[["a", "b"]].head(2), registered_model_name="clf")
    client.set_registered_model_alias("clf", "next", 1)

    def find_marks() -> list[str]:
        history = tw.Client().call(ops.GET_MODEL_HISTORY, GetModelHistory(name="clf", version=1))
        return [event.detail["result"] for event in history.events if event.action == "version.attested"]

    tw.evaluate("models:/clf/1", rows, targets="label", resamples=0)
    assert find_marks() == [], "nothing was asked of it"
    passed = tw.evaluate("models:/clf@next", rows, targets="label", thresholds={"accuracy_score": 0.5}, resamples=0)
    assert (passed.passed, passed.model, find_marks()) == (True, "models:/clf/1", ["passed"])
    tw.evaluate("models:/clf/1", rows, targets="label", thresholds={"log_loss": 0.01}, resamples=0)
    assert find_marks() == ["failed", "passed"]
    tw.evaluate("models:/clf/1", rows, targets="label", thresholds={"log_loss": 9}, resamples=0, attest=False)
    assert find_marks() == ["failed", "passed"]
    assert tw.get_run(passed.run_id).data.tags["trackway.evaluation"] == "passed"


def test_a_model_that_fails_raises_or_ends_the_process_when_asked(
    rows: pd.DataFrame, classifier: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    thresholds = {"accuracy_score": tw.Threshold(min=0.99), "f1_score": 0.1}
    result = tw.evaluate(classifier, rows, targets="label", thresholds=thresholds, log=False, resamples=0)
    assert not result.passed
    with pytest.raises(
        ChecksFailed, match=r"does not meet 1 of 2 thresholds: accuracy_score at least 0\.99, found 0\."
    ):
        result.raise_if_failed()
    with pytest.raises(SystemExit) as ended:
        result.exit_if_failed()
    assert ended.value.code == 6
    assert "accuracy_score at least 0.99" in capsys.readouterr().err
    assert "FAILED" in repr(result)


def test_a_baseline_is_measured_on_the_same_rows(rows: pd.DataFrame, classifier: Any) -> None:
    asked = {"accuracy_score": tw.Threshold(min_change=0.1, on_interval=True)}
    result = tw.evaluate(
        classifier, rows, targets="label", baseline=lambda x: np.zeros(len(x), int), thresholds=asked, resamples=100
    )
    assert result.baseline_metrics["accuracy_score"] == pytest.approx(1 - rows.label.mean())
    assert result.passed
    later = tw.evaluate(classifier, rows, targets="label", baseline=result, thresholds=asked, resamples=100)
    assert not later.passed
    assert "baseline" in later.to_text()


def test_metrics_of_one_s_own_take_what_they_name(rows: pd.DataFrame, classifier: Any) -> None:
    def gain(targets: Any, predictions: Any, weights: Any) -> Any:
        return float((weights * (targets == predictions)).sum())

    def first(eval_df: Any, builtin_metrics: Any) -> Any:
        return {"rows": len(eval_df), "copy": builtin_metrics["accuracy_score"]}

    extra = [cohen_kappa_score, gain, tw.models.make_metric(eval_fn=first, name="first")]
    result = tw.evaluate(classifier, rows, targets="label", extra_metrics=extra, log=False, resamples=30)
    predictions = classifier.predict(rows[["a", "b"]])
    assert result.metrics["cohen_kappa_score"] == pytest.approx(cohen_kappa_score(rows.label, predictions))
    assert result.intervals["cohen_kappa_score"][0] < result.metrics["cohen_kappa_score"]
    assert result.metrics["first/rows"] == 120
    assert result.metrics["first/copy"] == result.metrics["accuracy_score"]
    for broken, message in (
        (lambda targets: 1 / 0, "failed: ZeroDivisionError"),
        (lambda targets: "high", "must be a number"),
        (lambda moon, targets: 1, None),
        (lambda moon: 1, "'moon', which is not known"),
    ):
        if message is not None:
            with pytest.raises(InvalidInput, match=message):
                tw.evaluate(classifier, rows, targets="label", extra_metrics={"own": broken}, log=False, resamples=0)


def test_files_of_one_s_own_are_logged(rows: pd.DataFrame, classifier: Any) -> None:
    def make(eval_df: Any, builtin_metrics: Any, artifacts_dir: str) -> Any:
        path = Path(artifacts_dir, "note.md")
        path.write_text(f"{len(eval_df)} rows", encoding="utf-8")
        return {"note": str(path), "numbers": {"n": 1}, "frame": eval_df.head(1)}

    result = tw.evaluate(
        classifier, rows, targets="label", custom_artifacts=[make], prefix="test/", context="test", resamples=0
    )
    run = tw.get_run(result.run_id)
    assert "test/accuracy_score" in run.data.metrics
    assert tw.artifacts.load_text(f"runs:/{result.run_id}/test/note.md") == "120 rows"
    assert tw.artifacts.load_dict(result.artifacts["numbers"].uri) == {"n": 1}
    assert result.artifacts["frame"].uri.endswith("test/frame.csv")
    assert run.inputs.dataset_inputs[0].tags[0].value == "test"


def test_scripts_for_mlflow_find_their_names(rows: pd.DataFrame, classifier: Any) -> None:
    import trackway as mlflow

    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(classifier, name="m", input_example=rows[["a", "b"]].head(2))
        result = mlflow.evaluate(
            info.model_uri,
            rows,
            targets="label",
            model_type="classifier",
            evaluators=["default"],
            evaluator_config={"default": {"metric_prefix": "val_", "pos_label": 0, "log_model_explainability": False}},
        )
        assert isinstance(result, mlflow.models.EvaluationResult)
        assert "val_roc_auc" in run.data.metrics
        other = mlflow.models.evaluate(info.model_uri, rows, targets="label", model_type="classifier")
        threshold = mlflow.models.MetricThreshold(threshold=0.99, min_absolute_change=0.1, greater_is_better=True)
        with pytest.raises(mlflow.MlflowException, match="does not meet 2 of 2"):
            mlflow.models.validate_evaluation_results({"accuracy_score": threshold}, result, other)
        with pytest.raises(mlflow.MlflowException):
            mlflow.evaluate(
                info.model_uri,
                rows,
                targets="label",
                validation_thresholds={"accuracy_score": threshold},
                baseline_model=info.model_uri,
            )


def test_a_target_of_three_classes_has_what_mlflow_has(rows: pd.DataFrame) -> None:
    kinds = np.array(["x", "y", "z"])[np.arange(120) % 3]
    model = LogisticRegression().fit(rows[["a", "b"]], kinds)
    result = tw.evaluate(model, rows.assign(kind=kinds), targets="kind", resamples=20)
    assert {*MLFLOW_MULTICLASS} <= result.metrics.keys()
    assert result.tables["per_class_metrics"]["positive_class"].tolist() == ["x", "y", "z"]
    curves = tw.artifacts.load_dict(f"runs:/{result.run_id}/roc_curve.json")["curves"]
    assert [curve["label"] for curve in curves] == ["x", "y", "z"]


def test_hostile_labels_stay_text(rows: pd.DataFrame) -> None:
    names = np.array(["$\\input{/etc/passwd}$", "_hidden", "<script>alert(1)</script>"])[np.arange(120) % 3]
    result = tw.evaluate(data=rows.assign(t=names, p=names), targets="t", predictions="p", resamples=0)
    loaded = json.loads(
        Path(tw.artifacts.download_artifacts(f"runs:/{result.run_id}/confusion_matrix.json")).read_text()
    )
    assert loaded["labels"] == sorted({*names})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"targets": "nope"}, InvalidInput, "no column 'nope', which the targets should be"),
        ({}, InvalidInput, "no targets to compare with"),
        ({"targets": "label", "weights": "nope"}, InvalidInput, "which the weights should be"),
        ({"targets": "label", "slices": "nope"}, InvalidInput, "which the slices should be"),
        ({"targets": "label", "model_type": "retriever"}, NotSupported, "'retriever' are not evaluated"),
        ({"targets": "label", "colour": "red"}, InvalidInput, "evaluate takes no 'colour'"),
        ({"targets": "label", "thresholds": {"speed": 1}}, InvalidInput, "which was not measured"),
        ({"targets": "label", "resamples": -1}, InvalidInput, "-1 resamples"),
        ({"targets": "label", "confidence": 1.0}, InvalidInput, "confidence of 1.0"),
        ({"targets": "label", "env_manager": "conda"}, NotSupported, "in this environment"),
        ({"targets": "label", "feature_names": ["z"]}, InvalidInput, "no column 'z', which the features should be"),
    ],
    ids=str,
)
def test_what_cannot_be_evaluated_is_refused_and_leaves_no_run(
    rows: pd.DataFrame, classifier: Any, options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        tw.evaluate(classifier, rows, **options)
    assert tw.search_runs(output_format="list") == []


def test_data_and_models_that_are_none_are_refused(rows: pd.DataFrame, place: Path) -> None:
    (place / "rows.txt").write_text("a")
    (place / "rows.parquet").write_text("no parquet")
    for data, error in (("none.csv", NotFound), ("rows.txt", InvalidInput), ("rows.parquet", InvalidInput)):
        with pytest.raises(error):
            tw.evaluate(lambda x: x, data, targets="label")
    with pytest.raises(InvalidInput, match="whole numbers, which may be classes or not"):
        tw.evaluate(_score, rows, targets="label")
    with pytest.raises(InvalidInput, match="int cannot be evaluated"):
        tw.evaluate(7, rows, targets="label", model_type="classifier")
    with pytest.raises(InvalidInput, match="neither a model nor predictions"):
        tw.evaluate(None, rows, targets="label", model_type="classifier")


def test_each_row_is_told_with_its_prediction() -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"a": random.random(60), "b": random.random(60)})
    kind = np.where(rows.a > 0.5, "high", "low")
    model = LogisticRegression().fit(rows, kind)
    result = tw.evaluate(model, rows.assign(kind=kind), targets="kind", resamples=0, table_rows=50)
    table = result.tables["eval_results_table"]
    assert [*table.columns] == ["a", "b", "target", "prediction", "probability_high", "probability_low"]
    assert len(table) == 50
    assert table.target.tolist() == kind[:50].tolist()
    assert table.prediction.tolist() == model.predict(rows)[:50].tolist()
    np.testing.assert_allclose(table[["probability_high", "probability_low"]], model.predict_proba(rows)[:50])
    logged = tw.artifacts.load_text(result.artifacts["eval_results_table"].uri)
    assert logged.splitlines()[0] == "a,b,target,prediction,probability_high,probability_low"
    assert len(logged.splitlines()) == 51
    numbers = LinearRegression().fit(rows, rows.a * 2)
    table = tw.evaluate(numbers, rows.assign(y=rows.a * 2 + rows.b), targets="y", resamples=0).tables[
        "eval_results_table"
    ]
    np.testing.assert_allclose(table.error, -rows.b)
    without = tw.evaluate(numbers, rows.assign(y=rows.a), targets="y", resamples=0, table_rows=0)
    assert "eval_results_table" not in without.tables


@pytest.mark.skipif(importlib.util.find_spec("shap") is not None, reason="shap is installed")
def test_without_shap_it_says_what_to_install() -> None:
    rows = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    model = LinearRegression().fit(rows, rows.a)
    with pytest.raises(NotSupported, match=r"trackway\[explain\]"):
        tw.evaluate(model, rows.assign(y=rows.a + 0.5), targets="y", resamples=0, explain=True)


def test_residuals_that_are_all_but_equal_are_measured() -> None:
    rows = pd.DataFrame(np.random.default_rng(0).random((60, 2)), columns=["a", "b"])
    model = LinearRegression().fit(rows, rows.a * 2)
    result = tw.evaluate(model, rows.assign(y=rows.a * 2 + 0.5), targets="y", resamples=0)
    assert result.metrics["mean_absolute_error"] == pytest.approx(0.5)
