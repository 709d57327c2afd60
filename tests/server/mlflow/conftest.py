from __future__ import annotations

import pytest

from tests.services.mlflow_api import Api


@pytest.fixture
def api(server_port: int) -> Api:
    """The server with an experiment ``{exp}`` and a run ``{run}`` of this test alone, and one of each in the trash."""
    api = Api(server_port)
    made = api.made
    made["exp"] = api.make_experiment()
    made["run"] = api.make_run(made["exp"])
    made["gone_run"] = api.make_run(made["exp"])
    api.post("/runs/delete", {"run_id": "{gone_run}"})
    made["unknown_run"] = "0" * 32
    return api


@pytest.fixture
def trash(api: Api) -> Api:
    """The same, with an experiment ``{gone_exp}`` in the trash that has a run ``{lost_run}``."""
    api.made["gone_exp"] = api.make_experiment()
    api.made["lost_run"] = api.make_run(api.made["gone_exp"])
    assert api.post("/experiments/delete", {"experiment_id": "{gone_exp}"}).status == 200
    return api
