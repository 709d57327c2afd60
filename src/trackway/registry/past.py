"""What was said about a registered model elsewhere, and done to it there: comments, requests and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from trackway.api import limits
from trackway.api import registry as g
from trackway.api import transfers as t
from trackway.api.calls import Call
from trackway.base.errors import InvalidInput
from trackway.registry.reviews import check_goal
from trackway.registry.versions import check_archiving
from trackway.rules.checks import check_name, check_text, check_time
from trackway.store.base import Page, Transaction

ROWS = 100_000
"""Most versions, comments, requests or events of one import."""


class Added(NamedTuple):
    """How many of each were new."""

    comments: int
    requests: int
    events: int


class _Ids(NamedTuple):
    """What comments and requests are named by here, by what events from elsewhere name them by."""

    comment_id: dict[str, str]
    request_id: dict[str, str]


def add_past(tx: Transaction, call: Call, pk: int, past: t.PastRegistered) -> Added:
    """Add what is new of what was said about a registered model, and done to it; the versions are here."""
    ids = _Ids({}, {})
    comments = _add_comments(tx, pk, past.comments, ids.comment_id)
    requests = _add_requests(tx, call, pk, past, ids.request_id)
    return Added(comments, requests, _add_events(tx, call, pk, past.events, ids))


def check_past(past: t.PastRegistered) -> None:
    """Check what is not checked by being done again.

    raises: InvalidInput
    """
    for comment in past.comments:
        check_name("comment", comment.text, limits.COMMENT_CHARS)
        check_text("The author", comment.author, limits.KEY_CHARS)
        check_time("creation time", comment.created_ms)
        check_time("time of change", comment.updated_ms)
    for request in past.requests:
        _check_request(request)
    for event in past.events:
        check_time("time of an event", event.time_ms)
        for text in (event.actor, event.action, *event.detail, *event.detail.values()):
            check_text("A text of an event", text, limits.COMMENT_CHARS)


def _check_request(request: t.PastRequest) -> None:
    check_goal(request.stage, request.alias)
    check_archiving(request.stage, request.archive_existing)
    check_text("The comment", request.comment, limits.COMMENT_CHARS)
    check_text("The author", request.author, limits.KEY_CHARS)
    check_time("creation time", request.created_ms)
    check_text("The reason", request.reason, limits.COMMENT_CHARS)
    check_text("Who decided", request.decided_by, limits.KEY_CHARS)
    check_time("time of the decision", request.decided_ms)
    if (request.state == "open") != (request.decided_ms is None):
        raise InvalidInput(
            f"A request is {request.state} and decided at {request.decided_ms}",
            hint="send decided_ms with every request that is not open, and with no other",
        )


def _add_comments(tx: Transaction, pk: int, comments: list[t.PastComment], ids: dict[str, str]) -> int:
    known = {_identify_comment(one): one.comment_id for one in tx.reviews.list_comments(pk, None, Page(ROWS))}
    added = 0
    for one in comments:
        here = known.get(_identify_comment(one))
        if here is None:
            comment = g.Comment(
                comment_id="",
                version=one.version,
                author=one.author,
                created_ms=one.created_ms,
                updated_ms=one.updated_ms or one.created_ms,
                text=one.text,
            )
            here = tx.reviews.add_comment(pk, comment).comment_id
            added += 1
        ids[one.comment_id] = here
    return added


def _identify_comment(one: g.Comment | t.PastComment) -> tuple[object, ...]:
    return one.version, one.author, one.created_ms


def _add_requests(tx: Transaction, call: Call, pk: int, past: t.PastRegistered, ids: dict[str, str]) -> int:
    """Add requests and decisions; nothing is carried out, and what was decided here stays.

    An open one about a version that is not here is left out: it could be approved for another of that number.
    """
    known = {_identify_request(one): one for one in tx.reviews.list_requests(pk, None, None, Page(ROWS))}
    added = 0
    for one in past.requests:
        here = known.get(_identify_request(one))
        if here is None:
            if one.state == "open" and tx.registry.version_ref(call.workspace, past.name, one.version) is None:
                continue
            here = tx.reviews.add_request(pk, _to_request(past.name, one))
            added += 1
        elif here.state == "open" and one.decided_ms is not None:
            tx.reviews.decide_request(int(here.request_id), one.state, one.decided_by, one.decided_ms, one.reason)
            added += 1
        ids[one.request_id] = here.request_id
    return added


def _to_request(name: str, one: t.PastRequest) -> g.TransitionRequest:
    fields = {field: getattr(one, field) for field in t.PastRequest.__struct_fields__ if field != "request_id"}
    return g.TransitionRequest(request_id="", name=name, **fields)


def _identify_request(one: g.TransitionRequest | t.PastRequest) -> tuple[object, ...]:
    return one.version, one.stage, one.alias, one.author, one.created_ms


def _add_events(tx: Transaction, call: Call, pk: int, events: list[g.ModelEvent], ids: _Ids) -> int:
    known = {_encode(event) for _, event in tx.reviews.list_events(pk, None, Page(ROWS))}
    here = [msgspec.structs.replace(event, detail=_rename(event.detail, ids)) for event in events]
    new = [event for event in here if _encode(event) not in known]
    for event in new:
        tx.reviews.add_event(call.workspace, pk, event)
    return len(new)


def _rename(detail: Mapping[str, str], ids: _Ids) -> dict[str, str]:
    """Name the comments and requests that an event is about as they are named here."""
    names = ids._asdict()
    return {field: names.get(field, {}).get(value, value) for field, value in detail.items()}


def _encode(event: g.ModelEvent) -> bytes:
    return msgspec.json.encode(event, order="sorted")
