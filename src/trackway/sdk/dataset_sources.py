"""Where a data set came from, as an object that fetches it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from trackway.base.errors import InvalidInput, NotSupported, Unavailable
from trackway.sdk.datasets import TrackedDataset
from trackway.sdk.entities import Dataset, DatasetInput
from trackway.sdk.fluent_artifacts import download_artifacts
from trackway.sdk.sources import CHUNK_BYTES
from trackway.sdk.transport import Pool

_OF_LIBRARIES = ("delta_table", "hugging_face", "spark")
_HUB_FACTS = ("config_name", "data_dir", "data_files", "split", "revision", "trust_remote_code")
_OURS = ("runs", "models", "mlflow-artifacts", "file", "")


class DatasetSource:
    """A source as it was logged.

    source_type: ``local``, ``http``, ``s3``, ... or ``code``
    uri:         its address; empty for data that code made
    """

    def __init__(self, source_type: str, facts: dict[str, Any]) -> None:
        self.source_type = source_type
        self.uri = str(facts.get("uri") or facts.get("url") or facts.get("path") or "")
        self._facts = facts

    @property
    def url(self) -> str:
        """What MLflow calls the address of a source on the web."""
        return self.uri

    def load(self, dst_path: str | os.PathLike[str] | None = None) -> str:
        """Fetch the data and return where they are.

        dst_path: folder to put them into, under their own name; None for a new temporary one, and for what is local
        raises:   NotSupported for what has no address, or one that its own library has to open; Unavailable
        """
        scheme = urlsplit(self.uri).scheme.lower()
        if self.source_type in _OF_LIBRARIES:
            raise NotSupported(f"Data of {self.source_type} are not fetched here", hint="load them with its library")
        if not self.uri:
            raise NotSupported("These data were made by code", hint="run the code that the run names")
        if scheme in ("http", "https"):
            return _fetch(self.uri, os.fspath(dst_path or tempfile.mkdtemp(prefix="trackway-")))
        if scheme not in _OURS:
            raise NotSupported(
                f"Data at {scheme}:// are not fetched here", hint=f"open {self.uri} with its own library"
            )
        where = unquote(urlsplit(self.uri).path) if scheme == "file" else self.uri
        return download_artifacts(artifact_uri=where, dst_path=None if dst_path is None else os.fspath(dst_path))

    def to_dict(self) -> dict[str, Any]:
        """Return what is logged of it."""
        return dict(self._facts)

    def to_json(self) -> str:
        """Return that as JSON."""
        return json.dumps(self._facts)

    def _get_source_type(self) -> str:
        return self.source_type

    def __repr__(self) -> str:
        return f"DatasetSource({self.source_type!r}, {self.uri!r})"


class HTTPDatasetSource(DatasetSource):
    """A file on the web."""

    def __init__(self, url: str) -> None:
        super().__init__("http", {"url": url})


class DeltaDatasetSource(DatasetSource):
    """A version of a Delta table: its path, or the name that a session of Spark knows it by."""

    def __init__(
        self,
        path: str | None = None,
        delta_table_name: str | None = None,
        delta_table_version: int | str | None = None,
        delta_table_id: str | None = None,
    ) -> None:
        self.path = path
        self.delta_table_name = delta_table_name
        self.delta_table_version = delta_table_version
        self.delta_table_id = delta_table_id
        _check_one(path=path, delta_table_name=delta_table_name)
        named = {
            "path": path,
            "delta_table_name": delta_table_name,
            "delta_table_version": delta_table_version,
            "delta_table_id": delta_table_id,
        }
        super().__init__("delta_table", {key: value for key, value in named.items() if value is not None})


class SparkDatasetSource(DatasetSource):
    """What a table of Spark was read from."""

    def __init__(self, path: str | None = None, table_name: str | None = None, sql: str | None = None) -> None:
        _check_one(path=path, table_name=table_name, sql=sql)
        named = {"path": path, "table_name": table_name, "sql": sql}
        super().__init__("spark", {key: value for key, value in named.items() if value is not None})


class HuggingFaceDatasetSource(DatasetSource):
    """A data set of the hub's: its path there, and what is said when it is loaded, such as ``split``."""

    def __init__(self, path: str, **facts: Any) -> None:
        if unknown := sorted(facts.keys() - _HUB_FACTS):
            raise InvalidInput(f"A source on the hub has no {unknown[0]!r}", hint=", ".join(_HUB_FACTS))
        named = {key: facts.get(key) for key in _HUB_FACTS if key != "trust_remote_code"}
        super().__init__("hugging_face", {"path": path, **named})


class CodeDatasetSource(DatasetSource):
    """The code that made the data, by the tags of its run."""

    def __init__(self, tags: Mapping[str, str]) -> None:
        super().__init__("code", {"tags": dict(tags)})


def _check_one(**places: Any) -> None:
    if sum(value is not None for value in places.values()) != 1:
        raise InvalidInput("The data have no one source", hint=f"give one of {', '.join(places)}")


def get_source(dataset: TrackedDataset | Dataset | DatasetInput) -> DatasetSource:
    """Return where a data set came from.

    dataset: as it was described, or as a run has it
    raises:  InvalidInput for a source that is no JSON object
    """
    described = dataset.dataset if isinstance(dataset, DatasetInput) else dataset
    try:
        facts = json.loads(described.source or "{}")
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise InvalidInput(f"The source of {described.name!r} cannot be read", hint="it must be a JSON object")
    return DatasetSource(described.source_type, facts)


def _fetch(url: str, folder: str) -> str:
    parts = urlsplit(url)
    name = os.path.basename(unquote(parts.path)) or "data"
    pool = Pool(parts.scheme, parts.hostname or "")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    try:
        answer = pool.get(stream=True).request("GET", url, preload_content=False, redirect=True, retries=5)
        if answer.status != 200:
            raise Unavailable(f"{url} was answered with {answer.status}", hint="look whether it is still there")
        with open(f"{path}.part", "wb") as file:
            for chunk in answer.stream(CHUNK_BYTES):
                file.write(chunk)
    except pool.failure as error:
        raise Unavailable(f"{url} cannot be fetched: {error}", hint="try again later") from error
    finally:
        pool.close()
    os.replace(f"{path}.part", path)
    return path
