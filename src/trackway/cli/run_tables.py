"""Found runs as a file of one row a run, as other programs read it."""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Callable
from typing import Any, TextIO

from trackway.base.errors import NotSupported

_COMPUTED = re.compile(r"[=+\-@\t\r]")
"""What a text begins with that a spreadsheet computes."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def write_csv(arrow: bytes, out: TextIO) -> None:
    """Write rows of an Arrow stream as RFC 4180 has them, and no text that a spreadsheet would compute."""
    import nanoarrow as na
    from nanoarrow import ipc

    writer = csv.writer(out)
    with ipc.InputStream.from_readable(io.BytesIO(arrow)) as stream:
        rows = na.ArrayStream(stream)
        writer.writerow([_write_text(field.name) for field in rows.schema.fields])
        for row in rows.iter_tuples():
            writer.writerow([_write(value) for value in row])


def encode_csv(arrow: bytes) -> bytes:
    """Return an Arrow stream as CSV in UTF-8."""
    out = io.StringIO(newline="")
    write_csv(arrow, out)
    return out.getvalue().encode()


def encode_parquet(arrow: bytes) -> bytes:
    """Return an Arrow stream as Parquet.

    raises: NotSupported without pyarrow
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise NotSupported(
            "Parquet needs pyarrow, which is not installed", hint="pip install 'trackway[pandas]', or write a .csv"
        ) from error
    file = io.BytesIO()
    with pa.ipc.open_stream(arrow) as reader:
        pq.write_table(reader.read_all(), file)
    return file.getvalue()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    ".csv": encode_csv,
    ".parquet": encode_parquet,
    ".arrow": lambda arrow: arrow,
}
"""How a table is written, by how the name of its file ends."""


def _write(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds")
    return _write_text(value) if isinstance(value, str) else value


def _write_text(text: str) -> str:
    return f"'{text}" if _COMPUTED.match(text) and not _NUMBER.fullmatch(text) else text
