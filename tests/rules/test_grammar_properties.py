"""What holds for every search text and every tree, hostile ones included."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.naive_search import Item, matches
from trackway.api import query
from trackway.api.query import (
    RUN_ATTRIBUTES,
    RUN_LINK_ENDS,
    And,
    Arithmetic,
    Comparison,
    Exists,
    Expression,
    Field,
    Formula,
    IsNan,
    Not,
    Or,
    Relation,
    format_expression,
    format_field,
)
from trackway.base.errors import InvalidInput
from trackway.rules.fields import Schema
from trackway.rules.grammar import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MLFLOW_EXPERIMENTS,
    MLFLOW_LOGGED_MODELS,
    MLFLOW_RUNS,
    RUNS,
    parse_filter,
    parse_order,
)

SCHEMAS = [RUNS, MLFLOW_RUNS, EXPERIMENTS, MLFLOW_EXPERIMENTS, LOGGED_MODELS, MLFLOW_LOGGED_MODELS]
SIX = ["=", "!=", "<", "<=", ">", ">="]
TEXT_OPS = ["=", "!=", "like", "not like", "ilike", "not ilike"]

chars = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.one_of(st.text(chars, max_size=8), st.text("aA%_'\"` ", max_size=8))
# A small world, so that generated filters and items meet.
keys = st.one_of(st.sampled_from(["a", "b", "a.b", "a b", "`", "min"]), st.text(chars, min_size=1, max_size=4))
reals = st.one_of(st.sampled_from([0.0, 1.0, -1.5, float("inf"), float("-inf")]), st.floats(allow_nan=False))
integers = st.integers(-(10**18) + 1, 10**18 - 1)


def comparisons(fields: st.SearchStrategy[Field], values: st.SearchStrategy[Any], ops: list[str]) -> Any:
    lists = st.lists(values, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Comparison, fields, st.sampled_from(ops), values),
        st.builds(Comparison, fields, st.sampled_from(["in", "not in"]), lists),
    )


def fields(entity: query.Entity, names: st.SearchStrategy[str]) -> st.SearchStrategy[Field]:
    return st.builds(Field, st.just(entity), names, parent=st.booleans())


def attributes(*kinds: str) -> st.SearchStrategy[Field]:
    return fields("attribute", st.sampled_from([key for key, kind in RUN_ATTRIBUTES.items() if kind in kinds]))


metrics = st.builds(Field, st.just("metric"), keys, st.sampled_from(["last", "min", "max"]), st.booleans())
params, tags = fields("param", keys), fields("tag", keys)
datasets = fields("dataset", st.sampled_from(["name", "digest", "context"]))
links = fields("link", st.sampled_from(list(RUN_LINK_ENDS)))
operands: st.SearchStrategy[Formula] = st.one_of(metrics, st.floats(allow_nan=False, allow_infinity=False))
computed = st.builds(
    Arithmetic,
    metrics,
    st.sampled_from("+-*/"),
    st.recursive(operands, lambda parts: st.builds(Arithmetic, parts, st.sampled_from("+-*/"), parts), max_leaves=6),
)
leaves: st.SearchStrategy[Expression] = st.one_of(
    comparisons(metrics, reals, SIX),
    comparisons(params, texts, TEXT_OPS),
    comparisons(params, reals, SIX),
    comparisons(st.one_of(tags, datasets, links, attributes("text")), texts, TEXT_OPS),
    comparisons(attributes("number", "time"), st.one_of(integers, reals), SIX),
    st.builds(Exists, st.one_of(metrics, params, tags, datasets, links, attributes("text", "number", "time"))),
    st.builds(IsNan, fields("metric", keys)),
    st.builds(Relation, metrics, st.sampled_from(SIX), metrics),
    st.builds(Relation, computed, st.sampled_from(SIX), st.one_of(operands, computed)),
    st.builds(Relation, metrics, st.sampled_from(SIX), computed),
)


def join(node: type[And | Or], terms: list[Expression]) -> Expression:
    flat = [inner for term in terms for inner in (term.terms if isinstance(term, node) else (term,))]
    return node(tuple(flat))


def branch(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(children, min_size=2, max_size=3)
    return st.one_of(
        st.builds(Not, children),
        several.map(lambda terms: join(And, terms)),
        several.map(lambda terms: join(Or, terms)),
    )


trees = st.recursive(leaves, branch, max_leaves=12)
series = st.lists(st.one_of(reals, st.just(float("nan"))), max_size=3)
bare_items = st.fixed_dictionaries(
    {
        "attributes": st.fixed_dictionaries(
            {},
            optional={
                key: texts if kind == "text" else st.one_of(st.none(), integers) for key, kind in RUN_ATTRIBUTES.items()
            },
        ),
        "metrics": st.dictionaries(keys, series, max_size=3),
        "params": st.dictionaries(keys, st.one_of(texts, reals.map(str)), max_size=3),
        "tags": st.dictionaries(keys, texts, max_size=3),
        "datasets": st.lists(st.dictionaries(st.sampled_from(["name", "digest", "context"]), texts), max_size=2),
        "links": st.lists(st.tuples(st.sampled_from(list(RUN_LINK_ENDS)), texts), max_size=2),
    }
)
items: st.SearchStrategy[Item] = st.builds(
    lambda item, parent: item | {"parent": parent}, bare_items, st.none() | bare_items
)


@given(trees)
def test_a_tree_that_is_written_and_parsed_again_is_the_same(tree: Expression) -> None:
    assert parse_filter(format_expression(tree), RUNS) == tree


@given(trees, items)
def test_what_is_found_is_what_the_tree_means(tree: Expression, item: Item) -> None:
    text = format_expression(tree)
    assert matches(parse_filter(text, RUNS), item) == matches(tree, item)
    assert matches(parse_filter(f"NOT ({text})", RUNS), item) != matches(tree, item)


@given(trees, trees, items)
def test_and_or_and_not_are_those_of_logic(left: Expression, right: Expression, item: Item) -> None:
    a, b = format_expression(left), format_expression(right)
    assert found(f"({a}) AND ({b})", item) == (found(a, item) and found(b, item))
    assert found(f"({a}) OR ({b})", item) == (found(a, item) or found(b, item))
    assert found(f"NOT (({a}) AND ({b}))", item) == found(f"NOT ({a}) OR NOT ({b})", item)


@given(metrics | attributes("number", "time") | params, reals, reals, items)
def test_between_includes_both_ends(field: Field, low: float, high: float, item: Item) -> None:
    name = format_field(field)
    between = found(f"{name} BETWEEN {low!r} AND {high!r}", item)
    assert between == found(f"{name} >= {low!r} AND {name} <= {high!r}", item)
    assert found(f"{name} NOT BETWEEN {low!r} AND {high!r}", item) == found(
        f"{name} < {low!r} OR {name} > {high!r}", item
    )


@given(st.one_of(metrics, params, tags, attributes("text", "time")), items)
def test_no_comparison_with_a_missing_field_is_true(field: Field, item: Item) -> None:
    name = format_field(field)
    value = "1" if field.entity == "metric" or field.key in ("start_time", "end_time") else "'1'"
    if found(f"{name} IS NULL", item):
        assert not found(f"{name} = {value} OR {name} != {value} OR {name} IN ({value})", item)
        assert not found(f"{name} NOT IN ({value})", item)


def found(text: str, item: Item) -> bool:
    return matches(parse_filter(text, RUNS), item)


pieces = st.lists(
    st.sampled_from(
        "metrics.a params.`b` tags.'c' status start_time min ( ) , = != < LIKE IN NOT AND OR BETWEEN IS NULL NAN INF "
        "EXISTS 1 -1e3 'x' '' \"y\" ' \" ` . parent. now - 7d -- /* ; \\ \0 \ud800 é ASC DESC".split(" ")
    ),
    max_size=12,
).map(" ".join)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: f"{schema.dialect}-{schema.subject}")
@given(text=st.one_of(pieces, st.text(max_size=30)))
def test_any_text_is_parsed_or_refused_at_a_character(schema: Schema, text: str) -> None:
    for refusal in (refused(lambda: parse_filter(text, schema)), refused(lambda: parse_order([text], schema))):
        assert refusal is None or 0 <= refusal.details["position"] <= len(text)
        str(refusal).encode()


def refused(parse: Callable[[], object]) -> InvalidInput | None:
    try:
        parse()
    except InvalidInput as error:
        return error
    return None


HOSTILE = {
    "parentheses": "(" * 10_000 + "metrics.a = 1" + ")" * 10_000,
    "only opening": "(" * 60_000,
    "only closing": ")" * 60_000,
    "negations": "NOT " * 10_000 + "metrics.a = 1",
    "clauses": " AND ".join(["metrics.a = 1"] * 100_000),
    "clauses that fit": " AND ".join(["metrics.a=1"] * 4_000),
    "alternatives that fit": " OR ".join(["tags.t=''"] * 4_000),
    "ranges": " AND ".join(["metrics.a BETWEEN 1 AND 2"] * 251),
    "a list": f"params.p IN ({','.join(['1'] * 1_001)})",
    "a long list": f"params.p IN ({','.join(['1'] * 30_000)}",
    "a megabyte of text": f"params.p = '{'x' * 1_000_000}'",
    "a megabyte of quotes": "'" * 1_000_000,
    "quotes": "params.p = " + "'" * 60_001,
    "quotes in turn": "'\"`" * 20_000,
    "a long key": f"metrics.{'k' * 60_000}",
    "a long name": "n" * 60_000 + " = 'x'",
    "a long prefix": "n" * 60_000 + ".x = 'x'",
    "a long number": f"metrics.a = {'9' * 60_000}x",
    "a long exponent": f"metrics.a = 1e{'9' * 60_000}.",
    "a long time": f"start_time > '{'1' * 60_000}'",
    "a long span": f"start_time > now() - {'9' * 60_000}d",
    "a long pattern": f"params.p LIKE '{'%a' * 600}'",
    "operators": "metrics.a " + "=" * 60_000,
    "blanks": " " * 60_000 + ";",
    "comments": "-- " * 20_000,
    "null": "\0" * 60_000,
    "wide": "𝔘" * 60_000,
    "dots": "." * 60_000,
}


@pytest.mark.parametrize("schema", [RUNS, MLFLOW_RUNS], ids=lambda schema: schema.dialect)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_refused_after_little_work_with_a_short_message(schema: Schema, text: str) -> None:
    refusals: list[InvalidInput | None] = []
    # The dearest refusal is that of the comparison after the last one allowed.
    assert count_calls(lambda: refusals.append(refused(lambda: parse_filter(text, schema)))) < 200_000
    assert refusals[0] is not None
    assert len(str(refusals[0])) < 1_000


def count_calls(work: Callable[[], object]) -> int:
    """Calls of Python functions and methods, its own and the interpreter's, during the work."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize(
    ("piece", "joint", "schema"),
    [
        ("metrics.a = 1", " AND ", RUNS),
        ("tags.`a``b` NOT IN ('x', 'y''z')", " OR ", RUNS),
        ("NOT (metrics.a BETWEEN 1 AND 2 OR EXISTS(parent.tags.t))", " AND ", RUNS),
        ("start_time > '2026-01-01'", " AND ", RUNS),
        ("metrics.a = 1", " ", MLFLOW_RUNS),
    ],
)
def test_the_work_grows_with_the_length_and_no_faster(piece: str, joint: str, schema: Schema) -> None:
    texts = [joint.join([piece] * n) for n in (40, 80, 160)]
    short, middle, long = [count_calls(partial(parse_filter, text, schema)) for text in texts]
    assert long - middle <= 2.01 * (middle - short)


@pytest.mark.parametrize(("n", "allowed"), [(100, True), (101, False)])
def test_nesting_is_limited_to_a_hundred(n: int, allowed: bool) -> None:
    for text in ("(" * n + "metrics.a = 1" + ")" * n, "NOT " * n + "metrics.a = 1"):
        check_allowed(text, allowed, "100 deep")


@pytest.mark.parametrize(("n", "allowed"), [(500, True), (501, False)])
def test_comparisons_are_limited_to_five_hundred(n: int, allowed: bool) -> None:
    check_allowed(" OR ".join(["tags.t='x'"] * n), allowed, "500 comparisons")
    check_allowed(" AND ".join(["EXISTS tags.t"] * n), allowed, "500 comparisons")
    check_allowed(" AND ".join(["params.p NOT BETWEEN 1 AND 2"] * (n // 2) + ["tags.t=''"] * (n % 2)), allowed, "500")


@pytest.mark.parametrize(("n", "allowed"), [(1_000, True), (1_001, False)])
def test_listed_values_and_patterns_are_limited_to_a_thousand(n: int, allowed: bool) -> None:
    check_allowed(f"params.p IN ({','.join(['1'] * n)})", allowed, "1,000 values")
    check_allowed(f"params.p IN ({','.join(['1'] * (n - 1))}) AND params.p IN (1,)", allowed, "1,000 values")
    check_allowed(f"tags.t LIKE '{'x' * n}'", allowed, "1,000 characters")


def test_a_filter_is_limited_to_its_characters() -> None:
    text = "tags.t = ''"
    check_allowed(text + " " * (65_536 - len(text)), True)
    check_allowed(text + " " * (65_537 - len(text)), False, "65,536 characters")


def check_allowed(text: str, allowed: bool, part: str = "") -> None:
    if allowed:
        assert parse_filter(text, RUNS) is not None
        return
    with pytest.raises(InvalidInput, match=part):
        parse_filter(text, RUNS)


@settings(max_examples=50)
@given(st.integers(1, 49), st.booleans())
def test_a_deep_tree_survives_being_written(depth: int, negated: bool) -> None:
    tree: Expression = Exists(Field("tag", "t"))
    for level in range(depth):
        terms = (tree, Exists(Field("tag", str(level))))
        tree = And(terms) if level % 2 else Or(terms)
        tree = Not(tree) if negated and level % 2 else tree
    assert parse_filter(format_expression(tree), RUNS) == tree
