"""Gradient2: compare the latency with its own long average."""

import math

from toolkit.errors import UsageError
from toolkit.policies.controllers.base import SizeBounds, checked

__all__ = ["Gradient2"]

LEAST_GRADIENT = 0.5
"""One batch may at most halve the size, before smoothing."""
WARM_UP = 10
"""Batches averaged plainly before the long window begins."""
FORGET = 0.95
"""Pulls a long average down that an outlier left at more than twice the latency."""


class Gradient2:
    """Shrink in proportion to how much latency has risen above its average.

    The next limit is `limit * gradient + headroom`, smoothed, where the gradient is
    `tolerance * average latency / latency`, between 0.5 and 1, and the headroom is the
    square root of the limit. The average also learns latency that the controller
    itself caused, so under steady saturation the size creeps up, the faster the
    shorter the window.

    Parameters
    ----------
    bounds : SizeBounds
    tolerance : float
        Rise of latency, at least 1, that is not yet overload.
    window : int
        Batches over which latency is averaged, at least 2.
    smoothing : float
        Weight, above 0 and up to 1, of the newest limit.

    References
    ----------
    Netflix concurrency-limits, Gradient2Limit: tolerance 1.5, window 600 and smoothing
    0.2 are its defaults.

    Examples
    --------
    >>> controller = Gradient2(SizeBounds(10, minimum=1, maximum=20))
    >>> [controller.observe(latency) for latency in (1.0, 1.0, 9.0, 9.0, 9.0)]
    [10, 11, 11, 11, 11]
    """

    name = "gradient2"

    def __init__(
        self,
        bounds: SizeBounds,
        *,
        tolerance: float = 1.5,
        window: int = 600,
        smoothing: float = 0.2,
    ) -> None:
        if tolerance < 1 or window < 2 or not 0 < smoothing <= 1:
            raise UsageError(
                f"`tolerance` must be at least 1, `window` at least 2 and `smoothing` "
                f"in 0..1 (got {tolerance}, {window}, {smoothing})"
            )
        self.bounds = bounds
        self.tolerance = tolerance
        self.window = window
        self.smoothing = smoothing
        self.limit = float(bounds.initial)
        self.average_s = math.nan
        self.seen = 0

    @property
    def size(self) -> int:
        """Size to use next."""
        return int(self.limit)

    def observe(self, latency_s: float, *, failures: int = 0) -> int:
        """Follow the gradient; a failure counts as the steepest; see `Controller`."""
        checked(latency_s, failures)
        self._average(latency_s)
        rise = self.tolerance * self.average_s / latency_s
        gradient = LEAST_GRADIENT if failures else max(LEAST_GRADIENT, min(1.0, rise))
        aimed = self.limit * gradient + math.sqrt(self.limit)
        if failures:
            aimed = self.limit * gradient
        smoothed = self.limit * (1 - self.smoothing) + aimed * self.smoothing
        self.limit = self.bounds.clipped(smoothed)
        return self.size

    def _average(self, latency_s: float) -> None:
        """Average plainly over the first batches, then exponentially."""
        self.seen += 1
        if self.seen == 1:
            self.average_s = latency_s
            return
        warm = self.seen > WARM_UP
        weight = 2 / (self.window + 1) if warm else 1 / self.seen
        self.average_s += weight * (latency_s - self.average_s)
        if self.average_s > 2 * latency_s:
            self.average_s *= FORGET
