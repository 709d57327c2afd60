"""What a request passes before its route: Host and Origin, then its caller's turn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trackway.http.guard import UNGUARDED, Guard
from trackway.http.messages import HttpRequest
from trackway.http.peers import Proxies, group_address
from trackway.http.turns import TurnLimits, Turns

Leave = Callable[[], None]


class Gate:
    """Decides which requests reach their routes, and when.

    limits:   of what is answered at once; None for no limits, which costs nothing
    identify: names the caller of a request once its credential has been checked before; empty for one that is not
              known, who is then told by address
    """

    def __init__(
        self,
        guard: Guard,
        limits: TurnLimits | None = None,
        proxies: Proxies | None = None,
        identify: Callable[[HttpRequest], str] = lambda _request: "",
    ) -> None:
        self.refuse = guard.refuse
        self.is_limited = limits is not None
        self._proxies = proxies or Proxies()
        self._identify = identify
        self._calls = Turns(limits or TurnLimits())
        self._streams = Turns(limits or TurnLimits())

    async def enter(self, request: HttpRequest, streams: bool) -> Leave | None:
        """Wait for a request's turn; return what to call once it has been answered.

        streams: whether it sends or fetches a file, which may take long: files have turns of their own

        raises: RateLimited, Unavailable
        """
        if request.path in UNGUARDED:  # of orchestrators, who must be answered when it is full too
            return None
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
