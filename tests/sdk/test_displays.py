"""What notebooks show of runs and experiments."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import trackway as tw
from trackway.base.errors import InvalidInput, NotSupported
from trackway.sdk import displays, panel
from trackway.sdk.entities import PagedList

HOSTILE = "<script>window.pwned=1</script>\"'&<img src=x onerror=window.pwned=1>"


@pytest.fixture(autouse=True)
def local(tracked: Path) -> None:
    """An empty store in a folder."""
    tw.set_tracking_uri(str(tracked / "tracks"))
    tw.set_experiment("prices")


def log_run(name: str = "a run") -> str:
    with tw.start_run(run_name=name) as run:
        tw.log_param("why", HOSTILE)
        for step in range(5):
            tw.log_metric("loss", 1 / (step + 1), step=step)
    tw.flush()
    return run.info.run_id


def test_a_run_shows_what_it_logged_as_text() -> None:
    html = tw.get_run(log_run(HOSTILE))._repr_html_()
    assert "Finished" in html
    assert "0.2" in html
    assert html.count("&lt;script&gt;") == 2
    assert "<script" not in html
    assert "<img" not in html


def test_a_run_that_goes_on_shows_itself() -> None:
    with tw.start_run() as run:
        tw.log_metric("loss", 0.5)
        assert "Running" in str(run._repr_html_())


def test_an_experiment_and_lists_show_themselves() -> None:
    log_run(HOSTILE)
    tw.set_experiment_tag("owner", HOSTILE)
    tw.set_experiment_tag("trackway.view.best", "order=metrics.loss+ASC")
    found = tw.get_experiment_by_name("prices")
    assert found is not None
    assert "&lt;script&gt;" in found._repr_html_()
    assert "view.best" not in found._repr_html_(), "what pages keep is no tag of people's"
    runs = tw.search_runs(output_format="list")
    assert isinstance(runs, PagedList)
    table = str(runs._repr_html_())
    assert "<th" in table
    assert "loss" in table
    assert "<script" not in table
    assert "white-space:nowrap" in table, "no number is broken in two, however many columns there are"
    assert "overflow:auto" in table
    experiments = tw.search_experiments()
    assert isinstance(experiments, PagedList)
    assert "prices" in str(experiments._repr_html_())
    assert PagedList([1, 2], None)._repr_html_() is None


def test_names_link_to_the_server_that_is_logged_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", "http://127.0.0.1:1")
    assert displays.link("/runs/a", "<b>") == (
        '<a href="http://127.0.0.1:1/runs/a" target="_blank" rel="noopener">&lt;b&gt;</a>'
    )


def test_curves_leave_out_what_is_no_number() -> None:
    assert displays.draw_spark([math.nan, 1.0]) == ""
    assert displays.draw_spark([]) == ""
    assert displays.draw_spark([0.0, math.inf, 2.0]).count(",") == 2
    assert "10.0" in displays.draw_spark([1.0, 1.0])
    assert "nan" not in displays.draw_spark([-1e308, 1e308])


def test_times_that_no_calendar_has_are_told_as_numbers() -> None:
    assert displays.write_time(0) == "1970-01-01 00:00:00 UTC"
    assert displays.write_time(2**62) == f"{2**62} ms"


class StandIn:
    """As much of anywidget's base class as a panel uses."""

    def __init__(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self, name, value)

    def close(self) -> None:
        """Nothing is open."""


class Tagged(str):
    """As much of a trait as a panel uses."""

    def tag(self, **_: Any) -> Tagged:
        return self


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the packages of the extra `notebook`."""
    anywidget, traitlets = ModuleType("anywidget"), ModuleType("traitlets")
    anywidget.AnyWidget, traitlets.Unicode = StandIn, Tagged  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "anywidget", anywidget)
    monkeypatch.setitem(sys.modules, "traitlets", traitlets)
    panel._make_class.cache_clear()


@pytest.mark.usefixtures("notebook")
def test_a_panel_follows_a_run_until_it_has_ended() -> None:
    with tw.start_run() as run:
        tw.log_metric("loss", 0.5)
        tw.flush()
        shown = tw.ui(run, refresh_s=0.2)
        assert "Running" in shown.html
        tw.log_metric("loss", 0.25, step=1)
        tw.flush()
        wait_for(shown, "0.25")
        assert "<svg" in shown.html
    wait_for(shown, "Finished")
    panel._make_class.cache_clear()


@pytest.mark.usefixtures("notebook")
def test_a_panel_of_a_run_that_has_ended_is_still() -> None:
    shown = tw.ui(log_run())
    assert "Finished" in shown.html
    with pytest.raises(InvalidInput, match="interval"):
        tw.ui("a", refresh_s=0)
    panel._make_class.cache_clear()


def test_without_the_extra_a_panel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    panel._make_class.cache_clear()
    with pytest.raises(NotSupported, match="anywidget"):
        tw.ui(log_run())


def wait_for(shown: Any, text: str) -> None:
    """Wait until a panel shows a text."""
    end = time.monotonic() + 30
    while text not in shown.html:
        assert time.monotonic() < end, shown.html
        time.sleep(0.05)
