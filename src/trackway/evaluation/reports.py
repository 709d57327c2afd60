"""What checks found, written for programs of CI: Markdown for comments, JUnit's XML for test reports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from trackway.evaluation.checks import Check, format_number

_UNPRINTABLE = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""


def write_markdown(title: str, facts: Sequence[tuple[str, str]], checks: Sequence[Check]) -> str:
    """Return a report as Markdown: a verdict, what was compared, and a table of what was asked and found."""
    verdict = "passed" if all(check.passed for check in checks) else "failed"
    lines = [f"### {_cell(title)}: {verdict}", ""]
    lines += [f"- {_cell(name)}: {_cell(value)}" for name, value in facts]
    lines += ["", "| | metric | asked | found |", "|---|---|---|---|"]
    for check in checks:
        mark = "ok" if check.passed else "**no**"
        lines.append(f"| {mark} | {_cell(check.metric)} | {_cell(check.demand)} | {format_number(check.found)} |")
    return "\n".join(lines) + "\n"


def write_junit(suite: str, checks: Sequence[Check]) -> str:
    """Return a report as JUnit's XML: each check is a test case, named by its metric and what was asked."""
    failures = sum(not check.passed for check in checks)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuites tests="{len(checks)}" failures="{failures}" errors="0">',
        f'  <testsuite name={_quote(suite)} tests="{len(checks)}" failures="{failures}" errors="0" skipped="0">',
    ]
    for check in checks:
        head = f"    <testcase classname={_quote(suite)} name={_quote(f'{check.metric} {check.demand}')}"
        if check.passed:
            lines.append(f"{head}/>")
            continue
        message = f"{check.metric} {check.demand}, found {format_number(check.found)}"
        lines += [f"{head}>", f"      <failure message={_quote(message)}>{_text(message)}</failure>", "    </testcase>"]
    return "\n".join([*lines, "  </testsuite>", "</testsuites>", ""])


def _cell(text: str) -> str:
    """Return a text that stays in its place in Markdown: no line of its own, no cell, no markup, no mention."""
    plain = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>|@#!&~])", r"\\\1", plain)


def _quote(text: str) -> str:
    return quoteattr(_UNPRINTABLE.sub("?", text))


def _text(text: str) -> str:
    return escape(_UNPRINTABLE.sub("?", text))
