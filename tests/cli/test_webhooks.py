"""The commands on webhooks, driven as a person drives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.driving import Trackway, read
from tests.webhooks.receivers import run_receiver
from trackway.base import errors

URL = "https://hooks.example.org/x"


def make(trackway: Trackway, *more: str) -> str:
    made = read(trackway("webhooks", "create", "ci", URL, "-e", "run.created", *more, "--json"))
    return str(made["webhook_id"])


def test_a_webhook_is_created_listed_changed_and_deleted(trackway: Trackway, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    webhook_id = make(trackway, "--secret-file", str(tmp_path / "secret"))
    [row] = read(trackway("webhooks", "list", "--json"))
    assert (row["webhook_id"], row["events"], row["signed"]) == (webhook_id, ["run.created"], True)
    shown = trackway("webhooks", "get", webhook_id)
    assert "url: " + URL in shown.output
    assert "hush" not in shown.output
    assert trackway("webhooks", "update", webhook_id, "--disable", "--secret-file", "-").exit_code == 0
    changed = read(trackway("webhooks", "get", webhook_id, "--json"))
    assert (changed["enabled"], changed["signed"], changed["name"]) == (False, False, "ci")
    assert trackway("webhooks", "delete", webhook_id, "--yes").exit_code == 0
    assert trackway("webhooks", "list").output == "No webhooks.\n"


def test_what_is_wrong_is_said(trackway: Trackway) -> None:
    refused = trackway("webhooks", "create", "ci", "https://127.1/", "-e", "run.created")
    assert isinstance(refused.exception, errors.InvalidInput)
    assert "run.created" in trackway("webhooks", "create", "ci", URL, "-e", "nope").output
    assert trackway("webhooks", "create", "ci", URL).exit_code == 2
    assert isinstance(trackway("webhooks", "get", "nope").exception, errors.NotFound)


def test_deliveries_are_tested_listed_shown_and_replayed(
    trackway: Trackway, trackway_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", f"http://127.0.0.1:{trackway_port}")
    webhook_id = make(trackway)
    with run_receiver() as receiver:
        assert trackway("webhooks", "update", webhook_id, "--url", receiver.url).exit_code == 0
        sent = trackway("webhooks", "test", webhook_id)
        assert (sent.exit_code, sent.output) == (0, "delivered: status 204\n")
        receiver.answers = [b"HTTP/1.1 500 No\r\n\r\n"]
        failed = trackway("webhooks", "test", webhook_id, "-e", "comment.created")
        assert (failed.exit_code, failed.output) == (1, "dead: status 500\n")
    [dead] = read(trackway("webhooks", "deliveries", webhook_id, "--state", "dead", "--json"))
    assert (dead["event"], [one["status"] for one in dead["attempts"]]) == ("comment.created", [500])
    assert "status 500" in trackway("webhooks", "deliveries", webhook_id).output
    assert '"comment_id":"1"' in trackway("webhooks", "delivery", webhook_id, dead["delivery_id"]).output
    assert trackway("webhooks", "replay", webhook_id, dead["delivery_id"]).exit_code == 0
