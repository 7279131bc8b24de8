"""Rows of CSV, JSON-lines and Parquet files, plain or gzipped, in bounded memory."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputDataError, MissingExtraError
from toolkit.records.sources.lines import (
    UnreadableLineError,
    decode_object,
    read_lines,
)

if TYPE_CHECKING:
    import pyarrow.parquet as pq

__all__ = ["SUFFIXES", "read_table"]

SUFFIXES = (
    ".csv",
    ".csv.gz",
    ".jsonl",
    ".jsonl.gz",
    ".ndjson",
    ".parquet",
    ".parquet.gz",
)
BATCH_ROWS = 4096
DELIMITERS = ",;\t|"
GZIP_MAGIC = b"\x1f\x8b"

Rows = Iterator[tuple[int, dict[str, Any] | UnreadableLineError]]


def read_table(path: Path) -> tuple[Sequence[str] | None, Rows]:
    """Open a table by its suffix.

    Returns
    -------
    columns : sequence of str or None
        The columns' names; `None` for JSON lines, each of which names its own.
    rows : iterator of (int, dict)
        Each with its line (CSV, JSON lines) or number (Parquet), from 1.

    Raises
    ------
    InputDataError
        An unknown format, or a file that is not what its suffix says.
    """
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".parquet"):
        return _parquet(path)
    if name.endswith((".jsonl", ".ndjson")):
        return None, _json_lines(path)
    if name.endswith((".csv", ".tsv")):
        return _csv(path)
    raise InputDataError(
        "unknown format", file=path, fix=f"known endings are {', '.join(SUFFIXES)}"
    )


def _csv(path: Path) -> tuple[Sequence[str], Rows]:
    stream = _opened_text(path)
    try:
        head = stream.readline()
        stream.seek(0)
        reader = csv.DictReader(stream, delimiter=_delimiter(head), strict=True)
        columns = list(reader.fieldnames or [])
    except (csv.Error, UnicodeDecodeError, EOFError, zlib.error, OSError) as error:
        stream.close()
        raise InputDataError(f"not a CSV file: {error}", file=path) from error
    if not columns:
        stream.close()
        raise InputDataError("no header line", file=path, fix="name the columns in it")
    return columns, _csv_rows(reader, stream, path)


def _csv_rows(reader: "csv.DictReader[str]", stream: io.TextIOBase, path: Path) -> Rows:
    with stream:
        try:
            for row in reader:
                yield reader.line_num, {k: v for k, v in row.items() if k is not None}
        except (csv.Error, UnicodeDecodeError, EOFError, zlib.error) as error:
            raise InputDataError(
                f"broken CSV after line {reader.line_num}: {error}", file=path
            ) from error


def _delimiter(head: str) -> str:
    """Take the delimiter that occurs most in the header line."""
    return max(DELIMITERS, key=head.count)


def _opened_text(path: Path) -> io.TextIOBase:
    with path.open("rb") as raw:
        zipped = raw.read(2) == GZIP_MAGIC
    if zipped:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _json_lines(path: Path) -> Rows:
    for number, line in read_lines(path):
        if line is None:
            yield number, UnreadableLineError("longer than a line may be")
        elif line.strip():
            try:
                yield number, decode_object(line)
            except UnreadableLineError as error:
                yield number, error


def _parquet(path: Path) -> tuple[Sequence[str], Rows]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("reading Parquet", "research") from error
    with path.open("rb") as raw:
        zipped = raw.read(2) == GZIP_MAGIC
    try:
        # Parquet is read from its end, so a gzipped one has to be unpacked whole.
        source: Any = (
            pa.BufferReader(gzip.decompress(path.read_bytes())) if zipped else path
        )
        table = pq.ParquetFile(source)
    except (pa.ArrowInvalid, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputDataError(f"not a Parquet file: {error}", file=path) from error
    return list(table.schema_arrow.names), _parquet_rows(table)


def _parquet_rows(table: "pq.ParquetFile") -> Rows:
    number = 0
    with table:
        for batch in table.iter_batches(batch_size=BATCH_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield number, row
