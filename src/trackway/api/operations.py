"""The table of operations: each declared once, and everything else (routes, SDK calls, checks, docs) made from it."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

import msgspec

from trackway.api import access as u
from trackway.api import artifacts as a
from trackway.api import endpoints as d
from trackway.api import experiments as e
from trackway.api import holds as b
from trackway.api import jobs as j
from trackway.api import lineage as n
from trackway.api import links as i
from trackway.api import logged_models as m
from trackway.api import metrics as x
from trackway.api import overviews as o
from trackway.api import provisioning as p
from trackway.api import quotas as h
from trackway.api import registry as g
from trackway.api import retention as t
from trackway.api import runs as r
from trackway.api import schedules as c
from trackway.api import signing as k
from trackway.api import transfers as f
from trackway.api import trash as z
from trackway.api import webhooks as w
from trackway.api import workspaces as s
from trackway.api.calls import Permission, Target
from trackway.api.structs import Empty, Request, Response

Q = TypeVar("Q", bound=Request)
S = TypeVar("S", bound=Response)
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Access(msgspec.Struct, frozen=True):
    """What an operation does to its target, and the right it needs for that.

    target_field: field of the request that names the object (the workspace when it is empty)
    writes:       changes state: runs in a write transaction, never on a read-only store
    audited:      leaves an entry in the audit log (the flow of metrics does not)
    reads_field:  field that names another object of the target's kind, which is read only
    lists:        answers with what the caller may see and nothing else, so that everybody may ask
    brief:        changes or looks up so little that it takes a fraction of a millisecond, however much there is
    """

    permission: Permission
    target: Target
    target_field: str
    writes: bool
    audited: bool
    reads_field: str = ""
    lists: bool = False
    brief: bool = False


def reads(target: Target, field: str = "", permission: Permission = "read", audited: bool = False) -> Access:
    """Return the access of an operation that changes nothing; ``audited`` when what it tells is sensitive."""
    return Access(permission, target, field, writes=False, audited=audited)


def gets(target: Target, field: str) -> Access:
    """Return the access of an operation that looks one thing up: brief."""
    return Access("read", target, field, writes=False, audited=False, brief=True)


def lists() -> Access:
    """Return the access of an operation that finds what the caller may see in the workspace."""
    return Access("read", "workspace", "", writes=False, audited=False, lists=True)


def finds() -> Access:
    """Return the access of an operation that finds one thing in the workspace, if the caller may see it: brief."""
    return Access("read", "workspace", "", writes=False, audited=False, lists=True, brief=True)


def writes(target: Target, field: str = "", permission: Permission = "write", audited: bool = True) -> Access:
    """Return the access of an operation that changes state."""
    return Access(permission, target, field, writes=True, audited=audited)


def logs(target: Target, field: str) -> Access:
    """Return the access of an operation that training calls all the time: brief, and not audited."""
    return Access("write", target, field, writes=True, audited=False, brief=True)


class Operation(msgspec.Struct, Generic[Q, S], frozen=True):
    """One thing that the system can do for a caller.

    path:     below ``/api/v1``; ``{name}`` segments are fields of the request. GET reads the other fields from the
              query string, every other method from the body (JSON or msgpack).
    internal: a step of a larger call (streaming a file): no route of its own
    adds:     each call makes one thing more, which nothing in the request tells from a repeat: so it takes an
              idempotency key, by which a repeat is told
    shown_once: field of the response that holds a secret, which is kept nowhere and not told again
    """

    name: str
    method: Method
    path: str
    request: type[Q]
    response: type[S]
    access: Access
    doc: str
    internal: bool = False
    adds: bool = False
    shown_once: str = ""

    def __hash__(self) -> int:
        return hash(self.name)


# fmt: off
CREATE_EXPERIMENT = Operation("experiments.create", "POST", "/experiments", e.CreateExperiment, e.Experiment, writes("workspace", permission="create"), "Create an experiment.")
GET_EXPERIMENT = Operation("experiments.get", "GET", "/experiments/{experiment_id}", e.GetExperiment, e.Experiment, gets("experiment", "experiment_id"), "Get an experiment by id.")
GET_EXPERIMENT_BY_NAME = Operation("experiments.get_by_name", "GET", "/experiments-by-name", e.GetExperimentByName, e.Experiment, finds(), "Get an experiment by name.")
SEARCH_EXPERIMENTS = Operation("experiments.search", "POST", "/experiments/search", e.SearchExperiments, e.ExperimentPage, lists(), "Search experiments.")
UPDATE_EXPERIMENT = Operation("experiments.update", "PATCH", "/experiments/{experiment_id}", e.UpdateExperiment, e.Experiment, writes("experiment", "experiment_id"), "Rename an experiment.")
SET_EXPERIMENT_TAGS = Operation("experiments.set_tags", "POST", "/experiments/{experiment_id}/tags", e.SetExperimentTags, Empty, writes("experiment", "experiment_id"), "Set tags of an experiment.")
DELETE_EXPERIMENT_TAG = Operation("experiments.delete_tag", "DELETE", "/experiments/{experiment_id}/tags", e.DeleteExperimentTag, Empty, writes("experiment", "experiment_id"), "Delete a tag of an experiment.")
DELETE_EXPERIMENT = Operation("experiments.delete", "DELETE", "/experiments/{experiment_id}", e.DeleteExperiment, Empty, writes("experiment", "experiment_id", permission="delete"), "Move an experiment to the trash.")
RESTORE_EXPERIMENT = Operation("experiments.restore", "POST", "/experiments/{experiment_id}/restore", e.RestoreExperiment, e.Experiment, writes("experiment", "experiment_id", permission="delete"), "Bring an experiment back from the trash.")
PURGE_EXPERIMENTS = Operation("experiments.purge", "POST", "/experiments/purge", e.PurgeExperiments, e.PurgeReport, writes("workspace", permission="admin"), "Remove experiments of the trash for good.")
SUMMARIZE_EXPERIMENTS = Operation("experiments.summarize", "POST", "/experiments/summaries", o.SummarizeExperiments, o.ExperimentSummaries, lists(), "Count the runs of experiments, and say when something happened last.")

CREATE_RUN = Operation("runs.create", "POST", "/runs", r.CreateRun, r.Run, logs("experiment", "experiment_id"), "Start a run.")
GET_RUN = Operation("runs.get", "GET", "/runs/{run_id}", r.GetRun, r.Run, gets("run", "run_id"), "Get a run by id.")
GET_RUNS = Operation("runs.get_many", "POST", "/runs/get", r.GetRuns, r.RunList, lists(), "Get runs by their ids.")
FIND_RUN = Operation("runs.find", "GET", "/runs-by-key", r.GetRun, r.Run, finds(), "Get a run by its external key.")
SEARCH_RUNS = Operation("runs.search", "POST", "/runs/search", r.SearchRuns, r.RunPage, lists(), "Search runs.")
GET_RUN_TABLE = Operation("runs.table", "POST", "/runs/table", r.GetRunTable, r.RunTable, lists(), "Search runs and get them as Arrow columns.")
INDEX_RUNS = Operation("runs.index", "POST", "/runs/index", o.IndexRuns, o.RunIndex, lists(), "Search runs and get all their ids in order.")
GROUP_RUNS = Operation("runs.group", "POST", "/runs/groups", o.GroupRuns, o.RunGroups, lists(), "Put found runs into groups, with aggregates of metrics.")
LIST_RUN_FIELDS = Operation("runs.list_fields", "POST", "/runs/fields", o.ListRunFields, o.RunFields, lists(), "List the names of metrics, params and tags that runs have.")
LIST_RUN_VALUES = Operation("runs.list_values", "POST", "/runs/values", o.ListRunValues, o.RunValues, lists(), "List the values of a param, tag or attribute that runs have.")
UPDATE_RUN = Operation("runs.update", "PATCH", "/runs/{run_id}", r.UpdateRun, r.Run, logs("run", "run_id"), "Change a run's status, end, name or lease.")
DELETE_RUN = Operation("runs.delete", "DELETE", "/runs/{run_id}", r.DeleteRun, Empty, writes("run", "run_id", permission="delete"), "Move a run to the trash.")
RESTORE_RUN = Operation("runs.restore", "POST", "/runs/{run_id}/restore", r.RunId, Empty, writes("run", "run_id", permission="delete"), "Bring a run back from the trash.")
PURGE_RUNS = Operation("runs.purge", "POST", "/runs/purge", r.PurgeRuns, e.PurgeReport, writes("runs", "run_ids", permission="admin"), "Remove runs of the trash for good.")
MOVE_RUNS = Operation("runs.move", "POST", "/runs/move", r.MoveRuns, Empty, writes("runs", "run_ids"), "Move runs to another experiment.")
GET_RUN_TREE = Operation("runs.tree", "GET", "/runs/{run_id}/tree", r.GetRunTree, r.RunTree, reads("run", "run_id"), "Get a run's descendants.")
INGEST = Operation("runs.ingest", "POST", "/runs/{run_id}/ingest", r.Ingest, r.Ingested, logs("run", "run_id"), "Log metrics, params, tags, data sets and models to a run.")
DELETE_RUN_TAG = Operation("runs.delete_tag", "DELETE", "/runs/{run_id}/tags", r.DeleteRunTag, Empty, writes("run", "run_id"), "Delete a tag of a run.")
LINK_RUN = Operation("runs.link", "PUT", "/runs/{run_id}/links/{kind}/{earlier_run_id}", i.LinkName, Empty, Access("write", "run", "run_id", writes=True, audited=True, reads_field="earlier_run_id"), "Say how a run came of an earlier one.")
UNLINK_RUN = Operation("runs.unlink", "DELETE", "/runs/{run_id}/links/{kind}/{earlier_run_id}", i.LinkName, Empty, Access("write", "run", "run_id", writes=True, audited=True, reads_field="earlier_run_id"), "Take back what a run says of an earlier one.")
LIST_RUN_LINKS = Operation("runs.list_links", "GET", "/runs/{run_id}/links", i.ListRunLinks, i.RunLinks, reads("run", "run_id"), "List how a run came of earlier ones, and later ones of it.")
GET_LINKS = Operation("runs.get_links", "POST", "/runs/links", i.GetLinks, i.LinkList, lists(), "Get how several runs came of earlier ones.")
CORRECT_PARAM = Operation("runs.correct_param", "POST", "/runs/{run_id}/params/correct", r.CorrectParam, Empty, writes("run", "run_id"), "Correct a param; the old value stays visible.")
GET_PARAM_HISTORY = Operation("runs.param_history", "GET", "/runs/{run_id}/params/history", r.RunId, r.ParamHistory, reads("run", "run_id"), "Get the values that a run's params had before.")
LOG_ENVIRONMENT = Operation("runs.log_environment", "PUT", "/runs/{run_id}/environment", r.LogEnvironment, Empty, writes("run", "run_id", audited=False), "Record what a run was executed with.")
GET_ENVIRONMENT = Operation("runs.get_environment", "GET", "/runs/{run_id}/environment", r.RunId, r.RunEnvironment, reads("run", "run_id"), "Get what a run was executed with.")
SEARCH_DATASETS = Operation("datasets.search", "POST", "/datasets/search", r.SearchDatasets, r.DatasetList, lists(), "List the data sets that runs used.")

GET_HISTORY = Operation("metrics.history", "POST", "/metrics/history", x.GetHistory, x.History, reads("run", "run_id"), "Get the points of a metric as columns.")
GET_CURVES = Operation("metrics.curves", "POST", "/metrics/curves", x.GetCurves, x.Curves, reads("runs", "run_ids"), "Get thinned curves of a metric or a formula for drawing.")

LIST_FILES = Operation("artifacts.list", "POST", "/artifacts/list", a.ListFiles, a.FileList, reads("file", "folder"), "List a folder of artifacts.")
GET_FILE = Operation("artifacts.get", "GET", "/artifacts/file", a.GetFile, a.StoredFile, gets("file", "path"), "Find the bytes of an artifact.", internal=True)
BEGIN_UPLOAD = Operation("artifacts.begin_upload", "POST", "/artifacts/uploads/begin", a.BeginUpload, a.UploadTicket, logs("file", "path"), "Check that an artifact may be written.", internal=True)
COMMIT_UPLOAD = Operation("artifacts.commit_upload", "POST", "/artifacts/uploads/commit", a.CommitUpload, a.FileEntry, logs("file", "path"), "Make stored bytes an artifact.", internal=True)
DELETE_FILES = Operation("artifacts.delete", "POST", "/artifacts/delete", a.DeleteFiles, a.DeletedFiles, writes("file", "path", permission="delete"), "Delete an artifact or a folder of them.")
CREATE_MULTIPART = Operation("artifacts.create_multipart", "POST", "/artifacts/multipart/create", a.CreateMultipart, a.Multipart, writes("file", "path", audited=False), "Open a resumable upload.", internal=True)
GET_MULTIPART = Operation("artifacts.get_multipart", "POST", "/artifacts/multipart/get", a.GetMultipart, a.Multipart, reads("file", "path", permission="write"), "Find an open upload, to go on with it.", internal=True)
CLOSE_MULTIPART = Operation("artifacts.close_multipart", "POST", "/artifacts/multipart/close", a.CloseMultipart, Empty, writes("file", "path", audited=False), "Forget a finished upload.", internal=True)

CREATE_LOGGED_MODEL = Operation("logged_models.create", "POST", "/logged-models", m.CreateLoggedModel, m.LoggedModel, writes("experiment", "experiment_id"), "Create the record of a model.")
GET_LOGGED_MODEL = Operation("logged_models.get", "GET", "/logged-models/{model_id}", m.GetLoggedModel, m.LoggedModel, gets("logged_model", "model_id"), "Get the record of a model.")
UPDATE_LOGGED_MODEL = Operation("logged_models.update", "PATCH", "/logged-models/{model_id}", m.UpdateLoggedModel, m.LoggedModel, writes("logged_model", "model_id"), "Set a model's status.")
DELETE_LOGGED_MODEL = Operation("logged_models.delete", "DELETE", "/logged-models/{model_id}", m.DeleteLoggedModel, Empty, writes("logged_model", "model_id", permission="delete"), "Move the record of a model to the trash.")
SEARCH_LOGGED_MODELS = Operation("logged_models.search", "POST", "/logged-models/search", m.SearchLoggedModels, m.LoggedModelPage, lists(), "Search the records of models.")
SET_LOGGED_MODEL_TAGS = Operation("logged_models.set_tags", "POST", "/logged-models/{model_id}/tags", m.SetLoggedModelTags, Empty, writes("logged_model", "model_id"), "Set tags of a model.")
DELETE_LOGGED_MODEL_TAG = Operation("logged_models.delete_tag", "DELETE", "/logged-models/{model_id}/tags", m.DeleteLoggedModelTag, Empty, writes("logged_model", "model_id"), "Delete a tag of a model.")
LOG_MODEL_PARAMS = Operation("logged_models.log_params", "POST", "/logged-models/{model_id}/params", m.LogModelParams, Empty, writes("logged_model", "model_id", audited=False), "Add params to a model.")

CREATE_REGISTERED_MODEL = Operation("registered_models.create", "POST", "/registered-models", g.CreateRegisteredModel, g.RegisteredModel, writes("workspace", permission="create"), "Create a registered model.")
GET_REGISTERED_MODEL = Operation("registered_models.get", "GET", "/registered-models/{name}", g.RegisteredModelName, g.RegisteredModel, gets("registered_model", "name"), "Get a registered model with the newest version of each stage.")
SEARCH_REGISTERED_MODELS = Operation("registered_models.search", "POST", "/registered-models/search", g.SearchRegisteredModels, g.RegisteredModelPage, lists(), "Search registered models.")
UPDATE_REGISTERED_MODEL = Operation("registered_models.update", "PATCH", "/registered-models/{name}", g.UpdateRegisteredModel, g.RegisteredModel, writes("registered_model", "name"), "Describe a registered model, or give it another owner.")
RENAME_REGISTERED_MODEL = Operation("registered_models.rename", "POST", "/registered-models/{name}/rename", g.RenameRegisteredModel, g.RegisteredModel, writes("registered_model", "name"), "Rename a registered model.")
DELETE_REGISTERED_MODEL = Operation("registered_models.delete", "DELETE", "/registered-models/{name}", g.RegisteredModelName, z.Trashed, writes("registered_model", "name", permission="delete"), "Move a registered model with its versions to the trash.")
SET_REGISTERED_MODEL_TAGS = Operation("registered_models.set_tags", "POST", "/registered-models/{name}/tags", g.SetRegisteredModelTags, Empty, writes("registered_model", "name"), "Set tags of a registered model.")
DELETE_REGISTERED_MODEL_TAG = Operation("registered_models.delete_tag", "DELETE", "/registered-models/{name}/tags", g.DeleteRegisteredModelTag, Empty, writes("registered_model", "name"), "Delete a tag of a registered model.")
SET_ALIAS = Operation("registered_models.set_alias", "PUT", "/registered-models/{name}/aliases/{alias}", g.SetAlias, Empty, writes("registered_model", "name"), "Make an alias stand for a version.")
DELETE_ALIAS = Operation("registered_models.delete_alias", "DELETE", "/registered-models/{name}/aliases/{alias}", g.Alias, Empty, writes("registered_model", "name"), "Delete an alias.")
GET_LATEST_VERSIONS = Operation("registered_models.latest_versions", "POST", "/registered-models/{name}/latest", g.GetLatestVersions, g.VersionList, reads("registered_model", "name"), "Get the newest version of each stage.")
GET_MODEL_POLICY = Operation("registered_models.get_policy", "GET", "/registered-models/{name}/policy", g.RegisteredModelName, g.ModelPolicy, reads("registered_model", "name"), "Get what is asked of a registered model's versions.")
SET_MODEL_POLICY = Operation("registered_models.set_policy", "PUT", "/registered-models/{name}/policy", g.SetModelPolicy, g.ModelPolicy, writes("registered_model", "name", permission="manage"), "Set what a stage or an alias asks of a version.")
GET_MODEL_HISTORY = Operation("registered_models.history", "POST", "/registered-models/{name}/history", g.GetModelHistory, g.ModelHistory, reads("registered_model", "name"), "Get who did what to a registered model or a version.")
IMPORT_REGISTERED_MODEL = Operation("registered_models.import", "POST", "/registered-models/import", f.ImportRegisteredModel, f.ImportedModel, writes("workspace", permission="admin"), "Bring over a registered model with its past.")
GET_PORTFOLIO = Operation("registered_models.portfolio", "POST", "/registered-models/portfolio", n.GetPortfolio, n.Portfolio, lists(), "Get what is in use, since when, by whom, and from which run and data.")
CREATE_COMMENT = Operation("registered_models.create_comment", "POST", "/registered-models/{name}/comments", g.CreateComment, g.Comment, writes("registered_model", "name"), "Comment on a registered model or a version.", adds=True)
UPDATE_COMMENT = Operation("registered_models.update_comment", "PATCH", "/registered-models/{name}/comments/{comment_id}", g.UpdateComment, g.Comment, writes("registered_model", "name"), "Change a comment of one's own.")
DELETE_COMMENT = Operation("registered_models.delete_comment", "DELETE", "/registered-models/{name}/comments/{comment_id}", g.DeleteComment, z.Trashed, writes("registered_model", "name"), "Move a comment of one's own to the trash.")
LIST_COMMENTS = Operation("registered_models.list_comments", "GET", "/registered-models/{name}/comments", g.ListComments, g.CommentPage, reads("registered_model", "name"), "List comments, newest first.")
REQUEST_TRANSITION = Operation("registered_models.request_transition", "POST", "/registered-models/{name}/requests", g.RequestTransition, g.TransitionRequest, writes("registered_model", "name"), "Ask that a version gets a stage or an alias.", adds=True)
DECIDE_REQUEST = Operation("registered_models.decide_request", "POST", "/registered-models/{name}/requests/{request_id}/decision", g.DecideRequest, g.TransitionRequest, writes("registered_model", "name"), "Approve, reject or withdraw a request.")
LIST_REQUESTS = Operation("registered_models.list_requests", "GET", "/registered-models/{name}/requests", g.ListRequests, g.RequestPage, reads("registered_model", "name"), "List requests, newest first.")

CREATE_MODEL_VERSION = Operation("model_versions.create", "POST", "/registered-models/{name}/versions", g.CreateModelVersion, g.ModelVersion, writes("registered_model", "name"), "Register a model as the next version of a name.")
GET_MODEL_VERSION = Operation("model_versions.get", "GET", "/registered-models/{name}/versions/{version}", g.VersionName, g.ModelVersion, gets("registered_model", "name"), "Get a version.")
GET_VERSION_BY_ALIAS = Operation("model_versions.get_by_alias", "GET", "/registered-models/{name}/aliases/{alias}", g.Alias, g.ModelVersion, gets("registered_model", "name"), "Get the version that an alias stands for.")
SEARCH_MODEL_VERSIONS = Operation("model_versions.search", "POST", "/model-versions/search", g.SearchModelVersions, g.ModelVersionPage, lists(), "Search versions.")
UPDATE_MODEL_VERSION = Operation("model_versions.update", "PATCH", "/registered-models/{name}/versions/{version}", g.UpdateModelVersion, g.ModelVersion, writes("registered_model", "name"), "Describe a version, or say how far its registration is.")
DELETE_MODEL_VERSION = Operation("model_versions.delete", "DELETE", "/registered-models/{name}/versions/{version}", g.VersionName, z.Trashed, writes("registered_model", "name", permission="delete"), "Move a version to the trash; its number is not given again.")
COPY_MODEL_VERSION = Operation("model_versions.copy", "POST", "/registered-models/{name}/versions/{version}/copy", g.CopyModelVersion, g.ModelVersion, Access("write", "registered_model", "to", writes=True, audited=True, reads_field="name"), "Register a copy of a version under another name.")
SET_VERSION_TAGS = Operation("model_versions.set_tags", "POST", "/registered-models/{name}/versions/{version}/tags", g.SetVersionTags, Empty, writes("registered_model", "name"), "Set tags of a version.")
DELETE_VERSION_TAG = Operation("model_versions.delete_tag", "DELETE", "/registered-models/{name}/versions/{version}/tags", g.DeleteVersionTag, Empty, writes("registered_model", "name"), "Delete a tag of a version.")
TRANSITION_VERSION = Operation("model_versions.transition", "POST", "/registered-models/{name}/versions/{version}/transition", g.TransitionVersion, g.ModelVersion, writes("registered_model", "name"), "Give a version a stage.")
ATTEST_VERSION = Operation("model_versions.attest", "POST", "/registered-models/{name}/versions/{version}/attest", g.AttestVersion, g.ModelVersion, writes("registered_model", "name"), "Vouch for a version's signature or evaluation.")
SIGN_VERSION = Operation("model_versions.sign", "POST", "/registered-models/{name}/versions/{version}/signatures", k.SignVersion, g.ModelVersion, writes("registered_model", "name"), "Keep a signature of a version's files, once it is verified.")
LIST_SIGNATURES = Operation("model_versions.list_signatures", "GET", "/registered-models/{name}/versions/{version}/signatures", g.VersionName, k.SignatureList, reads("registered_model", "name"), "List the signatures of a version.")
TRUST_SIGNING_KEY = Operation("signing_keys.create", "POST", "/signing-keys", k.TrustSigningKey, k.SigningKey, writes("workspace", permission="admin"), "Trust a key to sign versions.")
LIST_SIGNING_KEYS = Operation("signing_keys.list", "GET", "/signing-keys", k.ListSigningKeys, k.SigningKeyList, reads("workspace"), "List the keys that are trusted to sign versions.")
DELETE_SIGNING_KEY = Operation("signing_keys.delete", "DELETE", "/signing-keys/{name}", k.SigningKeyName, z.Trashed, writes("workspace", permission="admin"), "Trust a key no more, nor what it signed; both go to the trash.")
GET_LINEAGE = Operation("lineage.get", "POST", "/lineage", n.GetLineage, n.Lineage, lists(), "Follow data sets, runs, models, versions and endpoints both ways.")

ANNOUNCE_SERVER = Operation("endpoints.announce", "POST", "/endpoints/{name}/servers", d.AnnounceServer, d.Endpoint, writes("endpoint", "name"), "Say that a server serves a version at an endpoint.")
RENEW_SERVER = Operation("endpoints.renew", "POST", "/endpoints/{name}/servers/{server_id}/renew", d.RenewServer, Empty, writes("endpoint", "name", audited=False), "Say that a server still serves.")
END_SERVER = Operation("endpoints.end", "POST", "/endpoints/{name}/servers/{server_id}/end", d.EndServer, d.Endpoint, writes("endpoint", "name"), "Say that a server stops.")
GET_ENDPOINT = Operation("endpoints.get", "GET", "/endpoints/{name}", d.EndpointName, d.Endpoint, gets("endpoint", "name"), "Get an endpoint with its servers.")
LIST_ENDPOINTS = Operation("endpoints.list", "GET", "/endpoints", d.ListEndpoints, d.EndpointPage, lists(), "List endpoints, perhaps those that serve a model.")
DELETE_ENDPOINT = Operation("endpoints.delete", "DELETE", "/endpoints/{name}", d.EndpointName, z.Trashed, writes("endpoint", "name", permission="delete"), "Move an endpoint that nobody serves to the trash.")

CREATE_WEBHOOK = Operation("webhooks.create", "POST", "/webhooks", w.CreateWebhook, w.Webhook, writes("workspace", permission="admin"), "Have an address told of what happens.", adds=True)
GET_WEBHOOK = Operation("webhooks.get", "GET", "/webhooks/{webhook_id}", w.WebhookId, w.Webhook, reads("workspace", permission="admin"), "Get a webhook.")
LIST_WEBHOOKS = Operation("webhooks.list", "GET", "/webhooks", w.ListWebhooks, w.WebhookPage, reads("workspace", permission="admin"), "List webhooks, oldest first.")
UPDATE_WEBHOOK = Operation("webhooks.update", "PATCH", "/webhooks/{webhook_id}", w.UpdateWebhook, w.Webhook, writes("workspace", permission="admin"), "Change a webhook.")
DELETE_WEBHOOK = Operation("webhooks.delete", "DELETE", "/webhooks/{webhook_id}", w.WebhookId, z.Trashed, writes("workspace", permission="admin"), "Move a webhook with all that waits for it to the trash.")
TEST_WEBHOOK = Operation("webhooks.test", "POST", "/webhooks/{webhook_id}/test", w.TestWebhook, w.Delivery, writes("workspace", permission="admin"), "Send an example of an event.", adds=True)
LIST_DELIVERIES = Operation("webhooks.list_deliveries", "GET", "/webhooks/{webhook_id}/deliveries", w.ListDeliveries, w.DeliveryPage, reads("workspace", permission="admin"), "List what was or is to be delivered, newest first.")
GET_DELIVERY = Operation("webhooks.get_delivery", "GET", "/webhooks/{webhook_id}/deliveries/{delivery_id}", w.DeliveryName, w.Delivery, reads("workspace", permission="admin"), "Get a delivery with its attempts.")
REPLAY_DELIVERY = Operation("webhooks.replay_delivery", "POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", w.DeliveryName, w.Delivery, writes("workspace", permission="admin"), "Send once more what was delivered or given up.")

CREATE_SCHEDULE = Operation("schedules.create", "POST", "/schedules", c.CreateSchedule, c.Schedule, writes("workspace", permission="admin"), "Run a project by the clock.")
GET_SCHEDULE = Operation("schedules.get", "GET", "/schedules/{name}", c.ScheduleName, c.Schedule, reads("schedule", "name"), "Get a schedule.")
LIST_SCHEDULES = Operation("schedules.list", "GET", "/schedules", c.ListSchedules, c.SchedulePage, lists(), "List schedules by name.")
UPDATE_SCHEDULE = Operation("schedules.update", "PATCH", "/schedules/{name}", c.UpdateSchedule, c.Schedule, writes("schedule", "name", permission="admin"), "Change, pause or resume a schedule.")
DELETE_SCHEDULE = Operation("schedules.delete", "DELETE", "/schedules/{name}", c.ScheduleName, z.Trashed, writes("schedule", "name", permission="admin"), "Move a schedule with its history to the trash; what is running is ended.")
RUN_SCHEDULE = Operation("schedules.run_now", "POST", "/schedules/{name}/ticks", c.ScheduleName, c.Tick, writes("schedule", "name", permission="manage"), "Run a schedule's project now.", adds=True)
LIST_TICKS = Operation("schedules.history", "GET", "/schedules/{name}/ticks", c.ListTicks, c.TickPage, reads("schedule", "name"), "List a schedule's times and what became of them, newest first.")
CANCEL_TICK = Operation("schedules.cancel", "POST", "/schedules/{name}/ticks/{tick_id}/cancel", c.CancelTick, c.Tick, writes("schedule", "name", permission="manage"), "Have a time not run, or its run ended.")
CLAIM_TICK = Operation("schedules.claim", "POST", "/schedule-ticks/claim", c.ClaimTick, c.ClaimedTick, writes("workspace", audited=False), "Take a time that is due, to run it: for workers.")
REPORT_TICK = Operation("schedules.report", "POST", "/schedule-ticks/{tick_id}/report", c.ReportTick, c.Tick, writes("workspace", audited=False), "Say how a time that was taken is going: for workers.")

FIND_PROVISIONED_USERS = Operation("provisioning.list_users", "POST", "/provisioning/users/search", p.FindProvisionedUsers, p.ProvisionedUserPage, reads("provisioning", permission="admin"), "Find people, for a directory that keeps them up.", internal=True)
SET_PROVISIONED_USER = Operation("provisioning.set_user", "PUT", "/provisioning/users", p.SetProvisionedUser, p.ProvisionedUser, writes("provisioning", "name", permission="admin"), "Create or change a person, as a directory says.", internal=True)
DELETE_PROVISIONED_USER = Operation("provisioning.delete_user", "POST", "/provisioning/users/delete", p.DeleteProvisionedUser, Empty, writes("provisioning", "name", permission="admin"), "Delete a person, as a directory says.", internal=True)
FIND_PROVISIONED_TEAMS = Operation("provisioning.list_teams", "POST", "/provisioning/teams/search", p.FindProvisionedTeams, p.ProvisionedTeamList, reads("provisioning", permission="admin"), "Find teams, for a directory that keeps them up.", internal=True)
SET_PROVISIONED_TEAM = Operation("provisioning.set_team", "PUT", "/provisioning/teams", p.SetProvisionedTeam, p.ProvisionedTeam, writes("provisioning", "name", permission="admin"), "Create or change a team, as a directory says.", internal=True)
DELETE_PROVISIONED_TEAM = Operation("provisioning.delete_team", "POST", "/provisioning/teams/delete", p.DeleteProvisionedTeam, Empty, writes("provisioning", "name", permission="admin"), "Delete a team, as a directory says.", internal=True)

GET_USAGE = Operation("usage.get", "GET", "/usage", h.GetUsage, h.Usage, reads("workspace"), "Count what the workspace holds, and see its quota.")
SET_QUOTA = Operation("quotas.set", "PUT", "/quota", h.SetQuota, h.Usage, writes("system", permission="admin"), "Limit what the workspace may hold.")
GET_LIMITS = Operation("limits.get", "GET", "/limits", h.GetLimits, h.Limits, reads("self"), "Tell the limits that are in force.")
GET_RETENTION = Operation("retention.get", "GET", "/retention", t.GetRetention, t.Retention, reads("workspace"), "Get the workspace's retention policy.")
SET_RETENTION = Operation("retention.set", "PUT", "/retention", t.SetRetention, t.Retention, writes("workspace", permission="admin"), "Set after how long the trash is purged.")
PURGE_TRASH = Operation("retention.purge", "POST", "/retention/purge", t.PurgeTrash, e.PurgeReport, writes("workspace", permission="admin"), "Purge what has been in the trash for long enough.")
GET_RETENTION_REPORT = Operation("retention.report", "GET", "/retention/report", t.GetRetentionReport, t.RetentionReport, reads("workspace", permission="admin"), "Say what the policy takes and when, what is kept from it, and what went lately.")
SEARCH_TRASH = Operation("trash.search", "POST", "/trash/search", z.SearchTrash, z.TrashPage, lists(), "List what one deleted, or as an administrator all that was, but experiments, runs and logged models.")
RESTORE_TRASH = Operation("trash.restore", "POST", "/trash/{trash_id}/restore", z.TrashId, z.TrashEntry, writes("trash", "trash_id", permission="admin"), "Bring something back from the trash.")
PURGE_ENTRIES = Operation("trash.purge", "POST", "/trash/purge", z.PurgeEntries, e.PurgeReport, writes("workspace", permission="admin"), "Remove things of the trash for good, with their files.")
SEARCH_AUDIT = Operation("audit.search", "POST", "/audit/search", t.SearchAudit, t.AuditPage, reads("workspace", permission="admin"), "Read the audit log, newest first.")
VERIFY_AUDIT = Operation("audit.verify", "POST", "/audit/verify", t.VerifyAudit, t.AuditVerdict, reads("workspace", permission="admin"), "Check that the audit log is whole and as it was written.")
TRIM_AUDIT = Operation("audit.trim", "POST", "/audit/trim", t.TrimAudit, t.TrimmedAudit, writes("system", permission="admin"), "Remove old entries of the audit log.")

CREATE_HOLD = Operation("holds.create", "POST", "/holds", b.CreateHold, b.Hold, writes("workspace", permission="admin"), "Keep something from being removed for good.", adds=True)
LIST_HOLDS = Operation("holds.list", "GET", "/holds", b.ListHolds, b.HoldList, reads("workspace", permission="admin"), "List what is held, by whom and why.")
RELEASE_HOLD = Operation("holds.release", "POST", "/holds/{hold_id}/release", b.ReleaseHold, b.Hold, writes("workspace", permission="admin"), "Release a legal hold.")

INSPECT_STORE = Operation("store.inspect", "GET", "/store", t.InspectStore, t.StoreReport, reads("system", permission="admin"), "Look at the database: its schema, its indexes, its size.")
LIST_JOBS = Operation("jobs.list", "GET", "/jobs", j.ListJobs, j.JobList, reads("system", permission="admin"), "List the server's own background work, and how it went.")
CREATE_USER = Operation("users.create", "POST", "/users", u.CreateUser, u.CreatedUser, writes("system", "name", permission="admin"), "Create a user or a service account.")
LIST_USERS = Operation("users.list", "GET", "/users", u.ListUsers, u.UserPage, reads("system", permission="admin"), "List users.")
GET_USER = Operation("users.get", "GET", "/users/{name}", u.UserName, u.User, reads("system", "name", permission="admin"), "Get a user.")
UPDATE_USER = Operation("users.update", "PATCH", "/users/{name}", u.UpdateUser, u.User, writes("system", "name", permission="admin"), "Disable a user, or make one an administrator.")
DELETE_USER = Operation("users.delete", "DELETE", "/users/{name}", u.UserName, Empty, writes("system", "name", permission="admin"), "Delete a user with all tokens and grants.")
ERASE_USER = Operation("users.erase", "POST", "/users/{name}/erase", u.EraseUser, u.ErasedUser, writes("system", "name", permission="admin"), "Delete a user, and put a pseudonym wherever the name is.")
INVITE_USER = Operation("users.invite", "POST", "/users/{name}/invitation", u.UserName, u.CreatedUser, writes("system", "name", permission="admin"), "Give a user a new link to set a password.")
SET_PASSWORD = Operation("users.set_password", "PUT", "/users/{name}/password", u.SetPassword, Empty, writes("system", "name", permission="admin"), "Set another user's password.")
CHANGE_PASSWORD = Operation("users.change_password", "POST", "/me/password", u.ChangePassword, Empty, writes("self"), "Change one's own password.")
WHO_AM_I = Operation("users.current", "GET", "/me", u.WhoAmI, u.Identity, reads("self"), "Get who one is to the server.")
CREATE_TOKEN = Operation("tokens.create", "POST", "/tokens", u.CreateToken, u.CreatedToken, writes("self", "name"), "Make a token.", adds=True, shown_once="secret")
LIST_TOKENS = Operation("tokens.list", "GET", "/tokens", u.ListTokens, u.TokenList, reads("self"), "List tokens, without their secrets.")
DELETE_TOKEN = Operation("tokens.delete", "DELETE", "/tokens/{token_id}", u.TokenId, Empty, writes("self", "token_id"), "Revoke a token at once.")
LIST_SESSIONS = Operation("sessions.list", "GET", "/sessions", u.ListSessions, u.SessionList, reads("self"), "List where one is signed in with a browser.")
DELETE_SESSION = Operation("sessions.delete", "DELETE", "/sessions/{session_id}", u.SessionId, Empty, writes("self", "session_id"), "End a session at once.")
DELETE_OTHER_SESSIONS = Operation("sessions.delete_others", "POST", "/sessions/delete-others", u.DeleteOtherSessions, u.EndedSessions, writes("self"), "End all sessions but the one that asks.")
LIST_SIGN_INS = Operation("sign_ins.list", "GET", "/sign-ins", u.ListSignIns, u.SignInList, reads("self"), "List sign-ins, good and refused.")
CREATE_WORKSPACE = Operation("workspaces.create", "POST", "/workspaces", s.CreateWorkspace, s.Workspace, writes("system", "name", permission="admin"), "Create a workspace.")
LIST_WORKSPACES = Operation("workspaces.list", "GET", "/workspaces", s.ListWorkspaces, s.WorkspaceList, reads("self"), "List the workspaces that one has a role in.")
GET_WORKSPACE = Operation("workspaces.get", "GET", "/workspaces/{name}", s.WorkspaceName, s.Workspace, reads("self", "name"), "Get a workspace that one has a role in.")
UPDATE_WORKSPACE = Operation("workspaces.update", "PATCH", "/workspaces/{name}", s.UpdateWorkspace, s.Workspace, writes("system", "name", permission="admin"), "Rename, describe or archive a workspace, or open it again.")
DELETE_WORKSPACE = Operation("workspaces.delete", "DELETE", "/workspaces/{name}", s.WorkspaceName, Empty, writes("system", "name", permission="admin"), "Delete a workspace that has nothing, with its teams, roles and grants.")
ERASE_WORKSPACE = Operation("workspaces.erase", "POST", "/workspaces/{name}/erase", s.EraseWorkspace, s.ErasedWorkspace, writes("system", "name", permission="admin"), "Remove an archived workspace with all that it has, for good.")
EXPORT_WORKSPACE = Operation("workspaces.export", "POST", "/workspace/export", s.ExportWorkspace, s.WorkspaceContent, reads("workspace", permission="admin", audited=True), "Begin to take a copy of all that the workspace has.")
CHOOSE_WORKSPACE = Operation("workspaces.choose", "PUT", "/me/workspace", s.WorkspaceName, s.Workspace, writes("self", "name"), "Set the workspace that one's requests are for when they name none.")
CREATE_TEAM = Operation("teams.create", "POST", "/teams", u.CreateTeam, u.Team, writes("workspace", "team", permission="admin"), "Create a team.")
LIST_TEAMS = Operation("teams.list", "GET", "/teams", u.ListTeams, u.TeamList, reads("workspace", permission="admin"), "List teams with their members.")
UPDATE_TEAM = Operation("teams.update", "PATCH", "/teams/{team}", u.UpdateTeam, u.Team, writes("workspace", "team", permission="admin"), "Rename or describe a team.")
DELETE_TEAM = Operation("teams.delete", "DELETE", "/teams/{team}", u.TeamName, z.Trashed, writes("workspace", "team", permission="admin"), "Move a team with its grants to the trash.")
ADD_MEMBER = Operation("teams.add_member", "PUT", "/teams/{team}/members/{user}", u.TeamMember, u.Team, writes("workspace", "team", permission="admin"), "Add a user to a team.")
REMOVE_MEMBER = Operation("teams.remove_member", "DELETE", "/teams/{team}/members/{user}", u.TeamMember, u.Team, writes("workspace", "team", permission="admin"), "Remove a user from a team.")
SET_ROLE = Operation("roles.set", "PUT", "/roles/{role}", u.SetRole, u.Role, writes("workspace", "role", permission="admin"), "Create a role of one's own, or change it.")
LIST_ROLES = Operation("roles.list", "GET", "/roles", u.ListRoles, u.RoleList, reads("workspace"), "List roles.")
DELETE_ROLE = Operation("roles.delete", "DELETE", "/roles/{role}", u.RoleName, z.Trashed, writes("workspace", "role", permission="admin"), "Move a role of one's own to the trash, with the grants of it.")
CREATE_GRANT = Operation("grants.create", "POST", "/grants", u.CreateGrant, u.Grant, writes("grant", permission="manage"), "Give somebody a role on something.")
LIST_GRANTS = Operation("grants.list", "POST", "/grants/search", u.ListGrants, u.GrantList, reads("grant", permission="manage"), "List who has which role on what.")
DELETE_GRANT = Operation("grants.delete", "DELETE", "/grants/{grant_id}", u.GrantId, z.Trashed, writes("grant", "grant_id", permission="manage"), "Take a role back, at once; the grant goes to the trash.")
LIST_OWN_GRANTS = Operation("grants.list_own", "GET", "/me/grants", u.ListOwnGrants, u.OwnGrantList, reads("self"), "List the roles that one has oneself, by teams and with everyone.")
EXPLAIN_ACCESS = Operation("access.explain", "POST", "/access/explain", u.Explain, u.Explanation, reads("self"), "Ask whether somebody may do something, and why.")
# fmt: on

OPERATIONS: tuple[Operation[Any, Any], ...] = tuple(op for op in list(globals().values()) if isinstance(op, Operation))
"""Every operation, in the order of declaration."""

BY_NAME: dict[str, Operation[Any, Any]] = {op.name: op for op in OPERATIONS}
