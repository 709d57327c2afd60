"""Write the bill of materials of a release from the pins: CycloneDX 1.6, to standard output.

It lists what `pip install trackway` brings, with the digests of every file that may be installed, and the packages that
are built into the web UI. The same pins give the same bytes. Usage: sbom.py [WHEEL]
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sys
import tomllib
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(?: ; (.+?))? \\$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^ +#(?: via|  ) ([a-z0-9][a-z0-9._-]*)(?: \(pyproject\.toml\))?$")
SELF = "trackway"


def read_pins(text: str) -> tuple[list[dict[str, Any]], dict[str, set[str]]]:
    """Return the components of a file of pins, and what needs what by reference."""
    components: list[dict[str, Any]] = []
    needs: dict[str, set[str]] = {}
    names: dict[str, str] = {SELF: SELF}
    wanted: list[tuple[str, str]] = []
    for line in text.splitlines():
        if found := _PIN.match(line):
            reference = f"pkg:pypi/{found[1]}@{found[2]}"
            names[found[1]] = reference
            distribution: dict[str, Any] = {"type": "distribution", "url": reference, "hashes": []}
            component = {
                "type": "library",
                "bom-ref": reference,
                "name": found[1],
                "version": found[2],
                "purl": reference,
                "scope": "required",
                "externalReferences": [distribution],
            }
            if found[3]:
                component["properties"] = [{"name": "trackway:marker", "value": found[3]}]
            components.append(component)
        elif found := _HASH.search(line):
            hashes = components[-1]["externalReferences"][0]["hashes"]
            hashes.append({"alg": "SHA-256", "content": found[1]})
        elif (found := _VIA.match(line)) and components:
            wanted.append((found[1], components[-1]["bom-ref"]))
    for parent, child in wanted:
        needs.setdefault(names[parent], set()).add(child)
    return components, needs


def read_lock(text: str) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the components of npm's lock file that are built into the web UI, and their references."""
    components = []
    for place, package in sorted(json.loads(text)["packages"].items()):
        if not place or package.get("dev"):
            continue
        name = place.rpartition("node_modules/")[2]
        reference = f"pkg:npm/{name.replace('@', '%40')}@{package['version']}"
        algorithm, _, digest = package["integrity"].partition("-")
        assert algorithm == "sha512"
        component = {
            "type": "library",
            "bom-ref": reference,
            "name": name,
            "version": package["version"],
            "purl": reference,
            "scope": "required",
            "hashes": [{"alg": "SHA-512", "content": base64.b64decode(digest).hex()}],
        }
        if package.get("license"):
            component["licenses"] = [{"license": {"id": package["license"]}}]
        components.append(component)
    return components, {str(component["bom-ref"]) for component in components}


def make_bill(wheel: Path | None = None) -> dict[str, Any]:
    """Return the bill as a JSON object."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    components, needs = read_pins((ROOT / "requirements" / "base.txt").read_text(encoding="utf-8"))
    bundled, references = read_lock((ROOT / "ui" / "package-lock.json").read_text(encoding="utf-8"))
    needs.setdefault(SELF, set()).update(references)
    components += bundled
    product: dict[str, Any] = {
        "type": "application",
        "bom-ref": SELF,
        "name": SELF,
        "version": project["version"],
        "purl": f"pkg:pypi/{SELF}@{project['version']}",
        "licenses": [{"license": {"id": project["license"]}}],
    }
    if wheel is not None:
        product["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}]
    made = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": product},
        "components": components,
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(needs.get(reference, ()))}
            for reference in [SELF, *(component["bom-ref"] for component in components)]
        ],
    }
    content = hashlib.sha256(json.dumps(bill, sort_keys=True).encode()).hexdigest()
    return bill | {"serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}"}


if __name__ == "__main__":
    json.dump(make_bill(Path(sys.argv[1]) if len(sys.argv) > 1 else None), sys.stdout, indent=1)
    sys.stdout.write("\n")
