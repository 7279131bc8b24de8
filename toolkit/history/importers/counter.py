"""How many different things an import met, counted without holding them in memory."""

import sqlite3
from collections.abc import Mapping, Sequence

__all__ = ["Tally"]

HOLD = 100_000
"""Things remembered in memory, about 20 MB, before they go to a temporary database."""


class Tally:
    """Counts distinct things by noun and by part; a thing met twice counts once.

    Beyond the first `HOLD` things, what was met lies in a private temporary database, so
    memory is bounded however much is imported. A thing belongs to the part that met it
    first.

    Examples
    --------
    >>> tally = Tally()
    >>> [tally.meet("batch", "b1", part=0, weight=weight) for weight in (1, 3, 2)]
    [False, True, True]
    >>> tally.meet("batch", "b2", part=1)
    False
    >>> tally.counts()["batch", 0], tally.counts()["batch", 1]
    ((1, 3, 1), (1, 1, 0))
    """

    def __init__(self, hold: int = HOLD) -> None:
        self._hold = hold
        self._met: dict[int, tuple[str, int, int]] = {}
        self._database: sqlite3.Connection | None = None

    def meet(self, noun: str, identity: str, *, part: int, weight: int = 1) -> bool:
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

        Returns
        -------
        bool
            Whether it was met before; `False` as well for one met long ago.
        """
        key = hash((noun, identity))
        before = self._met.get(key)
        if before is None:
            self._met[key] = (noun, part, weight)
            if len(self._met) > self._hold:
                self._spill()
        elif before[2] < weight:
            self._met[key] = (before[0], before[1], weight)
        return before is not None

    def meet_all(
        self,
        identities: Sequence[tuple[str, str]],
        weights: Sequence[int],
        *,
        part: int,
    ) -> list[bool]:
        """Note several things by noun and identity; see `meet`."""
        held, again = self._met, []
        for identity, weight in zip(identities, weights, strict=True):
            key = hash(identity)
            if key in held:
                again.append(self.meet(*identity, part=part, weight=weight))
            else:
                held[key] = identity[0], part, weight
                again.append(False)
        if len(held) > self._hold:
            self._spill()
        return again

    def counts(self) -> Mapping[tuple[str, int], tuple[int, int, int]]:
        """Count by noun and part: things, their weights' sum, those heavier than 1."""
        if self._database is not None:
            self._spill()
            rows = self._database.execute(
                "SELECT noun, part, count(*), sum(weight), sum(weight > 1) FROM met "
                "GROUP BY noun, part"
            )
            return {(noun, part): tuple(counted) for noun, part, *counted in rows}
        counts: dict[tuple[str, int], tuple[int, int, int]] = {}
        for noun, part, weight in self._met.values():
            things, total, several = counts.get((noun, part), (0, 0, 0))
            counts[noun, part] = (things + 1, total + weight, several + (weight > 1))
        return counts

    def close(self) -> None:
        """Let go of the temporary database."""
        if self._database is not None:
            self._database.close()

    def _spill(self) -> None:
        if self._database is None:
            self._database = sqlite3.connect("")
            self._database.executescript(_SCHEMA)
        self._database.executemany(
            "INSERT INTO met VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
            "SET weight = max(weight, excluded.weight)",
            [(key, *thing) for key, thing in self._met.items()],
        )
        self._met.clear()


_SCHEMA = """
PRAGMA journal_mode=OFF;
CREATE TABLE met (id INTEGER PRIMARY KEY, noun TEXT, part INTEGER, weight INTEGER);
"""
