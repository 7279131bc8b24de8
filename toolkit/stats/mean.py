"""The arithmetic mean of everything seen."""

from toolkit.stats.base import finite, not_enough

__all__ = ["Mean"]


class Mean:
    """Running arithmetic mean.

    Examples
    --------
    >>> mean = Mean()
    >>> for x in (1.0, 2.0, 6.0):
    ...     mean.update(x)
    >>> mean.get()
    3.0

    References
    ----------
    Welford (1962), "Note on a method for calculating corrected sums of squares and
    products", Technometrics 4.
    """

    __slots__ = ("_mean", "count")

    def __init__(self) -> None:
        self.count = 0
        self._mean = 0.0

    @property
    def ready(self) -> bool:
        """True from the first observation on."""
        return self.count > 0

    def update(self, x: float, /) -> None:
        """Take in one finite observation."""
        self.count += 1
        # Two quotients instead of a difference: huge values cannot overflow.
        self._mean += finite(x) / self.count - self._mean / self.count

    def get(self) -> float:
        """Return the mean.

        Raises
        ------
        NotEnoughDataError
            Nothing was observed.
        """
        if not self.count:
            raise not_enough(self, 0, 1)
        return self._mean
