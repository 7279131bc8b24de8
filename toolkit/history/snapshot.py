"""One moment of a store, for reading: dataset and uncompacted tail together.

A snapshot is a generation of the dataset and the open spool segments behind it. It is
read as compaction would have merged it, without writing anything: a reader needs no
right to write. What it reads stays in place until it is closed.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from toolkit.errors import NotEnoughDataError
from toolkit.escaping import printable
from toolkit.history.columns import (
    best_copies_sql,
    column_names,
    day_sql,
    lines_sql,
    named,
    parts_sql,
    valid_sql,
)
from toolkit.history.engine import connect
from toolkit.history.generation import Generation, Part, folder_of, read_generation
from toolkit.history.wave_measures import has_runs_sql, measured_sql
from toolkit.records import KINDS, Record, Spool, open_regular

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["KindCount", "Snapshot", "open_snapshot"]

logger = logging.getLogger(__name__)
_reported: set[Path] = set()

READERS_NAME = ".readers"
CHECK_BYTES = 1 << 20


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


class Snapshot:
    """What a store held at one moment; made by `open_snapshot`.

    Parameters
    ----------
    root : path
        Of the dataset.
    generation : Generation
    tail : sequence of str
        Names of files of JSON lines that are not in the generation.

    Attributes
    ----------
    damaged : list of path
        Part files that are missing, cut or altered; they are left out.
    """

    def __init__(self, root: Path, generation: Generation, tail: Sequence[str]) -> None:
        self.root = root
        self.generation = generation
        self.damaged: list[Path] = []
        self._tail = list(tail)
        self._whole: dict[str, list[Path]] = {}

    def parts(self, kind: str) -> list[Path]:
        """List the part files of a kind that are whole, in order of their day.

        Parameters
        ----------
        kind : str
            One of `KINDS`.

        Returns
        -------
        list of path
            Damaged ones are left out, and noted in `damaged`.
        """
        if kind not in self._whole:
            self._whole[kind] = []
            for day, part in sorted(self.generation.parts.get(kind, {}).items()):
                folder = folder_of(self.root, kind, day)
                if _is_readable(folder, part):
                    self._whole[kind].append(folder / part.name)
                else:
                    self.damaged.append(folder / part.name)
                    report_damage(folder / part.name)
        return self._whole[kind]

    def attach(self, connection: "duckdb.DuckDBPyConnection", kind: str) -> str:
        """Make the records of a kind a view of a DuckDB connection.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
        kind : str
            One of `KINDS`.

        Returns
        -------
        str
            The view's name.
        """
        name = f"{kind}_records"
        parts = parts_sql(kind, [str(path) for path in self.parts(kind)])
        tail = self._staged_tail(connection, kind)
        source = f"SELECT * FROM {parts}"  # noqa: S608 - names come from the schema
        if tail is not None:
            source = _with_tail(kind, parts, tail)
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {source}")
        if kind == "workflow":
            return self._measured(connection, name)
        return name

    def _measured(self, connection: "duckdb.DuckDBPyConnection", waves: str) -> str:
        """Add to waves what the replies of their agents used, where that is recorded."""
        if not connection.execute(has_runs_sql(waves)).fetchone():
            return waves
        spawns = self.attach(connection, "coordination")
        turns = self.attach(connection, "turn")
        name = f"{waves}_measured"
        measured = measured_sql(waves, spawns, turns, column_names("workflow"))
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {measured}")
        return name

    def tail(
        self,
        connection: "duckdb.DuckDBPyConnection",
        kind: str,
        *,
        copies: "Callable[[pa.Table], pa.Table]",
    ) -> "pa.Table | None":
        """Read the uncompacted records of a kind, for an engine that reads the parts.

        Parameters
        ----------
        connection : DuckDBPyConnection
        kind : str
        copies : callable
            Gives what the parts hold of some records; it is called with their ids.

        Returns
        -------
        pyarrow.Table or None
            The record of each id that the tail holds, the fullest copy of tail and
            parts; `None` where the tail holds none.
        """
        tail = self._staged_tail(connection, kind)
        if tail is None:
            return None
        ids = connection.execute(f"SELECT DISTINCT record_id FROM {tail}")  # noqa: S608 - names come from the schema
        connection.register("held_in_parts", copies(ids.to_arrow_table()))
        both = (
            f"(SELECT {named(kind)} FROM {tail} UNION ALL "  # noqa: S608 - names come from the schema
            f"SELECT {named(kind)} FROM held_in_parts)"
        )
        best = connection.execute(
            f"SELECT {named(kind)} FROM {best_copies_sql(kind, both)}"  # noqa: S608 - names come from the schema
        )
        return best.to_arrow_table()

    def _staged_tail(
        self, connection: "duckdb.DuckDBPyConnection", kind: str
    ) -> str | None:
        """Read the tail's records of a kind into a table, where there are any."""
        if not self._tail:
            return None
        tail = f"{kind}_tail"
        lines = lines_sql(self._tail, [kind], strict=False)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {tail} AS "  # noqa: S608 - names come from the schema
            f"SELECT {named(kind)} FROM {lines} WHERE {valid_sql(kind)} "
            f"AND {day_sql()} >= '{self.generation.since}'"
        )
        found = connection.execute(f"SELECT 1 FROM {tail} LIMIT 1").fetchone()  # noqa: S608 - names come from the schema
        return tail if found else None

    def has(self, kind: str) -> bool:
        """Look whether there is a record of a kind.

        Parameters
        ----------
        kind : str
            One of `KINDS`.

        Returns
        -------
        bool
        """
        return bool(self._asked(kind, "SELECT 1 FROM {} LIMIT 1"))

    def count(self, kind: str) -> int:
        """Count the records of a kind.

        Parameters
        ----------
        kind : str
            One of `KINDS`.

        Returns
        -------
        int
        """
        return int(self._asked(kind, "SELECT count(*) FROM {}")[0][0])

    def days(self, kind: str) -> list[str]:
        """List the days of which there are records, in order.

        Parameters
        ----------
        kind : str
            One of `KINDS`.

        Returns
        -------
        list of str
            In UTC, as `2026-01-05`.
        """
        rows = self._asked(
            kind,
            f"SELECT DISTINCT {day_sql()} FROM {{}} ORDER BY 1",  # noqa: S608 - names come from the schema
        )
        return [str(day) for (day,) in rows]

    def summary(self) -> list[KindCount]:
        """Count the records of every kind by source, type and provenance.

        Returns
        -------
        list of KindCount
        """
        counts: list[KindCount] = []
        for kind in KINDS:
            type_name = "operation_type" if kind == "batch" else "''"
            rows = self._asked(
                kind,
                f"SELECT source, {type_name}, provenance, min({day_sql()}), "  # noqa: S608 - names come from the schema
                f"max({day_sql()}), count(*) FROM {{}} GROUP BY ALL ORDER BY ALL",
            )
            counts.extend(_kind_count(kind, row) for row in rows)
        return counts

    def scan(self, kind: str, *, size: int = 4096) -> Iterator[Record]:
        """Read the records of a kind in the order of their time, then of their id.

        Parameters
        ----------
        kind : str
            One of `KINDS`.
        size : int
            Rows fetched at once; more need more memory.

        Yields
        ------
        Record

        Raises
        ------
        NotEnoughDataError
            There are none.
        """
        names = column_names(kind)
        selected = ", ".join(
            "strftime(\"at\" AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f+00:00')"
            if name == "at"
            else f'"{name}"'
            for name in names
        )
        found = False
        with connect() as connection:
            cursor = connection.execute(
                f"SELECT {selected} FROM {self.attach(connection, kind)} "  # noqa: S608 - names come from the schema
                'ORDER BY "at", record_id'
            )
            while rows := cursor.fetchmany(size):
                found = True
                for values in rows:
                    pairs = zip(names, values, strict=True)
                    known = {n: v for n, v in pairs if v is not None}
                    yield KINDS[kind].from_json(known)
        if not found:
            raise NotEnoughDataError(
                f"a scan of {kind} records", got=0, needed=1, unit="records"
            )

    def _asked(self, kind: str, question: str) -> list[tuple[Any, ...]]:
        with connect() as connection:
            view = self.attach(connection, kind)
            return connection.execute(question.format(view)).fetchall()


@contextmanager
def open_snapshot(
    root: Path,
    spool: Spool | None = None,
    *,
    more: Callable[[], Sequence[int]] | None = None,
) -> Iterator[Snapshot]:
    """Open a snapshot of a dataset and its spool; what it reads stays until the end.

    Parameters
    ----------
    root : path
        Of the dataset; it need not exist.
    spool : Spool, optional
        Its lines that are not in the dataset are read as well.
    more : callable, optional
        Gives descriptors of open files with further lines.
    """
    with ExitStack() as stack:
        _hold(root, stack)
        generation = read_generation(root)
        tail = []
        if spool is not None:
            for _, descriptor in spool.opened(after=generation.merged):
                tail.append(os.dup(descriptor))
                stack.callback(os.close, tail[-1])
        if more is not None:
            tail.extend(more())
        names = [f"/dev/fd/{descriptor}" for descriptor in tail]
        yield Snapshot(root, generation, names)


def report_damage(path: Path) -> None:
    """Say once that a part file is damaged, and that the rest is served."""
    if path not in _reported:
        _reported.add(path)
        logger.warning(
            "%s is missing or damaged and left out; import its sources again",
            printable(str(path)),
        )


def is_unaltered(folder: Path, part: Part) -> bool:
    """Compare a part file with the size and the CRC-32 that its generation names."""
    if not part.is_whole(folder):
        return False
    return part.check is None or part.check == check_of(folder / part.name)


def _is_readable(folder: Path, part: Part) -> bool:
    try:
        return is_unaltered(folder, part)
    except OSError:
        return False  # left out of this reading only


def check_of(path: Path) -> int:
    """Compute the CRC-32 of a file."""
    check = 0
    with path.open("rb") as stream:
        while block := stream.read(CHECK_BYTES):
            check = crc32(block, check)
    return check


def _hold(root: Path, stack: ExitStack) -> None:
    """Keep compactions from removing what is being read; none waits for it."""
    with suppress(OSError):  # no compaction has been here, or it is not ours to open
        descriptor = open_regular(root / READERS_NAME, os.O_RDONLY)
        stack.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH)


def _with_tail(kind: str, parts: str, tail: str) -> str:
    """Write the records of parts and tail, one copy of each."""
    copies = (
        f"(SELECT {named(kind)} FROM {tail} UNION ALL "  # noqa: S608 - names come from the schema
        f"SELECT {named(kind)} FROM {parts} SEMI JOIN {tail} USING (record_id))"
    )
    return (
        f"SELECT {named(kind)} FROM {parts} ANTI JOIN {tail} USING (record_id) "  # noqa: S608 - names come from the schema
        f"UNION ALL SELECT {named(kind)} FROM {best_copies_sql(kind, copies)}"
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
