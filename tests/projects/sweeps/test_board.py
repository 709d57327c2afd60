"""Which trials are ended early: by what others had come to at the same step."""

from __future__ import annotations

import math

import pytest

from trackway.projects.sweeps.board import Board, Pruning


def make_board(pruner: str, maximize: bool = False, **how: int) -> Board:
    board = Board(maximize, Pruning(pruner=pruner, **{"after_trials": 3, "after_steps": 2} | how))  # type: ignore[arg-type]
    sign = -1 if maximize else 1
    for number in range(4):  # trial n comes to n, and begins a good deal worse
        board.note(number, [(step, sign * (number + 10 / (step + 1))) for step in range(10)])
    return board


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize(("value", "ended"), [(0.5, False), (9.0, True)])
def test_a_trial_that_is_worse_than_half_of_the_others_is_ended(maximize: bool, value: float, ended: bool) -> None:
    board = make_board("median", maximize)
    board.note(9, [(5, -value if maximize else value)])
    assert board.should_end(9) is ended


def test_the_best_that_a_trial_has_had_counts_and_not_its_last() -> None:
    board = make_board("median")
    board.note(9, [(3, 0.1), (5, 99.0)])
    assert not board.should_end(9)


def test_a_trial_is_left_alone_before_its_time_and_without_others_to_compare_with() -> None:
    board = make_board("median")
    board.note(9, [(1, 99.0)])
    assert not board.should_end(9), "it has not come so far"
    assert not board.should_end(8), "nothing is known of it"
    few = make_board("median", after_trials=5)
    few.note(9, [(5, 99.0)])
    assert not few.should_end(9), "too few others have"
    none = make_board("none")
    none.note(9, [(5, 99.0)])
    assert not none.should_end(9)


def test_by_halving_a_third_of_those_that_reach_a_rung_goes_on() -> None:
    board = make_board("halving", after_trials=2)  # rungs at steps 2, 6, 18
    assert [board.should_end(number) for number in range(4)] == [False, False, True, True]
    board.note(9, [(1, 99.0)])
    assert not board.should_end(9), "it has reached no rung"
    board.note(9, [(4, 99.0)])
    assert board.should_end(9)


def test_what_is_no_number_is_never_good() -> None:
    board = make_board("median")
    board.note(9, [(5, math.nan)])
    assert board.should_end(9)
    assert board.get_curve(9) == {}
