"""Runs and all that hangs on them but points and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from trackway.api.query import Comparison, Field, OrderTerm
from trackway.api.runs import TAG_CONTEXT, Dataset, DatasetInput, ModelOutput, ParamRevision
from trackway.api.structs import View
from trackway.base.errors import Conflict, TrackwayError
from trackway.store.base import RunRef, Transaction
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space


def use(name: str, digest: str, context: str = "", **fields: Any) -> DatasetInput:
    """Return a data set as a run uses it."""
    tags = {TAG_CONTEXT: context} if context else {}
    return DatasetInput(dataset=Dataset(name=name, digest=digest, **fields), tags=tags)


class RunContract(StoreFixtures):
    """Runs."""

    def test_a_run_is_read_as_it_was_created(self, space: Space) -> None:
        experiment = space.make_experiment()
        ref = space.make_run(
            experiment,
            {"t": "ü"},
            run_id="r1",
            name="first",
            status="SCHEDULED",
            user="ann",
            start_ms=7,
            parent_run_id="p1",
            external_key="job/1",
            lease_ms=10,
            lease_until_ms=17,
        )
        assert ref == RunRef(ref.pk, "r1", experiment, True, True, "SCHEDULED", "first", "mlflow-artifacts:/x", "p1")
        run = space.run(ref)
        assert (run.run_id, run.experiment_id, run.name, run.status) == ("r1", str(experiment), "first", "SCHEDULED")
        assert (run.user, run.start_ms, run.end_ms, run.lifecycle) == ("ann", 7, None, "active")
        assert (run.parent_run_id, run.external_key, run.lease_until_ms, run.version) == ("p1", "job/1", 17, 1)
        assert (run.params, run.metrics, run.tags, run.inputs) == ({}, {}, {"t": "ü"}, [])
        assert space.read(lambda tx: tx.runs.find(space.workspace, "job/1")) == ref

    def test_a_run_belongs_to_its_workspace(self, space: Space) -> None:
        other = Space(space.store)
        space.make_run(space.make_experiment(), run_id="same", external_key="same")
        mine = other.make_run(other.make_experiment(), run_id="same", external_key="same")
        assert other.read(lambda tx: tx.runs.find(other.workspace, "same")) == mine
        assert other.find(None) == ["same"]
        stranger = Space(space.store)
        assert stranger.read(lambda tx: tx.runs.ref(stranger.workspace, "same")) is None
        assert stranger.write(lambda tx: tx.runs.touch(stranger.workspace, "same", 1, None)) is None

    @pytest.mark.parametrize("view", ["active", "all"])
    @pytest.mark.parametrize("led", [False, True])
    @pytest.mark.parametrize(
        "order",
        [
            [],
            [OrderTerm(Field("metric", "m"), descending=True)],
            [OrderTerm(Field("metric", "m", "max"), descending=False)],
            [OrderTerm(Field("attribute", "run_name"), descending=False)],
        ],
    )
    def test_no_search_finds_runs_of_a_workspace_by_the_number_of_its_experiment(
        self, space: Space, order: list[OrderTerm], led: bool, view: View
    ) -> None:
        experiment = space.make_experiment()
        space.log(space.make_run(experiment, run_id="found"), m=[(0, 0, 1.0)])
        asked = Comparison(Field("metric", "m"), ">", 0.5) if led else None
        assert space.find([experiment], asked, order, view) == ["found"]
        assert Space(space.store).find([experiment], asked, order, view) == []

    @pytest.mark.parametrize("twice", ["run_id", "external_key"])
    def test_an_id_and_an_external_key_are_given_once(self, space: Space, twice: str) -> None:
        experiment = space.make_experiment()
        fields: dict[str, Any] = {twice: "same"}
        space.make_run(experiment, **fields)
        with pytest.raises(TrackwayError):
            space.make_run(experiment, **fields)
        assert len(space.find([experiment])) == 1

    def test_every_change_is_counted(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        w = space.workspace
        changes: list[Any] = [
            lambda tx: tx.runs.touch(w, ref.run_id, 5, None),
            lambda tx: tx.runs.update(ref.pk, {"status": "FINISHED", "end_ms": 9, "name": "new"}),
            lambda tx: tx.runs.update(ref.pk, {}),
            lambda tx: tx.runs.set_environment(ref.pk, "sha256:1", b"{}"),
            lambda tx: tx.runs.delete(ref.pk, 5),
            lambda tx: tx.runs.restore(ref.pk),
        ]
        for n, change in enumerate(changes, 2):
            space.write(change)
            assert space.run(ref).version == n
        run = space.run(ref)
        assert (run.status, run.end_ms, run.name) == ("FINISHED", 9, "new")

    def test_one_in_the_trash_is_not_touched_but_found(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        space.write(lambda tx: tx.runs.delete(ref.pk, 5))
        touched = space.write(lambda tx: tx.runs.touch(space.workspace, ref.run_id, 6, None))
        assert touched == ref._replace(live=False)
        assert space.run(ref).version == 2
        assert space.run(ref).deleted_ms == 5

    def test_a_lease_is_renewed_lost_and_taken_up_again(self, space: Space) -> None:
        w = space.workspace
        ref = space.make_run(space.make_experiment(), lease_ms=100, lease_until_ms=100)

        def lease() -> tuple[str, int | None]:
            run = space.run(ref)
            return run.status, run.lease_until_ms

        space.write(lambda tx: tx.runs.touch(w, ref.run_id, 50, None))
        assert lease() == ("RUNNING", 150)
        space.write(lambda tx: tx.runs.touch(w, ref.run_id, 60, 500))
        assert lease() == ("RUNNING", 560)
        space.write(lambda tx: tx.runs.touch(w, ref.run_id, 70, None))
        assert lease() == ("RUNNING", 570)
        space.write(lambda tx: tx.runs.expire_leases(570))
        assert lease() == ("RUNNING", 570)
        assert space.read(lambda tx: tx.runs.has_expired_leases(571))
        lost = space.write(lambda tx: tx.runs.expire_leases(571))
        assert (space.workspace, ref.run_id, ref.experiment, ref.name) in lost
        assert lease() == ("LOST", None)
        assert not space.read(lambda tx: tx.runs.has_expired_leases(571))
        space.write(lambda tx: tx.runs.touch(w, ref.run_id, 600, 10))
        assert lease() == ("RUNNING", 610)
        space.write(lambda tx: tx.runs.update(ref.pk, {"status": "FINISHED", "end_ms": 620, "lease_until_ms": None}))
        space.write(lambda tx: tx.runs.touch(w, ref.run_id, 630, 10))
        assert lease() == ("FINISHED", None)

    def test_the_numbers_of_a_session_count_once_and_never_overlap(self, space: Space) -> None:
        experiment = space.make_experiment()
        ref, other = space.make_run(experiment), space.make_run(experiment)
        steps = [
            (ref, "s", 1, 3, (True, 3)),
            (ref, "s", 1, 3, (False, 3)),
            (ref, "s", 2, 5, (False, 3)),
            (ref, "s", 3, 3, (False, 3)),
            (ref, "s", 4, 4, (True, 4)),
            (ref, "s", 10, 12, (True, 12)),
            (ref, "s", 5, 6, (False, 12)),
            (ref, "t", 1, 1, (True, 1)),
            (other, "s", 2, 2, (True, 2)),
            (ref, "s", 13, 2**63 - 1, (True, 2**63 - 1)),
        ]
        for run, session, first, last, expected in steps:
            got = space.write(lambda tx, s=(run.pk, session, first, last): tx.runs.advance_session(*s))
            assert got == expected, (session, first, last)

    def test_a_param_is_written_once(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())

        def add(params: Mapping[str, str]) -> None:
            def job(tx: Transaction) -> None:
                if conflicts := tx.runs.add_params(ref, params):
                    raise Conflict("there", details=conflicts)

            space.write(job)

        add({"a": "1", "b": ""})
        add({"a": "1", "c": "3"})
        with pytest.raises(Conflict) as refusal:
            add({"d": "4", "a": "2", "b": "x", "c": "3"})
        assert refusal.value.details == {"a": "1", "b": ""}
        add({})
        assert space.run(ref).params == {"a": "1", "b": "", "c": "3"}

    def test_params_may_be_more_than_one_statement_can_name(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        many = {f"p{n:05}": str(n) for n in range(33_000)}
        assert space.write(lambda tx: tx.runs.add_params(ref, many)) == {}
        assert space.write(lambda tx: tx.runs.add_params(ref, {**many, "p32999": "x"})) == {"p32999": "32999"}
        space.write(lambda tx: tx.runs.update(ref.pk, {}))
        assert space.run(ref).params == many

    def test_a_correction_keeps_what_was_there(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        space.write(lambda tx: tx.runs.add_params(ref, {"a": "1"}))
        for n, value in enumerate(("2", "3")):
            by = ParamRevision(key="a", value=value, replaced_ms=n, actor="ann", reason="typo")
            assert space.write(lambda tx, by=by: tx.runs.correct_param(ref, "a", by.value, by)) is True
        by = ParamRevision(key="b", value="x", replaced_ms=9, actor="ann", reason="")
        assert space.write(lambda tx: tx.runs.correct_param(ref, "b", "x", by)) is False
        history = space.read(lambda tx: tx.runs.list_param_history(ref.pk))
        assert [(one.key, one.value, one.replaced_ms, one.actor, one.reason) for one in history] == [
            ("a", "1", 0, "ann", "typo"),
            ("a", "2", 1, "ann", "typo"),
        ]
        space.write(lambda tx: tx.runs.update(ref.pk, {}))
        assert space.run(ref).params == {"a": "3"}

    def test_tags_are_set_replaced_and_deleted(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment(), {"a": "1", "b": "2"})
        space.write(lambda tx: tx.runs.set_tags(ref, {"a": "x" * 70_000, "c": ""}))
        assert space.write(lambda tx: tx.runs.delete_tag(ref.pk, "b")) is True
        assert space.write(lambda tx: tx.runs.delete_tag(ref.pk, "b")) is False
        space.write(lambda tx: tx.runs.update(ref.pk, {}))
        assert space.run(ref).tags == {"a": "x" * 70_000, "c": ""}

    def test_data_sets_are_described_once_and_linked_by_each_run_with_its_own_tags(self, space: Space) -> None:
        experiment = space.make_experiment()
        first, second = space.make_run(experiment), space.make_run(experiment)
        described = use("prices", "1", "training", source_type="s3", source="s3://b/x", schema="{}", profile="{}")
        inputs = [described, use("prices", "2"), use("prices", "1", "ignored", source="other")]
        space.write(lambda tx: tx.runs.add_datasets(first, inputs))
        space.write(lambda tx: tx.runs.add_datasets(second, [use("prices", "1", "test")]))
        assert space.run(first).inputs == [described, use("prices", "2")]
        [seen] = space.run(second).inputs
        assert (seen.dataset, seen.tags) == (described.dataset, {TAG_CONTEXT: "test"})
        listed = space.read(lambda tx: tx.runs.list_datasets(space.workspace, [experiment], 10))
        found = [(one.name, one.digest, one.context) for one in listed]
        assert sorted(found, key=str) == sorted(
            [("prices", "1", "test"), ("prices", "1", "training"), ("prices", "2", None)], key=str
        )
        assert len(space.read(lambda tx: tx.runs.list_datasets(space.workspace, [experiment], 2))) == 2
        other = Space(space.store)
        assert other.read(lambda tx: tx.runs.list_datasets(other.workspace, [experiment], 10)) == []

    def test_models_are_linked_once_in_each_direction(self, space: Space) -> None:
        ref = space.make_run(space.make_experiment())
        outputs = [ModelOutput(model_id="m2", step=5), ModelOutput(model_id="m1", step=9)]
        space.write(lambda tx: tx.runs.add_models(ref.pk, ["m1", "m3"], outputs))
        space.write(lambda tx: tx.runs.add_models(ref.pk, ["m1"], [ModelOutput(model_id="m2", step=7)]))
        space.write(lambda tx: tx.runs.update(ref.pk, {}))
        run = space.run(ref)
        assert (run.model_inputs, run.model_outputs) == (["m1", "m3"], outputs)

    def test_equal_environments_are_shared(self, space: Space) -> None:
        experiment = space.make_experiment()
        first, second = space.make_run(experiment), space.make_run(experiment)
        assert space.read(lambda tx: tx.runs.get_environment(first.pk)) is None
        for ref in (first, second):
            space.write(lambda tx, ref=ref: tx.runs.set_environment(ref.pk, "sha256:a", b'{"x": 1}'))
            assert space.read(lambda tx, ref=ref: tx.runs.get_environment(ref.pk)) == ("sha256:a", b'{"x": 1}')
        space.write(lambda tx: tx.runs.set_environment(second.pk, "sha256:b", b"{}"))
        assert space.run(first).environment_digest == "sha256:a"
        assert space.run(second).environment_digest == "sha256:b"

    def test_a_moved_run_is_found_by_all_its_data_in_the_new_experiment_alone(self, space: Space) -> None:
        old, new = space.make_experiment(), space.make_experiment()
        ref, stays = space.make_run(old, {"t": "1"}), space.make_run(old, {"t": "1"})
        for one in (ref, stays):
            space.write(lambda tx, one=one: tx.runs.add_params(one, {"p": "1"}))
            space.write(lambda tx, one=one: tx.runs.add_datasets(one, [use("d", "1", "training")]))
            space.log(one, m=[(0, 0, 1.0)])
        before = space.run(ref)
        space.write(lambda tx: tx.runs.move([ref], new))
        after = space.run(ref)
        assert after.experiment_id == str(new)
        assert (after.params, after.tags, after.metrics, after.inputs) == (
            before.params, before.tags, before.metrics, before.inputs,
        )  # fmt: skip
        assert space.points(ref, "m") == [(0, 0, 1.0)]
        for field, value in (
            (Field("param", "p"), "1"),
            (Field("tag", "t"), "1"),
            (Field("metric", "m"), 1.0),
            (Field("dataset", "name"), "d"),
            (Field("attribute", "experiment_id"), str(new)),
        ):
            condition = Comparison(field, "=", value)
            assert space.find([new], condition) == [ref.run_id], field
            if field.key != "experiment_id":
                assert space.find([old], condition) == [stays.run_id], field

    def test_descendants_come_parents_first_to_the_depth_asked_for(self, space: Space) -> None:
        experiment = space.make_experiment()
        for run_id, parent in (("a", None), ("b", "a"), ("c", "a"), ("d", "b"), ("e", "d"), ("x", None)):
            space.make_run(experiment, run_id=run_id, parent_run_id=parent)

        def descend(run_id: str, depth: int, limit: int = 100) -> list[tuple[str, int]]:
            nodes = space.read(lambda tx: tx.runs.list_descendants(space.workspace, run_id, depth, limit))
            return [(node.run_id, node.depth) for node in nodes]

        assert descend("a", 100) == [("a", 0), ("b", 1), ("c", 1), ("d", 2), ("e", 3)]
        assert descend("a", 1) == [("a", 0), ("b", 1), ("c", 1)]
        assert descend("a", 0) == [("a", 0)]
        assert descend("b", 9) == [("b", 0), ("d", 1), ("e", 2)]
        assert descend("a", 100, limit=2) == [("a", 0), ("b", 1)]
        assert descend("unknown", 9) == []

    @pytest.mark.parametrize("ring", [["a"], ["a", "b"], ["a", "b", "c"]], ids=len)
    def test_a_ring_of_parents_ends(self, space: Space, ring: list[str]) -> None:
        experiment = space.make_experiment()
        for n, run_id in enumerate(ring):
            space.make_run(experiment, run_id=run_id, parent_run_id=ring[n - 1])
        space.make_run(experiment, run_id="leaf", parent_run_id=ring[-1])
        nodes = space.read(lambda tx: tx.runs.list_descendants(space.workspace, "a", 10_000, 100))
        assert [node.run_id for node in nodes] == [*ring, "leaf"]

    def test_the_trash_lists_runs_that_went_there_by_themselves(self, space: Space) -> None:
        experiment, gone = space.make_experiment(), space.make_experiment()
        runs = [space.make_run(experiment) for _ in range(3)]
        space.make_run(gone)
        for run, now_ms in zip(runs, (9, 7, 8), strict=True):
            space.write(lambda tx, pk=run.pk, at=now_ms: tx.runs.delete(pk, at))
        space.write(lambda tx: tx.experiments.delete(gone, 5))

        def trash(before_ms: int, limit: int = 10) -> list[str]:
            return [ref.run_id for ref in space.read(lambda tx: tx.runs.list_trash(space.workspace, before_ms, limit))]

        assert trash(9) == [runs[1].run_id, runs[2].run_id, runs[0].run_id]
        assert trash(8) == [runs[1].run_id, runs[2].run_id]
        assert trash(9, limit=1) == [runs[1].run_id]
        assert trash(6) == []

    def test_the_runs_of_an_experiment_are_listed_in_parts(self, space: Space) -> None:
        experiment = space.make_experiment()
        refs = [space.make_run(experiment) for _ in range(5)]
        space.write(lambda tx: tx.runs.delete(refs[1].pk, 5))
        found: list[str] = []
        after = 0
        while part := space.read(lambda tx, after=after: tx.runs.list_experiment(experiment, after, 2)):
            found += [ref.run_id for ref in part]
            after = part[-1].pk
        assert found == [ref.run_id for ref in refs]

    def test_a_purged_run_is_gone_and_its_neighbour_whole(self, space: Space) -> None:
        experiment = space.make_experiment()
        ref, stays = space.make_run(experiment), space.make_run(experiment)
        for one in (ref, stays):
            space.write(lambda tx, one=one: tx.runs.add_params(one, {"p": "1"}))
            space.write(lambda tx, one=one: tx.runs.add_datasets(one, [use("d", "1")]))
            space.write(lambda tx, one=one: tx.runs.set_environment(one.pk, "sha256:shared", b"{}"))
            space.log(one, m=[(0, 0, 1.0), (1, 1, 2.0)], n=[(0, 0, 1.0)])
        assert space.read(lambda tx: tx.runs.measure(ref.pk)).points == 3
        report = space.write(lambda tx: tx.runs.purge(ref.pk))
        assert (report.runs, report.points) == (1, 3)
        assert space.read(lambda tx: tx.runs.ref(space.workspace, ref.run_id)) is None
        assert space.points(ref, "m") == []
        kept = space.run(stays)
        assert (kept.params, len(kept.inputs), sorted(kept.metrics)) == ({"p": "1"}, 1, ["m", "n"])
        assert space.read(lambda tx: tx.runs.get_environment(stays.pk)) == ("sha256:shared", b"{}")

    def test_a_new_run_is_never_taken_for_a_purged_one(self, space: Space) -> None:
        experiment = space.make_experiment()
        for n in range(3):
            ref = space.make_run(experiment, {"n": str(n)})
            assert space.run(ref).tags == {"n": str(n)}  # a reader may keep what it made of this version
            assert space.find([experiment]) == [ref.run_id]
            space.write(lambda tx, pk=ref.pk: tx.runs.purge(pk))
