"""The dialects that clients of MLflow write, row by row of what that server accepts and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from trackway.api.query import And, Comparison, Exists, Expression, Field, Not, OrderTerm, Value
from trackway.base.errors import InvalidInput
from trackway.rules.fields import Schema
from trackway.rules.grammar import (
    MLFLOW_EXPERIMENTS,
    MLFLOW_LOGGED_MODELS,
    MLFLOW_RUNS,
    parse_filter,
    parse_order,
)

LARGEST = "1.7976931348623157e308"


def metric(op: Any, value: Value, key: str = "m") -> Comparison:
    return Comparison(Field("metric", key), op, value)


def param(op: Any, value: Value, key: str = "p") -> Comparison:
    return Comparison(Field("param", key), op, value)


def tag(op: Any, value: Value, key: str = "t") -> Comparison:
    return Comparison(Field("tag", key), op, value)


def attribute(key: str, op: Any, value: Value) -> Comparison:
    return Comparison(Field("attribute", key), op, value)


def dataset(key: str, op: Any, value: Value) -> Comparison:
    return Comparison(Field("dataset", key), op, value)


M, P = metric(">", 1.0), param("=", "x")

RUNS_ACCEPTED: list[tuple[str, Expression | None]] = [
    ("", None),
    # AND, and what need not be there
    ("metrics.m > 1 and params.p = 'x'", And((M, P))),
    ("metrics.m > 1 AND params.p = 'x' aNd metrics.m > 1", And((M, P, M))),
    ("metrics.m > 1 params.p = 'x'", And((M, P))),
    ("AND metrics.m > 1", M),
    ("metrics.m > 1 AND AND params.p = 'x'", And((M, P))),
    ("metrics.m > 1 AND", M),
    ("and", None),
    ("metrics.m>1", M),
    ("metrics.m\t>\n1", M),
    ("params.p='x'and params.p='x'", And((P, P))),
    # numbers
    ("metrics.m = .5", metric("=", 0.5)),
    ("metrics.m = 1.", metric("=", 1.0)),
    ("metrics.m = -.5", metric("=", -0.5)),
    ("metrics.m=-1", metric("=", -1.0)),
    ("metrics.m = 1e-3", metric("=", 0.001)),
    ("metrics.m = 1E3", metric("=", 1000.0)),
    ("metrics.m = -1e-3", metric("=", -0.001)),
    ("metrics.m = 007", metric("=", 7.0)),
    ("metrics.m > 99999999999999999999999", metric(">", 1e23)),
    (f"metrics.m = {LARGEST}", metric("=", float("inf"))),
    (f"metrics.m >= -{LARGEST}", metric(">=", float("-inf"))),
    ("metrics.m != 1", metric("!=", 1.0)),
    ("metrics.m <= 1", metric("<=", 1.0)),
    ("metrics.m < 1", metric("<", 1.0)),
    # keys
    ("metric.m > 1", M),
    ("metrics.a.b > 1", metric(">", 1.0, "a.b")),
    ("metrics.`a.b` > 1", metric(">", 1.0, "a.b")),
    ("metrics.`m/x y` > 1", metric(">", 1.0, "m/x y")),
    ('metrics."m-x" > 1', metric(">", 1.0, "m-x")),
    ("metrics.'m-x' > 1", metric(">", 1.0, "m-x")),
    ("metrics.timestamp > 1", metric(">", 1.0, "timestamp")),
    ("metrics.1a > 1", metric(">", 1.0, "1a")),
    ("metrics._a > 1", metric(">", 1.0, "_a")),
    ("metrics.é > 1", metric(">", 1.0, "é")),
    ("tags.`AND` = 'x'", tag("=", "x", "AND")),
    ("tags.or = 'x'", tag("=", "x", "or")),
    ("tags.key = 'x' and tags.version = 'x'", And((tag("=", "x", "key"), tag("=", "x", "version")))),
    ("tags.mlflow.runName = 'x'", tag("=", "x", "mlflow.runName")),
    ("tags.`mlflow.source.name` = 'x'", tag("=", "x", "mlflow.source.name")),
    # params and tags
    ("param.p = 'x'", P),
    ("parameter.p = 'x'", P),
    ("parameters.p = 'x'", P),
    ('params."p" = "x"', P),
    ("params.p != 'x'", param("!=", "x")),
    ("params.p LIKE 'x%'", param("like", "x%")),
    ("params.p like'x%'", param("like", "x%")),
    ("params.p iLike 'X'", param("ilike", "X")),
    ("params.p is null", Not(Exists(Field("param", "p")))),
    ("params.p IS NOT NULL", Exists(Field("param", "p"))),
    ("tag.t = 'x'", tag("=", "x")),
    ("tags.t IS NULL", Not(Exists(Field("tag", "t")))),
    ("tags.t ilike '%'", tag("ilike", "%")),
    # texts without an escape
    ("params.p = ''", param("=", "")),
    ("params.p = 'it''s'", param("=", "it''s")),
    ('params.p = "it\'s"', param("=", "it's")),
    ("params.p = 'say \"x\"'", param("=", 'say "x"')),
    ("params.p = 'a\\'", param("=", "a\\")),
    ("params.p = '-- a; b or c'", param("=", "-- a; b or c")),
    # attributes
    ("run_id = 'x'", attribute("run_id", "=", "x")),
    ("attribute.run_id = 'x'", attribute("run_id", "=", "x")),
    ("attributes.run_id LIKE 'x%'", attribute("run_id", "like", "x%")),
    ("attr.run_id != 'x'", attribute("run_id", "!=", "x")),
    ("run.run_id ILIKE 'x'", attribute("run_id", "ilike", "x")),
    ("run_id in ('x')", attribute("run_id", "in", ("x",))),
    ("run_id IN('x', \"y\" )", attribute("run_id", "in", ("x", "y"))),
    ("run_id in ('x',)", attribute("run_id", "in", ("x",))),
    ("attributes.run_id NOT IN ('x')", attribute("run_id", "not in", ("x",))),
    ("run_id not  in ('x')", attribute("run_id", "not in", ("x",))),
    ("run_name = 'x'", attribute("run_name", "=", "x")),
    ("`run name` = 'x'", attribute("run_name", "=", "x")),
    ("`Run name` = 'x'", attribute("run_name", "=", "x")),
    ("`Run Name` = 'x'", attribute("run_name", "=", "x")),
    ("\"run name\" = 'x'", attribute("run_name", "=", "x")),
    ("attributes.`Run name` like 'x'", attribute("run_name", "like", "x")),
    ('status = "RUNNING"', attribute("status", "=", "RUNNING")),
    ("status = 'running'", attribute("status", "=", "running")),
    ("user_id = 'x'", attribute("user_id", "=", "x")),
    ("artifact_uri like '%'", attribute("artifact_uri", "like", "%")),
    ("start_time > 1", attribute("start_time", ">", 1)),
    ("start_time > 1.5", attribute("start_time", ">", 1.5)),
    ("start_time = 1e3", attribute("start_time", "=", 1000)),
    ("created >= -1", attribute("start_time", ">=", -1)),
    ("attribute.Created != 1", attribute("start_time", "!=", 1)),
    ("end_time < 1", attribute("end_time", "<", 1)),
    # datasets
    ("dataset.name = 'x'", dataset("name", "=", "x")),
    ("datasets.name != 'x'", dataset("name", "!=", "x")),
    ("datasets.digest in ('x', 'y')", dataset("digest", "in", ("x", "y"))),
    ("datasets.context NOT IN ('x')", dataset("context", "not in", ("x",))),
    ("datasets.context LIKE 'x'", dataset("context", "like", "x")),
    ("datasets.context ilike 'x'", dataset("context", "ilike", "x")),
]

RUNS_REFUSED = [
    " ",
    "metrics.m > metrics.n",
    "metrics.m > 1 OR metrics.m > 1",
    "NOT metrics.m > 1",
    "(metrics.m > 1)",
    "metrics.m > 1 AND (metrics.m > 1)",
    "metrics.m = 1, metrics.m = 2",
    "metrics.m = 1;",
    "metrics.m = 1; metrics.m = 2",
    "metrics.m = 1 -- x",
    "metrics.m = 1 /* x */",
    "/* x */ metrics.m = 1",
    "metrics.m = 1 && metrics.m = 1",
    "params.p = 'x' or 1=1",
    "params.p = 'x'; DROP TABLE runs",
    "params.p = 'x' UNION SELECT 1",
    "metrics.m",
    "metrics.m >",
    "> 1",
    "1 < metrics.m",
    "metrics.m = 1 2",
    "metrics.m = 1 AND metrics.m",
    # operators
    "metrics.m == 1",
    "metrics.m <> 1",
    "metrics.m => 1",
    "metrics.m ! = 1",
    "metrics.m = = 1",
    "metrics.m BETWEEN 1 AND 2",
    "metrics.m like 1",
    "metrics.m in (1)",
    "metrics.m is null",
    "metrics.m is nan",
    "params.p < 'x'",
    "params.p not like 'x'",
    "params.p not ilike 'x'",
    "params.p in ('x')",
    "params.p between 'a' and 'b'",
    "params.p rlike 'x'",
    "params.p is 'x'",
    "params.p is",
    "params.p is not",
    "params.p null",
    "tags.t in ('x')",
    "tags.t not in ('x')",
    "tags.t > 'x'",
    "run_id is null",
    "status is not null",
    "run_name in ('x')",
    "status in ('x')",
    "run_id > 'x'",
    "start_time in (1)",
    "start_time like '1'",
    "start_time is null",
    "datasets.name is null",
    "datasets.name < 'x'",
    # numbers
    "metrics.m > +0",
    "metrics.m > - 1",
    "metrics.m > --1",
    "metrics.m > '1'",
    "metrics.m > inf",
    "metrics.m > nan",
    "metrics.m > true",
    "metrics.m > 0x10",
    "metrics.m > 1_000",
    "metrics.m > 1e",
    "metrics.m > .",
    "metrics.m > 1.2.3",
    "metrics.m > (1)",
    "metrics.m > metrics.m",
    "metrics.m>1and params.p='x'",
    "start_time > '1'",
    "start_time > '2026-01-01'",
    "start_time > now()",
    # texts
    "params.p = x",
    "params.p = `x`",
    "params.p = 1",
    "params.p = 0.01",
    "params.p < 0.01",
    "params.p = true",
    "params.p = null",
    "params.p = 'x",
    "params.p = 'a'b'",
    "params.p = 'a' 'b'",
    "params.p = params.p",
    "params.p LIKE x",
    "tags.t LIKE 5",
    "params.p = ‘x’",
    "run_id = ('x')",
    "run_id in ()",
    "run_id in (1)",
    "run_id in ('x', 1)",
    "run_id in (x)",
    "run_id in (,'x')",
    "run_id in ('x',,'y')",
    "run_id in ('x'",
    "run_id in 'x'",
    "run_id in ['x']",
    # keys
    "METRICS.m > 1",
    "Attributes.status = 'x'",
    "foo.m = 1",
    "m > 1",
    "version = 'x'",
    ".m > 1",
    "metrics . m > 1",
    "metrics.m-x > 1",
    "metrics.m/x > 1",
    "metrics.m:x > 1",
    "metrics.m@x > 1",
    "metrics.m$x > 1",
    "metrics.m x > 1",
    "`metrics.m` > 1",
    '"metrics"."m" > 1',
    "'metrics'.m > 1",
    "metrics.`m > 1",
    "tags.a`b = 'x'",
    "tags.`a`b = 'x'",
    "Run_name = 'x'",
    "`RUN NAME` = 'x'",
    "runs.status = 'x'",
    "experiment_id = '1'",
    "lifecycle_stage = 'active'",
    "source_name = 'x'",
    "duration_ms > 1",
    "parent.params.p = 'x'",
    "attributes.params.p = 'x'",
    "datasets.foo = 'x'",
    "exists(tags.t)",
    "EXISTS tags.t",
    "min(metrics.m) > 1",
]

EXPERIMENTS_ACCEPTED: list[tuple[str, Expression | None]] = [
    ("name = 'x'", attribute("name", "=", "x")),
    ('name != "x"', attribute("name", "!=", "x")),
    ("name LIKE 'x%'", attribute("name", "like", "x%")),
    ("attribute.name ILIKE 'x%'", attribute("name", "ilike", "x%")),
    ("`name` = 'x'", attribute("name", "=", "x")),
    ("experiment_id = '1'", attribute("experiment_id", "=", "1")),
    ("experiment_id != '01'", attribute("experiment_id", "!=", "1")),
    ("experiment_id IN ('1', '2')", attribute("experiment_id", "in", ("1", "2"))),
    ("experiment_id not in ('1')", attribute("experiment_id", "not in", ("1",))),
    ("creation_time > 1", attribute("creation_time", ">", 1)),
    ("attribute.last_update_time != -5", attribute("last_update_time", "!=", -5)),
    ("tags.t = 'x' tag.t LIKE 'x'", And((tag("=", "x"), tag("like", "x")))),
    ("tags.t is null and tags.t IS NOT NULL", And((Not(Exists(Field("tag", "t"))), Exists(Field("tag", "t"))))),
    ("and", None),
]

EXPERIMENTS_REFUSED = [
    "name like 'x'",
    "name Like 'x'",
    "name ilike 'x'",
    "tags.t like 'x'",
    "experiment_id in ('1')",
    "attributes.name = 'x'",
    "attr.name = 'x'",
    "run.name = 'x'",
    "experiment.name = 'x'",
    "name < 'x'",
    "name IN ('x')",
    "name is null",
    "name = 1",
    "name = x",
    "name == 'x'",
    "name = 'x' OR name = 'y'",
    "(name = 'x')",
    "experiment_id = 1",
    "experiment_id IN (1)",
    "experiment_id = 'x'",
    "experiment_id = ''",
    "experiment_id = '1.0'",
    "experiment_id LIKE '1'",
    "experiment_id < '1'",
    "creation_time > 1.5",
    "creation_time > 1e3",
    "creation_time > '1'",
    "creation_time IN (1)",
    "last_updated_time > 1",
    "lifecycle_stage = 'active'",
    "artifact_location = 'x'",
    "tags.t IN ('x')",
    "tags.t < 'x'",
    "params.p = 'x'",
    "metrics.m = 1",
    "datasets.name = 'x'",
]

MODELS_ACCEPTED: list[tuple[str, Expression | None]] = [
    ("name = 'x'", attribute("name", "=", "x")),
    ("attributes.name != 'x'", attribute("name", "!=", "x")),
    ("model_id in ('x', 'y')", attribute("model_id", "in", ("x", "y"))),
    ("model_type like 'x%'", attribute("model_type", "like", "x%")),
    ("model_type NOT IN ('x')", attribute("model_type", "not in", ("x",))),
    ("source_run_id ILIKE 'x'", attribute("source_run_id", "ilike", "x")),
    ("experiment_id = '1'", attribute("experiment_id", "=", "1")),
    ("experiment_id = 1", attribute("experiment_id", "=", "1")),
    ("artifact_location LIKE '%'", attribute("artifact_location", "like", "%")),
    ("lifecycle_stage = 'active'", attribute("lifecycle_stage", "=", "active")),
    ("status = 2", attribute("status", "=", "READY")),
    ("status != '1'", attribute("status", "!=", "PENDING")),
    ("status = 'READY'", attribute("status", "=", "READY")),
    ("creation_timestamp > 1", attribute("creation_timestamp", ">", 1)),
    ("creation_time > 1", attribute("creation_timestamp", ">", 1)),
    ("creation_timestamp_ms > 1.5", attribute("creation_timestamp", ">", 1.5)),
    ("last_updated_timestamp <= 1", attribute("last_updated_timestamp", "<=", 1)),
    ("last_updated_time <= 1", attribute("last_updated_timestamp", "<=", 1)),
    (
        "metrics.m > 1 AND metrics.m < -1",
        And((Comparison(Field("metric", "m", "any"), ">", 1.0), Comparison(Field("metric", "m", "any"), "<", -1.0))),
    ),
    ("params.p = 'x' params.p IN ('x')", And((param("=", "x"), param("in", ("x",))))),
    ("tags.`a b` LIKE 'x'", tag("like", "x", "a b")),
    ("tags.'a b' = 'x'", tag("=", "x", "a b")),
]

MODELS_REFUSED = [
    " ",
    "attribute.name = 'x'",
    "attr.name = 'x'",
    "metric.m > 1",
    "param.p = 'x'",
    "parameters.p = 'x'",
    "tag.t = 'x'",
    "foo = 'x'",
    "foo.x = 'x'",
    "metrics.m > '1'",
    "metrics.m IN (1)",
    "metrics.m = +1",
    "params.p > '1'",
    "params.p is null",
    "tags.t IS NOT NULL",
    "name is null",
    "name < 'x'",
    "name not like 'x'",
    "name == 'x'",
    "name = 'x' or name = 'y'",
    "not name = 'x'",
    "(name = 'x')",
    "name IN ()",
    "status > 0",
    "creation_timestamp > '1'",
    "creation_timestamp IN (1)",
    "METRICS.m > 1",
]


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [(MLFLOW_RUNS, *row) for row in RUNS_ACCEPTED]
    + [(MLFLOW_EXPERIMENTS, *row) for row in EXPERIMENTS_ACCEPTED]
    + [(MLFLOW_LOGGED_MODELS, *row) for row in MODELS_ACCEPTED],
)
def test_a_filter_means_what_it_does_there(schema: Schema, text: str, expected: Expression | None) -> None:
    assert parse_filter(text, schema) == expected


@pytest.mark.parametrize(
    ("schema", "text"),
    [(MLFLOW_RUNS, text) for text in RUNS_REFUSED]
    + [(MLFLOW_EXPERIMENTS, text) for text in EXPERIMENTS_REFUSED]
    + [(MLFLOW_LOGGED_MODELS, text) for text in MODELS_REFUSED],
)
def test_a_filter_that_is_refused_there_is_refused_here(schema: Schema, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_filter(text, schema)
    assert 0 <= caught.value.details["position"] <= len(text)


@pytest.mark.parametrize("text", ["metrics.m = 1 OR metrics.m = 2", "NOT metrics.m = 1", "(metrics.m = 1)"])
def test_what_only_the_native_dialect_has_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(InvalidInput, match="AND only"):
        parse_filter(text, MLFLOW_RUNS)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("metrics.m", Field("metric", "m")),
        ("metric.a.b", Field("metric", "a.b")),
        ("metrics.`m/x y`", Field("metric", "m/x y")),
        ("metrics.timestamp", Field("metric", "timestamp")),
        ("metrics.asc", Field("metric", "asc")),
        ("params.p", Field("param", "p")),
        ("tags.mlflow.runName", Field("tag", "mlflow.runName")),
        ("start_time", Field("attribute", "start_time")),
        ("attribute.start_time", Field("attribute", "start_time")),
        ("run.created", Field("attribute", "start_time")),
        ("attr.Created", Field("attribute", "start_time")),
        ("end_time", Field("attribute", "end_time")),
        ("status", Field("attribute", "status")),
        ("run_id", Field("attribute", "run_id")),
        ("run_name", Field("attribute", "run_name")),
        ("user_id", Field("attribute", "user_id")),
        ("artifact_uri", Field("attribute", "artifact_uri")),
    ],
)
@pytest.mark.parametrize(("direction", "descending"), [("", False), (" ASC", False), (" asc", False), ("\tdesc", True)])
def test_runs_are_ordered_by(text: str, key: Field, direction: str, descending: bool) -> None:
    assert parse_order([text + direction], MLFLOW_RUNS) == (OrderTerm(key, descending),)


@pytest.mark.parametrize(
    ("schema", "terms"),
    [
        (MLFLOW_RUNS, ["datasets.name"]),
        (MLFLOW_RUNS, ["experiment_id"]),
        (MLFLOW_RUNS, ["lifecycle_stage"]),
        (MLFLOW_RUNS, ["metrics.m foo"]),
        (MLFLOW_RUNS, ["metrics.m, params.p"]),
        (MLFLOW_RUNS, ["metrics.m DESC ASC"]),
        (MLFLOW_RUNS, ["metrics.m/x"]),
        (MLFLOW_RUNS, ["metrics.m x DESC"]),
        (MLFLOW_RUNS, ["metrics.m;"]),
        (MLFLOW_RUNS, ["(metrics.m)"]),
        (MLFLOW_RUNS, ["METRICS.m"]),
        (MLFLOW_RUNS, ["min(metrics.m)"]),
        (MLFLOW_RUNS, ["metrics"]),
        (MLFLOW_RUNS, ["foo"]),
        (MLFLOW_RUNS, [""]),
        (MLFLOW_RUNS, [" "]),
        (MLFLOW_RUNS, ["DESC"]),
        (MLFLOW_RUNS, ["metrics.m", "metric.m DESC"]),
        (MLFLOW_RUNS, ["start_time", "created"]),
        (MLFLOW_EXPERIMENTS, ["tags.t"]),
        (MLFLOW_EXPERIMENTS, ["attributes.name"]),
        (MLFLOW_EXPERIMENTS, ["lifecycle_stage"]),
        (MLFLOW_EXPERIMENTS, ["name, experiment_id"]),
        (MLFLOW_LOGGED_MODELS, ["params.p"]),
        (MLFLOW_LOGGED_MODELS, ["tags.t"]),
        (MLFLOW_LOGGED_MODELS, ["metric.m"]),
    ],
)
def test_an_order_that_is_refused_there_is_refused_here(schema: Schema, terms: list[str]) -> None:
    with pytest.raises(InvalidInput):
        parse_order(terms, schema)


def test_experiments_may_be_ordered_by_one_field_twice_and_the_first_counts() -> None:
    assert parse_order(["name DESC", "attribute.name", "creation_time"], MLFLOW_EXPERIMENTS) == (
        OrderTerm(Field("attribute", "name"), True),
        OrderTerm(Field("attribute", "creation_time")),
    )


def test_logged_models_are_filtered_by_any_value_and_ordered_by_the_last() -> None:
    assert parse_filter("metrics.m = 1", MLFLOW_LOGGED_MODELS) == Comparison(Field("metric", "m", "any"), "=", 1.0)
    assert parse_order(["metrics.m"], MLFLOW_LOGGED_MODELS) == (OrderTerm(Field("metric", "m")),)
