"""Commands by which people agree on versions, and see what is in use and where it came from."""

from __future__ import annotations

from typing import Any

import click

from trackway.api import lineage as n
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.cli.models import STAGE, models
from trackway.cli.output import format_time, on_store, show_done, show_list, show_more, show_one, show_rows
from trackway.sdk.transport import Transport


@models.command("request")
@click.argument("name")
@click.argument("version", type=int)
@click.option("--stage", type=STAGE, help="Ask for this stage.")
@click.option("--alias", default="", help="Ask for this alias.")
@click.option("--comment", default="", help="Why.")
@on_store
def request_transition(transport: Transport, as_json: bool, name: str, version: int, **given: Any) -> None:
    """Ask that a version gets a stage or an alias."""
    made = transport.call(ops.REQUEST_TRANSITION, g.RequestTransition(name=name, version=version, **given))
    show_done(f"Opened request {made.request_id}.", as_json, request_id=made.request_id)


@models.command("requests")
@click.argument("name")
@click.option("--all", "every", is_flag=True, help="Also those that are decided.")
@click.option("--limit", default=100, show_default=True)
@on_store
def list_requests(transport: Transport, name: str, every: bool, limit: int, as_json: bool) -> None:
    """List what is asked for, newest first."""
    request = g.ListRequests(name=name, state=None if every else "open", limit=limit)
    page = transport.call(ops.LIST_REQUESTS, request)
    show_list(
        page.requests,
        lambda one: {
            "request": one.request_id,
            "version": one.version,
            "for": one.stage or one.alias,
            "by": one.author,
            "state": one.state,
            "opened": format_time(one.created_ms),
            "comment": one.comment,
        },
        as_json,
        "No requests.",
    )
    show_more(page.next_page_token, limit)


@models.command("decide")
@click.argument("name")
@click.argument("request_id")
@click.argument("decision", type=click.Choice(["approve", "reject", "withdraw"]))
@click.option("--reason", default="", help="Why.")
@on_store
def decide(transport: Transport, as_json: bool, name: str, request_id: str, **given: Any) -> None:
    """Approve a request, which carries it out; reject it; or withdraw one's own."""
    decided = transport.call(ops.DECIDE_REQUEST, g.DecideRequest(name=name, request_id=request_id, **given))
    show_done(f"Request {request_id} is {decided.state}.", as_json, state=decided.state)


@models.command("comment")
@click.argument("name")
@click.argument("text")
@click.option("--version", type=int, help="On this version.")
@on_store
def comment(transport: Transport, name: str, text: str, version: int | None, as_json: bool) -> None:
    """Comment on a registered model, or on one of its versions."""
    made = transport.call(ops.CREATE_COMMENT, g.CreateComment(name=name, text=text, version=version))
    show_done(f"Added comment {made.comment_id}.", as_json, comment_id=made.comment_id)


@models.command("comments")
@click.argument("name")
@click.option("--version", type=int, help="On this version.")
@click.option("--limit", default=100, show_default=True)
@on_store
def list_comments(transport: Transport, name: str, version: int | None, limit: int, as_json: bool) -> None:
    """List comments, newest first."""
    page = transport.call(ops.LIST_COMMENTS, g.ListComments(name=name, version=version, limit=limit))
    show_list(
        page.comments,
        lambda one: {
            "comment": one.comment_id,
            "version": one.version,
            "by": one.author,
            "written": format_time(one.created_ms),
            "text": one.text,
        },
        as_json,
        "No comments.",
    )
    show_more(page.next_page_token, limit)


@models.command("history")
@click.argument("name")
@click.argument("version", required=False, type=int)
@click.option("--limit", default=100, show_default=True)
@on_store
def show_history(transport: Transport, name: str, version: int | None, limit: int, as_json: bool) -> None:
    """Show who did what to a registered model or a version, newest first."""
    request = g.GetModelHistory(name=name, version=version, limit=limit)
    page = transport.call(ops.GET_MODEL_HISTORY, request)
    show_list(
        page.events,
        lambda one: {
            "time": format_time(one.time_ms),
            "by": one.actor,
            "action": one.action,
            "version": one.version,
            "detail": ", ".join(f"{key}: {value}" for key, value in one.detail.items()),
        },
        as_json,
    )
    show_more(page.next_page_token, limit)


@models.command("policy")
@click.argument("name")
@click.option("--stage", type=STAGE, help="Change what this stage asks of a version.")
@click.option("--alias", default="", help="Change what this alias asks of a version.")
@click.option(
    "--needs", multiple=True, type=click.Choice(["signature", "evaluation", "approval"]), help="May be repeated."
)
@click.option("--key", "keys", multiple=True, help="Trusted key of which one must have signed; may be repeated.")
@on_store
def set_policy(
    transport: Transport, as_json: bool, name: str, needs: tuple[str, ...], keys: tuple[str, ...], **goal: Any
) -> None:
    """Show what stages and aliases ask of a version, or (--stage, --alias) change it; without --needs, to nothing."""
    policy = transport.call(ops.GET_MODEL_POLICY, g.RegisteredModelName(name=name))
    if goal["stage"] or goal["alias"]:
        rules = [rule for rule in policy.rules if (rule.stage, rule.alias) != (goal["stage"], goal["alias"])]
        if needs or keys:
            rules.append(
                g.PolicyRule(
                    stage=goal["stage"],
                    alias=goal["alias"],
                    signature="signature" in needs or bool(keys),
                    keys=list(keys),
                    evaluation="evaluation" in needs,
                    approval="approval" in needs,
                )
            )
        policy = transport.call(ops.SET_MODEL_POLICY, g.SetModelPolicy(name=name, rules=rules))
    show_list(
        policy.rules,
        lambda rule: {
            "for": rule.stage or rule.alias,
            "keys": ", ".join(rule.keys),
            "needs": ", ".join(need for need in ("signature", "evaluation", "approval") if getattr(rule, need)),
        },
        as_json,
        "Nothing is asked of a version.",
    )


@models.command("portfolio")
@click.option("--stage", type=STAGE, default="Production", show_default=True)
@click.option("--alias", default="", help="What this alias stands for, in place of a stage.")
@click.option("--limit", default=1_000, show_default=True)
@on_store
def show_portfolio(transport: Transport, stage: Any, alias: str, limit: int, as_json: bool) -> None:
    """Show what is in use: since when, by whom, from which run and which data, and where it is served."""
    page = transport.call(ops.GET_PORTFOLIO, n.GetPortfolio(stage=stage, alias=alias, limit=limit))
    show_list(
        page.entries,
        lambda one: {
            "name": one.name,
            "version": one.version,
            "since": format_time(one.since_ms),
            "by": one.by,
            "owner": one.owner,
            "run": one.run_id,
            "data": ", ".join(f"{data.name} ({data.digest})" for data in one.datasets),
            "served at": ", ".join(one.endpoints),
        },
        as_json,
        "Nothing is in use.",
    )
    show_more(page.next_page_token, limit)


@models.command("lineage")
@click.argument("kind", type=click.Choice(["dataset", "run", "model", "version", "endpoint"]))
@click.argument("id")
@on_store
def show_lineage(transport: Transport, as_json: bool, **start: Any) -> None:
    """Show what something came from and what came of it; a version is written like churn/3."""
    found = transport.call(ops.GET_LINEAGE, n.GetLineage(**start))
    if as_json:
        show_one(found, as_json)
        return
    names = [f"{node.kind} {node.id}" for node in found.nodes]
    rows = [
        {"from": names[edge.source], "came": names[edge.target], "which": (edge.link or "").replace("_", " ")}
        for edge in found.edges
    ]
    show_rows(rows, as_json, "It stands alone.")
