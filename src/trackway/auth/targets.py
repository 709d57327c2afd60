"""What a call is about, and what its actor may do to that: one check for each kind of target.

Of an object that the actor may not read, every check says what is said of one that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast, get_args

from trackway.api import access as c
from trackway.api import endpoints as d
from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.api import registry as g
from trackway.api import runs as r
from trackway.api.artifacts import CARD
from trackway.api.calls import Call, Permission, Target
from trackway.api.operations import Access
from trackway.artifacts.paths import check_artifact_path
from trackway.auth.rights import NOTHING, Permissions, Rights
from trackway.base.errors import AlreadyExists, NotFound, PermissionDenied
from trackway.rules import default_experiment
from trackway.rules.checks import parse_experiment_id
from trackway.store.base import Transaction
from trackway.store.trash import TrashRow


class AdmittedCall(Call, frozen=True, kw_only=True):
    """A call that the policy has let in; ``makes`` when its actor is to be the owner of what it creates."""

    rights: Any
    makes: bool = True


Check = Callable[[Transaction, AdmittedCall, Access, Any], None]
Extra = Callable[[Transaction, AdmittedCall, Any], AdmittedCall]


def require(permissions: Permissions, needed: Permission, missing: NotFound) -> None:
    """Let a call pass that has a right.

    raises: ``missing`` when not even the object may be seen, PermissionDenied when only the right is wanting
    """
    if needed in permissions and "read" in permissions:
        return
    if "read" not in permissions:
        raise missing
    raise PermissionDenied(
        f"This needs the permission {needed!r} on it", hint="who manages it can give you a role that has it"
    )


def check_experiment(call: AdmittedCall, experiment_id: str, needed: Permission) -> None:
    """Check a right on an experiment."""
    number = parse_experiment_id(experiment_id)
    require(_rights(call).on_experiment(number), needed, NotFound(f"No experiment with id {experiment_id}"))


def check_run(tx: Transaction, call: AdmittedCall, run_id: str, needed: Permission) -> None:
    """Check a right on a run: that on its experiment."""
    rights = _rights(call)
    if needed in rights.workspace and "read" in rights.workspace:
        return
    home = tx.runs.find_home(call.workspace, run_id)
    missing = NotFound(f"Run {run_id[:64]!r} not found")
    require(NOTHING if home is None else rights.on_experiment(home), needed, missing)


def check_logged_model(tx: Transaction, call: AdmittedCall, model_id: str, needed: Permission) -> None:
    """Check a right on the record of a model: that on its experiment."""
    rights = _rights(call)
    if needed in rights.workspace and "read" in rights.workspace:
        return
    model = tx.logged_models.get(call.workspace, model_id, deleted=True)
    permissions: Permissions = rights.on_experiment(int(model.experiment_id)) if model else frozenset()
    require(permissions, needed, NotFound(f"Logged model {model_id[:80]!r} not found"))


def check_named(call: AdmittedCall, kind: c.NamedKind, name: str, needed: Permission) -> None:
    """Check a right on a registered model, an endpoint or a schedule."""
    require(_rights(call).on_named(kind, name), needed, missing(kind, name))


def missing(kind: c.NamedKind, name: str) -> NotFound:
    """Make the error that is raised of an object that is not there."""
    return NotFound(_MISSING[kind].format(name[:80]))


_MISSING: dict[c.NamedKind, str] = {
    "registered_model": "Registered Model with name={} not found",
    "endpoint": "Endpoint {!r} not found",
    "schedule": "Schedule {!r} not found",
}


def check_file(tx: Transaction, call: AdmittedCall, path: str, needed: Permission) -> None:
    """Check a right on a file or folder: that on the experiment whose number its path begins with.

    Who may read a registered model may read the files that its versions are made of, too.
    """
    rights = _rights(call)
    path = check_artifact_path(path) if path else ""
    begin = path.partition("/")[0]
    permissions = rights.workspace
    if begin.isascii() and begin.isdigit() and len(begin) <= 18 and str(int(begin)) == begin:
        permissions = rights.on_experiment(int(begin))
    if (
        needed == "read"
        and "read" not in permissions
        and rights.named["registered_model"]
        and path
        and _is_in_version(tx, call, path)
    ):
        return
    require(permissions, needed, NotFound(f"No artifact at {path[:200]!r}"))


def check_workspace(call: AdmittedCall, needed: Permission) -> None:
    """Check a right on the workspace as a whole."""
    if needed not in _rights(call).workspace:
        raise PermissionDenied(
            f"This needs the permission {needed!r} on the workspace", hint="its administrators can give you a role"
        )


def check_grant(call: AdmittedCall, kind: c.GrantKind | None, target: str) -> None:
    """Check that an actor may give and take roles on something."""
    if kind is None or kind == "workspace" or "*" in target:
        check_workspace(call, "admin")
    elif kind == "experiment":
        check_experiment(call, target, "manage")
    else:
        check_named(call, kind, target, "manage")


def _is_in_version(tx: Transaction, call: AdmittedCall, path: str) -> bool:
    """Tell whether a path is in the folder of a version whose model may be read, is the folder, or its card."""
    parts = path.removesuffix(CARD).split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    found = tx.registry.find_frozen(call.workspace, above, "")
    return found is not None and "read" in _rights(call).on_named("registered_model", found[0])


def _on_system(_tx: Transaction, call: AdmittedCall, _access: Access, _request: Any) -> None:
    if not _rights(call).is_admin:
        raise PermissionDenied("Only administrators of the installation may do this")


def _on_provisioning(_tx: Transaction, call: AdmittedCall, _access: Access, _request: Any) -> None:
    if not _rights(call).provisions:
        raise PermissionDenied("This needs a token for provisioning", hint="an administrator can make one")


def _on_self(_tx: Transaction, call: AdmittedCall, access: Access, request: Any) -> None:
    """Everybody who is known may, with what is not for less; the handler looks at whom the request names."""
    if access.permission not in _rights(call).ceiling and not isinstance(request, c.WhoAmI):
        raise PermissionDenied("This token is not for that", hint="sign in, or send a token without a role")


def _on_workspace(_tx: Transaction, call: AdmittedCall, access: Access, _request: Any) -> None:
    check_workspace(call, access.permission)


def _on_grant(tx: Transaction, call: AdmittedCall, access: Access, request: Any) -> None:
    if access.target_field:
        number = request.grant_id
        is_number = number.isascii() and number.isdigit() and len(number) <= 18
        grant = tx.access.get_grant(call.workspace, int(number)) if is_number else None
        if grant is None:
            check_workspace(call, "admin")  # who may not see all of them learns nothing about which there are
            return
        check_grant(call, grant.target_kind, grant.target)
        return
    check_grant(call, request.target_kind, request.target)


def _on_experiment(_tx: Transaction, call: AdmittedCall, access: Access, request: Any) -> None:
    if isinstance(request, r.CreateRun) and (request.experiment_name or not request.experiment_id):
        return  # ``_create_run`` looks at the experiment that is meant
    check_experiment(call, getattr(request, access.target_field), access.permission)


def _on_run(tx: Transaction, call: AdmittedCall, access: Access, request: Any) -> None:
    check_run(tx, call, getattr(request, access.target_field), access.permission)
    if access.reads_field:
        check_run(tx, call, getattr(request, access.reads_field), "read")


def _on_runs(tx: Transaction, call: AdmittedCall, access: Access, request: Any) -> None:
    for run_id in dict.fromkeys(getattr(request, access.target_field)):
        check_run(tx, call, run_id, access.permission)


def _on_logged_model(tx: Transaction, call: AdmittedCall, access: Access, request: Any) -> None:
    check_logged_model(tx, call, getattr(request, access.target_field), access.permission)


def _on_model(_tx: Transaction, call: AdmittedCall, access: Access, request: Any) -> None:
    check_named(call, "registered_model", getattr(request, access.target_field), access.permission)
    if access.reads_field:
        check_named(call, "registered_model", getattr(request, access.reads_field), "read")


def _on_endpoint(_tx: Transaction, call: AdmittedCall, access: Access, request: Any) -> None:
    if isinstance(request, d.AnnounceServer):
        return  # ``_announce`` looks at whether it is to be made
    check_named(call, "endpoint", getattr(request, access.target_field), access.permission)


def _on_schedule(_tx: Transaction, call: AdmittedCall, access: Access, request: Any) -> None:
    check_named(call, "schedule", getattr(request, access.target_field), access.permission)


def _on_file(tx: Transaction, call: AdmittedCall, access: Access, request: Any) -> None:
    check_file(tx, call, getattr(request, access.target_field), access.permission)


def _on_trash(tx: Transaction, call: AdmittedCall, _access: Access, request: Any) -> None:
    """Check what deleting it took, which whoever deleted an object that was theirs has no more.

    Who may not see all of the trash learns nothing about what else is in it.
    """
    found = tx.trash.find(call.workspace, request.trash_id)
    try:
        if found is None or not _may_restore(call, found):
            check_workspace(call, "admin")
    except (NotFound, PermissionDenied):
        check_workspace(call, "admin")


def _may_restore(call: AdmittedCall, found: TrashRow) -> bool:
    """Tell whether somebody may bring something back who is no administrator; raises for some who may not."""
    what, is_own = found.what, found.deleted_by == call.actor.label
    if what.kind == "model_version":
        check_named(call, "registered_model", what.target, "delete")
        return True
    if what.kind == "comment":
        check_named(call, "registered_model", what.target, "write")
        return is_own
    if what.kind == "grant":
        check_grant(call, cast(c.GrantKind, what.target_kind), what.target)
        return is_own
    return is_own and what.kind in _NAMED and "delete" in _rights(call).ceiling


_NAMED: frozenset[str] = frozenset(get_args(c.NamedKind))
CHECKS: dict[Target, Check] = {
    "system": _on_system,
    "provisioning": _on_provisioning,
    "self": _on_self,
    "grant": _on_grant,
    "workspace": _on_workspace,
    "experiment": _on_experiment,
    "run": _on_run,
    "runs": _on_runs,
    "logged_model": _on_logged_model,
    "registered_model": _on_model,
    "endpoint": _on_endpoint,
    "schedule": _on_schedule,
    "file": _on_file,
    "trash": _on_trash,
}
"""The check of each kind of target."""


def _create_experiment(tx: Transaction, call: AdmittedCall, request: e.CreateExperiment) -> AdmittedCall:
    """Keep what is behind a name that is taken from who may not see it."""
    view = "active" if request.unique_among == "live" else "all"
    known = tx.experiments.find(call.workspace, request.name, view)  # type: ignore[arg-type]  # one of two literals
    if known is None:
        return call
    if "read" not in _rights(call).on_experiment(int(known.experiment_id)):
        raise _refuse_experiment()
    return _not_made(call)


def _refuse_experiment() -> AlreadyExists:
    return AlreadyExists("An experiment of this name cannot be created", hint="choose another name")


def _create_model(tx: Transaction, call: AdmittedCall, request: g.CreateRegisteredModel) -> AdmittedCall:
    """Keep what is behind a name that is taken from who may not see it, and from becoming the caller's."""
    if tx.registry.ref(call.workspace, request.name) is None:
        return call
    if "read" not in _rights(call).on_named("registered_model", request.name):
        raise AlreadyExists("A registered model of this name cannot be created", hint="choose another name")
    return _not_made(call)


def _create_run(tx: Transaction, call: AdmittedCall, request: r.CreateRun) -> AdmittedCall:
    """Check the run that is resumed, the experiment that is named, and the parent."""
    known = tx.runs.ref(call.workspace, request.run_id) if request.run_id else None
    if known is None and request.external_key:
        known = tx.runs.find(call.workspace, request.external_key)
    if known is not None and not {"read", "write"} <= _rights(call).on_experiment(known.experiment):
        raise AlreadyExists("A run of this id or external key cannot be created", hint="choose another")
    makes = False
    name = default_experiment.name_experiment(call, request)
    if known is None and name:
        found = tx.experiments.find(call.workspace, name, "active")
        number = int(found.experiment_id) if found else None
        if number is None or "read" not in _rights(call).on_experiment(number):
            check_workspace(call, "create")
            if number is not None:
                raise _refuse_experiment()
            makes = True
        else:
            check_experiment(call, str(number), "write")
    elif known is None and not request.experiment_id:
        check_experiment(call, default_experiment.NUMBER, "write")
    if parent := request.parent_run_id or request.tags.get(r.TAG_PARENT):
        check_run(tx, call, parent, "read")
    return call if makes else _not_made(call)


def _ingest(tx: Transaction, call: AdmittedCall, request: r.Ingest) -> AdmittedCall:
    """Check a parent that is set by its tag, as filters look at what it has, and models that get metrics."""
    if parent := request.tags.get(r.TAG_PARENT):
        check_run(tx, call, parent, "read")
    for model_id in dict.fromkeys(metric.model_id for metric in request.model_metrics):
        check_logged_model(tx, call, model_id, "write")
    return call


def _move_runs(tx: Transaction, call: AdmittedCall, request: r.MoveRuns) -> AdmittedCall:
    check_experiment(call, request.experiment_id, "write")
    if "write" not in _rights(call).workspace:  # what hangs on the runs is moved with them, wherever it is
        for run_id in request.run_ids:
            for node in tx.runs.list_descendants(call.workspace, run_id, MOVED_DEPTH, MOVED_RUNS):
                check_run(tx, call, node.run_id, "write")
    return call


MOVED_DEPTH = MOVED_RUNS = 10_000


def _correct_param(_tx: Transaction, call: AdmittedCall, request: r.CorrectParam) -> AdmittedCall:
    """Check that who says that it was somebody else, or at another time, may say so."""
    if request.actor or request.replaced_ms is not None:
        check_workspace(call, "admin")
    return call


def _create_version(tx: Transaction, call: AdmittedCall, request: g.CreateModelVersion) -> AdmittedCall:
    """Check what a version is made of: it is shown to all who may see the model."""
    if "read" in _rights(call).workspace:
        return call
    if request.run_id:
        check_run(tx, call, request.run_id, "read")
    if request.model_id:
        check_logged_model(tx, call, request.model_id, "read")
    rest = request.source.removeprefix("models:/")
    if rest != request.source and rest != request.model_id:
        name, slash, _ = rest.partition("/")
        check_named(call, "registered_model", name if slash else rest.rpartition("@")[0], "read")
    return call


def _announce(tx: Transaction, call: AdmittedCall, request: d.AnnounceServer) -> AdmittedCall:
    """Check the endpoint, which whoever may make one makes by the way, and the model, which it shows to others."""
    check_named(call, "registered_model", request.model, "read")
    rights = _rights(call)
    is_new = tx.endpoints.find(call.workspace, request.name) is None
    may_make = "create" in rights.workspace
    if not is_new and may_make and "read" not in rights.on_named("endpoint", request.name):
        raise AlreadyExists("A server of this endpoint cannot be announced", hint="choose another name")
    if not (is_new and may_make):
        check_named(call, "endpoint", request.name, "write")
    if is_new:
        check_workspace(call, "create")
    return call if is_new else _not_made(call)


def _create_logged_model(tx: Transaction, call: AdmittedCall, request: Any) -> AdmittedCall:
    if request.source_run_id:
        check_run(tx, call, request.source_run_id, "read")
    return call


EXTRA: dict[str, Extra] = {
    ops.CREATE_EXPERIMENT.name: cast(Extra, _create_experiment),
    ops.CREATE_REGISTERED_MODEL.name: cast(Extra, _create_model),
    ops.CREATE_RUN.name: cast(Extra, _create_run),
    ops.INGEST.name: cast(Extra, _ingest),
    ops.MOVE_RUNS.name: cast(Extra, _move_runs),
    ops.CORRECT_PARAM.name: cast(Extra, _correct_param),
    ops.CREATE_MODEL_VERSION.name: cast(Extra, _create_version),
    ops.CREATE_LOGGED_MODEL.name: _create_logged_model,
    ops.ANNOUNCE_SERVER.name: cast(Extra, _announce),
}
"""What more is looked at for some operations, after their target."""


def _rights(call: AdmittedCall) -> Rights:
    return cast(Rights, call.rights)


def _not_made(call: AdmittedCall) -> AdmittedCall:
    return AdmittedCall(
        actor=call.actor,
        workspace=call.workspace,
        workspace_name=call.workspace_name,
        request_id=call.request_id,
        now_ms=call.now_ms,
        credential=call.credential,
        address=call.address,
        idempotency_key=call.idempotency_key,
        sees=call.sees,
        rights=call.rights,
        makes=False,
    )
