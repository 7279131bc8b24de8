"""Usual gaps after each type of operation: how long a silence its work explains.

Only gaps above the floor are kept one by one; of the others a count is enough, since a
95th percentile below the floor is the floor.
"""

from bisect import insort

from toolkit.stats import quantile_of_sorted

__all__ = ["UsualGaps"]

QUANTILE = 0.95
ENOUGH_GAPS = 20
MOST_KEPT = 500
"""Long gaps kept of a type; then both counts are halved, so that old ones fade."""


class UsualGaps:
    """The 95th percentile of the gaps after each type of operation.

    A gap runs from the end of an operation to the agent's next one. The hot path counts
    each in `counts`, and calls `learn_long` for those above the floor.

    Parameters
    ----------
    floor_s, unknown_s : float
        Least answer, and the answer of a type with fewer than 20 gaps, in seconds.

    Examples
    --------
    >>> gaps = UsualGaps(floor_s=60.0, unknown_s=600.0)
    >>> gaps.allowance_s("build")
    600.0
    >>> gaps.counts["build"] = 40
    >>> for _ in range(40):
    ...     gaps.learn_long("build", 300.0)
    >>> gaps.allowance_s("build")
    300.0
    """

    __slots__ = ("_floor_s", "_long", "_unknown_s", "counts")

    def __init__(self, *, floor_s: float, unknown_s: float) -> None:
        self._floor_s = floor_s
        self._unknown_s = unknown_s
        self.counts: dict[str, int] = {}
        self._long: dict[str, list[float]] = {}

    def learn_long(self, operation: str, gap_s: float) -> None:
        """Keep a gap above the floor, in seconds."""
        kept = self._long.setdefault(operation, [])
        insort(kept, gap_s)
        if len(kept) > MOST_KEPT:
            del kept[::2]
            self.counts[operation] //= 2

    def allowance_s(self, operation: str) -> float:
        """Silence that is usual after a type of operation, in seconds."""
        count = self.counts.get(operation, 0)
        if count < ENOUGH_GAPS:
            return max(self._floor_s, self._unknown_s)
        kept = self._long.get(operation, [])
        beyond = len(kept) / count
        if beyond <= 1 - QUANTILE:
            return self._floor_s
        return quantile_of_sorted(kept, 1 - (1 - QUANTILE) / beyond)
