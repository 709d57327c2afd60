"""Fit an elastic net on scikit-learn's diabetes data, and log how good it is."""

from __future__ import annotations

import argparse
import math

from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

try:
    import mlflow
except ImportError:
    import trackway as mlflow


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--alpha", type=float, required=True)
    parser.add_argument("--l1-ratio", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    features, target = load_diabetes(return_X_y=True)
    parts = train_test_split(features, target, random_state=given.seed)
    with mlflow.start_run():
        model = ElasticNet(alpha=given.alpha, l1_ratio=given.l1_ratio).fit(parts[0], parts[2])
        rmse = math.sqrt(mean_squared_error(parts[3], model.predict(parts[1])))
        mlflow.log_metric("rmse", rmse)
        print(f"rmse {rmse:.3f}")


if __name__ == "__main__":
    main()
