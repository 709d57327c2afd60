"""Experiments: named groups of runs."""

from __future__ import annotations

from typing import Literal

from trackway.api.structs import Grammar, Lifecycle, Request, Response, View


class Experiment(Response, frozen=True, kw_only=True):
    """A named group of runs. ``experiment_id`` is a decimal number as text; times are ms since 1970 UTC."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle: Lifecycle
    created_ms: int
    updated_ms: int
    deleted_ms: int | None = None
    tags: dict[str, str] = {}
    workspace: str = "default"


class CreateExperiment(Request, frozen=True, kw_only=True):
    """Create an experiment.

    artifact_location: opaque text for other clients; empty for this server's own store
    if_exists:         ``return`` answers the live experiment of that name, so that a retry is safe
    unique_among:      ``all`` refuses also the name of an experiment in the trash
    experiment_id:     only for imports, a free decimal id to keep
    """

    name: str
    artifact_location: str = ""
    tags: dict[str, str] = {}
    if_exists: Literal["error", "return"] = "error"
    unique_among: Literal["live", "all"] = "live"
    experiment_id: str = ""
    created_ms: int | None = None
    updated_ms: int | None = None


class GetExperiment(Request, frozen=True, kw_only=True):
    """Get an experiment by id, in the trash or not."""

    experiment_id: str


class GetExperimentByName(Request, frozen=True, kw_only=True):
    """Get the experiment of exactly this name; a live one first, then (``view="all"``) the newest in the trash."""

    name: str
    view: View = "active"


class SearchExperiments(Request, frozen=True, kw_only=True):
    """Search experiments; ``limit`` 1 to 50,000, default order newest first."""

    filter: str = ""
    order_by: list[str] = []
    view: View = "active"
    limit: int = 1_000
    page_token: str = ""
    grammar: Grammar = "trackway"


class ExperimentPage(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    experiments: list[Experiment]
    next_page_token: str = ""


class UpdateExperiment(Request, frozen=True, kw_only=True):
    """Rename a live experiment."""

    experiment_id: str
    name: str


class SetExperimentTags(Request, frozen=True, kw_only=True):
    """Set or replace tags of a live experiment."""

    experiment_id: str
    tags: dict[str, str]


class DeleteExperimentTag(Request, frozen=True, kw_only=True):
    """Delete one tag of a live experiment."""

    experiment_id: str
    key: str


class DeleteExperiment(Request, frozen=True, kw_only=True):
    """Move an experiment and its live runs to the trash; ``deleted_ms`` only for imports, when that was."""

    experiment_id: str
    deleted_ms: int | None = None


class RestoreExperiment(Request, frozen=True, kw_only=True):
    """Bring an experiment back, with the runs that went to the trash with it (``all_runs``: every one)."""

    experiment_id: str
    all_runs: bool = False


class PurgeExperiments(Request, frozen=True, kw_only=True):
    """Remove experiments of the trash for good, with runs, points and files; ``dry_run`` only counts."""

    experiment_ids: list[str]
    dry_run: bool = False


class PurgeReport(Response, frozen=True, kw_only=True):
    """What a purge removed, or would remove; ``held`` is what a legal hold kept from it.

    objects: registered models, versions, webhooks and whatever else was in the trash by itself
    """

    experiments: int = 0
    runs: int = 0
    models: int = 0
    objects: int = 0
    points: int = 0
    files: int = 0
    file_bytes: int = 0
    held: int = 0
    dry_run: bool = False

    def plus(self, other: PurgeReport) -> PurgeReport:
        """Return what both removed together."""
        names = [name for name in self.__struct_fields__ if name != "dry_run"]
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        return PurgeReport(**sums, dry_run=self.dry_run)
