"""What a registered model asks of a version before it may have a stage or an alias."""

from __future__ import annotations

import msgspec

from trackway.api.registry import ModelPolicy, PolicyRule, Stage
from trackway.base.errors import Conflict
from trackway.store.base import RegisteredRef, Transaction, VersionRef

_decode = msgspec.json.Decoder(ModelPolicy).decode


def read_policy(model: RegisteredRef) -> ModelPolicy:
    """Return the policy of a registered model."""
    return _decode(model.policy) if model.policy else ModelPolicy()


def check_policy(
    tx: Transaction,
    model: RegisteredRef,
    version: VersionRef,
    stage: Stage | None = None,
    alias: str = "",
    approved: bool = False,
) -> None:
    """Check that a version has what its policy asks for a stage or an alias.

    raises: Conflict naming what is missing
    """
    rule = find_rule(read_policy(model), stage, alias)
    if rule is None:
        return
    found = tx.registry.get_version(version.pk)
    missing: dict[str, str] = {}  # what there must be, and how it comes to be
    if rule.signature and not (set(found.signed_by) & set(rule.keys) if rule.keys else found.signed_by):
        missing[f"a signature by {' or '.join(rule.keys) or 'a trusted key'}"] = "sign it"
    if rule.evaluation and not found.evaluated_by:
        missing["a passed evaluation"] = "attest its evaluation"
    if rule.approval and not approved:
        missing["an approval"] = "request the transition and let somebody else approve"
    if missing:
        raise Conflict(
            f"Version {found.version} of {model.name!r} needs {' and '.join(missing)} for {stage or alias}",
            hint=", then ".join(missing.values()),
            details={"missing": list(missing)},
        )


def find_rule(policy: ModelPolicy, stage: Stage | None, alias: str) -> PolicyRule | None:
    """Return the rule for a stage or an alias."""
    return next((rule for rule in policy.rules if rule.stage == stage and rule.alias == alias), None)
