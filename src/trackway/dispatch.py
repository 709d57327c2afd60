"""The only way to an operation: permission, then the handler, then the audit entry, in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

from trackway.api.calls import Actor, Call
from trackway.api.operations import OPERATIONS, Operation
from trackway.api.retention import AuditEntry
from trackway.api.structs import Request, Response
from trackway.base.clock import Clock, now_ms
from trackway.base.ids import new_id
from trackway.rules.handlers import Handler, Handlers
from trackway.store.base import Done, Store, Transaction

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)


class Policy(Protocol):
    """Decides who may do what."""

    def check(self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request) -> None:
        """Return when the call's actor has the operation's permission on its target, else raise PermissionDenied."""


class OpenPolicy:
    """Everybody may do everything: for one person's store, and behind nothing but loopback."""

    def check(self, tx: Transaction, call: Call, operation: Operation[Any, Any], request: Request) -> None:
        """Allow."""


class Dispatch:
    """Carries out operations for callers, in process or for a server.

    raises: LookupError when an operation has no handler or a handler no operation
    """

    def __init__(self, store: Store, handlers: Iterable[Handlers], policy: Policy, clock: Clock = now_ms) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._handlers: dict[str, Handler] = {}
        for group in handlers:
            self._handlers.update((operation.name, handler) for operation, handler in group.items())
        missing = {operation.name for operation in OPERATIONS} ^ self._handlers.keys()
        if missing:
            raise LookupError(f"Operations and handlers differ: {', '.join(sorted(missing))}")

    def open_call(self, actor: Actor, workspace: str, request_id: str = "") -> Call:
        """Begin a call: read the clock once, and give it an id."""
        return Call(actor=actor, workspace=workspace, request_id=request_id or new_id(), now_ms=self._clock())

    def submit(self, operation: Operation[Q, S], request: Q, call: Call, done: Done[S]) -> None:
        """Queue an operation; ``done(response, error)`` is called on a thread of the store, after the commit."""
        work = self._work(operation, request, call)
        if operation.access.writes:
            target = getattr(request, operation.access.target_field, "")
            self._store.submit_write(work, done, target if isinstance(target, str) else "")
        else:
            self._store.submit_read(work, done)

    def call(self, operation: Operation[Q, S], request: Q, call: Call) -> S:
        """Carry out an operation and wait."""
        if not operation.access.writes:
            response: S = self._store.read(self._work(operation, request, call))
            return response
        waiter = _Waiter[S]()
        self.submit(operation, request, call, waiter.done)
        return waiter.wait()

    def _work(self, operation: Operation[Q, S], request: Q, call: Call) -> _Work:
        return _Work(self._handlers[operation.name], self._policy, operation, request, call)


class _Work:
    """One operation as a job of the store."""

    __slots__ = ("call", "handler", "operation", "policy", "request")

    def __init__(
        self, handler: Handler, policy: Policy, operation: Operation[Any, Any], request: Request, call: Call
    ) -> None:
        self.handler = handler
        self.policy = policy
        self.operation = operation
        self.request = request
        self.call = call

    def __call__(self, tx: Transaction) -> Any:
        self.policy.check(tx, self.call, self.operation, self.request)
        response = self.handler(tx, self.call, self.request)
        if self.operation.access.audited:
            tx.housekeeping.append_audit(self.call.workspace, self._entry(response))
        return response

    def _entry(self, response: Any) -> AuditEntry:
        return AuditEntry(
            time_ms=self.call.now_ms,
            actor=self.call.actor.label,
            operation=self.operation.name,
            object=self._object(response),
            request_id=self.call.request_id,
            detail="dry run" if getattr(self.request, "dry_run", False) else "",
        )

    def _object(self, response: Any) -> str:
        field = self.operation.access.target_field
        if field:
            target = getattr(self.request, field)
            if self.operation.access.target == "registered_model":
                version = getattr(response, "version", None) or getattr(self.request, "version", None)
                target = f"{target}/{version}" if version else target
        else:  # what was made, what was listed, or all of the workspace
            made = getattr(response, "experiment_id", None) or getattr(response, "name", None)
            target = made or getattr(self.request, "experiment_ids", None) or self.call.workspace
        return ",".join(target)[:1_000] if isinstance(target, list) else str(target)


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
