from __future__ import annotations

import csv
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import RFE
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tests.sdk.autolog.memory import MemoryRecorder
from trackway.sdk import autolog

X, Y = make_classification(n_samples=80, n_features=5, random_state=0)
X3, Y3 = make_classification(n_samples=90, n_features=6, n_informative=4, n_classes=3, random_state=0)
XR, YR = make_regression(n_samples=60, n_features=4, noise=5, random_state=0)

CLASSES = {
    "training_accuracy_score",
    "training_precision_score",
    "training_recall_score",
    "training_f1_score",
    "training_log_loss",
    "training_roc_auc",
    "training_score",
}
NUMBERS = {
    "training_mean_squared_error",
    "training_root_mean_squared_error",
    "training_mean_absolute_error",
    "training_r2_score",
    "training_score",
}


@pytest.fixture
def fitted(recorder: MemoryRecorder) -> Iterator[MemoryRecorder]:
    """Autologging of scikit-learn, of which no call may have failed at the end."""
    autolog.enable("sklearn")
    yield recorder
    assert autolog.failures["sklearn"] == 0


class TestScores:
    def test_classifier(self, fitted: MemoryRecorder) -> None:
        model = LogisticRegression(C=0.5).fit(X, Y)
        run = fitted.run
        assert run.status == "FINISHED"
        assert (run.params["C"], run.params["max_iter"]) == ("0.5", "100")
        assert run.tags == {
            "mlflow.autologging": "sklearn",
            "estimator_name": "LogisticRegression",
            "estimator_class": "sklearn.linear_model._logistic.LogisticRegression",
        }
        assert set(run.metrics) == CLASSES
        assert run.last("training_accuracy_score") == run.last("training_score") == model.score(X, Y)
        assert run.last("training_f1_score") == metrics.f1_score(Y, model.predict(X), average="weighted")
        assert run.last("training_log_loss") == metrics.log_loss(Y, model.predict_proba(X))
        assert run.last("training_roc_auc") == metrics.roc_auc_score(Y, model.predict_proba(X)[:, 1])

    def test_classifier_of_three_classes_named_by_texts(self, fitted: MemoryRecorder) -> None:
        names = np.array(["a", "b", "c"])[Y3]
        model = LogisticRegression().fit(X3, names)
        assert set(fitted.run.metrics) == CLASSES
        expected = metrics.roc_auc_score(names, model.predict_proba(X3), average="weighted", multi_class="ovr")
        assert fitted.run.last("training_roc_auc") == expected

    def test_classifier_without_probabilities(self, fitted: MemoryRecorder) -> None:
        LinearSVC().fit(X, Y)
        assert set(fitted.run.metrics) == CLASSES - {"training_log_loss", "training_roc_auc"}

    def test_classifier_of_one_class(self, fitted: MemoryRecorder) -> None:
        DummyClassifier().fit(X, np.zeros(len(X)))
        assert set(fitted.run.metrics) == CLASSES - {"training_log_loss", "training_roc_auc"}

    def test_regressor(self, fitted: MemoryRecorder) -> None:
        model = ElasticNet().fit(XR, YR)
        assert set(fitted.run.metrics) == NUMBERS
        assert fitted.run.last("training_mean_squared_error") == metrics.mean_squared_error(YR, model.predict(XR))
        assert fitted.run.last("training_r2_score") == fitted.run.last("training_score") == model.score(XR, YR)

    def test_weights_count(self, fitted: MemoryRecorder) -> None:
        weights = np.linspace(0.1, 2, len(YR))
        model = Ridge().fit(XR, YR, weights)
        expected = metrics.mean_absolute_error(YR, model.predict(XR), sample_weight=weights)
        assert fitted.run.last("training_mean_absolute_error") == expected

    def test_several_targets(self, fitted: MemoryRecorder) -> None:
        Ridge().fit(XR, np.stack([YR, -YR], axis=1))
        MultiOutputClassifier(LogisticRegression()).fit(X, np.stack([Y, 1 - Y], axis=1))
        assert set(fitted.runs[0].metrics) == NUMBERS
        assert set(fitted.runs[1].metrics) == {"training_score"}

    def test_without_targets(self, fitted: MemoryRecorder) -> None:
        model = KMeans(2, random_state=0).fit(X)
        assert fitted.run.metrics == {"training_score": [(0, model.score(X))]}

    def test_scores_can_be_left_out(self, recorder: MemoryRecorder) -> None:
        autolog.enable("sklearn", log_training_metrics=False, log_datasets=False)
        Ridge().fit(XR, YR)
        assert (dict(recorder.run.metrics), recorder.run.datasets) == ({}, [])


class TestNesting:
    def test_pipeline_is_one(self, fitted: MemoryRecorder) -> None:
        pipeline = make_pipeline(StandardScaler(), PCA(2), LogisticRegression(C=2.0)).fit(X, Y)
        run = fitted.run
        assert run.params["logisticregression__C"] == "2.0"
        assert run.tags["estimator_name"] == "Pipeline"
        assert run.last("training_score") == pipeline.score(X, Y)

    def test_fit_transform_and_fit_predict_are_one_each(self, fitted: MemoryRecorder) -> None:
        Pipeline([("scale", StandardScaler()), ("pca", PCA(2))]).fit_transform(X)
        PCA(2).fit_transform(X)
        KMeans(2).fit_predict(X)
        assert [run.tags["estimator_name"] for run in fitted.runs] == ["Pipeline", "PCA", "KMeans"]

    @pytest.mark.parametrize("threads", [None, 3])
    def test_grid_search_is_one_with_the_best_as_children(self, threads: int | None, fitted: MemoryRecorder) -> None:
        search = GridSearchCV(
            LogisticRegression(), {"C": [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 0.5]}, cv=3, n_jobs=threads
        )
        with joblib.parallel_config(backend="threading"):
            search.fit(X, Y)
        run = fitted.run
        assert run.params["best_C"] == str(search.best_params_["C"])
        assert run.last("best_cv_score") == search.best_score_
        assert run.last("training_score") == search.score(X, Y)
        rows = list(csv.DictReader(io.StringIO(run.files["cv_results.csv"])))
        assert len(rows) == 7
        assert [float(row["mean_test_score"]) for row in rows] == search.cv_results_["mean_test_score"].tolist()
        assert len(fitted.children) == 5
        assert {child.parent for child in fitted.children} == {run.run_id}
        assert fitted.children[0].params == {"C": run.params["best_C"]}
        assert fitted.children[0].last("mean_test_score") == search.best_score_
        ranks = [child.last("rank_test_score") for child in fitted.children]
        assert ranks == sorted(ranks)
        assert fitted.children[0].tags["estimator_name"] == "LogisticRegression"

    @pytest.mark.parametrize("runs, children", [(0, 0), (2, 2), (None, 4)])
    def test_number_of_children(self, runs: int | None, children: int, recorder: MemoryRecorder) -> None:
        autolog.enable("sklearn", max_tuning_runs=runs)
        RandomizedSearchCV(Ridge(), {"alpha": [1, 2, 3, 4]}, n_iter=4, cv=2, random_state=0).fit(XR, YR)
        assert len(recorder.children) == children

    @pytest.mark.parametrize("refit", [False, "r2"])
    def test_searches_of_several_scores(self, refit: bool | str, fitted: MemoryRecorder) -> None:
        scores = {"r2": "r2", "mae": "neg_mean_absolute_error"}
        GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=2, scoring=scores, refit=refit).fit(XR, YR)
        assert len(fitted.children) == 2
        assert ("best_alpha" in fitted.run.params) == (refit == "r2")

    @pytest.mark.parametrize("threads", [None, 2])
    def test_ensembles_are_one(self, threads: int | None, fitted: MemoryRecorder) -> None:
        with joblib.parallel_config(backend="threading"):
            VotingClassifier([("a", LogisticRegression()), ("b", LinearSVC())], n_jobs=threads).fit(X, Y)
            BaggingClassifier(LogisticRegression(), n_estimators=4, n_jobs=threads).fit(X, Y)
            RandomForestClassifier(n_estimators=4, n_jobs=threads).fit(X, Y)
        assert len(fitted.runs) == 3

    def test_preparing_data_and_what_it_fits_inside_is_not_recorded(self, fitted: MemoryRecorder) -> None:
        StandardScaler().fit(X)
        StandardScaler().fit_transform(X)
        ColumnTransformer([("pca", PCA(2), [0, 1, 2])]).fit_transform(X)
        RFE(LogisticRegression(), n_features_to_select=4).fit(X, Y)
        CountVectorizer().fit(["a word"])
        assert fitted.runs == []

    def test_cross_validation_is_not_recorded(self, fitted: MemoryRecorder) -> None:
        assert len(cross_val_score(LogisticRegression(), X, Y, cv=4)) == 4
        assert fitted.runs == []

    def test_several_estimators_in_one_run(self, fitted: MemoryRecorder) -> None:
        fitted.start_run()
        for alpha in (1.0, 2.0):
            Ridge(alpha=alpha).fit(XR, YR)
        LogisticRegression().fit(X, Y)
        assert (fitted.run.params["alpha"], fitted.run.params["Ridge_2/alpha"]) == ("1.0", "2.0")
        assert fitted.run.tags["LogisticRegression/estimator_name"] == "LogisticRegression"
        assert len(fitted.run.values("Ridge_2/training_score")) == 1

    def test_an_estimator_fitted_again_continues_its_curve(self, fitted: MemoryRecorder) -> None:
        fitted.start_run()
        model = Ridge()
        for _ in range(3):
            model.fit(XR, YR)
        assert fitted.run.steps("training_score") == [0, 1, 2]


class TestData:
    def test_arrays(self, fitted: MemoryRecorder) -> None:
        Ridge().fit(XR, YR)
        ((dataset, context),) = fitted.run.datasets
        assert context == "train"
        assert json.loads(dataset.profile or "")["features_shape"] == [60, 4]

    def test_frames(self, fitted: MemoryRecorder) -> None:
        frame = pd.DataFrame(X, columns=list("abcde"))
        LogisticRegression().fit(frame, pd.Series(Y, name="label"))
        ((dataset, _),) = fitted.run.datasets
        names = [column["name"] for column in json.loads(dataset.schema or "")["mlflow_colspec"]]
        assert names == ["a", "b", "c", "d", "e", "label"]

    def test_iterators_are_left_to_the_estimator(self, fitted: MemoryRecorder) -> None:
        texts = ["good", "bad", "good one", "bad one"]
        pipeline = make_pipeline(CountVectorizer(), LogisticRegression()).fit(iter(texts), [1, 0, 1, 0])
        assert pipeline.predict(texts).tolist() == [1, 0, 1, 0]
        assert (fitted.run.datasets, dict(fitted.run.metrics)) == ([], {})


class Odd(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A user's classifier on top of one of scikit-learn's."""

    def __init__(self, inner: Any = None) -> None:
        self.inner = inner

    def fit(self, X: Any, y: Any) -> Odd:  # noqa: N803 - scikit-learn's name
        self.inner.fit(X, y)
        self.classes_ = self.inner.classes_
        return self


class TestTrainingGoesOn:
    def test_results_are_the_same_with_and_without(self, recorder: MemoryRecorder) -> None:
        def train() -> Any:
            state = np.random.RandomState(0)
            forest = RandomForestClassifier(n_estimators=5, random_state=state).fit(X, Y)
            search = GridSearchCV(clone(forest), {"max_depth": [1, 2]}, cv=2).fit(X, Y)
            return forest.predict_proba(X).tolist(), search.best_score_, state.rand()

        plain = train()
        autolog.enable("sklearn")
        assert train() == plain
        recorder.broken = {"log_params", "log_metrics", "log_dataset", "log_text", "set_tags"}
        assert train() == plain

    def test_errors_of_the_user_are_unchanged(self, recorder: MemoryRecorder) -> None:
        with pytest.raises(ValueError, match="Found input variables") as plain:
            Ridge().fit(XR, YR[:-1])
        autolog.enable("sklearn")
        with pytest.raises(ValueError, match="Found input variables") as recorded:
            Ridge().fit(XR, YR[:-1])
        assert str(recorded.value) == str(plain.value)
        assert recorder.run.status == "FAILED"

    def test_estimators_that_users_build_on_others(self, fitted: MemoryRecorder) -> None:
        Odd(LogisticRegression()).fit(X, Y)
        assert fitted.run.tags["estimator_name"] == "LogisticRegression"

    def test_models_are_pickled_and_cloned_as_before(self, fitted: MemoryRecorder) -> None:
        model = Ridge().fit(XR, YR)
        again = pickle.loads(pickle.dumps(model))
        assert again.predict(XR).tolist() == model.predict(XR).tolist()
        assert clone(model).get_params() == model.get_params()
        fit = pickle.loads(pickle.dumps(clone(model).fit))
        assert fit(XR, YR).coef_.tolist() == model.coef_.tolist()

    def test_work_in_other_processes(self, fitted: MemoryRecorder) -> None:
        GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=2, n_jobs=2).fit(XR, YR)
        assert len(fitted.children) == 2
        assert fitted.run.status == "FINISHED"


def test_disable_puts_every_class_back(recorder: MemoryRecorder) -> None:
    def snapshot() -> dict[str, int]:
        return {
            f"{module.__name__}.{name}.{method}": id(function)
            for module in list(sys.modules.values())
            if getattr(module, "__name__", "").startswith("sklearn.")
            for name, value in list(vars(module).items())
            if isinstance(value, type)
            for method, function in list(vars(value).items())
        }

    before = snapshot()
    autolog.enable("sklearn")
    assert sum(before[key] != identity for key, identity in snapshot().items()) > 100
    autolog.disable("sklearn")
    assert snapshot() == before


@pytest.mark.parametrize("order", ["before", "after"])
def test_switched_on_before_or_after_the_import(order: str) -> None:
    switch = "from trackway.sdk import autolog; autolog.enable('sklearn')"
    load = "from sklearn.linear_model import Ridge"
    script = f"""
{switch if order == "before" else load}
{load if order == "before" else switch}
from tests.sdk.autolog.memory import MemoryRecorder
recorder = MemoryRecorder()
autolog.set_recorder(recorder)
Ridge().fit([[1], [2]], [1, 2])
print(recorder.run.tags["estimator_name"], autolog.failures)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("Ridge Counter()", "")
