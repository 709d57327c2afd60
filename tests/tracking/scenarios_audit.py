"""Scenarios of the audit log: search, chain, trimming."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import Scenario, Stage, each, no, ok, pass_by
from trackway.api import operations as ops
from trackway.api import retention as t
from trackway.base.errors import InvalidInput


def entries(s: Stage, **fields: Any) -> list[t.AuditEntry]:
    return list(s.call(ops.SEARCH_AUDIT, t.SearchAudit(**fields)).entries)


def verdict(s: Stage, **fields: Any) -> t.AuditVerdict:
    found: t.AuditVerdict = s.call(ops.VERIFY_AUDIT, t.VerifyAudit(**fields))
    return found


def newest(s: Stage) -> t.AuditEntry:
    return entries(s, limit=1)[0]


def make_alone(s: Stage) -> int:
    """Have one entry that shares its millisecond with no other, and return that time."""
    pass_by(newest(s).time_ms)
    s.make_experiment()
    return newest(s).time_ms


SCENARIOS: list[Scenario] = [
    ok(
        ops.SEARCH_AUDIT,
        "numbered without a gap",
        lambda s: t.SearchAudit(),
        lambda s, x: [one.number for one in x.entries] == list(range(len(x.entries), 0, -1)),
    ),
    ok(
        ops.SEARCH_AUDIT,
        "of one actor and time",
        lambda s: t.SearchAudit(actor="user:ann", since_ms=make_alone(s), until_ms=newest(s).time_ms + 1),
        lambda s, x: len(x.entries) == 1,
    ),
    ok(ops.SEARCH_AUDIT, "of nobody", lambda s: t.SearchAudit(actor="user:eve"), lambda s, x: x.entries == []),
    *each(ops.SEARCH_AUDIT, "refused", "since", (-1, 2**63), lambda s, n: t.SearchAudit(since_ms=n), InvalidInput),
    ok(
        ops.VERIFY_AUDIT,
        "whole",
        lambda s: t.VerifyAudit(),
        lambda s, x: x.intact and (x.first, x.last, x.hash) == (1, newest(s).number, newest(s).hash),
    ),
    ok(
        ops.VERIFY_AUDIT,
        "with a hash that was noted",
        lambda s: t.VerifyAudit(number=newest(s).number, hash=newest(s).hash),
        lambda s, x: x.intact,
    ),
    ok(
        ops.VERIFY_AUDIT,
        "with a hash that is another's",
        lambda s: t.VerifyAudit(number=newest(s).number, hash="0" * 64),
        lambda s, x: not x.intact and "noted" in x.fault,
    ),
    ok(
        ops.VERIFY_AUDIT,
        "with an entry that is not there any more",
        lambda s: t.VerifyAudit(number=10_000, hash="0" * 64),
        lambda s, x: not x.intact and "missing" in x.fault,
    ),
    no(ops.VERIFY_AUDIT, "refused", "a huge number", lambda s: t.VerifyAudit(number=2**63), InvalidInput),
    ok(
        ops.TRIM_AUDIT,
        "nothing that old",
        lambda s: t.TrimAudit(before_ms=1),
        lambda s, x: x.entries == 0 and verdict(s).first == 1,
    ),
    ok(
        ops.TRIM_AUDIT,
        "all that is there, and the chain goes on",
        lambda s: t.TrimAudit(before_ms=pass_by(newest(s).time_ms)),
        lambda s, x: x.entries > 3 and verdict(s).intact and len(entries(s)) == 1,
    ),
    *each(ops.TRIM_AUDIT, "refused", "before", (-1, 2**62), lambda s, n: t.TrimAudit(before_ms=n), InvalidInput),
]
