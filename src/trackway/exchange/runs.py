"""Runs of a history into a store: each created, filled, and only then given its status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api.keys import check_key
from trackway.api.links import LinkName
from trackway.api.transfers import TAG_ORIGIN
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound, PermissionDenied
from trackway.exchange.files import upload_new
from trackway.exchange.history import History, PastPoints, PastRun
from trackway.exchange.points import batch_points, find_new, pack_points
from trackway.exchange.report import REFUSED, Report
from trackway.rules.checks import check_params, check_tags
from trackway.sdk.transport import Transport
from trackway.tracking.ingest import check_dataset

TAG_IMPORTED = TAG_ORIGIN
"""On what was imported: the address of its source. Without it, an import leaves a run as it is."""
SESSION = "import"
"""The journal session under which points are logged; its numbers are those of the run's points, counted from 1."""
PAIRS_AT_ONCE = 5_000
"""Most params, and tags, of one request."""


class RunImporter:
    """Brings runs into a store."""

    def __init__(self, transport: Transport, history: History, report: Report) -> None:
        self._transport = transport
        self._history = history
        self._report = report
        self._may_name = True
        self._links: list[LinkName] = []

    def find(self, run_id: str) -> r.Run | None:
        """Return a run of the store, in the trash or not."""
        try:
            return self._transport.call(ops.GET_RUN, r.GetRun(run_id=run_id))
        except NotFound:
            return None

    def import_run(self, past: PastRun, experiment_id: str) -> bool:
        """Bring over what the store lacks of a run; return whether it may go to the trash here if it is there."""
        where = f"run {past.run_id}"
        added = self._report.added
        found = self.find(past.run_id)
        run = found or self._create(past, experiment_id)
        before = msgspec.structs.astuple(added)
        if TAG_IMPORTED not in run.tags:
            self._report.note(where, "a run of this id is here that was not imported; it is left as it is")
            return False
        if past.external_key and run.external_key not in (past.external_key, "", None):
            self._report.note(where, "another run has this id here; import this one into a workspace of its own")
            return False
        finished = False
        if run.lifecycle == "active":
            self._log(past, run)
            upload_new(self._transport, self._history.list_files(past), run.artifact_uri, where, self._report)
            self._log_environment(past, run)
            self._links += [LinkName(run_id=run.run_id, kind=one.kind, earlier_run_id=one.run_id) for one in past.links]
            finished = self._finish(past, run)
        if found is not None:
            changed = finished or msgspec.structs.astuple(added) != before
            added.updated_runs += changed
            added.unchanged_runs += not changed
        return run.lifecycle == "active"

    def link_runs(self) -> list[LinkName]:
        """Link the runs that came since the last time; return the links whose other run is not here, or not yet."""
        links, self._links = self._links, []
        return [link for link in links if not self._link(link)]

    def link_late(self, links: Iterable[LinkName]) -> None:
        """Link runs when all are here that will be; what cannot be linked is noted."""
        for link in links:
            if not self._link(link):
                self._report.note(f"run {link.run_id}, link", f"the run is not here that it says {link.kind!r} of")

    def _link(self, link: LinkName) -> bool:
        """Link two runs, if they are here; tell whether nothing is left to do."""
        try:
            self._transport.call(ops.LINK_RUN, link)
        except NotFound:
            return False
        except REFUSED as error:
            self._report.note(f"run {link.run_id}, link", error.message)
        return True

    def delete(self, past: PastRun) -> None:
        """Move a run to the trash, as of when it was deleted there."""
        self._transport.call(ops.DELETE_RUN, r.DeleteRun(run_id=past.run_id, deleted_ms=past.deleted_ms))

    def _create(self, past: PastRun, experiment_id: str) -> r.Run:
        where = f"run {past.run_id}"
        tags = choose_texts("tag", {**past.tags, TAG_IMPORTED: self._history.label}, where, self._report)
        request = r.CreateRun(
            experiment_id=experiment_id,
            run_id=past.run_id,
            external_key=past.external_key,
            name=past.name or past.tags.get(r.TAG_NAME) or past.run_id,
            user=past.user,
            start_ms=past.start_ms,
            tags=dict(islice(tags.items(), PAIRS_AT_ONCE)),
        )
        try:
            run = self._transport.call(ops.CREATE_RUN, request)
        except AlreadyExists:
            self._report.note(f"{where}, external key", "another run has this external key here")
            run = self._transport.call(ops.CREATE_RUN, msgspec.structs.replace(request, external_key=""))
        self._report.added.runs += 1
        self._report.added.tags += len(request.tags) - 1
        return run

    def _log(self, past: PastRun, run: r.Run) -> None:
        """Log what the run lacks; the first request carries params, tags and links beside the first points."""
        rest = self._list_rest(past, run)
        points = (piece for piece in self._history.read_points(past) if self._may_log(past, piece))
        number = sum(metric.count for metric in run.metrics.values())
        for batch in batch_points(find_new(self._transport, past.run_id, run.metrics, points)):
            count = sum(len(piece.values) for piece in batch)
            request = r.Ingest(
                run_id=past.run_id,
                session_id=SESSION,
                first=number + 1,
                last=number + count,
                series=[pack_points(piece) for piece in batch],
                **next(rest, {}),
            )
            if not self._transport.call(ops.INGEST, request).applied:
                raise Conflict("another import is logging to this run", hint="wait for it, then import again")
            number += count
            self._report.added.points += count
        for fields in rest:
            self._transport.call(ops.INGEST, r.Ingest(run_id=past.run_id, **fields))
        self._correct_params(past, run)

    def _may_log(self, past: PastRun, piece: PastPoints) -> bool:
        try:
            check_key("metric", piece.key)
        except InvalidInput as error:
            self._report.note(f"run {past.run_id}, metric {piece.key[:80]!r}", error.message)
            return False
        return True

    def _list_rest(self, past: PastRun, run: r.Run) -> Iterator[dict[str, Any]]:
        """Yield what a run lacks beside points, as fields of requests; a run that has ended here keeps its tags."""
        where = f"run {past.run_id}"
        first = {revision.key: revision.value for revision in reversed(past.revisions)}
        params = {key: first.get(key, value) for key, value in past.params.items() if key not in run.params}
        params = choose_texts("param", params, where, self._report)
        ended = run.status in r.TERMINAL
        tags = {
            key: value
            for key, value in past.tags.items()
            if key not in run.tags or (not ended and key != TAG_IMPORTED and run.tags[key] != value)
        }
        tags = choose_texts("tag", tags, where, self._report) if tags else {}
        self._report.added.params += len(params)
        self._report.added.tags += len(tags)
        known = {(one.dataset.name, one.dataset.digest) for one in run.inputs}
        outputs = {one.model_id for one in run.model_outputs}
        links = {
            "datasets": [one for one in past.datasets if self._may_link(one, known, where)],
            "model_inputs": [model_id for model_id in past.model_inputs if model_id not in run.model_inputs],
            "model_outputs": [one for one in past.model_outputs if one.model_id not in outputs],
        }
        fields: dict[str, Any] = {name: value for name, value in links.items() if value}
        for start in range(0, max(len(params), len(tags)), PAIRS_AT_ONCE):
            end = start + PAIRS_AT_ONCE
            yield {
                **fields,
                "params": dict(islice(params.items(), start, end)),
                "tags": dict(islice(tags.items(), start, end)),
            }
            fields = {}
        if fields:
            yield fields

    def _may_link(self, one: r.DatasetInput, known: set[tuple[str, str]], where: str) -> bool:
        if (one.dataset.name, one.dataset.digest) in known:
            return False
        try:
            check_dataset(one)
        except InvalidInput as error:
            self._report.note(f"{where}, data set {one.dataset.name[:80]!r}", error.message)
            return False
        return True

    def _correct_params(self, past: PastRun, run: r.Run) -> None:
        """Take each param through the values that it had, from the one that it has here on."""
        for key, value in past.params.items():
            revisions = [revision for revision in past.revisions if revision.key == key]
            here = run.params.get(key)
            if here == value or (here is None and not revisions):
                continue
            values = [*(revision.value for revision in revisions), value]
            if here is not None and here not in values:
                self._report.note(f"run {past.run_id}, param {key!r}", "it has another value here, which stays")
                continue
            start = 0 if here is None else len(values) - 1 - values[::-1].index(here)
            for revision, next_value in zip(revisions[start:], values[start + 1 :], strict=True):
                request = r.CorrectParam(run_id=past.run_id, key=key, value=next_value, reason=revision.reason)
                self._correct(request, revision)

    def _correct(self, request: r.CorrectParam, was: r.ParamRevision) -> None:
        """Correct a param in the name of who did it, as an administrator may; else the reason says who it was."""
        if self._may_name:
            try:
                named = msgspec.structs.replace(request, actor=was.actor, replaced_ms=was.replaced_ms)
                self._transport.call(ops.CORRECT_PARAM, named)
                return
            except PermissionDenied:
                self._may_name = False
        reason = f"{was.reason} (imported: {was.actor}, {was.replaced_ms} ms)".strip()
        self._transport.call(ops.CORRECT_PARAM, msgspec.structs.replace(request, reason=reason))

    def _log_environment(self, past: PastRun, run: r.Run) -> None:
        if past.environment is not None and run.environment_digest is None:
            request = r.LogEnvironment(run_id=run.run_id, environment=past.environment)
            self._transport.call(ops.LOG_ENVIRONMENT, request)

    def _finish(self, past: PastRun, run: r.Run) -> bool:
        """Give a run the status, the end and, while it goes on, the name that it has in the history."""
        name = past.name if past.name and run.status not in r.TERMINAL else run.name
        if (past.status, past.end_ms, name) == (run.status, run.end_ms, run.name):
            return False
        request = r.UpdateRun(
            run_id=run.run_id, status=past.status, end_ms=past.end_ms, name=None if name == run.name else name
        )
        self._transport.call(ops.UPDATE_RUN, request)
        return True


def choose_texts(kind: str, texts: Mapping[str, str], where: str, report: Report) -> dict[str, str]:
    """Return the params or tags that a store takes; the others are noted."""
    check = check_params if kind == "param" else check_tags
    try:
        check(texts)
        return dict(texts)
    except InvalidInput:
        chosen = {}
    for key, value in texts.items():
        try:
            check({key: value})
            chosen[key] = value
        except InvalidInput as error:
            report.note(f"{where}, {kind} {key[:80]!r}", error.message)
    return chosen
