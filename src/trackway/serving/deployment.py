"""The model that is served: loaded from its address, and swapped for another when its alias or stage moves.

A new version is fetched, loaded and tried beside the one that is in use, which serves on until the new one is ready.
When the new one cannot be loaded, the old one stays, the log says why, and it is tried again, ever more rarely.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec

from trackway.base.errors import TrackwayError
from trackway.models import Model, load_model
from trackway.sdk.client import Client
from trackway.sdk.model_files import fetch_model
from trackway.sdk.versions import MODELS, find_version
from trackway.serving.reader import Reader
from trackway.serving.settings import ServingSettings

MOST_PATIENT_S: Final = 300.0
"""A version that could not be loaded is tried again at last so rarely."""
WARM_CALLS: Final = 3
_log = logging.getLogger("trackway.serving")


class Served(msgspec.Struct, frozen=True):
    """A model in use.

    name:    what the Open Inference Protocol calls it
    version: of the registry, or ``1`` for what is not registered
    label:   name and version, as answers carry it in a header
    """

    model: Model
    reader: Reader
    name: str
    version: str

    @property
    def label(self) -> str:
        return f"{self.name}/{self.version}"


class Deployment:
    """Holds the model in use.

    forget: told a model that is used no more
    tell:   told the version that is in use from now on
    """

    def __init__(
        self,
        settings: ServingSettings,
        forget: Callable[[Model], None],
        tell: Callable[[str], None] = lambda _version: None,
    ) -> None:
        self._settings = settings
        self._forget = forget
        self._tell = tell
        self._follows = bool(find_followed(settings.model))
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._current: Served | None = None
        self.swaps = 0
        self.failures = 0

    @property
    def current(self) -> Served:
        """The model that a request gets; a request keeps it until it is answered."""
        assert self._current is not None
        return self._current

    @property
    def is_ready(self) -> bool:
        """Whether requests are to be sent here."""
        return self._current is not None and not self._stopping.is_set()

    def load(self) -> Served:
        """Load the model for the first time.

        raises: TrackwayError, whatever the library raises
        """
        self._current = self._load(self._find_version())
        _log.info("Serving %s (%s) from %s", self._current.label, self._current.model.flavor, self._settings.model)
        self._tell(self._current.version)
        return self._current

    def watch(self) -> None:
        """Begin to follow the alias or stage; nothing for an address that never moves."""
        if self._follows and self._settings.poll_s:
            self._thread = threading.Thread(target=self._follow, name="trackway-follow", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop following, and say that no more requests are to be sent here."""
        self._stopping.set()

    def _find_version(self) -> str:
        """Return the version that the address stands for; empty for what is not registered."""
        return str(find_version(Client(), self._settings.model).version) if _is_registered(self._settings.model) else ""

    def _load(self, version: str) -> Served:
        settings = self._settings
        registered = find_registered_name(settings.model)
        address = f"{MODELS}{registered}/{version}" if version else settings.model
        model = load_model(fetch_model(address), trust=settings.trust)
        name = settings.name or registered or PurePosixPath(settings.model.rstrip("/")).name
        _warm_up(model)
        return Served(model, Reader(model.signature, settings.max_rows), name, version or "1")

    def _follow(self) -> None:
        wait_s = self._settings.poll_s
        is_away = False
        while not self._stopping.wait(wait_s):
            wait_s = self._settings.poll_s
            try:
                version = self._find_version()
            except Exception as error:  # noqa: BLE001 - of a registry that is away, or whatever else it may be
                if not is_away:
                    _log.warning(
                        "Cannot ask what %s means; serving %s on: %s", self._settings.model, self.current.label, error
                    )
                is_away = True
                continue
            if is_away:
                _log.info("The registry answers again")
                is_away = False
            if version != self.current.version:
                wait_s = self._swap(version)

    def _swap(self, version: str) -> float:
        """Put a version into use; return how long to wait before the next look."""
        started = time.monotonic()
        try:
            served = self._load(version)
        except Exception as error:  # noqa: BLE001 - whatever loading raises, the old model serves on
            self.failures += 1
            kind = "" if isinstance(error, TrackwayError) else f"{type(error).__name__}: "
            _log.error("Cannot load version %s; serving %s on: %s%s", version, self.current.label, kind, error)
            return min(MOST_PATIENT_S, self._settings.poll_s * (1 << min(self.failures, 10)))
        old, self._current = self.current, served
        self._forget(old.model)
        self._tell(version)
        self.swaps += 1
        self.failures = 0
        _log.info("Swapped %s for %s in %.1f s", old.label, served.label, time.monotonic() - started)
        return self._settings.poll_s


def _warm_up(model: Model) -> None:
    """Ask a library's model for its own example, so that the first request does not wait for what is made on demand."""
    if not model.is_rowwise or model.mlmodel.example is None:
        return
    try:
        example: Any = model.input_example
        for _ in range(WARM_CALLS):
            model.predict(example)
    except Exception as error:  # noqa: BLE001 - an example is no promise
        _log.debug("The model's own example failed: %s", error)


def _is_registered(uri: str) -> bool:
    rest = uri.removeprefix(MODELS)
    return uri.startswith(MODELS) and ("@" in rest or "/" in rest.strip("/")) and not rest.startswith("m-")


def find_registered_name(uri: str) -> str:
    """Return the registered model that an address is about; empty for what is not registered."""
    if not _is_registered(uri):
        return ""
    rest = uri.removeprefix(MODELS)
    name, slash, _ = rest.partition("/")
    return name if slash else rest.rpartition("@")[0]


def find_followed(uri: str) -> str:
    """Return what an address follows: ``@alias``, a stage or ``latest``; empty for what never moves."""
    if not _is_registered(uri):
        return ""
    _, slash, rest = uri.removeprefix(MODELS).partition("/")
    if not slash:
        return f"@{uri.rpartition('@')[2]}"
    return "" if rest.isdigit() else rest
