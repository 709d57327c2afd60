"""What a store keeps of schedules: what is to run when, and what became of each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from trackway.api.calls import EVERYTHING, Sight
from trackway.api.schedules import Schedule, Tick, TickState


class ScheduleRef(NamedTuple):
    """A schedule and its number in the store."""

    pk: int
    schedule: Schedule


class TickRef(NamedTuple):
    """A time of a schedule, its number in the store, and who has it."""

    pk: int
    holder: str
    lease_until_ms: int | None
    tick: Tick


class Claim(NamedTuple):
    """Who takes a time: an id, a name for histories, and until when it is not lost."""

    holder: str
    worker: str
    now_ms: int
    until_ms: int


class Schedules(Protocol):
    """Schedules, and their times."""

    def create(self, workspace: str, schedule: Schedule) -> bool:
        """Insert a schedule; False when the name is taken."""

    def count(self, workspace: str) -> int: ...
    def find(self, workspace: str, name: str) -> ScheduleRef | None: ...
    def list_schedules(self, workspace: str, limit: int, after: str, sees: Sight = EVERYTHING) -> list[Schedule]: ...
    def update(self, pk: int, schedule: Schedule) -> None: ...
    def delete(self, pk: int) -> None: ...
    def list_due(self, now_ms: int, limit: int) -> list[ScheduleRef]:
        """Return the schedules whose next time has come, the oldest first."""

    def advance(self, pk: int, from_ms: int, next_ms: int | None) -> bool:
        """Set a schedule's next time; False, and nothing done, when it is not ``from_ms`` any more."""

    def lock(self, pk: int) -> None:
        """Have whoever locks the same schedule wait until this transaction ends."""

    def add_tick(self, pk: int, tick: Tick) -> None: ...
    def count_ticks(self, pk: int, states: Sequence[TickState]) -> int: ...
    def stop_others(self, pk: int, now_ms: int, reason: str) -> None:
        """Cancel what waits, and ask that what a worker has is ended."""

    def find_tick(self, workspace: str, tick_id: str, schedule_pk: int | None = None) -> TickRef | None: ...
    def list_ticks(self, pk: int, state: TickState | None, limit: int, before: int) -> list[tuple[int, Tick]]:
        """Return numbered times, newest first."""

    def find_claimable(self, workspace: str) -> tuple[int, int] | None:
        """Return the numbers of the schedule and of the time that has waited longest and may begin."""

    def claim(self, tick_pk: int, claim: Claim) -> bool:
        """Take a time; False when it may not begin any more. The schedule must be locked."""

    def get_claimed(self, tick_pk: int) -> tuple[Schedule, Tick]: ...
    def update_tick(self, tick_pk: int, fields: Mapping[str, object]) -> None:
        """Set columns: state, run_id, error, cancel, lease_until_ms, started_ms, ended_ms."""

    def has_stale(self, now_ms: int, unclaimed_before_ms: int) -> bool:
        """Tell whether there is anything to give up; see ``give_up``."""

    def give_up(self, now_ms: int, unclaimed_before_ms: int) -> int:
        """Mark as lost what silent workers ran, and give back what they had not begun; return how many.

        What is of a schedule that catches up with nothing, and has waited for a worker since before a time, is missed.
        """

    def forget(self, before_ms: int, limit: int) -> int:
        """Delete times that have ended and were made before a time; return how many."""
