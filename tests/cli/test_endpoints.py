"""The commands on endpoints, driven as a person drives them."""

from __future__ import annotations

import json

import pytest

import trackway as tw
from tests.cli.driving import Trackway
from trackway.api import endpoints as d
from trackway.api import operations as ops
from trackway.api.registry import CreateModelVersion, CreateRegisteredModel
from trackway.base.errors import Conflict
from trackway.sdk.client import Client


def test_an_endpoint_is_listed_shown_and_forgotten(trackway: Trackway) -> None:
    assert trackway("endpoints", "list").output == "No endpoints.\n"
    client = Client()
    client.call(ops.CREATE_REGISTERED_MODEL, CreateRegisteredModel(name="churn"))
    client.call(ops.CREATE_MODEL_VERSION, CreateModelVersion(name="churn", source="s3://bucket/churn"))
    server = d.AnnounceServer(name="live", server_id="a", model="churn", version=1, follows="@best")
    client.call(ops.ANNOUNCE_SERVER, server)
    assert "churn/1" in trackway("endpoints", "list", "--model", "churn", "--version", "1").output
    assert "state: serving" in trackway("endpoints", "get", "live").output
    assert json.loads(trackway("endpoints", "get", "live", "--json").output)["servers"][0]["follows"] == "@best"
    [found] = tw.endpoints.list_endpoints("churn")
    assert found == tw.endpoints.get("live")
    with pytest.raises(Conflict, match="is being served"):
        tw.endpoints.delete("live")
    client.call(ops.END_SERVER, d.EndServer(name="live", server_id="a"))
    assert trackway("endpoints", "list", "--model", "churn").output == "No endpoints.\n"
    assert trackway("endpoints", "delete", "live", "--yes").output.startswith(
        "Forgot endpoint live. To bring it back: trackway trash restore "
    )
    assert trackway("endpoints", "list").output == "No endpoints.\n"
