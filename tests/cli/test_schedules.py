"""The commands on schedules, driven as a person drives them."""

from __future__ import annotations

import trackway as tw
from tests.cli.driving import Trackway, read
from trackway.base import errors

NIGHTLY = ["schedules", "create", "nightly", "30 2 * * mon-fri", "./churn", "-P", "alpha=0.1=", "--time-zone"]


def test_a_schedule_is_created_listed_shown_paused_run_and_deleted(trackway: Trackway) -> None:
    made = trackway(*NIGHTLY, "Europe/Paris", "-e", "train", "--overlap", "cancel-previous", "--catch-up", "last")
    assert made.output.startswith("Created schedule nightly; it runs next at 2"), made.output
    [row] = read(trackway("schedules", "list", "--json"))
    assert (row["name"], row["cron"], row["launch"]["uri"], row["overlap"]) == (
        "nightly",
        "30 2 * * mon-fri",
        "./churn",
        "cancel_previous",
    )
    shown = trackway("schedules", "get", "nightly")
    for line in ("time_zone: Europe/Paris", "catch_up: last", "  entry_point: train", "  params: {'alpha': '0.1='}"):
        assert line in shown.output
    assert trackway("schedules", "pause", "nightly").output == "Paused schedule nightly.\n"
    assert "paused" in trackway("schedules", "list").output
    assert "runs next at" in trackway("schedules", "resume", "nightly").output
    tick_id = read(trackway("schedules", "run-now", "nightly", "--json"))["tick_id"]
    assert "(by hand)  queued" in trackway("schedules", "history", "nightly").output
    assert trackway("schedules", "cancel", "nightly", tick_id).output == "Cancelled.\n"
    [tick] = read(trackway("schedules", "history", "nightly", "--json"))
    assert (tick["state"], tick["manual"]) == ("cancelled", True)
    assert read(trackway("schedules", "history", "nightly", "--state", "lost", "--json")) == []
    assert trackway("schedules", "delete", "nightly", "--yes").exit_code == 0
    assert trackway("schedules", "list").output == "No schedules.\n"


def test_what_is_wrong_is_said(trackway: Trackway) -> None:
    refused = trackway(*NIGHTLY, "Mars/Base")
    assert isinstance(refused.exception, errors.InvalidInput)
    assert "Mars/Base" in str(refused.exception)
    assert trackway(*NIGHTLY, "UTC", "-P", "alpha").exit_code == 2
    assert isinstance(trackway(*NIGHTLY, "UTC", "-P", "alpha=1").exception, errors.InvalidInput)
    assert isinstance(trackway("schedules", "get", "nightly").exception, errors.NotFound)


def test_a_program_does_the_same(trackway: Trackway) -> None:
    made = tw.schedules.create("s", "@daily", "./p", params={"alpha": 0.5}, time_zone="Asia/Tokyo", overlap="queue")
    assert (made.launch.params, made.time_zone, made.overlap) == ({"alpha": "0.5"}, "Asia/Tokyo", "queue")
    assert tw.schedules.pause("s").next_ms is None
    assert tw.schedules.resume("s") == tw.schedules.get("s") == tw.schedules.list_schedules()[0]
    tick = tw.schedules.run_now("s")
    assert tw.schedules.list_history("s") == [tick]
    assert tw.schedules.cancel("s", tick.tick_id).state == "cancelled"
    tw.schedules.delete("s")
    assert tw.schedules.list_schedules() == []
