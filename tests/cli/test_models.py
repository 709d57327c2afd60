"""The commands on registered models, driven as a person drives them."""

from __future__ import annotations

from pathlib import Path

import pytest

import trackway as tw
from tests.cli.driving import Trackway, read
from tests.models.keys import Key
from trackway.base import errors

PLACE = "s3://bucket/model"


@pytest.fixture
def churn(trackway: Trackway) -> str:
    """A registered model with two versions."""
    for _ in range(2):
        assert trackway("models", "register", PLACE, "churn").exit_code == 0
    return "churn"


def test_a_run_s_model_is_registered_listed_and_shown(trackway: Trackway) -> None:
    client = tw.MlflowClient()
    run_id = str(client.create_run("0").info.run_id)
    client.log_text(run_id, "flavors: {}", "model/MLmodel")
    made = read(trackway("models", "register", f"runs:/{run_id}/model", "churn", "--description", "d", "--json"))
    assert (made["name"], made["version"]) == ("churn", 1)
    assert read(trackway("models", "get", "churn", "1", "--json"))["run_id"] == run_id
    assert run_id in trackway("models", "versions", "--filter", "name = 'churn'").output
    assert run_id in trackway("models", "versions", "churn").output
    assert trackway("models", "versions", "churn", "--filter", "version = 2 OR version = 3").output == "No versions.\n"
    assert trackway("models", "versions", "o'neil").output == "No versions.\n"
    assert trackway("models", "list", "--filter", "name = 'none'").output == "No registered models.\n"
    assert "description: d" in trackway("models", "get", "churn", "1").output


def test_stages_and_aliases_are_given_and_shown(trackway: Trackway, churn: str) -> None:
    assert trackway("models", "transition", churn, "1", "production").exit_code == 0
    assert trackway("models", "transition", churn, "2", "Production", "--archive-existing").exit_code == 0
    assert "churn@best is version 2" in trackway("models", "alias", churn, "best", "2").output
    [model] = read(trackway("models", "list", "--json"))
    assert (model["aliases"], model["last_version"]) == ({"best": 2}, 2)
    assert "Production: 2" in trackway("models", "list").output
    assert "  Archived: 1" in trackway("models", "get", churn).output
    assert trackway("models", "alias", churn, "best").exit_code == 0
    assert read(trackway("models", "get", churn, "--json"))["aliases"] == {}
    assert read(trackway("models", "portfolio", "--json"))[0]["version"] == 2
    assert trackway("models", "portfolio", "--alias", "best").output == "Nothing is in use.\n"


def test_models_and_versions_are_described_tagged_copied_renamed_and_deleted(trackway: Trackway, churn: str) -> None:
    for options in ((), ("--version", "1")):
        assert trackway("models", "describe", churn, "what it is", *options).exit_code == 0
        assert trackway("models", "tag", churn, "team", "risk", *options).exit_code == 0
        shown = read(trackway("models", "get", churn, *options[1:], "--json"))
        assert (shown["description"], shown["tags"]) == ("what it is", {"team": "risk"})
        assert trackway("models", "tag", churn, "team", *options).exit_code == 0
        assert read(trackway("models", "get", churn, *options[1:], "--json"))["tags"] == {}
    assert read(trackway("models", "copy", churn, "1", "other", "--json"))["version"] == 1
    assert trackway("models", "rename", churn, "fraud").exit_code == 0
    assert "models:/churn/1" in trackway("models", "versions", "--filter", "name = 'other'").output
    assert trackway("models", "delete", "fraud", "1").exit_code == 1, "nobody said yes"
    assert trackway("models", "delete", "fraud", "1", "--yes").exit_code == 0
    assert isinstance(trackway("models", "get", "fraud", "1").exception, errors.NotFound)
    deleted = trackway("models", "delete", "fraud", "--yes")
    assert "To bring it back: trackway trash restore " in deleted.output
    assert [row["name"] for row in read(trackway("models", "list", "--json"))] == ["other"]
    assert trackway(*deleted.output.rpartition("trackway ")[2].split()).output == "Registered model fraud is back.\n"
    assert [row["name"] for row in read(trackway("models", "list", "--json"))] == ["fraud", "other"]


def test_the_trash_is_listed_emptied_and_one_by_one_removed(trackway: Trackway, churn: str) -> None:
    first = read(trackway("models", "delete", churn, "1", "--yes", "--json"))["trash_id"]
    second = read(trackway("models", "delete", churn, "2", "--yes", "--json"))["trash_id"]
    rows = read(trackway("trash", "list", "--kind", "model_version", "--json"))
    assert [(row["trash_id"], row["name"]) for row in rows] == [(second, "churn/2"), (first, "churn/1")]
    assert trackway("trash", "list", "--name", "none").output == "Nothing of this is in the trash.\n"
    assert "trackway trash list shows them" in trackway("retention").output
    assert "Would remove 1 other thing" in trackway("trash", "purge", first, "--dry-run").output
    assert trackway("trash", "purge", first).exit_code == 1, "nobody said yes"
    assert "Removed 1 other thing" in trackway("trash", "purge", first, "--yes").output
    assert isinstance(trackway("trash", "restore", first).exception, errors.NotFound)
    assert "Removed 1 other thing" in trackway("gc", "--yes").output
    assert trackway("trash", "list").output == "Nothing of this is in the trash.\n"


def test_a_policy_asks_for_evidence_and_a_request_brings_it_through(trackway: Trackway, churn: str) -> None:
    assert trackway("models", "policy", churn).output == "Nothing is asked of a version.\n"
    asked = trackway("models", "policy", churn, "--stage", "Production", "--needs", "evaluation").output
    assert asked.split()[-2:] == ["Production", "evaluation"]
    assert isinstance(trackway("models", "transition", churn, "1", "Production").exception, errors.Conflict)
    number = read(trackway("models", "request", churn, "1", "--stage", "Production", "--json"))["request_id"]
    assert isinstance(trackway("models", "decide", churn, number, "approve").exception, errors.Conflict)
    assert trackway("models", "attest", churn, "1", "evaluation", "--note", "test set").exit_code == 0
    assert read(trackway("models", "decide", churn, number, "approve", "--json"))["state"] == "approved"
    assert trackway("models", "requests", churn).output == "No requests.\n"
    assert "approved" in trackway("models", "requests", churn, "--all").output
    assert "Nothing" in trackway("models", "policy", churn, "--stage", "Production").output
    actions = [row["action"] for row in read(trackway("models", "history", churn, "1", "--json"))]
    assert actions == ["request.approved", "stage.changed", "version.attested", "request.opened", "version.created"]
    assert "old: None, new: Production" in trackway("models", "history", churn).output


def test_comments_and_lineage_are_shown(trackway: Trackway, churn: str) -> None:
    assert trackway("models", "comment", churn, "good one", "--version", "1").exit_code == 0
    assert trackway("models", "comments", churn, "--version", "2").output == "No comments.\n"
    assert "good one" in trackway("models", "comments", churn).output
    assert trackway("models", "lineage", "version", "churn/1").output == "It stands alone.\n"
    trackway("models", "copy", churn, "1", "other")
    assert "version other/1" in trackway("models", "lineage", "version", "churn/1").output
    assert len(read(trackway("models", "lineage", "version", "other/1", "--json"))["nodes"]) == 2


def test_a_version_is_signed_verified_and_let_into_production(trackway: Trackway, tmp_path: Path) -> None:
    key = Key()
    (tmp_path / "k.pem").write_bytes(key.lock("hush"))
    (tmp_path / "k.pub").write_bytes(key.public)
    (tmp_path / "password").write_text("hush\n")
    client = tw.MlflowClient()
    run_id = str(client.create_run("0").info.run_id)
    client.log_text(run_id, "flavors: {}", "model/MLmodel")
    assert trackway("models", "register", f"runs:/{run_id}/model", "churn").exit_code == 0
    assert trackway("models", "policy", "churn", "--stage", "Production", "--key", "release").exit_code == 0
    refused = trackway("models", "transition", "churn", "1", "Production")
    assert "needs a signature by release" in str(refused.exception)
    assert trackway("models", "trust", "release", "k.pub").output == "Trust the key release.\n"
    sign = ("models", "sign", "models:/churn/1", "--key", "k.pem", "--password-file", "password")
    assert trackway(*sign).output == "Signed version 1 of churn.\n"
    assert read(trackway("models", "verify", "models:/churn/1", "--json")) == [{"key": "release", "signer": ""}]
    assert trackway("models", "transition", "churn", "1", "Production").exit_code == 0
    bundle = trackway("models", "signature", "churn", "1", "--by", "release").output
    (tmp_path / "churn.sig").write_text(bundle)
    assert "release" in trackway("models", "signature", "churn", "1").output
    assert "signed_by: release" in trackway("models", "get", "churn", "1").output
    assert trackway("models", "keys").output.splitlines()[2].split()[:2] == ["release", "key"]
    assert trackway("models", "distrust", "release").exit_code == 0
    assert isinstance(trackway("models", "verify", "models:/churn/1").exception, errors.NotFound)


def test_a_refusal_by_the_policy_says_how_each_thing_that_is_missing_comes_to_be(
    trackway: Trackway, churn: str
) -> None:
    needs = ("--needs", "evaluation", "--needs", "approval")
    assert trackway("models", "policy", churn, "--stage", "Production", *needs).exit_code == 0
    refused = trackway("models", "transition", churn, "1", "Production").exception
    assert isinstance(refused, errors.Conflict)
    assert refused.hint == "attest its evaluation, then request the transition and let somebody else approve"
    assert trackway("models", "attest", churn, "1", "evaluation").exit_code == 0
    refused = trackway("models", "transition", churn, "1", "Production").exception
    assert isinstance(refused, errors.Conflict)
    assert refused.hint == "request the transition and let somebody else approve"
