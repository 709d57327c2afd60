"""Write numbers into a file of the run."""

from __future__ import annotations

import sys

try:
    import mlflow
except ImportError:
    import trackway as mlflow

with mlflow.start_run():
    mlflow.log_text("\n".join(str(number) for number in range(int(sys.argv[1]))), "numbers.txt")
