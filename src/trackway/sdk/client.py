"""The native client: operations as they are, metrics as columns, tables as Arrow."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.links import LinkKind, LinkName, ListRunLinks, RunLinks
from trackway.api.metrics import Curve, GetCurves, GetHistory
from trackway.api.operations import Operation
from trackway.api.structs import Request, Response, View
from trackway.base.ids import new_id
from trackway.sdk.connection import get_tracking_uri, get_transport, resolve_uri
from trackway.sdk.session import find_session
from trackway.sdk.transport import Transport

if TYPE_CHECKING:
    import numpy
    import pyarrow

    Column = numpy.ndarray[tuple[int], numpy.dtype[Any]]

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)

SETTLE_S = 10.0
"""Longest wait for what this process logged itself, before something is read."""
HISTORY_PAGE = 500_000

_logger = logging.getLogger("trackway")


class Client:
    """Reads from a store and writes to it; every call waits for its answer and raises what the store raises.

    tracking_uri: as ``set_tracking_uri`` takes it; None for the store that is logged to

    What this process logged before a call is delivered first, so that a process reads what it wrote.
    """

    def __init__(self, tracking_uri: str | None = None) -> None:
        self._uri = get_tracking_uri() if tracking_uri is None else resolve_uri(tracking_uri)
        self._written = threading.local()

    @property
    def tracking_uri(self) -> str:
        """The store's address."""
        return self._uri

    @property
    def transport(self) -> Transport:
        """The way to the store, once what this process logged is delivered."""
        session = find_session(self._uri)
        if session is not None and not session.flush(SETTLE_S):
            _logger.warning("Reading from %s before everything that was logged has arrived there", self._uri)
        return get_transport(self._uri)

    def call(self, operation: Operation[Q, S], request: Q) -> S:
        """Carry out an operation of ``trackway.api.operations``."""
        return self.transport.call(operation, request)

    def ingest(self, run_id: str, **fields: Any) -> None:
        """Log to a run, all of it or nothing; the fields are those of ``trackway.api.runs.Ingest``.

        An answer that was lost on its way does not make it count twice.
        """
        written = self._written
        if not hasattr(written, "session_id"):
            written.session_id, written.number = new_id(), 0
        written.number += 1
        request = r.Ingest(
            run_id=run_id, session_id=written.session_id, first=written.number, last=written.number, **fields
        )
        self.call(ops.INGEST, request)

    def get_run(self, run_id: str) -> r.Run:
        """Get a run."""
        return self.call(ops.GET_RUN, r.GetRun(run_id=run_id))

    def link_run(self, run_id: str, kind: LinkKind, earlier_run_id: str) -> None:
        """Say how a run came of an earlier one: see ``trackway.link_run``."""
        self.call(ops.LINK_RUN, LinkName(run_id=run_id, kind=kind, earlier_run_id=earlier_run_id))

    def unlink_run(self, run_id: str, kind: LinkKind, earlier_run_id: str) -> None:
        """Take back what a run says of an earlier one."""
        self.call(ops.UNLINK_RUN, LinkName(run_id=run_id, kind=kind, earlier_run_id=earlier_run_id))

    def list_run_links(self, run_id: str, limit: int = 1_000) -> RunLinks:
        """List how a run came of earlier ones, and later ones of it."""
        return self.call(ops.LIST_RUN_LINKS, ListRunLinks(run_id=run_id, limit=limit))

    def search_runs(
        self,
        experiment_ids: Sequence[str] | None = None,
        filter: str = "",  # noqa: A002 - the word of the request
        order_by: Sequence[str] = (),
        view: View = "active",
        page: int = 1_000,
    ) -> Iterator[r.Run]:
        """Yield the runs of some experiments, or of all, that a filter finds; ``page`` of them are fetched at once."""
        ids = None if experiment_ids is None else list(experiment_ids)
        token = ""
        while True:
            request = r.SearchRuns(
                experiment_ids=ids, filter=filter, order_by=list(order_by), view=view, limit=page, page_token=token
            )
            found = self.call(ops.SEARCH_RUNS, request)
            yield from found.runs
            token = found.next_page_token
            if not token:
                return

    def get_run_table(self, request: r.GetRunTable) -> pyarrow.Table:
        """Search runs and return all of them as an Arrow table, one column an attribute, metric, param or tag."""
        import pyarrow as pa

        with pa.ipc.open_stream(self.call(ops.GET_RUN_TABLE, request).arrow) as reader:
            return reader.read_all()

    def get_history(self, run_id: str, key: str) -> tuple[Column, Column, Column]:
        """Get all points of a metric, ordered by time, step and value.

        returns: steps (n,) int64, times in ms (n,) int64, values (n,) float64; n is 0 for what is not there
        """
        pages: list[r.Series] = []
        token = ""
        while True:
            request = GetHistory(run_id=run_id, key=key, limit=HISTORY_PAGE, page_token=token)
            history = self.call(ops.GET_HISTORY, request)
            pages.append(history.series)
            token = history.next_page_token
            if not token:
                break
        return _unpack(pages)

    def get_curves(
        self, run_ids: Sequence[str], key: str = "", points: int = 1_000, *, formula: str = ""
    ) -> list[Curve]:
        """Get one metric of several runs, thinned to ``points`` a run with the extremes kept; see ``unpack_series``.

        formula: in place of ``key``: what it comes to at each step that all its metrics have,
                 ``metrics.val_loss - metrics.loss``
        """
        request = GetCurves(run_ids=list(run_ids), key=key, formula=formula, points=points)
        return self.call(ops.GET_CURVES, request).curves


def unpack_series(series: r.Series) -> tuple[Column, Column, Column]:
    """Return a series' steps (n,) int64, times in ms (n,) int64 and values (n,) float64, without a copy."""
    import numpy as np

    return (
        np.frombuffer(series.steps, "<i8"),
        np.frombuffer(series.times_ms, "<i8"),
        np.frombuffer(series.values, "<f8"),
    )


def _unpack(pages: list[r.Series]) -> tuple[Column, Column, Column]:
    if len(pages) == 1:
        return unpack_series(pages[0])
    joined = r.Series(
        key=pages[0].key,
        steps=b"".join(page.steps for page in pages),
        times_ms=b"".join(page.times_ms for page in pages),
        values=b"".join(page.values for page in pages),
    )
    return unpack_series(joined)
