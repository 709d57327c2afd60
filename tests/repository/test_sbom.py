"""The bill of materials lists what is pinned, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from tests.repository.source import ROOT

SCRIPT = ROOT / "requirements" / "sbom.py"


def make_bill() -> str:
    command = [sys.executable, str(SCRIPT)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_bill_of_materials_has_every_pin_with_its_digests() -> None:
    bill = json.loads(make_bill())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    pins = (ROOT / "requirements" / "base.txt").read_text(encoding="utf-8")
    listed = {part["purl"]: part for part in bill["components"] if part["purl"].startswith("pkg:pypi/")}
    assert set(listed) == {f"pkg:pypi/{name}@{version}" for name, version in re.findall(r"(?m)^(\S+)==(\S+)", pins)}
    digests = [one["content"] for part in listed.values() for one in part["externalReferences"][0]["hashes"]]
    assert digests == re.findall(r"sha256:([0-9a-f]{64})", pins)


def test_what_is_built_into_the_web_ui_is_listed_and_what_builds_it_is_not() -> None:
    listed = {part["name"] for part in json.loads(make_bill())["components"] if part["purl"].startswith("pkg:npm/")}
    package = json.loads((ROOT / "ui" / "package.json").read_text(encoding="utf-8"))
    assert set(package["dependencies"]) <= listed
    assert not set(package["devDependencies"]) & listed


def test_every_component_is_needed_by_something_that_is_listed() -> None:
    bill = json.loads(make_bill())
    references = {"trackway", *(part["bom-ref"] for part in bill["components"])}
    assert {one["ref"] for one in bill["dependencies"]} == references
    assert {ref for one in bill["dependencies"] for ref in one["dependsOn"]} | {"trackway"} == references


def test_the_same_pins_give_the_same_bytes() -> None:
    assert make_bill() == make_bill()
