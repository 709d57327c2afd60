"""What every store promises of endpoints."""

from __future__ import annotations

from typing import Any

from trackway.api.calls import Sight
from trackway.api.lineage import LineageNode
from trackway.store.base import Viewpoint
from trackway.store.endpoints import ServedBy, ServerRow
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.registry import make_model, make_version
from trackway.testing.store.space import Space


def make_server(model_pk: int, version: int = 1, **fields: Any) -> ServerRow:
    """Return a server as the service makes it."""
    plain = ServerRow("a", model_pk, version, "@champion", "", "user:ann", now_ms=10, lease_until_ms=20)
    return plain._replace(**fields)


class EndpointContract(StoreFixtures):
    """Endpoints and their servers."""

    def make(self, space: Space, *servers: ServerRow, name: str = "live") -> int:
        """Make an endpoint with servers, and return its number."""

        def work(tx: Any) -> int:
            pk: int = tx.endpoints.create(space.workspace, name, "user:ann", 10)
            for server in servers:
                tx.endpoints.put_server(pk, server)
            return pk

        pk: int = space.write(work)
        return pk

    def states(self, space: Space, pk: int, now_ms: int) -> list[tuple[str, str]]:
        endpoint = space.read(lambda tx: tx.endpoints.get(pk, now_ms))
        return [(one.server_id, one.state) for one in endpoint.servers]

    def test_a_server_serves_until_its_lease_is_over_or_it_ends(self, space: Space) -> None:
        model = make_model(space)
        pk = self.make(space, make_server(model), make_server(model, server_id="b", now_ms=11))
        assert self.states(space, pk, 19) == [("a", "serving"), ("b", "serving")]
        assert self.states(space, pk, 20) == [("a", "lost"), ("b", "lost")]
        assert space.write(lambda tx: tx.endpoints.renew(pk, "a", 40))
        assert space.write(lambda tx: tx.endpoints.end(pk, "b", 15))
        assert not space.write(lambda tx: tx.endpoints.end(pk, "b", 16)), "it ends once"
        assert not space.write(lambda tx: tx.endpoints.renew(pk, "b", 40)), "it ended"
        assert not space.write(lambda tx: tx.endpoints.renew(pk, "c", 40))
        assert self.states(space, pk, 39) == [("a", "serving"), ("b", "ended")]
        assert space.read(lambda tx: tx.endpoints.count_serving(pk, 39)) == 1
        space.write(lambda tx: tx.endpoints.forget_servers(pk, 39))
        assert self.states(space, pk, 40) == [("a", "lost")]

    def test_a_server_moves_to_another_version(self, space: Space) -> None:
        model = make_model(space)
        pk = self.make(space, make_server(model))
        space.write(lambda tx: tx.endpoints.put_server(pk, make_server(model, now_ms=12, lease_until_ms=30)))
        space.write(lambda tx: tx.endpoints.put_server(pk, make_server(model, 2, now_ms=14, lease_until_ms=30)))
        [server] = space.read(lambda tx: tx.endpoints.get(pk, 15)).servers
        assert (server.model, server.version, server.since_ms, server.version_since_ms) == ("churn", 2, 10, 14)
        assert server.lease_until_ms == 30

    def test_endpoints_are_found_by_what_they_serve_and_what_is_seen(self, space: Space) -> None:
        churn, fraud = make_model(space), make_model(space, "fraud")
        a = self.make(space, make_server(churn), name="a")
        b = self.make(space, make_server(churn, 2), name="b")
        self.make(space, make_server(fraud), name="c")

        def names(served: ServedBy, now_ms: int = 11, after: str = "", **seen: Any) -> list[str]:
            found = space.read(
                lambda tx: tx.endpoints.list_endpoints(space.workspace, served, now_ms, 9, after, Sight(**seen))
            )
            return [one.name for one in found]

        assert names(ServedBy()) == ["a", "b", "c"]
        assert names(ServedBy(), after="a") == ["b", "c"]
        assert names(ServedBy(churn)) == ["a", "b"]
        assert names(ServedBy(churn, 2)) == ["b"]
        assert names(ServedBy(churn), now_ms=20) == []
        assert names(ServedBy(churn), endpoints=frozenset((a,))) == ["a"]
        assert names(ServedBy(), endpoints=frozenset()) == []
        wanted = [("churn", 1), ("churn", 2), ("fraud", 2)]
        serving = space.read(lambda tx: tx.endpoints.list_serving(space.workspace, wanted, 11))
        assert serving == {("churn", 1): ["a"], ("churn", 2): ["b"]}
        seen = Sight(endpoints=frozenset((b,)), models=frozenset((fraud,)))
        serving = space.read(lambda tx: tx.endpoints.list_serving(space.workspace, wanted, 11, seen))
        assert serving == {("churn", 2): ["b"]}
        [server] = space.read(lambda tx: tx.endpoints.get(b, 11, seen)).servers
        assert (server.model, server.version, server.follows) == ("", 0, "")

    def test_an_endpoint_ends_with_its_servers_and_a_server_with_its_model(self, space: Space) -> None:
        model = make_model(space)
        pk = self.make(space, make_server(model))
        space.write(lambda tx: tx.registry.delete(model))
        assert self.states(space, pk, 11) == []
        space.write(lambda tx: tx.endpoints.delete(pk))
        assert space.read(lambda tx: tx.endpoints.find(space.workspace, "live")) is None
        assert space.read(lambda tx: tx.endpoints.count(space.workspace)) == 0

    def test_what_serves_a_version_is_its_neighbour(self, space: Space) -> None:
        model = make_model(space)
        make_version(space)
        pk = self.make(space, make_server(model))
        version, endpoint = LineageNode(kind="version", id="churn/1"), LineageNode(kind="endpoint", id="live")

        def look(node: LineageNode, downstream: bool, now_ms: int = 11, **seen: Any) -> list[LineageNode]:
            view = Viewpoint(space.workspace, now_ms, Sight(**seen))
            found = space.read(lambda tx: tx.registry.list_neighbours(view, node, downstream, 9))
            return [one.node for one in found]

        assert look(version, True) == [endpoint]
        assert look(endpoint, False) == [version]
        assert look(endpoint, True) == []
        assert look(version, True, 20) == look(endpoint, False, 20) == []
        assert look(version, True, endpoints=frozenset()) == []
        assert look(version, True, endpoints=frozenset((pk,))) == [endpoint]
        assert look(endpoint, False, models=frozenset()) == []
