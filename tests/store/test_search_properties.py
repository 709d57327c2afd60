"""Searches compared with the shortest way of saying what they mean: filters, orders, and pages of any size."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.tracking.naive_search import Item, matches, sort_items
from trackway.api.calls import Sight
from trackway.api.query import (
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
    OrderTerm,
    Relation,
)
from trackway.api.runs import TAG_CONTEXT, Dataset, DatasetInput
from trackway.store.base import Page, RunRef, Search, Transaction
from trackway.store.columns import RunColumns, Texts, ValueColumn
from trackway.store.sql import leads
from trackway.store.sql import values as sql_values
from trackway.store.sql.store import SqlStore
from trackway.testing.store.space import Space, make_series, run_row

NAN, INF = float("nan"), float("inf")
RUNS = 60
KEYS = ("a", "b", "A", "a.b c", "ü")
TEXTS = ("", "x", "X", "xy", "x%y", "_", "ÜÄ", "üä", "é", "z" * 150, "z" * 149 + "y", "0x", "'", "a\\b", "日本")
NUMBERS = ("1", "1.0", "-2.5", "1e400", " 1", "1e", "inf", "-Infinity", "nan", "007", ".5", "1e-400", "٣")
VALUES = (NAN, INF, -INF, 0.0, 1.0, -2.5, 1e300, 1.7976931348623157e308, 0.1)
MOMENTS = (0, 5, 1_700_000_000_000, 2**53 + 1, 2**62)
SIX = ("=", "!=", "<", "<=", ">", ">=")
LIKES = ("=", "!=", "like", "not like", "ilike", "not ilike")
RUN_TEXT = ("run_id", "run_name", "status", "user_id", "artifact_uri", "experiment_id", "experiment_name", "lifecycle",
            "parent_run_id", "external_key")  # fmt: skip
ORDERED_TEXT = tuple(key for key in RUN_TEXT if key != "experiment_id")  # which is ordered as a number
RUN_NUMBERS = ("start_time", "end_time", "duration_ms")


def make_item(rng: random.Random, run_id: str, experiment: int, name: str) -> Item:
    """Make up a run as plain data."""
    start_ms = rng.choice(MOMENTS[:4])
    end_ms = rng.choice((None, start_ms + rng.randrange(5)))
    texts = rng.choice((TEXTS, TEXTS, NUMBERS))
    return {
        "attributes": {
            "run_id": run_id,
            "run_name": rng.choice(TEXTS),
            "status": rng.choice(("RUNNING", "FINISHED", "FAILED")),
            "user_id": rng.choice(("", "ann", "Bob")),
            "artifact_uri": "mlflow-artifacts:/x",
            "start_time": start_ms,
            "end_time": end_ms,
            "duration_ms": None if end_ms is None else end_ms - start_ms,
            "experiment_id": str(experiment),
            "experiment_name": name,
            "lifecycle": rng.choice(("active", "active", "deleted")),
            "parent_run_id": rng.choice((None, f"r{rng.randrange(RUNS):02}", "unknown")),
            "external_key": rng.choice((None, f"key-{run_id}")),
        },
        "metrics": {key: [rng.choice(VALUES) for _ in range(rng.randrange(1, 4))] for key in pick(rng)},
        "params": {key: rng.choice(texts) for key in pick(rng)},
        "tags": {key: rng.choice(TEXTS) for key in pick(rng)},
        "datasets": [
            {"name": one, "digest": rng.choice("12")} | rng.choice(({}, {"context": "train"}, {"context": "Test"}))
            for one in rng.sample(("d1", "D1", "ü"), rng.randrange(3))
        ],
        "links": [],
    }


def pick(rng: random.Random) -> list[str]:
    return rng.sample(KEYS, rng.randrange(len(KEYS)))


def store_item(tx: Transaction, workspace: str, item: Item) -> None:
    """Put a made-up run into a store."""
    a = item["attributes"]
    row = run_row(
        workspace,
        int(a["experiment_id"]),
        run_id=a["run_id"],
        name=a["run_name"],
        status=a["status"],
        user=a["user_id"],
        start_ms=a["start_time"],
        artifact_uri=a["artifact_uri"],
        parent_run_id=a["parent_run_id"],
        external_key=a["external_key"],
    )
    tx.runs.create(row, item["tags"])
    ref = tx.runs.ref(workspace, a["run_id"])
    assert isinstance(ref, RunRef)
    tx.runs.update(ref.pk, {"end_ms": a["end_time"]})
    tx.runs.add_params(ref, item["params"])
    for key, values in item["metrics"].items():
        for step, value in enumerate(values):
            tx.metrics.append(ref, [make_series(key, [(step, step, value)])])
    tx.runs.add_datasets(
        ref,
        [
            DatasetInput(
                dataset=Dataset(name=d["name"], digest=d["digest"]),
                tags={TAG_CONTEXT: d["context"]} if "context" in d else {},
            )
            for d in item["datasets"]
        ],
    )
    if a["lifecycle"] == "deleted":
        tx.runs.delete(ref.pk, 5)


def link_items(rng: random.Random, items: dict[str, Item]) -> list[tuple[str, Any, str]]:
    """Make up links between runs, also both ways and to themselves, and note each at both of its ends."""
    ends = {(kind, later): key for key, (kind, later) in RUN_LINK_ENDS.items()}
    kinds = sorted({kind for kind, _ in ends})
    links = sorted({(rng.choice(list(items)), rng.choice(kinds), rng.choice(list(items)[:9])) for _ in range(RUNS)})
    for later, kind, earlier in links:
        items[later]["links"].append((ends[kind, False], earlier))
        items[earlier]["links"].append((ends[kind, True], later))
    return links


class World:
    """Made-up runs in two experiments, as plain data and in a store; in the order in which a search gives them."""

    def __init__(self, store: SqlStore) -> None:
        self.space = Space(store)
        rng = random.Random(11)
        names = ("first", "Second")
        self.experiments = [self.space.make_experiment(name) for name in names]
        items = []
        for n in range(RUNS):
            at = rng.randrange(2)
            items.append(make_item(rng, f"r{n:02}", self.experiments[at], names[at]))
        known = {item["attributes"]["run_id"]: item for item in items}
        for item in items:
            item["parent"] = known.get(item["attributes"]["parent_run_id"])
        links = link_items(rng, known)
        for item in items:
            self.space.write(lambda tx, item=item: store_item(tx, self.space.workspace, item))
        for later, kind, earlier in links:
            run, other = (self.space.ref(run_id).pk for run_id in (later, earlier))
            self.space.write(lambda tx, run=run, kind=kind, other=other: tx.links.add(run, kind, other))
        self.homes = {run_id: int(item["attributes"]["experiment_id"]) for run_id, item in known.items()}
        self.items = sorted(items, key=lambda item: (-item["attributes"]["start_time"], item["attributes"]["run_id"]))

    def look(self, item: Item, sight: Sight) -> Item:
        """Return a run without the parent and the links that may not be seen."""
        parent = item["parent"]
        if parent is not None:
            seen = sight.has_experiment(self.homes[parent["attributes"]["run_id"]])
            parent = self.look({**parent, "parent": None}, sight) if seen else None
        return item | {
            "links": [(key, run_id) for key, run_id in item["links"] if sight.has_experiment(self.homes[run_id])],
            "parent": parent,
        }

    def expect(self, experiments: Collection[int] | None, search: Search, sight: Sight) -> list[str]:
        """Say what is to be found."""
        expression, order, view, _ = search
        among = None if experiments is None else {str(number) for number in experiments}
        found = [
            item
            for item in (self.look(item, sight) for item in self.items)
            if (among is None or item["attributes"]["experiment_id"] in among)
            and view in ("all", item["attributes"]["lifecycle"])
            and matches(expression, item)
        ]
        return [item["attributes"]["run_id"] for item in sort_items(found, order)]

    def search(self, experiments: Collection[int] | None, search: Search, sizes: Callable[[], int]) -> list[str]:
        """Search page by page, each of another size."""
        found: list[str] = []
        after: Sequence[object] | None = None
        while True:
            page = Page(sizes(), after)
            runs, after = self.space.read(
                lambda tx, page=page: tx.runs.search(self.space.workspace, experiments, search, page)
            )
            assert len(runs) <= page.limit
            found += [run.run_id for run in runs]
            if after is None:
                return found
            assert runs, "a page that is not the last has rows"


@pytest.fixture(scope="module")
def sqlite_world(sqlite_store: SqlStore) -> World:
    return World(sqlite_store)


@pytest.fixture(scope="module")
def postgres_world(postgres_store: SqlStore) -> World:
    return World(postgres_store)


keys = st.sampled_from((*KEYS, "none"))
texts = st.one_of(st.sampled_from((*TEXTS, *NUMBERS, "%", "_%", "x_", "%Ä", "r0_", "key-%", "RUNNING", "ann", "d1")))
reals = st.one_of(st.sampled_from([value for value in VALUES if value == value]), st.floats(allow_nan=False))
integers = st.one_of(st.sampled_from(MOMENTS), st.integers(-10, 10))


def compare(fields: st.SearchStrategy[Field], values: st.SearchStrategy[Any], ops: Sequence[str]) -> Any:
    lists = st.lists(values, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Comparison, fields, st.sampled_from(ops), values),
        st.builds(Comparison, fields, st.sampled_from(["in", "not in"]), lists),
    )


def field(entity: str, names: st.SearchStrategy[str]) -> st.SearchStrategy[Field]:
    return st.builds(Field, st.just(entity), names, parent=st.sampled_from((False, False, True)))


metrics = st.builds(Field, st.just("metric"), keys, st.sampled_from(("last", "last", "min", "max")), st.booleans())
attribute_texts = field("attribute", st.sampled_from(RUN_TEXT))
attribute_numbers = field("attribute", st.sampled_from(RUN_NUMBERS))
params, tags = field("param", keys), field("tag", keys)
datasets = field("dataset", st.sampled_from(("name", "digest", "context")))
links = field("link", st.sampled_from(tuple(RUN_LINK_ENDS)))
run_ids = st.one_of(st.integers(0, RUNS - 1).map("r{:02}".format), st.sampled_from(("r0%", "%", "unknown")))
finite = st.one_of(
    st.sampled_from((0.0, 1.0, -1.5, 5e-324, 1e200, -1e-200)), st.floats(allow_nan=False, allow_infinity=False)
)


def formulas(metric: st.SearchStrategy[Field]) -> st.SearchStrategy[Formula]:
    """Make up formulas of metrics and finite numbers."""
    operands: st.SearchStrategy[Formula] = st.one_of(metric, metric, finite)
    return st.recursive(
        operands, lambda parts: st.builds(Arithmetic, parts, st.sampled_from("+-*/"), parts), max_leaves=5
    )


def has_metric(*parts: Formula) -> bool:
    return any(isinstance(f, Field) or (isinstance(f, Arithmetic) and has_metric(f.left, f.right)) for f in parts)


relations = st.builds(Relation, formulas(metrics), st.sampled_from(SIX), formulas(metrics)).filter(
    lambda relation: has_metric(relation.left, relation.right)
)
leaves: st.SearchStrategy[Expression] = st.one_of(
    compare(metrics, reals, SIX),
    compare(params, reals, SIX),
    compare(attribute_numbers, st.one_of(integers, reals), SIX),
    compare(st.one_of(params, tags, datasets, attribute_texts), texts, LIKES),
    compare(links, run_ids, LIKES),
    compare(links, run_ids, ("=",)),
    st.builds(Exists, st.one_of(metrics, params, tags, datasets, links, attribute_texts, attribute_numbers)),
    st.builds(IsNan, field("metric", keys)),
    st.builds(Relation, metrics, st.sampled_from(SIX), metrics),
    relations,
)


def join(node: type[And | Or], terms: list[Expression]) -> Expression:
    return node(tuple(inner for term in terms for inner in (term.terms if isinstance(term, node) else (term,))))


def branch(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(children, min_size=2, max_size=3)
    return st.one_of(
        st.builds(Not, children),
        several.map(lambda terms: join(And, terms)),
        several.map(lambda terms: join(Or, terms)),
    )


trees = st.recursive(leaves, branch, max_leaves=6)

own_metrics = st.builds(Field, st.just("metric"), keys, st.sampled_from(("last", "last", "min", "max")))
order_fields = st.one_of(
    own_metrics,
    formulas(own_metrics).filter(lambda formula: isinstance(formula, Arithmetic) and has_metric(formula)),
    st.builds(Field, st.sampled_from(("param", "tag")), keys),
    st.builds(Field, st.just("attribute"), st.sampled_from((*RUN_NUMBERS, *ORDERED_TEXT))),
)
orders = st.lists(st.builds(OrderTerm, order_fields, st.booleans()), max_size=3, unique_by=lambda term: term.field)


TWO_METRICS = [OrderTerm(Field("metric", "a")), OrderTerm(Field("metric", "b", "min"))]


@pytest.mark.parametrize("world_name", ["sqlite_world", "postgres_world"])
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(expression=Comparison(Field("param", "a"), "ilike", "ÜÄ"), order=[], scope=None, seen=None, view="all", seed=0)
@example(expression=None, order=TWO_METRICS, scope=(0,), seen=None, view="all", seed=1)
@given(
    expression=st.none() | trees,
    order=orders,
    scope=st.sampled_from((None, (0,), (1,), (0, 1), ())),
    seen=st.sampled_from((None, None, (0,), (0, 1))),
    view=st.sampled_from(("active", "deleted", "all")),
    seed=st.integers(0, 2**32),
)
def test_a_search_finds_what_its_filter_means_in_the_order_asked_for_page_by_page(
    request: pytest.FixtureRequest,
    world_name: str,
    expression: Expression | None,
    order: list[OrderTerm],
    scope: tuple[int, ...] | None,
    seen: tuple[int, ...] | None,
    view: Any,
    seed: int,
) -> None:
    world: World = request.getfixturevalue(world_name)
    rng = random.Random(seed)
    most = rng.choice((1, 3, 10, 100))
    sight = Sight(experiments=None if seen is None else frozenset(world.experiments[at] for at in seen))
    experiments = sight.narrow(None if scope is None else [world.experiments[at] for at in scope])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leads, "FEW", rng.choice((1, 20, 4_000)))  # which index leads must not change what is found
        patch.setattr(leads, "LISTED", rng.choice((2, 20, 8_000)))
        search = Search(expression, tuple(order), view, sight.experiments)
        found = world.search(experiments, search, lambda: rng.randint(1, most))
        where = (world.space.workspace, experiments, search)
        columns = world.space.read(lambda tx: tx.runs.read_attributes(*where, most))
        run_ids = world.space.read(lambda tx: tx.runs.read_ids(*where, most))
        count = world.space.read(lambda tx: tx.runs.count(*where, most))
    expected = world.expect(experiments, search, sight)
    assert found == expected
    assert to_list(columns.run_ids) == list(run_ids) == expected[:most]
    assert count == len(run_ids)


@pytest.mark.parametrize("world_name", ["sqlite_world", "postgres_world"])
@pytest.mark.parametrize("share", [0, 1, 3], ids=lambda share: f"walked from 1 in {share}")
@pytest.mark.parametrize("dense", [0, 1_000], ids=["looked up", "with those between"])
@pytest.mark.parametrize("count", [0, 1, 25, RUNS])
def test_values_of_many_runs_as_columns_are_those_of_each_run(
    request: pytest.FixtureRequest, world_name: str, share: int, dense: float, count: int
) -> None:
    world: World = request.getfixturevalue(world_name)
    items = {item["attributes"]["run_id"]: item for item in world.items}

    def read(tx: Transaction) -> tuple[RunColumns, list[ValueColumn]]:
        order = (OrderTerm(Field("metric", "a"), descending=True),)
        runs = tx.runs.read_attributes(world.space.workspace, None, Search(None, order, "all"), count)
        return runs, list(tx.runs.read_values(runs))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql_values, "WALKED_SHARE", share)
        patch.setattr(sql_values, "RUNS_AT_ONCE", 7)
        patch.setattr(sql_values, "DENSE", dense)
        runs, columns = world.space.read(read)
    run_ids = to_list(runs.run_ids)
    assert len(run_ids) == count
    for name, found in (
        ("run_name", to_list(runs.names)),
        ("status", to_list(runs.statuses)),
        ("user_id", to_list(runs.users)),
        ("artifact_uri", to_list(runs.artifact_uris)),
        ("experiment_id", [str(number) for number in runs.experiments]),
        ("start_time", runs.start_ms.tolist()),
        ("end_time", [None if time < 0 else time for time in runs.end_ms.tolist()]),
    ):
        assert found == [items[run_id]["attributes"][name] for run_id in run_ids]
    expected = [
        (entity, key, {run_id: given[key] for run_id in run_ids if key in (given := items[run_id][f"{entity}s"])})
        for entity in ("metric", "param", "tag")
        for key in sorted(KEYS)
    ]
    found_values = [
        (c.entity, c.key, dict(zip((run_ids[row] for row in c.rows), to_list(c.values), strict=True))) for c in columns
    ]
    assert repr(in_order(found_values)) == repr(in_order(expected))


def in_order(columns: Sequence[tuple[str, str, dict[str, Any]]]) -> list[tuple[str, str, list[tuple[str, Any]]]]:
    """Return columns that have values, by run; of a metric's values only the last, which is what the store tells."""
    return [
        (
            entity,
            key,
            sorted((run_id, value[-1] if isinstance(value, list) else value) for run_id, value in got.items()),
        )
        for entity, key, got in columns
        if got
    ]


def to_list(column: Any) -> list[Any]:
    """Return a column's values."""
    if not isinstance(column, Texts):
        return column.tolist()  # type: ignore[no-any-return]
    ends = zip(column.starts.tolist(), column.ends.tolist(), strict=True)
    return [bytes(column.data[start:end]).decode() for start, end in ends]


@pytest.mark.parametrize("world_name", ["sqlite_world", "postgres_world"])
def test_a_page_token_goes_on_behind_its_row_whatever_came_or_went_meanwhile(
    request: pytest.FixtureRequest, world_name: str
) -> None:
    base: World = request.getfixturevalue(world_name)
    space = Space(base.space.store)
    experiment = space.make_experiment()

    def make(n: int) -> None:
        ref = space.make_run(experiment, run_id=f"r{n:03}", start_ms=n)
        space.log(ref, m=[(0, 0, NAN if n % 7 == 0 else float(n % 10))])

    for n in range(0, 120, 2):
        make(n)
    for order in ((), (OrderTerm(Field("metric", "m"), descending=True),), (OrderTerm(Field("attribute", "run_id")),)):
        search = Search(None, order, "active")
        there = space.find([experiment], None, order)
        new = iter(range(1, 120, 2))
        found: list[str] = []
        after: Sequence[object] | None = None
        while True:
            page = Page(7, after)
            runs, after = space.read(
                lambda tx, search=search, page=page: tx.runs.search(space.workspace, [experiment], search, page)
            )
            found += [run.run_id for run in runs]
            if after is None:
                break
            make(next(new))
            space.write(lambda tx, gone=runs[0]: tx.runs.purge(space.ref(gone.run_id).pk))
        assert len(set(found)) == len(found)
        assert [run_id for run_id in found if run_id in there] == there
        for run_id in space.find([experiment]):
            if int(run_id[1:]) % 2:
                space.write(lambda tx, run_id=run_id: tx.runs.purge(space.ref(run_id).pk))
        for run_id in set(there) - set(space.find([experiment])):
            make(int(run_id[1:]))
