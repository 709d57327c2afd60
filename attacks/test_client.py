"""Servers that are hostile to who calls them: what was shown to one goes to no other."""

from __future__ import annotations

import msgspec
import pytest

from tests.webhooks.receivers import run_receiver
from trackway.api import operations as ops
from trackway.api.runs import SearchRuns
from trackway.base.errors import TrackwayError
from trackway.sdk.transport import HttpTransport

TOKEN = "twt_canary-of-this-server"


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_TRACKING_TOKEN", TOKEN)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_led_to_another_server_with_a_token(status: int) -> None:
    with run_receiver() as other:
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {other.url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        with run_receiver(head.encode()) as server:
            transport = HttpTransport(f"http://127.0.0.1:{server.port}", retry_s=0)
            with pytest.raises(TrackwayError):
                transport.call(ops.SEARCH_RUNS, SearchRuns())
        assert server.received[0].headers["authorization"] == f"Bearer {TOKEN}"
        assert other.connections == 0


def test_a_cookie_that_a_server_sets_is_not_kept() -> None:
    body = msgspec.msgpack.encode({"runs": []})
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/msgpack\r\nSet-Cookie: a=b; Path=/\r\nConnection: close\r\n"
    with run_receiver(head + b"Content-Length: %d\r\n\r\n" % len(body) + body) as server:
        transport = HttpTransport(f"http://127.0.0.1:{server.port}", retry_s=0)
        for _ in range(2):
            assert transport.call(ops.SEARCH_RUNS, SearchRuns()).runs == []
    assert [("cookie" in one.headers) for one in server.received] == [False, False]
