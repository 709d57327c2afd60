"""Scenarios of sessions, on a store without access control: whoever opens it may look after everybody's."""

from __future__ import annotations

from tests.tracking.scenarios import Scenario, Stage, each, no, ok
from tests.tracking.scenarios_access import make, token
from trackway.api import access as c
from trackway.api import operations as ops
from trackway.auth.credentials import open_session
from trackway.base.errors import InvalidInput, NotFound


def _session(s: Stage, user: str, at_ms: int = 1_700_000_000_000) -> str:
    """Have somebody be signed in, as only a browser can; return the session's id."""
    pk = s.dispatch._store.read(lambda tx: tx.access.find_user(user).pk)
    _, row = open_session(pk, at_ms, "10.0.0.1", "Firefox")
    row = row._replace(expires_ms=2**53)
    s.dispatch._store.write(lambda tx: tx.access.add_credential(row))
    return row.public_id


def _with_sessions(s: Stage) -> str:
    user = make(s)
    for at_ms in (3, 2, 4):
        _session(s, user, at_ms)
    return user


SCENARIOS: list[Scenario] = [
    ok(
        ops.LIST_SESSIONS,
        "the one that was used last first, without secrets",
        lambda s: c.ListSessions(user=_with_sessions(s)),
        lambda s, x: (
            [one.used_ms for one in x.sessions] == [4, 3, 2]
            and {(one.client, one.address, one.current) for one in x.sessions} == {("Firefox", "10.0.0.1", False)}
            and "tws_" not in repr(x)
        ),
    ),
    ok(ops.LIST_SESSIONS, "none", lambda s: c.ListSessions(user=make(s)), lambda s, x: x.sessions == []),
    no(ops.LIST_SESSIONS, "missing", "of nobody", lambda s: c.ListSessions(user="nobody"), NotFound),
    ok(
        ops.DELETE_SESSION,
        "one",
        lambda s: (user := make(s)) and c.SessionId(session_id=_session(s, user), user=user),
    ),
    no(
        ops.DELETE_SESSION,
        "missing",
        "of another user",
        lambda s: c.SessionId(session_id=_session(s, make(s)), user=make(s)),
        NotFound,
    ),
    no(
        ops.DELETE_SESSION,
        "missing",
        "a token",
        lambda s: c.SessionId(session_id=token(s, user := make(s)).token.token_id, user=user),
        NotFound,
    ),
    ok(
        ops.DELETE_OTHER_SESSIONS,
        "all, where none asks",
        lambda s: c.DeleteOtherSessions(user=_with_sessions(s)),
        lambda s, x: x.ended == 3,
    ),
    no(ops.DELETE_OTHER_SESSIONS, "missing", "of nobody", lambda s: c.DeleteOtherSessions(user="nobody"), NotFound),
    ok(ops.LIST_SIGN_INS, "none yet", lambda s: c.ListSignIns(user=make(s)), lambda s, x: x.sign_ins == []),
    no(ops.LIST_SIGN_INS, "missing", "of nobody", lambda s: c.ListSignIns(user="nobody"), NotFound),
    *each(
        ops.LIST_SIGN_INS,
        "refused",
        "limit",
        (0, -1, 50_001),
        lambda s, n: c.ListSignIns(user=make(s), limit=n),
        InvalidInput,
    ),
]
