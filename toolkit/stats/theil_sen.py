"""The slope of a short window that outliers do not move."""

from collections import deque
from collections.abc import Sequence
from operator import sub

from toolkit.stats.base import at_least, finite, not_enough
from toolkit.stats.quantile import quantile_of_sorted

__all__ = ["TheilSen", "theil_sen_slope"]


def theil_sen_slope(values: Sequence[float]) -> float:
    """Median of the slopes through all pairs of equally spaced values.

    Parameters
    ----------
    values : sequence of float
        Two or more, oldest first, one step apart.

    Returns
    -------
    float
        Change a step.

    Examples
    --------
    >>> theil_sen_slope([0.0, 1.0, 2.0, 3.0, 30.0])
    1.0
    """
    slopes: list[float] = []
    for lag in range(1, len(values)):
        share = 1.0 / lag
        slopes += [rise * share for rise in map(sub, values[lag:], values)]
    slopes.sort()
    return quantile_of_sorted(slopes, 0.5)


class TheilSen:
    """Theil-Sen line through a window of equally spaced observations.

    Taking in an observation is O(1); the slope is worked out when it is asked for, in
    O(window^2).

    Parameters
    ----------
    window : int
        How many observations are looked at, 2 or more.

    Examples
    --------
    >>> trend = TheilSen(window=20)
    >>> for x in (0.9, 0.8, 0.7, 0.6):
    ...     trend.update(x)
    >>> round(trend.get(), 9), round(trend.forecast(2), 9)
    (-0.1, 0.4)

    References
    ----------
    Sen (1968), "Estimates of the regression coefficient based on Kendall's tau",
    Journal of the American Statistical Association 63.
    """

    __slots__ = ("_kept", "count")

    def __init__(self, *, window: int) -> None:
        self._kept: deque[float] = deque(maxlen=at_least("window", window, 2))
        self.count = 0

    @property
    def ready(self) -> bool:
        """True from the second observation on."""
        return self.count > 1

    def update(self, x: float, /) -> None:
        """Take in one finite observation, one step after the one before."""
        self._kept.append(finite(x))
        self.count += 1

    def get(self) -> float:
        """Return the slope, in change a step.

        Raises
        ------
        NotEnoughDataError
            Fewer than two observations.
        """
        if not self.ready:
            raise not_enough(self, self.count, 2)
        return theil_sen_slope(list(self._kept))

    def forecast(self, steps: float) -> float:
        """Continue the line some steps past the newest observation.

        Parameters
        ----------
        steps : float
            How far ahead; 0 is the newest observation's place on the line.

        Raises
        ------
        NotEnoughDataError
            Fewer than two observations.
        """
        slope = self.get()
        return slope * (len(self._kept) - 1 + steps) + self._intercept(slope)

    def residuals(self) -> list[float]:
        """List the window's distances from the line, oldest first.

        Raises
        ------
        NotEnoughDataError
            Fewer than two observations.
        """
        slope = self.get()
        start = self._intercept(slope)
        return [x - (start + slope * place) for place, x in enumerate(self._kept)]

    def _intercept(self, slope: float) -> float:
        starts = sorted(x - slope * place for place, x in enumerate(self._kept))
        return quantile_of_sorted(starts, 0.5)
