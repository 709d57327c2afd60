"""The rules of schedules, and what workers ask and tell."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import schedules as c
from trackway.api.calls import Call
from trackway.api.trash import Trashed
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from trackway.base.ids import new_id
from trackway.rules.checks import check_new_id, check_page, check_params, check_text
from trackway.rules.handlers import Handlers
from trackway.rules.tokens import decode_token, encode_token
from trackway.scheduling.cron import open_timetable
from trackway.store.base import Transaction
from trackway.store.timetable import Claim, ScheduleRef, TickRef
from trackway.store.trash import Deleted

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_ENTRY = re.compile(r"[^-\x00].*", re.DOTALL)
_CHANGES = ("cron", "time_zone", "catch_up", "catch_up_limit", "overlap", "launch", "paused")


class ScheduleService:
    """Handlers of the operations on schedules."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.CREATE_SCHEDULE: self.create,
            ops.GET_SCHEDULE: self.get,
            ops.LIST_SCHEDULES: self.list_schedules,
            ops.UPDATE_SCHEDULE: self.update,
            ops.DELETE_SCHEDULE: self.delete,
            ops.RUN_SCHEDULE: self.run_now,
            ops.LIST_TICKS: self.list_ticks,
            ops.CANCEL_TICK: self.cancel,
            ops.CLAIM_TICK: self.claim,
            ops.REPORT_TICK: self.report,
        }

    def create(self, tx: Transaction, call: Call, q: c.CreateSchedule) -> c.Schedule:
        """Run a project by the clock."""
        schedule = c.Schedule(
            schedule_id=new_id(),
            created_by=call.actor.label,
            created_ms=call.now_ms,
            updated_ms=call.now_ms,
            next_ms=None,
            **{field: getattr(q, field) for field in q.__struct_fields__},
        )
        schedule = _check(schedule, call.now_ms)
        _check_room(tx, call)
        if not tx.schedules.create(call.workspace, schedule):
            raise AlreadyExists(f"There is a schedule {q.name!r} already", hint="update or delete it")
        return schedule

    def get(self, tx: Transaction, call: Call, q: c.ScheduleName) -> c.Schedule:
        """Get a schedule."""
        return _find(tx, call, q.name).schedule

    def list_schedules(self, tx: Transaction, call: Call, q: c.ListSchedules) -> c.SchedulePage:
        """List schedules by name."""
        check_page(q.limit, limits.SEARCH_PAGE)
        after = decode_token(call, "schedules", q.page_token) or [""]
        if len(after) != 1 or not isinstance(after[0], str):
            raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
        found = tx.schedules.list_schedules(call.workspace, q.limit + 1, after[0], call.sees)
        last = [found[q.limit - 1].name] if len(found) > q.limit else None
        return c.SchedulePage(schedules=found[: q.limit], next_page_token=encode_token(call, "schedules", last))

    def update(self, tx: Transaction, call: Call, q: c.UpdateSchedule) -> c.Schedule:
        """Change a schedule; its next time is counted from now when times changed."""
        ref = _find(tx, call, q.name)
        changed = {field: getattr(q, field) for field in _CHANGES if getattr(q, field) is not None}
        schedule = msgspec.structs.replace(ref.schedule, **changed, updated_ms=call.now_ms)
        schedule = _check(schedule, call.now_ms, keep_next=not {"cron", "time_zone", "paused"} & changed.keys())
        tx.schedules.update(ref.pk, schedule)
        return schedule

    def delete(self, tx: Transaction, call: Call, q: c.ScheduleName) -> Trashed:
        """Move a schedule to the trash; a worker that runs it finds that out and ends what it runs."""
        ref = _find(tx, call, q.name)
        trashed = tx.trash.keep(call, Deleted("schedule", q.name, ref.pk))
        tx.schedules.delete(ref.pk)
        return trashed

    def resume(self, tx: Transaction, call: Call, what: Deleted) -> None:
        """Have a schedule that is back from the trash come next from now on: what passed meanwhile was not wanted."""
        _check_room(tx, call, taken=1)
        ref = _find(tx, call, what.name)
        tx.schedules.update(ref.pk, _check(ref.schedule, call.now_ms))

    def run_now(self, tx: Transaction, call: Call, q: c.ScheduleName) -> c.Tick:
        """Queue a time of now, whatever else is under way; the overlap policy says when it begins."""
        ref = _find(tx, call, q.name)
        tx.schedules.lock(ref.pk)
        if tx.schedules.count_ticks(ref.pk, ("queued",)) >= limits.SCHEDULE_QUEUE:
            raise Conflict(f"{limits.SCHEDULE_QUEUE:,} times of {q.name!r} wait already", hint="start more workers")
        if ref.schedule.overlap == "cancel_previous":
            tx.schedules.stop_others(ref.pk, call.now_ms, f"{call.actor.label} asked for another run")
        tick = make_tick(call.now_ms, call.now_ms, "queued", manual=True)
        tx.schedules.add_tick(ref.pk, tick)
        return tick

    def list_ticks(self, tx: Transaction, call: Call, q: c.ListTicks) -> c.TickPage:
        """List times, newest first."""
        check_page(q.limit, limits.SEARCH_PAGE)
        pk = _find(tx, call, q.name).pk
        query = ("ticks", pk, q.state)
        after = decode_token(call, query, q.page_token) or [limits.INT64_MAX]
        if len(after) != 1 or not isinstance(after[0], int):
            raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
        found = tx.schedules.list_ticks(pk, q.state, q.limit + 1, after[0])
        last = [found[q.limit - 1][0]] if len(found) > q.limit else None
        return c.TickPage(ticks=[tick for _, tick in found[: q.limit]], next_page_token=encode_token(call, query, last))

    def cancel(self, tx: Transaction, call: Call, q: c.CancelTick) -> c.Tick:
        """Have a time not run; what runs is ended by its worker, which says so when it is done."""
        found = tx.schedules.find_tick(call.workspace, q.tick_id, _find(tx, call, q.name).pk)
        if found is None:
            raise _no_tick(q.tick_id)
        if found.tick.state not in c.OPEN:
            raise Conflict(f"This time has ended: it is {found.tick.state}")
        reason = f"cancelled by {call.actor.label}"
        if found.tick.state == "queued":
            return _change(tx, found, state="cancelled", error=reason, ended_ms=call.now_ms)
        return _change(tx, found, cancel=True, error=reason)

    def claim(self, tx: Transaction, call: Call, q: c.ClaimTick) -> c.ClaimedTick:
        """Take the time that has waited longest; several workers that ask at once get different ones."""
        check_new_id("holder", q.holder)
        check_text("The worker", q.worker, limits.SCHEDULE_NAME_CHARS)
        claim = Claim(q.holder, q.worker, call.now_ms, call.now_ms + _check_lease(q.lease_ms))
        while True:
            found = tx.schedules.find_claimable(call.workspace)
            if found is None:
                return c.ClaimedTick()
            schedule_pk, tick_pk = found
            tx.schedules.lock(schedule_pk)
            if tx.schedules.claim(tick_pk, claim):
                schedule, tick = tx.schedules.get_claimed(tick_pk)
                return c.ClaimedTick(schedule=schedule.name, tick=tick, launch=schedule.launch)

    def report(self, tx: Transaction, call: Call, q: c.ReportTick) -> c.Tick:
        """Keep how a time is going; only who has it may say so.

        raises: NotFound when its schedule was deleted, Conflict when it is somebody else's by now or has ended
        """
        found = tx.schedules.find_tick(call.workspace, q.tick_id)
        if found is None:
            raise _no_tick(q.tick_id)
        if found.holder != q.holder or found.tick.state not in ("claimed", "running"):
            raise Conflict(f"This time is {found.tick.state} and not this worker's", hint="end what was started for it")
        check_text("The error", q.error, limits.COMMENT_CHARS)
        check_text("The run", q.run_id, limits.SCHEDULE_NAME_CHARS)
        fields: dict[str, Any] = {"run_id": q.run_id or found.tick.run_id}
        if q.state != "running":
            error = found.tick.error or q.error
            return _change(tx, found, state=q.state, error=error, ended_ms=call.now_ms, **fields)
        tx.schedules.update_tick(found.pk, {"lease_until_ms": call.now_ms + _check_lease(q.lease_ms)})
        started_ms = call.now_ms if found.tick.started_ms is None else found.tick.started_ms
        return _change(tx, found, state="running", started_ms=started_ms, **fields)


def make_tick(due_ms: int, now_ms: int, state: c.TickState, manual: bool = False, error: str = "") -> c.Tick:
    """Return a new time of a schedule."""
    return c.Tick(
        tick_id=new_id(),
        due_ms=due_ms,
        manual=manual,
        state=state,
        worker="",
        run_id="",
        error=error,
        cancel=False,
        created_ms=now_ms,
        started_ms=None,
        ended_ms=None if state in c.OPEN else now_ms,
    )


def _check(schedule: c.Schedule, now_ms: int, keep_next: bool = False) -> c.Schedule:
    """Check a schedule as it is to be, and return it with its next time."""
    if len(schedule.name) > limits.SCHEDULE_NAME_CHARS or not _NAME.fullmatch(schedule.name):
        raise InvalidInput(
            f"Invalid schedule name {schedule.name[:80]!r}",
            hint=f"1 to {limits.SCHEDULE_NAME_CHARS} letters, digits, dots, underscores and dashes,"
            " with a letter or digit at both ends",
        )
    if not 1 <= schedule.catch_up_limit <= limits.SCHEDULE_QUEUE:
        raise InvalidInput(f"Invalid catch-up limit {schedule.catch_up_limit}", hint=f"1 to {limits.SCHEDULE_QUEUE:,}")
    timetable = open_timetable(schedule.cron, schedule.time_zone)
    _check_launch(schedule.launch)
    if keep_next:
        return schedule
    next_ms = None if schedule.paused else timetable.find_next(now_ms)
    return msgspec.structs.replace(schedule, next_ms=next_ms)


def _check_launch(launch: c.Launch) -> None:
    for what in ("uri", "version", "entry_point", "experiment", "backend", "backend_config", "env_manager"):
        value = getattr(launch, what)
        check_text(f"The {what}", value, limits.LOCATION_CHARS)
        if value and not _ENTRY.fullmatch(value):
            raise InvalidInput(f"Invalid {what} {value[:80]!r}", hint="it must not begin with a dash")
    if not launch.uri.strip() or not launch.entry_point.strip():
        raise InvalidInput("A schedule needs a project and an entry point", hint="name a folder or a git address")
    check_params(launch.params)
    for key in launch.params:
        if key.startswith("-") or "=" in key:
            raise InvalidInput(f"Invalid param {key[:80]!r}", hint="no dash at its beginning, and no =")


def _check_lease(lease_ms: int) -> int:
    if not 1_000 <= lease_ms <= limits.SCHEDULE_LEASE_MS:
        raise InvalidInput(f"Invalid lease of {lease_ms} ms", hint=f"1,000 to {limits.SCHEDULE_LEASE_MS:,}")
    return lease_ms


def _change(tx: Transaction, found: TickRef, **fields: Any) -> c.Tick:
    columns = {name: int(value) if isinstance(value, bool) else value for name, value in fields.items()}
    if fields.get("ended_ms") is not None:
        columns["lease_until_ms"] = None
    tx.schedules.update_tick(found.pk, columns)
    return msgspec.structs.replace(found.tick, **fields)


def _check_room(tx: Transaction, call: Call, taken: int = 0) -> None:
    """Check that there may be one more, or that ``taken`` is not one too many."""
    if tx.schedules.count(call.workspace) - taken >= limits.SCHEDULES:
        raise Conflict(f"There are {limits.SCHEDULES:,} schedules, which is the most", hint="delete one")


def _find(tx: Transaction, call: Call, name: str) -> ScheduleRef:
    found = tx.schedules.find(call.workspace, name)
    if found is None:
        raise NotFound(f"Schedule {name[:80]!r} not found")
    return found


def _no_tick(tick_id: str) -> NotFound:
    return NotFound(f"There is no time {tick_id[:64]!r}", hint="old ones are deleted after 90 days")
