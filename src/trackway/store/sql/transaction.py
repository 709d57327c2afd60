"""All tables on one connection."""

from __future__ import annotations

from trackway.store.sql.access import AccessTable
from trackway.store.sql.connection import Connection
from trackway.store.sql.endpoints import EndpointTable
from trackway.store.sql.erasure import ErasureTable
from trackway.store.sql.experiments import ExperimentTable
from trackway.store.sql.files import FileTable
from trackway.store.sql.holds import HoldTable
from trackway.store.sql.housekeeping import HousekeepingTable
from trackway.store.sql.idempotency import IdempotencyTable
from trackway.store.sql.links import LinkTable
from trackway.store.sql.logged_models import LoggedModelTable
from trackway.store.sql.metrics import MetricTable
from trackway.store.sql.overviews import OverviewTable
from trackway.store.sql.provisioning import ProvisioningTable
from trackway.store.sql.quotas import QuotaTable
from trackway.store.sql.registry import RegistryTable
from trackway.store.sql.reviews import ReviewTable
from trackway.store.sql.run_cache import RunCache
from trackway.store.sql.runs import RunTable
from trackway.store.sql.schedules import ScheduleTable
from trackway.store.sql.signatures import SignatureTable
from trackway.store.sql.trash import TrashTable
from trackway.store.sql.webhooks import WebhookTable
from trackway.store.sql.workspaces import WorkspaceTable


class SqlTransaction:
    """See ``store.base.Transaction``. It holds no state of its own and serves one connection for good."""

    def __init__(self, db: Connection, cache: RunCache | None = None) -> None:
        self.db = db
        self.experiments = ExperimentTable(db)
        self.runs = RunTable(db, cache)
        self.links = LinkTable(db)
        self.overviews = OverviewTable(db)
        self.metrics = MetricTable(db, self.runs)
        self.files = FileTable(db)
        self.logged_models = LoggedModelTable(db)
        self.registry = RegistryTable(db)
        self.reviews = ReviewTable(db)
        self.signatures = SignatureTable(db)
        self.webhooks = WebhookTable(db)
        self.quotas = QuotaTable(db)
        self.schedules = ScheduleTable(db)
        self.endpoints = EndpointTable(db)
        self.access = AccessTable(db)
        self.provisioning = ProvisioningTable(db, self.access)
        self.housekeeping = HousekeepingTable(db)
        self.workspaces = WorkspaceTable(db)
        self.holds = HoldTable(db)
        self.idempotency_keys = IdempotencyTable(db)
        self.trash = TrashTable(db)
        self.erasure = ErasureTable(db)
