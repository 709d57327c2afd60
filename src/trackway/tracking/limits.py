"""Tells clients the limits that are in force, so that they need not run into them."""

from __future__ import annotations

from collections.abc import Mapping

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.quotas import GetLimits, Limits
from trackway.rules.handlers import Handlers
from trackway.store.base import Transaction


class LimitService:
    """Handlers of the operation on limits.

    set_here: what the answering server was set to, beside the limits of all
    """

    def __init__(self, set_here: Mapping[str, int]) -> None:
        self._set_here = set_here

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {ops.GET_LIMITS: self.get}

    def get(self, _tx: Transaction, _call: Call, _q: GetLimits) -> Limits:
        """Return all of them."""
        return Limits(limits=limits.list_limits() | dict(self._set_here))
