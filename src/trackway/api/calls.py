"""Who calls, where, and with which right: carried by every call from the edge to the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

Permission = Literal["read", "write", "create", "delete", "manage", "admin"]
"""The right that an operation needs on its target.

``create`` makes experiments and registered models in a workspace; ``manage`` gives others rights on an object;
``admin`` is about a workspace as a whole.
"""

Target = Literal[
    "system",
    "provisioning",
    "self",
    "grant",
    "workspace",
    "experiment",
    "run",
    "runs",
    "logged_model",
    "registered_model",
    "endpoint",
    "schedule",
    "file",
    "trash",
]
"""What kind of object an operation is about; its id is the request field that ``Operation.target_field`` names.

``system`` is the whole installation, for its administrators alone; ``self`` is what belongs to who calls; ``grant`` is
what a grant is about; ``trash`` one thing in it, for who deleted it or might.
"""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls: a person, a service token, or nobody known."""

    kind: Literal["user", "service", "anonymous", "system"]
    name: str = ""

    @property
    def label(self) -> str:
        """Who this is, in one word, as logs and histories show it."""
        return f"{self.kind}:{self.name}" if self.name else self.kind


ANONYMOUS = Actor(kind="anonymous")
SYSTEM = Actor(kind="system", name="trackway")


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may see of a workspace in lists, counts and links: None for everything.

    experiments: their numbers
    models:      numbers of registered models in the store; ``endpoints`` and ``schedules`` likewise
    trash:       who deleted what is seen of the trash
    """

    experiments: frozenset[int] | None = None
    models: frozenset[int] | None = None
    endpoints: frozenset[int] | None = None
    schedules: frozenset[int] | None = None
    trash: str | None = None

    def has_experiment(self, number: int) -> bool:
        """Tell whether an experiment, and so its runs, may be seen."""
        return self.experiments is None or number in self.experiments

    def narrow(self, numbers: Sequence[int] | None) -> Collection[int] | None:
        """Return which of some experiments (None for all of the workspace) may be seen.

        A frozenset, unless everything may be seen: so the store knows that it is to look at nothing else.
        """
        if self.experiments is None:
            return numbers
        return self.experiments if numbers is None else self.experiments.intersection(numbers)


EVERYTHING = Sight()


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call's circumstances. ``now_ms`` is the one reading of the clock that the whole call uses.

    workspace:  until the policy has let the call in, the name that the caller gave, or nothing; from then on its key,
                which everything in it carries
    workspace_name: what people call it
    credential: what the caller showed, as the policy knows it; never the secret itself
    address:    where the caller is, for the audit log
    idempotency_key: what the caller tells a repeat by, for the operations that need that; empty for none
    sees:       what lists may show; set by the policy
    """

    actor: Actor
    workspace: str
    request_id: str
    now_ms: int
    workspace_name: str = ""
    credential: str = ""
    address: str = ""
    idempotency_key: str = ""
    sees: Sight = EVERYTHING
