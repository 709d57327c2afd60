"""What a store keeps of endpoints."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from trackway.api.calls import EVERYTHING, Sight
from trackway.api.endpoints import Endpoint


class ServerRow(NamedTuple):
    """A server as it announces itself; ``now_ms`` is when."""

    server_id: str
    model_pk: int
    version: int
    follows: str
    address: str
    announced_by: str
    now_ms: int
    lease_until_ms: int


class ServedBy(NamedTuple):
    """Which endpoints are wanted: those that serve a model, or one version of it; None for all of them."""

    model_pk: int | None = None
    version: int | None = None


class Endpoints(Protocol):
    """Endpoints and their servers. A server serves while it has not ended and its lease is not over."""

    def create(self, workspace: str, name: str, created_by: str, now_ms: int) -> int:
        """Insert an endpoint whose name is free, and return its number."""

    def count(self, workspace: str) -> int: ...
    def find(self, workspace: str, name: str) -> int | None:
        """Return an endpoint's number."""

    def get(self, pk: int, now_ms: int, sees: Sight = EVERYTHING) -> Endpoint:
        """Return an endpoint that is there; of a model that is not seen, name and version are left out."""

    def list_endpoints(
        self, workspace: str, served: ServedBy, now_ms: int, limit: int, after: str, sees: Sight = EVERYTHING
    ) -> list[Endpoint]:
        """Return the endpoints that are seen, by name, those after ``after``."""

    def list_serving(
        self, workspace: str, versions: list[tuple[str, int]], now_ms: int, sees: Sight = EVERYTHING
    ) -> dict[tuple[str, int], list[str]]:
        """Return the names of the endpoints that serve versions, which are given by name and number."""

    def delete(self, pk: int) -> None: ...
    def put_server(self, pk: int, server: ServerRow) -> None:
        """Insert a server, or let it serve what it says now; since when it does is kept."""

    def count_serving(self, pk: int, now_ms: int) -> int: ...
    def forget_servers(self, pk: int, now_ms: int) -> None:
        """Delete the servers that serve no more."""

    def renew(self, pk: int, server_id: str, lease_until_ms: int) -> bool:
        """Give a server that has not ended a new lease; tell whether there is one."""

    def end(self, pk: int, server_id: str, now_ms: int) -> bool:
        """Mark a server as ended; tell whether it was there and had not."""
