"""Calls that carry an idempotency key: done the first time, and answered from then on as they were then."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from trackway.api.calls import Call
from trackway.api.operations import Operation
from trackway.api.structs import Request
from trackway.base.errors import Conflict
from trackway.store.base import Transaction
from trackway.store.idempotency import KeptAnswer


class OneCall:
    """One call and its repeats.

    A key counts for one actor, workspace and operation, so that nobody can find or spoil another's. It is kept as a
    digest, and so is the request, together with the key: it may hold what is easy to guess and nobody is to learn.
    """

    __slots__ = ("_call", "_digest", "_operation", "_request")

    def __init__(self, call: Call, operation: Operation[Any, Any], request: Request) -> None:
        whose = msgspec.msgpack.encode((call.workspace, call.actor.label, operation.name, call.idempotency_key))
        self._digest = sha256(whose).hexdigest()
        self._request = sha256(whose + msgspec.msgpack.encode(request)).hexdigest()
        self._call = call
        self._operation = operation

    def recall(self, tx: Transaction) -> Any:
        """Return the answer of the first call; None when this one is the first.

        raises: Conflict for another request, and where the first answer cannot be given again
        """
        kept = tx.idempotency_keys.find(self._digest)
        if kept is None:
            return None
        if kept.request != self._request:
            raise Conflict(
                "This idempotency key came with another request before", hint="send a new key with each new request"
            )
        name = self._operation.name
        if not kept.answer:
            raise Conflict(
                f"{name} was done when it was first sent; its answer was forgotten, with what was removed for good",
                hint="look at what is there; to do it once more, send it with a new key",
            )
        if secret := self._operation.shown_once:
            answer = msgspec.json.decode(kept.answer)
            del answer[secret]
            raise Conflict(
                f"{name} was done when it was first sent; the {secret} of its answer is shown once",
                hint="if that answer was lost, delete what was made, and send it with a new key",
                details={"answer": answer},
            )
        return msgspec.json.decode(kept.answer, type=self._operation.response)

    def keep(self, tx: Transaction, response: Any) -> None:
        """Keep the answer in the transaction of the change, but what is shown once."""
        if self._operation.shown_once:
            response = msgspec.structs.replace(response, **{self._operation.shown_once: ""})
        answer = msgspec.json.encode(response).decode()
        kept = KeptAnswer(self._request, answer)
        tx.idempotency_keys.keep(self._call.workspace, self._digest, kept, self._call.now_ms)
