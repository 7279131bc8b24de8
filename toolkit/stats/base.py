"""What every streaming statistic promises: `update`, `get`, and honesty when empty."""

import math
from typing import Protocol, runtime_checkable

from toolkit.errors import NotEnoughDataError, UsageError

__all__ = ["Statistic"]


@runtime_checkable
class Statistic(Protocol):
    """One number that follows a stream of numbers in bounded memory.

    Attributes
    ----------
    count : int
        Observations taken in since the start, whatever the window.
    ready : bool
        Whether `get` has an answer. An empty statistic has none: it says so, and
        never answers 0, 1 or `None` for "unknown".
    """

    @property
    def count(self) -> int:
        """Observations taken in."""
        ...

    @property
    def ready(self) -> bool:
        """Whether `get` has an answer."""
        ...

    def update(self, x: float, /) -> None:
        """Take in one finite observation."""
        ...

    def get(self) -> float:
        """Return the current value, or raise `NotEnoughDataError`."""
        ...


def finite(x: float) -> float:
    """Return a finite number unchanged.

    Raises
    ------
    UsageError
        For NaN and the infinities, which would stay in a running sum for ever.

    Examples
    --------
    >>> finite(2)
    2
    """
    if not math.isfinite(x):
        raise UsageError(f"a statistic takes finite numbers, got {x}; drop it before")
    return x


def at_least(name: str, value: int, low: int) -> int:
    """Return a whole-number parameter that is large enough.

    Raises
    ------
    UsageError
        Naming the parameter.

    Examples
    --------
    >>> at_least("window", 3, 1)
    3
    """
    if value < low:
        raise UsageError(f"`{name}` must be {low} or more, got {value}")
    return value


def not_enough(statistic: object, got: int, needed: int) -> NotEnoughDataError:
    """Build the error of a statistic that has no answer yet.

    Examples
    --------
    >>> print(not_enough(1.5, 0, 1))
    not enough data for float: 0 observations, at least 1 needed
    """
    return NotEnoughDataError(
        type(statistic).__name__, got=got, needed=needed, unit="observations"
    )
