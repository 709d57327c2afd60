"""Scenarios of webhooks."""

from __future__ import annotations

import json
from typing import Any, cast

from tests.tracking.scenarios import Scenario, Stage, each, limited, no, ok
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import runs as r
from trackway.api import webhooks as w
from trackway.api.retention import SearchAudit
from trackway.base.errors import InvalidInput, NotFound

URL = "https://hooks.example.org/t?a=1"
UNKNOWN = "f" * 32
EVERYTHING: list[Any] = list(w.EVENT_KINDS)


def new(**fields: Any) -> w.CreateWebhook:
    return w.CreateWebhook(**({"name": "ci", "url": URL, "events": ["model_version.created"]} | fields))


def make(s: Stage, **fields: Any) -> str:
    """Create a webhook, and return its id."""
    return str(s.call(ops.CREATE_WEBHOOK, new(**fields)).webhook_id)


def send(s: Stage, **fields: Any) -> w.DeliveryName:
    """Queue a test, and return the delivery's name."""
    webhook_id = make(s, **fields)
    made = s.call(ops.TEST_WEBHOOK, w.TestWebhook(webhook_id=webhook_id))
    return w.DeliveryName(webhook_id=webhook_id, delivery_id=made.delivery_id)


def get(s: Stage, webhook_id: str) -> w.Webhook:
    found: w.Webhook = s.call(ops.GET_WEBHOOK, w.WebhookId(webhook_id=webhook_id))
    return found


def queued(s: Stage, webhook_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the events that wait for a webhook, oldest first, with what they tell."""
    page = s.call(ops.LIST_DELIVERIES, w.ListDeliveries(webhook_id=webhook_id))
    return [(one.event, json.loads(one.body)["data"]) for one in reversed(page.deliveries)]


def pages(s: Stage, operation: Any, kind: Any, field: str, **fields: Any) -> int:
    """Return how many things the pages of one hold."""
    token, seen = "", 0
    while True:
        page = s.call(operation, kind(limit=1, page_token=token, **fields))
        seen += len(getattr(page, field))
        token = page.next_page_token
        if not token:
            return seen


def is_named_from_first_to_last(s: Stage) -> bool:
    """Tell whether the audit log's entries of making and deleting a webhook name the same one."""
    entries: Any = s.call(ops.SEARCH_AUDIT, SearchAudit()).entries
    named = {
        one.operation: one for one in entries if one.operation in (ops.CREATE_WEBHOOK.name, ops.DELETE_WEBHOOK.name)
    }
    made, deleted = named[ops.CREATE_WEBHOOK.name], named[ops.DELETE_WEBHOOK.name]
    return bool(made.object == deleted.object != s.workspace and made.detail)


WEBHOOKS: list[Scenario] = [
    ok(
        ops.CREATE_WEBHOOK,
        "with a secret, which is never shown",
        lambda s: new(secret="hush", events=["run.created", "run.created"]),
        lambda s, x: (
            "hush" not in repr(x)
            and x.signed
            and x.enabled
            and x.events == ["run.created"]
            and (x.name, x.url, x.created_by) == ("ci", URL, "user:ann")
            and get(s, x.webhook_id) == x
        ),
    ),
    ok(ops.CREATE_WEBHOOK, "without one", lambda s: new(enabled=False), lambda s, x: not x.signed and not x.enabled),
    ok(ops.CREATE_WEBHOOK, "for everything", lambda s: new(events=EVERYTHING), lambda s, x: x.events == EVERYTHING),
    *each(
        ops.CREATE_WEBHOOK,
        "refused",
        "name",
        ("", "-a", "a-", "a b", "a/b", "ü", "x" * 64, "a\n"),
        lambda s, name: new(name=name),
        InvalidInput,
    ),
    no(ops.CREATE_WEBHOOK, "refused", "for nothing", lambda s: new(events=[]), InvalidInput),
    *limited(ops.CREATE_WEBHOOK, "secret", limits.WEBHOOK_SECRET_CHARS, lambda s, n: new(secret="x" * n)),
    *limited(ops.CREATE_WEBHOOK, "description", limits.COMMENT_CHARS, lambda s, n: new(description="x" * n)),
    *limited(
        ops.CREATE_WEBHOOK, "url", limits.LOCATION_CHARS, lambda s, n: new(url="https://a.example.org/".ljust(n, "x"))
    ),
    ok(ops.GET_WEBHOOK, "one", lambda s: w.WebhookId(webhook_id=make(s)), lambda s, x: x.name == "ci"),
    no(ops.GET_WEBHOOK, "missing", "an unknown one", lambda s: w.WebhookId(webhook_id=UNKNOWN), NotFound),
    ok(ops.LIST_WEBHOOKS, "none", lambda s: w.ListWebhooks(), lambda s, x: x.webhooks == []),
    ok(
        ops.LIST_WEBHOOKS,
        "by pages, oldest first",
        lambda s: make(s, name="a") and make(s, name="b") and w.ListWebhooks(),
        lambda s, x: (
            [one.name for one in x.webhooks] == ["a", "b"]
            and pages(s, ops.LIST_WEBHOOKS, w.ListWebhooks, "webhooks") == 2
        ),
    ),
    *each(ops.LIST_WEBHOOKS, "refused", "limit", (0, -1, 50_001), lambda s, n: w.ListWebhooks(limit=n), InvalidInput),
    no(ops.LIST_WEBHOOKS, "refused", "a made-up token", lambda s: w.ListWebhooks(page_token="x"), InvalidInput),
    ok(
        ops.UPDATE_WEBHOOK,
        "of everything",
        lambda s: w.UpdateWebhook(
            webhook_id=make(s, secret="a"),
            name="b",
            url="https://b.example.org",
            events=["run.deleted"],
            description="d",
            secret="",
            enabled=False,
        ),
        lambda s, x: (
            (x.name, x.url, x.events, x.description, x.signed, x.enabled)
            == ("b", "https://b.example.org", ["run.deleted"], "d", False, False)
            and get(s, x.webhook_id) == x
        ),
    ),
    ok(
        ops.UPDATE_WEBHOOK,
        "of nothing",
        lambda s: w.UpdateWebhook(webhook_id=make(s, secret="a")),
        lambda s, x: (x.name, x.url, x.signed, x.enabled) == ("ci", URL, True, True) and get(s, x.webhook_id) == x,
    ),
    no(ops.UPDATE_WEBHOOK, "missing", "an unknown one", lambda s: w.UpdateWebhook(webhook_id=UNKNOWN), NotFound),
    *each(
        ops.UPDATE_WEBHOOK,
        "refused",
        "to",
        ({"name": ""}, {"url": "https://127.0.0.1/"}, {"events": []}),
        lambda s, fields: w.UpdateWebhook(webhook_id=make(s), **cast(dict[str, Any], fields)),
        InvalidInput,
    ),
    ok(
        ops.DELETE_WEBHOOK,
        "with what waits for it",
        lambda s: w.WebhookId(webhook_id=send(s).webhook_id),
        lambda s, x: s.call(ops.LIST_WEBHOOKS, w.ListWebhooks()).webhooks == [] and is_named_from_first_to_last(s),
    ),
    no(ops.DELETE_WEBHOOK, "missing", "an unknown one", lambda s: w.WebhookId(webhook_id=UNKNOWN), NotFound),
]

DELIVERIES: list[Scenario] = [
    ok(
        ops.TEST_WEBHOOK,
        "with its first event, though it is not enabled",
        lambda s: w.TestWebhook(webhook_id=make(s, enabled=False)),
        lambda s, x: (
            (x.event, x.state, x.is_test, x.attempts) == ("model_version.created", "pending", True, [])
            and json.loads(x.body)["data"]["version"] == "1"
        ),
    ),
    *[
        ok(
            ops.TEST_WEBHOOK,
            f"with {kind}",
            lambda s, kind=kind: w.TestWebhook(webhook_id=make(s), event=kind),  # type: ignore[misc]
            lambda s, x, kind=kind: ".".join(json.loads(x.body)[part] for part in ("entity", "action")) == kind,  # type: ignore[misc]
        )
        for kind in w.EVENT_KINDS
    ],
    no(ops.TEST_WEBHOOK, "missing", "an unknown one", lambda s: w.TestWebhook(webhook_id=UNKNOWN), NotFound),
    ok(ops.GET_DELIVERY, "one", send, lambda s, x: x.state == "pending"),
    *each(
        ops.GET_DELIVERY,
        "missing",
        "unknown",
        ("", "x", "1", "-1", "x-1", f"x-{'9' * 30}", "x-٣"),
        lambda s, name: w.DeliveryName(webhook_id=send(s).webhook_id, delivery_id=name),
        NotFound,
    ),
    no(
        ops.GET_DELIVERY,
        "missing",
        "of another webhook",
        lambda s: w.DeliveryName(webhook_id=make(s), delivery_id=send(s).delivery_id),
        NotFound,
    ),
    ok(
        ops.LIST_DELIVERIES,
        "by pages, newest first",
        lambda s: w.ListDeliveries(webhook_id=two_runs(s)),
        lambda s, x: (
            x.deliveries[0].created_ms >= x.deliveries[1].created_ms
            and pages(s, ops.LIST_DELIVERIES, w.ListDeliveries, "deliveries", webhook_id=x.deliveries[0].webhook_id)
            == 2
        ),
    ),
    ok(
        ops.LIST_DELIVERIES,
        "of a state",
        lambda s: w.ListDeliveries(webhook_id=send(s).webhook_id, state="dead"),
        lambda s, x: x.deliveries == [],
    ),
    no(ops.LIST_DELIVERIES, "missing", "an unknown one", lambda s: w.ListDeliveries(webhook_id=UNKNOWN), NotFound),
    ok(ops.REPLAY_DELIVERY, "one that waits", send, lambda s, x: x.state == "pending" and x.next_ms is not None),
    no(
        ops.REPLAY_DELIVERY,
        "missing",
        "an unknown one",
        lambda s: w.DeliveryName(webhook_id=make(s), delivery_id="x-1"),
        NotFound,
    ),
]


def two_runs(s: Stage) -> str:
    webhook_id = make(s, events=["run.created"])
    s.make_run(s.exp)
    s.make_run(s.exp)
    return webhook_id


def told(s: Stage, events: list[tuple[str, dict[str, Any]]]) -> bool:
    """Tell whether the only webhook was told of just these events, or of these among more keys."""
    [webhook] = s.call(ops.LIST_WEBHOOKS, w.ListWebhooks()).webhooks
    found = queued(s, webhook.webhook_id)
    assert [kind for kind, _ in found] == [kind for kind, _ in events], found
    for (_, data), (_, expected) in zip(found, events, strict=True):
        assert data | expected == data, (data, expected)
    return True


def watched(s: Stage, **fields: Any) -> str:
    """Have a version of a model, and then be told of everything."""
    s.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="churn"))
    s.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name="churn", source="s3://bucket/m"))
    make(s, events=EVERYTHING, **fields)
    return "churn"


V = {"name": "churn", "version": "1"}
PROMPT = {g.TAG_PROMPT: "true"}
EVENTS: list[Scenario] = [
    ok(
        ops.CREATE_REGISTERED_MODEL,
        "which is told",
        lambda s: watched(s) and g.CreateRegisteredModel(name="m", tags={"a": "1"}, description="d"),
        lambda s, x: told(s, [("registered_model.created", {"name": "m", "tags": {"a": "1"}, "description": "d"})]),
    ),
    ok(
        ops.CREATE_REGISTERED_MODEL,
        "of a prompt",
        lambda s: watched(s) and g.CreateRegisteredModel(name="m", tags=PROMPT),
        lambda s, x: told(s, [("prompt.created", {"name": "m"})]),
    ),
    ok(
        ops.CREATE_REGISTERED_MODEL,
        "that was there, which is no event",
        lambda s: g.CreateRegisteredModel(name=watched(s), if_exists="return"),
        lambda s, x: told(s, []),
    ),
    ok(
        ops.RENAME_REGISTERED_MODEL,
        "which is told",
        lambda s: g.RenameRegisteredModel(name=watched(s), new_name="n"),
        lambda s, x: told(s, [("registered_model.updated", {"name": "n", "old": "churn", "new": "n"})]),
    ),
    ok(
        ops.DELETE_REGISTERED_MODEL,
        "which is told",
        lambda s: g.RegisteredModelName(name=watched(s)),
        lambda s, x: told(s, [("registered_model.deleted", {"name": "churn"})]),
    ),
    ok(
        ops.SET_REGISTERED_MODEL_TAGS,
        "which is told of each",
        lambda s: g.SetRegisteredModelTags(name=watched(s), tags={"a": "1", "b": "2"}),
        lambda s, x: told(
            s,
            [
                ("registered_model_tag.set", {"name": "churn", "key": "a", "value": "1"}),
                ("registered_model_tag.set", {"name": "churn", "key": "b", "value": "2"}),
            ],
        ),
    ),
    ok(
        ops.CREATE_MODEL_VERSION,
        "which is told",
        lambda s: g.CreateModelVersion(name=watched(s), source="s3://bucket/n", tags={"a": "1"}),
        lambda s, x: told(
            s, [("model_version.created", V | {"version": "2", "source": "s3://bucket/n", "tags": {"a": "1"}})]
        ),
    ),
    ok(
        ops.UPDATE_MODEL_VERSION,
        "which is told",
        lambda s: g.UpdateModelVersion(name=watched(s), version=1, description="d"),
        lambda s, x: told(s, [("model_version.updated", V | {"description": "d"})]),
    ),
    ok(
        ops.DELETE_MODEL_VERSION,
        "which is told",
        lambda s: g.VersionName(name=watched(s), version=1),
        lambda s, x: told(s, [("model_version.deleted", V)]),
    ),
    ok(
        ops.TRANSITION_VERSION,
        "which is told",
        lambda s: g.TransitionVersion(name=watched(s), version=1, stage="Production"),
        lambda s, x: told(s, [("model_version.stage_changed", V | {"old": "None", "new": "Production"})]),
    ),
    ok(
        ops.SET_ALIAS,
        "which is told",
        lambda s: g.SetAlias(name=watched(s), version=1, alias="champion"),
        lambda s, x: told(s, [("model_version_alias.created", V | {"alias": "champion"})]),
    ),
    ok(
        ops.REQUEST_TRANSITION,
        "which is told",
        lambda s: g.RequestTransition(name=watched(s), version=1, stage="Staging"),
        lambda s, x: told(s, [("transition_request.opened", V | {"request_id": x.request_id, "goal": "Staging"})]),
    ),
    ok(
        ops.CREATE_COMMENT,
        "which is told",
        lambda s: g.CreateComment(name=watched(s), version=1, text="hm"),
        lambda s, x: told(s, [("comment.created", V | {"comment_id": x.comment_id})]),
    ),
    ok(
        ops.SET_ALIAS,
        "that nobody is told of while its webhook is not enabled",
        lambda s: g.SetAlias(name=watched(s, enabled=False), version=1, alias="champion"),
        lambda s, x: told(s, []),
    ),
    ok(
        ops.CREATE_RUN,
        "which is told",
        lambda s: watched(s) and r.CreateRun(experiment_id=s.exp, name="n"),
        lambda s, x: told(
            s, [("run.created", {"run_id": x.run_id, "experiment_id": s.exp, "run_name": "n", "status": "RUNNING"})]
        ),
    ),
    ok(
        ops.UPDATE_RUN,
        "to its end, which is told",
        lambda s: watched(s) and r.UpdateRun(run_id=s.run, status="FINISHED"),
        lambda s, x: told(s, [("run.status_changed", {"run_id": s.run, "status": "FINISHED"})]),
    ),
    ok(
        ops.UPDATE_RUN,
        "of its name, which is told",
        lambda s: watched(s) and r.UpdateRun(run_id=s.run, name="other", status="RUNNING"),
        lambda s, x: told(s, [("run.renamed", {"run_id": s.run, "run_name": "other"})]),
    ),
    ok(
        ops.DELETE_RUN,
        "which is told",
        lambda s: watched(s) and r.DeleteRun(run_id=s.run),
        lambda s, x: told(s, [("run.deleted", {"run_id": s.run})]),
    ),
    ok(
        ops.RESTORE_RUN,
        "which is told",
        lambda s: watched(s) and r.RunId(run_id=s.gone_run),
        lambda s, x: told(s, [("run.restored", {"run_id": s.gone_run})]),
    ),
    ok(
        ops.INGEST,
        "of tags, which is told of each",
        lambda s: watched(s) and r.Ingest(run_id=s.run, tags={"a": "1"}, params={"q": "1"}),
        lambda s, x: told(s, [("run_tag.set", {"run_id": s.run, "key": "a", "value": "1"})]),
    ),
    ok(
        ops.DELETE_RUN_TAG,
        "which is told",
        lambda s: watched(s) and r.DeleteRunTag(run_id=s.run, key="t"),
        lambda s, x: told(s, [("run_tag.deleted", {"run_id": s.run, "key": "t"})]),
    ),
]

SCENARIOS: list[Scenario] = [*WEBHOOKS, *DELIVERIES, *EVENTS]
