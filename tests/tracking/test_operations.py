"""Every operation, through dispatch: what it does, what it refuses, and what the audit log says of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.tracking import (
    scenarios_access,
    scenarios_audit,
    scenarios_content,
    scenarios_endpoints,
    scenarios_erasure,
    scenarios_experiments,
    scenarios_files,
    scenarios_holds,
    scenarios_lineage,
    scenarios_links,
    scenarios_logging,
    scenarios_models,
    scenarios_overviews,
    scenarios_provisioning,
    scenarios_quotas,
    scenarios_registry,
    scenarios_reviews,
    scenarios_run_changes,
    scenarios_runs,
    scenarios_schedules,
    scenarios_sessions,
    scenarios_signatures,
    scenarios_teams,
    scenarios_transfers,
    scenarios_trash,
    scenarios_versions,
    scenarios_webhooks,
    scenarios_workspaces,
)
from tests.tracking.scenarios import Scenario, Stage
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.operations import OPERATIONS, Operation
from trackway.api.retention import SearchAudit
from trackway.base.clock import now_ms
from trackway.base.errors import PermissionDenied, TrackwayError
from trackway.dispatch import OpenPolicy
from trackway.store.sql.schema import metadata
from trackway.wiring.platform import Platform

SCENARIOS: list[Scenario] = [
    *scenarios_experiments.SCENARIOS,
    *scenarios_runs.SCENARIOS,
    *scenarios_run_changes.SCENARIOS,
    *scenarios_logging.SCENARIOS,
    *scenarios_files.SCENARIOS,
    *scenarios_models.SCENARIOS,
    *scenarios_registry.SCENARIOS,
    *scenarios_versions.SCENARIOS,
    *scenarios_reviews.SCENARIOS,
    *scenarios_lineage.SCENARIOS,
    *scenarios_links.SCENARIOS,
    *scenarios_endpoints.SCENARIOS,
    *scenarios_content.SCENARIOS,
    *scenarios_transfers.SCENARIOS,
    *scenarios_signatures.SCENARIOS,
    *scenarios_webhooks.SCENARIOS,
    *scenarios_quotas.SCENARIOS,
    *scenarios_schedules.SCENARIOS,
    *scenarios_overviews.SCENARIOS,
    *scenarios_access.SCENARIOS,
    *scenarios_sessions.SCENARIOS,
    *scenarios_teams.SCENARIOS,
    *scenarios_provisioning.SCENARIOS,
    *scenarios_audit.SCENARIOS,
    *scenarios_workspaces.SCENARIOS,
    *scenarios_holds.SCENARIOS,
    *scenarios_erasure.SCENARIOS,
    *scenarios_trash.SCENARIOS,
]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(f"sqlite:///{tmp_path_factory.mktemp('operations')}/t.db", "memory://")
    platform.dispatch._clock = itertools.count(now_ms()).__next__  # no two calls in one millisecond: orders are certain
    yield platform
    platform.close()


def count_rows(platform: Platform) -> dict[str, Any]:
    """Return the number of rows of each table, and how often runs were changed."""

    def work(tx: Any) -> dict[str, Any]:
        counts = {name: tx.db.one(f"SELECT COUNT(*) FROM {name}")[0] for name in metadata.tables}
        return counts | {"changes": tx.db.one("SELECT SUM(version) FROM runs")[0]}

    return platform.store.read(work)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_scenario(platform: Platform, scenario: Scenario) -> None:
    stage = Stage(platform.dispatch, scenario.workspace)
    request = scenario.ask(stage)
    before = count_rows(platform)
    call = stage.open()
    if isinstance(scenario.expected, type):
        with pytest.raises(TrackwayError) as refusal:
            platform.dispatch.call(scenario.operation, request, call)
        assert type(refusal.value) is scenario.expected, refusal.value
        assert len(str(refusal.value)) < 1_000
        assert count_rows(platform) == before, "a refused request changes nothing"
        return
    response = platform.dispatch.call(scenario.operation, request, call)
    assert isinstance(response, scenario.operation.response)
    entries = [one for one in list_audit(stage) if one.request_id == call.request_id]
    assert len(entries) == scenario.operation.access.audited
    for entry in entries:
        assert (entry.operation, entry.actor, entry.time_ms) == (scenario.operation.name, "user:ann", call.now_ms)
    assert scenario.expected(stage, response)


def list_audit(stage: Stage) -> list[Any]:
    return list(stage.call(ops.SEARCH_AUDIT, SearchAudit(limit=5)).entries)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_has_its_scenarios(operation: Operation[Any, Any]) -> None:
    kinds = {scenario.kind for scenario in SCENARIOS if scenario.operation is operation}
    needed = {"valid"}
    if operation.access.target in ("experiment", "run", "logged_model", "registered_model", "endpoint", "schedule"):
        needed.add("missing")
        if operation.access.writes and operation.access.target in ("experiment", "run", "logged_model"):
            needed.add("trash")
    if operation in (ops.GET_HISTORY, ops.DELETE_LOGGED_MODEL, ops.DELETE_RUN):
        needed -= {"missing", "trash"}  # these answer alike, as the operation's own scenarios say
    assert needed <= kinds


UNAUDITED = {
    "runs.create",
    "runs.update",
    "runs.ingest",
    "runs.log_environment",
    "logged_models.log_params",
    "artifacts.begin_upload",
    "artifacts.commit_upload",
    "artifacts.create_multipart",
    "artifacts.close_multipart",
    "endpoints.renew",
    "schedules.claim",
    "schedules.report",
}
"""What logs to a run, and what a machine says all the time: it changes state and leaves no entry in the audit log."""


def test_what_changes_state_leaves_an_entry_but_for_what_logs() -> None:
    assert {one.name for one in OPERATIONS if one.access.writes and not one.access.audited} == UNAUDITED


def test_what_an_operation_changes_and_reads_are_fields_of_its_request() -> None:
    for operation in OPERATIONS:
        named = {operation.access.target_field, operation.access.reads_field} - {""}
        assert named <= set(operation.request.__struct_fields__), operation.name


class Deny(OpenPolicy):
    """A policy that allows nothing."""

    def admit(self, tx: Any, call: Call, operation: Any, request: Any) -> Call:
        raise PermissionDenied("no")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_operation_goes_past_the_policy(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, operation: Operation[Any, Any]
) -> None:
    stage = Stage(platform.dispatch)
    scenario = next(one for one in SCENARIOS if one.operation is operation and one.kind == "valid")
    request = scenario.ask(stage)
    before = count_rows(platform)
    monkeypatch.setattr(platform.dispatch, "_policy", Deny())
    with pytest.raises(PermissionDenied):
        stage.call(operation, request)
    assert count_rows(platform) == before


def test_the_audit_log_names_what_was_changed(platform: Platform) -> None:
    unnamed = []
    for scenario in SCENARIOS:
        if scenario.kind == "valid" and scenario.operation.access.audited:
            stage = Stage(platform.dispatch, scenario.workspace)
            request = scenario.ask(stage)
            stage.call(scenario.operation, request)
            entry = list_audit(stage)[0]
            if not entry.object or (entry.detail == "dry run") != getattr(request, "dry_run", False):
                unnamed.append(str(scenario))
    assert unnamed == []
