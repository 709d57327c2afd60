"""What a workspace has beside experiments and registered models: automation, access, policies. It travels as a list."""

from __future__ import annotations

import msgspec

from trackway.api.access import Grant, Role, Team
from trackway.api.endpoints import Endpoint
from trackway.api.holds import Hold
from trackway.api.quotas import Usage
from trackway.api.schedules import Schedule
from trackway.api.signing import SigningKey
from trackway.api.webhooks import Webhook
from trackway.api.workspaces import WorkspaceContent


class PastWorkspace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workspace; the roles are those of its own.

    content: what there was when the export began
    usage:   with its quotas
    """

    content: WorkspaceContent
    trash_ms: int | None = None
    usage: Usage | None = None
    webhooks: list[Webhook] = []
    schedules: list[Schedule] = []
    endpoints: list[Endpoint] = []
    holds: list[Hold] = []
    signing_keys: list[SigningKey] = []
    roles: list[Role] = []
    teams: list[Team] = []
    grants: list[Grant] = []
