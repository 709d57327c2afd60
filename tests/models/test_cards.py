"""Model cards: what is known is written down, what people wrote survives, and nothing in them is obeyed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

import trackway as tw
from trackway.base.errors import InvalidInput, NotFound
from trackway.models.card import CardFacts, MeasuredMetric, escape, render_card
from trackway.models.mlmodel import MlModel
from trackway.models.signature import Signature, columns
from trackway.sdk import context, runs
from trackway.sdk.connection import close_transports
from trackway.sdk.session import list_sessions

HOSTILE = (
    "<script>alert(1)</script> | [x](javascript:alert(1)) `b` **c** _d_ ![](http://evil/p.png)\n"
    "# Title\n<!-- /trackway:title -->"
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A process that logs to a store of its own, and leaves nothing behind."""
    for name in list(os.environ):
        if name.startswith(("TRACKWAY_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    monkeypatch.setenv("TRACKWAY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    while context.STACK.runs:
        runs.end_run()
    for session in list_sessions():
        session.close(1.0)
    close_transports()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    frame = pd.DataFrame(np.random.default_rng(0).random((60, 2)), columns=["age", "income"])
    return frame.assign(label=(frame.age + np.random.default_rng(1).random(60) > 1).astype(int))


@pytest.fixture(scope="module")
def model(rows: pd.DataFrame) -> Any:
    return LogisticRegression().fit(rows[["age", "income"]], rows.label)


def _read_front(card: str) -> Any:
    return yaml.safe_load(card.split("---\n")[1])


def test_the_card_of_a_version_says_what_is_known(place: Path, rows: pd.DataFrame, model: Any) -> None:
    with tw.start_run(run_name="training") as run:
        tw.log_params({"C": 1.0})
        tw.log_input(tw.data.from_pandas(rows, "s3://bucket/people.csv", name="people"), "training")
        info = tw.log_model(model, "clf", input_example=rows[["age", "income"]].head(2), registered_model_name="credit")
        result = tw.evaluate(info.model_uri, rows, targets="label", resamples=20)
    client = tw.MlflowClient()
    client.set_registered_model_alias("credit", "champion", 1)
    client.update_registered_model("credit", "Whether a loan is paid back.")
    card = tw.models.write_card("models:/credit@champion")
    low, high = result.intervals["roc_auc"]
    for text in (
        "# credit\n\nWhether a loan is paid back.",
        "- Version: 1",
        "- Aliases: champion",
        "| age | double | yes |",
        "| training | people |",
        f"- Run: training ({run.info.run_id})",
        "| C | 1.0 |",
        f"| roc_auc | {result.metrics['roc_auc']:.6g} | {low:.6g} to {high:.6g} | dataset |",
        "- scikit-learn==",
        "model = tw.load_model('models:/credit@champion')",
        "## Intended use\n\n*What the model is for",
    ):
        assert text in card.text, text
    front = _read_front(card.text)
    assert (front["library_name"], front["pipeline_tag"]) == ("sklearn", "tabular-classification")
    measured = {one["type"]: one["value"] for one in front["model-index"][0]["results"][0]["metrics"]}
    assert measured["roc_auc"] == result.metrics["roc_auc"]
    assert tw.models.read_card("models:/credit/1") == card.text
    assert (
        tw.load_model("models:/credit/1").predict(rows[["age", "income"]]).tolist()
        == model.predict(rows[["age", "income"]]).tolist()
    ), "the card is no part of the model"


def test_what_people_wrote_stays_and_the_rest_is_brought_up_to_date(
    place: Path, rows: pd.DataFrame, model: Any
) -> None:
    with tw.start_run():
        info = tw.log_model(model, "clf")
    first = tw.models.write_card(info.model_uri).text
    edited = first.replace("*What the model is for, and who is meant to use it.*", "For the credit desk.")
    edited = edited.replace("library_name: sklearn", "library_name: other\nlicense: mit")
    edited = edited.replace("tags:\n- trackway", "tags:\n- credit") + "\n## Our own\n\nText.\n"
    Path("card.md").write_text(edited, encoding="utf-8")
    tw.models.write_card(info.model_uri, "card.md")
    tw.log_metric("auc", 0.75, model_id=info.model_id)
    tw.end_run()
    second = tw.models.write_card(info.model_uri).text
    assert "## Intended use\n\nFor the credit desk." in second
    assert second.endswith("## Our own\n\nText.\n")
    assert "| auc | 0.75 |" in second
    assert "No metric is known." not in second
    front = _read_front(second)
    assert (front["license"], front["library_name"], front["tags"]) == ("mit", "sklearn", ["credit", "trackway"])
    assert tw.models.make_card(info.model_uri) == second, "twice is once"


def test_a_folder_has_a_card_of_what_its_files_say(place: Path, rows: pd.DataFrame, model: Any) -> None:
    saved = tw.models.save_model(model, "saved", signature=Signature(inputs=columns(age="double", income="double?")))
    card = tw.models.write_card("saved")
    assert Path(card.place).absolute() == place / "saved" / "README.md"
    assert "| income | double | no |" in card.text
    assert tw.models.load_model("saved").predict(rows[["age", "income"]].head(1)).shape == (1,)
    assert saved.manifest is not None
    assert "README.md" not in saved.manifest.files
    again = tw.models.save_model(tw.models.load_model("saved").native, "again")
    assert not (again.path / "README.md").exists()


def test_a_block_that_a_person_removed_stays_away() -> None:
    facts = CardFacts(name="m", uri="m", mlmodel=MlModel(flavors={"sklearn": {}}), lineage=["run 1"])
    card = render_card(facts)
    start, end = card.index("<!-- trackway:lineage -->"), card.index("<!-- /trackway:lineage -->")
    assert "run 1" not in render_card(facts, card[:start] + card[end + len("<!-- /trackway:lineage -->") :])


def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    facts = CardFacts(
        name=HOSTILE,
        uri="models:/a'\n```\n# b",
        description=HOSTILE,
        mlmodel=MlModel(flavors={"sklearn": {}}, signature=Signature(inputs=columns(**{HOSTILE: "double"}))),
        about={"Owner": HOSTILE},
        datasets=[(HOSTILE, HOSTILE, HOSTILE, HOSTILE)],
        training={"Run": HOSTILE},
        params={HOSTILE: HOSTILE},
        metrics=[MeasuredMetric(HOSTILE, 1.0, HOSTILE)],
        requirements=[HOSTILE],
        lineage=[HOSTILE],
    )
    card = render_card(facts)
    body = card.split("\n---\n", 1)[1]
    assert "<script" not in body
    assert "](" not in body.replace("\\](", "")
    assert body.count("<!-- /trackway:title -->") == 1
    assert body.count("```") == 2
    assert "\n# Title" not in body
    assert "http://" not in body
    assert _read_front(card)["datasets"] == [HOSTILE]
    for line in body.splitlines():
        if line.startswith("| ") and "alert" in line:
            assert len(line.replace("\\|", "").split("|")) in (4, 5, 6), line
    assert render_card(facts, card) == card


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain-text 1.5 a_b (c)", "plain-text 1.5 a_b (c)"),
        ("- x", "\\- x"),
        ("1. x", "1\\. x"),
        ("a@b.c", "a&#64;b.c"),
        ("x\ty\u202ez", "x y z"),
        ("a" * 300, "a" * 197 + "..."),
    ],
    ids=str,
)
def test_texts_are_escaped_no_more_than_they_must(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_cards_that_cannot_be_are_refused(place: Path, model: Any) -> None:
    tw.models.save_model(model, "saved")
    for broken, message in (
        ("---\n- a\n---\n# x", "front matter"),
        ("---\na: !!python/object:os.system x\n---\n# x", "YAML"),
        ("<!-- trackway:title -->", "1 marks <!-- trackway:title --> and 0 marks"),
        ("<!-- /trackway:title -->\n<!-- trackway:title -->", "in this order"),
        ("x" * (2**20 + 1), "larger than"),
    ):
        Path("broken.md").write_text(broken, encoding="utf-8")
        with pytest.raises(InvalidInput, match=message):
            tw.models.write_card("saved", "broken.md")
    assert not Path("saved/README.md").exists()
    with pytest.raises(NotFound):
        tw.models.write_card("saved", "none.md")
    Path("empty").mkdir()
    with pytest.raises(InvalidInput):
        tw.models.write_card("empty")
