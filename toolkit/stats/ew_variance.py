"""An exponentially weighted variance."""

from toolkit.stats.base import finite, not_enough
from toolkit.stats.ew_mean import decay_of

__all__ = ["EWVariance"]


class EWVariance:
    """Weighted population variance with the weights of `EWMean`.

    Parameters
    ----------
    half_life : float
        In observations, above 0.

    Examples
    --------
    >>> variance = EWVariance(half_life=1)
    >>> for x in (0.0, 3.0):
    ...     variance.update(x)
    >>> variance.mean, variance.get()
    (2.0, 2.0)

    References
    ----------
    West (1979), "Updating mean and variance estimates: an improved method",
    Communications of the ACM 22.
    """

    __slots__ = ("_decay", "_mean", "_squares", "_weight", "count")

    def __init__(self, *, half_life: float) -> None:
        self._decay = decay_of(half_life)
        self.count = 0
        self._mean = 0.0
        self._squares = 0.0
        self._weight = 0.0

    @property
    def ready(self) -> bool:
        """True from the second observation on: one has no spread."""
        return self.count > 1

    @property
    def mean(self) -> float:
        """The weighted mean.

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
        self._weight = self._weight * self._decay + 1.0
        self._mean += away / self._weight
        self._squares = self._squares * self._decay + away * (x - self._mean)
        self.count += 1

    def get(self) -> float:
        """Return the weighted variance.

        Raises
        ------
        NotEnoughDataError
            Fewer than two observations.
        """
        if not self.ready:
            raise not_enough(self, self.count, 2)
        return self._squares / self._weight
