"""The median of the last few observations."""

from toolkit.stats.quantile import RollingQuantile

__all__ = ["RollingMedian"]


class RollingMedian(RollingQuantile):
    """Exact median over a window.

    Parameters
    ----------
    window : int
        How many observations are looked at, 1 or more.

    Examples
    --------
    >>> median = RollingMedian(window=10)
    >>> for x in (1.0, 9.0, 2.0, 4.0):
    ...     median.update(x)
    >>> median.get()
    3.0
    """

    __slots__ = ()

    def __init__(self, *, window: int) -> None:
        super().__init__(0.5, window=window)
