"""Whether a candidate is good enough to take the place of what is in use: ``tw.gate``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from trackway.api import operations as ops
from trackway.api.logged_models import GetLoggedModel, LoggedModel
from trackway.api.runs import GetRun
from trackway.base.errors import InvalidInput, NotFound
from trackway.base.ids import is_id
from trackway.evaluation.checks import Check, Threshold, check, format_number, read_thresholds
from trackway.evaluation.reports import write_junit, write_markdown
from trackway.evaluation.resampling import Estimate
from trackway.sdk.client import Client
from trackway.sdk.evaluation import evaluate
from trackway.sdk.evaluation.recording import attest_checks
from trackway.sdk.evaluation.result import raise_failed
from trackway.sdk.measurements import Measurement, measure_model, measure_run
from trackway.sdk.versions import MODELS, find_version

RUNS = "runs:/"
DATA = "data"
"""Name of the check that both were measured on the same data."""


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """What ``trackway.gate`` found.

    candidate, champion: what was compared, as addresses; no champion is an empty text
    checks:              each demand, and what was found
    metrics:             of the candidate, with intervals; ``champion_metrics`` likewise
    notes:               what a reader should know beside that
    """

    candidate: str
    champion: str
    checks: tuple[Check, ...]
    metrics: dict[str, Estimate]
    champion_metrics: dict[str, Estimate] = {}
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every demand was met."""
        return all(one.passed for one in self.checks)

    def raise_if_failed(self) -> None:
        """Raise unless every demand was met.

        raises: ChecksFailed naming what was not
        """
        raise_failed("The candidate", self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "candidate": self.candidate,
            "champion": self.champion or None,
            "passed": self.passed,
            "checks": [msgspec.to_builtins(one) for one in self.checks],
            "metrics": _describe(self.metrics),
            "champion_metrics": _describe(self.champion_metrics) if self.champion else None,
            "notes": list(self.notes),
        }

    def to_text(self) -> str:
        """Return a report for people."""
        from tabulate import tabulate

        names = dict.fromkeys(one.metric for one in self.checks if one.metric in self.metrics)
        rows = [[name, _show(self.metrics[name]), _show(self.champion_metrics.get(name))] for name in names]
        table = tabulate(rows, headers=["metric", "candidate", "champion"], disable_numparse=True)
        head = "".join(f"{name}: {value}\n" for name, value in self._list_facts())
        marks = "".join(f"- {one}\n" for one in self.checks)
        return f"{head}\n{table}\n\n{'Passed' if self.passed else 'FAILED'}.\n{marks}"

    def to_markdown(self) -> str:
        """Return a report for a comment on a change."""
        return write_markdown("Gate", self._list_facts(), self.checks)

    def to_junit(self) -> str:
        """Return a report in JUnit's XML, for pages of test results."""
        return write_junit("trackway.gate", self.checks)

    def _list_facts(self) -> list[tuple[str, str]]:
        compared = [("candidate", self.candidate), ("champion", self.champion or "none yet")]
        return compared + [("note", note) for note in self.notes]


class GateOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How ``gate`` compares.

    prefix:          of the candidate's metrics in its run; ``champion_prefix`` of the champion's
    first_passes:    without a champion, changes are not asked for; else its absence is an error
    other_data:      metrics that were measured on other data, or nobody knows on which, may be compared
    data:            rows to measure both models on now, as ``evaluate`` takes them, instead of what was measured before
    targets:         their column of what is true
    model_type, positive, trust, seed: as ``evaluate`` takes them
    attest:          tell the registry the verdict on a version
    """

    prefix: str = ""
    champion_prefix: str = ""
    first_passes: bool = False
    other_data: bool = False
    data: Any = None
    targets: Any = None
    model_type: str | None = None
    positive: Any = None
    trust: bool = False
    seed: int = 0
    attest: bool = False


class _Side(msgspec.Struct, frozen=True):
    """One of the two: its address, and what is known of each metric, on one or several data sets."""

    name: str
    found: tuple[Measurement, ...]
    version: Any = None

    @property
    def measured(self) -> dict[str, Measurement]:
        """By name; of what was measured on several data sets, the last, or the last that has an interval."""
        named: dict[str, Measurement] = {}
        for one in self.found:
            if one.key not in named or one.low is not None or named[one.key].low is None:
                named[one.key] = one
        return named

    @property
    def is_model(self) -> bool:
        return self.name.startswith(MODELS) or "/" in self.name.removeprefix(RUNS)

    @property
    def estimates(self) -> dict[str, Estimate]:
        return {key: Estimate(one.value, one.low, one.high) for key, one in self.measured.items()}


def gate(candidate: str, champion: str = "", thresholds: Mapping[str, Any] | None = None, **given: Any) -> Gate:
    """Hold a candidate against thresholds, and against the champion.

    candidate:  ``runs:/ID`` (or the id alone) of a run, ``runs:/ID/model`` of its model, ``models:/name/3`` or
                ``models:/name@alias`` of a version, ``models:/m-...`` of a logged model: by the metrics that were
                logged for it, with the intervals that ``evaluate`` left beside them
    champion:   likewise
    thresholds: by metric a ``Threshold`` or a number, as for ``evaluate``
    given:      see ``GateOptions``
    returns:    what was found; a candidate that is not good enough is a result, see ``raise_if_failed``
    raises:     InvalidInput for metrics that were not measured and for what cannot be compared, NotFound

    With ``on_interval``, a change is judged by the lower end of its interval: resample by resample when both are
    measured now (``data``), and from their two intervals when they were measured before, which is stricter.
    """
    try:
        options = msgspec.convert(given, GateOptions)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"Unknown or wrong option: {error}", hint="see trackway.gate's documentation") from None
    asked = read_thresholds(thresholds)
    if not asked:
        raise InvalidInput("There are no thresholds", hint="give some, such as a least value or a least change")
    client = Client()
    one = _find(client, candidate, options.prefix)
    other, notes = _find_champion(client, champion, options)
    if other is None and champion:
        asked, dropped = _drop_changes(asked)
        notes += [f"no champion: the change of {metric} is not asked for" for metric in dropped]
    found = (
        _measure_now(one, other, asked, options) if options.data is not None else _compare(one, other, asked, options)
    )
    found = msgspec.structs.replace(found, notes=(*notes, *found.notes))
    if options.attest:
        if one.version is None:
            raise InvalidInput("Only of a version is the registry told", hint="name the candidate as models:/name/3")
        attest_checks(found.checks, one.version, f"the gate against {found.champion or 'no champion'}")
    return found


def _compare(one: _Side, other: _Side | None, asked: Mapping[str, Threshold], options: GateOptions) -> Gate:
    """Compare what was measured before."""
    if other is not None:
        one, other = _align(one, other)
    baseline = None if other is None else other.estimates
    for metric, threshold in asked.items():
        if threshold.needs_baseline and other is not None and metric not in other.measured:
            raise InvalidInput(
                f"{metric!r} was not measured of the champion", hint=f"there are {_list(other.measured)}"
            )
        if threshold.every_slice:
            raise InvalidInput("Slices are not compared by what was measured before", hint="give data and targets")
    checks, notes = list(check(asked, one.estimates, baseline)), []
    changing = [metric for metric, threshold in asked.items() if threshold.needs_baseline]
    if other is not None and changing:
        same, told = _compare_data([(one.measured[m], other.measured[m]) for m in changing])
        if not same and not options.other_data:
            checks.append(Check(DATA, f"the same for both ({told})", 0.0, passed=False))
        elif not same:
            notes.append(told)
    return Gate(
        candidate=one.name,
        champion="" if other is None else other.name,
        checks=tuple(checks),
        metrics=one.estimates,
        champion_metrics=baseline or {},
        notes=tuple(notes),
    )


def _compare_data(pairs: Iterable[tuple[Measurement, Measurement]]) -> tuple[bool, str]:
    """Tell whether two were measured on the same data, and what is known of it."""
    for one, other in pairs:
        if not one.digest or not other.digest:
            whose = "the candidate" if not one.digest else "the champion"
            return False, f"what data {one.key} of {whose} was measured on is not known"
        if one.digest != other.digest:
            told = f"{one.dataset} {one.digest} and {other.dataset} {other.digest}"
            return False, f"{one.key} was measured on {told}"
    return True, ""


def _measure_now(one: _Side, other: _Side | None, asked: Mapping[str, Threshold], options: GateOptions) -> Gate:
    """Measure both on the same rows, logging nothing."""
    for side in (one, other):
        if side is not None and not side.is_model:
            raise InvalidInput(f"{side.name} is no model that could be asked", hint="as models:/name/3, runs:/ID/model")
    found = evaluate(
        one.name,
        options.data,
        targets=options.targets,
        model_type=options.model_type,
        positive=options.positive,
        trust=options.trust,
        seed=options.seed,
        thresholds=asked,
        baseline=None if other is None else other.name,
        log=False,
        attest=False,
    )
    return Gate(
        candidate=one.name,
        champion="" if other is None else other.name,
        checks=found.checks,
        metrics=found.estimates,
        champion_metrics=found.baseline or {},
        notes=(f"both were measured on {found.facts['rows']:,} rows",) if other is not None else (),
    )


def _find_champion(client: Client, champion: str, options: GateOptions) -> tuple[_Side | None, list[str]]:
    if not champion:
        return None, []
    try:
        return _find(client, champion, options.champion_prefix), []
    except NotFound as error:
        if not options.first_passes:
            raise NotFound(
                error.message, hint="when there is no champion yet, ask that the first one passes (--first-passes)"
            ) from None
        return None, [f"{champion} is not there: this would be the first"]


def _find(client: Client, text: str, prefix: str) -> _Side:
    """Return what is known of a run, a logged model or a version."""
    if text.startswith(MODELS):
        model_id = text.removeprefix(MODELS)
        if model_id.startswith("m-") and "/" not in model_id and "@" not in model_id:
            return _Side(text, tuple(measure_model(client, _get_model(client, model_id))))
        version = find_version(client, text)
        name = f"{MODELS}{version.name}/{version.version}"
        record = _find_model(client, version.model_id)
        if record is not None and record.metrics:
            return _Side(name, tuple(measure_model(client, record)), version)
        if not version.run_id:
            return _Side(name, (), version)
        run = client.call(ops.GET_RUN, GetRun(run_id=version.run_id))
        return _Side(name, tuple(measure_run(client, run, prefix)), version)
    run_id, _, path = text.removeprefix(RUNS).partition("/")
    if not is_id(run_id):
        raise InvalidInput(
            f"{text[:80]!r} is no run, model or version", hint="runs:/ID, models:/name/3, models:/name@alias"
        )
    run = client.call(ops.GET_RUN, GetRun(run_id=run_id))
    name = f"{RUNS}{run_id}/{path}" if path else f"{RUNS}{run_id}"
    return _Side(name, tuple(measure_run(client, run, prefix)))


def _get_model(client: Client, model_id: str) -> LoggedModel:
    return client.call(ops.GET_LOGGED_MODEL, GetLoggedModel(model_id=model_id))


def _find_model(client: Client, model_id: str) -> LoggedModel | None:
    try:
        return _get_model(client, model_id) if model_id else None
    except NotFound:
        return None


def _align(one: _Side, other: _Side) -> tuple[_Side, _Side]:
    """Leave of each metric only what was measured of both on the same data, where there is such."""
    shared = {(m.key, m.digest) for m in one.found if m.digest} & {(m.key, m.digest) for m in other.found}
    keys = {key for key, _ in shared}

    def choose(side: _Side) -> _Side:
        kept = [m for m in side.found if m.key not in keys or (m.key, m.digest) in shared]
        return msgspec.structs.replace(side, found=tuple(kept))

    return choose(one), choose(other)


def _drop_changes(asked: Mapping[str, Threshold]) -> tuple[dict[str, Threshold], list[str]]:
    """Return thresholds without what needs a champion, and of which metrics there was such."""
    kept = {}
    for metric, one in asked.items():
        rest = msgspec.structs.replace(one, min_change=None, min_relative_change=None)
        if rest.min is not None or rest.max is not None:
            kept[metric] = rest
    return kept, [metric for metric, one in asked.items() if one.needs_baseline]


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _show(one: Estimate | None) -> str:
    if one is None:
        return ""
    interval = (
        "" if one.low is None or one.high is None else f" ({format_number(one.low)} to {format_number(one.high)})"
    )
    return f"{format_number(one.value)}{interval}"


def _describe(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in estimates.items()}
