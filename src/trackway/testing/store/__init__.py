"""What every store promises, as tests: subclass ``StoreContract`` and give it a ``store`` fixture."""

from __future__ import annotations

from trackway.testing.store.access import AccessContract
from trackway.testing.store.endpoints import EndpointContract
from trackway.testing.store.erasure import ErasureContract
from trackway.testing.store.experiments import ExperimentContract
from trackway.testing.store.files import FileContract
from trackway.testing.store.holds import HoldContract
from trackway.testing.store.housekeeping import HousekeepingContract, QuotaContract
from trackway.testing.store.idempotency import IdempotencyContract
from trackway.testing.store.links import LinkContract
from trackway.testing.store.logged_models import LoggedModelContract
from trackway.testing.store.metrics import MetricContract
from trackway.testing.store.provisioning import ProvisioningContract
from trackway.testing.store.registry import RegistryContract
from trackway.testing.store.runs import RunContract
from trackway.testing.store.schedules import ScheduleContract
from trackway.testing.store.transactions import TransactionContract
from trackway.testing.store.trash import TrashContract
from trackway.testing.store.webhooks import WebhookContract
from trackway.testing.store.workspaces import WorkspaceContract


class StoreContract(
    TransactionContract,
    ExperimentContract,
    RunContract,
    LinkContract,
    MetricContract,
    FileContract,
    LoggedModelContract,
    RegistryContract,
    EndpointContract,
    WebhookContract,
    ScheduleContract,
    AccessContract,
    ProvisioningContract,
    HousekeepingContract,
    QuotaContract,
    HoldContract,
    IdempotencyContract,
    TrashContract,
    ErasureContract,
    WorkspaceContract,
):
    """The contract. The ``store`` fixture may give the same store to all tests: each works in its own workspace."""
