"""Rows of CSV, JSON-lines and Parquet files, plain or gzipped, in bounded memory."""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from toolkit.errors import InputDataError, MissingExtraError
from toolkit.history.importers.lines import (
    GZIP_MAGIC,
    UTF16_MARKS,
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
MOST_UNPACKED_BYTES = 2**30
"""Most that a gzipped Parquet file, which is read from its end, is unpacked to, and most
that a Parquet file may say is in it."""

UNPACK_BYTES = 2**20
DELIMITERS = ",;\t|"
SAID_DELIMITER = re.compile(r'"?sep=([^\r\n])"?[\r\n]*', re.IGNORECASE)

Rows = Iterator[tuple[int, dict[str, Any] | UnreadableLineError]]


def read_table(
    path: Path, *, encoding: str = "utf-8", delimiter: str | None = None
) -> tuple[Sequence[str] | None, Rows]:
    """Open a table by its suffix.

    Parameters
    ----------
    path : path
    encoding : str
        Of a CSV file.
    delimiter : str, optional
        Of a CSV file; by default the one that occurs most in its header line.

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
        return _csv(path, encoding, delimiter)
    raise InputDataError(
        "unknown format", file=path, fix=f"known endings are {', '.join(SUFFIXES)}"
    )


def _csv(
    path: Path, encoding: str, delimiter: str | None
) -> tuple[Sequence[str], Rows]:
    with _opened_text(path, encoding) as stream:
        try:
            head = stream.readline()
            skipped = 0
            if said := SAID_DELIMITER.fullmatch(head):  # for spreadsheets
                delimiter, skipped = delimiter or said[1], 1
                head = stream.readline()
            mark = delimiter or _delimiter(head)
            columns = next(csv.reader([head], delimiter=mark), [])
        except UnicodeError as error:
            raise _undecodable(path, encoding) from error
        except (csv.Error, EOFError, zlib.error, OSError) as error:
            raise InputDataError(f"not a CSV file: {error}", file=path) from error
    if not columns:
        raise InputDataError("no header line", file=path, fix="name the columns in it")
    return columns, _csv_rows(path, encoding, mark, skipped)


def _csv_rows(path: Path, encoding: str, delimiter: str, skipped: int) -> Rows:
    with _opened_text(path, encoding) as stream:
        for _ in range(skipped):
            stream.readline()
        reader = csv.DictReader(stream, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                number = reader.line_num + skipped
                if None in row:
                    yield (
                        number,
                        UnreadableLineError("more cells than the header names"),
                    )
                else:
                    yield number, row
        except UnicodeError as error:
            raise _undecodable(path, encoding) from error
        except (csv.Error, EOFError, zlib.error) as error:
            raise InputDataError(
                f"broken CSV after line {reader.line_num + skipped}: {error}", file=path
            ) from error


def _undecodable(path: Path, encoding: str) -> InputDataError:
    """Say which encoding a text may have that is not the one it was said to have."""
    with path.open("rb") as raw:
        begins = raw.read(4)
    likely = "cp1252"
    if begins[:2] in UTF16_MARKS:
        likely = "utf-16"
    elif b"\0" in begins:  # no mark: its first character says which half is first
        likely = "utf-16-be" if begins.startswith(b"\0") else "utf-16-le"
    return InputDataError(
        f'not {encoding}; write `encoding = "{likely}"` in the map if it is that',
        file=path,
    )


def _delimiter(head: str) -> str:
    """Take the delimiter that occurs most in the header line."""
    return max(DELIMITERS, key=head.count)


def _opened_text(path: Path, encoding: str) -> io.TextIOBase:
    """Open a text; the mark at the beginning of a UTF-8 file is no part of it."""
    plain = codecs.lookup(encoding).name
    name = "utf-8-sig" if plain == "utf-8" else encoding
    with path.open("rb") as raw:
        zipped = raw.read(2) == GZIP_MAGIC
    if zipped:
        return gzip.open(path, "rt", encoding=name, newline="")
    return path.open(encoding=name, newline="")


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
    with _opened_parquet(path) as table:
        columns = list(table.schema_arrow.names)
    return columns, _parquet_rows(path)


def _parquet_rows(path: Path) -> Rows:
    number = 0
    with _opened_parquet(path) as table:
        for batch in table.iter_batches(batch_size=BATCH_ROWS):
            columns = [_values(column) for column in batch.columns]
            for values in zip(*columns, strict=True):
                number += 1
                yield number, dict(zip(batch.schema.names, values, strict=True))


def _values(column: Any) -> list[Any]:
    """Read a column; a text that many rows share is held once, however long it is."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return list(column.to_pylist())
    texts = column.dictionary.to_pylist()
    return [None if i is None else texts[i] for i in column.indices.to_pylist()]


def _bounded(source: IO[bytes], path: Path) -> "pq.ParquetFile":
    """Open a Parquet file that does not expand to more than it may.

    Raises
    ------
    InputDataError
        It says that it holds more than `MOST_UNPACKED_BYTES`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    told = pq.ParquetFile(source)
    groups = range(told.metadata.num_row_groups)
    size = sum(told.metadata.row_group(group).total_byte_size for group in groups)
    if size > MOST_UNPACKED_BYTES:
        raise _too_large(path)
    texts = [
        field.name
        for field in told.schema_arrow
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    ]
    source.seek(0)
    return pq.ParquetFile(source, read_dictionary=texts)


def _too_large(path: Path) -> InputDataError:
    return InputDataError(
        f"more than {MOST_UNPACKED_BYTES:,} bytes inside",
        file=path,
        fix="cut it into several files, if it is to be trusted",
    )


def _unpacked(path: Path) -> IO[bytes]:
    """Unpack a gzipped file to a temporary one, up to a limit.

    Raises
    ------
    InputDataError
        It holds more than `MOST_UNPACKED_BYTES`.
    """
    target = TemporaryFile()  # noqa: SIM115 - Parquet is read from it later
    with gzip.open(path) as packed:
        while block := packed.read(UNPACK_BYTES):
            target.write(block)
            if target.tell() > MOST_UNPACKED_BYTES:
                target.close()
                raise _too_large(path)
    target.seek(0)
    return target


@contextmanager
def _opened_parquet(path: Path) -> Iterator["pq.ParquetFile"]:
    """Open a Parquet file; a gzipped one is unpacked to a temporary file."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError("reading Parquet", "research") from error
    with path.open("rb") as raw:
        zipped = raw.read(2) == GZIP_MAGIC
    try:
        with _unpacked(path) if zipped else path.open("rb") as source:
            yield _bounded(source, path)
    except (pa.ArrowInvalid, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputDataError(f"not a Parquet file: {error}", file=path) from error
