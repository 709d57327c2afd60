"""Schedules: projects that run by the clock, and what became of each of their times."""

from __future__ import annotations

from typing import Final, Literal, get_args

from trackway.api.structs import Request, Response

CatchUp = Literal["none", "last", "all"]
"""What becomes of times that passed while nobody was looking: nothing, the last of them runs, or all of them."""
Overlap = Literal["skip", "queue", "cancel_previous", "allow"]
"""What becomes of a time that comes while an earlier one has not ended."""
TickState = Literal["queued", "claimed", "running", "finished", "failed", "lost", "cancelled", "skipped", "missed"]
"""``claimed``: a worker has it and has begun nothing. ``lost``: its worker fell silent. ``skipped``: an earlier one had
not ended. ``missed``: it passed while nobody was looking, or no worker took it."""
TICK_STATES: Final[tuple[str, ...]] = get_args(TickState)
TickOutcome = Literal["finished", "failed", "cancelled"]
OPEN: Final[tuple[TickState, ...]] = ("queued", "claimed", "running")

TAG_SCHEDULE: Final = "trackway.schedule"
"""Tag of a run: name of the schedule that it was started by."""
TAG_SCHEDULE_TIME: Final = "trackway.schedule.time"
"""Tag of a run: the time that it was started for, as ISO 8601 in UTC."""


class Launch(Response, frozen=True, kw_only=True):
    """What to run: a project, as ``trackway run`` takes it. What is empty is left to that command."""

    uri: str
    version: str = ""
    entry_point: str = "main"
    params: dict[str, str] = {}
    experiment: str = ""
    backend: str = ""
    backend_config: str = ""
    env_manager: str = ""


class Schedule(Response, frozen=True, kw_only=True):
    """A project that runs by the clock.

    cron:      five fields, or ``@daily`` and its like
    time_zone: name of the IANA data base
    next_ms:   when it runs next; None while it is paused
    """

    schedule_id: str
    name: str
    cron: str
    time_zone: str
    catch_up: CatchUp
    catch_up_limit: int
    overlap: Overlap
    launch: Launch
    paused: bool
    created_by: str
    created_ms: int
    updated_ms: int
    next_ms: int | None


class Tick(Response, frozen=True, kw_only=True):
    """One time of a schedule, and what became of it.

    manual:  somebody asked for it, the clock did not
    worker:  who took it
    run_id:  the run that was started for it
    error:   why it was not, or how it ended
    cancel:  it is to be ended
    """

    tick_id: str
    due_ms: int
    manual: bool
    state: TickState
    worker: str
    run_id: str
    error: str
    cancel: bool
    created_ms: int
    started_ms: int | None
    ended_ms: int | None


class CreateSchedule(Request, frozen=True, kw_only=True):
    """Run a project by the clock.

    name:           unique in the workspace
    catch_up_limit: most times that ``all`` catches up with, the newest
    """

    name: str
    cron: str
    launch: Launch
    time_zone: str = "UTC"
    catch_up: CatchUp = "none"
    catch_up_limit: int = 10
    overlap: Overlap = "skip"
    paused: bool = False


class ScheduleName(Request, frozen=True, kw_only=True):
    """Name one schedule."""

    name: str


class ListSchedules(Request, frozen=True, kw_only=True):
    """List schedules by name."""

    limit: int = 100
    page_token: str = ""


class SchedulePage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    schedules: list[Schedule]
    next_page_token: str = ""


class UpdateSchedule(Request, frozen=True, kw_only=True):
    """Change a schedule; what is None stays. Times that passed while it was paused are not caught up with."""

    name: str
    cron: str | None = None
    time_zone: str | None = None
    catch_up: CatchUp | None = None
    catch_up_limit: int | None = None
    overlap: Overlap | None = None
    launch: Launch | None = None
    paused: bool | None = None


class ListTicks(Request, frozen=True, kw_only=True):
    """List the times of a schedule and what became of them, newest first."""

    name: str
    state: TickState | None = None
    limit: int = 100
    page_token: str = ""


class TickPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    ticks: list[Tick]
    next_page_token: str = ""


class CancelTick(Request, frozen=True, kw_only=True):
    """Have a time of a schedule not run, or its run ended."""

    name: str
    tick_id: str


class ClaimTick(Request, frozen=True, kw_only=True):
    """Take the time that has waited longest, to run it.

    holder:   id of the worker's own, which it reports with
    worker:   what histories call it
    lease_ms: it is lost when the worker reports nothing for so long
    """

    holder: str
    worker: str
    lease_ms: int = 60_000


class ClaimedTick(Response, frozen=True, kw_only=True):
    """What was taken: nothing when ``tick`` is None."""

    schedule: str = ""
    tick: Tick | None = None
    launch: Launch | None = None


class ReportTick(Request, frozen=True, kw_only=True):
    """Say how a time that one has taken is going: running (again and again, which keeps it), or how it ended."""

    tick_id: str
    holder: str
    state: Literal["running", TickOutcome]
    run_id: str = ""
    error: str = ""
    lease_ms: int = 60_000
