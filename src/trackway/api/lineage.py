"""What is in use, and what came from what."""

from __future__ import annotations

from typing import Literal

import msgspec

from trackway.api.links import LinkKind
from trackway.api.registry import Stage
from trackway.api.structs import Request, Response


class PortfolioData(Response, frozen=True, kw_only=True):
    """A data set that the run of a version used."""

    name: str
    digest: str
    context: str | None


class PortfolioEntry(Response, frozen=True, kw_only=True):
    """A version in use: since when, by whom, what it was made from, and the names of endpoints that serve it now."""

    name: str
    version: int
    owner: str
    since_ms: int | None
    by: str
    run_id: str
    run_name: str
    experiment_id: str
    datasets: list[PortfolioData]
    endpoints: list[str] = []


class GetPortfolio(Request, frozen=True, kw_only=True):
    """Get the versions that have a stage, or (``alias``) that an alias stands for, ordered by name and number."""

    stage: Stage = "Production"
    alias: str = ""
    limit: int = 1_000
    page_token: str = ""


class Portfolio(Response, frozen=True, kw_only=True):
    """One page; an empty token means that it is the last."""

    entries: list[PortfolioEntry]
    next_page_token: str = ""


NodeKind = Literal["dataset", "run", "model", "version", "endpoint"]


class LineageNode(msgspec.Struct, frozen=True, kw_only=True):
    """A data set or an endpoint (``id`` is its name), a run, a logged model, or a version (``name/number``)."""

    kind: NodeKind
    id: str
    digest: str = ""


class LineageEdge(Response, frozen=True, kw_only=True):
    """One step: what was used, and what came of it, by their places in the list of nodes; ``link`` between runs."""

    source: int
    target: int
    link: LinkKind | None = None


class GetLineage(Request, frozen=True, kw_only=True):
    """Follow what something came from and what came of it; ``digest`` narrows a data set down."""

    kind: NodeKind
    id: str
    digest: str = ""
    direction: Literal["both", "upstream", "downstream"] = "both"


class Lineage(Response, frozen=True, kw_only=True):
    """What was found, the start first; ``truncated`` when there is more than the limit."""

    nodes: list[LineageNode]
    edges: list[LineageEdge]
    truncated: bool = False
