"""Delivers a journal to a store: in order, every record once, and for as long as it takes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from trackway.api import operations as ops
from trackway.api.runs import DatasetInput, GetRun, Ingest, Ingested, ModelMetric, ModelOutput, Series
from trackway.base.errors import Corrupt, NotFound, TrackwayError, Unavailable
from trackway.sdk.journal_format import FIRST_IN_PART, Kind
from trackway.sdk.journal_reader import Batch, JournalReader, Part, Record
from trackway.sdk.locations import get_folder
from trackway.sdk.patience import Patience, is_waited_for
from trackway.sdk.problems import Problems
from trackway.sdk.progress import WatchedSource
from trackway.sdk.records import INGESTED, STAGED, Artifact, decode_artifact, decode_call, decode_ingest
from trackway.sdk.refusals import Refusals
from trackway.sdk.sources import BytesSource, CutSource, FileSource
from trackway.sdk.transport import Transport, is_temporary
from trackway.sdk.uploads import Uploads

T = TypeVar("T")

BATCH_RECORDS = 100_000
BATCH_BYTES = 8 * 1024 * 1024
_UNLIMITED = 1 << 62
FOREIGN_RUN_S = 60.0
"""How long a run that another process was to create may be unknown to the store."""


class Delivering(Protocol):
    """Notes how far a session is delivered: a ``Journal`` or a ``Delivery``."""

    directory: str

    @property
    def session_id(self) -> str:
        """The session's id."""

    def acknowledge(self, seq: int, /) -> object:
        """Note that the store has everything up to ``seq``."""


class _Split(Exception):
    """A part cannot be delivered as it is; its halves may."""


class Sender:
    """Delivers one session.

    after_seq:  what was delivered before
    patience_s: for so long a call that may succeed later is tried again; None for ever
    leases:     given by the process that logs: runs that are alive, and for how many ms after each of their requests.
                Then files are sent in a thread of their own, so that nothing waits for a large one.

    A refusal (4xx) is narrowed down by halving until the one record is found that is to blame. That record goes to a
    file, is counted as a problem, and all else is delivered. Not thread-safe, but for ``stop``, ``wake`` and reading
    what it knows.
    """

    def __init__(
        self,
        journal: Delivering,
        open_transport: Callable[[], Transport],
        problems: Problems,
        *,
        after_seq: int = 0,
        patience_s: float | None = None,
        leases: dict[str, int] | None = None,
    ) -> None:
        self.delivered_seq = after_seq
        self.sent_bytes = 0
        """Of the file that is on its way."""
        self._journal = journal
        self._open_transport = open_transport
        self._transport: Transport | None = None
        self._problems = problems
        self._leases = {} if leases is None else leases
        self._patience = Patience(problems, patience_s)
        self._file_patience = self._patience
        self._uploads: Uploads | None = None
        if leases is not None:
            self._file_patience = Patience(problems)
            self._uploads = Uploads(self._upload, self._file_patience, problems)
        self._refusals = Refusals(journal.directory, journal.session_id)
        self._reader = JournalReader(journal.directory, after_seq)
        self._end_seq = after_seq
        self._done: set[int] = set()
        self._staged: list[tuple[int, str]] = []
        self._folders: dict[str, str] = {}
        self._known: set[str] = set()
        self._foreign_since_s: dict[str, float] = {}

    @property
    def directory(self) -> str:
        """The session's folder."""
        return self._journal.directory

    @property
    def refused(self) -> int:
        """Records that the store refused for good."""
        return self._refusals.count

    @property
    def failing_since_s(self) -> float | None:
        """Since when, on the monotonic clock, delivery has been failing; None while it does not."""
        since_s = [one.failing_since_s for one in (self._patience, self._file_patience)]
        return min((one for one in since_s if one is not None), default=None)

    @property
    def last_error(self) -> str:
        """Why delivery is failing; empty while it does not."""
        failing = [one for one in (self._patience, self._file_patience) if one.failing_since_s is not None]
        return failing[0].last_error if failing else ""

    def deliver_next(self) -> int:
        """Deliver what comes next, up to a batch; return how many records that were, 0 at the journal's end.

        raises: Stopped. After any error, the next call begins where the last batch was delivered.
        """
        try:
            batch = self._reader.read_batch(BATCH_RECORDS, BATCH_BYTES)
            self._note_damage(batch)
            for part in batch.parts:
                self._deliver(part)
        except BaseException:
            self._reader.close()
            self._reader = JournalReader(self.directory, self.delivered_seq)
            raise
        self._end_seq = max(self._end_seq, batch.end.seq)
        self._settle()
        return batch.total

    def renew_leases(self) -> None:
        """Tell the store which runs are alive; one that refuses is asked no more.

        raises: Stopped
        """
        for run_id, lease_ms in list(self._leases.items()):
            try:
                self._call(ops.INGEST, Ingest(run_id=run_id, lease_ms=lease_ms))
            except TrackwayError as error:
                self._leases.pop(run_id, None)
                self._problems.note_refusal(error, f"The store refuses run {run_id}: {error}")

    def rest(self, timeout_s: float) -> None:
        """Wait, but no longer than until somebody calls ``wake`` or ``stop``.

        raises: Stopped
        """
        self._patience.rest(timeout_s)

    def wake(self) -> None:
        """End a rest, also that between two attempts."""
        self._patience.wake()
        self._file_patience.wake()

    def stop(self) -> None:
        """End delivery at the next rest."""
        self._patience.stop()
        self._file_patience.stop()

    def close(self) -> None:
        """Let go of the journal's files; when all is delivered, staged files that a crash left behind go, too."""
        if self._uploads is not None:
            self._uploads.join(1.0)
        self._settle()
        if self.delivered_seq == self._end_seq and self._reader.read_batch(1).at_end:
            for name in os.listdir(self.directory):
                if name.endswith(STAGED):
                    os.unlink(os.path.join(self.directory, name))
        self._reader.close()

    def _settle(self) -> None:
        """Acknowledge what is delivered: all that lies before the first file that is still on its way."""
        waiting = None if self._uploads is None else self._uploads.get_first_seq()
        seq = self._end_seq if waiting is None else min(self._end_seq, waiting - 1)
        if seq > self.delivered_seq:
            try:
                self._journal.acknowledge(seq)
            except Unavailable as error:  # it will be delivered again after this process, which changes nothing
                self._problems.note("journal not acknowledged", str(error))
            self.delivered_seq = seq
        self._done = {done for done in self._done if done > seq}
        while self._staged and self._staged[0][0] <= seq:
            os.unlink(os.path.join(self.directory, self._staged.pop(0)[1]))

    def _deliver(self, part: Part) -> None:
        try:
            self._deliver_whole(part)
        except _Split:
            count = _count(part)
            with JournalReader(self.directory, part.first_seq - 1) as reader:
                for size in (count // 2, count - count // 2):
                    for half in reader.read_batch(size, _UNLIMITED).parts:
                        self._deliver(half)

    def _deliver_whole(self, part: Part) -> None:
        runs: dict[str, _Gathered] = {}
        single = _count(part) == 1

        def get(run_id: str) -> _Gathered:
            return runs.setdefault(run_id, _Gathered(part.first_seq))

        for record in part.records:
            if record.kind in INGESTED:
                try:
                    ingest = decode_ingest(record.payload)
                except Corrupt as error:
                    self._refuse_record(record, "", error)
                else:
                    get(ingest.run_id).add(ingest)
                continue
            if record.kind not in FIRST_IN_PART:
                # All points of the part lie behind this record: what is gathered is all that lies before it.
                self._ingest(runs, record.seq - 1, single)
                runs = {run_id: _Gathered(record.seq) for run_id in runs}
            self._carry_out(record)
        for points in part.points:
            series = Series(key=points.key, steps=points.steps, times_ms=points.times_ms, values=points.values)
            get(points.run_id).add_series(series)
        self._ingest(runs, part.last_seq, single)

    def _ingest(self, runs: dict[str, _Gathered], last: int, single: bool) -> None:
        """Log what was gathered for each run.

        raises: _Split when a request must be made smaller; Stopped
        """
        for run_id, gathered in runs.items():
            request = gathered.build(run_id, self._journal.session_id, last, self._leases.get(run_id))
            if request is None:
                continue
            try:
                answer: Ingested = self._call(ops.INGEST, request)
                if not answer.applied and answer.acknowledged < last:
                    # Delivered in part before, cut at another place.
                    if not single:
                        raise _Split
                    self._call(ops.INGEST, replace(request, first=answer.acknowledged + 1))
            except TrackwayError as error:
                if not single and not self._refuses_all(run_id):
                    raise _Split from error
                self._refusals.keep(request, error)
                self._problems.note_refusal(error, f"The store refused records of run {run_id}: {error}")

    def _refuses_all(self, run_id: str) -> bool:
        """Tell whether a run refuses whatever it is sent, such as one in the trash."""
        try:
            self._call(ops.INGEST, Ingest(run_id=run_id))
        except TrackwayError:
            return True
        return False

    def _carry_out(self, record: Record) -> None:
        """Carry out a record that is no part of an ``Ingest``; once, however often its part is halved."""
        if record.seq in self._done:
            return
        if record.kind == Kind.ARTIFACT:
            if self._uploads is None:
                self._upload(record)
            else:
                self._get_transport()
                self._uploads.put(record)
            return
        run_id = ""
        try:
            operation, request = decode_call(record.payload)
            run_id = request.run_id
            self._call(operation, request)
        except TrackwayError as error:
            self._refuse_record(record, run_id, error)
        self._done.add(record.seq)

    def _upload(self, record: Record) -> None:
        """Carry out a record that is a file."""
        artifact = None
        try:
            artifact = decode_artifact(record.payload)
            run_id = artifact.run_id
            source = WatchedSource(self._open_source(artifact), self._note_sent)
            path = f"{get_folder(self._find_artifact_uri(run_id))}/{artifact.path}"
            self._attempt(run_id, lambda transport: transport.upload(path, source), self._file_patience)
        except TrackwayError as error:
            if artifact is not None and artifact.staged:
                self._refusals.keep_file(os.path.basename(artifact.staged))
            self._refuse_record(record, artifact.run_id if artifact else "", error)
        else:
            if artifact.staged:
                self._staged.append((record.seq, os.path.basename(artifact.staged)))
        self._done.add(record.seq)
        self._note_sent(0)
        self._patience.wake()

    def _note_sent(self, size_bytes: int) -> None:
        self.sent_bytes = size_bytes

    def _open_source(self, artifact: Artifact) -> CutSource:
        """Return the bytes of a file.

        raises: InvalidInput when the staged copy is gone, Corrupt when it was cut
        """
        if not artifact.staged:
            return BytesSource(artifact.data)
        source = FileSource(os.path.join(self.directory, os.path.basename(artifact.staged)))
        if source.size_bytes != artifact.size_bytes:
            raise Corrupt(f"The staged copy of {artifact.path} was cut", hint="log the file again")
        return source

    def _find_artifact_uri(self, run_id: str) -> str:
        uri = self._folders.get(run_id)
        if uri is None:
            request = GetRun(run_id=run_id)
            run = self._attempt(run_id, lambda transport: transport.call(ops.GET_RUN, request), self._file_patience)
            uri = self._folders[run_id] = run.artifact_uri
        return uri

    def _refuse_record(self, record: Record, run_id: str, error: TrackwayError) -> None:
        self._refusals.keep_record(record, run_id, error)
        self._problems.note_refusal(error, f"The store refused a record of run {run_id or '?'}: {error}")

    def _call(self, operation: ops.Operation[Any, Any], request: Any) -> Any:
        answer = self._attempt(request.run_id, lambda transport: transport.call(operation, request), self._patience)
        if operation is ops.CREATE_RUN:
            self._folders[request.run_id] = answer.artifact_uri
        return answer

    def _attempt(self, run_id: str, send: Callable[[Transport], T], patience: Patience) -> T:
        """Do it until it is done or refused; either way the store knows the run from then on."""
        transport = self._get_transport()
        try:
            return patience.attempt(lambda: send(transport), lambda error: self._may_pass(run_id, error))
        finally:
            self._known.add(run_id)

    def _get_transport(self) -> Transport:
        if self._transport is None:
            self._transport = self._patience.attempt(self._open_transport, _passes)
        return self._transport

    def _may_pass(self, run_id: str, error: TrackwayError) -> bool:
        if isinstance(error, NotFound) and run_id not in self._known:
            since_s = self._foreign_since_s.setdefault(run_id, time.monotonic())
            return time.monotonic() - since_s < FOREIGN_RUN_S
        return is_temporary(error) or isinstance(error, Corrupt) or is_waited_for(error)

    def _note_damage(self, batch: Batch) -> None:
        for damage in batch.damages:
            self._problems.note(
                "journal damaged",
                f"{damage.lost_records} or more records were lost in {self.directory}: {damage.reason}",
            )
        if batch.unknown:
            self._problems.note(
                "journal newer", f"{batch.unknown} records are of a kind that only a newer release knows"
            )


class _Gathered:
    """What one run's next ``Ingest`` will hold; ``first`` is the first sequence number that it covers."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.series: list[Series] = []
        self.params: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self._datasets: list[DatasetInput] = []
        self._model_inputs: list[str] = []
        self._model_outputs: list[ModelOutput] = []
        self._model_metrics: list[ModelMetric] = []
        self._is_empty = True

    def add(self, ingest: Ingest) -> None:
        """Add a record.

        raises: _Split when it gives a param a second value, which is to be refused and must not replace the first
        """
        if any(self.params.get(key, value) != value for key, value in ingest.params.items()):
            raise _Split
        self.params.update(ingest.params)
        self.tags.update(ingest.tags)
        self._datasets += ingest.datasets
        self._model_inputs += ingest.model_inputs
        self._model_outputs += ingest.model_outputs
        self._model_metrics += ingest.model_metrics
        self._is_empty = False

    def add_series(self, series: Series) -> None:
        """Add points."""
        self.series.append(series)
        self._is_empty = False

    def build(self, run_id: str, session_id: str, last: int, lease_ms: int | None) -> Ingest | None:
        """Return the request, or None when there is nothing to say."""
        if self._is_empty:
            return None
        return Ingest(
            run_id=run_id,
            session_id=session_id,
            first=self.first,
            last=last,
            lease_ms=lease_ms,
            series=self.series,
            params=self.params,
            tags=self.tags,
            datasets=self._datasets,
            model_inputs=self._model_inputs,
            model_outputs=self._model_outputs,
            model_metrics=self._model_metrics,
        )


def _passes(error: TrackwayError) -> bool:  # noqa: ARG001 - whatever keeps a store from being opened may pass
    return True


def _count(part: Part) -> int:
    return len(part.records) + sum(points.length for points in part.points)
