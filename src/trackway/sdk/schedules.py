"""Schedules of projects: ``tw.schedules.create("nightly", "0 2 * * *", "./churn")``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackway.api import operations as ops
from trackway.api import schedules as c
from trackway.sdk.client import Client


def create(name: str, cron: str, uri: str, *, params: Mapping[str, object] | None = None, **how: Any) -> c.Schedule:
    """Have a project run by the clock; a ``trackway worker`` runs it.

    name:   unique in the workspace
    cron:   minute hour day month weekday, or ``@daily`` and its like
    uri:    of the project, as the worker sees it
    params: of the entry point
    how:    ``version``, ``entry_point``, ``experiment``, ``backend``, ``backend_config``, ``env_manager`` as
            ``trackway run`` takes them; ``time_zone`` (UTC), ``catch_up`` (none, last, all), ``catch_up_limit``,
            ``overlap`` (skip, queue, cancel_previous, allow), ``paused``
    raises: InvalidInput for what cannot be read, AlreadyExists for a name that is taken
    """
    launch = {field: how.pop(field) for field in c.Launch.__struct_fields__ if field in how}
    texts = {key: str(value) for key, value in (params or {}).items()}
    request = c.CreateSchedule(name=name, cron=cron, launch=c.Launch(uri=uri, params=texts, **launch), **how)
    return Client().call(ops.CREATE_SCHEDULE, request)


def get(name: str) -> c.Schedule:
    """Get a schedule."""
    return Client().call(ops.GET_SCHEDULE, c.ScheduleName(name=name))


def list_schedules(limit: int = 100) -> list[c.Schedule]:
    """Return the first schedules by name."""
    return Client().call(ops.LIST_SCHEDULES, c.ListSchedules(limit=limit)).schedules


def update(name: str, **changes: Any) -> c.Schedule:
    """Change a schedule: cron, time_zone, catch_up, catch_up_limit, overlap, launch, paused."""
    return Client().call(ops.UPDATE_SCHEDULE, c.UpdateSchedule(name=name, **changes))


def pause(name: str) -> c.Schedule:
    """Have no more times come; what is running goes on."""
    return update(name, paused=True)


def resume(name: str) -> c.Schedule:
    """Have times come again from now on."""
    return update(name, paused=False)


def delete(name: str) -> None:
    """Delete a schedule with its history."""
    Client().call(ops.DELETE_SCHEDULE, c.ScheduleName(name=name))


def run_now(name: str) -> c.Tick:
    """Run a schedule's project now, also while it is paused."""
    return Client().call(ops.RUN_SCHEDULE, c.ScheduleName(name=name))


def list_history(name: str, limit: int = 100) -> list[c.Tick]:
    """Return a schedule's times and what became of them, newest first."""
    return Client().call(ops.LIST_TICKS, c.ListTicks(name=name, limit=limit)).ticks


def cancel(name: str, tick_id: str) -> c.Tick:
    """Have a time not run, or its run ended."""
    return Client().call(ops.CANCEL_TICK, c.CancelTick(name=name, tick_id=tick_id))
