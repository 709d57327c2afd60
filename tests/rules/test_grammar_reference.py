"""The reference page of the search language says what the parser does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trackway.api import query
from trackway.api.limits import FILTER_CHARS, ORDER_METRICS, ORDER_TERMS
from trackway.rules.fields import Schema
from trackway.rules.grammar import EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS, parse_filter

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "search.md").read_text(encoding="utf-8")
EXAMPLES = [line for block in re.findall(r"```search\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_of_the_reference_can_be_parsed(text: str) -> None:
    assert parse_filter(text, RUNS) is not None


@pytest.mark.parametrize(
    "schema",
    [RUNS, EXPERIMENTS, LOGGED_MODELS, REGISTERED_MODELS, MODEL_VERSIONS],
    ids=lambda schema: schema.subject,
)
def test_the_reference_names_every_field_and_prefix(schema: Schema) -> None:
    named = [name for names in schema.named.values() for name in names]
    prefixes = [f"{prefix}." for prefix in schema.prefixes if prefix not in ("", "dataset")]
    assert [name for name in named + prefixes if name not in PAGE] == []


def test_the_reference_states_the_limits() -> None:
    stated = (
        FILTER_CHARS,
        query.FILTER_CLAUSES,
        query.FILTER_VALUES,
        query.FILTER_DEPTH,
        query.LIKE_CHARS,
        ORDER_TERMS,
        ORDER_METRICS,
        query.FORMULA_OPERANDS,
    )
    assert [limit for limit in stated if f"| {limit:,} |" not in PAGE] == []
