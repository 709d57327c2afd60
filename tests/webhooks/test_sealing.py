"""Secrets at rest: what the database holds tells nothing, and opens for its own row alone."""

from __future__ import annotations

import base64
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.receivers import run_receiver
from tests.webhooks.test_courier import World
from trackway.api import operations as ops
from trackway.api import trash as z
from trackway.api import webhooks as w
from trackway.base import sealing
from trackway.base.errors import Corrupt, InvalidInput, NotSupported
from trackway.base.sealing import Vault

OLD, NEW, OTHER = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3))
ROW = "webhooks.secret/1"
SECRET = "hush, hush ü"


def test_a_secret_comes_back_and_is_never_sealed_the_same_way_twice() -> None:
    vault = Vault(OLD)
    one, other = vault.seal(SECRET, ROW), vault.seal(SECRET, ROW)
    assert one != other
    assert [vault.open(sealed, ROW) for sealed in (one, other)] == [SECRET] * 2
    assert SECRET not in one
    assert base64.b64encode(SECRET.encode()).decode() not in one
    assert (vault.seal("", ROW), vault.open("", ROW), vault.reseal("", ROW)) == ("", "", "")


def test_a_sealed_text_opens_for_its_own_row_alone() -> None:
    vault = Vault(OLD)
    with pytest.raises(Corrupt, match="changed, or moved"):
        vault.open(vault.seal(SECRET, ROW), "webhooks.secret/2")
    with pytest.raises(Corrupt, match="changed, or moved"):
        Vault(f"{NEW},{OLD}").reseal(vault.seal(SECRET, ROW), "webhooks.secret/2")


@pytest.mark.parametrize("part", range(4))
def test_a_sealed_text_that_was_changed_does_not_open(part: int) -> None:
    vault = Vault(OLD)
    parts = vault.seal(SECRET, ROW).split(":")
    for changed in ("", "x", parts[part][:-8], parts[part].swapcase(), parts[3 - part]):
        text = ":".join([*parts[:part], changed, *parts[part + 1 :]])
        with pytest.raises(Corrupt) as refusal:
            vault.open(text, ROW)
        assert SECRET not in str(refusal.value)
    for text in ("plain:hush", "v1", ":::", "v1:a:b:c:d", SECRET):
        with pytest.raises(Corrupt):
            vault.open(text, ROW)


def test_parts_of_two_secrets_of_one_row_do_not_fit_together() -> None:
    vault = Vault(OLD)
    one, other = (vault.seal(secret, ROW).split(":") for secret in ("one", "other"))
    with pytest.raises(Corrupt):
        vault.open(":".join([*one[:3], other[3]]), ROW)


def test_a_rotation_moves_a_secret_to_the_first_key_and_the_old_one_can_go(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(OLD + "\n")
    running = Vault(file=str(file))
    sealed = running.seal(SECRET, ROW)
    file.write_text(f"{NEW}\n{OLD}\n")
    assert running.open(sealed, ROW) == SECRET
    anew = running.reseal(sealed, ROW)
    assert anew != sealed
    assert anew.split(":")[3] == sealed.split(":")[3], "the secret itself stays as it is sealed"
    assert running.reseal(anew, ROW) == anew
    file.write_text(NEW)
    assert Vault(file=str(file)).open(anew, ROW) == running.open(anew, ROW) == SECRET
    with pytest.raises(Corrupt, match=r"sealed with the master key [0-9a-f]{12}, which is not there"):
        Vault(NEW).open(sealed, ROW)


def test_a_server_that_does_not_know_a_new_key_yet_looks_into_the_file_again(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(OLD)
    running = Vault(file=str(file))
    assert running.open(running.seal(SECRET, ROW), ROW) == SECRET
    file.write_text(f"{NEW} {OLD}")
    assert running.open(Vault(NEW).seal(SECRET, ROW), ROW) == SECRET


@pytest.mark.parametrize("text", ["x", "AAAA", OLD[:-4], OLD + "AAAA", f"{OLD},hush"])
def test_a_key_that_is_none_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"Master key \d is not 32 bytes in base64") as refusal:
        Vault(text).seal(SECRET, ROW)
    assert text not in str(refusal.value)


def test_without_a_key_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no master key"):
        Vault().seal(SECRET, ROW)
    with pytest.raises(InvalidInput, match="not there, or empty"):
        Vault(file=str(tmp_path / "missing")).seal(SECRET, ROW)
    assert not (tmp_path / "missing").exists()


def test_a_key_of_its_own_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    own = tmp_path / "master.key"
    sealed = Vault(own=own).seal(SECRET, ROW)
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert Vault(own=own).open(sealed, ROW) == SECRET
    sealing._make(own)
    assert Vault(own=own).open(sealed, ROW) == SECRET, "one that is there is kept"
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]


def test_without_the_package_that_encrypts_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(NotSupported, match=r"trackway\[secrets\]"):
        Vault(OLD).seal(SECRET, ROW)


def read_secrets(folder: Path) -> list[Any]:
    with closing(sqlite3.connect(folder / "t.db")) as db:
        return [row[0] for row in db.execute("SELECT secret FROM webhooks ORDER BY pk")]


def test_a_secret_that_cannot_be_opened_is_no_reason_to_send_without_a_signature(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        with run_receiver() as receiver:
            webhook_id = world.watch(receiver.url, secret=SECRET)
            (tmp_path / "master.key").write_text(OTHER)
            world.courier = world.make_courier()
            world.platform.vault._keys.clear()
            world.happen("churn")
            world.deliver()
            assert receiver.received == []
        [kept] = world.deliveries(webhook_id)
        assert (kept.state, kept.attempts[0].error) == ("pending", "the webhook's secret cannot be opened")
    finally:
        world.platform.close()


def test_the_command_rotates_and_deliveries_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.webhooks.sealing.RESEALED_AT_ONCE", 2)
    monkeypatch.setenv("TRACKWAY_MASTER_KEY", OLD)
    world = World(tmp_path)
    try:
        with run_receiver() as receiver:
            for number in range(5):
                world.watch(receiver.url, secret=f"hush {number}")
            world.watch(receiver.url)
            gone = world.call(
                ops.DELETE_WEBHOOK, w.WebhookId(webhook_id=world.watch(receiver.url, secret="in the trash"))
            )
            before = read_secrets(tmp_path)
            monkeypatch.setenv("TRACKWAY_MASTER_KEY", f"{NEW},{OLD}")
            command = [sys.executable, "-m", "trackway", "db", "rotate-key", f"sqlite:///{tmp_path}/t.db"]
            said = [subprocess.run(command, capture_output=True, text=True, timeout=60).stdout for _ in range(2)]
            assert said == [f"Sealed {n} of 6 secrets anew; all are under the first master key.\n" for n in (6, 0)]
            after = read_secrets(tmp_path)
            assert [one == other for one, other in zip(before, after, strict=True)] == [False] * 5 + [True]
            world.platform.vault = Vault(NEW)
            world.courier = world.make_courier()
            world.call(ops.RESTORE_TRASH, z.TrashId(trash_id=gone.trash_id))
            world.happen("churn")
            world.deliver()
            assert ["x-mlflow-signature" in one.headers for one in receiver.received] == [True] * 5 + [False, True]
    finally:
        world.platform.close()
