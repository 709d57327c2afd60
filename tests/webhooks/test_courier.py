"""What becomes of an event on its way to a receiver."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.calling import call
from tests.webhooks.receivers import OK, Receiver, run_receiver
from trackway.api import operations as ops
from trackway.api import webhooks as w
from trackway.api.registry import CreateRegisteredModel
from trackway.webhooks.addresses import Allowed
from trackway.webhooks.courier import DELAYS_S, KEPT_MS, Courier
from trackway.wiring.platform import Platform

ERROR = b"HTTP/1.1 500 Oh\r\n\r\nsecret of the inside"


class Time:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


class World:
    """A platform, a courier on a clock of its own, and calls to them."""

    def __init__(self, folder: Path) -> None:
        self.time = Time()
        self.platform = Platform(f"sqlite:///{folder}/t.db", "memory://", "127.0.0.1")
        self.platform.dispatch._clock = self.time
        self.courier = self.make_courier()

    def make_courier(self) -> Courier:
        return Courier(self.platform.store, Allowed("127.0.0.1"), self.platform.vault, timeout_s=2.0, clock=self.time)

    def call(self, operation: Any, request: Any) -> Any:
        return call(self.platform, operation, request)

    def watch(self, url: str, **fields: Any) -> str:
        request = w.CreateWebhook(name="ci", url=url, events=["registered_model.created"], **fields)
        return str(self.call(ops.CREATE_WEBHOOK, request).webhook_id)

    def happen(self, *names: str) -> None:
        for name in names:
            self.call(ops.CREATE_REGISTERED_MODEL, CreateRegisteredModel(name=name))

    def deliveries(self, webhook_id: str) -> list[w.Delivery]:
        """Return deliveries, oldest first."""
        page = self.call(ops.LIST_DELIVERIES, w.ListDeliveries(webhook_id=webhook_id))
        return list(reversed(page.deliveries))

    def deliver(self) -> None:
        """Deliver all that is due."""
        while self.courier.serve_next():
            pass


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.platform.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with run_receiver() as receiver:
        yield receiver


def names(receiver: Receiver) -> list[str]:
    return [json.loads(one.body)["data"]["name"] for one in receiver.received]


def test_an_event_arrives_with_headers_by_which_its_sender_is_known(world: World, receiver: Receiver) -> None:
    webhook_id = world.watch(receiver.url, secret="hush")
    world.happen("churn")
    world.deliver()
    [got], [kept] = receiver.received, world.deliveries(webhook_id)
    assert got.line == "POST /hook?a=1 HTTP/1.1"
    delivery_id, timestamp = got.headers["x-mlflow-delivery-id"], got.headers["x-mlflow-timestamp"]
    signed = f"{delivery_id}.{timestamp}.".encode() + got.body
    signature = base64.b64encode(hmac.new(b"hush", signed, hashlib.sha256).digest()).decode()
    assert got.headers["x-mlflow-signature"] == f"v1,{signature}"
    assert (got.headers["host"], got.headers["content-type"]) == (f"127.0.0.1:{receiver.port}", "application/json")
    assert (delivery_id, timestamp, got.body.decode()) == (kept.delivery_id, "1700000000", kept.body)
    body = json.loads(got.body)
    assert (body["entity"], body["action"], body["data"]["name"]) == ("registered_model", "created", "churn")
    assert body["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert (kept.state, kept.next_ms, [one.status for one in kept.attempts]) == ("delivered", None, [204])


def test_without_a_secret_there_is_no_signature(world: World, receiver: Receiver) -> None:
    world.watch(receiver.url)
    world.happen("churn")
    world.deliver()
    assert "x-mlflow-signature" not in receiver.received[0].headers


def test_events_arrive_in_their_order_and_once(world: World, receiver: Receiver) -> None:
    world.watch(receiver.url)
    world.happen(*"abcdefgh")
    world.deliver()
    world.deliver()
    assert names(receiver) == list("abcdefgh")


def test_a_delivery_that_fails_is_tried_again_later_and_later_until_it_is_dead(
    world: World, receiver: Receiver
) -> None:
    webhook_id = world.watch(receiver.url)
    world.happen("churn")
    receiver.answers = [ERROR] * 20
    for delay_s in DELAYS_S:
        world.deliver()
        [kept] = world.deliveries(webhook_id)
        assert kept.next_ms == world.time.now_ms + 1_000 * delay_s
        world.time.now_ms = kept.next_ms - 1
        tries = receiver.connections
        world.deliver()
        assert receiver.connections == tries, "it is not tried before its time"
        world.time.now_ms += 1
    world.deliver()
    [kept] = world.deliveries(webhook_id)
    assert (kept.state, kept.next_ms, len(kept.attempts)) == ("dead", None, len(DELAYS_S) + 1)
    assert {one.headers["x-mlflow-delivery-id"] for one in receiver.received} == {kept.delivery_id}
    assert "secret" not in repr(kept), "what a receiver answers is shown to nobody"


def test_a_dead_delivery_is_replayed_by_hand(world: World, receiver: Receiver) -> None:
    webhook_id = world.watch(receiver.url)
    world.happen("churn")
    receiver.answers = [b"HTTP/1.1 410 Gone\r\n\r\n"]
    world.deliver()
    [kept] = world.deliveries(webhook_id)
    assert kept.state == "dead", "who says that he is gone is not asked again"
    world.call(ops.REPLAY_DELIVERY, w.DeliveryName(webhook_id=webhook_id, delivery_id=kept.delivery_id))
    world.deliver()
    [kept] = world.deliveries(webhook_id)
    assert (kept.state, [one.status for one in kept.attempts]) == ("delivered", [410, 204])


def test_a_receiver_says_when_it_is_to_be_asked_again(world: World, receiver: Receiver) -> None:
    webhook_id = world.watch(receiver.url)
    world.happen("churn")
    receiver.answers = [b"HTTP/1.1 429 Slow\r\nRetry-After: 77\r\n\r\n"]
    world.deliver()
    assert world.deliveries(webhook_id)[0].next_ms == world.time.now_ms + 77_000


def test_one_receiver_that_is_away_does_not_keep_the_others_waiting(world: World, receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        away = world.watch(f"http://127.0.0.1:{closed.getsockname()[1]}/")
    world.watch(receiver.url)
    world.happen("a", "b", "c")
    world.deliver()
    assert names(receiver) == ["a", "b", "c"]
    kept = world.deliveries(away)
    assert [len(one.attempts) for one in kept] == [1, 0, 0], "what waits behind the first is not tried"
    assert {one.next_ms for one in kept} == {world.time.now_ms + 1_000 * DELAYS_S[0]}
    assert kept[0].attempts[0].error == "no connection, or it was closed without an answer"


def test_a_delivery_that_no_process_recorded_comes_again_under_its_id(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_id = world.watch(receiver.url)
    world.happen("churn")
    with monkeypatch.context() as patched:
        patched.setattr(world.courier, "_keep", None)
        with pytest.raises(TypeError):
            world.deliver()
    other = world.make_courier()
    other.serve_next()
    assert len({one.headers["x-mlflow-delivery-id"] for one in receiver.received}) == 1
    assert [one.state for one in world.deliveries(webhook_id)] == ["delivered"]


def test_several_replicas_deliver_each_event_once(world: World, receiver: Receiver) -> None:
    world.watch(receiver.url)
    world.watch(receiver.url.replace("hook", "other"))
    world.happen(*"abcdefghij")
    couriers = [world.make_courier() for _ in range(4)]
    threads = [threading.Thread(target=lambda c=courier: [c.serve_next() for _ in range(20)]) for courier in couriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.deliver()
    for path in ("/hook?a=1", "/other?a=1"):
        got = [json.loads(one.body)["data"]["name"] for one in receiver.received if one.line.split()[1] == path]
        assert got == list("abcdefghij")


def test_what_waits_goes_to_the_new_address_and_waits_while_a_webhook_is_not_enabled(
    world: World, receiver: Receiver
) -> None:
    webhook_id = world.watch("https://nowhere.invalid/")
    world.happen("a")
    world.call(ops.UPDATE_WEBHOOK, w.UpdateWebhook(webhook_id=webhook_id, url=receiver.url, enabled=False))
    world.happen("b")
    world.deliver()
    assert receiver.received == []
    world.call(ops.UPDATE_WEBHOOK, w.UpdateWebhook(webhook_id=webhook_id, enabled=True))
    world.deliver()
    assert names(receiver) == ["a"]


def test_a_test_is_tried_once_also_when_the_webhook_is_not_enabled(world: World, receiver: Receiver) -> None:
    webhook_id = world.watch(receiver.url, enabled=False)
    receiver.answers = [OK, ERROR]
    for state in ("delivered", "dead"):
        sent = world.call(ops.TEST_WEBHOOK, w.TestWebhook(webhook_id=webhook_id))
        world.deliver()
        name = w.DeliveryName(webhook_id=webhook_id, delivery_id=sent.delivery_id)
        assert world.call(ops.GET_DELIVERY, name).state == state


def test_what_ended_long_ago_is_forgotten(world: World, receiver: Receiver) -> None:
    webhook_id = world.watch(receiver.url)
    world.happen("a")
    world.deliver()
    world.time.now_ms += KEPT_MS
    world.courier.forget_old()
    assert len(world.deliveries(webhook_id)) == 1
    world.time.now_ms += 1
    world.courier.forget_old()
    assert world.deliveries(webhook_id) == []


def test_threads_deliver_by_themselves_and_end_when_told(world: World, receiver: Receiver) -> None:
    arrived = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(OK)
        arrived.set()

    with run_receiver(answer) as noting:
        world.watch(noting.url)
        world.happen("a")
        world.courier.start()
        assert arrived.wait(30)
        world.courier.close(30)
        assert not any(thread.is_alive() for thread in world.courier._threads)
    assert names(noting) == ["a"]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n",
    ],
)
def test_only_a_2xx_is_an_acknowledgement_and_nothing_is_followed(
    world: World, receiver: Receiver, answer: bytes
) -> None:
    webhook_id = world.watch(receiver.url)
    world.happen("a")
    receiver.answers = [answer]
    world.deliver()
    [kept] = world.deliveries(webhook_id)
    assert (kept.state, len(kept.attempts), receiver.connections) == ("pending", 1, 1)
