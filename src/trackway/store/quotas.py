"""What a store keeps of quotas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from trackway.api.quotas import QuotaKind


class Amounts(NamedTuple):
    """What a workspace holds, or may hold and ask at most (None for no limit)."""

    runs: int | None
    points: int | None
    size_bytes: int | None
    requests_per_minute: int | None = None


class Quotas(Protocol):
    """Limits of workspaces, and which of them were passed when somebody last counted."""

    def get(self, workspace: str) -> Amounts | None: ...
    def set(self, workspace: str, quota: Amounts) -> None: ...
    def list_workspaces(self) -> list[str]:
        """Return the workspaces that have a quota."""

    def measure(self, workspace: str) -> Amounts:
        """Count what a workspace holds: a walk over its series and files."""

    def get_exceeded(self, workspace: str) -> dict[QuotaKind, int]:
        """Return which quotas were passed, with their limits."""

    def set_exceeded(self, workspace: str, exceeded: Mapping[QuotaKind, int]) -> None: ...
