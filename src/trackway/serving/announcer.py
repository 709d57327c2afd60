"""Tells the registry that a model is served here, for as long as it is.

Serving needs none of this: whatever goes wrong is a warning in the log, and is tried again.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from trackway.api import endpoints as d
from trackway.api import operations as ops
from trackway.base.errors import InvalidInput, NotFound
from trackway.rules.locations import check_server_address
from trackway.sdk.connection import get_tracking_uri, open_transport
from trackway.sdk.transport import Transport
from trackway.serving.deployment import find_followed, find_registered_name
from trackway.serving.settings import ServingSettings

LEASE_MS: Final = 60_000
RENEW_S: Final = 20.0
"""How often the lease is renewed: it outlives two renewals that fail."""
FAREWELL_S: Final = 2.0
"""How long the end waits for the registry to hear of it."""
_log = logging.getLogger("trackway.serving")


class Announcer:
    """Announces this server at an endpoint of the registry, renews its lease, and says when it ends.

    server_id: the same for all worker processes of a server, which announce it together
    raises:    InvalidInput when an endpoint was named for what is not registered, or its address can be none
    """

    def __init__(self, settings: ServingSettings, server_id: str) -> None:
        model = find_registered_name(settings.model)
        if settings.endpoint and not model:
            raise InvalidInput(
                "Only registered models are served at an endpoint", hint="give -m models:/name@alias or models:/name/3"
            )
        check_server_address(settings.endpoint_address)
        self._name = "" if settings.no_endpoint else settings.endpoint or model
        self._model = model
        self._follows = find_followed(settings.model)
        self._address = settings.endpoint_address
        self._server_id = server_id
        self._version = ""
        self._announced = ""
        self._failures = 0
        self._is_ending = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._transport: Transport | None = None

    def tell(self, version: str) -> None:
        """Say which version is in use from now on; the registry hears of it later."""
        self._version = version
        self._wake.set()
        if self._name and self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="trackway-announce", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Begin to say that this server ends."""
        self._is_ending = True
        self._wake.set()

    def close(self) -> None:
        """Wait until the registry has heard of the end, but not for long."""
        self.end()
        if self._thread is not None:
            self._thread.join(FAREWELL_S)

    def _keep(self) -> None:
        wait_s = 0.0
        while True:
            self._wake.wait(wait_s)
            self._wake.clear()
            if self._is_ending:
                break
            wait_s = self._attempt()
        if self._announced:
            try:
                self._open().call(ops.END_SERVER, d.EndServer(name=self._name, server_id=self._server_id))
            except Exception as error:  # noqa: BLE001 - the lease ends by itself
                _log.warning("Could not say that the endpoint %s is served no more here: %s", self._name, error)

    def _attempt(self) -> float:
        """Announce or renew; return how long to wait before the next time."""
        version = self._version
        try:
            self._announce_or_renew(version)
        except Exception as error:  # noqa: BLE001 - of a registry that is away, or whatever else it may be
            if not self._failures:
                _log.warning("Cannot announce the endpoint %s; serving on, and trying again: %s", self._name, error)
            self._failures += 1
            return min(RENEW_S, 0.5 * 2.0 ** min(self._failures, 10))
        if self._failures or version != self._announced:
            _log.info("Announced as endpoint %s, with version %s", self._name, version)
        self._announced, self._failures = version, 0
        return RENEW_S

    def _announce_or_renew(self, version: str) -> None:
        transport = self._open()
        if version == self._announced:
            renewal = d.RenewServer(name=self._name, server_id=self._server_id, lease_ms=LEASE_MS)
            try:
                transport.call(ops.RENEW_SERVER, renewal)
            except NotFound:  # somebody forgot it, or the store is another one now
                pass
            else:
                return
        announcement = d.AnnounceServer(
            name=self._name,
            server_id=self._server_id,
            model=self._model,
            version=int(version),
            follows=self._follows,
            address=self._address,
            lease_ms=LEASE_MS,
        )
        transport.call(ops.ANNOUNCE_SERVER, announcement)

    def _open(self) -> Transport:
        """Open a way to the registry on which nothing is tried again: that is done here, and said once."""
        if self._transport is None:
            self._transport = open_transport(get_tracking_uri(), retry_s=0)
        return self._transport
