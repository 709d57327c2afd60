"""Lanes: calls and files have turns of their own, caller by caller."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trackway.http.messages import HttpRequest
from trackway.http.peers import Proxies, group_address
from trackway.http.turns import TurnLimits, Turns

Leave = Callable[[], None]


class Lanes:
    """Decides when a request is answered.

    limits:   of what is answered at once, in each lane
    identify: names the caller of a request whose credential has been found good before; empty for anybody else, who is
              then told by address
    """

    def __init__(
        self, limits: TurnLimits, proxies: Proxies, identify: Callable[[HttpRequest], str] = lambda _request: ""
    ) -> None:
        self._proxies = proxies
        self._identify = identify
        self._calls = Turns(limits)
        self._streams = Turns(limits)

    async def enter(self, request: HttpRequest, streams: bool) -> Leave:
        """Wait for a request's turn; return what to call once it has been answered.

        streams: whether it sends or fetches a file, which may take long

        raises: RateLimited, Unavailable
        """
        caller = self._identify(request) or group_address(self._proxies.find_address(request))
        turns = self._streams if streams else self._calls
        await turns.take(caller)
        return partial(turns.give_back, caller)

    def list_gauges(self) -> list[tuple[str, str, Callable[[], float]]]:
        """Return name, meaning and reader of what shows how full it is."""
        return [
            ("trackway_requests_active", "Requests that are being answered.", lambda: self._calls.active),
            ("trackway_requests_waiting", "Requests that wait for their turn.", lambda: self._calls.waiting),
            ("trackway_transfers_active", "Files that are under way.", lambda: self._streams.active),
            ("trackway_transfers_waiting", "Files that wait for their turn.", lambda: self._streams.waiting),
        ]
