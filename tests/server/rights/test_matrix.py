"""Every route by who comes and what it is about: the answer is the one that the declared permission says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.server.access import Site, on_site
from tests.server.rights.actors import Actor, make_actors
from tests.server.rights.doors import FILES, MLFLOW, Asked, shorten
from tests.server.rights.ground import ABSENT, ELSEWHERE, IN_ELSEWHERE, Builder
from tests.server.rights.requests import NATIVE, make_request
from tests.server.rights.undoing import UndoingStore
from tests.server.rights.verdicts import (
    OK,
    TELLS_NAMES,
    agrees,
    expect,
    list_operations,
    may_see,
    names_object,
)
from tests.server.test_doors import list_routes
from trackway.api import limits
from trackway.http.messages import Route

FEW = ("nobody", "intruder", "bound token", "provisioner", "root")
"""Who tries what asks only whether somebody is known."""
SOME = ("nobody", "granted-reader", "root")
"""Who tries the same routes under their other prefixes."""


class Cell(NamedTuple):
    """One answer."""

    method: str
    path: str
    who: str
    place: str
    verdict: int
    status: int
    answer: str


class Ground:
    """A server with everything, and everybody; ``wrong`` has what was answered otherwise than it should be."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.cells: list[Cell] = []
        self.wrong: list[Cell] = []

    async def prepare(self) -> None:
        """Make all that there is; from then on no change stays."""
        here, there = Builder(self.site), Builder(self.site, IN_ELSEWHERE)
        for name in (ELSEWHERE, "empty", "shut"):
            await here.ask("POST", "/workspaces", {"name": name})
        await here.ask("PATCH", "/workspaces/shut", {"archived": True})
        granted, hidden = await here.make("opal"), await here.make("onyx")
        self.whole = await here.make_whole(granted, hidden)
        self.things = {"granted": granted, "hidden": hidden, "elsewhere": await there.make("jade"), "absent": ABSENT}
        self.actors = await make_actors(self.site, granted)
        dispatch: Any = self.site.app.app._open_call.dispatch  # type: ignore[attr-defined]  # its callers' own
        dispatch._policy._denied = lambda *_: None  # each entry of a refusal would wait for the disk
        self.store = dispatch._store = UndoingStore(dispatch._store)

    async def try_route(self, route: Route[Any], actors: Iterable[str], places: Iterable[str]) -> None:
        """Have some actors send the request of a route, about the things of some places."""
        for place in places:
            asked = make_request(route, self.things[place], self.whole)
            for who in actors:
                await self._try(route, who, place, asked)

    async def _try(self, route: Route[Any], who: str, place: str, asked: Asked) -> None:
        actor = self.actors[who]
        self.store.carried_out.clear()
        headers = actor.visitor.headers
        method, path, query, body = asked
        status, content = await self.site.app.send(method, path, body, query, headers=headers)
        verdict = expect(route, actor, place)
        cell = Cell(method, route.path, who, place, verdict, status, content.decode("latin-1")[:300])
        self.cells.append(cell)
        fits = agrees(route, verdict, status, self.store.carried_out)
        if not fits or (not self._tells_names(route, verdict) and self._leaks(actor, asked, content.decode("latin-1"))):
            self.wrong.append(cell)

    def _tells_names(self, route: Route[Any], verdict: int) -> bool:
        return verdict == OK and route.access == "operation" and not {*list_operations(route)}.isdisjoint(TELLS_NAMES)

    def _leaks(self, actor: Actor, asked: Asked, answer: str) -> bool:
        """Tell whether an answer has anything of what the actor may not see, which was not in the question."""
        hidden = [one for place, one in self.things.items() if one.word and not may_see(actor, place)]
        sent = asked.text
        return any(
            one.word in answer or any(secret in answer and secret not in sent for secret in one.secrets)
            for one in hidden
        )


@pytest.fixture
def no_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no room for streams of events, which would not end."""
    monkeypatch.setattr(limits, "EVENT_STREAMS", 0)


def test_every_route_lets_in_whom_its_operations_let_in_and_nobody_else(tmp_path: Path, no_streams: None) -> None:
    async def work(site: Site) -> None:
        ground = Ground(site)
        await ground.prepare()
        tried: dict[tuple[str, str], Any] = {}
        for route in list_routes(site):
            key = (route.method, shorten(route.path))
            if route.access in ("public", "known", "anywhere"):
                continue
            if key in tried:
                assert route.handler is tried[key], f"{key} is another route under another prefix"
                await ground.try_route(route, SOME, ["granted"])
                continue
            tried[key] = route.handler
            places = ground.things if route.access == "operation" and names_object(route) else ["granted"]
            await ground.try_route(route, ground.actors, places)
        assert ground.wrong == []
        assert ground.store.unaudited == []
        let_in = {(one.method, one.path) for one in ground.cells if one.who == "root" and one.verdict == OK}
        assert {(route.method, route.path) for route in list_routes(site) if route.access == "operation"} <= let_in
        unknown = {key.partition(" ")[::2] for key in MLFLOW} | {key.partition(" ")[::2] for key in FILES}
        assert {(method, shorten(path)) for method, path in unknown} <= tried.keys(), "these routes are no more"
        check_others_are_nothing(ground.cells)

    on_site(tmp_path, work, scim=True)


def check_others_are_nothing(cells: list[Cell]) -> None:
    """Check that what another workspace has is answered as what is nowhere."""
    found = {(one.method, one.path, one.who, one.place): one.status for one in cells}
    compared = [
        (found[method, path, who, "absent"], status, (method, path, who))
        for (method, path, who, place), status in found.items()
        if place == "elsewhere"
    ]
    assert [what for absent, other, what in compared if absent != other] == []
    assert len(compared) > 1_000


def test_what_needs_no_right_is_for_whoever_is_known(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        ground = Ground(site)
        await ground.prepare()
        for route in list_routes(site):
            if route.access in ("known", "anywhere"):
                await ground.try_route(route, FEW, ["granted"])
        assert ground.wrong == []
        assert len(ground.cells) > 400 * len(FEW)

    on_site(tmp_path, work, scim=True)


def test_every_operation_has_a_route_or_is_a_step_of_one(tmp_path: Path) -> None:
    async def work(site: Site) -> None:
        named = {name for route in list_routes(site) if route.access == "operation" for name in list_operations(route)}
        assert {one.name for one in NATIVE.values()} <= named

    on_site(tmp_path, work, scim=True)
