"""A server with an experiment as a team has one, for pictures: the same each time."""

from __future__ import annotations

import math
import random
from typing import NamedTuple
from urllib.parse import quote

from tests.ui.looking import call, make_experiment, make_run, pack
from tests.ui.rich import MLMODEL, encode_png, put
from trackway.api.runs import Ingest

DAY_MS = 86_400_000
START_MS = 1_767_600_000_000
STEPS = 300
RUNS = 60
METRICS = ("train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr")
NOW_MS = START_MS + RUNS * 5_400_000
"""When the pictures are taken, as pages see it."""
MODELS = ("resnet18", "resnet50", "vit-small")
NOTE = "# Sharper augmentation\n\nMixup at **0.2** helps the small models; the large one is past it."


class Gallery(NamedTuple):
    """Ids of what there is to see."""

    experiment: str
    runs: list[str]
    model: str


def make_gallery(port: int) -> Gallery:
    """Make sixty runs of an image classifier with curves and images over steps, and a model of two versions."""
    draw = random.Random(7)  # the same each time
    experiment = make_experiment(port, "leaf-disease", owner="maria", team="vision")
    for name, owner in (("churn-2026", "ann"), ("demand-forecast", "lee"), ("fraud-graph", "ann")):
        make_experiment(port, name, owner=owner)
    runs = [_make_run(port, experiment, number, draw) for number in range(RUNS)]
    return Gallery(experiment, runs, _register(port, runs))


def _make_run(port: int, experiment: str, number: int, draw: random.Random) -> str:
    rate, batch = 10 ** draw.uniform(-4, -1.5), draw.choice([32, 64, 128])
    model, decay = MODELS[number % 3], draw.choice(["0", "1e-4", "1e-3"])
    start_ms = START_MS + number * 5_400_000
    run = make_run(
        port,
        experiment,
        run_id=f"{draw.getrandbits(128):032x}",  # which is also what its colour is made of
        name=f"{model}-{number:02d}",
        user=draw.choice(["maria", "ann", "lee"]),
        start_ms=start_ms,
        tags={"mlflow.source.name": "git@example.org:vision/leaves.git", "mlflow.source.type": "PROJECT"}
        | {"mlflow.project.entryPoint": "train" if number % 5 else "warm-up"}
        | {"mlflow.source.git.commit": f"{draw.getrandbits(160):040x}"}
        | ({"mlflow.note.content": NOTE} if number == RUNS - 1 else {}),
    )
    params = {"lr": f"{rate:.5f}", "batch_size": str(batch), "model": model, "weight_decay": decay, "epochs": "30"}
    best = 0.72 + 0.05 * MODELS.index(model) - 0.05 * (math.log10(rate) + 2.8) ** 2 + draw.gauss(0, 0.01)
    speed = 20 + 900 * rate**0.5
    series: dict[str, list[float]] = {
        key: [] for key in ("train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr")
    }
    for step in range(STEPS):
        done = 1 - math.exp(-step * speed / 8_000)
        for split, gap, noise in (("train", 0.06, 0.012), ("val", 0.0, 0.02)):
            accuracy = min(0.995, 0.1 + (best + gap - 0.1) * done + draw.gauss(0, noise * (1.2 - done)))
            series[f"{split}/accuracy"].append(accuracy)
            series[f"{split}/loss"].append(2.3 * (1 - accuracy) + abs(draw.gauss(0, noise)))
        series["lr"].append(rate * 0.5 * (1 + math.cos(math.pi * step / STEPS)))
    packed = [pack(key, values) for key, values in series.items()]
    call(port, "POST", f"/runs/{quote(run)}/ingest", Ingest(run_id=run, params=params, series=packed))
    if number >= RUNS - 4:
        _log_images(port, run, best)
    if number < RUNS - 2:
        status = "FAILED" if number % 17 == 5 else "FINISHED"
        ended_ms = start_ms + draw.randrange(900_000, 3_600_000)
        call(port, "PATCH", f"/runs/{run}", {"status": status, "end_ms": ended_ms})
    return run


def _log_images(port: int, run: str, best: float) -> None:
    """Log what a model attends to, sharper with each of six steps."""
    root = call(port, "GET", f"/runs/{quote(run)}")["artifact_uri"].removeprefix("mlflow-artifacts:/").strip("/")
    for number in range(6):
        step, width = number * 60, 30 - 4 * number * best
        pixels = [
            [_shade(math.exp(-((x - 48) ** 2 + (y - 40 - 6 * math.sin(x / 12)) ** 2) / width**2)) for x in range(96)]
            for y in range(80)
        ]
        name = f"attention+step+{step}+timestamp+{START_MS + step}+{number}.png"
        put(port, f"{root}/images/{name}", encode_png(pixels))
    call(port, "POST", f"/runs/{quote(run)}/ingest", Ingest(run_id=run, tags={"mlflow.loggedImages": "True"}))
    put(port, f"{root}/model/MLmodel", MLMODEL.encode())


def _shade(heat: float) -> list[int]:
    return [int(30 + 220 * heat), int(60 + 130 * heat * (1 - heat) * 3), int(110 - 70 * heat)]


def _register(port: int, runs: list[str]) -> str:
    name = "leaf-disease"
    call(
        port,
        "POST",
        "/registered-models",
        {"name": name, "description": "Tells twelve diseases of tomato leaves apart."},
    )
    for run in runs[-2:]:
        call(port, "POST", f"/registered-models/{name}/versions", {"source": f"runs:/{run}/model", "run_id": run})
    call(port, "POST", f"/registered-models/{name}/versions/1/transition", {"stage": "Production"})
    call(port, "PUT", f"/registered-models/{name}/aliases/champion", {"version": 1})
    return name
