"""Add the numbers of a file."""

from __future__ import annotations

import sys
from pathlib import Path

try:
    import mlflow
except ImportError:
    import trackway as mlflow

with mlflow.start_run():
    mlflow.log_metric("total", sum(int(line) for line in Path(sys.argv[1]).read_text().split()))
