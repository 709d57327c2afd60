"""What has changed, collected for a moment and told to the pages that show it, and to the other processes of the store.

Only ids are told: a page asks for what it shows. So nothing is lost when something is not told, but for a moment.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import deque
from collections.abc import Callable, Collection, Iterable
from hashlib import blake2b
from typing import Any, Final

import msgspec

from trackway.api.access import NamedKind
from trackway.api.operations import Operation
from trackway.auth.rights import Rights
from trackway.base.ids import new_id
from trackway.store.base import Store
from trackway.store.watching import TOLD_BYTES, Watch

GATHER_S: Final = 0.3
"""Changes are told together after so long."""
ANNOUNCED_S: Final = 10.0
"""A process at which pages listen says so to the others this often; after three times it is no longer believed."""
KEPT: Final = 256
"""Tellings that a page which comes back can still be given."""
RUNS_TOLD: Final = 1_000
"""More runs than that are told as the whole of what they belong to."""
GUARDED: Final = frozenset({"system", "provisioning", "self", "grant"})
"""Targets of operations that are nothing to those who only read a workspace."""
log = logging.getLogger("trackway.server")


class Batch(msgspec.Struct):
    """What changed: ids of runs and experiments, names of registered models, endpoints and schedules.

    other: something else that whoever reads the workspace may see
    all:   it is not known what
    """

    workspace: str = "default"
    runs: set[str] = set()
    experiments: set[str] = set()
    models: set[str] = set()
    all: bool = False
    endpoints: set[str] = set()
    schedules: set[str] = set()
    other: bool = False

    def names_any(self) -> bool:
        """Tell whether it says what changed."""
        return bool(self.runs or self.experiments or self.models or self.endpoints or self.schedules or self.other)

    def add(self, other: Batch) -> None:
        """Add what else changed."""
        self.runs |= other.runs
        self.experiments |= other.experiments
        self.models |= other.models
        self.endpoints |= other.endpoints
        self.schedules |= other.schedules
        self.all |= other.all
        self.other |= other.other
        if len(self.runs) > RUNS_TOLD:
            self.runs.clear()

    def keep(self, experiments: Collection[str], models: Collection[str], homes: dict[str, str]) -> Batch | None:
        """Return what is about some experiments and models; None when nothing is."""
        kept = Batch(
            self.workspace,
            {run for run in self.runs if homes.get(run) in experiments},
            self.experiments & set(experiments),
            self.models & set(models),
            self.all,
        )
        return kept if kept.experiments or kept.models or kept.all else None


class _Message(msgspec.Struct):
    """What processes tell one another: what changed, or (None) that pages listen at the sender's."""

    sender: str
    batch: Batch | None = None


class Listener:
    """One page that listens; what it has not been given yet is kept as one batch.

    access:  version of access that was known before its right to listen was looked at
    doubted: access has changed since, so that its right is to be looked at before it is told anything
    rights:  what it permits, when that was last looked at; None where anybody may do anything
    """

    def __init__(
        self,
        workspace: str,
        experiments: Iterable[str],
        models: Iterable[str],
        access: int,
        rights: Rights | None = None,
    ) -> None:
        self.workspace = workspace
        self.rights = rights
        self.experiments = frozenset(experiments)
        self.models = frozenset(models)
        self.access = access
        self.pending: Batch | None = None
        self.number = 0
        self.doubted = False
        self.ended = False
        self._woken = asyncio.Event()

    def give(self, batch: Batch, number: int) -> None:
        """Add what changed; ``number`` is that of the telling."""
        if self.pending is None:
            self.pending = Batch(batch.workspace)
        self.pending.add(batch)
        self.number = number
        self._woken.set()

    def doubt(self) -> None:
        """Have its right to listen looked at anew."""
        self.doubted = True
        self._woken.set()

    def end(self) -> None:
        """Have it listen no more."""
        self.ended = True
        self._woken.set()

    async def take(self, wait_s: float) -> Batch | None:
        """Return what changed since the last time; None when nothing did for so long, it is doubted, or it ended."""
        try:
            async with asyncio.timeout(wait_s):
                await self._woken.wait()
        except TimeoutError:
            return None
        self._woken.clear()
        found, self.pending = self.pending, None
        return found


class Changes:
    """Collects changes on the event loop of one process.

    wanted: whether anybody is to be told; looked at before each note, so that a server without pages pays nothing
    access: version of access at the last telling; -1 before the first
    """

    def __init__(self, store: Store) -> None:
        self.wanted = False
        self.epoch = new_id()[:12]
        self.access = -1
        self._key = secrets.token_bytes(16)
        self._store = store
        self._watch: Watch | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[Listener] = set()
        self._gathered: dict[str, Batch] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._kept: deque[tuple[int, Batch, dict[str, str]]] = deque(maxlen=KEPT)
        self._number = 0
        self._own_s = 0.0
        self._announcing: asyncio.Task[None] | None = None
        self._others_until_s = 0.0

    def open(self) -> None:
        """Begin, on the loop that runs: hear of other processes."""
        self._loop = asyncio.get_running_loop()
        self._watch = self._store.watch(self._hear)

    def close(self) -> None:
        """Hear and tell no more."""
        for listener in self._listeners:
            listener.end()
        if self._announcing is not None:
            self._announcing.cancel()
        if self._watch is not None:
            self._watch.close()

    def note(self, workspace: str, operation: Operation[Any, Any], request: Any, response: Any) -> None:
        """Note what a call changed."""
        batch = self._gathered.get(workspace)
        if batch is None:
            batch = self._gathered[workspace] = Batch(workspace)
        _note(batch, operation, request, response)
        self._flush_soon()

    def listen(self, listener: Listener, last_event: str) -> bool:
        """Add a listener, with what it has missed since an event; tell whether that is known."""
        self._listeners.add(listener)
        if listener.access != self.access:
            listener.doubt()
        self._look()
        if self._announcing is None and self._loop is not None and self._watch is not None and self._watch.tells:
            self._announcing = self._loop.create_task(self._announce(self._watch))
        listener.number = self._number
        if not last_event:
            return True
        number = self._read_id(last_event)
        first = self._kept[0][0] if self._kept else self._number + 1
        if not first - 1 <= number <= self._number:
            return False
        for place, batch, homes in self._kept:
            if place > number:
                self._give(listener, batch, homes, place)
        return True

    def write_id(self, number: int) -> str:
        """Return the id of a telling, by which a page goes on behind it, and in which no number can be read."""
        nonce = secrets.token_bytes(8)
        return f"{self.epoch}-{nonce.hex()}{number ^ self._mask(nonce):016x}"

    def _read_id(self, text: str) -> int:
        """Return the number of a telling by its id; -1 for an id of another process, or none."""
        epoch, _, place = text.partition("-")
        if epoch != self.epoch or not re.fullmatch("[0-9a-f]{32}", place):
            return -1
        return int(place[16:], 16) ^ self._mask(bytes.fromhex(place[:16]))

    def _mask(self, nonce: bytes) -> int:
        return int.from_bytes(blake2b(nonce, key=self._key, digest_size=8).digest(), "big")

    def leave(self, listener: Listener) -> None:
        """Take a listener out."""
        self._listeners.discard(listener)
        self._look()

    async def _announce(self, watch: Watch) -> None:
        """Tell other processes that pages listen here, for as long as they do."""
        text = msgspec.json.encode(_Message(self.epoch)).decode()
        while self._listeners:
            await asyncio.get_running_loop().run_in_executor(None, watch.tell, text)
            await asyncio.sleep(ANNOUNCED_S)
        self._announcing = None

    def _look(self) -> None:
        """See whether anybody is still to be told."""
        now_s = self._loop.time() if self._loop is not None else 0.0
        self.wanted = bool(self._listeners) or now_s < self._others_until_s
        if self._watch is not None:
            self._watch.attend(bool(self._listeners))

    def _flush_soon(self) -> None:
        if self._flushing is None and self._loop is not None:
            self._flushing = self._loop.create_task(self._flush())

    async def _flush(self) -> None:
        await asyncio.sleep(GATHER_S)
        self._flushing = None
        gathered, self._gathered = self._gathered, {}
        loop = asyncio.get_running_loop()
        for batch in gathered.values():
            if self._watch is not None and self._watch.tells:
                await loop.run_in_executor(None, self._watch.tell, self._write(batch))
            self._own_s = loop.time()
            await self._tell(batch)

    def _write(self, batch: Batch) -> str:
        """Write a batch so that it fits: without its runs, or as a change of whatever."""
        for one in (batch, Batch(batch.workspace, set(), batch.experiments, batch.models, True)):
            text = msgspec.json.encode(_Message(self.epoch, one))
            if len(text) <= TOLD_BYTES:
                return text.decode()
        return msgspec.json.encode(_Message(self.epoch, Batch(batch.workspace, all=True))).decode()

    async def _tell(self, batch: Batch) -> None:
        """Give a batch to those whom it is about."""
        if not self._listeners:
            return
        homes, access = await asyncio.get_running_loop().run_in_executor(None, self._find_homes, batch)
        batch.experiments |= set(homes.values())
        if access != self.access:
            self.access = access
            for listener in self._listeners:
                listener.doubt()
        self._number += 1
        self._kept.append((self._number, batch, homes))
        for listener in list(self._listeners):
            self._give(listener, batch, homes, self._number)

    def _find_homes(self, batch: Batch) -> tuple[dict[str, str], int]:
        """Return the experiments of a batch's runs, and the version of access; nothing new when the store is away."""
        runs = sorted(batch.runs)
        try:
            found, access = self._store.read(
                lambda tx: (tx.overviews.find_homes(batch.workspace, runs), tx.access.version())
            )
        except Exception as error:  # noqa: BLE001 - pages ask again by themselves
            log.info("The experiments of changed runs are not known: %s", error)
            batch.all = True
            return {}, self.access
        return {run: str(number) for run, number in found.items()}, access

    def _give(self, listener: Listener, batch: Batch, homes: dict[str, str], number: int) -> None:
        if listener.workspace != batch.workspace:
            return
        if listener.experiments or listener.models:
            kept = batch.keep(listener.experiments, listener.models, homes)
        else:  # who listens to everything is told that something changed which it may see, and not what
            kept = Batch(batch.workspace, all=True) if may_see(listener.rights, batch) else None
        if kept is not None:
            listener.give(kept, number)

    def _hear(self, text: str) -> None:
        """Take what another process told, on the store's thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._heard, text)

    def _heard(self, text: str) -> None:
        assert self._loop is not None
        if text == "":  # a change of the file, perhaps one of this process that is told already
            if self._gathered or self._flushing or self._loop.time() - self._own_s < 2 * GATHER_S:
                return
            batch = Batch(all=True)
        else:
            try:
                message = msgspec.json.decode(text, type=_Message)
            except msgspec.MsgspecError:
                return
            if message.sender == self.epoch:
                return
            if message.batch is None:
                self._others_until_s = self._loop.time() + 3 * ANNOUNCED_S
                self._loop.call_later(3 * ANNOUNCED_S + 1, self._look)
                self.wanted = True
                return
            batch = message.batch
        self._loop.create_task(self._tell(batch))


def may_see(rights: Rights | None, batch: Batch) -> bool:
    """Tell whether somebody may see any of what changed; of what is not known, whether there is anything at all."""
    if rights is None or "admin" in rights.workspace:
        return True
    if "read" in rights.workspace:
        return batch.all or batch.names_any()
    if batch.all:
        each = [*rights.experiments.values(), *(one for those in rights.named.values() for one in those.values())]
        return any("read" in permissions for permissions in each)
    named: dict[NamedKind, set[str]] = {
        "registered_model": batch.models,
        "endpoint": batch.endpoints,
        "schedule": batch.schedules,
    }
    return any("read" in rights.on_experiment(int(one)) for one in batch.experiments if one.isdecimal()) or any(
        "read" in rights.on_named(kind, name) for kind, names in named.items() for name in names
    )


def _note(batch: Batch, operation: Operation[Any, Any], request: Any, response: Any) -> None:
    """Add the ids that a request and its response hold."""
    read: Callable[[str], Any] = lambda name: getattr(request, name, None) or getattr(response, name, None)  # noqa: E731
    if run := read("run_id"):
        batch.runs.add(run)
    batch.runs.update(getattr(request, "run_ids", None) or ())
    if experiment := read("experiment_id"):
        batch.experiments.add(experiment)
    batch.experiments.update(getattr(request, "experiment_ids", None) or ())
    target, field = operation.access.target, operation.access.target_field
    if target == "registered_model":
        batch.models.add(getattr(request, field))
    elif target == "schedule":
        batch.schedules.add(getattr(request, field))
    elif target == "endpoint":
        batch.endpoints.add(getattr(request, field))
        batch.models.update(server.model for server in getattr(response, "servers", ()))
    elif operation.name.startswith("registered_models.") and (name := read("name")):
        batch.models.add(name)
    elif target not in GUARDED and operation.access.permission != "admin":
        batch.other = True
