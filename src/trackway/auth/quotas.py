"""What is refused in a workspace that has passed a quota: more of the same, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackway.api import operations as ops
from trackway.api.operations import Operation
from trackway.api.quotas import QuotaKind
from trackway.api.structs import Request
from trackway.base.errors import RateLimited

RETRY_S = 60.0
_SPENDS: dict[str, QuotaKind] = {
    ops.CREATE_RUN.name: "runs",
    ops.INGEST.name: "points",
    ops.BEGIN_UPLOAD.name: "bytes",
    ops.COMMIT_UPLOAD.name: "bytes",
    ops.CREATE_MULTIPART.name: "bytes",
}


def check_quota(exceeded: Mapping[QuotaKind, int], operation: Operation[Any, Any], request: Request) -> None:
    """Refuse what would take more of what there is too much of.

    Params, tags and the end of a run are always taken. The answer is 429: clients keep what they have and send it
    again, so that nothing is lost when somebody makes room.

    raises: RateLimited
    """
    kind = _SPENDS.get(operation.name)
    if kind is None or kind not in exceeded or (kind == "points" and not getattr(request, "series", None)):
        return
    raise RateLimited(
        f"The workspace holds its quota of {exceeded[kind]:,} {kind}",
        hint="delete and purge something, or ask an administrator; what was logged waits until then",
        details={"quota": kind, "limit": exceeded[kind]},
        retry_after_s=RETRY_S,
    )
