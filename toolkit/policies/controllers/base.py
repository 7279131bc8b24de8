"""What an online controller is: it learns nothing but from the run it steers.

Controllers come from congestion control, where the size is a number of requests in
flight. They are peers of the learned policies, not baselines: they need no history,
follow a changing load, and pay for both with the tries they make.
"""

from typing import Protocol, runtime_checkable

from toolkit.errors import UsageError

__all__ = ["Controller", "SizeBounds"]


@runtime_checkable
class Controller(Protocol):
    """Steers one size from what each batch of that size showed."""

    @property
    def name(self) -> str:
        """What results call this controller."""
        ...

    @property
    def size(self) -> int:
        """Size to use next."""
        ...

    def observe(self, latency_s: float, *, failures: int = 0) -> int:
        """Learn from one batch, and return the size to use next.

        Parameters
        ----------
        latency_s : float
            Seconds one operation took among the others of its batch, above 0.
        failures : int
            Operations that failed or were cancelled, at least 0.

        Returns
        -------
        int
            At least `SizeBounds.minimum`, at most its maximum.
        """
        ...


class SizeBounds:
    """Keeps a real-valued limit inside bounds and shows it as a whole size.

    Parameters
    ----------
    initial, minimum, maximum : int
        1 <= minimum <= initial <= maximum.

    Raises
    ------
    UsageError
        The three are out of order.

    Examples
    --------
    >>> SizeBounds(4, minimum=1, maximum=8).clipped(9.7)
    8.0
    """

    def __init__(self, initial: int, *, minimum: int, maximum: int) -> None:
        if not 1 <= minimum <= initial <= maximum:
            raise UsageError(
                f"sizes must satisfy 1 <= minimum <= initial <= maximum "
                f"(got {minimum}, {initial}, {maximum})"
            )
        self.initial = initial
        self.minimum = minimum
        self.maximum = maximum

    def clipped(self, limit: float) -> float:
        """Bring a limit inside the bounds.

        Parameters
        ----------
        limit : float
            In operations; need not be whole.

        Returns
        -------
        float
        """
        return float(min(max(limit, self.minimum), self.maximum))


def checked(latency_s: float, failures: int) -> None:
    """Refuse an observation that cannot be one.

    Raises
    ------
    UsageError
        The latency is not a number above 0, or failures are negative.
    """
    if not 0 < latency_s < float("inf"):
        raise UsageError(f"`latency_s` must be above 0 and finite (got {latency_s})")
    if failures < 0:
        raise UsageError(f"`failures` must be at least 0 (got {failures})")
