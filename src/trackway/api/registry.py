"""The registry: named models, their numbered versions, and which of them is used for what."""

from __future__ import annotations

from typing import Final, Literal

from trackway.api.structs import Grammar, Request, Response

Stage = Literal["None", "Staging", "Production", "Archived"]
STAGES: Final[tuple[Stage, ...]] = ("None", "Staging", "Production", "Archived")
VersionStatus = Literal["PENDING", "READY", "FAILED"]
TAG_PROMPT: Final = "mlflow.prompt.is_prompt"
"""Marks a prompt, which clients keep as if it were a model; searches leave prompts out unless they name this tag."""
TAG_VERSIONS: Final = "mlflow.modelVersions"
"""Tag of a logged model: name and number of each version that was registered of it, as a JSON list."""


class ModelVersion(Response, frozen=True, kw_only=True):
    """One numbered, immutable model under a name.

    source:       where the model is, as who registered it says: opaque text
    location:     the same with references to runs, models and versions resolved when it was registered
    staged_ms:    since when it has its stage, and ``staged_by`` who gave it; None for as long as it had no other
    signed_by:    the trusted keys, by their names, that signed its files, as this store has verified
    evaluated_by: who vouched for its evaluation; empty for nobody
    digest:       of its files as they were when it was registered (see docs/formats/model.md); empty when they were
                  not in this store's file tree
    content_location: of a copy of those files that belongs to the version, and that nothing changes; empty without one
    copied_from:  the version that it is a copy of, as ``name/number``, for as long as that is there
    endpoints:    names of those that serve it now; told when one version is asked for, not in lists
    """

    name: str
    version: int
    status: VersionStatus
    status_message: str
    stage: Stage
    source: str
    location: str
    run_id: str
    model_id: str
    run_link: str
    description: str
    user: str
    created_ms: int
    updated_ms: int
    staged_ms: int | None = None
    staged_by: str = ""
    signed_by: list[str] = []
    evaluated_by: str = ""
    copied_from: str = ""
    digest: str = ""
    content_location: str = ""
    tags: dict[str, str] = {}
    aliases: list[str] = []
    endpoints: list[str] = []

    @property
    def files_location(self) -> str:
        """Where to fetch its files: its own copy, else where it was said to be."""
        return self.content_location or self.location


class RegisteredModel(Response, frozen=True, kw_only=True):
    """A name under which versions are registered; ``latest_versions`` has the newest of each stage, oldest first."""

    name: str
    description: str
    owner: str
    created_ms: int
    updated_ms: int
    last_version: int = 0
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    latest_versions: list[ModelVersion] = []


class CreateRegisteredModel(Request, frozen=True, kw_only=True):
    """Create a registered model; ``owner`` is the caller unless given, ``created_ms`` is for imports."""

    name: str
    description: str = ""
    tags: dict[str, str] = {}
    owner: str = ""
    if_exists: Literal["error", "return"] = "error"
    created_ms: int | None = None


class RegisteredModelName(Request, frozen=True, kw_only=True):
    """Name one registered model."""

    name: str


class RenameRegisteredModel(Request, frozen=True, kw_only=True):
    """Give a registered model another name; its versions, aliases and history go with it."""

    name: str
    new_name: str


class UpdateRegisteredModel(Request, frozen=True, kw_only=True):
    """Change a registered model's description or owner; what is None stays."""

    name: str
    description: str | None = None
    owner: str | None = None


class SearchRegisteredModels(Request, frozen=True, kw_only=True):
    """Search registered models; default order by name."""

    filter: str = ""
    order_by: list[str] = []
    limit: int = 100
    page_token: str = ""
    grammar: Grammar = "trackway"


class RegisteredModelPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    models: list[RegisteredModel]
    next_page_token: str = ""


class SetRegisteredModelTags(Request, frozen=True, kw_only=True):
    """Set or replace tags of a registered model."""

    name: str
    tags: dict[str, str]


class DeleteRegisteredModelTag(Request, frozen=True, kw_only=True):
    """Delete one tag of a registered model."""

    name: str
    key: str


class SetAlias(Request, frozen=True, kw_only=True):
    """Make an alias stand for a version, also when it stood for another before."""

    name: str
    alias: str
    version: int


class Alias(Request, frozen=True, kw_only=True):
    """Name an alias of a registered model; ``latest`` always stands for the newest version."""

    name: str
    alias: str


class GetLatestVersions(Request, frozen=True, kw_only=True):
    """Get the newest version of each of some stages, or (none given) of every stage."""

    name: str
    stages: list[Stage] = []


class VersionList(Response, frozen=True, kw_only=True):
    """Versions, oldest first."""

    versions: list[ModelVersion]


class CreateModelVersion(Request, frozen=True, kw_only=True):
    """Register a model under a name, as its next version.

    source:       ``runs:/<run_id>/path``, ``models:/<model_id>``, ``models:/name/3``, ``models:/name@alias``, or a
                  location: below ``run_id``'s or ``model_id``'s own, or in a bucket. Never opened by the server
    external_key: unique under the name; the version that has it already is answered, so that a retry is safe
    version:      only for imports, a free number to keep; ``created_ms`` likewise
    """

    name: str
    source: str
    run_id: str = ""
    model_id: str = ""
    run_link: str = ""
    description: str = ""
    tags: dict[str, str] = {}
    status: VersionStatus = "READY"
    external_key: str = ""
    version: int | None = None
    created_ms: int | None = None


class VersionName(Request, frozen=True, kw_only=True):
    """Name one version."""

    name: str
    version: int


class UpdateModelVersion(Request, frozen=True, kw_only=True):
    """Change a version's description, or say how far its registration is; what is None stays."""

    name: str
    version: int
    description: str | None = None
    status: VersionStatus | None = None
    status_message: str | None = None


class CopyModelVersion(Request, frozen=True, kw_only=True):
    """Register a copy of a version under another name, or again under its own."""

    name: str
    version: int
    to: str
    external_key: str = ""


class SearchModelVersions(Request, frozen=True, kw_only=True):
    """Search the versions of all registered models; default order latest change first."""

    filter: str = ""
    order_by: list[str] = []
    limit: int = 1_000
    page_token: str = ""
    grammar: Grammar = "trackway"


class ModelVersionPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    versions: list[ModelVersion]
    next_page_token: str = ""


class SetVersionTags(Request, frozen=True, kw_only=True):
    """Set or replace tags of a version."""

    name: str
    version: int
    tags: dict[str, str]


class DeleteVersionTag(Request, frozen=True, kw_only=True):
    """Delete one tag of a version."""

    name: str
    version: int
    key: str


class TransitionVersion(Request, frozen=True, kw_only=True):
    """Give a version a stage; ``archive_existing`` archives the others of that stage (Staging or Production)."""

    name: str
    version: int
    stage: Stage
    archive_existing: bool = False


class AttestVersion(Request, frozen=True, kw_only=True):
    """Vouch that a version's evaluation passed, or take that back."""

    name: str
    version: int
    what: Literal["evaluation"] = "evaluation"
    passed: bool = True
    note: str = ""


class PolicyRule(Response, frozen=True, kw_only=True):
    """What a version needs before it may have a stage, or before an alias may stand for it: one of the two is named.

    signature: a signature by a trusted key; by one of ``keys``, when it names any
    approval:  somebody other than who asks for it must approve, so that it cannot be done but by a request
    """

    stage: Stage | None = None
    alias: str = ""
    signature: bool = False
    keys: list[str] = []
    evaluation: bool = False
    approval: bool = False


class ModelPolicy(Response, frozen=True, kw_only=True):
    """What is asked of the versions of a registered model."""

    rules: list[PolicyRule] = []


class SetModelPolicy(Request, frozen=True, kw_only=True):
    """Replace the policy of a registered model."""

    name: str
    rules: list[PolicyRule]


class Comment(Response, frozen=True, kw_only=True):
    """A remark on a registered model, or on one of its versions."""

    comment_id: str
    version: int | None
    author: str
    created_ms: int
    updated_ms: int
    text: str


class CreateComment(Request, frozen=True, kw_only=True):
    """Comment on a registered model, or on one of its versions."""

    name: str
    text: str
    version: int | None = None


class UpdateComment(Request, frozen=True, kw_only=True):
    """Change the text of a comment of one's own."""

    name: str
    comment_id: str
    text: str


class DeleteComment(Request, frozen=True, kw_only=True):
    """Delete a comment of one's own."""

    name: str
    comment_id: str


class ListComments(Request, frozen=True, kw_only=True):
    """List the comments on a registered model and its versions, or on one version, newest first."""

    name: str
    version: int | None = None
    limit: int = 100
    page_token: str = ""


class CommentPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    comments: list[Comment]
    next_page_token: str = ""


RequestState = Literal["open", "approved", "rejected", "withdrawn"]


class TransitionRequest(Response, frozen=True, kw_only=True):
    """Somebody's wish that a version gets a stage or an alias, and what became of it."""

    request_id: str
    name: str
    version: int
    stage: Stage | None
    alias: str
    archive_existing: bool
    author: str
    comment: str
    created_ms: int
    state: RequestState
    decided_by: str
    decided_ms: int | None
    reason: str


class RequestTransition(Request, frozen=True, kw_only=True):
    """Ask that a version gets a stage, or an alias: one of the two is named."""

    name: str
    version: int
    stage: Stage | None = None
    alias: str = ""
    archive_existing: bool = False
    comment: str = ""


class DecideRequest(Request, frozen=True, kw_only=True):
    """Approve an open request, which carries it out; reject it; or withdraw one's own."""

    name: str
    request_id: str
    decision: Literal["approve", "reject", "withdraw"]
    reason: str = ""


class ListRequests(Request, frozen=True, kw_only=True):
    """List requests about a registered model, or about one version, newest first."""

    name: str
    version: int | None = None
    state: RequestState | None = None
    limit: int = 100
    page_token: str = ""


class RequestPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    requests: list[TransitionRequest]
    next_page_token: str = ""


class ModelEvent(Response, frozen=True, kw_only=True):
    """One change of a registered model (``version`` None) or of a version: who did what, when, with which detail."""

    time_ms: int
    actor: str
    action: str
    version: int | None
    detail: dict[str, str]


class GetModelHistory(Request, frozen=True, kw_only=True):
    """Get what was done to a registered model and its versions, or to one version, newest first."""

    name: str
    version: int | None = None
    limit: int = 100
    page_token: str = ""


class ModelHistory(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    events: list[ModelEvent]
    next_page_token: str = ""
