"""``trackway gate``, as a pipeline of CI runs it: what it says, in which forms, and with which exit status."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import trackway as tw
from tests.cli.driving import Trackway, read
from trackway.base.errors import ChecksFailed, InvalidInput, NotFound
from trackway.cli.main import get_exit_status
from trackway.sdk.session import list_sessions

ROWS = ["--targets", "label", "--resamples", "200"]


@pytest.fixture(autouse=True)
def _sessions_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("EXPERIMENT_ID", "EXPERIMENT_NAME", "RUN_ID"):
        monkeypatch.setenv(f"TRACKWAY_{name}", "")
    yield
    for session in list_sessions():
        session.close(1.0)


def log(**metrics: float) -> str:
    """Log a run of some metrics and return its id."""
    with tw.start_run() as run:
        tw.log_metrics(metrics)
    tw.flush()
    return run.info.run_id


def make_rows(seed: int, count: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    rows = pd.DataFrame({"a": random.normal(size=count), "b": random.normal(size=count)})
    rows["label"] = np.where(rows.a + rows.b + random.normal(size=count) / 2 > 0, "yes", "no")
    return rows


@pytest.fixture
def versions(trackway: Trackway) -> None:
    """Version 1, which knows half of what there is to know, is the champion; version 2 knows all."""
    rows, test = make_rows(0), make_rows(1)
    test.to_csv("test.csv", index=False)
    make_rows(2).to_csv("other.csv", index=False)
    for features in (["a"], ["a", "b"]):
        with tw.start_run():
            model = LogisticRegression().fit(rows[features], rows.label)
            tw.log_model(model, input_example=rows[features].head(2), registered_model_name="clf")
    tw.flush()
    tw.MlflowClient().set_registered_model_alias("clf", "champion", "1")
    for version in ("1", "2"):
        shown = trackway("models", "evaluate", f"models:/clf/{version}", "test.csv", *ROWS)
        assert shown.exit_code == 0, (shown.output, shown.exception)


def test_a_run_that_is_good_enough_passes(trackway: Trackway) -> None:
    champion, candidate = log(accuracy=0.8, loss=0.5), log(accuracy=0.85, loss=0.4)
    options = ["--champion", champion, "--min", "accuracy=0.8", "--min-change", "loss=0.05", "--other-data"]
    shown = trackway("gate", candidate, *options, "--lower-is-better", "loss")
    assert shown.exit_code == 0, (shown.output, shown.exception)
    assert "Passed.\n- accuracy: at least 0.8, found 0.85: ok" in shown.output
    assert "better than the baseline's 0.5 by at least 0.05, found 0.1: ok" in shown.output
    assert f"champion: runs:/{champion}" in shown.output
    failed = trackway("gate", f"runs:/{candidate}", *options)
    assert get_exit_status(failed.exception) == 6 if isinstance(failed.exception, ChecksFailed) else False


def test_a_run_that_is_not_fails_with_reports_for_people_and_programs(trackway: Trackway, tmp_path: Path) -> None:
    candidate = log(**{"accuracy": 0.7, "a/b_c": 1.0})
    options = ["--min", "accuracy=0.8", "--max", "a/b_c=2", "--junit", "gate.xml", "--markdown", "gate.md"]
    failed = trackway("gate", candidate, *options)
    assert isinstance(failed.exception, ChecksFailed)
    assert "The candidate does not meet 1 of 2 thresholds: accuracy at least 0.8, found 0.7" in str(failed.exception)
    assert "FAILED." in failed.output
    suite = ET.parse(tmp_path / "gate.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    cases = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert [name for name, failure in cases.items() if failure is None] == ["a/b_c at most 2"]
    report = (tmp_path / "gate.md").read_text()
    assert "### Gate: failed" in report
    assert "| **no** | accuracy | at least 0.8 | 0.7 |" in report
    assert r"| ok | a/b\_c | at most 2 | 1 |" in report
    told = trackway("gate", candidate, *options, "--json")
    assert '"passed": false' in told.output


def test_versions_are_compared_by_what_evaluations_left(trackway: Trackway, versions: None) -> None:
    options = ["--champion", "models:/clf@champion", "--min-change", "roc_auc=0"]
    found = read(trackway("gate", "models:/clf/2", *options, "--on-interval", "--json"))
    assert (found["candidate"], found["champion"], found["passed"]) == ("models:/clf/2", "models:/clf/1", True)
    assert found["metrics"]["roc_auc"]["low"] > found["champion_metrics"]["roc_auc"]["value"]
    assert len(found["checks"]) == 1, "both were measured on the same data"
    assert isinstance(
        trackway("gate", "models:/clf/1", "--champion", "models:/clf/2", *options[2:]).exception, ChecksFailed
    )
    history = read(trackway("models", "history", "clf", "2", "--json"))
    assert not any(row["action"] == "version.attested" for row in history)
    assert trackway("gate", "models:/clf/2", *options, "--attest").exit_code == 0
    newest = read(trackway("models", "history", "clf", "2", "--json"))[0]
    assert (newest["action"], "1 of 1 thresholds met in the gate against models:/clf/1" in str(newest)) == (
        "version.attested",
        True,
    )


def test_a_change_that_may_be_luck_does_not_pass_by_its_interval(trackway: Trackway, versions: None) -> None:
    options = ["--champion", "models:/clf/1", "--min-change", "accuracy_score=0.1"]
    assert trackway("gate", "models:/clf/2", *options).exit_code == 0
    assert isinstance(trackway("gate", "models:/clf/2", *options, "--on-interval").exception, ChecksFailed)


def test_what_was_measured_on_other_data_is_not_compared_unless_asked(trackway: Trackway, versions: None) -> None:
    with tw.start_run():
        model = LogisticRegression().fit(make_rows(0)[["a", "b"]], make_rows(0).label)
        tw.log_model(model, input_example=make_rows(0)[["a", "b"]].head(2), registered_model_name="clf")
    tw.flush()
    assert trackway("models", "evaluate", "models:/clf/3", "other.csv", *ROWS).exit_code == 0
    options = ["--champion", "models:/clf/1", "--min-change", "roc_auc=0"]
    failed = trackway("gate", "models:/clf/3", *options)
    assert isinstance(failed.exception, ChecksFailed)
    assert "data: the same for both (roc_auc was measured on " in failed.output
    assert trackway("gate", "models:/clf/3", *options, "--other-data").exit_code == 0
    # Once both were measured on one data set, that is what counts.
    assert trackway("models", "evaluate", "models:/clf/3", "test.csv", *ROWS).exit_code == 0
    assert trackway("gate", "models:/clf/3", *options).exit_code == 0


def test_both_are_measured_now_on_rows_that_are_given(trackway: Trackway, versions: None) -> None:
    options = ["--champion", "models:/clf@champion", "--data", "other.csv", "--targets", "label", "--on-interval"]
    shown = trackway("gate", "models:/clf/2", *options, "--min-change", "roc_auc=0")
    assert shown.exit_code == 0, (shown.output, shown.exception)
    assert "note: both were measured on 200 rows" in shown.output
    refused = trackway("gate", log(roc_auc=1.0), *options, "--min", "roc_auc=0.5")
    assert isinstance(refused.exception, InvalidInput)


def test_the_first_candidate_passes_without_a_champion_when_that_is_said(trackway: Trackway, versions: None) -> None:
    options = ["--champion", "models:/clf@none", "--min", "roc_auc=0.5", "--min-change", "roc_auc=0.2"]
    missing = trackway("gate", "models:/clf/1", *options)
    assert isinstance(missing.exception, NotFound)
    assert "--first-passes" in missing.exception.hint
    shown = trackway("gate", "models:/clf/1", *options, "--first-passes")
    assert shown.exit_code == 0, (shown.output, shown.exception)
    assert "note: models:/clf@none is not there: this would be the first" in shown.output
    assert "note: no champion: the change of roc_auc is not asked for" in shown.output
    assert isinstance(
        trackway("gate", "models:/clf/1", *options[:2], "--min", "roc_auc=1", "--first-passes").exception, ChecksFailed
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "no thresholds"),
        (["--min", "recall=0.1"], "was not measured"),
        (["--min-change", "accuracy=0.1"], "needs a baseline"),
        (["--min", "accuracy=0.1", "--on-interval"], "has no interval"),
        (["--min", "accuracy=nan"], "no finite number"),
        (["--min", "accuracy=0.1", "--attest"], "Only of a version"),
        (["--champion", "./folder", "--min", "accuracy=0.1"], "is no run, model or version"),
    ],
    ids=str,
)
def test_what_cannot_be_judged_is_an_error_and_no_verdict(trackway: Trackway, options: list[str], told: str) -> None:
    refused = trackway("gate", log(accuracy=0.5), *options)
    assert isinstance(refused.exception, InvalidInput | NotFound), refused.output
    assert told in str(refused.exception)


@pytest.mark.parametrize(
    "options", [["--min", "accuracy"], ["--lower-is-better", "x", "--min", "a=1"], ["--data", "x.csv"]], ids=str
)
def test_a_command_line_that_is_wrong_is_refused(trackway: Trackway, options: list[str]) -> None:
    assert trackway("gate", "a" * 32, *options).exit_code == 2


def test_a_run_is_judged_by_metrics_of_a_prefix(trackway: Trackway) -> None:
    candidate = log(**{"val/accuracy": 0.9, "accuracy": 0.1})
    assert trackway("gate", candidate, "--prefix", "val/", "--min", "accuracy=0.8").exit_code == 0
