"""Times that tell an order."""

from __future__ import annotations

from trackway.rules.moments import AHEAD_MS, Moments, later_ms


def test_creations_within_a_millisecond_get_times_in_their_order() -> None:
    moments = Moments()
    assert [moments.next_ms(now) for now in (1_000, 1_000, 1_000, 1_001, 1_010, 1_010)] == [
        *(1_000, 1_001, 1_002, 1_003, 1_010, 1_011),
    ]


def test_times_do_not_run_away_from_the_clock() -> None:
    moments = Moments()
    assert max(moments.next_ms(5_000) for _ in range(1_000)) == 5_000 + AHEAD_MS
    assert moments.next_ms(3_000) == 3_000 + AHEAD_MS  # the clock was set back


def test_a_change_is_later_than_what_it_changed() -> None:
    assert (later_ms(10, 5), later_ms(10, 10), later_ms(10, 20)) == (10, 11, 21)
