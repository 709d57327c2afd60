"""What lists of many runs are shown by: counts, orders, groups, and the names and values that there are."""

from __future__ import annotations

from typing import Literal

from trackway.api.structs import Request, Response, View


class SummarizeExperiments(Request, frozen=True, kw_only=True):
    """Count the runs of some experiments; one that is not there is left out."""

    experiment_ids: list[str]


class ExperimentSummary(Response, frozen=True, kw_only=True):
    """What goes on in an experiment.

    runs:             live runs, or those in the trash of an experiment that is there itself
    running:          RUNNING ones among the newest 1,000
    last_activity_ms: latest start or end of these; None without runs
    """

    experiment_id: str
    runs: int
    running: int
    last_activity_ms: int | None


class ExperimentSummaries(Response, frozen=True, kw_only=True):
    """Summaries, by experiment number."""

    summaries: list[ExperimentSummary]


class IndexRuns(Request, frozen=True, kw_only=True):
    """Search runs and return nothing but their ids in order: all of them, or ``limit`` from the place ``first`` on.

    first: 0 to 1,000,000; the cost grows with it, not that of the answer
    limit: 1 to 1,000,000
    """

    experiment_ids: list[str] | None = None
    filter: str = ""
    order_by: list[str] = []
    view: View = "active"
    first: int = 0
    limit: int = 1_000_000


class RunIndex(Response, frozen=True, kw_only=True):
    """The ids of found runs in order, one a line.

    count:     how many ids these are
    total:     how many runs are found, up to 1,000,000
    truncated: whether there are more behind these
    """

    run_ids: str
    count: int
    total: int
    truncated: bool = False


class GroupRuns(Request, frozen=True, kw_only=True):
    """Put found runs into groups that are equal in some fields.

    by:      1 to 4 fields as an order names them (``params.lr``, ``status``, ``tags.team``)
    metrics: up to 50 metrics or formulas whose values are put together (``metrics.loss``, ``1 - min(metrics.loss)``)
    limit:   most groups returned, those with most runs first; 1 to 10,000
    """

    experiment_ids: list[str] | None = None
    filter: str = ""
    view: View = "active"
    by: list[str]
    metrics: list[str] = []
    limit: int = 1_000


class GroupMetric(Response, frozen=True, kw_only=True, array_like=True):
    """A metric of a group's runs; NaN is left out of ``mean``, ``min`` and ``max``, which are None without numbers."""

    runs: int
    mean: float | None
    min: float | None
    max: float | None


class RunGroup(Response, frozen=True, kw_only=True):
    """Runs that are equal in the fields of ``by``.

    values:   one for each field; None where these runs do not have it
    statuses: how many runs have each status
    metrics:  one for each metric that was asked for
    """

    values: list[str | int | float | None]
    runs: int
    newest_start_ms: int
    statuses: dict[str, int]
    metrics: list[GroupMetric]


class RunGroups(Response, frozen=True, kw_only=True):
    """Groups by number of runs; ``runs`` and ``total`` count all runs and groups, those left out too."""

    groups: list[RunGroup]
    runs: int
    total: int


class ListRunFields(Request, frozen=True, kw_only=True):
    """List the names of what runs of some experiments (None: of the newest 100) have."""

    experiment_ids: list[str] | None = None


class RunFields(Response, frozen=True, kw_only=True):
    """Names in order, up to 5,000 of each kind; a param or tag with long values only may be missing of old runs."""

    metrics: list[str]
    params: list[str]
    tags: list[str]
    truncated: bool = False


class ListRunValues(Request, frozen=True, kw_only=True):
    """List different values of a param or tag, or of an attribute of text, that begin with a prefix."""

    experiment_ids: list[str] | None = None
    entity: Literal["param", "tag", "attribute"]
    key: str
    prefix: str = ""
    limit: int = 50


class RunValues(Response, frozen=True, kw_only=True):
    """Values in order, those of up to 100 characters."""

    values: list[str]
