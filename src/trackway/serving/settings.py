"""The scoring server's settings: one table drives the environment, the command line and the docs page."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from trackway.base.errors import InvalidInput
from trackway.base.settings import Setting, read_values

PREFIX: Final = "TRACKWAY_SERVE_"
MANAGERS: Final = ("local", "uv", "conda")

SETTINGS: tuple[Setting, ...] = tuple(
    Setting(name, kind, default, unit, text, PREFIX)
    for name, kind, default, unit, text in (
        ("model", str, "", "", "address of the model: models:/name@alias, models:/name/3, runs:/id/path, or a folder"),
        ("name", str, "", "", "what the model is called in the Open Inference Protocol; by default as registered"),
        ("endpoint", str, "", "", "endpoint that the registry shows this server at; by default of the model's name"),
        ("endpoint_address", str, "", "", "address that others reach it by, such as https://models.example.com/churn"),
        ("no_endpoint", bool, False, "", "do not tell the registry that the model is served"),
        ("host", str, "127.0.0.1", "", "address to listen on"),
        ("port", int, 5001, "", "port to listen on"),
        ("workers", int, 1, "", "processes, each with the model"),
        ("threads", int, 1, "", "calls of the model at the same time, in each process"),
        ("trust", bool, False, "", "let the model run code of its own: pickles, Python models"),
        ("env_manager", str, "local", "", "local, or what makes an environment as the model wants it: uv, conda"),
        ("timeout_s", float, 60.0, "s", "longest wait for an answer"),
        ("max_body", int, 67_108_864, "bytes", "largest body"),
        ("max_rows", int, 1_000_000, "rows", "most rows of one request"),
        ("max_waiting", int, 1_000, "requests", "requests that wait for the model; one more is answered 503"),
        ("max_batch", int, 1_024, "rows", "most rows that requests which wait are joined to; 1 keeps requests apart"),
        ("poll_s", float, 5.0, "s", "how often to ask which version an alias or stage means; 0 for never"),
        ("drain_s", float, 1.0, "s", "how long new connections are answered after SIGTERM, while readiness says no"),
        ("grace_s", float, 30.0, "s", "how long open requests may go on after that"),
        ("allowed_hosts", str, "", "", "names that Host and Origin may have, divided by commas; * for any"),
        ("insecure_open", bool, False, "", "serve other machines, though all who reach the port may use the model"),
        ("access_log", bool, False, "", "log each request"),
    )
)  # fmt: skip


class ServingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The scoring server's settings, read once."""

    model: str
    name: str
    endpoint: str
    endpoint_address: str
    no_endpoint: bool
    host: str
    port: int
    workers: int
    threads: int
    trust: bool
    env_manager: str
    timeout_s: float
    max_body: int
    max_rows: int
    max_waiting: int
    max_batch: int
    poll_s: float
    drain_s: float
    grace_s: float
    allowed_hosts: str
    insecure_open: bool
    access_log: bool


def read_serving_settings(given: dict[str, Any]) -> ServingSettings:
    """Return settings: those given (None is not given), else the environment's, else defaults.

    raises: InvalidInput for a value that cannot be
    """
    settings = ServingSettings(**read_values(SETTINGS, given))
    if not settings.model:
        raise InvalidInput("No model was named", hint="give -m models:/name@alias, runs:/id/path, or a folder")
    if settings.env_manager not in MANAGERS:
        raise InvalidInput(f"{settings.env_manager[:40]!r} makes no environments", hint=f"one of {', '.join(MANAGERS)}")
    for name in ("workers", "threads", "max_body", "max_rows", "max_waiting", "max_batch"):
        if getattr(settings, name) < 1:
            raise InvalidInput(f"{name} is {getattr(settings, name)}", hint="it must be 1 or more")
    for name in ("timeout_s", "grace_s"):
        if not getattr(settings, name) > 0:
            raise InvalidInput(f"{name} is {getattr(settings, name)}", hint="it must be more than 0")
    for name in ("poll_s", "drain_s"):
        if not getattr(settings, name) >= 0:
            raise InvalidInput(f"{name} is {getattr(settings, name)}", hint="it must be 0 or more")
    return settings
