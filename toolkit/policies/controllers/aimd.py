"""Additive increase, multiplicative decrease."""

from toolkit.errors import UsageError
from toolkit.policies.controllers.base import SizeBounds, checked

__all__ = ["Aimd"]


class Aimd:
    """One more after each good batch, a share less after each bad one.

    A batch is bad when an operation failed or took longer than `timeout_s`. Converges
    to a saw-tooth below the size where things go wrong; without failures or a timeout
    that bites it climbs to the maximum.

    Parameters
    ----------
    bounds : SizeBounds
    timeout_s : float
        Latency above 0 that counts as overload.
    backoff : float
        Share, inside 0..1, that is left after overload.

    References
    ----------
    Chiu and Jain, *Analysis of the increase and decrease algorithms for congestion
    avoidance in computer networks*, Computer Networks 17 (1989); the backoff of 0.9 is
    the default of Netflix concurrency-limits' AIMDLimit.

    Examples
    --------
    >>> controller = Aimd(SizeBounds(10, minimum=1, maximum=20), timeout_s=2.0)
    >>> controller.observe(1.0), controller.observe(1.0, failures=1)
    (11, 9)
    """

    name = "aimd"

    def __init__(
        self, bounds: SizeBounds, *, timeout_s: float, backoff: float = 0.9
    ) -> None:
        if not timeout_s > 0 or not 0 < backoff < 1:
            raise UsageError(
                f"`timeout_s` must be above 0 and `backoff` inside 0..1 "
                f"(got {timeout_s}, {backoff})"
            )
        self.bounds = bounds
        self.timeout_s = timeout_s
        self.backoff = backoff
        self.limit = float(bounds.initial)

    @property
    def size(self) -> int:
        """Size to use next."""
        return int(self.limit)

    def observe(self, latency_s: float, *, failures: int = 0) -> int:
        """Grow by one, or shrink after overload; see `Controller`."""
        checked(latency_s, failures)
        overloaded = failures > 0 or latency_s > self.timeout_s
        # Whole sizes, so that a small limit shrinks at all.
        grown = int(self.limit * self.backoff) if overloaded else self.size + 1
        self.limit = self.bounds.clipped(grown)
        return self.size
