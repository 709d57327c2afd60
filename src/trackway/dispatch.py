"""The only way to an operation: permission, then the handler, then the audit entry, in one transaction."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from trackway.api.access import CreateGrant, ErasedUser, TeamMember, UpdateUser
from trackway.api.artifacts import CommitUpload
from trackway.api.calls import Actor, Call
from trackway.api.experiments import PurgeReport
from trackway.api.holds import CreateHold, ReleaseHold
from trackway.api.operations import OPERATIONS, RESTORE_TRASH, Operation
from trackway.api.provisioning import SetProvisionedTeam, SetProvisionedUser
from trackway.api.retention import AuditEntry
from trackway.api.runs import Ingest
from trackway.api.structs import Request, Response
from trackway.api.trash import TrashEntry
from trackway.api.webhooks import CreateWebhook
from trackway.auth.places import check_open, find_workspace
from trackway.base.clock import Clock, now_ms
from trackway.base.ids import new_id
from trackway.rules.handlers import Considered, Handler, Handlers
from trackway.store.base import Done, Store, Transaction
from trackway.store.workspaces import DEFAULT
from trackway.tracking.idempotency import OneCall
from trackway.tracking.purge import describe_purge

log = logging.getLogger("trackway.dispatch")
Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)
BRIEF_POINTS, BRIEF_VALUES, BRIEF_BYTES = 1_000, 100, 16_384
"""A request that logs no more than so many points, and so many params and tags, or bytes of a file, is brief."""
LIGHT_ITEMS = 1_000
"""A list's page of no more things is light."""


class Policy(Protocol):
    """Decides who may do what."""

    @property
    def watched(self) -> Collection[str]:
        """Names of the operations after which ``settle`` is called."""

    @property
    def veiled(self) -> Collection[str]:
        """Names of the operations whose answers go through ``veil``."""

    def admit(self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request) -> Call:
        """Return the call as its handler gets it: with its actor, what that sees, and the key of the workspace.

        raises: Unauthenticated, PermissionDenied; NotFound for a target or workspace that the actor may not even see
        """

    @property
    def sensitive(self) -> Collection[str]:
        """Names of the operations that read what is sensitive, of which ``find_read`` is asked."""

    def find_read(self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request) -> Any:
        """Return what the audit log is to have of a read, with the ``object`` that was read; None for nothing."""

    def note_read(self, read: Any) -> None:
        """Hear that the audit log has what was found."""

    def settle(
        self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request, response: Any
    ) -> None:
        """Note what an operation did, in its own transaction."""

    def veil(self, call: Call, response: Any) -> Any:
        """Return an answer without what its reader may not see."""

    def digest(
        self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request, response: Any = None
    ) -> str:
        """Return a digest of what an operation is about, for the audit log; with a response, after the operation."""


class OpenPolicy:
    """Everybody may do everything: for one person's store, and behind nothing but loopback."""

    watched: Collection[str] = ()
    veiled: Collection[str] = ()
    sensitive: Collection[str] = ()

    def admit(self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request) -> Call:  # noqa: ARG002 - a policy's
        """Allow, in any workspace that is there."""
        if call.workspace == DEFAULT.name:
            return call
        place = find_workspace(tx, call.workspace)
        check_open(place, operation)
        return msgspec.structs.replace(call, workspace=place.key, workspace_name=place.name)

    def find_read(self, *_asked: object) -> Any:
        """Keep none: nothing is hidden from anybody."""

    def note_read(self, read: Any) -> None:
        """There is nothing to note."""

    def settle(
        self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request, response: Any
    ) -> None:
        """There is nothing to note."""

    def veil(self, call: Call, response: Any) -> Any:  # noqa: ARG002 - a policy's
        """Show everything."""
        return response

    def digest(self, *_asked: object) -> str:
        """Keep none: who may do everything may change the log."""
        return ""


class Dispatch:
    """Carries out operations for callers, in process or for a server.

    raises: LookupError when an operation has no handler or a handler no operation
    """

    def __init__(self, store: Store, handlers: Iterable[Handlers], policy: Policy, clock: Clock = now_ms) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._handlers: dict[str, Handler | Considered] = {}
        for group in handlers:
            self._handlers.update((operation.name, handler) for operation, handler in group.items())
        missing = {operation.name for operation in OPERATIONS} ^ self._handlers.keys()
        if missing:
            raise LookupError(f"Operations and handlers differ: {', '.join(sorted(missing))}")

    def open_call(self, actor: Actor, workspace: str, request_id: str = "") -> Call:
        """Begin a call: read the clock once, and give it an id."""
        return Call(actor=actor, workspace=workspace, request_id=request_id or new_id(), now_ms=self._clock())

    def submit(self, operation: Operation[Q, S], request: Q, call: Call, done: Done[S]) -> Work:
        """Queue an operation; ``done(response, error)`` is called after the commit.

        It is called on a thread of the store's, or on this one when that runs the loop that was lent to the store,
        perhaps before this returns.
        """
        work = self._work(operation, request, call)
        if operation.access.writes or operation.access.audited:  # what is read and audited leaves its entry with it
            brief = operation.access.brief and _is_brief(request)
            if work.considered:
                self._store.submit_read(work.consider, partial(self._act, work, done))
            else:
                self._store.submit_write(work, done, _get_key(operation, request), brief)
        else:
            sensitive = operation.name in self._policy.sensitive
            told = partial(self._read_again, work, done) if sensitive else done
            light = operation.access.lists and 0 < getattr(request, "limit", 0) <= LIGHT_ITEMS
            self._store.submit_read(work, told, operation.access.brief, light)
        return work

    def call(self, operation: Operation[Q, S], request: Q, call: Call) -> S:
        """Carry out an operation and wait."""
        work = self._work(operation, request, call)
        if not (operation.access.writes or operation.access.audited):
            try:
                response: S = self._store.read(work)
            except _Unkept:
                work.keeps = True
                response = self._store.write(work)
                self._policy.note_read(work.read)
            return response
        if work.considered:
            self._store.read(work.consider)
        waiter = _Waiter[S]()
        self._store.submit_write(work, waiter.done, _get_key(operation, request))
        return waiter.wait()

    def _act(self, work: Work, done: Done[Any], _found: None, error: BaseException | None) -> None:
        """Write what was considered, unless it was refused."""
        if error is not None:
            done(None, error)
        else:
            self._store.submit_write(work, done, _get_key(work.operation, work.request))

    def _read_again(self, work: Work, done: Done[Any], result: Any, error: BaseException | None) -> None:
        """Carry out a read that is to leave an entry as a write, with the entry in its transaction."""
        if not isinstance(error, _Unkept):
            done(result, error)
            return

        def note(result: Any, error: BaseException | None) -> None:
            if error is None:
                self._policy.note_read(work.read)
            done(result, error)

        work.keeps = True
        self._store.submit_write(work, note)

    def _work(self, operation: Operation[Q, S], request: Q, call: Call) -> Work:
        return Work(self._handlers[operation.name], self._policy, operation, request, call)


def _get_key(operation: Operation[Any, Any], request: Request) -> str:
    """Return what a writing operation changes first."""
    target = getattr(request, operation.access.target_field, "")
    return target if isinstance(target, str) else ""


def _is_brief(request: Request) -> bool:
    """Tell whether a request of an operation that is brief has no more to it than usual."""
    if isinstance(request, CommitUpload):
        return len(request.data or b"") <= BRIEF_BYTES
    return not isinstance(request, Ingest) or (
        sum([len(one.values) for one in request.series]) <= 8 * BRIEF_POINTS
        and len(request.params) + len(request.tags) <= BRIEF_VALUES
    )


class _Unkept(Exception):
    """A read is to leave an entry in the audit log, and was begun where nothing can be written."""


class Work:
    """One operation as a job of the store.

    workspace: key of the one that it was carried out in, once it was
    keeps:     whether a read may leave an entry in the audit log; ``read`` is what that is about
    """

    __slots__ = ("call", "considered", "handler", "keeps", "operation", "policy", "read", "request", "workspace")

    def __init__(
        self,
        handler: Handler | Considered,
        policy: Policy,
        operation: Operation[Any, Any],
        request: Request,
        call: Call,
    ) -> None:
        self.considered = handler if isinstance(handler, Considered) else None
        self.handler: Handler | None = None if isinstance(handler, Considered) else handler
        self.policy = policy
        self.operation = operation
        self.request = request
        self.call = call
        self.workspace = ""
        self.keeps = False
        self.read: Any = None

    def consider(self, tx: Transaction) -> None:
        """Take the first of two steps, for whoever may take the second."""
        assert self.considered
        call = self.policy.admit(tx, self.call, self.operation, self.request)
        found = self.considered.consider(tx, call, self.request)
        self.handler = partial(self.considered.act, found=found)

    def __call__(self, tx: Transaction) -> Any:
        operation, request = self.operation, self.request
        call = self.policy.admit(tx, self.call, operation, request)
        self.workspace = call.workspace
        once = OneCall(call, operation, request) if operation.adds and call.idempotency_key else None
        if once is not None and (told := once.recall(tx)) is not None:
            return self.policy.veil(call, told) if operation.name in self.policy.veiled else told
        if operation.name in self.policy.sensitive:
            self.read = self.policy.find_read(tx, call, operation, request)
            if self.read is not None:
                if not self.keeps:
                    raise _Unkept
                entry = make_entry(call, operation, self.read.object[:1_000], "read")
                tx.housekeeping.append_audit(call.workspace, entry)
        audited, before = operation.access.audited, ""
        if audited:
            before = self.policy.digest(tx, call, operation, request)
        assert self.handler
        response = self.handler(tx, call, request)
        if operation.name in self.policy.watched:
            self.policy.settle(tx, call, operation, request, response)
        if audited:
            detail = "dry run" if getattr(request, "dry_run", False) else _describe(request, response)
            entry = make_entry(call, operation, _find_object(call, operation, request, response), detail)
            after = self.policy.digest(tx, call, operation, request, response)
            if before or after:
                entry = msgspec.structs.replace(entry, before=before, after=after)
            tx.housekeeping.append_audit(call.workspace, entry)
        if once is not None:
            once.keep(tx, response)
        return self.policy.veil(call, response) if operation.name in self.policy.veiled else response


def record_denials(store: Store) -> Callable[[Call, Operation[Any, Any], Request], None]:
    """Return what keeps an audit entry of each call that was refused, in a transaction of its own."""

    def record(call: Call, operation: Operation[Any, Any], request: Request) -> None:
        entry = make_entry(call, operation, _find_object(call, operation, request, None), "denied")
        store.submit_write(lambda tx: tx.housekeeping.append_audit(call.workspace, entry), _forget)

    return record


def make_entry(call: Call, operation: Operation[Any, Any], target: str, detail: str) -> AuditEntry:
    """Make the entry of the audit log about a call."""
    return AuditEntry(
        time_ms=call.now_ms,
        actor=call.actor.label,
        operation=operation.name,
        object=target,
        request_id=call.request_id,
        detail=detail,
        address=call.address,
    )


def _find_object(call: Call, operation: Operation[Any, Any], request: Request, response: Any) -> str:
    """Return what an entry says that a call was about."""
    field = operation.access.target_field
    target: Any
    if isinstance(response, ErasedUser) and not response.dry_run:
        target = response.pseudonym  # an entry that names who was erased would be in vain
    elif field:
        target = getattr(response, "name", None) if operation is RESTORE_TRASH else None
        target = target or getattr(request, field)
        if operation.access.target == "registered_model":
            version = getattr(response, "version", None) or getattr(request, "version", None)
            target = f"{target}/{version}" if version else target
    else:  # what was made, what was listed, or all of the workspace
        made = next((one for one in (_get_webhook(response), _get_webhook(request)) if one), None)
        made = made or getattr(response, "experiment_id", None) or getattr(response, "name", None)
        target = (
            made or getattr(request, "experiment_ids", None) or getattr(request, "trash_ids", None) or call.workspace
        )
    return ",".join(target)[:1_000] if isinstance(target, list) else str(target)[:1_000]


def _get_webhook(told: Any) -> str:
    """Return a webhook's id, by which entries about one can be found from its first to that of its end."""
    return getattr(told, "webhook_id", "")


def _describe(request: Request, response: Any) -> str:
    """Return what an entry says beside its object: who got or lost what, how much went."""
    if isinstance(response, PurgeReport):
        return describe_purge(response)
    if isinstance(response, TrashEntry):
        return response.kind
    if isinstance(request, CreateGrant):
        who = request.subject or request.subject_kind
        return f"{request.role} for {who} on {request.target_kind} {request.target}".strip()
    if isinstance(request, CreateHold):
        return f"{request.target_kind} {request.target}: {request.reason}"[:1_000]
    if isinstance(request, ReleaseHold):
        return f"{request.hold_id}: {request.reason}"[:1_000]
    if isinstance(request, CreateWebhook):
        return request.name
    if isinstance(request, TeamMember):
        return request.user
    if isinstance(request, SetProvisionedUser):
        return f"active {request.active}".lower()
    if isinstance(request, SetProvisionedTeam):
        return f"members {','.join(map(str, request.members))}"[:1_000]
    if isinstance(request, UpdateUser):
        changed = {"is_admin": request.is_admin, "disabled": request.disabled}
        return ", ".join(f"{name} {value}".lower() for name, value in changed.items() if value is not None)
    return ""


def _forget(_result: object, error: BaseException | None) -> None:
    if error is not None:
        log.error("An entry of the audit log could not be kept: %s", error)


class _Waiter(Generic[S]):
    """Waits on the caller's thread for what the store's thread tells."""

    __slots__ = ("error", "event", "result")

    def __init__(self) -> None:
        self.event = threading.Event()
        self.result: S | None = None
        self.error: BaseException | None = None

    def done(self, result: S | None, error: BaseException | None) -> None:
        self.result, self.error = result, error
        self.event.set()

    def wait(self) -> S:
        self.event.wait()
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # set when there is no error
