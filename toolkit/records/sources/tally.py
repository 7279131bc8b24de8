"""How many different things an import met, counted without holding them in memory."""

import sqlite3
from collections.abc import Mapping

__all__ = ["Tally"]

FLUSH_ROWS = 2000
"""Rows held back before they are written together."""


class Tally:
    """Counts distinct things by noun and by part; a thing met twice counts once.

    What was met lies in a private temporary database, so memory stays the same however
    much is imported. A thing belongs to the part that met it first.

    Examples
    --------
    >>> tally = Tally()
    >>> for weight in (1, 3, 2):
    ...     tally.meet("batch", "b1", part=0, weight=weight)
    >>> tally.meet("batch", "b2", part=1)
    >>> tally.counts()["batch", 0], tally.counts()["batch", 1]
    ((1, 3, 1), (1, 1, 0))
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.executescript(_SCHEMA)
        self._rows: list[tuple[int, str, int, int]] = []

    def meet(self, noun: str, identity: str, *, part: int, weight: int = 1) -> None:
        """Note a thing; of several weights the largest counts.

        Parameters
        ----------
        noun : str
            What it is, for instance `batch`.
        identity : str
            Equal for two copies of one thing.
        part : int
            Which part of the import met it.
        weight : int
            How many it holds, for instance the calls of a batch.
        """
        self._rows.append((hash((noun, identity)), noun, part, weight))
        if len(self._rows) >= FLUSH_ROWS:
            self._flush()

    def counts(self) -> Mapping[tuple[str, int], tuple[int, int, int]]:
        """Count by noun and part: things, their weights' sum, those heavier than 1."""
        self._flush()
        rows = self._database.execute(
            "SELECT noun, part, count(*), sum(weight), sum(weight > 1) FROM met "
            "GROUP BY noun, part"
        )
        return {(noun, part): (n, total, many) for noun, part, n, total, many in rows}

    def close(self) -> None:
        """Let go of the temporary database."""
        self._database.close()

    def _flush(self) -> None:
        self._database.executemany(
            "INSERT INTO met VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
            "SET weight = max(weight, excluded.weight)",
            self._rows,
        )
        self._rows.clear()


_SCHEMA = """
PRAGMA journal_mode=OFF;
CREATE TABLE met (id INTEGER PRIMARY KEY, noun TEXT, part INTEGER, weight INTEGER);
"""
