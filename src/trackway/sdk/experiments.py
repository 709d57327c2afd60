"""The experiment that new runs belong to, and the fluent calls about experiments."""

from __future__ import annotations

import os

from trackway.api import experiments as e
from trackway.api import operations as ops
from trackway.base.errors import AlreadyExists, Conflict, InvalidInput, TrackwayError
from trackway.sdk.connection import get_tracking_uri, open_transport
from trackway.sdk.entities import Experiment, to_experiment
from trackway.sdk.problems import PROBLEMS
from trackway.sdk.transport import is_temporary

START_S = 2.0
"""How long a store may be away before runs are started without it."""


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Choose the experiment of the runs to come; one that is named and not there is created.

    raises:  InvalidInput unless exactly one of the two is given; NotFound for an unknown id; Conflict for an experiment
             in the trash
    When the store cannot be reached, that is counted as a problem: runs will go to the experiment by its name, and
    what is returned has no id.
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidInput("Name the experiment by name or by id", hint="give one of the two")
    try:
        transport = open_transport(get_tracking_uri(), START_S)
        if experiment_id is not None:
            found = transport.call(ops.GET_EXPERIMENT, e.GetExperiment(experiment_id=experiment_id))
        else:
            request = e.CreateExperiment(name=experiment_name or "", if_exists="return", unique_among="all")
            found = transport.call(ops.CREATE_EXPERIMENT, request)
    except AlreadyExists as error:  # in the trash, or it would have been returned
        raise Conflict(error.message, hint=error.hint) from None
    except TrackwayError as error:
        if not is_temporary(error):
            raise
        PROBLEMS.raise_or_note("experiment not known yet", error)
        return _choose_offline(experiment_name, experiment_id)
    if found.lifecycle == "deleted":
        raise Conflict(
            f"The experiment {found.name!r} is in the trash", hint="restore it, purge it, or choose another name"
        )
    _choose(found.experiment_id, "")
    return to_experiment(found)


def _choose_offline(experiment_name: str | None, experiment_id: str | None) -> Experiment:
    _choose(experiment_id or "", experiment_name or "")
    return Experiment(
        experiment_id=experiment_id or "",
        name=experiment_name or "",
        artifact_location="",
        lifecycle_stage="active",
        tags={},
        creation_time=0,
        last_update_time=0,
    )


def _choose(experiment_id: str, name: str) -> None:
    for variable, value in (("TRACKWAY_EXPERIMENT_ID", experiment_id), ("TRACKWAY_EXPERIMENT_NAME", name)):
        if value:
            os.environ[variable] = value
        else:
            os.environ.pop(variable, None)
