"""Scenarios of schedules."""

from __future__ import annotations

from typing import Any, cast

from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok, pass_by
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import schedules as c
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound

LAUNCH = c.Launch(uri="./churn", params={"alpha": "0.1"})
UNKNOWN = "f" * 32


def new(**fields: Any) -> c.CreateSchedule:
    plain: dict[str, Any] = {"name": "nightly", "cron": "0 2 * * *", "launch": LAUNCH}
    return c.CreateSchedule(**(plain | fields))


def make(s: Stage, **fields: Any) -> str:
    """Create a schedule, and return its name."""
    return str(s.call(ops.CREATE_SCHEDULE, new(**fields)).name)


def name(s: Stage, **fields: Any) -> c.ScheduleName:
    return c.ScheduleName(name=make(s, **fields))


def queue(s: Stage, **fields: Any) -> c.Tick:
    """Have a time wait."""
    tick: c.Tick = s.call(ops.RUN_SCHEDULE, name(s, **fields))
    return tick


def take(s: Stage, **fields: Any) -> c.Tick:
    """Have a time that a worker has taken."""
    queue(s, **fields)
    tick: c.Tick = s.call(ops.CLAIM_TICK, c.ClaimTick(holder="me", worker="w")).tick
    return tick


def end(s: Stage) -> str:
    """Have a time that has ended, and return its id."""
    tick = take(s)
    s.call(ops.REPORT_TICK, c.ReportTick(tick_id=tick.tick_id, holder="me", state="finished"))
    return tick.tick_id


def history(s: Stage) -> list[c.Tick]:
    return list(s.call(ops.LIST_TICKS, c.ListTicks(name="nightly")).ticks)


def report(tick: c.Tick, state: Any = "running", **fields: Any) -> c.ReportTick:
    return c.ReportTick(**({"tick_id": tick.tick_id, "holder": "me", "state": state} | fields))


def launched(**fields: Any) -> c.Launch:
    return c.Launch(**({"uri": "./churn"} | fields))


SCHEDULES: list[Scenario] = [
    ok(
        ops.CREATE_SCHEDULE,
        "with a next time",
        lambda s: new(time_zone="Europe/Paris", overlap="queue"),
        lambda s, x: (
            x.next_ms > x.created_ms
            and (x.name, x.launch, x.created_by) == ("nightly", LAUNCH, "user:ann")
            and s.call(ops.GET_SCHEDULE, c.ScheduleName(name="nightly")) == x
        ),
    ),
    ok(ops.CREATE_SCHEDULE, "paused", lambda s: new(paused=True), lambda s, x: x.paused and x.next_ms is None),
    no(ops.CREATE_SCHEDULE, "refused", "that is there", lambda s: new(name=make(s)), AlreadyExists),
    *each(
        ops.CREATE_SCHEDULE,
        "refused",
        "name",
        ("", "-a", "a-", "a b", "a/b", "ü", "x" * (limits.SCHEDULE_NAME_CHARS + 1), "a\n"),
        lambda s, text: new(name=text),
        InvalidInput,
    ),
    *each(
        ops.CREATE_SCHEDULE,
        "refused",
        "times",
        ("", "* * * *", "61 * * * *", "@reboot", "0 0 31 2 *", "* * * * * *", "0 1000 * * *", "*/1000 * * * *"),
        lambda s, cron: new(cron=cron),
        InvalidInput,
    ),
    *each(
        ops.CREATE_SCHEDULE, "refused", "zone", ("", "Mars/Base", "../x"), lambda s, z: new(time_zone=z), InvalidInput
    ),
    *each(ops.CREATE_SCHEDULE, "refused", "limit", (0, 1_001), lambda s, n: new(catch_up_limit=n), InvalidInput),
    *each(
        ops.CREATE_SCHEDULE,
        "refused",
        "launch",
        (
            {"uri": ""},
            {"uri": "--version"},
            {"entry_point": "-x"},
            {"entry_point": " "},
            {"version": "-u"},
            {"backend": "--x"},
            {"uri": "a\x00"},
            {"params": {"a=b": "1"}},
            {"params": {"-a": "1"}},
            {"params": {"": "1"}},
        ),
        lambda s, fields: new(launch=launched(**cast(dict[str, Any], fields))),
        InvalidInput,
    ),
    *limited(ops.CREATE_SCHEDULE, "uri", limits.LOCATION_CHARS, lambda s, n: new(launch=launched(uri="x" * n))),
    ok(ops.GET_SCHEDULE, "one", name, lambda s, x: x.cron == "0 2 * * *"),
    no(ops.GET_SCHEDULE, "missing", "an unknown one", lambda s: c.ScheduleName(name="x"), NotFound),
    ok(ops.LIST_SCHEDULES, "none", lambda s: c.ListSchedules(), lambda s, x: x.schedules == []),
    ok(
        ops.LIST_SCHEDULES,
        "by pages, by name",
        lambda s: make(s, name="b") and make(s, name="a") and c.ListSchedules(limit=1),
        lambda s, x: (
            [one.name for one in x.schedules] == ["a"]
            and [
                one.name
                for one in s.call(ops.LIST_SCHEDULES, c.ListSchedules(limit=1, page_token=x.next_page_token)).schedules
            ]
            == ["b"]
        ),
    ),
    no(ops.LIST_SCHEDULES, "refused", "a made-up token", lambda s: c.ListSchedules(page_token="x"), InvalidInput),
    no(ops.LIST_SCHEDULES, "refused", "no limit", lambda s: c.ListSchedules(limit=0), InvalidInput),
    ok(
        ops.UPDATE_SCHEDULE,
        "of everything",
        lambda s: c.UpdateSchedule(
            name=make(s),
            cron="@daily",
            time_zone="Asia/Tokyo",
            catch_up="all",
            catch_up_limit=3,
            overlap="allow",
            launch=launched(uri="b"),
            paused=True,
        ),
        lambda s, x: (
            (x.cron, x.time_zone, x.catch_up, x.catch_up_limit, x.overlap, x.launch.uri, x.paused, x.next_ms)
            == ("@daily", "Asia/Tokyo", "all", 3, "allow", "b", True, None)
            and s.call(ops.GET_SCHEDULE, c.ScheduleName(name="nightly")) == x
        ),
    ),
    ok(
        ops.UPDATE_SCHEDULE,
        "to go on",
        lambda s: c.UpdateSchedule(name=make(s, paused=True), paused=False),
        lambda s, x: x.next_ms > x.updated_ms,
    ),
    no(ops.UPDATE_SCHEDULE, "refused", "times", lambda s: c.UpdateSchedule(name=make(s), cron="x"), InvalidInput),
    no(ops.UPDATE_SCHEDULE, "missing", "an unknown one", lambda s: c.UpdateSchedule(name="x"), NotFound),
    ok(
        ops.DELETE_SCHEDULE,
        "with its history",
        lambda s: queue(s).tick_id and c.ScheduleName(name="nightly"),
        lambda s, x: s.call(ops.LIST_SCHEDULES, c.ListSchedules()).schedules == [],
    ),
    no(ops.DELETE_SCHEDULE, "missing", "an unknown one", lambda s: c.ScheduleName(name="x"), NotFound),
]

TICKS: list[Scenario] = [
    ok(
        ops.RUN_SCHEDULE,
        "of a paused one",
        lambda s: name(s, paused=True),
        lambda s, x: x.manual and x.state == "queued" and history(s) == [x],
    ),
    ok(
        ops.RUN_SCHEDULE,
        "in place of what runs",
        lambda s: take(s, overlap="cancel_previous").tick_id and c.ScheduleName(name="nightly"),
        lambda s, x: [(one.state, one.cancel) for one in history(s)] == [("queued", False), ("claimed", True)],
    ),
    no(ops.RUN_SCHEDULE, "missing", "an unknown one", lambda s: c.ScheduleName(name="x"), NotFound),
    ok(
        ops.LIST_TICKS,
        "by pages, newest first",
        lambda s: (
            pass_by(queue(s).due_ms)
            and s.call(ops.RUN_SCHEDULE, c.ScheduleName(name="nightly"))
            and c.ListTicks(name="nightly")
        ),
        lambda s, x: (
            x.ticks[0].due_ms > x.ticks[1].due_ms
            and s.call(ops.LIST_TICKS, c.ListTicks(name="nightly", limit=1)).next_page_token != ""
        ),
    ),
    ok(ops.LIST_TICKS, "of a state", lambda s: c.ListTicks(name=make(s), state="lost"), lambda s, x: x.ticks == []),
    no(ops.LIST_TICKS, "refused", "no limit", lambda s: c.ListTicks(name=make(s), limit=0), InvalidInput),
    no(ops.LIST_TICKS, "refused", "a made-up token", lambda s: c.ListTicks(name=make(s), page_token="x"), InvalidInput),
    no(ops.LIST_TICKS, "missing", "an unknown one", lambda s: c.ListTicks(name="x"), NotFound),
    ok(
        ops.CANCEL_TICK,
        "that waits",
        lambda s: c.CancelTick(tick_id=queue(s).tick_id, name="nightly"),
        lambda s, x: (x.state, x.error) == ("cancelled", "cancelled by user:ann") and history(s) == [x],
    ),
    ok(
        ops.CANCEL_TICK,
        "that runs",
        lambda s: c.CancelTick(tick_id=take(s).tick_id, name="nightly"),
        lambda s, x: (x.state, x.cancel) == ("claimed", True) and history(s) == [x],
    ),
    no(
        ops.CANCEL_TICK,
        "refused",
        "that has ended",
        lambda s: c.CancelTick(tick_id=end(s), name="nightly"),
        Conflict,
    ),
    no(
        ops.CANCEL_TICK,
        "missing",
        "of another schedule",
        lambda s: c.CancelTick(tick_id=queue(s).tick_id, name=make(s, name="other")),
        NotFound,
    ),
    no(ops.CANCEL_TICK, "missing", "of none", lambda s: c.CancelTick(tick_id=UNKNOWN, name="x"), NotFound),
    ok(
        ops.CLAIM_TICK,
        "the only one",
        lambda s: queue(s).tick_id and c.ClaimTick(holder="me", worker="w"),
        lambda s, x: (
            (x.schedule, x.tick.state, x.tick.worker, x.launch) == ("nightly", "claimed", "w", LAUNCH)
            and s.call(ops.CLAIM_TICK, c.ClaimTick(holder="me", worker="w")) == c.ClaimedTick()
        ),
    ),
    ok(
        ops.CLAIM_TICK,
        "while another one runs",
        lambda s: (
            take(s).tick_id
            and s.call(ops.RUN_SCHEDULE, c.ScheduleName(name="nightly"))
            and c.ClaimTick(holder="me", worker="w")
        ),
        lambda s, x: x.tick is None,
    ),
    *each(
        ops.CLAIM_TICK,
        "refused",
        "lease",
        (0, 600_001),
        lambda s, n: c.ClaimTick(holder="a", worker="w", lease_ms=n),
        InvalidInput,
    ),
    no(ops.CLAIM_TICK, "refused", "no id", lambda s: c.ClaimTick(holder="", worker="w"), InvalidInput),
    ok(
        ops.REPORT_TICK,
        "that it runs",
        lambda s: report(take(s), run_id="r"),
        lambda s, x: (x.state, x.run_id, x.started_ms is not None) == ("running", "r", True) and history(s) == [x],
    ),
    ok(
        ops.REPORT_TICK,
        "how it ended",
        lambda s: report(take(s), "failed", error="oh"),
        lambda s, x: (x.state, x.error, x.ended_ms is not None) == ("failed", "oh", True) and history(s) == [x],
    ),
    no(ops.REPORT_TICK, "refused", "by another", lambda s: report(take(s), holder="you"), Conflict),
    no(ops.REPORT_TICK, "refused", "of what waits", lambda s: report(queue(s), holder=""), Conflict),
    no(
        ops.REPORT_TICK,
        "refused",
        "of what ended",
        lambda s: c.ReportTick(tick_id=end(s), holder="me", state="running"),
        Conflict,
    ),
    no(
        ops.REPORT_TICK,
        "missing",
        "of what was deleted",
        lambda s: delete_under(s),
        NotFound,
    ),
]

SCENARIOS: list[Scenario] = [*SCHEDULES, *TICKS]


def delete_under(s: Stage) -> c.ReportTick:
    """Have a worker whose schedule was deleted."""
    tick = take(s)
    s.call(ops.DELETE_SCHEDULE, c.ScheduleName(name="nightly"))
    return report(tick)
