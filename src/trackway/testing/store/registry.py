"""Registered models, versions, and what is said about them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from trackway.api.calls import Sight
from trackway.api.lineage import LineageNode
from trackway.api.query import And, Comparison, Expression, Field, Not, OrderTerm
from trackway.api.registry import Comment, ModelEvent, ModelVersion, RegisteredModel, TransitionRequest
from trackway.api.runs import Dataset, DatasetInput
from trackway.base.errors import Unavailable
from trackway.store.base import Page, RegisteredRef, Search, VersionRef, VersionRow, Viewpoint
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


def make_model(space: Space, name: str = "churn", **fields: Any) -> int:
    """Register a model, and return its number."""
    plain: dict[str, Any] = {"description": "", "owner": "ann", "created_ms": 5, "updated_ms": 5}
    model = RegisteredModel(name=name, **(plain | fields))
    pk: int = space.write(lambda tx: tx.registry.create(space.workspace, model))
    return pk


def make_version(
    space: Space, name: str = "churn", key: str = "", origin: int | None = None, content: str = "", **fields: Any
) -> VersionRef:
    """Register a version, and say where it is."""
    plain: dict[str, Any] = {
        "version": 0,
        "status": "READY",
        "status_message": "",
        "stage": "None",
        "source": "s3://bucket/x",
        "location": "s3://bucket/x",
        "run_id": "",
        "model_id": "",
        "run_link": "",
        "description": "",
        "user": "ann",
        "created_ms": 5,
        "updated_ms": 5,
    }
    version = ModelVersion(name=name, **(plain | fields))
    model, row = ref(space, name), VersionRow(key, origin, content)
    pk = space.write(lambda tx: tx.registry.create_version(space.workspace, model.pk, version, row))
    number = space.read(lambda tx: tx.registry.get_version(pk)).version
    return VersionRef(pk, model.pk, number)


def ref(space: Space, name: str = "churn") -> RegisteredRef:
    """Say where a model is that is there."""
    found: RegisteredRef | None = space.read(lambda tx: tx.registry.ref(space.workspace, name))
    assert found is not None
    return found


def get(space: Space, name: str = "churn") -> RegisteredModel:
    """Read a model that is there."""
    pk = ref(space, name).pk
    model: RegisteredModel = space.read(lambda tx: tx.registry.get(pk))
    return model


def get_version(space: Space, version: VersionRef) -> ModelVersion:
    """Read a version that is there."""
    found: ModelVersion = space.read(lambda tx: tx.registry.get_version(version.pk))
    return found


class RegistryContract(StoreFixtures):
    """Registered models and versions."""

    def test_the_files_of_a_version_are_found_from_above_and_from_below(self, space: Space) -> None:
        make_model(space)
        make_version(space, content="1/r/artifacts/m")
        other = make_version(space, content="2/x")

        def find(*above: str, below: str = "") -> tuple[str, int] | None:
            found: tuple[str, int] | None = space.read(
                lambda tx: tx.registry.find_frozen(space.workspace, list(above), below)
            )
            return found

        assert find("1", "1/r", "1/r/artifacts", "1/r/artifacts/m") == ("churn", 1)
        assert find("1", "1/r", "1/r/artifacts", "1/r/artifacts/mm") is None
        assert [find(below=path) for path in ("1/r/artifacts/m", "1/r", "1")] == [("churn", 1)] * 3
        assert [find(below=path) for path in ("1/r/artifacts/m/x", "1/r/art", "3")] == [None] * 3
        assert find() is None
        space.write(lambda tx: tx.registry.delete_version(other.pk))
        assert find("2", "2/x", below="2/x") is None

    def test_a_job_that_lost_what_it_had_found_looks_again(self, space: Space) -> None:
        """On PostgreSQL another transaction may delete it between two statements."""
        there, gone = make_model(space, "there"), make_model(space, "gone")
        version = get_version(space, make_version(space, name="gone"))
        space.write(lambda tx: tx.registry.delete(gone))
        row = VersionRow("", None, "")
        jobs: list[Callable[[Any, int], object]] = [
            lambda tx, pk: tx.registry.get(pk),
            lambda tx, pk: tx.registry.create_version(space.workspace, pk, version, row),
        ]
        for job in jobs:
            found = iter((gone, there))
            space.write(lambda tx, job=job, found=found: job(tx, next(found)))
            assert next(found, None) is None
        looks: list[Callable[[Any], object]] = [
            lambda tx: tx.registry.get(gone),
            lambda tx: tx.webhooks.get(0),
            lambda tx: tx.access.show_team(0),
            lambda tx: tx.access.show_user(0),
        ]
        for look in looks:
            with pytest.raises(Unavailable, match="being deleted"):
                space.write(look)

    def test_no_alias_stands_for_a_version_that_is_gone(self, space: Space) -> None:
        make_model(space)
        gone, there = make_version(space), make_version(space)
        space.write(lambda tx: tx.registry.delete_version(gone.pk))
        found = iter((gone, there))
        space.write(lambda tx: tx.registry.set_alias(next(found), "best", 9, "ann"))
        assert get(space).aliases == {"best": there.version}
        with pytest.raises(Unavailable, match="being deleted"):
            space.write(lambda tx: tx.registry.set_alias(gone, "best", 9, "ann"))
        assert get(space).aliases == {"best": there.version}

    def test_a_registered_model_is_read_as_it_was_created_and_only_in_its_workspace(self, space: Space) -> None:
        make_model(space, "ä", description="d", tags={"b": "2", "a": "ü"})
        model = get(space, "ä")
        assert (model.name, model.description, model.owner, model.tags) == ("ä", "d", "ann", {"a": "ü", "b": "2"})
        other = Space(space.store)
        assert other.read(lambda tx: tx.registry.ref(other.workspace, "ä")) is None
        assert make_model(other, "ä") is not None

    def test_a_name_is_given_once_in_a_workspace(self, space: Space) -> None:
        first = make_model(space)
        again = RegisteredModel(name="churn", description="", owner="", created_ms=1, updated_ms=1)
        assert space.write(lambda tx: tx.registry.create(space.workspace, again)) is None
        make_model(space, "fraud")
        churn = RegisteredRef(first, "churn", "")
        assert space.write(lambda tx: tx.registry.rename(churn, "fraud", 9)) is False
        assert space.write(lambda tx: tx.registry.rename(churn, "churn", 9)) is True
        assert get(space).updated_ms == 9

    def test_a_version_is_read_as_it_was_created(self, space: Space) -> None:
        make_model(space)
        version = make_version(space, run_id="r1", tags={"t": "ü"}, description="d", created_ms=7, updated_ms=7)
        found = get_version(space, version)
        assert (found.name, found.version, found.run_id, found.tags) == ("churn", 1, "r1", {"t": "ü"})
        assert get(space).updated_ms == 7
        w = space.workspace
        assert space.read(lambda tx: tx.registry.version_ref(w, "churn", 1)) == version
        assert space.read(lambda tx: tx.registry.version_ref(w, "churn", 2)) is None
        assert space.read(lambda tx: tx.registry.version_ref("other", "churn", 1)) is None

    def test_a_number_is_never_given_twice(self, space: Space) -> None:
        make_model(space)
        versions = [make_version(space) for _ in range(3)]
        space.write(lambda tx: tx.registry.delete_version(versions[2].pk))
        assert [version.version for version in versions] == [1, 2, 3]
        assert make_version(space).version == 4
        assert make_version(space, version=9).version == 9
        assert make_version(space, version=6).version == 6
        assert make_version(space).version == 10

    def test_an_external_key_finds_its_version(self, space: Space) -> None:
        pk = make_model(space)
        version = make_version(space, key="k")
        assert space.read(lambda tx: tx.registry.find_external_version(pk, "k")) == version.pk
        assert space.read(lambda tx: tx.registry.find_external_version(pk, "")) is None

    def test_the_newest_version_of_each_stage_is_found(self, space: Space) -> None:
        pk = make_model(space)
        make_model(space, "fraud")
        for stage in ("None", "Production", "None", "Archived", "Production"):
            make_version(space, stage=stage)
            make_version(space, "fraud", stage=stage)
        assert [(one.version, one.stage) for one in get(space).latest_versions] == [
            (3, "None"),
            (4, "Archived"),
            (5, "Production"),
        ]
        found = space.read(lambda tx: tx.registry.list_latest(pk, ["Staging", "None"]))
        assert [(one.name, one.version) for one in found] == [("churn", 3)]
        staged = space.read(lambda tx: tx.registry.list_stage(pk, "Production"))
        assert [one.version for one in staged] == [2, 5]

    def test_an_alias_stands_for_one_version_and_goes_with_it(self, space: Space) -> None:
        pk = make_model(space)
        first, second = make_version(space), make_version(space)
        for version in (first, second):
            space.write(lambda tx, v=version: tx.registry.set_alias(v, "best", 7, "user:ann"))
        space.write(lambda tx: tx.registry.set_alias(first, "a", 7, "user:ann"))
        assert get(space).aliases == {"a": 1, "best": 2}
        assert get_version(space, second).aliases == ["best"]
        assert space.read(lambda tx: tx.registry.find_alias(pk, "best")) == second.pk
        assert space.read(lambda tx: tx.registry.find_alias(pk, "LATEST")) == second.pk
        assert space.read(lambda tx: tx.registry.find_alias(pk, "none")) is None
        space.write(lambda tx: tx.registry.delete_version(second.pk))
        assert get(space).aliases == {"a": 1}
        assert space.write(lambda tx: tx.registry.delete_alias(pk, "a")) is True
        assert space.write(lambda tx: tx.registry.delete_alias(pk, "a")) is False

    def test_tags_change_and_go(self, space: Space) -> None:
        pk = make_model(space, tags={"a": "1"})
        version = make_version(space, tags={"a": "1"})
        space.write(lambda tx: tx.registry.set_tags(pk, {"a": "2", "b": ""}))
        space.write(lambda tx: tx.registry.set_version_tags(version.pk, {"a": "3"}))
        assert (get(space).tags, get_version(space, version).tags) == ({"a": "2", "b": ""}, {"a": "3"})
        assert space.write(lambda tx: tx.registry.delete_tag(pk, "b")) is True
        assert space.write(lambda tx: tx.registry.delete_tag(pk, "b")) is False
        assert space.write(lambda tx: tx.registry.delete_version_tag(version.pk, "a")) is True
        assert space.write(lambda tx: tx.registry.delete_version_tag(version.pk, "a")) is False

    def test_a_copy_knows_what_it_is_a_copy_of_under_its_present_name(self, space: Space) -> None:
        pk = make_model(space)
        make_model(space, "fraud")
        version = make_version(space)
        copy = make_version(space, "fraud", origin=version.pk)
        assert get_version(space, copy).copied_from == "churn/1"
        space.write(lambda tx: tx.registry.rename(RegisteredRef(pk, "churn", ""), "gone", 9))
        assert get_version(space, copy).copied_from == "gone/1"
        space.write(lambda tx: tx.registry.delete_version(version.pk))
        assert get_version(space, copy).copied_from == ""

    def test_a_deleted_model_takes_all_with_it_but_its_history(self, space: Space) -> None:
        pk = make_model(space, tags={"a": "1"})
        version = make_version(space, tags={"a": "1"})
        space.write(lambda tx: tx.registry.set_alias(version, "a", 1, ""))
        event = ModelEvent(time_ms=1, actor="user:ann", action="model.created", version=None, detail={"name": "churn"})
        space.write(lambda tx: tx.reviews.add_event(space.workspace, pk, event))
        space.write(lambda tx: tx.registry.delete(pk))
        assert space.read(lambda tx: tx.registry.ref(space.workspace, "churn")) is None
        assert [one for _, one in space.read(lambda tx: tx.reviews.list_events(pk, None, Page(9)))] == [event]
        assert make_model(space) != pk
        assert make_version(space).version == 1
        assert get(space).tags == {}

    def test_models_are_searched_and_paged(self, space: Space) -> None:
        for n in range(7):
            make_model(space, f"m{n}", tags={"even": "yes"} if n % 2 == 0 else {}, updated_ms=100 - n)
        even = Comparison(Field("tag", "even"), "=", "yes")
        cases: list[tuple[Expression | None, list[OrderTerm], str]] = [
            (None, [], "0123456"),
            (even, [], "0246"),
            (Not(even), [], "135"),
            (And((even, Comparison(Field("attribute", "name"), "!=", "m0"))), [], "246"),
            (None, [OrderTerm(Field("attribute", "name"), descending=True)], "6543210"),
            (even, [OrderTerm(Field("attribute", "last_updated_timestamp"))], "6420"),
            (Comparison(Field("attribute", "owner"), "ilike", "ANN"), [], "0123456"),
        ]
        for expression, order, expected in cases:
            search = Search(expression, tuple(order), "all")
            found: list[str] = []
            after = None
            while True:
                page = Page(2, after)
                models, after = space.read(lambda tx, s=search, p=page: tx.registry.search(space.workspace, s, p))
                found += [model.name for model in models]
                if after is None:
                    break
            assert "".join(found) == expected.translate({ord(c): f"m{c}" for c in "0123456"})

    def test_versions_are_searched_and_paged(self, space: Space) -> None:
        for name in ("a", "b"):
            make_model(space, name)
            for n in range(3):
                tags = {"name": "b", "run_id": "r0"} if name == "a" else {}
                make_version(space, name, updated_ms=n, run_id=f"r{n}", source=f"s3://bucket/{name}/{n}", tags=tags)
        self.make_others(space)
        field = Field
        cases: list[tuple[Expression | None, list[OrderTerm], str]] = [
            (None, [], "a3 b3 a2 b2 a1 b1"),
            (Comparison(field("attribute", "name"), "=", "b"), [], "b3 b2 b1"),
            (Comparison(field("attribute", "run_id"), "=", "r1"), [], "a2 b2"),
            (Comparison(field("tag", "name"), "=", "b"), [], "a3 a2 a1"),
            (Comparison(field("tag", "run_id"), "=", "r0"), [], "a3 a2 a1"),
            (Comparison(field("attribute", "version_number"), ">", 1), [], "a3 b3 a2 b2"),
            (Comparison(field("attribute", "run_id"), "in", ("r0", "r2")), [], "a3 b3 a1 b1"),
            (Comparison(field("attribute", "source_path"), "like", "%/a/%"), [], "a3 a2 a1"),
            (None, [OrderTerm(field("attribute", "version_number"))], "a1 b1 a2 b2 a3 b3"),
            (None, [OrderTerm(field("attribute", "name"), descending=True)], "b3 b2 b1 a3 a2 a1"),
        ]
        for expression, order, expected in cases:
            search = Search(expression, tuple(order), "all")
            found: list[str] = []
            after = None
            while True:
                page = Page(4, after)
                versions, after = space.read(
                    lambda tx, s=search, p=page: tx.registry.search_versions(space.workspace, s, p)
                )
                found += [f"{version.name}{version.version}" for version in versions]
                if after is None:
                    break
            assert " ".join(found) == expected

    def test_what_is_in_use_is_told_with_its_run_and_data(self, space: Space) -> None:
        experiment = space.make_experiment()
        run = space.make_run(experiment, name="fit")
        used = DatasetInput(dataset=Dataset(name="d", digest="1"), tags={"mlflow.data.context": "training"})
        space.write(lambda tx: tx.runs.add_datasets(run, [used]))
        for name in ("a", "b"):
            make_model(space, name)
            make_version(space, name, stage="Production", run_id=run.run_id)
            make_version(space, name, stage="Production")
        make_version(space, "a", stage="Staging")
        found: list[tuple[str, int, str, str, int]] = []
        after = None
        while True:
            page = Page(3, after)
            entries, after = space.read(
                lambda tx, p=page: tx.registry.list_portfolio(space.workspace, "Production", "", p)
            )
            found += [(e.name, e.version, e.run_name, e.experiment_id, len(e.datasets)) for e in entries]
            if after is None:
                break
        one, two = ("fit", str(experiment), 1), ("", "", 0)
        assert found == [("a", 1, *one), ("a", 2, *two), ("b", 1, *one), ("b", 2, *two)]
        version = space.read(lambda tx: tx.registry.version_ref(space.workspace, "a", 3))
        space.write(lambda tx: tx.registry.set_alias(version, "next", 7, "user:bob"))
        [entry], _ = space.read(lambda tx: tx.registry.list_portfolio(space.workspace, "None", "next", Page(9)))
        assert (entry.name, entry.version, entry.since_ms, entry.by) == ("a", 3, 7, "user:bob")

    def test_neighbours_are_found_both_ways(self, space: Space) -> None:
        run = space.make_run(space.make_experiment())
        space.write(lambda tx: tx.runs.add_datasets(run, [DatasetInput(dataset=Dataset(name="d", digest="1"))]))
        make_model(space)
        version = make_version(space, run_id=run.run_id)
        make_version(space, origin=version.pk, run_id=run.run_id)
        chain = [
            LineageNode(kind="dataset", id="d", digest="1"),
            LineageNode(kind="run", id=run.run_id),
            LineageNode(kind="version", id="churn/1"),
            LineageNode(kind="version", id="churn/2"),
        ]
        for before, behind in pairwise(chain):
            assert self.look(space, before, True) == [behind]
            assert self.look(space, behind, False) == [before]
        assert self.look(space, chain[0], False) == self.look(space, chain[-1], True) == []
        assert self.look(Space(space.store), chain[1], True) == []

    def test_comments_requests_and_events_are_kept_newest_first(self, space: Space) -> None:
        pk = make_model(space)
        other = make_model(space, "fraud")
        for n in range(3):
            comment = Comment(comment_id="", version=n or None, author="a", created_ms=n, updated_ms=n, text=str(n))
            made = space.write(lambda tx, c=comment: tx.reviews.add_comment(pk, c))
            request = TransitionRequest(
                request_id="",
                name="churn",
                version=n + 1,
                stage="Staging" if n else None,
                alias="" if n else "a",
                archive_existing=bool(n),
                author="a",
                comment="",
                created_ms=n,
                state="open",
                decided_by="",
                decided_ms=None,
                reason="",
            )
            asked = space.write(lambda tx, q=request: tx.reviews.add_request(pk, q))
        number, wish = int(made.comment_id), int(asked.request_id)
        assert space.read(lambda tx: tx.reviews.get_comment(pk, number)) == made
        assert space.read(lambda tx: tx.reviews.get_comment(other, number)) is None
        assert space.read(lambda tx: tx.reviews.get_request(pk, wish)) == asked
        assert space.read(lambda tx: tx.reviews.get_request(other, wish)) is None
        space.write(lambda tx: tx.reviews.update_comment(number, "new", 9))
        for decided in (True, False):
            assert space.write(lambda tx: tx.reviews.decide_request(wish, "rejected", "b", 9, "no")) is decided
        listed = space.read(lambda tx: tx.reviews.list_comments(pk, None, Page(2)))
        assert [(one.text, one.updated_ms) for one in listed] == [("new", 9), ("1", 1)]
        after = Page(9, [int(listed[-1].comment_id)])
        assert [one.text for one in space.read(lambda tx: tx.reviews.list_comments(pk, None, after))] == ["0"]
        assert [one.text for one in space.read(lambda tx: tx.reviews.list_comments(pk, 1, Page(9)))] == ["1"]
        left = space.read(lambda tx: tx.reviews.list_requests(pk, None, "open", Page(9)))
        assert [(one.version, one.stage, one.alias, one.archive_existing) for one in left] == [
            (2, "Staging", "", True),
            (1, None, "a", False),
        ]
        space.write(lambda tx: tx.reviews.delete_comment(number))
        assert space.read(lambda tx: tx.reviews.get_comment(pk, number)) is None

    def test_what_is_seen_of_lineage_is_not_crowded_out_by_what_is_hidden(self, space: Space) -> None:
        hidden, shown = space.make_experiment(), space.make_experiment()
        dataset = DatasetInput(dataset=Dataset(name="d", digest="1"))
        for experiment in (*[hidden] * 5, shown):
            run = space.make_run(experiment)
            space.write(lambda tx, run=run: tx.runs.add_datasets(run, [dataset]))
        models = [make_model(space, name) for name in ("a", "b", "c")]
        for name in ("a", "b", "c"):
            make_version(space, name, run_id=run.run_id)
        data, origin = LineageNode(kind="dataset", id="d"), LineageNode(kind="run", id=run.run_id)
        last = LineageNode(kind="version", id="c/1")

        def look(node: LineageNode, downstream: bool, **seen: Any) -> list[LineageNode]:
            view = Viewpoint(space.workspace, 1, Sight(**seen))
            found = space.read(lambda tx: tx.registry.list_neighbours(view, node, downstream, 2))
            return [one.node for one in found]

        assert len(look(data, True)) == 2
        assert look(data, True, experiments=frozenset((shown,))) == [origin]
        assert look(data, True, experiments=frozenset()) == []
        assert look(origin, True, models=frozenset((models[2],))) == [last]
        assert look(last, False, experiments=frozenset((shown, hidden))) == [origin]
        assert look(last, False, experiments=frozenset((hidden,))) == []
        assert look(origin, False, experiments=frozenset((shown,))) == [LineageNode(kind="dataset", id="d", digest="1")]

    def make_others(self, space: Space) -> None:
        """Make the same in another workspace, where no search of this one may look."""
        other = Space(space.store)
        for name in ("a", "b"):
            make_model(other, name)
            make_version(other, name, run_id="r1")

    def look(self, space: Space, node: LineageNode, downstream: bool) -> list[LineageNode]:
        view = Viewpoint(space.workspace, 1)
        found = space.read(lambda tx: tx.registry.list_neighbours(view, node, downstream, 9))
        return [one.node for one in found]
