"""The tables of schedules; see ``store.sql.schema``."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint, text

from trackway.store.sql.columns import integer, make_table, serial, string

schedules = make_table(
    "schedules",
    serial(),
    string("workspace"),
    string("schedule_id"),
    string("name"),
    string("cron"),
    string("time_zone"),
    string("catch_up"),
    integer("catch_up_limit"),
    string("overlap"),
    string("launch"),
    integer("paused"),
    string("created_by"),
    integer("created_ms"),
    integer("updated_ms"),
    integer("next_ms", nullable=True),
    integer("turn"),
    UniqueConstraint("workspace", "name", name="uq_schedules_name"),
    ids=True,
)
"""``next_ms`` is NULL while it is paused; ``turn`` counts how often a row was locked, and means nothing else."""
Index(
    "ix_schedules_next",
    schedules.c.next_ms,
    sqlite_where=text("next_ms IS NOT NULL"),
    postgresql_where=text("next_ms IS NOT NULL"),
)

schedule_ticks = make_table(
    "schedule_ticks",
    serial(),
    integer("schedule_pk"),
    string("tick_id"),
    integer("due_ms"),
    integer("manual"),
    string("state"),
    string("holder"),
    string("worker"),
    integer("lease_until_ms", nullable=True),
    string("run_id"),
    string("error"),
    integer("cancel"),
    integer("created_ms"),
    integer("started_ms", nullable=True),
    integer("ended_ms", nullable=True),
    UniqueConstraint("tick_id", name="uq_schedule_ticks_id"),
    ids=True,
)
"""One row for each time that came, whatever became of it."""
Index("ix_schedule_ticks_schedule", schedule_ticks.c.schedule_pk, schedule_ticks.c.pk)
Index(
    "ix_schedule_ticks_once",
    schedule_ticks.c.schedule_pk,
    schedule_ticks.c.due_ms,
    unique=True,
    sqlite_where=text("manual = 0"),
    postgresql_where=text("manual = 0"),
)
Index(
    "ix_schedule_ticks_open",
    schedule_ticks.c.schedule_pk,
    schedule_ticks.c.due_ms,
    sqlite_where=text("ended_ms IS NULL"),
    postgresql_where=text("ended_ms IS NULL"),
)
Index(
    "ix_schedule_ticks_ended",
    schedule_ticks.c.created_ms,
    sqlite_where=text("ended_ms IS NOT NULL"),
    postgresql_where=text("ended_ms IS NOT NULL"),
)

TABLES = (schedules, schedule_ticks)
