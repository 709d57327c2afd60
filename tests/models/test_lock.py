"""A model that says exactly what it needs: versions of all packages, with digests."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from trackway.base.errors import Corrupt, InvalidInput, NotSupported
from trackway.models import load_model, save_model
from trackway.models.manifest import write_manifest
from trackway.models.package import read_needs

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
MODEL = LinearRegression().fit(ROWS, [1.0, 2.0, 3.0])
LOCK = """numpy==2.4.6 \\
    --hash=sha256:00 \\
    --hash=sha256:01
scikit-learn==1.9.1 \\
    --hash=sha256:02
tzdata==2026.1 ; sys_platform == 'win32' \\
    --hash=sha256:03
"""


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for uv, which needs an index; beside it is what it was asked."""
    program = tmp_path / "uv"
    asked = tmp_path / "asked"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(asked)!r}, 'w').write(sys.stdin.read())\n"
        f"sys.exit('no index') if 'no-such' in open({str(asked)!r}).read() else print({LOCK!r}, end='')\n"
    )
    program.chmod(0o700)
    monkeypatch.setattr("trackway.environments.uv.find_uv", lambda: str(program))
    return asked


def test_a_locked_model_needs_exactly_those_versions(uv: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_model(MODEL, folder, lock_requirements=True)
    assert (folder / "requirements.lock").read_text() == LOCK
    assert uv.read_text().split() == sorted((folder / "requirements.txt").read_text().split())
    needs = read_needs(folder).requirements
    assert needs == ("numpy==2.4.6", "scikit-learn==1.9.1", "tzdata==2026.1 ; sys_platform == 'win32'")
    assert load_model(folder).predict(ROWS).tolist() == pytest.approx([1.0, 2.0, 3.0])


def test_what_cannot_be_locked_is_not_saved(uv: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no index"):
        save_model(MODEL, tmp_path / "model", lock_requirements=True, extra_pip_requirements=["no-such-package"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["asked", "uv"]


def test_without_uv_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(NotSupported, match="no uv on this machine"):
        save_model(MODEL, tmp_path / "model", lock_requirements=True)


@pytest.mark.parametrize("line", ["numpy", "numpy>=2", "-r /etc/passwd", "x @ https://example.org/x.whl", "../x"])
def test_a_lock_holds_exact_versions_alone(line: str, uv: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_model(MODEL, folder, lock_requirements=True)
    (folder / "requirements.lock").write_text(f"{line} \\\n    --hash=sha256:00\n")
    write_manifest(folder)
    with pytest.raises(Corrupt, match="no exact version"):
        read_needs(folder)
