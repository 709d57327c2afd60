"""Artifacts: files, folders, texts, dicts, figures, images; listed, downloaded, read again."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

BIG_BYTES = 3_000_001
# The clients put names into addresses as they are, so that # and ? and % are beyond them.
FILES = {
    "plain.txt": b"one\ntwo\n",
    "empty.bin": b"",
    "ünïcode ✓ 模型.txt": "größe".encode(),
    "with space & sign (1)+~;=,@!.txt": b"odd name",
    "a/b/c/deep.bin": bytes(range(256)) * 16,
    "папка/файл.txt": b"folder",
}
BIG = b"0123456789abcdef" * (BIG_BYTES // 16) + b"!" * (BIG_BYTES % 16)


def play(mlflow: Any, mark: str) -> dict[str, Any]:
    import numpy as np
    from PIL import Image

    client = mlflow.MlflowClient()
    mlflow.set_experiment(f"artifacts {mark}")
    read: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp())
    for name, content in FILES.items():
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "big.bin").write_bytes(BIG)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(folder / "big.bin"))
        mlflow.log_artifact(str(folder / "tree/plain.txt"), "below/it")
        mlflow.log_artifacts(str(folder / "tree"), "tree")
        mlflow.log_text("grüße\n", "texts/hello.txt")
        mlflow.log_dict({"a": [1, 2.5, None], "u": "v"}, "dicts/d.json")
        mlflow.log_dict({"a": [1, 2.5], "b": "x"}, "dicts/d.yaml")
        mlflow.log_image(np.arange(48, dtype=np.uint8).reshape(4, 4, 3), "images/i.png")
        log_figure(mlflow)
        mlflow.log_text("first", "texts/twice.txt")
        mlflow.log_text("second", "texts/twice.txt")
    run_id = run.info.run_id
    read["listed"] = listed(client, run_id, None)
    read["below a folder"] = [entry.path for entry in client.list_artifacts(run_id, "tree")]
    read["a file"] = [entry.path for entry in client.list_artifacts(run_id, "texts/hello.txt")]
    read["nothing"] = [entry.path for entry in client.list_artifacts(run_id, "no/such")]

    tree = Path(client.download_artifacts(run_id, "tree"))
    read["tree"] = {name: (tree / name).read_bytes() == content for name, content in FILES.items()}
    big = Path(client.download_artifacts(run_id, "big.bin", tempfile.mkdtemp())).read_bytes()
    read["big"] = (len(big), hashlib.sha256(big).hexdigest())
    for name in ("texts/hello.txt", "texts/twice.txt"):
        read[name] = Path(client.download_artifacts(run_id, name)).read_text(encoding="utf-8")
    read["dict"] = json.loads(Path(client.download_artifacts(run_id, "dicts/d.json")).read_text(encoding="utf-8"))
    read["yaml"] = Path(client.download_artifacts(run_id, "dicts/d.yaml")).read_text().split("\n")[0]
    with Image.open(client.download_artifacts(run_id, "images/i.png")) as image:
        read["image"] = [image.size, np.asarray(image).ravel()[:5].tolist()]
    return read


def log_figure(mlflow: Any) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([0, 1], [2, 3])
    mlflow.log_figure(figure, "figures/f.png")
    plt.close(figure)


def listed(client: Any, run_id: str, path: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in client.list_artifacts(run_id, path):
        drawn = entry.path.endswith(".png")  # its size is the drawing library's affair
        found[entry.path] = listed(client, run_id, entry.path) if entry.is_dir else "png" if drawn else entry.file_size
    return found


EXPECTED = {
    "listed": {
        "below": {"below/it": {"below/it/plain.txt": 8}},
        "big.bin": BIG_BYTES,
        "dicts": {
            "dicts/d.json": len(json.dumps({"a": [1, 2.5, None], "u": "v"}, indent=2)),
            "dicts/d.yaml": len("a:\n- 1\n- 2.5\nb: x\n"),
        },
        "figures": {"figures/f.png": "png"},
        "images": {"images/i.png": "png"},
        "texts": {"texts/hello.txt": 8, "texts/twice.txt": 6},
        "tree": {
            "tree/a": {"tree/a/b": {"tree/a/b/c": {"tree/a/b/c/deep.bin": 4096}}},
            "tree/empty.bin": 0,
            "tree/plain.txt": 8,
            "tree/with space & sign (1)+~;=,@!.txt": 8,
            "tree/ünïcode ✓ 模型.txt": 7,
            "tree/папка": {"tree/папка/файл.txt": 6},
        },
    },
    "below a folder": [
        "tree/a",
        "tree/empty.bin",
        "tree/plain.txt",
        "tree/with space & sign (1)+~;=,@!.txt",
        "tree/ünïcode ✓ 模型.txt",
        "tree/папка",
    ],
    "a file": [],
    "nothing": [],
    "tree": dict.fromkeys(FILES, True),
    "big": [BIG_BYTES, hashlib.sha256(BIG).hexdigest()],
    "texts/hello.txt": "grüße\n",
    "texts/twice.txt": "second",
    "dict": {"a": [1, 2.5, None], "u": "v"},
    "yaml": "a:",
    "image": [[4, 4], [0, 1, 2, 3, 4]],
}
