"""Experiments: names, tags, the trash."""

from __future__ import annotations

import pytest

from trackway.api.query import And, Comparison, Field, OrderTerm
from trackway.api.structs import View
from trackway.base.errors import TrackwayError
from trackway.store.base import ExperimentRow, Page, Search
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


class ExperimentContract(StoreFixtures):
    """Experiments."""

    def test_an_experiment_is_read_as_it_was_created(self, space: Space) -> None:
        row = ExperimentRow(space.workspace, "prices €", "s3://bucket/x", 5, 7)
        created = space.write(lambda tx: tx.experiments.create(row))
        assert space.experiment(int(created.experiment_id)) == created
        assert (created.name, created.artifact_location, created.lifecycle) == ("prices €", "s3://bucket/x", "active")
        assert (created.created_ms, created.updated_ms, created.deleted_ms) == (5, 7, None)
        assert (created.tags, created.workspace) == ({}, space.workspace)

    def test_an_empty_location_becomes_the_experiments_own_folder(self, space: Space) -> None:
        number = space.make_experiment()
        assert space.experiment(number).artifact_location == f"mlflow-artifacts:/{number}"

    def test_numbers_rise_and_none_is_given_twice(self, space: Space) -> None:
        first = space.make_experiment()
        kept = first + 1_000
        row = ExperimentRow(space.workspace, "kept", "", 1, 1, kept)
        assert space.write(lambda tx: tx.experiments.create(row)).experiment_id == str(kept)
        row = row._replace(name="kept too", number=first + 2)
        assert space.write(lambda tx: tx.experiments.create(row)).experiment_id == str(first + 2)
        following = [space.make_experiment() for _ in range(3)]
        assert len({first, first + 2, kept, *following}) == 6
        assert following == sorted(following)
        space.write(lambda tx: tx.experiments.delete(following[-1], 5))
        space.write(lambda tx: tx.experiments.purge(following[-1]))
        assert space.make_experiment() > following[-1]

    def test_a_number_that_another_workspace_has_is_taken(self, space: Space) -> None:
        row = ExperimentRow(Space(space.store).workspace, "mine", "", 1, 1, space.make_experiment())
        assert space.write(lambda tx: tx.experiments.create(row)) is None

    def test_an_experiment_belongs_to_its_workspace(self, space: Space) -> None:
        other = Space(space.store)
        number = space.make_experiment("shared")
        assert other.make_experiment("shared") != number
        assert other.read(lambda tx: tx.experiments.get(other.workspace, number)) is None
        search = Search(None, (), "all")
        found, _ = other.read(lambda tx: tx.experiments.search(other.workspace, search, Page(10)))
        assert [one.workspace for one in found] == [other.workspace]

    def test_a_live_name_is_given_once_and_a_deleted_one_again(self, space: Space) -> None:
        first = space.make_experiment("prices")
        with pytest.raises(TrackwayError):
            space.make_experiment("prices")
        space.write(lambda tx: tx.experiments.delete(first, 5))
        second = space.make_experiment("prices")
        space.write(lambda tx: tx.experiments.delete(second, 6))
        third = space.make_experiment("prices")
        views: tuple[View, ...] = ("active", "deleted", "all")
        found = {
            view: space.read(lambda tx, view=view: tx.experiments.find(space.workspace, "prices", view))
            for view in views
        }
        assert {view: one and int(one.experiment_id) for view, one in found.items()} == {
            "active": third,
            "deleted": second,
            "all": third,
        }
        space.write(lambda tx: tx.experiments.delete(third, 6))
        assert space.read(lambda tx: tx.experiments.find(space.workspace, "prices", "active")) is None

    def test_tags_are_set_replaced_and_deleted(self, space: Space) -> None:
        number = space.make_experiment()
        space.write(lambda tx: tx.experiments.set_tags(number, {"a": "1", "b": ""}))
        space.write(lambda tx: tx.experiments.set_tags(number, {"a": "2"}))
        assert space.experiment(number).tags == {"a": "2", "b": ""}
        assert space.write(lambda tx: tx.experiments.delete_tag(number, "a")) is True
        assert space.write(lambda tx: tx.experiments.delete_tag(number, "a")) is False
        assert space.experiment(number).tags == {"b": ""}

    def test_a_rename_is_dated(self, space: Space) -> None:
        number = space.make_experiment("before", 5)
        space.write(lambda tx: tx.experiments.rename(number, "after", 9))
        renamed = space.experiment(number)
        assert (renamed.name, renamed.created_ms, renamed.updated_ms) == ("after", 5, 9)

    @pytest.mark.parametrize("all_runs", [False, True])
    def test_an_experiment_comes_back_with_the_runs_that_went_with_it(self, space: Space, all_runs: bool) -> None:
        number = space.make_experiment()
        kept, gone, gone_at_once = [space.make_run(number) for _ in range(3)]
        space.write(lambda tx: tx.runs.delete(gone.pk, 5))
        # The same millisecond as the experiment: still a deletion of its own.
        space.write(lambda tx: tx.runs.delete(gone_at_once.pk, 8))
        space.write(lambda tx: tx.experiments.delete(number, 8))
        assert space.experiment(number).lifecycle == "deleted"
        assert not space.ref(kept.run_id).experiment_live
        assert [space.ref(run.run_id).live for run in (kept, gone, gone_at_once)] == [False, False, False]
        space.write(lambda tx: tx.experiments.restore(number, 9, all_runs))
        back = space.experiment(number)
        assert (back.lifecycle, back.deleted_ms, back.updated_ms) == ("active", None, 9)
        assert [space.ref(run.run_id).live for run in (kept, gone, gone_at_once)] == [True, all_runs, all_runs]

    def test_the_trash_is_listed_by_age(self, space: Space) -> None:
        numbers = [space.make_experiment() for _ in range(3)]
        for number, now_ms in zip(numbers, (5, 6, 7), strict=True):
            space.write(lambda tx, n=number, at=now_ms: tx.experiments.delete(n, at))
        assert space.read(lambda tx: tx.experiments.list_trash(space.workspace, 6)) == numbers[:2]

    def test_the_trash_is_listed_by_experiment_with_its_oldest_first(self, space: Space) -> None:
        empty, partly, whole = (space.make_experiment(name) for name in ("empty", "partly", "whole"))
        gone, later = space.make_run(partly), space.make_run(partly)
        space.write(lambda tx: tx.runs.delete(later.pk, 9))
        space.write(lambda tx: tx.runs.delete(gone.pk, 7))
        space.write(lambda tx: tx.experiments.delete(whole, 8))
        ages = space.read(lambda tx: tx.housekeeping.list_trash_ages(space.workspace))
        assert list(ages.items()) == [(partly, ("partly", False, 7)), (whole, ("whole", True, 8))]
        assert empty not in ages

    def test_a_purged_experiment_is_gone_and_its_name_free(self, space: Space) -> None:
        number = space.make_experiment("prices")
        space.write(lambda tx: tx.experiments.set_tags(number, {"a": "1"}))
        space.write(lambda tx: tx.experiments.delete(number, 5))
        space.write(lambda tx: tx.experiments.purge(number))
        assert space.read(lambda tx: tx.experiments.get(space.workspace, number)) is None
        assert space.read(lambda tx: tx.experiments.find(space.workspace, "prices", "all")) is None
        space.make_experiment("prices")

    @pytest.mark.parametrize(("view", "expected"), [("active", "ca"), ("deleted", "b"), ("all", "cba")])
    def test_a_search_goes_from_the_newest_to_the_oldest_in_its_view(
        self, space: Space, view: View, expected: str
    ) -> None:
        numbers = {name: space.make_experiment(name, now_ms) for name, now_ms in (("a", 1), ("b", 2), ("c", 2))}
        space.write(lambda tx: tx.experiments.delete(numbers["b"], 5))
        search = Search(None, (), view)
        found, after = space.read(lambda tx: tx.experiments.search(space.workspace, search, Page(10)))
        assert ("".join(sorted(one.name for one in found)), after) == ("".join(sorted(expected)), None)
        assert [one.created_ms for one in found] == sorted((one.created_ms for one in found), reverse=True)

    def test_a_search_filters_orders_and_goes_on_where_a_page_ended(self, space: Space) -> None:
        for n in range(20):
            number = space.make_experiment(f"e{n:02}", 100 - n)
            space.write(lambda tx, n=n, number=number: tx.experiments.set_tags(number, {"team": "ab"[n % 2]}))
        team = Comparison(Field("tag", "team"), "=", "a")
        young = Comparison(Field("attribute", "creation_time"), ">", 85)
        search = Search(And((team, young)), (OrderTerm(Field("attribute", "name"), descending=True),), "active")
        names, after = [], None
        while True:
            page = Page(3, after)
            found, after = space.read(lambda tx, page=page: tx.experiments.search(space.workspace, search, page))
            names += [one.name for one in found]
            if after is None:
                break
        assert names == ["e14", "e12", "e10", "e08", "e06", "e04", "e02", "e00"]

    def test_a_page_may_be_larger_than_one_statement_can_name(self, space: Space) -> None:
        space.make_experiment()
        row = ExperimentRow(space.workspace, "", "x:/", 1, 1)
        space.write(lambda tx: [tx.experiments.create(row._replace(name=str(n))) for n in range(33_000)])
        search = Search(None, (), "active")
        found, after = space.read(lambda tx: tx.experiments.search(space.workspace, search, Page(50_000)))
        assert (len(found), after) == (33_001, None)
