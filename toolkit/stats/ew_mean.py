"""An exponentially weighted mean."""

from toolkit.errors import UsageError
from toolkit.stats.base import finite, not_enough

__all__ = ["EWMean", "decay_of"]


def decay_of(half_life: float) -> float:
    """Turn a half-life in observations into the factor that each new one applies.

    Raises
    ------
    UsageError
        The half-life is not positive.

    Examples
    --------
    >>> decay_of(1)
    0.5
    """
    if not half_life > 0:
        raise UsageError(f"`half_life` must be above 0 observations, got {half_life}")
    return float(0.5 ** (1.0 / half_life))


class EWMean:
    """Mean in which an observation counts half as much every `half_life` later ones.

    The weights are normalised, so the first observation has no more say than its age
    gives it: `sum(q^(n-i) x_i) / sum(q^(n-i))` with `q = 0.5^(1/half_life)`.

    Parameters
    ----------
    half_life : float
        In observations, above 0.

    Examples
    --------
    >>> mean = EWMean(half_life=1)
    >>> for x in (0.0, 3.0):
    ...     mean.update(x)
    >>> mean.get()
    2.0
    """

    __slots__ = ("_decay", "_total", "_weight", "count")

    def __init__(self, *, half_life: float) -> None:
        self._decay = decay_of(half_life)
        self.count = 0
        self._total = 0.0
        self._weight = 0.0

    @property
    def ready(self) -> bool:
        """True from the first observation on."""
        return self.count > 0

    def update(self, x: float, /) -> None:
        """Take in one finite observation."""
        self._total = self._total * self._decay + finite(x)
        self._weight = self._weight * self._decay + 1.0
        self.count += 1

    def get(self) -> float:
        """Return the weighted mean.

        Raises
        ------
        NotEnoughDataError
            Nothing was observed.
        """
        if not self.count:
            raise not_enough(self, 0, 1)
        return self._total / self._weight
