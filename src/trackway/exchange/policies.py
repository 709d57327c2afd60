"""Legal holds, quotas and the retention policy of a workspace, into another one, as far as they do no harm there.

A hold only keeps things, and is placed. A quota refuses and a policy removes, so that they come into a workspace alone
that has nothing of its own and where nobody has set them yet; else it is said what was left, and why.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

from trackway.api import experiments as e
from trackway.api import holds as b
from trackway.api import operations as ops
from trackway.api import quotas as h
from trackway.api import registry as g
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.api.operations import Operation
from trackway.base.clock import now_ms
from trackway.exchange.bundle_reader import Bundle
from trackway.exchange.pages import find, read_pages
from trackway.exchange.registry_reader import list_names
from trackway.exchange.report import REFUSED, Report
from trackway.exchange.runs import TAG_IMPORTED
from trackway.exchange.settings import PastWorkspace
from trackway.rules import default_experiment
from trackway.sdk.transport import Transport

QUOTAS: Final = ("runs", "points", "bytes", "requests a minute")


class PolicyImporter:
    """Made before anything else is brought over, so that it knows what the workspace had; then called last."""

    def __init__(self, transport: Transport, bundle: Bundle, past: PastWorkspace, report: Report) -> None:
        self._transport = transport
        self._bundle = bundle
        self._past = past
        self._report = report
        self._before: h.Usage | None = None
        if past.usage is not None and any(most is not None for most in _list_quotas(past.usage)):
            with report.noting("quota"):
                self._before = transport.call(ops.GET_USAGE, h.GetUsage())

    def import_all(self) -> None:
        """Place holds, and then set quota and policy."""
        with self._report.noting("legal holds"):
            self._import_holds()
        if self._past.usage is not None and self._before is not None:
            with self._report.noting("quota"):
                self._import_quota(self._past.usage, self._before)
        if self._past.trash_ms is not None:
            with self._report.noting("retention policy"):
                self._import_retention(self._past.trash_ms)

    @cached_property
    def _experiments(self) -> set[str]:
        return {one.experiment_id for one in self._bundle.list_experiments()}

    @cached_property
    def _registered(self) -> set[str]:
        return {one.name for one in self._bundle.list_registered()}

    def _import_holds(self) -> None:
        if not self._past.holds:
            return
        known = {_identify(one) for one in self._transport.call(ops.LIST_HOLDS, b.ListHolds()).holds}
        for hold in self._past.holds:
            where = f"hold on {hold.target_kind} {hold.target!r}" if hold.target else "hold on the workspace"
            with self._report.noting(where):
                target, problem = self._find_target(hold)
                request = b.CreateHold(target_kind=hold.target_kind, target=target, reason=hold.reason)
                if problem:
                    self._report.note(where, problem)
                elif _identify(request) not in known:
                    self._transport.call(ops.CREATE_HOLD, request)
                    known.add(_identify(request))
                    self._report.added.holds += 1

    def _find_target(self, hold: b.Hold) -> tuple[str, str]:
        """Return what is held here, and why that is nothing."""
        if hold.target_kind == "experiment":
            became = {one.experiment_id: one.became_id for one in self._report.mapped}
            problem = "" if hold.target in self._experiments else "the bundle does not have what it holds"
            return became.get(hold.target, hold.target), problem
        if hold.target_kind == "registered_model":
            if hold.target not in self._registered:
                return hold.target, "the bundle does not have what it holds"
            request = g.RegisteredModelName(name=hold.target)
            here = find(lambda: self._transport.call(ops.GET_REGISTERED_MODEL, request))
            if here is not None and TAG_IMPORTED not in here.tags:
                return hold.target, "another registered model has this name here"
        return hold.target, ""

    def _import_quota(self, past: h.Usage, before: h.Usage) -> None:
        added, here = self._report.added, self._transport.call(ops.GET_USAGE, h.GetUsage())
        held = before.runs + added.runs, before.points + added.points, before.size_bytes + added.file_bytes, 0
        kinds = zip(QUOTAS, _list_quotas(past), _list_quotas(here), held, strict=True)
        wanted = {name: (most, has) for name, most, now, has in kinds if most is not None and most != now}
        if not wanted:
            return
        problem = self._find_problem(ops.SET_QUOTA)
        for name, (most, has) in wanted.items():
            if problem or has >= most:
                self._report.note(f"quota of {most:,} {name}", problem or "what is here has reached it already")
        given = {name: most for name, (most, has) in wanted.items() if not problem and has < most}
        if given:
            request = h.SetQuota(
                runs=given.get("runs"),
                points=given.get("points"),
                size_bytes=given.get("bytes"),
                requests_per_minute=given.get("requests a minute"),
            )
            self._transport.call(ops.SET_QUOTA, request)
            self._report.added.quotas += 1

    def _import_retention(self, trash_ms: int) -> None:
        if self._transport.call(ops.GET_RETENTION, t.GetRetention()).trash_ms == trash_ms:
            return
        problem = self._find_problem(ops.SET_RETENTION)
        if not problem and abs(now_ms() - self._bundle.created_ms) >= trash_ms:
            problem = "the bundle is of longer ago, so that its trash would be purged at once"
        if problem:
            self._report.note(f"retention policy of {trash_ms / 86_400_000:g} days", problem)
            return
        self._transport.call(ops.SET_RETENTION, t.SetRetention(trash_ms=trash_ms))
        self._report.added.policies += 1

    def _find_problem(self, setting: Operation[Any, Any]) -> str:
        """Return why something that refuses or removes is not set here; an empty text when it may be."""
        try:
            asked = t.SearchAudit(operation=setting.name, limit=1)
            was_set = bool(self._transport.call(ops.SEARCH_AUDIT, asked).entries)
        except REFUSED as error:
            return error.message
        if was_set:
            return "it was set here before, and is not changed back"
        return "the workspace has contents of its own, which would go by it" if self._has_own() else ""

    def _has_own(self) -> bool:
        """Tell whether the workspace has what was not brought by bundles of this origin."""
        label = self._bundle.label.replace("'", "''")
        others = f"tags.`{TAG_IMPORTED}` IS NULL OR tags.`{TAG_IMPORTED}` != '{label}'"
        if self._transport.call(ops.SEARCH_RUNS, r.SearchRuns(filter=others, view="all", limit=1)).runs:
            return True
        pages = read_pages(self._transport, ops.SEARCH_EXPERIMENTS, e.SearchExperiments(view="all"))
        mine = f"{self._bundle.label}#"
        for experiment in (one for page in pages for one in page.experiments):
            brought = experiment.tags.get(TAG_IMPORTED, "").startswith(mine)
            if not brought and experiment.name != default_experiment.NAME:
                return True
        if any(name not in self._registered for name in list_names(self._transport)):
            return True
        return self._transport.call(ops.GET_RETENTION, t.GetRetention()).trashed_objects > 0


def _list_quotas(usage: h.Usage) -> tuple[int | None, ...]:
    """Return the limits of a workspace, in the order of their names."""
    return usage.runs_quota, usage.points_quota, usage.bytes_quota, usage.requests_per_minute_quota


def _identify(hold: b.Hold | b.CreateHold) -> tuple[str, ...]:
    return hold.target_kind, hold.target, hold.reason
