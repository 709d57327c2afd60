"""Which features moved predictions, by shap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import trackway as tw
from trackway.base.errors import InvalidInput, NotSupported
from trackway.sdk.connection import close_transports

pytestmark = [pytest.mark.libraries, pytest.mark.filterwarnings("ignore")]
ROWS = pd.DataFrame(np.random.default_rng(0).random((80, 3)), columns=["a", "b", "c"])


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    monkeypatch.chdir(tmp_path)


def test_values_add_up_to_the_prediction_and_name_what_matters() -> None:
    model = LinearRegression().fit(ROWS, ROWS.a * 3 - ROWS.b)
    data = ROWS.assign(y=ROWS.a * 3 - ROWS.b + 0.25)
    result = tw.evaluate(model, data, targets="y", resamples=0, explain=True)
    importance = result.tables["feature_importance"]
    assert importance.feature.tolist() == ["a", "b", "c"]
    assert importance.mean_absolute_value.iloc[2] < 1e-9
    told = result.tables["explanations"]
    np.testing.assert_allclose(told.sum(axis=1), model.predict(ROWS), rtol=1e-6)
    assert tw.artifacts.load_text(result.artifacts["explanations"].uri).splitlines()[0] == "base,a,b,c"
    close_transports()


def test_of_a_classifier_it_is_the_probability_of_the_positive_class() -> None:
    model = LogisticRegression().fit(ROWS, ROWS.a > 0.5)
    config = {"log_model_explainability": True}
    data = ROWS.assign(y=ROWS.a > 0.5)
    result = tw.evaluate(model, data, targets="y", model_type="classifier", evaluator_config=config, resamples=0)
    np.testing.assert_allclose(result.tables["explanations"].sum(axis=1), model.predict_proba(ROWS)[:, 1], rtol=1e-6)
    close_transports()


def test_what_cannot_be_explained_is_said() -> None:
    with pytest.raises(InvalidInput, match="no model to explain"):
        tw.evaluate(None, ROWS.assign(y=ROWS.a + 0.1), targets="y", predictions="b", resamples=0, explain=True)
    with pytest.raises(NotSupported, match="tables of numbers"):
        tw.evaluate(lambda rows: rows.a, ROWS.assign(t="x", y=ROWS.a + 0.1), targets="y", resamples=0, explain=True)
    close_transports()
