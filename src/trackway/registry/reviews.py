"""The rules of policies, comments, requests and histories."""

from __future__ import annotations

import msgspec

from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api.calls import Call
from trackway.api.trash import Trashed
from trackway.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from trackway.registry.history import record
from trackway.registry.lookup import check_new_alias, find_model, find_version
from trackway.registry.policy import check_policy, find_rule, read_policy
from trackway.registry.versions import check_archiving, give_stage
from trackway.rules.checks import check_count, check_name, check_page, check_text
from trackway.rules.handlers import Handlers
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Page, RegisteredRef, Transaction
from trackway.store.trash import Deleted

_STATES: dict[str, g.RequestState] = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}


class ReviewService:
    """Handlers of the operations by which people agree on versions."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.GET_MODEL_POLICY: self.get_policy,
            ops.SET_MODEL_POLICY: self.set_policy,
            ops.GET_MODEL_HISTORY: self.get_history,
            ops.CREATE_COMMENT: self.create_comment,
            ops.UPDATE_COMMENT: self.update_comment,
            ops.DELETE_COMMENT: self.delete_comment,
            ops.LIST_COMMENTS: self.list_comments,
            ops.REQUEST_TRANSITION: self.request_transition,
            ops.DECIDE_REQUEST: self.decide_request,
            ops.LIST_REQUESTS: self.list_requests,
        }

    def get_policy(self, tx: Transaction, call: Call, q: g.RegisteredModelName) -> g.ModelPolicy:
        """Get what is asked of versions."""
        return read_policy(find_model(tx, call, q.name))

    def set_policy(self, tx: Transaction, call: Call, q: g.SetModelPolicy) -> g.ModelPolicy:
        """Set what is asked of versions; what has a stage or alias keeps it."""
        check_count("rules", len(q.rules), limits.POLICY_RULES)
        for rule in q.rules:
            check_goal(rule.stage, rule.alias)
            if rule.keys and not rule.signature:
                raise InvalidInput("A rule names keys but needs no signature", hint="set signature, or name none")
            check_count("keys", len(rule.keys), limits.SIGNING_KEYS)
        if len({(rule.stage, rule.alias) for rule in q.rules}) < len(q.rules):
            raise InvalidInput("A stage or alias has two rules", hint="put what it needs into one")
        pk = find_model(tx, call, q.name).pk
        policy = g.ModelPolicy(rules=q.rules)
        tx.registry.update(pk, {"policy": msgspec.json.encode(policy).decode()})
        record(tx, call, pk, "policy.set", goals=", ".join(rule.stage or rule.alias for rule in q.rules)[:1_000])
        return policy

    def get_history(self, tx: Transaction, call: Call, q: g.GetModelHistory) -> g.ModelHistory:
        """Get who did what; what was done to a version that is gone is there still."""
        pk = find_model(tx, call, q.name).pk
        query = (pk, q.version)
        rows = tx.reviews.list_events(pk, q.version, _open_page(call, q.limit, query, q.page_token))
        numbers = [number for number, _ in rows]
        return g.ModelHistory(
            events=[event for _, event in rows[: q.limit]], next_page_token=_close_page(call, q.limit, query, numbers)
        )

    def create_comment(self, tx: Transaction, call: Call, q: g.CreateComment) -> g.Comment:
        """Comment on a registered model or a version."""
        check_name("comment", q.text, limits.COMMENT_CHARS)
        pk = find_model(tx, call, q.name).pk
        if q.version is not None:
            find_version(tx, call, q.name, q.version)
        comment = g.Comment(
            comment_id="",
            version=q.version,
            author=call.actor.label,
            created_ms=call.now_ms,
            updated_ms=call.now_ms,
            text=q.text,
        )
        made = tx.reviews.add_comment(pk, comment)
        record(tx, call, pk, "comment.added", q.version, comment_id=made.comment_id)
        return made

    def update_comment(self, tx: Transaction, call: Call, q: g.UpdateComment) -> g.Comment:
        """Change a comment of one's own."""
        check_name("comment", q.text, limits.COMMENT_CHARS)
        pk, comment = _find_own_comment(tx, call, q.name, q.comment_id)
        tx.reviews.update_comment(int(comment.comment_id), q.text, call.now_ms)
        record(tx, call, pk, "comment.changed", comment.version, comment_id=q.comment_id)
        return msgspec.structs.replace(comment, text=q.text, updated_ms=call.now_ms)

    def delete_comment(self, tx: Transaction, call: Call, q: g.DeleteComment) -> Trashed:
        """Move a comment of one's own to the trash."""
        pk, comment = _find_own_comment(tx, call, q.name, q.comment_id)
        title = q.name if comment.version is None else f"{q.name}/{comment.version}"
        what = Deleted("comment", title, int(comment.comment_id), pk, "registered_model", q.name)
        trashed = tx.trash.keep(call, what)
        tx.reviews.delete_comment(int(comment.comment_id))
        record(tx, call, pk, "comment.deleted", comment.version, comment_id=q.comment_id)
        return trashed

    def resume_comment(self, tx: Transaction, call: Call, what: Deleted) -> None:
        """Record that a comment is back from the trash."""
        comment = tx.reviews.get_comment(what.model_pk, what.pk)
        version = None if comment is None else comment.version
        record(tx, call, what.model_pk, "comment.restored", version, comment_id=str(what.pk))

    def list_comments(self, tx: Transaction, call: Call, q: g.ListComments) -> g.CommentPage:
        """List comments, newest first."""
        pk = find_model(tx, call, q.name).pk
        query = (pk, q.version)
        found = tx.reviews.list_comments(pk, q.version, _open_page(call, q.limit, query, q.page_token))
        numbers = [int(comment.comment_id) for comment in found]
        return g.CommentPage(comments=found[: q.limit], next_page_token=_close_page(call, q.limit, query, numbers))

    def request_transition(self, tx: Transaction, call: Call, q: g.RequestTransition) -> g.TransitionRequest:
        """Ask that a version gets a stage or an alias; what it still needs for that may come until it is approved."""
        check_goal(q.stage, q.alias)
        check_archiving(q.stage, q.archive_existing)
        check_text("The comment", q.comment, limits.COMMENT_CHARS)
        version = find_version(tx, call, q.name, q.version)
        request = g.TransitionRequest(
            request_id="",
            name=q.name,
            version=q.version,
            stage=q.stage,
            alias=q.alias,
            archive_existing=q.archive_existing,
            author=call.actor.label,
            comment=q.comment,
            created_ms=call.now_ms,
            state="open",
            decided_by="",
            decided_ms=None,
            reason="",
        )
        made = tx.reviews.add_request(version.model_pk, request)
        goal = q.stage or q.alias
        record(tx, call, version.model_pk, "request.opened", q.version, request_id=made.request_id, goal=goal)
        return made

    def decide_request(self, tx: Transaction, call: Call, q: g.DecideRequest) -> g.TransitionRequest:
        """Approve an open request, which carries it out; reject it; or withdraw one's own."""
        check_text("The reason", q.reason, limits.COMMENT_CHARS)
        model = find_model(tx, call, q.name)
        request = tx.reviews.get_request(model.pk, _read_number(q.request_id))
        if request is None:
            raise NotFound(f"Registered model {q.name[:80]!r} has no request {q.request_id[:20]!r}")
        if q.decision == "withdraw" and request.author != call.actor.label:
            raise PermissionDenied(f"Request {q.request_id} is not yours to withdraw", hint="reject it instead")
        state = _STATES[q.decision]
        number = int(request.request_id)
        if not tx.reviews.decide_request(number, state, call.actor.label, call.now_ms, q.reason):
            raise Conflict(f"Request {q.request_id} is decided already", hint="open another")
        if q.decision == "approve":
            _carry_out(tx, call, model, request)
        goal = request.stage or request.alias
        record(tx, call, model.pk, f"request.{state}", request.version, request_id=q.request_id, goal=goal)
        return msgspec.structs.replace(
            request, state=state, decided_by=call.actor.label, decided_ms=call.now_ms, reason=q.reason
        )

    def list_requests(self, tx: Transaction, call: Call, q: g.ListRequests) -> g.RequestPage:
        """List requests, newest first."""
        pk = find_model(tx, call, q.name).pk
        query = (pk, q.version, q.state)
        found = tx.reviews.list_requests(pk, q.version, q.state, _open_page(call, q.limit, query, q.page_token))
        numbers = [int(request.request_id) for request in found]
        return g.RequestPage(requests=found[: q.limit], next_page_token=_close_page(call, q.limit, query, numbers))


def _carry_out(tx: Transaction, call: Call, model: RegisteredRef, request: g.TransitionRequest) -> None:
    rule = find_rule(read_policy(model), request.stage, request.alias)
    if rule is not None and rule.approval and not _is_another(call, request.author):
        raise PermissionDenied(
            f"Somebody other than its author must approve request {request.request_id}",
            hint="both must be known by name" if not call.actor.name else "",
        )
    version = find_version(tx, call, model.name, request.version)
    check_policy(tx, model, version, request.stage, request.alias, approved=True)
    if request.stage is not None:
        give_stage(tx, call, version, request.stage, request.archive_existing)
    else:
        tx.registry.set_alias(version, request.alias, call.now_ms, call.actor.label)
        record(tx, call, model.pk, "alias.set", request.version, alias=request.alias)


def _is_another(call: Call, author: str) -> bool:
    """Tell whether the caller is not the author; of two of whom one has no name, nobody knows."""
    return bool(call.actor.name) and ":" in author and call.actor.label != author


def check_goal(stage: g.Stage | None, alias: str) -> None:
    """Check that a stage or an alias is asked for.

    raises: InvalidInput
    """
    if (stage is None) == (not alias):
        raise InvalidInput("Either a stage or an alias must be named", hint="give one of the two")
    if alias:
        check_new_alias(alias)


def _find_own_comment(tx: Transaction, call: Call, name: str, comment_id: str) -> tuple[int, g.Comment]:
    pk = find_model(tx, call, name).pk
    comment = tx.reviews.get_comment(pk, _read_number(comment_id))
    if comment is None:
        raise NotFound(f"Registered model {name[:80]!r} has no comment {comment_id[:20]!r}")
    if comment.author != call.actor.label:
        raise PermissionDenied(f"Comment {comment_id} is not yours", hint="only its author changes a comment")
    return pk, comment


def _read_number(text: str) -> int:
    """Return the number that an id is; 0, which none is, for another text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _open_page(call: Call, limit: int, query: object, token: str) -> Page:
    """Return the page to read, with one row more to know whether there is another."""
    check_page(limit, limits.SEARCH_PAGE)
    after = decode_token(call, query, token)
    if after is not None and (len(after) != 1 or not isinstance(after[0], int)):
        raise InvalidInput("Invalid page token", hint="send next_page_token as it was received")
    return Page(limit + 1, after)


def _close_page(call: Call, limit: int, query: object, numbers: list[int]) -> str:
    return encode_token(call, query, [numbers[limit - 1]] if len(numbers) > limit else None)
