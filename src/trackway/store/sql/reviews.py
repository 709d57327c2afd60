"""Comments on registered models, requests about them, and what was done to them."""

from __future__ import annotations

import msgspec

from trackway.api.registry import Comment, ModelEvent, RequestState, TransitionRequest
from trackway.store.base import Page
from trackway.store.sql.connection import Connection, Row
from trackway.store.sql.failures import Vanished

_COMMENT = "pk, version, author, created_ms, updated_ms, text"
_REQUEST = (
    "q.pk, m.name, q.version, q.stage, q.alias, q.archive_existing, q.author, q.comment, q.created_ms, q.state,"
    " q.decided_by, q.decided_ms, q.reason"
)
_REQUESTS = "model_requests q JOIN registered_models m ON m.pk = q.model_pk"


class ReviewTable:
    """See ``store.reviews.Reviews``."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def add_comment(self, pk: int, comment: Comment) -> Comment:
        """Insert a comment."""
        c = comment
        [(number,)] = self._db.returning(
            "INSERT INTO model_comments (model_pk, version, author, created_ms, updated_ms, text)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING pk",
            (pk, c.version, c.author, c.created_ms, c.updated_ms, c.text),
        )
        return msgspec.structs.replace(comment, comment_id=str(number))

    def get_comment(self, pk: int, comment_id: int) -> Comment | None:
        """Return a comment on a model."""
        row = self._db.one(f"SELECT {_COMMENT} FROM model_comments WHERE model_pk = ? AND pk = ?", (pk, comment_id))
        return _comment(row) if row else None

    def update_comment(self, comment_id: int, text: str, now_ms: int) -> None:
        """Change a comment's text."""
        self._db.run("UPDATE model_comments SET text = ?, updated_ms = ? WHERE pk = ?", (text, now_ms, comment_id))

    def delete_comment(self, comment_id: int) -> None:
        """Remove a comment."""
        self._db.run("DELETE FROM model_comments WHERE pk = ?", (comment_id,))

    def list_comments(self, pk: int, version: int | None, page: Page) -> list[Comment]:
        """Return comments, newest first."""
        where, params = _narrow("", pk, {"version": version}, page)
        rows = self._db.all(
            f"SELECT {_COMMENT} FROM model_comments WHERE {where} ORDER BY pk DESC LIMIT ?", (*params, page.limit)
        )
        return [_comment(row) for row in rows]

    def add_request(self, pk: int, request: TransitionRequest) -> TransitionRequest:
        """Insert a request."""
        q = request
        [(number,)] = self._db.returning(
            "INSERT INTO model_requests (model_pk, version, stage, alias, archive_existing, author, comment,"
            " created_ms, state, decided_by, decided_ms, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING pk",
            (
                pk,
                q.version,
                q.stage,
                q.alias,
                int(q.archive_existing),
                q.author,
                q.comment,
                q.created_ms,
                q.state,
                q.decided_by,
                q.decided_ms,
                q.reason,
            ),
        )
        return msgspec.structs.replace(request, request_id=str(number))

    def get_request(self, pk: int, request_id: int) -> TransitionRequest | None:
        """Return a request about a model."""
        row = self._db.one(f"SELECT {_REQUEST} FROM {_REQUESTS} WHERE q.model_pk = ? AND q.pk = ?", (pk, request_id))
        return _request(row) if row else None

    def decide_request(self, request_id: int, state: RequestState, actor: str, now_ms: int, reason: str) -> bool:
        """Say what became of an open request; False when it is open no more."""
        changed = self._db.run(
            "UPDATE model_requests SET state = ?, decided_by = ?, decided_ms = ?, reason = ?"
            " WHERE pk = ? AND state = 'open'",
            (state, actor, now_ms, reason, request_id),
        )
        return changed > 0

    def list_requests(
        self, pk: int, version: int | None, state: RequestState | None, page: Page
    ) -> list[TransitionRequest]:
        """Return requests, newest first."""
        where, params = _narrow("q.", pk, {"version": version, "state": state}, page)
        rows = self._db.all(
            f"SELECT {_REQUEST} FROM {_REQUESTS} WHERE {where} ORDER BY q.pk DESC LIMIT ?", (*params, page.limit)
        )
        return [_request(row) for row in rows]

    def add_event(self, workspace: str, pk: int, event: ModelEvent) -> None:
        """Record a change of a model, which nobody else deletes before this is done.

        raises: Vanished when it is gone
        """
        recorded = self._db.run(
            "INSERT INTO model_events (workspace, model_pk, version, time_ms, actor, action, detail)"
            f" SELECT ?, pk, CAST(? AS BIGINT), ?, ?, ?, ? FROM registered_models WHERE pk = ?{self._db.locked}",
            (
                workspace,
                event.version,
                event.time_ms,
                event.actor,
                event.action,
                msgspec.json.encode(event.detail).decode(),
                pk,
            ),
        )
        if not recorded:
            raise Vanished

    def list_events(self, pk: int, version: int | None, page: Page) -> list[tuple[int, ModelEvent]]:
        """Return numbered changes, newest first."""
        where, params = _narrow("", pk, {"version": version}, page)
        rows = self._db.all(
            f"SELECT pk, time_ms, actor, action, version, detail FROM model_events WHERE {where}"
            " ORDER BY pk DESC LIMIT ?",
            (*params, page.limit),
        )
        return [
            (
                row[0],
                ModelEvent(
                    time_ms=row[1],
                    actor=row[2],
                    action=row[3],
                    version=row[4],
                    detail=msgspec.json.decode(row[5], type=dict[str, str]),
                ),
            )
            for row in rows
        ]


def _narrow(alias: str, pk: int, equal: dict[str, object], page: Page) -> tuple[str, list[object]]:
    """Return the condition for a model's rows with some values, behind the last row seen, and its values."""
    where, params = f"{alias}model_pk = ?", [pk]  # type: tuple[str, list[object]]
    for column, value in equal.items():
        if value is not None:
            where += f" AND {alias}{column} = ?"
            params.append(value)
    if page.after is not None:
        where += f" AND {alias}pk < ?"
        params.append(page.after[0])
    return where, params


def _comment(row: Row) -> Comment:
    return Comment(
        comment_id=str(row[0]), version=row[1], author=row[2], created_ms=row[3], updated_ms=row[4], text=row[5]
    )


def _request(row: Row) -> TransitionRequest:
    return TransitionRequest(
        request_id=str(row[0]),
        name=row[1],
        version=row[2],
        stage=row[3],
        alias=row[4],
        archive_existing=bool(row[5]),
        author=row[6],
        comment=row[7],
        created_ms=row[8],
        state=row[9],
        decided_by=row[10],
        decided_ms=row[11],
        reason=row[12],
    )
