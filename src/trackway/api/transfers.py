"""Registered models as they are carried from one store to another, with their past."""

from __future__ import annotations

from typing import Final

from trackway.api.registry import ModelEvent, PolicyRule, RequestState, Stage, VersionStatus
from trackway.api.structs import Request, Response

TAG_ORIGIN: Final = "trackway.imported_from"
"""Says of what was imported where it came from, so that the next import from there finds it."""


class PastVersion(Response, frozen=True, kw_only=True, omit_defaults=True):
    """A version with what became of it. A time that is not known is 0, or None.

    source:      as it was registered; it is resolved anew where it arrives
    content:     name of the folder ``versions/<name>`` that its own copy of its files had, whose name it gets here when
                 that is free; files that were put there before are the version's, if its digest is theirs
    copied_from: the version that it is a copy of, as ``name/number``, which must come from the same origin
    signatures:  Sigstore bundles, which are verified anew
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
    content: str = ""
    copied_from: str = ""
    tags: dict[str, str] = {}
    signatures: list[str] = []


class PastComment(Response, frozen=True, kw_only=True, omit_defaults=True):
    """A comment of somebody's; events name it by its id, which it has another of where it arrives."""

    text: str
    comment_id: str = ""
    version: int | None = None
    author: str = ""
    created_ms: int = 0
    updated_ms: int = 0


class PastRequest(Response, frozen=True, kw_only=True, omit_defaults=True):
    """A wish that a version gets a stage or an alias, and what became of it: its state is told, not carried out.

    request_id: by which events name it; it has another where it arrives
    """

    version: int
    request_id: str = ""
    stage: Stage | None = None
    alias: str = ""
    archive_existing: bool = False
    author: str = ""
    comment: str = ""
    created_ms: int = 0
    state: RequestState = "open"
    decided_by: str = ""
    decided_ms: int | None = None
    reason: str = ""


class PastRegistered(Response, frozen=True, kw_only=True, omit_defaults=True):
    """A registered model with its versions, in their order, and its history, oldest first.

    last_version: the highest number that was ever given, which none is given again; 0 for that of the last version
    """

    name: str
    description: str = ""
    owner: str = ""
    created_ms: int = 0
    updated_ms: int = 0
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    policy: list[PolicyRule] = []
    last_version: int = 0
    versions: list[PastVersion] = []
    comments: list[PastComment] = []
    requests: list[PastRequest] = []
    events: list[ModelEvent] = []


class ImportRegisteredModel(Request, frozen=True, kw_only=True):
    """Bring over a registered model, or what is new of it since it was brought over from the same origin.

    What is here stays as it is: stages, aliases, tags and descriptions that were changed here are not changed back, and
    a request that was decided here stays so decided.
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
