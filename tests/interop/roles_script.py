"""MLflow's own client of its API of roles, unchanged, as an administrator; see ``auth_script``."""

from __future__ import annotations

import importlib
import json
import os
import sys
import types
from collections.abc import Callable

import mlflow
from mlflow.exceptions import MlflowException

uri, password = sys.argv[1:3]
package = types.ModuleType("mlflow.server.auth")
package.__path__ = [os.path.join(os.path.dirname(mlflow.__file__), "server", "auth")]
sys.modules["mlflow.server.auth"] = package
AuthServiceClient = importlib.import_module("mlflow.server.auth.client").AuthServiceClient

mlflow.set_tracking_uri(uri)
auth, tracking = AuthServiceClient(uri), mlflow.MlflowClient(uri)


def refused(work: Callable[..., object], *given: object, **named: object) -> str:
    try:
        work(*given, **named)
    except MlflowException as error:
        return str(error.error_code)
    return "done"


def become(name: str) -> None:
    os.environ["MLFLOW_TRACKING_USERNAME"] = name


facts: dict[str, object] = {}
become("root")
experiment = tracking.create_experiment("guarded")
run = tracking.create_run(experiment).info.run_id
tracking.create_registered_model("churn")
bob = auth.create_user("bob", password)

role = auth.create_role(workspace="default", name="ops", description="who is called at night")
facts["made"] = [role.name, role.workspace, role.description, role.permissions]
facts["again"] = refused(auth.create_role, "default", "ops")
facts["missing"] = refused(auth.get_role, 10**6)
role = auth.update_role(role.id, name="night", description="at night")
facts["updated"] = [role.name, role.description, auth.get_role(role.id).name]

given = auth.add_role_permission(role.id, "experiment", experiment, "READ")
facts["given"] = [given.role_id == role.id, given.resource_type, given.resource_pattern == experiment, given.permission]
facts["given again"] = refused(auth.add_role_permission, role.id, "experiment", experiment, "EDIT")
pattern = auth.add_role_permission(role.id, "registered_model", "ch*", "MANAGE")
facts["pattern"] = pattern.resource_pattern
facts["denied"] = refused(auth.add_role_permission, role.id, "experiment", "*", "DENY")
facts["unknown kind"] = refused(auth.add_role_permission, role.id, "trace", "*", "READ")
facts["listed"] = sorted((one.resource_type, one.permission) for one in auth.list_role_permissions(role.id))

become("bob")
facts["hidden"] = refused(tracking.get_run, run)
facts["others"] = [refused(auth.create_role, "default", "mine"), refused(auth.get_role, role.id)]
become("root")
assigned = auth.assign_role("bob", role.id)
facts["assigned"] = [assigned.user_id == bob.id, assigned.role_id == role.id]
facts["assigned again"] = refused(auth.assign_role, "bob", role.id)
facts["assigned to nobody"] = refused(auth.assign_role, "nobody", role.id)
facts["users"] = [one.user_id == bob.id for one in auth.list_role_users(role.id)]
facts["roles"] = [one.name for one in auth.list_user_roles("bob")]
become("bob")
facts["seen"] = tracking.get_run(run).info.run_id == run
facts["write"] = refused(tracking.log_metric, run, "m", 1.0)
facts["registry"] = refused(tracking.set_registered_model_tag, "churn", "a", "b")
become("root")
facts["changed"] = auth.update_role_permission(given.id, "EDIT").permission
become("bob")
facts["written"] = refused(tracking.log_metric, run, "m", 1.0)
become("root")
auth.remove_role_permission(pattern.id)
facts["removed"] = refused(auth.remove_role_permission, pattern.id)
become("bob")
facts["registry then"] = refused(tracking.set_registered_model_tag, "churn", "a", "c")
become("root")
auth.unassign_role("bob", role.id)
facts["unassigned"] = refused(auth.unassign_role, "bob", role.id)
become("bob")
facts["hidden again"] = refused(tracking.get_run, run)
become("root")
facts["all"] = [[one.name for one in auth.list_roles("default")], [one.name for one in auth.list_all_roles()]]
auth.delete_role(role.id)
facts["deleted"] = refused(auth.delete_role, role.id)
with open(sys.argv[3], "w") as file:
    json.dump(facts, file)
