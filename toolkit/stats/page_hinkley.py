"""A detector of a sudden, lasting drop."""

from toolkit.errors import UsageError
from toolkit.stats.base import at_least, finite, not_enough

__all__ = ["PageHinkley"]


class PageHinkley:
    """Page-Hinkley test for a fall of the mean.

    `m_t = max(0, m_(t-1) + mean_t - x_t - tolerance)`; it alarms when `m_t` exceeds
    `threshold`. This is the usual `sum - min(sum)`, written without the two sums that
    would grow for ever.

    Parameters
    ----------
    tolerance : float
        Fall below the mean that is not counted, in the unit of what is observed.
    threshold : float
        Accumulated fall that alarms, above 0.
    minimum : int
        Observations needed before it may alarm, 1 or more.

    Examples
    --------
    >>> drop = PageHinkley(tolerance=0.05, threshold=0.5, minimum=3)
    >>> for x in (0.9, 0.9, 0.9, 0.9, 0.2, 0.2):
    ...     drop.update(x)
    >>> drop.detected
    True

    References
    ----------
    Page (1954), "Continuous inspection schemes", Biometrika 41; Hinkley (1971),
    "Inference about the change-point from cumulative sum tests", Biometrika 58.
    """

    __slots__ = ("_fall", "_mean", "count", "minimum", "threshold", "tolerance")

    def __init__(self, *, tolerance: float, threshold: float, minimum: int) -> None:
        if not (tolerance >= 0 and threshold > 0):
            raise UsageError(
                f"`tolerance` must be 0 or more and `threshold` above 0, "
                f"got {tolerance} and {threshold}"
            )
        self.tolerance = tolerance
        self.threshold = threshold
        self.minimum = at_least("minimum", minimum, 1)
        self.count = 0
        self._mean = 0.0
        self._fall = 0.0

    @property
    def ready(self) -> bool:
        """True with `minimum` observations."""
        return self.count >= self.minimum

    @property
    def detected(self) -> bool:
        """Whether the accumulated fall is above the threshold."""
        return self.ready and self._fall > self.threshold

    @property
    def mean(self) -> float:
        """Mean of everything since the last reset.

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
        self.count += 1
        self._mean += (finite(x) - self._mean) / self.count
        self._fall = max(0.0, self._fall + self._mean - x - self.tolerance)

    def get(self) -> float:
        """Return the accumulated fall, 0 or more.

        Raises
        ------
        NotEnoughDataError
            Fewer than `minimum` observations.
        """
        if not self.ready:
            raise not_enough(self, self.count, self.minimum)
        return self._fall

    def reset(self) -> None:
        """Forget everything: after an alarm the new level is the one to watch."""
        self.count = 0
        self._mean = 0.0
        self._fall = 0.0
