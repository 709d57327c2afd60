from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.sdk.autolog.memory import MemoryRecorder
from trackway.base import plugins
from trackway.base.errors import InvalidInput
from trackway.sdk import autolog


def test_all_known_integrations(recorder: MemoryRecorder) -> None:
    autolog.autolog()
    assert autolog.list_enabled() == ["keras", "lightgbm", "lightning", "sklearn", "spark", "torch", "xgboost"]
    autolog.autolog(disable=True)
    assert autolog.list_enabled() == []


def test_some_by_name_alias_or_exclusion(recorder: MemoryRecorder) -> None:
    autolog.autolog("sklearn", "pytorch", log_models=False)
    assert autolog.list_enabled() == ["lightning", "sklearn", "torch"]
    autolog.disable("pytorch")
    assert autolog.list_enabled() == ["sklearn"]
    autolog.autolog(exclude_flavors=["tensorflow", "sklearn", "xgboost"], disable=True)
    autolog.autolog(exclude_flavors=["tensorflow", "xgboost"])
    assert autolog.list_enabled() == ["lightgbm", "lightning", "sklearn", "spark", "torch"]


@pytest.mark.parametrize(
    "names, options", [(["nothing"], {}), ([], {"log_everything": True}), ([], {"log_every_n_epoch": 0})]
)
def test_unknown_names_and_options_are_refused(
    names: list[str], options: dict[str, Any], recorder: MemoryRecorder
) -> None:
    with pytest.raises(InvalidInput):
        autolog.autolog(*names, **options)


def test_one_that_cannot_be_loaded_stops_only_those_who_ask_for_it(
    recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(plugins._built_in, "autolog", {**plugins._built_in["autolog"], "bad": "tw_absent:X"})
    autolog.autolog()
    assert "xgboost" in autolog.list_enabled()
    assert len(caplog.records) == 1
    with pytest.raises(ModuleNotFoundError):
        autolog.enable("bad")


def test_switching_on_imports_no_library() -> None:
    script = (
        "import sys; from trackway.sdk.autolog import autolog; autolog();"
        "print({'sklearn', 'numpy', 'xgboost', 'lightgbm', 'torch', 'keras', 'joblib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("set()", "")
