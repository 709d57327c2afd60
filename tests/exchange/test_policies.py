"""Legal holds, quota and retention policy of a workspace in another one: set where that does no harm, else told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.exchange.stores import fill_experiment, fill_registry, trust
from tests.exchange.test_workspace import export
from trackway.api import experiments as e
from trackway.api import holds as b
from trackway.api import operations as ops
from trackway.api import quotas as h
from trackway.api import registry as g
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.base.errors import PermissionDenied
from trackway.exchange.bundle_reader import Bundle
from trackway.exchange.importer import import_all
from trackway.exchange.rehearsal import Rehearsal
from trackway.exchange.report import Report
from trackway.sdk.transport import Transport
from trackway.wiring.local import open_local

DAY_MS = 86_400_000


@pytest.fixture
def file(store: Transport, tmp_path: Path) -> Path:
    """A bundle of a workspace with holds on an experiment and a model, a quota and a policy."""
    fill_experiment(store)
    fill_registry(store, ("houses", "rates"))
    [prices] = [
        one.experiment_id
        for one in store.call(ops.SEARCH_EXPERIMENTS, e.SearchExperiments()).experiments
        if one.name != "Default"
    ][:1]
    store.call(ops.CREATE_HOLD, b.CreateHold(target_kind="experiment", target=prices, reason="case 17"))
    store.call(ops.CREATE_HOLD, b.CreateHold(target_kind="registered_model", target="churn", reason="case 18"))
    store.call(ops.SET_QUOTA, h.SetQuota(runs=1_000, size_bytes=10**12, requests_per_minute=60_000))
    store.call(ops.SET_RETENTION, t.SetRetention(trash_ms=30 * DAY_MS))
    export(store, tmp_path / "all.zip")
    return tmp_path / "all.zip"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Transport]:
    with closing(open_local(str(tmp_path / "other"))) as transport:
        trust(transport)
        yield transport


def load(store: Transport, path: Path) -> Report:
    report = Report()
    with closing(Bundle(path)) as bundle:
        import_all(store, bundle, report)
    return report


def read_policies(store: Transport) -> tuple[list[tuple[str, str]], int | None, tuple[int | None, ...]]:
    holds = store.call(ops.LIST_HOLDS, b.ListHolds()).holds
    usage = store.call(ops.GET_USAGE, h.GetUsage())
    quota = usage.runs_quota, usage.points_quota, usage.bytes_quota, usage.requests_per_minute_quota
    names = {
        one.experiment_id: one.name
        for one in store.call(ops.SEARCH_EXPERIMENTS, e.SearchExperiments(view="all")).experiments
    }
    placed = [(names.get(one.target, one.target), one.reason) for one in holds]
    return placed, store.call(ops.GET_RETENTION, t.GetRetention()).trash_ms, quota


def count(report: Report) -> tuple[int, int, int]:
    return report.added.holds, report.added.quotas, report.added.policies


def test_a_new_workspace_gets_them_once_and_a_dry_run_says_so(store: Transport, file: Path, other: Transport) -> None:
    nothing = read_policies(other)
    rehearsed = load(Rehearsal(other), file)
    assert (count(rehearsed), read_policies(other)) == ((2, 1, 1), nothing)
    done = load(other, file)
    assert (count(done), done.left_out, rehearsed.left_out) == ((2, 1, 1), {}, {})
    assert read_policies(other) == read_policies(store)
    again = load(other, file)
    assert (count(again), again.left_out) == ((0, 0, 0), {})
    assert read_policies(other) == read_policies(store)


def add_run(store: Transport) -> None:
    store.call(ops.CREATE_RUN, r.CreateRun(run_id="mine", experiment_id="0"))


def add_experiment(store: Transport) -> None:
    store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="mine"))


def add_model(store: Transport) -> None:
    store.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="mine"))


def add_trash(store: Transport) -> None:
    add_model(store)
    store.call(ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name="mine"))


@pytest.mark.parametrize("add", [add_run, add_experiment, add_model, add_trash])
def test_contents_of_its_own_are_neither_purged_nor_refused_by_them(
    file: Path, other: Transport, add: Callable[[Transport], None]
) -> None:
    add(other)
    report = load(other, file)
    [left] = report.left_out.values()
    assert "contents of its own" in left.why
    assert left.examples == [
        *("quota of 1,000 runs", "quota of 1,000,000,000,000 bytes", "quota of 60,000 requests a minute"),
        "retention policy of 30 days",
    ]
    assert (count(report), read_policies(other)[1:]) == ((2, 0, 0), (None, (None,) * 4))


def test_what_was_set_since_stays(file: Path, other: Transport) -> None:
    load(other, file)
    other.call(ops.SET_RETENTION, t.SetRetention(trash_ms=None))
    other.call(ops.SET_QUOTA, h.SetQuota(runs=2_000))
    report = load(other, file)
    assert read_policies(other)[1:] == (None, (2_000, None, None, None))
    assert [left.why for left in report.left_out.values()] == ["it was set here before, and is not changed back"]


def test_one_that_refuses_or_purges_at_once_is_left(
    store: Transport, tmp_path: Path, other: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_experiment(store)
    store.call(ops.SET_QUOTA, h.SetQuota(runs=3, points=10**6))
    store.call(ops.SET_RETENTION, t.SetRetention(trash_ms=30 * DAY_MS))
    export(store, tmp_path / "old.zip")
    with closing(Bundle(tmp_path / "old.zip")) as bundle:
        later_ms = bundle.created_ms + 30 * DAY_MS
    monkeypatch.setattr("trackway.exchange.policies.now_ms", lambda: later_ms)
    for target in (Rehearsal(other), other):
        report = load(target, tmp_path / "old.zip")
        assert count(report) == (0, 1, 0)
        assert [(left.why, left.examples) for left in report.left_out.values()] == [
            ("what is here has reached it already", ["quota of 3 runs"]),
            ("the bundle is of longer ago, so that its trash would be purged at once", ["retention policy of 30 days"]),
        ]
    assert read_policies(other)[1:] == (None, (None, 10**6, None, None))


def test_a_hold_is_on_what_came_and_not_on_another_of_its_name(file: Path, other: Transport) -> None:
    taken = other.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="elsewhere")).experiment_id
    add_run(other)
    other.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="churn"))
    report = load(other, file)
    [(held, reason)] = read_policies(other)[0]
    assert (held != "elsewhere", reason) == (True, "case 17"), taken
    assert any("another registered model" in why for why in report.left_out)


class Refusing:
    """A store of which the caller is no administrator."""

    def __init__(self, store: Transport) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def call(self, operation: ops.Operation, request: object) -> object:  # type: ignore[type-arg]
        if operation in (ops.LIST_HOLDS, ops.CREATE_HOLD, ops.SEARCH_AUDIT, ops.SET_QUOTA, ops.SET_RETENTION):
            raise PermissionDenied("You may not")
        return self._store.call(operation, request)


def test_who_is_no_administrator_is_told_what_did_not_come(file: Path, other: Transport) -> None:
    report = load(Refusing(other), file)  # type: ignore[arg-type]
    assert report.left_out["You may not"].count == 5
    assert report.added.runs > 0
    assert read_policies(other) == ([], None, (None,) * 4)
