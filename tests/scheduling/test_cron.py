"""When times come: what expressions mean, and what they mean on days when clocks change."""

from __future__ import annotations

import datetime as dt
import itertools
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.base.errors import InvalidInput
from trackway.scheduling.cron import MACROS, Timetable, find_zone, read_cron


def list_times(expression: str, zone: str, start: str, count: int) -> list[str]:
    """Return the first times after a wall-clock time, as they are shown there."""
    place = zoneinfo.ZoneInfo(zone)
    after_ms = int(dt.datetime.fromisoformat(start).replace(tzinfo=place).timestamp() * 1000)
    times = itertools.islice(Timetable(expression, zone).list_times(after_ms), count)
    return [dt.datetime.fromtimestamp(time_ms / 1000, place).isoformat(timespec="minutes") for time_ms in times]


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        ("*/20 * * * *", "2026-01-01T00:00", ["2026-01-01T00:20", "2026-01-01T00:40", "2026-01-01T01:00"]),
        ("5/20 8 * * *", "2026-01-01T00:00", ["2026-01-01T08:05", "2026-01-01T08:25", "2026-01-01T08:45"]),
        ("0 6 * * mon-fri", "2026-11-27T07:00", ["2026-11-30T06:00", "2026-12-01T06:00"]),
        ("0 6 * * sat-sun", "2026-11-27T07:00", ["2026-11-28T06:00", "2026-11-29T06:00", "2026-12-05T06:00"]),
        ("0 6 * * 7", "2026-11-27T07:00", ["2026-11-29T06:00", "2026-12-06T06:00"]),
        ("0 0 13 * FRI", "2026-11-27T07:00", ["2026-12-04T00:00", "2026-12-11T00:00", "2026-12-13T00:00"]),
        ("0 0 */2 * fri", "2026-11-27T07:00", ["2026-12-11T00:00", "2026-12-25T00:00"]),
        ("0 0 29 feb *", "2026-01-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 9-17/4 1,15 1-3 *", "2026-02-15T13:00", ["2026-02-15T17:00", "2026-03-01T09:00"]),
        ("@monthly", "2026-01-31T00:00", ["2026-02-01T00:00", "2026-03-01T00:00"]),
        ("  @Weekly ", "2026-11-27T07:00", ["2026-11-29T00:00", "2026-12-06T00:00"]),
    ],
    ids=str,
)
def test_an_expression_names_these_times(expression: str, start: str, expected: list[str]) -> None:
    assert list_times(expression, "UTC", start, len(expected)) == [f"{time}+00:00" for time in expected]


@pytest.mark.parametrize(
    ("expression", "zone", "start", "expected"),
    [
        pytest.param(
            "30 2 * * *",
            "America/New_York",
            "2026-03-07T12:00",
            ["2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00"],
            id="a named time that is jumped over comes when the clocks have jumped",
        ),
        pytest.param(
            "*/20 2 * * *",
            "America/New_York",
            "2026-03-07T12:00",
            ["2026-03-08T03:00-04:00", "2026-03-09T02:00-04:00"],
            id="several of them come once",
        ),
        pytest.param(
            "30 1 * * *",
            "America/New_York",
            "2026-10-31T12:00",
            ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"],
            id="a named time that is shown twice comes at the first",
        ),
        pytest.param(
            "*/30 * * * *",
            "America/New_York",
            "2026-03-08T01:00",
            ["2026-03-08T01:30-05:00", "2026-03-08T03:00-04:00", "2026-03-08T03:30-04:00"],
            id="even times follow one another over the gap",
        ),
        pytest.param(
            "*/30 * * * *",
            "America/New_York",
            "2026-11-01T00:45",
            [f"2026-11-01T01:{m}-0{h}:00" for h in (4, 5) for m in ("00", "30")] + ["2026-11-01T02:00-05:00"],
            id="even times come in both hours that are shown alike",
        ),
        pytest.param(
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00",
            ["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"],
            id="half an hour is jumped over",
        ),
        pytest.param(
            "0 12 * * *",
            "Pacific/Apia",
            "2011-12-29T12:00",
            ["2011-12-31T00:00+14:00", "2011-12-31T12:00+14:00"],
            id="a whole day is jumped over",
        ),
        pytest.param(
            "0 0 * * *",
            "Asia/Beirut",
            "2026-03-28T12:00",
            ["2026-03-29T01:00+03:00", "2026-03-30T00:00+03:00"],
            id="midnight is jumped over",
        ),
    ],
)
def test_on_days_when_clocks_change(expression: str, zone: str, start: str, expected: list[str]) -> None:
    assert list_times(expression, zone, start, len(expected)) == expected


@given(
    st.sampled_from(["*", "*/7", "0", "3,33", "10-20/5"]),
    st.sampled_from(["*", "*/5"]),
    st.sampled_from(["*", "*/3", "1,15,31"]),
    st.sampled_from(["*", "mon-fri", "0", "sat"]),
    st.sampled_from(["UTC", "Europe/London", "America/St_Johns", "Asia/Kathmandu", "Pacific/Chatham"]),
    st.sampled_from(["2026-03-27", "2026-10-24", "2026-03-07", "2026-04-03", "2026-06-30"]),
)
def test_even_times_are_those_that_a_walk_through_all_minutes_finds(
    minute: str, hour: str, day: str, weekday: str, zone: str, start: str
) -> None:
    expression = f"{minute} {hour} {day} * {weekday}"
    cron, place = read_cron(expression), zoneinfo.ZoneInfo(zone)
    first = int(dt.datetime.fromisoformat(f"{start}T00:00+00:00").timestamp()) // 60
    walked = []
    for number in range(first + 1, first + 4 * 1_440):
        wall = dt.datetime.fromtimestamp(number * 60, place)
        if wall.minute in cron.minutes and wall.hour in cron.hours and cron.holds(wall.date()):
            walked.append(number * 60_000)
    until_ms = (first + 4 * 1_440) * 60_000
    found = itertools.takewhile(
        lambda time_ms: time_ms < until_ms, Timetable(expression, zone).list_times(first * 60_000)
    )
    assert list(found) == walked


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("0 0 1 1 * 2026", "has 6 fields"),
        ("60 * * * *", "minute '60'"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day '0'"),
        ("* * * 13 *", "month '13'"),
        ("* * * jän *", "month 'jän'"),
        ("* * * * 8", "weekday '8'"),
        ("*/0 * * * *", "minute '\\*/0'"),
        ("*/1000 * * * *", "minute"),
        ("0 0001 * * *", "hour"),
        ("5-1 * * * *", "a range rises"),
        ("1,,2 * * * *", "minute ''"),
        ("٣ * * * *", "minute '٣'"),
        ("* * L * *", "day 'l'"),
        ("@reboot", "one of @yearly"),
        ("0 0 30 2 *", "never come"),
        ("0 0 31 4,6,9,11 *", "never come"),
        ("* " * 3_000, "6000 characters"),
    ],
    ids=lambda value: value[:20],
)
def test_what_cannot_be_read_is_refused_by_field(expression: str, what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        Timetable(expression, "UTC")


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../../etc/passwd", "/etc/localtime", "a\0b", "x" * 5_000, "UTC\n"])
def test_a_time_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(InvalidInput, match="Unknown time zone"):
        find_zone(zone)


@pytest.mark.parametrize("macro", MACROS)
def test_names_of_expressions_can_be_read(macro: str) -> None:
    assert Timetable(macro, "Europe/Paris").find_next(0) is not None
