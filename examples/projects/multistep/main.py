"""Run the two steps, the second on what the first has made, as children of this run."""

from __future__ import annotations

import argparse

try:
    import mlflow
except ImportError:
    import trackway as mlflow


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    given = parser.parse_args()
    with mlflow.start_run():
        prepared = mlflow.run(".", "prepare", parameters={"rows": given.rows}, env_manager="local")
        data = mlflow.artifacts.download_artifacts(run_id=prepared.run_id, artifact_path="numbers.txt")
        summed = mlflow.run(".", "sum", parameters={"data": data}, env_manager="local")
        total = mlflow.tracking.MlflowClient().get_run(summed.run_id).data.metrics["total"]
        mlflow.log_metric("total", total)


if __name__ == "__main__":
    main()
