from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.services.trackway_server import run_trackway
from trackway.base import plugins
from trackway.base.errors import InvalidInput
from trackway.sdk.sources import BytesSource
from trackway.sdk.transport import HttpTransport, Transport
from trackway.testing.transports import TransportContract


@pytest.fixture(scope="module")
def local_transport(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transport]:
    transport: Transport = plugins.load("transport", "local")(str(tmp_path_factory.mktemp("local")))
    yield transport
    transport.close()


@pytest.fixture(scope="module")
def http_transport(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpTransport]:
    with run_trackway(tmp_path_factory.mktemp("server")) as port:
        transport = HttpTransport(f"http://127.0.0.1:{port}")
        yield transport
        transport.close()


class TestLocalTransport(TransportContract):
    @pytest.fixture
    def transport(self, local_transport: Transport) -> Transport:
        return local_transport


class TestHttpTransport(TransportContract):
    @pytest.fixture
    def transport(self, http_transport: Transport) -> Transport:
        return http_transport


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.sdk.multipart.PART_BYTES", 100_000)
    monkeypatch.setattr("trackway.sdk.transport.LARGE_BYTES", 250_000)


@pytest.fixture
def sent(http_transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the transport sends from now on, each by its method and path."""
    log: list[str] = []
    send = http_transport._send

    def note(method: str, path: str, *arguments: Any, **options: Any) -> Any:
        log.append(f"{method} {path.split('/')[1]} {path.split('/')[3]}")
        return send(method, path, *arguments, **options)

    monkeypatch.setattr(http_transport, "_send", note)
    return log


@pytest.mark.usefixtures("small_parts")
def test_a_large_file_goes_in_parts(http_transport: HttpTransport, sent: list[str]) -> None:
    data = bytes(range(256)) * 2_000
    entry = http_transport.upload("1/parts/ä b.bin", BytesSource(data))
    assert entry.sha256 == hashlib.sha256(data).hexdigest()
    assert len([line for line in sent if line.startswith("PUT uploads")]) == 6
    assert b"".join(http_transport.download("1/parts/ä b.bin")) == data


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("changed", [False, True])
def test_an_upload_that_broke_off_goes_on_with_what_has_not_arrived(
    http_transport: HttpTransport, sent: list[str], monkeypatch: pytest.MonkeyPatch, changed: bool
) -> None:
    data = bytes(range(256)) * 2_000
    put = http_transport._put
    left = [3]

    def break_off(*arguments: Any) -> Any:
        if left[0] == 0:
            raise InvalidInput("the caller died here")
        left[0] -= 1
        return put(*arguments)

    path = f"1/parts/{changed}.bin"
    with monkeypatch.context() as broken:
        broken.setattr(http_transport, "_put", break_off)
        with pytest.raises(InvalidInput):
            http_transport.upload(path, BytesSource(data))
    sent.clear()
    again = b"other" + data[5:] if changed else data
    http_transport.upload(path, BytesSource(again))
    assert len([line for line in sent if line.startswith("PUT uploads")]) == (4 if changed else 3)
    assert b"".join(http_transport.download(path)) == again
