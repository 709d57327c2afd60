"""What is in use, and what came from what."""

from __future__ import annotations

import msgspec

from trackway.api import limits
from trackway.api import lineage as n
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.links import LinkKind
from trackway.base.errors import InvalidInput, NotFound
from trackway.registry.lookup import check_alias, find_version
from trackway.rules.checks import check_page, check_text
from trackway.rules.handlers import Handlers
from trackway.rules.tokens import decode_token, encode_token
from trackway.store.base import Page, Transaction, Viewpoint


class LineageService:
    """Handlers of the operations that look at versions from afar."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {ops.GET_PORTFOLIO: self.get_portfolio, ops.GET_LINEAGE: self.get_lineage}

    def get_portfolio(self, tx: Transaction, call: Call, q: n.GetPortfolio) -> n.Portfolio:
        """Get the versions in use."""
        check_page(q.limit, limits.SEARCH_PAGE)
        if q.alias:
            check_alias(q.alias)
        query = (q.stage, q.alias)
        page = Page(q.limit, decode_token(call, query, q.page_token))
        entries, after = tx.registry.list_portfolio(call.workspace, q.stage, q.alias, page, call.sees)
        versions = [(one.name, one.version) for one in entries]
        serving = tx.endpoints.list_serving(call.workspace, versions, call.now_ms, call.sees)
        entries = [msgspec.structs.replace(one, endpoints=serving.get((one.name, one.version), [])) for one in entries]
        return n.Portfolio(entries=entries, next_page_token=encode_token(call, query, after))

    def get_lineage(self, tx: Transaction, call: Call, q: n.GetLineage) -> n.Lineage:
        """Follow what something came from, and what came of it; never back from the one to the other."""
        check_text("The id", q.id, limits.DATASET_NAME_CHARS)
        check_text("The digest", q.digest, limits.DATASET_DIGEST_CHARS)
        start = n.LineageNode(kind=q.kind, id=q.id, digest=q.digest)
        _check_start(tx, call, start)
        walk = _Walk(tx, call, start)
        if q.direction != "downstream":  # first, as a few things lead to what thousands may have come of
            walk.follow(downstream=False)
        if q.direction != "upstream":
            walk.follow(downstream=True)
        return n.Lineage(nodes=list(walk.places), edges=list(walk.edges.values()), truncated=walk.truncated)


class _Walk:
    """One walk, breadth first; ``places`` holds each node's place in the list of nodes."""

    def __init__(self, tx: Transaction, call: Call, start: n.LineageNode) -> None:
        self._tx = tx
        self._call = call
        self._start = start
        self.places = {start: 0}
        self.edges: dict[tuple[int, int, LinkKind | None], n.LineageEdge] = {}
        self.truncated = False

    def follow(self, downstream: bool) -> None:
        seen = {self._start}
        queue = [self._start]
        view = Viewpoint(self._call.workspace, self._call.now_ms, self._call.sees)
        for node in queue:
            for other, link in self._tx.registry.list_neighbours(view, node, downstream, limits.LINEAGE_NODES + 1):
                if other not in self.places and len(self.places) == limits.LINEAGE_NODES:
                    self.truncated = True
                    continue
                self.places.setdefault(other, len(self.places))
                source, target = (node, other) if downstream else (other, node)
                step = self.places[source], self.places[target]
                self.edges[*step, link] = n.LineageEdge(source=step[0], target=step[1], link=link)
                if other not in seen:
                    seen.add(other)
                    queue.append(other)


def _check_start(tx: Transaction, call: Call, start: n.LineageNode) -> None:
    found: object = True
    if start.kind == "run":
        ref = tx.runs.ref(call.workspace, start.id)
        found = ref if ref is not None and call.sees.has_experiment(ref.experiment) else None
    elif start.kind == "model":
        model = tx.logged_models.get(call.workspace, start.id, deleted=False)
        found = model if model is not None and call.sees.has_experiment(int(model.experiment_id)) else None
    elif start.kind == "endpoint":
        found = tx.endpoints.find(call.workspace, start.id)
        found = found if call.sees.endpoints is None or found in call.sees.endpoints else None
    elif start.kind == "version":
        name, _, number = start.id.rpartition("/")
        if not (number.isascii() and number.isdigit() and len(number) <= 18):
            raise InvalidInput(f"Invalid version {start.id[:80]!r}", hint="write it like churn/3")
        version = find_version(tx, call, name, int(number))
        if call.sees.models is not None and version.model_pk not in call.sees.models:
            raise NotFound(f"Model Version (name={name[:80]}, version={number[:20]}) not found")
    if found is None:
        raise NotFound(f"No {start.kind} {start.id[:80]!r}")
