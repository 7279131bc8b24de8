"""The share of observations that were true."""

from toolkit.stats.base import finite, not_enough

__all__ = ["Proportion"]


class Proportion:
    """Successes and trials.

    Examples
    --------
    >>> share = Proportion()
    >>> for held in (True, True, False, True):
    ...     share.update(held)
    >>> share.successes, share.count, share.get()
    (3, 4, 0.75)
    """

    __slots__ = ("count", "successes")

    def __init__(self) -> None:
        self.count = 0
        self.successes = 0

    @property
    def ready(self) -> bool:
        """True from the first trial on."""
        return self.count > 0

    def update(self, x: float, /) -> None:
        """Take in one trial: anything but 0 and `False` is a success."""
        self.successes += bool(finite(x))
        self.count += 1

    def get(self) -> float:
        """Return successes / trials, 0 to 1.

        Raises
        ------
        NotEnoughDataError
            Nothing was tried.
        """
        if not self.count:
            raise not_enough(self, 0, 1)
        return self.successes / self.count
