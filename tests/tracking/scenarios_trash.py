"""Scenarios of the trash: what is deleted comes back as it was, or goes for good."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.tracking import scenarios_endpoints as endpoints
from tests.tracking import scenarios_schedules as schedules
from tests.tracking import scenarios_webhooks as webhooks
from tests.tracking.scenarios import Scenario, Stage, each, no, ok
from tests.tracking.scenarios_access import give, grants, name, team
from tests.tracking.scenarios_access import make as make_user
from tests.tracking.scenarios_content import frozen, is_whole, list_copies
from tests.tracking.scenarios_registry import NAME, get, get_version, make
from tests.tracking.scenarios_signatures import list_signatures, signed
from trackway.api import access as c
from trackway.api import artifacts as a
from trackway.api import endpoints as d
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import retention as t
from trackway.api import schedules as h
from trackway.api import signing as k
from trackway.api import trash as z
from trackway.api import webhooks as w
from trackway.api.holds import CreateHold
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound

BAD_IDS = ("", "0", "x", "-1", "1.5", "9" * 30, "\u0663", "../1", "\x00")


def gone(s: Stage, operation: Any, request: Any) -> Any:
    """Delete something, and return the id that brings it back."""
    return z.TrashId(trash_id=s.call(operation, request).trash_id)


def copied(s: Stage) -> bool:
    """Have a version with files of its own."""
    frozen(s)
    return True


def granted(s: Stage, role: str) -> str:
    """Give somebody a role, and return the grant's id."""
    return give(s, make_user(s), role).grant_id


def gone_model(s: Stage, name: str = NAME) -> Any:
    return gone(s, ops.DELETE_REGISTERED_MODEL, g.RegisteredModelName(name=name))


def gone_version(s: Stage, number: int = 1) -> Any:
    return gone(s, ops.DELETE_MODEL_VERSION, g.VersionName(name=NAME, version=number))


def full(s: Stage) -> str:
    """Have a model with a version that has files, a stage, an alias, a comment, a request and a grant."""
    frozen(s)
    s.call(ops.SET_ALIAS, g.SetAlias(name=NAME, alias="champion", version=1))
    s.call(ops.TRANSITION_VERSION, g.TransitionVersion(name=NAME, version=1, stage="Production"))
    s.call(ops.CREATE_COMMENT, g.CreateComment(name=NAME, version=1, text="fine"))
    s.call(ops.REQUEST_TRANSITION, g.RequestTransition(name=NAME, version=1, stage="Archived"))
    give(s, make_user(s), "reader", "registered_model", NAME)
    return NAME


def look(s: Stage) -> list[bytes]:
    """Return all that is shown of the model, but its history."""
    found = [
        get(s),
        get_version(s),
        s.call(ops.LIST_COMMENTS, g.ListComments(name=NAME)),
        s.call(ops.LIST_REQUESTS, g.ListRequests(name=NAME)),
        c.GrantList(grants=grants(s)),
    ]
    return [msgspec.json.encode(one) for one in found]


def actions(s: Stage) -> list[str]:
    return [one.action for one in s.call(ops.GET_MODEL_HISTORY, g.GetModelHistory(name=NAME)).events]


def kept(s: Stage, **fields: Any) -> list[tuple[str, str]]:
    """Return kinds and names of what is in the trash, the last first."""
    return [(one.kind, one.name) for one in s.call(ops.SEARCH_TRASH, z.SearchTrash(**fields)).entries]


def entry(s: Stage) -> t.AuditEntry:
    """Return the newest entry of the audit log."""
    found: t.AuditEntry = s.call(ops.SEARCH_AUDIT, t.SearchAudit(limit=1)).entries[0]
    return found


SEEN: dict[str, list[bytes]] = {}
"""What a model looked like before it was deleted, by workspace."""


def remembered(s: Stage) -> Any:
    full(s)
    SEEN[s.workspace] = look(s)
    return gone_model(s)


def both(s: Stage) -> bool:
    """Have a model and a webhook in the trash."""
    make(s)
    gone_model(s)
    gone(s, ops.DELETE_WEBHOOK, w.WebhookId(webhook_id=webhooks.make(s)))
    return True


SEARCHING: list[Scenario] = [
    ok(
        ops.SEARCH_TRASH,
        "what was deleted last first, with who and when",
        lambda s: both(s) and z.SearchTrash(),
        lambda s, x: (
            [(one.kind, one.name) for one in x.entries] == [("webhook", "ci"), ("registered_model", NAME)]
            and {one.deleted_by for one in x.entries} == {s.actor.label}
            and all(one.deleted_ms > 0 for one in x.entries)
        ),
    ),
    ok(
        ops.SEARCH_TRASH,
        "of one kind, and of one name",
        lambda s: both(s) and z.SearchTrash(kind="webhook", name="ci"),
        lambda s, x: len(x.entries) == 1 and kept(s, name="nothing") == [] and kept(s, kind="team") == [],
    ),
    ok(
        ops.SEARCH_TRASH,
        "page by page",
        lambda s: both(s) and z.SearchTrash(limit=1),
        lambda s, x: (
            x.next_page_token and kept(s, limit=1, page_token=x.next_page_token) == [("registered_model", NAME)]
        ),
    ),
    *each(ops.SEARCH_TRASH, "refused", "limit", (0, -1, 10**9), lambda s, n: z.SearchTrash(limit=n), InvalidInput),
    no(ops.SEARCH_TRASH, "refused", "a token", lambda s: z.SearchTrash(page_token="x"), InvalidInput),
]
REGISTRY: list[Scenario] = [
    ok(
        ops.RESTORE_TRASH,
        "a model, as it was",
        remembered,
        lambda s, x: (
            (x.kind, x.name) == ("registered_model", NAME)
            and look(s) == SEEN[s.workspace]
            and is_whole(s)
            and kept(s) == []
            and actions(s)[:2] == ["model.restored", "model.deleted"]
        ),
    ),
    ok(
        ops.RESTORE_TRASH,
        "with an entry of the audit log under its name",
        lambda s: make(s) and gone_model(s),
        lambda s, x: (entry(s).object, entry(s).detail) == (NAME, "registered_model"),
    ),
    ok(
        ops.RESTORE_TRASH,
        "a version, with the aliases that are free",
        lambda s: (
            make(s, versions=2)
            and [s.call(ops.SET_ALIAS, g.SetAlias(name=NAME, alias=one, version=1)) for one in ("old", "champion")]
            and (found := gone_version(s))
            and s.call(ops.SET_ALIAS, g.SetAlias(name=NAME, alias="champion", version=2))
            and found
        ),
        lambda s, x: (
            (x.kind, x.name) == ("model_version", f"{NAME}/1")
            and get(s).aliases == {"champion": 2, "old": 1}
            and actions(s)[0] == "version.restored"
        ),
    ),
    ok(
        ops.RESTORE_TRASH,
        "is told to webhooks",
        lambda s: make(s) and webhooks.make(s, events=["registered_model.restored", "run.created"]) and gone_model(s),
        lambda s, x: (
            webhooks.queued(s, s.call(ops.LIST_WEBHOOKS, w.ListWebhooks()).webhooks[0].webhook_id)
            == [("registered_model.restored", {"name": NAME})]
        ),
    ),
    no(
        ops.RESTORE_TRASH,
        "refused",
        "a model whose name is another's now",
        lambda s: make(s) and (found := gone_model(s)) and make(s) and found,
        AlreadyExists,
    ),
    no(
        ops.RESTORE_TRASH,
        "refused",
        "a version of a model that is in the trash",
        lambda s: make(s, versions=1) and (found := gone_version(s)) and gone_model(s) and found,
        Conflict,
    ),
    ok(
        ops.RESTORE_TRASH,
        "a comment, by the id that it had",
        lambda s: gone(
            s,
            ops.DELETE_COMMENT,
            g.DeleteComment(
                name=make(s),
                comment_id=s.call(ops.CREATE_COMMENT, g.CreateComment(name=NAME, text="fine")).comment_id,
            ),
        ),
        lambda s, x: (
            [one.text for one in s.call(ops.LIST_COMMENTS, g.ListComments(name=NAME)).comments] == ["fine"]
            and actions(s)[0] == "comment.restored"
        ),
    ),
    ok(
        ops.RESTORE_TRASH,
        "a key that is trusted again, with what it signed",
        lambda s: signed(s) and gone(s, ops.DELETE_SIGNING_KEY, k.SigningKeyName(name="release")),
        lambda s, x: get_version(s).signed_by == ["release"] and len(list_signatures(s)) == 1,
    ),
    ok(
        ops.RESTORE_TRASH,
        "a version, without what a key signed that is trusted no more",
        lambda s: (
            signed(s)
            and (found := gone_version(s))
            and gone(s, ops.DELETE_SIGNING_KEY, k.SigningKeyName(name="release"))
            and found
        ),
        lambda s, x: get_version(s).signed_by == [],
    ),
    ok(
        ops.RESTORE_TRASH,
        "an endpoint, with who served it",
        lambda s: endpoints.begin(s) and endpoints.end(s) and gone(s, ops.DELETE_ENDPOINT, d.EndpointName(name="live")),
        lambda s, x: [one.state for one in endpoints.get(s).servers] == ["ended"],
    ),
    *each(ops.RESTORE_TRASH, "missing", "id", BAD_IDS, lambda s, bad: z.TrashId(trash_id=bad), NotFound),
    no(
        ops.RESTORE_TRASH,
        "missing",
        "what is back already",
        lambda s: make(s) and (found := gone_model(s)) and s.call(ops.RESTORE_TRASH, found) and found,
        NotFound,
    ),
    no(
        ops.DELETE_FILES,
        "refused",
        "of a version in the trash",
        lambda s: copied(s) and gone_model(s) and a.DeleteFiles(path="versions"),
        Conflict,
    ),
    no(
        ops.COMMIT_UPLOAD,
        "refused",
        "among files of a version in the trash",
        lambda s: (
            copied(s)
            and gone_version(s)
            and msgspec.structs.replace(s.file("x"), path=f"{list_copies(s)[0].path.rpartition('/')[0]}/x")
        ),
        Conflict,
    ),
]
OTHERS: list[Scenario] = [
    ok(
        ops.RESTORE_TRASH,
        "a webhook, with its secret and what waits",
        lambda s: gone(s, ops.DELETE_WEBHOOK, w.WebhookId(webhook_id=webhooks.send(s, secret="hush").webhook_id)),
        lambda s, x: (
            (found := s.call(ops.LIST_WEBHOOKS, w.ListWebhooks()).webhooks[0]).signed
            and [one for one, _ in webhooks.queued(s, found.webhook_id)] == ["model_version.created"]
        ),
    ),
    ok(
        ops.RESTORE_TRASH,
        "a schedule, with its history, to go on from now",
        lambda s: schedules.end(s) and gone(s, ops.DELETE_SCHEDULE, h.ScheduleName(name="nightly")),
        lambda s, x: (
            [one.state for one in schedules.history(s)] == ["finished"]
            and s.call(ops.GET_SCHEDULE, h.ScheduleName(name="nightly")).next_ms > entry(s).time_ms
        ),
    ),
    no(
        ops.RESTORE_TRASH,
        "refused",
        "a schedule whose name is another's now",
        lambda s: (found := gone(s, ops.DELETE_SCHEDULE, schedules.name(s))) and schedules.make(s) and found,
        AlreadyExists,
    ),
    ok(
        ops.RESTORE_TRASH,
        "a team, with members and roles",
        lambda s: (
            (made := team(s, make_user(s)))
            and s.call(
                ops.CREATE_GRANT,
                c.CreateGrant(subject_kind="team", subject=made, target_kind="workspace", role="reader"),
            )
            and gone(s, ops.DELETE_TEAM, c.TeamName(team=made))
        ),
        lambda s, x: (
            [len(one.members) for one in s.call(ops.LIST_TEAMS, c.ListTeams()).teams] == [1]
            and [one.subject for one in grants(s)] == [x.name]
        ),
    ),
    ok(
        ops.RESTORE_TRASH,
        "a role, with the grants of it",
        lambda s: (
            s.call(ops.SET_ROLE, c.SetRole(role="tagger", permissions=["read"]))
            and granted(s, "tagger")
            and gone(s, ops.DELETE_ROLE, c.RoleName(role="tagger"))
        ),
        lambda s, x: [one.role for one in grants(s)] == ["tagger"],
    ),
    ok(
        ops.RESTORE_TRASH,
        "a grant, by the id that it had",
        lambda s: gone(s, ops.DELETE_GRANT, c.GrantId(grant_id=granted(s, "reader"))),
        lambda s, x: x.name.startswith("reader for ") and len(grants(s)) == 1,
    ),
    no(
        ops.RESTORE_TRASH,
        "refused",
        "a grant of somebody who is gone",
        lambda s: (
            (user := make_user(s, name=name()))
            and (found := gone(s, ops.DELETE_GRANT, c.GrantId(grant_id=give(s, user, "reader").grant_id)))
            and s.call(ops.DELETE_USER, c.UserName(name=user))
            and found
        ),
        Conflict,
    ),
]
PURGING: list[Scenario] = [
    ok(
        ops.PURGE_ENTRIES,
        "a model, with the files of its versions",
        lambda s: z.PurgeEntries(trash_ids=[remembered(s).trash_id]),
        lambda s, x: (x.objects, x.files, x.file_bytes) == (1, 1, 1) and list_copies(s) == [] and kept(s) == [],
    ),
    ok(
        ops.PURGE_ENTRIES,
        "only counted",
        lambda s: z.PurgeEntries(trash_ids=[remembered(s).trash_id], dry_run=True),
        lambda s, x: (x.objects, x.files) == (1, 1) and len(list_copies(s)) == 1 and len(kept(s)) == 1,
    ),
    no(
        ops.PURGE_ENTRIES,
        "missing",
        "one of two",
        lambda s: make(s) and z.PurgeEntries(trash_ids=[gone_model(s).trash_id, "0"]),
        NotFound,
    ),
    no(
        ops.PURGE_ENTRIES,
        "limit",
        "too many",
        lambda s: z.PurgeEntries(trash_ids=["1"] * (limits.TRASH_PURGED + 1)),
        InvalidInput,
    ),
    no(
        ops.PURGE_ENTRIES,
        "refused",
        "of a held workspace",
        lambda s: make(s) and (found := gone_model(s)) and held(s) and z.PurgeEntries(trash_ids=[found.trash_id]),
        Conflict,
    ),
    ok(
        ops.PURGE_TRASH,
        "what is no run goes too, with its files",
        lambda s: copied(s) and gone_model(s) and t.PurgeTrash(),
        lambda s, x: x.objects == 1 and list_copies(s) == [] and "1 other things" in entry(s).detail,
    ),
    ok(
        ops.PURGE_TRASH,
        "what is too young stays",
        lambda s: make(s) and gone_model(s) and t.PurgeTrash(older_than_ms=10**9),
        lambda s, x: x.objects == 0 and len(kept(s)) == 1,
    ),
    ok(
        ops.PURGE_TRASH,
        "what is held stays, whatever it is",
        lambda s: both(s) and held(s) and t.PurgeTrash(),
        lambda s, x: x.objects == 0 and x.held >= 2 and len(kept(s)) == 2,
    ),
    ok(
        ops.GET_RETENTION_REPORT,
        "what is of no experiment is in the sums",
        lambda s: both(s) and t.GetRetentionReport(trash_ms=0),
        lambda s, x: (x.contents.objects, x.due.objects, x.held.objects) == (2, 2, 0),
    ),
    ok(
        ops.GET_RETENTION,
        "with how much else is in the trash",
        lambda s: both(s) and t.GetRetention(),
        lambda s, x: x.trashed_objects == 2,
    ),
]


def give_team(s: Stage, made: str) -> Any:
    request = c.CreateGrant(subject_kind="team", subject=made, target_kind="workspace", role="reader")
    return s.call(ops.CREATE_GRANT, request)


def held(s: Stage) -> bool:
    s.call(ops.CREATE_HOLD, CreateHold(target_kind="workspace", reason="r"))
    return True


SCENARIOS: list[Scenario] = [*SEARCHING, *REGISTRY, *OTHERS, *PURGING]
