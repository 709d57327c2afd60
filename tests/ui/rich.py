"""A run with files of every kind that has a preview, a model that is registered, and what belongs to both."""

from __future__ import annotations

import gzip
import io
import json
import wave
import zipfile
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.ui.looking import HOSTILE, call, finish, log, make_experiment, make_run
from trackway.api.runs import Dataset, DatasetInput, Ingest, ModelMetric, ModelOutput
from trackway.sdk.images import Image

NOTE = f"""# What was tried

A **wider** network, see [the report](https://example.org/report) and `train.py`.

- first
- second

| split | rows |
| --- | --- |
| train | 800 |

[click](javascript:window.pwned=1) <img src=x onerror=window.pwned=1>

```python
def train(rate: float = 0.1):  # the best of three
    return {{"rate": rate}}
```

{HOSTILE}
"""
PAGE = """<!doctype html><h1>Report</h1><style>h1 { color: teal }</style><p id="said"></p><script>
document.getElementById("said").textContent = "drawn by its script"
try { parent.window.pwned = 1 } catch { document.getElementById("said").textContent += ", and alone" }
</script>"""
MLMODEL = """artifact_path: model
flavors:
  python_function:
    loader_module: trackway.models.flavors.sklearn
    python_version: 3.12.3
  sklearn:
    sklearn_version: 1.7.0
mlflow_version: 3.17.2
model_uuid: 0123456789abcdef0123456789abcdef
run_id: abc
signature:
  inputs: '[{"name": "age", "type": "long", "required": true}, {"name": "owner''s city", "type":
    "string", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-01-02 03:04:05'
"""
AREA = [[2.1, 48.7], [2.6, 48.72], [2.5, 49], [2.2, 48.98], [2.1, 48.7]]
PLACES = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {"name": HOSTILE}, "geometry": {"type": "Polygon", "coordinates": [AREA]}},
        {"type": "Feature", "properties": {"a": 1}, "geometry": {"type": "Point", "coordinates": [2.35, 48.85]}},
        {"type": "LineString", "coordinates": [[2.15, 48.75], [2.4, 48.86], [2.48, 48.95]]},
    ],
}
DIFF = """diff --git a/train.py b/train.py
--- a/train.py
+++ b/train.py
@@ -1,3 +1,3 @@
-rate = 0.1
+rate = 0.01
"""


class Rich(NamedTuple):
    """Ids of what was made; ``run`` has everything, ``other`` differs from it in something."""

    run: str
    other: str
    logged: str
    experiment: str
    model: str


def put(port: int, path: str, data: bytes) -> None:
    """Store a file under its path in the file tree."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("PUT", f"/api/v1/files/{quote(path)}", data)
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
    finally:
        connection.close()


def make_files() -> dict[str, bytes]:
    """Return a file of every kind by its path."""
    table = pa.table(
        {"id": list(range(120)), "name": [f"row {n}" for n in range(120)], "x": [n / 8 for n in range(120)]}
    )
    parquet, packed, sound = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pq.write_table(table, parquet)
    pq.write_table(table, packed, compression="zstd")
    with wave.open(sound, "wb") as out:
        out.setparams((1, 1, 8_000, 0, "NONE", ""))
        out.writeframes(bytes(128 for _ in range(800)))
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": ["## From a notebook\n", HOSTILE]},
            {
                "cell_type": "code",
                "source": "print(1 + 1)",
                "outputs": [
                    {"output_type": "stream", "text": ["2\n"]},
                    {"data": {"text/html": "<img src=x onerror=a>"}},
                ],
            },
        ],
    }
    images = {f"images/step-{step}.png": draw(step) for step in range(4)}
    return images | {
        "train.py": b'rate = 0.1\n\n\ndef train():\n    """Train."""\n    return rate  # the rate\n',
        "config.json": json.dumps({"rate": 0.1, "name": HOSTILE}).encode(),
        "config.yaml": b"rate: 0.1\nlayers:\n  - 3\n",
        "table.csv": (
            "id,name\n" + "\n".join(f'{n},"a ""{n}"", b"' for n in range(120)) + f"\n120,{HOSTILE.replace(',', '')}\n"
        ).encode(),
        "table.csv.gz": gzip.compress(b"id,name\n" + b"".join(b"%d,row %d\n" % (n, n) for n in range(120)), mtime=0),
        "broken.log.gz": gzip.compress("\n".join(f"{n * 7919 % 1009}" for n in range(5_000)).encode(), mtime=0)[:-900],
        "bomb.txt.gz": gzip.compress(bytes(b"0" * 50_000_000), 1, mtime=0),
        "bundle.zip": make_archive(),
        "curve.npy": make_array(np.sin(np.arange(2_000) / 100)),
        "objects.npy": make_array(np.array([{"a": 1}, None], dtype=object)),
        "table.parquet": parquet.getvalue(),
        "packed.parquet": packed.getvalue(),
        "table.json": json.dumps({"columns": ["a", "b"], "data": [[1, None], [2, HOSTILE]]}).encode(),
        "report.html": PAGE.encode(),
        "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="80"><script>window.pwned=1</script>'
        b'<rect width="80" height="80" fill="teal"/></svg>',
        "sound.wav": sound.getvalue(),
        "notes.md": NOTE.encode(),
        "work.ipynb": json.dumps(notebook).encode(),
        "paper.pdf": make_pdf(),
        "places.geojson": json.dumps(PLACES).encode(),
        "net.onnx": make_onnx(),
        "blob.bin": bytes(range(256)),
        "logs/stdout.log": (
            "\n".join(f"epoch {n}: loss {1 / (n + 1):.3f}" for n in range(200)) + f"\n{HOSTILE}\n"
        ).encode(),
        "model/MLmodel": MLMODEL.encode(),
        "model/requirements.txt": b"scikit-learn==1.7.0\n",
        f"odd & <b>names</b>/{HOSTILE.replace('/', '').replace(':', '')}.txt": HOSTILE.encode(),
    }


def make_array(array: np.ndarray) -> bytes:
    """Return an array in NumPy's own format."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def make_archive() -> bytes:
    """Return an archive with a text, an array, and names that would be elsewhere or look like others."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes/read me.txt", f"In the archive: {HOSTILE}")
        archive.writestr("matrix.npy", make_array(np.arange(12.0).reshape(3, 4)))
        for name in ("../../etc/passwd", "holiday\u202egnp.exe", HOSTILE, "picture.png"):
            archive.writestr(name, "x")
    return file.getvalue()


def make_onnx() -> bytes:
    """Return a model of one product, as the wire format of ONNX has it."""

    def field(number: int, value: int | bytes) -> bytes:
        """Return a field of less than 128, or of less than 128 bytes."""
        if isinstance(value, int):
            return bytes([number << 3, value])
        return bytes([number << 3 | 2, len(value)]) + value

    shape = field(1, field(2, b"batch")) + field(1, field(1, 4))
    kind = field(2, field(1, field(1, 1) + field(2, shape)))
    weight = field(1, 4) + field(1, 3) + field(2, 1) + field(8, b"w")
    node = field(1, b"x") + field(1, b"w") + field(2, b"y") + field(4, b"MatMul")
    name = b"<img src=x onerror=window.pwned=1>"
    graph = field(1, node) + field(2, name) + field(5, weight) + field(11, field(1, b"x") + kind)
    graph += field(12, field(1, b"y") + kind)
    return field(1, 10) + field(2, b"pytorch") + field(7, graph) + field(8, field(2, 21))


def draw(step: int) -> bytes:
    """Return a PNG of 48 by 48 pixels, darker with each step."""
    return encode_png([[[200 - 40 * step, 90, x * 5] for x in range(48)] for _ in range(48)])


def encode_png(pixels: list[list[list[int]]]) -> bytes:
    file = io.BytesIO()
    Image(pixels).to_pil().save(file, "PNG")
    return file.getvalue()


def make_pdf() -> bytes:
    """Return a page of PDF that says something."""
    fonts = b"<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    content = b"BT /F1 24 Tf 40 100 Td (A page) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font %s >> >>" % fonts,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    body, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    table = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return body + table + b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(body)


def log_model(port: int, experiment: str, run: str) -> str:
    """Log a model of a run, with a file and a metric; return its id."""
    about = {"name": "<b>churn<b>", "model_type": "classifier", "params": {"why": HOSTILE}}
    made = call(port, "POST", "/logged-models", {"experiment_id": experiment, "source_run_id": run, **about})
    model: str = made["model_id"]
    root = made["artifact_uri"].removeprefix("mlflow-artifacts:/").strip("/")
    put(port, f"{root}/MLmodel", MLMODEL.encode())
    call(port, "PATCH", f"/logged-models/{model}", {"status": "READY"})
    metric = ModelMetric(model_id=model, key="f1", value=0.75, time_ms=1)
    outputs = [ModelOutput(model_id=model, step=3)]
    call(port, "POST", f"/runs/{run}/ingest", Ingest(run_id=run, model_outputs=outputs, model_metrics=[metric]))
    return model


def log_data(port: int, run: str) -> None:
    """Log a data set whose columns and size are known."""
    schema = [
        {"name": "age", "type": "long", "required": True},
        {"name": "city", "type": "string", "required": False},
    ]
    dataset = Dataset(
        name=HOSTILE,
        digest="0123abcd",
        source_type="code",
        source=json.dumps({"tags": {"mlflow.source.name": "train.py"}}),
        schema=json.dumps({"mlflow_colspec": schema}),
        profile=json.dumps({"num_rows": 1200}),
    )
    inputs = [DatasetInput(dataset=dataset, tags={"mlflow.data.context": "training"})]
    call(port, "POST", f"/runs/{run}/ingest", Ingest(run_id=run, datasets=inputs))


def make_rich(port: int, name: str = "rich") -> Rich:
    """Make two runs of an experiment and a registered model of the first."""
    experiment = make_experiment(port, name)
    runs = []
    for number in range(2):
        tags = {"mlflow.note.content": NOTE, "mlflow.source.name": "train.py", "team": "growth", "odd": HOSTILE}
        run = make_run(port, experiment, name=f"{name}-{number}", user="ann", tags=tags)
        log(
            port,
            run,
            {"rate": f"0.{number}", "depth": "3", "why": HOSTILE},
            loss=[1 / (n + 1 + number) for n in range(100)],
        )
        series = {"system/cpu_utilization_percentage": [float(n % 7) for n in range(50)]}
        log(port, run, {}, **series)
        environment = {
            "python": "3.12.3",
            "implementation": "CPython",
            "platform": "Linux-6.1",
            "host": "machine-1",
            "command": ["train.py", "--rate", f"0.{number}"],
            "working_dir": "churn",
            "packages": {"numpy": f"2.{number}.0", "scikit-learn": "1.7.0"},
            "variables": {"OMP_NUM_THREADS": "2"},
            "hardware": {"cpus": "2"},
            "git": {
                "commit": f"{number}" * 40,
                "branch": "main",
                "remote": "https://example.org/churn.git",
                "dirty": True,
                "diff": DIFF.replace("0.01", f"0.0{number}"),
                "diff_truncated": False,
                "left_out": [{"path": f"data/{HOSTILE}.bin", "size_bytes": 2_000_000, "reason": "larger than 512 KiB"}],
            },
        }
        call(port, "PUT", f"/runs/{run}/environment", {"environment": environment})
        root = call(port, "GET", f"/runs/{run}")["artifact_uri"].removeprefix("mlflow-artifacts:/").strip("/")
        for path, data in make_files().items():
            if number == 0 or path in ("train.py", "config.yaml", "images/step-0.png"):
                put(port, f"{root}/{path}", data.replace(b"0.1", b"0.%d" % (number + 1)))
        log_data(port, run)
        finish(port, run)
        runs.append(run)
    logged = log_model(port, experiment, runs[0])
    model = f"{name}-model"
    call(port, "POST", "/registered-models", {"name": model, "description": NOTE, "tags": {"team": HOSTILE}})
    for number in range(2):
        body = {"source": f"runs:/{runs[0]}/model", "run_id": runs[0], "description": NOTE, "tags": {"odd": HOSTILE}}
        call(port, "POST", f"/registered-models/{model}/versions", body)
        call(port, "POST", f"/registered-models/{model}/comments", {"text": NOTE, "version": number + 1})
    call(port, "POST", f"/registered-models/{model}/versions/2/transition", {"stage": "Staging"})
    call(port, "PUT", f"/registered-models/{model}/aliases/champion", {"version": 2})
    gone = "<b>gone<b> {{7*7}}"
    call(port, "POST", "/registered-models", {"name": gone})
    call(port, "DELETE", f"/registered-models/{quote(gone)}")
    return Rich(runs[0], runs[1], logged, experiment, model)


def operate(port: int) -> None:
    """Make a webhook, a schedule and runs of a project whose every text is markup."""
    hook = {"name": "hostile", "url": "https://hooks.example.org/a", "events": ["run.created"], "description": HOSTILE}
    call(port, "POST", "/webhooks", hook)
    launch = {"uri": HOSTILE, "version": "", "entry_point": "train", "params": {"why": HOSTILE}, "experiment": ""}
    launch |= {"backend": "", "backend_config": "", "env_manager": ""}
    call(port, "POST", "/schedules", {"name": "nightly", "cron": "30 2 * * *", "launch": launch, "paused": True})
    tags = {"mlflow.source.type": "PROJECT", "mlflow.source.name": HOSTILE, "mlflow.project.entryPoint": "it's <b>"}
    experiment = make_experiment(port, "launched")
    for number in range(3):
        run = make_run(port, experiment, name=f"launched {number}", tags=tags)
        if number:
            finish(port, run, "FAILED" if number == 2 else "FINISHED")
