"""The Parquet dataset behind the spool: one file for each record kind and day.

A partition is replaced as a whole by an atomic rename, and the spool lines it was made
from are removed only afterwards, so a compaction that dies may be run again: merging
the same rows twice changes nothing. Of two copies of a record the fuller one is kept,
whatever the order they came in.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import MissingExtraError, NotEnoughDataError
from toolkit.records import ENUMS, KINDS, Record, Spool, field_rules

if TYPE_CHECKING:
    import duckdb

__all__ = ["Compaction", "Dataset", "KindCount", "Look"]

Look = Callable[[list[Path]], None]

COMPLETENESS_SQL = {
    "batch": "((coalesce(succeeded,0)+coalesce(failed,0)+coalesce(cancelled,0))"
    "*1000000+size)*128+(provenance = 'measured')::INT*64"
    "+(turn_id IS NOT NULL)::INT*16+(known_before IS NOT NULL)::INT*8"
    "+(cycle_s IS NOT NULL)::INT+(execution_s IS NOT NULL)::INT"
    "+(turn_s IS NOT NULL)::INT+(waiting_s IS NOT NULL)::INT"
    "+(operations_s IS NOT NULL)::INT+(longest_s IS NOT NULL)::INT"
    "+(median_s IS NOT NULL)::INT",
    "coordination": "(outcome <> 'unknown')::INT*2+(provenance = 'measured')::INT",
    "workflow": "(coalesce(runs_succeeded,0)+coalesce(runs_failed,0)"
    "+coalesce(runs_refused,0))*4"
    "+(makespan_s IS NOT NULL)::INT*2+(outcome <> 'unknown')::INT",
    "load": "0",
    "recovery": "(post_condition IS NOT NULL)::INT*2+(outcome <> 'unknown')::INT",
    "turn": "(coalesce(calls,0)*1000000000+coalesce(output_tokens,0))*4"
    "+(money_usd IS NOT NULL)::INT+(latency_s IS NOT NULL)::INT",
}
"""`Record.completeness` of each kind, as DuckDB sees it; a test holds them together."""

SQL_TYPES = {
    "str": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMPTZ",
    "Mapping[str, float]": "MAP(VARCHAR, DOUBLE)",
    "Mapping[str, str]": "MAP(VARCHAR, VARCHAR)",
    **dict.fromkeys(ENUMS, "VARCHAR"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """What one compaction did.

    Attributes
    ----------
    partitions : int
        Partitions written.
    rows : dict of str to int
        Rows in those partitions, by kind.
    spool_files : int
        Spool files merged and removed.
    """

    partitions: int
    rows: dict[str, int]
    spool_files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCount:
    """How many records there are of one kind, source and type.

    Attributes
    ----------
    kind, source, type_name, provenance : str
        `type_name` is the operation type of batches, else empty.
    first_day, last_day : str
        Days in UTC of the earliest and the latest, as `YYYY-MM-DD`.
    records : int
    """

    kind: str
    source: str
    type_name: str
    provenance: str
    first_day: str
    last_day: str
    records: int

    def to_json(self) -> dict[str, Any]:
        """Write the count as JSON types, in declared order."""
        return asdict(self)


class Dataset:
    """Parquet files under `root/kind=K/day=YYYY-MM-DD/part.parquet`.

    Parameters
    ----------
    root : path
        Created by the first compaction.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def compact(self, spool: Spool, *, look: Look | None = None) -> Compaction:
        """Merge everything the spool holds into the partitions it belongs to.

        Parameters
        ----------
        spool : Spool
        look : callable, optional
            Shown the spool's files before any of them is merged.
        """
        sealed = spool.seal()
        if sealed and look is not None:
            look(sealed)
        counts: dict[str, int] = {}
        partitions = 0
        if sealed:
            connection = connect()
            for kind in KINDS:
                for rows in self._merge(connection, kind, sealed):
                    partitions += 1
                    counts[kind] = counts.get(kind, 0) + rows
            connection.close()
        for path in sealed:
            path.unlink()
        return Compaction(partitions=partitions, rows=counts, spool_files=len(sealed))

    def days(self, kind: str) -> list[str]:
        """List the days of which there are records, in order."""
        return sorted(p.name[4:] for p in (self.root / f"kind={kind}").glob("day=*"))

    def files(self, kind: str, *, since: str = "", until: str = "9999") -> list[Path]:
        """List the partitions of a kind, from one day to another, both included."""
        return [
            self.root / f"kind={kind}" / f"day={day}" / "part.parquet"
            for day in self.days(kind)
            if since <= day <= until
        ]

    def count(self, kind: str) -> int:
        """Count the rows of a kind."""
        files = self.files(kind)
        if not files:
            return 0
        connection = connect()
        try:
            row = connection.execute(
                "SELECT count(*) FROM read_parquet(?)", [[str(f) for f in files]]
            ).fetchone()
        finally:
            connection.close()
        return int(row[0]) if row else 0

    def summary(self) -> list[KindCount]:
        """Count the records of every kind by source, type and provenance."""
        counts: list[KindCount] = []
        connection = connect()
        try:
            for kind in KINDS:
                files = [str(file) for file in self.files(kind)]
                if files:
                    rows = connection.execute(_summary_sql(kind), [files]).fetchall()
                    counts.extend(_kind_count(kind, row) for row in rows)
        finally:
            connection.close()
        return counts

    def scan(self, kind: str, *, size: int = 4096) -> Iterator[Record]:
        """Read the records of a kind in the order of their time, then of their id.

        Raises
        ------
        NotEnoughDataError
            The dataset has none.
        """
        files = self.files(kind)
        if not files:
            raise NotEnoughDataError(
                f"a scan of {kind} records", got=0, needed=1, unit="records"
            )
        connection = connect()
        names = column_names(kind)
        selected = ",".join(
            "strftime(\"at\" AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f+00:00')"
            if name == "at"
            else f'"{name}"'
            for name in names
        )
        cursor = connection.execute(
            f'SELECT {selected} FROM ({parquet_sql(kind)}) ORDER BY "at", record_id',  # noqa: S608 - names come from the schema
            [[str(file) for file in files]],
        )
        while rows := cursor.fetchmany(size):
            for values in rows:
                known = {
                    n: v for n, v in zip(names, values, strict=True) if v is not None
                }
                yield KINDS[kind].from_json(known)
        connection.close()

    def _merge(
        self, connection: "duckdb.DuckDBPyConnection", kind: str, sealed: list[Path]
    ) -> Iterator[int]:
        files = [str(path) for path in sealed]
        self._find_copies(connection, kind, files)
        days = connection.execute(
            f"SELECT DISTINCT {_DAY} FROM ({spool_sql(kind)}) "  # noqa: S608 - names come from the schema
            "UNION SELECT day FROM copies SEMI JOIN kept USING (record_id) ORDER BY 1",
            [files],
        ).fetchall()
        for (day,) in days:
            yield self._replace(connection, kind, str(day), files)

    def _find_copies(
        self, connection: "duckdb.DuckDBPyConnection", kind: str, files: list[str]
    ) -> None:
        """Find records whose copies lie on several days, and the day of the one kept.

        A hook and a transcript stamp one event a moment apart: near midnight these are
        two days, and two partitions.
        """
        names = ",".join(f'"{name}"' for name in column_names(kind))
        source = f"SELECT {names} FROM ({spool_sql(kind)})"  # noqa: S608 - names come from the schema
        values: list[Any] = [files]
        if parts := [str(part) for part in self.files(kind)]:
            source += (
                f" UNION ALL SELECT {names} FROM ({parquet_sql(kind)}) "  # noqa: S608 - names come from the schema
                f"SEMI JOIN ({spool_sql(kind)}) USING (record_id)"
            )
            values += [parts, files]
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE copies AS SELECT record_id, {_DAY} AS day, "  # noqa: S608 - names come from the schema
            f'{COMPLETENESS_SQL[kind]} AS fullness, "at" AS moment, r::VARCHAR AS shown '
            f"FROM ({source}) AS r",
            values,
        )
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE kept AS SELECT record_id, "
            "first(day ORDER BY fullness DESC, moment, shown) AS day FROM copies "
            "GROUP BY record_id HAVING count(DISTINCT day) > 1"
        )

    def _replace(
        self,
        connection: "duckdb.DuckDBPyConnection",
        kind: str,
        day: str,
        files: list[str],
    ) -> int:
        part = self.root / f"kind={kind}" / f"day={day}" / "part.parquet"
        part.parent.mkdir(parents=True, exist_ok=True)
        names = ",".join(f'"{name}"' for name in column_names(kind))
        source = f"SELECT {names} FROM ({spool_sql(kind)}) WHERE {_DAY} = ?"  # noqa: S608 - names come from the schema
        values: list[Any] = [files, day]
        if part.exists():
            source += f" UNION ALL BY NAME SELECT {names} FROM ({parquet_sql(kind)})"  # noqa: S608 - names come from the schema
            values.append([str(part)])
        draft = part.with_suffix(f".{os.getpid()}.tmp")
        connection.execute(
            f"""COPY (SELECT {names} FROM ({source}) AS r
            WHERE record_id NOT IN (SELECT record_id FROM kept WHERE day <> ?)
            QUALIFY row_number() OVER (PARTITION BY record_id
              ORDER BY {COMPLETENESS_SQL[kind]} DESC, "at", r::VARCHAR) = 1
            ORDER BY "at", record_id) TO '{_quoted(draft)}' (FORMAT parquet)""",  # noqa: S608 - names come from the schema
            [*values, day],
        )
        draft.replace(part)
        row = connection.execute(
            "SELECT count(*) FROM read_parquet(?)", [str(part)]
        ).fetchone()
        return int(row[0]) if row else 0


_DAY = "strftime(\"at\" AT TIME ZONE 'UTC', '%Y-%m-%d')"


def connect() -> "duckdb.DuckDBPyConnection":
    """Open an in-memory DuckDB that counts in UTC and stays within 2 GB."""
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError("the Parquet dataset", "research") from error
    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'; SET memory_limit='2GB'; SET threads=2")
    return connection


def column_names(kind: str) -> list[str]:
    """List the columns of a kind in the order of its fields."""
    return [declared.name for declared in fields(KINDS[kind])]


def column_types(kind: str) -> dict[str, str]:
    """Map the columns of a kind to their DuckDB types."""
    return {rule.name: SQL_TYPES[rule.type_name] for rule in field_rules(KINDS[kind])}


def _summary_sql(kind: str) -> str:
    type_name = "operation_type" if kind == "batch" else "''"
    return (
        f"SELECT source, {type_name}, provenance, min({_DAY}), max({_DAY}), count(*) "  # noqa: S608 - names come from the schema
        "FROM read_parquet(?) GROUP BY ALL ORDER BY ALL"
    )


def _kind_count(kind: str, row: tuple[Any, ...]) -> KindCount:
    source, type_name, provenance, first, last, records = row
    return KindCount(
        kind=kind,
        source=source,
        type_name=type_name,
        provenance=provenance,
        first_day=first,
        last_day=last,
        records=records,
    )


def spool_sql(kind: str) -> str:
    columns = ", ".join(f"\"{n}\": '{t}'" for n, t in column_types(kind).items())
    return (
        f"SELECT * EXCLUDE (kind) FROM read_json(?, format='newline_delimited', "  # noqa: S608 - names come from the schema
        f"columns={{kind: 'VARCHAR', {columns}}}, ignore_errors=true) "
        f"WHERE kind = '{kind}' AND record_id IS NOT NULL AND \"at\" IS NOT NULL"
    )


def parquet_sql(kind: str) -> str:
    """Select every column of a kind from partitions; those of version 1 lack some."""
    columns = ", ".join(
        f'NULL::{sql_type} AS "{name}"' for name, sql_type in column_types(kind).items()
    )
    return (
        f"SELECT {columns} WHERE false "  # noqa: S608 - names come from the schema
        "UNION ALL BY NAME SELECT * FROM read_parquet(?, union_by_name=true)"
    )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
