"""How often a row has been seen in its table, in bounded memory."""

import sqlite3
from collections import Counter

__all__ = ["Occurrences"]

HOLD = 200_000
"""Rows remembered in memory, about 20 MB, before they go to a temporary database."""


class Occurrences:
    """Counts how often a key came before.

    Parameters
    ----------
    hold : int
        Keys remembered in memory.

    Examples
    --------
    >>> seen = Occurrences(hold=1)
    >>> [seen.count(key) for key in "abaca"]
    [0, 0, 1, 0, 2]
    >>> seen.close()
    """

    def __init__(self, hold: int = HOLD) -> None:
        self._hold = hold
        self._held: Counter[str] = Counter()
        self._database: sqlite3.Connection | None = None

    def count(self, key: str) -> int:
        """Count the times that a key came before, and note this one."""
        before = self._held[key]
        self._held[key] += 1
        if self._database is not None:
            found = self._database.execute(
                "SELECT times FROM seen WHERE key = ?", [key]
            ).fetchone()
            before += found[0] if found else 0
        if len(self._held) > self._hold:
            self._spill()
        return before

    def close(self) -> None:
        """Let go of the temporary database."""
        if self._database is not None:
            self._database.close()

    def _spill(self) -> None:
        if self._database is None:
            self._database = sqlite3.connect("")
            self._database.execute("PRAGMA journal_mode=OFF")
            self._database.execute(
                "CREATE TABLE seen (key TEXT PRIMARY KEY, times INTEGER) WITHOUT ROWID"
            )
        self._database.executemany(
            "INSERT INTO seen VALUES (?, ?) ON CONFLICT DO UPDATE "
            "SET times = times + excluded.times",
            self._held.items(),
        )
        self._held.clear()
