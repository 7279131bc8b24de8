"""Vegas: keep a small queue, measured from the least latency ever seen."""

import math

from toolkit.errors import UsageError
from toolkit.policies.controllers.base import SizeBounds, checked

__all__ = ["Vegas"]


class Vegas:
    """Grow while the estimated queue is short, shrink when it is long.

    The queue is `size * (1 - least latency / latency)`: by Little's law the operations
    that only wait. The size grows below `3 log10(size)`, shrinks above `6 log10(size)`
    or after a failure, and stays between.

    Parameters
    ----------
    bounds : SizeBounds
    probe_every : int
        Batches after which the least latency is forgotten, so that a machine that has
        become slower is noticed; at least 1.

    References
    ----------
    Brakmo, O'Malley and Peterson, *TCP Vegas: new techniques for congestion detection
    and avoidance*, SIGCOMM 1994; thresholds and step as in Netflix concurrency-limits'
    VegasLimit.

    Examples
    --------
    >>> controller = Vegas(SizeBounds(10, minimum=1, maximum=20))
    >>> controller.observe(1.0), controller.observe(3.0)
    (11, 9)
    """

    name = "vegas"

    def __init__(self, bounds: SizeBounds, *, probe_every: int = 300) -> None:
        if probe_every < 1:
            raise UsageError(f"`probe_every` must be at least 1 (got {probe_every})")
        self.bounds = bounds
        self.probe_every = probe_every
        self.limit = float(bounds.initial)
        self.least_s = math.inf
        self.since_probe = 0

    @property
    def size(self) -> int:
        """Size to use next."""
        return int(self.limit)

    def observe(self, latency_s: float, *, failures: int = 0) -> int:
        """Estimate the queue and step; see `Controller`."""
        checked(latency_s, failures)
        self.since_probe += 1
        if self.since_probe > self.probe_every:
            self.since_probe, self.least_s = 1, math.inf
        self.least_s = min(self.least_s, latency_s)
        # At size 1 the logarithm is 0, so the step is at least one whole operation.
        step = max(1.0, math.log10(self.limit))
        queue = self.limit * (1 - self.least_s / latency_s)
        if failures > 0 or queue > max(1.0, 6 * math.log10(self.limit)):
            self.limit = self.bounds.clipped(self.limit - step)
        elif queue < max(1.0, 3 * math.log10(self.limit)):
            self.limit = self.bounds.clipped(self.limit + step)
        return self.size
