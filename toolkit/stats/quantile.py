"""A quantile of the last few observations."""

from bisect import bisect_left, insort
from collections import deque

from toolkit.errors import UsageError
from toolkit.stats.base import at_least, finite, not_enough

__all__ = ["RollingQuantile", "quantile_of_sorted"]


def quantile_of_sorted(ordered: list[float], q: float) -> float:
    """Interpolate a quantile linearly between the two nearest order statistics.

    Type 7 of Hyndman and Fan (1996), numpy's default.

    Parameters
    ----------
    ordered : list of float
        Ascending, not empty.
    q : float
        0 to 1.

    Returns
    -------
    float

    Examples
    --------
    >>> quantile_of_sorted([1.0, 2.0, 4.0], 0.75)
    3.0
    """
    place = (len(ordered) - 1) * q
    below = int(place)
    share = place - below
    if share == 0.0:
        return ordered[below]
    low, high = ordered[below], ordered[below + 1]
    # Each product separately: `high - low` may overflow where the value does not.
    return low * (1.0 - share) + high * share if low != high else low


class RollingQuantile:
    """Exact quantile over a window, kept in order as the window moves.

    Parameters
    ----------
    q : float
        0 to 1; 0.5 is the median.
    window : int
        How many observations are looked at, 1 or more.

    Examples
    --------
    >>> quantile = RollingQuantile(0.5, window=3)
    >>> for x in (9.0, 1.0, 2.0, 4.0):
    ...     quantile.update(x)
    >>> quantile.get()
    2.0

    References
    ----------
    Hyndman and Fan (1996), "Sample quantiles in statistical packages", The American
    Statistician 50 (type 7).
    """

    __slots__ = ("_kept", "_ordered", "_window", "count", "q")

    def __init__(self, q: float, *, window: int) -> None:
        if not 0.0 <= q <= 1.0:
            raise UsageError(f"`q` must be within 0 to 1, got {q}")
        self.q = q
        self._window = at_least("window", window, 1)
        self._kept: deque[float] = deque()
        self._ordered: list[float] = []
        self.count = 0

    @property
    def ready(self) -> bool:
        """True from the first observation on."""
        return bool(self._ordered)

    def update(self, x: float, /) -> None:
        """Take in one finite observation; the oldest falls out of a full window.

        Parameters
        ----------
        x : float
        """
        insort(self._ordered, finite(x))
        self._kept.append(x)
        self.count += 1
        if len(self._kept) > self._window:
            oldest = self._kept.popleft()
            del self._ordered[bisect_left(self._ordered, oldest)]

    def get(self) -> float:
        """Return the quantile of the window.

        Returns
        -------
        float
            Of type 7, as `quantile_of_sorted` interpolates.

        Raises
        ------
        NotEnoughDataError
            Nothing was observed.
        """
        if not self._ordered:
            raise not_enough(self, 0, 1)
        return quantile_of_sorted(self._ordered, self.q)
