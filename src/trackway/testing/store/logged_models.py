"""Records of logged models."""

from __future__ import annotations

from typing import Any

from trackway.api.logged_models import DatasetRef, LoggedMetric, LoggedModel
from trackway.api.query import Comparison, Expression, Field, OrderTerm
from trackway.base.ids import new_id
from trackway.store.base import Page, Search
from trackway.testing.store.fixtures import StoreFixtures
from trackway.testing.store.space import Space

NAN = float("nan")


def make_model(space: Space, experiment: int, **fields: Any) -> LoggedModel:
    """Create the record of a model."""
    plain: dict[str, Any] = {
        "model_id": f"m-{new_id()}",
        "experiment_id": str(experiment),
        "name": "model",
        "model_type": "",
        "source_run_id": "",
        "artifact_uri": "mlflow-artifacts:/x",
        "status": "PENDING",
        "status_message": None,
        "created_ms": 5,
        "updated_ms": 5,
    }
    model = LoggedModel(**(plain | fields))
    space.write(lambda tx: tx.logged_models.create(space.workspace, model))
    return model


def get_model(space: Space, model_id: str, deleted: bool = False) -> LoggedModel | None:
    """Read a record."""
    model: LoggedModel | None = space.read(lambda tx: tx.logged_models.get(space.workspace, model_id, deleted))
    return model


def add_metric(space: Space, model_id: str, value: float, **fields: Any) -> bool:
    """Log one point to a model."""
    plain: dict[str, Any] = {"key": "acc", "time_ms": 1}
    metric = LoggedMetric(model_id=model_id, value=value, **(plain | fields))
    added: bool = space.write(lambda tx: tx.logged_models.add_metric(space.workspace, metric))
    return added


class LoggedModelContract(StoreFixtures):
    """Logged models."""

    def test_a_model_is_read_as_it_was_created(self, space: Space) -> None:
        experiment = space.make_experiment()
        model = make_model(
            space, experiment, model_type="agent", params={"a": "1"}, tags={"t": "ü"}, source_run_id="r1"
        )
        assert get_model(space, model.model_id) == model
        assert get_model(Space(space.store), model.model_id) is None

    def test_its_status_tags_and_params_change(self, space: Space) -> None:
        model_id = make_model(space, space.make_experiment(), params={"a": "1"}, tags={"t": "1"}).model_id
        w = space.workspace
        space.write(lambda tx: tx.logged_models.update(w, model_id, "READY", "done", 9))
        space.write(lambda tx: tx.logged_models.set_tags(w, model_id, {"t": "2", "u": ""}))
        space.write(lambda tx: tx.logged_models.add_params(w, model_id, {"b": "2"}))
        model = get_model(space, model_id)
        assert model is not None
        assert (model.status, model.status_message, model.updated_ms) == ("READY", "done", 9)
        assert (model.params, model.tags) == ({"a": "1", "b": "2"}, {"t": "2", "u": ""})
        assert space.write(lambda tx: tx.logged_models.delete_tag(w, model_id, "t")) is True
        assert space.write(lambda tx: tx.logged_models.delete_tag(w, model_id, "t")) is False

    def test_its_metrics_keep_order_value_run_and_data_set(self, space: Space) -> None:
        model_id = make_model(space, space.make_experiment()).model_id
        for n, value in enumerate((1.5, NAN, float("inf"), -2.0)):
            assert add_metric(space, model_id, value, step=n, run_id="r1", dataset_name="d", dataset_digest=f"{n}")
        model = get_model(space, model_id)
        assert model is not None
        assert [str(metric.value) for metric in model.metrics] == ["1.5", "nan", "inf", "-2.0"]
        assert [(one.step, one.run_id, one.dataset_digest) for one in model.metrics] == [
            (n, "r1", str(n)) for n in range(4)
        ]
        assert not add_metric(space, "m-unknown", 1.0)

    def test_one_in_the_trash_is_found_only_when_asked_for(self, space: Space) -> None:
        experiment = space.make_experiment()
        model_id = make_model(space, experiment).model_id
        space.write(lambda tx: tx.logged_models.delete(space.workspace, model_id, 9))
        assert get_model(space, model_id) is None
        gone = get_model(space, model_id, deleted=True)
        assert gone is not None
        assert (gone.lifecycle, gone.updated_ms) == ("deleted", 9)
        assert not add_metric(space, model_id, 1.0)
        assert self.find(space, [experiment]) == []

    def test_a_metric_filter_is_met_by_any_of_the_values_and_only_on_the_data_sets_named(self, space: Space) -> None:
        experiment = space.make_experiment()
        low, high = make_model(space, experiment), make_model(space, experiment)
        for value in (0.2, 0.9):
            add_metric(space, low.model_id, value, dataset_name="train", dataset_digest="1")
        add_metric(space, low.model_id, 0.3, dataset_name="test", dataset_digest="2")
        add_metric(space, high.model_id, 0.8, dataset_name="test", dataset_digest="3")
        above = Comparison(Field("metric", "acc", "any"), ">", 0.7)
        cases: list[tuple[list[DatasetRef], set[str]]] = [
            ([], {low.model_id, high.model_id}),
            ([DatasetRef(name="test")], {high.model_id}),
            ([DatasetRef(name="test", digest="2")], set()),
            ([DatasetRef(name="train"), DatasetRef(name="test")], {low.model_id, high.model_id}),
        ]
        for datasets, expected in cases:
            assert set(self.find(space, [experiment], above, datasets=datasets)) == expected, datasets

    def test_an_order_by_metric_takes_the_newest_value_and_puts_nan_and_missing_last(self, space: Space) -> None:
        experiment = space.make_experiment()
        models = {
            name: make_model(space, experiment, model_id=name).model_id for name in ("low", "high", "nan", "none")
        }
        for model_id, value, time_ms in (
            ("low", 9.0, 1),
            ("low", 1.0, 2),
            ("high", 5.0, 2),
            ("high", 0.0, 1),
            ("nan", NAN, 3),
        ):
            add_metric(space, models[model_id], value, time_ms=time_ms)
        for descending, expected in ((False, ["low", "high"]), (True, ["high", "low"])):
            order = [OrderTerm(Field("metric", "acc", "any"), descending=descending)]
            assert self.find(space, [experiment], order=order) == [*expected, "nan", "none"]

    def test_a_search_goes_on_where_a_page_ended(self, space: Space) -> None:
        experiment, other = space.make_experiment(), space.make_experiment()
        ids = [make_model(space, experiment, created_ms=n // 2).model_id for n in range(11)]
        make_model(space, other)
        assert sorted(self.find(space, [experiment])) == sorted(ids)
        search, found, after = Search(None, (), "active"), [], None
        while True:
            page = Page(3, after)
            models, after = space.read(
                lambda tx, p=page: tx.logged_models.search(space.workspace, [experiment], search, [], [], p)
            )
            found += [model.model_id for model in models]
            if after is None:
                break
        assert found == self.find(space, [experiment])
        assert self.find(space, []) == []

    def find(
        self,
        space: Space,
        experiments: list[int],
        expression: Expression | None = None,
        order: list[OrderTerm] | None = None,
        datasets: list[DatasetRef] | None = None,
    ) -> list[str]:
        search = Search(expression, tuple(order or ()), "active")
        scopes: list[DatasetRef | None] = [None for _ in order or ()]
        models, _ = space.read(
            lambda tx: tx.logged_models.search(
                space.workspace, experiments, search, datasets or [], scopes, Page(50_000)
            )
        )
        return [model.model_id for model in models]
