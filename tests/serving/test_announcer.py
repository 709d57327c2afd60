"""What a scoring server tells the registry, and that nothing comes of it when the registry is not there."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.services.ports import free_port
from tests.services.trackway_server import run_trackway
from tests.services.waiting import Stopwatch, wait_until
from trackway.api import operations as ops
from trackway.api.endpoints import EndpointName, EndpointServer
from trackway.api.registry import CreateModelVersion, CreateRegisteredModel
from trackway.base.errors import InvalidInput, NotFound
from trackway.sdk.client import Client
from trackway.serving.announcer import FAREWELL_S, Announcer
from trackway.serving.settings import read_serving_settings


def make_announcer(model: str = "models:/churn@champion", **settings: Any) -> Announcer:
    return Announcer(read_serving_settings({"model": model, **settings}), "a")


def register(address: str, versions: int = 2) -> None:
    client = Client(address)
    client.call(ops.CREATE_REGISTERED_MODEL, CreateRegisteredModel(name="churn"))
    for _ in range(versions):
        client.call(ops.CREATE_MODEL_VERSION, CreateModelVersion(name="churn", source="s3://bucket/churn"))


def list_servers(address: str, name: str = "churn") -> list[EndpointServer]:
    try:
        return list(Client(address).call(ops.GET_ENDPOINT, EndpointName(name=name)).servers)
    except NotFound:
        return []


def test_a_registry_that_is_away_is_a_warning_and_hears_of_it_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", address)
    caplog.set_level(logging.INFO, "trackway.serving")
    announcer = make_announcer()
    announcer.tell("1")
    wait_until(lambda: "serving on, and trying again" in caplog.text)
    with run_trackway(tmp_path, port=port):
        register(address)
        wait_until(lambda: list_servers(address) != [])
        [server] = list_servers(address)
        assert (server.state, server.model, server.version, server.follows) == ("serving", "churn", 1, "@champion")
        assert server.address == "", "nobody said by which address others reach it"
        announcer.tell("2")
        wait_until(lambda: [one.version for one in list_servers(address)] == [2])
        announcer.close()
        assert [one.state for one in list_servers(address)] == ["ended"]
    assert caplog.text.count("Cannot announce") == 1, "it is said once"


def test_the_end_does_not_wait_for_a_registry_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("TRACKWAY_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        announcer = make_announcer()
        announcer.tell("1")
        with silent.accept()[0]:
            watch = Stopwatch()
            announcer.close()
            assert watch.read_s() < 2 * FAREWELL_S


def test_who_does_not_want_it_is_not_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_TRACKING_URI", str(tmp_path / "tracks"))
    register(str(tmp_path / "tracks"), versions=1)
    for announcer in (make_announcer(no_endpoint=True), make_announcer(str(tmp_path / "model"))):
        announcer.tell("1")
        announcer.close()
    assert list_servers(str(tmp_path / "tracks")) == []


@pytest.mark.parametrize(
    ("model", "settings", "said"),
    [
        ("runs:/a/m", {"endpoint": "live"}, "Only registered models"),
        ("./model", {"endpoint": "live"}, "Only registered models"),
        ("models:/churn/1", {"endpoint_address": "javascript:alert(1)"}, "http or https"),
        ("models:/churn/1", {"endpoint_address": "https://ann:secret@example.com"}, "without user or password"),
    ],
)
def test_what_cannot_be_announced_is_refused_before_anything_is_loaded(
    model: str, settings: dict[str, str], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        make_announcer(model, **settings)
