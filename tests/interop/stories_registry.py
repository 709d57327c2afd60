"""Stories of the registry and of logged models, told like those of ``stories.py``."""

from __future__ import annotations

from tests.interop.side_by_side import Step, each, get, post
from tests.interop.stories import FAILS, HIDDEN, UNCHECKED, begin, ours

NAME = "{mark}"
RM, MV = "/registered-models", "/model-versions"
PLACE = "s3://bucket/x"
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]


def delete(path: str, sent: object = None) -> Step:
    return Step("DELETE", path, sent)


def patch(path: str, sent: object, differs: str = "") -> Step:
    return Step("PATCH", path, sent, None, differs)


REGISTERED_MODELS = [
    *(
        post(f"{RM}/create", sent)
        for sent in (
            {"name": NAME, "description": "d", "tags": [{"key": "a", "value": "b"}]},
            {"name": NAME},
            {"name": f"{NAME}-2"},
            {"name": f"{NAME}-p", "tags": PROMPT},
            {},
            {"name": ""},
            {"name": "  "},
            {"name": "a/b"},
            {"name": "a:b"},
            {"name": ".."},
            {"name": 5},
            {"name": f"{NAME} é #?", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
            {"name": f"{NAME}-t", "tags": [{"key": "k" * 251, "value": "1"}]},
            {"name": f"{NAME}-u", "tags": [{"key": "a$", "value": "1"}]},
            {"name": f"{NAME}-v", "tags": [{"key": "a", "value": "v" * 100_001}]},
        )
    ),
    *(
        get(f"{RM}/get", sent)
        for sent in (
            *({"name": name} for name in (NAME, f"{NAME} é #?", "none", "", " ", "a/b", "..", "a%2e%2e/b")),
            {},
        )
    ),
    *(patch(f"{RM}/update", {"name": NAME, **more}) for more in ({"description": "e"}, {}, {"description": None})),
    patch(f"{RM}/update", {"name": "none", "description": "x"}),
    *(
        post(f"{RM}/rename", {"name": f"{NAME}-2", "new_name": name})
        for name in (f"{NAME}-2", NAME, "a/b", "", f"{NAME}-3", f"{NAME}-4")
    ),
    *(
        post(f"{RM}/set-tag", {"name": NAME, "key": key, "value": value})
        for key, value in (("k", "v"), ("k", "w"), ("n", None), ("", "v"), ("a$", "v"), ("k" * 251, "v"), ("k", 1))
    ),
    *(delete(f"{RM}/delete-tag", {"name": name, "key": "k"}) for name in (NAME, NAME, "none", "a/b")),
    *(delete(f"{RM}/delete-tag", {"name": NAME, "key": key}) for key in ("a$", "a/../b", "m²")),
    delete(f"{RM}/delete-tag", {"name": NAME}),
    *(
        get(f"{RM}/search", {"filter": text, "max_results": 1_000})
        for text in (
            "name = '{mark}'",
            'name = "{mark}"',
            "name LIKE '{mark}%'",
            "name ilike '{mark}%'",
            "name != '{mark}' AND name LIKE '{mark}%'",
            "name IN ('{mark}', 'none')",
            "tags.a = 'b' AND name LIKE '{mark}%'",
            "tags.a != 'b' AND name LIKE '{mark}%'",
            "tags.`mlflow.prompt.is_prompt` = 'true' AND name LIKE '{mark}%'",
            *("name > 'a'", "name = 5", "name", "x = 'y'", "name = 'x' OR name = 'y'", "(name = 'x')", "name == 'x'"),
            *("creation_timestamp > 0", "description = 'x'", "name IN ()", "name NOT LIKE 'x'", "name = 'x';"),
        )
    ),
    *(
        get(f"{RM}/search", [("filter", "name LIKE '{mark}%'"), *(("order_by", term) for term in order)])
        for order in (
            ["name DESC"],
            ["timestamp"],
            ["last_updated_timestamp DESC", "name"],
            ["x"],
            ["name x"],
            ["name,"],
        )
    ),
    get(f"{RM}/search", [("order_by", "name"), ("order_by", "name")], FAILS),
    *(get(f"{RM}/search", {"filter": "name = '{mark}'", "max_results": most}) for most in (1, 1_000, 1_001)),
    get(f"{RM}/search", {"max_results": 0}, "MLflow answers a page of nothing that leads to itself"),
    get(f"{RM}/search", {"page_token": "zz"}),
    *(delete(f"{RM}/delete", {"name": name}) for name in (f"{NAME}-4", f"{NAME}-4", "")),
]

VERSIONS = begin(
    post(f"{RM}/create", {"name": NAME}),
    post(f"{RM}/create", {"name": f"{NAME}-p", "tags": PROMPT}),
    post("/logged-models", {"experiment_id": "{exp}", "source_run_id": "{run}"}, model="model.info.model_id"),
    *(
        post(f"{MV}/create", {"name": NAME, **fields})
        for fields in each(
            {"source": PLACE, "run_id": "{run}", "tags": [{"key": "a", "value": "b"}], "description": "dd"},
            {"source": PLACE, "run_link": "https://x/y"},
            {"source": "mlflow-artifacts:/{exp}/{run}/artifacts/model", "run_id": "{run}"},
            {"source": "runs:/{run}/model", "run_id": "{run}"},
            {"source": f"models:/{NAME}/1"},
            {"source": "s3://b/with space"},
            {"source": PLACE, "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
            {},
            {"source": ""},
            {"source": 5},
            {"source": "mlflow-artifacts:/{exp}/{run}/artifacts/model"},
            {"source": "runs:/{run}/model"},
            {"source": "models:/{model}"},
            {"source": f"models:/{NAME}/99"},
            {"source": f"models:/{NAME}@none"},
            {"source": "models:/none/1"},
            {"source": "/etc/passwd", "run_id": "{run}"},
            {"source": "file:///etc"},
            {"source": "relative"},
            {"source": "http://x/y"},
            {"source": "s3://bucket/../x"},
            {"source": "s3://bucket/%2e%2e/x"},
            {"source": "dummy-source"},
            {"source": PLACE, "tags": [{"key": "a$", "value": "1"}]},
            {"source": PLACE, "run_id": 0},
            {"source": PLACE, "run_id": []},
        )
    ),
    post(f"{MV}/create", {"name": f"{NAME}-p", "source": "dummy-source", "tags": PROMPT}),
    post(f"{MV}/create", {"name": f"{NAME}-p", "source": PLACE, "tags": PROMPT}),
    post(f"{MV}/create", {"name": "none", "source": PLACE}),
    *(
        get(f"{MV}/{path}", {"name": NAME, "version": number})
        for path in ("get", "get-download-uri")
        for number in ("1", "01", "5", "99", "0", "-1", "abc", "1.0", "")
    ),
    get(f"{MV}/get", {"name": NAME, "version": "9" * 30}, FAILS),
    patch(f"{MV}/update", {"name": NAME, "version": "1", "description": "new"}),
    *(patch(f"{MV}/update", {"name": NAME, "version": one, "description": "x"}) for one in (1, "99", "x", "")),
    *(
        post(f"{MV}/set-tag", {"name": NAME, "version": one, "key": key, "value": "v"})
        for one, key in (("1", "k"), ("99", "k"), (1, "k"), ("1", "a$"), ("1", ""), (None, "k"))
    ),
    *(delete(f"{MV}/delete-tag", {"name": NAME, "version": one, "key": "k"}) for one in ("1", "1", "99")),
    delete(f"{MV}/delete-tag", {"name": NAME, "version": "1", "key": "a$"}),
    *(
        post(f"{MV}/transition-stage", {"name": NAME, "version": one, "stage": stage, **archive})
        for one, stage, archive in (
            ("1", "Staging", {"archive_existing_versions": False}),
            ("2", "production", {"archive_existing_versions": False}),
            ("3", "Production", {"archive_existing_versions": True}),
            ("3", "Production", {}),
            ("3", "Production", {"archive_existing_versions": "true"}),
            ("3", "Bogus", {"archive_existing_versions": False}),
            ("99", "Staging", {"archive_existing_versions": False}),
            ("3", None, {"archive_existing_versions": False}),
        )
    ),
    post(
        f"{MV}/transition-stage",
        {"name": NAME, "version": "1", "stage": "None", "archive_existing_versions": True},
        FAILS,
    ),
    *(post(f"{RM}/get-latest-versions", {"name": NAME, "stages": stages}) for stages in (["Production"], ["x"], [""])),
    get(f"{RM}/get-latest-versions", {"name": NAME, "stages": ["staging"]}),
    get(f"{RM}/get-latest-versions", {"name": "none"}),
    *(
        post(f"{RM}/alias", {"name": NAME, "alias": alias, "version": version})
        for alias, version in (
            *(("champion", "1"), ("champion", "2"), ("123", "1"), ("v1a", "1"), ("a-b_c", "1"), ("ключ", "1")),
            *(("latest", "1"), ("LaTest", "1"), ("v1", "1"), ("V12", "1"), ("a b", "1"), ("a.b", "1"), ("", "1")),
            *(("a" * 255, "1"), ("a" * 256, "1"), ("x", "99"), ("x", "abc"), ("x", 1), ("x", None)),
        )
    ),
    *(get(f"{RM}/alias", {"name": NAME, "alias": alias}) for alias in ("champion", "Champion", "none", "latest", "")),
    get(f"{RM}/alias", {"name": "none", "alias": "x"}),
    patch(f"{MV}/update", {"name": NAME, "version": "1", "description": "newer"}),
    post(f"{MV}/transition-stage", {"name": NAME, "version": "1", "stage": "Staging"}),
    get(f"{MV}/get", {"name": NAME, "version": "1"}),
    *(delete(f"{RM}/alias", {"name": name, "alias": "123"}) for name in (NAME, NAME, "none")),
    *(
        get(f"{MV}/search", {"filter": text})
        for text in (
            "name = '{mark}'",
            "name = '{mark}' AND version_number > 2",
            "version_number = '1' AND name = '{mark}'",
            "run_id = '{run}'",
            "run_id IN ('{run}')",
            "source_path LIKE 's3://%' AND name = '{mark}'",
            "tags.a = 'b' AND name = '{mark}'",
            "name = '{mark}' AND tags.a != 'b'",
            *("version_number = 1.0", "version_number = 'x'", "current_stage = 'None'", "aliases = 'x'", "version = 1"),
            *("version_number IN (1)", "source_path IN ('a')", "name = 'x' OR name = 'y'", "creation_timestamp > 0"),
        )
    ),
    *(
        get(f"{MV}/search", [("filter", "name = '{mark}'"), ("order_by", term)])
        for term in ("version_number", "version_number DESC", "creation_timestamp", "name", "run_id", "x")
    ),
    *(get(f"{MV}/search", {"filter": "name = '{mark}'", "max_results": most}) for most in (0, -1, 1, 200_000, 200_001)),
    post(f"{RM}/rename", {"name": NAME, "new_name": f"{NAME}-new"}),
    get(f"{MV}/get", {"name": f"{NAME}-new", "version": "1"}),
    *(delete(f"{MV}/delete", {"name": f"{NAME}-new", "version": one}) for one in ("2", "2", 3, "x", "")),
    get(f"{RM}/alias", {"name": f"{NAME}-new", "alias": "champion"}),
    post(f"{MV}/create", {"name": f"{NAME}-new", "source": PLACE}),
    post(f"{MV}/create", {"name": f"{NAME}-new", "source": "models:/{model}", "model_id": "{model}"}, HIDDEN),
    delete(f"{RM}/delete", {"name": f"{NAME}-new"}),
    get(f"{MV}/get", {"name": f"{NAME}-new", "version": "1"}),
)

LM = "/logged-models"
LOGGED_MODELS = begin(
    post(
        LM,
        {
            "experiment_id": "{exp}",
            "name": "m1",
            "model_type": "sk",
            "source_run_id": "{run}",
            "params": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"}],
            "tags": [{"key": "t", "value": "v"}],
        },
        model="model.info.model_id",
    ),
    post(LM, {"experiment_id": "{exp}", "name": "m2"}, other="model.info.model_id"),
    *(post(LM, {"experiment_id": "{exp}", "name": f"a{sign}b"}) for sign in "/:.%\"'"),
    *(post(LM, sent) for sent in ({"name": "x"}, {"experiment_id": "987654"}, {"experiment_id": "abc"})),
    *(get(f"{LM}/{one}") for one in ("{model}", "m-none")),
    *(
        patch(f"{LM}/{{model}}", sent)
        for sent in (
            {"model_id": "{model}", "status": "LOGGED_MODEL_READY"},
            {"model_id": "{model}", "status": 3},
            {"status": "LOGGED_MODEL_READY"},
            {"model_id": "{model}"},
            {"model_id": "{model}", "modelId": "{model}", "status": 3},
        )
    ),
    patch(f"{LM}/{{model}}", {"model_id": "{model}", "status": "READY"}, UNCHECKED),
    patch(f"{LM}/{{model}}", {"model_id": "{model}", "status": "LOGGED_MODEL_READY"}),
    *(patch(f"{LM}/{one}/tags", {"tags": [{"key": "c", "value": "2"}]}) for one in ("{model}", "m-none")),
    *(delete(f"{LM}/{one}/tags/c") for one in ("{model}", "{model}", "m-none")),
    *(
        post(f"{LM}/{{model}}/params", sent)
        for sent in (
            {"model_id": "{model}", "params": [{"key": "n", "value": "1"}]},
            {"model_id": "{model}", "params": [{"key": "n", "value": "1"}]},
            {"params": [{"key": "o", "value": "1"}]},
        )
    ),
    *(
        post("/runs/log-metric", {"run_id": "{run}", "key": "acc", "value": value, "timestamp": time, **more})
        for value, time, more in (
            (0.5, 1, {"model_id": "{other}"}),
            (0.9, 2, {"model_id": "{other}", "step": 1}),
            (0.7, 3, {"model_id": "{model}", "dataset_name": "d1", "dataset_digest": "x1"}),
        )
    ),
    get(f"{LM}/{{other}}"),
    *(
        post(f"{LM}/search", {"experiment_ids": ["{exp}"], "filter": text})
        for text in (
            *("name = 'm1'", "name LIKE 'm%'", "name ILIKE 'M%'", "attributes.name IN ('m1')", "model_type = 'sk'"),
            *("metrics.acc > 0.6", "metrics.acc < 0.6", "params.a = '1'", "tags.t = 'v'", "source_run_id = '{run}'"),
            *("name = 'm1' OR name = 'x'", "(name = 'm1')", "name =", "attribute.name = 'm1'", "tags.t IS NULL"),
        )
    ),
    ours(f"{LM}/search", {"experiment_ids": ["{exp}"], "filter": "bogus = 'x'"}, FAILS),
    *(
        post(f"{LM}/search", {"experiment_ids": ["{exp}"], **more})
        for more in each(
            {"order_by": [{"field_name": "name"}]},
            {"order_by": [{"field_name": "metrics.acc", "ascending": False}]},
            {"order_by": [{"field_name": "bogus"}]},
            {"datasets": [{"dataset_name": "d1", "dataset_digest": "x1"}]},
            {"datasets": [{"dataset_digest": "x1"}]},
            {"max_results": 1},
        )
    ),
    *(post(f"{LM}/search", sent) for sent in each({}, {"experiment_ids": []}, {"experiment_ids": ["abc"]})),
    *(get(f"{LM}/{{model}}/artifacts/directories", {"artifact_directory_path": path}) for path in ("", "x", "../x")),
    *(delete(f"{LM}/{one}") for one in ("{other}", "{other}", "m-none")),
    get(f"{LM}/{{other}}"),
    get(f"{LM}/{{other}}", {"allow_deleted": "true"}),
    ours(LM, {"experiment_id": "{exp}", "params": [{"value": "v"}]}, UNCHECKED),
)
