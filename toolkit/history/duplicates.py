"""Batches that were recorded twice, by a hook and by a transcript, and where they differ.

A compaction keeps one record of the two. Before it does, it compares them here: so that
every batch is compared once, whatever came first, and the count stays.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from toolkit.errors import InputDataError
from toolkit.history.columns import (
    COMPLETENESS_SQL,
    lines_sql,
    named,
    parts_sql,
    valid_sql,
)
from toolkit.history.dataset import LocalDataset
from toolkit.history.engine import connect
from toolkit.history.snapshot import open_snapshot
from toolkit.records import ensure_file

__all__ = ["COMPARED", "Duplicates", "compare_duplicates", "read_duplicates"]

COMPARED = ("operation_type", "size", "calls", "succeeded", "failed", "cancelled")
"""Fields that both sides know exactly; times differ by how each side sees them."""

SOURCES = ("claude-code-hooks", "claude-code")
"""`source` of what the hooks recorded, and of what the transcripts record."""

NAME = "accounts.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """How the two accounts compare.

    Attributes
    ----------
    both : int
        Batches that both recorded.
    agree : int
        Of those, how many agree in every compared field.
    disagreements : dict of str to int
        How often each field differs.
    """

    both: int = 0
    agree: int = 0
    disagreements: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return asdict(self)


def compare_duplicates(
    root: Path, dataset: LocalDataset, sealed: Sequence[Path], *, sources: Sequence[str]
) -> None:
    """Compare the batches of some spool files with what else tells the same ones.

    Parameters
    ----------
    root : path
        Of the store; what was found is noted there, by batch, so that doing it again
        counts nothing twice.
    dataset : LocalDataset
    sealed : sequence of path
        Spool files that are about to be merged.
    sources : sequence of str
        The two accounts.
    """
    found = _compared(dataset, [str(path) for path in sealed], list(sources))
    if not found:
        return
    with closing(_open(root)) as noted, noted:
        noted.executemany("INSERT OR REPLACE INTO compared VALUES (?, ?)", found)


def read_duplicates(root: Path) -> Duplicates:
    """Count what has been compared in a store.

    Parameters
    ----------
    root : path
        The store's folder.

    Returns
    -------
    Duplicates
        Zero counts where nothing was compared.

    Raises
    ------
    InputDataError
        The file of comparisons is damaged.
    """
    if not (root / NAME).exists():
        return Duplicates()
    address = f"file:{quote(str(root / NAME))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=30)) as noted:
            rows = noted.execute(
                "SELECT differing, count(*) FROM compared GROUP BY differing"
            ).fetchall()
    except sqlite3.DatabaseError as error:
        raise InputDataError(
            f"cannot be read: {error}",
            file=root / NAME,
            fix="remove it; later compactions count again",
        ) from error
    counts: dict[str, int] = {}
    for differing, times in rows:
        for name in filter(None, differing.split(",")):
            counts[name] = counts.get(name, 0) + times
    return Duplicates(
        both=sum(times for _, times in rows),
        agree=sum(times for differing, times in rows if not differing),
        disagreements=dict(sorted(counts.items())),
    )


def _compared(
    dataset: LocalDataset, files: list[str], sources: list[str]
) -> list[tuple[str, str]]:
    """List batches that both accounts tell, with the names of the fields that differ."""
    kind = "batch"
    lines = lines_sql(files, [kind], strict=False)
    valid = f"(SELECT * FROM {lines} WHERE {valid_sql(kind)})"  # noqa: S608 - names come from the schema
    source = f"SELECT {named(kind)} FROM {valid}"  # noqa: S608 - names come from the schema
    with open_snapshot(dataset.root) as compacted:
        parts = parts_sql(kind, [str(part) for part in compacted.parts(kind)])
    source += (
        f" UNION ALL SELECT {named(kind)} FROM {parts} "  # noqa: S608 - names come from the schema
        f"SEMI JOIN {valid} USING (record_id)"
    )
    differing = ", ".join(
        f"CASE WHEN h.{name} IS DISTINCT FROM t.{name} THEN '{name}' END"
        for name in COMPARED
    )
    with connect() as connection:
        rows = connection.execute(
            f"""WITH copies AS (SELECT * FROM ({source}) WHERE source IN (?, ?)
            QUALIFY row_number() OVER (PARTITION BY record_id, source
              ORDER BY {COMPLETENESS_SQL[kind]} DESC) = 1)
            SELECT record_id, concat_ws(',', {differing})
            FROM copies AS h JOIN copies AS t USING (record_id)
            WHERE h.source = ? AND t.source = ? ORDER BY 1""",  # noqa: S608 - names come from the schema
            [*sources, *sources],
        ).fetchall()
    return [(str(name), str(fields)) for name, fields in rows]


def _open(root: Path) -> sqlite3.Connection:
    """Open the notes for writing; damaged ones are set aside and begun again."""
    path = root / NAME
    try:
        return _opened(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        path.replace(path.with_suffix(".damaged"))
        return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    ensure_file(path)
    noted = sqlite3.connect(path, timeout=30)
    try:
        noted.execute(
            "CREATE TABLE IF NOT EXISTS compared "
            "(record_id TEXT PRIMARY KEY, differing TEXT NOT NULL) WITHOUT ROWID"
        )
    except BaseException:
        noted.close()
        raise
    return noted
