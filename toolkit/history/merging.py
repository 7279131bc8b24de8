"""Merging spool segments into a dataset's parts, in bounded memory.

The lines are staged as Parquet, kind by kind. For each kind, the staged rows and the
parts of the days that they touch are sorted by time as one stream, one copy of each
record, and cut at midnight: one file is open at a time, whatever the number of days.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputDataError, MissingExtraError
from toolkit.history.columns import (
    best_copies_sql,
    day_sql,
    lines_sql,
    named,
    parts_sql,
    valid_sql,
)
from toolkit.history.engine import quoted
from toolkit.history.generation import Generation, Part, folder_of
from toolkit.history.snapshot import check_of
from toolkit.history.sorting_out import Refused, sort_out
from toolkit.records import (
    KINDS,
    Segment,
    make_directory,
    private_mode,
    sync_directory,
)

if TYPE_CHECKING:
    import duckdb

__all__ = ["merge", "restage", "stage_valid"]

BATCH_ROWS = 20_000
GROUP_ROWS = 50_000
"""Rows of a day that are held before they are written as one row group."""


class UnreadableLinesError(Exception):
    """Some staged lines are no valid records; they must be sorted out one by one."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the rows of a kind come from: staged files and parts, with their days."""

    kind: str
    staged: list[str]
    parts: Mapping[str, str]


def stage(
    connection: "duckdb.DuckDBPyConnection", files: Sequence[Path], folder: Path
) -> dict[str, list[str]]:
    """Read spool files once, and write their rows as Parquet, by kind.

    Returns
    -------
    dict of str to list of str
        Staged files by kind.

    Raises
    ------
    UnreadableLinesError
        Not every line is a valid record.
    """
    import duckdb

    names = [str(path) for path in files]
    folder.mkdir()
    staged: dict[str, list[str]] = {}
    total = 0
    try:
        for kind in _kinds_in(connection, names):
            target = folder / f"{kind}.parquet"
            lines = lines_sql(names, [kind], strict=True)
            row = connection.execute(
                f"COPY (SELECT {named(kind)} FROM {lines} WHERE {valid_sql(kind)}) "  # noqa: S608 - names come from the schema
                f"TO {quoted(target)} (FORMAT parquet)"
            ).fetchone()
            total += int(row[0]) if row else 0
            staged[kind] = [str(target)]
    except (duckdb.DataError, duckdb.ProgrammingError) as error:
        raise UnreadableLinesError from error
    if total != sum(map(_count_lines, files)):
        raise UnreadableLinesError
    return staged


def stage_valid(
    connection: "duckdb.DuckDBPyConnection",
    segments: Sequence[Segment],
    work: Path,
    aside: Path,
) -> tuple[dict[str, list[str]], list[Refused]]:
    """Stage the lines; where some are no records, sort those out first.

    Parameters
    ----------
    connection : DuckDBPyConnection
    segments : sequence of Segment
    work : path
        Folder for what is staged.
    aside : path
        Folder for the lines that are no records.

    Returns
    -------
    staged : dict of str to list of str
        Files by kind.
    refused : list of Refused

    Raises
    ------
    InputDataError
        DuckDB cannot read what is valid.
    """
    try:
        return stage(connection, [s.path for s in segments], work / "staged"), []
    except UnreadableLinesError:
        shutil.rmtree(work / "staged", ignore_errors=True)
    clean, refused = sort_out(segments, work, aside)
    try:
        return stage(connection, clean, work / "staged"), refused
    except UnreadableLinesError as error:
        raise InputDataError(
            "valid records that DuckDB cannot read",
            file=segments[0].path,
            fix="report it with the file's first lines",
        ) from error


def restage(
    connection: "duckdb.DuckDBPyConnection",
    kind: str,
    parts: Sequence[str],
    target: Path,
) -> str:
    """Stage parts of an older schema with the columns of today's."""
    connection.execute(
        f"COPY (SELECT {named(kind)} FROM {parts_sql(kind, parts)}) "  # noqa: S608 - names come from the schema
        f"TO {quoted(target)} (FORMAT parquet)"
    )
    return str(target)


def merge(
    connection: "duckdb.DuckDBPyConnection",
    root: Path,
    kind: str,
    staged: Sequence[str],
    before: Generation,
) -> tuple[dict[str, Part], int]:
    """Write the parts of one kind that some staged rows change.

    Parameters
    ----------
    connection : DuckDBPyConnection
    root : path
        Of the dataset.
    kind : str
    staged : sequence of str
        Parquet files with rows to merge.
    before : Generation
        In force now; its parts are whole.

    Returns
    -------
    parts : dict of str to Part
        By day, all days of the kind.
    rows : int
        In the parts that were written.
    """
    parts = dict(before.parts.get(kind, {}))
    paths = {
        day: str(folder_of(root, kind, day) / part.name) for day, part in parts.items()
    }
    days = _touched_days(connection, _Source(kind, list(staged), paths))
    touched = [day for day in days if day >= before.since]
    old = [paths[day] for day in touched if day in paths]
    rows = _sorted_rows(connection, kind, staged, old)
    for day in touched:
        parts.pop(day, None)
    total = 0
    for day, table in _days(rows):
        if day < before.since:
            continue
        folder = folder_of(root, kind, day)
        name = f"part-{before.number + 1:08d}.parquet"
        total += _write_part(folder / name, table)
        parts[day] = Part(
            name=name,
            size=(folder / name).stat().st_size,
            check=check_of(folder / name),
        )
    return parts, total


def _kinds_in(
    connection: "duckdb.DuckDBPyConnection", files: Sequence[str]
) -> list[str]:
    """List the kinds that some lines hold, so that each is read for its columns only.

    Reading the columns of all kinds at once takes ten times as long: most are missing
    in every line.
    """
    lines = lines_sql(files, [], strict=True)
    rows = connection.execute(f"SELECT DISTINCT kind FROM {lines}").fetchall()  # noqa: S608 - our own text
    found = {kind for (kind,) in rows}
    return [kind for kind in KINDS if kind in found]


def _count_lines(path: Path) -> int:
    """Count the lines of a file that hold something."""
    with path.open("rb") as stream:
        return sum(bool(line.strip()) for line in stream)


def _touched_days(
    connection: "duckdb.DuckDBPyConnection", source: _Source
) -> list[str]:
    """List the days of the staged rows, and those of their copies in the parts.

    A hook and a transcript stamp one event a moment apart: near midnight these are two
    days, and two parts.
    """
    staged = f"read_parquet([{', '.join(map(quoted, source.staged))}])"
    days = f"SELECT DISTINCT {day_sql()} AS day FROM {staged}"  # noqa: S608 - names come from the schema
    if source.parts:
        listed = ", ".join(map(quoted, source.parts.values()))
        days += (
            f' UNION SELECT DISTINCT {day_sql()} FROM (SELECT record_id, "at" '  # noqa: S608 - names come from the schema
            f"FROM read_parquet([{listed}], hive_partitioning=false)) "
            f"SEMI JOIN {staged} USING (record_id)"
        )
    return [str(day) for (day,) in connection.execute(f"{days} ORDER BY 1").fetchall()]


def _sorted_rows(
    connection: "duckdb.DuckDBPyConnection",
    kind: str,
    staged: Sequence[str],
    parts: Sequence[str],
) -> Any:
    """Stream one copy of each record by time, then id, with its day behind it."""
    source = f"read_parquet([{', '.join(map(quoted, staged))}])"
    if parts:
        source = (
            f"(SELECT {named(kind)} FROM {source} UNION ALL "  # noqa: S608 - names come from the schema
            f"SELECT {named(kind)} FROM {parts_sql(kind, parts)})"
        )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE copied AS SELECT record_id FROM {source} "  # noqa: S608 - names come from the schema
        "GROUP BY record_id HAVING count(*) > 1"
    )
    if connection.execute("SELECT 1 FROM copied LIMIT 1").fetchone():
        copies = f"(SELECT * FROM {source} SEMI JOIN copied USING (record_id))"  # noqa: S608 - names come from the schema
        source = (
            f"(SELECT {named(kind)} FROM {source} ANTI JOIN copied USING (record_id) "  # noqa: S608 - names come from the schema
            f"UNION ALL SELECT * FROM {best_copies_sql(kind, copies)})"
        )
    return connection.execute(
        f"SELECT {named(kind)}, (\"at\" AT TIME ZONE 'UTC')::DATE AS day "  # noqa: S608 - names come from the schema
        f'FROM {source} ORDER BY "at", record_id'
    ).to_arrow_reader(BATCH_ROWS)


def _days(reader: Any) -> Iterator[tuple[str, Iterator[Any]]]:
    """Cut a stream of rows, sorted by time, at midnight."""
    yield from groupby(_slices(reader), key=lambda piece: piece[0])


def _slices(reader: Any) -> Iterator[tuple[str, Any]]:
    import numpy as np

    for batch in reader:
        days = batch.column(batch.num_columns - 1).to_numpy(zero_copy_only=False)
        rows = batch.select(range(batch.num_columns - 1))
        cuts = [0, *(np.flatnonzero(days[1:] != days[:-1]) + 1).tolist(), len(days)]
        for start, end in pairwise(cuts):
            if end > start:
                yield str(days[start])[:10], rows.slice(start, end - start)


def _write_part(path: Path, pieces: Iterator[tuple[str, Any]]) -> int:
    """Write one day's rows; the file and its name are on disk when this returns."""
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise MissingExtraError("the Parquet dataset", "research") from error
    make_directory(path.parent)
    mode = private_mode(path.parent)
    path.unlink(missing_ok=True)  # a compaction that died may have left it
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    total = 0
    with open(descriptor, "wb") as stream:  # noqa: PTH123 - of a descriptor
        os.fchmod(descriptor, mode)
        writer = None
        held: list[Any] = []
        for _, piece in pieces:
            writer = writer or ParquetWriter(stream, piece.schema)
            held.append(piece)
            total += piece.num_rows
            if sum(one.num_rows for one in held) >= GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(held))
                held.clear()
        if writer is not None:
            if held:
                writer.write_table(pa.Table.from_batches(held))
            writer.close()
        stream.flush()
        os.fsync(descriptor)
    sync_directory(path.parent)
    return total
