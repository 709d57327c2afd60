from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.sdk.scripted import Answer, answer, drip, ok, refusal, run_scripted
from tests.services.waiting import Stopwatch
from trackway.api import operations as ops
from trackway.api.artifacts import FileEntry
from trackway.api.experiments import Experiment, GetExperiment, GetExperimentByName
from trackway.api.registry import Comment, CreateComment
from trackway.api.runs import GetRunTree, Ingest, Ingested, RunTree, Series
from trackway.base import errors as e
from trackway.sdk.sources import CHUNK_BYTES, BytesSource, FileSource
from trackway.sdk.transport import HttpTransport, get_delay_s, is_temporary

EXPERIMENT = Experiment(
    experiment_id="7",
    name="prices",
    artifact_location="mlflow-artifacts:/7",
    lifecycle="active",
    created_ms=1,
    updated_ms=2,
)
GET = GetExperiment(experiment_id="7")


def test_a_read_sends_its_fields_in_path_and_query() -> None:
    with run_scripted(ok(RunTree(nodes=[]))) as server:
        transport = HttpTransport(server.url + "/mounted/")
        transport.call(ops.GET_RUN_TREE, GetRunTree(run_id="a/b c", depth=3, root=True))
    seen = server.seen[0]
    assert (seen.method, seen.target) == ("GET", "/mounted/api/v1/runs/a%2Fb%20c/tree?depth=3&root=true")
    assert seen.headers["accept"] == "application/msgpack"


def test_a_name_in_the_query_survives_every_character() -> None:
    with run_scripted(ok(EXPERIMENT)) as server:
        HttpTransport(server.url).call(ops.GET_EXPERIMENT_BY_NAME, GetExperimentByName(name="a&b=ü +%"))
    assert server.seen[0].target.endswith("/experiments-by-name?name=a%26b%3D%C3%BC+%2B%25&view=active")


def test_a_write_sends_its_struct_as_msgpack_and_reads_one_back() -> None:
    series = Series(key="loss", steps=b"\0" * 8, times_ms=b"\1" * 8, values=b"\2" * 8)
    request = Ingest(run_id="r1", session_id="s", first=3, last=9, series=[series])
    with run_scripted(ok(Ingested(acknowledged=9))) as server:
        assert HttpTransport(server.url).call(ops.INGEST, request) == Ingested(acknowledged=9)
    assert server.seen[0].target == "/api/v1/runs/r1/ingest"
    assert msgspec.msgpack.decode(server.seen[0].body, type=Ingest) == request


def test_an_empty_path_field_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(e.InvalidInput, match="experiment_id is empty"):
        HttpTransport("http://127.0.0.1:9").call(ops.GET_EXPERIMENT, GetExperiment(experiment_id=""))


@pytest.mark.parametrize("cls", e.BY_CODE.values(), ids=lambda cls: cls.__name__)
def test_an_error_arrives_as_the_class_that_was_raised(cls: type[e.TrackwayError]) -> None:
    facts = {"hint": "do so", "details": {"key": "x"}, "retry_after_s": 1.5}
    with run_scripted(refusal(cls.status, cls.code, **facts)) as server, pytest.raises(e.TrackwayError) as caught:
        HttpTransport(server.url, retry_s=0).call(ops.GET_EXPERIMENT, GET)
    error = caught.value
    assert type(error) is cls
    assert (error.message, error.hint, error.details, error.retry_after_s) == (
        f"it is {cls.code}",
        "do so",
        {"key": "x"},
        1.5,
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 501])
def test_a_refusal_is_never_sent_again(status: int) -> None:
    code = next(cls.code for cls in e.BY_CODE.values() if cls.status == status)
    with run_scripted(refusal(status, code)) as server, pytest.raises(e.TrackwayError):
        HttpTransport(server.url).call(ops.GET_EXPERIMENT, GET)
    assert len(server.seen) == 1


def _reset(connection: socket.socket) -> None:
    connection.close()


@pytest.mark.parametrize(
    "failure",
    [
        refusal(429, "rate_limited", retry_after_s=0.01),
        refusal(503, "unavailable", retry_after_s=0.01),
        refusal(500, "internal"),
        answer(502, b"<html>bad gateway</html>", "text/html"),
        answer(200, b"\x81\xa1", "application/msgpack"),
        ok(EXPERIMENT)[:-5],
        ok(EXPERIMENT)[:20],
        _reset,
    ],
    ids=["429", "503", "500", "gateway", "garbled", "cut body", "cut head", "closed"],
)
def test_what_may_pass_is_sent_again_until_it_succeeds(failure: Answer) -> None:
    with run_scripted(failure, failure, ok(EXPERIMENT)) as server:
        assert HttpTransport(server.url).call(ops.GET_EXPERIMENT, GET) == EXPERIMENT
    assert len(server.seen) == 3


def test_what_would_add_another_is_sent_again_with_the_key_that_it_was_sent_with() -> None:
    comment = Comment(comment_id="c", version=None, author="ann", created_ms=1, updated_ms=1, text="hello")
    request = CreateComment(name="churn", text="hello")
    with run_scripted(_reset, ok(comment)[:-5], ok(comment), ok(comment)) as server:
        transport = HttpTransport(server.url)
        assert [transport.call(ops.CREATE_COMMENT, request) for _ in range(2)] == [comment, comment]
    first, *repeats, other = (seen.headers["idempotency-key"] for seen in server.seen)
    assert repeats == [first, first]
    assert other != first


def test_what_is_the_same_however_often_it_is_sent_has_no_key() -> None:
    with run_scripted(ok(Ingested(acknowledged=0))) as server:
        HttpTransport(server.url).call(ops.INGEST, Ingest(run_id="r1"))
    assert "idempotency-key" not in server.seen[0].headers


def test_trying_again_ends_with_the_last_error() -> None:
    watch = Stopwatch()
    with run_scripted(refusal(503, "unavailable", retry_after_s=0.1)) as server, pytest.raises(e.Unavailable):
        HttpTransport(server.url, retry_s=0.35).call(ops.GET_EXPERIMENT, GET)
    assert 3 <= len(server.seen) <= 4
    assert watch.read_s() < 2


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(e.Unavailable, match="cannot be reached"):
        HttpTransport(url, retry_s=0).call(ops.GET_EXPERIMENT, GET)


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\n" * 1_000, answer(200, b"\x80" * 10_000)], ids=["head", "body"])
def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    monkeypatch.setenv("TRACKWAY_ANSWER_S", "0.5")
    with run_scripted(drip(begin, 0.02)) as server, pytest.raises(e.Unavailable, match=r"not whole after 0\.5 s"):
        HttpTransport(server.url, retry_s=0).call(ops.GET_EXPERIMENT, GET)


def test_a_file_may_drip_once_its_answer_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_ANSWER_S", "0.5")
    data = bytes(range(100))
    whole = answer(200, data)

    def send(connection: socket.socket) -> None:
        connection.sendall(whole[: -len(data)])
        drip(data, 0.01)(connection)

    with run_scripted(send) as server:
        assert b"".join(HttpTransport(server.url).download("a")) == data


def test_somebody_at_a_terminal_is_told_at_once_what_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("trackway.sdk.progress._is_watched", lambda: True)
    with run_scripted(refusal(503, "unavailable", retry_after_s=0.1), ok(EXPERIMENT)) as server:
        HttpTransport(server.url, retry_s=7).call(ops.GET_EXPERIMENT, GET)
    assert capsys.readouterr().err == "it is unavailable; trying for 7 s more (TRACKWAY_RETRY_S)\n"
    monkeypatch.setenv("TRACKWAY_PROGRESS", "false")
    with run_scripted(refusal(503, "unavailable", retry_after_s=0.1), ok(EXPERIMENT)) as server:
        HttpTransport(server.url, retry_s=7).call(ops.GET_EXPERIMENT, GET)
    assert capsys.readouterr().err == ""


def test_a_slow_answer_is_waited_for() -> None:
    with run_scripted(drip(ok(EXPERIMENT), 0.001)) as server:
        assert HttpTransport(server.url).call(ops.GET_EXPERIMENT, GET) == EXPERIMENT


@pytest.mark.parametrize(
    "foreign, expected",
    [
        (answer(200, b"<html>", "text/html"), e.NotSupported),
        (answer(404, b"<html>", "text/html"), e.NotSupported),
        (answer(404, b'{"error_code": "ENDPOINT_NOT_FOUND"}', "application/json"), e.NotSupported),
        (answer(302, Location="https://login.example/"), e.NotSupported),
        (answer(401, b"who?", "text/plain"), e.Unauthenticated),
        (answer(413, b"<html>", "text/html"), e.TooLarge),
        (answer(503, b"<html>", "text/html", Retry_After="7"), e.Unavailable),
    ],
)
def test_what_is_not_trackway_is_told_as_such(foreign: bytes, expected: type[e.TrackwayError]) -> None:
    with run_scripted(foreign) as server, pytest.raises(e.TrackwayError, match="is not Trackway") as caught:
        HttpTransport(server.url, retry_s=0).call(ops.GET_EXPERIMENT, GET)
    assert type(caught.value) is expected
    if expected is e.Unavailable:
        assert caught.value.retry_after_s == 7


@pytest.mark.parametrize("url", ["ftp://h", "http://", "http://h/?q=1", "http://h/#f", "h:5000"])
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(e.InvalidInput):
        HttpTransport(url)


@pytest.mark.parametrize(
    "variables, user_part, expected",
    [
        ({"MLFLOW_TRACKING_TOKEN": "t0"}, "", "Bearer t0"),
        ({"TRACKWAY_TRACKING_TOKEN": "t1", "MLFLOW_TRACKING_TOKEN": "t0"}, "", "Bearer t1"),
        ({"MLFLOW_TRACKING_USERNAME": "ü", "MLFLOW_TRACKING_PASSWORD": "p:w"}, "", "ü:p:w"),
        ({}, "ann:s%40crt@", "ann:s@crt"),
        ({"TRACKWAY_TRACKING_TOKEN": "t1"}, "ann:secret@", "Bearer t1"),
    ],
)
def test_credentials_come_from_environment_or_url(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], user_part: str, expected: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with run_scripted(ok(EXPERIMENT)) as server:
        HttpTransport(server.url.replace("//", f"//{user_part}")).call(ops.GET_EXPERIMENT, GET)
    sent = server.seen[0].headers["authorization"]
    assert (base64.b64decode(sent[6:]).decode() if sent.startswith("Basic ") else sent) == expected


def test_an_upload_streams_its_source_and_starts_over_when_it_fails() -> None:
    data = bytes(range(256)) * 5_000
    entry = FileEntry(path="1/r/artifacts/a b.bin", is_dir=False, size_bytes=4, sha256=hashlib.sha256(data).hexdigest())
    with run_scripted(refusal(503, "unavailable", retry_after_s=0.0), ok(entry)) as server:
        assert HttpTransport(server.url).upload("1/r/artifacts/a b.bin", BytesSource(data)) == entry
    assert [seen.target for seen in server.seen] == ["/api/v1/files/1/r/artifacts/a%20b.bin"] * 2
    assert server.seen[1].body == data


def test_an_upload_that_arrived_damaged_is_sent_again() -> None:
    wrong = FileEntry(path="p", is_dir=False, size_bytes=3, sha256="0" * 64)
    right = FileEntry(path="p", is_dir=False, size_bytes=3, sha256=hashlib.sha256(b"abc").hexdigest())
    with run_scripted(ok(wrong), ok(right)) as server:
        assert HttpTransport(server.url).upload("p", BytesSource(b"abc")) == right


def test_a_file_that_shrinks_while_it_is_logged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abcde")
    source = FileSource(str(path))
    path.write_bytes(b"abc")
    with run_scripted(ok(EXPERIMENT)) as server, pytest.raises(e.InvalidInput, match="2 bytes early"):
        HttpTransport(server.url, retry_s=0).upload("p", source)


def test_a_file_that_grows_while_it_is_logged_is_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    source = FileSource(str(path))
    path.write_bytes(b"abcde")
    entry = FileEntry(path="p", is_dir=False, size_bytes=3, sha256=hashlib.sha256(b"abc").hexdigest())
    with run_scripted(ok(entry)) as server:
        HttpTransport(server.url).upload("p", source)
    assert server.seen[0].body == b"abc"


def _file(data: bytes, total: int | None = None, status: int = 200) -> bytes:
    return answer(status, data, "application/octet-stream", ETag='"v1"').replace(
        b"Content-Length: %d" % len(data), b"Content-Length: %d" % (len(data) if total is None else total)
    )


def test_a_download_goes_on_where_it_broke() -> None:
    data = bytes(range(256)) * 20_000
    cut = _file(data[: CHUNK_BYTES + 1_000], len(data))
    with run_scripted(cut, _file(data[CHUNK_BYTES:], status=206)) as server:
        received = b"".join(HttpTransport(server.url).download("a/b.bin"))
    assert received == data
    again = server.seen[1].headers
    assert (again["if-range"], again["range"]) == ('"v1"', f"bytes={CHUNK_BYTES}-")


def test_a_download_can_begin_in_the_middle() -> None:
    with run_scripted(_file(b"llo", status=206)) as server:
        assert b"".join(HttpTransport(server.url).download("f", 2)) == b"llo"
    assert server.seen[0].headers["range"] == "bytes=2-"


def test_a_file_that_changed_meanwhile_is_not_patched_together() -> None:
    cut = _file(b"a" * CHUNK_BYTES, CHUNK_BYTES + 9)
    with run_scripted(cut, _file(b"b" * CHUNK_BYTES)) as server, pytest.raises(e.Corrupt, match="changed"):
        list(HttpTransport(server.url).download("f"))


def test_a_missing_file_is_told_before_the_first_byte() -> None:
    with run_scripted(refusal(404, "not_found")) as server, pytest.raises(e.NotFound):
        HttpTransport(server.url).download("f")


@pytest.mark.parametrize(
    "error, temporary",
    [
        (e.Unavailable(""), True),
        (e.RateLimited(""), True),
        (e.TrackwayError(""), True),
        (e.NotSupported(""), False),
        (e.Corrupt(""), False),
        (e.Conflict(""), False),
        (e.Unauthenticated(""), False),
    ],
)
def test_only_what_may_pass_is_temporary(error: e.TrackwayError, temporary: bool) -> None:
    assert is_temporary(error) is temporary


@pytest.mark.parametrize("attempt, least, most", [(0, 0.05, 0.1), (3, 0.4, 0.8), (20, 15, 30), (10_000, 15, 30)])
def test_delays_double_up_to_half_a_minute(attempt: int, least: float, most: float) -> None:
    check: Callable[[float], bool] = lambda delay_s: least <= delay_s <= most  # noqa: E731
    assert all(check(get_delay_s(e.Unavailable(""), attempt)) for _ in range(50))
