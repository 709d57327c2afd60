from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV

from tests.sdk.autolog.memory import MemoryRecorder
from trackway.sdk import autolog

X, Y = make_classification(n_samples=120, n_features=4, random_state=0)
FRAME = pd.DataFrame(X, columns=list("abcd"))
QUIET = {"verbosity": -1, "num_threads": 1}


@pytest.fixture
def recorded(recorder: MemoryRecorder) -> Iterator[MemoryRecorder]:
    """Autologging of both libraries, of which no call may have failed at the end."""
    autolog.autolog("xgboost", "lightgbm", "sklearn")
    yield recorder
    assert not autolog.failures


class TestXgboost:
    def test_training_by_iteration(self, recorded: MemoryRecorder) -> None:
        train, test = xgb.DMatrix(FRAME[:80], Y[:80]), xgb.DMatrix(FRAME[80:], Y[80:])
        history: dict[str, Any] = {}
        xgb.train(
            {"eta": 0.3, "objective": "binary:logistic", "nthread": 1},
            train,
            num_boost_round=5,
            evals=[(train, "train"), (test, "test")],
            evals_result=history,
            verbose_eval=False,
        )
        run = recorded.run
        assert (run.params["eta"], run.params["num_boost_round"]) == ("0.3", "5")
        assert run.steps("test-logloss") == [0, 1, 2, 3, 4]
        assert run.values("test-logloss") == history["test"]["logloss"]
        assert run.values("train-logloss") == history["train"]["logloss"]
        assert set(run.files["feature_importance_weight.json"]) <= set("abcd")
        assert run.files["feature_importance_gain.json"]
        ((dataset, context),) = run.datasets
        assert context == "train"
        assert json.loads(dataset.profile or "")["features_shape"] == [80, 4]

    def test_early_stopping(self, recorded: MemoryRecorder) -> None:
        train, test = xgb.DMatrix(X[:80], Y[:80]), xgb.DMatrix(X[80:], Y[80:])
        booster = xgb.train(
            {"eta": 1.0, "objective": "binary:logistic", "nthread": 1},
            train,
            200,
            evals=[(test, "test")],
            early_stopping_rounds=3,
            verbose_eval=False,
        )
        run = recorded.run
        assert run.last("best_iteration") == booster.best_iteration
        assert run.last("best_score") == booster.best_score
        assert run.last("stopped_iteration") == run.steps("test-logloss")[-1] == booster.best_iteration + 3

    def test_scikit_learns_interface(self, recorded: MemoryRecorder) -> None:
        model = xgb.XGBClassifier(n_estimators=4, n_jobs=1, max_depth=2)
        model.fit(X, Y, eval_set=[(X, Y)], verbose=False)
        assert recorded.run.values("validation_0-logloss") == model.evals_result()["validation_0"]["logloss"]
        assert (recorded.run.params["max_depth"], recorded.run.params["num_boost_round"]) == ("2", "4")

    def test_callbacks_of_the_user_stay(self, recorded: MemoryRecorder) -> None:
        seen: list[int] = []

        class Mine(xgb.callback.TrainingCallback):
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                seen.append(epoch)
                return epoch == 2

        mine = [Mine()]
        train = xgb.DMatrix(X, Y)
        xgb.train({"nthread": 1}, train, 5, evals=[(train, "t")], callbacks=mine, verbose_eval=False)
        assert (seen, recorded.run.steps("t-rmse"), len(mine)) == ([0, 1, 2], [0, 1, 2], 1)

    def test_inside_a_search_only_the_search_is_recorded(self, recorded: MemoryRecorder) -> None:
        GridSearchCV(xgb.XGBClassifier(n_estimators=2, n_jobs=1), {"max_depth": [1, 2]}, cv=2).fit(X, Y)
        assert (recorded.run.tags["estimator_name"], len(recorded.children)) == ("GridSearchCV", 2)

    def test_errors_of_the_user_are_unchanged(self, recorded: MemoryRecorder) -> None:
        with pytest.raises(xgb.core.XGBoostError, match="nothing"):
            xgb.train({"objective": "nothing"}, xgb.DMatrix(X, Y), 1)
        assert recorded.run.status == "FAILED"

    def test_large_data_is_not_copied(self, recorded: MemoryRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trackway.sdk.autolog.xgboost.DIGEST_VALUES", X.size - 1)
        xgb.train({"nthread": 1}, xgb.QuantileDMatrix(X, Y), 1)
        assert recorded.run.datasets == []


class TestLightgbm:
    def test_training_by_iteration(self, recorded: MemoryRecorder) -> None:
        train = lgb.Dataset(FRAME[:80], Y[:80])
        test = lgb.Dataset(FRAME[80:], Y[80:], reference=train)
        history: dict[str, Any] = {}
        lgb.train(
            {"objective": "binary", "learning_rate": 0.2, **QUIET},
            train,
            num_boost_round=5,
            valid_sets=[train, test],
            valid_names=["train", "test"],
            callbacks=[lgb.record_evaluation(history)],
        )
        run = recorded.run
        assert (run.params["learning_rate"], run.params["num_boost_round"]) == ("0.2", "5")
        assert run.steps("test-binary_logloss") == [0, 1, 2, 3, 4]
        assert run.values("test-binary_logloss") == list(history["test"]["binary_logloss"])
        assert set(run.files["feature_importance_split.json"]) == set("abcd")
        assert sum(run.files["feature_importance_gain.json"].values()) > 0
        ((dataset, _),) = run.datasets
        assert json.loads(dataset.profile or "") == {"num_rows": 80, "num_elements": 400}

    def test_early_stopping(self, recorded: MemoryRecorder) -> None:
        train = lgb.Dataset(X[:80], Y[:80])
        booster = lgb.train(
            {"objective": "binary", "learning_rate": 1.0, **QUIET},
            train,
            500,
            valid_sets=[lgb.Dataset(X[80:], Y[80:], reference=train)],
            callbacks=[lgb.early_stopping(3, verbose=False)],
        )
        run = recorded.run
        assert run.last("best_iteration") == booster.best_iteration
        assert run.last("best_valid_0-binary_logloss") == booster.best_score["valid_0"]["binary_logloss"]
        assert run.steps("valid_0-binary_logloss")[-1] == booster.best_iteration + 2

    def test_scikit_learns_interface(self, recorded: MemoryRecorder) -> None:
        model = lgb.LGBMRegressor(n_estimators=3, n_jobs=1, verbose=-1, num_leaves=4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # LightGBM's own words on scikit-learn's names
            model.fit(FRAME, Y, eval_set=[(FRAME, Y)])
        assert recorded.run.values("training-l2") == list(model.evals_result_["training"]["l2"])
        assert recorded.run.params["num_leaves"] == "4"

    def test_data_that_is_a_file_is_left_alone(self, recorded: MemoryRecorder, tmp_path: Any) -> None:
        path = tmp_path / "train.csv"
        np.savetxt(path, np.column_stack([Y, X]), delimiter=",")
        lgb.train({"objective": "binary", **QUIET}, lgb.Dataset(str(path)), 2)
        assert (recorded.run.status, recorded.run.datasets) == ("FINISHED", [])

    def test_errors_of_the_user_are_unchanged(self, recorded: MemoryRecorder) -> None:
        with pytest.raises(ValueError, match="must be greater than 0"):
            lgb.train(QUIET, lgb.Dataset(X, Y), num_boost_round=0)
        assert recorded.run.status == "FAILED"


@pytest.mark.parametrize("module", [xgb, lgb], ids=["xgboost", "lightgbm"])
def test_models_are_the_same_with_and_without_even_if_logging_is_broken(module: Any, recorder: MemoryRecorder) -> None:
    def train() -> Any:
        data = xgb.DMatrix(X, Y) if module is xgb else lgb.Dataset(X, Y)
        params: dict[str, Any] = {"nthread": 1} if module is xgb else QUIET
        sets: dict[str, Any] = (
            {"evals": [(data, "t")], "verbose_eval": False} if module is xgb else {"valid_sets": [data]}
        )
        booster = module.train(params, data, 4, **sets)
        return bytes(booster.save_raw("json")) if module is xgb else booster.model_to_string()

    plain = train()
    autolog.autolog(module.__name__)
    assert train() == plain
    recorder.broken = {"log_params", "log_metrics", "log_dataset", "log_dict"}
    assert train() == plain
    assert autolog.failures[module.__name__] > 4
