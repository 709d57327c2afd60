"""Reports of checks: what is in them stays in its place, whatever it is called."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from trackway.evaluation.checks import Check
from trackway.evaluation.reports import write_junit, write_markdown

NAMES = ["a<b&c", 'say "x"', "]]>", "a\x00b\x1b[31m", "ü\ud800"[:1], "a\n| b |", "<!--", "&amp;", "\ufffe"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_report_in_xml_is_well_formed_and_has_each_check(name: str) -> None:
    checks = [Check(name, "at least 1", 0.5, passed=False), Check(name, "at most 1", 0.5, passed=True)]
    suite = ET.fromstring(write_junit(name, checks))
    assert [len(case) for case in suite.iter("testcase")] == [1, 0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")


@pytest.mark.parametrize("name", [*NAMES, "a|b", "[x](https://example.org)", "@everyone", "`x`", "# h"], ids=ascii)
def test_a_report_in_markdown_keeps_its_rows_and_makes_no_links(name: str) -> None:
    text = write_markdown(name, [(name, name)], [Check(name, name, 0.5, passed=False)])
    lines = text.splitlines()
    assert lines[0].startswith("### ")
    [row] = [line for line in lines if line.startswith("| **no**")]
    assert row.replace("\\|", "").count("|") == 5
    assert "](" not in text.replace("\\]", "")
