"""MLflow's own client of its users API, unchanged, as an administrator and as the user that it makes.

Its package asks for what only its server needs when it is imported; so the package is put in place without being run.
"""

from __future__ import annotations

import importlib.util
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


def become(name: str) -> None:
    os.environ["MLFLOW_TRACKING_USERNAME"] = name


def refused(work: Callable[..., object], *given: object, **named: object) -> str:
    try:
        work(*given, **named)
    except MlflowException as error:
        return str(error.error_code)
    return "done"


facts: dict[str, object] = {}
become("root")
experiment = tracking.create_experiment("guarded")
run = tracking.create_run(experiment).info.run_id
tracking.create_registered_model("churn")
made = auth.create_user("bob", password)
facts["made"] = [made.username, made.is_admin, made.id > 0]
facts["again"] = refused(auth.create_user, "bob", password)
facts["nobody"] = refused(auth.get_user, "nobody")
become("bob")
facts["hidden"] = refused(tracking.get_run, run)
facts["list"] = len(tracking.search_experiments())
facts["self"] = auth.get_user("bob").username
facts["others"] = refused(auth.get_user, "root")
facts["create"] = refused(auth.create_user, "eve", password)
become("root")
if hasattr(auth, "create_experiment_permission"):
    given = auth.create_experiment_permission(experiment, "bob", "READ")
    facts["given"] = [given.experiment_id == experiment, given.user_id == made.id, given.permission]
    facts["given again"] = refused(auth.create_experiment_permission, experiment, "bob", "READ")
    auth.create_registered_model_permission("churn", "bob", "READ")
    auth.update_registered_model_permission("churn", "bob", "MANAGE")
    facts["model"] = auth.get_registered_model_permission("churn", "bob").permission
    shown = auth.get_user("bob")
    facts["shown"] = [len(shown.experiment_permissions), len(shown.registered_model_permissions)]
else:
    auth.grant_user_permission("bob", "experiment", experiment, "READ")
    auth.grant_user_permission("bob", "registered_model", "churn", "MANAGE")
become("bob")
facts["seen"] = tracking.get_run(run).info.run_id == run
facts["write"] = refused(tracking.log_metric, run, "m", 1.0)
facts["registry"] = refused(tracking.set_registered_model_tag, "churn", "a", "b")
become("root")
if hasattr(auth, "update_experiment_permission"):
    auth.update_experiment_permission(experiment, "bob", "EDIT")
else:
    auth.grant_user_permission("bob", "experiment", experiment, "EDIT")
become("bob")
facts["written"] = refused(tracking.log_metric, run, "m", 1.0)
facts["delete"] = refused(tracking.delete_run, run)
become("root")
if hasattr(auth, "delete_experiment_permission"):
    auth.delete_experiment_permission(experiment, "bob")
    facts["gone"] = refused(auth.get_experiment_permission, experiment, "bob")
else:
    auth.revoke_user_permission("bob", "experiment", experiment)
become("bob")
facts["hidden again"] = refused(tracking.get_run, run)
become("root")
auth.update_user_admin("bob", True)
become("bob")
facts["admin"] = tracking.get_run(run).info.run_id == run
become("root")
auth.update_user_admin("bob", False)
auth.delete_user("bob")
become("bob")
try:
    tracking.search_experiments()
except MlflowException as error:
    facts["deleted"] = error.error_code
with open(sys.argv[3], "w") as file:
    json.dump(facts, file)
