"""Data sets of Spark and Hugging Face, described to be logged, and sources without data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

import msgspec

from trackway.base.errors import InvalidInput
from trackway.models.signature import Column, Signature
from trackway.sdk import datasets
from trackway.sdk.dataset_sources import DatasetSource
from trackway.sdk.datasets import TrackedDataset

Files = str | Sequence[str] | Mapping[str, str | Sequence[str]]


class SparkFacts(TypedDict, total=False):
    """What is known of a table of Spark beside its source; see ``from_pandas``."""

    targets: str | None
    name: str | None
    digest: str | None
    predictions: str | None


class HubFacts(TypedDict, total=False):
    """What is known of a data set of the hub's beside its path.

    data_dir, data_files, revision: as it was loaded
    source:                         the source itself, in place of the path
    trust_remote_code:              taken for compatibility: nothing is loaded
    name, digest:                   as for ``from_pandas``
    """

    data_dir: str | None
    data_files: Files | None
    revision: str | None
    source: Any
    trust_remote_code: bool | None
    name: str | None
    digest: str | None


def from_spark(
    df: Any,
    path: str | None = None,
    table_name: str | None = None,
    version: str | int | None = None,
    sql: str | None = None,
    **facts: Unpack[SparkFacts],
) -> TrackedDataset:
    """Describe a DataFrame of Spark by its plan and its columns, which costs no job.

    Its digest is that of the plan: it changes with what is read and how, and not with what is behind it.

    path, table_name, sql: what it was read from, at most one of them; none for "made by this code"
    version:               of the Delta table that a path or a name stands for
    facts:                 see ``SparkFacts``
    raises:                InvalidInput
    """
    _check(facts, SparkFacts)
    given = {"path": path, "table_name": table_name, "sql": sql}
    named = {key: value for key, value in given.items() if value is not None}
    if len(named) > 1 or (version is not None and (sql is not None or not named)):
        hint = "one of path, table_name and sql; a version goes with path or table_name"
        raise InvalidInput("The table has no one source", hint=hint)
    described = datasets.describe_spark_frame(df)
    columns = [field.name for field in df.schema.fields]
    for role in (facts.get("targets"), facts.get("predictions")):
        if role is not None and role not in columns:
            raise InvalidInput(f"The data has no column {role!r}", hint="targets and predictions name columns")
    source = None
    if version is not None:
        place = {"path": path} if path is not None else {"delta_table_name": table_name}
        source = DatasetSource("delta_table", {**place, "delta_table_version": version})
    elif named:
        source = DatasetSource("spark", named)
    return dataclasses.replace(
        described,
        name=facts.get("name") or described.name,
        digest=facts.get("digest") or described.digest,
        source_type=described.source_type if source is None else source.source_type,
        source=described.source if source is None else source.to_json(),
        data=df,
        targets=facts.get("targets"),
        predictions=facts.get("predictions"),
    )


def from_huggingface(
    ds: Any, path: str | None = None, targets: str | None = None, **facts: Unpack[HubFacts]
) -> TrackedDataset:
    """Describe a ``datasets.Dataset``; of a large one evenly spaced rows tell digest and columns.

    path:    of the data set on the hub, or a folder
    facts:   see ``HubFacts``
    raises:  InvalidInput for what is no such data set: one of its splits is
    """
    _check(facts, HubFacts)
    if not all(hasattr(ds, name) for name in ("num_rows", "column_names", "to_pandas", "select")):
        found = f"{type(ds).__module__}.{type(ds).__qualname__}"
        raise InvalidInput(f"A {found} is no data set of Hugging Face", hint="give one split, such as data['train']")
    source = facts.get("source")
    if source is None and path is not None:
        known = {name: facts.get(name) for name in ("data_dir", "data_files", "revision")}
        split = getattr(ds, "split", None)
        origin = {"config_name": getattr(ds, "config_name", None), "split": None if split is None else str(split)}
        source = DatasetSource("hugging_face", {"path": path, **origin, **known})
    rows = datasets.choose_rows(ds.num_rows, len(ds.column_names))
    sampled = ds if isinstance(rows, slice) else ds.select(rows)
    columns = datasets.read_pandas(sampled.with_format(None).to_pandas())
    origin_facts = (source, facts.get("name"), facts.get("digest"))
    described = datasets.describe_frame(ds, ds.num_rows, columns, origin_facts, (targets, None))
    sizes = {name: getattr(ds, name, None) for name in ("dataset_size", "size_in_bytes")}
    profile = {"num_rows": ds.num_rows, **{name: size for name, size in sizes.items() if size is not None}}
    return dataclasses.replace(described, profile=msgspec.json.encode(profile).decode())


def describe_source(
    source: Any, name: str | None = None, digest: str | None = None, schema: Sequence[Column] | None = None
) -> TrackedDataset:
    """Describe data that are not here: where they are, and what their columns are.

    source: as for ``from_pandas``
    digest: of the data; one of their address and columns when left out
    schema: as ``trackway.models.columns`` makes it
    """
    listed = None if schema is None else Signature(inputs=tuple(schema)).to_dict()["inputs"]
    return datasets.describe_absent(
        (source, name, digest), None if listed is None else f'{{"mlflow_colspec":{listed}}}'
    )


def _check(facts: Mapping[str, Any], known: Any) -> None:
    if unknown := sorted(facts.keys() - known.__annotations__.keys()):
        raise InvalidInput(f"A data set has no {unknown[0]!r}", hint=", ".join(known.__annotations__))
