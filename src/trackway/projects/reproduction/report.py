"""What came of reproducing a run: a verdict, what it rests on, and pages that say it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import msgspec

from trackway.base.errors import ChecksFailed
from trackway.models.parity import Comparison

VERSION: Final = 1
NAME: Final = "reproduction/report.json"
PAGE: Final = "reproduction/report.md"
Verdict = Literal["identical", "within tolerance", "different", "not reproducible", "ready"]
"""``ready`` is said of what nothing is missing for, when nothing was to be run."""
EXIT_STATUS: Final[dict[Verdict, int]] = {
    "identical": 0,
    "within tolerance": 0,
    "ready": 0,
    "different": 7,
    "not reproducible": 8,
}
SHOWN: Final = 20
"""So many differing packages are listed in a page; the JSON has all."""


class Gap(msgspec.Struct, frozen=True):
    """Something that is missing, and what to do about it."""

    what: str
    hint: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing of the run beside that of the new one.

    kind:     ``status``, ``metric``, ``data`` or ``model``; ``run`` for one that is missing, or that there was not
    result:   ``identical``, ``within tolerance``, ``different``; ``unknown`` when it cannot be compared
    was, now: as figures or words
    reason:   how they differ, or why it is not known
    outputs:  of a model: its outputs one by one
    run:      which of the program's runs it is about, by name; empty for the one that was to be reproduced
    """

    kind: Literal["status", "metric", "data", "model", "run"]
    name: str
    result: Literal["identical", "within tolerance", "different", "unknown"]
    was: str = ""
    now: str = ""
    reason: str = ""
    outputs: tuple[Comparison, ...] = ()
    run: str = ""

    @property
    def label(self) -> str:
        """What it is about."""
        if not self.run:
            return f"{self.kind} {self.name}"
        return f"status of {self.run}" if self.kind == "status" else f"{self.kind} {self.name} of {self.run}"


class RunPair(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the program beside that of the new execution, by their ids; empty for one that there is not."""

    name: str
    verdict: Verdict
    was: str
    now: str


class PackageDifference(msgspec.Struct, frozen=True):
    """A package, or Python itself, whose version is another; empty where there is none."""

    name: str
    was: str
    now: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of reproducing a run.

    run_id:      that was to be reproduced; ``new_run_id`` did, and is empty when nothing was run
    gaps:        what kept it from being reproduced, or its verdict from being known
    ignored:     metrics that were left out, as what they measure is the machine's time
    packages:    that differ between both runs
    lost:        files that were not kept and are not here, and that the run did without
    runs:        all that its program opened, when that is more than one
    """

    version: int = VERSION
    verdict: Verdict
    run_id: str
    new_run_id: str = ""
    gaps: tuple[Gap, ...] = ()
    findings: tuple[Finding, ...] = ()
    ignored: tuple[str, ...] = ()
    packages: tuple[PackageDifference, ...] = ()
    tolerance: str = ""
    lost: tuple[Gap, ...] = ()
    runs: tuple[RunPair, ...] = ()

    @property
    def is_reproduced(self) -> bool:
        """Whether the verdict is ``identical`` or ``within tolerance``."""
        return is_good(self.verdict)

    def raise_if_failed(self) -> None:
        """Raise ChecksFailed unless the run was reproduced, or would be run."""
        if EXIT_STATUS[self.verdict]:
            raise ChecksFailed(f"Run {self.run_id}: {self.verdict}", details={"new_run_id": self.new_run_id})

    def to_dict(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def to_json(self) -> str:
        """Return it as JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode() + "\n"

    def to_text(self) -> str:
        """Return it as lines for a terminal."""
        lines = [f"Verdict: {self.verdict}", f"Run:     {self.run_id}"]
        lines += [f"New run: {self.new_run_id}"] if self.new_run_id else []
        for gap in self.gaps:
            lines += [f"Missing: {gap.what}"] + ([f"  do: {gap.hint}"] if gap.hint else [])
        for one in self._list_findings():
            said = f": {one.reason}" if one.reason else f" ({one.now})" if one.now and one.now == one.was else ""
            lines.append(f"  {one.result:<17} {one.label}{said}")
        if self.ignored:
            lines.append(f"Not compared: {', '.join(self.ignored)}")
        lines += [f"Went without: {gap.what}" for gap in self.lost]
        lines += [f"Package {line}" for line in self._list_packages()]
        return "".join(f"{show(line)}\n" for line in lines)

    def to_markdown(self) -> str:
        """Return it as a page."""
        lines = [f"# Reproduction of run {_plain(self.run_id)}", "", f"Verdict: **{self.verdict}**", ""]
        lines += [f"- New run: {_plain(self.new_run_id)}"] if self.new_run_id else []
        lines += [f"- Tolerance: {_plain(self.tolerance)}"] if self.tolerance else []
        if self.ignored:
            lines.append(f"- Not compared: {_plain(', '.join(self.ignored))}")
        if self.gaps:
            lines += ["", "## Missing", ""]
            lines += [f"- {_plain(gap.what)}{f' ({_plain(gap.hint)})' if gap.hint else ''}" for gap in self.gaps]
        if self.findings:
            lines += [
                "",
                "## Compared",
                "",
                "| What | Result | Was | Now | Difference |",
                "| --- | --- | --- | --- | --- |",
            ]
            for one in self._list_findings():
                cells = (one.label, one.result, one.was, one.now, one.reason)
                lines.append(f"| {' | '.join(map(_plain, cells))} |")
        if self.lost:
            lines += ["", "## Went without", "", *(f"- {_plain(gap.what)}" for gap in self.lost)]
        if self.packages:
            lines += ["", "## Packages that differ", "", *(f"- {_plain(line)}" for line in self._list_packages())]
        return "\n".join(lines) + "\n"

    def _list_findings(self) -> list[Finding]:
        """Return what was compared, what differs most first."""
        order = ("different", "unknown", "within tolerance", "identical")
        return sorted(self.findings, key=lambda one: order.index(one.result))

    def _list_packages(self) -> list[str]:
        told = [f"{one.name}: {one.was or 'none'} -> {one.now or 'none'}" for one in self.packages[:SHOWN]]
        rest = len(self.packages) - len(told)
        return [*told, f"and {rest} more"] if rest else told


def show(text: str) -> str:
    """Return a text that leaves a terminal as it is, whoever wrote it."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def is_good(verdict: Verdict) -> bool:
    """Tell whether a verdict says that a run was reproduced."""
    return verdict in ("identical", "within tolerance")


def judge(findings: Iterable[Finding], gaps: Sequence[Gap] = (), lost: Sequence[Gap] = ()) -> Verdict:
    """Return the verdict that findings amount to: what differs counts before what is not known.

    lost: what was missing, and may be why something differs
    """
    results = {one.result for one in findings}
    if "different" in results and not lost:
        return "different"
    if "different" in results or gaps or "unknown" in results or not results:
        return "not reproducible"
    return "within tolerance" if "within tolerance" in results else "identical"


def _plain(text: str) -> str:
    """Return a text that is no sign of Markdown or HTML: names and messages may be anybody's."""
    kept = "".join(f"\\{sign}" if sign in "\\`*_[]<>|#!~" else sign for sign in " ".join(text.split()))
    return kept.replace("&", "&amp;")
