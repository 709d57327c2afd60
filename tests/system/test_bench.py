"""The benchmark runs as its page says, so that it is whole when somebody wants to measure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = "log_metric,log_params,search_filter,ingest,run_table,idle"


def test_a_small_sitting_prints_every_row_with_its_verdict(tmp_path: Path) -> None:
    small = ["--runs", "30", "--table-runs", "1000000", "--seconds", "0.1", "--rounds", "1", "--fill-seconds", "0.5"]
    command = [sys.executable, "-m", "bench", "--peers", "none", "--only", ROWS, *small, "--out", f"{tmp_path}/t.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "t.md").read_text(encoding="utf-8")
    assert done.stdout == text
    table, times = text.split("\n\n")[1:]
    verdicts = {line.split(" | ")[0][2:]: line.removesuffix(" |").split(" | ")[-1] for line in table.splitlines()[2:]}
    assert verdicts.pop("search: by metric, param and tag, ordered") in ("met", "MISSED")
    assert verdicts.pop("native ingest of 100,000 points as columns") in ("met", "MISSED")
    assert verdicts == {
        "log-metric, 16 connections": "without fasttrackml",
        "log-batch of 100 params": "without fasttrackml",
        "100,000 runs to a DataFrame": "FAILED",  # a million were asked for, and there was no time to make them
        "resident memory, idle": "met",
    }
    assert "log-metric, 16 connections" in times


def test_an_unknown_row_is_refused_with_those_that_there_are() -> None:
    command = [sys.executable, "-m", "bench", "--only", "log_metrik"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no such part or row: log_metrik" in done.stderr
