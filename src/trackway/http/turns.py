"""Who is answered next: callers have turns, so that one who sends much does not keep the others waiting."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable

import msgspec

from trackway.base.errors import RateLimited, Unavailable

WAITING = 256
"""Most requests of one caller that wait."""
ALL_WAITING = 10_000
"""Most requests that wait, of all callers."""
WAIT_S = 30.0
"""A request that has waited so long is sent back."""
BURST_S = 10
"""How many seconds' worth of requests may come at once."""
HOLD_S = 0.25
"""A refusal is held back so long, or up to twice as long: a caller that sends again at once would have us do nothing
but refuse, and refusals that are let go together are a burst that everybody waits for."""
HELD = 1_000
"""Most refusals that are held back."""
CALLERS = 10_000
"""Callers that are remembered though nothing of theirs is under way."""


class TurnLimits(msgspec.Struct, frozen=True):
    """Limits of what is answered at once; 0 for none.

    active:        requests of all callers
    caller_active: requests of one caller
    caller_rate:   requests a second of one caller, in the long run
    """

    active: int = 0
    caller_active: int = 0
    caller_rate: int = 0


class _Caller:
    __slots__ = ("active", "filled_s", "is_ready", "name", "tokens", "waiting")

    def __init__(self, name: str, tokens: float, now_s: float) -> None:
        self.name = name
        self.active = 0
        self.is_ready = False
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.tokens = tokens
        self.filled_s = now_s


class Turns:
    """Lets requests in: at once while there is room, else each caller that waits in its turn.

    cost: O(1) a request; memory for what waits, which is bounded, and for ``CALLERS``
    """

    def __init__(self, limits: TurnLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._callers: dict[str, _Caller] = {}
        self._ready: deque[_Caller] = deque()
        self._active = 0
        self._waiting = 0
        self._held = 0

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._waiting

    @property
    def active(self) -> int:
        """How many requests are being answered."""
        return self._active

    async def take(self, name: str) -> None:
        """Wait for a caller's turn; ``give_back`` ends it.

        raises: RateLimited when the caller has sent too much; Unavailable when everybody has, or it took too long
        """
        caller = self._find(name)
        wait_s = self._spend(caller)
        if wait_s:
            await self._hold()
            raise RateLimited(
                f"More than {self._limits.caller_rate} requests a second",
                hint="send larger batches, or wait as Retry-After says",
                retry_after_s=wait_s,
            )
        if self._has_room(caller) and not caller.waiting:
            self._begin(caller)
            return
        if len(caller.waiting) >= WAITING:
            await self._hold()
            raise RateLimited(
                f"{WAITING} of your requests wait already", hint="have fewer under way at once", retry_after_s=1.0
            )
        if self._waiting >= ALL_WAITING:
            raise Unavailable("Too many requests wait", hint="send it again later", retry_after_s=2.0)
        await self._wait(caller)

    def give_back(self, name: str) -> None:
        """Say that a request has been answered, and let in who is next."""
        caller = self._callers[name]
        caller.active -= 1
        self._active -= 1
        self._queue(caller)
        self._let_in()
        self._forget(caller)

    async def _wait(self, caller: _Caller) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        caller.waiting.append(turn)
        self._waiting += 1
        self._queue(caller)
        try:
            async with asyncio.timeout(WAIT_S):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.give_back(caller.name)
            elif turn in caller.waiting:
                caller.waiting.remove(turn)
                self._waiting -= 1
            self._forget(caller)
            if isinstance(error, TimeoutError):
                raise Unavailable(
                    f"The request waited {WAIT_S:g} s for its turn", hint="send it again later", retry_after_s=5.0
                ) from None
            raise

    def _find(self, name: str) -> _Caller:
        caller = self._callers.get(name)
        if caller is None:
            if len(self._callers) >= CALLERS:
                self._forget_idle()
            tokens = float(self._limits.caller_rate * BURST_S)
            caller = self._callers[name] = _Caller(name, tokens, self._clock())
        return caller

    def _spend(self, caller: _Caller) -> float:
        """Take one request from what a caller may send; return how long to wait when nothing is left."""
        rate = self._limits.caller_rate
        if not rate:
            return 0.0
        now_s = self._clock()
        caller.tokens = min(rate * BURST_S, caller.tokens + (now_s - caller.filled_s) * rate)
        caller.filled_s = now_s
        if caller.tokens < 1:
            return max(1.0, (1 - caller.tokens) / rate)
        caller.tokens -= 1
        return 0.0

    def _has_room(self, caller: _Caller) -> bool:
        limits = self._limits
        return not (
            (limits.active and self._active >= limits.active)
            or (limits.caller_active and caller.active >= limits.caller_active)
        )

    def _begin(self, caller: _Caller) -> None:
        caller.active += 1
        self._active += 1

    def _queue(self, caller: _Caller) -> None:
        """Have a caller wait in the row of callers, once, while it has something to send in and may."""
        most = self._limits.caller_active
        if caller.waiting and not caller.is_ready and not (most and caller.active >= most):
            caller.is_ready = True
            self._ready.append(caller)

    def _let_in(self) -> None:
        while self._ready and not (self._limits.active and self._active >= self._limits.active):
            caller = self._ready.popleft()
            caller.is_ready = False
            while caller.waiting:
                turn = caller.waiting.popleft()
                self._waiting -= 1
                if not turn.done():
                    self._begin(caller)
                    turn.set_result(None)
                    break
            self._queue(caller)
            self._forget(caller)

    async def _hold(self) -> None:
        if self._held >= HELD:
            return
        self._held += 1
        try:
            await asyncio.sleep(HOLD_S * random.uniform(1, 2))  # noqa: S311 spreads them over time, guards nothing
        finally:
            self._held -= 1

    def _forget(self, caller: _Caller) -> None:
        """Forget a caller of whom nothing is under way, unless what it has sent still counts."""
        if not self._limits.caller_rate and not caller.active and not caller.waiting and not caller.is_ready:
            self._callers.pop(caller.name, None)

    def _forget_idle(self) -> None:
        """Forget half of the callers of whom nothing is under way, those first that were not here for longest."""
        idle = [one for one in self._callers.values() if not (one.active or one.waiting or one.is_ready)]
        idle.sort(key=lambda caller: caller.filled_s)
        for caller in idle[: (len(idle) + 1) // 2]:
            del self._callers[caller.name]
