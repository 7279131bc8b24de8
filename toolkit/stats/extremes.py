"""The largest and the smallest of the last few observations."""

from collections import deque

from toolkit.stats.base import at_least, finite, not_enough

__all__ = ["RollingMaximum", "RollingMinimum"]


class RollingMaximum:
    """Largest of a window, in amortised O(1).

    Parameters
    ----------
    window : int
        How many observations are looked at, 1 or more.

    Examples
    --------
    >>> largest = RollingMaximum(window=2)
    >>> for x in (9.0, 1.0, 2.0):
    ...     largest.update(x)
    >>> largest.get()
    2.0
    """

    __slots__ = ("_falling", "_window", "count")

    def __init__(self, *, window: int) -> None:
        self._window = at_least("window", window, 1)
        # (ordinal, value), values strictly falling: the head is the largest.
        self._falling: deque[tuple[int, float]] = deque()
        self.count = 0

    @property
    def ready(self) -> bool:
        """True from the first observation on."""
        return self.count > 0

    def update(self, x: float, /) -> None:
        """Take in one finite observation; the oldest falls out of a full window."""
        finite(x)
        while self._falling and self._falling[-1][1] <= x:
            self._falling.pop()
        self._falling.append((self.count, x))
        self.count += 1
        if self._falling[0][0] < self.count - self._window:
            self._falling.popleft()

    def get(self) -> float:
        """Return the largest.

        Raises
        ------
        NotEnoughDataError
            Nothing was observed.
        """
        if not self._falling:
            raise not_enough(self, 0, 1)
        return self._falling[0][1]


class RollingMinimum(RollingMaximum):
    """Smallest of a window, in amortised O(1).

    Parameters
    ----------
    window : int
        How many observations are looked at, 1 or more.

    Examples
    --------
    >>> smallest = RollingMinimum(window=2)
    >>> for x in (0.0, 3.0, 2.0):
    ...     smallest.update(x)
    >>> smallest.get()
    2.0
    """

    __slots__ = ()

    def update(self, x: float, /) -> None:
        """Take in one finite observation; the oldest falls out of a full window."""
        super().update(-x)

    def get(self) -> float:
        """Return the smallest.

        Raises
        ------
        NotEnoughDataError
            Nothing was observed.
        """
        return -super().get()
