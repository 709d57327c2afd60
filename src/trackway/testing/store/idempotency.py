"""Idempotency keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from trackway.base.ids import new_id
from trackway.store.base import Transaction
from trackway.store.idempotency import KeptAnswer
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


def keep(space: Space, answer: str, now_ms: int = 1_000) -> str:
    """Keep an answer under a new key, and return the key's digest."""
    digest = new_id()
    space.write(lambda tx: tx.idempotency_keys.keep(space.workspace, digest, KeptAnswer("asked", answer), now_ms))
    return digest


def find(space: Space, digest: str) -> KeptAnswer | None:
    """Return what was kept."""
    found: KeptAnswer | None = space.read(lambda tx: tx.idempotency_keys.find(digest))
    return found


class IdempotencyContract(StoreFixtures):
    """Idempotency keys."""

    def test_what_was_answered_is_found_by_its_key(self, space: Space) -> None:
        digest = keep(space, '{"a":1}')
        assert find(space, digest) == KeptAnswer("asked", '{"a":1}')
        assert find(space, new_id()) is None

    def test_answers_of_one_workspace_are_forgotten_and_keys_are_not(self, space: Space) -> None:
        other = Space(space.store)
        digest, others = keep(space, "{}"), keep(other, "{}")
        space.write(lambda tx: tx.idempotency_keys.forget_answers(space.workspace))
        assert find(space, digest) == KeptAnswer("asked", "")
        assert find(space, others) == KeptAnswer("asked", "{}")

    def test_old_keys_are_deleted_some_at_a_time(self, space: Space) -> None:
        old, new = [keep(space, "{}", now_ms) for now_ms in (1, 2, 3)], keep(space, "{}", 5)
        assert space.write(lambda tx: tx.idempotency_keys.forget(5, 2)) == 2
        while space.write(lambda tx: tx.idempotency_keys.forget(5, 2)):
            pass
        assert [find(space, digest) for digest in old] == [None] * 3
        assert find(space, new) is not None

    def test_of_several_at_once_one_keeps_its_answer_and_the_others_find_it(self, space: Space) -> None:
        digest, begun = new_id(), Barrier(4)

        def work(tx: Transaction, own: str) -> tuple[str, bool]:
            found = tx.idempotency_keys.find(digest)
            if found is None:
                tx.idempotency_keys.keep(space.workspace, digest, KeptAnswer("asked", own), 5)
            return (found.answer, False) if found else (own, True)

        def call(number: int) -> Any:
            begun.wait()
            return space.write(lambda tx: work(tx, f"answer {number}"))

        with ThreadPoolExecutor(4) as callers:
            told = list(callers.map(call, range(4)))
        assert [did for _, did in told].count(True) == 1
        assert len({answer for answer, _ in told}) == 1
