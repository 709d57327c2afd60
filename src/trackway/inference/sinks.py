"""Where predictions go: a file that grows and can be cut back to what is known to be whole.

A sink is told what to write and says, at a checkpoint, how far its bytes are safe on the disk. After a crash it is
opened with that number, and what came later is gone.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from trackway.base.errors import NotSupported
from trackway.inference.readers import Format


class Sink(Protocol):
    """One output."""

    def write(self, table: Any) -> None:
        """Add the rows of a pandas table."""

    def checkpoint(self) -> int:
        """Bring what was written to the disk, and return the position to open it at again."""

    def finish(self, target: Path) -> None:
        """Give the whole of it its name; the sink is closed."""

    def close(self) -> None:
        """Let go of it; what was written since the last checkpoint may be lost."""


class BytesSink:
    """A file that bytes are added to; gzip as one member for each addition, which together are one file."""

    def __init__(self, path: Path, position: int, packed: bool = False) -> None:
        self._path = path
        self._packed = packed
        self._file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(position)
        self._file.seek(position)

    def add(self, data: bytes) -> None:
        self._file.write(gzip.compress(data, 6, mtime=0) if self._packed else data)

    def checkpoint(self) -> int:
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def finish(self, target: Path) -> None:
        self.checkpoint()
        self._file.close()
        self._path.replace(target)

    def close(self) -> None:
        self._file.close()


class TextSink(BytesSink):
    """CSV or JSON lines."""

    def __init__(self, path: Path, position: int, form: Format, packed: bool) -> None:
        super().__init__(path, position, packed)
        self._form = form
        self._begun = position > 0

    def write(self, table: Any) -> None:
        if self._form == "jsonl":
            self.add(table.to_json(orient="records", lines=True, date_format="iso", double_precision=15).encode())
        else:
            self.add(_to_csv(table, header=not self._begun))
        self._begun = True


class ParquetSink:
    """Parquet in pieces, one for each checkpoint, which become one file in the end."""

    def __init__(self, folder: Path, position: int) -> None:
        self._folder = folder
        self._pieces = position
        self._tables: list[Any] = []
        self._schema: Any = None
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if int(path.name.partition(".")[0]) >= position:
                path.unlink()

    def write(self, table: Any) -> None:
        self._tables.append(_import_pyarrow().Table.from_pandas(table, preserve_index=False))

    def checkpoint(self) -> int:
        if self._tables:
            pyarrow = _import_pyarrow()
            path = self._folder / f"{self._pieces:08}.parquet"
            pyarrow.parquet.write_table(pyarrow.concat_tables(self._tables, promote_options="permissive"), path)
            with path.open("rb") as file:
                os.fsync(file.fileno())
            self._tables = []
            self._pieces += 1
        return self._pieces

    def finish(self, target: Path) -> None:
        self.checkpoint()
        pyarrow = _import_pyarrow()
        paths = [self._folder / f"{piece:08}.parquet" for piece in range(self._pieces)]
        draft = self._folder.with_name("whole.parquet")
        if not paths:
            pyarrow.parquet.write_table(pyarrow.table({}), draft)
        elif len(paths) == 1:
            paths[0].replace(draft)
        else:
            schemas = [pyarrow.parquet.read_schema(path) for path in paths]
            schema = pyarrow.unify_schemas(schemas, promote_options="permissive")
            with pyarrow.parquet.ParquetWriter(draft, schema) as writer:
                for path in paths:
                    writer.write_table(pyarrow.parquet.read_table(path).cast(schema))
        draft.replace(target)
        shutil.rmtree(self._folder)

    def close(self) -> None:
        self._tables = []


def open_sink(folder: Path, position: int, form: Format, packed: bool) -> Sink:
    """Open an output below a working folder, at the position that its last checkpoint gave."""
    if form == "parquet":
        _import_pyarrow()
        return ParquetSink(folder / "pieces", position)
    return TextSink(folder / "output", position, form, packed)


def _to_csv(table: Any, *, header: bool) -> bytes:
    try:
        import pyarrow
        from pyarrow import csv

        options = csv.WriteOptions(include_header=header, quoting_style="needed")
        file = io.BytesIO()
        csv.write_csv(pyarrow.Table.from_pandas(table, preserve_index=False), file, options)
        return file.getvalue()
    except (ImportError, ValueError, TypeError, NotImplementedError):  # lists and dicts have no form there
        text: str = table.to_csv(index=False, header=header)
        return text.encode()


def _import_pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise NotSupported("Parquet needs pyarrow, which is not installed", hint="pip install pyarrow") from None
    return pyarrow
