"""Registered models as they are carried from one store to another, with their past."""

from __future__ import annotations

from typing import Final

from trackway.api.registry import ModelEvent, PolicyRule, Stage, VersionStatus
from trackway.api.structs import Request, Response

TAG_ORIGIN: Final = "trackway.imported_from"
"""Says of what was imported where it came from, so that the next import from there finds it."""


class PastVersion(Response, frozen=True, kw_only=True, omit_defaults=True):
    """A version with what became of it. A time that is not known is 0, or None.

    source:     as it was registered; it is resolved anew where it arrives
    signatures: Sigstore bundles, which are verified anew
    """

    version: int
    source: str
    run_id: str = ""
    model_id: str = ""
    run_link: str = ""
    description: str = ""
    user: str = ""
    status: VersionStatus = "READY"
    status_message: str = ""
    stage: Stage = "None"
    staged_ms: int | None = None
    staged_by: str = ""
    evaluated_by: str = ""
    created_ms: int = 0
    updated_ms: int = 0
    digest: str = ""
    tags: dict[str, str] = {}
    signatures: list[str] = []


class PastComment(Response, frozen=True, kw_only=True, omit_defaults=True):
    """A comment of somebody's."""

    text: str
    version: int | None = None
    author: str = ""
    created_ms: int = 0
    updated_ms: int = 0


class PastRequest(Response, frozen=True, kw_only=True, omit_defaults=True):
    """An open wish that a version gets a stage or an alias."""

    version: int
    stage: Stage | None = None
    alias: str = ""
    archive_existing: bool = False
    author: str = ""
    comment: str = ""
    created_ms: int = 0


class PastRegistered(Response, frozen=True, kw_only=True, omit_defaults=True):
    """A registered model with its versions, in their order, and its history, oldest first."""

    name: str
    description: str = ""
    owner: str = ""
    created_ms: int = 0
    updated_ms: int = 0
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    policy: list[PolicyRule] = []
    versions: list[PastVersion] = []
    comments: list[PastComment] = []
    requests: list[PastRequest] = []
    events: list[ModelEvent] = []


class ImportRegisteredModel(Request, frozen=True, kw_only=True):
    """Bring over a registered model, or what is new of it since it was brought over from the same origin.

    What is here stays as it is: stages, aliases, tags and descriptions that were changed here are not changed back.
    """

    origin: str
    model: PastRegistered


class ImportedModel(Response, frozen=True, kw_only=True):
    """What was new: whether the model itself, which versions, how much beside them; ``left_out`` says why."""

    name: str
    is_new: bool
    versions: list[int]
    comments: int
    events: int
    requests: int = 0
    left_out: dict[int, str] = {}
