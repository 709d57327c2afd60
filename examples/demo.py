"""Train two kinds of model on data that scikit-learn ships, log everything with Trackway, and take one into use.

An ElasticNet grid on the diabetes data (alpha, l1_ratio; MAE, R2, RMSE), as nested runs of one sweep, and a small
neural network on the digits data with a curve per epoch. The best ElasticNet is logged as a model, registered, made the
champion, served, and asked for a few predictions. Everything lands in ./tracks; another try adds new runs.

    python examples/demo.py
    trackway server
"""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import trackway as tw

ALPHAS = (0.001, 0.01, 0.1, 1.0)
L1_RATIOS = (0.1, 0.5, 0.9)
EPOCHS = 40
NAME = "diabetes"
READY_S = 60


def train_elastic_net() -> Any:
    """Fit one ElasticNet for each point of the grid, each a run below the sweep's run; log and register the best.

    returns: rows that no model has seen
    """
    tw.set_experiment("diabetes")
    data = load_diabetes(as_frame=True)
    x_train, x_test, y_train, y_test = train_test_split(data.data, data.target, test_size=0.25, random_state=7)
    best: tuple[float, str, Any] = (np.inf, "", None)
    with tw.start_run(run_name="elastic-net-grid", description="ElasticNet over alpha and l1_ratio"):
        tw.log_input(tw.data.from_pandas(x_train, name="diabetes"), context="training")
        for alpha, l1_ratio in itertools.product(ALPHAS, L1_RATIOS):
            with tw.start_run(run_name=f"alpha={alpha} l1={l1_ratio}", nested=True) as run:
                tw.log_params({"alpha": alpha, "l1_ratio": l1_ratio})
                model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, random_state=7, max_iter=5_000)
                predicted = model.fit(x_train, y_train).predict(x_test)
                rmse = float(np.sqrt(mean_squared_error(y_test, predicted)))
                tw.log_metrics(
                    {"rmse": rmse, "mae": mean_absolute_error(y_test, predicted), "r2": r2_score(y_test, predicted)}
                )
                tw.log_dict(dict(zip(data.feature_names, model.coef_.tolist(), strict=True)), "coefficients.json")
                best = min(best, (rmse, run.info.run_id, model), key=lambda one: one[0])
        tw.log_metric("best_rmse", best[0])
        with tw.start_run(run_id=best[1], nested=True):
            logged = tw.sklearn.log_model(best[2], "elastic-net", input_example=x_train.head(3))
    version = tw.register_model(logged.model_uri, NAME)
    tw.MlflowClient().set_registered_model_alias(NAME, "champion", version.version)
    print(f"diabetes: {len(ALPHAS) * len(L1_RATIOS)} ElasticNet runs, best RMSE {best[0]:.2f}")
    print(f"registered as {NAME} version {version.version}, the champion")
    return x_test


def train_network() -> None:
    """Fit a small neural network epoch by epoch, with a point per epoch on each curve."""
    tw.set_experiment("digits")
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x / 16.0, y, test_size=0.25, random_state=7)
    model = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.002, random_state=7)
    with tw.start_run(run_name="mlp-64"):
        tw.log_params({"hidden": 64, "learning_rate": 0.002, "epochs": EPOCHS})
        for epoch in range(EPOCHS):
            model.partial_fit(x_train, y_train, classes=np.arange(10))
            tw.log_metrics(
                {
                    "loss": model.loss_,
                    "train_accuracy": model.score(x_train, y_train),
                    "test_accuracy": model.score(x_test, y_test),
                },
                step=epoch,
            )
        accuracy = model.score(x_test, y_test)
        tw.log_text(f"test accuracy {accuracy:.4f}\n", "report.txt")
    print(f"digits: one network, {EPOCHS} epochs, test accuracy {accuracy:.3f}")


def serve_and_score(rows: Any) -> None:
    """Serve the champion as its users would, and ask it for predictions."""
    model = f"models:/{NAME}@champion"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "trackway", "models", "serve", "-m", model, "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/ping", server)
        body = json.dumps({"dataframe_split": rows.to_dict("split")}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            predictions = json.load(answer)["predictions"]
    finally:
        server.terminate()
        server.wait(30)
    print(f"served {model}: {len(rows)} rows scored, the first as {predictions[0]:.1f}")


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    """Ask until a server answers; raises RuntimeError when it ended, or does not answer in time."""
    deadline_s = time.monotonic() + READY_S
    while server.poll() is None and time.monotonic() < deadline_s:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"the model's server does not answer at {url}")


if __name__ == "__main__":
    unseen = train_elastic_net()
    train_network()
    serve_and_score(unseen.head(5))
    print("Logged to ./tracks. See it with: trackway server")
