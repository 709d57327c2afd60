"""Scenarios of bringing over registered models."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.tracking.scenarios import Scenario, Stage, each, no, ok
from tests.tracking.scenarios_registry import BAD_ALIASES, BAD_NAMES, NAME, get, get_version, make
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import transfers as t
from trackway.base.errors import AlreadyExists, InvalidInput

PLACE = "s3://bucket/model"
EVENT = g.ModelEvent(time_ms=5, actor="user:eve", action="version.created", version=1, detail={"source": "x"})


def past(**fields: Any) -> t.ImportRegisteredModel:
    plain: dict[str, Any] = {"name": NAME, "versions": [version(1)]}
    return t.ImportRegisteredModel(origin="http://there", model=t.PastRegistered(**(plain | fields)))


def version(number: int, **given: Any) -> t.PastVersion:
    fields: dict[str, Any] = {"source": PLACE, **given}
    return t.PastVersion(version=number, **fields)


def imported(s: Stage, **fields: Any) -> str:
    s.call(ops.IMPORT_REGISTERED_MODEL, past(**fields))
    return NAME


def history(s: Stage) -> list[str]:
    found: Any = s.call(ops.GET_MODEL_HISTORY, g.GetModelHistory(name=NAME)).events
    return [event.action for event in found]


OPEN = t.PastRequest(version=1, stage="Production", author="user:eve", comment="please", created_ms=5)
DECIDED = msgspec.structs.replace(OPEN, state="approved", decided_by="user:bob", decided_ms=7, reason="good")
BAD_REQUESTS = {
    "decided at no time": msgspec.structs.replace(DECIDED, decided_ms=None),
    "decided before 1970": msgspec.structs.replace(DECIDED, decided_ms=-1),
    "open and decided": msgspec.structs.replace(OPEN, decided_ms=7),
    "of a long name": msgspec.structs.replace(DECIDED, decided_by="x" * 251),
    "for nothing": msgspec.structs.replace(OPEN, stage=None),
}


def list_requests(s: Stage) -> list[g.TransitionRequest]:
    found: Any = s.call(ops.LIST_REQUESTS, g.ListRequests(name=NAME)).requests
    return list(found)


COPIED_FROM = (f"{NAME}/1", "own/1", f"{NAME}/99", f"{NAME}/x", "none/1", "/1")
BAD_VERSIONS = {
    "0": [version(0)],
    "-1": [version(-1)],
    "the last of all": [version(2**63 - 1)],
    "that is there twice": [version(1), version(1)],
    "from before 1970": [version(1, created_ms=-1)],
    "with a bad tag": [version(1, tags={"a$": "1"})],
    "in a folder that leads out": [version(1, content="../0")],
    "of a long user": [version(1, user="x" * 251)],
}

SCENARIOS: list[Scenario] = [
    ok(
        ops.IMPORT_REGISTERED_MODEL,
        "with numbers, times, authors and stages",
        lambda s: past(
            description="d",
            owner="eve",
            created_ms=5,
            updated_ms=9,
            tags={"t": "1"},
            aliases={"best": 7},
            versions=[version(7, stage="Production", staged_ms=6, staged_by="user:eve", user="eve", created_ms=4)],
            comments=[t.PastComment(text="hm", version=7, author="user:eve", created_ms=8)],
            events=[EVENT],
        ),
        lambda s, x: (
            x.is_new
            and (x.versions, x.comments, x.events, x.left_out) == ([7], 1, 1, {})
            and (get(s).owner, get(s).created_ms, get(s).updated_ms, get(s).aliases) == ("eve", 5, 9, {"best": 7})
            and (lambda v: (v.stage, v.staged_ms, v.staged_by, v.user, v.created_ms))(get_version(s, 7))
            == ("Production", 6, "user:eve", "eve", 4)
            and history(s) == ["model.imported", "version.created"]
        ),
    ),
    ok(
        ops.IMPORT_REGISTERED_MODEL,
        "again, which changes nothing",
        lambda s: imported(s, events=[EVENT]) and past(description="other", events=[EVENT]),
        lambda s, x: (
            (x.is_new, x.versions, x.events) == (False, [], 0)
            and get(s).description == ""
            and history(s) == ["model.imported", "version.created"]
        ),
    ),
    ok(
        ops.IMPORT_REGISTERED_MODEL,
        "with a request that was decided, which is not carried out",
        lambda s: past(requests=[DECIDED]),
        lambda s, x: (
            x.requests == 1
            and get_version(s, 1).stage == "None"
            and [(one.state, one.decided_by, one.decided_ms, one.reason) for one in list_requests(s)]
            == [("approved", "user:bob", 7, "good")]
        ),
    ),
    ok(
        ops.IMPORT_REGISTERED_MODEL,
        "with a decision about a request that was open",
        lambda s: imported(s, requests=[OPEN]) and past(requests=[DECIDED]),
        lambda s, x: x.requests == 1 and [one.state for one in list_requests(s)] == ["approved"],
    ),
    ok(
        ops.IMPORT_REGISTERED_MODEL,
        "with a decided request about a version that is not here, and none that is open",
        lambda s: past(requests=[msgspec.structs.replace(one, version=9) for one in (DECIDED, OPEN)]),
        lambda s, x: x.requests == 1 and [one.state for one in list_requests(s)] == ["approved"],
    ),
    ok(
        ops.IMPORT_REGISTERED_MODEL,
        "after which a number that was given is not given again",
        lambda s: past(last_version=7),
        lambda s, x: s.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name=NAME, source=PLACE)).version == 8,
    ),
    ok(
        ops.IMPORT_REGISTERED_MODEL,
        "with a copy, and one of what was not imported",
        lambda s: (
            s.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="own")),
            s.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name="own", source=PLACE)),
            past(versions=[version(1), *(version(n + 2, copied_from=of) for n, of in enumerate(COPIED_FROM))]),
        )[2],
        lambda s, x: (
            [get_version(s, number).copied_from for number in range(1, 8)] == ["", f"{NAME}/1", "", "", "", "", ""]
        ),
    ),
    ok(
        ops.IMPORT_REGISTERED_MODEL,
        "without files that were said to come",
        lambda s: past(versions=[version(1, digest="sha256:0", content="a" * 32), version(2)]),
        lambda s, x: x.versions == [2] and x.left_out == {1: "its files are not here"},
    ),
    ok(
        ops.IMPORT_REGISTERED_MODEL,
        "with one version that may not be here",
        lambda s: past(versions=[version(1, source="file:///etc"), version(2)]),
        lambda s, x: x.versions == [2] and list(x.left_out) == [1],
    ),
    ok(
        ops.IMPORT_REGISTERED_MODEL,
        "after which numbers go on",
        lambda s: past(versions=[version(41)]),
        lambda s, x: s.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name=NAME, source=PLACE)).version == 42,
    ),
    no(ops.IMPORT_REGISTERED_MODEL, "refused", "over one's own", lambda s: make(s) and past(), AlreadyExists),
    no(
        ops.IMPORT_REGISTERED_MODEL,
        "refused",
        "over another's",
        lambda s: imported(s) and t.ImportRegisteredModel(origin="http://elsewhere", model=past().model),
        AlreadyExists,
    ),
    *each(ops.IMPORT_REGISTERED_MODEL, "refused", "name", BAD_NAMES, lambda s, name: past(name=name), InvalidInput),
    *each(
        ops.IMPORT_REGISTERED_MODEL,
        "refused",
        "alias",
        BAD_ALIASES,
        lambda s, alias: past(aliases={alias: 1}),
        InvalidInput,
    ),
    *each(
        ops.IMPORT_REGISTERED_MODEL,
        "refused",
        "version",
        BAD_VERSIONS,
        lambda s, fault: past(versions=BAD_VERSIONS[fault]),
        InvalidInput,
    ),
    *each(
        ops.IMPORT_REGISTERED_MODEL,
        "refused",
        "request",
        BAD_REQUESTS,
        lambda s, fault: past(requests=[BAD_REQUESTS[fault]]),
        InvalidInput,
    ),
    no(ops.IMPORT_REGISTERED_MODEL, "refused", "a last version", lambda s: past(last_version=-1), InvalidInput),
    no(
        ops.IMPORT_REGISTERED_MODEL,
        "refused",
        "without an origin",
        lambda s: t.ImportRegisteredModel(origin="", model=past().model),
        InvalidInput,
    ),
]
