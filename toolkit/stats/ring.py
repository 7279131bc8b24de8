"""The last few observations, oldest first."""

from collections import deque
from collections.abc import Iterator

from toolkit.stats.base import at_least, finite, not_enough

__all__ = ["Ring"]


class Ring:
    """A window of fixed length over a stream.

    Parameters
    ----------
    window : int
        How many observations are kept, 1 or more.

    Examples
    --------
    >>> ring = Ring(window=2)
    >>> for x in (1.0, 2.0, 3.0):
    ...     ring.update(x)
    >>> list(ring), ring.get(), ring.count, len(ring)
    ([2.0, 3.0], 3.0, 3, 2)
    """

    __slots__ = ("_kept", "count")

    def __init__(self, *, window: int) -> None:
        self._kept: deque[float] = deque(maxlen=at_least("window", window, 1))
        self.count = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[float]:
        return iter(self._kept)

    @property
    def ready(self) -> bool:
        """True from the first observation on."""
        return self.count > 0

    @property
    def full(self) -> bool:
        """True once the window holds as many observations as it can."""
        return len(self._kept) == self._kept.maxlen

    def update(self, x: float, /) -> None:
        """Take in one finite observation; the oldest falls out of a full window."""
        self._kept.append(finite(x))
        self.count += 1

    def get(self) -> float:
        """Return the newest observation.

        Raises
        ------
        NotEnoughDataError
            Nothing was observed.
        """
        if not self._kept:
            raise not_enough(self, 0, 1)
        return self._kept[-1]
