"""What every store promises of links between runs."""

from __future__ import annotations

from typing import Any

from trackway.api.calls import EVERYTHING, Sight
from trackway.api.lineage import LineageNode
from trackway.api.query import Comparison, Exists, Field, Not
from trackway.store.base import Page, RunRef, Search, Viewpoint
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


class LinkContract(StoreFixtures):
    """Links between runs."""

    def add_link(self, space: Space, run: RunRef, kind: Any, earlier: RunRef) -> bool:
        added: bool = space.write(lambda tx: tx.links.add(run.pk, kind, earlier.pk))
        return added

    def list_links(self, space: Space, run: RunRef, later: bool, limit: int = 9, sees: Sight = EVERYTHING) -> Any:
        """Return kind and run of each link of a run."""
        found = space.read(lambda tx: tx.links.list_links(run.pk, later, limit, sees))
        return [(one.kind, one.run_id) for one in found]

    def follow_links(self, space: Space, run: RunRef, downstream: bool, **seen: Any) -> Any:
        """Return kind and run of each step of lineage from a run."""
        view, node = Viewpoint(space.workspace, 1, Sight(**seen)), LineageNode(kind="run", id=run.run_id)
        found = space.read(lambda tx: tx.registry.list_neighbours(view, node, downstream, 9))
        return sorted((one.link, one.node.id) for one in found)

    def test_a_link_is_there_once_and_is_seen_from_both_ends(self, space: Space) -> None:
        first, second = (space.make_run(space.make_experiment()) for _ in range(2))
        assert self.add_link(space, second, "uses", first)
        assert not self.add_link(space, second, "uses", first)
        assert self.add_link(space, second, "retry_of", first)
        assert self.add_link(space, first, "uses", second), "a ring is no mistake"
        both = [("retry_of", first.run_id), ("uses", first.run_id)]
        assert self.list_links(space, second, False) == self.follow_links(space, second, False) == both
        back = [(kind, second.run_id) for kind, _ in both]
        assert self.list_links(space, first, True) == self.follow_links(space, first, True) == back
        assert space.read(lambda tx: tx.links.count(second.pk)) == 2
        assert space.write(lambda tx: tx.links.delete(second.pk, "uses", first.pk))
        assert not space.write(lambda tx: tx.links.delete(second.pk, "uses", first.pk))
        assert self.list_links(space, second, False) == both[:1]
        assert self.list_links(space, second, True) == [("uses", first.run_id)]

    def test_links_are_found_newest_first_among_what_is_seen(self, space: Space) -> None:
        hidden, shown = space.make_experiment(), space.make_experiment()
        origin = space.make_run(shown)
        runs = [space.make_run(where) for where in (shown, hidden, shown, hidden)]
        for run in runs:
            self.add_link(space, run, "uses", origin)
        ids = [run.run_id for run in runs]
        assert [run_id for _, run_id in self.list_links(space, origin, True, 3)] == ids[:0:-1]
        few = frozenset((shown,))

        def get(sees: Sight) -> list[str]:
            found = space.read(lambda tx: tx.links.get_links(space.workspace, [*ids, origin.run_id, "x"], sees))
            assert {(one.kind, one.earlier_run_id) for one in found} <= {("uses", origin.run_id)}
            return [one.run_id for one in found]

        assert (get(EVERYTHING), get(Sight(experiments=few))) == (ids, ids[::2])
        assert get(Sight(experiments=frozenset((hidden,)))) == get(Sight(experiments=frozenset())) == []
        assert [run_id for _, run_id in self.list_links(space, origin, True, 2, Sight(experiments=few))] == [
            ids[2],
            ids[0],
        ]
        assert self.follow_links(space, origin, True, experiments=few) == sorted(("uses", one) for one in ids[::2])
        for nothing in (frozenset[int](), frozenset((hidden,))):
            assert self.list_links(space, runs[0], False, 9, Sight(experiments=nothing)) == []
            assert self.follow_links(space, runs[0], False, experiments=nothing) == []

    def test_runs_are_searched_by_their_links_from_either_end(self, space: Space) -> None:
        first, second = space.make_experiment(), space.make_experiment()
        origin, other = space.make_run(first), space.make_run(second)
        runs = [space.make_run(where, start_ms=n) for n, where in enumerate((first, second, second))]
        for run in runs:
            self.add_link(space, run, "uses", origin)
        self.add_link(space, runs[0], "uses", other)
        self.add_link(space, runs[1], "retry_of", runs[2])
        ids, uses = [run.run_id for run in runs], Field("link", "uses")
        everywhere = [None, [first, second]]
        for where in everywhere:
            assert space.find(where, Comparison(uses, "=", origin.run_id)) == ids[::-1]
            assert space.find(where, Comparison(uses, "in", (origin.run_id, other.run_id))) == ids[::-1], "each once"
            assert space.find(where, Comparison(uses, "!=", origin.run_id)) == ids[:1]
            assert space.find(where, Comparison(Field("link", "used_by"), "=", ids[1])) == [origin.run_id]
            assert space.find(where, Comparison(Field("link", "retried_by"), "=", ids[1])) == ids[2:]
        assert space.find([second], Comparison(uses, "=", origin.run_id)) == ids[:0:-1]
        assert space.find([second], Not(Exists(Field("link", "retry_of")))) == [other.run_id, ids[2]]
        stranger = Space(space.store)
        assert stranger.find(None, Comparison(uses, "=", origin.run_id)) == []

    def test_a_search_tells_nothing_of_linked_runs_and_parents_that_are_not_seen(self, space: Space) -> None:
        own, shown, hidden = (space.make_experiment() for _ in range(3))
        near, far = space.make_run(shown), space.make_run(hidden)
        run = space.make_run(own, parent_run_id=near.run_id)
        for earlier in (near, far):
            self.add_link(space, run, "uses", earlier)
        self.add_link(space, far, "retry_of", run)
        sight, uses, retried_by = frozenset((own, shown)), Field("link", "uses"), Field("link", "retried_by")

        def find(expression: Any, sight: Any) -> bool:
            search = Search(expression, (), "active", sight)
            among = frozenset((own,)) if sight else [own]
            found, _ = space.read(lambda tx: tx.runs.search(space.workspace, among, search, Page(9)))
            return [one.run_id for one in found] == [run.run_id]

        for expression in (
            Comparison(uses, "=", far.run_id),
            Comparison(uses, "in", (far.run_id, "x")),
            Comparison(uses, "!=", near.run_id),
            Comparison(retried_by, "like", "%"),
            Exists(retried_by),
        ):
            assert (find(expression, None), find(expression, sight)) == (True, False)
        for expression in (
            Comparison(uses, "=", near.run_id),
            Comparison(uses, "not in", (far.run_id,)),
            Comparison(Field("attribute", "run_id", parent=True), "=", near.run_id),
        ):
            assert (find(expression, None), find(expression, sight)) == (True, True)

    def test_links_go_with_a_run_wherever_it_goes(self, space: Space) -> None:
        one, other = space.make_experiment(), space.make_experiment()
        first, middle, last = (space.make_run(one) for _ in range(3))
        self.add_link(space, middle, "uses", first)
        self.add_link(space, last, "reproduces", middle)
        space.write(lambda tx: tx.runs.move([middle], other))
        assert self.list_links(space, last, False, sees=Sight(experiments=frozenset((other,)))) == [
            ("reproduces", middle.run_id)
        ]
        space.write(lambda tx: tx.runs.delete(middle.pk, 9))
        assert self.follow_links(space, last, False) == self.follow_links(space, first, True) == []
        [link] = space.read(lambda tx: tx.links.list_links(last.pk, False, 9, EVERYTHING))
        assert link.lifecycle == "deleted"
        space.write(lambda tx: tx.runs.restore(middle.pk))
        assert self.follow_links(space, last, False) == [("reproduces", middle.run_id)]
        space.write(lambda tx: tx.runs.purge(middle.pk))
        assert self.list_links(space, last, False) == self.list_links(space, first, True) == []
        assert space.read(lambda tx: tx.links.count(last.pk)) == space.read(lambda tx: tx.links.count(middle.pk)) == 0
