"""The native dialect: what it accepts, what it means, what it refuses and where it points."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tracking.naive_search import matches, sort_items
from trackway.api.query import (
    And,
    Comparison,
    Exists,
    Expression,
    Field,
    IsNan,
    Not,
    Or,
    OrderTerm,
    Value,
    read_number,
)
from trackway.base.errors import InvalidInput
from trackway.rules.fields import Schema
from trackway.rules.grammar import (
    EXPERIMENTS,
    LOGGED_MODELS,
    RUNS,
    parse_filter,
    parse_order,
    resolve_order_field,
)

NOW_MS = 1_700_000_000_000
NAN = float("nan")
INF = float("inf")


def metric(key: str, op: Any, value: Value) -> Comparison:
    return Comparison(Field("metric", key), op, value)


def param(key: str, op: Any, value: Value) -> Comparison:
    return Comparison(Field("param", key), op, value)


def tag(key: str, op: Any, value: Value) -> Comparison:
    return Comparison(Field("tag", key), op, value)


def attribute(key: str, op: Any, value: Value) -> Comparison:
    return Comparison(Field("attribute", key), op, value)


A, B, C = metric("a", "=", 1.0), metric("b", "=", 2.0), metric("c", "=", 3.0)
LOSS = Field("metric", "loss")

ACCEPTED: list[tuple[str, Expression | None]] = [
    ("", None),
    (" \t\n", None),
    # values
    ("metrics.loss < 0.5", metric("loss", "<", 0.5)),
    ("metrics.loss<.5", metric("loss", "<", 0.5)),
    ("metrics.loss >= -1e-3", metric("loss", ">=", -0.001)),
    ("metrics.loss >= +1E+3", metric("loss", ">=", 1000.0)),
    ("metrics.loss = inf", metric("loss", "=", INF)),
    ("metrics.loss > -Infinity", metric("loss", ">", -INF)),
    ("metrics.loss = 1.7976931348623157e308", metric("loss", "=", 1.7976931348623157e308)),
    ("params.lr = '0.01'", param("lr", "=", "0.01")),
    ('params.lr = "0.01"', param("lr", "=", "0.01")),
    ("params.lr < 0.01", param("lr", "<", 0.01)),
    ("params.lr != 1", param("lr", "!=", 1.0)),
    ("params.p = 'it''s'", param("p", "=", "it's")),
    ('params.p = "say ""x"""', param("p", "=", 'say "x"')),
    ("params.p = 'say \"x\"'", param("p", "=", 'say "x"')),
    ("params.p = ''", param("p", "=", "")),
    ("params.p = ''''", param("p", "=", "'")),
    (r"params.p = 'back\slash\'", param("p", "=", "back\\slash\\")),
    ("params.p = '-- /* ; AND OR ('", param("p", "=", "-- /* ; AND OR (")),
    ("params.p = 'ключ 🚀'", param("p", "=", "ключ 🚀")),
    # keys
    ("metrics.val/acc-1:b > 0", metric("val/acc-1:b", ">", 0.0)),
    ("metrics.layer.0.loss > 0", metric("layer.0.loss", ">", 0.0)),
    ("metrics.1 > 0", metric("1", ">", 0.0)),
    ("metrics.é > 0", metric("é", ">", 0.0)),
    ("metrics.`val loss` > 0", metric("val loss", ">", 0.0)),
    ('metrics."val loss" > 0', metric("val loss", ">", 0.0)),
    ("metrics.'val loss' > 0", metric("val loss", ">", 0.0)),
    ("metrics.`a``b` > 0", metric("a`b", ">", 0.0)),
    ("tags.and = 'x' AND tags.in = 'y'", And((tag("and", "=", "x"), tag("in", "=", "y")))),
    ("tags.mlflow.source.git.commit = 'f'", tag("mlflow.source.git.commit", "=", "f")),
    ("metrics.last = 1", metric("last", "=", 1.0)),
    # entities and attributes
    ("metric.a = 1", A),
    ("param.p = 'x' AND parameter.p = 'x' AND parameters.p = 'x'", And((param("p", "=", "x"),) * 3)),
    ("tag.t = 'x'", tag("t", "=", "x")),
    ("datasets.name = 'd'", Comparison(Field("dataset", "name"), "=", "d")),
    ("dataset.digest IN ('d')", Comparison(Field("dataset", "digest"), "in", ("d",))),
    ("datasets.context LIKE 't%'", Comparison(Field("dataset", "context"), "like", "t%")),
    ("run_id = 'r'", attribute("run_id", "=", "r")),
    ("attributes.run_id = 'r'", attribute("run_id", "=", "r")),
    ("attribute.run_id = 'r'", attribute("run_id", "=", "r")),
    ("attr.run_id = 'r'", attribute("run_id", "=", "r")),
    ("run.run_id = 'r'", attribute("run_id", "=", "r")),
    ("`Run Name` = 'n'", attribute("run_name", "=", "n")),
    ("attributes.\"run name\" = 'n'", attribute("run_name", "=", "n")),
    ("status IN ('FAILED', 'KILLED')", attribute("status", "in", ("FAILED", "KILLED"))),
    ("experiment_id = '1'", attribute("experiment_id", "=", "1")),
    ("experiment_name LIKE 'prices%'", attribute("experiment_name", "like", "prices%")),
    ("parent_run_id IS NULL", Not(Exists(Field("attribute", "parent_run_id")))),
    ("lifecycle_stage = 'deleted'", attribute("lifecycle", "=", "deleted")),
    ("external_key = 'k'", attribute("external_key", "=", "k")),
    ("duration_ms > 60000", attribute("duration_ms", ">", 60_000)),
    ("git_commit = 'f'", tag("mlflow.source.git.commit", "=", "f")),
    ("git_branch = 'f'", tag("mlflow.source.git.branch", "=", "f")),
    ("source_name = 'f'", tag("mlflow.source.name", "=", "f")),
    ("source_type = 'f'", tag("mlflow.source.type", "=", "f")),
    ("entry_point = 'f'", tag("mlflow.project.entryPoint", "=", "f")),
    ("parent.params.p = 'x'", Comparison(Field("param", "p", parent=True), "=", "x")),
    ("parent.status = 'x'", Comparison(Field("attribute", "status", parent=True), "=", "x")),
    ("parent.`run name` = 'x'", Comparison(Field("attribute", "run_name", parent=True), "=", "x")),
    ("min(parent.metrics.`a b`) < 1", Comparison(Field("metric", "a b", "min", parent=True), "<", 1.0)),
    ("EXISTS parent.tags.t", Exists(Field("tag", "t", parent=True))),
    # aggregates
    ("min(metrics.loss) < 1", Comparison(Field("metric", "loss", "min"), "<", 1.0)),
    ("MAX ( metrics.a.b ) < 1", Comparison(Field("metric", "a.b", "max"), "<", 1.0)),
    ("last(metrics.loss) < 1", metric("loss", "<", 1.0)),
    ("metrics.loss.min < 1", metric("loss.min", "<", 1.0)),
    # times
    ("start_time > 1700000000000", attribute("start_time", ">", NOW_MS)),
    ("start_time > 1.5", attribute("start_time", ">", 1.5)),
    ("start_time > -5", attribute("start_time", ">", -5)),
    ("created > 99999999999999999999", attribute("start_time", ">", 1e20)),
    ("start_time >= '1970-01-02'", attribute("start_time", ">=", 86_400_000)),
    ("start_time >= '1970-01-01T00:00:01.5'", attribute("start_time", ">=", 1_500)),
    ("start_time >= '1970-01-01T01:00:00+01:00'", attribute("start_time", ">=", 0)),
    ("start_time >= '1970-01-01T00:00:00Z'", attribute("start_time", ">=", 0)),
    ("end_time > now()", attribute("end_time", ">", NOW_MS)),
    ("end_time > NOW ( ) - 7d", attribute("end_time", ">", NOW_MS - 7 * 86_400_000)),
    ("end_time > now()-90m", attribute("end_time", ">", NOW_MS - 90 * 60_000)),
    ("end_time > now() +2w", attribute("end_time", ">", NOW_MS + 14 * 86_400_000)),
    (
        "start_time BETWEEN now() - 2h AND now() - 30s",
        And((attribute("start_time", ">=", NOW_MS - 7_200_000), attribute("start_time", "<=", NOW_MS - 30_000))),
    ),
    # operators
    ("tags.t LIKE 'a%' and tags.t like '_'", And((tag("t", "like", "a%"), tag("t", "like", "_")))),
    ("tags.t ILIKE 'a%'", tag("t", "ilike", "a%")),
    ("tags.t NOT LIKE 'a%'", tag("t", "not like", "a%")),
    ("tags.t not ilike 'a%'", tag("t", "not ilike", "a%")),
    ("tags.t in ('a',)", tag("t", "in", ("a",))),
    ("tags.t NOT IN ('a', \"b\")", tag("t", "not in", ("a", "b"))),
    ("params.p IN ('1', '2')", param("p", "in", ("1", "2"))),
    ("params.p IN (1, 2.5)", param("p", "in", (1.0, 2.5))),
    ("metrics.a NOT IN (1)", metric("a", "not in", (1.0,))),
    ("duration_ms IN (1)", attribute("duration_ms", "in", (1,))),
    ("start_time IN ('1970-01-01', 5)", attribute("start_time", "in", (0, 5))),
    ("metrics.a BETWEEN 1 AND 2", And((metric("a", ">=", 1.0), metric("a", "<=", 2.0)))),
    ("metrics.a NOT BETWEEN 1 AND 2", Or((metric("a", "<", 1.0), metric("a", ">", 2.0)))),
    ("params.p between 1 and 2 and metrics.a = 1", And((param("p", ">=", 1.0), param("p", "<=", 2.0), A))),
    ("tags.t IS NULL", Not(Exists(Field("tag", "t")))),
    ("metrics.loss IS NOT NULL", Exists(LOSS)),
    ("min(metrics.loss) IS NULL", Not(Exists(Field("metric", "loss", "min")))),
    ("metrics.loss IS NAN", IsNan(LOSS)),
    ("metrics.loss is not nan", And((Exists(LOSS), Not(IsNan(LOSS))))),
    ("last(metrics.loss) IS NAN", IsNan(LOSS)),
    ("metrics.loss IS INF", Comparison(LOSS, "in", (-INF, INF))),
    ("metrics.loss is not inf", And((Exists(LOSS), Not(Comparison(LOSS, "in", (-INF, INF)))))),
    ("exists(metrics.loss)", Exists(LOSS)),
    ("EXISTS metrics.loss", Exists(LOSS)),
    ("NOT EXISTS (min(metrics.loss))", Not(Exists(Field("metric", "loss", "min")))),
    # AND, OR, NOT
    ("metrics.a=1 AND metrics.b=2 AND metrics.c=3", And((A, B, C))),
    ("metrics.a=1 OR metrics.b=2 AND metrics.c=3", Or((A, And((B, C))))),
    ("metrics.a=1 AND metrics.b=2 OR metrics.c=3", Or((And((A, B)), C))),
    ("(metrics.a=1 OR metrics.b=2) AND metrics.c=3", And((Or((A, B)), C))),
    ("metrics.a=1 AND (metrics.b=2 AND metrics.c=3)", And((A, B, C))),
    ("(metrics.a=1 OR (metrics.b=2 OR metrics.c=3))", Or((A, B, C))),
    ("NOT metrics.a=1 AND metrics.b=2", And((Not(A), B))),
    ("NOT (metrics.a=1 AND metrics.b=2)", Not(And((A, B)))),
    ("not not metrics.a=1", Not(Not(A))),
    ("((metrics.a=1))", A),
    ("params.p='x'AND(metrics.a=1)", And((param("p", "=", "x"), A))),
]


@pytest.mark.parametrize(("text", "expected"), ACCEPTED)
def test_a_filter_of_runs_means(text: str, expected: Expression | None) -> None:
    assert parse_filter(text, RUNS, lambda: NOW_MS) == expected


REFUSED: list[tuple[Schema, str, int, str]] = [
    # text, the character that is pointed at, a part of the message or hint
    (RUNS, "metrics.a", 9, "operator"),
    (RUNS, "metrics.a >", 11, "number"),
    (RUNS, "metrics.a > ", 12, "at the end"),
    (RUNS, "metrics.a > x", 12, "number"),
    (RUNS, "metrics.a > '1'", 12, "without quotes"),
    (RUNS, "metrics.a = nan", 12, "IS NAN"),
    (RUNS, "metrics.a = 1_000", 12, "number"),
    (RUNS, "metrics.a = 0x10", 12, "number"),
    (RUNS, "metrics.a = 1.2.3", 12, "number"),
    (RUNS, "metrics.a = --1", 12, "number"),
    (RUNS, "metrics.a = - 1", 12, "number"),
    (RUNS, "metrics.a == 1", 10, "it has =, !="),
    (RUNS, "metrics.a <> 1", 10, "it has =, !="),
    (RUNS, "metrics.a ! = 1", 10, "it has =, !="),
    (RUNS, "metrics.a LIKE 1", 10, "metric 'a'"),
    (RUNS, "metrics.a IS 1", 10, "IS NAN"),
    (RUNS, "metrics.a IN 1", 13, "( is expected"),
    (RUNS, "metrics.a IN ()", 14, "number"),
    (RUNS, "metrics.a IN (1", 15, ") is expected"),
    (RUNS, "metrics.a IN (1,,2)", 16, "number"),
    (RUNS, "metrics.a BETWEEN 1", 19, "BETWEEN"),
    (RUNS, "metrics.a BETWEEN 1 OR 2", 20, "BETWEEN"),
    (RUNS, "metrics.a NOT = 1", 10, "operator"),
    (RUNS, "metrics.a = 1 metrics.b = 2", 14, "AND, OR"),
    (RUNS, "metrics.a = 1 AND", 17, "a field"),
    (RUNS, "AND metrics.a = 1", 0, "a field"),
    (RUNS, "metrics.a = 1 AND AND metrics.b = 2", 18, "a field"),
    (RUNS, "metrics.a = 1)", 13, "AND, OR"),
    (RUNS, "(metrics.a = 1", 14, ") is expected"),
    (RUNS, "()", 1, "a field"),
    (RUNS, "NOT", 3, "a field"),
    (RUNS, "metrics.a = 1;", 13, "unexpected character ';'"),
    (RUNS, "metrics.a = 1 -- x", 15, "a number or a metric"),
    (RUNS, "metrics.a = 1 /* x */", 15, "a number or a metric"),
    (RUNS, "metrics.a = 1, metrics.b = 2", 13, "AND, OR"),
    (RUNS, "metrics. > 1", 0, "no key"),
    (RUNS, "metrics.`` > 1", 0, "key is empty"),
    (RUNS, "metrics .a > 1", 0, "no attribute 'metrics'"),
    (RUNS, "metrics. `a` > 1", 0, "no key"),
    (RUNS, "metrics.`a`b > 1", 11, "operator"),
    (RUNS, "metrics.a.`b` > 1", 0, "did you mean metrics?"),
    (RUNS, ".a > 1", 0, "nothing called '.'"),
    (RUNS, "Metrics.a > 1", 0, "did you mean metrics?"),
    (RUNS, "loss > 1", 0, "no attribute 'loss'"),
    (RUNS, "statuss = 'x'", 0, "did you mean status?"),
    (RUNS, "params.p = 'x' AND statuss = 'x'", 19, "did you mean status?"),
    (RUNS, "datasets.size = 'x'", 0, "allowed: name, digest, context"),
    (RUNS, "`metrics.a` > 1", 0, "no attribute"),
    (RUNS, "'status' = 'x'", 0, "a field"),
    (RUNS, "parent.parent.status = 'x'", 0, "nothing called 'parent'"),
    (RUNS, "parent. = 'x'", 0, "no key"),
    (RUNS, "min(params.p) < 1", 0, "metrics of runs"),
    (RUNS, "min(metrics.a < 1", 14, ") is expected"),
    (RUNS, "min(metrics.a) IS NAN", 15, "operator"),
    (RUNS, "avg(metrics.a) < 1", 0, "no attribute 'avg'"),
    (RUNS, "min(min(metrics.a)) < 1", 4, "no attribute 'min'"),
    (RUNS, "exists(metrics.a", 16, ") is expected"),
    (RUNS, "exists metrics.a = 1", 17, "AND, OR"),
    (RUNS, "params.p = x", 11, "single quotes"),
    (RUNS, "params.p = `x`", 11, "single quotes"),
    (RUNS, "params.p = true", 11, "single quotes"),
    (RUNS, "params.p = NULL", 11, "IS NULL"),
    (RUNS, "params.p = 'x", 11, "never closed"),
    (RUNS, "params.p = 'it's'", 15, "AND, OR"),
    (RUNS, "params.`p = 'x'", 7, "never closed"),
    (RUNS, "params.p < 'x'", 11, "without quotes"),
    (RUNS, "params.p LIKE 5", 14, "quoted text"),
    (RUNS, "params.p IN ('a', 1)", 12, "not both"),
    (RUNS, "tags.t = 5", 9, "quoted text"),
    (RUNS, "tags.t < 'x'", 7, "operator"),
    (RUNS, "status IS NAN", 7, "operator"),
    (RUNS, "start_time > 'yesterday'", 13, "'yesterday' is not a time"),
    (RUNS, "start_time > '20260101'", 13, "not a time"),
    (RUNS, "start_time > '2026-02-30'", 13, "not a time"),
    (RUNS, "start_time > '2026-01-01T24:00'", 13, "not a time"),
    (RUNS, "start_time > now", 16, "( is expected"),
    (RUNS, "start_time > now() - 7", 19, "7d"),
    (RUNS, "start_time > now() - 7 d", 19, "7d"),
    (RUNS, "start_time > now() - 7y", 19, "7d"),
    (RUNS, "duration_ms > now()", 14, "number"),
    (RUNS, "duration_ms > '5'", 14, "without quotes"),
    (RUNS, "params.p = 'a\0b'", 13, "NUL"),
    (RUNS, "params.p = '\ud800'", 12, "surrogates"),
    (RUNS, "params.p = ‘x’", 11, "unexpected character"),
    (RUNS, "metrics.a ＝ 1", 10, "unexpected character"),
    (RUNS, "metrics.a = 1 && metrics.b = 1", 14, "unexpected character"),
    (EXPERIMENTS, "metrics.a = 1", 0, "experiments have nothing called 'metrics'"),
    (EXPERIMENTS, "parent.name = 'x'", 0, "nothing called 'parent'"),
    (EXPERIMENTS, "run_id = 'x'", 0, "experiments have no attribute 'run_id'"),
    (LOGGED_MODELS, "datasets.name = 'x'", 0, "nothing called 'datasets'"),
    (LOGGED_MODELS, "min(metrics.a) = 1", 0, "metrics of runs"),
    (LOGGED_MODELS, "exists(metrics.a)", 7, "EXISTS"),
]


@pytest.mark.parametrize(("schema", "text", "position", "part"), REFUSED)
def test_a_refusal_points_at_the_character_and_says_what_to_do(
    schema: Schema, text: str, position: int, part: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_filter(text, schema)
    assert part in str(caught.value)
    assert caught.value.details == {"position": position}


OTHERS: list[tuple[Schema, str, Expression]] = [
    (EXPERIMENTS, "name = 'x'", attribute("name", "=", "x")),
    (
        EXPERIMENTS,
        "name like 'x' OR tags.t IS NULL",
        Or((attribute("name", "like", "x"), Not(Exists(Field("tag", "t"))))),
    ),
    (EXPERIMENTS, "experiment_id IN ('1', 'x')", attribute("experiment_id", "in", ("1", "x"))),
    (EXPERIMENTS, "attributes.creation_time > '1970-01-02'", attribute("creation_time", ">", 86_400_000)),
    (
        EXPERIMENTS,
        "updated > 1 AND created > 1.5",
        And((attribute("last_update_time", ">", 1), attribute("creation_time", ">", 1.5))),
    ),
    (EXPERIMENTS, "lifecycle = 'deleted'", attribute("lifecycle", "=", "deleted")),
    (LOGGED_MODELS, "status = 'READY'", attribute("status", "=", "READY")),
    (LOGGED_MODELS, "metrics.a > 1", Comparison(Field("metric", "a", "any"), ">", 1.0)),
    (
        LOGGED_MODELS,
        "params.p < 1 OR creation_time > 5",
        Or((param("p", "<", 1.0), attribute("creation_timestamp", ">", 5))),
    ),
]


@pytest.mark.parametrize(("schema", "text", "expected"), OTHERS)
def test_experiments_and_logged_models_have_fields_of_their_own(
    schema: Schema, text: str, expected: Expression
) -> None:
    assert parse_filter(text, schema) == expected


PARENT: dict[str, Any] = {"attributes": {"run_id": "p"}, "params": {"grid": "2"}, "metrics": {"loss": [0.1]}}
ITEMS: dict[str, dict[str, Any]] = {
    "a": {"metrics": {"loss": [3.0, 1.0, 2.0]}, "params": {"lr": "0.01"}, "tags": {"t": "x"}},
    "b": {"metrics": {"loss": [0.5, NAN]}, "params": {"lr": "1e-3"}, "tags": {"t": "X"}, "parent": PARENT},
    "c": {"metrics": {"loss": [NAN]}, "params": {"lr": "auto"}, "tags": {"t": ""}},
    "d": {
        "metrics": {"loss": [INF]},
        "params": {"lr": "10"},
        "datasets": [{"name": "m"}, {"name": "n", "context": "c"}],
    },
    "e": {"attributes": {"status": "RUNNING", "end_time": None}},
}

MEANINGS: list[tuple[str, str]] = [
    ("", "abcde"),
    ("metrics.loss > 1", "ad"),
    ("metrics.loss != 2", "bcd"),
    ("NOT metrics.loss = 2", "bcde"),
    ("metrics.loss = inf", "d"),
    ("min(metrics.loss) <= 1", "ab"),
    ("max(metrics.loss) >= 3", "ad"),
    ("min(metrics.loss) != 7", "abd"),
    ("metrics.loss IS NAN", "bc"),
    ("metrics.loss IS NOT NAN", "ad"),
    ("NOT metrics.loss IS NAN", "ade"),
    ("metrics.loss IS INF", "d"),
    ("metrics.loss IS NOT INF", "abc"),
    ("min(metrics.loss) IS INF", "d"),
    ("EXISTS metrics.loss", "abcd"),
    ("EXISTS max(metrics.loss)", "abd"),
    ("metrics.loss NOT IN (2)", "d"),
    ("metrics.loss NOT BETWEEN 0 AND 5", "d"),
    ("tags.t != 'x'", "bc"),
    ("NOT tags.t = 'x'", "bcde"),
    ("tags.t = 'x' OR tags.t IS NULL", "ade"),
    ("tags.t LIKE '_'", "ab"),
    ("tags.t LIKE '%'", "abc"),
    ("tags.t ILIKE 'X'", "ab"),
    ("tags.t NOT LIKE 'x'", "bc"),
    ("tags.t NOT IN ('x', '')", "b"),
    ("params.lr < 0.1", "ab"),
    ("params.lr = 0.001", "b"),
    ("params.lr != 10", "ab"),
    ("params.lr != '10'", "abc"),
    ("params.lr IN (10, 0.01)", "ad"),
    ("datasets.name = 'm' AND datasets.context = 'c'", "d"),
    ("datasets.name != 'm'", "d"),
    ("NOT datasets.name = 'm'", "abce"),
    ("parent.params.grid = 2", "b"),
    ("parent.params.grid != '2'", ""),
    ("min(parent.metrics.loss) < 1", "b"),
    ("NOT EXISTS parent.run_id", "acde"),
    ("status = 'running'", ""),
    ("status = 'RUNNING' AND end_time IS NULL", "e"),
]


@pytest.mark.parametrize(("text", "names"), MEANINGS)
def test_a_filter_finds(text: str, names: str) -> None:
    expression = parse_filter(text, RUNS)
    assert "".join(name for name, item in ITEMS.items() if matches(expression, item)) == names


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ([], "abcde"),
        (["metrics.loss"], "adbce"),
        (["metrics.loss DESC"], "dabce"),
        (["min(metrics.loss) desc"], "dabce"),
        (["params.lr"], "adbce"),
        (["tags.t", "params.lr DESC"], "cbade"),
    ],
)
def test_an_order_puts_nan_after_numbers_and_the_missing_last(terms: list[str], names: str) -> None:
    found = sort_items([{"name": name, **item} for name, item in ITEMS.items()], parse_order(terms, RUNS))
    assert "".join(item["name"] for item in found) == names


@pytest.mark.parametrize(
    ("schema", "term", "expected"),
    [
        (RUNS, "metrics.loss", OrderTerm(LOSS)),
        (RUNS, " metrics.loss  ASC ", OrderTerm(LOSS)),
        (RUNS, "metrics.`a b`desc", OrderTerm(Field("metric", "a b"), True)),
        (RUNS, "min(metrics.loss) DESC", OrderTerm(Field("metric", "loss", "min"), True)),
        (RUNS, "tags.desc desc", OrderTerm(Field("tag", "desc"), True)),
        (RUNS, "git_commit", OrderTerm(Field("tag", "mlflow.source.git.commit"))),
        (RUNS, "duration_ms", OrderTerm(Field("attribute", "duration_ms"))),
        (EXPERIMENTS, "tags.team", OrderTerm(Field("tag", "team"))),
        (LOGGED_MODELS, "metrics.a DESC", OrderTerm(Field("metric", "a"), True)),
    ],
)
def test_an_order_term_means(schema: Schema, term: str, expected: OrderTerm) -> None:
    assert parse_order([term], schema) == (expected,)


@pytest.mark.parametrize(
    ("terms", "index", "position"),
    [
        ([""], 0, 0),
        (["start_time", "metrics.loss sideways"], 1, 13),
        (["metrics.loss, start_time"], 0, 12),
        (["metrics.loss DESC ASC"], 0, 18),
        (["metrics.loss DESC NULLS LAST"], 0, 18),
        (["DESC"], 0, 0),
        (["datasets.name"], 0, 0),
        (["parent.start_time"], 0, 0),
        (["start_time", "run_id", "created DESC"], 2, 0),
        (["last(metrics.loss)", "metrics.loss"], 1, 0),
        (["x" * 70_000], 0, 65_536),
    ],
)
def test_an_order_is_refused_at_the_term_and_character(terms: list[str], index: int, position: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_order(terms, RUNS)
    assert caught.value.details == {"term": index, "position": position}


def test_an_order_has_at_most_sixteen_terms() -> None:
    assert len(parse_order([f"metrics.m{i}" for i in range(16)], RUNS)) == 16
    with pytest.raises(InvalidInput, match="at most 16 terms"):
        parse_order([f"metrics.m{i}" for i in range(17)], RUNS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("metrics.val loss/a.b", Field("metric", "val loss/a.b")),
        ("creation_time", Field("attribute", "creation_timestamp")),
        ("attributes.name", Field("attribute", "name")),
    ],
)
def test_a_plain_name_is_resolved_without_quotes(name: str, expected: Field) -> None:
    assert resolve_order_field(name, LOGGED_MODELS) == expected


@pytest.mark.parametrize("name", ["", "foo", "name DESC", "params.p", "tags.t", "metrics.", ".name", "foo.bar"])
def test_a_plain_name_that_cannot_be_ordered_by_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        resolve_order_field(name, LOGGED_MODELS)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("+1e3", 1000.0),
        ("1e999", INF),
        ("-inf", -INF),
        ("Infinity", INF),
        ("", None),
        (" 1", None),
        ("nan", None),
        ("1_000", None),
        ("0x10", None),
        ("١", None),
        ("1e", None),
        (".", None),
        ("1\n", None),
    ],
)
def test_the_text_of_a_param_counts_as_the_number(text: str, number: float | None) -> None:
    assert read_number(text) == number
