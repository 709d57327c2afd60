"""A customer's workspace, handed over and erased, as a person does it: from a server on SQLite to one on PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.exchange.facts import differ, read_store
from tests.exchange.stores import RUN, fill_experiment
from tests.services.trackway_server import COMMAND, run_trackway
from trackway.sdk.transport import HttpTransport


def run(*arguments: str, status: int = 0, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, check=False, env={**os.environ, **(env or {})}
    )
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def read(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_a_customer_gets_their_data_and_is_erased(tmp_path: Path, postgres_database: str) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    file = str(tmp_path / "vision.zip")
    with run_trackway(tmp_path / "one") as one, run_trackway(tmp_path / "two", "--store", postgres_database) as two:
        here, there = f"http://127.0.0.1:{one}", f"http://127.0.0.1:{two}"
        run("workspaces", "create", "vision", "--uri", here)
        run("workspaces", "create", "sight", "--uri", here)
        run("workspaces", "create", "sight", "--uri", there)
        with closing(HttpTransport(f"{here}/w/vision")) as store:
            fill_experiment(store)
            before = read_store(store)
        run("quotas", "set", "--points", "1000000000", "--uri", f"{here}/w/vision")
        run("gc", "--policy", "30d", "--uri", f"{here}/w/vision")
        run("workspaces", "update", "vision", "--archive", "--uri", here)
        exported = read("workspaces", "export", "vision", file, "--uri", here)
        assert (exported["runs"], exported["files"], exported["elsewhere"]) == (3, 3, 0)
        assert "--force" in run("workspaces", "export", "vision", file, "--uri", here, status=2)
        assert "is not the workspace" in run(
            "workspaces", "export", "default", f"{file}2", "--uri", f"{here}/w/vision", status=1
        )
        assert run("audit", "verify-bundle", file).startswith("Intact: entries 1 to ")
        entries = read("audit", "search", "--operation", "workspaces.export", "--uri", f"{here}/w/vision")
        assert len(entries) == 1
        announced = read("import", file, "--to", there, "--workspace", "sight", "--dry-run")
        done = read("import", file, "--to", there, "--workspace", "sight", "--access")
        assert announced["added"]["runs"] == done["added"]["runs"] == 3
        assert {(one["added"]["quotas"], one["added"]["policies"]) for one in (announced, done)} == {(1, 1)}
        assert read("quotas", "get", "--uri", f"{there}/w/sight")["points_quota"] == 10**9
        assert done["left_out"] == []
        with closing(HttpTransport(f"{there}/w/sight")) as store:
            assert _compare(read_store(store), before) == []
        assert read("runs", "list", "--uri", there) == []

        run("quotas", "set", "--uri", f"{there}/w/sight")
        told = run("import", file, "--to", there, "--workspace", "sight")
        assert "Left out: quota of 1,000,000,000 points: it was set here before" in told

        # into another workspace of the same server, whose experiments have these numbers
        done = read("import", file, "--to", here, "--workspace", "sight")
        assert (done["added"]["runs"], done["left_out"]) == (3, [])
        with closing(HttpTransport(f"{here}/w/sight")) as store:
            assert _compare(read_store(store), before) == []

        counted = read("workspaces", "erase", "vision", "--dry-run", "--uri", here)
        assert (counted["runs"], counted["files"]) == (done["added"]["runs"], done["added"]["files"])
        run("workspaces", "erase", "vision", "--yes", "--uri", here)
        run("runs", "get", RUN, "--uri", f"{here}/w/vision", status=3)
        assert "prices" in run("experiments", "list", "--uri", here, "--workspace", "sight")


def _compare(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Return the differences but for the numbers of experiments, which a server gives anew when they are taken."""
    sides = []
    for facts in (found, expected):
        known = {one["experiment_id"]: one["name"] for one in facts["experiments"].values()}
        experiments = {one["name"]: {**one, "experiment_id": ""} for one in facts["experiments"].values()}
        experiments.pop("Default", None)
        places = {
            kind: {key: {**one, "experiment_id": known[one["experiment_id"]]} for key, one in facts[kind].items()}
            for kind in ("runs", "models")
        }
        experiments["0"] = {"created_ms": 0, "updated_ms": 0}
        sides.append({"experiments": experiments, **places})
    return differ(sides[0], sides[1])
