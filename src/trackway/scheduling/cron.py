"""Cron expressions: five fields (minute, hour, day, month, weekday), read in a time zone.

Which times an expression names on a day when clocks change:

- With hours that are named (``30 2 * * *``), each time comes once. One that the clocks jump over comes when they have
  jumped; one that they show twice comes at the first.
- With ``*`` or ``*/n`` hours, times follow one another evenly: what is jumped over does not come, what is shown twice
  comes twice.

Days: when day and weekday are both restricted, either is enough, as cron has always had it.
"""

from __future__ import annotations

import calendar
import datetime as dt
import zoneinfo
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from trackway.base.errors import InvalidInput

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MOST_CHARS = 1_000
HORIZON_DAYS = 366 * 9
"""A 29th of February comes within 8 years, also around the year 2100."""


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = tuple(name.lower() for name in calendar.month_abbr[1:])
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)


class Cron(NamedTuple):
    """An expression that was read; each field's values rise. ``weekdays`` counts from Sunday, which is 0."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    even: bool
    """Hours are not named: times follow one another evenly when clocks change."""
    either: bool
    """Day and weekday are both restricted."""

    def holds(self, day: dt.date) -> bool:
        """Tell whether the expression names times on a day."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.either else in_month and in_week


class Timetable:
    """The times of an expression in a time zone; times are ms since 1970 UTC.

    raises: InvalidInput for an expression or a time zone that cannot be read, and for times that never come
    cost:   of a day's times about 1 ms when it has 1,440, once
    """

    def __init__(self, expression: str, time_zone: str) -> None:
        self._cron = read_cron(expression)
        self._zone = find_zone(time_zone)
        if not any(map(self._cron.holds, _list_days())):
            raise InvalidInput(f"The times of {expression!r} never come", hint="no month named has such a day")

    def find_next(self, after_ms: int) -> int | None:
        """Return the first time after another; None when there is none in the calendar."""
        return next(self.list_times(after_ms), None)

    def list_times(self, after_ms: int) -> Iterator[int]:
        """Yield the times after another, in order, while there are any within nine years of the last."""
        moment = dt.datetime.fromtimestamp(after_ms / 1000, self._zone)
        day, idle = moment.date() - dt.timedelta(days=1), 0
        while idle <= HORIZON_DAYS and day.year < dt.MAXYEAR:
            if self._cron.holds(day):
                for time_ms in _list_day(self._cron, self._zone, day):
                    if time_ms > after_ms:
                        after_ms, idle = time_ms, 0
                        yield time_ms
            day, idle = day + dt.timedelta(days=1), idle + 1


@lru_cache(maxsize=1_000)
def open_timetable(expression: str, time_zone: str) -> Timetable:
    """Return the timetable of an expression, which is read once; see ``Timetable``."""
    return Timetable(expression, time_zone)


def find_zone(name: str) -> zoneinfo.ZoneInfo:
    """Return a time zone.

    raises: InvalidInput for one that is not known here
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"Unknown time zone {name[:80]!r}",
            hint="a name of the IANA data base, such as Europe/Paris or UTC; where the system has none of it,"
            " pip install tzdata",
        ) from None


def read_cron(expression: str) -> Cron:
    """Read an expression: five fields of ``*``, numbers, names, ranges, steps and lists; or ``@daily`` and its like.

    raises: InvalidInput naming the field, what is wrong with it and what is allowed
    """
    if len(expression) > MOST_CHARS:
        raise InvalidInput(f"A cron expression of {len(expression)} characters; at most {MOST_CHARS} are allowed")
    text = expression.strip().lower()
    if text.startswith("@"):
        if text not in MACROS:
            raise InvalidInput(f"Unknown cron expression {text[:40]!r}", hint=f"one of {', '.join(MACROS)}")
        text = MACROS[text]
    words = text.split()
    if len(words) != len(_FIELDS):
        raise InvalidInput(
            f"The cron expression {expression[:80]!r} has {len(words)} fields",
            hint="five: minute hour day month weekday, such as 0 6 * * mon-fri; or @daily",
        )
    minutes, hours, days, months, weekdays = map(_read_field, _FIELDS, words)
    return Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(number % 7 for number in weekdays),
        even=words[1].startswith("*"),
        either=not words[2].startswith("*") and not words[4].startswith("*"),
    )


def _read_field(field: _Field, word: str) -> set[int]:
    numbers: set[int] = set()
    for part in word.split(","):
        span, slash, step = part.partition("/")
        width = 1
        if slash:
            if not (step.isascii() and step.isdigit() and len(step) <= 2 and 0 < int(step) <= field.high):
                raise _refuse(field, part, f"the step must be 1 to {field.high}")
            width = int(step)
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = field.low, min(field.high, 6) if field.names == _WEEKDAYS else field.high
        elif dash:
            low, high = _read_number(field, first, part), _read_number(field, last, part)
            if field.names == _WEEKDAYS and high == 0 < low:
                high = 7  # sat-sun
        else:
            low = _read_number(field, first, part)
            high = field.high if slash else low
        if low > high:
            raise _refuse(field, part, "a range rises; write two, divided by a comma")
        numbers.update(range(low, high + 1, width))
    return numbers


def _read_number(field: _Field, text: str, part: str) -> int:
    if text in field.names:
        return field.names.index(text) + (0 if field.low == 0 else 1)
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and field.low <= int(text) <= field.high):
        names = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
        raise _refuse(field, part, f"{field.low} to {field.high}{names}, *, ranges (1-5), steps (*/2), lists (1,3)")
    return int(text)


def _refuse(field: _Field, part: str, allowed: str) -> InvalidInput:
    return InvalidInput(f"The {field.name} {part[:40]!r} of the cron expression cannot be read", hint=allowed)


@lru_cache(maxsize=1)
def _list_days() -> Sequence[dt.date]:
    """Return the days of nine years, with a 29th of February."""
    first = dt.date(2096, 1, 1)
    return [first + dt.timedelta(days=number) for number in range(HORIZON_DAYS)]


@lru_cache(maxsize=4_096)
def _list_day(cron: Cron, zone: zoneinfo.ZoneInfo, day: dt.date) -> Sequence[int]:
    """Return the times of a day, in order, each once."""
    found: set[int] = set()
    for hour in cron.hours:
        for minute in cron.minutes:
            wall = dt.datetime.combine(day, dt.time(hour, minute), zone)
            early, late = _to_ms(wall), _to_ms(wall.replace(fold=1))
            if early == late:
                found.add(early)
            elif early < late:  # shown twice
                found.update((early, late) if cron.even else (early,))
            elif not cron.even:  # jumped over: between the two, clocks jump
                found.add(_find_jump(zone, late, early))
    return sorted(found)


def _find_jump(zone: zoneinfo.ZoneInfo, before_ms: int, after_ms: int) -> int:
    """Return the moment between two at which the clocks of a zone change."""
    old = _read_offset(zone, before_ms)
    low, high = before_ms // 1000, after_ms // 1000
    while high - low > 1:
        middle = (low + high) // 2
        if _read_offset(zone, middle * 1000) == old:
            low = middle
        else:
            high = middle
    return high * 1000


def _read_offset(zone: zoneinfo.ZoneInfo, time_ms: int) -> dt.timedelta | None:
    return dt.datetime.fromtimestamp(time_ms / 1000, zone).utcoffset()


def _to_ms(wall: dt.datetime) -> int:
    return round(wall.timestamp() * 1000)
