"""Scenarios of policies, comments, requests, histories, and of what is seen of versions from afar."""

from __future__ import annotations

from typing import Any

from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok
from tests.tracking.scenarios_registry import NAME, OTHER, UNKNOWN, get, get_version, make
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api.calls import Actor
from trackway.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied

BOB = Actor(kind="user", name="bob")


def call_as(s: Stage, actor: Actor, operation: Any, request: Any) -> Any:
    return s.dispatch.call(operation, request, s.dispatch.open_call(actor, s.workspace))


def set_policy(s: Stage, **rule: Any) -> object:
    return s.call(ops.SET_MODEL_POLICY, g.SetModelPolicy(name=NAME, rules=[g.PolicyRule(**rule)]))


def comment(s: Stage, actor: Actor | None = None, version: int | None = None) -> str:
    """Comment on a model, and return the comment's id."""
    make(s, versions=1)
    request = g.CreateComment(name=NAME, text="good", version=version)
    made = call_as(s, actor, ops.CREATE_COMMENT, request) if actor else s.call(ops.CREATE_COMMENT, request)
    return str(made.comment_id)


def wish(s: Stage, actor: Actor = BOB, **fields: Any) -> str:
    """Ask for a stage, and return the request's id."""
    if s.call(ops.SEARCH_REGISTERED_MODELS, g.SearchRegisteredModels()).models == []:
        make(s, versions=1)
    plain: dict[str, Any] = {} if "alias" in fields else {"stage": "Production"}
    request = g.RequestTransition(name=NAME, version=1, **(plain | fields))
    return str(call_as(s, actor, ops.REQUEST_TRANSITION, request).request_id)


def decide(request_id: str, decision: Any, **fields: Any) -> g.DecideRequest:
    return g.DecideRequest(name=NAME, request_id=request_id, decision=decision, **fields)


def guarded(s: Stage, actor: Actor = BOB, **needs: bool) -> str:
    """Ask for a stage that a policy guards."""
    make(s, versions=1)
    set_policy(s, stage="Production", approval=True, **needs)
    return wish(s, actor)


def outlived(s: Stage) -> str:
    """Ask for a stage of a version that is gone then."""
    request_id = wish(s)
    s.call(ops.DELETE_MODEL_VERSION, g.VersionName(name=NAME, version=1))
    return request_id


POLICIES: list[Scenario] = [
    ok(ops.GET_MODEL_POLICY, "none", lambda s: g.RegisteredModelName(name=make(s)), lambda s, x: x.rules == []),
    ok(
        ops.GET_MODEL_POLICY,
        "one that was set",
        lambda s: make(s) and set_policy(s, alias="a", signature=True) and g.RegisteredModelName(name=NAME),
        lambda s, x: x.rules == [g.PolicyRule(alias="a", signature=True)],
    ),
    no(ops.GET_MODEL_POLICY, "missing", "of an unknown one", lambda s: g.RegisteredModelName(name=UNKNOWN), NotFound),
    ok(
        ops.SET_MODEL_POLICY,
        "for a stage and an alias",
        lambda s: g.SetModelPolicy(name=make(s), rules=[g.PolicyRule(stage="Staging"), g.PolicyRule(alias="a")]),
    ),
    no(
        ops.SET_MODEL_POLICY,
        "missing",
        "of an unknown one",
        lambda s: g.SetModelPolicy(name=UNKNOWN, rules=[]),
        NotFound,
    ),
    *each(
        ops.SET_MODEL_POLICY,
        "refused",
        "rules",
        (
            [g.PolicyRule()],
            [g.PolicyRule(stage="None", alias="a")],
            [g.PolicyRule(alias="v1")],
            [g.PolicyRule(alias="a"), g.PolicyRule(alias="a", approval=True)],
        ),
        lambda s, rules: g.SetModelPolicy(name=make(s), rules=rules),
        InvalidInput,
    ),
    *limited(
        ops.SET_MODEL_POLICY,
        "rules",
        limits.POLICY_RULES,
        lambda s, n: g.SetModelPolicy(name=make(s), rules=[g.PolicyRule(alias=f"a{k}") for k in range(n)]),
    ),
]

COMMENTS: list[Scenario] = [
    ok(
        ops.CREATE_COMMENT,
        "on a model",
        lambda s: g.CreateComment(name=make(s), text="ü"),
        lambda s, x: (x.author, x.text, x.version) == ("user:ann", "ü", None),
    ),
    ok(
        ops.CREATE_COMMENT,
        "on a version",
        lambda s: g.CreateComment(name=make(s, versions=1), text="ü", version=1),
        lambda s, x: x.version == 1,
    ),
    no(ops.CREATE_COMMENT, "missing", "on an unknown one", lambda s: g.CreateComment(name=UNKNOWN, text="x"), NotFound),
    no(
        ops.CREATE_COMMENT,
        "missing",
        "on an unknown version",
        lambda s: g.CreateComment(name=make(s), text="x", version=1),
        NotFound,
    ),
    *each(
        ops.CREATE_COMMENT,
        "refused",
        "text",
        ("", " ", "\x00"),
        lambda s, bad: g.CreateComment(name=make(s), text=bad),
        InvalidInput,
    ),
    *limited(
        ops.CREATE_COMMENT, "text", limits.COMMENT_CHARS, lambda s, n: g.CreateComment(name=make(s), text="x" * n)
    ),
    ok(
        ops.UPDATE_COMMENT,
        "one's own",
        lambda s: g.UpdateComment(name=NAME, comment_id=comment(s), text="better"),
        lambda s, x: s.call(ops.LIST_COMMENTS, g.ListComments(name=NAME)).comments == [x] and x.text == "better",
    ),
    no(
        ops.UPDATE_COMMENT,
        "refused",
        "another's",
        lambda s: g.UpdateComment(name=NAME, comment_id=comment(s, BOB), text="x"),
        PermissionDenied,
    ),
    *each(
        ops.UPDATE_COMMENT,
        "missing",
        "id",
        ("0", "x", "-1", "9" * 30, "٣"),
        lambda s, bad: g.UpdateComment(name=make(s), comment_id=bad, text="x"),
        NotFound,
    ),
    no(
        ops.UPDATE_COMMENT,
        "missing",
        "another model's",
        lambda s: g.UpdateComment(name=make(s, OTHER), comment_id=comment(s), text="x"),
        NotFound,
    ),
    ok(
        ops.DELETE_COMMENT,
        "one's own",
        lambda s: g.DeleteComment(name=NAME, comment_id=comment(s)),
        lambda s, x: s.call(ops.LIST_COMMENTS, g.ListComments(name=NAME)).comments == [],
    ),
    no(
        ops.DELETE_COMMENT,
        "refused",
        "another's",
        lambda s: g.DeleteComment(name=NAME, comment_id=comment(s, BOB)),
        PermissionDenied,
    ),
    no(
        ops.DELETE_COMMENT,
        "missing",
        "an unknown one",
        lambda s: g.DeleteComment(name=make(s), comment_id="1"),
        NotFound,
    ),
    ok(
        ops.LIST_COMMENTS,
        "newest first, page by page",
        lambda s: (
            comment(s)
            and s.call(ops.CREATE_COMMENT, g.CreateComment(name=NAME, text="2"))
            and g.ListComments(name=NAME, limit=1)
        ),
        lambda s, x: (
            [one.text for one in x.comments] == ["2"]
            and [
                one.text
                for one in s.call(
                    ops.LIST_COMMENTS, g.ListComments(name=NAME, limit=1, page_token=x.next_page_token)
                ).comments
            ]
            == ["good"]
        ),
    ),
    ok(
        ops.LIST_COMMENTS,
        "of one version",
        lambda s: (
            comment(s, version=1)
            and s.call(ops.CREATE_COMMENT, g.CreateComment(name=NAME, text="2"))
            and g.ListComments(name=NAME, version=1)
        ),
        lambda s, x: [one.version for one in x.comments] == [1],
    ),
    no(ops.LIST_COMMENTS, "missing", "on an unknown one", lambda s: g.ListComments(name=UNKNOWN), NotFound),
    *limited(ops.LIST_COMMENTS, "page", limits.SEARCH_PAGE, lambda s, n: g.ListComments(name=make(s), limit=n)),
]

GOALS: tuple[dict[str, Any], ...] = (
    {},
    {"stage": "Staging", "alias": "a"},
    {"alias": "latest"},
    {"stage": "Archived", "archive_existing": True},
)
"""What cannot be asked for."""

REQUESTS: list[Scenario] = [
    ok(
        ops.REQUEST_TRANSITION,
        "a stage",
        lambda s: g.RequestTransition(name=make(s, versions=1), version=1, stage="Staging", comment="please"),
        lambda s, x: (
            (x.state, x.author, x.stage, x.alias) == ("open", "user:ann", "Staging", "")
            and get_version(s).stage == "None"
        ),
    ),
    ok(
        ops.REQUEST_TRANSITION,
        "an alias",
        lambda s: g.RequestTransition(name=make(s, versions=1), version=1, alias="a"),
        lambda s, x: x.alias == "a" and get(s).aliases == {},
    ),
    no(
        ops.REQUEST_TRANSITION,
        "missing",
        "for an unknown version",
        lambda s: g.RequestTransition(name=make(s), version=1, alias="a"),
        NotFound,
    ),
    *each(
        ops.REQUEST_TRANSITION,
        "refused",
        "goal",
        GOALS,
        lambda s, goal: g.RequestTransition(name=make(s, versions=1), version=1, **goal),
        InvalidInput,
    ),
    *limited(
        ops.REQUEST_TRANSITION,
        "comment",
        limits.COMMENT_CHARS,
        lambda s, n: g.RequestTransition(name=make(s, versions=1), version=1, alias="a", comment="x" * n),
    ),
    ok(
        ops.DECIDE_REQUEST,
        "approve a stage",
        lambda s: decide(wish(s), "approve", reason="fine"),
        lambda s, x: (
            (x.state, x.decided_by, x.reason, get_version(s).stage) == ("approved", "user:ann", "fine", "Production")
            and s.call(ops.LIST_REQUESTS, g.ListRequests(name=NAME)).requests == [x]
        ),
    ),
    ok(
        ops.DECIDE_REQUEST,
        "approve an alias",
        lambda s: decide(wish(s, alias="a"), "approve"),
        lambda s, x: get(s).aliases == {"a": 1},
    ),
    ok(
        ops.DECIDE_REQUEST,
        "approve one's own, where no policy asks for more",
        lambda s: decide(
            str(
                s.call(
                    ops.REQUEST_TRANSITION, g.RequestTransition(name=make(s, versions=1), version=1, alias="a")
                ).request_id
            ),
            "approve",
        ),
    ),
    ok(
        ops.DECIDE_REQUEST,
        "approve another's, as the policy asks",
        lambda s: decide(guarded(s), "approve"),
        lambda s, x: get_version(s).stage == "Production",
    ),
    no(
        ops.DECIDE_REQUEST,
        "refused",
        "approve one's own, against the policy",
        lambda s: decide(guarded(s, Actor(kind="user", name="ann")), "approve"),
        PermissionDenied,
    ),
    no(
        ops.DECIDE_REQUEST,
        "refused",
        "approve nobody knows whose, against the policy",
        lambda s: decide(guarded(s, Actor(kind="anonymous")), "approve"),
        PermissionDenied,
    ),
    no(
        ops.DECIDE_REQUEST,
        "refused",
        "approve what lacks its evaluation",
        lambda s: decide(guarded(s, evaluation=True), "approve"),
        Conflict,
    ),
    ok(
        ops.DECIDE_REQUEST,
        "reject",
        lambda s: decide(wish(s), "reject", reason="no"),
        lambda s, x: (x.state, get_version(s).stage) == ("rejected", "None"),
    ),
    ok(
        ops.DECIDE_REQUEST,
        "withdraw one's own",
        lambda s: decide(wish(s, Actor(kind="user", name="ann")), "withdraw"),
        lambda s, x: x.state == "withdrawn",
    ),
    no(ops.DECIDE_REQUEST, "refused", "withdraw another's", lambda s: decide(wish(s), "withdraw"), PermissionDenied),
    no(
        ops.DECIDE_REQUEST,
        "refused",
        "what is decided already",
        lambda s: decide(s.call(ops.DECIDE_REQUEST, decide(wish(s), "reject")).request_id, "approve"),
        Conflict,
    ),
    no(
        ops.DECIDE_REQUEST,
        "missing",
        "about a version that is gone",
        lambda s: decide(outlived(s), "approve"),
        NotFound,
    ),
    *each(
        ops.DECIDE_REQUEST,
        "missing",
        "id",
        ("0", "x", "-1", "9" * 30),
        lambda s, bad: make(s) and decide(bad, "reject"),
        NotFound,
    ),
    ok(
        ops.LIST_REQUESTS,
        "open ones about one version",
        lambda s: (
            wish(s)
            and s.call(ops.DECIDE_REQUEST, decide(wish(s), "reject"))
            and g.ListRequests(name=NAME, version=1, state="open")
        ),
        lambda s, x: [one.state for one in x.requests] == ["open"],
    ),
    no(ops.LIST_REQUESTS, "missing", "about an unknown model", lambda s: g.ListRequests(name=UNKNOWN), NotFound),
    *limited(ops.LIST_REQUESTS, "page", limits.SEARCH_PAGE, lambda s, n: g.ListRequests(name=make(s), limit=n)),
]

SCENARIOS = [*POLICIES, *COMMENTS, *REQUESTS]
