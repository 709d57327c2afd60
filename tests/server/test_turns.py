"""Callers have turns: one who sends much keeps nobody else waiting, and what waits is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from trackway.base.errors import RateLimited, Unavailable
from trackway.http import turns
from trackway.http.turns import TurnLimits, Turns


@pytest.fixture(autouse=True)
def _refuse_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "HOLD_S", 0.0)


class Scene:
    """Callers whose requests are answered one by one, when the test says so."""

    def __init__(self, limits: TurnLimits, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.turns = Turns(limits, clock)
        self.answering: list[str] = []
        self.refused: list[tuple[str, float | None]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def send(self, caller: str, count: int = 1) -> None:
        self._tasks += [asyncio.create_task(self._take(caller)) for _ in range(count)]
        await settle()

    async def answer(self) -> str:
        """Answer the request that came in first; return whose it was."""
        caller = self.answering.pop(0)
        self.turns.give_back(caller)
        await settle()
        return caller

    async def give_up(self, number: int) -> None:
        self._tasks[number].cancel()
        await settle()

    async def _take(self, caller: str) -> None:
        try:
            await self.turns.take(caller)
        except (RateLimited, Unavailable) as error:
            self.refused.append((error.code, error.retry_after_s))
        else:
            self.answering.append(caller)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def play(limits: TurnLimits, act: Callable[[Scene], Awaitable[None]], clock: Callable[[], float] = lambda: 0.0) -> None:
    async def run() -> None:
        await act(Scene(limits, clock))

    asyncio.run(run())


def test_who_comes_beside_a_noisy_caller_is_next() -> None:
    async def act(scene: Scene) -> None:
        await scene.send("noisy", 50)
        for caller in ("ann", "bob", "cy"):
            await scene.send(caller)
        assert [await scene.answer() for _ in range(6)] == ["noisy", "noisy", "noisy", "ann", "bob", "cy"]

    play(TurnLimits(active=2), act)


def test_callers_who_wait_are_let_in_one_after_the_other() -> None:
    async def act(scene: Scene) -> None:
        await scene.send("a", 9)
        await scene.send("b", 3)
        await scene.send("c", 3)
        assert "".join([await scene.answer() for _ in range(15)]) == "aabcabcabcaaaaa"

    play(TurnLimits(active=1), act)


def test_one_caller_never_has_all_the_room() -> None:
    async def act(scene: Scene) -> None:
        await scene.send("noisy", 50)
        assert scene.answering == ["noisy"] * 3
        await scene.send("ann", 5)
        assert scene.answering == ["noisy"] * 3 + ["ann"] * 3, "there is room left for her"
        while scene.answering:
            assert scene.answering.count("noisy") <= 3
            await scene.answer()
        assert (scene.turns.active, scene.turns.waiting) == (0, 0)

    play(TurnLimits(active=10, caller_active=3), act)


def test_what_waits_of_one_caller_is_bounded_and_the_rest_is_to_come_again() -> None:
    async def act(scene: Scene) -> None:
        await scene.send("noisy", 1 + turns.WAITING + 7)
        assert scene.refused == [("rate_limited", 1.0)] * 7
        await scene.send("ann")
        assert len(scene.refused) == 7

    play(TurnLimits(active=1), act)


def test_what_waits_of_all_callers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "ALL_WAITING", 10)

    async def act(scene: Scene) -> None:
        for number in range(14):
            await scene.send(f"caller {number}")
        assert scene.refused == [("unavailable", 2.0)] * 3

    play(TurnLimits(active=1), act)


def test_a_rate_holds_in_the_long_run_and_says_when_to_come_again() -> None:
    now_s = 0.0

    async def act(scene: Scene) -> None:
        nonlocal now_s
        await scene.send("a", 25)
        assert len(scene.answering) == 20, "ten seconds' worth at once"
        assert scene.refused == [("rate_limited", 1.0)] * 5
        await scene.send("b")
        assert len(scene.answering) == 21
        now_s += 3
        await scene.send("a", 10)
        assert len(scene.answering) == 27, "two a second"

    play(TurnLimits(caller_rate=2), act, lambda: now_s)


def test_callers_are_not_remembered_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "CALLERS", 100)

    async def act(scene: Scene) -> None:
        for number in range(1_000):
            await scene.send(f"caller {number}")
            await scene.answer()
        assert len(scene.turns._callers) <= 100

    play(TurnLimits(caller_rate=1), act)
    play(TurnLimits(active=1), act)


def test_a_request_that_is_given_up_takes_no_turn() -> None:
    async def act(scene: Scene) -> None:
        await scene.send("a", 3)
        await scene.give_up(1)
        assert scene.turns.waiting == 1
        await scene.answer()
        assert scene.answering == ["a"]
        await scene.answer()
        assert (scene.turns.active, scene.turns.waiting, scene.turns._callers) == (0, 0, {})

    play(TurnLimits(active=1), act)


def test_a_turn_that_comes_as_its_request_is_given_up_goes_to_the_next() -> None:
    async def act(scene: Scene) -> None:
        await scene.send("a", 2)
        await scene.send("b")
        scene.turns.give_back(scene.answering.pop(0))
        await scene.give_up(1)
        assert scene.answering == ["b"]

    play(TurnLimits(active=1), act)


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_S", 0.05)

    async def act(scene: Scene) -> None:
        await scene.send("a", 2)
        async with asyncio.timeout(30):
            while not scene.refused:
                await asyncio.sleep(0.01)
        assert scene.refused == [("unavailable", 5.0)]
        assert await scene.answer() == "a"
        await scene.send("a")
        assert scene.answering == ["a"]

    play(TurnLimits(active=1), act)


def test_refusals_are_held_back_so_that_they_are_not_all_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "HOLD_S", 3600.0)
    monkeypatch.setattr(turns, "HELD", 4)

    async def act(scene: Scene) -> None:
        await scene.send("a", 10 + 6)
        assert len(scene.refused) == 2, "the others are held, and only so many"
        await scene.send("b")
        assert scene.answering[-1] == "b"

    play(TurnLimits(caller_rate=1), act)


def test_refusals_are_not_let_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "HOLD_S", 3600.0)
    delays = set[float]()

    async def act(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def note(delay: float, *arguments: Any) -> asyncio.TimerHandle:
            delays.add(delay)
            return call_later(delay, *arguments)

        monkeypatch.setattr(loop, "call_later", note)
        await scene.send("a", 10 + 6)

    play(TurnLimits(caller_rate=1), act)
    held = {delay for delay in delays if delay >= 3600}
    assert len(held) == 6
    assert max(held) <= 2 * 3600
