"""Data sets that are versions of Delta tables, read without Spark."""

from __future__ import annotations

import importlib
import os
from typing import Any

from trackway.base.errors import InvalidInput, NotFound, NotSupported, Unavailable
from trackway.sdk import datasets, secrets
from trackway.sdk.dataset_sources import DatasetSource
from trackway.sdk.datasets import TrackedDataset


def load_delta(
    path: str | os.PathLike[str] | None = None,
    table_name: str | None = None,
    version: int | str | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> TrackedDataset:
    """Load a version of a Delta table and describe it; ``data`` is a pandas table, all of it in memory.

    path:    folder of the table, or its address in an object store, for which the environment has credentials
    version: the newest when left out; it is recorded, so that the same data are found again
    targets, name, digest: as for ``from_pandas``
    raises:  InvalidInput, NotFound; NotSupported for a table's name, which only a session of Spark knows, and without
             the package deltalake; Unavailable
    """
    if (path is None) == (table_name is None):
        raise InvalidInput("The table has no one source", hint="give path")
    if path is None:
        hint = f"give its path, or data.from_spark(spark.table({table_name!r}), table_name={table_name!r})"
        raise NotSupported(f"What {table_name!r} names is known to a session of Spark", hint=hint)
    address = os.fspath(path)
    number = _parse_version(version)
    table = _open(address, number)
    facts = {"path": secrets.mask_address(address), "delta_table_version": int(table.version())}
    frame = table.to_pandas()
    return datasets.from_pandas(frame, DatasetSource("delta_table", facts), targets, name, digest)


def _parse_version(version: int | str | None) -> int | None:
    if version is None:
        return None
    text = str(version)
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInput(f"{text[:40]!r} is no version of a Delta table", hint="a whole number, from 0 on")
    return int(text)


def _open(address: str, version: int | None) -> Any:
    try:
        deltalake = importlib.import_module("deltalake")
        problems = importlib.import_module("deltalake.exceptions")
    except ImportError as error:
        raise NotSupported("Delta tables are read with deltalake", hint="pip install 'trackway[delta]'") from error
    shown = secrets.mask_address(address)
    try:
        return deltalake.DeltaTable(address, version=version)
    except problems.TableNotFoundError as error:
        raise NotFound(f"There is no Delta table at {shown}") from error
    except OSError as error:
        raise Unavailable(
            f"The Delta table at {shown} cannot be reached", hint="look at its address and credentials"
        ) from error
    except problems.DeltaError as error:
        wanted = "" if version is None else f" in version {version}"
        raise InvalidInput(f"The Delta table at {shown} cannot be read{wanted}: {str(error)[:300]}") from error
