"""Tables for people: found runs, found models, and the tables that runs logged, as DataFrames."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trackway.api.runs import GetRunTable
from trackway.base.errors import InvalidInput, NotFound, NotSupported
from trackway.sdk.artifacts import find_file, join_path
from trackway.sdk.client import Client
from trackway.sdk.entities import LoggedModel, Run, to_run
from trackway.sdk.locations import get_folder

if TYPE_CHECKING:
    import pandas


def import_pandas() -> Any:
    """Import pandas.

    raises: NotSupported when it is not installed
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise NotSupported(
            "DataFrames need pandas, which is not installed", hint="pip install 'trackway[pandas]', or ask for a list"
        ) from error
    return pd


def join_tables(
    client: Client,
    experiment_id: str,
    artifact_file: str,
    run_ids: Sequence[str] | None,
    extra_columns: Sequence[str],
) -> pandas.DataFrame:
    """Load one table of several runs, or of all of an experiment, one below the other.

    raises: NotFound when no run has it; InvalidInput for a column that runs do not have
    """
    pd = import_pandas()
    if run_ids is None:
        runs = [to_run(run) for run in client.search_runs([experiment_id])]
    else:
        runs = [to_run(client.get_run(run_id)) for run_id in run_ids]
    frames = []
    for run in runs:
        data = find_file(client, join_path(get_folder(run.info.artifact_uri), artifact_file))
        if data is not None:
            frame = _parse_table(pd, data, artifact_file)
            for column in extra_columns:
                frame[column] = _find_column(run, column)
            frames.append(frame)
    if not frames:
        raise NotFound(f"No run has a table {artifact_file!r}")
    return pd.concat(frames, ignore_index=True)


def _parse_table(pd: Any, data: bytes, path: str) -> Any:
    if path.endswith(".parquet"):
        return pd.read_parquet(io.BytesIO(data))
    table = json.loads(data)
    return pd.DataFrame(table["data"], columns=table["columns"])


def _find_column(run: Run, name: str) -> Any:
    for values in (dict(run.info), run.data.tags, run.data.params, run.data.metrics):
        if name in values:
            return values[name]
    raise InvalidInput(
        f"Run {run.info.run_id} has no {name!r}", hint="name an attribute, tag, param or metric that every run has"
    )


def get_run_frame(client: Client, request: GetRunTable) -> pandas.DataFrame:
    """Return found runs as a DataFrame: attributes, then ``metrics.x``, ``params.x`` and ``tags.x``; times in UTC."""
    import_pandas()
    try:
        table = client.get_run_table(request)
    except ImportError as error:
        raise NotSupported(
            "DataFrames of runs need pyarrow, which is not installed", hint="pip install 'trackway[pandas]'"
        ) from error
    return table.to_pandas()


def get_model_frame(models: Sequence[LoggedModel]) -> pandas.DataFrame:
    """Return logged models as a DataFrame, one column an attribute; tags, params and metrics as dictionaries."""
    frame: pandas.DataFrame = import_pandas().DataFrame([model.to_dictionary() for model in models])
    return frame
