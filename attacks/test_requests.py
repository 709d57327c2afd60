"""Locations, ids, browsers, markup, numbers, searches and bodies that are not meant well."""

from __future__ import annotations

import gzip
import json
from urllib.parse import quote

import pytest

from attacks.conftest import Target

LOCATIONS = (
    "http:///#/../../../../etc/",
    "http:///;/../../../../etc/",
    "http://169.254.169.254/latest/meta-data",
    "https://evil.test/a",
    "ftp://evil.test/a",
    "hdfs://evil.test/a",
    "file://evil.test/etc",
    "file:///etc/../root",
    "file:///%2e%2e/etc",
    "file:///etc?x=1",
    "file:///etc#f",
    "s3://user@evil/bucket",
    "s3://bucket/../../x",
    "s3://bucket\\evil/x",
    "mlflow-artifacts://evil.test/x",
    "runs:/abc/model",
    "gopher://evil.test/x",
    "javascript:alert(1)",
    " file:///etc",
    "file:///etc\nHost: evil",
    ":///etc",
    "x" * 3_000,
)


@pytest.mark.parametrize("location", LOCATIONS, ids=lambda text: f"{text[:30]!r} {len(text)}")
@pytest.mark.parametrize("route", ["/api/v1/experiments", "/api/2.0/mlflow/experiments/create"])
def test_a_location_with_a_trick_in_it_is_refused_and_nobody_is_called(
    target: Target, route: str, location: str
) -> None:
    name = f"{route}-{location}"[:400]
    answer = target.send("POST", route, json.dumps({"name": name, "artifact_location": location}))
    target.check_safe(answer)
    assert answer.status == 400, answer
    found = target.send("GET", f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={quote(name, safe='')}")
    assert found.status in (400, 404)


@pytest.mark.parametrize(
    "run_id", ["../x", "a/b", "*", "'", '" OR 1=1 --', "-1", "1.5", "[]", "{}", "x" * 10_000, "%00", "\u0000", "\u202e"]
)
def test_an_id_that_is_none_names_nothing(target: Target, run_id: str) -> None:
    for method, path, body in (
        ("GET", f"/api/v1/runs/{quote(run_id, safe='')}", None),
        ("GET", f"/api/2.0/mlflow/runs/get?run_id={quote(run_id, safe='')}", None),
        ("POST", "/api/2.0/mlflow/runs/delete", json.dumps({"run_id": run_id})),
        ("POST", "/api/2.0/mlflow/runs/set-tag", json.dumps({"run_id": run_id, "key": "k", "value": "1"})),
        ("POST", "/api/v1/runs/purge", json.dumps({"run_ids": [run_id]})),
    ):
        answer = target.send(method, path, body)
        target.check_safe(answer)
        assert answer.status in (400, 404), answer


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.test:5000"},
        {"Host": "localhost.evil.test"},
        {"Host": ""},
        {"Host": "127.0.0.1@evil.test"},
        {"Host": "127.0.0.1", "Origin": "null"},
        {"Host": "127.0.0.1", "Origin": "http://evil.test"},
        {"Host": "127.0.0.1", "Origin": "http://127.0.0.1.evil.test"},
        {"Host": "127.0.0.1", "Origin": "http://127.0.0.1:1"},
        {"Host": "127.0.0.1", "Origin": "file://127.0.0.1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_site_is_refused_on_reads_too(target: Target, method: str, headers: dict[str, str]) -> None:
    path = "/api/2.0/mlflow/experiments/get?experiment_id=0" if method == "GET" else "/api/v1/experiments"
    answer = target.send(method, path, None if method == "GET" else b"{}", headers)
    target.check_safe(answer)
    assert answer.status in (400, 403), answer


def test_a_form_of_another_site_cannot_write(target: Target) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "<script>"):
        for path in ("/api/v1/experiments", "/api/2.0/mlflow/experiments/create"):
            answer = target.send("POST", path, b'{"name": "csrf"}', {"Content-Type": kind})
            target.check_safe(answer)
            assert answer.status == 400
            assert b"<script>" not in answer.body
    cross = {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}
    assert target.send("POST", "/api/v1/experiments", b'{"name": "csrf"}', cross).status == 403


MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'`=1+1"


def test_markup_is_shown_as_text(target: Target) -> None:
    made = target.send("POST", "/api/v1/experiments", json.dumps({"name": MARKUP}))
    number = json.loads(made.body)["experiment_id"]
    run = {"run_id": "markup", "experiment_id": number, "name": MARKUP, "tags": {"t": MARKUP}}
    assert target.send("POST", "/api/v1/runs", json.dumps(run)).status == 200
    assert target.send("POST", "/api/v1/runs/markup/ingest", json.dumps({"params": {"p": MARKUP}})).status == 200
    for page in ("/", f"/experiments/{number}", "/experiments/<script>alert(1)</script>"):
        answer = target.send("GET", page)
        target.check_safe(answer)
        assert b"<script>alert" not in answer.body or "text/html" not in answer.headers["content-type"]
        assert b"<img" not in answer.body or "text/html" not in answer.headers["content-type"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["x.html", "x.svg", "x.js", "x.xml", "x.pdf"])
def test_a_file_with_scripts_is_an_attachment_in_a_sandbox(target: Target, name: str) -> None:
    path = f"/api/v1/files/0/markup/artifacts/{name}"
    assert target.send("PUT", path, b"<script>alert(1)</script>").status == 200
    answer = target.send("GET", path)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"


NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "-0.0",
    "1e400",
    str(2**63),
    str(-(2**63) - 1),
    "1e-400",
    '"NaN"',
    "true",
    "[]",
)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("field", ["value", "timestamp", "step"])
def test_a_number_at_or_over_an_edge_is_stored_or_refused(target: Target, field: str, number: str) -> None:
    target.send("POST", "/api/v1/runs", '{"run_id": "numbers", "if_exists": "return"}')
    fields = {"value": "1", "timestamp": "1", "step": "1", field: number}
    body = '{"run_id": "numbers", "key": "k", ' + ", ".join(f'"{k}": {v}' for k, v in fields.items()) + "}"
    answer = target.send("POST", "/api/2.0/mlflow/runs/log-metric", body)
    target.check_safe(answer)
    assert answer.status in (200, 400)
    assert target.send("GET", "/api/2.0/mlflow/runs/get?run_id=numbers").status == 200


FILTERS = (
    "'" * 1_000,
    "(" * 10_000 + "params.a = '1'" + ")" * 10_000,
    " AND ".join(["params.a = '1'"] * 10_000),
    "params.a IN (" + ", ".join(["'1'"] * 100_000) + ")",
    "params.a LIKE '" + "%" * 5_000 + "'",
    "params.a LIKE '" + "%a" * 400 + "'",
    "params.a = '1'; DROP TABLE runs",
    "params.a = '1' -- ",
    "params.a = '1' /* x */",
    "unknown.a = 1",
    "metrics.`" + "a" * 100_000 + "` > 1",
    "\x00",
    "NOT " * 10_000 + "params.a = '1'",
    "metrics.a > " + "9" * 50_000,
)


@pytest.mark.parametrize("text", FILTERS, ids=lambda text: f"{text[:25]!r} {len(text)}")
@pytest.mark.parametrize("route", ["/api/v1/runs/search", "/api/2.0/mlflow/runs/search"])
def test_a_search_that_asks_for_trouble_is_refused_or_answered(target: Target, route: str, text: str) -> None:
    answer = target.send("POST", route, json.dumps({"experiment_ids": ["0"], "filter": text}))
    target.check_safe(answer)
    assert answer.status in (200, 400, 413)


@pytest.mark.parametrize(
    "order", ["metrics.a; DROP TABLE runs", "1", "(SELECT 1)", "start_time DESC, run_id", "a" * 9_999]
)
def test_an_order_is_a_field_and_a_direction_and_nothing_else(target: Target, order: str) -> None:
    answer = target.send("POST", "/api/v1/runs/search", json.dumps({"order_by": [order]}))
    target.check_safe(answer)
    assert answer.status == 400


@pytest.mark.parametrize("token", ["x", "AAAA", "eyJvZmZzZXQiOiAtMX0=", "%00", "a" * 100_000, "9" * 50])
def test_a_forged_page_token_is_refused(target: Target, token: str) -> None:
    for route in ("/api/v1/runs/search", "/api/2.0/mlflow/runs/search"):
        answer = target.send("POST", route, json.dumps({"experiment_ids": ["0"], "page_token": token}))
        target.check_safe(answer)
        assert answer.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe",
        b"null",
        b'"x"',
        b'{"name": "\\ud800"}',
        b'{"name": {"$ref": "#"}}',
        b"\x80\x04\x95K\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
    ],
    ids=lambda body: f"{body[:12]!r} {len(body)}",
)
def test_a_body_that_is_none_is_refused(target: Target, body: bytes) -> None:
    for path in ("/api/v1/experiments", "/api/2.0/mlflow/experiments/create"):
        for kind in ("application/json", "application/msgpack"):
            answer = target.send("POST", path, body, {"Content-Type": kind})
            target.check_safe(answer)
            assert answer.status == 400, answer


def test_a_body_that_inflates_without_end_is_refused_at_the_limit(target: Target) -> None:
    bomb = gzip.compress(b" " * (300 * 1024 * 1024), 9)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    for path in ("/api/v1/experiments", "/api/2.0/mlflow/experiments/create"):
        answer = target.send("POST", path, bomb, headers)
        target.check_safe(answer)
        assert answer.status in (400, 413)


@pytest.mark.parametrize(
    "key",
    [
        "x" * 256,
        "x" * 60_000,
        "",
        '""',
        "\u0000",
        "a\tb",
        "ÿ" * 100,
        "../../etc/passwd",
        "%00",
        "a'OR'1'='1",
        "${jndi:x}",
    ],
    ids=lambda text: f"{text[:20]!r} {len(text)}",
)
def test_an_idempotency_key_is_refused_or_tells_nothing_but_its_own_repeats(target: Target, key: str) -> None:
    body = json.dumps({"target_kind": "workspace", "reason": "an attack"})
    headers = {"Content-Type": "application/json", "Idempotency-Key": "a"}
    first = target.send("POST", "/api/v1/holds", body, headers)
    assert first.status == 200
    answers = [target.send("POST", "/api/v1/holds", body, {**headers, "Idempotency-Key": key}) for _ in range(2)]
    for answer in answers:
        target.check_safe(answer)
        assert answer.status in (200, 400, 431), answer
        assert answer.status != 200 or json.loads(answer.body)["hold_id"] != json.loads(first.body)["hold_id"]
    assert answers[0].body == answers[1].body
