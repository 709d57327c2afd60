"""``trackway models evaluate``, as a pipeline of CI runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import trackway as tw
from tests.cli.driving import Trackway, read
from trackway.base.errors import ChecksFailed, InvalidInput
from trackway.cli.main import get_exit_status
from trackway.sdk.session import list_sessions

ROWS = ["rows.csv", "--targets", "label"]


@pytest.fixture
def version(trackway: Trackway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A registered version, and a file of rows to evaluate it on."""
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("EXPERIMENT_ID", "EXPERIMENT_NAME", "RUN_ID"):  # so that what a command chooses ends with the test
        monkeypatch.setenv(f"TRACKWAY_{name}", "")
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"a": random.normal(size=80), "site": ["n", "s"] * 40})
    rows["label"] = np.where(rows.a + random.normal(size=80) > 0, "yes", "no")
    rows.to_csv("rows.csv", index=False)
    with tw.start_run():
        model = LogisticRegression().fit(rows[["a"]], rows.label)
        tw.log_model(model, input_example=rows[["a"]].head(2), registered_model_name="clf")
    tw.flush()
    return "models:/clf/1"


@pytest.fixture(autouse=True)
def _sessions_end() -> object:
    yield
    for session in list_sessions():
        session.close(1.0)


def test_a_model_that_meets_its_thresholds_is_marked(trackway: Trackway, version: str) -> None:
    shown = trackway("models", "evaluate", version, *ROWS, "--min", "accuracy_score=0.5", "--slice", "site")
    assert shown.exit_code == 0, shown.output
    assert "Passed.\n- accuracy_score: at least 0.5, found 0." in shown.output
    found = read(trackway("models", "evaluate", version, *ROWS, "--experiment", "ci", "--resamples", "0", "--json"))
    assert found["metrics"]["accuracy_score"]["value"] > 0.5
    assert found["passed"] is None
    [run] = tw.search_runs(experiment_names=["ci"], output_format="list")
    assert run.info.status == "FINISHED"
    assert run.data.metrics["accuracy_score"] == found["metrics"]["accuracy_score"]["value"]
    history = read(trackway("models", "history", "clf", "1", "--json"))
    assert [row["action"] for row in history] == ["version.attested", "version.created"]


def test_a_model_that_does_not_ends_with_status_6(trackway: Trackway, version: str) -> None:
    options = ["--max", "log_loss=0.01", "--min-change", "accuracy_score=0", "--baseline", version, "--prefix", "ci_"]
    failed = trackway("models", "evaluate", version, *ROWS, *options)
    assert isinstance(failed.exception, ChecksFailed)
    assert get_exit_status(failed.exception) == 6
    assert "- log_loss: at most 0.01, found 0." in failed.output
    assert "by at least 0, found 0: ok" in failed.output
    silent = trackway("models", "evaluate", version, *ROWS, "--max", "log_loss=9", "--no-log")
    assert silent.exit_code == 0, silent.output
    history = read(trackway("models", "history", "clf", "1", "--json"))
    assert [row["action"] for row in history] == ["version.attested", "version.created"]


@pytest.mark.parametrize(
    "options", [["--min", "accuracy_score"], ["--min", "=1"], ["--max", "log_loss=low"], ["--resamples", "-1"]], ids=str
)
def test_a_command_line_that_is_wrong_is_refused(trackway: Trackway, version: str, options: list[str]) -> None:
    assert trackway("models", "evaluate", version, *ROWS, *options).exit_code == 2


def test_demands_without_a_threshold_are_refused(trackway: Trackway, version: str) -> None:
    assert isinstance(trackway("models", "evaluate", version, *ROWS, "--on-interval").exception, InvalidInput)
