"""Store, blobs, rules and dispatch, put together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, Protocol

from trackway.artifacts.base import BlobStore
from trackway.artifacts.roots import open_blobs
from trackway.auth.authenticator import Authenticator
from trackway.auth.directory import Directory
from trackway.auth.external import GroupMapping
from trackway.auth.federation import Federation
from trackway.auth.grants import GrantService
from trackway.auth.policy import GrantPolicy
from trackway.auth.provisioning import ProvisioningService
from trackway.auth.reads import SensitiveReads
from trackway.auth.requests import RequestCounts
from trackway.auth.sessions import SessionService
from trackway.auth.users import UserService
from trackway.auth.workspaces import WorkspaceService
from trackway.base.addresses import sqlite_path
from trackway.base.errors import Unavailable
from trackway.base.sealing import Vault
from trackway.dispatch import Dispatch, OpenPolicy, record_denials
from trackway.jobs.worker import Pass, Task, Worker
from trackway.registry.endpoints import EndpointService
from trackway.registry.lineage import LineageService
from trackway.registry.models import RegisteredModelService
from trackway.registry.reviews import ReviewService
from trackway.registry.signatures import SignatureService
from trackway.registry.transfers import TransferService
from trackway.registry.versions import ModelVersionService
from trackway.rules.handlers import Handlers
from trackway.scheduling.service import ScheduleService
from trackway.scheduling.timekeeper import Timekeeper
from trackway.store.sql.store import SqlStore
from trackway.tracking.chains import check_chains
from trackway.tracking.chores import Chores
from trackway.tracking.experiments import ExperimentService
from trackway.tracking.files import FileService
from trackway.tracking.holds import HoldService
from trackway.tracking.ingest import IngestService
from trackway.tracking.limits import LimitService
from trackway.tracking.links import LinkService
from trackway.tracking.logged_models import LoggedModelService
from trackway.tracking.metrics import MetricService
from trackway.tracking.overviews import OverviewService
from trackway.tracking.quotas import QuotaService, judge_workspaces
from trackway.tracking.recovery import RecoveryService
from trackway.tracking.retention import RetentionService
from trackway.tracking.runs import RunService
from trackway.tracking.table import TableService
from trackway.webhooks.addresses import Allowed
from trackway.webhooks.courier import Courier
from trackway.webhooks.service import WebhookService
from trackway.wiring.directory import make_task


class Service(Protocol):
    """Whoever carries out operations."""

    def handlers(self) -> Handlers: ...


class Entrance(NamedTuple):
    """How access control lets callers in; None for what is usual.

    directory: where people sign in, with what its groups mean; None for here alone
    requests:  counts what workspaces ask of this process
    reads:     says which reads leave an entry in the audit log
    limits:    what this server was set to, beside the limits of all
    """

    directory: tuple[Directory, GroupMapping] | None = None
    requests: RequestCounts | None = None
    reads: SensitiveReads | None = None
    limits: Mapping[str, int] = MappingProxyType({})


class Platform:
    """Everything below the edges: store, blobs, rules and dispatch.

    store:     address of the database; a SQLite file's folder is made
    artifacts: address of the blob store
    webhook_networks: where webhooks may lead beside public addresses
    master_key_file:  what seals secrets, where TRACKWAY_MASTER_KEY does not say it
    entrance:  how callers are let in, where there is access control
    auth:      callers are who their credentials say, and may do what their roles permit; else anybody may do anything
    """

    def __init__(
        self,
        store: str,
        artifacts: str,
        webhook_networks: str = "",
        master_key_file: str = "",
        *,
        auth: bool = False,
        entrance: Entrance | None = None,
    ) -> None:
        directory, requests, reads, limits = entrance or Entrance()
        self.requests = requests or RequestCounts()
        allowed = Allowed(webhook_networks)
        self.vault = _open_vault(store, master_key_file)
        self.store = SqlStore(_prepare_store(store))
        grants = GrantPolicy(record_denials(self.store), reads) if auth else None
        self.directory = (directory[0], Federation(self.store, directory[1])) if directory else None
        self.authenticator = Authenticator(self.store, grants, self.directory) if grants else None
        self.blobs: BlobStore = open_blobs(artifacts)
        experiments = ExperimentService()
        retention = RetentionService()
        services: tuple[Service, ...] = (
            experiments,
            RunService(experiments),
            LinkService(),
            IngestService(),
            MetricService(),
            TableService(),
            OverviewService(),
            FileService(),
            LoggedModelService(),
            *_make_recoverable(allowed, self.vault),
            LineageService(),
            EndpointService(),
            SignatureService(),
            TransferService(),
            HoldService(),
            QuotaService(self.requests.count),
            LimitService(limits),
            UserService(),
            SessionService(),
            GrantService(),
            ProvisioningService(),
            WorkspaceService(),
            retention,
        )
        self.dispatch = Dispatch(self.store, [service.handlers() for service in services], grants or OpenPolicy())
        self.chores = Chores(self.store, self.blobs, retention)
        self.courier = Courier(self.store, allowed, self.vault)
        self.timekeeper = Timekeeper(self.store)

    def start_jobs(self) -> Worker:
        """Begin the background work."""
        chores = self.chores
        tasks: list[Task | Pass] = [
            Task("seal", 5.0, chores.seal_series),
            Task("reclaim", 60.0, chores.reclaim_space),
            Task("vacuum", 10.0, chores.vacuum_tables),
            Task("leases", 10.0, chores.expire_leases),
            Task("retention", 600.0, chores.purge_trash),
            Task("uploads", 600.0, chores.close_uploads),
            Task("credentials", 3_600.0, chores.forget_credentials),
            Task("idempotency", 3_600.0, chores.forget_idempotency_keys),
            Task("quotas", 60.0, partial(judge_workspaces, self.store)),
            Task("blobs", 600.0, chores.delete_blobs),
            Task("deliveries", 3_600.0, self.courier.forget_old),
            Task("schedules", 5.0, self.timekeeper.keep_time),
            Task("ticks", 3_600.0, self.timekeeper.forget_old),
            Pass("audit", 86_400.0, partial(check_chains, self.store)),
        ]
        if self.directory:
            tasks.append(make_task(*self.directory))
        worker = Worker(self.store, tasks)
        worker.start()
        return worker

    def close(self) -> None:
        """Finish what is queued and let go."""
        self.store.close()


def _make_recoverable(allowed: Allowed, vault: Vault) -> Iterator[Service]:
    """Yield the services that are told of what is back from the trash, and the one that brings it back."""
    models, versions, reviews = RegisteredModelService(), ModelVersionService(), ReviewService()
    webhooks, schedules = WebhookService(allowed, vault), ScheduleService()
    yield from (models, versions, reviews, webhooks, schedules)
    yield RecoveryService(
        {
            "registered_model": models.resume,
            "model_version": versions.resume,
            "comment": reviews.resume_comment,
            "webhook": webhooks.resume,
            "schedule": schedules.resume,
        }
    )


def _open_vault(store: str, file: str) -> Vault:
    """Return what seals secrets; beside a SQLite file, a key of its own is made when there is a first one to seal."""
    own = sqlite_path(store).absolute().with_name("master.key") if store.startswith("sqlite:") else None
    return Vault(os.environ.get("TRACKWAY_MASTER_KEY", ""), file, own)


def _prepare_store(uri: str) -> str:
    """Make the folder of a SQLite file, readable by its owner alone."""
    if uri.startswith("sqlite:"):
        folder = sqlite_path(uri).absolute().parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Unavailable(f"The folder {folder} cannot be made: {error.strerror}") from error
    return uri
