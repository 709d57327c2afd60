"""The files of a model of Spark MLlib, looked into before Spark is: JSON that names classes, and Parquet.

Loading makes objects of the classes that the metadata names, in Java and in Python. So these must be MLlib's own, and
nothing may stand where Spark would look for more: no other kind of file, no path that leads elsewhere, no type of
values that brings a class of its own. A step of SQL can call any method of Java's, and needs trust.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from trackway.base.errors import Corrupt, InvalidInput
from trackway.models.manifest import list_files
from trackway.models.trust import require_trust

MAX_METADATA_BYTES: Final = 2**26
MAX_DEPTH: Final = 60
_FOLDER: Final = "metadata"
_JAVA: Final = "org.apache.spark."
_MODULES: Final = (
    *("classification", "clustering", "evaluation", "feature", "fpm", "pipeline", "recommendation", "regression"),
    "tuning",
)
"""Those of ``pyspark.ml`` whose classes a pipeline is made of."""
_INNER: Final = frozenset(
    {
        "org.apache.spark.ml.feature.ColumnPruner",
        "org.apache.spark.ml.feature.VectorAttributeRewriter",
        "org.apache.spark.mllib.clustering.DistributedLDAModel",
        "org.apache.spark.mllib.clustering.LocalLDAModel",
    }
)
"""Parts of MLlib's own models that Python has no class for."""
SQL: Final = ".SQLTransformer"
_VALUES: Final = re.compile(r"(org\.apache\.spark\.(ml|mllib)|pyspark\.(ml|mllib))\.linalg\.(VectorUDT|MatrixUDT)")
_ROW_METADATA: Final = b"org.apache.spark.sql.parquet.row.metadata"
_PART = re.compile(r"part-\d{5}(-[0-9a-f-]{36}-c\d{3}\.txt)?")
_IGNORED = re.compile(r"_SUCCESS|\..*\.crc")
"""What Spark writes beside its files, and does not read."""
_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,200}")


def check_pipeline(folder: Path, *, trust: bool) -> tuple[str, ...]:
    """Look into the files of a pipeline, and return the names of the classes that loading it makes objects of.

    trust:  whether it may run code of its own: classes that are not MLlib's, and steps of SQL
    raises: PermissionDenied for what needs trust; Corrupt, InvalidInput for what is no pipeline
    """
    names: dict[str, None] = {}
    for path in list_files(folder):
        *inside, name = PurePosixPath(path).parts
        if _IGNORED.fullmatch(name):
            continue
        if inside[-1:] == [_FOLDER] and _PART.fullmatch(name) and _FOLDER not in inside[:-1]:
            for record in _read_metadata(folder / path):
                names[_check_record(record, path, trust=trust)] = None
        elif name.endswith(".parquet") and _FOLDER not in inside:
            _check_parquet(folder / path, trust=trust)
        else:
            require_trust(
                trust, f"The model of Spark holds the file {path[:200]!r}, of a kind that MLlib writes nowhere"
            )
    if not names:
        raise Corrupt("The model of Spark has no metadata")
    return tuple(names)


def _read_metadata(path: Path) -> Iterator[dict[str, Any]]:
    if path.stat().st_size > MAX_METADATA_BYTES:
        raise Corrupt(f"The metadata of the model of Spark has more than {MAX_METADATA_BYTES:,} bytes")
    for line in path.read_bytes().splitlines():
        if not line.strip():
            continue
        try:
            record = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Corrupt(f"The metadata of the model of Spark cannot be read: {error}") from None
        if not isinstance(record, dict) or not isinstance(record.get("class"), str):
            raise Corrupt("The metadata of the model of Spark names no class")
        yield record


def _check_record(record: dict[str, Any], path: str, *, trust: bool) -> str:
    name: str = record["class"]
    if not is_own(name):
        require_trust(trust, f"The model of Spark names the class {name[:200]!r}, which is none of MLlib's")
    if name.endswith(SQL):
        require_trust(trust, "The model of Spark has a step of SQL, which can call any method of Java's")
    for uid in _list_uids(record.get("paramMap")):
        if not isinstance(uid, str) or not _UID.fullmatch(uid):
            raise InvalidInput(f"The model of Spark names the stage {str(uid)[:100]!r} in {path[:200]!r}")
    return name


def _list_uids(params: Any) -> Iterator[Any]:
    """Yield the names in a stage's params that become parts of paths."""
    if not isinstance(params, dict):
        return
    given = params.get("stageUids", [])
    yield from given if isinstance(given, list) else [given]
    for entry in _list_entries(params.get("estimatorParamMaps"), 0):
        if entry.get("isJson") in ("false", False):
            yield entry.get("value")


def _list_entries(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list) and depth < MAX_DEPTH:
        for one in value:
            yield from _list_entries(one, depth + 1)


def is_own(name: str) -> bool:
    """Return whether a class, of Java's or Python's, is one of MLlib's that can be saved and loaded."""
    if name in _INNER:
        return True
    text = f"pyspark.{name.removeprefix(_JAVA)}" if name.startswith(_JAVA) else name
    module, _, cls = text.removeprefix("pyspark.ml.").rpartition(".")
    if not text.startswith("pyspark.ml.") or (module or "pipeline") not in _MODULES or cls.startswith("_"):
        return False
    place = importlib.import_module(f"pyspark.ml.{module or 'pipeline'}")
    found = getattr(place, cls, None)
    return isinstance(found, type) and found.__module__ == place.__name__ and hasattr(found, "read")


def _check_parquet(path: Path, *, trust: bool) -> None:
    """Refuse a file whose columns are of types that bring a class of their own."""
    import pyarrow
    from pyarrow import parquet

    try:
        described = (parquet.read_schema(path).metadata or {}).get(_ROW_METADATA, b"{}")
        schema = msgspec.json.decode(described)
    except (pyarrow.ArrowException, OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt(f"The model's file {path.name[:100]!r} is no Parquet of Spark's: {error}") from None
    for one in _walk(schema, 0):
        classes = [one[key] for key in ("class", "pyClass") if key in one]
        is_own_type = all(isinstance(name, str) and _VALUES.fullmatch(name) for name in classes)
        if one.get("type") == "udt" and (not classes or not is_own_type or "serializedClass" in one):
            require_trust(trust, f"The model of Spark holds values of the class {str(classes)[:200]}")


def _walk(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > MAX_DEPTH:
        raise Corrupt(f"A schema of the model of Spark is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _walk(one, depth + 1)
