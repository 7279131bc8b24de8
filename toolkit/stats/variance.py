"""The sample variance of everything seen."""

from toolkit.stats.base import at_least, finite, not_enough

__all__ = ["Variance"]


class Variance:
    """Running variance, in the square of the unit of what is observed.

    Parameters
    ----------
    ddof : int
        Delta degrees of freedom: 1 (the default) for a sample, 0 for a population.

    Examples
    --------
    >>> variance = Variance()
    >>> for x in (1.0, 2.0, 6.0):
    ...     variance.update(x)
    >>> variance.mean, variance.get()
    (3.0, 7.0)

    References
    ----------
    Welford (1962), "Note on a method for calculating corrected sums of squares and
    products", Technometrics 4.
    """

    __slots__ = ("_mean", "_squares", "count", "ddof")

    def __init__(self, *, ddof: int = 1) -> None:
        self.ddof = at_least("ddof", ddof, 0)
        self.count = 0
        self._mean = 0.0
        self._squares = 0.0

    @property
    def ready(self) -> bool:
        """True with more observations than `ddof`."""
        return self.count > self.ddof

    @property
    def mean(self) -> float:
        """The mean that the squares are taken around.

        Raises
        ------
        NotEnoughDataError
            Nothing was observed.
        """
        if not self.count:
            raise not_enough(self, 0, 1)
        return self._mean

    def update(self, x: float, /) -> None:
        """Take in one finite observation."""
        away = finite(x) - self._mean
        self.count += 1
        self._mean += away / self.count
        self._squares += away * (x - self._mean)

    def get(self) -> float:
        """Return the variance.

        Raises
        ------
        NotEnoughDataError
            There are `ddof` observations or fewer.
        """
        if not self.ready:
            raise not_enough(self, self.count, self.ddof + 1)
        return self._squares / (self.count - self.ddof)
