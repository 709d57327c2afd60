"""The module of functions about artifacts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    mlflow.set_experiment(f"artifact module {mark}")
    with mlflow.start_run() as run:
        mlflow.log_text("grüße\n", "texts/hello.txt")
        mlflow.log_dict({"a": [1, 2.5, None], "ü": "✓"}, "dicts/d.json")
        uri = mlflow.get_artifact_uri("dicts/d.json")
    run_id = run.info.run_id
    place = tempfile.mkdtemp()
    mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="texts", dst_path=place)
    mlflow.artifacts.download_artifacts(artifact_uri=f"runs:/{run_id}/dicts", dst_path=place)
    return {
        "downloaded": sorted(path.relative_to(place).as_posix() for path in Path(place).rglob("*.*")),
        "text": mlflow.artifacts.load_text(f"runs:/{run_id}/texts/hello.txt"),
        "dict": mlflow.artifacts.load_dict(uri),
    }


EXPECTED = {
    "downloaded": ["dicts/d.json", "texts/hello.txt"],
    "text": "grüße\n",
    "dict": {"a": [1, 2.5, None], "ü": "✓"},
}
