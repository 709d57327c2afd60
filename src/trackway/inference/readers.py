"""Rows of files, batch by batch: CSV, Parquet and JSON lines, the text formats also as gzip.

A batch is the same rows each time the same file is read with the same batch size, so that a job knows what it has done.
"""

from __future__ import annotations

import gzip
import io
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec
import numpy as np

from trackway.base.errors import InvalidInput, NotFound, NotSupported
from trackway.models.signature import Column, Signature
from trackway.sdk.tables import import_pandas

Format = Literal["csv", "parquet", "jsonl"]
SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_NUMBERS: Final = ("integer", "long", "float", "double")


class Problem(NamedTuple):
    """A row that cannot be used: its number, counted from 1, why, and what it is."""

    row: int
    error: str
    content: Any


class Batch(NamedTuple):
    """Some rows: ``numbers`` are their places in the file, counted from 1."""

    numbers: Sequence[int]
    table: Any
    problems: list[Problem]
    rows: int
    """With those that are problems."""


class Source(NamedTuple):
    """A file to read, and how."""

    path: Path
    format: Format
    packed: bool
    batch_rows: int


def find_format(path: Path) -> tuple[Format, bool]:
    """Return the format that a file's name tells, and whether it is packed by gzip.

    raises: InvalidInput
    """
    packed = path.suffix.lower() == ".gz"
    suffix = (path.with_suffix("") if packed else path).suffix.lower()
    found = SUFFIXES.get(suffix)
    if found is None or (packed and found == "parquet"):
        raise InvalidInput(
            f"The name {path.name!r} tells no format", hint="it ends with .csv, .jsonl (or these with .gz) or .parquet"
        )
    return found, packed


def open_source(path: Path, batch_rows: int) -> Source:
    """Return a file as one to read.

    raises: NotFound, InvalidInput
    """
    if not path.is_file():
        raise NotFound(f"There is no file {os.fspath(path)!r}")
    if batch_rows < 1:
        raise InvalidInput(f"A batch of {batch_rows} rows cannot be")
    return Source(path, *find_format(path), batch_rows)


def read_batches(
    source: Source, signature: Signature | None, skip: int, tell: Callable[[int], None]
) -> Iterator[Batch]:
    """Yield the rows of a file from batch number ``skip`` on.

    signature: tells texts from numbers in CSV; other columns are what they look like
    tell:      called with how many bytes of the file were read
    raises:    InvalidInput for a file that is not what its name says
    """
    columns = [spec for spec in (signature.inputs if signature else None) or () if isinstance(spec, Column)]
    kinds = {str(column.name): column.type.kind for column in columns if column.name is not None}
    is_parquet = source.format == "parquet"
    batches = _read_parquet(source, skip, tell) if is_parquet else _read_text(source, kinds, skip, tell)
    for batch in batches:
        yield _fit_numbers(batch, kinds)


def _read_text(source: Source, kinds: dict[str, str], skip: int, tell: Callable[[int], None]) -> Iterator[Batch]:
    with source.path.open("rb") as raw:
        file = cast(io.BufferedIOBase, gzip.GzipFile(fileobj=raw)) if source.packed else raw
        read = _read_csv if source.format == "csv" else _read_lines
        try:
            for batch in read(file, source, kinds, skip):
                tell(raw.tell())
                yield batch
        except (ValueError, OSError, EOFError) as error:
            if isinstance(error, InvalidInput):
                raise
            problem = f"{type(error).__name__}: {str(error)[:300]}"
            raise InvalidInput(f"{source.path.name!r} cannot be read: {problem}") from error


def _read_csv(file: Any, source: Source, kinds: dict[str, str], skip: int) -> Iterator[Batch]:
    pandas = import_pandas()
    texts = {name: str for name, kind in kinds.items() if kind == "string"}
    try:
        chunks = pandas.read_csv(file, chunksize=source.batch_rows, dtype=texts)
    except pandas.errors.EmptyDataError:
        raise InvalidInput(f"{source.path.name!r} is empty", hint="its first line names the columns") from None
    start = 0
    for number, table in enumerate(chunks):
        if number >= skip and len(table):
            yield Batch(range(start + 1, start + len(table) + 1), table, [], len(table))
        start += len(table)


def _fit_numbers(batch: Batch, kinds: dict[str, str]) -> Batch:
    """Take out the rows that have no number where the model takes one, and make numbers of the rest.

    A column with one text in it is one of texts, and a column of whole numbers with one missing is one of floats: a
    model would refuse all rows for the sake of one.
    """
    bad: dict[int, str] = {}
    fitting = {}
    for name, kind in kinds.items():
        if kind not in _NUMBERS or name not in batch.table.columns:
            continue
        column = batch.table[name]
        whole = kind in ("integer", "long")
        if column.dtype.kind in ("iufb" if not whole else "iub") or hasattr(column.dtype, "categories"):
            continue
        values = import_pandas().to_numeric(column, errors="coerce").astype("float64")
        wrong = values.isna() if whole else values.isna() & column.notna()
        if whole:
            wrong |= (values % 1) != 0
        for place in wrong.to_numpy().nonzero()[0].tolist():
            found = column.iloc[[place]].tolist()[0]
            shown = "nothing" if values.isna().iloc[place] and found != found else repr(found)[:100]
            bad.setdefault(place, f"Column {name!r}: expected {kind}, found {shown}")
        fitting[name] = values, whole
    if not fitting:
        return batch
    good = np.array([place for place in range(len(batch.table)) if place not in bad], dtype=np.int64)
    table = batch.table.iloc[good].copy() if bad else batch.table.copy()
    for name, (values, whole) in fitting.items():
        kept = values.iloc[good]
        table[name] = kept.astype("int64") if whole else kept
    problems = [Problem(batch.numbers[place], bad[place], batch.table.iloc[place].to_dict()) for place in sorted(bad)]
    return Batch([batch.numbers[place] for place in good], table, batch.problems + problems, batch.rows)


def _read_lines(file: Any, source: Source, _kinds: dict[str, str], skip: int) -> Iterator[Batch]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    number = start = 0
    while lines := list(itertools.islice(file, source.batch_rows)):
        if number >= skip:
            yield _decode_lines(lines, start, decode)
        start += len(lines)
        number += 1


def _decode_lines(lines: list[bytes], start: int, decode: Callable[[bytes], dict[str, Any]]) -> Batch:
    rows, numbers, problems = [], [], []
    for number, line in enumerate(lines, start + 1):
        try:
            rows.append(decode(line))
            numbers.append(number)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if line.strip():
                problems.append(Problem(number, f"No JSON object: {error}", line[:1000].decode("utf-8", "replace")))
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = import_pandas().DataFrame({name: [row.get(name) for row in rows] for name in names})
    return Batch(numbers, table, problems, len(rows) + len(problems))


def _read_parquet(source: Source, skip: int, tell: Callable[[int], None]) -> Iterator[Batch]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise NotSupported("Parquet needs pyarrow, which is not installed", hint="pip install pyarrow") from None
    size_bytes = source.path.stat().st_size
    try:
        with parquet.ParquetFile(source.path) as file:
            total = max(file.metadata.num_rows, 1)
            start = 0
            for number, batch in enumerate(file.iter_batches(source.batch_rows)):
                if number >= skip:
                    rows = range(start + 1, start + batch.num_rows + 1)
                    yield Batch(rows, batch.to_pandas(), [], batch.num_rows)
                start += batch.num_rows
                tell(size_bytes * start // total)
    except pyarrow.ArrowInvalid as error:
        raise InvalidInput(f"{source.path.name!r} is no Parquet file: {str(error)[:300]}") from error
