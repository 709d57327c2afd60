"""Schedules, and what became of their times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from trackway.api.calls import EVERYTHING, Sight
from trackway.api.schedules import Launch, Schedule, Tick, TickState
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.search import among
from trackway.store.timetable import Claim, ScheduleRef, TickRef

_SCHEDULE = (
    "s.pk, s.schedule_id, s.name, s.cron, s.time_zone, s.catch_up, s.catch_up_limit, s.overlap, s.launch, s.paused,"
    " s.created_by, s.created_ms, s.updated_ms, s.next_ms"
)
_TICK = (
    "t.pk, t.tick_id, t.due_ms, t.manual, t.state, t.worker, t.run_id, t.error, t.cancel, t.created_ms, t.started_ms,"
    " t.ended_ms"
)
_decode_launch = msgspec.json.Decoder(Launch).decode
_BUSY = (
    "(SELECT 1 FROM schedule_ticks o WHERE o.schedule_pk = t.schedule_pk AND o.ended_ms IS NULL"
    " AND o.state IN ('claimed', 'running'))"
)
_UNCLAIMED = (
    "SELECT t.pk FROM schedule_ticks t JOIN schedules s ON s.pk = t.schedule_pk WHERE s.catch_up = 'none'"
    " AND s.paused = 0 AND t.state = 'queued' AND t.ended_ms IS NULL AND t.manual = 0 AND t.created_ms <= ?"
    f" AND NOT EXISTS {_BUSY}"
)


class ScheduleTable:
    """See ``store.timetable.Schedules``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def create(self, workspace: str, schedule: Schedule) -> bool:
        """Insert a schedule."""
        s = schedule
        made = self._db.returning(
            "INSERT INTO schedules (workspace, schedule_id, name, cron, time_zone, catch_up, catch_up_limit, overlap,"
            " launch, paused, created_by, created_ms, updated_ms, next_ms, turn)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING RETURNING pk",
            (
                workspace,
                s.schedule_id,
                s.name,
                s.cron,
                s.time_zone,
                s.catch_up,
                s.catch_up_limit,
                s.overlap,
                msgspec.json.encode(s.launch).decode(),
                int(s.paused),
                s.created_by,
                s.created_ms,
                s.updated_ms,
                s.next_ms,
            ),
        )
        return bool(made)

    def count(self, workspace: str) -> int:
        """Return how many schedules a workspace has."""
        row = self._db.one("SELECT COUNT(*) FROM schedules WHERE workspace = ?", (workspace,))
        assert row is not None
        return int(row[0])

    def find(self, workspace: str, name: str) -> ScheduleRef | None:
        """Return a schedule by its name."""
        row = self._db.one(
            f"SELECT {_SCHEDULE} FROM schedules s WHERE s.workspace = ? AND s.name = ?", (workspace, name)
        )
        return ScheduleRef(row[0], _schedule(row)) if row else None

    def list_schedules(self, workspace: str, limit: int, after: str, sees: Sight = EVERYTHING) -> list[Schedule]:
        """Return the schedules that are seen, by name."""
        where, params = "s.workspace = ? AND s.name > ?", [workspace, after]
        if sees.schedules is not None:
            seen = among(self._db, "s.pk", sees.schedules)
            where, params = f"{where} AND {seen.text}", [*params, *seen.params]
        rows = self._db.all(
            f"SELECT {_SCHEDULE} FROM schedules s WHERE {where} ORDER BY s.name LIMIT ?", (*params, limit)
        )
        return [_schedule(row) for row in rows]

    def update(self, pk: int, schedule: Schedule) -> None:
        """Replace what is kept of a schedule."""
        s = schedule
        self._db.run(
            "UPDATE schedules SET cron = ?, time_zone = ?, catch_up = ?, catch_up_limit = ?, overlap = ?, launch = ?,"
            " paused = ?, updated_ms = ?, next_ms = ? WHERE pk = ?",
            (
                s.cron,
                s.time_zone,
                s.catch_up,
                s.catch_up_limit,
                s.overlap,
                msgspec.json.encode(s.launch).decode(),
                int(s.paused),
                s.updated_ms,
                s.next_ms,
                pk,
            ),
        )

    def delete(self, pk: int) -> None:
        """Remove a schedule with its times."""
        self._db.run("DELETE FROM schedule_ticks WHERE schedule_pk = ?", (pk,))
        self._db.run("DELETE FROM schedules WHERE pk = ?", (pk,))

    def list_due(self, now_ms: int, limit: int) -> list[ScheduleRef]:
        """Return the schedules whose next time has come, but for those of archived workspaces."""
        rows = self._db.all(
            f"SELECT {_SCHEDULE} FROM schedules s WHERE s.next_ms <= ? AND NOT EXISTS"
            " (SELECT 1 FROM workspaces w WHERE w.key = s.workspace AND w.archived_ms IS NOT NULL)"
            " ORDER BY s.next_ms, s.pk LIMIT ?",
            (now_ms, limit),
        )
        return [ScheduleRef(row[0], _schedule(row)) for row in rows]

    def advance(self, pk: int, from_ms: int, next_ms: int | None) -> bool:
        """Set a schedule's next time, once."""
        sql = "UPDATE schedules SET next_ms = ? WHERE pk = ? AND next_ms = ?"
        return self._db.run(sql, (next_ms, pk, from_ms)) == 1

    def lock(self, pk: int) -> None:
        """Have whoever locks the same schedule wait."""
        self._db.run("UPDATE schedules SET turn = turn + 1 WHERE pk = ?", (pk,))

    def add_tick(self, pk: int, tick: Tick) -> None:
        """Insert a time; one that came already, before the clock was put back, is not there twice."""
        t = tick
        self._db.run(
            "INSERT INTO schedule_ticks (schedule_pk, tick_id, due_ms, manual, state, holder, worker, run_id, error,"
            " cancel, created_ms, started_ms, ended_ms) VALUES (?, ?, ?, ?, ?, '', '', '', ?, 0, ?, NULL, ?)"
            " ON CONFLICT DO NOTHING",
            (pk, t.tick_id, t.due_ms, int(t.manual), t.state, t.error, t.created_ms, t.ended_ms),
        )

    def count_ticks(self, pk: int, states: Sequence[TickState]) -> int:
        """Return how many times are open and in one of some states."""
        marks = ", ".join("?" * len(states))
        row = self._db.one(
            f"SELECT COUNT(*) FROM schedule_ticks WHERE schedule_pk = ? AND ended_ms IS NULL AND state IN ({marks})",
            (pk, *states),
        )
        assert row is not None
        return int(row[0])

    def stop_others(self, pk: int, now_ms: int, reason: str) -> None:
        """Cancel what waits, and ask that what a worker has is ended."""
        self._db.run(
            "UPDATE schedule_ticks SET state = 'cancelled', error = ?, ended_ms = ?"
            " WHERE schedule_pk = ? AND ended_ms IS NULL AND state = 'queued'",
            (reason, now_ms, pk),
        )
        self._db.run(
            "UPDATE schedule_ticks SET cancel = 1, error = ? WHERE schedule_pk = ? AND ended_ms IS NULL", (reason, pk)
        )

    def find_tick(self, workspace: str, tick_id: str, schedule_pk: int | None = None) -> TickRef | None:
        """Return a time of a workspace."""
        where, params = (" AND s.pk = ?", [schedule_pk]) if schedule_pk is not None else ("", [])
        row = self._db.one(
            f"SELECT {_TICK}, t.holder, t.lease_until_ms FROM schedule_ticks t"
            f" JOIN schedules s ON s.pk = t.schedule_pk WHERE t.tick_id = ? AND s.workspace = ?{where}",
            (tick_id, workspace, *params),
        )
        return TickRef(row[0], row[12], row[13], _tick(row)) if row else None

    def list_ticks(self, pk: int, state: TickState | None, limit: int, before: int) -> list[tuple[int, Tick]]:
        """Return numbered times, newest first."""
        where, params = ("AND t.state = ?", [state]) if state else ("", [])
        rows = self._db.all(
            f"SELECT {_TICK} FROM schedule_ticks t WHERE t.schedule_pk = ? AND t.pk < ? {where}"
            " ORDER BY t.pk DESC LIMIT ?",
            (pk, before, *params, limit),
        )
        return [(row[0], _tick(row)) for row in rows]

    def find_claimable(self, workspace: str) -> tuple[int, int] | None:
        """Return the numbers of the schedule and of the time that has waited longest and may begin."""
        row = self._db.one(
            "SELECT s.pk, t.pk FROM schedules s JOIN schedule_ticks t ON t.schedule_pk = s.pk"
            " WHERE s.workspace = ? AND t.ended_ms IS NULL AND t.state = 'queued' AND (s.paused = 0 OR t.manual = 1)"
            f" AND (s.overlap = 'allow' OR NOT EXISTS {_BUSY}) ORDER BY t.due_ms, t.pk LIMIT 1",
            (workspace,),
        )
        return (row[0], row[1]) if row else None

    def claim(self, tick_pk: int, claim: Claim) -> bool:
        """Take a time."""
        taken = self._db.run(
            "UPDATE schedule_ticks SET state = 'claimed', holder = ?, worker = ?, lease_until_ms = ?"
            " WHERE pk = ? AND pk IN (SELECT t.pk FROM schedule_ticks t JOIN schedules s ON s.pk = t.schedule_pk"
            " WHERE t.pk = ? AND t.state = 'queued' AND t.ended_ms IS NULL AND (s.paused = 0 OR t.manual = 1)"
            f" AND (s.overlap = 'allow' OR NOT EXISTS {_BUSY}))",
            (claim.holder, claim.worker, claim.until_ms, tick_pk, tick_pk),
        )
        return taken == 1

    def get_claimed(self, tick_pk: int) -> tuple[Schedule, Tick]:
        """Return a time and its schedule."""
        row = self._db.known(
            f"SELECT {_SCHEDULE}, {_TICK} FROM schedule_ticks t JOIN schedules s ON s.pk = t.schedule_pk"
            " WHERE t.pk = ?",
            (tick_pk,),
        )
        return _schedule(row), _tick(row[14:])

    def update_tick(self, tick_pk: int, fields: Mapping[str, object]) -> None:
        """Set columns."""
        columns = ", ".join(f"{name} = ?" for name in fields)
        self._db.run(f"UPDATE schedule_ticks SET {columns} WHERE pk = ?", (*fields.values(), tick_pk))

    def has_stale(self, now_ms: int, unclaimed_before_ms: int) -> bool:
        """Tell whether there is anything to give up."""
        silent = self._db.one("SELECT 1 FROM schedule_ticks WHERE ended_ms IS NULL AND lease_until_ms <= ?", (now_ms,))
        return silent is not None or self._db.one(_UNCLAIMED, (unclaimed_before_ms,)) is not None

    def give_up(self, now_ms: int, unclaimed_before_ms: int) -> int:
        """Mark what is lost or missed, and give back what was not begun."""
        silent = "ended_ms IS NULL AND lease_until_ms <= ?"
        given = self._db.run(
            "UPDATE schedule_ticks SET state = 'queued', holder = '', worker = '', lease_until_ms = NULL"
            f" WHERE {silent} AND state = 'claimed' AND cancel = 0",
            (now_ms,),
        )
        lost = self._db.run(
            "UPDATE schedule_ticks SET state = CASE WHEN state = 'claimed' THEN 'cancelled' ELSE 'lost' END,"
            " error = CASE WHEN error = '' THEN 'the worker fell silent' ELSE error END, ended_ms = ?,"
            f" lease_until_ms = NULL WHERE {silent}",
            (now_ms, now_ms),
        )
        missed = self._db.run(
            "UPDATE schedule_ticks SET state = 'missed', error = 'no worker took it in time', ended_ms = ? WHERE pk IN"
            f" ({_UNCLAIMED})",
            (now_ms, unclaimed_before_ms),
        )
        return given + lost + missed

    def forget(self, before_ms: int, limit: int) -> int:
        """Delete times that have ended."""
        return self._db.run(
            "DELETE FROM schedule_ticks WHERE pk IN (SELECT pk FROM schedule_ticks"
            " WHERE ended_ms IS NOT NULL AND created_ms < ? LIMIT ?)",
            (before_ms, limit),
        )


def _schedule(row: Row) -> Schedule:
    return Schedule(
        schedule_id=row[1],
        name=row[2],
        cron=row[3],
        time_zone=row[4],
        catch_up=row[5],
        catch_up_limit=row[6],
        overlap=row[7],
        launch=_decode_launch(row[8]),
        paused=bool(row[9]),
        created_by=row[10],
        created_ms=row[11],
        updated_ms=row[12],
        next_ms=row[13],
    )


def _tick(row: Row) -> Tick:
    return Tick(
        tick_id=row[1],
        due_ms=row[2],
        manual=bool(row[3]),
        state=row[4],
        worker=row[5],
        run_id=row[6],
        error=row[7],
        cancel=bool(row[8]),
        created_ms=row[9],
        started_ms=row[10],
        ended_ms=row[11],
    )
