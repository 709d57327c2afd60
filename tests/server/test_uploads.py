"""Uploads in parts, at the moments where a server may die."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.server.door import WHOLE, Died, Door
from trackway.api import operations as ops
from trackway.base.errors import Conflict, NotFound
from trackway.tracking.chores import ABANDONED_MS, STALE_MS
from trackway.wiring.platform import Platform


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    platform = Platform(f"sqlite:///{tmp_path}/t.db", str(tmp_path / "files"))
    yield Door(platform)
    platform.close()


def test_an_upload_leaves_one_blob_and_the_digest_of_the_whole(door: Door) -> None:
    entry = door.complete(*door.begin())
    assert entry["sha256"] == hashlib.sha256(WHOLE).hexdigest()
    assert door.read() == WHOLE
    assert len(door.blobs()) == 1


@pytest.mark.parametrize("operation", [ops.COMMIT_UPLOAD.name, ops.GET_MULTIPART.name])
def test_a_completion_that_broke_off_before_its_commit_can_be_repeated(door: Door, operation: str) -> None:
    upload_id, body = door.begin()
    door.dies_at = operation
    with pytest.raises(Died):
        door.complete(upload_id, body)
    with pytest.raises(NotFound):
        door.read()
    door.complete(upload_id, body)
    door.tidy(10 * ABANDONED_MS)
    assert door.read() == WHOLE
    assert len(door.blobs()) == 1


def test_a_completion_whose_answer_was_lost_is_answered_again_as_it_was(door: Door) -> None:
    upload_id, body = door.begin()
    entry = door.complete(upload_id, body)
    assert len(door.blobs()) == 1
    assert door.complete(upload_id, body) == entry
    assert door.complete(upload_id, body) == entry
    door.tidy(10 * ABANDONED_MS)
    assert door.read() == WHOLE
    assert len(door.blobs()) == 1
    with pytest.raises(NotFound):
        door.complete(upload_id, body)


def test_a_completion_that_died_after_its_commit_is_finished_by_a_repeat(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id, body = door.begin()

    def die(*_arguments: object) -> None:
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(door.platform.blobs, "close_upload", die)
        with pytest.raises(Died):
            door.complete(upload_id, body)
    assert door.read() == WHOLE
    assert len(door.blobs()) > 1
    assert door.complete(upload_id, body)["size_bytes"] == len(WHOLE)
    assert len(door.blobs()) == 1


def test_a_completion_that_died_after_its_commit_is_tidied_up_when_nobody_repeats_it(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id, body = door.begin()
    with monkeypatch.context() as silent:
        silent.setattr(door.platform.blobs, "close_upload", lambda *_arguments: None)
        door.complete(upload_id, body)
    assert len(door.blobs()) > 1
    door.tidy(10 * ABANDONED_MS)
    assert door.read() == WHOLE
    assert len(door.blobs()) == 1


def test_a_completion_with_other_parts_is_no_repeat(door: Door) -> None:
    upload_id, body = door.begin()
    door.complete(upload_id, body)
    first = msgspec.json.decode(body)["parts"][:1]
    with pytest.raises(Conflict):
        door.complete(upload_id, msgspec.json.encode({"parts": first}))
    assert door.read() == WHOLE


def test_of_two_completions_at_once_both_are_answered_alike(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    upload_id, body = door.begin()
    complete = door.platform.blobs.complete_upload
    overtaken: list[object] = []

    def be_overtaken(*arguments: object) -> object:
        if not overtaken:
            overtaken.append(None)  # so that the one inside goes straight on
            overtaken[0] = door.complete(upload_id, body)
        return complete(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(door.platform.blobs, "complete_upload", be_overtaken)
    assert door.complete(upload_id, body) == overtaken[0]
    assert door.read() == WHOLE
    assert len(door.blobs()) == 1


def test_an_upload_that_nobody_completes_is_given_up_after_a_day(door: Door) -> None:
    upload_id, body = door.begin()
    door.tidy(STALE_MS - 60_000)
    assert len(door.send("GET", "/uploads/{upload_id}/{path:path}", upload_id=upload_id)["parts"]) == 2
    door.tidy(STALE_MS + 60_000)
    assert door.blobs() == []
    with pytest.raises(NotFound):
        door.complete(upload_id, body)


def test_a_blob_without_a_row_goes_when_its_upload_cannot_be_completed_any_more(door: Door) -> None:
    upload_id, body = door.begin()
    door.dies_at = ops.COMMIT_UPLOAD.name
    with pytest.raises(Died):
        door.complete(upload_id, body)
    door.tidy(STALE_MS + 60_000)
    assert len(door.blobs()) == 1
    door.tidy(ABANDONED_MS + 60_000)
    assert door.blobs() == []


def test_an_aborted_upload_leaves_nothing(door: Door) -> None:
    upload_id, body = door.begin()
    door.send("DELETE", "/uploads/{upload_id}/{path:path}", upload_id=upload_id)
    assert door.blobs() == []
    with pytest.raises(NotFound):
        door.complete(upload_id, body)
