"""A library of anyone's own becomes a flavor by an entry point of an installed package."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "fastforest"
version = "2.1"

[project.entry-points."trackway.flavor"]
fastforest = "fastforest_trackway:FLAVOR"

[tool.hatch.build.targets.wheel]
include = ["fastforest.py", "fastforest_trackway.py"]
"""
LIBRARY = '''
class Stump:
    """Tells on which side of a limit a column is."""

    def __init__(self, limit):
        self.limit = limit

    def predict(self, rows):
        return (rows["a"] > self.limit).to_numpy().astype("float64")
'''
FLAVOR = """
import json

import fastforest
from trackway.models.flavors.base import Saved


class FastforestFlavor:
    name = "fastforest"
    options = ("digits",)

    def save(self, model, folder, options):
        (folder / "model.json").write_text(json.dumps({"limit": round(model.limit, options.get("digits") or 9)}))
        return Saved(config={"data": "model.json"}, loader={"loader_module": "fastforest_trackway"},
                     distributions=("fastforest",))

    def load(self, folder, config, *, trust):
        from trackway.models.manifest import resolve_inside

        return fastforest.Stump(json.loads(resolve_inside(folder, config.get("data")).read_text())["limit"])

    def get_predict(self, native, config):
        return lambda data, params: native.predict(data)


FLAVOR = FastforestFlavor()
"""
TEST = """
import fastforest, pandas, pytest
import trackway as tw
from trackway.models import load_model, save_model
from trackway.testing.flavors import FlavorCase, FlavorContract

ROWS = pandas.DataFrame({"a": [0.1, 0.9, 0.5], "b": [1.0, 2.0, 3.0]})


class TestFlavor(FlavorContract):
    @pytest.fixture
    def case(self):
        return FlavorCase("fastforest", fastforest.Stump(0.4), ROWS, lambda model, rows: model.predict(rows),
                          library="fastforest", packages=("fastforest",))


def test_the_flavor_is_found_by_the_class_of_the_model(tmp_path):
    save_model(fastforest.Stump(0.123), tmp_path / "model", digits=1)
    loaded = load_model(tmp_path / "model")
    assert (loaded.flavor, loaded.native.limit) == ("fastforest", 0.1)
    with pytest.raises(tw.TrackwayError, match="A model of fastforest takes no 'format'"):
        save_model(fastforest.Stump(0.5), tmp_path / "other", format="x")
"""


def test_a_package_with_an_entry_point_is_a_flavor(tmp_path: Path) -> None:
    project, site = tmp_path / "project", tmp_path / "site"
    project.mkdir()
    for name, text in (("pyproject.toml", PROJECT), ("fastforest.py", LIBRARY), ("fastforest_trackway.py", FLAVOR)):
        (project / name).write_text(text)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=project, check=True, capture_output=True, timeout=120)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(site)  # which is all that installing a wheel of pure Python does
    (tmp_path / "test_fastforest.py").write_text(TEST)
    paths = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_fastforest.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "13 passed" in done.stdout
