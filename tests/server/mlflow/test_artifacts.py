"""Artifacts through the compatible front door."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.mlflow_api import Answer, Api

INVALID = "INVALID_PARAMETER_VALUE"
UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
AJAX = "/ajax-api/2.0/mlflow"


def put(api: Api, path: str, data: bytes, **headers: str) -> Answer:
    return api.send("PUT", f"{PROXY}/{api.fill(path)}", data, headers)


@pytest.fixture
def root(api: Api) -> str:
    """Where the run's files are in the tree, with a file, a folder and a file of an unusual name in it."""
    root = f"{api.made['exp']}/{api.made['run']}/artifacts"
    for path, data in (("a.txt", b"hello"), ("plots/b.json", b"{}"), ("plots/sub/c.bin", b"\0" * 70_000)):
        answer = put(api, f"{root}/{path}", data)
        assert (answer.status, answer.body) == (200, b"")
    assert put(api, f"{root}/gr%C3%B6%C3%9Fe%20100%25.txt", b"x").status == 200
    return root


def test_a_run_lists_its_files_below_its_root(api: Api, root: str) -> None:
    def listed(**query: str) -> Any:
        return api.get("/artifacts/list", {"run_id": "{run}", **query}).json

    assert listed() == {
        "root_uri": f"mlflow-artifacts:/{root}",
        "files": [
            {"path": "a.txt", "is_dir": False, "file_size": 5},
            {"path": "größe 100%.txt", "is_dir": False, "file_size": 1},
            {"path": "plots", "is_dir": True},
        ],
    }
    inside = [{"path": "plots/b.json", "is_dir": False, "file_size": 2}, {"path": "plots/sub", "is_dir": True}]
    assert listed(path="plots")["files"] == listed(path="plots/")["files"] == inside
    assert listed(path="plots/sub")["files"] == [{"path": "plots/sub/c.bin", "is_dir": False, "file_size": 70_000}]
    for nothing in ("a.txt", "none", "plots/none"):
        assert listed(path=nothing) == {"root_uri": f"mlflow-artifacts:/{root}"}
    assert listed(page_token="anything") == listed()
    empty = f"mlflow-artifacts:/{api.made['exp']}/{api.made['gone_run']}/artifacts"
    assert api.get("/artifacts/list", {"run_uuid": "{gone_run}"}).json == {"root_uri": empty}


def test_the_proxy_lists_by_names_alone(api: Api, root: str) -> None:
    def listed(path: str) -> Any:
        return api.send("GET", f"{PROXY}?path={path}").json

    assert [file["path"] for file in listed(root)["files"]] == ["a.txt", "größe 100%.txt", "plots"]
    assert listed(f"{root}/plots") == {
        "files": [{"path": "b.json", "is_dir": False, "file_size": 2}, {"path": "sub", "is_dir": True}]
    }
    assert listed(f"{root}/none") == listed(f"{root}/a.txt") == {}
    assert api.made["exp"] in [file["path"] for file in api.send("GET", PROXY).json["files"]]


FILES = {
    "a.txt": (b"hello", "text/plain"),
    "plots/b.json": (b"{}", "text/plain"),
    "plots/sub/c.bin": (b"\0" * 70_000, "application/octet-stream"),
    "gr%C3%B6%C3%9Fe%20100%25.txt": (b"x", "text/plain"),
}


@pytest.mark.parametrize("path", FILES)
def test_a_file_comes_back_as_an_attachment_by_every_route(api: Api, root: str, path: str) -> None:
    data, kind = FILES[path]
    run = api.made["run"]
    for target in (
        f"{PROXY}/{root}/{path}",
        f"/ajax-api/2.0/mlflow-artifacts/artifacts/{root}/{path}",
        f"/get-artifact?run_id={run}&path={path}",
        f"/get-artifact?run_uuid={run}&path={path}",
        f"{AJAX}/get-artifact?run_uuid={run}&path={path}",
    ):
        answer = api.send("GET", target)
        assert (answer.status, answer.body) == (200, data), target
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_part_of_a_file_may_be_asked_for(api: Api, root: str) -> None:
    answer = api.send("GET", f"{PROXY}/{root}/a.txt", headers={"Range": "bytes=1-3"})
    assert (answer.status, answer.body) == (206, b"ell")
    head = api.send("HEAD", f"{PROXY}/{root}/a.txt")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "5")


def test_a_file_is_replaced_and_deleted(api: Api, root: str) -> None:
    assert put(api, f"{root}/a.txt", b"again", **{"Content-Type": "text/csv"}).status == 200
    assert api.send("GET", f"{PROXY}/{root}/a.txt").body == b"again"
    for _ in range(2):
        answer = api.send("DELETE", f"{PROXY}/{root}/a.txt")
        assert (answer.status, answer.body) == (200, b"{}")
    assert api.send("DELETE", f"{PROXY}/{root}/plots").status == 200
    assert [file["path"] for file in api.get("/artifacts/list", {"run_id": "{run}"}).json["files"]] == [
        "größe 100%.txt"
    ]


MISSING = ["{root}/none.txt", "{root}/plots/none", "none", "{root}/a.txt/below"]


@pytest.mark.parametrize("path", MISSING)
def test_a_file_that_is_not_there_is_not_found(api: Api, root: str, path: str) -> None:
    answer = api.send("GET", f"{PROXY}/{path.replace('{root}', root)}")
    assert (answer.status, answer.code) == (404, UNKNOWN)


def test_a_folder_cannot_be_downloaded(api: Api, root: str) -> None:
    answer = api.send("GET", f"{PROXY}/{root}/plots")
    assert (answer.status, answer.code) == (400, INVALID)
    assert "folder" in answer.message


HOSTILE = [
    "../x",
    "plots/../../x",
    "..",
    "/etc/passwd",
    "//etc/passwd",
    "%2e%2e/x",
    "%2e%2e%2fx",
    "%252e%252e/x",
    "%25252e%25252e%25252fx",
    "..%5cx",
    "a\\b",
    "C:\\x",
    "a%00b",
    "a%0ab",
    "a%23b",
    "a%2523b",
    "a//b",
    "./a",
    "a/./b",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_means_another_place_is_refused_everywhere(api: Api, root: str, path: str) -> None:
    run = api.made["run"]
    model = api.make_model(api.made["exp"])
    quoted = path.replace("\\", "%5C")
    absolute = path.startswith("/")
    answers = [
        api.send("GET", f"{api.prefix}/artifacts/list?run_id={run}&path={quoted}"),
        api.send("GET", f"{PROXY}?path={quoted}"),
        api.send("GET", f"/get-artifact?run_id={run}&path={quoted}"),
        api.send("POST", f"{AJAX}/upload-artifact?run_uuid={run}&path={quoted}", b"x"),
        api.send("GET", f"{api.prefix}/logged-models/{model}/artifacts/directories?artifact_directory_path={quoted}"),
        api.send("GET", f"{AJAX}/logged-models/{model}/artifacts/files?artifact_file_path={quoted}"),
        *(api.send(method, f"{PROXY}/{quoted}", b"x") for method in ("GET", "PUT", "DELETE")),
        *([] if absolute else [put(api, f"{root}/{quoted}", b"x")]),
    ]
    for answer in answers:
        assert (answer.status, answer.code) == (400, INVALID), answer
        assert "Invalid path" in answer.message
        assert "passwd" not in answer.message
    assert {file["path"] for file in api.get("/artifacts/list", {"run_id": "{run}"}).json["files"]} == {
        "a.txt",
        "plots",
        "größe 100%.txt",
    }


RUN_FILES: dict[str, tuple[str, dict[str, str], int, str]] = {
    "list: no run": ("/artifacts/list", {"path": "a.txt"}, 400, INVALID),
    "list: unknown run": ("/artifacts/list", {"run_id": "{unknown_run}"}, 404, UNKNOWN),
    "get: no run": ("/get-artifact", {"path": "a.txt"}, 400, INVALID),
    "get: no path": ("/get-artifact", {"run_id": "{run}"}, 400, INVALID),
    "get: unknown run": ("/get-artifact", {"run_id": "{unknown_run}", "path": "a.txt"}, 404, UNKNOWN),
    "get: unknown file": ("/get-artifact", {"run_id": "{run}", "path": "none"}, 404, UNKNOWN),
    "model list: unknown": ("/logged-models/m-none/artifacts/directories", {}, 404, UNKNOWN),
    "get: outside of an unknown run": ("/get-artifact", {"run_id": "{unknown_run}", "path": "../x"}, 400, INVALID),
    "version file: outside of an unknown model": (
        "/model-versions/get-artifact",
        {"name": "none", "version": "1", "path": "/etc/passwd"},
        400,
        INVALID,
    ),
    "model file: outside of an unknown model": (
        "/logged-models/m-none/artifacts/files",
        {"artifact_file_path": "../x"},
        400,
        INVALID,
    ),
    "model file: no path": ("/logged-models/{model}/artifacts/files", {}, 400, "BAD_REQUEST"),
    "model file: unknown": ("/logged-models/m-none/artifacts/files", {"artifact_file_path": "a"}, 404, UNKNOWN),
}


@pytest.mark.parametrize("path, query, status, code", RUN_FILES.values(), ids=list(RUN_FILES))
def test_a_wrong_request_is_told_what_is_wrong(
    api: Api, root: str, path: str, query: dict[str, str], status: int, code: str
) -> None:
    api.made["model"] = api.make_model(api.made["exp"])
    answer = api.get(path, query, prefix=AJAX)
    assert (answer.status, answer.code) == (status, code), answer


def test_a_browser_may_upload_small_files(api: Api) -> None:
    target = f"{AJAX}/upload-artifact?run_uuid={api.made['run']}&path="
    limit = 10 * 1024 * 1024
    assert api.send("POST", f"{target}small/up.txt", b"data").status == 200
    assert api.send("POST", f"{target}limit.bin", b"\1" * limit).status == 200
    answer = api.send("POST", f"{target}over.bin", b"\1" * (limit + 1))
    assert (answer.status, answer.code) == (400, INVALID)
    assert api.send("POST", f"{AJAX}/upload-artifact?path=x", b"data").status == 400
    assert api.send("POST", target + "x", b"").status == 400
    assert api.send("POST", f"{AJAX}/upload-artifact?run_uuid=none&path=x", b"data").status == 404
    assert [file["path"] for file in api.get("/artifacts/list", {"run_id": "{run}"}).json["files"]] == [
        "limit.bin",
        "small",
    ]


def test_a_model_has_files_of_its_own(api: Api) -> None:
    model = api.make_model(api.made["exp"])
    root = f"{api.made['exp']}/models/{model}/artifacts"
    assert put(api, f"{root}/MLmodel", b"flavors: {}").status == 200
    assert put(api, f"{root}/data/x.bin", b"12").status == 200
    path = f"/logged-models/{model}/artifacts/directories"
    assert api.get(path).json == {
        "root_uri": f"mlflow-artifacts:/{root}",
        "files": [{"path": "MLmodel", "is_dir": False, "file_size": 11}, {"path": "data", "is_dir": True}],
    }
    assert api.get(path, {"artifact_directory_path": "data"}).json["files"] == [
        {"path": "data/x.bin", "is_dir": False, "file_size": 2}
    ]
    file = api.get(f"/logged-models/{model}/artifacts/files", {"artifact_file_path": "MLmodel"}, prefix=AJAX)
    assert (file.status, file.body) == (200, b"flavors: {}")


def test_files_at_a_place_of_the_clients_own_are_not_opened(api: Api) -> None:
    for location in ("s3://bucket/path", "file:///etc", "/etc"):
        run = api.make_run(api.make_experiment(artifact_location=location))
        for answer in (
            api.get("/artifacts/list", {"run_id": run}),
            api.get("/get-artifact", {"run_id": run, "path": "passwd"}, prefix=""),
            api.send("POST", f"{AJAX}/upload-artifact?run_uuid={run}&path=x", b"x"),
        ):
            assert (answer.status, answer.code) == (501, "NOT_IMPLEMENTED"), answer


PARTS = {"path": "f.bin", "num_parts": 2, "upload_id": "u", "parts": [{"part_number": 1, "etag": "e", "url": "u"}]}
MPU = "/api/2.0/mlflow-artifacts/mpu"
UP, DOWN = "/api/2.0/mlflow/artifacts/presigned-upload-url", "/api/2.0/mlflow/artifacts/presigned-download-url"
UNSUPPORTED = "Multipart upload is not supported for the current artifact repository"
"""What clients look for, to send the file whole."""
DIRECT: dict[str, tuple[str, dict[str, Any], int, str, str]] = {
    "begin": (f"{MPU}/create/1/r/artifacts", PARTS, 501, "NOT_IMPLEMENTED", UNSUPPORTED),
    "begin without parts": (f"{MPU}/create/1/r/artifacts", {"path": "f.bin"}, 501, "NOT_IMPLEMENTED", UNSUPPORTED),
    "begin a file of a Windows client": (
        f"{MPU}/create/1/r",
        {"path": "C:\\a\\f"},
        501,
        "NOT_IMPLEMENTED",
        UNSUPPORTED,
    ),
    "complete": (f"{MPU}/complete/1/r/artifacts", PARTS, 501, "NOT_IMPLEMENTED", UNSUPPORTED),
    "abort": ("/ajax-api/2.0/mlflow-artifacts/mpu/abort/1/r/artifacts", PARTS, 501, "NOT_IMPLEMENTED", UNSUPPORTED),
    "begin outside": (f"{MPU}/create/1/%2e%2e/x", PARTS, 400, INVALID, "Invalid path"),
    "begin a folder": (f"{MPU}/create/1/r", {"path": "/tmp/"}, 400, INVALID, "Invalid path"),
    "begin above": (f"{MPU}/create/1/r", {"path": "/tmp/.."}, 400, INVALID, "Invalid path"),
    "begin nothing": (f"{MPU}/create/1/r/artifacts", {}, 400, INVALID, "'path'"),
    "complete nothing": (f"{MPU}/complete/1/r/artifacts", {}, 400, INVALID, "'path'"),
    "complete without parts": (f"{MPU}/complete/1/r", {**PARTS, "parts": []}, 400, INVALID, "'parts'"),
    "abort which": (f"{MPU}/abort/1/r/artifacts", {"path": "f.bin"}, 400, INVALID, "'upload_id'"),
    "address to send to": (UP, {"run_id": "{run}", "path": "a.txt"}, 400, INVALID, "Presigned"),
    "address for a model": (UP, {"model_id": "{model}", "path": "a.txt"}, 400, INVALID, "Presigned"),
    "address for both": (UP, {"run_id": "{run}", "model_id": "{model}", "path": "a"}, 400, INVALID, "either"),
    "address for neither": (UP, {"path": "a.txt"}, 400, INVALID, "either"),
    "address without a path": (UP, {"run_id": "{run}"}, 400, INVALID, "'path'"),
    "address outside": (UP, {"run_id": "{run}", "path": "../x"}, 400, INVALID, "Invalid path"),
    "address to send to an unknown run": (UP, {"run_id": "{unknown_run}", "path": "a.txt"}, 404, UNKNOWN, "0000"),
    "address to read": (DOWN, {"run_id": "{run}", "path": "a.txt", "expiration": "60"}, 400, INVALID, "Presigned"),
    "address to read for no time": (
        DOWN,
        {"run_id": "{run}", "path": "a.txt", "expiration": 0},
        400,
        INVALID,
        "604800",
    ),
    "address to read for ever": (DOWN, {"run_id": "{run}", "path": "a", "expiration": 604801}, 400, INVALID, "604800"),
    "address to read no run": (DOWN, {"path": "a.txt"}, 400, INVALID, "'run_id'"),
    "address to read outside": (DOWN, {"run_id": "{run}", "path": "/etc/passwd"}, 400, INVALID, "Invalid path"),
    "address to read an unknown run": (DOWN, {"run_id": "{unknown_run}", "path": "a.txt"}, 404, UNKNOWN, "0000"),
}


@pytest.mark.parametrize("path, body, status, code, says", DIRECT.values(), ids=list(DIRECT))
def test_transfers_past_the_server_are_refused_so_that_clients_go_through_it(
    api: Api, path: str, body: dict[str, Any], status: int, code: str, says: str
) -> None:
    api.made["model"] = api.make_model(api.made["exp"])
    answer = api.post(path, body, prefix="")
    assert (answer.status, answer.code) == (status, code), answer
    assert says in answer.message
    assert says != UNSUPPORTED or answer.message.startswith(UNSUPPORTED)
    assert set(answer.json) == {"error_code", "message"}


def test_signed_addresses_lead_nowhere(api: Api) -> None:
    answer = api.get("/presigned/1/r/artifacts/a.txt", prefix="/api/2.0/mlflow-artifacts")
    assert (answer.status, answer.code) == (501, "NOT_IMPLEMENTED")
    answer = api.get("/presigned/1/%2e%2e/a.txt", prefix="/api/2.0/mlflow-artifacts")
    assert (answer.status, answer.code) == (400, INVALID)


HEADERS = {
    "a.txt": ("text/plain", "attachment; filename=a.txt"),
    "b%20c.csv": ("text/plain", 'attachment; filename="b c.csv"'),
    "d;e.md": ("text/plain", 'attachment; filename="d;e.md"'),
    "q%22.json": ("text/plain", "attachment; filename=\"q_.json\"; filename*=UTF-8''q%22.json"),
    "gr%C3%BC%C3%9F.yaml": ("text/plain", "attachment; filename=\"gr__.yaml\"; filename*=UTF-8''gr%C3%BC%C3%9F.yaml"),
    "100%25.py": ("text/plain", "attachment; filename=100%.py"),
    "MLmodel": ("text/plain", "attachment; filename=MLmodel"),
    "n.ipynb": ("text/plain", "attachment; filename=n.ipynb"),
    "s.js": ("text/plain", "attachment; filename=s.js"),
    "conf.ini": ("text/plain", "attachment; filename=conf.ini"),
    "page.html": ("text/html", "attachment; filename=page.html"),
    "plot.png": ("image/png", "attachment; filename=plot.png"),
    "model.pkl": ("application/octet-stream", "attachment; filename=model.pkl"),
}


@pytest.mark.parametrize("name, headers", HEADERS.items())
def test_a_download_says_what_it_is_and_how_it_is_called(api: Api, name: str, headers: tuple[str, str]) -> None:
    path = f"{api.made['run']}/{name}"
    assert put(api, path, b"x").status == 200
    answer = api.send("GET", f"{PROXY}/{path}")
    assert (answer.headers["content-type"], answer.headers["content-disposition"]) == headers


def test_a_whole_run_is_deleted_by_a_path_that_ends_with_a_slash(api: Api, root: str) -> None:
    """As the Python client does when it deletes the files of a run."""
    assert api.send("DELETE", f"{PROXY}/{root}/").status == 200
    assert "files" not in api.get("/artifacts/list", {"run_id": "{run}"}).json


def test_a_file_beside_all_experiments_is_kept_like_any_other(api: Api) -> None:
    name = f"{api.made['run']}.txt"
    assert put(api, name, b"loose").status == 200
    assert api.send("GET", f"{PROXY}/{name}").body == b"loose"
    assert api.send("DELETE", f"{PROXY}/{name}").status == 200
    assert api.send("GET", f"{PROXY}/{name}").status == 404
