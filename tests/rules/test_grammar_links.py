"""Links between runs in the search language: what is read, refused and found."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tracking.naive_search import matches
from trackway.api.query import RUN_LINK_ENDS, Comparison, Exists, Expression, Field, Not
from trackway.base.errors import InvalidInput
from trackway.rules.grammar import LOGGED_MODELS, MLFLOW_RUNS, RUNS, Schema, parse_filter, parse_order


def link(key: str, parent: bool = False) -> Field:
    return Field("link", key, parent=parent)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((f"links.{key} = 'r'", Comparison(link(key), "=", "r")) for key in RUN_LINK_ENDS),
        ("link.retry_of NOT IN ('r', 's')", Comparison(link("retry_of"), "not in", ("r", "s"))),
        ("links.uses like 'r%'", Comparison(link("uses"), "like", "r%")),
        ("EXISTS links.made_by", Exists(link("made_by"))),
        ("links.`reproduces` IS NULL", Not(Exists(link("reproduces")))),
        ("parent.links.used_by != 'r'", Comparison(link("used_by", parent=True), "!=", "r")),
    ],
)
def test_a_link_is_read_as_a_field(text: str, expected: Expression) -> None:
    assert parse_filter(text, RUNS) == expected


@pytest.mark.parametrize(
    ("schema", "text", "position", "part"),
    [
        (RUNS, "status = 'FAILED' AND links.use = 'r'", 22, "did you mean uses? allowed: uses, made_by, retry_of,"),
        (RUNS, "links. = 'r'", 0, "no key follows 'links.'"),
        (RUNS, "links = 'r'", 0, "runs have no attribute 'links'"),
        (RUNS, "links.uses = 7", 13, "a quoted text is expected"),
        (RUNS, "links.uses > 'r'", 11, "an operator of link 'uses' is expected"),
        (RUNS, "links.uses IN ()", 15, "a quoted text is expected"),
        (RUNS, "EXISTS min(links.uses)", 7, "min() does not go with link 'uses'"),
        (RUNS, "metrics.a > 1 + links.uses", 16, "metric"),
        (MLFLOW_RUNS, "links.uses = 'r'", 0, "runs have nothing called 'links'"),
        (LOGGED_MODELS, "links.uses = 'r'", 0, "logged models have nothing called 'links'"),
    ],
)
def test_a_mistake_is_shown_at_its_character(schema: Schema, text: str, position: int, part: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_filter(text, schema)
    assert part in str(caught.value)
    assert caught.value.details == {"position": position}


def test_nothing_is_ordered_by_links() -> None:
    with pytest.raises(InvalidInput, match="link 'uses' cannot be ordered by") as caught:
        parse_order(["start_time", "links.uses"], RUNS)
    assert caught.value.details == {"term": 1, "position": 0}


RUN: dict[str, Any] = {"links": [("uses", "r"), ("uses", "s"), ("retried_by", "t")]}


@pytest.mark.parametrize(
    "text",
    [
        "links.uses = 'r' AND links.uses != 'r'",
        "links.uses NOT IN ('r') AND NOT links.uses = 't'",
        "links.retried_by = 't' AND links.retry_of IS NULL",
        "NOT links.retry_of != 'r'",
    ],
)
def test_one_of_many_links_is_enough(text: str) -> None:
    assert matches(parse_filter(text, RUNS), RUN)
