"""The rules of links between runs.

Runs that exchange what they make while they go on are linked both ways, so a ring of links is no mistake; what follows
links goes through each run once.
"""

from __future__ import annotations

from trackway.api import limits
from trackway.api import links as i
from trackway.api import operations as ops
from trackway.api.calls import Call
from trackway.api.structs import Empty
from trackway.base.errors import InvalidInput, NotFound, TooLarge
from trackway.rules.checks import check_count, check_page
from trackway.rules.handlers import Handlers
from trackway.store.base import Transaction
from trackway.tracking.runs import get_live_ref, get_ref


class LinkService:
    """Handlers of the operations on links between runs."""

    def handlers(self) -> Handlers:
        """Return the handler of each operation."""
        return {
            ops.LINK_RUN: self.link,
            ops.UNLINK_RUN: self.unlink,
            ops.LIST_RUN_LINKS: self.list_links,
            ops.GET_LINKS: self.get_links,
        }

    def link(self, tx: Transaction, call: Call, q: i.LinkName) -> Empty:
        """Say how a run came of an earlier one; the same once more changes nothing."""
        ref, earlier = get_live_ref(tx, call, q.run_id), get_ref(tx, call, q.earlier_run_id)
        if ref.pk == earlier.pk:
            raise InvalidInput(f"Run {ref.run_id} cannot be linked to itself", hint="name an earlier run")
        if tx.links.add(ref.pk, q.kind, earlier.pk):
            if tx.links.count(ref.pk) > limits.RUN_LINKS:
                raise TooLarge(
                    f"Run {ref.run_id} has {limits.RUN_LINKS} links, which is the most", hint="take one of them back"
                )
            tx.runs.update(ref.pk, {})
        return Empty()

    def unlink(self, tx: Transaction, call: Call, q: i.LinkName) -> Empty:
        """Take back what a run says of an earlier one."""
        ref, earlier = get_live_ref(tx, call, q.run_id), get_ref(tx, call, q.earlier_run_id)
        if not tx.links.delete(ref.pk, q.kind, earlier.pk):
            raise NotFound(f"Run {ref.run_id} has no link {q.kind!r} to run {earlier.run_id}")
        tx.runs.update(ref.pk, {})
        return Empty()

    def list_links(self, tx: Transaction, call: Call, q: i.ListRunLinks) -> i.RunLinks:
        """List a run's links to runs that are seen, in the trash or not."""
        check_page(q.limit, limits.SEARCH_PAGE)
        pk = get_ref(tx, call, q.run_id).pk
        earlier, later = (tx.links.list_links(pk, later, q.limit + 1, call.sees) for later in (False, True))
        truncated = max(len(earlier), len(later)) > q.limit
        return i.RunLinks(earlier=earlier[: q.limit], later=later[: q.limit], truncated=truncated)

    def get_links(self, tx: Transaction, call: Call, q: i.GetLinks) -> i.LinkList:
        """Get the links of several runs to earlier ones, of what is seen."""
        check_count("runs", len(q.run_ids), limits.LINKED_RUNS_PER_GET)
        return i.LinkList(links=tx.links.get_links(call.workspace, list(dict.fromkeys(q.run_ids)), call.sees))
