from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.exchange.conftest import Histories
from tests.exchange.facts import differ, expect, read_store
from tests.exchange.peers import make_past, serve_past
from trackway.exchange.importer import import_history
from trackway.exchange.report import Report
from trackway.exchange.sources import open_history
from trackway.sdk.transport import Transport

SLOW = pytest.mark.slow
HISTORIES = (
    "1.30 folder",
    "2.22 database",
    "3.17 database",
    pytest.param("1.30 database", marks=SLOW),
    pytest.param("2.22 folder", marks=SLOW),
    pytest.param("3.17 folder", marks=SLOW),
)


def run_import(store: Transport, source: str) -> Report:
    report = Report()
    with closing(open_history(source, None, report.note)) as history:
        import_history(store, history, report)
    return report


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_arrives_value_by_value_and_once(store: Transport, histories: Histories, name: str) -> None:
    past = histories(name)
    report = run_import(store, past.source)
    assert report.left_out == {}
    assert report.mapped == []
    assert differ(read_store(store), expect(past.facts)) == []
    assert report.added.models == len(past.facts["models"])
    again = run_import(store, past.source)
    assert (again.added.runs, again.added.points, again.added.files, again.added.updated_runs) == (0, 0, 0, 0)
    assert differ(read_store(store), expect(past.facts)) == []


@pytest.mark.parametrize("name", ["3.17 database", pytest.param("1.30 database", marks=SLOW)])
def test_a_server_is_read_as_its_database_is(store: Transport, histories: Histories, name: str) -> None:
    past = histories(name)
    with serve_past(past) as url:
        report = run_import(store, url)
        assert report.left_out == {}
        versions = sum(len(model["versions"]) for model in past.facts["registered"])
        assert report.added.versions == versions + name.startswith("3"), "one is a prompt's, which clients do not list"
        assert differ(read_store(store), expect(past.facts)) == []
        assert run_import(store, url).added.runs == 0


@pytest.mark.parametrize("name", ["3.17 folder", pytest.param("2.22 database", marks=SLOW)])
def test_a_second_import_adds_what_is_new(store: Transport, tmp_path: Path, name: str) -> None:
    past = make_past(name, tmp_path / "past")
    run_import(store, past.source)
    past.go_on()
    report = run_import(store, past.source)
    added = report.added
    assert (added.experiments, added.runs, added.points, added.params, added.files) == (1, 2, 3, 1, 4)
    assert added.updated_runs == 1
    assert differ(read_store(store), expect(past.facts)) == []
