"""File stores written by hand: small, odd, broken."""

from __future__ import annotations

from pathlib import Path

import yaml

RUN = "0123456789abcdef0123456789abcdef"


def write_experiment(root: Path, number: str = "7", name: str = "odd", **fields: object) -> Path:
    """Write an experiment's folder."""
    meta = {"experiment_id": number, "name": name, "lifecycle_stage": "active", "creation_time": 5, **fields}
    folder = root / number
    folder.mkdir(parents=True)
    (folder / "meta.yaml").write_text(yaml.safe_dump(meta))
    return folder


def write_run(experiment: Path, name: str = RUN, **fields: object) -> Path:
    """Write a run's folder with nothing logged."""
    meta = {
        "run_id": name,
        "experiment_id": experiment.name,
        "run_name": "odd",
        "user_id": "ada",
        "status": 3,
        "start_time": 1_000,
        "end_time": 2_000,
        "lifecycle_stage": "active",
        "artifact_uri": f"{experiment}/{name}/artifacts",
        **fields,
    }
    folder = experiment / name
    folder.mkdir()
    (folder / "meta.yaml").write_text(yaml.safe_dump(meta))
    return folder


def write_text(folder: Path, kind: str, key: str, text: str | bytes) -> None:
    """Write a param, a tag, a metric or an artifact."""
    path = folder / kind / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
