"""The fixtures that every part of the contract shares."""

from __future__ import annotations

import pytest

from trackway.store.base import Store
from trackway.testing.store.space import Space


class StoreFixtures:
    """Base of the contract's parts."""

    @pytest.fixture
    def store(self) -> Store:
        """Give a store; subclasses override this."""
        raise NotImplementedError

    @pytest.fixture
    def space(self, store: Store) -> Space:
        """Give a new workspace of the store."""
        return Space(store)
