"""Makes runs with the client of W&B that is installed where this runs, or writes down what it reads of one.

Run by another interpreter: ``python wandb_past.py whole`` (or killed, resumed, failed) in the folder where ``wandb`` is
to be made, or ``python wandb_past.py read LOG``, which prints JSON.
"""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import wandb
from wandb.proto import wandb_internal_pb2

BLOCK_BYTES = 32_768


def start(run_id: str, **options: Any) -> Any:
    """Begin a run that nobody but this machine hears of."""
    return wandb.init(
        mode="offline", project="prices", id=run_id, settings=wandb.Settings(x_stats_sampling_interval=0.2), **options
    )


def make_whole() -> None:
    """A run with something of everything."""
    config = {"lr": 0.1, "opt": {"name": "adam", "betas": [0.9, 0.99], "deep": {"x": None}}, "layers": [{"n": 1}]}
    labels = {"name": "first try", "notes": "# note\n\nhello", "tags": ["a", "b c"], "group": "g", "job_type": "train"}
    run = start("whole001", config=config, entity="ada", **labels)
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch")
    run.define_metric("loss", summary="min")
    for step in range(400):
        run.log({"loss": 1 / (step + 1), "nested": {"a": {"b": step}}, "epoch": step // 40, "val/acc": step / 7})
    run.log({"odd": math.nan, "up": math.inf, "down": -math.inf, "fine": True, "word": "hi"})
    run.log({"loss": 0.5}, step=1_000)
    image = np.zeros((4, 4, 3), np.uint8)
    table = wandb.Table(columns=["a"], data=[[1], [2]])
    run.log({"image": wandb.Image(image, caption="c"), "spread": wandb.Histogram([1, 2, 3]), "table": table})
    run.config.update({"late": 5})
    run.summary["best"] = 0.25
    Path("model.txt").write_text("weights")
    run.save("model.txt")
    print("said by the script")
    run.finish()


def make_resumed() -> None:
    """A run, or its second part."""
    run = start("again001", resume="allow", config={"lr": 0.1})
    for step in range(3):
        run.log({"loss": 1 / (step + 1)})
    run.finish()


def make_failed() -> None:
    """A run whose script raises."""
    start("failed01").log({"loss": 1.0})
    raise ValueError("as it should")


def make_killed() -> None:
    """A run whose process is killed when some of it is on disk."""
    run = start("killed01", config={"lr": 0.1})
    log = Path(run.settings.sync_file)
    step = 0
    while not log.exists() or log.stat().st_size < 3 * BLOCK_BYTES:
        run.log({"loss": 1 / (step + 1)})
        step += 1
    os.kill(os.getpid(), signal.SIGKILL)


def read(path: Path) -> dict[str, Any]:
    """Return what a log holds of points, by the definitions of the client itself."""
    points: dict[str, list[list[str]]] = {}
    for data in split(path.read_bytes()):
        record = wandb_internal_pb2.Record.FromString(data)
        row = [(".".join(item.nested_key) or item.key, item.value_json) for item in record.history.item]
        times = [json.loads(text) for key, text in row if key == "_timestamp"]
        objects = {key.removesuffix("._type") for key, _ in row if key.endswith("._type")}
        for key, text in row:
            value = json.loads(text)
            if isinstance(value, int | float) and not key.startswith("_") and key.rpartition(".")[0] not in objects:
                point = [str(record.history.step.num), str(int(times[0] * 1_000)), repr(float(value))]
                points.setdefault(key, []).append(point)
    return {"points": points}


def split(data: bytes) -> list[bytes]:
    """Return the records of a log, up to where it was cut."""
    records, position, whole = [], 7, b""
    while position + 7 <= len(data):
        left = BLOCK_BYTES - position % BLOCK_BYTES
        if left < 7:
            position += left
            continue
        _, size, kind = struct.unpack_from("<IHB", data, position)
        if position + 7 + size > len(data):
            break
        piece = data[position + 7 : position + 7 + size]
        position += 7 + size
        whole = piece if kind in (1, 2) else whole + piece
        if kind in (1, 4):
            records.append(whole)
    return records


if __name__ == "__main__":
    if sys.argv[1] == "read":
        print(json.dumps(read(Path(sys.argv[2]))))
    else:
        {"whole": make_whole, "resumed": make_resumed, "failed": make_failed, "killed": make_killed}[sys.argv[1]]()
