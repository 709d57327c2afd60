"""Scenarios of quotas."""

from __future__ import annotations

from tests.tracking.scenarios import Scenario, Stage, each, ok
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import quotas as q
from trackway.base.errors import InvalidInput


def usage(s: Stage) -> q.Usage:
    found: q.Usage = s.call(ops.GET_USAGE, q.GetUsage())
    return found


SCENARIOS: list[Scenario] = [
    ok(
        ops.GET_LIMITS,
        "those of the page, and none of turns where there are none",
        lambda s: q.GetLimits(),
        lambda s, x: x.limits == limits.list_limits() and x.limits["param_value_chars"] == limits.PARAM_VALUE_CHARS,
    ),
    ok(
        ops.GET_USAGE,
        "what is there, the trash with it, and no quota",
        lambda s: q.GetUsage(),
        lambda s, x: (
            (x.runs, x.points, x.size_bytes, x.exceeded) == (4, 1, 1, [])
            and (x.runs_quota, x.points_quota, x.bytes_quota) == (None, None, None)
        ),
    ),
    ok(
        ops.SET_QUOTA,
        "of everything; what is reached is passed at once",
        lambda s: q.SetQuota(runs=4, points=2, size_bytes=0, requests_per_minute=5),
        lambda s, x: (
            (x.runs_quota, x.points_quota, x.bytes_quota, x.requests_per_minute_quota) == (4, 2, 0, 5)
            and x.exceeded == ["runs", "bytes"]
            and usage(s) == x
        ),
    ),
    ok(
        ops.SET_QUOTA,
        "none, in place of one",
        lambda s: s.call(ops.SET_QUOTA, q.SetQuota(runs=0)) and q.SetQuota(),
        lambda s, x: x.exceeded == [] and x.runs_quota is None and usage(s) == x,
    ),
    *each(ops.SET_QUOTA, "refused", "runs", (-1, 2**63), lambda s, n: q.SetQuota(runs=n), InvalidInput),
    *each(ops.SET_QUOTA, "refused", "bytes", (-1, 2**63), lambda s, n: q.SetQuota(size_bytes=n), InvalidInput),
    *each(
        ops.SET_QUOTA,
        "refused",
        "requests",
        (-1, 0, 2**63),
        lambda s, n: q.SetQuota(requests_per_minute=n),
        InvalidInput,
    ),
]
