"""What a store keeps of calls that carried an idempotency key."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class KeptAnswer(NamedTuple):
    """What was answered to a call.

    request: digest of what was asked
    answer:  JSON; empty when it was forgotten, while the key still tells a repeat
    """

    request: str
    answer: str


class IdempotencyKeys(Protocol):
    """Idempotency keys by a digest that says whose they are, and for what."""

    def find(self, digest: str) -> KeptAnswer | None: ...
    def keep(self, workspace: str, digest: str, kept: KeptAnswer, now_ms: int) -> None:
        """Insert a key; when another transaction did so meanwhile, this one begins anew."""

    def forget_answers(self, workspace: str) -> None:
        """Forget what a workspace's calls were answered, but not that they were made."""

    def forget(self, before_ms: int, limit: int) -> int:
        """Delete keys of before a time, and return how many."""
