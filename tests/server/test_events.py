"""Streams of events over real connections: who is told what, and what of a stream that broke."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from tests.server.access import ADMIN, PASSWORD, basic
from tests.services.mlflow_api import Api
from tests.services.ports import free_port
from tests.services.trackway_server import COMMAND, TrackwayServer, run_server, run_trackway, wait_until_ready
from trackway.api import limits
from trackway.api import operations as ops
from trackway.api.access import ROLES
from trackway.api.calls import ANONYMOUS, EVERYTHING, Call
from trackway.api.experiments import UpdateExperiment
from trackway.auth.rights import Rights
from trackway.http.messages import HttpRequest
from trackway.server.changes import Batch, Changes
from trackway.server.events import EventRoutes
from trackway.store.workspaces import DEFAULT
from trackway.wiring.platform import Platform

WAIT_S = 60


class Event(NamedTuple):
    name: str
    id: str
    data: dict[str, Any]


class Stream:
    """One open stream."""

    def __init__(self, response: HTTPResponse) -> None:
        self.response = response
        self.status = response.status

    def read(self) -> Event:
        """Wait for the next event."""
        fields: dict[str, str] = {}
        while True:
            line = self.response.readline()
            assert line, "the stream ended"
            name, _, value = line.decode().strip().partition(": ")
            if not name and "event" in fields:
                return Event(fields["event"], fields["id"], json.loads(fields["data"]))
            if name:
                fields[name] = value

    def read_until(self, run: str) -> list[Event]:
        """Wait until a run is told of."""
        events = [self.read()]
        while run not in events[-1].data["runs"]:
            events.append(self.read())
        return events


@contextmanager
def listen(port: int, query: str = "", last: str = "", token: str = "") -> Iterator[Stream]:
    connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        headers = {"last-event-id": last} if last else {}
        if token:
            headers["authorization"] = f"Bearer {token}"
        connection.request("GET", f"/api/v1/events{query}", headers=headers)
        yield Stream(connection.getresponse())
    finally:
        connection.close()


@pytest.fixture
def administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is there from the start on servers with access control."""
    monkeypatch.setenv("TRACKWAY_ADMIN_USERNAME", ADMIN)
    monkeypatch.setenv("TRACKWAY_ADMIN_PASSWORD", PASSWORD)


@pytest.fixture
def api(server_port: int) -> Api:
    return Api(server_port)


def test_who_listens_to_an_experiment_hears_of_its_runs_and_of_no_others(api: Api) -> None:
    mine, other = api.make_experiment(), api.make_experiment()
    with listen(api.port, f"?experiment={mine}") as stream:
        assert stream.read().name == "hello"
        foreign = api.make_run(other)
        run = api.make_run(mine)
        events = stream.read_until(run)
        assert foreign not in str(events)
        assert events[-1].data["experiments"] == [mine]
        api.post("/runs/log-metric", {"run_id": run, "key": "m", "value": 1, "timestamp": 1})
        assert stream.read_until(run)[-1].name == "change"


def test_who_listens_to_everything_is_told_that_something_changed_and_not_what(api: Api) -> None:
    with listen(api.port) as stream:
        stream.read()
        api.make_experiment()
        assert stream.read().data == {"runs": [], "experiments": [], "models": [], "all": True}


def test_a_model_is_listened_to_by_its_name(api: Api) -> None:
    for name in ("heard", "unheard"):
        api.post("/registered-models/create", {"name": name})
    with listen(api.port, "?model=heard") as stream:
        stream.read()
        for name in ("unheard", "heard"):
            api.post("/registered-models/set-tag", {"name": name, "key": "k", "value": "v"})
        assert stream.read().data["models"] == ["heard"]


def test_a_stream_that_broke_goes_on_with_what_was_missed(api: Api) -> None:
    mine = api.make_experiment()
    with listen(api.port, f"?experiment={mine}") as stream:
        stream.read()
        last = stream.read_until(api.make_run(mine))[-1].id
        missed = api.make_run(mine)
        stream.read_until(missed)
    with listen(api.port, f"?experiment={mine}", last) as stream:
        assert stream.read().name == "hello"
        stream.read_until(missed)


@pytest.mark.parametrize("last", ["nobody-1", "x", "-", "é-1", "0" * 500])
def test_who_comes_back_with_an_unknown_id_is_told_to_begin_anew(api: Api, last: str) -> None:
    with listen(api.port, last=last) as stream:
        assert stream.read().name == "reset"


@pytest.mark.parametrize(
    "query, status",
    [
        ("?experiment=987654321", 404),
        ("?experiment=x", 400),
        ("?model=nobody", 404),
        ("?run=1", 400),
        ("?" + "&".join(["experiment=0"] * (limits.EVENT_TOPICS + 1)), 400),
    ],
)
def test_a_stream_about_what_is_not_there_is_refused(api: Api, query: str, status: int) -> None:
    with listen(api.port, query) as stream:
        assert stream.status == status


def test_one_address_has_so_many_streams_and_no_more(api: Api) -> None:
    opened = [listen(api.port) for _ in range(limits.EVENT_STREAMS_PER_ADDRESS)]
    try:
        assert {one.__enter__().read().name for one in opened} == {"hello"}
        with listen(api.port) as stream:
            assert stream.status == 429
    finally:
        for one in opened:
            one.__exit__(None, None, None)


def test_who_reads_nothing_costs_one_batch_and_is_told_less(monkeypatch: pytest.MonkeyPatch) -> None:
    listener_runs = 10 * 1_000
    batch = Batch()
    for number in range(listener_runs):
        batch.add(Batch(runs={str(number)}, experiments={"1"}))
    assert len(batch.runs) <= 1_000
    assert batch.experiments == {"1"}


@pytest.mark.usefixtures("administrator")
@pytest.mark.parametrize("ended", ["grant", "token", "user"])
def test_a_stream_ends_with_the_right_to_listen_and_tells_nothing_more(tmp_path: Path, ended: str) -> None:
    with run_trackway(tmp_path, "--auth") as port:
        experiment = ask(port, "POST", "/experiments", {"name": "restricted"})["experiment_id"]
        tokens = {}
        for name in ("ann", "bea"):
            ask(port, "POST", "/users", {"name": name, "kind": "service"})
            tokens[name] = ask(port, "POST", "/tokens", {"name": "t", "user": name})
            grant = {"subject_kind": "user", "subject": name, "target_kind": "experiment", "target": experiment}
            given = ask(port, "POST", "/grants", {**grant, "role": "reader"})
        revoke = {
            "grant": ("DELETE", f"/grants/{given['grant_id']}", None),
            "token": ("DELETE", f"/tokens/{tokens['bea']['token']['token_id']}", {"user": "bea"}),
            "user": ("PATCH", "/users/bea", {"disabled": True}),
        }
        query = f"?experiment={experiment}"
        with (
            listen(port, query, token=tokens["ann"]["secret"]) as stays,
            listen(port, query, token=tokens["bea"]["secret"]) as goes,
            listen(port, token=tokens["bea"]["secret"]) as goes_if_nobody,
        ):
            run = ask(port, "POST", "/runs", {"experiment_id": experiment})["run_id"]
            for stream in (stays, goes):
                stream.read_until(run)
            assert goes_if_nobody.read().name == "hello"
            ask(port, *revoke[ended])
            left = goes.response.read().decode()
            assert "change" not in left
            unheard = ask(port, "POST", "/runs", {"experiment_id": experiment})["run_id"]
            stays.read_until(unheard)
            if ended != "grant":
                told = goes_if_nobody.response.read().decode()
                assert told.count("event: change") == 1, "of the run that it might see"


@pytest.mark.usefixtures("administrator")
def test_who_may_see_none_of_what_changed_is_told_nothing(tmp_path: Path) -> None:
    with run_trackway(tmp_path, "--auth") as port, ExitStack() as opened:
        seen, hidden = (ask(port, "POST", "/experiments", {"name": name})["experiment_id"] for name in ("a", "b"))
        for name in ("heard", "unheard"):
            ask(port, "POST", "/registered-models", {"name": name})
        grants = {
            "nobody": None,
            "of experiment": {"target_kind": "experiment", "target": seen},
            "of model": {"target_kind": "registered_model", "target": "heard"},
            "of all": {"target_kind": "workspace", "target": ""},
        }
        tokens, streams = {}, {}
        for who, grant in grants.items():
            name = who.replace(" ", "-")
            ask(port, "POST", "/users", {"name": name, "kind": "service"})
            tokens[who] = ask(port, "POST", "/tokens", {"name": "t", "user": name})
            if grant is not None:
                ask(port, "POST", "/grants", {"subject_kind": "user", "subject": name, "role": "reader", **grant})
        admin = ask(port, "POST", "/tokens", {"name": "t"})["secret"]
        told = opened.enter_context(listen(port, token=admin))
        assert told.read().name == "hello"
        for who, token in tokens.items():
            streams[who] = opened.enter_context(listen(port, token=token["secret"]))
            assert streams[who].read().name == "hello"
        acts: list[tuple[str, str, Any]] = [
            ("POST", "/runs", {"experiment_id": hidden}),
            ("POST", "/users", {"name": "new", "kind": "service"}),
            ("PATCH", "/registered-models/unheard", {"description": "x"}),
            ("POST", "/runs", {"experiment_id": seen}),
            ("PATCH", "/registered-models/heard", {"description": "x"}),
        ]
        for act in acts:  # each is told for itself, as its telling is waited for
            ask(port, *act)
            assert told.read().data == {"runs": [], "experiments": [], "models": [], "all": True}
        for who, token in tokens.items():
            ask(port, "DELETE", f"/tokens/{token['token']['token_id']}", {"user": who.replace(" ", "-")})
        changes = {who: stream.response.read().decode().count("event: change") for who, stream in streams.items()}
        assert changes == {"nobody": 0, "of experiment": 1, "of model": 1, "of all": 4}


@pytest.mark.usefixtures("administrator")
def test_who_is_given_something_while_listening_is_told_to_look(tmp_path: Path) -> None:
    with run_trackway(tmp_path, "--auth") as port:
        experiment = ask(port, "POST", "/experiments", {"name": "a"})["experiment_id"]
        ask(port, "POST", "/users", {"name": "ann", "kind": "service"})
        token = ask(port, "POST", "/tokens", {"name": "t", "user": "ann"})["secret"]
        with listen(port, token=token) as stream:
            assert stream.read().name == "hello"
            ask(port, "POST", "/runs", {"experiment_id": experiment})
            grant = {"subject_kind": "user", "subject": "ann", "target_kind": "experiment", "target": experiment}
            ask(port, "POST", "/grants", {**grant, "role": "reader"})
            assert stream.read().data["all"]
            ask(port, "POST", "/runs", {"experiment_id": experiment})
            assert stream.read().data["all"]


def test_ids_of_events_do_not_tell_how_much_there_was_to_tell(api: Api) -> None:
    ids = []
    for _ in range(3):
        with listen(api.port) as stream:
            ids.append(stream.read().id)
    assert len(set(ids)) == 3, "the same place has another id each time"
    with listen(api.port, last=ids[0]) as stream:
        assert stream.read().name == "hello"


class Asking:
    """Who asks for a stream and has every right. See ``server.calls.Caller``."""

    def __init__(self) -> None:
        self.call = Call(actor=ANONYMOUS, workspace="default", request_id="r", now_ms=0)
        self.workspace = "default"

    async def __call__(self, _operation: Any, _request: Any, /) -> Any:
        return None


@pytest.mark.parametrize("something", [True, False], ids=["something changes", "nothing changes"])
@pytest.mark.parametrize("query", [b"", b"experiment=1"])
def test_a_stream_ends_when_its_credential_ends_by_its_time(tmp_path: Path, query: bytes, something: bool) -> None:
    now_ms = 1_000
    rights = make_rights(expires_ms=1_050)
    scope = {"method": "GET", "path": "/api/v1/events", "query_string": query, "headers": []}
    renamed = (ops.UPDATE_EXPERIMENT, UpdateExperiment(experiment_id="1", name="b"), None)

    async def work(changes: Changes) -> list[bytes]:
        nonlocal now_ms
        changes.open()
        routes = EventRoutes(changes, lambda _: "here", lambda _: rights, lambda: now_ms)
        answer = await routes.listen(HttpRequest(scope, cast("Any", None), cast("Any", None)), Asking())
        stream = cast("AsyncIterator[bytes]", answer.body)
        assert b"hello" in (await anext(stream)) + (await anext(stream))
        changes.note("default", *renamed)
        assert b"event: change" in await anext(stream)
        if something:
            changes.note("default", *renamed)
        now_ms = 1_050
        return [told async for told in stream]

    with closing(Platform(f"sqlite:///{tmp_path}/t.db", str(tmp_path / "artifacts"))) as platform:
        changes = Changes(platform.store)
        try:
            assert asyncio.run(asyncio.wait_for(work(changes), WAIT_S)) == []
        finally:
            changes.close()


def make_rights(expires_ms: int) -> Rights:
    """Return those of a reader of the whole workspace."""
    return Rights(
        version=0,
        actor=ANONYMOUS,
        user_pk=1,
        is_admin=False,
        provisions=False,
        means="token",
        expires_ms=expires_ms,
        ceiling=ROLES["reader"],
        workspace=ROLES["reader"],
        experiments={},
        named={"registered_model": {}, "endpoint": {}, "schedule": {}},
        sees=EVERYTHING,
        exceeded={},
        requests_per_minute=None,
        place=DEFAULT,
        bound="",
        enters=True,
    )


def ask(port: int, method: str, path: str, body: object = None) -> Any:
    """Call the native API as the administrator."""
    connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        headers = {"content-type": "application/json", "authorization": basic(ADMIN)[1].decode()}
        connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status == 200, answer
        return answer
    finally:
        connection.close()


def test_what_another_process_wrote_into_the_file_is_seen(tmp_path: Path) -> None:
    script = "import trackway as tw; tw.set_experiment('beside'); tw.start_run(); tw.end_run()"
    with run_server(tmp_path) as server, listen(server.port) as stream:
        stream.read()
        command = [COMMAND.replace("trackway", "python"), "-c", script]
        environment = {"TRACKWAY_TRACKING_URI": f"sqlite:///{tmp_path}/t.db", "PATH": "/usr/bin:/bin"}
        subprocess.run(command, cwd=tmp_path, check=True, env=environment)
        assert stream.read().data["all"]


def test_open_streams_do_not_keep_a_server_from_stopping(tmp_path: Path) -> None:
    with run_server(tmp_path) as server, listen(server.port) as stream:
        stream.read()
        server.process.send_signal(signal.SIGTERM)
        assert stream.response.read() == b"", "it ended in order"
        assert server.process.wait(WAIT_S) == 0
        assert "Cancel" not in server.log.read_text()


def test_changes_cross_from_one_process_to_another_on_postgresql(postgres_database: str, tmp_path: Path) -> None:
    with run_second(postgres_database, tmp_path / "a") as one, run_second(postgres_database, tmp_path / "b") as other:
        experiment = Api(one).make_experiment()
        with listen(other, f"?experiment={experiment}") as stream:
            stream.read()
            with make_runs(Api(one), experiment):  # until the one has heard that a page listens at the other
                while not stream.read().data.get("runs"):
                    pass
            many = [Api(one).make_run(experiment) for _ in range(3)]
            stream.read_until(many[-1])


@contextmanager
def make_runs(api: Api, experiment: str) -> Iterator[None]:
    """Make one run after another, until the block ends."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.1):
            api.make_run(experiment)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def run_second(store: str, folder: Path) -> Iterator[int]:
    """Run one of several servers of a database."""
    folder.mkdir()
    port = free_port()
    command = [COMMAND, "server", "--port", str(port), "--store", store, "--artifacts", str(folder), "--jobs=false"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process,
    ):
        try:
            wait_until_ready(TrackwayServer(port, process, folder / "log"))
            yield port
        finally:
            process.terminate()
            process.wait(WAIT_S)
