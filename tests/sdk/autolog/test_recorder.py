from __future__ import annotations

import pytest

from tests.sdk.autolog.memory import MemoryRecorder
from trackway.sdk import autolog


@pytest.fixture
def log(recorder: MemoryRecorder) -> autolog.Log:
    recorder.start_run()
    return autolog.Log(recorder, "tw", "Net_2/")


def test_keys_are_cleaned(log: autolog.Log, recorder: MemoryRecorder) -> None:
    log.params({"a{b}": 1, "x" * 300: 2})
    log.metrics({"loss@1": 0.5, "a//b/../c/": 1})
    assert list(recorder.run.params) == ["Net_2/a_b_", ("Net_2/" + "x" * 300)[:250]]
    assert list(recorder.run.metrics) == ["Net_2/loss_1", "Net_2/a/_/b/_/c/_"]


def test_params_are_masked_and_cut(log: autolog.Log, recorder: MemoryRecorder) -> None:
    log.params({"api_key": "hush", "long": "x" * 10_000_000, "url": "http://u:p@h", "odd": "a\0\udcff"})
    assert recorder.run.params["Net_2/odd"] == "a\ufffd\ufffd"
    assert recorder.run.params["Net_2/api_key"] == "***"
    assert len(recorder.run.params["Net_2/long"]) == 65_536
    assert "p@" not in recorder.run.params["Net_2/url"]


def test_what_is_no_number_is_no_metric(log: autolog.Log, recorder: MemoryRecorder) -> None:
    log.metrics({"a": "x", "b": None, "c": [1, 2]})
    log.metrics({"d": "2.5", "e": True, "f": float("nan")}, 3)
    assert set(recorder.run.metrics) == {"Net_2/d", "Net_2/e", "Net_2/f"}
    assert recorder.run.steps("Net_2/d") == [3]


def test_files_go_below_the_prefix(log: autolog.Log, recorder: MemoryRecorder) -> None:
    log.text("t", "a.txt")
    log.dictionary({}, "b.json")
    assert recorder.run.files == {"Net_2/a.txt": "t", "Net_2/b.json": {}}
