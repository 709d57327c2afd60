"""Stores with something of everything, to be carried elsewhere."""

from __future__ import annotations

import math
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.models.keys import Key
from trackway.api import artifacts as a
from trackway.api import experiments as e
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import runs as r
from trackway.api import signing as k
from trackway.api.links import LinkName
from trackway.api.registry import TAG_PROMPT
from trackway.artifacts.signing import sign_files
from trackway.exchange.bundle_reader import Bundle
from trackway.exchange.importer import import_all
from trackway.exchange.report import Report
from trackway.sdk.locations import get_folder
from trackway.sdk.sources import BytesSource
from trackway.sdk.transport import Transport

RUN = "0123456789abcdef0123456789abcdef"
VALUES = (0.1, math.nan, math.inf, -math.inf, -0.0, 5e-324)
KEY = Key()
OWNER, RUN_2 = "a" * 32, "b" * 32


def fill_experiment(store: Transport) -> None:
    """Make an experiment ``prices`` of three runs, one in the trash, with something of everything."""
    made = store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="prices", tags={"owner": "ada"}, created_ms=5))
    number = made.experiment_id
    run = store.call(
        ops.CREATE_RUN,
        r.CreateRun(run_id=RUN, experiment_id=number, name="first", user="ada", start_ms=10, external_key="job 1"),
    )
    store.call(
        ops.INGEST,
        r.Ingest(
            run_id=RUN,
            params={"alpha": "1", "text": "a\nb"},
            tags={"mlflow.note.content": "# hello"},
            series=[
                r.Series(
                    key="m",
                    steps=struct.pack("<6q", -1, 0, 2**62, 3, 4, 5),
                    times_ms=struct.pack("<6q", *range(6)),
                    values=struct.pack("<6d", *VALUES),
                )
            ],
            datasets=[r.DatasetInput(dataset=r.Dataset(name="d", digest="1", schema="{}"), tags={"k": "v"})],
            model_outputs=[r.ModelOutput(model_id="m-1", step=7)],
        ),
    )
    store.call(ops.CORRECT_PARAM, r.CorrectParam(run_id=RUN, key="alpha", value="2", reason="typing error"))
    store.call(ops.CORRECT_PARAM, r.CorrectParam(run_id=RUN, key="alpha", value="3"))
    environment = r.Environment(
        python="3.11", implementation="CPython", platform="Linux", host="h", packages={"a": "1"}
    )
    store.call(ops.LOG_ENVIRONMENT, r.LogEnvironment(run_id=RUN, environment=environment))
    folder = run.artifact_uri.removeprefix("mlflow-artifacts:/")
    store.upload(f"{folder}/plots/ä.txt", BytesSource(b"x"))
    store.upload(f"{folder}/large.bin", BytesSource(bytes(range(256)) * 1_000))
    store.call(
        ops.CREATE_LOGGED_MODEL,
        m.CreateLoggedModel(
            experiment_id=number, name="forest", source_run_id=RUN, model_id="m-1", params={"trees": "5"}, created_ms=6
        ),
    )
    points = [r.ModelMetric(model_id="m-1", key="acc", value=value, time_ms=1, step=2) for value in (0.5, math.inf)]
    store.call(ops.INGEST, r.Ingest(run_id=RUN, model_metrics=points))
    store.call(ops.UPDATE_LOGGED_MODEL, m.UpdateLoggedModel(model_id="m-1", status="READY", updated_ms=8))
    store.upload(f"{number}/models/m-1/artifacts/MLmodel", BytesSource(b"flavors: {}"))
    store.call(ops.UPDATE_RUN, r.UpdateRun(run_id=RUN, status="LOST", end_ms=20))
    store.call(ops.CREATE_RUN, r.CreateRun(run_id="child", experiment_id=number, parent_run_id=RUN, start_ms=11))
    store.call(ops.CREATE_RUN, r.CreateRun(run_id="trashed", experiment_id=number, start_ms=12))
    for run_id, kind, earlier in (("child", "uses", "trashed"), ("trashed", "retry_of", RUN), (RUN, "uses", "child")):
        store.call(ops.LINK_RUN, LinkName(run_id=run_id, kind=kind, earlier_run_id=earlier))  # type: ignore[arg-type]
    store.call(ops.DELETE_RUN, r.DeleteRun(run_id="trashed", deleted_ms=99))


def trust(store: Transport) -> None:
    store.call(ops.TRUST_SIGNING_KEY, k.TrustSigningKey(name="release", pem=KEY.public.decode()))


def fill_registry(store: Transport, experiments: tuple[str, str] = ("prices", "rates")) -> None:
    """Register ``churn``: of a run, of a logged model, a copy, one of a bucket, one that was deleted."""
    for name, run_id in zip(experiments, (OWNER, RUN_2), strict=True):
        number = store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name=name)).experiment_id
        run = store.call(ops.CREATE_RUN, r.CreateRun(run_id=run_id, experiment_id=number, name=name, start_ms=10))
        store.upload(f"{get_folder(run.artifact_uri)}/model/MLmodel", BytesSource(name.encode()))
    model = store.call(
        ops.CREATE_LOGGED_MODEL, m.CreateLoggedModel(experiment_id=number, name="forest", source_run_id=RUN_2)
    )
    store.upload(f"{get_folder(model.artifact_uri)}/MLmodel", BytesSource(b"forest"))
    place = store.call(ops.GET_RUN, r.GetRun(run_id=OWNER)).artifact_uri
    tags, policy = {"team": "büro"}, [g.PolicyRule(alias="live", signature=True, keys=["release"])]
    store.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="churn", description="d", tags=tags))
    sources: list[dict[str, Any]] = [
        {"source": f"{place}/model", "run_id": OWNER, "tags": {"n": "1"}, "description": "first"},
        {"source": f"models:/{model.model_id}", "model_id": model.model_id},
        {"source": "models:/churn/1"},
        {"source": "s3://bucket/model"},
        {"source": "s3://bucket/gone"},
    ]
    for fields in sources:
        store.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name="churn", **fields))
    store.call(ops.DELETE_MODEL_VERSION, g.VersionName(name="churn", version=5))
    store.call(ops.TRANSITION_VERSION, g.TransitionVersion(name="churn", version=1, stage="Production"))
    store.call(ops.SET_ALIAS, g.SetAlias(name="churn", alias="best", version=2))
    store.call(ops.CREATE_COMMENT, g.CreateComment(name="churn", text="good", version=1))
    store.call(ops.ATTEST_VERSION, g.AttestVersion(name="churn", version=1, note="may"))
    trust(store)
    digest = store.call(ops.LIST_FILES, a.ListFiles(folder=f"{get_folder(place)}/model")).files[0].sha256
    bundle = sign_files("churn-1", {"MLmodel": digest or ""}, KEY.pem)
    store.call(ops.SIGN_VERSION, k.SignVersion(name="churn", version=1, bundle=bundle))
    store.call(ops.SET_MODEL_POLICY, g.SetModelPolicy(name="churn", rules=policy))
    goals: list[tuple[int, dict[str, Any]]] = [
        (1, {"alias": "live"}),
        (2, {"stage": "Production", "archive_existing": True}),
    ]
    for one, goal in goals:
        request = g.RequestTransition(name="churn", version=one, comment="please", **goal)
        made = store.call(ops.REQUEST_TRANSITION, request)
    store.call(ops.REQUEST_TRANSITION, g.RequestTransition(name="churn", version=2, stage="Staging"))
    decision = g.DecideRequest(name="churn", request_id=str(int(made.request_id) + 1), decision="reject")
    store.call(ops.DECIDE_REQUEST, decision)


def fill_alone(store: Transport) -> None:
    """Register ``solo``, of whose versions nothing else has the files any more; each has a card, and one is a copy."""
    number = store.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name="brief")).experiment_id
    store.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="solo"))
    run = store.call(ops.CREATE_RUN, r.CreateRun(experiment_id=number, run_id="brief", start_ms=1))
    other = store.call(ops.CREATE_RUN, r.CreateRun(experiment_id=number, run_id="again", start_ms=1))
    models = [
        store.call(
            ops.CREATE_LOGGED_MODEL,
            m.CreateLoggedModel(experiment_id=number, name=name, model_id=f"m-{name}", source_run_id=run_id),
        )
        for name, run_id in (("trashed", "again"), ("rewritten", "again"))
    ]
    sources: list[dict[str, Any]] = [
        {"source": "runs:/brief/model", "run_id": "brief"},
        {"source": "models:/solo/1"},
        {"source": f"{other.artifact_uri}/model", "run_id": "again"},
        *({"source": f"models:/{model.model_id}", "model_id": model.model_id} for model in models),
    ]
    places = [f"{run.artifact_uri}/model", f"{other.artifact_uri}/model", *(model.artifact_uri for model in models)]
    for place in places:
        store.upload(f"{get_folder(place)}/MLmodel", BytesSource(place.encode()))
        store.upload(f"{get_folder(place)}/data/weights", BytesSource(b"w" * 1_000))
    for fields in sources:
        made = store.call(ops.CREATE_MODEL_VERSION, g.CreateModelVersion(name="solo", **fields))
        card = f"{get_folder(made.content_location)}.md"
        store.upload(card, BytesSource(f"# Card of {made.version}".encode()))
    for place in (places[1], places[3]):
        store.upload(f"{get_folder(place)}/MLmodel", BytesSource(b"written again"))
    store.call(ops.DELETE_LOGGED_MODEL, m.DeleteLoggedModel(model_id="m-trashed"))
    store.call(ops.DELETE_RUN, r.DeleteRun(run_id="brief"))
    store.call(ops.PURGE_RUNS, r.PurgeRuns(run_ids=["brief"]))


def fill_prompts(store: Transport) -> None:
    """Register a prompt, which searches of models do not find."""
    prompt = {TAG_PROMPT: "true"}
    store.call(ops.CREATE_REGISTERED_MODEL, g.CreateRegisteredModel(name="greeting", tags=prompt))
    tags = {**prompt, "mlflow.prompt.text": "Hello {{name}}"}
    version = g.CreateModelVersion(name="greeting", source="dummy-source", tags=tags)
    store.call(ops.CREATE_MODEL_VERSION, version)


def load_bundle(store: Transport, path: Path, *, access: bool = False) -> Report:
    """Import what a file holds, with who may do what in it or without."""
    report = Report()
    with closing(Bundle(path)) as bundle:
        import_all(store, bundle, report, access=access)
    return report
